"""What will be built, drawn before it is trained: a column a layer, as high as it has neurons, with the weights between."""

import math
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.theme import Theme
from engine.training.plan import NetworkPlan

_COLUMN = 26


class NetworkPicture(QWidget):
    """The drawing, with its sizes in words under it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("networkPicture")
        self._drawing = _Drawing(theme)
        self.words = QLabel()
        self.words.setObjectName("networkWords")
        self.words.setWordWrap(True)
        self.chip = QLabel()
        self.chip.setObjectName("networkChip")
        self.chip.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(4)
        layout.addWidget(self._drawing)
        layout.addWidget(self.words)
        layout.addWidget(self.chip)
        self.show_plan(None, "Choose a reference traverse.")

    def show_plan(self, plan: NetworkPlan | None, sentence: str = "") -> None:
        """Draw a plan; without one, say why there is none."""
        self._drawing.plan = plan
        self._drawing.setVisible(plan is not None)
        self._drawing.update()
        self.chip.setVisible(plan is not None)
        if plan is None:
            _say(self.words, sentence, "muted")
            return
        neurons = sum(layer.neurons for layer in plan.layers[1:])
        layers = len(plan.layers) - 1
        several = f"{plan.networks} networks, a window each, of " if plan.networks > 1 else ""
        _say(
            self.words,
            f"{several}{layers} layer{'s' * (layers > 1)}, {neurons:,} neurons, {plan.parameters:,} parameters: "
            f"{plan.kilobytes:,.0f} KB, {plan.kilobytes_8bit:,.0f} KB with 8-bit weights",
            "",
        )
        if plan.chip.fits:
            cores = ", ".join(str(layer.core) for layer in plan.chip.layers)
            _say(self.chip, f"Fits a Speck, on the cores {cores}.", "good")
        else:
            _say(self.chip, f"Does not fit a Speck. {plan.chip.sentence}", "warning")
        self.setAccessibleDescription(f"{self.words.text()}. {self.chip.text()}")


class _Drawing(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("networkDrawing")
        self.setToolTip("Inputs, feature layer and output layer; a column's height grows with the logarithm of its neurons")
        self._theme = theme
        self.plan: NetworkPlan | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(240, 4 * self.fontMetrics().lineSpacing() + 40)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.plan is None:
            return
        painter, colours = QPainter(self), self._theme.colours
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line, layers = self.fontMetrics().lineSpacing(), self.plan.layers
        top, bottom = line + 4, self.height() - line - 4
        step = self.width() / len(layers)
        largest = math.log(max(layer.neurons for layer in layers) + 1)
        shades = (colours.muted, *(colours.accent,) * (len(layers) - 2), colours.off_event)
        boxes = []
        for number, layer in enumerate(layers):
            height = max(6.0, (bottom - top) * math.log(layer.neurons + 1) / largest)
            centre = step * (number + 0.5)
            boxes.append(QRectF(centre - _COLUMN / 2, (top + bottom - height) / 2, _COLUMN, height))
        parts = [_parts(box, self.plan.networks) for box in boxes]
        for lefts, rights in pairwise(parts):
            shade = QColor(colours.border)
            shade.setAlpha(120)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            for left, right in zip(lefts, rights, strict=True):
                corners = [left.topRight(), right.topLeft(), right.bottomLeft(), left.bottomRight()]
                painter.drawPolygon(QPolygonF([QPointF(point) for point in corners]))
        for number, (layer, box) in enumerate(zip(layers, boxes, strict=True)):
            painter.setPen(QPen(QColor(colours.border), 1))
            painter.setBrush(QColor(shades[number]))
            for part in parts[number]:
                painter.drawRoundedRect(part, 4, 4)
            column = QRectF(step * number, 0, step, line)
            painter.setPen(QColor(colours.text))
            painter.drawText(column, Qt.AlignmentFlag.AlignCenter, f"{layer.neurons:,}")
            painter.setPen(QColor(colours.muted))
            last = number == len(layers) - 1 and layer.neurons != self.plan.places
            name = f"{self.plan.places:,} {layer.name}" if last else layer.name
            painter.drawText(column.translated(0, self.height() - line), Qt.AlignmentFlag.AlignCenter, name)
            if layer.weights:
                between = QRectF(
                    boxes[number - 1].right(), (top + bottom - line) / 2, box.left() - boxes[number - 1].right(), line
                )
                painter.drawText(between, Qt.AlignmentFlag.AlignCenter, _short(layer.weights))
        painter.end()


def _parts(box: QRectF, count: int) -> list[QRectF]:
    """A layer's column, cut into those of as many networks."""
    gap = 3.0 if count > 1 else 0.0
    height = max(1.0, (box.height() - gap * (count - 1)) / count)
    return [QRectF(box.left(), box.top() + number * (height + gap), box.width(), height) for number in range(count)]


def _short(weights: int) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if weights >= size:
            return f"{weights / size:.3g} {unit}"
    return str(weights)


def _say(label: QLabel, text: str, role: str) -> None:
    label.setProperty("role", role)
    label.style().unpolish(label)
    label.style().polish(label)
    label.setText(text)
