"""From a similarity matrix and a ground truth to scores: our scoring, and LENS's two, behind one function.

Source of LENS's two: Hines et al., Science Robotics 10, eads3968 (2025), and what its published versions 0.1.1 and 0.1.5 do.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, ignore
from engine.recognition.calibration import calibrate, summarise_lost
from engine.recognition.cold_start import ColdStart, cold_start
from engine.recognition.forward_filter import ForwardFilterParameters, filter_matrix, learn_motion
from engine.recognition.matches import Matches, PairFacts, dilate_metres, find_matches, summarise
from engine.recognition.metrics import (
    RECALL_KS,
    BestMatches,
    CurveSampler,
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
from engine.recognition.scores import AsPrinted, Compat, Scores, ScoringParameters
from engine.recognition.sequence import match_sequences, zero_edges

_LENS_THRESHOLDS = 100

__all__ = ["AsPrinted", "Compat", "Scores", "ScoringParameters", "match", "score"]


@dataclass(frozen=True)
class Matched:
    """A matrix after sequence matching, of which each column knows only what came before it.

    matrix: (references, queries) float64. confidence: (queries,) stated probability that the best match is right within the
    tolerance; None of a matching that states none. lost: (queries,) where it says that it is lost; likewise. motion: of the
    forward filter, what was learned of the reference filled in.
    """

    matrix: NDArray[np.float64]
    confidence: NDArray[np.float64] | None = None
    lost: NDArray[np.bool_] | None = None
    motion: ForwardFilterParameters | None = None


def match(
    similarity: NDArray[Any],
    parameters: ScoringParameters,
    facts: PairFacts | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> Matched:
    """Sequence matching as Revisit does it.

    The forward filter's motion is learned from the reference's poses, where it has some and nothing else is asked for. Its
    tolerance is that of the scoring; one in metres is taken in frames of the typical step between two
    reference places.
    """
    if parameters.sequence != "filter":
        return Matched(match_sequences(similarity, parameters.length, "causal"))
    forward = parameters.forward.model_copy(update={"tolerance": _tolerance_in_frames(parameters, facts)})
    if facts is not None and facts.reference_xy is not None:
        forward = learn_motion(facts.reference_xy, forward)
    filtered = filter_matrix(similarity, forward, emit, cancel)
    return Matched(filtered.probabilities, filtered.confidence, filtered.lost, forward.settled())


def _tolerance_in_frames(parameters: ScoringParameters, facts: PairFacts | None) -> int:
    if parameters.tolerance_m is None or facts is None or facts.reference_xy is None:
        return parameters.GT_tolerance
    steps = np.hypot(*np.diff(facts.reference_xy, axis=0).T)
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return int(min(100_000, parameters.tolerance_m / float(np.median(steps)))) if len(steps) else 0


def unscored(
    similarity: NDArray[Any],
    parameters: ScoringParameters,
    facts: PairFacts | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> Matches:
    """The best match of every query where there is no ground truth to score it against."""
    nothing = np.zeros(similarity.shape, np.bool_)
    matched = match(similarity, parameters, facts, emit, cancel)
    best = best_matches(matched.matrix, nothing)
    if matched.confidence is not None:
        best = BestMatches(matched.confidence, best.correct, best.matched)
    found = find_matches(matched.matrix, best, nothing, facts or PairFacts())
    return replace(found, scored=np.zeros(similarity.shape[1], np.bool_), lost=matched.lost)


def widened(truth: NDArray[np.generic], parameters: ScoringParameters, facts: PairFacts | None = None) -> Truth:
    """The ground truth with the tolerance: (references, queries) bool, along the reference axis.

    Raises:
        BadInput: a tolerance in metres where the reference has no poses.
    """
    if parameters.tolerance_m is None:
        return dilate(truth, parameters.GT_tolerance)
    xy = None if facts is None else facts.reference_xy
    if xy is None or not np.isfinite(xy).any():
        raise BadInput(
            "tolerance_m needs poses of the reference traverse, which has none: attach a log of them, or give GT_tolerance."
        )
    return dilate_metres(truth, xy, parameters.tolerance_m)


def score(
    similarity: NDArray[np.generic],
    truth: NDArray[np.generic],
    parameters: ScoringParameters,
    *,
    of_distances: bool = False,
    facts: PairFacts | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> Scores:
    """Match sequences, widen the ground truth by the tolerance, and score.

    "revisit": match_sequences with causal edges, or the forward filter, whose probability that the best match is right is then
    what the precision-recall curve goes by; tolerance along the reference axis; places that tie exactly count as in random
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
        facts: mask, positions and times of the traverses, as far as they are known. Masked queries still tell their neighbours in
            a sequence where they are, but are left out of every figure.
        emit: hears the progress of the forward filter.
        cancel: checked between steps.

    Raises:
        BadInput: sizes that differ, numbers that are not finite, a sequence too long for a LENS scoring, no query with a match,
            a tolerance in metres without poses.
    """
    values = np.asarray(similarity)
    true = np.asarray(truth) != 0
    check_sizes(values, true)
    if not np.isfinite(values).all():
        raise BadInput("The similarity matrix has values that are not finite numbers: compute it again.")
    case = _Case(values, true, parameters, facts or PairFacts(), emit, cancel)
    return _score_ours(case) if parameters.compat == "revisit" else _score_lens(case, of_distances)


@dataclass(frozen=True)
class _Case:
    """What is scored."""

    similarity: NDArray[Any]
    truth: Truth
    parameters: ScoringParameters
    facts: PairFacts
    emit: Emit
    cancel: CancelToken | None

    def heed(self) -> None:
        if self.cancel is not None:
            self.cancel.check()


def _score_ours(case: _Case) -> Scores:
    parameters, facts = case.parameters, case.facts
    matched = match(case.similarity, parameters, facts, case.emit, case.cancel)
    case.heed()
    true = widened(case.truth, parameters, facts)
    start = None
    if parameters.cold_starts:
        start = cold_start(
            case.similarity,
            true,
            lambda columns: match(columns, parameters, facts).matrix,
            starts=parameters.cold_starts,
            mask=facts.mask,
            seconds_per_query=facts.seconds_per_query,
            cancel=case.cancel,
        )
    best = best_matches(matched.matrix, true)
    if matched.confidence is not None:
        best = BestMatches(matched.confidence, best.correct, best.matched)
    scores = _figures(case, matched.matrix, true, "expected", best, start=start, states=matched.confidence is not None)
    if matched.lost is None:
        return scores
    matches = replace(scores.matches, lost=matched.lost)
    counted = matches.scored
    told = summarise_lost(matched.lost[counted], matches.correct[counted])
    return replace(scores, matches=matches, lost=told, motion=matched.motion)


def _figures(
    case: _Case,
    matched: NDArray[np.floating],
    true: Truth,
    ties: RankTies,
    best: BestMatches,
    *,
    thresholds: int | None = None,
    offset: int = 0,
    start: ColdStart | None = None,
    states: bool = False,
    as_printed: AsPrinted | None = None,
) -> Scores:
    """All figures of a matched matrix.

    offset: its first row's and column's index in the traverses. states: the best matches' values are probabilities.
    """
    case.heed()
    parameters = case.parameters
    matches = find_matches(matched, best, case.truth, case.facts, offset)
    kept = matches.scored[offset : offset + matched.shape[1]]
    hits = hit_probabilities(matched, true, RECALL_KS, ties)[kept]
    best = BestMatches(best.value[kept], best.correct[kept], best.matched[kept])
    check_any_match(best.matched)
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
            block=parameters.block,
            cancel=case.cancel,
        )
    scored = int(np.count_nonzero(best.matched))
    return Scores(
        recall_at={k: float(hits[best.matched, column].mean()) for column, k in enumerate(RECALL_KS)},
        auc_pr=_area(sampler, best),
        recall_at_100_precision=recall_at_full_precision(curve),
        queries=scored,
        queries_without_match=len(best.matched) - scored,
        queries_masked=int(np.count_nonzero(~kept)),
        curve=curve,
        parameters=parameters,
        matches=matches,
        intervals=intervals,
        error_frames=summarise(matches.error_frames, matches),
        error_m=summarise(matches.error_m, matches),
        cold_start=start,
        calibration=calibrate(best.value, best.correct) if states else None,
        as_printed=as_printed,
    )


def _area(sampler: CurveSampler, best: BestMatches) -> float:
    return float(sampler.area(np.ones((1, len(best.value))))[0])


def _score_lens(case: _Case, of_distances: bool) -> Scores:
    parameters, truth = case.parameters, case.truth
    length, tolerance = parameters.length, parameters.GT_tolerance
    old = parameters.compat == "lens-0.1.1"
    # LENS computes in float32; its last bit decides which sums tie.
    matched = match_sequences(case.similarity, length, "valid").astype(np.float32)
    if of_distances:
        matched = _reciprocal(matched)
    offset = 0
    if old:
        # With L = 1 that version crops its ground truth to nothing and stops; a sequence of one needs no crop.
        cut = slice(length - 2, -1) if length > 1 else slice(None)
        true = dilate(truth[cut, cut], tolerance, axes=(0, 1))
        offset = max(0, length - 2)
    else:
        matched = zero_edges(matched, truth.shape, length)
        true = dilate(truth, tolerance)
    best = best_matches(matched, true, "first")
    printed = _as_printed(case.similarity, matched, true, parameters, of_distances)
    return _figures(case, matched, true, "numpy", best, thresholds=_LENS_THRESHOLDS, offset=offset, as_printed=printed)


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
    length = parameters.length
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
