"""Training runs: folders that hold everything, seeds, pausing, stopping, cancelling, killing, going on, comparing, trash."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import main
from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters
from engine.frames.png import write_png
from engine.jobs import CancelToken, JobEvent, Metric, Notice, Progress, ignore
from engine.networks.lens import load_network
from engine.networks.library import networks_of
from engine.networks.record import read_record
from engine.places.workspace import Workspace
from engine.training import lens as lens_training
from engine.training.control import TrainingControl
from engine.training.curves import CurveCollector, CurveRecorder, Curves, export_values, read_curves, write_curves
from engine.training.parameters import LensTrainingParameters
from engine.training.run import RunParameters, TrainRequest, resume_run, train_runs
from engine.training.runs import (
    CHECKPOINT,
    Run,
    differences,
    group_spread,
    group_spreads,
    list_runs,
    new_run_folder,
    read_run,
    rename_run,
    restore_run,
    runs_folder,
    spread,
    star_run,
    trash_run,
)
from engine.training.validation import ValidationParameters, recall_area
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, reference_of, small_workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "lab")


def request(workspace: Workspace, run: dict[str, Any] | None = None, **training: Any) -> TrainRequest:
    return TrainRequest(
        reference_of(workspace),
        inputs=InputParameters(dims=(8, 8)),
        training=LensTrainingParameters(**({"epoch_feat": 6, "epoch_out": 12} | training)),
        run=RunParameters(**(run or {})),
    )


def judged(asked: TrainRequest, **values: Any) -> TrainRequest:
    return replace(asked, validation=ValidationParameters(validation_query=QUERY, **values))


def bits(path: Path) -> bytes:
    network = load_network(path)
    arrays = (network.feature_weights, network.feature_thresholds, network.output_weights, network.output_thresholds)
    return b"".join(array.tobytes() for array in arrays)


def train(asked: TrainRequest, **rest: Any) -> Any:
    return train_runs(asked, rest.pop("emit", ignore), rest.pop("cancel", CancelToken()), **rest)


class At:
    """Does something once a run has come to a step of a stage."""

    def __init__(self, stage: str, step: int, act: Any) -> None:
        self.stage, self.step, self.act, self.done = stage, step, act, False

    def __call__(self, event: JobEvent) -> None:
        if not self.done and isinstance(event, Progress) and event.stage == self.stage and event.done >= self.step:
            self.done = True
            self.act()


@pytest.fixture
def every_step_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a step, each told of: a run can be cut anywhere."""
    monkeypatch.setattr(lens_training, "FIRST_CHUNK", 1)
    monkeypatch.setattr(lens_training, "CHUNK_SECONDS", 1e-9)
    monkeypatch.setattr("engine.jobs.Throttle.ready", lambda self: True)


# -- what a run is


def test_a_run_is_a_folder_that_holds_everything(workspace: Workspace) -> None:
    (done,) = train(judged(request(workspace, {"name": "first try"}, seed=3)))
    runs, problems = list_runs(workspace)
    assert problems == [] and [run.folder for run in runs] == [done.run.folder]
    info = runs[0].info
    assert done.run.folder.name.endswith("_first-try") and done.run.folder.parent == workspace.root / "runs"
    assert (info.name, info.status, info.seed, info.kind, info.places) == ("first try", "finished", 3, "lens", 30)
    assert info.training["epoch_feat"] == 6 and info.inputs["dims"] == [8, 8] and len(info.data_hash) == 64
    assert len(info.code) == 12 and info.revisit and info.native and info.seconds > 0
    assert "data_dir" not in info.selection or info.selection["data_dir"] is None  # a run can move with its workspace
    assert info.scores["recall_at_1"] > 0.5 and info.scores["queries"] == 30
    assert {path.name for path in done.run.folder.iterdir()} == {
        "run.json", "curves.npz", "monday_LENS_IN64_FN128_DB30.pth", "monday_LENS_IN64_FN128_DB30.json",
    }  # fmt: skip
    record = read_record(done.path)
    assert record is not None and record.seed == 3 and record.data_hash == info.data_hash
    (entry,) = networks_of(workspace)
    assert entry.path == done.path and entry.run == done.run.folder


def test_trainings_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    root, moment, together, made = tmp_path / "runs", datetime(2026, 5, 4, 3, 2, 1), threading.Barrier(8), list[Path]()

    def begin() -> None:
        together.wait()
        made.append(new_run_folder(root, "monday", moment))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = "2026-05-04_03-02-01_monday"
    assert sorted(folder.name for folder in made) == sorted([first, *(f"{first}_{number}" for number in range(2, 9))])


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(workspace: Workspace) -> None:
    first, again, other = (train(request(workspace, seed=seed))[0] for seed in (4, 4, 5))
    assert bits(first.path) == bits(again.path) != bits(other.path)
    assert len({first.run.folder, again.run.folder, other.run.folder}) == 3
    # Watching changes nothing: neither does a validation, nor how much plots may take.
    watched = train(judged(request(workspace, {"plots_share": 1.0}, seed=4), validate_every=1))[0]
    assert bits(watched.path) == bits(first.path)


def test_several_seeds_give_mean_and_spread(workspace: Workspace) -> None:
    told: list[JobEvent] = []
    done = train(judged(request(workspace, {"seeds": 3, "place": True, "name": "three"}, seed=7)), emit=told.append)
    runs, _ = list_runs(workspace)
    assert sorted(run.info.seed for run in runs) == [7, 8, 9] and len({run.info.group for run in runs}) == 1
    values = [one.run.info.scores["recall_at_1"] for one in done]
    found = group_spread(runs[0], runs, "recall_at_1")
    assert found is not None and found.count == 3
    alone = train(judged(request(workspace, seed=1)))[0].run
    each = group_spreads([runs[0], alone, *runs[1:]], "recall_at_1")
    assert [each[0], *each[2:]] == [found] * 3
    assert each[1] is not None and (each[1].mean, each[1].count) == (alone.info.scores["recall_at_1"], 1)
    assert found.mean == pytest.approx(np.mean(values)) and found.deviation == pytest.approx(np.std(values, ddof=1))
    assert found.text == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} (3)".replace("0.", ".")
    (placed,) = workspace.models.glob("*.pth")
    assert bits(placed) == bits(done[0].run.folder / placed.name) != bits(done[1].path)
    assert any(isinstance(event, Notice) and "seed 7" in event.text for event in told)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_network_that_came_meanwhile_is_replaced_only_where_asked_for(workspace: Workspace, overwrite: bool) -> None:
    target, told = workspace.models / "mine.pth", list[JobEvent]()

    def another_comes(event: JobEvent) -> None:
        told.append(event)
        if not target.exists() and any(runs_folder(workspace).glob("*/run.json")):  # this one has begun
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(b"another's")

    (done,) = train(replace(request(workspace, {"overwrite": overwrite}, seed=1), model=target), emit=another_comes)
    warned = [event.text for event in told if isinstance(event, Notice) and "is not replaced" in event.text]
    if overwrite:
        assert not warned and done.path == target and bits(target)
    else:
        assert warned and target.read_bytes() == b"another's"
        assert done.path.parent == done.run.folder and bits(done.path)


def test_spread() -> None:
    assert spread([]) is None
    one = spread([0.62])
    assert one is not None and one.text == ".620 (1 seed)" and np.isnan(one.deviation)
    two = spread([0.5, 1.0])
    assert two is not None and two.text == ".750 ± .354 (2)"


def test_recall_area_is_lens_trapezoid_over_its_width() -> None:
    recall = {1: 0.6, 5: 0.8, 10: 0.9, 15: 1.0, 20: 1.0, 25: 1.0}
    by_hand = (4 * 0.7 + 5 * 0.85 + 5 * 0.95 + 5 * 1.0 + 5 * 1.0) / 24
    assert recall_area(recall) == pytest.approx(by_hand)
    assert recall_area(dict.fromkeys(recall, 1.0)) == 1


def test_a_run_is_judged_every_n_epochs_and_at_the_end(workspace: Workspace) -> None:
    done = train(judged(request(workspace, {"plots_share": 1.0}), validate_every=5))
    curves = read_curves(done[0].run.folder / "curves.npz")
    assert curves.series["validation"]["epoch"].tolist() == [5, 10, 12]
    assert curves.series["validation"]["recall_at_1"][-1] == done[0].run.info.scores["recall_at_1"]
    assert curves.series["feature layer"]["step"][-1] == 6 * 30


def test_no_ground_truth_is_said_and_nothing_is_judged(workspace: Workspace) -> None:
    next(workspace.data_dir.rglob("*_GT.npy")).unlink()
    told: list[JobEvent] = []
    done = train(judged(request(workspace)), emit=told.append)
    assert done[0].run.info.scores == {}
    assert any(isinstance(event, Notice) and "no ground truth" in event.text for event in told)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"validation_query": "never"}, "never is not a folder"),
        ({"validation_query": QUERY, "validation_places": 31}, "fewer than the 31"),
        ({"validation_query": QUERY, "validation_gt": Path("none.npy")}, "none.npy does not exist"),
    ],
)
def test_a_wrong_validation_is_one_sentence_and_no_run_begins(workspace: Workspace, changed: Any, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        train(replace(request(workspace), validation=ValidationParameters(**changed)))
    assert not (workspace.root / "runs").exists()


def test_weights_that_overflow_leave_a_failed_run_that_says_why(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="stdp_rate_feat smaller"):
        train(request(workspace, stdp_rate_feat=1.0, epoch_feat=50))
    (run,) = list_runs(workspace)[0]
    assert run.info.status == "failed" and "stdp_rate_feat" in run.info.note and run.network is None


# -- pausing, stopping, cancelling


def test_a_paused_run_holds_with_its_state_on_disk_and_goes_on_to_the_same_bits(
    workspace: Workspace, every_step_told: None
) -> None:
    whole = train(request(workspace))[0]
    for stage, step in (("feature layer", 20), ("output layer", 77)):
        control = TrainingControl()
        result: list[Any] = []
        thread = threading.Thread(
            target=lambda: result.extend(  # noqa: B023
                train(request(workspace, {"name": "paused"}), emit=At(stage, step, control.pause), control=control)  # noqa: B023
            )
        )
        thread.start()
        end = time.monotonic() + 60
        while not list(workspace.root.glob(f"runs/*paused*/{CHECKPOINT}")) and time.monotonic() < end:
            time.sleep(0.01)
        (folder,) = (path.parent for path in workspace.root.glob(f"runs/*paused*/{CHECKPOINT}"))
        assert read_run(folder).info.status == "training" and control.paused and thread.is_alive()
        with pytest.raises(BadInput, match="is training"):
            trash_run(read_run(folder), workspace)
        with pytest.raises(BadInput, match="is training"):
            rename_run(read_run(folder), "other")
        control.go_on()
        thread.join(60)
        assert bits(result[0].path) == bits(whole.path)
        trash_run(result[0].run, workspace)


@pytest.mark.parametrize(("stage", "step"), [("feature layer", 20), ("output layer", 100)])
def test_a_run_stopped_early_keeps_its_network_and_can_still_go_on(
    workspace: Workspace, every_step_told: None, stage: str, step: int
) -> None:
    whole = train(judged(request(workspace)))[0]
    control = TrainingControl()
    (done,) = train(judged(request(workspace)), emit=At(stage, step, control.stop), control=control)
    assert done.run.info.status == "stopped" and done.run.network is not None and done.run.resumable
    assert bits(done.path) != bits(whole.path)
    assert bool(done.run.info.scores) == (stage == "output layer")
    resumed = resume_run(workspace, done.run.folder, ignore, CancelToken())
    assert bits(resumed.path) == bits(whole.path)
    assert resumed.run.info.status == "finished" and not resumed.run.resumable
    assert resumed.run.info.scores == whole.run.info.scores


def test_stopping_ends_the_seeds_that_have_not_begun(workspace: Workspace, every_step_told: None) -> None:
    control = TrainingControl()
    done = train(request(workspace, {"seeds": 3}), emit=At("output layer", 30, control.stop), control=control)
    assert len(done) == 1


def test_cancel_keeps_nothing_where_that_is_asked_and_the_checkpoint_else(workspace: Workspace, every_step_told: None) -> None:
    for discard in (True, False):
        cancel, control = CancelToken(), TrainingControl()
        control.discard = discard
        with pytest.raises(JobCancelled):
            train(request(workspace), emit=At("output layer", 40, cancel.cancel), cancel=cancel, control=control)
        runs, _ = list_runs(workspace)
        assert [run.info.status for run in runs] == ([] if discard else ["interrupted"])
    control, cancel = TrainingControl(), CancelToken()
    control.discard = True
    with pytest.raises(JobCancelled):
        resume_run(workspace, runs[0].folder, At("output layer", 80, cancel.cancel), cancel, control)
    assert read_run(runs[0].folder).info.status == "interrupted"  # what was there before is never lost
    resumed = resume_run(workspace, runs[0].folder, ignore, CancelToken())
    assert bits(resumed.path) == bits(train(request(workspace))[0].path)


def test_a_killed_run_goes_on_to_the_same_bits(workspace: Workspace) -> None:
    """kill -9 in the middle: the next start finds the run interrupted, and its end is that of an uninterrupted one."""
    script = f"""
from pathlib import Path
from engine.training import lens
from tests.training.test_runs import request, train
from engine.places.workspace import Workspace
lens.CHECKPOINT_SECONDS, lens.CHECKPOINT_SHARE = 0.02, 1.0
workspace = Workspace.open(Path({str(workspace.root)!r}))
train(request(workspace, {{"name": "killed", "threads": 1}}, epoch_feat=120_000, epoch_out=200))
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    end = time.monotonic() + 100
    while not list(workspace.root.glob(f"runs/*killed/{CHECKPOINT}")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    (folder,) = (path.parent for path in workspace.root.glob(f"runs/*killed/{CHECKPOINT}"))
    assert read_run(folder).info.status == "training"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    run = read_run(folder)
    assert run.info.status == "interrupted" and run.resumable and run.network is None
    told: list[JobEvent] = []
    # As if it had been killed late, with much told since its last checkpoint.
    late = Curves({"feature layer": {"step": np.arange(1.0, 9.0)}, "output layer": {"step": np.array([7.0])}})
    write_curves(folder / "curves.npz", late)
    resumed = resume_run(workspace, folder, told.append, CancelToken())
    begun = next(event for event in told if isinstance(event, Metric) and event.name == "begin")
    steps = read_curves(folder / "curves.npz").series["feature layer"]["step"]
    assert steps[:8].tolist() == late.series["feature layer"]["step"].tolist() and steps[8] > begun.step
    assert any(isinstance(event, Notice) and "goes on from step" in event.text for event in told)
    whole = train(request(workspace, epoch_feat=120_000, epoch_out=200))[0]
    assert bits(resumed.path) == bits(whole.path)


def test_a_run_whose_frames_have_changed_does_not_go_on(workspace: Workspace, every_step_told: None) -> None:
    cancel = CancelToken()
    with pytest.raises(JobCancelled):
        train(request(workspace), emit=At("output layer", 40, cancel.cancel), cancel=cancel)
    write_png(next(workspace.data_dir.rglob("monday/image_0003.png")), np.full((16, 16), 9, np.uint8))
    (run,) = list_runs(workspace)[0]
    with pytest.raises(BadInput, match="have changed since"):
        resume_run(workspace, run.folder, ignore, CancelToken())
    finished = train(request(workspace))[0]
    with pytest.raises(BadInput, match="no checkpoint"):
        resume_run(workspace, finished.run.folder, ignore, CancelToken())


# -- looking after runs


def test_renaming_starring_trash_and_back(workspace: Workspace) -> None:
    run = train(request(workspace))[0].run
    run = star_run(run, True)
    renamed = rename_run(run, "Wide: f=4, night")
    assert renamed.info.star and renamed.info.name == "Wide: f=4, night"
    assert renamed.folder.name == f"{run.folder.name[:19]}_Wide-f-4-night" and not run.folder.exists()
    assert read_run(renamed.folder) == renamed
    trashed = trash_run(renamed, workspace)
    assert list_runs(workspace) == ([], []) and (trashed / "run.json").is_file() and ".trash" in trashed.parts
    assert restore_run(trashed, workspace) == renamed.folder
    assert [run.info.name for run in list_runs(workspace)[0]] == ["Wide: f=4, night"]
    for name in ("", " ", "a\nb", "x" * 201):
        with pytest.raises(BadInput, match="one to 200 characters"):
            rename_run(renamed, name)


def test_runs_differ_in_what_was_changed(workspace: Workspace) -> None:
    a = train(request(workspace, seed=1))[0].run
    b = train(request(workspace, seed=2, fire_h_feat=0.7))[0].run
    assert differences([a, b]) == {"training.fire_h_feat": [0.6, 0.7], "training.seed": [1, 2]}
    assert differences([a]) == differences([a, a]) == {}


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"name": "x", "seed": 1, "selection": {}, "inputs": {},
    "training": {}, "network": "../../other.pth"})])  # fmt: skip
def test_a_broken_run_is_a_sentence_and_hides_no_other(workspace: Workspace, content: str) -> None:
    good = train(request(workspace))[0].run
    broken = workspace.root / "runs" / "2020-01-01_00-00-00_broken"
    broken.mkdir()
    (broken / "run.json").write_text(content)
    runs, problems = list_runs(workspace)
    assert [run.folder for run in runs] == [good.folder] and len(problems) == 1 and "broken" in problems[0]


def test_a_run_whose_process_is_gone_is_interrupted(workspace: Workspace) -> None:
    run = train(request(workspace))[0].run
    (run.folder / "run.json").write_text(json.dumps({**run.info.model_dump(mode="json"), "status": "training"}))
    assert read_run(run.folder).info.status == "interrupted"
    assert not Run(run.folder, read_run(run.folder).info).resumable  # it has no checkpoint


def test_metrics_are_recorded_as_they_are_told(workspace: Workspace) -> None:
    told: list[JobEvent] = []
    done = train(judged(request(workspace)), emit=told.append)
    last = {event.name: event for event in told if isinstance(event, Metric) and event.name != "begin"}
    kept = read_curves(done[0].run.folder / "curves.npz").last
    assert set(kept) == set(last) == {
        "feature layer", "output layer", "feature weights", "output weights", "spikes", "validation",
    }  # fmt: skip
    np.testing.assert_array_equal(kept["output layer"]["firing_rate"], last["output layer"].values["firing_rate"])
    np.testing.assert_array_equal(kept["feature weights"]["image"], last["feature weights"].values["image"])
    assert kept["validation"]["recall_at_1"] == last["validation"].values["recall_at_1"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", "no header", "pickle", "uneven"])
def test_broken_curves_are_one_sentence(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "curves.npz"
    if content == "no header":
        np.savez(path, a=np.zeros(3))
    elif content == "pickle":
        np.savez(path, header=np.array({"a": 1}, dtype=object))
    elif content == "uneven":
        header = np.array(json.dumps({"schema": 1, "last": {}}))
        np.savez(path, header=header, **{"series/a/step": np.zeros(3), "series/a/x": np.zeros(2)})
    else:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=r"curves\.npz"):
        read_curves(path)


def test_curves_are_thinned_cut_back_and_begun_anew() -> None:
    kept = CurveCollector()
    for step in range(1, 9001):
        kept.take(Metric("feature layer", step, {"dead": step}))
    steps = kept.steps("feature layer")
    assert 2000 <= len(steps) <= 4000 and steps[-1] == 9000 and steps == kept.column("feature layer", "dead").tolist()
    kept.take(Metric("feature layer", 100, {"dead": 1, "new": 2}))  # a killed run goes on from its checkpoint
    assert kept.steps("feature layer")[-1] == 100 and max(kept.steps("feature layer")) == 100
    assert np.isnan(kept.column("feature layer", "new")[0]) and kept.column("feature layer", "new")[-1] == 2
    kept.take(Metric("output layer", 5, {}))
    kept.take(Metric("validation", 5, {"recall_at_1": 0.5}))
    kept.take(Metric("begin", 50, {"layer": "feature layer", "output_step": 0}))  # killed late, gone on from an early checkpoint
    assert set(kept.curves().series) == {"feature layer"} and "validation" not in kept.last
    assert kept.steps("feature layer")[0] == 1 and 40 < max(kept.steps("feature layer")) <= 50
    kept.take(Metric("begin", 0, {"layer": "output layer", "output_step": 0}))
    for step in (10, 20, 30):
        kept.take(Metric("output layer", step, {}))
        kept.take(Metric("validation", step, {"recall_at_1": 0.5}))
    kept.take(Metric("begin", 20, {"layer": "output layer", "output_step": 0}))
    assert kept.steps("output layer") == kept.steps("validation") == [10, 20] and len(kept.steps("feature layer")) > 5
    kept.take(Metric("begin", 0, {"layer": "feature layer", "output_step": 0}))  # the next seed
    assert not any(kept.steps(name) for name in ("feature layer", "output layer", "validation")) and not kept.last


def test_curves_are_written_again_only_where_something_was_told(tmp_path: Path) -> None:
    path, heard = tmp_path / "curves.npz", []
    recorder = CurveRecorder(heard.append, path)
    recorder.save()  # a run that has told nothing has a file, too
    for step in (1, 2):
        told = Metric("validation", step, {"recall_at_1": 0.5})
        recorder(told)
        recorder.save()
        assert heard[-1] is told and read_curves(path).series["validation"]["step"].tolist() == list(range(1, step + 1))
        path.write_bytes(b"")
        recorder.save()
        assert path.read_bytes() == b""


def test_values_are_exported_as_tables(workspace: Workspace, tmp_path: Path) -> None:
    done = train(judged(request(workspace)))
    folder = tmp_path / "out"
    written = export_values(read_curves(done[0].run.folder / "curves.npz"), folder)
    assert {path.name for path in written} == {
        "feature_layer.csv", "output_layer.csv", "validation.csv", "feature_layer_neurons.csv", "output_layer_neurons.csv",
        "feature_weights_histogram.csv", "output_weights_histogram.csv",
    }  # fmt: skip
    header, *rows = (folder / "output_layer_neurons.csv").read_text().splitlines()
    assert header == "firing_rate,threshold" and len(rows) == 30
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot take the values"):
        export_values(read_curves(done[0].run.folder / "curves.npz"), tmp_path / "file")


# -- command line


def test_seeds_from_the_shell_say_mean_and_spread(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data_dir", str(workspace.root), "--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE, "--dims", "8"]
    quick = ["--epoch_feat", "2", "--epoch_out", "8", "--validation_query", QUERY, "--json", "-"]
    assert main(["train", *where, *quick, "--seeds", "2", "--seed", "5", "--no-place", "--name", "pair"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["seed"] for run in told["runs"]] == [5, 6]
    values = [run["scores"]["recall_at_1"] for run in told["runs"]]
    assert told["spread"]["recall_at_1"] == {
        "mean": pytest.approx(np.mean(values)), "deviation": pytest.approx(np.std(values, ddof=1)), "count": 2,
    }  # fmt: skip
    assert not list(workspace.models.glob("*.pth")) and len(networks_of(workspace)) == 2
    prototype = ["--network", "prototype", "--validation_query", QUERY, "--epoch_feat", "3", "--json", "-"]
    assert main(["train", *where, *prototype]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["record"]["kind"] == "prototype" and told["spread"]["recall_at_1"]["count"] == 1
    assert any("--epoch_feat" in text and "no use" in text for text in told["notices"])
    assert main(["train", *where, "--network", "prototype", "--preset", "Brisbane"]) == 2
    assert "another kind" in capsys.readouterr().err
    assert main(["train", *where, "--model", str(workspace.root / "none.pth"), "--resume"]) == 2
    assert "no unfinished run" in capsys.readouterr().err
