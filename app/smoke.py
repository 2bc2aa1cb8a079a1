"""A picture of the window as a person would see it, taken offscreen: for checks, screenshots and the bundle's test."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.window import MainWindow
from engine.storage import replacing

FAILED = 1
_PATIENCE_MS = 60_000
_REST_MS = 150  # after the panel's paint: docks and status bar paint in the same pass or the next one


class Smoke(QObject):
    """Waits until a panel has painted its real content, saves a picture, and ends the application with 0."""

    def __init__(self, window: MainWindow, picture: Path, panel: str) -> None:
        super().__init__(window)
        self._window, self._picture, self._panel = window, picture, panel
        self.error = ""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._on_impatient)
        self._patience.start()
        window.panelPainted.connect(self._on_painted)
        window.show_panel(panel)

    def _on_painted(self, name: str) -> None:
        if name == self._panel:
            self._patience.stop()
            QTimer.singleShot(_REST_MS, self, self._save)

    def _save(self) -> None:
        picture = self._window.grab()
        try:
            with replacing(self._picture) as part:
                if not picture.save(str(part), "PNG"):
                    raise OSError("the picture cannot be written")
        except OSError as error:
            self._fail(f"{self._picture} cannot be written ({error.strerror or error}).")
            return
        QApplication.exit(0)

    def _on_impatient(self) -> None:
        self._fail(f"The panel {self._panel} has not painted its content within {_PATIENCE_MS // 1000} s.")

    def _fail(self, sentence: str) -> None:
        self.error = sentence
        QApplication.exit(FAILED)
