"""Training from several reference traverses: the same route again, or one after another."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.cli import main
from engine.errors import BadInput, JobCancelled
from engine.frames.encoder import statistics_of
from engine.frames.inputs import InputParameters, training_inputs
from engine.frames.png import write_png
from engine.jobs import CancelToken, JobEvent, Notice, ignore
from engine.live.known import truth_of
from engine.live.model import open_model
from engine.networks.library import networks_of
from engine.networks.prototype import PrototypeNetwork, load_prototypes
from engine.networks.record import read_record
from engine.places.derive import MergeParameters
from engine.places.derive import merge as join
from engine.places.ground_truth import save_ground_truth
from engine.places.index import IndexRow, index_of_folder, write_index
from engine.places.making import TraverseName
from engine.places.selection import PairSelection, TrainingSelection
from engine.places.several import open_several
from engine.places.workspace import Workspace
from engine.recognition.encoding import SpikingParameters
from engine.recognition.evaluate import EvaluationParameters, evaluate
from engine.recognition.run_network import NetworkRunner
from engine.recognition.scoring import ScoringParameters
from engine.training import lens as lens_training
from engine.training.edit_map import MapEditParameters, edit_map
from engine.training.job import read_places
from engine.training.kinds import KINDS, SweepRange
from engine.training.merge_runs import merge_runs, why_not_merged
from engine.training.parameters import LensTrainingParameters
from engine.training.plan import plan_of
from engine.training.presets import save_preset
from engine.training.prototype import PrototypeParameters
from engine.training.run import TrainRequest, resume_run, train_runs
from engine.training.runs import Run, list_runs
from engine.training.sweep import SweepParameters, run_sweep, spec_of
from engine.training.sweep_study import make_sweep, read_sweep, storage_url
from engine.training.validation import ValidationParameters
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, small_workspace
from tests.training.test_runs import At, bits

THIRD = "wednesday"
PLACES = 20


def film(workspace: Workspace, name: str, frames: NDArray[np.uint8], poses: NDArray[np.float64] | None = None) -> None:
    """Write a traverse."""
    folder = workspace.frames_folder(DATASET, CAMERA, name)
    for number, frame in enumerate(frames):
        write_png(folder / f"image_{number:04d}.png", frame)
    rows = index_of_folder(folder)
    if poses is not None:
        rows = [IndexRow(row.image, row.index, (float(p[0]), float(p[1]))) for row, p in zip(rows, poses, strict=True)]
    write_index(workspace.index_file(name), rows)


def noisy(frames: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).poisson(frames * 0.9 + 0.2).clip(0, 255).astype(np.uint8)


def frames_of(workspace: Workspace, name: str) -> NDArray[np.uint8]:
    return workspace.traverse(DATASET, CAMERA, name).frames()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """monday, tuesday (with a ground truth) and wednesday: 25 frames of which the first five are before the route."""
    made = small_workspace(tmp_path / "lab", places=PLACES)
    monday = frames_of(made, REFERENCE)
    before = np.random.default_rng(9).poisson(4, (5, 16, 16)).astype(np.uint8)
    film(made, THIRD, np.concatenate([before, noisy(monday, 7)]))
    return made


def of(workspace: Workspace, *further: str, **values: Any) -> TrainingSelection:
    names: dict[str, Any] = {"data_dir": workspace.data_dir, "dataset": DATASET, "camera": CAMERA, "reference": REFERENCE}
    return TrainingSelection(**{**names, "further": further, **values})


def wednesday_truth(workspace: Workspace, masked: int = 0) -> NDArray[np.int64]:
    truth = np.zeros((PLACES, 25), np.int64)
    truth[np.arange(PLACES), np.arange(5, 25)] = 1
    save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, THIRD), truth)
    return truth


def request(selection: TrainingSelection, kind: Any = "prototype", **values: Any) -> TrainRequest:
    training = KINDS[kind].parameters(**({"epoch_feat": 6, "epoch_out": 12} if kind == "lens" else {}))
    return TrainRequest(selection, kind=kind, inputs=InputParameters(dims=(8, 8)), training=training, **values)


def judged(asked: TrainRequest, query: str = QUERY) -> TrainRequest:
    return replace(asked, validation=ValidationParameters(validation_query=query, validation_tolerance=0, validation_sequence=0))


def train(asked: TrainRequest, **rest: Any) -> Any:
    return train_runs(asked, rest.pop("emit", ignore), rest.pop("cancel", CancelToken()), **rest)


def prototype_bits(network: PrototypeNetwork) -> list[bytes]:
    return [part.tobytes() for part in (network.weights, network.bias, network.neuron_places)] + [
        bytes(str(network.threshold), "ascii")
    ]


# -- which frame shows which place


def test_a_ground_truth_says_the_places_in_either_direction(workspace: Workspace) -> None:
    wednesday_truth(workspace)
    told: list[JobEvent] = []
    found = open_several(of(workspace, QUERY, THIRD), told.append)
    assert found.places == PLACES and found.samples == 60 and found.part_places == ()
    assert found.parts[2].where.tolist() == [-1] * 5 + list(range(PLACES))
    text = " ".join(event.text for event in told if isinstance(event, Notice))
    assert "by monday_wednesday_GT.npy; 5 of its 25 frames show none and are left out" in text
    turned = workspace.ground_truth_file(DATASET, CAMERA, THIRD, REFERENCE)
    workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, THIRD).rename(turned)
    save_ground_truth(turned, wednesday_truth(workspace).T)
    workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, THIRD).unlink()
    assert open_several(of(workspace, THIRD)).parts[1].where.tolist() == [-1] * 5 + list(range(PLACES))


def test_every_second_frame_and_the_first_places_keep_their_correspondence(workspace: Workspace) -> None:
    wednesday_truth(workspace)
    with pytest.raises(BadInput, match="No frame of wednesday"):  # frame 2n shows place 2n - 5, none of every second one
        open_several(of(workspace, THIRD, filter=2))
    truth = np.zeros((PLACES, 25), np.int64)
    truth[np.arange(PLACES), np.arange(PLACES) + 4] = 1
    save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, THIRD), truth)
    assert open_several(of(workspace, THIRD, filter=2, reference_places=6)).parts[1].where.tolist() == [
        -1, -1, 0, 1, 2, 3, 4, 5, -1, -1, -1, -1, -1,
    ]  # fmt: skip


def test_poses_say_it_without_a_ground_truth(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path / "lab", places=PLACES)
    monday = frames_of(workspace, REFERENCE)
    line = np.array([52.0, 13.0]) + np.arange(25)[:, None] * [1e-4, 0.0]  # 11 m apart
    film(workspace, "day", monday, line[:PLACES])
    film(workspace, "dusk", noisy(np.concatenate([monday, monday[:5]]), 3), line + np.array([2e-5, 0.0]))
    told: list[JobEvent] = []
    found = open_several(of(workspace, "dusk", reference="day"), told.append)
    assert found.parts[1].where.tolist()[:PLACES] == list(range(PLACES))
    assert (found.parts[1].where[PLACES + 2 :] == -1).all(), "beyond the end of the route there is no place"
    assert any(isinstance(event, Notice) and "by their poses, at most 22.3 m away" in event.text for event in told)
    with pytest.raises(BadInput, match="give a larger radius_m"):
        open_several(of(workspace, "dusk", reference="day", radius_m=0.1))


def test_without_both_it_is_frame_by_frame_or_refused(workspace: Workspace) -> None:
    workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, QUERY).unlink()
    told: list[JobEvent] = []
    assert open_several(of(workspace, QUERY), told.append).parts[1].where.tolist() == list(range(PLACES))
    assert any(isinstance(event, Notice) and "frame by frame" in event.text for event in told)
    with pytest.raises(BadInput, match="make a ground truth with monday as reference and wednesday as query"):
        open_several(of(workspace, THIRD))
    save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, THIRD), np.zeros((PLACES, 25)))
    with pytest.raises(BadInput, match="No frame of wednesday shows a place of monday"):
        open_several(of(workspace, THIRD))


def test_what_cannot_be_chosen_is_one_sentence(workspace: Workspace) -> None:
    for values, sentence in (
        ({"further": (REFERENCE,)}, "monday is named twice"),
        ({"further": ("nowhere",)}, "nowhere"),
        ({"further": (THIRD,), "reference_places": 23, "route": "after"}, "fewer than the 23 places"),
    ):
        with pytest.raises(BadInput, match=sentence):
            open_several(TrainingSelection.check({**of(workspace).model_dump(), **values}))
    film(workspace, "small", np.ones((PLACES, 8, 8), np.uint8))
    with pytest.raises(BadInput, match="bin them with one region"):
        read_places(of(workspace, "small"), InputParameters(dims=(8, 8)), ignore, CancelToken())


# -- the same route again


def test_prototypes_of_two_traverses_are_the_merged_networks_of_each(workspace: Workspace, tmp_path: Path) -> None:
    wednesday_truth(workspace)
    alone = [train(request(of(workspace, reference=name)))[0].path for name in (REFERENCE, QUERY)]
    together = train(judged(request(of(workspace, QUERY)), THIRD))[0]
    edit_map(MapEditParameters(model=alone[0], merge=alone[1], out=tmp_path / "both.pth"), ignore, CancelToken())
    assert prototype_bits(together.network) == prototype_bits(load_prototypes(tmp_path / "both.pth"))
    record = read_record(together.path)
    assert record is not None
    assert (record.references, record.route, record.part_places, record.places) == ((REFERENCE, QUERY), "same", (), PLACES)
    assert together.path.name == "monday+tuesday_PROTOTYPE_IN192_DB20.pth" and together.run.info.samples == 40
    assert together.run.reference == "monday + tuesday" and together.run.info.scores["recall_at_1"] > 0.9
    assert "monday + tuesday" in {entry.reference for entry in networks_of(workspace)}


def test_lens_is_taught_every_look_and_goes_on_to_the_same_bits(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    wednesday_truth(workspace)
    asked = judged(request(of(workspace, THIRD), "lens"))
    whole = train(asked)[0]
    assert whole.network.places == PLACES and whole.run.info.samples == 40
    assert (
        whole.run.info.scores["recall_at_1"]
        > train(judged(request(of(workspace), "lens")))[0].run.info.scores["recall_at_1"] - 0.2
    )
    monkeypatch.setattr(lens_training, "FIRST_CHUNK", 1)
    monkeypatch.setattr(lens_training, "CHUNK_SECONDS", 1e-9)
    monkeypatch.setattr("engine.jobs.Throttle.ready", lambda self: True)
    for stage, step in (("feature layer", 100), ("output layer", 333)):  # both beyond what one look a place would have
        cancel = CancelToken()
        with pytest.raises(JobCancelled):
            train(asked, emit=At(stage, step, cancel.cancel), cancel=cancel)
        run = next(run for run in list_runs(workspace)[0] if run.resumable)
        assert run.info.selection["further"] == [THIRD]
        assert bits(resume_run(workspace, run.folder, ignore, CancelToken()).path) == bits(whole.path)
    cancel = CancelToken()
    with pytest.raises(JobCancelled):
        train(asked, emit=At("output layer", 100, cancel.cancel), cancel=cancel)
    run = next(run for run in list_runs(workspace)[0] if run.resumable)
    truth = wednesday_truth(workspace)
    save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, THIRD), np.roll(truth, 1, axis=0))
    with pytest.raises(BadInput, match="or the places they show, of monday\\+wednesday have changed"):
        resume_run(workspace, run.folder, ignore, CancelToken())


def test_a_sample_teaches_the_neuron_of_its_place() -> None:
    rng = np.random.default_rng(3)
    rates = (rng.random((20, 30)) * (rng.random((20, 30)) < 0.6)).astype(np.float32)
    parameters = LensTrainingParameters(epoch_feat=4, epoch_out=6, seed=1)

    def learn(*given: Any, **rest: Any) -> Any:
        return lens_training.train_lens(parameters, *given, ignore, CancelToken(), **rest)

    one, same = learn(rates), learn(rates, place_of=np.arange(20))
    assert one.output_weights.tobytes() == same.output_weights.tobytes(), "each sample a place is what there was before"
    assert learn(rates, place_of=np.arange(20) % 10).places == 10
    for wrong in (np.arange(20) * 2, np.arange(19), np.full(20, -1)):
        with pytest.raises(BadInput, match="Each sample needs the number of its place"):
            learn(rates, place_of=wrong)


def test_a_network_of_two_looks_is_evaluated_on_the_first_traverse_only(workspace: Workspace) -> None:
    path = train(request(of(workspace, QUERY)))[0].path
    wednesday_truth(workspace)
    found = evaluation(workspace, REFERENCE, THIRD, path)
    assert found.results[0].similarity.shape == (PLACES, 25)
    with pytest.raises(BadInput, match="tuesday was learned as another look at them: choose monday as the reference"):
        evaluation(workspace, QUERY, REFERENCE, path)


def evaluation(workspace: Workspace, reference: str, query: str, path: Path, emit: Any = ignore) -> Any:
    pair = PairSelection(data_dir=workspace.data_dir, dataset=DATASET, camera=CAMERA, reference=reference, query=query)
    scoring = ScoringParameters.check({"sequence": "none", "GT_tolerance": 0, "resamples": 0, "cold_starts": 0})
    asked = EvaluationParameters(methods=(str(path), "sad"))
    return evaluate(pair, InputParameters(), SpikingParameters(), scoring, asked, emit, CancelToken())


# -- one after another


@pytest.fixture
def stretches(tmp_path: Path) -> Workspace:
    """The hall (20 places) and the yard (10), and a walk through the yard and then the hall, with a ground truth of each."""
    made = small_workspace(tmp_path / "lab", places=PLACES)
    hall = frames_of(made, REFERENCE)
    yard = np.random.default_rng(11).poisson(np.random.default_rng(12).gamma(0.6, 12, (10, 8, 8)).repeat(2, 1).repeat(2, 2))
    yard = yard.clip(0, 255).astype(np.uint8)
    film(made, "hall", hall)
    film(made, "yard", yard)
    film(made, "walk", noisy(np.concatenate([yard, hall]), 5))
    for name, first, count in (("yard", 0, 10), ("hall", 10, PLACES)):
        truth = np.zeros((count, 30), np.int64)
        truth[np.arange(count), first + np.arange(count)] = 1
        save_ground_truth(made.ground_truth_file(DATASET, CAMERA, name, "walk"), truth)
    return made


@pytest.mark.parametrize("kind", ["prototype", "lens"])
def test_places_follow_one_another_and_the_truth_is_shifted_with_them(stretches: Workspace, kind: Any) -> None:
    selection = of(stretches, "yard", reference="hall", route="after")
    places = read_places(selection, InputParameters(dims=(8, 8)), ignore, CancelToken(), kind)
    assert places.count == 30 and places.place_of is None
    apart = [training_inputs(frames_of(stretches, name), places.inputs) for name in ("hall", "yard")]
    if kind == "prototype":  # windows do not reach from the hall into the yard; one map has one set of statistics
        assert places.statistics is not None
        np.testing.assert_array_equal(places.statistics.mean, statistics_of(np.concatenate(apart)).mean)
    else:
        np.testing.assert_array_equal(places.rates, np.concatenate(apart))
    done = train(judged(request(selection, kind), "walk"))[0]
    assert done.record.part_places == (20, 10) and done.run.info.scores["queries"] == 30
    if kind == "prototype":
        assert done.run.info.scores["recall_at_1"] > 0.8, "the yard's places are 20 to 29"
    told: list[JobEvent] = []
    found = evaluation(stretches, "yard", "walk", done.path, told.append)
    assert found.results[0].similarity.shape == (10, 30) == found.results[1].similarity.shape
    assert any(isinstance(event, Notice) and "only the 10 of yard compete here" in event.text for event in told)
    whole = NetworkRunner.open(done.path).similarity(frames_of(stretches, "walk"))
    np.testing.assert_array_equal(found.results[0].similarity, whole.similarity[20:])
    with pytest.raises(BadInput, match="knows 30 places, but 20"):
        evaluation(stretches, REFERENCE, "walk", done.path)


def test_a_joined_traverse_lets_all_places_of_a_map_compete(stretches: Workspace) -> None:
    """What the guide says: joined in Dataset, with a ground truth of its own."""
    names = [TraverseName(DATASET, CAMERA, name) for name in ("hall", "yard")]
    join(stretches, names, MergeParameters(name="all"), ignore, CancelToken())
    truth = np.zeros((30, 30), np.int64)
    truth[np.r_[20:30, 0:20], np.arange(30)] = 1
    save_ground_truth(stretches.ground_truth_file(DATASET, CAMERA, "all", "walk"), truth)
    done = train(judged(request(of(stretches, "yard", reference="hall", route="after")), "walk"))[0]
    found = evaluation(stretches, "all", "walk", done.path)
    assert found.results[0].scores.recall_at[1] == done.run.info.scores["recall_at_1"]


def test_a_query_that_has_no_truth_with_a_stretch_is_taken_not_to_pass_there(stretches: Workspace) -> None:
    stretches.ground_truth_file(DATASET, CAMERA, "yard", "walk").unlink()
    told: list[JobEvent] = []
    done = train(judged(request(of(stretches, "yard", reference="hall", route="after")), "walk"), emit=told.append)[0]
    assert done.run.info.scores["queries"] == 20
    assert any(isinstance(event, Notice) and "no ground truth with yard" in event.text for event in told)
    stretches.ground_truth_file(DATASET, CAMERA, "hall", "walk").unlink()
    told.clear()
    done = train(judged(request(of(stretches, "yard", reference="hall", route="after")), "walk"), emit=told.append)[0]
    assert not done.run.info.scores
    assert any(isinstance(event, Notice) and "no ground truth of walk with any of hall, yard" in event.text for event in told)


def test_live_every_place_has_its_picture_and_its_truth(stretches: Workspace) -> None:
    done = train(request(of(stretches, "yard", reference="hall", route="after")))[0]
    model = open_model(done.path, stretches)
    assert model.reference_name == "hall + yard" and model.reference is not None and len(model.reference) == 30
    for place, name, number in ((3, "hall", 3), (24, "yard", 4)):
        frame = model.reference_frame(place)
        assert frame is not None
        np.testing.assert_array_equal(frame, frames_of(stretches, name)[number])
    truth = truth_of(stretches, model, stretches.traverse(DATASET, CAMERA, "walk"))
    assert truth is not None and truth[:, 3].nonzero()[0].tolist() == [23] and truth[:, 12].nonzero()[0].tolist() == [2]
    own = truth_of(stretches, model, stretches.traverse(DATASET, CAMERA, "yard"))
    assert own is not None and own.argmax(axis=0).tolist() == list(range(20, 30))
    assert open_model(train(request(of(stretches, QUERY)))[0].path, stretches).reference_name == REFERENCE


def test_a_map_of_stretches_does_not_merge_and_forgets_its_parts_when_changed(stretches: Workspace, tmp_path: Path) -> None:
    both = train(request(of(stretches, "yard", reference="hall", route="after")))[0]
    other = train(request(of(stretches)))[0]
    with pytest.raises(BadInput, match="only maps of one route merge"):
        edit_map(MapEditParameters(model=both.path, merge=other.path, out=tmp_path / "a.pth"), ignore, CancelToken())
    edit_map(MapEditParameters(model=both.path, remove=(3,), out=tmp_path / "fewer.pth"), ignore, CancelToken())
    with pytest.raises(BadInput, match="were added or removed"):
        evaluation(stretches, "yard", "walk", tmp_path / "fewer.pth")


# -- plan, sweep, merging of runs, shell


def test_the_plan_counts_looks_as_neurons_of_prototypes(workspace: Workspace) -> None:
    wednesday_truth(workspace)
    inputs = InputParameters(dims=(8, 8))

    def last(selection: TrainingSelection, kind: Any) -> tuple[int, int]:
        plan = plan_of(selection, kind, inputs, KINDS[kind].parameters())
        return plan.places, plan.layers[-1].neurons

    assert last(of(workspace, THIRD), "prototype") == (20, 40) and last(of(workspace, THIRD), "lens") == (20, 20)
    for kind in ("prototype", "lens"):
        assert last(of(workspace, THIRD, route="after"), kind) == (45, 45)


def test_a_sweep_learns_from_all_and_keeps_them(workspace: Workspace) -> None:
    asked = judged(request(of(workspace, QUERY), "lens"), THIRD)
    wednesday_truth(workspace)
    settings = SweepParameters(study="two", trials=2, processes=1, pruning=False)
    url = storage_url("", workspace)
    make_sweep(url, "two", spec_of(asked, settings, {"fire_l_feat": SweepRange(0.1, 0.4)}))
    state = run_sweep(url, settings, workspace, ignore, CancelToken())
    assert [trial.state for trial in state.trials] == ["done", "done"]
    assert read_sweep(url, "two").spec.selection.names == (REFERENCE, QUERY)


def test_two_runs_are_merged_into_a_new_one(workspace: Workspace) -> None:
    wednesday_truth(workspace)
    first, second = (
        train(judged(request(of(workspace, reference=name)), QUERY if name == REFERENCE else ""))[0].run
        for name in (REFERENCE, THIRD)
    )
    before = {run.folder: (run.network.read_bytes(), run.info) for run in (first, second) if run.network is not None}
    assert why_not_merged((first, second)) == ""
    merged = merge_runs(workspace, first, second, "", ignore, CancelToken())
    assert merged.reference == "monday + wednesday" and (merged.info.places, merged.info.samples) == (20, 40)
    assert merged.info.scores["recall_at_1"] >= first.info.scores["recall_at_1"] - 0.1
    assert merged in list_runs(workspace)[0] and merged.network is not None
    again = TrainingSelection.read({**merged.info.selection, "data_dir": workspace.data_dir}, "")
    trained = train(request(again))[0]
    np.testing.assert_array_equal(load_prototypes(merged.network).neuron_places, trained.network.neuron_places)
    for run in (first, second):
        assert run.network is not None and (run.network.read_bytes(), run.info) == before[run.folder]


def test_runs_that_do_not_merge_say_why(workspace: Workspace) -> None:
    monday, tuesday = (train(request(of(workspace, reference=name)))[0].run for name in (REFERENCE, QUERY))
    lens = train(request(of(workspace, reference=QUERY), "lens"))[0].run
    for runs, sentence in (
        ((monday,), "Choose two runs"),
        ((monday, lens), "Only networks of the kind prototype merge"),
        ((monday, monday), "Both networks know monday"),
    ):
        assert sentence in why_not_merged(runs)
        if len(runs) == 2:
            with pytest.raises(BadInput, match=sentence):
                merge_runs(workspace, runs[0], runs[1], "", ignore, CancelToken())
    other = Run(tuesday.folder, tuesday.info.model_copy(update={"selection": {**tuesday.info.selection, "camera": "atis"}}))
    assert "different datasets or cameras" in why_not_merged((monday, other))
    assert len(list_runs(workspace)[0]) == 3


def test_the_shell_takes_several_references_in_each_form(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    wednesday_truth(workspace)
    common = [
        "train",
        "--data_dir",
        str(workspace.root),
        "--dataset",
        DATASET,
        "--camera",
        CAMERA,
        "--dims",
        "8",
        "8",
        "--no-place",
    ]
    made = set()
    for references in (
        ["--reference", REFERENCE, "--reference", THIRD],
        ["--reference", REFERENCE, THIRD],
        ["--reference", REFERENCE, "--further", THIRD],
    ):
        assert main([*common, "--network", "prototype", *references, "--json", "-"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["record"]["references"] == [REFERENCE, THIRD]
        made.add(result["record"]["data_hash"])
    assert len(made) == 1
    assert main([*common, "--reference", REFERENCE, "--epoch_feat", "2", "--epoch_out", "2", "--json", "-"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["record"]["references"] == [REFERENCE] and one["steps"] == PLACES * 4
    assert main([*common, "--reference", REFERENCE, THIRD, "--epoch_feat", "2", "--epoch_out", "2", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 2 * PLACES * 4
    assert main([*common, "--reference", REFERENCE, REFERENCE]) != 0
    assert "named twice" in capsys.readouterr().err


def test_own_presets_work_in_the_shell(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    mine = PrototypeParameters(threshold=0.5, timebin=32)
    save_preset(workspace, "my room", "prototype", InputParameters(dims=(4, 4), windows=(1,)), mine)
    common = ["train", "--data_dir", str(workspace.root), "--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE]
    common += ["--network", "prototype", "--no-place", "--json", "-", "--preset"]
    assert main([*common, "my room", "--timebin", "16"]) == 0
    record = json.loads(capsys.readouterr().out)["record"]
    assert record["training"]["threshold"] == 0.5 and record["training"]["timebin"] == 16, "what is given wins"
    assert record["inputs"]["dims"] == [4, 4] and record["inputs"]["windows"] == [1]
    for name, sentence in (("nobody's", 'There is no preset "nobody\'s"'), ("Brisbane", "belongs to another kind of network")):
        assert main([*common, name]) != 0
        assert sentence in capsys.readouterr().err
