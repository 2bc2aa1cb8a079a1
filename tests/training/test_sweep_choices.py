"""Sweeps over choices and inputs: read off the models, kept in the study, chosen from the shell, made anew in each trial."""

import json
from dataclasses import replace
from typing import Any, Literal

import pytest

from engine.cli import main
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, ignore
from engine.networks.record import read_record
from engine.parameters import Parameters, parameter
from engine.places.workspace import Workspace
from engine.training import sweep_space, sweep_worker
from engine.training.job import read_places
from engine.training.kinds import KINDS, SweepRange
from engine.training.parameters import LensTrainingParameters
from engine.training.prototype import PrototypeParameters
from engine.training.run import TrainRequest, train_runs
from engine.training.sweep import SweepParameters, request_for, run_sweep, spec_of
from engine.training.sweep_space import SweepChoice, Varied, check_varied, read_varied, shown, split_chosen, variables
from engine.training.sweep_study import SweepSpec, make_sweep, read_sweep, storage_url, sweep_spec
from engine.training.sweep_worker import TrialRunner
from engine.training.validation import ValidationParameters
from tests.training.helpers import QUERY, reference_of, small_workspace
from tests.training.test_sweep import command

INPUTS: dict[str, Varied] = {
    "encoding": SweepChoice(("raw", "sqrt", "log")),
    "windows": SweepChoice(("1", "1 2", "1 2 4")),
    "normalise": SweepChoice(("none", "causal", "two-pass")),
    "readout": SweepChoice(("spikes", "membrane")),
}


@pytest.fixture
def workspace(tmp_path: Any) -> Workspace:
    return small_workspace(tmp_path / "lab", places=12)


def request_of(workspace: Workspace, kind: Any = "prototype", training: Parameters | None = None) -> TrainRequest:
    return TrainRequest(
        reference_of(workspace),
        kind=kind,
        inputs=InputParameters(dims=(8, 8)),
        training=training or PrototypeParameters(timebin=8),
        validation=ValidationParameters(validation_query=QUERY),
    )


def swept(workspace: Workspace, varied: dict[str, Varied], trials: int, request: TrainRequest | None = None, **sweep: Any) -> Any:
    url = storage_url("", workspace)
    settings = SweepParameters(trials=trials, processes=1, **sweep)
    make_sweep(url, settings.study, spec_of(request or request_of(workspace), settings, varied))
    return run_sweep(url, settings, workspace, ignore, CancelToken())


# -- what can be varied


def test_choices_are_read_off_the_models() -> None:
    found = {name: v.usual.values for name, v in variables("prototype").items() if isinstance(v.usual, SweepChoice)}
    assert found == {
        "dims": ("5 5", "7 7", "10 10", "14 14", "20 20"),
        "cell": ("centre", "before_centre", "mean"),
        "encoding": ("gamma", "raw", "sqrt", "log"),
        "query_encoding": ("same", "gamma", "raw", "sqrt", "log"),
        "windows": ("1", "1 2", "1 2 4"),
        "normalise": ("none", "reference", "causal", "two-pass"),
        "spikes": ("regular", "random"),
        "readout": ("spikes", "membrane"),
    }
    assert list(variables("prototype"))[:2] == ["threshold", "timebin"] and "seed" not in variables("prototype")
    assert "threshold_rule" in variables("lens") and "roi_dim" not in variables("lens")
    assert list(variables("lens"))[:3] == ["fire_l_feat", "fire_h_feat", "thr_h_feat"]


def test_a_field_that_a_kind_is_given_can_be_varied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Newer(PrototypeParameters):
        join: Literal["inputs", "columns"] = parameter("inputs", "How.")
        greedy: bool = parameter(False, "Whether.")
        depth: Literal[1, 2, 4] = parameter(1, "How deep.")

    monkeypatch.setattr(sweep_space, "KINDS", {**KINDS, "prototype": replace(KINDS["prototype"], parameters=Newer)})
    variables.cache_clear()
    try:
        words = ["join=columns,inputs", "greedy", "depth=1,4"]
        found = read_varied("prototype", words)
        assert found == {
            "join": SweepChoice(("columns", "inputs")),
            "greedy": SweepChoice((False, True)),
            "depth": SweepChoice((1, 4)),
        }
        assert read_varied("prototype", ["greedy=true,false"])["greedy"] == SweepChoice((True, False))
        check_varied("prototype", found)
        assert split_chosen("prototype", {"greedy": True, "windows": "1 2"}) == ({"windows": [1, 2]}, {"greedy": True})
        assert [shown(value) for value in (True, 4, 0.123456, "1 2")] == ["true", "4", "0.1235", "1 2"]
    finally:
        variables.cache_clear()


def test_what_is_typed_becomes_ranges_and_choices() -> None:
    words = [
        "threshold=.1:2:log", "encoding=raw, sqrt", "windows=1,1  2,1 3 9", "normalise", "readout=membrane,spikes", "dims=4,7 14",
    ]  # fmt: skip
    assert read_varied("prototype", words) == {
        "threshold": SweepRange(0.1, 2.0, True),
        "encoding": SweepChoice(("raw", "sqrt")),
        "windows": SweepChoice(("1", "1 2", "1 3 9")),
        "normalise": SweepChoice(("none", "reference", "causal", "two-pass")),
        "readout": SweepChoice(("membrane", "spikes")),
        "dims": SweepChoice(("4", "7 14")),
    }
    check_varied("prototype", read_varied("prototype", words))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["encoding=raw,rwa"], "varied over: encoding should be 'gamma', 'raw', 'sqrt' or 'log', but is 'rwa'"),
        (["encoding=raw,"], "encoding should be 'gamma'"),
        (["encoding=raw"], "two different values or more, but is over raw"),
        (["encoding=raw,raw"], "two different values or more, but is over raw, raw"),
        (["encoding=.1:.2"], "encoding has no range: give --vary encoding=gamma,raw, and not 'encoding=.1:.2'"),
        (["encoding="], "encoding has no range"),
        (["windows=1,1 x"], "windows should be a valid integer, but is 'x'"),
        (["windows=1,2 2"], "different numbers of frames"),
        (["windows=1,1 99"], "numbers from 1 to 64"),
        (["threshold=.1,.2"], "NAME=LOW:HIGH"),
        (["readout", "readout=spikes,membrane"], "names readout twice"),
        (["threshold_rule=published,corrected"], "threshold_rule is no parameter of a network of the kind prototype"),
        (["dims=5:9"], "dims has no range: give --vary dims=5 5,7 7, and not 'dims=5:9'"),
        (["dims=5,0"], "dims should be one or two numbers from 1 to 8192, but is 0 0"),
        (["dims=5,5 5 5"], "dims"),
        (["roi_dim=5,6"], "roi_dim is no parameter of a network of the kind prototype that could be varied"),
    ],
)
def test_wrong_choices_are_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(BadInput) as told:
        check_varied("prototype", read_varied("prototype", words))
    assert sentence in str(told.value) and "\n" not in str(told.value)


def test_a_number_is_not_chosen_nor_a_choice_ranged() -> None:
    with pytest.raises(BadInput, match="threshold is a number"):
        check_varied("prototype", {"threshold": SweepChoice((0.1, 0.2))})
    with pytest.raises(BadInput, match="readout has no range: choose among spikes, membrane"):
        check_varied("prototype", {"readout": SweepRange(0, 1)})


# -- the study


def test_a_study_keeps_its_choices_and_older_versions_are_told_to_update(workspace: Workspace) -> None:
    settings = SweepParameters()
    spec = spec_of(request_of(workspace), settings, {"threshold": SweepRange(0.1, 2.0, True), **INPUTS})
    content = json.loads(json.dumps(spec.as_json()))
    assert content["schema"] == 2 and content["ranges"] == {"threshold": [0.1, 2.0, True]}
    assert content["choices"]["windows"] == ["1", "1 2", "1 2 4"]
    assert SweepSpec.read(content, "x").varied == spec.varied
    with pytest.raises(BadInput, match="newer Revisit"):
        SweepSpec.read({**content, "schema": 3}, "x")
    with pytest.raises(BadInput, match="varies join, which is not known here"):
        SweepSpec.read({**content, "choices": {"join": ["a", "b"]}}, "x")
    for wrong in ({"readout": "spikes"}, {"readout": [["spikes"]]}, 3):
        with pytest.raises(BadInput, match="not a sweep of Revisit's"):
            SweepSpec.read({**content, "choices": wrong}, "x")


def test_a_study_of_numbers_is_written_as_before_and_an_older_one_is_read(workspace: Workspace) -> None:
    spec = spec_of(request_of(workspace), SweepParameters(), {"threshold": SweepRange(0.1, 2.0, True)})
    content = spec.as_json()
    assert content["schema"] == 1 and "choices" not in content
    older = json.loads(
        '{"schema": 1, "kind": "lens", "selection": {"reference": "monday"}, "inputs": {"dims": [8, 8]}, "training": {},'
        ' "validation": {"validation_query": "tuesday"}, "ranges": {"fire_l_feat": [0.1, 0.49, false]},'
        ' "objective": "recall_area", "networks": 1, "pruning": true, "data_hash": ""}'
    )
    assert SweepSpec.read(older, "x").varied == {"fire_l_feat": SweepRange(0.1, 0.49)}


# -- trials


def test_a_sweep_over_inputs_and_readout_and_its_best_trial_as_a_run(workspace: Workspace) -> None:
    hard = ValidationParameters(validation_query=QUERY, validation_tolerance=0, validation_sequence=0)
    request = replace(
        request_of(workspace, training=PrototypeParameters(timebin=8, spikes="random")),
        inputs=InputParameters(dims=(2, 2)),
        validation=hard,
    )
    state = swept(workspace, INPUTS, 12, request, sampler="random", objective="recall_at_1")
    assert {trial.state for trial in state.trials} == {"done"}
    for trial in state.trials:
        assert list(trial.chosen) == list(INPUTS)
        assert all(trial.chosen[name] in over.values for name, over in INPUTS.items() if isinstance(over, SweepChoice))
    assert len({trial.value for trial in state.trials}) > 1  # the choices matter
    assert set(state.importance) == set(INPUTS) and sum(state.importance.values()) == pytest.approx(1)
    for trial in (state.best, min(state.trials, key=lambda trial: trial.value)):
        assert trial is not None
        (done,) = train_runs(request_for(state, workspace, trial.number), ignore, CancelToken())
        assert done.run.info.scores["recall_at_1"] == pytest.approx(trial.value)  # the very same network
        record = read_record(done.path)
        assert record is not None
        assert record.inputs["encoding"] == trial.chosen["encoding"] and record.inputs["normalise"] == trial.chosen["normalise"]
        assert " ".join(map(str, record.inputs["windows"])) == trial.chosen["windows"]
        assert record.training["readout"] == trial.chosen["readout"] and record.training["timebin"] == 8


def test_the_grid_of_inputs_is_varied_and_one_that_does_not_fit_is_told_before_the_first_trial(workspace: Workspace) -> None:
    request = request_of(workspace, training=PrototypeParameters(timebin=8))
    varied: dict[str, Varied] = {"dims": SweepChoice(("2", "4 4", "8 4"))}
    state = swept(workspace, varied, 8, request, sampler="random")
    assert {trial.state for trial in state.trials} == {"done"} and len({trial.chosen["dims"] for trial in state.trials}) == 3
    for chosen, inputs in (("2", 4), ("4 4", 16), ("8 4", 32)):
        trial = next(trial for trial in state.trials if trial.chosen["dims"] == chosen)
        (done,) = train_runs(request_for(state, workspace, trial.number), ignore, CancelToken())
        assert done.network.inputs == 3 * inputs  # of three windows
        assert done.run.info.scores["recall_area"] == pytest.approx(trial.value)
    with pytest.raises(BadInput, match=r"dims 7x7 does not divide the region of 16x16 pixels .*: choose divisors of 16 and 16"):
        swept(workspace, {"dims": SweepChoice(("2", "7"))}, 1, request, study="other")


def test_lens_learns_from_the_inputs_of_each_trial_and_is_given_up_when_it_stands_badly(workspace: Workspace) -> None:
    request = request_of(workspace, "lens", LensTrainingParameters(epoch_feat=2, epoch_out=8))
    varied: dict[str, Varied] = {
        "encoding": SweepChoice(("raw", "gamma", "log")),
        "threshold_rule": SweepChoice(("published", "corrected")),
        "fire_h_feat": SweepRange(0.5, 1.0),
    }
    state = swept(workspace, varied, 14, request, sampler="random")
    states = [trial.state for trial in state.trials]
    assert states[:5] == ["done"] * 5 and set(states) == {"done", "pruned"}
    assert {trial.chosen["encoding"] for trial in state.trials} == {"raw", "gamma", "log"}


def test_windows_and_how_lens_joins_them_are_varied_together(workspace: Workspace) -> None:
    request = request_of(workspace, "lens", LensTrainingParameters(epoch_feat=2, epoch_out=4))
    varied = read_varied("lens", ["join_windows", "windows=1,1 2"])
    state = swept(workspace, varied, 10, request, sampler="random", pruning=False)
    assert {trial.state for trial in state.trials} == {"done"}
    both = next(t for t in state.trials if t.chosen == {"join_windows": "columns", "windows": "1 2"})
    (done,) = train_runs(request_for(state, workspace, both.number), ignore, CancelToken())
    assert done.run.info.scores["recall_area"] == pytest.approx(both.value)
    assert done.record.training["join_windows"] == "columns" and done.record.inputs["windows"] == [1, 2]


def test_a_study_with_choices_is_joined_and_checks_its_frames(workspace: Workspace) -> None:
    swept(workspace, INPUTS, 2, study="s")
    url = storage_url("", workspace)
    spec = sweep_spec(url, "s")
    assert spec is not None and spec.varied == INPUTS and len(spec.data_hash) > 8
    state = run_sweep(url, SweepParameters(study="s", trials=2, processes=2), workspace, ignore, CancelToken())
    assert [trial.state for trial in state.trials] == ["done"] * 4
    # The hash is of frames and truth: the same, whichever inputs are varied.
    lens = request_of(workspace, "lens", LensTrainingParameters(epoch_feat=1, epoch_out=1))
    swept(workspace, {"fire_h_feat": SweepRange(0.5, 1.0)}, 1, lens, study="t")
    other = sweep_spec(url, "t")
    assert other is not None and other.data_hash == spec.data_hash


def test_inputs_that_do_not_go_together_fail_the_trial_and_say_why(workspace: Workspace) -> None:
    request = request_of(workspace)
    request = replace(request, selection=request.selection.model_copy(update={"reference_places": 1}))
    state = swept(workspace, {"normalise": SweepChoice(("none", "reference"))}, 6, request, sampler="random")
    by_choice = {
        choice: {(trial.state, trial.problem) for trial in state.trials if trial.chosen["normalise"] == choice}
        for choice in ("none", "reference")
    }
    assert by_choice["none"] == {("done", "")}
    ((word, problem),) = by_choice["reference"]
    assert word == "failed" and "One reference frame has no deviations" in problem


def test_a_worker_keeps_the_inputs_that_it_has_made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(request_of(workspace), SweepParameters(), INPUTS)
    runner = TrialRunner({**spec.as_json(), "data_dir": str(workspace.data_dir)}, CancelToken())
    raw, log = (InputParameters(dims=(8, 8), encoding=encoding, windows=(1, 2)) for encoding in ("raw", "log"))
    first = runner.places_of(raw)
    assert runner.places_of(log) is not first and runner.places_of(raw) is first
    alone = read_places(reference_of(workspace), raw, ignore, CancelToken(), "prototype")
    assert (first.rates == alone.rates).all() and first.inputs == alone.inputs and first.data_hash == alone.data_hash
    monkeypatch.setattr(sweep_worker, "_MADE_BYTES", 1)  # room for one
    runner.places_of(log)
    assert runner.places_of(raw) is not first


def test_an_ensemble_is_compared_once_it_has_all_its_windows(workspace: Workspace) -> None:
    """A quarter of its last network's output layer is compared with a quarter of any other trial's."""
    request = request_of(workspace, "lens", LensTrainingParameters(epoch_feat=2, epoch_out=4))
    spec = spec_of(request, SweepParameters(), read_varied("lens", ["join_windows", "windows=1,1 2"]))
    runner = TrialRunner({**spec.as_json(), "data_dir": str(workspace.data_dir)}, CancelToken())
    for windows, join in (((1, 2), "columns"), ((1, 2), "inputs"), ((1,), "columns")):
        inputs = InputParameters(dims=(8, 8), windows=windows).model_dump(mode="json")
        training = LensTrainingParameters(epoch_feat=2, epoch_out=4, join_windows=join).model_dump(mode="json")
        told: list[tuple[int, float]] = []
        (figures,) = runner.run(inputs, training, [0], 1, lambda value, step, told=told: bool(told.append((step, value))))
        assert [step for step, _ in told] == [1, 2, 3, 4]
        assert told[-1][1] == figures["recall_area"]


def test_a_grid_that_does_not_fit_is_said_before_any_trial(workspace: Workspace) -> None:
    request = replace(request_of(workspace), inputs=InputParameters(dims=(7, 7)))
    with pytest.raises(BadInput, match="does not divide"):
        swept(workspace, INPUTS, 2, request)
    assert read_sweep(storage_url("", workspace), "sweep").trials == ()


# -- command line


def test_choices_from_the_shell(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--validation_query", QUERY, "--network", "prototype", "--timebin", "8", "--trials", "3"]
    vary = ["--vary", "encoding=raw,sqrt,log", "windows=1,1 2", "--vary", "normalise", "readout"]
    assert command(workspace, *where, *vary) == 0
    told = capsys.readouterr()
    assert "encoding" in told.out + told.err and "readout" in told.out + told.err
    join = ["sweep", "--trials", "1", "--processes", "1", "--data_dir", str(workspace.root), "--best_run", "--json", "-"]
    assert main(join) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["trials"]) == 4
    for trial in told["trials"]:
        assert set(trial["chosen"]) == {"encoding", "windows", "normalise", "readout"}
        assert trial["chosen"]["encoding"] in ("raw", "sqrt", "log") and trial["chosen"]["windows"] in ("1", "1 2")
    assert told["best"]["readout"] in ("spikes", "membrane")


def test_a_wrong_choice_from_the_shell(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for word, sentence in (
        ("encoding=rwa,log", "encoding should be 'gamma', 'raw', 'sqrt' or 'log', but is 'rwa'"),
        ("readout=spikes,membrane", "readout is no parameter of a network of the kind lens"),
        ("readout", "readout is no parameter of a network of the kind lens"),
        ("fire_l_feat=.1,.2", "NAME=LOW:HIGH"),
        ("wat=1:2", "wat is no parameter"),
    ):
        assert command(workspace, "--validation_query", QUERY, "--vary", word) == 2
        assert sentence in capsys.readouterr().err.strip().splitlines()[-1]
