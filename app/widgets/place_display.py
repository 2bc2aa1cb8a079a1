"""Where the network believes to be: the place's number, large enough to be read across a room, and how sure it is."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme


class PlaceDisplay(QWidget):
    """One place; all of it scales with the widget's height."""

    def __init__(self, theme: Theme, name: str = "placeDisplay", tall: bool = False) -> None:
        """A line, or, `tall`, a column with everything below one another."""
        super().__init__()
        self._tall = tall
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
        if self._tall:
            self._paint_tall(painter)
            return
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

    def _paint_tall(self, painter: QPainter) -> None:
        """In a column: all sizes by its width, as far as the height allows."""
        colours = self._theme.colours
        unit = min(self.width() / 10, self.height() / 9)
        painter.setPen(QColor(colours.muted))
        painter.setFont(_sized(self.font(), 1.1 * unit))
        if self.place is None:
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), flags, self._hint)
            return
        painter.drawText(QPointF(0, 1.2 * unit), "Place")
        number = str(self.place)
        size = min(5.4 * unit, 2.9 * self.width() / max(len(number), 2) / 1.9)
        painter.setFont(_sized(self.font(), size, QFont.Weight.DemiBold))
        painter.setPen(QColor(colours.muted if self.lost else colours.text))
        painter.drawText(QPointF(-0.04 * size, 1.6 * unit + 0.85 * size), number)
        below = QRectF(0, 1.9 * unit + size, self.width(), 2.6 * unit)
        self._draw_words(painter, below, _sized(self.font(), 1.1 * unit), unit)

    def _draw_words(self, painter: QPainter, where: QRectF, font: QFont, unit: float) -> None:
        painter.setFont(font)
        colour = self._colour()
        painter.setPen(colour if self.lost else QColor(self._theme.colours.text))
        painter.drawText(QPointF(where.left(), where.top() + unit), self._words())
        self._draw_bar(painter, QRectF(where.left(), where.top() + 1.5 * unit, where.width() - 2, 0.55 * unit), colour)

    def _draw_confidence(self, painter: QPainter, where: QRectF, font: QFont) -> None:
        height, colour = self.height(), self._colour()
        painter.setFont(font)
        painter.setPen(colour if self.lost else QColor(self._theme.colours.text))
        painter.drawText(QPointF(where.left(), where.top() + height * 0.24), self._words())
        thick = max(height * 0.12, 4.0)
        self._draw_bar(painter, QRectF(where.left(), where.bottom() - thick - height * 0.04, where.width(), thick), colour)

    def _draw_bar(self, painter: QPainter, bar: QRectF, colour: QColor) -> None:
        round_ = bar.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colours.border))
        painter.drawRoundedRect(bar, round_, round_)
        share = min(max(self.confidence, 0.0), 1.0)
        if share > 0:
            painter.setBrush(colour)
            painter.drawRoundedRect(
                QRectF(bar.left(), bar.top(), max(bar.width() * share, bar.height()), bar.height()), round_, round_
            )

    def _colour(self) -> QColor:
        colours = self._theme.colours
        return QColor(colours.warning if self.lost else colours.good if self.confidence >= 0.5 else colours.accent)

    def _words(self) -> str:
        return "Lost" if self.lost else f"{100 * self.confidence:.0f} % sure"

    def _font(self, share: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
        return _sized(self.font(), self.height() * share, weight)


def _sized(font: QFont, pixels: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    made = QFont(font)
    made.setPixelSize(max(round(pixels), 8))
    made.setWeight(weight)
    return made
