"""Pictures of matrices: what is drawn of them, against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.recognition.matches import dilate_metres
from engine.recognition.matrix_marks import HALO, PROPOSED, RIGHT, TRUE, WRONG, MatrixMarks, Neighbours
from engine.recognition.matrix_picture import Flags, make_picture


def centres(count: int, pixels: int) -> np.ndarray:
    return (np.arange(pixels) + 0.5) * count / pixels


@settings(deadline=None, max_examples=40)
@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_each_level_holds_the_largest_of_its_cells(rows: int, columns: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(rows, columns))
    picture = make_picture(matrix)
    base = picture.levels[0]
    expected = np.clip((matrix - picture.low) * (255 / (picture.high - picture.low)), 0, 255)
    assert np.abs(base - expected).max() <= 1.01
    for number, level in enumerate(picture.levels):
        size = 1 << number
        for row, column in np.ndindex(*level.shape):
            assert level[row, column] == base[row * size : (row + 1) * size, column * size : (column + 1) * size].max()
    assert picture.levels[-1].shape == (1, 1)


@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_zoomed_out_one_bright_cell_is_seen_wherever_it_is(reduction: str) -> None:
    for place in ((0, 0), (101, 60), (299, 199), (150, 3)):
        matrix = np.zeros((300, 200))
        matrix[place] = 1
        picture = make_picture(matrix, reduction=reduction)  # type: ignore[arg-type]
        seen = picture.sample(centres(300, 70), centres(200, 70))
        assert seen.shape == (70, 70)
        assert seen.max() > 127 == seen.min() and (reduction == "mean" or seen.max() == 255)
        row, column = np.unravel_index(int(seen.argmax()), seen.shape)
        assert abs(row - place[0] * 70 / 300) <= 3 and abs(column - place[1] * 70 / 200) <= 3  # a block of 8 x 8 cells


def test_zoomed_in_every_pixel_shows_its_own_cell() -> None:
    matrix = np.random.default_rng(0).random((9, 7))
    picture = make_picture(matrix)
    seen = picture.sample(centres(9, 90), centres(7, 70))
    np.testing.assert_array_equal(seen, picture.levels[0].repeat(10, axis=0).repeat(10, axis=1))


def test_each_query_has_its_own_contrast_if_asked() -> None:
    matrix = np.random.default_rng(0).random((40, 3)) * [1, 100, 0] + [0, 1e6, 7]
    base = make_picture(matrix, "query").levels[0]
    np.testing.assert_array_equal(base[:, :2].argmax(axis=0), matrix[:, :2].argmax(axis=0))
    assert abs(float(base[:, 0].mean()) - float(base[:, 1].mean())) < 20
    assert len(np.unique(base[:, 2])) == 1
    assert make_picture(matrix).levels[0][:, 0].max() == 0


def test_what_is_not_finite_is_dark_and_a_flat_matrix_is_drawn() -> None:
    matrix = np.random.default_rng(0).random((8, 8))
    matrix[2, 3], matrix[4, 4], matrix[5, 5] = np.nan, np.inf, -np.inf
    base = make_picture(matrix).levels[0]
    assert base[2, 3] == 0 and base[5, 5] == 0
    assert make_picture(np.full((5, 5), np.nan)).levels[0].max() == 0
    assert len(np.unique(make_picture(np.full((5, 5), 3.0)).levels[0])) == 1


def test_colouring_can_be_cancelled() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        make_picture(np.zeros((5, 5)), cancel=cancel)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 30), columns=st.integers(1, 30), tolerance=st.integers(0, 5), seed=st.integers(0, 2**32),
    share=st.sampled_from([0.02, 0.5]),
)  # fmt: skip
def test_marks_after_edits_are_those_made_anew(rows: int, columns: int, tolerance: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    truth = (rng.random((rows, columns)) < share).astype(np.uint8)
    matches = rng.integers(-1, rows, columns)
    right = rng.random(columns) < 0.5
    marks = MatrixMarks((rows, columns))
    marks.set_truth(truth, tolerance)
    marks.set_proposal((rng.random((rows, columns)) < 0.1).astype(np.uint8))
    marks.set_matches(matches, right)
    assert marks.flags is not None
    for _ in range(4):
        top, left = int(rng.integers(0, rows)), int(rng.integers(0, columns))
        bottom, edge = int(rng.integers(top, rows)) + 1, int(rng.integers(left, columns)) + 1
        truth[top:bottom, left:edge] = rng.random((bottom - top, edge - left)) < 0.3
        marks.truth_changed((top, left, bottom, edge))
    level = marks.flags.levels[0]
    for row, column in np.ndindex(rows, columns):
        near = truth[max(row - tolerance, 0) : row + tolerance + 1, column].any()
        assert bool(level[row, column] & TRUE) == bool(truth[row, column])
        assert bool(level[row, column] & HALO) == bool(near and not truth[row, column])
        found = matches[column] == row
        assert bool(level[row, column] & RIGHT) == bool(found and right[column])
        assert bool(level[row, column] & WRONG) == bool(found and not right[column])
    again = Flags.of(level.copy())
    for one, other in zip(marks.flags.levels, again.levels, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=30)
@given(tolerance=st.integers(0, 3), count=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_few_cells_far_apart_are_marked_alone_and_right(tolerance: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (int(side) for side in rng.integers(60, 140, 2))
    truth = (rng.random((rows, columns)) < 0.02).astype(np.uint8)
    marks = MatrixMarks((rows, columns))
    marks.set_truth(truth, tolerance)
    marks.set_matches(rng.integers(0, rows, columns))
    assert marks.flags is not None
    cells = np.unique(np.append(rng.integers(0, truth.size, count), [0, truth.size - 1]))
    truth.reshape(-1)[cells] ^= 1
    assert marks.truth_changed((0, 0, rows, columns), cells) == (0, 0, rows, columns)
    other = MatrixMarks((rows, columns))
    other.set_truth(truth, tolerance)
    other._matches, other._right = marks._matches, marks._right
    assert other.flags is not None
    for one, two in zip(marks.flags.levels, other.flags.levels, strict=True):
        np.testing.assert_array_equal(one, two)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), metres=st.sampled_from([0.0, 3.0, 12.0, 80.0]))
def test_a_tolerance_in_metres_reaches_every_near_place_also_after_edits(seed: int, metres: float) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (int(side) for side in rng.integers(1, 25, 2))
    xy = np.cumsum(rng.uniform(-6, 8, (rows, 2)), axis=0)
    xy[rng.random(rows) < 0.15] = np.nan
    truth = (rng.random((rows, columns)) < 0.15).astype(np.uint8)
    marks = MatrixMarks((rows, columns))
    marks.set_truth(truth, near=Neighbours(xy, metres))
    assert marks.flags is not None
    for _ in range(3):
        row, column = int(rng.integers(0, rows)), int(rng.integers(0, columns))
        truth[row, column] ^= 1
        assert marks.truth_changed((row, column, row + 1, column + 1)) == (0, column, rows, column + 1)
    expected = dilate_metres(truth, xy, metres)
    level = marks.flags.levels[0]
    np.testing.assert_array_equal(level & TRUE != 0, truth != 0)
    np.testing.assert_array_equal(level & HALO != 0, expected & (truth == 0))
    for one, two in zip(marks.flags.levels, Flags.of(level.copy()).levels, strict=True):
        np.testing.assert_array_equal(one, two)


def test_marks_of_another_size_are_refused() -> None:
    marks = MatrixMarks((4, 5))
    with pytest.raises(BadInput, match="ground truth is 5 x 4, but the similarity matrix is 4 x 5"):
        marks.set_truth(np.zeros((5, 4), np.uint8))
    with pytest.raises(BadInput, match="one match for each of 5 queries"):
        marks.set_matches(np.zeros(4, int))
    with pytest.raises(BadInput, match="positions of 3 references"):
        marks.set_truth(None, near=Neighbours(np.zeros((3, 2)), 1.0))
    assert marks.flags is None
    marks.set_proposal(np.ones((4, 5), np.uint8))
    assert marks.flags is not None and marks.flags.levels[-1][0, 0] == PROPOSED
