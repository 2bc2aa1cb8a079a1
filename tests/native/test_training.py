"""The compiled TrainingLayer against its NumPy twin, and against itself cut and split in other ways."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine import native
from engine.native.twins.training import TrainingLayer as Twin

compiled = pytest.mark.skipif(native.variant() == "numpy", reason="the compiled loops are not there")
Problem = dict[str, Any]


def problem(
    rows: int, inputs: int, places: int, steps: int, *, output: bool, own: bool, seed: int, scale: float = 1.0
) -> Problem:
    """A random layer with excitatory, inhibitory and absent weights, sparse inputs and a shuffled order."""
    rng = np.random.default_rng(seed)
    excitatory = rng.normal(0.5, 1 / 6, (rows, inputs)) * (rng.random((rows, inputs)) < 0.4)
    inhibitory = rng.normal(-0.5, 1 / 6, (rows, inputs)) * (rng.random((rows, inputs)) < 0.7)
    weights = (scale * (excitatory / max(1, 0.2 * inputs) + inhibitory / max(1, 0.35 * inputs))).astype(np.float32)
    samples = (rng.random((places, inputs)) * (rng.random((places, inputs)) < 0.6)).astype(np.float32)
    targets = rng.uniform(0.4, 0.6, inputs).astype(np.float32)
    return {
        "weights": weights,
        "signs": np.sign(weights),
        "thresholds": rng.uniform(0, 0.5, rows).astype(np.float32),
        "targets": rng.uniform(0.1, 0.6, rows).astype(np.float32),
        "samples": samples,
        "drive": samples / targets if output else (samples > 0).astype(np.float32),
        "output_layer": output,
        "own_output": own,
        "order": rng.integers(0, places, steps),
        "etas": (0.01 * np.linspace(1, 0, steps) ** 2).astype(np.float32),
        "threshold_etas": (0.02 * np.linspace(1, 0, steps) ** 2).astype(np.float32),
    }


def layer_of(kind: Any, given: Problem, dtype: type = np.float32) -> Any:
    arrays = [given[name].astype(dtype) for name in ("weights", "signs", "thresholds", "targets", "samples", "drive")]
    return kind(*arrays, output_layer=given["output_layer"], own_output=given["own_output"])


def run(layer: Any, given: Problem, first: int = 0, last: int | None = None, threads: int = 1) -> Any:
    part = slice(first, last)
    layer.run(given["order"][part], given["etas"][part], given["threshold_etas"][part], threads)
    return layer


def state(layer: Any) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    return np.asarray(layer.weights()), np.asarray(layer.thresholds())


@compiled
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("output", [False, True])
@pytest.mark.parametrize(("rows", "inputs"), [(40, 30), (200, 100), (33, 7), (9, 1)])
def test_equals_the_twin_in_double_precision_over_400_steps(rows: int, inputs: int, output: bool, own: bool) -> None:
    given = problem(rows, inputs, min(rows, 30), 400, output=output, own=own, seed=rows)
    oracle = run(layer_of(Twin, given, np.float64), given)
    ours = run(layer_of(native.TrainingLayer, given), given)
    for got, wanted in zip(state(ours), state(oracle), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.take_mean_output(), oracle.take_mean_output(), atol=1e-5)
    places = len(given["samples"])
    np.testing.assert_allclose(ours.outputs(1, places), oracle.outputs(1, places), atol=1e-5)


@compiled
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("output", [False, True])
def test_equals_the_twin_over_6000_steps_taken_up_from_its_state_every_100(output: bool, own: bool) -> None:
    # Rounding grows as in any such dynamics, so two right programs part in the long run: the twin leads, and each stretch
    # of 100 steps starts from its state. The stretches meet weights at the floor and thresholds at 0. Where an output lies
    # within rounding of 0 it may count as active here and not there, which moves a row by half a learning rate: 1 in 1,000.
    given = problem(48, 60, 40, 6000, output=output, own=own, seed=7)
    leader = layer_of(Twin, given)
    floors, apart = 0, []
    for first in range(0, 6000, 100):
        stretch = given | {"weights": leader.weights(), "thresholds": leader.thresholds()}
        ours = run(layer_of(native.TrainingLayer, stretch), stretch, first, first + 100)
        run(leader, given, first, first + 100)
        apart.append(np.abs(ours.weights() - leader.weights()).max(axis=1))
        apart.append(np.abs(ours.thresholds() - leader.thresholds()))
        floors += int(np.sum(np.abs(leader.weights()[given["signs"] != 0]) < 2e-6))
    assert floors > 0
    assert np.quantile(np.concatenate(apart), 0.999) < 5e-6
    assert np.concatenate(apart).max() < 0.01


@compiled
def test_long_runs_agree_in_their_statistics() -> None:
    given = problem(200, 100, 100, 8000, output=False, own=False, seed=3)
    ours = run(layer_of(native.TrainingLayer, given), given)
    twin = run(layer_of(Twin, given), given)
    points = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    np.testing.assert_allclose(np.quantile(ours.weights(), points), np.quantile(twin.weights(), points), atol=0.01)
    np.testing.assert_allclose(ours.take_mean_output().mean(), twin.take_mean_output().mean(), atol=0.002)
    np.testing.assert_allclose(ours.outputs(0, 100).mean(), twin.outputs(0, 100).mean(), atol=0.002)


@compiled
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 70),
    inputs=st.integers(1, 40),
    output=st.booleans(),
    own=st.booleans(),
    threads=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    scale=st.sampled_from([1.0, 30.0]),
    seed=st.integers(0, 2**16),
)
def test_bits_depend_neither_on_threads_nor_on_cuts(
    rows: int, inputs: int, output: bool, own: bool, threads: int, cuts: list[int], scale: float, seed: int
) -> None:
    given = problem(rows, inputs, max(1, rows // 2), 60, output=output, own=own, seed=seed, scale=scale)
    whole = run(layer_of(native.TrainingLayer, given), given)
    parts = layer_of(native.TrainingLayer, given)
    edges = [0, *sorted(cuts), 60]
    for first, last in pairwise(edges):
        run(parts, given, first, last, threads)
    for one, other in zip(state(whole), state(parts), strict=True):
        assert one.tobytes() == other.tobytes()
    places = len(given["samples"])
    pieces = [parts.outputs(0, places // 2, threads), parts.outputs(places // 2, places, threads)]
    assert whole.outputs(0, places, 1).tobytes() == np.concatenate(pieces).tobytes()


@compiled
@pytest.mark.parametrize("output", [False, True])
def test_weights_that_cross_zero_under_homeostasis_are_followed(output: bool) -> None:
    # Below n = -2 (at eta = 0.01) an inhibitory weight changes its sign until the next step; large weights also meet the ceiling.
    given = problem(32, 20, 16, 12, output=output, own=True, seed=5, scale=60.0)
    crossed = False
    for steps in range(1, 13):
        oracle = run(layer_of(Twin, given, np.float64), given, 0, steps)
        ours = run(layer_of(native.TrainingLayer, given), given, 0, steps)
        np.testing.assert_allclose(ours.weights(), oracle.weights(), rtol=1e-3, atol=1e-4)
        crossed |= bool(np.any(oracle.weights() * given["signs"] < 0))
    assert crossed


@pytest.mark.parametrize("kind", [Twin, native.TrainingLayer])
def test_one_feature_step_by_hand(kind: Any) -> None:
    layer = kind(
        *(np.array(a, np.float32) for a in ([[0.5, -0.2, 0.0]], [[1, -1, 0]], [0.1], [0.4], [[1, 0.5, 0.8]], [[1, 1, 1]])),
        output_layer=False,
        own_output=True,
    )
    layer.run(np.array([0]), np.array([0.01], np.float32), np.array([0.02], np.float32), 1)
    # n = 0.5 - 0.1 = 0.4, y = 0.3, both magnitudes grow by 0.01 * 0.2, then inhibition by 1 + 50 * 0.01 * 0.4
    np.testing.assert_allclose(layer.weights(), [[0.502, -0.202 * 1.2, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(layer.thresholds(), [0.1 + 0.02 * (0.3 - 0.4)], rtol=1e-6)
    np.testing.assert_allclose(layer.take_mean_output(), [0.3], rtol=1e-6)
    assert layer.weights_at(np.array([1, 2])).tolist() == pytest.approx([-0.2424, 0.0])


@pytest.mark.parametrize("kind", [Twin, native.TrainingLayer])
@pytest.mark.parametrize("own", [False, True])
def test_one_output_step_by_hand(kind: Any, own: bool) -> None:
    layer = kind(
        *(
            np.array(a, np.float32)
            for a in ([[0.5, -0.1], [0.3, -0.4]], [[1, -1]] * 2, [0, 0.9], [0.5, 0.5], [[0.2, 1]], [[0.4, 2]])
        ),
        output_layer=True,
        own_output=own,
    )
    layer.run(np.array([0]), np.array([0.01], np.float32), np.array([0.02], np.float32), 1)
    # Row 0 is forced: n = y = 0, d = 0.5. Row 1: n = 0.06 - 0.4 = -0.34, y = 0, so its inhibition shrinks by 1 - 0.17.
    np.testing.assert_allclose(layer.weights(), [[0.502, -0.09], [0.3, -0.4 * 0.83]], rtol=1e-5)
    np.testing.assert_allclose(layer.thresholds(), [0.0, 0.89], rtol=1e-6)


@compiled
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("rows", [9, 33, 70])
def test_a_place_of_several_samples_is_taught_by_each(rows: int, own: bool) -> None:
    """Against the twin; and a row_of that counts up gives the bits that there are without it."""
    given = problem(rows, 25, 3 * rows, 400, output=True, own=own, seed=rows)
    row_of = np.random.default_rng(rows).permutation(np.arange(3 * rows) % rows)

    def layer(kind: Any, dtype: type, row_of: NDArray[np.int64]) -> Any:
        arrays = [given[name].astype(dtype) for name in ("weights", "signs", "thresholds", "targets", "samples", "drive")]
        return kind(*arrays, row_of=row_of, output_layer=True, own_output=own)

    oracle = run(layer(Twin, np.float64, row_of), given)
    ours = run(layer(native.TrainingLayer, np.float32, row_of), given)
    for got, wanted in zip(state(ours), state(oracle), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.outputs(0, 3 * rows), oracle.outputs(0, 3 * rows), atol=1e-5)
    cut = run(run(layer(native.TrainingLayer, np.float32, row_of), given, 0, 77), given, 77, None, threads=3)
    assert [part.tobytes() for part in state(cut)] == [part.tobytes() for part in state(ours)]
    given = problem(rows, 25, rows, 100, output=True, own=own, seed=rows)
    plain = run(layer_of(native.TrainingLayer, given), given)
    counted = run(layer(native.TrainingLayer, np.float32, np.arange(rows)), given)
    assert [part.tobytes() for part in state(counted)] == [part.tobytes() for part in state(plain)]


@pytest.mark.parametrize("kind", [native.TrainingLayer, Twin])
@pytest.mark.parametrize("row_of", [np.arange(4), np.full(5, 9), np.full(5, -1)])
def test_rows_of_samples_that_do_not_fit_are_refused(kind: Any, row_of: NDArray[np.int64]) -> None:
    given = problem(9, 4, 5, 10, output=True, own=False, seed=1)
    arrays = [given[name] for name in ("weights", "signs", "thresholds", "targets", "samples", "drive")]
    with pytest.raises(ValueError, match="row_of"):
        kind(*arrays, row_of=row_of, output_layer=True, own_output=False)


@pytest.mark.parametrize("kind", [Twin, native.TrainingLayer])
def test_shapes_and_places_that_do_not_fit_are_refused(kind: Any) -> None:
    given = problem(6, 5, 4, 10, output=False, own=False, seed=1)
    for name, bad in (
        ("weights", np.zeros((0, 5))),
        ("weights", np.zeros(5)),
        ("signs", np.zeros((6, 4))),
        ("thresholds", np.zeros(5)),
        ("targets", np.zeros((6, 1))),
        ("samples", np.zeros((4, 6))),
        ("drive", np.zeros((3, 5))),
    ):
        with pytest.raises(ValueError, match=r"must|wrong shape"):
            layer_of(kind, given | {name: bad})
    with pytest.raises(ValueError, match="row for each place"):
        layer_of(kind, given | {"output_layer": True, "samples": np.zeros((7, 5)), "drive": np.zeros((7, 5))})
    layer = layer_of(kind, given)
    for order in ([4], [-1]):
        with pytest.raises(ValueError, match="no sample"):
            layer.run(np.array(order), np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    for first, last in ((-1, 2), (3, 2), (0, 5)):
        with pytest.raises(ValueError, match="no sample"):
            layer.outputs(first, last, 1)
    with pytest.raises(ValueError, match=r"rates"):
        layer.run(np.array([0]), np.zeros(2, np.float32), np.zeros(1, np.float32), 1)


@compiled
@pytest.mark.parametrize("variant", ["baseline", "avx2"])
@pytest.mark.skipif("REVISIT_NATIVE" in os.environ, reason="runs inside such a variant already")
def test_every_variant_passes_these_tests(variant: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(Path(__file__))],
        env=os.environ | {"REVISIT_NATIVE": variant},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
