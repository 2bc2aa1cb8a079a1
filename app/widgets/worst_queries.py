"""The queries whose best match is furthest off, as a gallery: query, best match, true place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem

from app.theme import Theme
from app.widgets.colour_maps import counts_map
from engine.frames.thumbnails import brightest

Index = QModelIndex | QPersistentModelIndex
Frame = NDArray[np.uint8]
_SIDE, _WIDEST = 96, 160  # pixels of a thumbnail
_MARGIN, _GAP = 10, 12
_HEADINGS = ("query", "best match", "true place")


@dataclass(frozen=True)
class WorstQuery:
    """One entry: numbers of frames (-1 where there is none), and what is wrong in words."""

    query: int
    place: int
    true_place: int
    words: str


class _Model(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[WorstQuery] = []

    def set_rows(self, rows: Sequence[WorstQuery]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own signature)
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"query {row.query}: {row.words}"
        return None


class WorstQueries(QListView):
    """Frames come from `frame_of(role, number)`, which may answer None and have the view painted anew when they are there."""

    queryChosen = Signal(int)

    def __init__(self, theme: Theme, frame_of: Callable[[str, int], Frame | None]) -> None:
        super().__init__()
        self.setObjectName("worstQueries")
        self.setAccessibleName("Queries that are furthest off")
        self._model = _Model()
        self.setModel(self._model)
        self.setItemDelegate(_Delegate(theme, frame_of, self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setToolTip("Click a query to see it large")
        self.selectionModel().currentChanged.connect(self._on_current)
        theme.changed.connect(self.viewport().update)

    def show_queries(self, rows: Sequence[WorstQuery]) -> None:
        """Show these, the worst first."""
        self._model.set_rows(rows)

    @property
    def rows(self) -> list[WorstQuery]:
        """What is shown."""
        return list(self._model.rows)

    def _on_current(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid():
            self.queryChosen.emit(self._model.rows[current.row()].query)


class _Delegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, frame_of: Callable[[str, int], Frame | None], view: QListView) -> None:
        super().__init__(view)
        self._theme, self._frame_of = theme, frame_of

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = option.fontMetrics.height()
        return QSize(3 * _SIDE + 2 * _GAP + 2 * _MARGIN, _SIDE + 2 * line + 2 * _MARGIN + 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = self._theme.colours
        rect: QRect = option.rect
        model = index.model()
        if not isinstance(model, _Model):
            return
        row = model.rows[index.row()]
        painter.save()
        if option.state & QStyleOptionViewItem().state.State_Selected:
            painter.fillRect(rect, QColor(colours.chosen))
        metrics = painter.fontMetrics()
        line = metrics.height()
        inner = rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        painter.setPen(QColor(colours.text))
        said = metrics.elidedText(f"Query {row.query}: {row.words}", Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(QRect(inner.left(), inner.top(), inner.width(), line), Qt.AlignmentFlag.AlignLeft, said)
        room = min(_WIDEST, (inner.width() - 2 * _GAP) // 3)
        numbers = (row.query, row.place, row.true_place)
        for place, (role, number) in enumerate(zip(_HEADINGS, numbers, strict=True)):
            box = QRect(inner.left() + place * (room + _GAP), inner.top() + line + 4, room, _SIDE)
            self._thumbnail(painter, box, role, number)
            painter.setPen(QColor(colours.muted))
            words = f"{role} {number}" if number >= 0 else f"no {role}"
            painter.drawText(QRect(box.left(), box.bottom() + 2, room, line), Qt.AlignmentFlag.AlignLeft, words)
        painter.restore()

    def _thumbnail(self, painter: QPainter, box: QRect, role: str, number: int) -> None:
        colours = self._theme.colours
        frame = self._frame_of(role, number) if number >= 0 else None
        if frame is None:
            painter.setPen(QColor(colours.border))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
            return
        scaled = np.minimum(frame.astype(np.float32) * (255 / brightest(frame)), 255).astype(np.uint8)
        pixels = np.ascontiguousarray(counts_map(colours)[scaled])
        height, width = frame.shape
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        size = QSize(width, height).scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(box.topLeft(), size)
        painter.drawImage(target, image)
        painter.setPen(QColor(colours.border))
        painter.drawRect(target.adjusted(0, 0, -1, -1))
