"""Whether a method that gives probabilities is as often right as it says, and lost where it says so."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Reliability of the best matches: what was said, and how often it was so.

    Attributes:
        edges: (bins + 1,) of the stated probability, from 0 to 1.
        queries: (bins,) int64 how many fell into each bin.
        stated: (bins,) mean stated probability, NaN in an empty bin.
        correct: (bins,) share that was right, likewise.
        expected_error: mean of |correct - stated| over the queries, bin by bin (expected calibration error).
        brier: mean squared difference between the stated probability and 0 or 1.
    """

    edges: NDArray[np.float64]
    queries: NDArray[np.int64]
    stated: NDArray[np.float64]
    correct: NDArray[np.float64]
    expected_error: float
    brier: float

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; empty bins are left out."""
        bins = [
            {
                "from": float(self.edges[i]),
                "to": float(self.edges[i + 1]),
                "queries": int(self.queries[i]),
                "stated": float(self.stated[i]),
                "correct": float(self.correct[i]),
            }
            for i in np.flatnonzero(self.queries)
        ]
        return {"expected_calibration_error": self.expected_error, "brier": self.brier, "bins": bins}


@dataclass(frozen=True)
class LostSummary:
    """Where a method said that it is lost.

    Attributes:
        queries: at which it said so.
        counted: queries that count.
        right_when_lost, right_otherwise: share of the best matches that were right all the same, and of the others; None of none.
    """

    queries: int
    counted: int
    right_when_lost: float | None
    right_otherwise: float | None

    @property
    def text(self) -> str:
        """For people."""
        right = "" if self.right_when_lost is None else f" (right all the same at {self.right_when_lost:.0%})"
        return f"said to be lost at {self.queries} of {self.counted} queries{right}"

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "queries": self.queries,
            "counted": self.counted,
            "right_when_lost": self.right_when_lost,
            "right_otherwise": self.right_otherwise,
        }


def summarise_lost(lost: NDArray[np.bool_], correct: NDArray[np.float64]) -> LostSummary | None:
    """Of the queries that count, (queries,) each; None without one."""
    if not len(lost):
        return None
    said, other = correct[lost], correct[~lost]
    return LostSummary(
        len(said),
        len(lost),
        float(said.mean()) if len(said) else None,
        float(other.mean()) if len(other) else None,
    )


def calibrate(stated: NDArray[np.floating], correct: NDArray[np.float64]) -> Calibration | None:
    """Compare stated probabilities with what came true; None without a query.

    Args:
        stated: (queries,) probability that the best match is right.
        correct: (queries,) 0 or 1, or a chance.
    """
    if not len(stated):
        return None
    values = np.clip(np.asarray(stated, np.float64), 0, 1)
    bins = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    queries = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        said = np.bincount(bins, values, BINS) / queries
        true = np.bincount(bins, correct, BINS) / queries
    filled = queries > 0
    error = float(np.sum(queries[filled] * np.abs(said[filled] - true[filled])) / len(values))
    brier = float(np.mean(correct * (1 - values) ** 2 + (1 - correct) * values**2))
    return Calibration(np.linspace(0, 1, BINS + 1), queries, said, true, error, brier)
