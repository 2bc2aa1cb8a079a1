"""Scores out of the JSON that an evaluation wrote."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.recognition.calibration import BINS, Calibration, LostSummary
from engine.recognition.cold_start import ColdStart
from engine.recognition.forward_filter import ForwardFilterParameters
from engine.recognition.matches import ErrorSummary, Matches
from engine.recognition.metrics import RECALL_KS, Intervals, PrecisionRecall
from engine.recognition.scores import Scores, ScoringParameters


def read_scores(entry: Mapping[str, Any], matches: Matches | None, queries: int, source: str) -> Scores | None:
    """The scores of a method's entry in report.json; None where it was not scored.

    Args:
        entry: the method's entry.
        matches: of matches.csv; None where that is not there.
        queries: columns of the matrix.
        source: the file, for messages.

    Raises:
        BadInput: something is missing or of another kind.
    """
    if "recall_at" not in entry:
        return None
    try:
        return _scores(entry, no_matches(queries) if matches is None else matches, source)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{source} is damaged ({type(error).__name__} in {entry.get('name')!r}): evaluate again.") from None


def no_matches(queries: int) -> Matches:
    """Matches of which nothing is known."""
    nothing = np.full(queries, -1, np.int64)
    unknown = np.full(queries, np.nan)
    return Matches(
        nothing, unknown, np.zeros(queries), nothing.copy(), unknown.copy(), unknown.copy(), np.zeros(queries, np.bool_)
    )


def _scores(entry: Mapping[str, Any], matches: Matches, source: str) -> Scores:
    curve, errors = entry["precision_recall"], entry.get("error", {})
    return Scores(
        recall_at={k: float(entry["recall_at"][str(k)]) for k in RECALL_KS},
        auc_pr=float(entry["auc_pr"]),
        recall_at_100_precision=float(entry["recall_at_100_precision"]),
        queries=int(entry["queries"]),
        queries_without_match=int(entry["queries_without_match"]),
        queries_masked=int(entry.get("queries_masked", 0)),
        curve=PrecisionRecall(*(_numbers(curve[name]) for name in ("threshold", "precision", "recall"))),
        parameters=ScoringParameters.read(entry["scoring"], source),
        matches=matches,
        intervals=_intervals(entry["intervals"]) if "intervals" in entry else None,
        error_frames=_error(errors.get("frames")),
        error_m=_error(errors.get("metres")),
        cold_start=_cold_start(entry["cold_start"]) if "cold_start" in entry else None,
        calibration=_calibration(entry["calibration"]) if "calibration" in entry else None,
        lost=_lost(entry["lost"]) if "lost" in entry else None,
        motion=ForwardFilterParameters.read(entry["motion"], source) if "motion" in entry else None,
    )


def _numbers(values: Any) -> NDArray[np.float64]:
    made = np.array([float(value) for value in values])
    if not len(made) or not np.isfinite(made).all():
        raise ValueError("a curve has points")
    return made


def _pair(values: Any) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)


def _intervals(content: Mapping[str, Any]) -> Intervals:
    return Intervals(
        recall_at={k: _pair(content["recall_at"][str(k)]) for k in RECALL_KS},
        auc_pr=_pair(content["auc_pr"]),
        recall_at_100_precision=_pair(content.get("recall_at_100_precision", (0.0, 1.0))),
        level=float(content["level"]),
        resamples=int(content["resamples"]),
        block=int(content["block"]),
    )


def _error(content: Mapping[str, Any] | None) -> ErrorSummary | None:
    if content is None:
        return None
    return ErrorSummary(float(content["median"]), float(content["p95"]), int(content["queries"]))


def _cold_start(content: Mapping[str, Any]) -> ColdStart:
    frames = np.array([np.inf if value is None else float(value) for value in content["frames"]])
    if not len(frames):
        raise ValueError("a cold start has starts")
    median, seconds = content.get("median_frames"), content.get("median_s")
    return ColdStart(frames, int(content["horizon"]), seconds / median if seconds and median else None)


def _lost(content: Mapping[str, Any]) -> LostSummary:
    right = (content["right_when_lost"], content["right_otherwise"])
    when, otherwise = (None if value is None else float(value) for value in right)
    return LostSummary(int(content["queries"]), int(content["counted"]), when, otherwise)


def _calibration(content: Mapping[str, Any]) -> Calibration:
    edges = np.linspace(0, 1, BINS + 1)
    queries, stated, correct = np.zeros(BINS, np.int64), np.full(BINS, np.nan), np.full(BINS, np.nan)
    for part in content["bins"]:
        number = min(round(float(part["from"]) * BINS), BINS - 1)
        queries[number], stated[number], correct[number] = int(part["queries"]), float(part["stated"]), float(part["correct"])
    return Calibration(edges, queries, stated, correct, float(content["expected_calibration_error"]), float(content["brier"]))
