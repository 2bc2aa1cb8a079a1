"""The best match of every query: which place, whether it is right, and how far it is off, in frames and in metres."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.recognition.metrics import BestMatches, Truth

_COLUMNS = 256  # queries taken at a time
_NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class PairFacts:
    """What is known of a pair of traverses besides their frames; every part may be missing.

    Attributes:
        mask: (queries,) True where a query cannot be scored at all: it is left out of every figure.
        reference_xy: (references, 2) metres, NaN where a frame has no pose.
        query_xy: (queries, 2) metres in the same frame.
        seconds_per_query: from one query to the next.
    """

    mask: NDArray[np.bool_] | None = None
    reference_xy: NDArray[np.float64] | None = None
    query_xy: NDArray[np.float64] | None = None
    seconds_per_query: float | None = None


@dataclass(frozen=True)
class Matches:
    """The most similar place of every query.

    Attributes:
        place: (queries,) int64, the first of those that tie; -1 where a scoring has no answer (LENS's edges).
        value: (queries,) its similarity after sequence matching, or the probability stated for it; NaN where there is none.
        correct: (queries,) whether it is right, tolerance included: 0 or 1, or the chance of it where several places tie.
        true_place: (queries,) int64 the true place next to `place`; -1 where there is none.
        error_frames: (queries,) float64 frames between `place` and `true_place` along the reference; NaN where there is no such.
        error_m: (queries,) float64 metres between where the query was and where its match is; NaN where a pose is missing.
        scored: (queries,) bool, whether the query counts: it has an answer and is not masked.
        lost: (queries,) bool, where the method said that it is lost; None of one that never says so.
    """

    place: NDArray[np.int64]
    value: NDArray[np.float64]
    correct: NDArray[np.float64]
    true_place: NDArray[np.int64]
    error_frames: NDArray[np.float64]
    error_m: NDArray[np.float64]
    scored: NDArray[np.bool_]
    lost: NDArray[np.bool_] | None = None


def find_matches(
    matched: NDArray[np.floating],
    best: BestMatches,
    truth: Truth,
    facts: PairFacts,
    offset: int = 0,
) -> Matches:
    """Take the most similar place of each query and measure how far it is from the truth.

    Args:
        matched: (references - c, queries - c) similarity after sequence matching, of all queries, the masked ones too.
        best: (queries - c,) values and correctness from metrics.best_matches.
        truth: (references, queries) bool, without tolerance.
        facts: mask and positions.
        offset: of the matrix's first row and column in the traverses, where a scoring leaves edges out.
    """
    queries = truth.shape[1]
    inside = slice(offset, offset + matched.shape[1])
    place, value = np.full(queries, -1, np.int64), np.full(queries, np.nan)
    right, scored = np.zeros(queries), np.zeros(queries, bool)
    for start in range(0, matched.shape[1], _COLUMNS):
        block = matched[:, start : start + _COLUMNS]
        rows = np.argmax(block, axis=0)
        columns = slice(offset + start, offset + start + block.shape[1])
        place[columns] = rows + offset
    value[inside], right[inside], scored[inside] = best.value, best.correct, True
    if facts.mask is not None:
        scored &= ~facts.mask
    true_place = nearest_true(truth, place)
    off = np.where(true_place >= 0, np.abs(place - true_place), np.nan).astype(np.float64)
    return Matches(place, value, right, true_place, np.where(place >= 0, off, np.nan), _metres(place, facts), scored)


def nearest_true(truth: Truth, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """The true place next to the given one for each query, the lower where two are as near; -1 where a query has none."""
    result = np.full(truth.shape[1], -1, np.int64)
    rows = np.arange(len(truth))[:, None]
    for start in range(0, truth.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        far = np.where(truth[:, part], np.abs(rows - place[part]), _NOWHERE)
        nearest = far.argmin(axis=0)
        result[part] = np.where(truth[:, part].any(axis=0), nearest, -1)
    return result


def _metres(place: NDArray[np.int64], facts: PairFacts) -> NDArray[np.float64]:
    if facts.reference_xy is None or facts.query_xy is None:
        return np.full(len(place), np.nan)
    apart = np.hypot(*(facts.reference_xy[place] - facts.query_xy).T)
    return np.where(place >= 0, apart, np.nan)


def wrong_queries(matches: Matches) -> NDArray[np.int64]:
    """Queries that are scored, have a match and are matched wrongly, in their order."""
    wrong = matches.scored & (matches.true_place >= 0) & (matches.correct < 0.5)
    return np.flatnonzero(wrong).astype(np.int64)


def worst_queries(matches: Matches, most: int = 200) -> NDArray[np.int64]:
    """The wrong queries whose best match is furthest from a true place, in frames, the worst first."""
    wrong = wrong_queries(matches)
    order = np.argsort(-matches.error_frames[wrong], kind="stable")
    return wrong[order][:most]


@dataclass(frozen=True)
class ErrorSummary:
    """Of the queries that are scored and have a match: median and 95th percentile of the error, and over how many queries."""

    median: float
    p95: float
    queries: int

    def to_json(self) -> dict[str, float]:
        """Plain numbers."""
        return {"median": self.median, "p95": self.p95, "queries": self.queries}


def summarise(errors: NDArray[np.float64], matches: Matches) -> ErrorSummary | None:
    """Summarise errors, passing over NaN; None where none is left."""
    used = errors[matches.scored & (matches.true_place >= 0)]
    used = used[np.isfinite(used)]
    if not used.size:
        return None
    median, high = np.percentile(used, [50, 95])
    return ErrorSummary(float(median), float(high), int(used.size))


def dilate_metres(truth: NDArray[Any], xy: NDArray[np.float64], tolerance: float) -> Truth:
    """Widen every match to the places within `tolerance` metres of a true place.

    Args:
        truth: (references, queries) of 0 and 1.
        xy: (references, 2) metres; a place without a pose (NaN) neither widens nor is reached.
        tolerance: in metres, straight; so a place that is passed twice is right both times.
    """
    true = np.asarray(truth) != 0
    grown: Truth = true.copy()
    for row in np.flatnonzero(true.any(axis=1)):
        near = np.flatnonzero(np.hypot(*(xy - xy[row]).T) <= tolerance)  # NaN is never near
        grown[near[:, None], np.flatnonzero(true[row])] = True
    return grown
