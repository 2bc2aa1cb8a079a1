"""The power of a chip by rail over the last minute, measured or estimated, and said which."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout

from app.theme import Theme
from app.widgets.colour_maps import series_colours
from app.widgets.live_plots import Plot
from engine.chip.limits import RAILS

SPAN_S = 60.0
_BINS = 120  # of which each shows its mean: a chip's power jumps from one measurement to the next


class PowerPlot(Plot):
    """Five areas, one on the other, in mW; the uppermost edge is the sum."""

    def __init__(self, theme: Theme, span_s: float = SPAN_S) -> None:
        self._areas: list[pg.PlotCurveItem] = []
        self._last: NDArray[np.float64] | None = None
        self._label = ""
        self._top = 0.0
        super().__init__(theme, "Power by rail", "powerPlot", lambda value: f"{value:g} s", lambda value: f"{value:g} mW")
        self.setToolTip("Power of the chip's five supplies; the uppermost edge is their sum")
        self.left.setWidth(58)
        self._span = span_s
        self._legend = QLabel()
        self._legend.setObjectName("powerLegend")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setWordWrap(True)
        column = self.layout()
        assert isinstance(column, QVBoxLayout)
        column.addWidget(self._legend)
        for _ in RAILS:  # the sum of all rails first, so that each lies on those below it
            area = pg.PlotCurveItem(fillLevel=0.0)
            self.box.addItem(area)
            self._areas.append(area)
        self.box.setXRange(-span_s, 0, padding=0.01)
        self.bottom.setTickSpacing(span_s / 3, span_s / 3)
        self._scale(1.0)
        self.paint_lines()

    @property
    def title(self) -> str:
        """The line above the plot."""
        return self._title.text()

    @property
    def legend(self) -> str:
        """The line below, as rich text."""
        return self._legend.text()

    def show_power(self, seconds: NDArray[np.float64], watts: NDArray[np.float64], label: str) -> None:
        """Draw power over time.

        Args:
            seconds: (n,) rising; the last one is now.
            watts: (n, 5) in the order of engine.chip.limits.RAILS.
            label: "measured" or "estimated"; shown beside the figure.
        """
        if not len(seconds):
            self.clear()
            return
        at, means = _averaged(seconds - seconds[-1], watts * 1e3, self._span)
        sums = np.cumsum(means, axis=1)
        for rail, area in zip(reversed(range(len(RAILS))), self._areas, strict=True):
            area.setData(at, sums[:, rail])
        self._last, self._label = means[-1], label
        self._scale(float(sums[:, -1].max()))
        self._tell()

    def clear(self) -> None:
        """Draw nothing."""
        for area in self._areas:
            area.setData([], [])
        self._last = None
        self._tell()

    def _scale(self, largest: float) -> None:
        step = 10.0 ** np.floor(np.log10(max(largest, 0.1)))
        top = float(next(factor * step for factor in (1, 1.5, 2, 3, 5, 7.5, 10) if factor * step >= largest))
        if top != self._top:
            self._top = top
            self.box.setYRange(0, top, padding=0.03)
            self.left.setTickSpacing(top / 2, top / 2)

    def _tell(self) -> None:
        names = zip(RAILS, self._rail_colours(), strict=True)
        if self._last is None:
            self._title.setText("Power by rail")
            self._legend.setText("   ".join(_entry(colour, name) for name, colour in names))
            return
        self._title.setText(f"Power by rail: {self._last.sum():.2f} mW, {self._label}")
        figures = [_entry(colour, f"{name} {value:.2f}") for (name, colour), value in zip(names, self._last, strict=True)]
        self._legend.setText("   ".join(figures))

    def _rail_colours(self) -> tuple[str, ...]:
        return series_colours(self.theme.colours)[: len(RAILS)]

    def paint_lines(self) -> None:
        if not self._areas:
            return
        for colour, area in zip(reversed(self._rail_colours()), self._areas, strict=True):
            area.setPen(pg.mkPen(colour, width=1))
            # The ground shows through no area: each hides those under it.
            area.setBrush(_mixed(colour, self.theme.colours.window))
        self._tell()


def _averaged(
    seconds: NDArray[np.float64], watts: NDArray[np.float64], span: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean in each bin that holds a sample, of the last `span` seconds before 0; at the bin's newest sample."""
    bins = np.floor(-seconds * _BINS / span).astype(np.int64)  # 0 is the newest
    kept = bins < _BINS
    bins, seconds, watts = bins[kept], seconds[kept], watts[kept]
    starts = np.flatnonzero(np.diff(bins, prepend=_BINS))
    sizes = np.diff(starts, append=len(bins))
    return seconds[starts + sizes - 1], np.add.reduceat(watts, starts, axis=0) / sizes[:, None]


def _entry(colour: str, text: str) -> str:
    return f'<span style="color:{colour}">■</span>&nbsp;{text.replace(" ", "&nbsp;")}'


def _mixed(colour: str, ground: str, share: float = 0.45) -> QColor:
    """A colour let down with the ground's."""
    one, other = QColor(colour), QColor(ground)
    parts = zip((one.red(), one.green(), one.blue()), (other.red(), other.green(), other.blue()), strict=True)
    return QColor(*(round(share * a + (1 - share) * b) for a, b in parts))
