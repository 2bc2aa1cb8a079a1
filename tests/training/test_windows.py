"""LENS networks of several windows whose similarity columns are added up: trained one after another, each as if it were alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.chip.quantise import quantise
from engine.cli import main
from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, JobEvent, Metric, Notice, Progress, ignore
from engine.networks.ensemble import LensEnsemble, members_of, save_lens, together
from engine.networks.lens import LensNetwork
from engine.networks.open import open_network
from engine.networks.record import read_record
from engine.places.workspace import Workspace
from engine.recognition.encoding import SpikingParameters
from engine.recognition.run_network import NetworkRunner
from engine.training import lens as lens_training
from engine.training.control import TrainingControl
from engine.training.curves import read_curves
from engine.training.parameters import LensTrainingParameters
from engine.training.plan import plan_network
from engine.training.run import RunParameters, TrainRequest, resume_run, train_runs
from engine.training.validation import ValidationParameters
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, reference_of, small_workspace

WINDOWS = (1, 2, 4)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "lab")


@pytest.fixture
def every_step_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lens_training, "FIRST_CHUNK", 1)
    monkeypatch.setattr(lens_training, "CHUNK_SECONDS", 1e-9)
    monkeypatch.setattr("engine.jobs.Throttle.ready", lambda self: True)


def request(workspace: Workspace, windows: tuple[int, ...] = WINDOWS, **inputs: Any) -> TrainRequest:
    return TrainRequest(
        reference_of(workspace),
        inputs=InputParameters(dims=(8, 8), windows=windows, **inputs),
        training=LensTrainingParameters(epoch_feat=3, epoch_out=6, join_windows="columns"),
        validation=ValidationParameters(validation_query=QUERY, validate_every=2),
        run=RunParameters(plots_share=1.0),
    )


def train(asked: TrainRequest, emit: Any = ignore, cancel: CancelToken | None = None, control: Any = None) -> Any:
    return train_runs(asked, emit, cancel or CancelToken(), control)[0]


def bits(network: Any) -> bytes:
    names = ("feature_weights", "feature_thresholds", "output_weights", "output_thresholds")
    return b"".join(getattr(member, name).tobytes() for member in members_of(network) for name in names)


def frames_of(workspace: Workspace, name: str) -> Any:
    return workspace.traverse(DATASET, CAMERA, name).frames(None, 1)


class Stop:
    """Acts once a network has come to a step of its layer."""

    def __init__(self, network: int, stage: str, act: Any) -> None:
        self.network, self.stage, self.act, self.done = network, stage, act, False

    def __call__(self, event: JobEvent) -> None:
        if self.done or not isinstance(event, Metric) or event.name != self.stage or event.values["network"] != self.network:
            return
        self.done = True
        self.act()


@pytest.mark.parametrize("normalise", ["none", "causal", "reference"])
def test_the_columns_are_the_sum_of_what_each_window_s_network_says_alone(workspace: Workspace, normalise: str) -> None:
    whole = train(request(workspace, normalise=normalise))
    assert isinstance(whole.network, LensEnsemble) and len(whole.network.members) == 3
    queries, spiking = frames_of(workspace, QUERY), SpikingParameters(timebin=40)
    heard: list[JobEvent] = []
    runner = NetworkRunner.open(whole.path, spiking=spiking)
    answer = runner.similarity(queries, heard.append)
    alone = [train(request(workspace, (window,), normalise=normalise)) for window in WINDOWS]
    assert [bits(one.network) for one in alone] == [bits(member) for member in whole.network.members]
    columns = [NetworkRunner.open(one.path, spiking=spiking).similarity(queries) for one in alone]
    np.testing.assert_array_equal(answer.similarity, sum(one.similarity for one in columns))
    assert answer.synops_per_query == pytest.approx(sum(one.synops_per_query for one in columns))
    assert answer.spikes_per_query["output"] == pytest.approx(sum(one.spikes_per_query["output"] for one in columns))
    live = np.stack([runner.step(frame) for frame in queries], axis=1)
    np.testing.assert_array_equal(live, answer.similarity)
    told = [event.done / event.total for event in heard if isinstance(event, Progress)]
    assert told == sorted(told) and told[-1] == 1.0


def test_the_shared_field_of_lens_shows_each_member_its_own_pixels(workspace: Workspace) -> None:
    spiking = SpikingParameters(timebin=40, field="lens")
    queries = frames_of(workspace, QUERY)
    whole = train(request(workspace, (1, 2), cell="centre"))
    alone = [train(request(workspace, (window,), cell="centre")) for window in (1, 2)]
    answer = NetworkRunner.open(whole.path, spiking=spiking).similarity(queries).similarity
    np.testing.assert_array_equal(
        answer, sum(NetworkRunner.open(one.path, spiking=spiking).similarity(queries).similarity for one in alone)
    )


def test_side_by_side_is_one_network_and_the_default(workspace: Workspace) -> None:
    asked = replace(request(workspace), training=LensTrainingParameters(epoch_feat=1, epoch_out=1))
    network = train(asked).network
    assert isinstance(network, LensNetwork) and network.inputs == 3 * 64


def test_what_is_told_goes_on_from_network_to_network(workspace: Workspace) -> None:
    told: list[JobEvent] = []
    done = train(request(workspace), told.append)
    layers = [event for event in told if isinstance(event, Metric) and event.name == "feature layer"]
    assert {event.values["network"] for event in layers} == {1, 2, 3} and layers[-1].step == 3 * 3 * 30
    assert layers[-1].values["networks"] == 3
    curves = read_curves(done.run.folder / "curves.npz")
    output = curves.series["output layer"]["step"]
    assert (np.diff(output) > 0).all() and output[-1] == 3 * 6 * 30
    judged = curves.series["validation"]
    assert judged["epoch"].tolist() == [2, 4, 6, 8, 10, 12, 14, 16, 18]  # of several networks, those so far
    assert curves.last["feature layer"]["network"] == 3
    assert done.run.info.network.startswith(f"{REFERENCE}_LENS_IN192_FN384_DB30")
    assert done.run.info.scores["recall_at_1"] == judged["recall_at_1"][-1] > 0.5


@pytest.mark.parametrize("at", [(1, "output layer"), (2, "feature layer"), (2, "output layer"), (3, "feature layer")])
@pytest.mark.usefixtures("every_step_told")
def test_a_cancelled_run_goes_on_to_the_same_bits(workspace: Workspace, at: tuple[int, str]) -> None:
    asked = replace(request(workspace), training=LensTrainingParameters(epoch_feat=2, epoch_out=2, join_windows="columns"))
    whole, cancel = train(asked), CancelToken()
    with pytest.raises(JobCancelled):
        train(asked, Stop(*at, cancel.cancel), cancel)
    (left,) = [folder for folder in (workspace.root / "runs").iterdir() if folder != whole.run.folder]
    told: list[JobEvent] = []
    resumed = resume_run(workspace, left, told.append, CancelToken(), run_parameters=asked.run)
    assert bits(resumed.network) == bits(whole.network)
    assert any(isinstance(event, Notice) and f"{at[1]} of network {at[0]} of 3" in event.text for event in told)
    once, again = (read_curves(one.run.folder / "curves.npz").series for one in (whole, resumed))
    for name in ("feature layer", "output layer", "validation"):
        assert again[name]["step"].tolist() == once[name]["step"].tolist()


@pytest.mark.usefixtures("every_step_told")
def test_stopped_early_it_keeps_the_windows_that_have_learned(workspace: Workspace) -> None:
    whole = train(request(workspace, normalise="causal"))
    control = TrainingControl()
    kept = train(request(workspace, normalise="causal"), Stop(3, "feature layer", control.stop), None, control)
    assert kept.run.info.status == "stopped" and isinstance(kept.network, LensEnsemble)
    assert bits(kept.network) == bits(together(whole.network.members[:2]))
    record = read_record(kept.path)
    assert record is not None and record.inputs["windows"] == [1, 2] and len(record.statistics["mean"]) == 128
    NetworkRunner.open(kept.path).similarity(frames_of(workspace, QUERY)[:2])
    control = TrainingControl()
    single = train(request(workspace), Stop(2, "feature layer", control.stop), None, control)
    assert isinstance(single.network, LensNetwork)  # the first window's alone, as LENS reads it
    assert NetworkRunner.open(single.path).inputs.windows == (1,)
    resumed = resume_run(workspace, single.run.folder, ignore, CancelToken())
    assert bits(resumed.network) == bits(train(request(workspace)).network)
    assert read_record(resumed.path).inputs["windows"] == [1, 2, 4]


def test_it_is_planned_as_it_will_be(workspace: Workspace) -> None:
    asked = request(workspace)
    plan = plan_network("lens", (16, 16), 30, asked.inputs, asked.training)
    network = train(asked).network
    assert plan.networks == 3 and plan.parameters == network.parameter_count and plan.kilobytes == network.memory_kb
    assert [layer.neurons for layer in plan.layers] == [network.inputs, network.features, network.neurons]
    assert not plan.chip.fits and "one window at a time" in plan.chip.sentence


def test_files_that_hold_no_ensemble_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    whole = train(request(workspace, (1, 2)))
    path = tmp_path / "copy.pth"
    save_lens(path, whole.network, whole.record)
    assert bits(open_network(path)) == bits(whole.network)
    with pytest.raises(BadInput, match="one window at a time"):
        quantise(whole.network, whole.record and InputParameters.read(whole.record.inputs, "record"))
    save_lens(path, whole.network, whole.record.model_copy(update={"inputs": {**whole.record.inputs, "windows": [1, 2, 4]}}))
    with pytest.raises(BadInput, match="dims and windows"):
        NetworkRunner.open(path)
    single = {**whole.record.inputs, "dims": [16, 8], "windows": [1]}
    save_lens(path, whole.network, whole.record.model_copy(update={"inputs": single}))
    with pytest.raises(BadInput, match="networks of 2 windows"):
        NetworkRunner.open(path)
    state = torch.load(whole.path, weights_only=True)
    torch.save({key.replace("window_1", "window_3"): value for key, value in state.items()}, path)
    with pytest.raises(BadInput, match="numbered from 0"):
        open_network(path)
    del state["window_1.output_layer.thr"]
    torch.save(state, path)
    with pytest.raises(BadInput, match="not a LENS network"):
        open_network(path)
    with pytest.raises(ValueError, match="two members"):
        LensEnsemble(whole.network.members[:1])


def test_from_the_command_line(workspace: Workspace, tmp_path: Path) -> None:
    names = ["--data_dir", str(workspace.data_dir), "--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE]
    out = tmp_path / "train.json"
    options = ["--dims", "8", "--windows", "1", "2", "--join_windows", "columns", "--epoch_feat", "2", "--epoch_out", "8"]
    assert main(["train", *names, *options, "--json", str(out)]) == 0
    model = json.loads(out.read_text())["model"]
    scores = tmp_path / "evaluate.json"
    assert main(["evaluate", *names, "--query", QUERY, "--model", model, "--json", str(scores)]) == 0
    assert "recall_at" in scores.read_text()


def test_an_evaluation_finds_networks_a_window_by_their_name(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data_dir", str(workspace.root), "--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE]
    size = ["--dims", "4", "8", "--windows", "1", "2", "--feature_multiplier", "1.3"]  # 2 x 41 features and not 83
    assert main(["train", *where, *size, "--join_windows", "columns", "--epoch_feat", "2", "--epoch_out", "2"]) == 0
    capsys.readouterr()
    assert main(["evaluate", *where, *size, "--query", QUERY, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["model"].endswith("monday_LENS_IN64_FN82_DB30.pth")
