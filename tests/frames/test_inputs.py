"""From event frames to network inputs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.frames.inputs import InputParameters, encode, query_inputs, select, training_inputs


def frames(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["centre", "before_centre", "mean"]),
)
def test_select_equals_a_loop_over_cells(rows: int, columns: int, high: int, wide: int, cell: str) -> None:
    given_frames = frames(2, rows * high, columns * wide)
    expected = np.empty((2, rows, columns))
    for row in range(rows):
        for column in range(columns):
            patch = given_frames[:, row * high : (row + 1) * high, column * wide : (column + 1) * wide].astype(float)
            back = {"centre": 0, "before_centre": 1}.get(cell)
            if back is None:
                expected[:, row, column] = patch.mean(axis=(1, 2))
            else:
                expected[:, row, column] = patch[:, max(high // 2 - back, 0), max(wide // 2 - back, 0)]
    chosen = select(given_frames, InputParameters(dims=(rows, columns), cell=cell))
    np.testing.assert_allclose(chosen, expected.reshape(2, -1), rtol=1e-6)


def test_dims_may_be_one_number_or_two() -> None:
    assert InputParameters.check({"dims": "10"} | {"dims": ["7"]}).dims == (7, 7)
    assert InputParameters.check({"dims": 10}).dims == (10, 10)
    assert InputParameters.check({"dims": ["8", "6"]}).dims == (8, 6)


@pytest.mark.parametrize("dims", [0, [3, 0], [1, 2, 3], "x", -4, 1e9, float("nan")])
def test_senseless_dims_are_one_sentence(dims: object) -> None:
    with pytest.raises(BadInput, match="dims"):
        InputParameters.check({"dims": dims})


def test_dims_must_divide_the_frames() -> None:
    with pytest.raises(BadInput, match="dims 7x7 does not divide the region of 80x80"):
        select(frames(1, 80, 80), InputParameters(dims=(7, 7)))


def test_roi_dim_must_be_the_frames_size() -> None:
    with pytest.raises(BadInput, match="roi_dim is 80x80, but the event frames are 128x128"):
        select(frames(1, 128, 128), InputParameters(dims=(8, 8), roi_dim=(80, 80)))


def test_gamma_makes_the_mean_one_half() -> None:
    # LENS: gamma = ln(127.5) / ln(mean), so a frame of its mean value throughout becomes 0.5 throughout.
    counts = np.full((1, 50), 30, np.float32)
    np.testing.assert_allclose(encode(counts, "gamma"), 0.5, rtol=1e-5)
    mixed = np.array([[4, 9, 100, 255]], np.float32)
    power = math.log(127.5) / math.log(mixed.mean())
    np.testing.assert_allclose(encode(mixed, "gamma"), np.minimum(mixed**power, 255) / 255, rtol=1e-5)


@given(st.integers(0, 40), st.sampled_from(["gamma", "raw", "sqrt", "log"]))
def test_every_encoding_keeps_the_order_of_counts_and_stays_in_bounds(bright: int, encoding: str) -> None:
    counts = np.sort(np.random.default_rng(bright).integers(0, bright + 2, (1, 60))).astype(np.float32)
    coded = encode(counts, encoding)
    assert (np.diff(coded[0]) >= 0).all()  # a dark frame is not inverted
    assert coded.min() >= 0
    assert coded.max() <= 1


def test_queries_follow_the_training_unless_told_otherwise() -> None:
    given_frames = frames(3, 20, 20)
    same = InputParameters(dims=(5, 5), encoding="sqrt")
    np.testing.assert_array_equal(query_inputs(given_frames, same), training_inputs(given_frames, same))
    lens = InputParameters(dims=(5, 5), encoding="gamma", query_encoding="raw")
    np.testing.assert_allclose(query_inputs(given_frames, lens), select(given_frames, lens) / 255, rtol=1e-6)


def test_selected_pixels_are_those_that_select_takes() -> None:
    given_frames = frames(1, 24, 36)
    parameters = InputParameters(dims=(4, 6), cell="before_centre").for_frames((24, 36))
    np.testing.assert_array_equal(given_frames.reshape(-1)[parameters.selected_pixels()], select(given_frames, parameters)[0])
