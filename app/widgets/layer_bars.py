"""How much each layer fires, against what it did in training."""

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme

_ROW, _BAR = 46, 10
_DECADES = (-1.0, 3.0)  # of Hz


@dataclass(frozen=True)
class LayerRate:
    """One layer."""

    name: str
    where: str  # "core 3", "CPU"
    neurons: int
    rate_hz: float
    trained_hz: float | None = None


class LayerBars(QWidget):
    """A bar a layer, on a logarithmic scale from 0.1 to 1,000 Hz; a mark where training was."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("layerBars")
        self.setAccessibleName("Firing rates by layer")
        self.setToolTip(
            "Spikes a neuron and second of each layer; the triangle: on frames of the reference, simulated on the CPU"
        )
        self._theme = theme
        self.layers: tuple[LayerRate, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(90)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Three layers."""
        return QSize(260, 3 * _ROW + 8)

    def show_layers(self, layers: tuple[LayerRate, ...]) -> None:
        """Draw the rates."""
        if layers != self.layers:
            self.layers = layers
            self.setAccessibleDescription("; ".join(f"{layer.name} {layer.rate_hz:.3g} Hz" for layer in layers))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names, bars, marks, figures."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = self._theme.colours
        if not self.layers:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No layer is monitored yet")
            return
        row = min(self.height() / len(self.layers), _ROW * 1.4)
        for number, layer in enumerate(self.layers):
            self._paint_row(painter, layer, QRectF(2, number * row, self.width() - 8, row))

    def _paint_row(self, painter: QPainter, layer: LayerRate, where: QRectF) -> None:
        colours = self._theme.colours
        metrics = painter.fontMetrics()
        line = where.top() + metrics.ascent() + 4
        painter.setPen(QColor(colours.text))
        name = f"{layer.name[:1].upper()}{layer.name[1:]}"
        painter.drawText(QPointF(where.left(), line), name)
        painter.setPen(QColor(colours.muted))
        beside = f"{layer.neurons} neurons · {layer.where}"
        painter.drawText(QPointF(where.left() + metrics.horizontalAdvance(name + "  "), line), beside)
        told = f"{layer.rate_hz:.3g} Hz"
        painter.setPen(QColor(colours.text))
        painter.drawText(QPointF(where.right() - metrics.horizontalAdvance(told), line), told)
        bar = QRectF(where.left(), line + 7, where.width(), _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.border))
        painter.drawRoundedRect(bar, 3, 3)
        painter.setBrush(QColor(colours.accent))
        painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(bar.width() * _place(layer.rate_hz), 3), _BAR), 3, 3)
        if layer.trained_hz is not None:
            x = bar.left() + bar.width() * _place(layer.trained_hz)
            painter.setBrush(QColor(colours.text))
            painter.setPen(QPen(QColor(colours.base), 1))
            mark = [QPointF(x, bar.bottom() - 1), QPointF(x - 5, bar.bottom() + 7), QPointF(x + 5, bar.bottom() + 7)]
            painter.drawPolygon(QPolygonF(mark))


def _place(rate_hz: float) -> float:
    low, high = _DECADES
    return min(max((math.log10(max(rate_hz, 1e-6)) - low) / (high - low), 0.0), 1.0)
