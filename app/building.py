"""How panels come into being while the window goes on answering: modules in a thread, widgets in pieces."""

import importlib
import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.background import Background
from app.panels import Panel
from app.pieces import Pieces, at_once
from app.views.base import Tools, View
from app.widgets.panel_header import PanelHeader

log = logging.getLogger(__name__)
_SWITCH_S = 0.001


class Frame(QWidget):
    """What is shown of a panel until it is built: its header over an empty room."""

    def __init__(self, entry: Panel) -> None:
        super().__init__()
        self.entry = entry
        self.setObjectName(f"{entry.name}Panel")  # the docks' layout is kept under the panel's name
        known = entry.view_class if entry.loaded else None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            PanelHeader(entry.title, known.summary if known is not None else "", known is not None and bool(known.guide))
        )
        layout.addStretch(1)


class Building(QObject):
    """Builds one panel, a piece in each turn of the event loop; `finish` does the rest at once."""

    built = Signal(object)  # the view
    failed = Signal(str)  # a sentence; "" where the application's hook tells it

    def __init__(self, entry: Panel, tools: Tools, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName(f"{entry.name}Building")
        self.frame = Frame(entry)
        self._entry = entry
        self._pieces: Pieces[View] = entry.assemble(tools)
        self._background = Background(self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        """Begin; without the panel's module, which is imported in a thread first."""
        if self._entry.loaded:
            self._timer.start(0)
        else:
            self._background.run(
                f"Import {self._entry.title}",
                lambda cancel: import_quietly(self._entry.module),
                lambda nothing: self._timer.start(0),
                self.failed.emit,
            )

    def finish(self) -> View:
        """The view, now."""
        self.stop()
        return at_once(self._pieces)

    def stop(self) -> None:
        """Build no further."""
        self._timer.stop()
        self._background.stop()

    def _step(self) -> None:
        try:
            next(self._pieces)
        except StopIteration as end:
            self.stop()
            self.built.emit(end.value)
        except Exception:
            self.stop()
            self.failed.emit("")
            raise


class Warming:
    """Imports the panels' modules one after the other in a thread, so that a first click finds them there."""

    def __init__(self, entries: Sequence[Panel]) -> None:
        self._modules = [entry.module for entry in entries if not entry.loaded]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="Import panels", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the module that is being imported."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        for module in self._modules:
            if self._stopped.is_set():
                return
            try:
                import_quietly(module)
            except Exception:  # the panel says so when it is asked for
                log.exception("%s cannot be imported", module)


def import_quietly(module: str) -> None:
    """Import a module in a thread, which lets go of the interpreter often enough for the window to answer."""
    with _quick_switches():
        importlib.import_module(module)


_switching = threading.Lock()
_users = 0
_usual_s = sys.getswitchinterval()


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Threads take turns of 1 ms instead of 5 ms: the window's thread gives its turn away hundreds of times in a paint."""
    global _users, _usual_s
    with _switching:
        if _users == 0:
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(min(_SWITCH_S, _usual_s))
        _users += 1
    try:
        yield
    finally:
        with _switching:
            _users -= 1
            if _users == 0:
                sys.setswitchinterval(_usual_s)
