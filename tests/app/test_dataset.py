"""The Dataset panel by clicks and keys: looking through traverses, and choosing reference and query."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.views.dataset import DatasetView
from app.widgets.traverse_tree import badge
from app.window import MainWindow
from engine.frames.png import read_frame
from engine.places.ground_truth import save_ground_truth
from engine.places.index import IndexRow, write_index
from engine.places.workspace import Workspace
from tests.app.dataset_help import (
    LEFT,
    click_frame,
    click_traverse,
    make_workspace,
    name_of,
    open_dataset,
    press,
    traverses,
    wait,
)

SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "work")


@pytest.fixture
def view(window: MainWindow, qtbot: QtBot, place: Workspace) -> DatasetView:
    return open_dataset(qtbot, window, place)


def test_a_traverse_is_shown_with_its_frames_and_figures(view: DatasetView, place: Workspace) -> None:
    parts = view.parts
    assert traverses(view) == ["monday", "tuesday"] and view.current == name_of("monday")
    assert parts.title.text() == "monday" and "40 frames" in parts.summary.text() and "32 × 32 px" in parts.summary.text()
    frame = parts.inspector.view.frame
    assert frame is not None
    np.testing.assert_array_equal(frame, read_frame(name_of("monday").folder(place) / "image_0000.png"))
    assert int(parts.inspector.histogram.counts.sum()) == 32 * 32
    assert parts.grid.count == 40 and parts.film.slider.maximum() == 39
    assert parts.warnings.isVisible() and "few beside the 50 to 100" in parts.warnings.toolTip()


def test_a_click_in_the_tree_shows_another_traverse(view: DatasetView, qtbot: QtBot) -> None:
    click_traverse(qtbot, view, "tuesday")
    assert view.current == name_of("tuesday") and view.parts.title.text() == "tuesday"
    wait(qtbot, lambda: view.parts.inspector.view.caption.text().startswith("image_0000.png"))
    assert view.frames.number == 0


def test_finding_narrows_the_tree(view: DatasetView, qtbot: QtBot) -> None:
    tree = view.parts.tree
    qtbot.keyClicks(tree.search, "TUES")
    camera = tree.proxy.index(0, 0, tree.proxy.index(0, 0))
    assert tree.proxy.rowCount(camera) == 1 and tree.proxy.index(0, 0, camera).data() == "tuesday"
    tree.search.clear()
    assert tree.proxy.rowCount(tree.proxy.index(0, 0, tree.proxy.index(0, 0))) == 2


def test_a_thumbnail_is_shown_large_and_keys_go_on(view: DatasetView, qtbot: QtBot) -> None:
    click_frame(qtbot, view, 3)
    wait(qtbot, lambda: view.parts.inspector.view.caption.text().startswith("image_0003.png"))
    grid = view.grid
    assert grid.current == view.frames.number == 3 and view.parts.film.slider.value() == 3
    for key, number in (
        (Qt.Key.Key_Right, 4),
        (Qt.Key.Key_Down, 4 + grid.columns),
        (Qt.Key.Key_Left, 3 + grid.columns),
        (Qt.Key.Key_End, 39),
        (Qt.Key.Key_Right, 39),
        (Qt.Key.Key_Home, 0),
    ):
        qtbot.keyClick(grid, key)
        assert view.frames.number == number, key
    wait(qtbot, lambda: view.parts.inspector.view.caption.text().startswith("image_0000.png"))


def test_a_part_is_chosen_by_shift_or_by_dragging(view: DatasetView, qtbot: QtBot) -> None:
    click_frame(qtbot, view, 1)
    click_frame(qtbot, view, 4, SHIFT)
    assert view.grid.chosen == (1, 4) and view.parts.range.text() == "Frames 1 to 4 chosen"
    qtbot.keyClick(view.grid, Qt.Key.Key_Left, SHIFT)
    assert view.grid.chosen == (1, 3)
    qtbot.keyClick(view.grid, Qt.Key.Key_Escape)
    assert view.grid.chosen is None
    viewport, a, b = view.grid.viewport(), view.grid.cell(0).center(), view.grid.cell(2).center()
    qtbot.mousePress(viewport, LEFT, pos=a)
    qtbot.mouseMove(viewport, b)
    qtbot.mouseRelease(viewport, LEFT, pos=b)
    assert view.grid.chosen == (0, 2)
    click_frame(qtbot, view, 5)
    assert view.grid.chosen is None and view.frames.number == 5


def test_a_film_plays_steps_and_ends(view: DatasetView, qtbot: QtBot) -> None:
    film = view.parts.film
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Period)
    assert view.frames.number == 1
    qtbot.keyClick(view, Qt.Key.Key_Comma)
    assert view.frames.number == 0
    speed = float(film.speed.currentData())
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert float(film.speed.currentData()) > speed
    film.slider.setValue(30)
    assert view.frames.number == 30
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert film.playing
    wait(qtbot, lambda: not film.playing)
    assert view.frames.number == 39 and film.place.text() == "39 / 39"
    qtbot.mouseClick(film.play, LEFT)  # from the start again
    assert film.playing
    wait(qtbot, lambda: 0 < view.frames.number < 30)
    qtbot.mouseClick(film.play, LEFT)
    assert not film.playing


def test_use_as_reference_and_query(view: DatasetView, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(view.parts.use_reference, LEFT)
    click_traverse(qtbot, view, "tuesday")
    qtbot.mouseClick(view.parts.use_query, LEFT)
    chosen = window.session.selection
    assert (chosen.dataset, chosen.camera, chosen.reference, chosen.query) == ("street", "dvs", "monday", "tuesday")
    assert view.parts.use_query.text() == "Is the query" and not view.parts.use_query.isEnabled()
    assert view.parts.use_reference.isEnabled()
    model = view.parts.tree.model
    assert not model.data(model.index_of(name_of("monday")), Qt.ItemDataRole.DecorationRole).isNull()
    assert "reference" in model.data(model.index_of(name_of("monday")), Qt.ItemDataRole.ToolTipRole)
    assert badge("", view.tools.theme.colours) is None


def test_what_was_chosen_before_the_panel_was_opened_is_marked(window: MainWindow, place: Workspace, qtbot: QtBot) -> None:
    window.open_workspace(place.root)
    window.session.select(dataset="street", camera="dvs", reference="tuesday", query="monday")
    view = open_dataset(qtbot, window, place)
    model = view.parts.tree.model
    for traverse, role in (("tuesday", "reference"), ("monday", "query")):
        assert f"The {role}" in model.data(model.index_of(name_of(traverse)), Qt.ItemDataRole.ToolTipRole)
    assert view.current == name_of("tuesday")  # the reference is shown first


def test_the_network_s_grid_fits_the_frames_and_says_where_it_does_not(view: DatasetView, qtbot: QtBot) -> None:
    inspector = view.parts.inspector
    qtbot.mouseClick(
        inspector.show_grid, LEFT, pos=inspector.show_grid.rect().center() - inspector.show_grid.rect().center() / 1.2
    )
    assert inspector.row.isVisible() and inspector.dims.value() == (8, 8)  # the divisor of 32 nearest to 10
    inspector.cell.set_value("centre")
    inspector.cell.edited.emit()
    assert not inspector.view.picture._selected.path().isEmpty()
    inspector.dims.set_value((7, 7))
    inspector.dims.edited.emit()
    assert inspector.problem.isVisible() and "does not divide" in inspector.problem.text()
    assert inspector.view.picture._selected.path().isEmpty()


def test_the_pixel_under_the_mouse_is_named(view: DatasetView, qtbot: QtBot) -> None:
    inspector = view.parts.inspector
    caption = inspector.view.caption.text()
    inspector.view.picture.pointed.emit((3, 2))
    frame = inspector.view.frame
    assert frame is not None and inspector.view.caption.text().startswith(f"x 3, y 2: {int(frame[2, 3])} event")
    inspector.view.picture.pointed.emit(None)
    assert inspector.view.caption.text() == caption


def test_the_figures_of_all_traverses(view: DatasetView, qtbot: QtBot) -> None:
    view.parts.show_tab("Figures")
    facts = view.parts.facts
    assert facts.proxy.rowCount() == 2 and not view.parts.inspector.isVisible() and not view.parts.map.isVisible()
    titles = [facts.model.headerData(i, Qt.Orientation.Horizontal) for i in range(facts.model.columnCount())]
    assert {"Frames", "Window", "Events/px", "Silent", "Saturated", "Poses", "Warnings"} <= set(titles)
    assert "few beside the 50 to 100" in facts.warnings.text()
    at = QPoint(5, facts.table.rowViewportPosition(1) + 5)
    qtbot.mouseClick(facts.table.viewport(), LEFT, pos=at)
    assert view.current == name_of("tuesday") and facts.title.text() == "tuesday"
    press(qtbot, facts, "factsCheck")
    wait(qtbot, lambda: not view.tools.jobs.running)
    assert facts.measured.text() == "40 of 40 frames looked into"


@pytest.mark.parametrize(("link", "right"), [("share", 20), ("number", 20), ("truth", 12)])
def test_two_traverses_side_by_side(view: DatasetView, place: Workspace, qtbot: QtBot, link: str, right: int) -> None:
    truth = np.zeros((40, 40), np.uint8)
    truth[np.arange(8, 40), np.arange(0, 32)] = 1  # tuesday is eight frames behind monday
    save_ground_truth(place.ground_truth_file("street", "dvs", "monday", "tuesday"), truth)
    parts = view.parts
    parts.show_tab("Compare")
    assert parts.compare.other.currentText() == "tuesday"
    parts.compare.link.setCurrentIndex(parts.compare.link.findData(link))
    parts.compare.link.activated.emit(parts.compare.link.currentIndex())
    wait(qtbot, lambda: view.store.linked.link == link)
    parts.compare.left_slider.setValue(20)
    assert view.frames.number == 20 and view.frames.other_number == right
    wait(qtbot, lambda: parts.compare.right.caption.text().startswith(f"image_00{right}.png"))
    wait(qtbot, lambda: parts.compare.left.caption.text().startswith("image_0020.png"))
    parts.compare.right_slider.setValue(4)  # the other way round
    assert view.frames.other_number == 4 and view.frames.number == {"truth": 12}.get(link, 4)


def test_without_a_ground_truth_or_poses_it_is_said(view: DatasetView, qtbot: QtBot) -> None:
    view.parts.show_tab("Compare")
    link = view.parts.compare.link
    for kind, sentence in (("truth", "no ground truth of monday and tuesday"), ("place", "no poses")):
        link.setCurrentIndex(link.findData(kind))
        link.activated.emit(link.currentIndex())
        wait(qtbot, lambda sentence=sentence: sentence in view.parts.compare.note.text())
    link.setCurrentIndex(link.findData("number"))
    link.activated.emit(link.currentIndex())
    wait(qtbot, lambda: "frame 0 and frame 0" in view.parts.compare.note.text())


def test_a_frame_that_cannot_be_read_is_said_in_its_place(view: DatasetView, place: Workspace, qtbot: QtBot) -> None:
    (name_of("monday").folder(place) / "image_0007.png").write_bytes(b"no picture")
    view.frames.cache.forget()
    view.frames.go(7)
    wait(qtbot, lambda: "is not a PNG file" in view.parts.inspector.view.message.text())
    assert view.parts.inspector.view.message.isVisible() and len(view.parts.inspector.histogram.counts) == 0
    view.frames.go(8)
    wait(qtbot, lambda: view.parts.inspector.view.caption.text().startswith("image_0008.png"))


def test_a_traverse_that_cannot_be_opened_stays_in_the_tree(window: MainWindow, place: Workspace, qtbot: QtBot) -> None:
    place.index_file("monday").write_text("no index at all")
    window.open_workspace(place.root)
    window.show_panel("dataset")
    view = window.current_view
    assert isinstance(view, DatasetView)
    wait(qtbot, lambda: traverses(view) == ["monday", "tuesday"])
    click_traverse(qtbot, view, "monday")
    assert "needs the columns Image_name and index" in view.parts.summary.text()
    assert "needs the columns" in view.parts.inspector.view.message.text()
    click_traverse(qtbot, view, "tuesday")
    wait(qtbot, lambda: view.parts.inspector.view.frame is not None)


def test_an_empty_workspace_says_what_to_do(window: MainWindow, workspace: Path, qtbot: QtBot) -> None:
    window.open_workspace(workspace)
    window.show_panel("dataset")
    view = window.current_view
    assert isinstance(view, DatasetView)
    wait(qtbot, lambda: "no traverses in this workspace yet" in view.parts.card.text.text())
    assert view.parts.card.isVisible()
    press(qtbot, view.parts.card, "card_capture")
    assert window.current_view is not None and window.current_view.name == "capture"


def test_another_workspace_replaces_what_is_shown(view: DatasetView, window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    other = make_workspace(tmp_path / "other", ("friday",), 5)
    window.open_workspace(other.root)
    wait(qtbot, lambda: traverses(view) == ["friday"] and view.grid.count == 5)
    window.session.close()
    assert traverses(view) == [] and view.current is None


def test_what_was_looked_at_is_kept(open_window: Callable[..., MainWindow], place: Workspace, qtbot: QtBot) -> None:
    window = open_window()
    view = open_dataset(qtbot, window, place)
    click_traverse(qtbot, view, "tuesday")
    view.parts.larger.click()
    view.parts.inspector.set_inputs(view.parts.inspector.inputs.model_copy(update={"dims": (4, 4)}), True)
    window.stop_and_close()
    wait(qtbot, lambda: not window.isVisible())
    again = open_dataset(qtbot, open_window(), place)
    assert again.current == name_of("tuesday") and again.grid.side == 144
    assert again.parts.inspector.dims.value() == (4, 4) and again.parts.inspector.row.isVisible()


def test_the_panel_s_commands_stay_while_others_are_shown(view: DatasetView, window: MainWindow, qtbot: QtBot) -> None:
    count = len(view.actions())
    assert count == len(view.commands())
    for _ in range(2):
        window.show_panel("capture")
        window.show_panel("dataset")
    assert len(view.actions()) == count == len(window._panel_menu.actions())
    view.grid.setFocus()
    qtbot.keyClick(view.grid, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert window.session.selection.reference == "monday"


# -- 30,000 frames


@pytest.fixture
def long(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """monday has 30,000 frames of one pixel's brightness each; which files were read is remembered."""
    write_index_again(place, 30_000)
    read: list[str] = []

    def fake(path: Path) -> np.ndarray:
        read.append(path.name)
        return np.full((8, 8), int(path.stem.split("_")[1]) % 200, np.uint8)

    monkeypatch.setattr("app.frames_cache.read_frame", fake)
    return read


def write_index_again(place: Workspace, count: int) -> None:
    write_index(place.index_file("monday"), [IndexRow(f"image_{number:04d}.png", number) for number in range(count)])


def test_only_the_frames_on_the_screen_are_read_of_30_000(
    long: list[str], window: MainWindow, place: Workspace, qtbot: QtBot
) -> None:
    view = open_dataset(qtbot, window, place, facts=False)
    grid = view.grid
    assert grid.count == 30_000
    wait(qtbot, lambda: grid.painted_frames >= len(grid.visible_frames()))
    assert len(grid.visible_frames()) < 100 and len(set(long)) < 200
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert view.frames.number == 29_999 and 29_999 in grid.visible_frames()
    wait(qtbot, lambda: "image_29999.png" in long and view.parts.inspector.view.caption.text().startswith("image_29999.png"))
    bar = grid.verticalScrollBar()
    for share in np.linspace(0, 1, 60):
        bar.setValue(int(share * bar.maximum()))
        window.grab() if share == 0.5 else grid.viewport().repaint()
    last = grid.visible_frames()[-1]
    wait(qtbot, lambda: f"image_{last:04d}.png" in long)
    # Scrolling past did not make it read everything: what had left the screen was given up.
    assert len(set(long)) < 10_000 and grid.cache.used_bytes <= 64 * 2**20
    assert grid.frame_at(grid.cell(last).center()) == last
