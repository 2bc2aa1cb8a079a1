import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.native.twins import sad as twin
from engine.recognition.sad import sad_distances


def plainly(references, queries):
    """In integers or float64, pair by pair."""
    wide = np.int64 if references.dtype == np.uint8 else np.float64
    return np.array([[np.abs(r.astype(wide) - q.astype(wide)).sum() for q in queries] for r in references])


@settings(deadline=None, max_examples=40)
@given(
    references=st.integers(1, 11), queries=st.integers(1, 11), height=st.integers(1, 30), width=st.integers(1, 30),
    threads=st.integers(1, 3), seed=st.integers(0, 2**32),
)  # fmt: skip
def test_distances_of_bytes_are_exact(references, queries, height, width, threads, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 256, (count, height, width), np.uint8) for count in (references, queries))
    distances = sad_distances(a, b, threads=threads)
    assert distances.dtype == np.int32
    np.testing.assert_array_equal(distances, plainly(a, b))


def test_blocks_strips_and_chunks_fit_together():
    # More queries than a block, rows longer than a strip, counts that no tile divides.
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (131, 80, 83), np.uint8), rng.integers(0, 256, (133, 80, 83), np.uint8)
    expected = twin.sad_bytes(a.reshape(131, -1), b.reshape(133, -1), 1)
    np.testing.assert_array_equal(sad_distances(a, b), expected)
    np.testing.assert_array_equal(expected[:5, :5], plainly(a[:5], b[:5]))


def test_the_largest_distance_does_not_overflow():
    black, white = np.zeros((1, 1 << 23), np.uint8), np.full((5, 1 << 23), 255, np.uint8)
    np.testing.assert_array_equal(sad_distances(black, white), np.full((1, 5), 255 << 23))
    with pytest.raises(BadInput, match="too large"):
        sad_distances(np.zeros((1, (1 << 23) + 1), np.uint8), np.zeros((1, (1 << 23) + 1), np.uint8))


@settings(deadline=None, max_examples=40)
@given(references=st.integers(1, 9), queries=st.integers(1, 9), length=st.integers(1, 130), seed=st.integers(0, 2**32))
def test_distances_of_floats_equal_the_twins_bits(references, queries, length, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(0, 1, (count, length)).astype(np.float32) for count in (references, queries))
    distances = sad_distances(a, b)
    assert distances.dtype == np.float32
    pad = ((0, 0), (0, -length % 16))
    np.testing.assert_array_equal(distances, twin.sad_floats(np.pad(a, pad), np.pad(b, pad), 1))
    np.testing.assert_allclose(distances, plainly(a, b), rtol=1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_what_is_not_contiguous_or_aligned_is_read_right(kind):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (20, 16, 18), np.uint8).astype(kind)
    crop = frames[::2, 1:, 1:17]
    np.testing.assert_array_equal(sad_distances(crop, crop[:3]), sad_distances(crop.copy(), crop[:3].copy()))
    assert sad_distances(crop, crop).trace() == 0


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_empty_inputs_give_empty_matrices(kind):
    some, none = np.ones((3, 4, 4), kind), np.zeros((0, 4, 4), kind)
    assert sad_distances(some, none).shape == (3, 0)
    assert sad_distances(none, some).shape == (0, 3)
    np.testing.assert_array_equal(sad_distances(np.zeros((2, 0), kind), np.zeros((3, 0), kind)), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 5), np.uint8), "4 x 4 and 4 x 5"),
        (np.zeros(4, np.uint8), np.zeros(4, np.uint8), "one size"),
        (np.zeros((2, 4), np.uint8), np.zeros((2, 4), np.float32), "uint8 and float32"),
        (np.zeros((2, 4), np.int64), np.zeros((2, 4), np.int64), "int64"),
        (np.full((2, 4), np.nan, np.float32), np.zeros((2, 4), np.float32), "not finite"),
    ],
)
def test_bad_frames_are_told(a, b, words):
    with pytest.raises(BadInput, match=words):
        sad_distances(a, b)


def test_progress_is_told_and_cancel_is_heard():
    frames = np.zeros((40, 64), np.uint8)
    heard = []
    sad_distances(frames, frames, emit=heard.append)
    assert (heard[-1].done, heard[-1].total) == (40, 40)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        sad_distances(frames, frames, cancel=cancel)


def test_the_extension_refuses_what_would_crash_it():
    if native.variant() == "numpy":
        pytest.skip("the extension is not there")
    with pytest.raises(ValueError, match="padded"):
        native.sad_bytes(np.zeros((2, 63), np.uint8), np.zeros((2, 63), np.uint8), 1)
    with pytest.raises(ValueError, match="one length"):
        native.sad_floats(np.zeros((2, 16), np.float32), np.zeros((2, 32), np.float32), 1)
