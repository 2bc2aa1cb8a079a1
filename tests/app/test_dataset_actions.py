"""What is done with traverses in the Dataset panel: by dialogs and menus, as jobs, with the way back."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from app.dataset_operations import ALL
from app.views.dataset import DatasetView
from app.widgets.clock_result import ClockResult
from app.widgets.parameter_dialog import ParameterDialog
from app.window import MainWindow
from engine.places.lock import WorkspaceLock
from engine.places.workspace import Workspace
from tests.app.dataset_help import (
    LEFT,
    click_frame,
    click_traverse,
    confirm,
    dialog_of,
    idle,
    make_workspace,
    name_of,
    open_dataset,
    press,
    traverses,
    wait,
)
from tests.places.made import fill, nmea, tree, workspace_at
from tests.places.test_from_recordings import recording

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "work", count=24)


@pytest.fixture
def view(window: MainWindow, qtbot: QtBot, place: Workspace) -> DatasetView:
    return open_dataset(qtbot, window, place)


def form_of(view: DatasetView) -> ParameterDialog:
    dialog = dialog_of(view)
    assert isinstance(dialog, ParameterDialog)
    return dialog


def choose_from_menu(view: DatasetView, name: str) -> None:
    """Trigger an entry of the traverse's menu, which has to be enabled."""
    view._fit_menu(view._menu_of_chosen)
    action = next(a for a in view._menu_of_chosen.actions() if a.objectName() == f"traverseMenu_{name}")
    assert action.isEnabled(), action.toolTip()
    action.trigger()


def test_the_chosen_frames_are_cut_out(view: DatasetView, place: Workspace, qtbot: QtBot) -> None:
    click_frame(qtbot, view, 2)
    click_frame(qtbot, view, 6, SHIFT)
    qtbot.mouseClick(view.parts.crop, LEFT)
    form = form_of(view).form
    assert (form.values()["first"], form.values()["last"]) == (2, 6)
    confirm(qtbot, view)
    wait(qtbot, lambda: view.current == name_of("monday-2-6"))
    assert traverses(view) == ["monday", "monday-2-6", "tuesday"] and view.grid.count == 5
    np.testing.assert_array_equal(name_of("monday-2-6").open(place).frames(), name_of("monday").open(place).frames()[2:7])


def test_a_name_that_is_taken_is_said_in_the_dialog_and_nothing_starts(view: DatasetView, qtbot: QtBot) -> None:
    choose_from_menu(view, "every")
    dialog = form_of(view)
    dialog.form.set_values({"name": "tuesday"})
    assert not dialog.start.isEnabled()
    error = dialog.form.findChild(QLabel, "nameError")
    assert error is not None and "exists already" in error.text()
    dialog.form.set_values({"name": "half"})
    confirm(qtbot, view)
    wait(qtbot, lambda: view.current == name_of("half") and view.grid.count == 12)


def test_two_are_joined(view: DatasetView, qtbot: QtBot) -> None:
    click_traverse(qtbot, view, "tuesday", CONTROL)
    assert view.chosen == [name_of("monday"), name_of("tuesday")]
    choose_from_menu(view, "merge")
    confirm(qtbot, view)
    wait(qtbot, lambda: view.current == name_of("monday-tuesday") and view.grid.count == 48)


def test_a_traverse_is_renamed_and_that_is_undone(view: DatasetView, window: MainWindow, place: Workspace, qtbot: QtBot) -> None:
    before = tree(place.root)
    window.session.select(dataset="street", camera="dvs", reference="monday")
    choose_from_menu(view, "rename")
    form_of(view).form.set_values({"name": "Montag"})
    confirm(qtbot, view)
    wait(qtbot, lambda: view.current == name_of("Montag"))
    assert traverses(view) == ["Montag", "tuesday"] and window.session.selection.reference == "Montag"
    assert view.undo.isVisible() and "monday is called Montag now" in view.undo.text.text()
    press(qtbot, view.undo, "undo")
    idle(qtbot, window)
    wait(qtbot, lambda: view.current == name_of("monday"))
    assert window.session.selection.reference == "monday" and not view.undo.isVisible()
    assert tree(place.root) == before


def test_what_is_deleted_goes_to_the_trash_and_comes_back(
    view: DatasetView, window: MainWindow, place: Workspace, qtbot: QtBot
) -> None:
    before = tree(place.root)
    qtbot.keyClick(view.parts.tree.tree, Qt.Key.Key_Delete)
    press(qtbot, dialog_of(view), "confirmNo")
    assert tree(place.root) == before
    qtbot.keyClick(view.parts.tree.tree, Qt.Key.Key_Delete)
    confirm(qtbot, view, "confirmYes")
    wait(qtbot, lambda: traverses(view) == ["tuesday"] and view.current == name_of("tuesday"))
    assert "monday is in the trash" in view.undo.text.text()
    press(qtbot, view.undo, "undo")
    idle(qtbot, window)
    wait(qtbot, lambda: traverses(view) == ["monday", "tuesday"])
    assert tree(place.root) == before


def test_the_trash_lists_what_was_deleted(view: DatasetView, window: MainWindow, qtbot: QtBot) -> None:
    click_traverse(qtbot, view, "tuesday")
    choose_from_menu(view, "delete")
    confirm(qtbot, view, "confirmYes")
    wait(qtbot, lambda: traverses(view) == ["monday"])
    choose_from_menu(view, "trash")
    dialog = dialog_of(view)
    assert "tuesday" in dialog.list.item(0).text()  # type: ignore[attr-defined]
    confirm(qtbot, view, "trashRestore")
    wait(qtbot, lambda: traverses(view) == ["monday", "tuesday"])
    choose_from_menu(view, "trash")
    label = dialog_of(view).findChild(QLabel, "trashText")
    assert label is not None and label.text() == "The trash is empty."
    press(qtbot, dialog_of(view), "trashClose")


def test_a_gps_log_beside_the_recording_is_offered_attached_and_drawn(view: DatasetView, place: Workspace, qtbot: QtBot) -> None:
    assert not view.parts.map.routes
    choose_from_menu(view, "attach")
    assert form_of(view).form.values()["log"] == place.recordings / "monday.nmea"
    with qtbot.waitSignal(view.notified, timeout=30_000) as told:
        confirm(qtbot, view)
    assert told.args is not None and "24 of 24 frames of monday have a pose from monday.nmea" in told.args[0].sentence
    wait(qtbot, lambda: "monday" in view.parts.map.routes)
    assert view.parts.map.routes["monday"].known.all() and "NMEA log" in view.parts.map_note.text()
    with qtbot.waitSignal(view.parts.map.frameClicked, timeout=30_000):
        qtbot.mouseClick(view.parts.map.viewport(), LEFT, pos=view.parts.map.place_of("monday", 12))
    assert abs(view.frames.number - 12) <= 1 and view.parts.map.marks == {("monday", "query"): view.frames.number}


def test_the_clock_is_corrected_undone_and_the_log_taken_off(view: DatasetView, window: MainWindow, qtbot: QtBot) -> None:
    choose_from_menu(view, "attach")
    confirm(qtbot, view)
    wait(qtbot, lambda: "monday" in view.parts.map.routes)
    choose_from_menu(view, "offset")
    form_of(view).form.set_values({"offset_s": 1.25})
    confirm(qtbot, view)

    def offset() -> float | None:
        entry = view.store.entry(name_of("monday"))
        log = entry.info.pose_log if entry is not None and entry.info is not None else None
        return None if log is None else log.offset_s

    wait(qtbot, lambda: offset() == 1.25)
    press(qtbot, view.undo, "undo")
    idle(qtbot, window)
    wait(qtbot, lambda: offset() == 0)
    choose_from_menu(view, "detach")
    idle(qtbot, window)
    wait(qtbot, lambda: offset() is None and not view.parts.map.routes)


def test_a_clock_is_estimated_from_two_traverses(view: DatasetView, window: MainWindow, place: Workspace, qtbot: QtBot) -> None:
    nmea(place.recordings / "tuesday.nmea", 30)
    (place.recordings / "tuesday.aedat4").write_bytes(b"")
    for traverse in ("monday", "tuesday"):
        click_traverse(qtbot, view, traverse)
        choose_from_menu(view, "attach")
        confirm(qtbot, view)
        wait(qtbot, lambda traverse=traverse: traverse in view.parts.map.routes)
    click_traverse(qtbot, view, "monday", CONTROL)
    choose_from_menu(view, "estimate")
    dialog = form_of(view)
    dialog.form.set_values({"range_s": 4.0, "sequence": 1})
    press(qtbot, dialog, "dialogStart")
    idle(qtbot, window)
    wait(qtbot, lambda: isinstance(view.actions_runner.dialog, ClockResult))
    text = dialog_of(view).findChild(QLabel, "clockText")
    assert text is not None and "pairs of frames that look alike lie" in text.text()
    press(qtbot, dialog_of(view), "clockLeave")


def test_images_are_imported_by_the_dialog_or_dropped(
    view: DatasetView, window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((20, 30, 3), number, np.uint8))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *rest: str(folder))
    view.run("import_folder")
    assert form_of(view).form.values() | {"size": None} == form_of(view).form.values()
    assert form_of(view).form.values()["dataset"] == "street"
    confirm(qtbot, view)
    wait(qtbot, lambda: view.current == name_of("photos"))
    assert view.grid.count == 3
    drop(view, [folder])
    assert form_of(view).form.values()["name"] == "photos-2"
    press(qtbot, dialog_of(view), "dialogCancel")


def drop(view: DatasetView, paths: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    view.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, buttons, modifiers))


def test_recordings_are_imported_with_their_logs(
    view: DatasetView, window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [recording(tmp_path / f"{name}.aedat4") for name in ("morning", "evening")]
    nmea(tmp_path / "morning.nmea")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *rest: ([str(path) for path in paths], ""))
    view.run("import_recordings")
    label = dialog_of(view).findChild(QLabel, "dialogText")
    assert label is not None and "Beside 1 of 2 lies a log of poses" in label.text()
    confirm(qtbot, view)
    wait(qtbot, lambda: {"morning", "evening"} <= set(traverses(view)))
    wait(qtbot, lambda: view.current == name_of("morning") and "morning" in view.parts.map.routes)
    choose_from_menu(view, "rebin")
    form_of(view).form.set_values({"binning": {"window_ms": 500.0}})
    confirm(qtbot, view)
    wait(qtbot, lambda: view.current == name_of("morning-500ms") and view.grid.count == 11)


def test_a_log_that_is_dropped_is_offered_to_the_traverse(view: DatasetView, place: Workspace, qtbot: QtBot) -> None:
    click_traverse(qtbot, view, "tuesday")
    drop(view, [place.recordings / "monday.nmea"])
    assert form_of(view).form.values()["log"] == place.recordings / "monday.nmea"
    confirm(qtbot, view)
    wait(qtbot, lambda: "tuesday" in view.parts.map.routes)


def test_a_dataset_of_lens_is_copied(view: DatasetView, tmp_path: Path, qtbot: QtBot) -> None:
    other = workspace_at(tmp_path / "lens")
    fill(other, "wednesday")
    drop(view, [other.data_dir])
    confirm(qtbot, view, "confirmYes")
    wait(qtbot, lambda: "wednesday" in traverses(view))


def test_a_folder_of_nothing_is_said(view: DatasetView, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "nothing").mkdir()
    with qtbot.waitSignal(view.notified) as told:
        drop(view, [tmp_path / "nothing"])
    assert told.args is not None and "is empty" in told.args[0].sentence


def test_a_job_that_fails_is_told_and_changes_nothing(
    view: DatasetView, window: MainWindow, place: Workspace, qtbot: QtBot
) -> None:
    (name_of("monday").folder(place) / "image_0003.png").unlink()
    before = tree(place.root)
    choose_from_menu(view, "every")
    form_of(view).form.set_values({"every": 3, "name": "third"})
    confirm(qtbot, view)
    assert any("names image_0003.png" in toast.fault.sentence for toast in window.toasts.shown)
    assert tree(place.root) == before


def test_a_read_only_workspace_can_be_looked_at_but_not_changed(window: MainWindow, place: Workspace, qtbot: QtBot) -> None:
    lock = WorkspaceLock.take(place.root)
    view = open_dataset(qtbot, window, place)
    view._fit_menu(view._menu_of_chosen)
    enabled = {a.data().name for a in view._menu_of_chosen.actions() if a.data() is not None and a.isEnabled()}
    assert enabled == {"use_reference", "use_query", "check"}
    assert not view.import_button.isEnabled() and not view.parts.crop.isEnabled()
    with qtbot.waitSignal(view.notified) as told:
        view.run("delete")
    assert told.args is not None and "Another window" in told.args[0].sentence
    lock.release()
    window.session.try_writing()
    assert view.import_button.isEnabled() and view.parts.crop.isEnabled()


def test_every_operation_is_a_command_with_a_tip(view: DatasetView) -> None:
    names = {command.name for command in view.commands()}
    assert {f"dataset_{operation.name}" for operation in ALL} <= names
    assert all(hasattr(view.actions_runner, f"_{operation.name}") for operation in ALL)
    shortcuts = [command.shortcut for command in view.commands() if command.shortcut]
    assert len(shortcuts) == len(set(shortcuts))
    taken = {key.toString() for action in view.window().actions_by_name.values() for key in action.shortcuts()}  # type: ignore[attr-defined]
    assert not taken & set(shortcuts)
