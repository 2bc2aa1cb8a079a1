"""A line of text that ends in an ellipsis where there is no room for all of it."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QStyleOption

_LINE = "X"


class Elided(QLabel):
    """As a QLabel, but never wider than its place; the tooltip has the whole text, unless one was set.

    Qt's own label would have the window laid out anew for every text. This one has the size of a line, whatever it says, and
    is only painted: a running training says how far it is five times a second.
    """

    def __init__(self, text: str = "", name: str = "", role: str = "") -> None:
        super().__init__(_LINE)
        self._words = ""
        if name:
            self.setObjectName(name)
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def minimumSizeHint(self) -> QSize:
        """Any width will do."""
        return QSize(20, super().minimumSizeHint().height())

    def text(self) -> str:
        """What it says, all of it."""
        return self._words

    def setText(self, text: str) -> None:
        """Say something else; nothing moves."""
        if text == self._words:
            return
        if self.accessibleName() in ("", self._words):
            self.setAccessibleName(text)
        self._words = text
        self.update()

    def say(self, text: str) -> None:
        """Show a text; nothing is drawn anew where it is the same."""
        if text != self._words:
            self.setText(text)
            self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what there is room for."""
        painter, option = QPainter(self), QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        text = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, self.width())
        self.style().drawItemText(
            painter, self.rect(), int(self.alignment()), self.palette(), self.isEnabled(), text, self.foregroundRole()
        )
        painter.end()
