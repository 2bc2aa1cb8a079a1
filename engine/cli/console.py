"""What a job says, on a terminal: progress with time left, notices, and a clean stop on Ctrl-C."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from engine.errors import BadInput
from engine.jobs import CancelToken, JobEvent, Notice, Progress
from engine.storage import check_can_be_made, write_json

_GRACE_S = 0.7  # a job stops by itself within half a second; whatever else is running is interrupted after this


class Console:
    """Prints for people on standard error, so that standard output is free for --json -."""

    def __init__(self, quiet: bool = False) -> None:
        from rich.console import Console as RichConsole

        self.rich = RichConsole(stderr=True, quiet=quiet, highlight=False)
        self.notices: list[str] = []
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}

    def emit(self, event: JobEvent) -> None:
        """Show one event of a job."""
        if isinstance(event, Progress):
            self._show(event)
        elif isinstance(event, Notice):
            self.notices.append(event.text)
            self.say(event.text, "yellow" if event.level == "warning" else "")

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence."""
        self.rich.print(text, style=style or None, markup=False, soft_wrap=True)

    def _show(self, event: Progress) -> None:
        if self._progress is None:
            return
        if not self._tasks:
            self._progress.start()
        if event.stage not in self._tasks:
            title = event.stage[:1].upper() + event.stage[1:]
            self._tasks[event.stage] = self._progress.add_task(title, total=event.total, unit=event.unit)
        self._progress.update(self._tasks[event.stage], completed=event.done, total=event.total)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show progress bars, one a stage, while the body runs."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        bars = Bars(*columns, console=self.rich)  # started by the first progress: an empty one would leave an empty line
        self._progress, self._tasks = bars, {}
        try:
            yield
        finally:
            self._progress = None
            if self._tasks:
                bars.stop()


@contextmanager
def stopping_on_interrupt() -> Iterator[CancelToken]:
    """A token that Ctrl-C (or SIGTERM) cancels; what does not heed it within 0.7 s is interrupted."""
    token = CancelToken()

    def asked(number: int, frame: FrameType | None) -> None:
        token.cancel()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, _GRACE_S)

    def late(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    handlers = {signal.SIGINT: asked, signal.SIGTERM: asked}
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = late
    old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield token
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in old.items():
            signal.signal(number, handler)


def take_time_to_end() -> None:
    """Once a job has heeded the wish to stop: what it still has to finish (a file, a camera) is not interrupted."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def check_result(target: str | None) -> None:
    """Refuse a place where write_result could not write, before the work whose result it is."""
    if target is None or target == "-":
        return
    path = Path(target)
    if path.is_dir():
        raise BadInput(f"{target} is a folder: name a file with --json, or - for standard output.")
    if not path.exists():
        check_can_be_made(path, "--json")


def write_result(target: str | None, result: dict[str, Any]) -> None:
    """Write a command's result as JSON: to standard output for "-", to a file or a device otherwise, nowhere for None."""
    if target is None:
        return
    path = Path(target)
    if target == "-":
        sys.stdout.write(_json(result))
        sys.stdout.flush()
    elif path.exists() and not path.is_file() and not path.is_dir():  # /dev/stderr, a named pipe: written to, never replaced
        with path.open("w", encoding="utf-8") as device:
            device.write(_json(result))
    else:
        write_json(path, result)


def _json(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
