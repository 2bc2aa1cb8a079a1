"""The status bar: jobs, workspace, events a second, dropped frames, memory; each in its own place of a fixed width."""

import os
import sys
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar

from app.jobs import JobRunner
from app.session import Live, Session
from app.theme import Theme
from app.widgets.job_drawer import progress_text

_SHOWN_AFTER_MS = 300  # a job that is over by then would only flash


class StatusBar(QStatusBar):
    """Figures that go on, on the right; tips of menus and buttons come and go on the left."""

    jobsRequested = Signal()

    def __init__(self, session: Session, runner: JobRunner, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("statusBar")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(10, 0, 10, 0)
        self._session, self._runner = session, runner
        self.job = _Clickable("statusJob", "What runs now; click for the list of jobs")
        self.bar = QProgressBar()
        self.bar.setObjectName("statusProgress")
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(90, 6)
        self.workspace = _label("statusWorkspace", "")
        self.rate = _label("statusRate", "Events a second of the running source")
        self.dropped = _label("statusDropped", "Frames that were not drawn to keep up; a recording drops nothing")
        self.memory = _label("statusMemory", "Memory that Revisit uses")
        for widget in (self.job, self.bar, self.workspace, self.rate, self.dropped, self.memory):
            self.addPermanentWidget(widget)
        self.job.clicked.connect(self.jobsRequested)
        session.workspaceOpened.connect(self._on_workspace)
        session.workspaceClosed.connect(self._on_workspace)
        session.writableChanged.connect(self._on_workspace)
        session.liveChanged.connect(self._on_live)
        self._later = QTimer(self)
        self._later.setObjectName("statusLater")
        self._later.setSingleShot(True)
        self._later.setInterval(_SHOWN_AFTER_MS)
        self._later.timeout.connect(self._on_jobs)
        for signal in (runner.jobStarted, runner.jobChanged, runner.jobEnded, runner.jobsCleared):
            signal.connect(self._on_jobs)
        theme.changed.connect(self._on_theme)
        self._clock = QTimer(self)
        self._clock.setObjectName("statusClock")
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._on_clock)
        self._clock.start()
        self._on_workspace()
        self._on_live(session.live)
        self._on_jobs()
        self._on_clock()
        self._on_theme()

    def _on_workspace(self) -> None:
        workspace = self._session.workspace
        if workspace is None:
            self.workspace.setText("No workspace")
            self.workspace.setToolTip("Open a workspace with Ctrl+O")
            return
        name = workspace.root.name or str(workspace.root)
        self.workspace.setText(name if self._session.writable else f"{name} (read-only)")
        self.workspace.setToolTip(f"{workspace.root}\n{self._session.read_only_reason}".strip())

    def _on_live(self, live: Live) -> None:
        rate = live.events_per_second
        self.rate.setText("– events/s" if rate is None else f"{count(rate)} events/s")
        self.dropped.setText("– dropped" if live.frames_dropped is None else f"{live.frames_dropped} dropped")

    def _on_jobs(self) -> None:
        running = [job for job in self._runner.running if 1000 * job.elapsed_s >= _SHOWN_AFTER_MS]
        if len(running) < len(self._runner.running) and not self._later.isActive():
            self._later.start()
        self.job.setVisible(bool(running))
        self.bar.setVisible(bool(running))
        if running:
            newest = running[-1]
            self.job.setText(f"{len(running)} jobs" if len(running) > 1 else f"{newest.title}: {progress_text(newest)}")
            share = newest.fraction
            self.bar.setRange(0, 0 if share is None else 1000)
            self.bar.setValue(0 if share is None else round(1000 * share))

    def _on_clock(self) -> None:
        used = memory_used()
        self.memory.setText("" if used is None else f"{used / 2**20:.0f} MB")

    def _on_theme(self) -> None:
        metrics = self.fontMetrics()
        for label, widest in ((self.rate, "888.8 M events/s"), (self.dropped, "88888 dropped"), (self.memory, "88888 MB")):
            label.setMinimumWidth(metrics.horizontalAdvance(widest) + 12)
        self.setMinimumHeight(metrics.height() + 14)


class _Clickable(QLabel):
    clicked = Signal()

    def __init__(self, name: str, tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()


def _label(name: str, tip: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setToolTip(tip)
    label.setProperty("role", "muted")
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setContentsMargins(6, 0, 6, 0)
    return label


def count(number: float) -> str:
    """A large number in few characters: 950, 12.3 k, 4.56 M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}"
    return f"{number:.0f}"


def memory_used() -> int | None:
    """Bytes of memory that this process holds; None where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        pass
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
