"""A ghost run: how far the places of two targets lie apart over time, and how alike their columns are."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout

from app.theme import Theme
from app.widgets.live_plots import Plot
from engine.live import GhostFigures

_SPAN_S = 60.0


class GhostPlot(Plot):
    """Dots: the ghost's place minus the target's."""

    def __init__(self, theme: Theme) -> None:
        self._dots: pg.ScatterPlotItem | None = None
        super().__init__(theme, "Ghost run", "ghostPlot", lambda value: f"{value:g} s", lambda value: f"{value:+g}")
        self.setToolTip("The ghost's place minus the target's, window by window")
        self._zero = pg.InfiniteLine(0, angle=0)
        self.box.addItem(self._zero)
        self._dots = pg.ScatterPlotItem(size=5, pxMode=True)
        self.box.addItem(self._dots)
        self.box.setXRange(-_SPAN_S, 0, padding=0.01)
        self.bottom.setTickSpacing(20, 20)
        self._reach = 0.0
        self._scale(4)
        self.words = QLabel()
        self.words.setObjectName("ghostWords")
        self.words.setWordWrap(True)
        column = self.layout()
        if isinstance(column, QVBoxLayout):
            column.addWidget(self.words)
        self.clear("")
        self.paint_lines()

    def show_ghost(self, names: tuple[str, str], figures: GhostFigures | None, history: NDArray[np.float64]) -> None:
        """Draw (windows, 3): end of the window (us), places apart, correlation of the columns."""
        if figures is None or self._dots is None or not len(history):
            self.clear(f"{names[1]} beside {names[0]}: no window yet that both have answered.")
            return
        seconds = (history[:, 0] - history[-1, 0]) / 1e6
        shown = seconds >= -_SPAN_S
        self._scale(float(np.abs(history[shown, 1]).max()))
        self._dots.setData(seconds[shown], history[shown, 1])
        self._title.setText(f"{names[1]} minus {names[0]}, places")
        self.words.setText(
            f"Same place in {100 * figures.same:.0f} % of {figures.windows} windows, within one in {100 * figures.near:.0f} %. "
            f"Their columns correlate with {figures.correlation:.2f}."
        )

    def clear(self, words: str) -> None:
        """Draw nothing, and say why."""
        if self._dots is not None:
            self._dots.setData([], [])
        self.words.setText(words)

    def _scale(self, largest: float) -> None:
        reach = next((step for step in (4, 10, 20, 50, 100, 200, 500, 1000, 5000) if largest <= step), 50_000)
        if reach != self._reach:
            self._reach = float(reach)
            self.box.setYRange(-reach, reach, padding=0.05)
            self.left.setTickSpacing(reach / 2, reach / 2)

    def paint_lines(self) -> None:
        """Give the dots the theme's colours."""
        if self._dots is not None:
            self._dots.setPen(pg.mkPen(None))
            self._dots.setBrush(QColor(self.theme.colours.accent))
            self._zero.setPen(pg.mkPen(self.theme.colours.border))
