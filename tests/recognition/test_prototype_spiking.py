"""Prototypes spike by spike: against a slow twin, against sinabs's own layers, and what the read-outs say."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.native.twins import prototype as twin
from engine.networks.prototype import PrototypeNetwork
from engine.networks.prototype_parameters import PrototypeParameters
from engine.recognition.encoding import SpikingParameters, encode
from engine.recognition.prototype_spiking import prepare_prototypes, readouts, simulate_prototypes, spike_words

compiled = pytest.mark.skipif(native.variant() == "numpy", reason="the compiled loops are not there")


def network(rng: np.random.Generator, neurons: int, inputs: int, threshold: int = 300, bias: bool = False) -> PrototypeNetwork:
    weights = rng.integers(-127, 128, (neurons, inputs)).astype(np.int8)
    weights[rng.random(weights.shape) < 0.2] = 0
    given = rng.integers(-200, 200, neurons).astype(np.int32) if bias else np.zeros(neurons, np.int32)
    return PrototypeNetwork(weights, given, threshold, np.arange(neurons, dtype=np.int32))


def queries(rng: np.random.Generator, count: int, inputs: int) -> np.ndarray:
    values = rng.uniform(-1, 1, (count, inputs)) * (rng.random((count, inputs)) < 0.7)
    values[:, :2] = 1, -1
    return values.astype(np.float32)


def raster(shown: np.ndarray, parameters: PrototypeParameters) -> np.ndarray:
    """Signed spikes (queries, timebin, inputs)."""
    words = spike_words(shown, parameters)
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=2, bitorder="little")[:, :, : parameters.timebin]
    return bits.transpose(0, 2, 1) * np.where(shown < 0, -1, 1)[:, None, :]


# Neurons around a panel of 64, inputs around and beyond a block of 256, steps around a chunk of 32 and a word of 64.
@pytest.mark.parametrize(("neurons", "inputs"), [(1, 2), (64, 9), (65, 40), (3, 256), (130, 700)])
@pytest.mark.parametrize("timebin", [1, 32, 33, 64, 65])
@pytest.mark.parametrize("spikes", ["regular", "random"])
def test_the_compiled_loop_equals_the_twin(
    monkeypatch: pytest.MonkeyPatch, neurons: int, inputs: int, timebin: int, spikes: str
) -> None:
    rng = np.random.default_rng([neurons, timebin])
    prepared = prepare_prototypes(network(rng, neurons, inputs, bias=timebin == 32))
    shown, parameters = queries(rng, 3, inputs), PrototypeParameters(timebin=timebin, spikes=spikes, seed=5)
    ours = simulate_prototypes(prepared, shown, parameters, threads=2)
    monkeypatch.setattr(native, "simulate_prototypes", twin.simulate_prototypes)
    slow = simulate_prototypes(prepared, shown, parameters)
    for name in ("counts", "membranes", "drives", "synops", "input_spikes", "output_spikes"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(slow, name), err_msg=name)


@compiled
@pytest.mark.parametrize("timebin", [1, 31, 32, 33, 64, 65, 100])
def test_even_spikes_equal_the_twins(timebin: int) -> None:
    rng = np.random.default_rng(timebin)
    rates = np.abs(queries(rng, 3, 41))  # some are 0 and some 1
    rates[:, 2:4] = np.float32(1e-12), np.nextafter(np.float32(1), np.float32(0))
    for seed, first in ((0, 0), (2**64 - 1, 7), (5, 2**40)):
        words = native.regular_spikes(rates, seed, first, timebin)
        np.testing.assert_array_equal(words, twin.regular_spikes(rates, seed, first, timebin))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=2, bitorder="little")
    spikes = bits.sum(axis=2)
    assert (spikes[rates == 0] == 0).all() and (spikes[rates == 1] == timebin).all()
    assert (np.abs(spikes - rates * timebin) <= 1).all()
    assert not bits[:, :, timebin:].any()


@compiled
@pytest.mark.parametrize("ordered", [True, False])
def test_readouts_equal_the_twins(ordered: bool) -> None:
    rng = np.random.default_rng(0)
    shape, threshold = (1000, 3), 12_345
    counts = rng.integers(0, 4_000, shape).astype(np.int32)
    membranes = rng.integers(-threshold, threshold, shape).astype(np.int32)
    counts[:3], membranes[0] = 0, -threshold  # nothing, and just above it
    drives = rng.integers(-(2**31), 2**31, shape).astype(np.int32)
    for ours, theirs in zip(
        native.prototype_readouts(counts, membranes, drives, threshold, ordered),
        twin.prototype_readouts(counts, membranes, drives, threshold, ordered),
        strict=True,
    ):
        assert ours.dtype == theirs.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("inputs", [256, 600])
@pytest.mark.parametrize("weight", [127, -127])
def test_the_largest_weights_do_not_overflow(inputs: int, weight: int) -> None:
    weights = np.full((2, inputs), weight, np.int8)
    net = PrototypeNetwork(weights, np.zeros(2, np.int32), 1 << 20, np.arange(2, dtype=np.int32))
    for sign in (1, -1):
        result = simulate_prototypes(
            prepare_prototypes(net), np.full((1, inputs), sign, np.float32), PrototypeParameters(timebin=2)
        )
        assert (result.drives == 2 * sign * weight * inputs).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(0, 9), st.integers(1, 4))
def test_batches_and_threads_change_nothing(seed: int, count: int, cut: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    prepared, shown = prepare_prototypes(network(rng, 70, 12)), queries(rng, count, 12)
    parameters = PrototypeParameters(seed=seed)
    whole = simulate_prototypes(prepared, shown, parameters, threads=threads)
    parts = [simulate_prototypes(prepared, shown[i:j], parameters, first_frame=i) for i, j in ((0, cut), (cut, count)) if i < j]
    np.testing.assert_array_equal(whole.counts, np.concatenate([part.counts for part in parts], axis=1)[:, :count])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", [150, 1000])
def test_spikes_equal_sinabs_spike_by_spike(seed: int, threshold: int) -> None:
    torch = pytest.importorskip("torch")
    layers = pytest.importorskip("sinabs.layers")
    rng = np.random.default_rng(seed)
    net, shown = network(rng, 30, 25, threshold, bias=True), queries(rng, 4, 25)
    parameters = PrototypeParameters(timebin=48, seed=seed)
    linear = torch.nn.Linear(25, 30)
    layer = layers.IAFSqueeze(batch_size=4, spike_threshold=torch.tensor(float(threshold)), min_v_mem=-float(threshold))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(net.weights.astype(np.float32)))
        linear.bias.copy_(torch.from_numpy(net.bias.astype(np.float32)))
        out = layer(linear(torch.from_numpy(raster(shown, parameters).astype(np.float32)).reshape(-1, 25)))
    expected = out.reshape(4, 48, 30).numpy()
    prepared = prepare_prototypes(net)
    # A step's draws do not depend on how many steps follow, so that longer and longer runs give the spikes of each step.
    counts = [simulate_prototypes(prepared, shown, parameters.model_copy(update={"timebin": t + 1})).counts for t in range(48)]
    np.testing.assert_array_equal(np.diff(np.stack(counts), axis=0, prepend=0), expected.transpose(1, 2, 0))
    last = simulate_prototypes(prepared, shown, parameters)
    np.testing.assert_array_equal(last.membranes.T, layer.v_mem.numpy().reshape(4, 30))
    assert expected.sum() > 50
    assert "samna" not in sys.modules


@given(st.floats(-1, 1, width=32), st.integers(1, 200), st.integers(0, 50))
def test_regular_spikes_are_as_many_as_the_rate_says(value: float, timebin: int, seed: int) -> None:
    spikes = raster(np.array([[value]], np.float32), PrototypeParameters(timebin=timebin, seed=seed))[0, :, 0]
    assert abs(spikes.sum() - value * timebin) < 1 + 1e-6
    gaps = np.diff(np.flatnonzero(spikes))
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


def test_random_spikes_are_those_of_the_probability() -> None:
    shown = queries(np.random.default_rng(1), 2, 20)
    parameters = PrototypeParameters(timebin=300, spikes="random", seed=9)
    expected = encode(np.abs(shown), SpikingParameters(timebin=300, seed=9))
    np.testing.assert_array_equal(np.abs(raster(shown, parameters)), expected)
    assert np.abs(raster(shown, parameters).mean(axis=1) - shown).max() < 0.12


def test_membranes_and_operations_are_what_they_say() -> None:
    rng = np.random.default_rng(3)
    net, shown, parameters = network(rng, 20, 15, bias=True), queries(rng, 5, 15), PrototypeParameters(timebin=40)
    spikes = simulate_prototypes(prepare_prototypes(net), shown, parameters)
    arrived = raster(shown, parameters)
    np.testing.assert_array_equal(spikes.drives.T, arrived.sum(axis=1) @ net.weights.astype(int).T + 40 * net.bias)
    fan_out = np.count_nonzero(net.weights, axis=0)
    np.testing.assert_array_equal(spikes.synops, np.abs(arrived).sum(axis=1) @ fan_out)
    assert spikes.membranes.min() >= -net.threshold
    assert spikes.membranes.max() < net.threshold


def test_readouts_rank_by_spikes_and_then_by_the_membrane() -> None:
    rng = np.random.default_rng(4)
    net = network(rng, 40, 30, threshold=900)
    prepared = prepare_prototypes(net)
    spikes = simulate_prototypes(prepared, queries(rng, 6, 30), PrototypeParameters())
    columns = readouts(prepared, spikes)
    np.testing.assert_array_equal(np.floor(columns["spikes"]), spikes.counts)
    same = spikes.counts[:, None] == spikes.counts[None]
    assert same.sum() > 40 * 6
    order = np.sign(columns["spikes"][:, None] - columns["spikes"][None])
    np.testing.assert_array_equal(order[same], np.sign(spikes.membranes[:, None] - spikes.membranes[None])[same])
    np.testing.assert_array_equal(readouts(prepared, spikes, "index")["spikes"], spikes.counts)
    np.testing.assert_allclose(columns["membrane"], spikes.drives / 900, rtol=1e-6)


def test_a_place_of_several_neurons_has_the_best_one_s_answer() -> None:
    rng = np.random.default_rng(5)
    net = network(rng, 6, 8)
    several = PrototypeNetwork(net.weights, net.bias, net.threshold, np.array([0, 0, 1, 2, 2, 2], np.int32))
    shown = queries(rng, 7, 8)
    alone = readouts(prepare_prototypes(net), simulate_prototypes(prepare_prototypes(net), shown, PrototypeParameters()))
    prepared = prepare_prototypes(several)
    together = readouts(prepared, simulate_prototypes(prepared, shown, PrototypeParameters()))
    for name, each in alone.items():
        np.testing.assert_array_equal(together[name], [each[:2].max(axis=0), each[2], each[3:].max(axis=0)])


def test_bad_input_is_one_sentence() -> None:
    rng = np.random.default_rng(6)
    prepared = prepare_prototypes(network(rng, 5, 4))
    for wrong, sentence in (
        (np.zeros((2, 3)), "rows of 4 inputs"),
        (np.full((1, 4), 1.01), "between -1 and 1"),
        (np.full((1, 4), np.nan), "between -1 and 1"),
    ):
        with pytest.raises(BadInput, match=sentence):
            simulate_prototypes(prepared, wrong, PrototypeParameters())
    with pytest.raises(BadInput, match="timebin 100000 is too long"):
        simulate_prototypes(prepare_prototypes(network(rng, 1, 200)), np.zeros((1, 200)), PrototypeParameters(timebin=100_000))
    with pytest.raises(BadInput, match="too large to be counted exactly"):
        prepare_prototypes(network(rng, 1, 3, threshold=1 << 24))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        simulate_prototypes(prepared, np.zeros((3, 4)), PrototypeParameters(), cancel=cancel)
