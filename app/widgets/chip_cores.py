"""The chip's nine cores with what lies on them: which layer, and how much of the core's memory it takes."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.theme import Theme
from engine.chip.check import ChipCheck, LayerCheck
from engine.chip.limits import CORES, Core

_COLUMNS, _GAP, _BAR = 3, 8, 6
_KEY = "Bars: weights, and below them states"


class ChipCores(QWidget):
    """Three rows of three; a layer that fits no core is drawn over the core that comes nearest, in the colour of errors."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("chipCores")
        self.setAccessibleName("Layers on the chip's cores")
        self._theme = theme
        self.check: ChipCheck | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_check(self, check: ChipCheck | None) -> None:
        """Draw a network's layout; None draws the empty chip."""
        self.check = check
        self.setAccessibleDescription("" if check is None else check.sentence)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Three rows of boxes and a line under them."""
        return QSize(360, round(3 * self._row() + 2 * _GAP + 2) + self.fontMetrics().lineSpacing() + 4)

    def minimumSizeHint(self) -> QSize:
        """Narrow boxes of the same height."""
        return QSize(240, self.sizeHint().height())

    def layer_on(self, core: int) -> LayerCheck | None:
        """The layer that is drawn on a core."""
        on = [layer for layer in self.check.layers if layer.core == core] if self.check is not None else []
        return next((layer for layer in on if not layer.fits), on[0] if on else None)

    def text_of(self, core: int) -> str:
        """What a core's tip says."""
        limits, layer = CORES[core], self.layer_on(core)
        room = f"{limits.kernel_words // 1024} KB of weights and {limits.neuron_words // 1024} Ki states"
        if layer is None:
            return f"Core {core}: empty; it has {room}."
        if not layer.fits:
            return f"Core {core} comes nearest, but: {layer.why}"
        return (
            f"Core {core} holds the {layer.layer}: {layer.neurons:,} neurons of {layer.fan_in:,} weights each; "
            f"{layer.kernel_words / 1024:.1f} of {limits.kernel_words // 1024} KB of weights, "
            f"{layer.neuron_words / 1024:.1f} of {limits.neuron_words // 1024} Ki states."
        )

    def event(self, event: QEvent) -> bool:
        """A tip a core."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            for core in CORES:
                if self._box(core.number).contains(QPointF(event.pos())):
                    QToolTip.showText(event.globalPos(), self.text_of(core.number), self, self._box(core.number).toRect())
                    return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Boxes, names, bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for core in CORES:
            self._paint_core(painter, core, self.layer_on(core.number))
        line = self.fontMetrics().lineSpacing()
        painter.setPen(QColor(self._theme.colours.muted))
        under = QRectF(1, self.height() - line - 1, self.width() - 2, line)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, _KEY)
        painter.end()

    def _paint_core(self, painter: QPainter, core: Core, layer: LayerCheck | None) -> None:
        colours, box = self._theme.colours, self._box(core.number)
        wrong = layer is not None and not layer.fits
        painter.setPen(QPen(QColor(colours.error if wrong else colours.accent if layer else colours.border), 1))
        painter.setBrush(QColor(colours.base if layer else colours.window))
        painter.drawRoundedRect(box, 5, 5)
        inner = box.adjusted(8, 5, -8, -6)
        line = painter.fontMetrics().lineSpacing()
        head = QRectF(inner.left(), inner.top(), inner.width(), line)
        painter.setPen(QColor(colours.muted))
        painter.drawText(head, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(core.number))
        if layer is not None:
            painter.setPen(QColor(colours.error if wrong else colours.text))
            painter.drawText(head, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, layer.layer)
        used = (0, 0) if layer is None else (layer.kernel_words, layer.neuron_words)
        top = head.bottom() + 4
        for taken, available in zip(used, (core.kernel_words, core.neuron_words), strict=True):
            self._paint_bar(painter, QRectF(inner.left(), top, inner.width(), _BAR), taken, available)
            top += _BAR + 4

    def _paint_bar(self, painter: QPainter, bar: QRectF, taken: int, available: int) -> None:
        colours = self._theme.colours
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.border))
        painter.drawRoundedRect(bar, 2, 2)
        if taken:
            share = min(taken / available, 1.0)
            painter.setBrush(QColor(colours.error if taken > available else colours.accent))
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(share * bar.width(), 3.0), bar.height()), 2, 2)

    def _row(self) -> float:
        return self.fontMetrics().lineSpacing() + 2 * _BAR + 20

    def _box(self, core: int) -> QRectF:
        row, column = divmod(core, _COLUMNS)
        width = (self.width() - (_COLUMNS - 1) * _GAP - 2) / _COLUMNS
        return QRectF(1 + column * (width + _GAP), 1 + row * (self._row() + _GAP), width, self._row())
