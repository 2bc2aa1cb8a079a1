"""The small plots of a running source: event rate over the last half minute, and how the pixels' rates are spread."""

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.status import count

SPAN_S = 30.0
_BESIDE = 12  # pixels on the right of a plot
_APART = 8.0  # pixels between two numbers of an axis


class _CountAxis(pg.AxisItem):  # type: ignore[misc]
    """Large numbers in few characters, and no more of them along a narrow plot than have room."""

    def __init__(self, orientation: str, shown: Callable[[float], str]) -> None:
        super().__init__(orientation)
        self._shown = shown
        self.enableAutoSIPrefix(False)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [self._shown(value) for value in values]

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        levels: list[tuple[float, float]] = super().tickSpacing(minVal, maxVal, size)
        if self.orientation != "bottom" or not levels or maxVal <= minVal:
            return levels
        spacing, offset = levels[0]
        letters = QFontMetricsF(self.style["tickFont"] or QFont())
        while spacing < maxVal - minVal:
            shown = np.arange(np.ceil(minVal / spacing), np.floor(maxVal / spacing) + 1) * spacing
            widest = max((letters.horizontalAdvance(self._shown(value)) for value in shown), default=0.0)
            if widest + _APART <= size * spacing / (maxVal - minVal):
                break
            spacing *= 2
        return [(spacing, offset), *levels[1:]]


class Plot(QWidget):
    """A titled plot without mouse: it shows, it does not ask.

    Built of pyqtgraph's parts and not of its PlotItem, which brings a dozen menus that nobody can open here.
    """

    def __init__(self, theme: Theme, title: str, name: str, bottom: Callable[[float], str], left: Callable[[float], str]) -> None:
        super().__init__()
        self.setObjectName(name)
        self.theme = theme
        self._title = Elided(role="muted")
        self._title.say(title)
        self._view = pg.GraphicsView()
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        grid = pg.GraphicsLayout()
        grid.setContentsMargins(0, 7, _BESIDE, 0)
        grid.setSpacing(0)
        self._view.setCentralItem(grid)
        self.box = pg.ViewBox(enableMouse=False, enableMenu=False)
        self.left, self.bottom = _CountAxis("left", left), _CountAxis("bottom", bottom)
        for axis, place in ((self.left, (0, 0)), (self.bottom, (1, 1))):
            axis.linkToView(self.box)
            grid.addItem(axis, *place)
        grid.addItem(self.box, 0, 1)
        self.left.setWidth(48)  # a fixed width: the curve does not jump when figures grow
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._title)
        layout.addWidget(self._view, 1)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def paint_lines(self) -> None:
        """Give the curves the theme's colours."""

    def _on_theme(self) -> None:
        colours = self.theme.colours
        self._view.setBackground(QColor(colours.window))  # a view without a background keeps the one that it was shown with
        for axis in (self.left, self.bottom):
            axis.setPen(QColor(colours.border))
            axis.setTextPen(QColor(colours.muted))
            axis.setStyle(tickLength=-4, maxTickLevel=0, tickFont=self.font())
        self.bottom.setStyle(hideOverlappingLabels=_BESIDE)  # the number of the last tick may stand out over the axis' end
        self.paint_lines()


class RatePlot(Plot):
    """Events a second over the last 30 s."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Event rate, last 30 s", "ratePlot", lambda value: f"{value:g} s", count)
        self._curve = pg.PlotCurveItem()
        self.box.addItem(self._curve)
        self.box.setXRange(-SPAN_S, 0, padding=0.01)
        self.bottom.setTickSpacing(10, 10)
        self._top = 0.0
        self._scale(1000.0)
        self.paint_lines()

    def show_rates(self, rates: NDArray[np.float64], per_second: float) -> None:
        """Draw the newest rates (events/s), `per_second` of them a second, the last one now."""
        if not len(rates):
            self._curve.setData([], [])
            return
        times = (np.arange(len(rates)) - (len(rates) - 1)) / per_second
        self._curve.setData(times, rates)
        self._scale(float(rates.max()))

    def clear(self) -> None:
        """Draw nothing."""
        self._curve.setData([], [])

    def _scale(self, largest: float) -> None:
        top = _round_top(largest)
        if top != self._top:
            self._top = top
            self.box.setYRange(0, self._top, padding=0.04)
            self.left.setTickSpacing(self._top / 2, self._top / 2)

    def paint_lines(self) -> None:
        if hasattr(self, "_curve"):
            self._curve.setPen(pg.mkPen(self.theme.colours.accent, width=1))


class RateHistogram(Plot):
    """How many pixels have which rate."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Pixels by events a second", "rateHistogram", _power, count)
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[])
        self.box.addItem(self._bars)
        self._edges: NDArray[np.float64] | None = None
        self._places: NDArray[np.float64] = np.zeros(0)
        self._axes = (0.0, 0.0, 0.0)
        self._set_axes(np.array([0.0, 5.0]), 100.0)
        self.paint_lines()

    def show_histogram(self, edges: NDArray[np.float64], pixels: NDArray[np.int64]) -> None:
        """Draw the number of pixels between each two edges (events/s, rising; the axis is logarithmic)."""
        if self._edges is None or not np.array_equal(self._edges, edges):
            self._edges = np.asarray(edges, np.float64)
            self._places = np.log10(np.maximum(self._edges, 1e-3))
            if len(self._places) > 1 and self._edges[0] <= 0:
                self._places[0] = self._places[1] - (self._places[2] - self._places[1] if len(self._places) > 2 else 1)
        self._bars.setOpts(x0=self._places[:-1], x1=self._places[1:], height=np.asarray(pixels, np.float64))
        self._set_axes(self._places, float(pixels.max()) if len(pixels) else 0.0)

    def _set_axes(self, places: NDArray[np.float64], largest: float) -> None:
        axes = (float(places[0]), float(places[-1]), _round_top(largest))
        if axes == self._axes:
            return
        self._axes = axes
        self.box.setXRange(axes[0], axes[1], padding=0.01)
        self.bottom.setTickSpacing(2, 2)
        self.box.setYRange(0, axes[2], padding=0.04)
        self.left.setTickSpacing(axes[2] / 2, axes[2] / 2)

    def clear(self) -> None:
        """Draw nothing."""
        self._edges = None
        self._bars.setOpts(x0=[], x1=[], height=[])

    def paint_lines(self) -> None:
        if hasattr(self, "_bars"):
            self._bars.setOpts(brush=QColor(self.theme.colours.accent), pen=pg.mkPen(None))


def _round_top(largest: float) -> float:
    """The end of an axis, in steps of 1, 2, 5: it stays still while the figures move a little."""
    step = 10.0 ** np.floor(np.log10(max(largest, 10.0)))
    return float(next(factor * step for factor in (1, 2, 5, 10) if factor * step >= largest))


def _power(exponent: float) -> str:
    return count(10.0**exponent) if exponent >= 0 else f"{10.0**exponent:g}"
