"""Integers, the virtual Speck's windows, power, and what quantising costs."""

from pathlib import Path

import numpy as np
import pytest

from engine.chip.limits import RAILS
from engine.chip.power import EVENT_J, FLOOR_W, SHARES, SYNOP_J, estimate, read_rails
from engine.chip.quantise import ChipParameters, quantise, suggested_input_threshold
from engine.chip.recall import recall_lost, simulate_quantised
from engine.chip.target import Target
from engine.chip.virtual import VirtualSpeck, replay
from engine.errors import BadInput, JobCancelled
from engine.events.array import empty_events
from engine.frames.inputs import InputParameters, query_inputs
from engine.jobs import CancelToken
from engine.networks.lens import LensNetwork, load_network
from engine.networks.prototype import PrototypeNetwork
from engine.recognition.encoding import SpikingParameters
from engine.recognition.scoring import ScoringParameters
from engine.recognition.spiking import simulate
from tests.chip.nets import random_events, random_network

INPUTS = InputParameters(dims=(5, 5), roi_dim=(40, 40), cell="centre", encoding="raw")


@pytest.fixture
def network() -> LensNetwork:
    return random_network(np.random.default_rng(1), 25, 40, 12)


def test_integers_are_as_large_as_8_bits_allow_and_thresholds_keep_the_scale(network: LensNetwork) -> None:
    made = quantise(network, INPUTS, ChipParameters(feature_threshold=2))
    inputs, features, places = made.layers
    assert inputs.weights.sum() == 1
    assert inputs.weights[0, 4, 4, 0] == 1  # the centre of a cell of 8 x 8
    assert (inputs.threshold, inputs.lowest) == (10, -10)
    for layer, weights, threshold in ((features, network.feature_weights, 2), (places, network.output_weights, 1)):
        assert layer.weights.max() == 127 or layer.weights.min() == -128
        assert layer.threshold == round(threshold * layer.scale) == -layer.lowest
        expected = np.round(weights * np.float32(layer.scale))
        np.testing.assert_array_equal(layer.weights.reshape(-1, layer.shape.features).T, expected)
        assert layer.clipped == 0
        assert 0 < layer.lost < 0.05
        assert 0 < layer.error < 0.02
    assert made.check.fits
    assert made.places == 12


def test_clipping_takes_the_share_that_was_asked_for_and_gives_the_rest_finer_steps(network: LensNetwork) -> None:
    plain, clipped = (quantise(network, INPUTS, ChipParameters(clip=clip)).layers[1] for clip in (0, 0.05))
    assert clipped.scale > 1.3 * plain.scale
    assert 0.04 < clipped.clipped <= 0.05
    assert clipped.lost < plain.lost
    assert np.abs(clipped.weights.astype(int)).max() >= 127


def test_a_mean_cell_adds_all_its_pixels_and_a_part_threshold_is_kept_by_larger_weights(network: LensNetwork) -> None:
    mean = quantise(network, INPUTS.model_copy(update={"cell": "mean"})).layers[0]
    assert mean.weights.sum() == 64
    assert mean.threshold == 640
    half = quantise(network, INPUTS, ChipParameters(input_threshold=2.5)).layers[0]
    assert half.threshold / half.scale == pytest.approx(2.5, rel=0.005)
    assert half.weights.max() == half.scale == 127


@pytest.mark.parametrize(
    ("cell", "density", "threshold"), [("centre", 6.0, 1.0), ("centre", 50.0, 2.0), ("mean", 6.0, 19 / 64), ("mean", 50.0, 2.5)]
)
def test_the_input_threshold_follows_the_density_of_the_reference(
    network: LensNetwork, cell: str, density: float, threshold: float
) -> None:
    inputs = INPUTS.model_copy(update={"cell": cell})
    made = quantise(network, inputs, events_per_pixel=density)
    assert made.parameters.input_threshold == threshold == suggested_input_threshold(density, inputs)
    pixels = 64 if cell == "mean" else 1
    assert made.layers[0].threshold == threshold * pixels
    assert made.layers[0].weights.max() == 1
    given = quantise(network, inputs, ChipParameters(input_threshold=7), events_per_pixel=density)
    assert given.layers[0].threshold == 7 * pixels


def test_prototypes_keep_their_integers_and_a_place_answers_with_its_best_neuron() -> None:
    rng = np.random.default_rng(8)
    weights = rng.integers(0, 60, (6, 25)).astype(np.int8)
    places = np.array([0, 1, 1, 2, 3, 3], np.int32)
    prototypes = PrototypeNetwork(weights, np.zeros(6, np.int32), 900, places)
    plain = INPUTS.model_copy(update={"windows": (1,), "normalise": "none"})
    made = quantise(prototypes, plain, ChipParameters(input_threshold=1))
    assert [layer.shape.name for layer in made.layers] == ["inputs", "places"]
    assert made.check.layers[1].neurons == 6
    np.testing.assert_array_equal(made.layers[1].weights.reshape(-1, 6).T, weights)
    assert made.layers[1].scale == 1
    own = np.median((weights.astype(float) ** 2).sum(axis=1) / weights.mean(axis=1))
    assert made.layers[1].threshold == round(own * 20 / 100)  # 20 spikes an input, 100 of a place's own neuron
    twice = quantise(prototypes, plain, ChipParameters(input_threshold=1, output_threshold=2), events_per_pixel=30)
    assert twice.layers[1].threshold == round(2 * own * 30 / 100)
    assert quantise(prototypes, plain, events_per_pixel=0.1).layers[1].threshold == 127  # not under the largest weight
    events = random_events(rng, 20_000, 40, 40, margin=0)
    target = VirtualSpeck(made)
    target.start()
    target.feed(events)
    told = target.window(1_001_000)
    _, neurons = made.simulator().run_events(events)
    best = np.bincount(neurons, minlength=6)
    assert target.places == 4
    assert best.min() > 0
    np.testing.assert_array_equal(told.counts, [best[0], best[1:3].max(), best[3], best[4:].max()])
    np.testing.assert_array_equal(told.spike_places, places[neurons])
    with pytest.raises(BadInput, match="one window at a time, but windows is 1 2"):
        quantise(
            PrototypeNetwork(np.tile(weights, 2), np.zeros(6, np.int32), 900, places),
            plain.model_copy(update={"windows": (1, 2)}),
        )
    with pytest.raises(BadInput, match="plain events, but normalise is causal"):
        quantise(prototypes, plain.model_copy(update={"normalise": "causal"}))
    with pytest.raises(BadInput, match="adds a bias at every step"):
        quantise(PrototypeNetwork(weights, np.ones(6, np.int32), 900, places), plain)


def test_what_cannot_be_quantised_says_so(network: LensNetwork) -> None:
    with pytest.raises(BadInput, match=r"cannot be laid out on the chip\. Cells of 3x3"):
        quantise(network, InputParameters(dims=(5, 5), roi_dim=(15, 15)))
    with pytest.raises(BadInput, match="The network has 25 inputs"):
        quantise(network, InputParameters(dims=(5, 4), roi_dim=(40, 32)))
    with pytest.raises(BadInput, match="more than a 16-bit state holds"):
        mean = InputParameters(dims=(5, 5), roi_dim=(80, 80), cell="mean")
        quantise(network, mean, ChipParameters(input_threshold=512))
    strong = LensNetwork(
        network.feature_weights * 1000, network.feature_thresholds, network.output_weights, network.output_thresholds
    )
    with pytest.raises(BadInput, match="threshold of the features becomes 0"):
        quantise(strong, INPUTS)


def frames_of(rng: np.random.Generator, count: int) -> np.ndarray:
    return (rng.random((count, 40, 40)) ** 2 * 255).astype(np.uint8)


def test_step_by_step_the_integers_give_nearly_what_the_network_does(network: LensNetwork) -> None:
    frames, spiking = frames_of(np.random.default_rng(2), 6), SpikingParameters(timebin=100)
    rates = query_inputs(frames, INPUTS)
    made = quantise(network, INPUTS, ChipParameters(input_threshold=1, feature_threshold=1))
    ours, past = simulate_quantised(made, rates, spiking)
    trained = simulate(network, rates, spiking)
    assert past == 0
    np.testing.assert_array_equal(ours.input_spikes, trained.input_spikes)
    assert np.corrcoef(ours.counts.ravel(), trained.counts.ravel())[0, 1] > 0.995
    assert ours.counts.sum() > 100
    assert (np.abs(ours.membranes) <= 1).all()


def test_the_virtual_speck_counts_a_sliding_window_by_the_spikes_own_times(network: LensNetwork) -> None:
    rng = np.random.default_rng(3)
    made = quantise(network, INPUTS, ChipParameters(input_threshold=1, feature_threshold=1))
    events = random_events(rng, 30_000, 40, 40, margin=0)
    events["timestamp"] = np.sort(rng.integers(0, 2_000_000, len(events)))
    chip = made.simulator()
    times, neurons = chip.run_events(events)
    target = VirtualSpeck(made, window_us=500_000)
    assert isinstance(target, Target)
    target.start()
    seen: list[int] = []
    for end in range(100_000, 2_000_001, 100_000):
        step = events[(events["timestamp"] >= end - 100_000) & (events["timestamp"] < end)]
        target.feed(step)
        told = target.window(end)
        inside = (times >= end - 500_000) & (times < end)
        np.testing.assert_array_equal(told.counts, np.bincount(neurons[inside], minlength=12))
        recent = (times >= end - 100_000) & (times < end)
        np.testing.assert_array_equal(told.spike_times, times[recent])
        np.testing.assert_array_equal(told.spike_places, neurons[recent])
        in_window = (events["timestamp"] >= end - 500_000) & (events["timestamp"] < end)
        assert told.input_events == np.count_nonzero(in_window)
        assert told.layers[2].spikes == np.count_nonzero(inside)
        seen.append(told.synops or 0)
    assert sum(seen[4:]) > 0
    assert told.layers[0].name == "inputs"
    assert told.layers[2].rate_hz == pytest.approx(told.layers[2].spikes / 12 / 0.5)
    assert told.power is not None
    assert not told.power.measured
    assert told.power.label == "estimated"
    assert target.window(2_700_000).counts.sum() == 0
    target.reset()
    assert target.window(2_700_001).input_events == 0
    target.stop()
    target.stop()
    with pytest.raises(RuntimeError, match="start"):
        target.feed(events)


def test_how_the_stream_is_cut_makes_no_difference(network: LensNetwork) -> None:
    rng = np.random.default_rng(4)
    made = quantise(network, INPUTS, ChipParameters(input_threshold=2))
    events = random_events(rng, 20_000, 40, 40)
    told = []
    for chunk in (20_000, 777):
        target = VirtualSpeck(made, window_us=1_000_000)
        target.start()
        for first in range(0, len(events), chunk):
            target.feed(events[first : first + chunk])
        told.append(target.window(1_000_501))
    np.testing.assert_array_equal(told[0].counts, told[1].counts)
    assert told[0].synops == told[1].synops
    assert told[0].counts.sum() > 0
    assert any("off the region" in note for note in told[0].notes)


def test_a_network_too_large_for_the_chip_is_refused_with_what_would_help() -> None:
    large = random_network(np.random.default_rng(0), 100, 200, 300)
    made = quantise(large, InputParameters(dims=(10, 10), roi_dim=(80, 80)))
    with pytest.raises(BadInput, match=r"does not fit the chip\. 300 outputs need .* use "):
        VirtualSpeck(made)


def test_replayed_frames_are_the_raster_that_the_simulation_shows(network: LensNetwork) -> None:
    frames, spiking = frames_of(np.random.default_rng(5), 3), SpikingParameters(timebin=50)
    made = quantise(network, INPUTS, ChipParameters(feature_threshold=1))
    simulated = simulate(network, query_inputs(frames, INPUTS), spiking)
    target = VirtualSpeck(made, window_us=50_000, entry="inputs")
    target.start()
    for number, (events, end) in enumerate(replay(frames, INPUTS, spiking, start_us=7)):
        assert len(events) == simulated.input_spikes[number]
        assert end == 7 + (number + 1) * 50_000
        target.feed(events)
        told = target.window(end)
        assert told.input_events == len(events)
        assert [layer.name for layer in told.layers] == ["features", "places"]
        # One spike a synaptic event, and states carried on: close to the simulation, not equal to it.
        if number:
            assert np.corrcoef(told.counts, simulated.counts[:, number])[0, 1] > 0.8


def test_power_is_a_floor_and_what_events_and_operations_cost() -> None:
    rest = estimate(0, 0, 2.0)
    assert dict(rest.by_rail()) == pytest.approx(dict(zip(RAILS, FLOOR_W, strict=True)))
    assert rest.energy_j == pytest.approx(2 * sum(FLOOR_W))
    busy = estimate(480_000, 1_000_000, 1.0)
    assert busy.total_w - rest.total_w == pytest.approx(480_000 * EVENT_J + 1_000_000 * SYNOP_J)
    assert sum(SHARES) == pytest.approx(1)


def test_the_constants_give_back_the_recording_that_they_were_fitted_to(shared_data: Path) -> None:
    """A check of arithmetic, not of the chip: floor, shares and the event's energy come from this very recording."""
    recorded = read_rails(shared_data / "speck" / "power_rails.npy")
    assert recorded.watts.shape == (2444, 5)
    assert recorded.watts.sum(axis=1).mean() == pytest.approx(2.67e-3, abs=0.01e-3)
    still = (recorded.seconds < 7.5) | (recorded.seconds > 113)
    np.testing.assert_allclose(recorded.watts[still].mean(axis=0), FLOOR_W, rtol=0.05)
    moving = recorded.watts[~still].mean(axis=0)
    above = moving - recorded.watts[still].mean(axis=0)
    np.testing.assert_allclose(above / above.sum(), SHARES, atol=0.01)
    estimated = estimate(75 * 80 * 80, 0, 1.0)
    assert estimated.total_w == pytest.approx(moving.sum(), rel=0.03)


def test_rails_of_another_shape_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 10, 2)))
    with pytest.raises(BadInput, match="5 rails x samples"):
        read_rails(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(b"no")
    with pytest.raises(BadInput, match="cannot be read"):
        read_rails(tmp_path / "b.npy")


def test_what_quantising_costs_on_lens_own_example(shared_data: Path) -> None:
    from engine.places.traverse import open_traverse

    root = shared_data / "lens-example"
    shipped = load_network(root / "models" / "example-reference_LENS_IN100_FN200_DB100.pth")
    folder = root / "example" / "davis128"
    frames = open_traverse(folder / "example-query", root / "example-query.csv", "example-query").frames()
    truth = np.load(folder / "example-reference_example-query_GT.npy", allow_pickle=False)
    inputs = InputParameters(dims=(10, 10), cell="before_centre", encoding="gamma", query_encoding="raw")
    cost = recall_lost(shipped, frames, truth, inputs, scoring=ScoringParameters(sequence_length=4, GT_tolerance=3))
    before, after = cost.recall_at_1
    assert before > 0.6
    assert abs(before - after) < 0.05
    assert cost.past_16_bits == 0
    assert np.corrcoef(cost.similarity_before.ravel(), cost.similarity_after.ravel())[0, 1] > 0.99
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        recall_lost(shipped, frames, truth, inputs, cancel=cancel)


def test_the_order_of_events_and_of_steps_changes_single_spikes_and_hardly_any_count(shared_data: Path) -> None:
    from engine.places.traverse import open_traverse

    root = shared_data / "lens-example"
    shipped = load_network(root / "models" / "example-reference_LENS_IN100_FN200_DB100.pth")
    frames = open_traverse(root / "example" / "davis128" / "example-query", root / "example-query.csv", "q").frames()[:40]
    inputs = InputParameters(dims=(10, 10), roi_dim=(80, 80), cell="before_centre", encoding="gamma", query_encoding="raw")
    made = quantise(shipped, inputs, ChipParameters(feature_threshold=1))
    stepped, _ = simulate_quantised(made, query_inputs(frames, inputs), SpikingParameters())
    chip, rng, counts = made.simulator(1), np.random.default_rng(0), np.zeros((2, 100, len(frames)))
    for query, (events, _end) in enumerate(replay(frames, inputs)):
        mixed = events[np.lexsort((rng.random(len(events)), events["timestamp"]))]
        for way, given in enumerate((events, mixed)):
            chip.reset()
            counts[way, :, query] = np.bincount(chip.run_events(given)[1], minlength=100)
    assert not np.array_equal(counts[0], counts[1])
    assert np.corrcoef(counts[0].ravel(), counts[1].ravel())[0, 1] > 0.99
    assert np.corrcoef(counts[0].ravel(), stepped.counts.ravel())[0, 1] > 0.99


def test_only_two_layers_are_compared_step_by_step() -> None:
    with pytest.raises(BadInput, match="two layers"):
        recall_lost(object(), np.zeros((1, 8, 8), np.uint8), np.zeros((1, 1), np.uint8), INPUTS)


def test_no_events_are_no_spikes(network: LensNetwork) -> None:
    target = VirtualSpeck(quantise(network, INPUTS))
    target.start()
    target.feed(empty_events())
    told = target.window(1_000_000)
    assert told.counts.tolist() == [0] * 12
    assert told.power is not None
    assert told.power.total_w == pytest.approx(sum(FLOOR_W))
