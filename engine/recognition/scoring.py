"""From a similarity matrix and a ground truth to scores: our scoring, and LENS's two, behind one function.

Source of LENS's two: Hines et al., Science Robotics 10, eads3968 (2025), and what its published versions 0.1.1 and 0.1.5 do.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.parameters import Parameters, parameter
from engine.recognition.metrics import (
    RECALL_KS,
    BestMatches,
    CurveSampler,
    Intervals,
    PrecisionRecall,
    RankTies,
    Truth,
    best_matches,
    bootstrap,
    check_any_match,
    check_sizes,
    dilate,
    hit_probabilities,
    recall_at_full_precision,
)
from engine.recognition.sequence import match_sequences, zero_edges

Compat = Literal["revisit", "lens-0.1.1", "lens-0.1.5"]
_LENS_THRESHOLDS = 100


class ScoringParameters(Parameters):
    """How a similarity matrix is matched and scored."""

    sequence_length: int = parameter(
        2,
        "Consecutive queries that are matched together along the diagonal; 0 or 1: each by itself.",
        unit="frames",
        ge=0,
        le=100_000,
    )
    GT_tolerance: int = parameter(
        3, "How far from a true place a match may be and still count as right.", unit="frames", ge=0, le=100_000
    )
    compat: Compat = parameter(
        "revisit",
        "Whose scoring: Revisit's, or that of a LENS version with its edges, tolerance, ties and thresholds, to compare figures.",
    )
    resamples: int = parameter(2000, "Bootstrap resamples for the intervals; 0: no intervals.", ge=0, le=1_000_000)
    seed: int = parameter(0, "Seed of the bootstrap.", ge=0, lt=2**63)


@dataclass(frozen=True)
class AsPrinted:
    """The figures as that LENS version itself shows them, defects included (see score)."""

    recall_at: dict[int, float]
    auc_pr: float
    recall_at_100_precision: float


@dataclass(frozen=True)
class Scores:
    """What a similarity matrix is worth against a ground truth.

    queries: those with a match, over which recall is. queries_without_match: the others; any match of theirs is a false positive.
    as_printed: only with a LENS scoring, and only where that version would not have stopped with an error.
    """

    recall_at: dict[int, float]
    auc_pr: float
    recall_at_100_precision: float
    queries: int
    queries_without_match: int
    curve: PrecisionRecall
    parameters: ScoringParameters
    intervals: Intervals | None = None
    as_printed: AsPrinted | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, with the K as string keys; without the curve (see curve_json)."""
        content: dict[str, Any] = {
            "recall_at": _by_text(self.recall_at),
            "auc_pr": self.auc_pr,
            "recall_at_100_precision": self.recall_at_100_precision,
            "queries": self.queries,
            "queries_without_match": self.queries_without_match,
            "scoring": self.parameters.model_dump(mode="json"),
        }
        if self.intervals is not None:
            content["intervals"] = {
                "recall_at": {str(k): list(pair) for k, pair in self.intervals.recall_at.items()},
                "auc_pr": list(self.intervals.auc_pr),
                "level": self.intervals.level,
                "resamples": self.intervals.resamples,
                "block": self.intervals.block,
            }
        if self.as_printed is not None:
            content["as_printed"] = {
                "recall_at": _by_text(self.as_printed.recall_at),
                "auc_pr": self.as_printed.auc_pr,
                "recall_at_100_precision": self.as_printed.recall_at_100_precision,
            }
        return content

    def curve_json(self) -> dict[str, list[float]]:
        """The precision-recall curve as lists."""
        return {
            "threshold": self.curve.threshold.astype(float).tolist(),
            "precision": self.curve.precision.tolist(),
            "recall": self.curve.recall.tolist(),
        }


def _by_text(recall_at: dict[int, float]) -> dict[str, float]:
    return {str(k): value for k, value in recall_at.items()}


def score(
    similarity: NDArray[np.generic],
    truth: NDArray[np.generic],
    parameters: ScoringParameters,
    *,
    of_distances: bool = False,
    cancel: CancelToken | None = None,
) -> Scores:
    """Match sequences, widen the ground truth by the tolerance, and score.

    "revisit": match_sequences with causal edges; tolerance along the reference axis; places that tie exactly count as in random
    order; the exact precision-recall curve.
    "lens-0.1.1": complete sequences only; the ground truth cropped [L-2:-1] on both axes and widened along both; tied places as
    np.argsort leaves them (Recall@K) or the first of them (precision-recall); 100 thresholds.
    "lens-0.1.5": zeros around the complete sequences; tolerance along the reference axis; the rest as in 0.1.1.

    The main figures rank the places for each query, and recall is over all queries with a match, in each scoring. `as_printed`
    has what that LENS version shows instead: Recall@K rounded to two digits; 0.1.1 with L = 0 ranks the queries for each place,
    and its precision-recall of the network does so for L > 0; in 0.1.5 recall is over the found matches only, and SAD with L = 0
    ranks by distance, the largest first.

    Args:
        similarity: (references, queries), finite, higher is more alike.
        truth: (references, queries) of 0 and 1, without tolerance.
        of_distances: the similarity is minus a distance (baselines.negative_distance); LENS's scorings then take the reciprocal
            of the mean distance, as LENS does.
        cancel: checked between steps.

    Raises:
        BadInput: sizes that differ, numbers that are not finite, a sequence too long for a LENS scoring, no query with a match.
    """
    values = np.asarray(similarity)
    true = np.asarray(truth) != 0
    check_sizes(values, true)
    if not np.isfinite(values).all():
        raise BadInput("The similarity matrix has values that are not finite numbers: compute it again.")
    if parameters.compat == "revisit":
        return _score_ours(values, true, parameters, cancel)
    return _score_lens(values, true, parameters, of_distances, cancel)


def _score_ours(
    similarity: NDArray[np.generic], truth: Truth, parameters: ScoringParameters, cancel: CancelToken | None
) -> Scores:
    matched = match_sequences(similarity, parameters.sequence_length, "causal")
    true = dilate(truth, parameters.GT_tolerance)
    return _figures(matched, true, parameters, "expected", best_matches(matched, true), None, cancel)


def _figures(
    matched: NDArray[np.floating],
    true: Truth,
    parameters: ScoringParameters,
    ties: RankTies,
    best: BestMatches,
    thresholds: int | None,
    cancel: CancelToken | None,
    as_printed: AsPrinted | None = None,
) -> Scores:
    check_any_match(best.matched)
    if cancel is not None:
        cancel.check()
    hits = hit_probabilities(matched, true, RECALL_KS, ties)
    sampler = CurveSampler(best, thresholds)
    curve = sampler.curve()
    intervals = None
    if parameters.resamples:
        intervals = bootstrap(
            hits,
            RECALL_KS,
            best.matched,
            sampler,
            np.random.default_rng(parameters.seed),
            resamples=parameters.resamples,
            block=max(1, parameters.sequence_length),
            cancel=cancel,
        )
    scored = int(np.count_nonzero(best.matched))
    return Scores(
        recall_at={k: float(hits[best.matched, column].mean()) for column, k in enumerate(RECALL_KS)},
        auc_pr=_area(sampler, best),
        recall_at_100_precision=recall_at_full_precision(curve),
        queries=scored,
        queries_without_match=len(best.matched) - scored,
        curve=curve,
        parameters=parameters,
        intervals=intervals,
        as_printed=as_printed,
    )


def _area(sampler: CurveSampler, best: BestMatches) -> float:
    return float(sampler.area(np.ones((1, len(best.value))))[0])


def _score_lens(
    similarity: NDArray[np.generic],
    truth: Truth,
    parameters: ScoringParameters,
    of_distances: bool,
    cancel: CancelToken | None,
) -> Scores:
    length, tolerance = parameters.sequence_length, parameters.GT_tolerance
    old = parameters.compat == "lens-0.1.1"
    # LENS computes in float32; its last bit decides which sums tie.
    matched = match_sequences(similarity, length, "valid").astype(np.float32)
    if of_distances:
        matched = _reciprocal(matched)
    if old:
        # With L = 1 that version crops its ground truth to nothing and stops; a sequence of one needs no crop.
        cut = slice(length - 2, -1) if length > 1 else slice(None)
        true = dilate(truth[cut, cut], tolerance, axes=(0, 1))
    else:
        matched = zero_edges(matched, truth.shape, length)
        true = dilate(truth, tolerance)
    best = best_matches(matched, true, "first")
    printed = _as_printed(similarity, matched, true, parameters, of_distances)
    return _figures(matched, true, parameters, "numpy", best, _LENS_THRESHOLDS, cancel, printed)


def _reciprocal(negative: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / distance; the distance 0, for which LENS fails, is given the largest similarity that is finite."""
    largest = np.finfo(np.float32).max
    return np.divide(np.float32(1), 0 - negative, out=np.full_like(negative, largest), where=negative < 0)


def _as_printed(
    similarity: NDArray[np.generic],
    matched: NDArray[np.float32],
    true: Truth,
    parameters: ScoringParameters,
    of_distances: bool,
) -> AsPrinted | None:
    length = parameters.sequence_length
    if parameters.compat == "lens-0.1.5":
        if of_distances and length == 0:
            matched = (0 - np.asarray(similarity)).astype(np.float32)
        return _printed(matched, true, matched, true, "found")
    if length == 1 or (length == 0 and (of_distances or matched.shape[0] != matched.shape[1])):
        return None  # that version stops with an error
    if length == 0:
        # Queries are ranked for each place, against a ground truth that is not turned; the curve has both the other way round.
        return _printed(matched.T, true, matched, true.T)
    return _printed(matched, true, matched, true) if of_distances else _printed(matched, true, matched.T, true.T)


def _printed(
    ranked: NDArray[np.float32],
    ranked_true: Truth,
    retrieved: NDArray[np.float32],
    retrieved_true: Truth,
    relevant: Literal["matched", "found"] = "matched",
) -> AsPrinted | None:
    """Recall@K of one matrix and the curve of another, each with its columns as the queries."""
    best = best_matches(retrieved, retrieved_true, "first")
    scored = ranked_true.any(axis=0)
    if not scored.any() or not best.matched.any() or (relevant == "found" and not best.correct.any()):
        return None
    hits = hit_probabilities(ranked, ranked_true, RECALL_KS, "numpy")
    sampler = CurveSampler(best, _LENS_THRESHOLDS, relevant)
    return AsPrinted(
        {k: round(float(hits[scored, column].mean()), 2) for column, k in enumerate(RECALL_KS)},
        _area(sampler, best),
        recall_at_full_precision(sampler.curve()),
    )
