"""Closing while something runs: ask, cancel, join, then close."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from app.jobs import JobRunner

_PATIENCE_MS = 10_000  # a job heeds its token within half a second; longer means that it hangs


class Closing(QObject):
    """Asks once, without blocking the window, and says `ready` when nothing runs any more."""

    ready = Signal()

    def __init__(self, window: QWidget, runner: JobRunner) -> None:
        super().__init__(window)
        self.setObjectName("closing")
        self._window, self._runner = window, runner
        self.box: QMessageBox | None = None
        self.stopping = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self.ready)
        runner.allEnded.connect(self._on_all_ended)

    def ask(self, running: Sequence[str]) -> None:
        """Ask whether to stop what runs; each of `running` is a title or a sentence."""
        if self.box is not None or self.stopping:
            return
        box = QMessageBox(self._window)
        box.setObjectName("closeQuestion")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Close Revisit?")
        box.setText("Something is still running." if len(running) == 1 else f"{len(running)} things are still running.")
        box.setInformativeText("\n".join(running) + "\n\nClosing stops it; what is finished stays on disk.")
        stop = box.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton("Go on working", QMessageBox.ButtonRole.RejectRole)
        stop.setObjectName("closeStop")
        stay.setObjectName("closeStay")
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.finished.connect(lambda: self._on_answer(box.clickedButton() is stop))
        self.box = box
        box.open()

    def stop(self) -> None:
        """Cancel every job; `ready` follows when all have ended."""
        self.stopping = True
        self._window.setEnabled(False)
        if self._runner.running:
            self._runner.cancel_all()
            self._patience.start()
        else:
            QTimer.singleShot(0, self, self.ready.emit)

    def _on_answer(self, stop: bool) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None
        if stop:
            self.stop()

    def _on_all_ended(self) -> None:
        if self.stopping:
            self._patience.stop()
            self.ready.emit()
