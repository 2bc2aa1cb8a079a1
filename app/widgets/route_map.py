"""Routes on a map: the frames' own positions, north up, the same scale both ways; nothing is fetched from the net."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme
from app.widgets.colour_maps import series_colours
from app.widgets.curves import drawable
from engine.places.positions import Positions

Role = Literal["query", "match", "true"]
_ROLES: tuple[Role, ...] = ("true", "match", "query")
_SYMBOLS = {"query": "o", "match": "s", "true": "star"}
_SIZES = {"query": 14, "match": 15, "true": 18}
_REACH_PX = 14
_CLICK_PX = 4  # a press that moves further drags the map
_VERTICES = 6000
_MARGIN = 12


class RouteMap(pg.GraphicsView):  # type: ignore[misc]
    """Draws each traverse's route in its colour and marks single frames on it.

    The wheel zooms, dragging moves, a double click fits; a click on a route names the nearest frame.
    """

    frameClicked = Signal(str, int)

    def __init__(self, theme: Theme, name: str = "routeMap", empty: str = "No positions") -> None:
        super().__init__(background=None)
        self.setObjectName(name)
        self.setAccessibleName("Map of the routes")
        self._theme, self.empty = theme, empty
        self._routes: dict[str, Positions] = {}
        self._marks: dict[tuple[str, Role], int] = {}
        self._press: QPointF | None = None
        self._fitted = True
        self.view = pg.ViewBox(lockAspect=True, enableMenu=False, border=None, defaultPadding=0.08)
        self.setCentralItem(self.view)
        self._lines: dict[str, pg.PlotCurveItem] = {}
        self._ends = pg.ScatterPlotItem(pxMode=True)
        self._points = {role: pg.ScatterPlotItem(pxMode=True) for role in _ROLES}
        self.view.addItem(self._ends, ignoreBounds=True)
        self._ends.setZValue(5)
        for height, role in enumerate(_ROLES):
            self.view.addItem(self._points[role], ignoreBounds=True)
            self._points[role].setZValue(10 + height)
        self.view.sigRangeChanged.connect(lambda *ignored: self.viewport().update())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 80)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def close(self) -> bool:
        """As any widget: pyqtgraph's own takes the scene apart first, which crashes while Python still holds its items."""
        return bool(QWidget.close(self))

    def sizeHint(self) -> QSize:
        """As a small picture."""
        return QSize(320, 260)

    # -- what is shown

    def set_routes(self, routes: Mapping[str, Positions]) -> None:
        """Show these routes in place of all others; marks are taken away, and the whole is fitted where the routes are new."""
        same = list(routes) == list(self._routes) and all(
            np.array_equal(routes[name].xy, self._routes[name].xy, equal_nan=True) for name in routes
        )
        self._routes = dict(routes)
        self._marks.clear()
        for line in self._lines.values():
            self.view.removeItem(line)
        self._lines = {}
        for name, positions in routes.items():
            line = pg.PlotCurveItem(connect="finite", skipFiniteCheck=False)
            xy = _thinned(positions.xy)
            line.setData(*drawable(xy[:, 0], xy[:, 1]))
            self.view.addItem(line)
            self._lines[name] = line
        self._colour()
        self._draw_marks()
        if not same:
            self.fit()

    def say_empty(self, sentence: str) -> None:
        """What is said where there is no route to show."""
        self.empty = sentence
        self.viewport().update()

    def mark(self, name: str, frame: int | None, role: Role) -> None:
        """Mark a frame of a route in a role (query, match, true); None takes the mark away. A frame without a pose has none."""
        if frame is None:
            self._marks.pop((name, role), None)
        else:
            self._marks[name, role] = frame
        self._draw_marks(role)

    def clear_marks(self) -> None:
        """Take all marks away."""
        self._marks.clear()
        self._draw_marks()

    @property
    def routes(self) -> dict[str, Positions]:
        """What is drawn."""
        return dict(self._routes)

    @property
    def marks(self) -> dict[tuple[str, Role], int]:
        """Marked frames by route and role."""
        return dict(self._marks)

    def fit(self) -> None:
        """Show all routes, clear of the names above and the scale below; so they stay while the map is resized."""
        self._fitted = True
        known = [positions.xy[positions.known] for positions in self._routes.values()]
        points = np.concatenate(known) if known else np.zeros((0, 2))
        if len(points):
            low, high = points.min(axis=0), points.max(axis=0)
            size = np.maximum(high - low, max(1.0, 0.02 * float((high - low).max())))
            low = (low + high) / 2 - size / 2
            whole = max(self.viewport().height(), 100)
            above = (_MARGIN + len(self._routes) * self._line()) / whole
            below = (_MARGIN + self._line()) / whole
            tall = size[1] / max(1 - above - below, 0.3)
            self.view.setRange(QRectF(low[0], low[1] - below * tall, size[0], tall), padding=0.05)

    def place_of(self, name: str, frame: int) -> QPoint:
        """Where a frame is drawn, in the viewport."""
        x, y = self._routes[name].xy[frame]
        place: QPoint = self.mapFromScene(self.view.mapViewToScene(QPointF(x, y)))
        return place

    def frame_at(self, place: QPointF | QPoint) -> tuple[str, int] | None:
        """The frame nearest to a place of the viewport, of those within reach."""
        point = self.view.mapSceneToView(self.mapToScene(QPointF(place).toPoint()))
        best: tuple[float, str, int] | None = None
        for name, positions in self._routes.items():
            apart = np.hypot(positions.xy[:, 0] - point.x(), positions.xy[:, 1] - point.y())
            if np.isfinite(apart).any():
                frame = int(np.nanargmin(apart))
                if best is None or apart[frame] < best[0]:
                    best = (float(apart[frame]), name, frame)
        reach = _REACH_PX * float(max(self.view.viewPixelSize()))
        return (best[1], best[2]) if best is not None and best[0] <= reach else None

    def resizeEvent(self, event: Any) -> None:
        """What was fitted stays fitted."""
        super().resizeEvent(event)
        if getattr(self, "_fitted", False) and self._routes:
            self.fit()

    # -- mouse

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self._fitted = False
        super().wheelEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Dragging moves the map."""
        if event.buttons():
            self._fitted = False
        super().mouseMoveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where, to tell a click from a drag."""
        self._press = event.position() if event.button() == Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click names the nearest frame."""
        super().mouseReleaseEvent(event)
        press, self._press = self._press, None
        if press is not None and (event.position() - press).manhattanLength() <= _CLICK_PX:
            found = self.frame_at(event.position())
            if found is not None:
                self.frameClicked.emit(*found)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all routes."""
        self.fit()
        event.accept()

    # -- drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        """The routes, then scale, north and names over them."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        colours = self._theme.colours
        if not any(positions.known.any() for positions in self._routes.values()):
            painter.setPen(QColor(colours.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.viewport().rect()).adjusted(16, 8, -16, -8), int(flags), self.empty)
        else:
            self._draw_scale(painter)
            self._draw_north(painter)
            self._draw_names(painter)
        painter.end()

    def _draw_scale(self, painter: QPainter) -> None:
        metre = 1 / float(self.view.viewPixelSize()[0])
        metres = _round_length(self.viewport().width() / 4 / metre)
        length, bottom = metres * metre, self.viewport().height() - _MARGIN
        painter.setPen(QPen(QColor(self._theme.colours.text), 1.5))
        painter.drawPolyline(
            QPolygonF([
                QPointF(_MARGIN, bottom - 5), QPointF(_MARGIN, bottom), QPointF(_MARGIN + length, bottom),
                QPointF(_MARGIN + length, bottom - 5),
            ])
        )  # fmt: skip
        painter.drawText(QPointF(_MARGIN + 4, bottom - 6), _length_text(metres))

    def _draw_north(self, painter: QPainter) -> None:
        """An arrow to the north where the frame is the Earth's; x and y where it is a log's own."""
        right, top = self.viewport().width() - _MARGIN, float(_MARGIN)
        painter.setPen(QPen(QColor(self._theme.colours.muted), 1.2))
        geographic = any(positions.origin is not None for positions in self._routes.values())
        text = "N" if geographic else "y"
        painter.drawText(QRectF(right - 20, top, 20, 14), int(Qt.AlignmentFlag.AlignCenter), text)
        painter.drawLine(QPointF(right - 10, top + 20), QPointF(right - 10, top + 38))
        painter.setBrush(QColor(self._theme.colours.muted))
        painter.drawPolygon(
            QPolygonF([QPointF(right - 10, top + 18), QPointF(right - 14, top + 26), QPointF(right - 6, top + 26)])
        )

    def _draw_names(self, painter: QPainter) -> None:
        line = self._line()
        for row, (name, positions) in enumerate(self._routes.items()):
            top = _MARGIN + row * line
            if top + line > self.viewport().height() - _MARGIN - 2 * line:  # the scale is there
                break
            painter.setPen(QPen(QColor(self._colour_of(name)), 3))
            painter.drawLine(QPointF(_MARGIN, top + line / 2), QPointF(_MARGIN + 16, top + line / 2))
            painter.setPen(QColor(self._theme.colours.text))
            without = int((~positions.known).sum())
            text = f"{name} ({without} of {len(positions)} frames without a pose)" if without else name
            room = self.viewport().width() - 3 * _MARGIN - 50
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QPointF(_MARGIN + 22, top + line - 6), shown)

    def _line(self) -> int:
        return int(self.fontMetrics().height()) + 3

    def _draw_marks(self, *roles: Role) -> None:
        colours = self._theme.colours
        for role in roles or _ROLES:
            spots: list[dict[str, Any]] = []
            for (name, of), frame in self._marks.items():
                positions = self._routes.get(name)
                if of == role and positions is not None and 0 <= frame < len(positions) and positions.known[frame]:
                    fill = {"query": self._colour_of(name), "match": colours.base, "true": colours.good}[role]
                    spots.append(
                        {
                            "pos": positions.xy[frame],
                            "symbol": _SYMBOLS[role],
                            "size": _SIZES[role],
                            "brush": QColor(fill),
                            "pen": pg.mkPen(colours.text, width=2),
                        }
                    )
            self._points[role].setData(spots)

    def _colour_of(self, name: str) -> str:
        series = series_colours(self._theme.colours)
        return series[list(self._routes).index(name) % len(series)]

    def _colour(self) -> None:
        ends = []
        for name, line in self._lines.items():
            colour = QColor(self._colour_of(name))
            line.setPen(pg.mkPen(colour, width=2))
            line.opts["antialias"] = len(line.xData) <= 1500 if line.xData is not None else True
            positions = self._routes[name]
            known = np.flatnonzero(positions.known)
            if len(known):
                ends.append({"pos": positions.xy[known[0]], "symbol": "o", "size": 9, "brush": colour, "pen": None})
        self._ends.setData(ends)

    def _on_theme(self) -> None:
        colours = self._theme.colours
        self.setBackground(QColor(colours.alternate if not colours.dark else colours.rail))
        self._colour()
        self._draw_marks()
        self.viewport().update()


def _thinned(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most some thousand vertices: a long route is drawn as quickly as a short one."""
    return xy[:: max(len(xy) // _VERTICES, 1)]


def _round_length(metres: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above."""
    power = 10.0 ** math.floor(math.log10(max(metres, 1e-6)))
    return next(step * power for step in (5, 2, 1) if step * power <= metres * 1.0000001)


def _length_text(metres: float) -> str:
    if metres >= 1000:
        return f"{metres / 1000:g} km"
    return f"{metres:g} m" if metres >= 1 else f"{100 * metres:g} cm"
