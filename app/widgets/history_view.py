"""What the network said to the last windows, scrolling: places downwards, time to the right, the newest column beside it."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme
from app.widgets.colour_maps import counts_map

COLUMNS = 300
"""Windows that are shown: half a minute at ten answers a second."""
_ROWS = 512  # rows that are kept; of more places each row shows the largest
_PROFILE = 0.16
_GAP = 8
_TRUE = 2.0


class HistoryView(QWidget):
    """Scores by place and time, each column in its own contrast; dots where the match was, a band where the truth is known."""

    def __init__(self, theme: Theme, name: str = "historyView") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Similarity over time")
        self.setToolTip("How alike each place was, over the last windows; dots: the match; band: the true place, if known")
        self._theme = theme
        self._profile_shown = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 90)
        theme.changed.connect(self._on_theme)
        self.set_places(0)
        self._on_theme()

    def sizeHint(self) -> QSize:
        """Wider than high."""
        return QSize(420, 200)

    def show_profile(self, on: bool) -> None:
        """Draw the newest column beside the matrix, or not."""
        self._profile_shown = on
        self.update()

    def set_places(self, places: int) -> None:
        """Say how many places there are, and draw nothing."""
        self.places = places
        self._rows = min(places, _ROWS)
        self._image = np.zeros((max(self._rows, 1), COLUMNS), np.uint8)
        self._matches = np.full(COLUMNS, -1.0)
        self._lost = np.zeros(COLUMNS, np.bool_)
        self._truth = np.full((COLUMNS, 2), -1.0)
        self._column: NDArray[np.float32] | None = None
        self.filled = 0
        self.update()

    def clear(self) -> None:
        """Draw nothing."""
        self.set_places(self.places)

    def add(self, scores: NDArray[np.float32], place: int, lost: bool, truth: tuple[int, int] | None = None) -> None:
        """Add the newest window's scores (places,), its match, and the true places if they are known."""
        if len(scores) > self.places and self.filled:
            self._grow(len(scores))
        elif len(scores) != self.places:
            self.set_places(len(scores))
        self._image[:, :-1] = self._image[:, 1:]
        for array in (self._matches, self._lost, self._truth):
            array[:-1] = array[1:]
        self._image[:, -1] = _levels(scores, self._rows)
        self._matches[-1] = place
        self._lost[-1] = lost
        self._truth[-1] = truth if truth is not None else (-1, -1)
        self._column = scores
        self.filled = min(self.filled + 1, COLUMNS)
        self.update()

    def _grow(self, places: int) -> None:
        """A place was added: what was shown stays."""
        rows = min(places, _ROWS)
        self._image = np.vstack([self._image[: self._rows], np.zeros((rows - self._rows, COLUMNS), np.uint8)])
        self.places, self._rows = places, rows

    def paintEvent(self, event: QPaintEvent) -> None:
        """The matrix, what lies on it, and the newest column."""
        painter = QPainter(self)
        colours = self._theme.colours
        whole = QRectF(self.rect())
        profile = whole.width() * _PROFILE if self._profile_shown else 0.0
        matrix = QRectF(0, 0, whole.width() - profile - (_GAP if profile else 0), whole.height())
        painter.fillRect(matrix, QColor(colours.base))
        if not self.filled:
            painter.setPen(QColor(colours.muted))
            painter.drawText(whole, Qt.AlignmentFlag.AlignCenter, "No window yet")
            return
        self._paint_matrix(painter, matrix)
        if profile:
            self._paint_column(painter, QRectF(matrix.right() + _GAP, 0, profile, whole.height()))

    def _paint_matrix(self, painter: QPainter, where: QRectF) -> None:
        colours = self._theme.colours
        picture = QImage(self._image.data, COLUMNS, self._image.shape[0], COLUMNS, QImage.Format.Format_Indexed8)
        picture.setColorTable(self._table)
        painter.drawImage(where, picture)
        across, down = where.width() / COLUMNS, where.height() / max(self.places, 1)
        painter.save()
        painter.setClipRect(where)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        known = np.flatnonzero(self._truth[:, 0] >= 0)
        if len(known):
            band = QColor(colours.good)
            painter.setPen(QPen(band, max(_TRUE, down), Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            for column in known:
                first, last = self._truth[column]
                y = (first + last + 1) / 2 * down
                painter.drawLine(QPointF(where.left() + column * across, y), QPointF(where.left() + (column + 1) * across, y))
        size = max(min(across, 4.0), 2.0)
        painter.setPen(Qt.PenStyle.NoPen)
        for lost, colour in ((True, QColor(colours.muted)), (False, QColor(colours.off_event))):
            painter.setBrush(colour)
            for column in np.flatnonzero((self._matches >= 0) & (self._lost == lost)):
                x = where.left() + (column + 0.5) * across
                y = (self._matches[column] + 0.5) * down
                painter.drawEllipse(QPointF(x, y), size / 2 + 0.5, size / 2 + 0.5)
        painter.restore()

    def _paint_column(self, painter: QPainter, where: QRectF) -> None:
        if self._column is None:
            return
        colours = self._theme.colours
        levels = _levels(self._column, self._rows).astype(np.float64) / 255
        down = where.height() / len(levels)
        points = [QPointF(where.left(), where.top())]
        for row, level in enumerate(levels):
            x = where.left() + level * (where.width() - 2)
            points += [QPointF(x, where.top() + row * down), QPointF(x, where.top() + (row + 1) * down)]
        points.append(QPointF(where.left(), where.bottom()))
        fill = QColor(colours.accent)
        fill.setAlpha(70)
        painter.setBrush(fill)
        painter.setPen(QPen(QColor(colours.accent), 1))
        painter.drawPolygon(QPolygonF(points))
        y = where.top() + (self._matches[-1] + 0.5) * where.height() / max(self.places, 1)
        painter.setPen(QPen(QColor(colours.muted if self._lost[-1] else colours.off_event), 2))
        painter.drawLine(QPointF(where.left(), y), QPointF(where.right(), y))

    def _on_theme(self) -> None:
        table = counts_map(self._theme.colours)
        self._table = [QColor(*map(int, colour)).rgb() for colour in table]
        self.update()


def _levels(scores: NDArray[np.float32], rows: int) -> NDArray[np.uint8]:
    """A column as (rows,) levels of 0 to 255 between its least and its largest."""
    values = np.asarray(scores, np.float64)
    if rows < len(values):
        starts = np.arange(rows) * len(values) // rows
        values = np.maximum.reduceat(values, starts)
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(rows, np.uint8)
    return np.rint(255 * (values - low) / (high - low)).astype(np.uint8)
