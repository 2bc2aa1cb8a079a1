"""The figures of an evaluation as SVG: recall, precision-recall, errors, cold start, reliability, along the route."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.recognition.metrics import RECALL_KS
from engine.recognition.plots_svg import Axis, Series, line_plot
from engine.recognition.scores import Scores

Scored = Sequence[tuple[str, Scores]]
_POINTS = 2000


@dataclass(frozen=True)
class Figure:
    """A line plot before it is drawn.

    `series` has one line for each of the scores, in their order, empty where there is nothing of them; then lines of its own.
    """

    title: str
    x: Axis
    y: Axis
    series: list[Series]

    @property
    def svg(self) -> str:
        """Drawn, without the empty lines."""
        return line_plot([line for line in self.series if len(line.x)], self.x, self.y, self.title)


def figures_of(scored: Scored) -> dict[str, str]:
    """Every figure that the scores (each with the name of its method) have something for, as SVG by its file name."""
    drawn = {name: build(scored) for name, build in FIGURES.items()} if scored else {}
    return {f"{name}.svg": figure.svg for name, figure in drawn.items() if figure is not None}


def recall_figure(scored: Scored) -> Figure:
    """Recall@K over K with its intervals."""
    series = []
    for name, scores in scored:
        band = None
        if scores.intervals is not None:
            band = [scores.intervals.recall_at[k] for k in RECALL_KS]
        values = [scores.recall_at[k] for k in RECALL_KS]
        series.append(Series(f"{name} (R@1 {values[0]:.2f})", RECALL_KS, values, intervals=band, markers=True))
    return Figure("Recall@K", Axis("K, places looked at", 0, 26, RECALL_KS), _share("Recall@K"), series)


def precision_recall_figure(scored: Scored) -> Figure:
    """Precision over recall of the single best match."""
    series = []
    for name, scores in scored:
        curve = scores.curve
        # Flat before the first point, as the area is taken; a curve of thousands of points is drawn by its corners.
        recall, precision = thinned(np.append(0.0, curve.recall), np.append(curve.precision[0], curve.precision))
        series.append(Series(f"{name} (AUC {scores.auc_pr:.2f})", recall, precision))
    return Figure("Precision and recall of the best match", _share("Recall"), _share("Precision"), series)


def error_figure(scored: Scored) -> Figure | None:
    """Share of the queries whose best match is within so many frames of a true place."""
    errors = [_errors(scores) for _, scores in scored]
    known = [values for values in errors if values.size]
    if not known:
        return None
    end = nice_ceiling(max(5.0, max(float(np.percentile(values, 90)) for values in known)))
    x = np.arange(0, end + 1)
    series = []
    for (name, _), values in zip(scored, errors, strict=True):
        if values.size:
            y = np.searchsorted(np.sort(values), x, side="right") / values.size
            series.append(Series(f"{name} (median {np.median(values):g})", *thinned(x.astype(float), y)))
        else:
            series.append(Series(name, (), ()))
    axis = Axis("Error of the best match (frames along the reference)", 0, end, ticks(end))
    return Figure("Error of the best match", axis, _share("Share of the queries"), series)


def along_route_figure(scored: Scored) -> Figure | None:
    """Share of right matches around each query, in a window that slides along the traverse."""
    queries = max(len(scores.matches.place) for _, scores in scored)
    window = route_window(queries)
    series = [Series(name, *thinned(*right_along(scores, window))) for name, scores in scored]
    if not any(len(line.x) for line in series):
        return None
    end = float(max(1, queries - 1))
    axis = Axis("Query", 0, end, [tick for tick in ticks(end) if tick <= end])
    return Figure("Right matches along the route", axis, _share(f"Share of right matches in {window} queries"), series)


def route_window(queries: int) -> int:
    """Queries over which the share of right matches is taken: a twentieth of the traverse, ten at least."""
    return max(1, min(queries, max(10, queries // 20)))


def right_along(scores: Scores, window: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(query, share of right matches among the scored queries with a match around it); queries with none around are left out."""
    matches = scores.matches
    counted = (matches.scored & (matches.true_place >= 0)).astype(np.float64)
    kernel = np.ones(min(window, len(counted)))
    number = np.convolve(counted, kernel, "same")
    right = np.convolve(counted * matches.correct, kernel, "same")
    seen = number > 0.5
    return np.flatnonzero(seen).astype(np.float64), np.clip(right[seen] / number[seen], 0, 1)


def cold_start_figure(scored: Scored) -> Figure | None:
    """Share of the starts that have come to a right match within so many queries."""
    horizon = max((scores.cold_start.horizon for _, scores in scored if scores.cold_start is not None), default=0)
    if not horizon:
        return None
    series = []
    for name, scores in scored:
        start = scores.cold_start
        if start is None:
            series.append(Series(name, (), ()))
            continue
        x = np.arange(1, start.horizon + 1)
        y = np.searchsorted(np.sort(start.frames), x, side="right") / len(start.frames)
        median = start.percentile(50)
        series.append(Series(f"{name} (median {'never' if median is None else f'{median:g}'})", x.tolist(), y.tolist()))
    axis = Axis("Queries since the start", 0, horizon, ticks(horizon))
    return Figure("First right match after a cold start", axis, _share("Share of starts with a right match"), series)


def calibration_figure(scored: Scored) -> Figure | None:
    """How often a method is right where it states a probability, over what it states."""
    series = []
    for name, scores in scored:
        calibration = scores.calibration
        if calibration is None:
            series.append(Series(name, (), ()))
            continue
        filled = calibration.queries > 0
        stated, correct = calibration.stated[filled].tolist(), calibration.correct[filled].tolist()
        series.append(Series(f"{name} (error {calibration.expected_error:.2f})", stated, correct, markers=True))
    if not any(len(line.x) for line in series):
        return None
    series.append(Series("as stated", (0, 1), (0, 1)))
    return Figure("Reliability of the best match", _share("Stated probability"), _share("Share that was right"), series)


FIGURES: dict[str, Callable[[Scored], Figure | None]] = {
    "recall": recall_figure,
    "precision_recall": precision_recall_figure,
    "error": error_figure,
    "along_route": along_route_figure,
    "cold_start": cold_start_figure,
    "calibration": calibration_figure,
}


def _errors(scores: Scores) -> NDArray[np.float64]:
    matches = scores.matches
    values = matches.error_frames[matches.scored & (matches.true_place >= 0)]
    return values[np.isfinite(values)]


def _share(label: str) -> Axis:
    return Axis(label, 0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1))


def nice_ceiling(value: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no less."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-12)))


def ticks(end: float) -> list[float]:
    """Round marks from 0 to `end`, about five."""
    step = nice_ceiling(end / 5)
    return [float(round(number * step, 12)) for number in range(int(end / step + 1e-9) + 1)]


def thinned(x: NDArray[np.float64], y: NDArray[np.float64], limit: int = _POINTS) -> tuple[list[float], list[float]]:
    """Points of a line, at most so many of them, evenly spread, the first and the last among them."""
    if len(x) > limit:
        keep = np.unique(np.linspace(0, len(x) - 1, limit).astype(int))
        x, y = x[keep], y[keep]
    return x.tolist(), y.tolist()
