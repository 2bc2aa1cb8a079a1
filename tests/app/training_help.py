"""A small workspace, and the Training panel's parts by name, for its tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QTabBar
from pytestqt.qtbot import QtBot

from app.views.training import TrainingView
from app.widgets.training_runs import NAME, RUN_ROLE
from app.window import MainWindow
from engine.places.workspace import Workspace
from engine.training.runs import Run
from tests.app.capture_help import LEFT, click, part

PATIENCE_MS = 60_000
__all__ = [
    "LEFT",
    "PATIENCE_MS",
    "at_row",
    "chosen_rows",
    "click",
    "export_plots",
    "open_training",
    "part",
    "set_short_lens",
    "show_tab",
    "train",
    "until",
]


def until(qtbot: QtBot, condition: Callable[[], Any]) -> None:
    """Wait for something that the engine does."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)


def open_training(qtbot: QtBot, window: MainWindow, lab: Workspace) -> TrainingView:
    """The Training panel of a workspace, painted."""
    window.open_workspace(lab.root)
    with qtbot.waitSignal(window.panelPainted, timeout=PATIENCE_MS):
        window.show_panel("training")
    view = window.current_view
    assert isinstance(view, TrainingView)
    return view


def set_short_lens(qtbot: QtBot, view: TrainingView) -> None:
    """Inputs and epochs with which LENS learns twenty places in no time, planned."""
    view.parts.setup.inputs_form.set_values({"dims": (8, 8)})
    view.parts.setup.training_form.set_values({"epoch_feat": 4, "epoch_out": 16})
    view.parts.setup.edited.emit()
    until(qtbot, lambda: view.setup.plan is not None)


def show_tab(qtbot: QtBot, window: MainWindow, tabs: str, title: str) -> None:
    """Click a tab of a tab widget."""
    bar = part(window, tabs).findChild(QTabBar)
    assert isinstance(bar, QTabBar)
    index = next(i for i in range(bar.count()) if bar.tabText(i) == title)
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())


def train(qtbot: QtBot, window: MainWindow, view: TrainingView) -> Run:
    """Press Start, and wait until the run is in the table."""
    before = {run.folder for run in view.parts.runs.model.runs}
    until(qtbot, lambda: view.parts.buttons.start.isEnabled())
    click(qtbot, window, "trainStart")
    until(qtbot, lambda: not view.training.running)
    until(qtbot, lambda: {run.folder for run in view.parts.runs.model.runs} - before)
    return next(run for run in view.parts.runs.model.runs if run.folder not in before)


def export_plots(qtbot: QtBot, window: MainWindow, view: TrainingView, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Export, and choose a folder."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *asked: str(folder))
    with qtbot.waitSignal(view.notified):
        click(qtbot, window, "plotsExport")


def at_row(view: TrainingView, row: int, column: int = NAME) -> QPoint:
    """The middle of a cell of the runs' table."""
    rect = view.parts.runs.table.visualRect(view.parts.runs.proxy.index(row, column))
    return QPoint(rect.left() + min(20, rect.width() // 2), rect.center().y())


def chosen_rows(view: TrainingView) -> list[str]:
    """Names in the table, as they are sorted and filtered."""
    proxy = view.parts.runs.proxy
    return [proxy.index(row, NAME).data(RUN_ROLE).info.name for row in range(proxy.rowCount())]


CONTROL = Qt.KeyboardModifier.ControlModifier
