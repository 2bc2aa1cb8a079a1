"""The baselines against loops written from their definitions, what they promise, and what they refuse."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.frames.png import read_frames
from engine.jobs import CancelToken
from engine.places.index import index_of_folder
from engine.recognition import methods
from engine.recognition.methods import BASELINES, baseline_similarity, patch_normalised, pooled
from engine.recognition.scoring import ScoringParameters, score
from tests.recognition import slow_methods as slow

NAMES = tuple(BASELINES)


def sparse(rng, count, height=16, width=24):
    """Frames as an event camera gives them: mostly zeros, some pixels that never fire."""
    frames = rng.poisson(rng.gamma(0.3, 8, (count, height, width))).clip(0, 255).astype(np.uint8)
    frames[:, 0, :3] = 0
    return frames


def slowly(name, a, b):
    if name.startswith("log-zscore"):
        return np.array(slow.log_zscore(a, b, causal=name.endswith("causal")))
    return np.array(slow.pairwise(getattr(slow, name.replace("-", "_")), a, b))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8)
@given(
    references=st.integers(2, 5), queries=st.integers(2, 5), height=st.integers(1, 25), width=st.integers(1, 25),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_equal_the_slow_twin(name, references, queries, height, width, seed):
    rng = np.random.default_rng(seed)
    a, b = sparse(rng, references, height, width), sparse(rng, queries, height, width)
    fast, expected = baseline_similarity(name, a, b), slowly(name, a, b)
    assert fast.shape == (references, queries)
    if name == "patch-sad":  # rounded to a sixteenth of a deviation: half a grey value a pixel at most, on both sides
        np.testing.assert_allclose(fast, expected, atol=1.01 * height * width)
    else:
        np.testing.assert_allclose(fast, expected, rtol=2e-6, atol=3e-6)


def test_patches_hold_every_deviation_without_clipping():
    frame = np.zeros((1, 8, 8), np.uint8)
    frame[0, 3, 3] = 255  # one pixel against 63: the largest deviation that there can be, sqrt(63)
    made = patch_normalised(frame)
    assert made[0, 3, 3] == 255 and set(np.unique(made)) == {126, 255}
    assert set(np.unique(patch_normalised(255 - frame))) == {1, 130}
    assert (patch_normalised(np.full((2, 9, 11), 7, np.uint8)) == 128).all()


def test_pooling_gives_the_means_of_cells():
    frames = np.random.default_rng(0).integers(0, 256, (3, 80, 80), np.uint8)
    np.testing.assert_allclose(pooled(frames), frames.reshape(3, 10, 8, 10, 8).mean((2, 4)), rtol=1e-6)
    assert pooled(np.ones((1, 7, 7), np.uint8)).shape == (1, 7, 7)
    odd = pooled(np.full((1, 45, 83), 9, np.uint8))
    assert (odd == 9).all() and odd.shape == (1, 12, 21)


@pytest.mark.parametrize("name", NAMES)
def test_a_place_seen_again_is_found(name):
    rng = np.random.default_rng(3)
    places = sparse(rng, 40)
    noisy = rng.poisson(places * 0.9 + 0.1).clip(0, 255).astype(np.uint8)
    matrix = baseline_similarity(name, places, noisy)
    later = slice(5, None)  # a running mean needs some frames
    assert (matrix.argmax(axis=0) == np.arange(40))[later].mean() > 0.9
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_frames_give_the_same_bits_however_they_are_cut(name, monkeypatch):
    rng = np.random.default_rng(4)
    a, b = sparse(rng, 30), sparse(rng, 20)
    whole = baseline_similarity(name, a, b)
    np.testing.assert_array_equal(baseline_similarity(name, a, b, threads=1), whole)
    monkeypatch.setattr(methods, "_BLOCK_BYTES", 1)
    np.testing.assert_array_equal(baseline_similarity(name, np.asfortranarray(a), b[:]), whole)


def test_the_causal_method_knows_nothing_of_later_queries():
    rng = np.random.default_rng(5)
    a, b = sparse(rng, 10), sparse(rng, 12)
    whole = baseline_similarity("log-zscore-causal", a, b)
    np.testing.assert_allclose(baseline_similarity("log-zscore-causal", a, b[:7]), whole[:, :7], rtol=1e-5, atol=1e-6)
    assert not np.allclose(baseline_similarity("log-zscore", a, b[:7]), baseline_similarity("log-zscore", a, b)[:, :7])


@pytest.mark.parametrize("name", NAMES)
def test_dark_frames_are_no_trouble(name):
    dark, some = np.zeros((3, 8, 8), np.uint8), sparse(np.random.default_rng(6), 3, 8, 8)
    assert np.isfinite(baseline_similarity(name, dark, some)).all()
    assert np.isfinite(baseline_similarity(name, some, dark)).all()


@pytest.mark.parametrize("name", NAMES)
def test_progress_is_told_and_cancel_is_heard(name):
    frames, heard = sparse(np.random.default_rng(7), 6), []
    baseline_similarity(name, frames, frames[:4], heard.append)
    assert (heard[-1].done, heard[-1].total, heard[-1].unit) == (6, 6, "references")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        baseline_similarity(name, frames, frames, cancel=cancel)


@pytest.mark.parametrize(
    ("name", "a", "b", "words"),
    [
        ("ssd", np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8), "no method called 'ssd': choose one of sad, "),
        ("sad", np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 5), np.uint8), "4x4 and query frames 4x5"),
        ("sad", np.zeros((2, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32), "8-bit counts"),
        ("sad", np.zeros((2, 16), np.uint8), np.zeros((2, 16), np.uint8), "frames x height x width"),
        ("correlation", np.zeros((0, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8), "no frame to compare"),
        ("log-zscore", np.zeros((1, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8), "at least two frames"),
    ],
)
def test_bad_frames_and_names_are_told(name, a, b, words):
    with pytest.raises(BadInput, match=words):
        baseline_similarity(name, a, b)


def test_a_traverse_of_one_frame_is_compared_where_that_means_something():
    frames = sparse(np.random.default_rng(8), 3)
    for name in set(NAMES) - {"log-zscore", "log-zscore-causal"}:
        assert baseline_similarity(name, frames[:1], frames).shape == (1, 3)


def test_the_published_example(shared_data: Path):
    """Recall@1 on LENS's example within the spread of 100 queries of what was measured by others (tolerance 1, one frame)."""
    root = shared_data / "lens-example" / "example" / "davis128"
    a, b = (read_frames(root / name / row.image for row in index_of_folder(root / name)) for name in
            ("example-reference", "example-query"))  # fmt: skip
    scoring = ScoringParameters(sequence_length=0, GT_tolerance=1, resamples=0)
    found = {name: score(baseline_similarity(name, a, b), np.eye(100), scoring).recall_at[1] for name in NAMES}
    for name, expected in (("sad", 0.40), ("sad-pooled", 0.53), ("log-zscore", 0.59)):
        assert found[name] == pytest.approx(expected, abs=0.08), found
    assert found["log-zscore"] > found["sad"]
