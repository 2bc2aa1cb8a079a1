"""The plots of an evaluation: recall as bars, precision-recall curves, and what happens along the route."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QSizePolicy, QVBoxLayout

from app.theme import Theme
from app.widgets.live_plots import Plot
from app.widgets.method_table import ShownMethod, colour_of, dash_of
from engine.recognition.figures import FIGURES
from engine.recognition.metrics import RECALL_KS

_GAP = 0.22  # of a group of bars
_CURVES = (
    ("precision_recall", "Precision over recall"),
    ("error", "Error of the best match"),
    ("cold_start", "Cold start"),
    ("along_route", "Right matches along the route"),
    ("calibration", "Reliability (forward filter)"),
)


def _shown(value: float) -> str:
    return f"{value:g}"


class RecallBars(Plot):
    """Recall@K of every method, a group of bars a K, with the intervals as whiskers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Recall@K", "recallBars", self._group, _shown)
        self._methods: Sequence[ShownMethod] = ()
        self._items: list[pg.GraphicsObject] = []
        self.box.setXRange(-0.5, len(RECALL_KS) - 0.5, padding=0)
        self.box.setYRange(0, 1.02, padding=0)
        self.left.setTickSpacing(0.2, 0.2)
        self.bottom.setTickSpacing(1, 1)

    def show_methods(self, methods: Sequence[ShownMethod]) -> None:
        """Draw the scored ones of these methods."""
        self._methods = [shown for shown in methods if shown.method.scores is not None]
        self.paint_lines()

    def paint_lines(self) -> None:
        """Draw anew, in the theme's colours."""
        if not hasattr(self, "_items"):
            return
        for item in self._items:
            self.box.removeItem(item)
        self._items = []
        width = (1 - _GAP) / max(1, len(self._methods))
        for place, shown in enumerate(self._methods):
            scores = shown.method.scores
            if scores is None:
                continue
            x = np.arange(len(RECALL_KS)) - (1 - _GAP) / 2 + (place + 0.5) * width
            y = np.array([scores.recall_at[k] for k in RECALL_KS])
            colour = colour_of(self.theme, shown.number)
            bars = pg.BarGraphItem(x=x, height=y, width=0.9 * width, brush=colour, pen=pg.mkPen(None))
            self.box.addItem(bars)
            self._items.append(bars)
            if scores.intervals is not None:
                bounds = np.array([scores.intervals.recall_at[k] for k in RECALL_KS])
                ink = QColor(self.theme.colours.text)
                ink.setAlpha(150)
                whiskers = pg.ErrorBarItem(
                    x=x, y=y, top=bounds[:, 1] - y, bottom=y - bounds[:, 0], beam=0.35 * width, pen=pg.mkPen(ink, width=1)
                )
                self.box.addItem(whiskers)
                self._items.append(whiskers)

    @staticmethod
    def _group(value: float) -> str:
        number = round(value)
        return str(RECALL_KS[number]) if abs(value - number) < 1e-6 and 0 <= number < len(RECALL_KS) else ""


class CurvesPlot(Plot):
    """One of the engine's line figures, for every method over each other, to choose."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "", "curvesPlot", _shown, _shown)
        self._methods: Sequence[ShownMethod] = ()
        self._items: list[pg.GraphicsObject] = []
        self.figure = QComboBox()
        self.figure.setObjectName("curvesFigure")
        self.figure.setAccessibleName("Figure")
        self.figure.setToolTip("What is drawn")
        self.figure.setMinimumContentsLength(10)
        self.figure.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for name, text in _CURVES:
            self.figure.addItem(text, name)
        self.figure.activated.connect(lambda index: self.paint_lines())
        layout = self.layout()
        if isinstance(layout, QVBoxLayout):
            layout.replaceWidget(self._title, self.figure)
            layout.insertWidget(1, self._title)
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._title.setMinimumHeight(2 * self._title.fontMetrics().lineSpacing())  # so that the plot does not jump
        self.box.setYRange(0, 1.02, padding=0)
        self.left.setTickSpacing(0.2, 0.2)

    def show_methods(self, methods: Sequence[ShownMethod]) -> None:
        """Draw the scored ones of these methods."""
        self._methods = [shown for shown in methods if shown.method.scores is not None]
        self.paint_lines()

    @property
    def lines(self) -> int:
        """How many lines are drawn."""
        return len(self._items)

    def paint_lines(self) -> None:
        """Draw anew, in the theme's colours."""
        if not hasattr(self, "_items"):
            return
        for item in self._items:
            self.box.removeItem(item)
        self._items = []
        scored = [(shown.label, shown.method.scores) for shown in self._methods if shown.method.scores is not None]
        figure = FIGURES[str(self.figure.currentData())](scored) if scored else None
        if figure is None:
            self._title.setText("Nothing of these methods to draw" if scored else " ")
            return
        self._title.setText(f"↑ {figure.y.label}\n→ {figure.x.label}")
        self.box.setXRange(figure.x.low, figure.x.high, padding=0.04)
        step = float(figure.x.ticks[1] - figure.x.ticks[0]) if len(figure.x.ticks) > 1 else 1.0
        self.bottom.setTickSpacing(step, step)
        for number, line in enumerate(figure.series):
            own = number >= len(self._methods)
            colour = QColor(self.theme.colours.muted) if own else colour_of(self.theme, self._methods[number].number)
            style = Qt.PenStyle.DashLine if own else dash_of(self.theme, self._methods[number].number)
            if len(line.x):
                curve = pg.PlotDataItem(
                    np.asarray(line.x, float),
                    np.asarray(line.y, float),
                    pen=pg.mkPen(colour, width=1 if own else 2, style=style),
                    symbol="o" if line.markers else None,
                    symbolSize=6,
                    symbolBrush=colour,
                    symbolPen=None,
                )
                self.box.addItem(curve)
                self._items.append(curve)


class RoutePlot(Plot):
    """How far the best match of each query is off, along the traverse; a click names the nearest query."""

    queryClicked = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Error of the best match along the queries", "routePlot", _shown, _shown)
        self._right, self._wrong, self._lost = (pg.ScatterPlotItem(size=5, pen=None) for _ in range(3))
        self._here = pg.InfiniteLine(angle=90)
        self._here.hide()
        for item in (self._here, self._right, self._wrong, self._lost):
            self.box.addItem(item, ignoreBounds=item is self._here)
        self._queries = 0
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._view.scene().sigMouseClicked.connect(self._on_clicked)
        self._view.setToolTip("Click to see the query")
        self.paint_lines()

    def show_errors(
        self,
        errors: NDArray[np.float64],
        right: NDArray[np.bool_],
        unit: str,
        queries: int,
        lost: NDArray[np.bool_] | None = None,
        empty: str = "",
    ) -> None:
        """Draw each query's error; NaN is left out.

        Args:
            errors: (queries,) in frames or metres.
            right: (queries,) whether the match counts as right.
            unit: in words.
            queries: how many there are.
            lost: (queries,) where the method says that it is lost; None where it never does.
            empty: the title where there is nothing to draw.
        """
        known = np.isfinite(errors)
        x = np.arange(len(errors))
        said = np.zeros(len(errors), np.bool_) if lost is None else lost
        shown = ((self._right, right & ~said), (self._wrong, ~right & ~said), (self._lost, said))
        for item, chosen in ((item, known & part) for item, part in shown):
            item.setData(x[chosen], errors[chosen])
        self._queries = queries
        top = float(errors[known].max()) if known.any() else 1.0
        self.box.setXRange(0, max(1, queries - 1), padding=0.01)
        self.box.setYRange(0, max(top, 1.0), padding=0.04)
        text = f"Error of the best match in {unit}; wrong ones in red" + (", lost ones in grey" if said.any() else "")
        self._title.setText(text if known.any() else empty or text)

    def mark(self, query: int | None) -> None:
        """Draw a line at a query."""
        self._here.setVisible(query is not None)
        if query is not None:
            self._here.setValue(query)

    def place_of(self, query: int) -> QPointF:
        """Where a query is, in the plot's viewport."""
        middle = sum(self.box.viewRange()[1]) / 2
        place: QPointF = self.box.mapViewToScene(QPointF(query, middle))
        return QPointF(self._view.mapFromScene(place))

    @property
    def viewport(self) -> pg.GraphicsView:
        """What takes the clicks."""
        return self._view.viewport()

    def paint_lines(self) -> None:
        """The theme's colours."""
        if hasattr(self, "_here"):
            colours = self.theme.colours
            self._right.setBrush(QColor(colours.accent))
            self._wrong.setBrush(QColor(colours.error))
            self._lost.setBrush(QColor(colours.muted))
            self._here.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))

    def _on_clicked(self, event: object) -> None:
        place = self.box.mapSceneToView(event.scenePos())  # type: ignore[attr-defined]
        query = round(place.x())
        if 0 <= query < self._queries:
            self.queryClicked.emit(query)
