"""A picture of the sensor's pixels: event counts or a time surface in colours, with region, grid and hot pixels drawn over it."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QSizePolicy, QWidget

from app.theme import Theme
from app.widgets.colour_maps import counts_map, polarity_map
from app.widgets.region import LENS_SIZES, Grip, Region, Rules, dragged, grip_at, spanned

Tool = Literal["look", "region", "hot"]
_GRIP_PX = 7  # on the screen: how near to an edge takes hold of it


class EventImage(pg.GraphicsView):  # type: ignore[misc]
    """Draws one frame of indices; the wheel zooms, dragging pans, a double click fits, and two tools mark regions and pixels."""

    regionDragged = Signal(object)  # Region, while the mouse is down
    regionChosen = Signal(object)  # Region, once it is let go
    pixelClicked = Signal(int, int)
    pointed = Signal(object)  # (x, y) of the pixel under the mouse, or None

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)
        self.setObjectName(name)
        self._theme = theme
        self._size: tuple[int, int] | None = None
        self._region: Region | None = None
        self._tool: Tool = "look"
        self._press: tuple[Region, Grip, tuple[float, float]] | None = None
        self._moved = False
        self.square = False
        self.multiples = (1, 1)
        self.drawn = 0
        self.view = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False, border=None, defaultPadding=0.02)
        self.setCentralItem(self.view)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.view.addItem(self.image)
        self._edge = self._path(5)
        self._grid = self._path(6)
        self._selected = self._path(7)
        self._hot = self._path(8)
        self._frame = self._path(9)
        self._lookup: Literal["polarity", "counts"] = "counts"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def sizeHint(self) -> QSize:
        """A picture of a 346 x 260 sensor."""
        return QSize(420, 320)

    # -- what is shown

    def show_indices(self, picture: NDArray[np.uint8], lookup: Literal["polarity", "counts"], top: int = 255) -> None:
        """Draw a (height, width) picture of indices into a colour map, whose last colour is for `top` and all above."""
        if lookup != self._lookup or self.image.image is None:
            self._lookup = lookup
            self._set_lookup()
        size = (picture.shape[1], picture.shape[0])
        self.image.setImage(picture, autoLevels=False, levels=(0, top))
        self.drawn += 1
        if size != self._size:
            self._size = size
            edge = QPainterPath()
            edge.addRect(QRectF(0, 0, *size))
            self._edge.setPath(edge)
            self.fit()

    def clear(self) -> None:
        """Show nothing."""
        self.image.clear()
        self._size = None
        for item in (self._edge, self._grid, self._selected, self._hot, self._frame):
            item.setPath(QPainterPath())

    @property
    def size_shown(self) -> tuple[int, int] | None:
        """(width, height) of the picture."""
        return self._size

    @property
    def region(self) -> Region | None:
        """The region that is drawn."""
        return self._region

    def show_region(self, region: Region | None) -> None:
        """Draw the region of interest; None draws none."""
        self._region = region
        path = QPainterPath()
        if region is not None:
            path.addRect(QRectF(*region))
        self._frame.setPath(path)

    def show_grid(self, region: Region | None, dims: tuple[int, int], pixels: Iterable[tuple[int, int]], cells: bool) -> None:
        """Draw the grid of the network's inputs (rows, columns) over a region, and mark what stands for each cell.

        Args:
            region: what the grid divides; None draws none.
            dims: rows and columns.
            pixels: (x, y) on the sensor of the pixels that the network selects.
            cells: the mean of the whole cell is taken: no single pixel is marked.
        """
        grid, marks = QPainterPath(), QPainterPath()
        if region is not None:
            left, top, width, height = region
            for row in range(1, dims[0]):
                grid.moveTo(left, top + height * row / dims[0])
                grid.lineTo(left + width, top + height * row / dims[0])
            for column in range(1, dims[1]):
                grid.moveTo(left + width * column / dims[1], top)
                grid.lineTo(left + width * column / dims[1], top + height)
            if not cells:
                for x, y in pixels:
                    marks.addRect(QRectF(x, y, 1, 1))
        self._grid.setPath(grid)
        self._selected.setPath(marks)

    def show_hot(self, pixels: Iterable[tuple[int, int]]) -> None:
        """Mark hot pixels."""
        path = QPainterPath()
        for x, y in pixels:
            path.addRect(QRectF(x - 0.5, y - 0.5, 2, 2))
        self._hot.setPath(path)

    def fit(self) -> None:
        """Show the whole picture."""
        if self._size is not None:
            self.view.setRange(QRectF(0, 0, *self._size), padding=0.02)

    def zoom(self, factor: float) -> None:
        """Make everything larger by `factor` (smaller under 1)."""
        self.view.scaleBy((1 / factor, 1 / factor))

    def set_tool(self, tool: Tool) -> None:
        """What the left button does: look around, drag the region, or mark hot pixels."""
        self._tool = tool
        shapes = {
            "look": Qt.CursorShape.ArrowCursor,
            "region": Qt.CursorShape.CrossCursor,
            "hot": Qt.CursorShape.PointingHandCursor,
        }
        self.viewport().setCursor(shapes[tool])

    @property
    def tool(self) -> Tool:
        """What the left button does."""
        return self._tool

    # -- the mouse

    def pixel_at(self, place: QPointF | QPoint) -> tuple[float, float]:
        """The sensor's coordinates under a place of the viewport."""
        point = self.view.mapSceneToView(self.mapToScene(QPointF(place).toPoint()))
        return point.x(), point.y()

    def place_of(self, x: float, y: float) -> QPoint:
        """The place of the viewport at which a sensor coordinate is drawn."""
        place: QPoint = self.mapFromScene(self.view.mapViewToScene(QPointF(x, y)))
        return place

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the region or begin one; all else is looking around."""
        if self._tool == "look" or self._size is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        x, y = self.pixel_at(event.position())
        self._moved = False
        if self._tool == "hot":
            if 0 <= x < self._size[0] and 0 <= y < self._size[1]:
                self.pixelClicked.emit(int(x), int(y))
        else:
            at = (min(max(x, 0.0), self._size[0]), min(max(y, 0.0), self._size[1]))
            grip = grip_at(self._region, x, y, self._reach())
            if grip is None or self._region is None:
                corner = (round(at[0]), round(at[1]))
                self._press = ((*corner, 0, 0), Grip(1, 1), at)
            else:
                self._press = (self._region, grip, at)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, or say which pixel is under the mouse."""
        x, y = self.pixel_at(event.position())
        if self._press is None:
            inside = self._size is not None and 0 <= x < self._size[0] and 0 <= y < self._size[1]
            self.pointed.emit((int(x), int(y)) if inside else None)
            if self._tool == "region":
                self._show_grip(x, y)
            super().mouseMoveEvent(event)
            return
        region, grip, start = self._press
        rules = Rules(self._size or (1, 1), self.square, LENS_SIZES, self.multiples, min(self._reach(), 3.0))
        new = region[2] == 0
        made = spanned((region[0], region[1]), (x, y), rules) if new else dragged(region, grip, start, (x, y), rules)
        if made != self._region:
            self._moved = True
            self.show_region(made)
            self.regionDragged.emit(made)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A region is chosen when it is let go."""
        if self._press is None:
            super().mouseReleaseEvent(event)
            return
        self._press = None
        if self._moved and self._region is not None:
            self.regionChosen.emit(self._region)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit, while looking around."""
        if self._tool == "look":
            self.fit()
            event.accept()
        else:
            self.mousePressEvent(event)

    def leaveEvent(self, event: Any) -> None:
        """No pixel is under the mouse any more."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    # -- colours

    def _show_grip(self, x: float, y: float) -> None:
        grip = grip_at(self._region, x, y, self._reach())
        shape = Qt.CursorShape.CrossCursor
        if grip is not None:
            straight = {
                (0, 0): Qt.CursorShape.SizeAllCursor,
                (1, 0): Qt.CursorShape.SizeHorCursor,
                (0, 1): Qt.CursorShape.SizeVerCursor,
            }
            slanted = Qt.CursorShape.SizeFDiagCursor if grip.horizontal == grip.vertical else Qt.CursorShape.SizeBDiagCursor
            shape = straight.get((abs(grip.horizontal), abs(grip.vertical)), slanted)
        self.viewport().setCursor(shape)

    def _reach(self) -> float:
        return float(_GRIP_PX * max(self.view.viewPixelSize()))

    def _path(self, z: int) -> QGraphicsPathItem:
        item = QGraphicsPathItem()
        item.setZValue(z)
        self.view.addItem(item, ignoreBounds=True)
        return item

    def _set_lookup(self) -> None:
        colours = self._theme.colours
        self.image.setLookupTable(polarity_map(colours) if self._lookup == "polarity" else counts_map(colours))

    def _on_theme(self) -> None:
        colours = self._theme.colours
        self.setBackground(QColor(colours.alternate if not colours.dark else colours.rail))
        self._set_lookup()
        self._edge.setPen(_pen(colours.border, 1))
        grid = QColor(colours.text)
        grid.setAlpha(48)
        self._grid.setPen(_pen(grid, 1))
        chosen = QColor(colours.accent)
        self._selected.setPen(_pen(colours.text, 1))
        self._selected.setBrush(chosen)
        self._hot.setPen(_pen(colours.error, 1.6))
        self._frame.setPen(_pen(colours.accent, 2))


def _pen(colour: str | QColor, width: float) -> QPen:
    pen = QPen(QColor(colour), width)
    pen.setCosmetic(True)
    return pen
