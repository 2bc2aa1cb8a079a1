"""The virtual chip's loops against their twin, and by hand."""

import numpy as np
import pytest

from engine import native
from engine.events.array import empty_events
from engine.native.twins import chip as twin
from tests.chip.nets import random_events, random_layers


def both(layers, pool=1):
    return native.VirtualChip(layers, pool), twin.VirtualChip(layers, pool)


def same_state(ours, theirs, layers, stepped):
    np.testing.assert_array_equal(ours.totals(), theirs.totals())
    assert ours.off == theirs.off
    for layer in range(len(layers)):
        np.testing.assert_array_equal(ours.membranes(layer, stepped), theirs.membranes(layer, stepped))


@pytest.mark.parametrize("seed", range(12))
def test_event_by_event_equals_the_twin(seed):
    rng = np.random.default_rng(seed)
    layers, _ = random_layers(rng, layers=1 + seed % 3)
    pool = 1 + seed % 2
    ours, theirs = both(layers, pool)
    rows, columns = layers[0][1][1:]
    fired = 0
    for _chunk in range(3):
        events = random_events(rng, 150, columns * pool, rows * pool)
        times, neurons = ours.run_events(events)
        expected_times, expected = theirs.run_events(events)
        np.testing.assert_array_equal(times, expected_times)
        np.testing.assert_array_equal(neurons, expected)
        same_state(ours, theirs, layers, stepped=False)
        fired += len(times)
    assert ours.totals()[0, 1] > 0
    assert ours.off > 0
    ours.reset(), theirs.reset()
    same_state(ours, theirs, layers, stepped=False)
    assert ours.totals().sum() == 0


@pytest.mark.parametrize("seed", range(12))
def test_step_by_step_equals_the_twin(seed):
    rng = np.random.default_rng(100 + seed)
    layers, _ = random_layers(rng, layers=1 + seed % 3)
    ours, theirs = both(layers)
    for _chunk in range(2):
        counts = (rng.random((6, *layers[0][1])) < 0.15) * rng.integers(1, 4, (6, *layers[0][1]))
        counts = counts.astype(np.uint8)
        np.testing.assert_array_equal(ours.run_steps(counts), theirs.run_steps(counts))
        same_state(ours, theirs, layers, stepped=True)
    assert ours.totals()[0, 1] > 0


def test_events_can_enter_at_any_core():
    rng = np.random.default_rng(5)
    layers = [
        (np.ones((1, 2, 2, 1), np.int8), (1, 8, 8), (2, 2), (0, 0), 1, 3, -3),
        (rng.integers(-60, 90, (1, 4, 4, 20)).astype(np.int8), (1, 4, 4), (1, 1), (0, 0), 1, 50, -50),
    ]
    ours, theirs = both(layers)
    events = random_events(rng, 200, 4, 4)
    for one, other in zip(ours.run_events(events, 1), theirs.run_events(events, 1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert ours.totals()[0].sum() == 0
    assert ours.totals()[1, 1] > 0


def events_at(*columns):
    events = empty_events(len(columns))
    events["x"] = columns
    events["timestamp"] = np.arange(len(columns)) * 10
    return events


def one_layer(weights, threshold, lowest):
    """Neurons that read a row of pixels: weights (pixels, neurons) in the first row of the kernel."""
    pixels, neurons = np.shape(weights)
    kernel = np.zeros((1, pixels, pixels, neurons), np.int8)
    kernel[0, 0] = weights
    return [(kernel, (1, pixels, pixels), (1, 1), (0, 0), 1, threshold, lowest)]


@pytest.mark.parametrize("kind", [native.VirtualChip, twin.VirtualChip])
def test_the_rule_by_hand(kind):
    # Threshold 10. Pixel 0: +25 to neuron 0. Pixel 1: -127 to it. Pixel 2: nothing to neuron 0, +10 to neuron 1.
    chip = kind(one_layer([[25, 0], [-127, 0], [0, 10]], 10, -10))
    times, neurons = chip.run_events(events_at(0))
    assert (times.tolist(), neurons.tolist()) == ([0], [0])
    assert chip.membranes(0, False).ravel().tolist() == [15, 0]  # one spike an event, although 25 holds two thresholds
    _, neurons = chip.run_events(events_at(2))
    assert neurons.tolist() == [1]  # a weight of 0 is no operation: neuron 0 keeps its 15
    assert chip.membranes(0, False).ravel().tolist() == [15, 0]
    chip.run_events(events_at(1))
    assert chip.membranes(0, False).ravel().tolist() == [-10, 0]  # kept from falling under the lowest
    assert chip.totals().tolist() == [[3, 2, 3, 0]]


@pytest.mark.parametrize("kind", [native.VirtualChip, twin.VirtualChip])
def test_states_stay_within_16_bits_event_by_event_and_are_only_counted_step_by_step(kind):
    layers = one_layer([[127, -128]], 32767, -32768)
    chip = kind(layers)
    times, _ = chip.run_events(np.repeat(events_at(0), 300))
    # The first neuron holds 258 x 127 = 32,766; the next event would make it 32,893, ends at 32,767 and fires all of it; 41 more
    # follow. The second is at its end after 256 events, and 44 times kept there.
    assert len(times) == 1
    assert chip.membranes(0, False).ravel().tolist() == [41 * 127, -32768]
    assert chip.totals()[0, 3] == 1 + 44
    chip.reset()
    spikes = chip.run_steps(np.full((2, 1, 1, 1), 200, np.uint8))
    assert spikes.tolist() == [[0, 0], [1, 0]]
    assert chip.membranes(0, True).ravel().tolist() == [2 * 200 * 127 - 32767, -32768]
    assert chip.totals()[0, 3] == 2  # in the second step both, at 50,800 and -51,200


@pytest.mark.parametrize("kind", [native.VirtualChip, twin.VirtualChip])
def test_wrong_shapes_and_numbers_are_refused(kind):
    good = one_layer([[1, 2]], 10, -10)[0]
    with pytest.raises(ValueError, match="threshold"):
        kind([(*good[:5], 0, -10)])
    with pytest.raises(ValueError, match="lowest"):
        kind([(*good[:5], 10, 5)])
    with pytest.raises(ValueError, match="map of the layer before"):
        kind([good, good])
    with pytest.raises(ValueError, match="larger than the padded input"):
        kind([(np.ones((1, 5, 5, 1), np.int8), (1, 4, 4), (1, 1), (0, 0), 1, 10, -10)])
    with pytest.raises(ValueError, match="no such layer"):
        kind([good]).run_events(events_at(0), 1)
    with pytest.raises(ValueError, match="steps x channels"):
        kind([good]).run_steps(np.zeros((2, 1, 3, 3), np.uint8))
    strong = one_layer([[127]], 1, -1)
    with pytest.raises(ValueError, match="fires more often"):
        kind([*strong, *strong]).run_steps(np.full((1, 1, 1, 1), 255, np.uint8))
