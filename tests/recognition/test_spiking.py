import re
import sys
from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken, Progress
from engine.native.twins import spiking as twin
from engine.recognition.encoding import encode
from engine.recognition.spiking import Selection, SpikingParameters, SpikingResult, prepare, similarity, simulate


@dataclass
class Weights:
    feature_weights: np.ndarray
    output_weights: np.ndarray


def random_network(rng, inputs, features, places, scale=0.4, exact=False):
    """Signed, partly empty weights; `exact` ones are multiples of 1/64, whose float32 sums no order can change."""

    def layer(rows, columns):
        weights = rng.normal(0.1, scale, (rows, columns)) * (rng.random((rows, columns)) < 0.7)
        return (np.round(weights * 64) / 64 if exact else weights).astype(np.float32)

    return Weights(layer(features, inputs), layer(places, features))


def random_queries(rng, count, inputs):
    return (rng.random((count, inputs)) ** 3 * 256 * (rng.random((count, inputs)) < 0.7)).astype(np.uint8)


def same(a: SpikingResult, b: SpikingResult) -> None:
    for field in fields(SpikingResult):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


def spikes_by_step(network, queries, parameters, **options):
    """Output spikes (timebin, places, queries): the draws of a step do not depend on how many steps follow."""
    runs = [
        simulate(network, queries, parameters.model_copy(update={"timebin": steps + 1}), **options)
        for steps in range(parameters.timebin)
    ]
    counts = np.stack([run.counts for run in runs])
    return np.diff(counts, axis=0, prepend=0), runs[-1]


# Widths around the padding to 16, and over one block of neurons of every variant; steps around a word of 64 and a window of 256.
@pytest.mark.parametrize(("inputs", "features", "places"), [(1, 1, 1), (7, 16, 17), (33, 130, 100), (60, 300, 271)])
@pytest.mark.parametrize("timebin", [1, 64, 65, 257])
def test_compiled_loops_equal_the_twin(monkeypatch, inputs, features, places, timebin):
    rng = np.random.default_rng([inputs, timebin])
    prepared = prepare(
        random_network(rng, inputs, features, places),
        feature_bias=rng.normal(0, 0.05, features) if timebin % 2 else None,
        output_bias=rng.normal(0, 0.05, places) if timebin % 2 else None,
        output_threshold=rng.uniform(0.5, 2, places),
    )
    queries = random_queries(rng, 3, inputs)
    parameters = SpikingParameters(timebin=timebin, seed=11)
    result = simulate(prepared, queries, parameters)
    monkeypatch.setattr(native, "simulate_spiking", twin.simulate_spiking)
    same(result, simulate(prepared, queries, parameters))
    assert timebin == 1 or inputs == 1 or result.output_spikes.sum() > 0


def test_several_spikes_in_a_step_are_counted_and_weighed(monkeypatch):
    rng = np.random.default_rng(5)
    network = random_network(rng, 20, 40, 30, scale=3.0)
    queries = rng.integers(100, 256, (4, 20), np.uint8)
    result = simulate(network, queries)
    assert result.feature_spikes.max() > 250 * 40  # more than one a neuron and step
    monkeypatch.setattr(native, "simulate_spiking", twin.simulate_spiking)
    same(result, simulate(network, queries))


def test_many_windows_and_groups_equal_the_twin(monkeypatch):
    rng = np.random.default_rng(6)
    network, queries = random_network(rng, 12, 280, 20), random_queries(rng, 21, 12)
    parameters = SpikingParameters(timebin=600, seed=2)
    result = simulate(network, queries, parameters, threads=2)
    monkeypatch.setattr(native, "simulate_spiking", twin.simulate_spiking)
    same(result, simulate(network, queries, parameters))


def test_lens_field_equals_the_twin(monkeypatch):
    rng = np.random.default_rng(7)
    network, queries = random_network(rng, 25, 50, 25), random_queries(rng, 5, 25)
    selection = Selection(rng.permutation(400)[:25], 400)
    parameters = SpikingParameters(timebin=300, field="lens")
    result = simulate(network, queries, parameters, selection=selection)
    monkeypatch.setattr(native, "simulate_spiking", twin.simulate_spiking)
    same(result, simulate(network, queries, parameters, selection=selection))


def sinabs_network(network, queries, threshold=1.0):
    torch = pytest.importorskip("torch")
    pytest.importorskip("sinabs")
    from sinabs.from_torch import from_model

    places, features = network.output_weights.shape
    model = torch.nn.Sequential(
        torch.nn.Linear(network.feature_weights.shape[1], features, bias=False),
        torch.nn.ReLU(),
        torch.nn.Linear(features, places, bias=False),
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.from_numpy(network.feature_weights))
        model[2].weight.copy_(torch.from_numpy(network.output_weights))
    return from_model(
        model, add_spiking_output=True, batch_size=queries, spike_threshold=torch.tensor(threshold), min_v_mem=-threshold
    ).spiking_model


def run_sinabs(network, bits, threshold=1.0):
    """Output spikes (queries, timebin, places) and membranes (queries, places) of sinabs's own IAF layers."""
    torch = pytest.importorskip("torch")
    queries, timebin, inputs = bits.shape
    model = sinabs_network(network, queries, threshold)
    with torch.no_grad():
        out = model(torch.from_numpy(bits.astype(np.float32)).reshape(-1, inputs))
    assert "samna" not in sys.modules
    return out.reshape(queries, timebin, -1).numpy(), model[-1].v_mem.detach().numpy()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", [1.0, 2.0])
def test_output_spikes_equal_sinabs_spike_by_spike(seed, threshold):
    rng = np.random.default_rng(seed)
    network, queries = random_network(rng, 30, 50, 20, exact=True), random_queries(rng, 5, 30)
    parameters = SpikingParameters(timebin=80, seed=seed)
    expected, membranes = run_sinabs(network, encode(queries, parameters), threshold)
    ours, last = spikes_by_step(prepare(network, feature_threshold=threshold, output_threshold=threshold), queries, parameters)
    assert expected.sum() > 100
    assert expected.max() > 1 or threshold > 1  # several spikes in one step occur
    np.testing.assert_array_equal(ours, expected.transpose(1, 2, 0))
    np.testing.assert_array_equal(last.membranes.T * threshold, membranes)


def test_counts_of_real_valued_weights_are_close_to_sinabs():
    rng = np.random.default_rng(9)
    network, queries = random_network(rng, 100, 200, 100, scale=0.1), random_queries(rng, 20, 100)
    expected, _ = run_sinabs(network, encode(queries, SpikingParameters()))
    counts = simulate(network, queries).counts
    different = counts != expected.sum(axis=1).T  # only where rounding moved a membrane across its threshold
    assert different.mean() < 0.02
    assert np.abs(counts - expected.sum(axis=1).T).max() <= 1


def test_lens_first_layer_passes_bits_unchanged():
    torch = pytest.importorskip("torch")
    layers = pytest.importorskip("sinabs.layers")
    bits = encode(random_queries(np.random.default_rng(2), 3, 40), SpikingParameters(timebin=100)).astype(np.float32)
    layer = layers.IAFSqueeze(batch_size=3, spike_threshold=torch.tensor(1.0), min_v_mem=-1.0)
    with torch.no_grad():
        np.testing.assert_array_equal(layer(torch.from_numpy(bits).reshape(-1, 40)).reshape(bits.shape).numpy(), bits)
    assert "samna" not in sys.modules


def test_bias_acts_as_a_leak_at_every_step():
    silent = np.zeros((1, 3), np.uint8)
    network = Weights(np.ones((4, 3), np.float32), np.eye(4, dtype=np.float32))
    parameters = SpikingParameters(timebin=100)
    assert simulate(network, silent, parameters).output_spikes.sum() == 0
    driven = simulate(prepare(network, feature_bias=[0.25, 0.5, 0, -1]), silent, parameters)
    assert driven.counts[:, 0].tolist() == [25, 50, 0, 0]
    full = np.full((1, 3), 255, np.uint8)
    assert simulate(prepare(network, feature_bias=[-2.0, -2.5, 0, -3]), full, parameters).counts[:, 0].tolist() == [
        100,
        50,
        300,
        0,
    ]


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    queries=st.integers(1, 12),
    threads=st.integers(1, 5),
    cut=st.integers(0, 12),
    timebin=st.integers(1, 150),
)
def test_batching_and_threads_change_nothing(seed, queries, threads, cut, timebin):
    rng = np.random.default_rng(seed)
    network, inputs = random_network(rng, 9, 20, 11), random_queries(rng, queries, 9)
    parameters = SpikingParameters(timebin=timebin, seed=seed)
    whole = simulate(network, inputs, parameters, threads=threads)
    parts = [
        simulate(network, inputs[:cut], parameters, threads=1),
        simulate(network, inputs[cut:], parameters, first_frame=min(cut, queries)),
    ]
    for field in fields(SpikingResult):
        joined = np.concatenate([getattr(part, field.name) for part in parts], axis=-1)
        np.testing.assert_array_equal(getattr(whole, field.name), joined, err_msg=field.name)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), timebin=st.integers(2, 200))
def test_more_steps_only_add_spikes(seed, timebin):
    rng = np.random.default_rng(seed)
    network, inputs = random_network(rng, 9, 20, 11), random_queries(rng, 3, 9)
    before, after = (simulate(network, inputs, SpikingParameters(timebin=steps)) for steps in (timebin - 1, timebin))
    for name in ("counts", "synops", "input_spikes", "feature_spikes", "output_spikes"):
        assert (getattr(after, name) >= getattr(before, name)).all(), name
    assert ((after.membranes >= -1) & (after.membranes < 1)).all()
    np.testing.assert_array_equal(after.counts.sum(axis=0), after.output_spikes)


def test_membranes_balance_what_arrived():
    # No inhibition: every unit of weight that arrived was fired or is left.
    rng = np.random.default_rng(3)
    network = Weights(rng.integers(0, 9, (10, 8)).astype(np.float32) / 16, np.eye(10, dtype=np.float32))
    queries = random_queries(rng, 6, 8)
    result = simulate(network, queries)
    arrived = encode(queries, SpikingParameters()).sum(axis=1) @ network.feature_weights.T.astype(np.float64)
    np.testing.assert_array_equal(result.feature_spikes, np.floor(arrived).sum(axis=1))


def test_synops_count_each_spike_and_each_weight_it_meets():
    rng = np.random.default_rng(4)
    network, queries = random_network(rng, 15, 30, 12, scale=2.0), random_queries(rng, 4, 15)
    parameters = SpikingParameters(timebin=120, seed=3)
    features = Weights(network.feature_weights, np.eye(30, dtype=np.float32))
    fired = simulate(features, queries, parameters).counts  # what each feature neuron fired, passed on one to one
    inputs = encode(queries, parameters).sum(axis=1)
    expected = inputs @ (network.feature_weights != 0).sum(axis=0) + fired.T @ (network.output_weights != 0).sum(axis=0)
    result = simulate(network, queries, parameters)
    np.testing.assert_array_equal(result.synops, expected)
    np.testing.assert_array_equal(result.input_spikes, inputs.sum(axis=1))
    np.testing.assert_array_equal(result.feature_spikes, fired.sum(axis=0))


def result_of(counts, membranes):
    none = np.zeros(np.shape(counts)[1], np.int64)
    return SpikingResult(np.array(counts, np.int32), np.array(membranes, np.float32), none, none, none, none)


def test_similarity_breaks_ties_by_membrane_and_nothing_else():
    just_under = float(np.nextafter(np.float32(1), np.float32(0)))
    matrix = similarity(result_of([[5], [5], [4], [6], [4]], [[0.25], [-1], [just_under], [-1], [-0.5]]))
    assert np.argsort(matrix[:, 0]).tolist() == [4, 2, 1, 0, 3]
    assert matrix[1, 0] == 5
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(similarity(result_of([[5, 0]], [[0.5, 0.5]]), ties="index"), [[5, 0]])


@given(st.lists(st.tuples(st.integers(0, 2**23), st.floats(-1, 1, exclude_max=True, width=32)), min_size=2, max_size=30))
def test_similarity_keeps_the_order_of_counts_then_membranes(pairs):
    counts, membranes = (np.array(column)[:, None] for column in zip(*pairs, strict=True))
    matrix = similarity(result_of(counts, membranes))[:, 0]
    np.testing.assert_array_equal(np.floor(matrix), counts[:, 0])
    ordered = matrix[[i for i, _ in sorted(enumerate(pairs), key=lambda entry: entry[1])]]
    assert (np.diff(ordered) >= 0).all()


def test_progress_is_told_and_cancel_is_heard():
    rng = np.random.default_rng(0)
    network, queries = random_network(rng, 9, 20, 11), random_queries(rng, 500, 9)
    heard = []
    simulate(network, queries, emit=heard.append)
    assert heard[-1] == Progress("Simulating the network", 500, 500, "queries")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        simulate(network, queries, cancel=cancel)


def test_no_queries_give_no_columns():
    result = simulate(random_network(np.random.default_rng(0), 9, 20, 11), np.zeros((0, 9), np.uint8))
    assert result.counts.shape == (11, 0)
    assert similarity(result).shape == (11, 0)


@pytest.mark.parametrize(
    ("network", "options", "words"),
    [
        (Weights(np.ones((4, 3), np.float32), np.ones((2, 5), np.float32)), {}, "reads 5 features"),
        (Weights(np.ones(4, np.float32), np.ones((2, 5), np.float32)), {}, "matrix of floats"),
        (Weights(np.ones((4, 3), np.int64), np.ones((2, 4), np.float32)), {}, "matrix of floats"),
        (Weights(np.full((4, 3), np.nan, np.float32), np.ones((2, 4), np.float32)), {}, "not finite"),
        (Weights(np.full((4, 3), 1e9, np.float32), np.ones((2, 4), np.float32)), {}, "so large"),
        (Weights(np.full((4, 3), 1e4, np.float32), np.full((2, 4), 1e4, np.float32)), {}, "output weights are so large"),
        (Weights(np.ones((4, 3), np.float32), np.ones((2, 4), np.float32)), {"feature_bias": [1.0, 2.0]}, "feature bias must be"),
        (Weights(np.ones((4, 3), np.float32), np.ones((2, 4), np.float32)), {"output_bias": np.inf}, "not finite"),
        (Weights(np.ones((4, 3), np.float32), np.ones((2, 4), np.float32)), {"output_threshold": 0.0}, "above 0"),
    ],
)
def test_bad_networks_are_told(network, options, words):
    with pytest.raises(BadInput, match=words):
        prepare(network, **options)


def test_bad_queries_are_told():
    network = random_network(np.random.default_rng(0), 9, 20, 11)
    with pytest.raises(BadInput, match=re.escape("rows of 9 inputs as the network has, but are 2 x 8")):
        simulate(network, np.zeros((2, 8), np.uint8))
    with pytest.raises(BadInput, match="lower timebin"):
        heavy = Weights(np.full((1, 1), 1e6, np.float32), np.ones((1, 1), np.float32))
        simulate(heavy, np.zeros((1, 1), np.uint8), SpikingParameters(timebin=10_000))


def test_the_extension_refuses_what_would_crash_it():
    prepared = prepare(random_network(np.random.default_rng(0), 9, 20, 11))
    if native.variant() == "numpy":
        pytest.skip("the extension is not there")
    good = [np.zeros((1, 9), np.uint64), np.empty((0, 0), np.uint32), 0, 0, 10, prepared.feature_columns, prepared.feature_bias,
            prepared.feature_fan_out, prepared.output_columns, prepared.output_bias, prepared.output_fan_out, 11, 1]  # fmt: skip
    native.simulate_spiking(*good)
    for index, wrong, words in [
        (0, np.zeros((1, 8), np.uint64), "one row a source"),
        (1, np.zeros((9, 8), np.uint32), "timebin draws a row"),
        (4, 0, "timebin must be positive"),
        (5, np.zeros((1, 9, 20), np.float32), "padded to 16"),
        (5, np.zeros((9, 32), np.float32), "one row a source"),
        (5, np.ones((1, 9, 32), np.float32), "no weights"),
        (6, np.zeros(3, np.float32), "bias needs"),
        (7, np.zeros(3, np.int64), "fan_out needs"),
        (10, np.zeros(50, np.int64), "more rows of output columns"),
        (11, 17, "more outputs"),
    ]:
        with pytest.raises(ValueError, match=words):
            native.simulate_spiking(*good[:index], wrong, *good[index + 1 :])


def test_lens_example_gives_lens_figures(shared_data):
    """LENS itself: 843 input events, 2,077 feature and 129 output spikes a query, with membranes carried from query to query."""
    torch = pytest.importorskip("torch")
    cv2 = pytest.importorskip("cv2")
    folder = shared_data / "lens-example"
    state = torch.load(next((folder / "models").glob("*.pth")), weights_only=True)
    network = Weights(state["feature_layer.w.weight"].numpy(), state["output_layer.w.weight"].numpy())
    files = sorted((folder / "example/davis128/example-query").glob("*.png"))
    frames = np.stack([cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files])
    cells = np.arange(3, 80, 8)
    selection = Selection((cells[:, None] * 80 + cells).ravel(), 6400)
    result = simulate(
        network, frames.reshape(len(frames), -1)[:, selection.pixels], SpikingParameters(field="lens"), selection=selection
    )
    assert result.input_spikes.mean() == pytest.approx(843, abs=0.5)
    assert result.feature_spikes.mean() == pytest.approx(2077, rel=0.01)
    assert result.output_spikes.mean() == pytest.approx(129, rel=0.1)
    # v0.1.1's scoring: sequence of 4 without padding, both axes of the ground truth widened by 3; published here as .691.
    scores = sum(result.counts.T[i : i + 97, i : i + 97] for i in range(4))
    best = 96 - np.argmax(scores[:, ::-1], axis=1)  # ties go to the higher index
    assert np.mean(np.abs(best - np.arange(97)) <= 6) == pytest.approx(0.69, abs=0.05)
