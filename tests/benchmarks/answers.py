"""How soon a window answers while something else goes on: how late a timer of 10 ms comes, which is what a click would wait."""

import time

from PySide6.QtCore import QEventLoop, Qt, QTimer

_ANSWER_MS = 10


def wait(seconds: float) -> None:
    """Let the window work."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


class Answers:
    """Measures from its making until `stop`; `late` has the milliseconds of each answer."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._due = time.perf_counter() + _ANSWER_MS / 1000
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start(_ANSWER_MS)

    def stop(self) -> None:
        """Measure no more."""
        self._timer.stop()

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self.late.append(1000 * max(now - self._due, 0.0))
        self._due = now + _ANSWER_MS / 1000
