"""What a training tells for its plots: figures that are right, seldom enough, and that change nothing."""

import hashlib
import sys
import time
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken, JobEvent, Metric, Notice, Progress, ignore
from engine.networks.ensemble import members_of
from engine.recognition.encoding import SpikingParameters
from engine.recognition.spiking import simulate
from engine.training import live as live_module
from engine.training.budget import Budget
from engine.training.control import TrainingControl
from engine.training.curves import CurveCollector
from engine.training.eight_bits import eight_bits
from engine.training.late import LATE
from engine.training.lens import learning_rates, train_lens
from engine.training.live import LiveMetrics, WeightSample, _Rates
from engine.training.parameters import LensTrainingParameters
from engine.training.raster import spike_raster
from engine.training.run import RunParameters, TrainRequest, train_runs
from engine.training.runs import list_runs
from engine.training.trackers import check_trackers
from engine.training.validation import ValidationParameters
from tests.training.helpers import QUERY, reference_of, small_workspace
from tests.training.test_lens import bits, places_seen, quick


def metrics(events: list[JobEvent], name: str) -> list[Metric]:
    return [event for event in events if isinstance(event, Metric) and event.name == name]


@pytest.fixture
def everything_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.jobs.Throttle.ready", lambda self: True)


def test_a_run_tells_everything_that_plots_need_and_learns_the_same(everything_told: None) -> None:
    rates, told = places_seen(20, 30), list[JobEvent]()
    quiet = train_lens(quick(), rates, ignore, CancelToken())
    judge = lambda network: {"recall_at_1": 0.5}  # noqa: E731
    watched = train_lens(
        quick(), rates, ignore, CancelToken(), live=LiveMetrics(told.append, 1, rates, 1.0, judge, validate_every=2)
    )
    assert bits(watched) == bits(quiet)
    assert {event.name for event in told if isinstance(event, Metric)} == {
        "feature layer", "output layer", "feature weights", "output weights", "spikes", "validation",
        "begin",
    }  # fmt: skip
    assert [event.values["epoch"] for event in metrics(told, "validation")] == [2, 4, 6]
    assert [event.step for event in metrics(told, "validation")] == [40, 80, 120]
    last = metrics(told, "output layer")[-1].values
    eta, eta_ip = learning_rates(120, 0.01, 0.02, "published")
    assert (last["learning_rate"], last["threshold_rate"]) == (eta[-1], eta_ip[-1])
    assert last["target_low"] == last["target_high"] == 0.5
    assert last["steps_per_second"] > 0 and last["remaining_s"] == 0
    first = metrics(told, "feature layer")[0].values
    assert first["remaining_s"] > 0
    shown = metrics(told, "feature weights")[-1].values
    assert shown["image"].shape == shown["matrix"] == (60, 30)
    assert shown["counts"].sum() == np.count_nonzero(shown["image"])


def test_a_training_of_a_moment_is_told_of_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module.time, "monotonic", lambda: 0.0)
    rates, told = places_seen(20, 30), list[JobEvent]()
    live = LiveMetrics(told.append, 1, rates)
    network = train_lens(quick(), rates, ignore, CancelToken(), live=live)
    assert told == []  # a window that wakes takes a core from it
    live.tell_final(network)
    assert [event.step for event in metrics(told, "begin")] == [0, 0]
    assert metrics(told, "feature layer")[-1].step == 80 and metrics(told, "output layer")[-1].step == 120
    assert [event for event in told if isinstance(event, Progress)] == [
        Progress("feature layer", 80, 80, "steps"),
        Progress("output layer", 120, 120, "steps"),
    ]


def test_the_curves_of_a_layer_begin_with_its_first_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.lens.FIRST_CHUNK", 1)  # a step
    rates, told = places_seen(20, 30), list[JobEvent]()
    live = LiveMetrics(told.append, 1, rates)
    live.tell_final(train_lens(quick(), rates, ignore, CancelToken(), live=live))
    assert [metrics(told, name)[0].step for name in ("feature layer", "output layer")] == [1, 1]


@pytest.mark.parametrize("paused", [False, True])
def test_a_training_that_is_held_or_cancelled_tells_what_it_kept(paused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module.time, "monotonic", lambda: 0.0)
    cancel, control, told = CancelToken(), TrainingControl(), list[JobEvent]()

    def tell(event: JobEvent) -> None:
        told.append(event)
        cancel.cancel()

    if paused:
        control.pause()
    else:
        cancel.cancel()
    with pytest.raises(JobCancelled):
        train_lens(quick(), places_seen(20, 30), tell, cancel, control=control)
    assert [event.name for event in told if isinstance(event, Metric)] == ["begin"]


def test_firing_rates_are_those_of_a_whole_epoch() -> None:
    kept = _Rates(3, 10, 0.4, 0.6)
    early = kept.values(np.array([0.0, 0.5, 1.0]), 4)
    assert not early["whole_epoch"] and early["dead"] == early["saturated"] == 0  # too early to say
    late = kept.values(np.array([0.0, 0.0, 1.0]), 6)
    assert late["whole_epoch"] and (late["dead"], late["saturated"]) == (1, 1)
    assert late["firing_rate"].tolist() == pytest.approx([0, 0.2, 1])
    between = kept.values(np.array([1.0, 1.0, 1.0]), 3)
    assert between["firing_rate"].tolist() == pytest.approx([0, 0.2, 1])  # the last whole one stays until the next
    after = kept.values(np.array([0.0, 0.0, 0.0]), 9)
    assert after["firing_rate"].tolist() == pytest.approx([0.25] * 3) and after["dead"] == 0


def test_dead_neurons_are_counted() -> None:
    rates = places_seen(20, 30)
    rates[:, :15] = 0
    told: list[JobEvent] = []
    # With thresholds that nothing reaches, every feature neuron is dead.
    parameters = quick(thr_l_feat=10, thr_h_feat=10, ip_rate_feat=0, stdp_rate_feat=0)
    train_lens(parameters, rates, told.append, CancelToken())
    last = metrics(told, "feature layer")[-1].values
    assert last["whole_epoch"] and last["dead"] == 60 and last["saturated"] == 0


def test_costly_plots_stay_within_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(live_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(live_module.time, "perf_counter", lambda: now[0])
    budget, spent = Budget(0.03), 0.0

    def costly() -> None:
        nonlocal spent
        now[0] += 0.05
        spent += 0.05

    assert not budget.run("weights", costly)  # the run has only begun
    for _ in range(5000):
        now[0] += 0.01
        budget.run("weights", costly)
    assert 0.028 < spent / now[0] <= 0.03
    assert Budget(1.0).run("weights", costly)
    assert not Budget(0.0).run("weights", costly)
    now[0] = 0.0
    unknown = Budget(0.1)
    now[0] = 10.0
    assert not unknown.run("validation", costly, guess=1.1) and unknown.run("validation", costly, guess=0.9)
    assert unknown.run("validation", costly, guess=1.1)  # what it took is known now


def test_a_validation_that_a_short_run_has_no_time_for_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "FIRST_GUESS", 0.0)
    rates, judged = places_seen(20, 30), []
    judge = lambda network: judged.append(1) or {}  # noqa: E731
    for queries in (0, 10**9):
        told: list[JobEvent] = []
        live = LiveMetrics(told.append, 1, rates, 0.9999, judge, 1, queries, False)
        network = train_lens(quick(), rates, ignore, CancelToken(), live=live)
        assert bool(judged) == (queries == 0)
        live.tell_final(network)
        last = [event for event in told if isinstance(event, Metric) and event.name == "validation"][-1]
        assert last.values["left_out"] == quick().epoch_out - len(judged)  # the final one was not left out
        judged.clear()


@pytest.mark.parametrize("windows", [1, 3])
def test_what_there_was_no_time_to_judge_is_judged_when_the_training_is_over(windows: int) -> None:
    rates, parameters = places_seen(20, 30), quick().model_copy(update={"join_windows": "columns"})
    digests: list[dict[float, str]] = []
    for share, queries in ((1.0, 0), (0.9999, 10**9)):  # in time, and expected to take longer than there is
        told: list[JobEvent] = []
        live = LiveMetrics(told.append, 1, rates, share, lambda network: {"digest": digest_of(network)}, 1, queries, False)
        network = train_lens(parameters, rates, ignore, CancelToken(), live=live, windows=windows)
        before = len(metrics(told, "validation"))
        live.tell_final(network)
        live.judge_late(lambda: True)
        found = metrics(told, "validation")
        assert before == (0 if queries else windows * parameters.epoch_out)
        assert found[-1].values["left_out"] == 0
        digests.append({metric.step: metric.values["digest"] for metric in found})
        curves = CurveCollector()
        for metric in found:
            curves.take(metric)
        assert curves.steps("validation") == [20.0 * epoch for epoch in range(1, windows * parameters.epoch_out + 1)]
        assert curves.last["validation"]["step"] == 20 * windows * parameters.epoch_out
        assert curves.last["validation"]["left_out"] == 0
    assert digests[0] == digests[1]  # the very networks


def digest_of(network: Any) -> str:
    digest = hashlib.sha256()
    for member in members_of(network):
        digest.update(member.feature_weights.tobytes() + member.output_weights.tobytes() + member.output_thresholds.tobytes())
    return digest.hexdigest()


def test_judging_late_ends_in_time_or_when_asked_to_and_what_was_judged_lies_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    rates, now = places_seen(20, 30), [0.0]
    monkeypatch.setattr(live_module.time, "monotonic", lambda: now[0])
    for slow, asked in ((1.0, 99), (0.0, 2)):
        told: list[JobEvent] = []

        def judge(network: Any, slow: float = slow) -> dict[str, float]:
            now[0] += slow
            return {}

        live = LiveMetrics(told.append, 1, rates, 0.9999, judge, 1, 10**9, False)
        now[0] += 1.0  # there is time to keep networks
        train_lens(quick(), rates, ignore, CancelToken(), live=live)
        left = iter(range(asked))
        live.judge_late(lambda left=left: next(left, None) is not None)  # type: ignore[misc]
        made = [metric.step // 20 for metric in metrics(told, "validation")]
        # Of six: for two seconds, none being begun after them; or as often as it was told to go on.
        assert made == ([1, 5, 3] if slow else [1, 5])
        assert metrics(told, "validation")[-1].values["left_out"] == quick().epoch_out - len(made)
        assert told[-1] == Progress(LATE, len(made), len(made), "validations")


def test_a_network_is_safe_before_the_epochs_in_between_are_judged(tmp_path: Path) -> None:
    cancel, told = CancelToken(), list[JobEvent]()

    def emit(event: JobEvent) -> None:
        told.append(event)
        if isinstance(event, Progress) and event.stage == LATE:
            cancel.cancel()

    request = replace(asked(tmp_path), validation=ValidationParameters(validation_query=QUERY, validate_every=1))
    (done,) = train_runs(request, emit, cancel)
    assert any(isinstance(event, Progress) and event.stage == LATE for event in told)
    assert done.path.is_file() and done.run.info.status == "finished"
    (kept,) = list_runs(asked_workspace(tmp_path))[0]
    assert kept.info.status == "finished" and "recall_at_1" in kept.info.scores


@pytest.mark.parametrize("seed", range(3))
def test_eight_bits_clips_what_lies_far_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    even = eight_bits(rng.uniform(-1, 1, 5000))
    assert even.clipped == 0 and even.limit == pytest.approx(1, rel=0.01) and even.zeroed < 0.01
    normal = rng.normal(0, 0.01, 100_000)
    normal[:20] = 1.0
    found = eight_bits(normal)
    error = lambda limit: np.square(  # noqa: E731
        np.clip(np.rint(normal / (limit / 127)), -127, 127) * (limit / 127) - normal
    ).mean()
    assert error(found.limit) <= min(error(1.0), error(0.5), error(0.1))
    limit = found.limit
    assert found.clipped == pytest.approx(np.mean(np.abs(normal) > limit * (1 + 0.5 / 127)))
    assert found.zeroed == pytest.approx(np.mean(np.abs(normal) < limit / 254))
    assert eight_bits(np.zeros(5)).limit == eight_bits(np.array([])).clipped == 0


def test_a_raster_has_the_spikes_that_the_neurons_fire() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.normal(0, 0.4, shape).astype(np.float32) for shape in ((12, 8), (5, 12)))
    rates = rng.random(8).astype(np.float32)
    bits_in, features, outputs = spike_raster((first, second), rates, 3, 200)
    assert bits_in.shape == (200, 8) and features.shape == (200, 12) and outputs.shape == (200, 5)
    assert np.abs(bits_in.mean(axis=0) - rates).max() < 0.15
    slow = np.zeros_like(features)
    for neuron in range(12):
        membrane = np.float32(0)
        for step in range(200):
            membrane += np.float32(np.dot(first[neuron], bits_in[step].astype(np.float32)))
            fired = max(int(np.floor(membrane)), 0)
            slow[step, neuron] = fired
            membrane = np.float32(max(membrane - fired, -1))
    assert np.mean(slow != features) < 0.01  # sums in another order round otherwise

    class Two:
        feature_weights, output_weights = first, second

    # The simulation draws other bits: the counts agree as two rasters of one place do.
    counts = simulate(Two(), np.tile(rates, (40, 1)), SpikingParameters(timebin=200)).counts
    mean, deviation = counts.mean(axis=1), counts.std(axis=1)
    assert np.all(np.abs(outputs.sum(axis=0) - mean) <= 5 * deviation + 3)


def test_a_large_matrix_is_sampled() -> None:
    signs: NDArray[np.int8] = np.ones((1000, 700), np.int8)
    sample = WeightSample(signs, 0)
    assert len(sample.drawn) == 20_000 and len(sample.followed) == 256 and sample.matrix == (1000, 700)
    assert sample.shape == (200, 175) and sample.grid[sample.shape[1]] == 5 * 700


def test_metrics_of_a_large_network_come_while_it_trains() -> None:
    rates, told = places_seen(60, 200), list[JobEvent]()
    cancel = CancelToken()
    begun = time.monotonic()

    def listen(event: JobEvent) -> None:
        told.append(event)
        if (metrics(told, "spikes") and metrics(told, "feature weights")) or time.monotonic() - begun > 60:
            cancel.cancel()

    with pytest.raises(Exception, match="cancelled"):
        train_lens(LensTrainingParameters(epoch_feat=100_000), rates, listen, cancel)
    assert metrics(told, "spikes")[0].values["feature"].shape == (100, 400)
    assert "output" not in metrics(told, "spikes")[0].values


# -- trackers


def asked(tmp_path: Path, **run: Any) -> TrainRequest:
    workspace = small_workspace(tmp_path / "lab", places=12)
    return TrainRequest(reference_of(workspace), training=quick(), run=RunParameters(**run), inputs=_inputs())


def _inputs() -> Any:
    from engine.frames.inputs import InputParameters

    return InputParameters(dims=(8, 8))


@pytest.mark.parametrize(("field", "title"), [("tensorboard", "TensorBoard"), ("wandb", "Weights & Biases")])
def test_a_tracker_that_is_not_installed_is_one_sentence_and_no_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, title: str
) -> None:
    monkeypatch.setattr("engine.training.trackers.importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=rf"{title} is not installed: pip install 'revisit\[{field}\]'"):
        train_runs(asked(tmp_path, **{field: True}), ignore, CancelToken())
    assert not (tmp_path / "lab" / "runs").exists()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(BadInput, match=rf"{title} cannot be added to this bundle"):
        check_trackers(**{"tensorboard": False, "wandb": False, field: True})


class FakeTensorBoard:
    """Stands in for torch.utils.tensorboard.SummaryWriter."""

    def __init__(self, folder: str) -> None:
        self.folder, self.scalars, self.histograms, self.closed = folder, dict[str, float](), set[str](), False
        made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars[name] = value

    def add_histogram(self, name: str, values: Any, step: int) -> None:
        self.histograms.add(name)

    def close(self) -> None:
        self.closed = True


made: list[FakeTensorBoard] = []


def test_tensorboard_hears_of_scalars_and_histograms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.clear()
    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = FakeTensorBoard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    monkeypatch.setattr("engine.training.run.check_trackers", lambda *asked: None)
    train_runs(asked(tmp_path, tensorboard=True), ignore, CancelToken())
    (writer,) = made
    assert writer.closed and writer.scalars["feature layer/dead"] >= 0
    assert "output layer/mean firing_rate" in writer.scalars and "output layer/threshold" in writer.histograms
    assert Path(writer.folder).parent.parent == tmp_path / "lab" / "runs"


def test_wandb_stays_offline_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    seen: dict[str, Any] = {"logs": []}

    class Opened:
        def log(self, values: dict[str, Any]) -> None:
            seen["logs"].append(values)

        def finish(self) -> None:
            seen["finished"] = True

    def init(**options: Any) -> Opened:
        seen.update(options)
        return Opened()

    fake = types.ModuleType("wandb")
    fake.init, fake.Histogram = init, lambda values: ("histogram", len(values))  # type: ignore[attr-defined]
    fake.Settings = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setattr("engine.training.run.check_trackers", lambda *asked: None)
    told: list[JobEvent] = []
    train_runs(asked(tmp_path, wandb=True), told.append, CancelToken())
    assert any(isinstance(event, Notice) and "wandb sync" in event.text for event in told)
    assert seen["settings"] == {"console": "off", "silent": True}
    assert seen["mode"] == "offline" and seen["finished"] and seen["project"] == "revisit"
    assert any(log.get("feature layer/firing_rate") == ("histogram", 128) for log in seen["logs"])
    (run,) = list_runs(asked_workspace(tmp_path))[0]
    assert seen["config"]["seed"] == run.info.seed


def test_the_trackers_own_packages_take_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With TensorBoard and Weights & Biases themselves, offline; skipped where these extras are not installed."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    pytest.importorskip("wandb")
    train_runs(asked(tmp_path, tensorboard=True, wandb=True), ignore, CancelToken())
    (run,) = list_runs(asked_workspace(tmp_path))[0]
    events = reader.EventAccumulator(str(run.folder / "tensorboard"), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    assert {"feature layer/dead", "output layer/mean firing_rate"} <= set(events.Tags()["scalars"])
    assert "feature layer/threshold" in events.Tags()["histograms"]
    assert list(run.folder.glob("wandb/offline-run-*/*.wandb"))
    assert capfd.readouterr().out == ""


def asked_workspace(tmp_path: Path) -> Any:
    from engine.places.workspace import Workspace

    return Workspace.open(tmp_path / "lab")
