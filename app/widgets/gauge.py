"""A scale on which one value stands, with the range in which it should stand marked."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme

_BAR, _GAP = 8, 5


class Gauge(QWidget):
    """A logarithmic scale from 1 to 1000 with a marked range and a pointer."""

    def __init__(self, theme: Theme, good: tuple[float, float], unit: str, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._theme, self._good, self._unit = theme, good, unit
        self._value: float | None = None
        self._low, self._high = 1.0, 1000.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def value(self) -> float | None:
        """What the pointer shows."""
        return self._value

    @property
    def good(self) -> bool:
        """Whether the value is in the marked range."""
        return self._value is not None and self._good[0] <= self._value <= self._good[1]

    def show_value(self, value: float | None) -> None:
        """Put the pointer at a value; None takes it away."""
        if value != self._value:
            self._value = value
            self.setAccessibleDescription("" if value is None else f"{value:.3g} {self._unit}")
            self.update()

    def sizeHint(self) -> QSize:
        """A bar, a pointer over it, figures under it."""
        return QSize(180, _BAR + 2 * _GAP + self.fontMetrics().height() + 6)

    def minimumSizeHint(self) -> QSize:
        """As low as it is drawn."""
        return QSize(100, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw."""
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        top = 9.0
        painter.setBrush(QColor(colours.border))
        painter.drawRoundedRect(QRectF(4, top, self.width() - 8, _BAR), 3, 3)
        left, right = self._x(self._good[0]), self._x(self._good[1])
        painter.setBrush(QColor(colours.good))
        painter.drawRect(QRectF(left, top, right - left, _BAR))
        painter.setPen(QColor(colours.muted))
        under = QRectF(0, top + _BAR + _GAP, self.width(), self.fontMetrics().height())
        roomy = self.width() >= self.fontMetrics().horizontalAdvance("1 10 50 100 1000") * 1.7
        for value in (self._low, 10.0, *self._good, self._high) if roomy else self._good:
            text = f"{value:g}"
            width = self.fontMetrics().horizontalAdvance(text)
            x = self._x(value) - width / 2
            if value == self._good[0]:
                x = left - width + 2
            elif value == self._good[1]:
                x = right - 2
            painter.drawText(QPointF(min(max(x, 0), self.width() - width), under.bottom() - self.fontMetrics().descent()), text)
        if self._value is not None:
            x = self._x(self._value)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.text))
            painter.drawPolygon(QPolygonF([QPointF(x, top + 1), QPointF(x - 5, top - 8), QPointF(x + 5, top - 8)]))
            painter.drawRect(QRectF(x - 1, top, 2, _BAR))
        painter.end()

    def _x(self, value: float) -> float:
        share = math.log(min(max(value, self._low), self._high) / self._low) / math.log(self._high / self._low)
        return 6 + share * (self.width() - 12)
