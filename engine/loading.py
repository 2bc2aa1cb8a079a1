"""Imports of large modules in a thread, beside which a window goes on answering."""

import ctypes
import gc
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SWITCH_S = 0.001


def load(module: str) -> Any:
    """Import a module; in a thread, it lets the other threads work often enough for a window to answer."""
    if module in sys.modules:
        return importlib.import_module(module)
    with _quick_switches(), _no_collections():
        return importlib.import_module(module)


def load_torch() -> Any:
    """Import torch. Half a gigabyte of library is read before, without the interpreter's lock, which its import would keep."""
    if "torch" not in sys.modules and threading.current_thread() is not threading.main_thread():
        _read_library("torch", "libtorch_global_deps.so", "libtorch_cpu.so")
    return load("torch")


def _read_library(package: str, *names: str) -> None:
    """Bring a package's libraries into the process by a call that gives the lock away, as ctypes.CDLL(path) does not.

    Where that is not possible (another system, another layout) nothing happens: the import does it.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None or sys.platform != "linux":
        return
    opened = ctypes.CDLL(None).dlopen
    opened.restype, opened.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for name in names:
        path = Path(found.origin).parent / "lib" / name
        if path.is_file():
            opened(os.fsencode(path), os.RTLD_NOW | (os.RTLD_GLOBAL if "global" in name else os.RTLD_LOCAL))


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
