"""Metrics against loops that follow the definitions, against scikit-learn, and by properties."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.recognition import metrics
from tests.recognition import slow_scoring as slow

# Few places and few distinct values: the twin goes through all orders, and most places tie.
tied_pairs = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(arrays(np.float64, shape, elements=st.integers(0, 3).map(float)), arrays(np.bool_, shape))
)


def world(places, queries, seed, levels=0):
    """A random similarity (of `levels` distinct values, or all distinct) with a diagonal that stands out somewhat."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((places, queries), bool)
    for q in range(queries):
        if q % 7:
            truth[q * places // queries, q] = True
    similarity = rng.random((places, queries)) + 0.5 * truth
    return (np.round(similarity * levels) if levels else similarity), truth


@given(tied_pairs)
def test_hit_probabilities_equal_the_count_over_all_orders(pair):
    similarity, truth = pair
    ks = (1, 2, 3, 5, 9)
    hits = metrics.hit_probabilities(similarity, truth, ks)
    for q, (column, true) in enumerate(zip(similarity.T.tolist(), truth.T.tolist(), strict=True)):
        expected = [float(slow.hit_chance(column, true, k)) for k in ks]
        np.testing.assert_allclose(hits[q], expected, atol=1e-12)


@given(tied_pairs)
def test_recall_is_over_the_queries_with_a_match(pair):
    similarity, truth = pair
    assume(truth.any())
    chances = [
        slow.hit_chance(column, true, 2)
        for column, true in zip(similarity.T.tolist(), truth.T.tolist(), strict=True)
        if any(true)
    ]
    assert metrics.recall_at_k(similarity, truth, (2,))[2] == pytest.approx(float(sum(chances) / len(chances)))


def test_numpy_ties_are_those_of_argsort():
    similarity, truth = world(300, 400, 0, levels=12)
    truth = metrics.dilate(truth, 2)
    hits = metrics.hit_probabilities(similarity, truth, (1, 5, 25), "numpy")
    order = np.argsort(similarity, axis=0)
    for column, k in enumerate((1, 5, 25)):
        found = np.take_along_axis(truth, order[-k:], axis=0).any(axis=0)
        np.testing.assert_array_equal(hits[:, column], found)
    # The worlds are such that the order matters, or the test would show nothing.
    assert not np.array_equal(hits, metrics.hit_probabilities(similarity, truth, (1, 5, 25)))


@given(tied_pairs)
def test_precision_recall_and_area_equal_the_loop(pair):
    similarity, truth = pair
    assume(truth.any())
    points = slow.curve(slow.best_of(similarity.tolist(), truth.tolist()))
    curve = metrics.precision_recall(similarity, truth)
    np.testing.assert_array_equal(curve.threshold, [float(point[0]) for point in points])
    np.testing.assert_allclose(curve.precision, [float(point[1]) for point in points], atol=1e-12)
    np.testing.assert_allclose(curve.recall, [float(point[2]) for point in points], atol=1e-12)
    assert metrics.auc_pr(similarity, truth) == pytest.approx(slow.area(points), abs=1e-12)
    perfect = [float(recall) for _, precision, recall in points if precision == 1]
    assert metrics.recall_at_full_precision(curve) == pytest.approx(max(perfect, default=0.0))


@given(tied_pairs, st.sampled_from(["matched", "found"]))
def test_the_curve_at_equally_spaced_thresholds_equals_the_loop(pair, relevant):
    similarity, truth = pair
    best = metrics.best_matches(similarity, truth, "first")
    right = [bool(true[column.index(max(column))]) for column, true in zip(similarity.T.tolist(), truth.T.tolist(), strict=True)]
    np.testing.assert_array_equal(best.correct, right)
    count = sum(right) if relevant == "found" else int(truth.any(axis=0).sum())
    assume(count > 0)
    points = slow.lens_curve(best.value.tolist(), right, count, 100)
    sampler = metrics.CurveSampler(best, 100, relevant)
    curve = sampler.curve()
    np.testing.assert_allclose(np.stack([curve.precision, curve.recall], axis=1), points[1:], atol=1e-12)
    assert sampler.area(np.ones((1, len(right))))[0] == pytest.approx(slow.lens_area(points), abs=1e-12)


@pytest.mark.parametrize("levels", [0, 9])
def test_precision_recall_agrees_with_scikit_learn(levels):
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    similarity, truth = world(120, 150, 4, levels)
    truth = metrics.dilate(truth, 1)
    best = metrics.best_matches(similarity, truth, "first")
    precision, recall, threshold = sklearn.precision_recall_curve(best.correct, best.value)
    curve = metrics.CurveSampler(best).curve()
    # To the last digit. scikit-learn's recall is over the found matches and ends at 1, ours over all queries with a match.
    found = np.rint(recall[-2::-1] * best.correct.sum())
    np.testing.assert_array_equal(curve.threshold, threshold[::-1])
    np.testing.assert_array_equal(curve.precision, precision[-2::-1])
    np.testing.assert_array_equal(curve.recall, found / best.matched.sum())
    assert metrics.recall_at_full_precision(curve) == max(found[precision[-2::-1] == 1], default=0) / best.matched.sum()


@pytest.mark.parametrize("levels", [0, 9])
def test_the_area_agrees_with_scikit_learns_trapezoids(levels):
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    similarity, truth = world(120, 150, 4, levels)
    best = metrics.best_matches(similarity, metrics.dilate(truth, 1), "first")
    precision, recall, _ = sklearn.precision_recall_curve(best.correct, best.value)
    # Flat before the first point, where scikit-learn starts at precision 1.
    precision, recall = np.append(precision[:-1], precision[-2]), np.append(recall[:-1], 0.0)
    share = best.correct.sum() / best.matched.sum()
    ours = float(metrics.CurveSampler(best).area(np.ones((1, 150)))[0])
    assert ours == pytest.approx(sklearn.auc(recall, precision) * share, rel=1e-14)


@given(
    st.tuples(st.integers(1, 8), st.integers(1, 8)).flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))),
    st.integers(0, 10),
    st.sampled_from([(0,), (1,), (0, 1), ()]),
)
def test_dilation_equals_the_loop(truth, tolerance, axes):
    before = truth.copy()
    grown = metrics.dilate(truth, tolerance, axes)
    np.testing.assert_array_equal(grown, slow.dilate(truth.tolist(), tolerance, axes))
    np.testing.assert_array_equal(truth, before)


@given(tied_pairs)
def test_recall_rises_with_k_and_with_tolerance_and_the_area_stays_below_recall_at_1(pair):
    similarity, truth = pair
    assume(truth.any())
    recall = metrics.recall_at_k(similarity, truth, (1, 2, 3))
    assert recall[1] <= recall[2] + 1e-12 and recall[2] <= recall[3] + 1e-12
    wider = metrics.dilate(truth, 1)
    hits, wide_hits = metrics.hit_probabilities(similarity, truth), metrics.hit_probabilities(similarity, wider)
    assert (wide_hits >= hits - 1e-12).all()
    assert metrics.auc_pr(similarity, truth) <= recall[1] + 1e-12


@given(tied_pairs)
def test_a_rising_function_of_the_similarity_changes_nothing(pair):
    similarity, truth = pair
    assume(truth.any())
    other = np.exp(similarity) - 7
    assert metrics.recall_at_k(other, truth) == metrics.recall_at_k(similarity, truth)
    assert metrics.auc_pr(other, truth) == metrics.auc_pr(similarity, truth)


def test_a_match_for_a_query_without_one_is_a_false_positive():
    similarity = np.array([[9.0, 8.0], [1.0, 1.0]])
    truth = np.array([[True, False], [False, False]])
    curve = metrics.precision_recall(similarity, truth)
    assert curve.recall.tolist() == [1.0, 1.0]
    assert curve.precision.tolist() == [1.0, 0.5]
    assert metrics.recall_at_k(similarity, truth, (1,)) == {1: 1.0}


def test_bootstrap_areas_equal_scoring_the_drawn_queries():
    """The weighted curve of a resample is the curve of the queries that were drawn, taken as they are."""
    similarity, truth = world(40, 30, 1, levels=5)
    best = metrics.best_matches(similarity, truth)
    rng = np.random.default_rng(5)
    for _ in range(20):
        drawn = rng.integers(0, 30, 30)
        weights = np.bincount(drawn, minlength=30)[None].astype(float)
        area = metrics.CurveSampler(best).area(weights)[0]
        assert area == pytest.approx(metrics.auc_pr(similarity[:, drawn], truth[:, drawn]), abs=1e-12)


def intervals(queries, block=1, seed=3, resamples=2000, cancel=None):
    rng = np.random.default_rng(11)
    hits = (rng.random((queries, 1)) < 0.7).astype(float)
    matched = np.ones(queries, bool)
    best = metrics.BestMatches(rng.random(queries), hits[:, 0], matched)
    sampler = metrics.CurveSampler(best)
    drawn = metrics.bootstrap(
        hits, (1,), matched, sampler, np.random.default_rng(seed), resamples=resamples, block=block, cancel=cancel
    )
    return drawn, float(hits.mean())


def test_bootstrap_interval_has_the_width_that_theory_gives():
    drawn, share = intervals(400)
    low, high = drawn.recall_at[1]
    error = math.sqrt(share * (1 - share) / 400)
    assert low == pytest.approx(share - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(share + 1.96 * error, abs=0.15 * error)
    assert drawn.auc_pr[0] < drawn.auc_pr[1] <= high


def test_bootstrap_with_one_seed_gives_the_same_bits_and_another_seed_others():
    assert intervals(90, block=4)[0] == intervals(90, block=4)[0]
    assert intervals(90, block=4)[0] != intervals(90, block=4, seed=4)[0]


def test_blocks_widen_the_interval_of_queries_that_come_in_runs():
    hits = np.repeat(np.random.default_rng(0).random(40) < 0.6, 10).astype(float)[:, None]
    matched = np.ones(400, bool)
    sampler = metrics.CurveSampler(metrics.BestMatches(np.arange(400.0), hits[:, 0], matched))

    def width(block):
        low, high = metrics.bootstrap(hits, (1,), matched, sampler, np.random.default_rng(1), block=block).recall_at[1]
        return high - low

    assert width(10) > 2 * width(1)


def test_bootstrap_is_cancelled_between_chunks():
    token = CancelToken()
    token.cancel()
    with pytest.raises(JobCancelled):
        intervals(10, cancel=token)


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 30))
def test_bootstrap_of_few_queries_is_finite(queries, block):
    matched = np.zeros(queries, bool)
    matched[0] = True
    best = metrics.BestMatches(np.arange(queries, dtype=float), matched.astype(float), matched)
    drawn = metrics.bootstrap(
        matched.astype(float)[:, None], (1,), matched, metrics.CurveSampler(best), np.random.default_rng(0), block=block
    )
    assert np.isfinite([*drawn.recall_at[1], *drawn.auc_pr]).all()


def test_no_match_at_all_and_sizes_that_differ_are_told():
    with pytest.raises(BadInput, match="no query any match"):
        metrics.recall_at_k(np.ones((2, 3)), np.zeros((2, 3), bool))
    with pytest.raises(BadInput, match="2 x 3 and the ground truth 3 x 2"):
        metrics.recall_at_k(np.ones((2, 3)), np.ones((3, 2), bool))
