"""Recall@K, precision-recall, its area, and bootstrap intervals, from a similarity matrix and its ground truth.

Both are (references, queries). Recall is over the queries that have a match; a query without one can only be a false positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken

RankTies = Literal["expected", "numpy"]
MatchTies = Literal["expected", "first"]
Truth = NDArray[np.bool_]
RECALL_KS = (1, 5, 10, 15, 20, 25)

_COLUMNS = 256  # queries taken at a time: a block of a 5,000-place matrix then stays in the cache


def dilate(truth: NDArray[np.generic], tolerance: int, axes: tuple[int, ...] = (0,)) -> Truth:
    """Widen every match by `tolerance` frames both ways along `axes` (0: references, ours and LENS v0.1.5's).

    LENS v0.1.1 widens along both axes, which along the diagonal of a traverse doubles the tolerance.
    """
    grown: Truth = np.asarray(truth) != 0
    for axis in axes:
        view = np.moveaxis(grown, axis, 0)
        for direction in (view, view[::-1]):
            _spread(direction, min(tolerance, len(view) - 1))
    return grown


def _spread(rows: Truth, distance: int) -> None:
    """Let every row reach the `distance` rows after it, in place, in log2(distance) passes."""
    reach = 0
    while reach < distance:
        step = min(reach + 1, distance - reach)
        rows[step:] |= rows[:-step].copy(order="K")  # a copy: the rows overlap
        reach += step


def hit_probabilities(
    similarity: NDArray[np.floating], truth: Truth, ks: Sequence[int] = RECALL_KS, ties: RankTies = "expected"
) -> NDArray[np.float64]:
    """How likely it is, query by query, that a true place is among the K most similar ones.

    Args:
        similarity: (references, queries), finite.
        truth: (references, queries) bool, tolerance included.
        ks: the K, at least 1 each.
        ties: "expected": places of exactly equal similarity are in random order, and the value is the exact probability
            (hypergeometric). "numpy": they are as np.argsort leaves them, as in LENS, and the value is 0 or 1. That sort is not
            stable: mostly the higher index wins, but which one does depends on NumPy's version and on the processor.

    Returns:
        (queries, len(ks)) float64; 0 for a query without a match.
    """
    check_sizes(similarity, truth)
    most = max(ks)
    hits = np.zeros((similarity.shape[1], len(ks)))
    for start in range(0, similarity.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        ahead, tied, tied_true = _standing(similarity[:, part], truth[:, part], ties)
        # The chance of missing with j draws from the tied places, none of them true; beyond `tied` draws it is 0 anyhow.
        miss = np.ones((most + 1, len(ahead)))
        for j in range(1, most + 1):
            left = tied - (j - 1)
            miss[j] = miss[j - 1] * np.maximum(left - tied_true, 0) / np.maximum(left, 1)
        for column, k in enumerate(ks):
            hit = 1 - miss[np.clip(k - ahead, 0, most), np.arange(len(ahead))]
            hits[part, column] = np.where(tied_true > 0, hit, 0.0)
    return hits


def _standing(similarity: NDArray[np.floating], truth: Truth, ties: RankTies) -> tuple[NDArray[np.int64], ...]:
    """Of the best true place of each query: the places ahead of it, those in the draw with it, and the true ones among them."""
    best = np.max(similarity, axis=0, where=truth, initial=-np.inf)
    ahead = np.count_nonzero(similarity > best, axis=0)
    equal = similarity == best
    tied, tied_true = np.count_nonzero(equal, axis=0), np.count_nonzero(equal & truth, axis=0)
    if ties == "numpy":
        mixed = np.flatnonzero((tied_true > 0) & (tied_true < tied))
        order = np.argsort(similarity[:, mixed], axis=0)[::-1]
        candidates = np.take_along_axis((equal & truth)[:, mixed], order, axis=0)
        ahead[mixed] = np.argmax(candidates, axis=0)
        tied = tied_true = np.minimum(tied_true, 1)
    return ahead, tied, tied_true


def recall_at_k(
    similarity: NDArray[np.floating], truth: Truth, ks: Sequence[int] = RECALL_KS, ties: RankTies = "expected"
) -> dict[int, float]:
    """Recall@K: the share of the queries with a match for which a true place is among the K most similar ones.

    Raises:
        BadInput: no query has a match.
    """
    hits, matched = hit_probabilities(similarity, truth, ks, ties), _matched(truth)
    check_any_match(matched)
    return {k: float(hits[matched, column].mean()) for column, k in enumerate(ks)}


@dataclass(frozen=True)
class BestMatches:
    """The single best match of every query.

    value: (queries,) its similarity. correct: (queries,) 0 or 1, or the chance that it is right where several places tie.
    matched: (queries,) bool, whether the query has a match at all.
    """

    value: NDArray[np.floating]
    correct: NDArray[np.float64]
    matched: NDArray[np.bool_]


def best_matches(similarity: NDArray[np.floating], truth: Truth, ties: MatchTies = "expected") -> BestMatches:
    """Find the most similar place of every query, and whether it is a true one.

    Args:
        ties: "expected": any of the equally similar places is taken with equal chance; "first": the lowest index is (LENS).
    """
    check_sizes(similarity, truth)
    queries = similarity.shape[1]
    value, correct = np.empty(queries, similarity.dtype), np.empty(queries)
    for start in range(0, queries, _COLUMNS):
        part = slice(start, start + _COLUMNS)
        block, true = similarity[:, part], truth[:, part]
        value[part] = block.max(axis=0)
        if ties == "expected":
            equal = block == value[part]
            correct[part] = np.count_nonzero(equal & true, axis=0) / np.count_nonzero(equal, axis=0)
        else:
            row = np.argmax(block, axis=0)
            correct[part] = true[row, np.arange(len(row))]
    return BestMatches(value, correct, _matched(truth))


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall at falling thresholds; recall rises. Recall ends at Recall@1, not at 1."""

    threshold: NDArray[np.floating]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


class CurveSampler:
    """The precision-recall curve of the single best matches, and its area, for any weighting of the queries.

    A query is retrieved where its best match reaches the threshold; a retrieved wrong match, or any match of a query that has
    none, is a false positive. Recall is over the queries with a match.

    Args:
        best: the best matches.
        thresholds: None for every distinct value (the exact curve), or how many equally spaced ones between the largest and the
            smallest value (LENS: 100).
        relevant: what recall is over: the queries with a match, or (LENS v0.1.5) only those whose best match is right.
    """

    def __init__(
        self, best: BestMatches, thresholds: int | None = None, relevant: Literal["matched", "found"] = "matched"
    ) -> None:
        order = np.argsort(-best.value, kind="stable")
        value = best.value[order]
        self._order, self._correct = order, best.correct[order]
        self._relevant = best.matched[order].astype(np.float64) if relevant == "matched" else self._correct
        if thresholds is None:
            last = np.flatnonzero(np.append(value[1:] != value[:-1], True))
            self._threshold = value[last]
        else:
            self._threshold = np.linspace(value[0], value[-1], thresholds)
            last = np.searchsorted(-value, -self._threshold, side="right") - 1
        self._last = last
        # Ours starts flat: within a group of equal values the precision is the group's, whichever is taken first. LENS starts at
        # precision 1. The two differ only where several queries share the largest value.
        self._flat = thresholds is None

    def curve(self) -> PrecisionRecall:
        """The curve with every query once."""
        precision, recall, _ = self._points(np.ones((1, len(self._order))))
        return PrecisionRecall(self._threshold, precision[0], recall[0])

    def area(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The area under the curve by the trapezoid rule, for each row of (samples, queries) weights.

        From recall 0 to the largest recall that is reached, so at most Recall@1. NaN where no query with a match has weight.
        """
        return self.area_and_full_precision(weights)[0]

    def area_and_full_precision(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The areas, and the largest recalls with a precision of exactly 1 (R@100P, 0 where there is none), likewise."""
        precision, recall, retrieved = self._points(weights[:, self._order])
        perfect = (precision == 1) & (retrieved > 0)
        full = np.where(np.isnan(recall[:, -1]), np.nan, np.max(recall, axis=1, where=perfect, initial=0.0))
        precision, recall = _prepend(precision, 1.0), _prepend(recall, 0.0)
        left = precision[:, :-1].copy()
        if self._flat:
            nothing_before = _prepend(retrieved, 0.0)[:, :-1] == 0
            left[nothing_before] = precision[:, 1:][nothing_before]
        return np.asarray(np.sum(np.diff(recall, axis=1) * (left + precision[:, 1:]) / 2, axis=1)), full

    def _points(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        retrieved = np.cumsum(weights, axis=1)[:, self._last]
        true = np.cumsum(weights * self._correct, axis=1)[:, self._last]
        precision = np.divide(true, retrieved, out=np.ones_like(true), where=retrieved > 0)
        relevant = (weights @ self._relevant)[:, None]
        recall = np.divide(true, relevant, out=np.full_like(true, np.nan), where=relevant > 0)
        return precision, recall, retrieved


def _prepend(values: NDArray[np.float64], first: float) -> NDArray[np.float64]:
    return np.concatenate([np.full((len(values), 1), first), values], axis=1)


def precision_recall(similarity: NDArray[np.floating], truth: Truth, ties: MatchTies = "expected") -> PrecisionRecall:
    """Precision and recall of the single best match at every distinct value.

    Raises:
        BadInput: no query has a match.
    """
    best = best_matches(similarity, truth, ties)
    check_any_match(best.matched)
    return CurveSampler(best).curve()


def auc_pr(similarity: NDArray[np.floating], truth: Truth, ties: MatchTies = "expected") -> float:
    """The area under precision_recall by the trapezoid rule, flat before its first point.

    Raises:
        BadInput: no query has a match.
    """
    best = best_matches(similarity, truth, ties)
    check_any_match(best.matched)
    return float(CurveSampler(best).area(np.ones((1, len(best.value))))[0])


def recall_at_full_precision(curve: PrecisionRecall) -> float:
    """R@100P: the largest recall with a precision of exactly 1; 0 where there is none."""
    return float(np.max(curve.recall, where=curve.precision == 1, initial=0.0))


@dataclass(frozen=True)
class Intervals:
    """Percentile bootstrap intervals over queries: (low, high) of Recall@K, of the area under the curve and of R@100P."""

    recall_at: dict[int, tuple[float, float]]
    auc_pr: tuple[float, float]
    recall_at_100_precision: tuple[float, float]
    level: float
    resamples: int
    block: int


def bootstrap(
    hits: NDArray[np.float64],
    ks: Sequence[int],
    matched: NDArray[np.bool_],
    sampler: CurveSampler,
    rng: np.random.Generator,
    *,
    resamples: int = 2000,
    block: int = 1,
    level: float = 0.95,
    cancel: CancelToken | None = None,
) -> Intervals:
    """Draw queries anew, with replacement, and take the spread of the figures.

    Args:
        hits: (queries, len(ks)) from hit_probabilities; matched: (queries,) whether it has a match.
        sampler: the curve whose area is wanted.
        rng: where the draws come from; the same state gives the same intervals.
        block: so many consecutive queries are drawn together (circular block bootstrap; Politis and Romano 1992). Queries that
            share frames, as those of a sequence do, are not independent; drawn singly they make the interval too narrow.
        level: of the interval.
    """
    queries = len(matched)
    block = min(block, queries)
    chunk = max(1, 500_000 // queries)
    recalls, areas, fulls = [], [], []
    for start in range(0, resamples, chunk):
        if cancel is not None:
            cancel.check()
        samples = min(chunk, resamples - start)
        starts = rng.integers(0, queries, (samples, -(-queries // block)))
        drawn = ((starts[:, :, None] + np.arange(block)) % queries).reshape(samples, -1)[:, :queries]
        drawn += np.arange(samples)[:, None] * queries
        weights = np.bincount(drawn.ravel(), minlength=samples * queries).reshape(samples, queries).astype(np.float64)
        scored = (weights @ matched)[:, None]
        recalls.append(np.divide(weights @ hits, scored, out=np.full((samples, len(ks)), np.nan), where=scored > 0))
        area, full = sampler.area_and_full_precision(weights)
        areas.append(area)
        fulls.append(full)
    tails = [50 * (1 - level), 50 * (1 + level)]
    low, high = np.nanpercentile(np.concatenate(recalls), tails, axis=0)
    recall_at = {k: (float(low[i]), float(high[i])) for i, k in enumerate(ks)}
    (area_low, area_high), (full_low, full_high) = (np.nanpercentile(np.concatenate(each), tails) for each in (areas, fulls))
    return Intervals(recall_at, (float(area_low), float(area_high)), (float(full_low), float(full_high)), level, resamples, block)


def check_sizes(similarity: NDArray[np.generic], truth: Truth) -> None:
    """Raise BadInput unless both are (references, queries) of one size, not empty."""
    if similarity.ndim != 2 or similarity.shape != truth.shape or 0 in similarity.shape:
        raise BadInput(
            f"The similarity matrix is {_size(similarity)} and the ground truth {_size(truth)} (references x queries): "
            "both should be of one size, with at least one place and one query."
        )


def _matched(truth: Truth) -> NDArray[np.bool_]:
    return np.asarray(truth.any(axis=0), np.bool_)


def _size(matrix: NDArray[np.generic]) -> str:
    return " x ".join(str(side) for side in matrix.shape)


def check_any_match(matched: NDArray[np.bool_]) -> None:
    """Raise BadInput where no query has a match."""
    if not matched.any():
        raise BadInput("The ground truth gives no query any match, so nothing can be scored: check it against the traverses.")
