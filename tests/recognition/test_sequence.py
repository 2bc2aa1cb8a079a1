"""Sequence matching against loops, and the properties it promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.errors import BadInput
from engine.recognition.sequence import match_sequences, zero_edges
from tests.recognition import slow_scoring as slow

matrices = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-50, 50).map(float))
)


@given(matrices, st.integers(0, 14))
def test_causal_matching_equals_the_loop(similarity, length):
    np.testing.assert_allclose(
        match_sequences(similarity, length), slow.match_causal(similarity.tolist(), length), rtol=1e-12, atol=1e-12
    )


@given(matrices, st.integers(1, 9))
def test_complete_sequences_equal_the_loop(similarity, length):
    if length > min(similarity.shape):
        with pytest.raises(BadInput, match="sequence_length is"):
            match_sequences(similarity, length, "valid")
        return
    expected = slow.match_complete(similarity.tolist(), length)
    np.testing.assert_allclose(match_sequences(similarity, length, "valid"), expected, rtol=1e-12, atol=1e-12)


@given(matrices, st.integers(0, 12), st.data())
def test_a_query_never_sees_a_later_one(similarity, length, data):
    q = data.draw(st.integers(0, similarity.shape[1] - 1))
    changed = similarity.copy()
    changed[:, q + 1 :] = 1e6
    np.testing.assert_array_equal(match_sequences(similarity, length)[:, : q + 1], match_sequences(changed, length)[:, : q + 1])


@given(matrices, st.integers(0, 12), st.data())
def test_what_one_query_adds_to_all_places_changes_no_ranking(similarity, length, data):
    """A louder or quieter frame must not decide between the first places, whose sequence is cut short, and the others."""
    q = data.draw(st.integers(0, similarity.shape[1] - 1))
    louder = similarity.copy()
    louder[:, q] += 1024
    difference = match_sequences(louder, length) - match_sequences(similarity, length)
    np.testing.assert_allclose(difference, np.broadcast_to(difference[:1], difference.shape), atol=1e-9)


def test_the_sums_do_not_cancel():
    """Differences of running sums would lose the small values behind the large one."""
    similarity = np.full((40, 40), 1e-8)
    similarity[3, 3] = 1e12
    matched = match_sequences(similarity, 5)
    assert matched[30, 30] == pytest.approx(1e-8, rel=1e-12)


def test_zero_edges_centre_the_complete_sequences():
    complete = np.ones((3, 5), np.float32)
    padded = zero_edges(complete, (6, 8), 4)
    assert padded.shape == (6, 8)
    assert padded[1:4, 1:6].sum() == padded.sum() == 15
    assert zero_edges(complete, (3, 5), 0) is complete
