"""The Ground truth panel by clicks and keys: choosing, drawing, judging, making, checking, saving, recovering."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.views.ground_truth import GroundTruthView
from app.window import MainWindow
from engine.cli import main as cli
from engine.places.ground_truth import load_ground_truth, save_ground_truth
from engine.places.lock import WorkspaceLock
from engine.places.truth.document import TruthDocument
from engine.places.truth.journal import Journal, journal_file
from engine.places.truth_details import read_details
from engine.places.workspace import Workspace
from tests.app.capture_help import choose, click, part
from tests.app.conftest import Picture, colours_of
from tests.places.truth.made import write_pair
from tests.waiting import PATIENCE_S

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
REFERENCE, QUERY = np.arange(5, 45, dtype=float), np.arange(10, 40, dtype=float)
TRUE = np.arange(5, 35)  # the reference that each query really matches
THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


@pytest.fixture
def open_window(open_window: Callable[..., MainWindow], qtbot: QtBot) -> Iterator[Callable[..., MainWindow]]:
    """A window with unsaved edits asks before it closes: these are closed without a question."""
    made: list[MainWindow] = []

    def make(*arguments: Any, **named: Any) -> MainWindow:
        made.append(open_window(*arguments, **named))
        return made[-1]

    yield make
    for window in made:
        if window.isVisible():
            window.stop_and_close()
            qtbot.waitUntil(lambda window=window: not window.isVisible(), timeout=round(1000 * PATIENCE_S))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_pair(tmp_path / "lab", REFERENCE, QUERY, located=True)
    return tmp_path / "lab"


def truth_file(lab: Path) -> Path:
    return Workspace.open(lab).ground_truth_file("street", "dvs", "monday", "tuesday")


def diagonal(shift: int = 0) -> np.ndarray:
    return np.eye(40, 30, k=-(5 + shift), dtype=np.uint8)


def wait_for(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=round(1000 * PATIENCE_S))


def show(qtbot: QtBot, window: MainWindow, lab: Path) -> GroundTruthView:
    """Open a workspace in the panel and wait for its matrix."""
    window.open_workspace(lab)
    window.show_panel("ground_truth")
    view = window.current_view
    assert isinstance(view, GroundTruthView)
    wait_for(qtbot, lambda: view.similarity is not None and view.parts.matrix.coloured)
    return view


@pytest.fixture
def view(window: MainWindow, lab: Path, qtbot: QtBot) -> GroundTruthView:
    save_ground_truth(truth_file(lab), diagonal())
    return show(qtbot, window, lab)


def matches(view: GroundTruthView) -> list[list[int]]:
    document = view.editor.document
    assert document is not None
    return [document.matches(query).tolist() for query in range(document.shape[1])]


def key(
    qtbot: QtBot, view: GroundTruthView, *keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    for pressed in keys:
        qtbot.keyClick(view.parts.matrix, pressed, modifier)


def drag(qtbot: QtBot, view: GroundTruthView, *cells: tuple[int, int]) -> None:
    matrix = view.parts.matrix
    places = [matrix.place_of(*cell) for cell in cells]
    qtbot.mousePress(matrix, LEFT, pos=places[0])
    for place in places[1:]:
        qtbot.mouseMove(matrix, place)
    qtbot.mouseRelease(matrix, LEFT, pos=places[-1])


def save(qtbot: QtBot, window: MainWindow, view: GroundTruthView) -> None:
    click(qtbot, window, "truthSave")
    wait_for(qtbot, lambda: not view.editor.dirty and not window.jobs.running)


# -- opening


def test_the_pair_with_a_ground_truth_is_opened_and_shown(window: MainWindow, view: GroundTruthView) -> None:
    chosen = window.session.selection
    assert (chosen.dataset, chosen.camera, chosen.reference, chosen.query) == ("street", "dvs", "monday", "tuesday")
    assert matches(view) == [[row] for row in TRUE]
    assert view.parts.matrix.cursor_cell == (5, 0)
    assert part(window, "truthState").text() == "saved" and not part(window, "truthSave").isEnabled()  # type: ignore[attr-defined]
    assert part(window, "truthPairTitle").text() == "Query 0, reference 5: a match"  # type: ignore[attr-defined]
    assert set(view.parts.map.routes) == {"monday", "tuesday"}
    assert view.parts.bar.background.currentText() == "Log + z-score"


def test_without_a_file_it_begins_empty_and_saving_makes_lens_file(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    view = show(qtbot, window, lab)
    assert matches(view) == [[]] * 30
    assert part(window, "truthState").text() == "no file yet"  # type: ignore[attr-defined]
    key(qtbot, view, Qt.Key.Key_L)
    drag(qtbot, view, (5, 0), (20, 15), (34, 29))
    assert matches(view) == [[row] for row in TRUE]
    save(qtbot, window, view)
    stored = np.load(truth_file(lab))
    assert stored.dtype == np.int64
    np.testing.assert_array_equal(stored, diagonal())
    assert not journal_file(truth_file(lab)).exists()
    assert part(window, "truthState").text() == "saved"  # type: ignore[attr-defined]


def test_another_pair_is_chosen_by_the_boxes_and_by_other_panels(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    choose(qtbot, view.parts.bar.query, "monday")
    wait_for(qtbot, lambda: view.opened is not None and view.opened.pair.query.name == "monday" and view.similarity is not None)
    document = view.editor.document
    assert document is not None and document.shape == (40, 40)
    window.session.select(reference="tuesday", query="monday")
    wait_for(qtbot, lambda: view.opened is not None and view.opened.pair.reference.name == "tuesday")
    assert view.parts.bar.chosen == ("street", "dvs", "tuesday", "monday")
    wait_for(qtbot, lambda: view.similarity is not None)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.eye(7), "is 7 x 7, but there are 40"),
        (np.full((40, 30), np.nan), "0 and 1 only"),
        (np.array([[print]], object), "cannot be read as a NumPy array"),
    ],
)
def test_a_file_that_does_not_fit_is_told_and_left_alone(
    window: MainWindow, lab: Path, qtbot: QtBot, array: np.ndarray, words: str
) -> None:
    np.save(truth_file(lab), array, allow_pickle=True)
    before = truth_file(lab).read_bytes()
    view = show(qtbot, window, lab)
    assert view.parts.problem.isVisible() and words in view.parts.problem.text.text()
    assert matches(view) == [[]] * 30
    click(qtbot, window, "truthProblem_anew")
    wait_for(qtbot, lambda: view.similarity is not None and not view.parts.problem.isVisible())
    assert truth_file(lab).read_bytes() == before


def test_an_empty_workspace_says_what_is_needed(window: MainWindow, workspace: Path, qtbot: QtBot) -> None:
    window.open_workspace(workspace)
    with qtbot.waitSignal(window.panelPainted):
        window.show_panel("ground_truth")
    view = window.current_view
    assert isinstance(view, GroundTruthView)
    assert "needs two traverses" in view.parts.matrix._empty
    assert not part(window, "truthSave").isEnabled() and not part(window, "tool_pencil").isEnabled()


def test_read_only_is_for_looking(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    save_ground_truth(truth_file(lab), diagonal())
    lock = WorkspaceLock.take(lab)
    try:
        view = show(qtbot, window, lab)
        assert part(window, "truthState").text() == "read-only"  # type: ignore[attr-defined]
        for name in ("tool_pencil", "truthSave", "truthConfirm", "truthUndo"):
            assert not part(window, name).isEnabled(), name
        assert "Read-only" in part(window, "tool_pencil").toolTip()
        key(qtbot, view, Qt.Key.Key_B, Qt.Key.Key_Space, Qt.Key.Key_C, Qt.Key.Key_X)
        key(qtbot, view, Qt.Key.Key_Down, modifier=CONTROL)
        drag(qtbot, view, (20, 3), (30, 9))
        assert matches(view) == [[row] for row in TRUE] and not view.editor.dirty
        click(qtbot, window, "truthNext")
        assert view.parts.matrix.cursor_cell[1] > 0  # type: ignore[index]
        part(window, "truthCheck")
    finally:
        lock.release()
    window.actions_by_name["try_writing"].trigger()
    wait_for(qtbot, lambda: part(window, "tool_pencil").isEnabled())


# -- drawing


def test_every_tool_by_mouse_and_undo_without_limit(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    states = [matches(view)]
    click(qtbot, window, "tool_pencil")
    drag(qtbot, view, (20, 2), (22, 4), (22, 6))
    states.append(matches(view))
    assert states[-1][2:7] == [[20], [21], [22], [22], [22]] and states[-1][7] == [12]
    click(qtbot, window, "truthAlone")
    drag(qtbot, view, (30, 2))
    assert matches(view)[2] == [20, 30]
    states.append(matches(view))
    click(qtbot, window, "truthAlone")
    click(qtbot, window, "tool_band")
    view.parts.strip.width_box.setValue(3)
    drag(qtbot, view, (10, 10), (12, 12))
    states.append(matches(view))
    assert states[-1][10:13] == [[9, 10, 11], [10, 11, 12], [11, 12, 13]]
    click(qtbot, window, "tool_eraser")
    drag(qtbot, view, (10, 10), (12, 12))
    states.append(matches(view))
    assert states[-1][10:13] == [[], [], []]
    click(qtbot, window, "tool_mask")
    drag(qtbot, view, (0, 20), (0, 24))
    document = view.editor.document
    assert document is not None and np.flatnonzero(document.mask).tolist() == [20, 21, 22, 23, 24]
    drag(qtbot, view, (0, 24), (0, 23))
    assert np.flatnonzero(document.mask).tolist() == [20, 21, 22]
    click(qtbot, window, "tool_anchor")
    drag(qtbot, view, (5, 0))
    drag(qtbot, view, (25, 20))
    assert document.anchors == ((5, 0), (25, 20))
    drag(qtbot, view, (25, 20))
    assert document.anchors == ((5, 0),)
    assert part(window, "truthState").text() == "● not saved"  # type: ignore[attr-defined]
    steps = view.editor.stack.count()
    assert steps == 9  # a stroke is one
    for _ in range(steps):
        click(qtbot, window, "truthUndo")
    assert matches(view) == states[0] and not document.mask.any() and document.anchors == ()
    assert not part(window, "truthUndo").isEnabled()
    assert part(window, "truthState").text() == "saved"  # type: ignore[attr-defined]
    assert not journal_file(view.editor.path).exists()  # type: ignore[arg-type]
    for state in states[1:]:
        qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL | SHIFT)
        assert matches(view) == state


def test_the_keyboard_alone_suffices(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    k = Qt.Key
    view.parts.matrix.setFocus()
    key(qtbot, view, k.Key_B)
    assert view.parts.strip.tools["pencil"].isChecked()
    key(qtbot, view, k.Key_Down, k.Key_Down, k.Key_Space)  # the cursor was on 5, 0
    assert matches(view)[0] == [7]
    key(qtbot, view, k.Key_L, k.Key_Space)
    for _ in range(4):
        key(qtbot, view, k.Key_Right)
    assert len(view.parts.matrix._guide) == 2
    key(qtbot, view, k.Key_Escape)
    assert view.parts.matrix._guide == () and matches(view)[1] == [6]
    key(qtbot, view, k.Key_Space, k.Key_Left, k.Key_Left, k.Key_Space)
    assert matches(view)[2:5] == [[7], [7], [7]]
    key(qtbot, view, k.Key_M, k.Key_Space)
    document = view.editor.document
    assert document is not None and document.mask[2]
    key(qtbot, view, k.Key_A, k.Key_Space)
    assert document.anchors == ((7, 2),)
    key(qtbot, view, k.Key_E, k.Key_Space)
    assert matches(view)[2] == []
    key(qtbot, view, k.Key_Escape)
    assert view.drawing.tool == "look"
    key(qtbot, view, k.Key_N, k.Key_C, k.Key_C, k.Key_P, k.Key_X)
    assert np.flatnonzero(document.confirmed).tolist() == [3] and np.flatnonzero(document.rejected).tolist() == [4]
    assert matches(view)[4] == [] and document.mask[4]
    key(qtbot, view, k.Key_Down, modifier=CONTROL)
    assert matches(view)[5] == [11] and view.parts.matrix.cursor_cell == (11, 5)
    key(qtbot, view, k.Key_Up, k.Key_Up, modifier=CONTROL)
    assert matches(view)[5] == [9]
    key(qtbot, view, k.Key_S, modifier=CONTROL)
    wait_for(qtbot, lambda: not view.editor.dirty and not window.jobs.running)
    details = read_details(view.editor.path)  # type: ignore[arg-type]
    assert details is not None and details.masked == (2, 4) and details.confirmed == (3,) and details.anchors == ((7, 2),)


def test_frames_words_and_map_follow_the_cursor(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    qtbot.mouseClick(view.parts.matrix, LEFT, pos=view.parts.matrix.place_of(20, 9))
    assert view.parts.pair.title.text() == "Query 9, reference 20: 6 off (match 14)"
    pair = view.opened.pair  # type: ignore[union-attr]
    wait_for(qtbot, lambda: view.parts.pair.query.frame is not None and view.parts.pair.reference.frame is not None)
    np.testing.assert_array_equal(view.parts.pair.query.frame, pair.query.frames()[9])
    np.testing.assert_array_equal(view.parts.pair.reference.frame, pair.reference.frames()[20])
    assert view.parts.map.marks == {("tuesday", "query"): 9, ("monday", "match"): 20, ("monday", "true"): 14}
    view.parts.map.frameClicked.emit("tuesday", 12)
    assert view.parts.matrix.cursor_cell == (17, 12)
    view.parts.map.frameClicked.emit("monday", 3)
    assert view.parts.matrix.cursor_cell == (3, 12)


def test_the_tolerance_is_a_halo_and_no_edit(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    marks = view.parts.matrix.canvas.marks
    assert marks is not None and marks.flags is not None
    before = np.count_nonzero(marks.flags.levels[0])
    view.parts.foot.tolerance.setFocus()
    qtbot.keyClick(view.parts.foot.tolerance, Qt.Key.Key_Up)
    assert view.parts.foot.tolerance.value() == 4 and not view.editor.dirty
    assert np.count_nonzero(marks.flags.levels[0]) == before + 2 * 30
    choose(qtbot, view.parts.foot.unit, "m")  # the references are 10 m apart: 4 m reach none but the match itself
    assert marks.flags is not None and np.count_nonzero(marks.flags.levels[0]) == 30
    view.parts.foot.tolerance.setValue(21)
    assert marks.flags is not None and np.count_nonzero(marks.flags.levels[0]) == 5 * 30 and not view.editor.dirty
    key(qtbot, view, Qt.Key.Key_B)
    drag(qtbot, view, (20, 3))
    assert np.flatnonzero(marks.flags.levels[0][:, 3]).tolist() == [18, 19, 20, 21, 22]


# -- making


def propose(qtbot: QtBot, window: MainWindow, view: GroundTruthView, way: str) -> None:
    view.parts.show_tab("Make")
    choose(qtbot, view.parts.make.way, way)
    click(qtbot, window, "truthPropose")
    wait_for(qtbot, lambda: not view.proposals.busy)


def test_a_proposal_is_shown_first_and_can_be_dropped_used_and_undone(
    window: MainWindow, view: GroundTruthView, qtbot: QtBot
) -> None:
    before = matches(view)
    view.parts.make.forms["poses"].set_values({"radius_m": 12.0})
    propose(qtbot, window, view, "From poses")
    assert view.parts.proposal.isVisible() and "30 queries have a match" in view.parts.proposal.text.text()
    assert matches(view) == before
    click(qtbot, window, "truthProposal_drop")
    assert not view.parts.proposal.isVisible() and view.proposals.proposal is None
    propose(qtbot, window, view, "From poses")
    click(qtbot, window, "truthProposal_use")
    assert matches(view)[3] == [7, 8, 9]
    qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)
    assert matches(view) == before


def test_confirmed_queries_outlive_a_proposal(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    view.parts.matrix.setFocus()
    key(qtbot, view, Qt.Key.Key_C)  # query 0
    propose(qtbot, window, view, "By numbers")
    key(qtbot, view, Qt.Key.Key_U)
    assert matches(view)[0] == [5] and matches(view)[29] == [39]


def test_anchors_and_alignment_make_the_way(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    view = show(qtbot, window, lab)
    view.parts.show_tab("Make")
    choose(qtbot, view.parts.make.way, "From anchors")
    assert not part(window, "truthPropose").isEnabled()
    key(qtbot, view, Qt.Key.Key_A)
    drag(qtbot, view, (7, 2))
    drag(qtbot, view, (30, 25))
    assert "2 anchors are set" in part(window, "truthAnchorCount").text()  # type: ignore[attr-defined]
    propose(qtbot, window, view, "From anchors")
    click(qtbot, window, "truthProposal_use")
    assert matches(view)[2:26] == [[row] for row in TRUE[2:26]]
    document = view.editor.document
    assert document is not None and np.flatnonzero(~document.mask).tolist() == list(range(2, 26))
    propose(qtbot, window, view, "By alignment")
    click(qtbot, window, "truthProposal_use")
    assert np.abs(np.array([rows[0] for rows in matches(view)]) - TRUE).max() <= 1 and not document.mask.any()


def test_a_file_is_imported_the_right_way_round(window: MainWindow, lab: Path, qtbot: QtBot, tmp_path: Path) -> None:
    save_ground_truth(tmp_path / "theirs.npy", diagonal().T)
    view = show(qtbot, window, lab)
    view.parts.make.forms["import"].set_values({"file": str(tmp_path / "theirs.npy")})
    propose(qtbot, window, view, "From a file")
    assert "it was turned" in view.parts.proposal.text.text()
    click(qtbot, window, "truthProposal_use")
    assert matches(view) == [[row] for row in TRUE]


def test_every_way_can_be_copied_as_a_command_that_does_the_same(
    window: MainWindow, view: GroundTruthView, qtbot: QtBot, tmp_path: Path
) -> None:
    save_ground_truth(tmp_path / "theirs file.npy", diagonal())
    key(qtbot, view, Qt.Key.Key_A)
    drag(qtbot, view, (6, 1))
    drag(qtbot, view, (25, 20))
    view.parts.make.forms["poses"].set_values({"radius_m": 6.0, "match": "nearest"})
    view.parts.make.forms["identity"].set_values({"offset": -1})
    view.parts.make.forms["import"].set_values({"file": str(tmp_path / "theirs file.npy")})
    view.parts.show_tab("Make")
    for way in ("From poses", "From anchors", "By numbers", "By alignment", "From a file"):
        propose(qtbot, window, view, way)
        click(qtbot, window, "truthCopyCommand")
        words = shlex.split(QGuiApplication.clipboard().text())
        out = tmp_path / f"{words[2]}_GT.npy"
        assert words[:2] == ["revisit-cli", "groundtruth"] and cli([*words[1:], "--out", str(out)]) == 0
        assert view.proposals.proposal is not None
        np.testing.assert_array_equal(np.load(out), view.proposals.proposal.matrix)


def test_a_proposal_that_fails_says_why(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    view.parts.make.forms["import"].set_values({"file": "nowhere.npy"})
    propose(qtbot, window, view, "From a file")
    assert view.proposals.proposal is None and "nowhere.npy does not exist" in window.jobs.jobs[-1].error
    view.parts.make.forms["poses"].set_values({"radius_m": -1.0})
    choose(qtbot, view.parts.make.way, "From poses")
    assert not part(window, "truthPropose").isEnabled()


# -- checking


def test_an_offset_is_found_unasked_and_shifted_away(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    save_ground_truth(truth_file(lab), diagonal(shift=2))
    view = show(qtbot, window, lab)
    wait_for(qtbot, lambda: view.review.check is not None)
    row = next(number for number, finding in enumerate(view.review.check.findings) if finding.kind == "offset")  # type: ignore[union-attr]
    assert "shifted by -2" in part(window, f"truthFinding{row}Text").text()  # type: ignore[attr-defined]
    click(qtbot, window, f"truthFinding{row}Action")
    assert matches(view) == [[row] for row in TRUE]
    wait_for(qtbot, lambda: view.parts.findings.state.text() == "Nothing wrong was found.")


def test_suspicious_matches_are_worked_through(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    wrong = diagonal()
    wrong[:, 20:23] = 0
    wrong[[2, 3, 4], [20, 21, 22]] = 1
    save_ground_truth(truth_file(lab), wrong)
    view = show(qtbot, window, lab)
    wait_for(qtbot, lambda: view.review.check is not None)
    model = view.parts.findings.model
    assert {row.query for row in model.rows} == {20, 21, 22}
    first = model.rows[0]
    view.parts.findings.table.selectRow(0)
    assert view.parts.matrix.cursor_cell == (first.reference, first.query)
    view.parts.matrix.setFocus()
    key(qtbot, view, Qt.Key.Key_X)  # rejected, and on to the next one of the list
    assert model.data(model.index(0, 4)) == "rejected"
    second = model.rows[1].query
    assert view.parts.matrix.cursor_cell[1] == second  # type: ignore[index]
    key(qtbot, view, Qt.Key.Key_B)
    drag(qtbot, view, (int(TRUE[second]), second))
    assert model.data(model.index(1, 4)) == "changed"
    assert "check again" in view.parts.findings.state.text()
    key(qtbot, view, Qt.Key.Key_V, Qt.Key.Key_G)
    assert view.parts.matrix.cursor_cell[1] == model.rows[2].query  # type: ignore[index]
    click(qtbot, window, "truthCheck")
    wait_for(qtbot, lambda: len(model.rows) == 1)


def test_queries_without_a_match_can_be_masked_from_the_list(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    holes = diagonal()
    holes[:, [3, 17]] = 0
    save_ground_truth(truth_file(lab), holes)
    view = show(qtbot, window, lab)
    wait_for(qtbot, lambda: view.review.check is not None)
    row = next(number for number, finding in enumerate(view.review.check.findings) if finding.kind == "no_match")  # type: ignore[union-attr]
    click(qtbot, window, f"truthFinding{row}Go")
    assert view.parts.matrix.cursor_cell[1] == 3  # type: ignore[index]
    click(qtbot, window, f"truthFinding{row}Action")
    save(qtbot, window, view)
    assert np.flatnonzero(load_ground_truth(truth_file(lab), (40, 40), (30, 30)).mask).tolist() == [3, 17]


def test_another_background_is_computed_and_kept(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    first = view.similarity
    choose(qtbot, view.parts.bar.background, "SAD, pooled")
    wait_for(qtbot, lambda: view.similarity is not None and view.similarity is not first)
    wait_for(qtbot, lambda: not window.jobs.running)
    assert view.loader.similarity(view.opened.pair, "sad-pooled") is view.similarity  # type: ignore[union-attr]
    choose(qtbot, view.parts.bar.background, "Log + z-score")
    wait_for(qtbot, lambda: view.similarity is first)
    choose(qtbot, view.parts.bar.contrast, "Whole matrix")
    assert view.options.contrast == "matrix"  # type: ignore[attr-defined]


# -- keeping


def test_a_save_that_fails_leaves_it_unsaved(
    window: MainWindow, view: GroundTruthView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.parts.matrix.setFocus()
    key(qtbot, view, Qt.Key.Key_X)

    def full(*ignored: object, **also: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("engine.places.truth.document.save_truth", full)
        click(qtbot, window, "truthSave")
        wait_for(qtbot, lambda: not window.jobs.running)
    assert view.editor.dirty and part(window, "truthState").text() == "● not saved"  # type: ignore[attr-defined]
    assert "No space left" in window.jobs.jobs[-1].error and journal_file(view.editor.path).exists()  # type: ignore[arg-type]
    save(qtbot, window, view)


def test_what_another_program_wrote_is_not_replaced_unasked(
    window: MainWindow, view: GroundTruthView, qtbot: QtBot, lab: Path
) -> None:
    view.parts.matrix.setFocus()
    key(qtbot, view, Qt.Key.Key_X)
    save_ground_truth(truth_file(lab), diagonal(3))
    click(qtbot, window, "truthSave")
    assert "changed by another program" in view.parts.problem.text.text() and not window.jobs.running
    np.testing.assert_array_equal(np.load(truth_file(lab)), diagonal(3))
    click(qtbot, window, "truthProblem_again")  # what is there is shown; the edit does not fit it
    wait_for(qtbot, lambda: view.similarity is not None and matches(view)[0] == [8])
    assert "not fit it any more" in view.parts.recovery.text.text()
    click(qtbot, window, "truthRecovery_discard")
    key(qtbot, view, Qt.Key.Key_X)
    save_ground_truth(truth_file(lab), diagonal())
    key(qtbot, view, Qt.Key.Key_S, modifier=CONTROL)
    click(qtbot, window, "truthProblem_replace")
    wait_for(qtbot, lambda: not view.editor.dirty and not window.jobs.running)
    assert np.load(truth_file(lab))[:, 1].argmax() == 9


def test_files_that_change_outside_are_shown_anew(window: MainWindow, view: GroundTruthView, qtbot: QtBot, lab: Path) -> None:
    before = view.similarity
    window.session.note_content_changed()
    wait_for(qtbot, lambda: not view.loader.background._running)
    assert view.similarity is before  # nothing has changed: nothing is read
    save_ground_truth(truth_file(lab), diagonal(2))
    window.session.note_content_changed()
    wait_for(qtbot, lambda: view.editor.document is not None and matches(view)[0] == [7])


def test_a_copy_is_saved_as_lens_file(
    window: MainWindow, view: GroundTruthView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *ignored: (str(tmp_path / "copy"), ""))
    next(action for action in view.actions() if action.objectName() == "truth_save_as").trigger()
    wait_for(qtbot, lambda: (tmp_path / "copy.npy").exists() and not window.jobs.running)
    np.testing.assert_array_equal(np.load(tmp_path / "copy.npy"), diagonal())
    assert not (tmp_path / "copy.json").exists()


def test_closing_asks_and_what_was_not_saved_comes_back(open_window: Callable[..., MainWindow], lab: Path, qtbot: QtBot) -> None:
    window = open_window()
    view = show(qtbot, window, lab)
    key(qtbot, view, Qt.Key.Key_L)
    drag(qtbot, view, (5, 0), (34, 29))
    window.close()
    assert window.isVisible()
    stop = window.findChild(QPushButton, "closeStop")
    qtbot.mouseClick(stop, LEFT)
    wait_for(qtbot, lambda: not window.isVisible())
    assert not truth_file(lab).exists()
    second = open_window()
    again = show(qtbot, second, lab)
    assert again.parts.recovery.isVisible() and "1 edit of" in again.parts.recovery.text.text()
    assert not part(second, "tool_pencil").isEnabled()  # a new edit would overwrite the journal
    click(qtbot, second, "truthRecovery_recover")
    assert matches(again) == [[row] for row in TRUE] and again.editor.dirty
    click(qtbot, second, "truthUndo")
    assert matches(again) == [[]] * 30
    click(qtbot, second, "truthRedo")
    save(qtbot, second, again)
    assert not journal_file(truth_file(lab)).exists()


_CHILD = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from pathlib import Path
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from app.settings import Settings
from app.theme import Theme
from app.window import MainWindow

application = QApplication([])
folder = Path(sys.argv[1])
window = MainWindow(Settings(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "dark"))
window.show()
window.open_workspace(folder / "lab")
window.show_panel("ground_truth")
view = window.current_view

def draw():
    if view.similarity is None or not view.parts.matrix.coloured:
        return
    timer.stop()
    matrix = view.parts.matrix
    QTest.keyClick(matrix, Qt.Key.Key_B)
    for query in range(3):
        QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.place_of(30 + query, query))
    QTest.mousePress(matrix, Qt.MouseButton.LeftButton, pos=matrix.place_of(1, 20))  # a stroke that never ends
    print("drawn", flush=True)

timer = QTimer()
timer.timeout.connect(draw)
timer.start(20)
QTimer.singleShot(90_000, application.quit)
application.exec()
"""


def test_kill_9_loses_no_stroke(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    save_ground_truth(truth_file(lab), diagonal())
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(lab.parent)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "drawn"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(30)
    child.stdout.close()
    view = show(qtbot, window, lab)
    assert "3 edits of" in view.parts.recovery.text.text()
    click(qtbot, window, "truthRecovery_recover")
    assert matches(view)[:4] == [[30], [31], [32], [8]] and matches(view)[20] == [25]
    assert np.load(truth_file(lab))[30, 0] == 0  # the file itself is as it was


def test_edits_that_do_not_fit_any_more_go_to_the_trash(window: MainWindow, lab: Path, qtbot: QtBot) -> None:
    path = truth_file(lab)
    document = TruthDocument.open(path, 40, 30)
    journal = Journal(path, document)
    journal.append(document.confirm([1]))
    journal.close()
    save_ground_truth(path, diagonal())
    view = show(qtbot, window, lab)
    assert "not fit it any more" in view.parts.recovery.text.text()
    assert not part(window, "truthRecovery_recover").isVisible()
    click(qtbot, window, "truthRecovery_discard")
    assert not view.parts.recovery.isVisible() and not journal_file(path).exists()
    assert list((lab / ".trash").rglob("*.journal")) and part(window, "tool_pencil").isEnabled()


def test_unsaved_edits_of_a_pair_that_was_left_are_there_again(window: MainWindow, view: GroundTruthView, qtbot: QtBot) -> None:
    view.parts.matrix.setFocus()
    key(qtbot, view, Qt.Key.Key_X)
    choose(qtbot, view.parts.bar.query, "monday")
    wait_for(qtbot, lambda: view.opened is not None and view.opened.pair.query.name == "monday" and view.similarity is not None)
    assert "not saved" in view.unsaved()
    choose(qtbot, view.parts.bar.query, "tuesday")
    wait_for(qtbot, lambda: view.opened is not None and view.opened.pair.query.name == "tuesday" and view.similarity is not None)
    assert view.editor.dirty and matches(view)[0] == [] and not view.parts.recovery.isVisible()
    save(qtbot, window, view)
    assert view.unsaved() == ""


# -- looks


def inside(window: MainWindow, *parts: QWidget) -> None:
    for widget in parts:
        corner = widget.mapTo(window, QPoint(widget.width(), widget.height()))
        assert corner.x() <= window.width() and corner.y() <= window.height(), widget.objectName()


@THEMES
@pytest.mark.parametrize("size", [(1280, 800), (1000, 640)], ids=["1280", "1000"])
def test_pictures(
    open_window: Callable[..., MainWindow],
    theme: Theme,
    lab: Path,
    qtbot: QtBot,
    picture: Picture,
    colours: Colours,
    size: tuple[int, int],
) -> None:
    name = f"{'dark' if colours.dark else 'light'}-{size[0]}"
    theme.choose("dark" if colours.dark else "light")
    save_ground_truth(truth_file(lab), diagonal(shift=1))
    window = open_window(size=size)
    view = show(qtbot, window, lab)
    wait_for(qtbot, lambda: view.review.check is not None and view.parts.pair.reference.frame is not None)
    for title in ("Check", "Make", "Map"):
        view.parts.show_tab(title)
        picture(window, f"truth-{title.lower()}-{name}")
    propose(qtbot, window, view, "By numbers")
    image = picture(window, f"truth-proposal-{name}")
    assert (window.width(), window.height()) == size
    inside(window, view.parts.matrix, view.parts.tabs, view.parts.strip, view.parts.pair.down, view.parts.foot.tolerance)
    found = colours_of(image, 4)
    assert len(found) > 50 and found.get(colours.window, 0) > 500
