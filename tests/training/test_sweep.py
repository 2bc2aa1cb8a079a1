"""Sweeps: studies that are whole whatever happens, joined from elsewhere, one thread a process, and honest about their data."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import main
from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters
from engine.frames.png import write_png
from engine.jobs import CancelToken, JobEvent, Metric, Notice, Progress, ignore
from engine.networks.record import read_record
from engine.places.workspace import Workspace
from engine.training.kinds import KINDS, SweepRange
from engine.training.parameters import LensTrainingParameters
from engine.training.run import TrainRequest, train_runs
from engine.training.sweep import SweepParameters, request_for, run_sweep, spec_of
from engine.training.sweep_pool import cores
from engine.training.sweep_space import check_varied
from engine.training.sweep_study import SweepSpec, list_sweeps, make_sweep, read_sweep, shown_url, storage_url, sweep_spec
from engine.training.validation import ValidationParameters
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, reference_of, small_workspace

ROOT = Path(__file__).resolve().parents[2]
RANGES = {"fire_l_feat": SweepRange(0.1, 0.49), "fire_h_feat": SweepRange(0.5, 1.0), "thr_h_feat": SweepRange(0.1, 0.5)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "lab", places=12)


def new_spec(workspace: Workspace, training: dict[str, Any] | None = None, **sweep: Any) -> SweepSpec:
    request = TrainRequest(
        reference_of(workspace),
        inputs=InputParameters(dims=(8, 8)),
        training=LensTrainingParameters(**({"epoch_feat": 2, "epoch_out": 8} | (training or {}))),
        validation=ValidationParameters(validation_query=QUERY),
    )
    return spec_of(request, SweepParameters(**sweep), RANGES)


def swept(workspace: Workspace, trials: int, emit: Any = ignore, cancel: CancelToken | None = None, **sweep: Any) -> Any:
    url = storage_url(sweep.get("storage", ""), workspace)
    parameters = SweepParameters(trials=trials, processes=sweep.pop("processes", 1), **sweep)
    make_sweep(url, parameters.study, new_spec(workspace, **{k: v for k, v in sweep.items() if k not in ("study", "storage")}))
    return run_sweep(url, parameters, workspace, emit, cancel or CancelToken())


def test_a_sweep_finds_a_best_trial_and_a_click_makes_a_run_of_it(workspace: Workspace) -> None:
    told: list[JobEvent] = []
    state = swept(workspace, 10, told.append, pruning=False)
    assert [trial.number for trial in state.trials] == list(range(10)) and {trial.state for trial in state.trials} == {"done"}
    for trial in state.trials:
        assert set(trial.chosen) == set(RANGES)
        assert all(RANGES[name].low <= value <= RANGES[name].high for name, value in trial.chosen.items())
        assert trial.value == trial.figures["recall_area"] == trial.values[0] and trial.seconds > 0
    assert state.best is not None and state.best.value == max(trial.value for trial in state.trials)
    assert set(state.importance) in (set(), set(RANGES))  # equal values tell nothing
    assert [event.done for event in told if isinstance(event, Progress)] == list(range(11))
    assert sum(isinstance(event, Metric) and event.name == "trial" for event in told) == 10
    assert any(isinstance(event, Notice) and QUERY in event.text and "another query" in event.text for event in told)
    request = request_for(state, workspace)
    (done,) = train_runs(request, ignore, CancelToken())
    assert done.run.info.tuned_on == (QUERY,) and done.run.info.sweep["trial"] == state.best.number
    assert done.run.info.scores["recall_area"] == pytest.approx(state.best.value)  # the very same network
    record = read_record(done.path)
    assert record is not None and record.tuned_on == (QUERY,)
    with pytest.raises(BadInput, match="no such trial"):
        request_for(state, workspace, 99)


def test_the_same_seed_searches_the_same_and_a_joined_worker_something_else(workspace: Workspace) -> None:
    a, b = (swept(workspace, 3, study=name, pruning=False) for name in "ab")
    assert [trial.chosen for trial in a.trials] == [trial.chosen for trial in b.trials]
    assert [trial.value for trial in a.trials] == [trial.value for trial in b.trials]
    more = swept(workspace, 1, study="a")
    assert len(more.trials) == 4 and more.trials[3].chosen != a.trials[0].chosen
    at_once = swept(workspace, 4, study="c", pruning=False)
    assert at_once.trials[3].chosen == more.trials[3].chosen  # a trial's draws are its number's, whoever asks, and when
    random = swept(workspace, 2, study="other", sampler="random", sweep_seed=1, pruning=False)
    assert random.trials[0].chosen != a.trials[0].chosen
    assert list_sweeps(storage_url("", workspace)) == ["a", "b", "c", "other"]


def test_workers_that_begin_together_make_one_study_and_draw_other_numbers(workspace: Workspace) -> None:
    url, spec = storage_url("", workspace), new_spec(workspace, pruning=False)
    parameters = SweepParameters(trials=2, processes=1, sampler="random")
    together, problems = threading.Barrier(4), list[BaseException]()

    def work() -> None:
        try:
            together.wait()
            assert (sweep_spec(url, "sweep") or make_sweep(url, "sweep", spec)) is not None
            together.wait()
            run_sweep(url, parameters, workspace, ignore, CancelToken())
        except BaseException as error:
            problems.append(error)
            together.abort()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert problems == []
    trials = read_sweep(url, "sweep").trials
    assert [trial.state for trial in trials] == ["done"] * 8
    assert len({tuple(trial.chosen.values()) for trial in trials}) == 8


def test_a_study_that_another_worker_is_about_to_make_is_awaited(workspace: Workspace) -> None:
    import optuna

    url, spec = storage_url("", workspace), new_spec(workspace)
    made = optuna.create_study(study_name="sweep", storage=url, direction="maximize")
    later = threading.Timer(0.3, made.set_user_attr, ("revisit", spec.as_json()))
    later.start()
    found = sweep_spec(url, "sweep")
    later.join()
    assert found is not None and found.varied == spec.varied


def test_a_process_a_core_and_a_thread_a_process(workspace: Workspace) -> None:
    import optuna

    state = swept(workspace, 6, processes=3, study="threads")
    study = optuna.load_study(study_name="threads", storage=state.storage)
    outcomes = [trial.user_attrs["outcome"] for trial in study.trials]
    told = [outcome["threads"] for outcome in outcomes if "threads" in outcome]
    assert told and set(told) <= {0, 1}  # 0: a system that does not tell
    assert len(state.trials) == 6 and cores() >= 1


def test_trials_that_stand_badly_are_given_up(workspace: Workspace) -> None:
    state = swept(workspace, 14, study="prune", sampler="random")
    states = [trial.state for trial in state.trials]
    assert len(states) == 14 and set(states) == {"done", "pruned"} and states[:5] == ["done"] * 5
    pruned = [trial for trial in state.trials if trial.state == "pruned"]
    assert all(trial.value is not None for trial in pruned)  # what it stood at
    assert state.best is not None and state.best.state == "done"


def test_several_networks_a_trial_give_their_mean(workspace: Workspace) -> None:
    state = swept(workspace, 2, study="three", networks=3)
    for trial in state.trials:
        assert len(trial.values) == 3 and trial.value == pytest.approx(np.mean(trial.values))
    assert request_for(state, workspace).run.seeds == 3


def test_parameters_that_do_not_fit_together_fail_the_trial_and_say_why(workspace: Workspace) -> None:
    ranges = {"fire_l_feat": SweepRange(0.1, 0.9), "fire_h_feat": SweepRange(0.1, 0.9)}
    url = storage_url("", workspace)
    make_sweep(url, "crossing", replace(new_spec(workspace), varied=ranges))
    state = run_sweep(url, SweepParameters(study="crossing", trials=8, processes=1), workspace, ignore, CancelToken())
    failed = [trial for trial in state.trials if trial.state == "failed"]
    assert failed and all("must not be above" in trial.problem for trial in failed)
    assert all(trial.chosen["fire_l_feat"] > trial.chosen["fire_h_feat"] for trial in failed)
    assert len(state.trials) == 8


def test_whole_numbers_are_varied_as_such(workspace: Workspace) -> None:
    url = storage_url("", workspace)
    ranges = {"epoch_feat": SweepRange(1, 64, True), "stdp_rate_feat": SweepRange(1e-4, 1e-1, True)}
    make_sweep(url, "whole", replace(new_spec(workspace), varied=ranges))
    state = run_sweep(url, SweepParameters(study="whole", trials=3, processes=1), workspace, ignore, CancelToken())
    assert all(isinstance(trial.chosen["epoch_feat"], int) for trial in state.trials)
    assert {trial.state for trial in state.trials} == {"done"}


def test_cancelling_leaves_a_whole_study_that_can_go_on(workspace: Workspace) -> None:
    cancel, began = CancelToken(), threading.Event()
    result: list[BaseException] = []
    url = storage_url("", workspace)
    make_sweep(url, "long", new_spec(workspace, {"epoch_feat": 500_000}))

    def work() -> None:
        try:
            run_sweep(
                url,
                SweepParameters(study="long", trials=10, processes=2),
                workspace,
                lambda event: began.set() if isinstance(event, Progress) else None,
                cancel,
            )
        except JobCancelled as error:
            result.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(100)
    end = time.monotonic() + 60
    while len(read_sweep(url, "long").trials) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    cancel.cancel()
    thread.join(60)
    assert isinstance(result[0], JobCancelled)
    state = read_sweep(url, "long")
    assert [(trial.state, trial.problem) for trial in state.trials] == [("failed", "Cancelled.")] * 2
    assert state.best is None
    with pytest.raises(BadInput, match="No trial of long is done"):
        request_for(state, workspace)


def test_trials_of_a_killed_process_are_given_up_by_the_next(workspace: Workspace) -> None:
    import optuna

    swept(workspace, 1, study="killed")
    url = storage_url("", workspace)
    study = optuna.load_study(study_name="killed", storage=url)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for worker in (f"{socket.gethostname()}:{gone.pid}", f"{socket.gethostname()}:{os.getpid()}", f"elsewhere:{gone.pid}"):
        study.ask().set_user_attr("worker", worker)
    told: list[JobEvent] = []
    state = run_sweep(url, SweepParameters(study="killed", trials=1, processes=1), workspace, told.append, CancelToken())
    assert [trial.state for trial in state.trials] == ["done", "failed", "running", "running", "done"]
    assert any(isinstance(event, Notice) and "1 trial of a process that is gone" in event.text for event in told)


def test_a_child_that_dies_fails_its_trial_and_the_sweep_goes_on(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.training import sweep_pool

    killed: list[int] = []
    send = sweep_pool._Process.send

    def deadly(self: Any, message: Any) -> None:
        send(self, message)
        if "trial" in message and not killed:
            killed.append(self._process.pid)
            os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(sweep_pool._Process, "send", deadly)
    state = swept(workspace, 3, study="deadly")
    assert [trial.state for trial in state.trials] == ["failed", "done", "done"]
    assert "died" in state.trials[0].problem


def test_in_a_bundle_its_program_runs_the_trials(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.training import sweep_pool

    plain = swept(workspace, 3, study="plain", pruning=False)
    start = Path(__file__).resolve().parents[2] / "packaging/start_cli.py"
    monkeypatch.setattr(sweep_pool, "child_command", lambda module: [sys.executable, str(start), "--serve", module])
    bundled = swept(workspace, 3, study="bundled", pruning=False)
    assert [trial.value for trial in bundled.trials] == [trial.value for trial in plain.trials]


def test_other_frames_are_another_study(workspace: Workspace) -> None:
    swept(workspace, 1, study="data")
    write_png(next(workspace.data_dir.rglob("tuesday/image_0003.png")), np.full((16, 16), 9, np.uint8))
    with pytest.raises(BadInput, match="begun on other frames"):
        swept(workspace, 1, study="data")


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ({}, "at least one"),
        ({"seed": SweepRange(0, 5)}, "could be varied"),
        ({"threshold_rule": SweepRange(0, 1)}, "threshold_rule has no range: choose among published, corrected"),
        ({"none": SweepRange(0, 1)}, "none is no parameter"),
        ({"fire_l_feat": SweepRange(0.5, 0.1)}, "lower to a higher"),
        ({"fire_l_feat": SweepRange(0.0, 0.4, True)}, "begin above 0"),
        ({"fire_l_feat": SweepRange(-0.1, 0.4)}, "fire_l_feat"),
        ({"epoch_feat": SweepRange(1.5, 4)}, "whole numbers"),
        ({"f_exc": SweepRange(0.2, 3)}, "f_exc"),
    ],
)
def test_wrong_ranges_are_one_sentence(ranges: Any, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        check_varied("lens", ranges)


def test_lens_own_ranges_are_offered_first() -> None:
    check_varied("lens", KINDS["lens"].sweeps)
    assert dict(KINDS["lens"].sweeps) == RANGES


@pytest.mark.parametrize(
    ("storage", "sentence"),
    [
        ("sweeps.db", "should be an URL"),
        ("sqlite:////no/such/folder/x.db", "is not a folder"),
        ("nosuchdatabase://x", "cannot be used"),
        ("mysql+pymysql://lab:secret@127.0.0.1:1/x", "needs a database driver|cannot be used"),
    ],
)
def test_wrong_storages_are_one_sentence_without_the_password(workspace: Workspace, storage: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as told:
        swept(workspace, 1, storage=storage)
    assert "secret" not in str(told.value)


def test_a_storage_that_is_no_database(workspace: Workspace) -> None:
    (workspace.root / "sweeps.db").write_bytes(b"this is not a database, but long enough to be looked at" * 100)
    with pytest.raises(BadInput, match="cannot be used"):
        swept(workspace, 1)


def test_somebody_elses_study_is_refused(workspace: Workspace) -> None:
    import optuna

    url = storage_url("", workspace)
    optuna.create_study(study_name="theirs", storage=url)
    with pytest.raises(BadInput, match="is not a sweep of Revisit's"):
        sweep_spec(url, "theirs")
    assert list_sweeps(url) == [] and sweep_spec(url, "nobody's") is None
    with pytest.raises(BadInput, match="no study"):
        read_sweep(url, "nobody's")


def test_listing_makes_no_database(workspace: Workspace) -> None:
    assert list_sweeps(storage_url("", workspace)) == []
    assert not (workspace.root / "sweeps.db").exists()
    assert shown_url("mysql://lab:secret@server/x") == "mysql://lab:***@server/x"


# -- command line


def command(workspace: Workspace, *options: str) -> int:
    where = ["--data_dir", str(workspace.root), "--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE]
    return main(["sweep", *where, "--dims", "8", "--epoch_feat", "2", "--epoch_out", "4", "--processes", "1", *options])


def test_a_sweep_from_the_shell_is_joined_by_url_and_name(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    vary = ["--vary", "fire_h_feat=.5:1", "stdp_rate_feat=.001:.1:log"]
    url = f"sqlite:///{workspace.root / 'shared.db'}"
    assert command(workspace, "--validation_query", QUERY, "--storage", url, "--study", "s", "--trials", "2", *vary) == 0
    capsys.readouterr()
    join = ["sweep", "--storage", url, "--study", "s", "--trials", "2", "--processes", "1", "--data_dir", str(workspace.root)]
    assert main([*join, "--best_run", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["trials"]) == 4 and set(told["trials"][3]["chosen"]) == {"fire_h_feat", "stdp_rate_feat"}
    assert told["tuned_on"] == QUERY and told["best"]["value"] == max(t["value"] for t in told["trials"] if t["state"] == "done")
    (network,) = Path(told["run"]).glob("*.pth")
    pair = ["--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE, "--query", QUERY, "--model", str(network)]
    assert main(["evaluate", "--data_dir", str(workspace.root), *pair, "--json", "-"]) == 0
    assert any("sweep chose its parameters on tuesday" in text for text in json.loads(capsys.readouterr().out)["notices"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "needs a query"),
        (["--validation_query", "never"], "never is not a folder"),
        (["--validation_query", QUERY, "--vary", "fire_h_feat"], "NAME=LOW:HIGH"),
        (["--validation_query", QUERY, "--vary", "fire_h_feat=0:x"], "NAME=LOW:HIGH"),
        (["--validation_query", QUERY, "--vary", "fire_h_feat=.5:2"], "fire_h_feat"),
        (["--validation_query", QUERY, "--objective", "luck"], "objective"),
        (["--validation_query", QUERY, "--trials", "0"], "trials"),
        (["--validation_query", QUERY, "--dims", "7"], "does not divide"),
        (["--validation_query", QUERY, "--validation_gt", "none.npy"], "none.npy does not exist"),
    ],
)
def test_bad_input_to_a_sweep_is_one_sentence(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    assert command(workspace, *options) == 2
    assert sentence in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_study_that_cannot_begin_leaves_its_name_free(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = (("--dims", "7", "--validation_query", QUERY), ("--validation_query", "nowhere"))
    for options, sentence in zip(wrong, ("does not divide", "is not a folder"), strict=True):
        assert command(workspace, *options) == 2
        assert sentence in capsys.readouterr().err.strip().splitlines()[-1]
        assert list_sweeps(storage_url("", workspace)) == []
    assert command(workspace, "--validation_query", QUERY, "--trials", "1") == 0
    capsys.readouterr()
    assert command(workspace, "--validation_query", "nowhere", "--trials", "1") == 0  # joined: its own query counts
    assert len(read_sweep(storage_url("", workspace), "sweep").trials) == 2


def test_a_query_without_ground_truth_cannot_be_swept(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    next(workspace.data_dir.rglob("*_GT.npy")).unlink()
    assert command(workspace, "--validation_query", QUERY, "--trials", "1") == 2
    assert "ground truth" in capsys.readouterr().err.strip().splitlines()[-1]
