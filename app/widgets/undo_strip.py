"""A line that says what has just been done, and offers to undo it."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from app.widgets.elided import Elided
from app.widgets.play_bar import tool_button


class UndoStrip(QFrame):
    """Remembers what was done, the latest first; each undoing shows the one before."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("unfinished")  # the theme's look of a strip
        self._steps: list[tuple[str, Callable[[], object]]] = []
        self.text = Elided("", "undoText")
        self.button = QPushButton("Undo")
        self.button.setObjectName("undo")
        self.button.setToolTip("Take back what was done last (Ctrl+Z)")
        self.button.setProperty("compact", True)
        self.button.clicked.connect(self.undo)
        close = tool_button("undoClose", "close", "Hide this line; what was deleted stays in the trash")
        close.setIconSize(QSize(16, 16))
        close.clicked.connect(self.clear)
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 6, 16, 6)
        line.setSpacing(8)
        line.addWidget(self.text, 1)
        line.addWidget(self.button)
        line.addWidget(close)
        self.hide()

    def push(self, sentence: str, undo: Callable[[], object]) -> None:
        """Something was done, and can be undone so."""
        self._steps.append((sentence, undo))
        self._show()

    def undo(self) -> None:
        """Take back what was done last."""
        if self._steps:
            _, undo = self._steps.pop()
            self._show()
            undo()

    def clear(self) -> None:
        """Forget all: another workspace."""
        self._steps.clear()
        self._show()

    def _show(self) -> None:
        if self._steps:
            self.text.say(self._steps[-1][0])
        self.setVisible(bool(self._steps))
        self.changed.emit()
