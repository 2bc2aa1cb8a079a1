"""A workspace with a network and a recording of its route, and the Deploy panel on it."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.views.deploy import DeployView
from app.window import MainWindow
from engine.events.writer import EventWriter
from tests.app.capture_help import wait_for
from tests.live.helpers import SENSOR, make_workspace, route_events


def make_lab(folder: Path) -> tuple[Path, Path, Path]:
    """Root of the workspace, its network, its recording."""
    workspace, model = make_workspace(folder)
    recording = workspace.recordings / "route.aedat4"
    writer = EventWriter(recording, SENSOR, flush_ms=None)
    writer.write(route_events(windows=10))
    writer.close()
    return workspace.root, model, recording


def open_panel(qtbot: QtBot, window: MainWindow, root: Path) -> DeployView:
    """The panel with its network open."""
    window.open_workspace(root)
    window.show_panel("deploy")
    view = window.current_view
    assert isinstance(view, DeployView)
    wait_for(qtbot, lambda: view.runner.model is not None)
    return view


def answered(view: DeployView, places: int) -> bool:
    """Whether the run has given so many answers."""
    return view.runner.live is not None and view.runner.live.totals().places >= places


def part(window: MainWindow, name: str) -> QWidget:
    """A widget of the panel by its object name: Capture has some of the same."""
    view = window.current_view
    assert view is not None
    found = view.findChildren(QWidget, name)
    assert len(found) == 1, (name, len(found))
    return found[0]


def click(qtbot: QtBot, window: MainWindow, name: str) -> None:
    """Click a button of the panel that can be seen and used."""
    button = part(window, name)
    assert button.isVisible(), f"{name} is not visible"
    assert button.isEnabled(), f"{name} is not enabled: {button.toolTip()}"
    at = button.rect().center()
    at.setX(min(at.x(), 12))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=at)
