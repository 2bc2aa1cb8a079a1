"""The virtual chip step by step against sinabs's own discretised network, spike by spike and state by state.

sinabs's backend runs here on a CPU, with a labelled stand-in where it imports the driver (tests/chip/stand_in.py).
"""

import sys
import warnings

import numpy as np
import pytest

from engine import native
from engine.chip.quantise import ChipParameters, quantise
from engine.frames.inputs import InputParameters
from engine.native.twins import chip as twin
from tests.chip.nets import random_network
from tests.chip.stand_in import driver

torch = pytest.importorskip("torch")
pytest.importorskip("sinabs")


@pytest.fixture(scope="module")
def backend():
    with driver(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sinabs.backend.dynapcnn as dynapcnn

        yield dynapcnn
    assert "samna" not in sys.modules


def discretised(backend, layers, input_shape):
    """sinabs's DynapcnnNetwork of modules, discretised."""
    return backend.DynapcnnNetwork(torch.nn.Sequential(*layers), input_shape=input_shape, discretize=True, batch_size=1)


def convolution(*options):
    """Random weights, a little more positive than not, so that no layer stays silent."""
    layer = torch.nn.Conv2d(*options, bias=False)
    layer.weight.data += 0.05
    return layer


def iaf(threshold):
    import sinabs.layers as sl

    return sl.IAFSqueeze(batch_size=1, spike_threshold=torch.tensor(threshold), min_v_mem=torch.tensor(-threshold))


def run(network, counts):
    """(steps, neurons) spikes of the last layer, and the states of every layer (features, rows, columns)."""
    with torch.no_grad():
        out = network(torch.from_numpy(counts.astype(np.float32)))
    layers = [layer for _, layer in sorted(network.dynapcnn_layers.items())]
    return out.reshape(len(counts), -1).numpy(), [layer.spk_layer.v_mem[0].numpy() for layer in layers], layers


def given_of(layer, pool):
    """A layer of sinabs's as VirtualChip takes it: the very integers that sinabs found."""
    weights = layer.conv_layer.weight.detach().numpy()
    assert (weights == np.round(weights)).all()
    assert np.abs(weights).max() <= 128
    conv = layer.conv_layer
    return (
        np.ascontiguousarray(weights.transpose(1, 2, 3, 0)).astype(np.int8),
        tuple(map(int, layer.in_shape)),
        tuple(map(int, conv.stride)),
        tuple(map(int, conv.padding)),
        pool,
        int(layer.spk_layer.spike_threshold),
        int(layer.spk_layer.min_v_mem),
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_convolutions_equal_sinabs_discretised_network(backend, seed):
    import sinabs.layers as sl

    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    shape = (1 + seed % 2, 12, 12)
    kernel, stride, padding, pool = (
        int(rng.integers(1, 5)),
        int(rng.integers(1, 3)),
        int(rng.integers(0, 2)),
        (1, 2)[seed % 3 == 0],
    )
    features = int(rng.integers(2, 9))
    layers = [convolution(shape[0], features, kernel, stride, padding), iaf(float(rng.uniform(0.3, 1.0)))]
    if pool > 1:
        layers.append(sl.SumPool2d(pool))
    side = ((12 + 2 * padding - kernel) // stride + 1) // pool
    layers += [
        convolution(features, 5, min(3, side)),
        iaf(float(rng.uniform(0.3, 1.0))),
        convolution(5, 70, side - min(3, side) + 1),
        iaf(float(rng.uniform(0.2, 0.6))),
    ]
    counts = ((rng.random((40, *shape)) < 0.3) * rng.integers(1, 4, (40, *shape))).astype(np.uint8)
    spikes, states, made = run(discretised(backend, layers, shape), counts)
    given = [given_of(layer, pool if number == 0 else 1) for number, layer in enumerate(made)]
    assert spikes.sum() > 50
    for kind in (native.VirtualChip, twin.VirtualChip):
        chip = kind(given)
        np.testing.assert_array_equal(chip.run_steps(counts), spikes)
        for layer, state in enumerate(states):
            np.testing.assert_array_equal(chip.membranes(layer, True), state)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dims", [(10, 10), (5, 8)])
def test_a_place_network_from_events_to_places_equals_sinabs(backend, seed, dims):
    """Pixel selection, features, places: quantised by us and by sinabs, the same integers and the same spikes."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, dims[0] * dims[1], 60, 30)
    inputs = InputParameters(dims=dims, roi_dim=(dims[0] * 8, dims[1] * 8), cell="centre")
    ours = quantise(network, inputs, ChipParameters(input_threshold=1, feature_threshold=1))
    modules = []
    for layer in ours.layers:
        shape = layer.shape
        conv = torch.nn.Conv2d(shape.inputs[0], shape.features, shape.kernel, shape.stride, shape.padding, bias=False)
        weights = np.zeros((shape.features, shape.inputs[0], shape.kernel, shape.kernel), np.float32)
        if shape.name == "inputs":
            weights[0, 0, shape.origin[0], shape.origin[1]] = 1
        else:
            source = network.feature_weights if shape.name == "features" else network.output_weights
            rows, columns = shape.inputs[1:]
            top, left = shape.origin
            weights[:, :, top : top + rows, left : left + columns] = source.reshape(-1, shape.inputs[0], rows, columns)
        conv.weight.data = torch.from_numpy(weights)
        modules += [conv, iaf(1.0)]
    counts = (rng.random((60, 1, dims[0] * 8, dims[1] * 8)) < 0.4).astype(np.uint8)
    sinabs_network, shapes = discretised(backend, modules, (1, dims[0] * 8, dims[1] * 8)), [layer.shape for layer in ours.layers]
    spikes, states, made = run(sinabs_network, counts)
    for mine, theirs in zip(ours.layers[1:], made[1:], strict=True):
        given = given_of(theirs, 1)
        np.testing.assert_array_equal(mine.weights, given[0])
        assert (mine.threshold, mine.lowest) == given[5:]
    words = sinabs_network.memory_summary()
    assert [layer.kernel_words for layer in shapes] == [words["kernel"][key] for key in sorted(words["kernel"])]
    assert [layer.neuron_words for layer in shapes] == [words["neuron"][key] for key in sorted(words["neuron"])]
    chip = ours.simulator()
    np.testing.assert_array_equal(chip.run_steps(counts), spikes)
    for layer in (1, 2):
        np.testing.assert_array_equal(chip.membranes(layer, True), states[layer])
    assert spikes.sum() > 100
