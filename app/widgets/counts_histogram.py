"""How many pixels of a frame have which count."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app.theme import Theme
from app.widgets.live_plots import Plot
from app.widgets.status import count


class CountsHistogram(Plot):
    """Bars over the counts 0 to 255, their height logarithmic: most pixels have few events."""

    def __init__(self, theme: Theme, name: str = "countsHistogram") -> None:
        super().__init__(theme, "Pixels by events", name, lambda value: f"{value:g}", _pixels)
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[])
        self.box.addItem(self._bars)
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.box.setXRange(0, 16, padding=0.01)
        self.box.setYRange(0, 4, padding=0.04)
        self.left.setTickSpacing(2, 2)
        self.paint_lines()

    def show_frame(self, frame: NDArray[np.uint8] | None) -> None:
        """Draw the counts of a frame; None draws nothing."""
        if frame is None or frame.size == 0:
            self.counts = np.zeros(0, np.int64)
            self._bars.setOpts(x0=[], x1=[], height=[])
            return
        self.counts = np.bincount(frame.ravel(), minlength=256)
        last = int(np.flatnonzero(self.counts)[-1])
        end = next(limit for limit in (16, 32, 64, 128, 256) if last < limit)
        width = max(end // 64, 1)
        bars = self.counts[:end].reshape(-1, width).sum(axis=1)
        edges = np.arange(0, end + 1, width)
        self._bars.setOpts(x0=edges[:-1], x1=edges[1:], height=np.log10(np.maximum(bars, 0) + 1))
        self.box.setXRange(0, end, padding=0.01)
        self.bottom.setTickSpacing(end / 4, end / 4)
        top = max(float(np.ceil(np.log10(frame.size + 1))), 2.0)
        self.box.setYRange(0, top, padding=0.04)

    def paint_lines(self) -> None:
        """The bars' colour."""
        if hasattr(self, "_bars"):
            self._bars.setOpts(brush=QColor(self.theme.colours.accent), pen=pg.mkPen(None))


def _pixels(exponent: float) -> str:
    return "0" if exponent == 0 else count(10.0**exponent)
