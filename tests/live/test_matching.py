"""The sequence stage: overlapping windows are matched as if they were the frames of several traverses, in turns."""

import numpy as np
import pytest

from engine.live.matching import make_matcher, standing_out
from engine.live.parameters import LiveParameters
from engine.recognition.forward_filter import ForwardFilterParameters, filter_matrix

PLACES, QUERIES, STEPS = 30, 60, 3


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(PLACES, QUERIES)).astype(np.float32)


def test_the_filter_sees_windows_that_do_not_overlap(matrix: np.ndarray) -> None:
    matcher = make_matcher(LiveParameters(sequence="filter"), PLACES, STEPS)
    found = [matcher.match(matrix[:, query]) for query in range(QUERIES)]
    for turn in range(STEPS):
        expected = filter_matrix(matrix[:, turn::STEPS], ForwardFilterParameters())
        of_turn = found[turn::STEPS]
        assert [match.place for match in of_turn] == expected.places.tolist()
        np.testing.assert_array_equal([match.confidence for match in of_turn], expected.confidence)
        assert [match.lost for match in of_turn] == expected.lost.tolist()


@pytest.mark.parametrize("length", [1, 4])
def test_the_diagonal_is_the_mean_over_windows_that_do_not_overlap(matrix: np.ndarray, length: int) -> None:
    matcher = make_matcher(LiveParameters(sequence="diagonal", sequence_length=length), PLACES, STEPS)
    for query in range(QUERIES):
        match = matcher.match(matrix[:, query])
        expected = []
        for place in range(PLACES):
            along = [
                matrix[place - back, query - back * STEPS] for back in range(length) if place >= back and query >= back * STEPS
            ]
            expected.append(np.mean(along, dtype=np.float64))
        np.testing.assert_allclose(match.scores, expected, rtol=1e-5, atol=1e-6)
        assert match.place == int(np.argmax(match.scores))


def test_a_skipped_window_takes_its_turn_with_it(matrix: np.ndarray) -> None:
    with_skips = make_matcher(LiveParameters(sequence="filter"), PLACES, STEPS)
    for query in range(30):
        if query == 7:
            with_skips.skip()
        else:
            last = with_skips.match(matrix[:, query])
    turn = matrix[:, 29 % STEPS : 30 : STEPS]
    assert 7 % STEPS != 29 % STEPS
    expected = filter_matrix(turn, ForwardFilterParameters())
    assert last.place == expected.places[-1]
    assert last.confidence == expected.confidence[-1]


def test_confidence_says_how_far_the_best_place_stands_out_from_others_than_its_neighbours() -> None:
    scores = np.zeros(20, np.float32)
    scores[9:12] = 5, 6, 5
    assert standing_out(scores, 10) == 1.0
    scores[2] = 3
    assert standing_out(scores, 10) == 0.5
    scores[2] = 6
    assert standing_out(scores, 10) == 0.0
    assert standing_out(np.ones(20, np.float32), 0) == 0.0


def test_a_flat_column_is_lost() -> None:
    match = make_matcher(LiveParameters(sequence="none", lost_below=0.0), PLACES, 1).match(np.zeros(PLACES, np.float32))
    assert match.lost
