"""The pixels of a similarity matrix: which part is seen, how large, and in what colours."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QColor, QImage

from app.theme import Colours
from engine.recognition.matrix_image import colour_scale
from engine.recognition.matrix_marks import HALO, PROPOSED, RIGHT, TRUE, WRONG, MatrixMarks
from engine.recognition.matrix_picture import Picture, Rectangle

TRUTH_COLOUR = "#ff4fd8"
PROPOSED_COLOUR = "#ff9e1b"
RIGHT_COLOUR = "#ffffff"
WRONG_COLOUR = "#ff3b30"
_MASKED = 32
NEAR = 7.0  # pixels a cell: from here on marks are outlines, through which the matrix is seen
_LARGEST_CELL = 64.0
_FILL = {  # how much of a mark covers the matrix, from far and from near
    HALO: (0.38, 0.22),
    PROPOSED: (0.9, 0.4),
    TRUE: (0.95, 0.4),
    RIGHT: (0.95, 0.0),
    WRONG: (0.95, 0.0),
}
_COLOURS = {HALO: TRUTH_COLOUR, PROPOSED: PROPOSED_COLOUR, TRUE: TRUTH_COLOUR, RIGHT: RIGHT_COLOUR, WRONG: WRONG_COLOUR}


class MatrixCanvas:
    """Keeps the picture of the part that is seen, and draws anew only what has changed. Lengths are in logical pixels."""

    def __init__(self) -> None:
        self.picture: Picture | None = None
        self.marks: MatrixMarks | None = None
        self.masked: NDArray[np.bool_] | None = None
        self.shape = (0, 0)
        self.size = (1, 1)  # width, height
        self.scale = (1.0, 1.0)  # pixels a query, pixels a reference
        self.origin = (0.0, 0.0)  # query, reference at the upper left corner
        self.composed = 0  # pixels, for the benchmark
        self._ratio = 1.0
        self._buffer = np.zeros((1, 1), np.uint32)
        self._image = QImage()
        self._stale = QRect()
        self._tables: tuple[NDArray[np.uint32], NDArray[np.uint32]] | None = None
        self._ground = 0

    # -- geometry

    def set_size(self, width: int, height: int, ratio: float) -> None:
        """The room on the screen, and physical pixels a logical one."""
        if (width, height) != self.size or ratio != self._ratio:
            self.size, self._ratio = (max(width, 1), max(height, 1)), ratio
            shape = (max(round(self.size[1] * ratio), 1), max(round(self.size[0] * ratio), 1))
            self._buffer = np.zeros(shape, np.uint32)
            self._image = QImage(self._buffer.data, shape[1], shape[0], 4 * shape[1], QImage.Format.Format_RGB32)
            self._image.setDevicePixelRatio(ratio)
            self.move(0, 0)
            self.all_stale()

    def fit(self) -> None:
        """Show the whole matrix: cells are square, unless that would leave most of the room empty."""
        rows, columns = self.shape
        if not rows or not columns:
            return
        across, down = self.size[0] / columns, self.size[1] / rows
        if max(across, down) <= 2.5 * min(across, down):
            across = down = min(across, down)
        self.scale = (min(across, _LARGEST_CELL), min(down, _LARGEST_CELL))
        self.origin = (0.0, 0.0)
        self.move(0, 0)
        self.all_stale()

    def zoom(self, factor: float, around: QPointF) -> None:
        """Make cells larger by `factor`; the place under `around` stays."""
        query, reference = self.cell_at(around)
        least = [min(room / max(count, 1), 1.0) * 0.9 for room, count in zip(self.size, reversed(self.shape), strict=True)]
        # One factor for both sides, so that square cells stay square.
        low = max(limit / now for limit, now in zip(least, self.scale, strict=True))
        factor = min(max(factor, min(low, 1.0)), max(_LARGEST_CELL / max(self.scale), 1.0))
        self.scale = (self.scale[0] * factor, self.scale[1] * factor)
        self.origin = (query - around.x() / self.scale[0], reference - around.y() / self.scale[1])
        self.move(0, 0)
        self.all_stale()

    def move(self, right: float, down: float) -> None:
        """Shift what is seen by pixels; the matrix never leaves its room."""
        made = []
        for side, pixels in ((0, right), (1, down)):
            count, seen = self.shape[1 - side], self.size[side] / self.scale[side]
            place = self.origin[side] - pixels / self.scale[side]
            made.append(min(max(place, 0.0), count - seen) if seen < count else (count - seen) / 2)
        if tuple(made) != self.origin:
            self.origin = (made[0], made[1])
            self.all_stale()

    def show_cell(self, reference: int, query: int) -> bool:
        """Shift so that a cell is seen; returns whether anything moved."""
        before = self.origin
        place = self.rectangle((reference, query, reference + 1, query + 1))
        right = max(0.0, -place.left()) - max(0.0, place.right() - self.size[0])
        down = max(0.0, -place.top()) - max(0.0, place.bottom() - self.size[1])
        if right or down:
            margin = 40.0  # so that the next steps are seen too
            self.move(right + np.sign(right) * margin, down + np.sign(down) * margin)
        return self.origin != before

    def cell_at(self, place: QPointF) -> tuple[float, float]:
        """(query, reference) under a pixel, as fractions."""
        return self.origin[0] + place.x() / self.scale[0], self.origin[1] + place.y() / self.scale[1]

    def rectangle(self, where: Rectangle) -> QRectF:
        """Where cells are on the screen."""
        left, top = (where[1] - self.origin[0]) * self.scale[0], (where[0] - self.origin[1]) * self.scale[1]
        return QRectF(left, top, (where[3] - where[1]) * self.scale[0], (where[2] - where[0]) * self.scale[1])

    def seen(self) -> Rectangle:
        """The cells that are seen, in part or whole."""
        top, left = max(int(self.origin[1]), 0), max(int(self.origin[0]), 0)
        bottom = min(int(np.ceil(self.origin[1] + self.size[1] / self.scale[1])), self.shape[0])
        right = min(int(np.ceil(self.origin[0] + self.size[0] / self.scale[0])), self.shape[1])
        return top, left, max(bottom, top), max(right, left)

    @property
    def near(self) -> bool:
        """Whether cells are large enough for outlines."""
        return min(self.scale) >= NEAR

    # -- colours

    def set_colours(self, colours: Colours) -> None:
        """Mix the colours of every byte under every combination of marks, from far and from near."""
        ground = _rgb(colours.alternate if not colours.dark else colours.rail)
        self._ground = int(_packed(ground[None])[0])
        base = colour_scale().astype(np.float64)
        tables = []
        for far_or_near in (0, 1):
            table = np.empty((2 * _MASKED, 256, 3))
            for marks in range(2 * _MASKED):
                mixed = base
                if marks & _MASKED:
                    mixed = 0.3 * mixed + 0.7 * ground
                for bit, amounts in _FILL.items():
                    if marks & bit:
                        amount = amounts[far_or_near] * (0.5 if marks & _MASKED and bit in (HALO, TRUE) else 1.0)
                        mixed = (1 - amount) * mixed + amount * _rgb(_COLOURS[bit])
                table[marks] = mixed
            tables.append(_packed(table.reshape(-1, 3)))
        self._tables = (tables[0], tables[1])
        self.all_stale()

    # -- drawing

    def all_stale(self) -> None:
        """Everything has to be drawn anew."""
        self._stale = QRect(0, 0, self._buffer.shape[1], self._buffer.shape[0])

    def cells_stale(self, where: Rectangle) -> QRectF:
        """These cells have to be drawn anew; returns where they are on the screen, with the pixels that they share."""
        # A pixel may show the cells of up to one coarser block around it.
        block = max(2 / min(self.scale), 1.0) if min(self.scale) < 1 else 0.0
        grown = (where[0] - block, where[1] - block, where[2] + block, where[3] + block)
        place = self.rectangle(grown).adjusted(-1, -1, 1, 1)  # type: ignore[arg-type]
        scaled = QRectF(place.topLeft() * self._ratio, place.size() * self._ratio).toAlignedRect()
        self._stale = self._stale.united(scaled)
        return place

    def image(self) -> QImage:
        """What is seen, up to date."""
        stale = self._stale.intersected(QRect(0, 0, self._buffer.shape[1], self._buffer.shape[0]))
        self._stale = QRect()
        if not stale.isEmpty():
            self._compose(stale)
        return self._image

    def _compose(self, where: QRect) -> None:
        part = self._buffer[where.top() : where.bottom() + 1, where.left() : where.right() + 1]
        part[:] = self._ground
        self.composed += part.size
        if self.picture is None or self._tables is None:
            return
        across, down = self.scale[0] * self._ratio, self.scale[1] * self._ratio
        columns = self.origin[0] + (np.arange(where.left(), where.right() + 1, dtype=np.float64) + 0.5) / across
        rows = self.origin[1] + (np.arange(where.top(), where.bottom() + 1, dtype=np.float64) + 0.5) / down
        wide = (columns >= 0) & (columns < self.shape[1])
        high = (rows >= 0) & (rows < self.shape[0])
        columns, rows = columns[wide], rows[high]
        if not len(columns) or not len(rows):
            return
        index = self.picture.sample(rows, columns).astype(np.uint16)
        flags = self.marks.flags if self.marks is not None else None
        if flags is not None:
            index |= flags.sample(rows, columns).astype(np.uint16) << 8
        if self.masked is not None and self.masked.any():
            covered = self._covered(columns, 1 / across)
            index |= (covered.astype(np.uint16) * np.uint16(_MASKED)) << 8
        left, top = int(np.argmax(wide)), int(np.argmax(high))
        table = self._tables[1 if self.near else 0]
        part[top : top + len(rows), left : left + len(columns)] = table[index]

    def _covered(self, columns: NDArray[np.float64], width: float) -> NDArray[np.bool_]:
        """Whether more than half of the queries of a column of pixels are masked."""
        if self.masked is None:
            return np.zeros(len(columns), bool)
        total = np.concatenate([[0], np.cumsum(self.masked)])
        first = np.clip(np.floor(columns - width / 2 + 1e-9).astype(int), 0, len(self.masked) - 1)
        last = np.clip(np.ceil(columns + width / 2 - 1e-9).astype(int), first + 1, len(self.masked))
        if width <= 1:
            first = np.minimum(columns.astype(int), len(self.masked) - 1)
            last = first + 1
        share: NDArray[np.bool_] = (total[last] - total[first]) * 2 > (last - first)
        return share


def _rgb(name: str) -> NDArray[np.float64]:
    colour = QColor(name)
    return np.array([colour.red(), colour.green(), colour.blue()], np.float64)


def _packed(colours: NDArray[np.float64]) -> NDArray[np.uint32]:
    red, green, blue = np.rint(colours).astype(np.uint32).T
    packed: NDArray[np.uint32] = np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue
    return packed
