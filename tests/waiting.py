"""Waiting for what another thread, process or the system does: on the condition itself, never for a fixed time."""

import threading
import time
from collections.abc import Callable
from typing import Any

# Long enough for any machine that still makes progress: a test that waits this long has hung.
PATIENCE_S = 60.0


def in_some_attempt(promise: Callable[[], bool], attempts: int = 10) -> bool:
    """Whether a promise about time is kept in one attempt of several.

    A process keeps its times while the system gives it its turns, which a loaded machine may withhold now and then; one that
    breaks its promise breaks it every time.
    """
    return any(promise() for _ in range(attempts))


def until(condition: Callable[[], Any], what: str = "what was waited for", patience_s: float = PATIENCE_S) -> Any:
    """The first true value of the condition, which is looked at every 5 ms."""
    pause = threading.Event()
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {patience_s:g} s"
        pause.wait(0.005)
    return value
