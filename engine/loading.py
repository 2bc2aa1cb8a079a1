"""Imports of large modules in a thread, beside which a window goes on answering."""

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SWITCH_S = 0.001


def load(module: str) -> Any:
    """Import a module; in a thread, it lets the other threads work often enough for a window to answer."""
    with _quick_switches():
        return importlib.import_module(module)


_lock = threading.Lock()
_users = 0
_usual_s = sys.getswitchinterval()


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Threads take turns of 1 ms instead of 5 ms: a window's thread gives its turn away hundreds of times in a paint."""
    global _users, _usual_s
    with _lock:
        if _users == 0:
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(min(_SWITCH_S, _usual_s))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                sys.setswitchinterval(_usual_s)
