"""Recordings to show, and the Capture panel's parts by name, for its tests."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from app.views.capture import CaptureView
from app.window import MainWindow
from engine.events.array import EVENT_DTYPE
from engine.events.sources import SourceState
from engine.events.writer import EventWriter

LEFT = Qt.MouseButton.LeftButton
SIZE = (128, 96)
HOT = (20, 30)
START_US = 5_000_000


def write_recording(path: Path, seconds: float = 30.0) -> Path:
    """A bar that moves to and fro over the sensor, some noise, and one hot pixel; long enough for the slowest test."""
    path.write_bytes(_recording(seconds))
    return path


@functools.cache
def _recording(seconds: float, rate: int = 40_000) -> bytes:
    generator = np.random.default_rng(3)
    count = int(seconds * rate)
    events = np.zeros(count, EVENT_DTYPE)
    t = np.arange(count) * (1e6 / rate)
    events["timestamp"] = START_US + t.astype(np.int64)
    bar = 20 + (80 * np.abs((t / 1e6) % 2 - 1)).astype(np.int16)
    events["x"] = bar + generator.integers(0, 6, count)
    events["y"] = generator.integers(0, SIZE[1], count)
    noise = generator.random(count) < 0.15
    events["x"][noise] = generator.integers(0, SIZE[0], int(noise.sum()))
    hot = generator.random(count) < 0.03
    events["x"][hot], events["y"][hot] = HOT
    events["polarity"] = generator.integers(0, 2, count)
    with tempfile.TemporaryDirectory() as folder:
        with EventWriter(Path(folder) / "made.aedat4", SIZE, flush_ms=None) as writer:
            writer.write(events)
        return writer.path.read_bytes()


def part(window: MainWindow, name: str) -> QWidget:
    """A widget of the window by its object name."""
    found = [w for w in QApplication.allWidgets() if w.objectName() == name and w.window() is window]
    assert len(found) == 1, (name, len(found))
    return found[0]


def click(qtbot: QtBot, window: MainWindow, name: str) -> None:
    """Click a button that can be seen and used."""
    button = part(window, name)
    assert button.isVisible(), f"{name} is not visible"
    assert button.isEnabled(), f"{name} is not enabled: {button.toolTip()}"
    at = QPoint(10, button.height() // 2) if isinstance(button, QCheckBox) else button.rect().center()
    qtbot.mouseClick(button, LEFT, pos=at)


def show_tab(qtbot: QtBot, window: MainWindow, title: str) -> None:
    """Click a tab of the panel."""
    bar = part(window, "captureTabs").findChild(QTabBar)
    assert isinstance(bar, QTabBar)
    index = next(i for i in range(bar.count()) if bar.tabText(i) == title)
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())


def retype(qtbot: QtBot, widget: QWidget, text: str) -> None:
    """Type over what a line holds, and leave it."""
    widget.setFocus()
    qtbot.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(widget, text)
    qtbot.keyClick(widget, Qt.Key.Key_Return)


def choose(qtbot: QtBot, box: QWidget, text: str) -> None:
    """Choose an entry of a combo box by keys."""
    box.setFocus()
    index = next(i for i in range(box.count()) if box.itemText(i) == text)  # type: ignore[attr-defined]
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(index):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.currentText() == text  # type: ignore[attr-defined]


def drag(qtbot: QtBot, picture: QWidget, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag on the live picture from one pixel of the sensor to another."""
    a, b = picture.place_of(*begin), picture.place_of(*end)  # type: ignore[attr-defined]
    view = picture.viewport()  # type: ignore[attr-defined]
    qtbot.mousePress(view, LEFT, pos=a)
    for share in (0.3, 0.7, 1.0):
        qtbot.mouseMove(view, pos=a + (b - a) * share)
        QApplication.processEvents()
    qtbot.mouseRelease(view, LEFT, pos=b)


def wait_for(qtbot: QtBot, condition: Callable[[], object]) -> None:
    """Wait for something that the engine does."""
    qtbot.waitUntil(lambda: bool(condition()))


def open_and_run(qtbot: QtBot, window: MainWindow, path: Path) -> CaptureView:
    """Open a recording by typing its path, and wait until it is drawn."""
    window.show_panel("capture")
    view = window.current_view
    assert isinstance(view, CaptureView)
    choose(qtbot, view.parts.source.kind, "Recording")
    retype(qtbot, view.parts.source.path, str(path))
    wait_for(qtbot, lambda: view.runner.state is SourceState.RUNNING and view.parts.live.picture.drawn > 2)
    return view
