"""What stands around a similarity matrix: ticks, names, the cell under the mouse, and a strip with a state for each query."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen

from app.theme import Colours
from app.widgets.matrix_canvas import MatrixCanvas

STATES = ("", "confirmed", "suspicious", "rejected", "masked")
STRIP = 7  # pixels
_TICK = 4
_GAP = 64  # pixels between ticks, at least


@dataclass(frozen=True)
class Margins:
    """Pixels around the matrix."""

    left: int
    top: int
    right: int
    bottom: int


def margins_for(metrics: QFontMetrics, rows: int, strip: bool) -> Margins:
    """Room for the names, the ticks and the strip."""
    line = metrics.height()
    left = metrics.horizontalAdvance("0" * max(len(str(max(rows - 1, 0))), 2)) + _TICK + 6 + line
    return Margins(left, STRIP + 5 if strip else 3, 3, 2 * line + _TICK + 4)


def spacing(cells: float, pixels: float) -> int:
    """Cells between ticks: 1, 2 or 5 times a power of ten, so that labels have room."""
    least = max(cells / max(pixels, 1.0) * _GAP, 1.0)
    power = 10 ** int(np.floor(np.log10(least)))
    return int(next(step * power for step in (1, 2, 5, 10) if step * power >= least - 1e-9))


def draw_axes(painter: QPainter, canvas: MatrixCanvas, margins: Margins, whole: QSize, colours: Colours, said: str) -> None:
    """Ticks and names of both axes, and a cell in words at the lower right."""
    width, height = canvas.size
    top, left, bottom, right = canvas.seen()
    metrics, line = painter.fontMetrics(), painter.fontMetrics().height()
    painter.setPen(QPen(QColor(colours.muted), 1))
    step = spacing(width / canvas.scale[0], width)
    floor = margins.top + height
    for query in range(-(-left // step) * step, right, step):
        x = margins.left + canvas.rectangle((0, query, 1, query + 1)).center().x()
        if not margins.left <= x <= margins.left + width:
            continue
        painter.drawLine(QPointF(x, floor + 1), QPointF(x, floor + _TICK))
        label = str(query)
        half = metrics.horizontalAdvance(label) / 2
        place = min(max(x - half, margins.left - 2.0), margins.left + width - 2 * half)
        painter.drawText(QPointF(place, floor + _TICK + metrics.ascent() + 1), label)
    step = spacing(height / canvas.scale[1], height)
    for reference in range(-(-top // step) * step, bottom, step):
        y = margins.top + canvas.rectangle((reference, 0, reference + 1, 1)).center().y()
        if not margins.top <= y <= margins.top + height:
            continue
        painter.drawLine(QPointF(margins.left - 1 - _TICK, y), QPointF(margins.left - 2, y))
        place = min(max(y, margins.top + metrics.ascent() / 2), margins.top + height - metrics.ascent() / 2)
        room = QRectF(line, place - line / 2, margins.left - _TICK - 4 - line, line)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(reference))
    names = QRectF(margins.left, whole.height() - line - 2, width, line)
    painter.drawText(names, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "query →")
    painter.setPen(QColor(colours.text))
    painter.drawText(names, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, said)
    painter.save()
    painter.setPen(QColor(colours.muted))
    painter.translate(0, margins.top + height)
    painter.rotate(-90)
    painter.drawText(QRectF(0, 0, height, line), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "← reference")
    painter.restore()


def state_colours(colours: Colours) -> dict[str, str]:
    """The colour of each of STATES."""
    return {"confirmed": colours.good, "suspicious": colours.warning, "rejected": colours.error, "masked": colours.muted}


def draw_strip(painter: QPainter, canvas: MatrixCanvas, place: QRectF, states: NDArray[np.uint8], colours: Colours) -> None:
    """One state a query over its column; where several queries share a pixel, the highest state is seen."""
    painter.fillRect(place, QColor(colours.border))
    width = int(place.width())
    edges = canvas.origin[0] + np.arange(width + 1) / canvas.scale[0]
    first = np.clip(np.floor(edges[:-1]).astype(int), 0, len(states))
    last = np.clip(np.maximum(np.ceil(edges[1:]).astype(int), first + 1), 0, len(states))
    ink = {STATES.index(name): QColor(colour) for name, colour in state_colours(colours).items()}
    inside = (edges[1:] > 0) & (edges[:-1] < len(states)) & (last > first)
    shown = np.zeros(width, np.uint8)
    if inside.any():
        padded = np.append(states, np.uint8(0))
        pairs = np.stack([first[inside], last[inside]], axis=1).ravel()
        shown[inside] = np.maximum.reduceat(padded, pairs)[::2]
    turns = np.flatnonzero(np.diff(shown)) + 1
    for begin, end in zip([0, *turns.tolist()], [*turns.tolist(), width], strict=True):
        state = int(shown[begin])
        if state:
            painter.fillRect(QRectF(place.left() + begin, place.top(), end - begin, place.height()), ink[state])
