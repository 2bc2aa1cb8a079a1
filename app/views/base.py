"""What every panel is: a name, a sentence, a help page, settings that are kept, and word of when its content is painted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.jobs import JobRunner
from app.pieces import Pieces
from app.session import Session
from app.settings import Settings
from app.theme import Theme
from app.widgets.panel_header import PanelHeader
from engine.parameters import Parameters


@dataclass(frozen=True)
class Tools:
    """What the window lends to each view."""

    session: Session
    jobs: JobRunner
    settings: Settings
    theme: Theme


@dataclass(frozen=True)
class Command:
    """Something a view can do, for the command palette and the Panel menu."""

    name: str
    text: str
    run: Callable[[], None]
    shortcut: str = ""
    tip: str = ""


class View(QWidget):
    """Base of all panels: a header over `self.content`, a layout that the view fills.

    A view reads and writes `self.tools.session`, starts engine jobs with `self.tools.jobs.start(title, function)`, never calls
    another view, and never computes. Splitters and table headers that have object names keep their layout by themselves; what
    else should be kept goes into `Options`, read by `self.options` and written by `save_options`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one sentence under the title
    guide: ClassVar[str] = ""  # the guide page behind the header's question mark
    Options: ClassVar[type[Parameters]] = Parameters

    painted = Signal()  # once, when the panel has painted its real content
    guideRequested = Signal(str)
    panelRequested = Signal(str)
    notified = Signal(object)  # app.report.Fault: a sentence for the person, shown without blocking

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tools = tools
        self.setObjectName(f"{self.name}Panel")
        self._ready = True
        self._told = False
        self._options: Parameters | None = None
        self.header = PanelHeader(self.title, self.summary, bool(self.guide))
        self.header.guideRequested.connect(lambda: self.guideRequested.emit(self.guide))
        self.content = QVBoxLayout()
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addLayout(self.content, 1)

    @classmethod
    def assemble(cls, tools: Tools, parent: QWidget | None = None) -> Pieces["View"]:
        """Build the view in pieces: an empty one, then what it is filled with.

        `parent` is where it will be shown: it stands there hidden, for to move a whole panel into a window takes long.
        """
        yield
        view = cls(tools, parent)
        view.hide()
        try:
            yield from view.fill()
        except Exception:
            view.deleteLater()
            raise
        return view

    def fill(self) -> Pieces[None]:
        """Make the parts, a yield after each that takes a moment, and then, without another yield, begin to work with them."""
        yield

    @property
    def options(self) -> Parameters:
        """The view's own settings, as they were saved."""
        if self._options is None:
            self._options = self.tools.settings.options(self.name, self.Options)
        return self._options

    def save_options(self, options: Parameters) -> None:
        """Keep the view's settings for the next start."""
        self._options = options
        self.tools.settings.save_options(self.name, options)

    def await_content(self) -> None:
        """Call in __init__ where the real content comes later (a job, a first frame); content_arrived ends the wait."""
        self._ready = False

    def content_arrived(self) -> None:
        """The real content is there and shown at the next paint; `painted` follows that."""
        self._ready = True
        self.update()

    def commands(self) -> Sequence[Command]:
        """What the view can do, beyond its buttons."""
        return ()

    def add_commands(self) -> None:
        """Make actions of the commands; the window calls it once. Their shortcuts work while the view is on the screen."""
        for command in self.commands():
            action = QAction(command.text, self)
            action.setObjectName(command.name)
            action.setToolTip(command.tip)
            action.setShortcut(QKeySequence(command.shortcut))
            action.triggered.connect(lambda checked=False, run=command.run: run())
            self.addAction(action)

    def open_recording(self, path: Path) -> bool:
        """Show a recording that was dropped or chosen; False where this view cannot."""
        return False

    def unsaved(self) -> str:
        """A sentence on what closing would cut short (a running recording); "" where nothing."""
        return ""

    def stop(self) -> None:
        """The window closes: stop sources and threads of the view's own, and finish what is being written."""

    def add_to_header(self, widget: QWidget) -> None:
        """Put a control into the header, left of the question mark."""
        self.header.add(widget)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell once that the real content is painted; the children paint after their parent, so after this event."""
        super().paintEvent(event)
        if self._ready and not self._told:
            self._told = True
            QTimer.singleShot(0, self, self.painted.emit)
