"""A window without a screen, settings of its own, and a check that nothing is left behind."""

import gc
import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QTimer
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.theme import Theme
from app.window import MainWindow
from engine.jobs import CancelToken, Emit
from tests.waiting import PATIENCE_S

Picture = Callable[[QWidget, str], QImage]


class PatientQtBot(QtBot):
    """Waits for what the test asks for as long as any machine may take, whatever shorter time the test names."""

    def waitSignal(self, signal: Any, *, timeout: int = 0, raising: bool | None = None, **rest: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout if raising is False else _patient(timeout), raising=raising, **rest)

    def waitSignals(self, signals: list[Any], *, timeout: int = 0, raising: bool | None = None, **rest: Any) -> Any:
        return super().waitSignals(signals, timeout=timeout if raising is False else _patient(timeout), raising=raising, **rest)

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = 0) -> None:
        super().waitUntil(callback, timeout=_patient(timeout))

    def waitExposed(self, widget: QWidget, *, timeout: int = 0) -> Any:
        return super().waitExposed(widget, timeout=_patient(timeout))


def _patient(timeout_ms: int) -> int:
    return max(timeout_ms, round(1000 * PATIENCE_S))


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientQtBot(request)


def _dispose() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """No window, thread or running timer outlives a test."""
    gc.freeze()  # what is there already (torch, where a test has imported it) need not be searched after each test
    threads = set(threading.enumerate())
    windows = set(map(id, QApplication.topLevelWidgets()))
    yield
    for widget in QApplication.topLevelWidgets():
        if widget.objectName() == "mainWindow":  # closed by its fixture; its deletion is due
            widget.deleteLater()
    _dispose()
    end = time.monotonic() + PATIENCE_S
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, end - time.monotonic()))
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    assert not left, f"threads left behind: {left}"
    new = [widget for widget in QApplication.topLevelWidgets() if id(widget) not in windows]
    assert not new, f"windows left behind: {[(type(w).__name__, w.objectName()) for w in new]}"
    timers = [timer for timer in qapp.findChildren(QTimer) if timer.isActive()]
    assert not timers, f"timers left running: {timers}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme(qapp, "light")
    yield made
    made.setParent(None)
    made.deleteLater()


def short_demo(folder: Path, emit: Emit, cancel: CancelToken) -> None:
    """Stands in for the engine's demo: a workspace of empty folders."""
    (folder / "dataset").mkdir(parents=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REVISIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def open_window(qtbot: QtBot, settings: Settings, theme: Theme, home: Path) -> Iterator[Callable[..., MainWindow]]:
    made: list[MainWindow] = []

    def make(demo: Callable[..., None] = short_demo, size: tuple[int, int] = (1280, 800)) -> MainWindow:
        window = MainWindow(settings, theme, demo)
        window.resize(*size)
        made.append(window)
        window.show()
        with qtbot.waitExposed(window):
            pass
        return window

    yield make
    for window in made:
        if window.jobs.running:
            window.jobs.cancel_all()
            qtbot.waitUntil(lambda window=window: not window.jobs.running)
        window.close()
        window.deleteLater()


@pytest.fixture
def window(open_window: Callable[..., MainWindow]) -> MainWindow:
    return open_window()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "route-a"
    (folder / "dataset").mkdir(parents=True)
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Take a widget's picture, keep it where REVISIT_ARTEFACTS says, and return it."""
    folder = Path(os.environ.get("REVISIT_ARTEFACTS", tmp_path / "artefacts"))

    def take(widget: QWidget, name: str) -> QImage:
        folder.mkdir(parents=True, exist_ok=True)
        image = widget.grab().toImage()
        assert image.save(str(folder / f"{name}.png"))
        return image

    return take


def colours_of(image: QImage, step: int = 8) -> dict[str, int]:
    """How often each colour is found on a coarse grid of the picture."""
    found: dict[str, int] = {}
    for y in range(0, image.height(), step):
        for x in range(0, image.width(), step):
            name = QColor(image.pixel(x, y)).name()
            found[name] = found.get(name, 0) + 1
    return found
