"""Training a LENS network: what it learns, that it repeats itself, stops and goes on."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken, JobEvent, Metric, Notice, Progress, Throttle, ignore
from engine.native.twins.training import TrainingLayer as Twin
from engine.networks.lens import LensNetwork, initial_network, load_network
from engine.training import lens as training
from engine.training.lens import learning_rates, target_rates, train_lens
from engine.training.live import PLOTTED_WEIGHTS
from engine.training.parameters import PRESETS, LensTrainingParameters


def places_seen(places: int = 20, inputs: int = 30, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.random((places, inputs)) * (rng.random((places, inputs)) < 0.6)).astype(np.float32)


def bits(network: LensNetwork) -> bytes:
    arrays = (network.feature_weights, network.feature_thresholds, network.output_weights, network.output_thresholds)
    return b"".join(array.tobytes() for array in arrays)


def quick(**options: Any) -> LensTrainingParameters:
    return LensTrainingParameters(**({"epoch_feat": 4, "epoch_out": 6, "seed": 1} | options))


def answers(network: LensNetwork, rates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Similarity (places, queries) of a plain pass without spikes."""
    features = np.maximum(rates @ network.feature_weights.T, 0)
    return network.output_weights @ features.T


@pytest.mark.parametrize("rule", ["published", "corrected"])
def test_it_recognises_noisy_views_of_its_places(rule: str) -> None:
    rates = places_seen(40, 60)
    queries = np.clip(rates + np.random.default_rng(1).normal(0, 0.1, rates.shape), 0, 1).astype(np.float32)
    learned = train_lens(quick(epoch_feat=30, epoch_out=60, threshold_rule=rule), rates, ignore, CancelToken())
    untrained = initial_network(60, quick(threshold_rule=rule), 40, np.random.default_rng(1))
    right = np.mean(answers(learned, queries).argmax(axis=0) == np.arange(40))
    before = np.mean(answers(untrained, queries).argmax(axis=0) == np.arange(40))
    assert right > 0.8 > 0.3 > before


def test_the_same_seed_gives_the_same_bits_whatever_threads_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = places_seen()
    first = train_lens(quick(), rates, ignore, CancelToken(), threads=1)
    assert bits(train_lens(quick(), rates, ignore, CancelToken(), threads=3)) == bits(first)
    monkeypatch.setattr(training, "FIRST_CHUNK", 5000)
    monkeypatch.setattr(training, "CHUNK_SECONDS", 1e-9)
    assert bits(train_lens(quick(), rates, ignore, CancelToken())) == bits(first)
    assert bits(train_lens(quick(seed=2), rates, ignore, CancelToken())) != bits(first)


@pytest.mark.parametrize("at", [("feature layer", 1), ("feature layer", 33), ("output layer", 1), ("output layer", 60)])
def test_a_cancelled_run_goes_on_to_the_same_bits(at: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates, file = places_seen(), tmp_path / "run.npz"
    whole = train_lens(quick(), rates, ignore, CancelToken())
    monkeypatch.setattr(training, "FIRST_CHUNK", 1)
    monkeypatch.setattr(training, "CHUNK_SECONDS", 1e-9)  # a step a chunk, so that the run can be cut anywhere
    monkeypatch.setattr(Throttle, "ready", lambda self: True)
    cancel, stop = CancelToken(), at

    def watch(event: JobEvent) -> None:
        if isinstance(event, Progress) and event.stage == stop[0] and event.done >= stop[1]:
            cancel.cancel()

    with pytest.raises(JobCancelled):
        train_lens(quick(), rates, watch, cancel, checkpoint=file)
    assert [item.name for item in tmp_path.iterdir()] == ["run.npz"]
    monkeypatch.undo()
    told: list[JobEvent] = []
    resumed = train_lens(quick(), rates, told.append, CancelToken(), checkpoint=file, resume=True)
    assert bits(resumed) == bits(whole)
    assert any(isinstance(event, Notice) and stop[0] in event.text for event in told)
    assert not file.exists(), "a finished run needs no checkpoint"


def test_checkpoints_are_written_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SHARE", 1e9)
    written: list[int] = []
    real = training.write_checkpoint
    monkeypatch.setattr(training, "write_checkpoint", lambda *given: (written.append(given[1].step), real(*given)))
    train_lens(quick(), places_seen(), ignore, CancelToken(), checkpoint=tmp_path / "run.npz")
    assert len(written) >= 2


def test_a_checkpoint_of_another_run_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    rates, file = places_seen(), tmp_path / "run.npz"
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        train_lens(quick(), rates, ignore, cancel, checkpoint=file)
    for parameters, data, sentence in ((quick(seed=9), rates, "other parameters"), (quick(), rates[::-1], "other frames")):
        with pytest.raises(BadInput, match=sentence):
            train_lens(parameters, data, ignore, CancelToken(), checkpoint=file, resume=True)
    whole = file.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="cannot be read as a checkpoint"):
            train_lens(quick(), rates, ignore, CancelToken(), checkpoint=file, resume=True)
    with np.load(io_of(whole), allow_pickle=False) as saved:
        arrays = dict(saved)
    for name, bad, sentence in (
        ("feature_weights", np.zeros((2, 2), np.float32), "wrong shape"),
        ("output_signs", np.zeros((20, 60), np.float32), "wrong shape or type"),
        ("header", np.array("{}"), "not a checkpoint"),
        ("header", np.array(str(arrays["header"]).replace('"step": 0', '"step": 100000')), "step"),
        ("header", np.array(str(arrays["header"]).replace("PCG64", "XYZ")), "cannot be read"),
        ("feature_weights", np.zeros(10_000_000), "larger"),
        ("header", np.array({"a": 1}, dtype=object), "cannot be read"),
    ):
        np.savez(file, **(arrays | {name: bad}))
        with pytest.raises(BadInput, match=sentence):
            train_lens(quick(), rates, ignore, CancelToken(), checkpoint=file, resume=True)


def io_of(content: bytes) -> Any:
    import io

    return io.BytesIO(content)


def test_resuming_without_a_checkpoint_starts_anew(tmp_path: Path) -> None:
    rates = places_seen()
    fresh = train_lens(quick(), rates, ignore, CancelToken(), checkpoint=tmp_path / "none.npz", resume=True)
    assert bits(fresh) == bits(train_lens(quick(), rates, ignore, CancelToken()))


def test_progress_and_metrics_tell_of_every_neuron() -> None:
    told: list[JobEvent] = []
    learned = train_lens(quick(), places_seen(20, 30), told.append, CancelToken())
    progress = [event for event in told if isinstance(event, Progress)]
    assert [(e.stage, e.done, e.total) for e in progress if e.done == e.total] == [
        ("feature layer", 80, 80),
        ("output layer", 120, 120),
    ]
    metrics = {event.name: event for event in told if isinstance(event, Metric)}
    feature, output = metrics["feature layer"].values, metrics["output layer"].values
    assert feature["firing_rate"].shape == feature["threshold"].shape == (60,)
    assert output["firing_rate"].shape == (20,)
    assert 0 <= feature["firing_rate"].min() < feature["firing_rate"].max() <= 1
    np.testing.assert_array_equal(feature["threshold"], learned.feature_thresholds)
    np.testing.assert_array_equal(feature["weight"], learned.feature_weights.ravel()[feature["weight_index"]])
    assert len(feature["weight"]) == PLOTTED_WEIGHTS
    assert np.all(feature["weight"] != 0)


def test_cancel_is_heard_within_half_a_second_in_a_large_layer() -> None:
    # In the processor's time: on a machine that others keep busy the clock on the wall tells of them.
    cancel, rates = CancelToken(), places_seen(60, 784)
    started: list[float] = []
    timer = threading.Timer(0.5, lambda: (started.append(time.process_time()), cancel.cancel()))
    timer.start()
    with pytest.raises(JobCancelled):
        train_lens(LensTrainingParameters(epoch_feat=100_000), rates, ignore, cancel, threads=1)
    assert time.process_time() - started[0] < 0.5
    timer.join()


def test_metrics_come_at_most_ten_times_a_second_or_sixteen_times_a_layer() -> None:
    told: list[JobEvent] = []
    begun = time.monotonic()
    train_lens(quick(epoch_feat=20, epoch_out=10), places_seen(100, 200), told.append, CancelToken(), threads=1)
    # The first of all and the last of each layer come out of turn; what was kept between comes with them.
    times = 10 * (time.monotonic() - begun) + 4
    assert sum(isinstance(event, Progress) for event in told) <= times
    assert len(told) <= 2 * (times + 2 * 16)


@pytest.mark.skipif(native.variant() == "numpy", reason="the compiled loops are not there")
@pytest.mark.parametrize("rule", ["published", "corrected"])
def test_without_the_compiled_loops_the_twin_learns_the_same(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates, parameters = places_seen(), quick(threshold_rule=rule)
    ours = train_lens(parameters, rates, ignore, CancelToken())
    monkeypatch.setattr(native, "TrainingLayer", Twin)
    twin = train_lens(parameters, rates, ignore, CancelToken())
    np.testing.assert_allclose(ours.feature_weights, twin.feature_weights, atol=1e-5)
    np.testing.assert_allclose(ours.output_weights, twin.output_weights, atol=1e-5)


def test_learning_rates_are_those_of_lens() -> None:
    eta, eta_ip = learning_rates(100, 0.01, 0.3, "published")
    assert eta[:12].tolist() == pytest.approx([0.01] * 11 + [0.01 * 0.9**2])
    assert eta_ip[:12].tolist() == pytest.approx([0.3] + [0.02] * 10 + [0.02 * 0.9**2])
    assert eta[-1] == pytest.approx(0.01 * 0.1**2)
    assert learning_rates(100, 0.01, 0.3, "corrected")[1][:12].tolist() == pytest.approx([0.3] * 11 + [0.3 * 0.9**2])
    assert target_rates(4, 0.4, 0.6).tolist() == pytest.approx([0.45, 0.5, 0.55, 0.6])


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 3)), np.full((2, 3), 1.5), np.full((2, 3), np.nan), -np.ones((2, 2))])
def test_inputs_that_are_no_rates_are_refused(bad: NDArray[np.float64]) -> None:
    with pytest.raises(BadInput, match=r"Training (needs|inputs)"):
        train_lens(quick(), bad.astype(np.float32), ignore, CancelToken())


@pytest.mark.skipif(native.variant() == "numpy", reason="NumPy warns of the overflow first")
def test_a_learning_rate_at_which_weights_overflow_is_told_of() -> None:
    with pytest.raises(BadInput, match="stdp_rate_feat smaller than 1"):
        train_lens(quick(stdp_rate_feat=1.0, epoch_feat=50), places_seen(100, 200), ignore, CancelToken())


def test_any_number_of_threads_does() -> None:
    rates = places_seen(30, 700)
    few, many = (train_lens(quick(epoch_feat=1, epoch_out=1), rates, ignore, CancelToken(), threads=n) for n in (1, 2**31 - 1))
    assert bits(few) == bits(many)


def test_options_out_of_bounds_are_one_sentence() -> None:
    for values, sentence in (
        ({"thr_l_feat": 0.9}, "thr_l_feat"),
        ({"fire_l_out": 0.6}, "fire_l_out"),
        ({"epoch_feat": 0}, "epoch_feat"),
        ({"f_inh": 1.5}, "f_inh"),
        ({"stdp_rate_feat": float("nan")}, "stdp_rate_feat"),
        ({"f_exc": 0}, "f_exc"),
        ({"threshold_rule": "other"}, "threshold_rule"),
    ):
        with pytest.raises(BadInput, match=sentence):
            LensTrainingParameters.check(values)
    assert PRESETS["Brisbane"].feature_multiplier == 1.3
    assert PRESETS["LENS"] == LensTrainingParameters()


def test_the_example_comes_out_like_the_shipped_network(shared_data: Path) -> None:
    """Five seeds on LENS's own example: weights distributed as in the file that LENS ships, and as good at its task."""
    import cv2

    def selected(traverse: str) -> NDArray[np.float64]:
        folder = shared_data / "lens-example" / "example" / "davis128" / traverse
        frames = np.stack([cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in sorted(folder.glob("*.png"))])
        return frames[:, 3::8, 3::8].reshape(len(frames), -1).astype(np.float64)

    def recall(network: LensNetwork) -> float:
        similarity = answers(network, (selected("example-query") / 255).astype(np.float32))
        summed = np.sum([similarity[k : k + 97, k : k + 97] for k in range(4)], axis=0)  # sequences of 4
        return float(np.mean(np.abs(summed.argmax(axis=0) - np.arange(97)) <= 3))

    reference = selected("example-reference")
    gamma = np.log(127.5) / np.log(reference.mean(axis=1, keepdims=True))
    rates = (np.clip(reference**gamma, 0, 255) / 255).astype(np.float32)
    shipped = load_network(shared_data / "lens-example" / "models" / "example-reference_LENS_IN100_FN200_DB100.pth")
    ours = [
        train_lens(LensTrainingParameters(seed=s, threshold_rule="published"), rates, ignore, CancelToken()) for s in range(5)
    ]
    for layer in ("feature_weights", "output_weights"):
        theirs = getattr(shipped, layer)
        for network in ours:
            w = getattr(network, layer)
            assert w[w > 0].mean() == pytest.approx(theirs[theirs > 0].mean(), rel=0.25)
            assert w[w < 0].mean() == pytest.approx(theirs[theirs < 0].mean(), rel=0.35)
            at_floor, theirs_at_floor = (np.mean(np.abs(a[a != 0]) < 2e-6) for a in (w, theirs))
            assert at_floor == pytest.approx(theirs_at_floor, abs=0.08)
    for network in ours:
        assert network.feature_thresholds.max() == network.output_thresholds.max() == 0  # as in the shipped file
    assert recall(shipped) == pytest.approx(0.69, abs=0.01)
    assert np.mean([recall(network) for network in ours]) == pytest.approx(0.68, abs=0.08)
