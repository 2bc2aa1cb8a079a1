"""Workspaces of small traverses, and the Dataset panel opened on one, for its tests."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.views.dataset import DatasetView
from app.window import MainWindow
from engine.places.making import TraverseName
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from tests.places.made import nmea

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
WAIT_MS = 30_000


def make_workspace(folder: Path, traverses: tuple[str, ...] = ("monday", "tuesday"), count: int = 40) -> Workspace:
    """Traverses whose frames show a bar that wanders, a second each; monday has GPS, in the recordings."""
    workspace = Workspace.create(folder)
    random = np.random.default_rng(8)
    for offset, traverse in enumerate(traverses):
        frames = random.poisson(1.5, (count, 32, 32)).astype(np.uint8)
        for number in range(count):
            left = (number * 2 + offset) % 28
            frames[number, :, left : left + 4] += random.poisson(40, (32, 4)).astype(np.uint8)
        info = TraverseInfo(
            window_ms=1000, start_us=0, window_starts_us=[n * 1_000_000 for n in range(count)], source=f"{traverse}.aedat4"
        )
        write_traverse(name_of(traverse).folder(workspace), workspace.index_file(traverse), frames, info)
    (workspace.recordings / "monday.aedat4").write_bytes(b"")
    nmea(workspace.recordings / "monday.nmea", count + 2)
    return workspace


def name_of(traverse: str) -> TraverseName:
    return TraverseName("street", "dvs", traverse)


def open_dataset(qtbot: QtBot, window: MainWindow, workspace: Workspace, facts: bool = True) -> DatasetView:
    """Open the panel and wait until its first frame and its figures are there."""
    window.open_workspace(workspace.root)
    window.show_panel("dataset")
    view = window.current_view
    assert isinstance(view, DatasetView)
    if workspace.traverses():
        wait(qtbot, lambda: view.parts.inspector.view.frame is not None)
    if facts:
        wait(qtbot, lambda: len(view.store.all_facts) == sum(e.traverse is not None for e in view.store.entries))
    return view


def wait(qtbot: QtBot, condition: object) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)  # type: ignore[operator]


def idle(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until no job runs and the catalogue has been read again."""
    wait(qtbot, lambda: not window.jobs.running)
    view = window.current_view
    assert isinstance(view, DatasetView)
    wait(qtbot, lambda: not view.store.reading)


def traverses(view: DatasetView) -> list[str]:
    return [entry.name.traverse for entry in view.store.entries]


def click_traverse(qtbot: QtBot, view: DatasetView, traverse: str, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Click a traverse in the tree."""
    tree = view.parts.tree
    index = tree.proxy.mapFromSource(tree.model.index_of(name_of(traverse)))
    assert index.isValid(), traverse
    at = tree.tree.visualRect(index).center()
    qtbot.mouseClick(tree.tree.viewport(), LEFT, modifier, at)


def dialog_of(view: DatasetView) -> QDialog:
    """The dialog that is open."""
    dialog = view.actions_runner.dialog
    assert isinstance(dialog, QDialog) and dialog.isVisible()
    return dialog


def press(qtbot: QtBot, widget: QWidget, name: str) -> None:
    """Click a button under a widget by its object name."""
    button = widget.findChild(QPushButton, name)
    assert button is not None and button.isEnabled(), name
    qtbot.mouseClick(button, LEFT)


def confirm(qtbot: QtBot, view: DatasetView, name: str = "dialogStart") -> None:
    """Press the dialog's button, and wait until what it begins has ended."""
    press(qtbot, dialog_of(view), name)
    QApplication.processEvents()
    window = view.window()
    assert isinstance(window, MainWindow)
    idle(qtbot, window)


def click_frame(qtbot: QtBot, view: DatasetView, number: int, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Click a thumbnail."""
    grid = view.grid
    grid.reveal(number)
    qtbot.mouseClick(grid.viewport(), LEFT, modifier, grid.cell(number).topLeft() + QPoint(12, 12))
