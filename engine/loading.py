"""Imports of large modules in a thread, beside which a window goes on answering."""

import gc
import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SWITCH_S = 0.001


def load(module: str) -> Any:
    """Import a module; in a thread, it lets the other threads work often enough for a window to answer."""
    if module in sys.modules:
        return importlib.import_module(module)
    with _quick_switches(), _no_collections():
        return importlib.import_module(module)


_lock = threading.Lock()
_users = _importers = 0
_collected = True
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


@contextmanager
def _no_collections() -> Iterator[None]:
    """No search for garbage among what an import brings, now or later: it all stays, and a search holds all threads up, 50 ms."""
    global _importers, _collected
    with _lock:
        if _importers == 0:
            _collected = gc.isenabled()
            gc.disable()
        _importers += 1
    try:
        yield
    finally:
        with _lock:
            _importers -= 1
            if _importers == 0 and _collected:
                gc.freeze()
                gc.enable()
