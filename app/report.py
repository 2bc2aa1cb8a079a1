"""What goes wrong unforeseen: one hook for all threads, a log file, and a report that a person can copy."""

import logging
import logging.handlers
import platform
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QObject, Signal

from engine import __version__

log = logging.getLogger("revisit")


@dataclass(frozen=True)
class Fault:
    """Something that a person should know: `report` is what to paste into a bug report."""

    sentence: str
    report: str = ""
    level: str = "error"


def versions() -> dict[str, str]:
    """The versions of what Revisit runs on, without importing any of it."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"Revisit": __version__, "Python": platform.python_version(), "System": platform.platform()}
    names = "PySide6_Essentials pyqtgraph numpy opencv-python-headless pydantic torch sinabs dv-processing"
    for name in names.split():
        try:
            found[name.replace("PySide6_Essentials", "PySide6")] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def fault_report(what: str, trace: str) -> str:
    """What happened and with which versions, as text to copy."""
    lines = [f"{name}: {value}" for name, value in versions().items()]
    return f"{what}\n\n{trace.strip()}\n\n" + "\n".join(lines) + "\n"


class FaultHook(QObject):
    """Takes the exceptions that nobody caught, from every thread, into the log and to the window."""

    faultOccurred = Signal(object)  # Fault; emitted from any thread, so connect it to a QObject's method

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("faultHook")
        self._old: Callable[[], None] | None = None

    def install(self) -> None:
        """Take over sys.excepthook, threading.excepthook, sys.unraisablehook and the display of warnings."""
        saved = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)

        def restore() -> None:
            sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = saved

        self._old = restore
        sys.excepthook = self._on_exception
        threading.excepthook = lambda args: self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)
        sys.unraisablehook = lambda args: self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)
        warnings.showwarning = self._on_warning

    def uninstall(self) -> None:
        """Give the hooks back."""
        if self._old is not None:
            self._old()
            self._old = None

    def _on_exception(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error if error is not None else kind(), trace)
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        log.error("not caught in %s:\n%s", threading.current_thread().name, text)
        sentence = f"Something went wrong that Revisit did not foresee ({kind.__name__}: {error})."
        self.faultOccurred.emit(Fault(sentence, fault_report("Not caught in " + threading.current_thread().name, text)))

    def _on_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        log.warning("%s (%s:%d)", message, filename, lineno)
        # Libraries warn programmers; only what our own engine says is meant for the person at the window.
        if "engine" in Path(filename).parts and issubclass(category, UserWarning | RuntimeWarning):
            self.faultOccurred.emit(Fault(str(message), level="warning"))


def start_log(folder: Path) -> Path | None:
    """Log to a rotating file in `folder`, and warnings and worse to standard error; None where the folder cannot be written."""
    log.setLevel(logging.INFO)
    shape = logging.Formatter("%(asctime)s %(levelname)s %(threadName)s: %(message)s")
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    console.setFormatter(logging.Formatter("revisit: %(message)s"))
    log.addHandler(console)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(folder / "revisit.log", maxBytes=1 << 20, backupCount=3, encoding="utf-8")
    except OSError as error:
        log.warning("no log file: %s", error)
        return None
    handler.setFormatter(shape)
    log.addHandler(handler)
    return folder / "revisit.log"
