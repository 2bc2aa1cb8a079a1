"""Frames to inputs one after another: windows, and statistics of the past alone."""

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.frames.encoder import CLIP, InputEncoder, InputStatistics, floors, reference_inputs, statistics_of
from engine.frames.inputs import InputParameters, NetworkKind, encode, select, trailing_means, training_inputs

Mode = Literal["none", "reference", "causal", "two-pass"]


def frames(count: int, seed: int = 0, rate: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.gamma(0.7, rate, (count, 6, 8))).clip(0, 255).astype(np.uint8)


def settings_of(mode: Mode, windows: tuple[int, ...] = (1, 2, 4), kind: NetworkKind = "prototype") -> InputParameters:
    return InputParameters(dims=(3, 4), normalise=mode, windows=windows).for_kind(kind).for_frames((6, 8))


def slow_causal(queries: np.ndarray, references: np.ndarray, inputs: InputParameters) -> np.ndarray:
    """The same in plain Python, one pixel and frame at a time."""
    result = []
    for window in inputs.windows or ():
        known = encode(trailing_means(select(references, inputs), window), "sqrt").astype(float)
        shown = encode(trailing_means(select(queries, inputs), window), "sqrt").astype(float)
        deviations = [math.sqrt(sum((x - known[:, i].mean()) ** 2 for x in known[:, i]) / len(known)) for i in range(12)]
        floor = sum(deviations) / 12
        prior, weight = 16.0, 0.0
        means, squares = [0.0] * 12, [0.0] * 12
        rows = []
        for frame in shown:
            prior, weight = prior * (1 - 1 / 500), weight * (1 - 1 / 500) + 1
            for i, x in enumerate(frame):
                means[i] += (x - means[i]) / weight
                squares[i] += (x * x - squares[i]) / weight
            level = sum(means) / float(known.mean(axis=0).sum())
            row = []
            for i, x in enumerate(frame):
                before = float(known[:, i].mean())
                mean = (prior * level * before + weight * means[i]) / (prior + weight)
                square = (prior * level**2 * (deviations[i] ** 2 + before**2) + weight * squares[i]) / (prior + weight)
                z = (x - mean) / (math.sqrt(max(square - mean * mean, 0)) + floor)
                row.append(max(-1.0, min(1.0, z / 3)))
            rows.append(row)
        result.append(np.array(rows))
    return np.concatenate(result, axis=1)


def test_causal_deviations_are_those_of_the_query_so_far() -> None:
    inputs = settings_of("causal")
    references, queries = frames(20, 1), frames(30, 2, rate=6)
    _, statistics = reference_inputs(references, inputs, "prototype")
    shown = InputEncoder(inputs, statistics, "prototype").batch(queries)
    np.testing.assert_allclose(shown, slow_causal(queries, references, inputs), atol=2e-5)
    assert (shown < 0).any()


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(1, 14),
    st.sampled_from(["none", "reference", "causal"]),
    st.sampled_from(["lens", "prototype"]),
)
def test_a_frame_s_inputs_do_not_depend_on_what_comes_after(seed: int, cut: int, mode: Mode, kind: NetworkKind) -> None:
    inputs = settings_of(mode, (1, 3), kind)
    statistics = statistics_of(training_inputs(frames(9), inputs))
    queries = frames(15, seed)
    encoder = InputEncoder(inputs, statistics, kind)
    whole = encoder.batch(queries)
    np.testing.assert_array_equal(encoder.batch(queries[:cut]), whole[:cut])
    for frame, expected in zip(queries, whole, strict=True):
        np.testing.assert_array_equal(encoder.step(frame), expected)
    encoder.reset()
    np.testing.assert_array_equal(encoder.step(queries[0]), whole[0])
    low = -1 if kind == "prototype" and mode == "causal" else 0
    assert low <= whole.min() <= whole.max() <= 1


def test_less_light_everywhere_is_no_deviation() -> None:
    inputs = settings_of("causal", (1,))
    references = np.random.default_rng(3).poisson(100, (60, 6, 8)).astype(np.uint8)
    _, statistics = reference_inputs(references, inputs, "prototype")
    dark = np.random.default_rng(4).poisson(9, (10, 6, 8)).astype(np.uint8)
    assert abs(InputEncoder(inputs, statistics, "prototype").batch(dark)[0].mean()) < 0.1
    frozen = inputs.model_copy(update={"normalise": "reference"})
    assert InputEncoder(frozen, statistics, "lens").batch(dark)[0].mean() < 0.1  # far below the middle, 0.5


def test_two_passes_need_the_whole_query() -> None:
    inputs = settings_of("two-pass", (1,))
    queries = frames(40, 3)
    encoded = training_inputs(queries, inputs)
    _, statistics = reference_inputs(frames(30, 4), inputs, "prototype")
    encoder = InputEncoder(inputs, statistics, "prototype")
    assert statistics is not None
    z = (encoded - encoded.mean(axis=0)) / (encoded.std(axis=0) + floors(statistics, 1)) / CLIP
    np.testing.assert_allclose(encoder.batch(queries), z.clip(-1, 1), atol=1e-5)
    with pytest.raises(BadInput, match="needs the whole query"):
        encoder.step(queries[0])


@pytest.mark.parametrize("stride", [2, 5])
def test_overlapping_live_frames_look_back_by_whole_windows(stride: int) -> None:
    inputs = settings_of("none")
    queries = frames(30)
    encoder = InputEncoder(inputs, None, "prototype", stride)
    shown = [encoder.step(frame) for frame in queries]
    for turn in range(stride):
        alone = InputEncoder(inputs, None, "prototype").batch(queries[turn::stride])
        np.testing.assert_array_equal(shown[turn::stride], alone)


def test_overlapping_live_frames_count_as_the_share_of_a_window_that_they_are() -> None:
    inputs = settings_of("causal", (1,))
    statistics = statistics_of(training_inputs(frames(20, 1), inputs))
    queries = frames(200, 2, rate=8)
    each, often = InputEncoder(inputs, statistics, "prototype"), InputEncoder(inputs, statistics, "prototype", 4)
    once = np.stack([each.step(frame) for frame in queries])
    repeated = np.stack([often.step(frame) for frame in queries for _ in range(4)])[3::4]
    assert np.abs(once - repeated)[20:].max() < 0.02


def test_windows_are_means_of_the_frames_up_to_now() -> None:
    counts = frames(7).reshape(7, -1).astype(np.float32)
    for length in (1, 2, 4, 9):
        expected = [counts[max(0, i + 1 - length) : i + 1].mean(axis=0) for i in range(7)]
        np.testing.assert_allclose(trailing_means(counts, length), expected, rtol=1e-6)
    inputs = settings_of("none", (1, 4))
    assert inputs.inputs == 24
    shown = training_inputs(frames(7), inputs)
    np.testing.assert_allclose(shown[:, 12:], np.sqrt(trailing_means(select(frames(7), inputs), 4) / 255), rtol=1e-6)


def test_reference_deviations_are_folded_for_prototypes_and_shown_to_lens() -> None:
    references = frames(25)
    plain, statistics = reference_inputs(references, settings_of("reference"), "prototype")
    np.testing.assert_array_equal(plain, training_inputs(references, settings_of("reference")))
    assert statistics is not None
    lens, _ = reference_inputs(references, settings_of("reference", kind="lens"), "lens")
    assert 0.4 < lens.mean() < 0.6
    none, nothing = reference_inputs(references, settings_of("none"), "prototype")
    assert nothing is None
    assert none.min() >= 0


def test_each_kind_has_its_own_defaults_and_given_values_stay() -> None:
    lens, prototype = InputParameters().for_kind("lens"), InputParameters().for_kind("prototype")
    assert (lens.encoding, lens.windows, lens.normalise) == ("log", (1,), "none")
    assert (prototype.encoding, prototype.windows, prototype.normalise) == ("sqrt", (1, 2, 4), "causal")
    given = InputParameters(encoding="raw", windows=2, normalise="none")
    assert given.for_kind("prototype") == given.for_kind("lens") == given
    assert InputParameters.check({"windows": ["1", "8"]}).windows == (1, 8)


@pytest.mark.parametrize("windows", [[], [0], [1, 1], [65], [-2], ["x"], 1.5])
def test_senseless_windows_are_one_sentence(windows: object) -> None:
    with pytest.raises(BadInput, match="windows"):
        InputParameters.check({"windows": windows})


def test_statistics_survive_a_record_and_wrong_ones_are_one_sentence() -> None:
    statistics = statistics_of(training_inputs(frames(9), settings_of("causal")))
    read = InputStatistics.from_json(statistics.as_json(), 36, "the record")
    np.testing.assert_array_equal(read.mean, statistics.mean)
    np.testing.assert_array_equal(read.deviation, statistics.deviation)
    for wrong in (None, {}, {"mean": [0.0], "deviation": [1.0]}, {"mean": ["a"] * 36, "deviation": [1.0] * 36}):
        with pytest.raises(BadInput, match="the record: statistics should have"):
            InputStatistics.from_json(wrong, 36, "the record")
    with pytest.raises(BadInput, match="statistics are missing"):
        InputEncoder(settings_of("causal"), None, "prototype")
    with pytest.raises(BadInput, match="One reference frame"):
        reference_inputs(frames(1), settings_of("causal"), "prototype")
