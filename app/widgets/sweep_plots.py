"""What a sweep has found: how much each parameter matters, and every trial as a line across the parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics

from app.theme import Theme
from app.widgets.training_plots import TrainingPlot, apart
from engine.training.kinds import SweepRange
from engine.training.sweep_space import SweepChoice, Varied, shown
from engine.training.sweep_study import SweepTrial

_SHADES = 8
_MARGIN = 0.6  # room for the names at both ends, in distances of two axes
_AROUND_BARS = 84  # pixels over and under the bars
_SMALL = 0.9  # of the values beside the axes


class _NamedAxisPlot(TrainingPlot):
    """A plot of which one axis has names instead of numbers."""

    def show_curves(self, curves: Any, layer: int) -> None:
        """A sweep's plot follows no single training."""


class ImportancePlot(_NamedAxisPlot):
    """A bar a parameter."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Importance", "importancePlot")
        self.stand_alone()
        self._bars = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self.box.addItem(self._bars)
        self.left.setWidth(104)
        self.bottom.setTickSpacing(0.5, 0.5)
        self.paint_lines()

    def show_importance(self, importance: Mapping[str, float], done: int) -> None:
        """Draw shares that add up to 1, the largest on top."""
        names = sorted(importance, key=lambda name: importance[name])
        places = np.arange(len(names), dtype=float)
        self._bars.setOpts(x0=np.zeros(len(names)), x1=[importance[name] for name in names], y0=places - 0.35, y1=places + 0.35)
        self.left.setTicks([list(zip(places, names, strict=True))])
        self.setMinimumHeight(max(150, _AROUND_BARS + len(names) * (self.fontMetrics().height() + 2)))
        self.fit()
        if names:
            self.say(f"PED-ANOVA over {done} trials")
        else:
            self.say("from 8 finished trials on")

    def fit(self) -> None:
        """Show all bars, on an axis up to 1."""
        self.box.setXRange(0, 1, padding=0.02)
        self.box.enableAutoRange(axis="y")

    def clear(self) -> None:
        self.show_importance({}, 0)

    def paint_lines(self) -> None:
        if hasattr(self, "_bars"):
            self._bars.setOpts(brush=QColor(self.theme.colours.accent), pen=pg.mkPen(None))


class ParallelPlot(_NamedAxisPlot):
    """A line a trial, from parameter to parameter and to the objective; good trials are strong, the best one is orange.

    At each parameter stands what is at the ends of its range, or the values of a choice, where they are.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Trials across the parameters", "parallelPlot", left=lambda value: "")
        self.stand_alone()
        self.setMinimumHeight(220)
        self.left.setWidth(4)
        self.bottom.setHeight(2 * self.fontMetrics().lineSpacing() + 8)
        self._items: list[Any] = []
        self._ticks: list[Any] = []
        self.box.sigResized.connect(lambda box: self._write_ticks())
        self._shown: tuple[Sequence[SweepTrial], Mapping[str, Varied], SweepTrial | None, str] = ((), {}, None, "")

    def show_trials(
        self, trials: Sequence[SweepTrial], varied: Mapping[str, Varied], best: SweepTrial | None, objective: str
    ) -> None:
        """Draw the trials that are done."""
        self._shown = (trials, varied, best, objective)
        for item in self._items:
            self.box.removeItem(item)
        self._items = []
        self._write_ticks()
        done = [trial for trial in trials if trial.state == "done" and trial.value is not None]
        if not done:
            self.say("")
            return
        values = np.array([trial.value for trial in done])
        low, high = float(values.min()), float(values.max())
        rows = [
            [*(_place(trial.chosen.get(name), varied[name]) for name in varied), _share(float(trial.value or 0.0), low, high)]
            for trial in done
        ]
        ranks = np.clip(((values - low) / max(high - low, 1e-12) * _SHADES).astype(int), 0, _SHADES - 1)
        for rank in range(_SHADES):
            lines = [row for row, at in zip(rows, ranks, strict=True) if at == rank]
            if lines:
                shade = QColor(self.theme.colours.accent)
                shade.setAlpha(40 + 180 * rank // (_SHADES - 1))
                self._add(lines, shade, 1)
        if best is not None and best in done:
            self._add([rows[done.index(best)]], QColor(self.theme.colours.off_event), 2)
        self.box.setXRange(0, len(varied), padding=_MARGIN / len(varied))
        self.box.setYRange(0, 1, padding=0.06)
        self.say(f"{objective} {low:.3f} to {high:.3f}")

    def fit(self) -> None:
        """Show all."""
        axes = max(1, len(self._shown[1]))
        self.box.setXRange(0, axes, padding=_MARGIN / axes)
        self.box.setYRange(0, 1, padding=0.06)

    def clear(self) -> None:
        self.show_trials((), {}, None, "")

    def paint_lines(self) -> None:
        self.bottom.setStyle(hideOverlappingLabels=False)
        if hasattr(self, "_shown"):
            self.show_trials(*self._shown)

    def _add(self, rows: Sequence[Sequence[float]], shade: QColor, width: int) -> None:
        x = np.tile(np.arange(len(rows[0]), dtype=float), len(rows))
        y = np.nan_to_num(np.concatenate(rows), nan=0.0)
        item = pg.PlotCurveItem(x, y, connect=apart([len(row) for row in rows]), pen=pg.mkPen(shade, width=width))
        self.box.addItem(item)
        self._items.append(item)

    def _write_ticks(self) -> None:
        """Names below, and values at the axes, each with as much room as there is between two axes."""
        for item in self._ticks:
            self.box.removeItem(item)
        self._ticks = []
        trials, varied, _, objective = self._shown
        axes = max(1, len(varied))
        room = int(self.box.width() / (axes + 2 * _MARGIN)) - 2
        small = QFont(self.font())
        small.setPointSizeF(small.pointSizeF() * _SMALL)

        def fitting(text: str, width: int, font: QFont) -> str:
            return QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, width)

        # On two levels, so that long names do not lie over each other.
        names = [fitting(name, 2 * room, self.font()) for name in (*varied, objective)]
        self.bottom.setTicks([[(float(place), f"\n{name}" if place % 2 else name) for place, name in enumerate(names)]])
        values = [trial.value for trial in trials if trial.state == "done" and trial.value is not None]
        if not values:
            return
        ground = QColor(self.theme.colours.window)
        ground.setAlpha(200)  # what is written can be read over the lines
        for place, over in enumerate([*varied.values(), SweepRange(min(values), max(values))]):
            for height, text in _ticks(over):
                item = pg.TextItem(fitting(text, room, small), color=self.theme.colours.text, anchor=(0.5, 0.5), fill=ground)
                item.setFont(small)
                item.setPos(place, height)
                item.setZValue(10)
                self.box.addItem(item, ignoreBounds=True)
                self._ticks.append(item)


def _ticks(over: Varied) -> list[tuple[float, str]]:
    """What is written at an axis, and where, 0 to 1."""
    if isinstance(over, SweepChoice):
        return [(_place(value, over), shown(value)) for value in over.values]
    return [(0.0, f"{over.low:.3g}"), (1.0, f"{over.high:.3g}")] if over.high > over.low else [(0.5, f"{over.low:.3g}")]


def _place(value: Any, over: Varied) -> float:
    """Where a value lies in its range or among its choices, 0 to 1."""
    if isinstance(over, SweepChoice):
        return _share(over.values.index(value), 0, len(over.values) - 1) if value in over.values else math.nan
    if not isinstance(value, int | float):
        return math.nan
    if over.log:
        return _share(math.log(value), math.log(over.low), math.log(over.high))
    return _share(float(value), over.low, over.high)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5
