"""The time line of a recording: its event rate, where playing is, and a place to take hold of to go elsewhere."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme

_EDGE = 4


class Timeline(QWidget):
    """Times are in microseconds of the recording; click, drag, or the arrow keys ask for another."""

    seekRequested = Signal(int)  # us

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("timeline")
        self.setAccessibleName("Time line")
        self.setToolTip("The recording's event rate; click or drag to go to another time (arrow keys: 1 s)")
        self._theme = theme
        self._range: tuple[int, int] | None = None
        self._position: int | None = None
        self._rates: NDArray[np.float64] = np.zeros(0)
        self._shape: QPainterPath | None = None
        self._held = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)
        self.setEnabled(False)

    def sizeHint(self) -> QSize:
        """One line of controls high."""
        return QSize(300, 34)

    def minimumSizeHint(self) -> QSize:
        """Narrow windows still have a time line."""
        return QSize(80, 34)

    def show_range(self, time_range: tuple[int, int] | None) -> None:
        """The recording's first and last time (us); None where there is no time to go to."""
        if time_range != self._range:
            self._range, self._shape = time_range, None
            self.setEnabled(time_range is not None)
            self.update()

    def show_rates(self, rates: NDArray[np.float64] | Sequence[float]) -> None:
        """The event rate in equal parts of the recording."""
        self._rates, self._shape = np.asarray(rates, np.float64), None
        self.update()

    def show_position(self, event_us: int | None) -> None:
        """Where playing is; passed over while the mouse has hold of it."""
        if event_us != self._position and not self._held:
            self._position = event_us
            self.update()

    @property
    def position_us(self) -> int | None:
        """Where the pointer stands."""
        return self._position

    def x_of(self, event_us: int) -> float:
        """Where a time is drawn."""
        first, last = self._range or (0, 1)
        return _EDGE + (self.width() - 2 * _EDGE) * (event_us - first) / max(last - first, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw."""
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QColor(colours.accent if self.hasFocus() else colours.border))
        painter.setBrush(QColor(colours.base))
        painter.drawRoundedRect(area, 4, 4)
        if self._range is not None:
            rates = QColor(colours.on_event)
            rates.setAlpha(110)
            painter.fillPath(self._curve(), rates)
            if self._position is not None:
                x = self.x_of(min(max(self._position, self._range[0]), self._range[1]))
                painter.setPen(QPen(QColor(colours.text), 2))
                painter.drawLine(QPointF(x, 3), QPointF(x, self.height() - 3))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton and self._range is not None:
            self._held = True
            self._go(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if self._held:
            self._go(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A second to and fro, or to an end."""
        if self._range is None:
            super().keyPressEvent(event)
            return
        first, last = self._range
        here = self._position if self._position is not None else first
        target = {
            Qt.Key.Key_Left: here - 1_000_000, Qt.Key.Key_Right: here + 1_000_000, Qt.Key.Key_Home: first, Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if target is None:
            super().keyPressEvent(event)
        else:
            self._ask(target)

    def resizeEvent(self, event: object) -> None:
        """The curve fits the width."""
        self._shape = None

    def _go(self, x: float) -> None:
        first, last = self._range or (0, 1)
        self._ask(round(first + (x - _EDGE) / max(self.width() - 2 * _EDGE, 1) * (last - first)))

    def _ask(self, target: int) -> None:
        first, last = self._range or (0, 1)
        self._position = min(max(target, first), last)
        self.update()
        self.seekRequested.emit(self._position)

    def _curve(self) -> QPainterPath:
        if self._shape is None:
            self._shape = QPainterPath()
            largest = float(self._rates.max()) if len(self._rates) else 0.0
            if largest > 0:
                bottom, height, width = self.height() - 2.0, self.height() - 6.0, self.width() - 2.0 * _EDGE
                self._shape.moveTo(_EDGE, bottom)
                for number, rate in enumerate(self._rates):
                    for end in (number, number + 1):
                        self._shape.lineTo(_EDGE + width * end / len(self._rates), bottom - height * float(rate) / largest)
                self._shape.lineTo(_EDGE + width, bottom)
                self._shape.closeSubpath()
        return self._shape


def clock(event_us: int) -> str:
    """A duration for people: 0:07.3, 12:05.0, 1:02:03.0."""
    tenths = max(event_us, 0) // 100_000
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"
