"""The plots of a training: each shows one thing of the newest state, can be zoomed, and says its figures in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.icons import set_icon
from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.live_plots import Plot
from app.widgets.play_bar import tool_button
from app.widgets.status import count
from engine.training.curves import CurveCollector
from engine.training.live import LAYERS, SPIKES, VALIDATION, WEIGHTS

Values = Mapping[str, Any]
RECALL_ROOM = 0.05  # that an axis of recall shows under 0 and over 1


class ColouredWords(Elided):
    """A line of muted words, or of figures each in the colour of its curve."""

    def __init__(self, name: str) -> None:
        super().__init__("", name, "muted")
        self._parts: list[tuple[str, str]] = []

    def say(self, text: str) -> None:
        """Words without colours."""
        self._parts = []
        super().say(text)

    def say_in_colours(self, parts: Sequence[tuple[str, str]]) -> None:
        """Each text in its colour."""
        self.say(", ".join(text for text, _ in parts))
        self._parts = list(parts)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what there is room for."""
        if not self._parts:
            super().paintEvent(event)
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        left, side = 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for number, (text, colour) in enumerate(self._parts):
            words = text if number == len(self._parts) - 1 else f"{text},"
            room = self.rect().adjusted(left, 0, 0, 0)
            painter.setPen(QColor(colour))
            painter.drawText(room, side, metrics.elidedText(words, Qt.TextElideMode.ElideRight, room.width()))
            left += metrics.horizontalAdvance(f"{words} ")
        painter.end()


class TrainingPlot(Plot):
    """A plot with a note on its right, that zooms with the wheel, moves with the mouse and fits with a double click."""

    enlargeRequested = Signal(object)  # the plot itself
    saveRequested = Signal(object)

    def __init__(
        self,
        theme: Theme,
        title: str,
        name: str,
        bottom: Callable[[float], str] = lambda value: f"{value:g}",
        left: Callable[[float], str] = lambda value: f"{value:.3g}",
    ) -> None:
        super().__init__(theme, title, name, bottom, left)
        self.title = title
        self.note = ColouredWords(f"{name}Note")
        self.enlarge = tool_button(f"{name}Enlarge", "fit", f"Show “{title}” alone, or with the others again")
        self.enlarge.clicked.connect(lambda: self.enlargeRequested.emit(self))
        self.save = tool_button(f"{name}Save", "save", f"Save “{title}” as a picture (SVG or PNG)")
        self.save.clicked.connect(lambda: self.saveRequested.emit(self))
        self.save.hide()
        self.box.setMouseEnabled(True, True)
        self._view.setToolTip("The wheel zooms, dragging moves, a double click shows everything")
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.removeWidget(self._title)
        self._title.setProperty("role", "heading")
        head = QWidget()
        line = QHBoxLayout(head)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self._title, 1)
        line.addWidget(self.save)
        line.addWidget(self.enlarge)
        layout.insertWidget(0, head)
        layout.insertWidget(1, self.note)
        layout.setSpacing(1)
        self.setMinimumSize(170, 150)
        self.box.mouseDoubleClickEvent = self._on_double_click

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        """Draw the newest state; `layer` is the one that is looked at."""
        raise NotImplementedError

    def clear(self) -> None:
        """Draw nothing."""
        raise NotImplementedError

    def stand_alone(self) -> None:
        """It is not one of a grid, which are shown large and exported together."""
        self.enlarge.hide()
        self.save.show()

    def fit(self) -> None:
        """Show everything."""
        self.box.enableAutoRange()

    def say(self, text: str, role: str = "muted") -> None:
        """The words on the right; with the role "warning" or "error" they are meant to be noticed."""
        if self.note.text() != text or self.note.property("role") != role:
            self.note.setProperty("role", role)
            self.note.style().unpolish(self.note)
            self.note.style().polish(self.note)
            self.note.say(text)

    def legend(self) -> list[tuple[str, QColor]]:
        """What a picture says of the colours of the curves; where the plot itself says it: nothing."""
        return []

    @property
    def graphics(self) -> pg.GraphicsView:
        """The plot without its title and words."""
        return self._view

    def _on_double_click(self, event: QMouseEvent) -> None:
        self.fit()
        event.accept()


class SortedPlot(TrainingPlot):
    """One value of every neuron, the largest first, with the target band."""

    def __init__(self, theme: Theme, title: str, name: str, key: str, band: bool = False) -> None:
        super().__init__(theme, title, name, whole)
        self._key, self._banded = key, band
        self._curve = pg.PlotCurveItem()
        self._band = pg.LinearRegionItem((0, 0), orientation="horizontal", movable=False)
        self._band.setZValue(-10)
        self._band.hide()
        self._held = anchor()
        for item in (self._band, self._curve, self._held):
            self.box.addItem(item, ignoreBounds=item is self._band)
        self.paint_lines()

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        values = curves.last.get(LAYERS[layer], {})
        found = values.get(self._key)
        if found is None:
            self.clear()
            return
        ordered = np.sort(np.asarray(found, np.float64))[::-1]
        self._curve.setData(np.arange(len(ordered)), ordered)
        if self._banded:
            told = "target_low" in values
            band = (float(values["target_low"]), float(values["target_high"])) if told else ()
            if told:
                self._band.setRegion(band)
            self._band.setVisible(told)
            self._held.setData(np.zeros(len(band)), np.array(band))  # the band is in view, however far the rates are from it
            self._say_health(values)
        else:
            self._held.setData(np.zeros(1), np.zeros(1))  # from 0 up: of equal values the axis would show no difference
            self.say(f"{ordered[-1]:.3g} to {ordered[0]:.3g}" if len(ordered) else "")

    def _say_health(self, values: Values) -> None:
        dead, saturated = int(values.get("dead", 0)), int(values.get("saturated", 0))
        if not values.get("whole_epoch"):
            self.say("first epoch")
        elif dead or saturated:
            self.say(f"{dead} dead, {saturated} saturated", "error")
        else:
            self.say("none dead, none saturated")

    def clear(self) -> None:
        self._curve.setData([], [])
        self._held.setData([], [])
        self._band.hide()
        self.say("")

    def paint_lines(self) -> None:
        if hasattr(self, "_curve"):
            self._curve.setPen(pg.mkPen(self.theme.colours.accent, width=1))
            _paint_band(self._band, self.theme)


class HistogramPlot(TrainingPlot):
    """How the values are spread."""

    def __init__(self, theme: Theme, title: str, name: str) -> None:
        super().__init__(theme, title, name, left=whole)
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[])
        self.box.addItem(self._bars)
        self._marks = [pg.InfiniteLine(angle=90) for _ in range(2)]
        for mark in self._marks:
            mark.hide()
            self.box.addItem(mark, ignoreBounds=True)
        self.paint_lines()

    def draw(self, counts: NDArray[Any], edges: NDArray[Any]) -> None:
        """Draw the bars."""
        self._bars.setOpts(x0=edges[:-1], x1=edges[1:], height=np.asarray(counts, np.float64))

    def mark(self, places: Sequence[float]) -> None:
        """Draw upright lines."""
        for line, place in zip(self._marks, places, strict=False):
            line.setValue(place)
            line.show()

    def clear(self) -> None:
        self._bars.setOpts(x0=[], x1=[], height=[])
        for mark in self._marks:
            mark.hide()
        self.say("")

    def paint_lines(self) -> None:
        if hasattr(self, "_bars"):
            self._bars.setOpts(brush=QColor(self.theme.colours.accent), pen=pg.mkPen(None))
            for mark in self._marks:
                mark.setPen(pg.mkPen(self.theme.colours.off_event, width=1, style=Qt.PenStyle.DashLine))


class RateSpread(HistogramPlot):
    """How many neurons fire at which rate."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Neurons by firing rate", "rateSpread")
        self._band = pg.LinearRegionItem((0, 0), orientation="vertical", movable=False)
        self._band.setZValue(-10)
        self._band.hide()
        self._held = anchor()
        self.box.addItem(self._band, ignoreBounds=True)
        self.box.addItem(self._held)
        self.paint_lines()

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        values = curves.last.get(LAYERS[layer], {})
        if "rate_counts" not in values:
            self.clear()
            return
        self.draw(values["rate_counts"], values["rate_edges"])
        self._band.setVisible("target_low" in values)
        if "target_low" not in values:
            self._held.setData([], [])
            self.say("spikes a step")
            return
        low, high = float(values["target_low"]), float(values["target_high"])
        self._held.setData(np.array([low, high]), np.zeros(2))
        self._band.setRegion((low, high))
        self.say(f"target {low:g} to {high:g}" if low < high else f"target {low:g}")

    def clear(self) -> None:
        super().clear()
        if hasattr(self, "_band"):
            self._held.setData([], [])
            self._band.hide()

    def paint_lines(self) -> None:
        super().paint_lines()
        if hasattr(self, "_band"):
            _paint_band(self._band, self.theme)


class WeightSpread(HistogramPlot):
    """How the weights are spread, and where 8 bits would clip them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Weights", "weightSpread")

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        values = curves.last.get(WEIGHTS[layer], {})
        if "counts" not in values:
            self.clear()
            return
        self.draw(np.asarray(values["counts"]), np.asarray(values["edges"]))
        limit = float(values["limit"])
        self.mark((-limit, limit))
        clipped, zeroed = float(values["clipped"]), float(values["zeroed"])
        self.say(f"8 bits: {clipped:.1%} clipped, {zeroed:.0%} vanish", "warning" if clipped > 0.01 else "muted")


class PicturePlot(TrainingPlot):
    """An array as a picture, rows from the top."""

    def __init__(self, theme: Theme, title: str, name: str) -> None:
        super().__init__(theme, title, name, whole, whole)
        self._image = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self._image)
        self.box.invertY(True)

    def clear(self) -> None:
        self._image.clear()
        self.say("")


class WeightPicture(PicturePlot):
    """The weight matrix: excitatory blue, inhibitory orange, as events are."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Weight matrix", "weightPicture")
        self.paint_lines()

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        values = curves.last.get(WEIGHTS[layer], {})
        if "image" not in values:
            self.clear()
            return
        image = np.asarray(values["image"])
        rows, columns = (int(side) for side in values["matrix"])
        limit = max(float(values["limit"]), 1e-6)
        self._image.setImage(image, levels=(-limit, limit), autoDownsample=False)
        self._image.setRect(QRectF(0, 0, columns, rows))
        every = max(rows // image.shape[0], columns // image.shape[1], 1)
        self.say(f"{rows} × {columns}" + (f", 1 in {every} drawn" if every > 1 else ""))

    def paint_lines(self) -> None:
        if hasattr(self, "_image"):
            self._image.setLookupTable(_diverging(self.theme))


class SpikePicture(PicturePlot):
    """The spikes of one place, step by step: inputs, features and outputs under each other."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Spikes of the last place", "spikePicture")
        self._lines: list[pg.InfiniteLine] = []
        self.paint_lines()

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        values = curves.last.get(SPIKES, {})
        layers = [np.asarray(values[name]) for name in ("input", "feature", "output") if name in values]
        if not layers:
            self.clear()
            return
        # A level a layer, so that one look-up table colours all three.
        rows = [np.where(spikes > 0, number + 1, 0).astype(np.uint8) for number, spikes in enumerate(layers)]
        picture = np.concatenate(rows, axis=1).T
        self._image.setImage(picture, levels=(0, 3), autoDownsample=False)  # a mean of levels would be another one
        self._image.setRect(QRectF(0, 0, picture.shape[1], picture.shape[0]))
        spikes = count(float(sum(int(layer.sum()) for layer in layers)))
        self.say(f"place {int(values['place']) + 1}: {spikes} spikes in {layers[0].shape[0]} steps")

    def paint_lines(self) -> None:
        if hasattr(self, "_image"):
            colours = self.theme.colours
            shades = (colours.base, colours.muted, colours.on_event, colours.off_event)
            self._image.setLookupTable(np.array([_rgb(shade) for shade in shades], np.uint8))


class HistoryPlot(TrainingPlot):
    """Curves over the run: columns of a metric of both layers, the output layer's after the feature layer's, or of one metric.

    Args:
        keys: column, words and colour (a name of Colours) of each curve.
        metric: the one that is shown; None: both layers.
    """

    def __init__(
        self, theme: Theme, title: str, name: str, keys: Sequence[tuple[str, str, str]], metric: str | None = None, unit: str = ""
    ) -> None:
        super().__init__(theme, title, name, whole)
        self._keys, self._metric, self._unit = keys, metric, unit
        self._curves = [pg.PlotDataItem() for _ in keys]
        if metric == VALIDATION:
            self.box.setLimits(yMin=-RECALL_ROOM, yMax=1 + RECALL_ROOM)  # no recall is more than 1
        self._border = pg.InfiniteLine(angle=90)
        self._border.hide()
        self._anchor = anchor()
        self.box.addItem(self._border, ignoreBounds=True)
        self.box.addItem(self._anchor)
        for curve in self._curves:
            self.box.addItem(curve)
        self.paint_lines()

    def show_curves(self, curves: CurveCollector, layer: int) -> None:
        metrics = (self._metric,) if self._metric is not None else LAYERS
        parts, offset, border = [], 0.0, None
        for name in metrics:
            steps = np.array(curves.steps(name)) if self._metric is None else curves.column(name, "epoch")
            if len(steps):
                border = offset or border
                parts.append((name, steps + offset))
                offset += float(steps[-1])
        if not parts:
            self.clear()
            return
        said, level = [], None
        for (key, words, shade), curve in zip(self._keys, self._curves, strict=True):
            drawn = [finite(steps, _column(curves, name, key, len(steps))) for name, steps in parts]
            x, y = (np.concatenate([part[axis] for part in drawn]) for axis in (0, 1))
            curve.setData(x, y, connect=apart([len(part[0]) for part in drawn]), symbol="o" if len(x) < 5 else None, symbolSize=5)
            if len(y):
                level = float(y[0]) if level is None else level
                said.append((f"{words} {y[-1]:.3g}", getattr(self.theme.colours, shade)))
        hold_from_zero(self._anchor, offset, level)
        self.paint_lines()
        self._border.setVisible(border is not None)
        if border is not None:
            self._border.setValue(border)
        left_out = int(curves.last.get(self._metric or "", {}).get("left_out", 0))
        if left_out and said:
            said.append((f"{left_out} left out", self.theme.colours.muted))
        if said:
            self.note.say_in_colours(said)
        else:
            self.say("not with this kind of network")

    def clear(self) -> None:
        for curve in self._curves:
            curve.setData([], [])
        self._anchor.setData([], [])
        self._border.hide()
        self.say("nothing yet")

    def legend(self) -> list[tuple[str, QColor]]:
        return [(words, QColor(getattr(self.theme.colours, shade))) for _, words, shade in self._keys]

    def paint_lines(self) -> None:
        if hasattr(self, "_curves"):
            for (_, _, shade), curve in zip(self._keys, self._curves, strict=True):
                colour = getattr(self.theme.colours, shade)
                curve.setPen(pg.mkPen(colour, width=1))
                curve.setSymbolBrush(QColor(colour))
                curve.setSymbolPen(None)
            self._border.setPen(pg.mkPen(self.theme.colours.border, width=1))


def _column(curves: CurveCollector, name: str, key: str, length: int) -> NDArray[np.float64]:
    """A column; gaps where a kind of network does not tell it."""
    found = curves.column(name, key)
    return found if len(found) == length else np.full(length, np.nan)


def finite(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points that can be drawn. pyqtgraph's paths of nothing but NaN crash: none is ever handed to it."""
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good]


def apart(lengths: Sequence[int]) -> NDArray[np.int32]:
    """Which points are joined to the next one: the parts are not joined to each other."""
    joined = np.ones(sum(lengths), np.int32)
    ends = np.cumsum(np.array([length for length in lengths if length], np.int64)) - 1
    joined[ends] = 0
    return joined


def anchor() -> pg.PlotCurveItem:
    """Nothing to see: it keeps an axis of steps from 0 to the end, whatever few points there are between."""
    return pg.PlotCurveItem(pen=pg.mkPen(None))


def hold_from_zero(item: pg.PlotCurveItem, last: float, level: float | None) -> None:
    """Let the axis go from 0 to `last`; `level` is a value that is drawn anyhow."""
    if level is None:
        item.setData([], [])
    else:
        item.setData(np.array([0.0, last]), np.array([level, level]))


def whole(value: float) -> str:
    """A tick of an axis that counts: there is nothing to say between two whole numbers."""
    return count(abs(value) if value == 0 else value) if float(value).is_integer() else ""


def make_plots(theme: Theme) -> Iterator[TrainingPlot]:
    """All plots of a training, in the order of their grid, each made when it is asked for."""
    yield SortedPlot(theme, "Firing rate, sorted", "ratesSorted", "firing_rate", band=True)
    yield RateSpread(theme)
    yield SortedPlot(theme, "Thresholds, sorted", "thresholdsSorted", "threshold")
    yield WeightSpread(theme)
    yield WeightPicture(theme)
    yield SpikePicture(theme)
    yield HistoryPlot(
        theme,
        "Firing rates over time",
        "rateHistory",
        (("rate_90", "90 %", "off_event"), ("rate_50", "half", "on_event"), ("rate_10", "10 %", "muted")),
    )
    yield HistoryPlot(
        theme,
        "Learning rates",
        "learningRates",
        (("learning_rate", "weights", "on_event"), ("threshold_rate", "thresholds", "off_event")),
    )
    yield HistoryPlot(
        theme,
        "Validation",
        "validationPlot",
        (("recall_at_1", "R@1", "on_event"), ("recall_area", "area", "off_event")),
        VALIDATION,
    )


def _paint_band(band: pg.LinearRegionItem, theme: Theme) -> None:
    shade = QColor(theme.colours.good)
    shade.setAlpha(50)
    band.setBrush(shade)
    for line in band.lines:
        line.setPen(pg.mkPen(theme.colours.good, width=1))
        line.setHoverPen(pg.mkPen(theme.colours.good, width=1))


def _diverging(theme: Theme) -> NDArray[np.uint8]:
    colours = theme.colours
    middle, low, high = (_rgb(name) for name in (colours.base, colours.off_event, colours.on_event))
    share = np.linspace(-1, 1, 256)[:, None]
    # The square root lets small weights be seen.
    strength = np.sqrt(np.abs(share))
    table = np.where(share < 0, middle + (low - middle) * strength, middle + (high - middle) * strength)
    return np.rint(table).astype(np.uint8)


def _rgb(name: str) -> NDArray[np.float64]:
    colour = QColor(name)
    return np.array([colour.red(), colour.green(), colour.blue()], np.float64)


def plot_icon(button: Any, large: bool) -> None:
    """The button of a plot that is shown alone takes it back."""
    set_icon(button, "close" if large else "fit")
