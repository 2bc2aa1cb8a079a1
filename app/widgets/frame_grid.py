"""All frames of a traverse as thumbnails; only those on the screen are drawn and read, so its length does not matter."""

from collections.abc import Collection

import numpy as np
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip

from app.frames_cache import FrameCache
from app.theme import Theme
from app.widgets.colour_maps import counts_map
from engine.frames.thumbnails import thumbnail
from engine.places.traverse import Traverse

SIDES = (64, 96, 144)  # of a thumbnail on the screen, in pixels
_STORED = 96  # of a thumbnail in memory
_MEMORY_MIB = 64
_GAP = 6


class FrameGrid(QAbstractScrollArea):
    """A grid of frames in the index's order, with one current frame and a chosen range.

    A click makes a frame the current one, shift and a click (or dragging) choose a range; the arrow keys move, with shift they
    choose, Home and End go to the ends, Enter opens.
    """

    currentChanged = Signal(int)
    rangeChanged = Signal(object)  # (first, last), or None
    opened = Signal(int)  # double click or Enter

    def __init__(self, theme: Theme, name: str = "frameGrid") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Frames")
        self._theme = theme
        self._traverse: Traverse | None = None
        self._current = -1
        self._anchor = -1
        self._range: tuple[int, int] | None = None
        self._flags: dict[int, str] = {}
        self._side = SIDES[1]
        self._table: list[int] = []
        self.cache = FrameCache(self, _MEMORY_MIB, prepare=lambda frame: thumbnail(frame, _STORED))
        self.cache.frameReady.connect(self._on_ready)
        self.cache.frameFailed.connect(lambda folder, number, why: self._on_ready(folder, number))
        self.painted_frames = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(150, 100)
        self.viewport().setMouseTracking(False)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    # -- what is shown

    def show_traverse(self, traverse: Traverse | None, flags: dict[int, str] | None = None) -> None:
        """Show another traverse's frames, the first one current; `flags` are sentences about frames by number."""
        self._traverse, self._flags = traverse, dict(flags or {})
        self._current = 0 if traverse is not None and len(traverse) else -1
        self._anchor, self._range = self._current, None
        self._fit()
        self.verticalScrollBar().setValue(0)
        self.viewport().update()

    def set_flags(self, flags: dict[int, str]) -> None:
        """Mark frames with a sentence each (silent, saturated)."""
        self._flags = dict(flags)
        self.viewport().update()

    @property
    def count(self) -> int:
        """How many frames there are."""
        return 0 if self._traverse is None else len(self._traverse)

    @property
    def current(self) -> int:
        """The current frame; -1 without any."""
        return self._current

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The chosen range (first, last), if it is more than the current frame."""
        return self._range

    @property
    def side(self) -> int:
        """Of a thumbnail, in pixels."""
        return self._side

    def set_side(self, side: int) -> None:
        """Make thumbnails larger or smaller; the current frame stays in sight."""
        if side != self._side:
            self._side = side
            self._fit()
            self.reveal(self._current)
            self.viewport().update()

    def set_current(self, number: int) -> None:
        """Make a frame the current one and bring it into sight; nothing is told where it is already."""
        number = min(max(number, 0), self.count - 1)
        if number != self._current and self.count:
            before, self._current, self._anchor = self._current, number, number
            self._set_range(None)
            self.reveal(number)
            for frame in (before, number):
                self._update_cell(frame)
            self.currentChanged.emit(number)

    def reveal(self, number: int) -> None:
        """Scroll as little as needed to show a frame."""
        if number < 0:
            return
        bar, top = self.verticalScrollBar(), number // self.columns * self._pitch().height()
        if top < bar.value():
            bar.setValue(top)
        elif top + self._pitch().height() > bar.value() + self.viewport().height():
            bar.setValue(top + self._pitch().height() - self.viewport().height() + _GAP)

    @property
    def columns(self) -> int:
        """Thumbnails side by side."""
        return max((self.viewport().width() - _GAP) // (self._side + _GAP), 1)

    def cell(self, number: int) -> QRect:
        """Where a frame is drawn, in the viewport."""
        pitch = self._pitch()
        row, column = divmod(number, self.columns)
        return QRect(
            QPoint(_GAP + column * pitch.width(), _GAP // 2 + row * pitch.height() - self.verticalScrollBar().value()),
            QSize(self._side, pitch.height() - _GAP // 2),
        )

    def frame_at(self, place: QPoint) -> int:
        """The frame under a place of the viewport; -1 where there is none."""
        pitch = self._pitch()
        column = (place.x() - _GAP // 2) // pitch.width()
        row = (place.y() + self.verticalScrollBar().value() - _GAP // 2) // pitch.height()
        number = row * self.columns + column
        return number if 0 <= column < self.columns and 0 <= number < self.count else -1

    def visible_frames(self) -> range:
        """The frames on the screen."""
        pitch, top = self._pitch().height(), self.verticalScrollBar().value()
        first = max(top - _GAP // 2, 0) // pitch
        last = (top + self.viewport().height()) // pitch
        return range(min(first * self.columns, self.count), min((last + 1) * self.columns, self.count))

    # -- drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frames on the screen that need it."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        colours = self._theme.colours
        ground, words = QColor(colours.alternate if not colours.dark else colours.rail), self.fontMetrics().height()
        painter.fillRect(event.rect(), ground)
        if self._traverse is not None:
            for number in self.visible_frames():
                cell = self.cell(number)
                if event.region().intersects(cell.adjusted(-2, -2, 2, 2)):
                    self._paint(painter, number, cell, ground, words)
        painter.end()

    def _paint(self, painter: QPainter, number: int, cell: QRect, ground: QColor, words: int) -> None:
        assert self._traverse is not None
        colours, area = self._theme.colours, QRect(cell.topLeft(), QSize(self._side, self._side))
        in_range = self._range is not None and self._range[0] <= number <= self._range[1]
        if number == self._current or in_range:
            painter.fillRect(cell.adjusted(-2, -2, 2, 0), QColor(colours.chosen))
        painter.fillRect(area, ground)
        stored = self.cache.frame(self._traverse, number)
        if stored is not None:
            height, width = stored.shape
            image = QImage(stored.data, width, height, width, QImage.Format.Format_Indexed8)
            image.setColorTable(self._table)
            scale = self._side / max(width, height)
            size = (width * scale, height * scale)
            painter.drawImage(QRectF(area.x() + (self._side - size[0]) / 2, area.y() + (self._side - size[1]) / 2, *size), image)
            self.painted_frames += 1
        elif self.cache.problem(self._traverse, number):
            painter.setPen(QPen(QColor(colours.error), 2))
            painter.drawLine(area.topLeft() + QPoint(12, 12), area.bottomRight() - QPoint(12, 12))
            painter.drawLine(area.topRight() + QPoint(-12, 12), area.bottomLeft() + QPoint(12, -12))
        if number in self._flags:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.warning))
            painter.drawEllipse(area.topRight() + QPoint(-8, 8), 4, 4)
        painter.setPen(QColor(colours.text if number == self._current else colours.muted))
        line = QRect(cell.x(), area.bottom() + 2, self._side, words)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), str(number))
        if number == self._current:
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(-1, -1, 1, 1))

    # -- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Make a frame the current one; with shift choose up to it."""
        number = self.frame_at(event.position().toPoint())
        if number < 0 or event.button() == Qt.MouseButton.MiddleButton:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._choose_to(number)
        elif event.button() == Qt.MouseButton.LeftButton or not (self._range and self._range[0] <= number <= self._range[1]):
            self.set_current(number)
            self._anchor = number
            self._set_range(None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Dragging chooses a range."""
        if event.buttons() & Qt.MouseButton.LeftButton and self._anchor >= 0:
            number = self.frame_at(event.position().toPoint())
            if number >= 0 and (number != self._anchor or self._range is not None):
                self._choose_to(number)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open a frame."""
        number = self.frame_at(event.position().toPoint())
        if number >= 0:
            self.set_current(number)
            self.opened.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move, choose, open; all other keys are the panel's."""
        page = max(self.viewport().height() // self._pitch().height(), 1) * self.columns
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns, Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page, Qt.Key.Key_Home: -self.count, Qt.Key.Key_End: self.count,
        }  # fmt: skip
        key = Qt.Key(event.key())
        if not self.count or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        elif key in steps:
            number = min(max(self._current + steps[key], 0), self.count - 1)
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._choose_to(number)
            else:
                self.set_current(number)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self._current)
        elif key == Qt.Key.Key_Escape and self._range is not None:
            self._set_range(None)
            self.viewport().update()
        else:
            event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl make thumbnails larger or smaller."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = SIDES.index(self._side) + (1 if event.angleDelta().y() > 0 else -1)
            self.set_side(SIDES[min(max(at, 0), len(SIDES) - 1)])
            event.accept()
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: object) -> bool:
        """What a frame's tooltip says."""
        if event.type() == event.Type.ToolTip:  # type: ignore[attr-defined]
            number = self.frame_at(event.pos())  # type: ignore[attr-defined]
            if number < 0 or self._traverse is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self._tip(number), self.viewport())  # type: ignore[attr-defined]
            return True
        return bool(super().viewportEvent(event))  # type: ignore[arg-type]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The same frames stay in sight."""
        first = self.visible_frames().start
        super().resizeEvent(event)
        self._fit()
        if 0 <= first < self.count:
            self.verticalScrollBar().setValue(first // self.columns * self._pitch().height())

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is drawn already."""
        self.viewport().scroll(dx, dy)

    def close_cache(self) -> None:
        """The panel stops."""
        self.cache.close()

    # -- inner

    def _tip(self, number: int) -> str:
        assert self._traverse is not None
        row = self._traverse.rows[number]
        name = row.image if row.index == number else f"{row.image}, index {row.index}"
        said = self.cache.problem(self._traverse, number) or self._flags.get(number, "")
        return f"{name}\n{said}" if said else name

    def _choose_to(self, number: int) -> None:
        if self._anchor < 0:
            self._anchor = self._current
        self._set_range((min(self._anchor, number), max(self._anchor, number)))
        if number != self._current:
            self._current = number
            self.reveal(number)
            self.currentChanged.emit(number)
        self.viewport().update()

    def _set_range(self, chosen: tuple[int, int] | None) -> None:
        chosen = None if chosen is not None and chosen[0] == chosen[1] else chosen
        if chosen != self._range:
            self._range = chosen
            self.viewport().update()
            self.rangeChanged.emit(chosen)

    def _pitch(self) -> QSize:
        """From one thumbnail to the next; what is left of the width is spread between them."""
        wide = max((self.viewport().width() - _GAP) // self.columns, self._side + _GAP)
        return QSize(wide, self._side + self.fontMetrics().height() + 4 + _GAP)

    def _fit(self) -> None:
        rows = -(-self.count // self.columns)
        bar, pitch, tall = self.verticalScrollBar(), self._pitch().height(), self.viewport().height()
        bar.setPageStep(tall)
        bar.setSingleStep(pitch)
        bar.setRange(0, max(rows * pitch + _GAP - tall, 0))

    def _update_cell(self, number: int) -> None:
        """Draw one frame anew, if it is on the screen."""
        cell = self.cell(number).adjusted(-3, -3, 3, 3)
        if number >= 0 and cell.intersects(self.viewport().rect()):
            self.viewport().update(cell)

    def _on_ready(self, folder: str, number: int) -> None:
        if self._traverse is not None and folder == str(self._traverse.folder):
            self._update_cell(number)

    def _on_theme(self) -> None:
        table = counts_map(self._theme.colours)
        self._table = [QColor(*(int(part) for part in row)).rgb() for row in np.asarray(table)]
        self.viewport().update()


def flags_of(silent: Collection[int], saturated: Collection[int]) -> dict[int, str]:
    """A sentence for each frame to look at."""
    flags = dict.fromkeys(silent, "There is nothing to see in this frame.")
    return flags | dict.fromkeys(saturated, "More than 1 % of its pixels are at 255.")
