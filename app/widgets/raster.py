"""The output spikes of the last seconds: places downwards, as in the similarity matrix, time to the right."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from app.theme import Theme
from app.widgets.colour_maps import counts_map
from app.widgets.live_plots import Plot
from app.widgets.status import count

SPAN_S = 10.0
_BINS = 400
_BRIGHT = 4  # spikes in a bin that are drawn in the strongest colour


class RasterPlot(Plot):
    """Spikes counted in a few hundred bins of time, so that drawing costs the same however many there are."""

    def __init__(self, theme: Theme, places: int = 1, span_s: float = SPAN_S) -> None:
        self._image: pg.ImageItem | None = None
        super().__init__(theme, "Output spikes", "outputRaster", lambda value: f"{value:g} s", lambda value: f"{value:g}")
        self.setToolTip("Output spikes over the last seconds: places downwards, time to the right")
        self._span = span_s
        self._bin_us = round(span_s * 1e6 / _BINS)
        self._image = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self._image)
        self.box.invertY(True)
        self.box.setXRange(-span_s, 0, padding=0)
        self.bottom.setTickSpacing(span_s / 2, span_s / 2)
        self.set_places(places)
        self.paint_lines()

    @property
    def counts(self) -> NDArray[np.uint8]:
        """(places, bins) spikes that are shown, the newest bin last."""
        return np.roll(self._counts, -(self._newest + 1), axis=1)

    def set_places(self, places: int) -> None:
        """Say how many places there are, and draw nothing."""
        self._places = max(1, places)
        self.box.setYRange(0, self._places, padding=0)
        step = max(1, round(self._places / 2))
        self.left.setTickSpacing(step, step)
        self.clear()

    def clear(self) -> None:
        """Draw nothing."""
        self._counts = np.zeros((self._places, _BINS), np.uint8)
        self._newest = _BINS - 1  # column of the newest bin
        self._bin: int | None = None  # its number: time divided by the bin's length
        self._title.setText("Output spikes")
        self._draw()

    def show_spikes(self, times_us: NDArray[np.int64], places: NDArray[np.int32], end_us: int) -> None:
        """Add spikes and move on to a time.

        Args:
            times_us: (n,) of the spikes since the call before, each before end_us.
            places: (n,) the output neurons; those beyond the number of places are left out.
            end_us: now. A time before the last one begins the raster anew.
        """
        newest = end_us // self._bin_us
        if self._bin is None or newest < self._bin:
            self._counts[:] = 0
            self._bin = newest
        passed = min(newest - self._bin, _BINS)
        for step in range(1, passed + 1):
            self._counts[:, (self._newest + step) % _BINS] = 0
        self._newest = (self._newest + passed) % _BINS
        self._bin = newest
        ago = newest - np.asarray(times_us, np.int64) // self._bin_us
        inside = (ago >= 0) & (ago < _BINS) & (places >= 0) & (places < self._places)
        columns = (self._newest - ago[inside]) % _BINS
        flat = np.asarray(places, np.int64)[inside] * _BINS + columns
        added = np.bincount(flat, minlength=self._counts.size)[: self._counts.size].reshape(self._counts.shape)
        self._counts = np.minimum(self._counts + added, 255).astype(np.uint8)
        second = max(1, round(1e6 / self._bin_us))
        recent = int(self.counts[:, -second:].sum())
        self._title.setText(f"Output spikes: {count(recent)} in the last second")
        self._draw()

    def _draw(self) -> None:
        if self._image is None:
            return
        self._image.setImage(self.counts, levels=(0, _BRIGHT), autoDownsample=False)
        self._image.setRect(-self._span, 0, self._span, self._places)

    def paint_lines(self) -> None:
        if self._image is not None:
            self._image.setLookupTable(counts_map(self.theme.colours))
