"""Errors, cold starts, reliability and masks against loops that follow the definitions."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.recognition.calibration import calibrate
from engine.recognition.cold_start import cold_start
from engine.recognition.matches import PairFacts, dilate_metres, nearest_true, worst_queries, wrong_queries
from engine.recognition.metrics import best_matches
from engine.recognition.scoring import ScoringParameters, match, score
from engine.recognition.sequence import match_sequences


def parameters(**others):
    return ScoringParameters.check({"sequence_length": 0, "GT_tolerance": 1, "resamples": 0, "cold_starts": 0, **others})


@st.composite
def worlds(draw):
    """A similarity of distinct values and a truth with at least one match; seldom square."""
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    truth = rng.random(shape) < draw(st.sampled_from([0.1, 0.4]))
    truth[rng.integers(shape[0]), rng.integers(shape[1])] = True
    return rng.random(shape), truth


def slow_nearest(column, place):
    trues = [row for row, true in enumerate(column) if true]
    return min(trues, key=lambda row: (abs(row - place), row)) if trues else -1


@given(worlds())
def test_the_nearest_true_place_and_the_error_equal_the_loop(world):
    similarity, truth = world
    scores = score(similarity, truth, parameters())
    errors = []
    for query in range(similarity.shape[1]):
        place = int(np.argmax(similarity[:, query]))
        true = slow_nearest(truth[:, query], place)
        assert (scores.matches.place[query], scores.matches.true_place[query]) == (place, true)
        if true >= 0:
            errors.append(abs(place - true))
            assert scores.matches.error_frames[query] == errors[-1]
            assert bool(scores.matches.correct[query]) == (errors[-1] <= 1)
        else:
            assert math.isnan(scores.matches.error_frames[query])
    assert scores.error_frames.median == pytest.approx(np.median(errors))
    assert scores.error_frames.p95 == pytest.approx(np.percentile(errors, 95))
    assert scores.error_frames.queries == len(errors) == scores.queries
    np.testing.assert_array_equal(nearest_true(truth, scores.matches.place), scores.matches.true_place)


def test_errors_in_metres_are_between_the_query_and_its_match():
    similarity, truth = np.eye(4)[:, [0, 2, 2, 3]], np.eye(4)
    reference = np.array([[0.0, 0], [10, 0], [20, 0], [30, 0]])
    query = np.array([[1.0, 0], [10, 0], [20, 3], [np.nan, np.nan]])
    scores = score(similarity, truth, parameters(), facts=PairFacts(reference_xy=reference, query_xy=query))
    np.testing.assert_allclose(scores.matches.error_m, [1, 10, 3, np.nan])
    assert (scores.error_m.median, scores.error_m.queries) == (3, 3)
    assert scores.to_json()["error"]["metres"]["queries"] == 3
    assert score(similarity, truth, parameters()).error_m is None


@given(worlds(), st.floats(0, 3), st.integers(0, 2**32))
def test_a_tolerance_in_metres_equals_the_loop(world, tolerance, seed):
    _, truth = world
    rng = np.random.default_rng(seed)
    xy = rng.random((len(truth), 2)) * 4
    xy[rng.random(len(truth)) < 0.2] = np.nan
    grown = dilate_metres(truth, xy, tolerance)
    for row in range(len(truth)):
        for query in range(truth.shape[1]):
            near = any(truth[other, query] and math.dist(xy[row], xy[other]) <= tolerance for other in range(len(truth)))
            assert grown[row, query] == (near or truth[row, query])


def test_a_tolerance_in_metres_is_scored_and_needs_poses():
    similarity, truth = np.eye(5)[[1, 2, 3, 4, 0]], np.eye(5)
    xy = np.stack([np.arange(5) * 4.0, np.zeros(5)], axis=1)
    for tolerance, expected in ((3.9, 0.0), (4.0, 0.8), (16.0, 1.0)):
        scores = score(similarity, truth, parameters(tolerance_m=tolerance), facts=PairFacts(reference_xy=xy))
        assert scores.recall_at[1] == expected
    for facts in (None, PairFacts(), PairFacts(reference_xy=np.full((5, 2), np.nan))):
        with pytest.raises(BadInput, match="tolerance_m needs poses"):
            score(similarity, truth, parameters(tolerance_m=4), facts=facts)


@given(worlds(), st.integers(0, 2**32), st.sampled_from([0, 3]))
def test_masked_queries_are_in_no_figure_but_help_their_sequence(world, seed, length):
    similarity, truth = world
    mask = np.random.default_rng(seed).random(similarity.shape[1]) < 0.4
    true = np.zeros_like(truth)
    for row, query in zip(*np.nonzero(truth), strict=True):
        true[max(0, row - 1) : row + 2, query] = True
    assume(true[:, ~mask].any())
    scores = score(similarity, truth, parameters(sequence_length=length), facts=PairFacts(mask))
    matched = match_sequences(similarity, length)[:, ~mask]
    alone = score(matched, truth[:, ~mask], parameters())
    assert scores.recall_at == alone.recall_at
    assert (scores.auc_pr, scores.recall_at_100_precision) == (alone.auc_pr, alone.recall_at_100_precision)
    assert (scores.queries, scores.queries_without_match) == (alone.queries, alone.queries_without_match)
    assert scores.queries_masked == mask.sum() and not scores.matches.scored[mask].any()
    assert scores.error_frames == alone.error_frames


@given(worlds())
def test_the_worst_queries_are_the_wrong_ones_by_their_distance(world):
    similarity, truth = world
    matches = score(similarity, truth, parameters()).matches
    wrong = [q for q in range(truth.shape[1]) if truth[:, q].any() and not matches.correct[q]]
    assert wrong_queries(matches).tolist() == wrong
    assert worst_queries(matches).tolist() == sorted(wrong, key=lambda q: (-matches.error_frames[q], q))
    assert len(worst_queries(matches, 1)) == min(1, len(wrong))


def test_everything_masked_is_told():
    with pytest.raises(BadInput, match="no query any match"):
        score(np.eye(3), np.eye(3), parameters(), facts=PairFacts(np.ones(3, bool)))


def slow_cold_start(similarity, truth, length, starts, horizon):
    """Queries to the first right match from each start, matching anew from it, one query after another."""
    result = []
    for start in starts:
        taken = math.inf
        for end in range(start + 1, start + horizon + 1):
            matched = match_sequences(similarity[:, start:end], length)
            if best_matches(matched, truth[:, start:end]).correct[-1] > 0.5:
                taken = end - start
                break
        result.append(taken)
    return result


@pytest.mark.parametrize("length", [0, 4])
def test_the_cold_start_equals_the_loop(length):
    rng = np.random.default_rng(length)
    truth = np.eye(60, dtype=bool)
    similarity = rng.random((60, 60)) + 0.35 * truth
    found = cold_start(similarity, truth, lambda part: match_sequences(part, length), starts=7)
    starts = [0, 5, 10, 15, 20, 25, 30]
    assert found.horizon == 30
    assert found.frames.tolist() == slow_cold_start(similarity, truth, length, starts, 30)
    content = found.to_json()
    assert content["starts"] == 7 and content["found"] == np.isfinite(found.frames).mean()
    assert "median_s" not in content


def test_the_cold_start_counts_what_is_never_right_and_knows_seconds():
    truth = np.eye(20, dtype=bool)
    wrong = np.roll(np.eye(20), 5, axis=0)
    scores = score(wrong, truth, parameters(cold_starts=4), facts=PairFacts(seconds_per_query=0.5))
    assert scores.cold_start.found == 0 and scores.cold_start.percentile(50) is None
    assert scores.to_json()["cold_start"]["median_s"] is None
    right = score(np.eye(20), truth, parameters(cold_starts=4), facts=PairFacts(seconds_per_query=0.5)).to_json()["cold_start"]
    assert (right["median_frames"], right["median_s"], right["found"]) == (1, 0.5, 1)


def test_masked_queries_are_no_start_and_no_right_match():
    mask = np.zeros(20, bool)
    mask[[0, 1, 2]] = True
    found = cold_start(np.eye(20), np.eye(20, dtype=bool), lambda part: part, starts=50, mask=mask)
    assert len(found.frames) == 8 and (found.frames == 1).all()  # of 11 possible starts
    assert cold_start(np.eye(20), np.eye(20, dtype=bool), lambda part: part, mask=np.ones(20, bool)) is None


def test_a_cold_start_is_cancelled():
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        cold_start(np.eye(20), np.eye(20, dtype=bool), lambda part: part, cancel=cancel)


def test_reliability_agrees_with_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is not installed")
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    rng = np.random.default_rng(0)
    stated = rng.random(500)
    correct = (rng.random(500) < stated**1.5).astype(float)
    ours = calibrate(stated, correct)
    share, mean = calibration.calibration_curve(correct, stated, n_bins=10)
    filled = ours.queries > 0
    np.testing.assert_allclose(ours.correct[filled], share, rtol=1e-12)
    np.testing.assert_allclose(ours.stated[filled], mean, rtol=1e-12)
    assert ours.brier == pytest.approx(metrics.brier_score_loss(correct, stated), rel=1e-12)
    assert ours.expected_error == pytest.approx(np.sum(ours.queries[filled] * np.abs(share - mean)) / 500, rel=1e-12)


def test_reliability_of_none_and_of_the_certain():
    assert calibrate(np.zeros(0), np.zeros(0)) is None
    sure = calibrate(np.ones(4), np.ones(4))
    assert (sure.expected_error, sure.brier, sure.queries[-1]) == (0, 0, 4)
    assert len(sure.to_json()["bins"]) == 1


def test_the_forward_filter_states_probabilities_and_finds_the_route():
    rng = np.random.default_rng(1)
    truth = np.eye(80)
    similarity = rng.normal(0, 1, (80, 80)) + 2 * truth
    single = score(similarity, truth, parameters())
    scores = score(similarity, truth, parameters(sequence="filter", cold_starts=5))
    assert scores.recall_at[1] > single.recall_at[1] + 0.2
    assert single.calibration is None and scores.calibration is not None
    matched = match(similarity, parameters(sequence="filter"))
    np.testing.assert_allclose(scores.matches.value, matched.confidence)
    np.testing.assert_array_equal(scores.matches.place, matched.matrix.argmax(axis=0))
    assert scores.parameters.block == 10 and scores.cold_start.found == 1
    # Its tolerance is the scoring's.
    wide = match(similarity, parameters(sequence="filter", GT_tolerance=5))
    assert (wide.confidence >= matched.confidence).all() and (wide.confidence > matched.confidence).any()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sequence": "none"}, ("none", 2, 0)),
        ({"sequence": "none", "sequence_length": 7}, ("none", 7, 0)),
        ({"sequence": "diagonal:4"}, ("diagonal", 4, 4)),
        ({"sequence": "diagonal:4", "sequence_length": "4"}, ("diagonal", 4, 4)),
        ({"sequence_length": 9}, ("diagonal", 9, 9)),
        ({"sequence": "filter"}, ("filter", 2, 0)),
    ],
)
def test_how_a_sequence_is_asked_for(options, expected):
    made = ScoringParameters.check(options)
    assert (made.sequence, made.sequence_length, made.length) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sequence": "diagonal:x"}, "diagonal:L with a length such as diagonal:4, or filter, but is 'diagonal:x'"),
        ({"sequence": "filter:4"}, "but is 'filter:4'"),
        ({"sequence": "zigzag"}, "sequence should be"),
        ({"sequence": "diagonal:4", "sequence_length": 9}, "diagonal:4 and sequence_length 9 contradict"),
        ({"sequence": "filter", "compat": "lens-0.1.1"}, "sequence filter is no part of the scoring of lens-0.1.1"),
        ({"tolerance_m": 5, "compat": "lens-0.1.5"}, "tolerance_m is no part of the scoring of lens-0.1.5"),
        ({"tolerance_m": -1}, "tolerance_m should be greater"),
    ],
)
def test_a_wrong_way_of_matching_is_told(options, words):
    with pytest.raises(BadInput, match=words):
        ScoringParameters.check(options)


def test_lens_edges_have_no_match():
    rng = np.random.default_rng(3)
    scores = score(rng.random((12, 15)), np.eye(12, 15), parameters(compat="lens-0.1.1", sequence_length=4))
    outside = scores.matches.place < 0
    np.testing.assert_array_equal(np.flatnonzero(outside), [0, 1, 14])  # [L-2:-1] is what that version scores
    assert np.isnan(scores.matches.error_frames[outside]).all() and not scores.matches.scored[outside].any()
    assert scores.matches.scored.sum() == scores.queries + scores.queries_without_match == 12
