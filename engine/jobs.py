"""A job is a function of (parameters, inputs, emit, cancel): the window and the terminal read the same typed events.

A job calls `emit` a few times a second and `cancel.check()` between chunks of at most half a second of work.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.errors import JobCancelled


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of `stage` are finished."""

    stage: str
    done: int
    total: int
    unit: str = ""


@dataclass(frozen=True)
class Metric:
    """Named values at one step, for plots: numbers or small NumPy arrays."""

    name: str
    step: int
    values: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Notice:
    """A sentence for a person: `level` is "info" or "warning"."""

    text: str
    level: str = "info"


JobEvent = Progress | Metric | Notice
Emit = Callable[[JobEvent], None]


def ignore(event: JobEvent) -> None:
    """An `emit` for callers that do not listen."""


def noting(texts: list[str], onward: Emit = ignore) -> Emit:
    """An `emit` that adds the text of each Notice to a list, and hands every event on."""

    def note(event: JobEvent) -> None:
        if isinstance(event, Notice):
            texts.append(event.text)
        onward(event)

    return note


class CancelToken:
    """Set by the one who waits, checked by the job between chunks."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop."""
        self._asked.set()

    @property
    def cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise JobCancelled if the job was asked to stop."""
        if self._asked.is_set():
            raise JobCancelled("The job was cancelled.")


class Throttle:
    """Lets an event through at most `rate` times a second (and always the first)."""

    def __init__(self, rate: float = 10.0) -> None:
        self._interval = 1.0 / rate
        self._next = float("-inf")

    def restart(self) -> None:
        """Count from now, as if an event had been let through."""
        self._next = time.monotonic() + self._interval

    def ready(self) -> bool:
        """Whether it is time for another event."""
        if time.monotonic() < self._next:
            return False
        self.restart()
        return True
