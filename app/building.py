"""How panels come into being while the window goes on answering: modules in a thread or one by one, widgets in pieces."""

import importlib
import inspect
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.background import Background, failure
from app.imports import needs_of
from app.panels import Panel
from app.pieces import Pieces, at_once
from app.views.base import Tools, View
from app.widgets.panel_header import PanelHeader
from engine.jobs import CancelToken
from engine.loading import load

_REST_MS = 1000  # between a panel and the import of others that nobody has asked for
_PAUSE_MS = 2  # between two pieces: what a person does meanwhile comes first


class Frame(QWidget):
    """What is shown of a panel until it is built: its header over an empty room."""

    def __init__(self, entry: Panel) -> None:
        super().__init__()
        self.entry = entry
        self.setObjectName(f"{entry.name}Panel")  # the docks' layout is kept under the panel's name
        known = entry.view_class if entry.loaded else None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        header = PanelHeader(entry.title, known.summary if known is not None else "", known is not None and bool(known.guide))
        room = QPushButton()  # as high as with the buttons that are to come
        policy = room.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        room.setSizePolicy(policy)
        room.hide()
        header.add(room)
        layout.addWidget(header)
        layout.addStretch(1)


class Imports(QObject):
    """Imports the panels' modules, one panel's at a time, and none while a panel is built: both would take twice as long.

    What they need of the engine and of other packages is imported in a thread, then the app's own modules here, one in each turn
    of the event loop (why: app.imports).
    """

    rested = Signal()  # nothing is imported now

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("imports")
        self._background = Background(self)
        self._busy, self._held = False, 0
        self._later: list[Panel] = []
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._go_on)
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(_PAUSE_MS)
        self._turn.timeout.connect(self._import_next)
        self._modules: list[str] = []
        self._title = ""
        self._ended: Callable[[str], None] = lambda sentence: None

    @property
    def busy(self) -> bool:
        """Whether a module is being imported."""
        return self._busy

    def warm_up(self, entries: Sequence[Panel]) -> None:
        """Import these when there is nothing else to do, so that a first click finds them there."""
        self._later = list(entries)
        self._go_on()

    def load(self, entry: Panel, done: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Import a panel's module; then done() or failed(sentence)."""
        self._busy = True

        def ended(sentence: str) -> None:
            self._busy = False
            if sentence:
                failed(sentence)
            else:
                done()
            self.rested.emit()
            self._go_on()

        def prepare(cancel: CancelToken) -> list[str]:
            others, ours = needs_of(entry.module)
            for name in others:
                cancel.check()
                load(name)
            return ours

        def go_on(ours: list[str]) -> None:
            self._modules, self._ended, self._title = ours, ended, title
            self._import_next()

        title = f"Import {entry.title}"
        self._background.run(title, prepare, go_on, ended)

    def _import_next(self) -> None:
        """Import the next of the app's modules; after the last one, say so."""
        if not self._modules:
            self._ended("")
            return
        try:
            importlib.import_module(self._modules.pop(0))
        except Exception as error:
            self._ended(failure(self._title, error))
            return
        self._turn.start()

    def hold(self) -> None:
        """A panel is being built."""
        self._held += 1

    def release(self) -> None:
        """It is not any more."""
        self._held -= 1
        if self._later:
            self._rest.start()  # the panel is painted and fills itself now, for which it needs the processor

    def stop(self) -> None:
        """The window closes."""
        self._later = []
        self._rest.stop()
        self._turn.stop()
        self._background.stop()

    def _go_on(self) -> None:
        self._later = [entry for entry in self._later if not entry.loaded]
        if self._later and not self._busy and not self._held:
            self.load(self._later.pop(0), lambda: None, lambda sentence: None)  # who asks for that panel is told


class Building(QObject):
    """Builds one panel, a piece in each turn of the event loop; `finish` does the rest at once."""

    built = Signal(object)  # the view
    failed = Signal(str)  # a sentence; "" where the application's hook tells it

    def __init__(self, entry: Panel, tools: Tools, imports: Imports, place: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName(f"{entry.name}Building")
        self.frame = Frame(entry)
        self._entry, self._imports = entry, imports
        self._pieces: Pieces[View] = entry.assemble(tools, place)
        self._view: View | None = None  # whole, but not told of yet
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._step)
        self._holds = True
        imports.hold()

    def start(self) -> None:
        """Begin, once no other module is being imported; the panel's own comes first where it is not there yet."""
        if self._imports.busy:
            self._imports.rested.connect(self._on_rested)
        elif self._entry.loaded:
            self._timer.start()
        else:
            self._imports.load(self._entry, self._on_loaded, self._on_failed)

    def finish(self) -> View:
        """The view, now."""
        self._timer.stop()
        view, self._view = self._view, None
        return view if view is not None else at_once(self._pieces)

    def stop(self) -> None:
        """Build for nobody any more."""
        self._timer.stop()
        view, self._view = self._view, None
        if view is None and inspect.getgeneratorstate(self._pieces) == inspect.GEN_SUSPENDED:
            view = at_once(self._pieces)  # parts that stand nowhere yet would be left behind, and a view can stop only as a whole
        if view is not None:
            view.stop()
            view.deleteLater()
        if self._holds:
            self._holds = False
            self._imports.release()

    def _on_rested(self) -> None:
        self._imports.rested.disconnect(self._on_rested)
        if self._holds:
            self.start()

    def _on_loaded(self) -> None:
        if self._holds:
            self._timer.start()

    def _on_failed(self, sentence: str) -> None:
        if self._holds:
            self.failed.emit(sentence)

    def _step(self) -> None:
        if self._view is not None:
            self.built.emit(self.finish())
            return
        try:
            next(self._pieces)
        except StopIteration as end:
            self._view = end.value  # to be told of in a turn of its own: to find a place for it takes a moment too
        except Exception:
            self.failed.emit("")
            raise
        self._timer.start()
