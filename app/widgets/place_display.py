"""Where the network believes to be: the place's number, large enough to be read across a room, and how sure it is."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme


class PlaceDisplay(QWidget):
    """One place; all of it scales with the widget's height."""

    def __init__(self, theme: Theme, name: str = "placeDisplay") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Place")
        self.setToolTip("The best matching place, and how likely it is to be the right one")
        self._theme = theme
        self.place: int | None = None
        self.places: int | None = None
        self.confidence = 0.0
        self.lost = False
        self._hint = "No place yet"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(56)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A line."""
        return QSize(300, 64)

    def show_place(self, place: int, confidence: float, lost: bool, places: int | None = None) -> None:
        """Show a place, from 0."""
        self.place, self.confidence, self.lost, self.places = place, confidence, lost, places
        sure = f"{100 * confidence:.0f} percent sure"
        self.setAccessibleDescription(f"lost; best match place {place}" if lost else f"place {place}, {sure}")
        self.update()

    def show_nothing(self, hint: str) -> None:
        """There is no place: say why."""
        self.place, self._hint = None, hint
        self.setAccessibleDescription(hint)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Number, bar and words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        colours, height = self._theme.colours, self.height()
        if self.place is None:
            painter.setPen(QColor(colours.muted))
            painter.setFont(self._font(0.3))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._hint)
            return
        ink = QColor(colours.muted if self.lost else colours.text)
        small, large = self._font(0.24), self._font(0.72, QFont.Weight.DemiBold)
        painter.setFont(large)
        number = str(self.place)
        digits = len(str(self.places - 1)) if self.places else len(number)
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance("0" * max(digits, len(number)))
        painter.setFont(small)
        label = painter.fontMetrics().horizontalAdvance("Place ")
        base = height * 0.76
        painter.setPen(QColor(colours.muted))
        painter.drawText(QPointF(0, base), "Place")
        painter.setFont(large)
        painter.setPen(ink)
        painter.drawText(QPointF(label + height * 0.06, base), number)
        left = label + height * 0.06 + width + height * 0.34
        room = min(self.width() - left, height * 5.0)
        if room < height * 0.8:
            return
        self._draw_confidence(painter, QRectF(left, height * 0.2, room, height * 0.6), small)

    def _draw_confidence(self, painter: QPainter, where: QRectF, font: QFont) -> None:
        colours, height = self._theme.colours, self.height()
        colour = QColor(colours.warning if self.lost else colours.good if self.confidence >= 0.5 else colours.accent)
        painter.setFont(font)
        words = "Lost" if self.lost else f"{100 * self.confidence:.0f} % sure"
        painter.setPen(colour if self.lost else QColor(colours.text))
        painter.drawText(QPointF(where.left(), where.top() + height * 0.24), words)
        thick = max(height * 0.12, 4.0)
        bar = QRectF(where.left(), where.bottom() - thick - height * 0.04, where.width(), thick)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.border))
        painter.drawRoundedRect(bar, thick / 2, thick / 2)
        share = min(max(self.confidence, 0.0), 1.0)
        if share > 0:
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(bar.width() * share, thick), thick), thick / 2, thick / 2)

    def _font(self, share: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(max(round(self.height() * share), 8))
        font.setWeight(weight)
        return font
