"""The similarity matrix by mouse and keys."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.widgets.matrix_canvas import TRUTH_COLOUR, WRONG_COLOUR
from app.widgets.matrix_view import MatrixView
from tests.app.conftest import Picture

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def street(count: int = 60) -> np.ndarray:
    """A matrix that is alike along its diagonal."""
    apart = np.abs(np.arange(count)[:, None] - np.arange(count)[None])
    return np.exp(-((apart / 3) ** 2)) + 0.2 * np.random.default_rng(0).random((count, count))


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> MatrixView:
    made = MatrixView(theme)
    qtbot.addWidget(made)
    made.resize(620, 600)
    made.show()
    qtbot.waitExposed(made)
    made.set_matrix(street())
    return made


def colour_at(view: MatrixView, reference: int, query: int) -> QColor:
    place = view.place_of(reference, query)
    return QColor(view.grab().toImage().pixel(place))


def test_a_click_tells_the_cell_and_sets_the_cursor(view: MatrixView, qtbot: QtBot) -> None:
    for cell in ((0, 0), (17, 42), (59, 59)):
        with qtbot.waitSignals([view.cellClicked, view.cursorMoved]) as told:
            qtbot.mouseClick(view, LEFT, pos=view.place_of(*cell))
        assert all(tuple(signal.args) == cell for signal in told.all_signals_and_args)
        assert view.cursor_cell == cell
    assert view.accessibleDescription().startswith("reference 59, query 59: ")


def test_a_click_beside_the_matrix_tells_nothing(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(view.cellClicked):
        qtbot.mouseClick(view, LEFT, pos=QPoint(3, view.height() - 3))


def test_the_cell_under_the_mouse_is_told(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.cellHovered) as told:
        qtbot.mouseMove(view, view.place_of(5, 9))
    assert told.args == [(5, 9)]
    with qtbot.waitSignal(view.cellHovered) as told:
        qtbot.mouseMove(view, QPoint(3, 3))
    assert told.args == [None]


def test_keys_walk_zoom_and_fit(view: MatrixView, qtbot: QtBot) -> None:
    key = Qt.Key
    view.setFocus()
    qtbot.keyClick(view, key.Key_Right)
    assert view.cursor_cell == (0, 0)
    for pressed, modifier, cell in (
        (key.Key_Right, None, (0, 1)),
        (key.Key_Down, None, (1, 1)),
        (key.Key_Down, Qt.KeyboardModifier.ShiftModifier, (11, 1)),
        (key.Key_PageDown, None, (21, 1)),
        (key.Key_End, None, (21, 59)),
        (key.Key_Right, None, (21, 59)),
        (key.Key_Left, Qt.KeyboardModifier.ShiftModifier, (21, 49)),
        (key.Key_PageUp, None, (11, 49)),
        (key.Key_Home, None, (11, 0)),
        (key.Key_Up, None, (10, 0)),
    ):
        qtbot.keyClick(view, pressed, modifier or Qt.KeyboardModifier.NoModifier)
        assert view.cursor_cell == cell
    whole = view.canvas.seen()
    for _ in range(6):
        qtbot.keyClick(view, key.Key_Plus)
    assert view.canvas.seen() != whole
    qtbot.keyClick(view, key.Key_End)
    assert view.canvas.seen()[3] == 60  # the cursor was followed
    qtbot.keyClick(view, key.Key_F)
    assert view.canvas.seen() == whole


def test_the_wheel_zooms_about_the_mouse_and_dragging_moves(view: MatrixView, qtbot: QtBot) -> None:
    place = QPointF(view.place_of(20, 30))
    for _ in range(5):
        event = QWheelEvent(
            place, view.mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
    assert view.cell_at(place) == (20, 30)
    assert view.canvas.seen() != (0, 0, 60, 60)
    with qtbot.assertNotEmitted(view.cellClicked):
        qtbot.mousePress(view, LEFT, pos=place.toPoint())
        qtbot.mouseMove(view, place.toPoint() + QPoint(40, 25))
        qtbot.mouseRelease(view, LEFT, pos=place.toPoint() + QPoint(40, 25))
    assert view.cell_at(place + QPointF(40, 25)) == (20, 30)
    view.zoom(1e-6)
    assert view.canvas.seen() == (0, 0, 60, 60)
    qtbot.mouseDClick(view, LEFT, pos=place.toPoint())
    assert view.canvas.seen() == (0, 0, 60, 60)


def test_strokes_are_told_cell_by_cell_and_the_middle_button_still_moves(view: MatrixView, qtbot: QtBot) -> None:
    told: list[tuple[str, int, int]] = []
    view.strokeStarted.connect(lambda r, q: told.append(("start", r, q)))
    view.strokeMoved.connect(lambda r, q: told.append(("move", r, q)))
    view.strokeEnded.connect(lambda r, q: told.append(("end", r, q)))
    view.set_tool("draw")
    qtbot.mousePress(view, LEFT, pos=view.place_of(10, 10))
    qtbot.mouseMove(view, view.place_of(11, 12))
    qtbot.mouseMove(view, QPoint(view.width() + 50, view.height() + 50))  # past the edge: the last cell
    qtbot.mouseRelease(view, LEFT, pos=view.place_of(20, 30))
    assert told == [("start", 10, 10), ("move", 11, 12), ("move", 59, 59), ("end", 20, 30)]
    for _ in range(4):
        view.zoom(1.5)
    before = view.canvas.origin
    qtbot.mousePress(view, MIDDLE, pos=QPoint(300, 300))
    qtbot.mouseMove(view, QPoint(250, 260))
    qtbot.mouseRelease(view, MIDDLE, pos=QPoint(250, 260))
    assert view.canvas.origin != before and len(told) == 4


def test_truth_is_drawn_where_it_is_changed_and_nothing_else_is_drawn_anew(view: MatrixView, qtbot: QtBot) -> None:
    truth = np.zeros((60, 60), np.uint8)
    view.set_truth(truth, None, 1)
    before = colour_at(view, 40, 10)
    pixels = view.canvas.composed
    truth[40, 10] = 1
    view.truth_changed((40, 10, 41, 11))
    after = colour_at(view, 40, 10)
    assert after != before
    assert abs(after.red() - QColor(TRUTH_COLOUR).red()) < abs(before.red() - QColor(TRUTH_COLOUR).red())
    assert colour_at(view, 41, 10) != colour_at(view, 43, 10)  # the halo
    assert 0 < view.canvas.composed - pixels < 0.02 * view.width() * view.height()
    truth[40, 10] = 0
    view.truth_changed((40, 10, 41, 11))
    assert colour_at(view, 40, 10) == before


def test_a_matrix_of_another_size_forgets_what_was_marked(view: MatrixView) -> None:
    view.set_truth(np.eye(60, dtype=np.uint8))
    view.set_cursor(5, 5)
    view.set_matrix(street() * 2, keep_view=True)
    assert view.cursor_cell == (5, 5) and view.canvas.marks is not None and view.canvas.marks.truth is not None
    view.set_matrix(street(30))
    assert view.cursor_cell is None and view.canvas.marks is not None and view.canvas.marks.truth is None
    view.set_matrix(None)
    assert view.grab().toImage().width() == view.width() and view.cell_at(QPoint(100, 100)) is None


def test_a_large_matrix_is_coloured_in_the_background(view: MatrixView, qtbot: QtBot) -> None:
    matrix = np.random.default_rng(0).random((1500, 1600), np.float32)
    with qtbot.waitSignal(view.pictureReady, timeout=30_000):
        view.set_matrix(matrix)
        assert not view.coloured
    assert view.coloured
    view.set_matrix(matrix * 2)
    view.stop()  # as when the panel closes meanwhile
    assert not view.coloured


@THEMES
def test_pictures(view: MatrixView, theme: Theme, picture: Picture, colours: Colours, qtbot: QtBot) -> None:
    name = "dark" if colours.dark else "light"
    theme.choose("dark" if colours.dark else "light")
    truth = np.eye(60, dtype=np.uint8)
    mask = np.zeros(60, bool)
    mask[30:36] = True
    states = np.where(mask, 4, 0).astype(np.uint8)
    states[:12] = 1
    view.set_truth(truth, mask, 2)
    view.set_states(states)
    matches = np.arange(60)
    matches[[4, 20, 40]] = [50, 3, 9]
    view.set_matches(matches, matches == np.arange(60))
    view.set_points(((8, 8),))
    view.set_cursor(20, 20)
    far = picture(view, f"matrix-far-{name}")
    wrong = QColor(WRONG_COLOUR)
    assert QColor(far.pixel(view.place_of(9, 40))).red() > 200 and wrong.red() > 200
    view.zoom(2)
    near = picture(view, f"matrix-near-{name}")
    assert near != far
