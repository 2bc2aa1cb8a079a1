"""Engine jobs off the UI thread: their events come to the window at 30 Hz, as signals of one Job object each."""

import itertools
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.report import fault_report
from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken, Emit, JobEvent, Metric, Notice, Progress

JobFunction = Callable[[Emit, CancelToken], Any]
DRAIN_MS = 33
_LOG_LINES = 2000
_BATCH = 2000  # events of one job that one tick hands on: a flood cannot hold the window


class State(Enum):
    """Where a job stands."""

    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether its thread is done."""
        return self in (State.FINISHED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class _End:
    """The last thing that a job's thread says."""

    state: State
    result: Any = None
    error: str = ""
    report: str = ""


class Job(QObject):
    """One run of an engine job. Every signal comes in the UI thread."""

    progressed = Signal()
    metricReported = Signal(object)  # engine.jobs.Metric
    noticed = Signal(object)  # engine.jobs.Notice
    ended = Signal(object)  # State

    def __init__(self, number: int, title: str, parent: QObject) -> None:
        super().__init__(parent)
        self.number = number
        self.title = title
        self.state = State.RUNNING
        self.progress: Progress | None = None
        self.result: Any = None
        self.error = ""
        self.report = ""
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.lines_said = 0  # all that were ever logged; `log` keeps the newest
        self._began = self._stage_began = time.monotonic()
        self._took: float | None = None
        self._stage_from = 0
        self._events: queue.SimpleQueue[JobEvent | _End] = queue.SimpleQueue()
        self._cancel = CancelToken()
        self._thread: threading.Thread | None = None
        self.setObjectName(f"job{number}")

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began, or that it took."""
        return self._took if self._took is not None else time.monotonic() - self._began

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the present stage still needs, at its mean speed so far; None while nobody can know."""
        if self.progress is None or self.state is not State.RUNNING:
            return None
        done, elapsed = self.progress.done - self._stage_from, time.monotonic() - self._stage_began
        if done <= 0 or elapsed < 0.5 or self.progress.total <= 0:
            return None
        return max(0.0, elapsed / done * (self.progress.total - self.progress.done))

    @property
    def fraction(self) -> float | None:
        """Share of the present stage that is done, 0 to 1; None while it is unknown."""
        if self.state is State.FINISHED:
            return 1.0
        if self.progress is None or self.progress.total <= 0:
            return None
        return min(max(self.progress.done / self.progress.total, 0.0), 1.0)

    def cancel(self) -> None:
        """Ask it to stop; what it has finished stays."""
        if self.state is State.RUNNING:
            self.state = State.STOPPING
            self._cancel.cancel()
            self.progressed.emit()

    def _start(self, function: JobFunction) -> None:
        # A daemon: a job that does not heed its token must not keep the process alive once the window is gone.
        self._thread = threading.Thread(target=self._run, args=(function,), name=f"job {self.number}: {self.title}", daemon=True)
        self._thread.start()

    def _run(self, function: JobFunction) -> None:
        try:
            end = _End(State.FINISHED, result=function(self._events.put, self._cancel))
        except JobCancelled:
            end = _End(State.CANCELLED)
        except BadInput as error:
            end = _End(State.FAILED, error=str(error), report=fault_report(self.title, traceback.format_exc()))
        except BaseException as error:
            sentence = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            end = _End(State.FAILED, error=sentence, report=fault_report(self.title, traceback.format_exc()))
        self._events.put(end)

    def _drain(self) -> None:
        changed, end = False, None
        for _ in range(_BATCH):
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                break
            changed = True
            if isinstance(event, Progress):
                self._note(event)
            elif isinstance(event, Metric):
                self.metricReported.emit(event)
            elif isinstance(event, Notice):
                self._say(f"Warning: {event.text}" if event.level == "warning" else event.text)
                self.noticed.emit(event)
            else:
                end = event
                break
        if changed and end is None:
            self.progressed.emit()
        if end is not None:
            self._finish(end)

    def _note(self, progress: Progress) -> None:
        if self.progress is None or progress.stage != self.progress.stage or progress.done < self.progress.done:
            self._stage_began, self._stage_from = time.monotonic(), progress.done
            if self.progress is None or progress.stage != self.progress.stage:
                self._say(progress.stage)
        self.progress = progress

    def _say(self, text: str) -> None:
        self.lines_said += 1
        self.log.append(f"{time.strftime('%H:%M:%S')}  {text}")

    def _finish(self, end: _End) -> None:
        if self._thread is not None:
            self._thread.join()
        self._took = time.monotonic() - self._began
        self.result, self.error, self.report = end.result, end.error, end.report
        self.state = end.state
        self._say({State.FINISHED: "Finished.", State.CANCELLED: "Cancelled."}.get(end.state, f"Failed: {end.error}"))
        self.progressed.emit()
        self.ended.emit(self.state)


class JobRunner(QObject):
    """Starts jobs, keeps them in order of their start, and hands on what they say 30 times a second."""

    jobStarted = Signal(object)  # Job
    jobChanged = Signal(object)  # Job
    jobEnded = Signal(object)  # Job
    jobsCleared = Signal()
    allEnded = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("jobRunner")
        self._jobs: list[Job] = []
        self._running: list[Job] = []
        self._numbers = itertools.count(1)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._on_tick)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, oldest first."""
        return tuple(self._jobs)

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs whose threads run."""
        self._running = [job for job in self._running if not job.state.ended]
        return tuple(self._running)

    def start(self, title: str, function: JobFunction) -> Job:
        """Run function(emit, cancel) in a thread; connect to the returned Job before control goes back to Qt."""
        job = Job(next(self._numbers), title, self)
        self._jobs.append(job)
        self._running.append(job)
        job.progressed.connect(lambda: self.jobChanged.emit(job))
        self.jobStarted.emit(job)
        job._start(function)
        self._timer.start()
        return job

    def cancel_all(self) -> None:
        """Ask every running job to stop; allEnded follows."""
        for job in self.running:
            job.cancel()

    def clear_ended(self) -> None:
        """Forget the jobs that have ended."""
        for job in [job for job in self._jobs if job.state.ended]:
            self._jobs.remove(job)
            job.deleteLater()
        self.jobsCleared.emit()

    def _on_tick(self) -> None:
        for job in self.running:
            job._drain()
            if job.state.ended:
                self.jobEnded.emit(job)
        if not self.running:
            self._timer.stop()
            self.allEnded.emit()


def duration(seconds: float) -> str:
    """Seconds for people: "7 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
