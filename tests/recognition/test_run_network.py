"""Networks run by one runner: whole traverses and live frames give the same columns."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput, JobCancelled
from engine.frames.encoder import InputEncoder, reference_inputs
from engine.frames.inputs import InputParameters, query_inputs
from engine.jobs import CancelToken, JobEvent, Notice, Progress
from engine.networks.lens import initial_network, save_network
from engine.networks.prototype import PrototypeRule, prototypes_of, save_prototypes
from engine.networks.prototype_parameters import PrototypeParameters
from engine.networks.record import RunRecord, hash_arrays
from engine.recognition.encoding import SpikingParameters
from engine.recognition.run_network import NetworkRunner
from engine.recognition.spiking import similarity, simulate
from engine.storage import read_json
from engine.training.parameters import LensTrainingParameters

GRID = InputParameters(dims=(4, 5), cell="mean", encoding="sqrt")


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(6, (count, 8, 10)).astype(np.uint8)


def lens_file(folder: Path, inputs: InputParameters | None = GRID) -> Path:
    path = folder / "route.pth"
    network = initial_network(20, LensTrainingParameters(), 7, np.random.default_rng(1))
    record = None
    if inputs is not None:
        record = RunRecord(
            native="numpy",
            seed=0,
            inputs=inputs.model_dump(mode="json"),
            training={},
            data_hash=hash_arrays(np.arange(3)),
            references=("monday",),
            places=7,
        )
    save_network(path, network, record)
    return path


def test_a_lens_network_is_simulated_as_its_record_says(tmp_path: Path) -> None:
    spiking = SpikingParameters(timebin=60, seed=4)
    heard: list[JobEvent] = []
    runner = NetworkRunner.open(lens_file(tmp_path), spiking=spiking)
    assert (runner.kind, runner.places, runner.inputs) == ("lens", 7, GRID.for_kind("lens"))
    result = runner.similarity(frames(9), heard.append, CancelToken(), 1)
    spikes = simulate(runner.network, query_inputs(frames(9), GRID), spiking)
    np.testing.assert_array_equal(result.similarity, similarity(spikes))
    assert result.synops_per_query == spikes.synops.mean()
    assert result.spikes_per_query["output"] == spikes.output_spikes.mean()
    assert result.seconds > 0
    assert any(isinstance(event, Progress) for event in heard)


@pytest.mark.parametrize("cell", ["mean", "centre"])
def test_live_steps_are_the_columns_of_the_whole_traverse(tmp_path: Path, cell: str) -> None:
    inputs = GRID.model_copy(update={"cell": cell})
    field = "own" if cell == "mean" else "lens"
    runner = NetworkRunner.open(lens_file(tmp_path, inputs), spiking=SpikingParameters(timebin=40, field=field))
    whole = runner.similarity(frames(6)).similarity
    for _ in range(2):
        live = np.stack([runner.step(frame) for frame in frames(6)], axis=1)
        np.testing.assert_array_equal(live, whole)
        runner.reset()


def prototype_file(folder: Path, **changes: object) -> Path:
    path = folder / "prototypes.pth"
    inputs = InputParameters(dims=(4, 5), **changes).for_kind("prototype").for_frames((8, 10))
    rates, statistics = reference_inputs(frames(7), inputs, "prototype")
    network = prototypes_of(rates, statistics, PrototypeRule(inputs.normalise or "none", len(inputs.windows or ())), 0.5)
    record = RunRecord(
        kind="prototype",
        native="numpy",
        seed=0,
        inputs=inputs.model_dump(mode="json"),
        training=PrototypeParameters(seed=2, timebin=96).model_dump(mode="json"),
        data_hash=hash_arrays(np.arange(3)),
        references=("monday",),
        places=7,
    )
    save_prototypes(path, network, record)
    return path


@pytest.mark.parametrize("changes", [{}, {"windows": (1,), "normalise": "none"}, {"normalise": "reference"}, {"encoding": "log"}])
def test_prototypes_recognise_live_as_in_whole_traverses(tmp_path: Path, changes: dict[str, object]) -> None:
    runner = NetworkRunner.open(prototype_file(tmp_path, **changes))
    assert (runner.kind, runner.places, runner.readout) == ("prototype", 7, "spikes")
    result = runner.similarity(frames(7))
    assert (result.similarity.argmax(axis=0) == np.arange(7)).mean() > 0.8
    assert set(result.readouts) == {"spikes", "membrane"}
    assert set(result.spikes_per_query) == {"input", "output"}
    for _ in range(2):
        live = np.stack([runner.step(frame) for frame in frames(7)], axis=1)
        np.testing.assert_array_equal(live, result.similarity)
        runner.reset()
    membrane = NetworkRunner.open(tmp_path / "prototypes.pth", readout="membrane").similarity(frames(7)).similarity
    np.testing.assert_array_equal(membrane, result.readouts["membrane"])


def test_the_simulation_of_prototypes_is_the_record_s_unless_given(tmp_path: Path) -> None:
    path = prototype_file(tmp_path, windows=(1,), normalise="none")
    spikes = [
        NetworkRunner.open(path, spiking=spiking).similarity(frames(4)).spikes_per_query["input"]
        for spiking in (None, SpikingParameters(), SpikingParameters(timebin=192))
    ]
    assert spikes[0] == spikes[1]
    assert spikes[2] == pytest.approx(2 * spikes[0], rel=0.1)


def test_a_place_is_remembered_live_and_the_others_answers_stay(tmp_path: Path) -> None:
    runner = NetworkRunner.open(prototype_file(tmp_path))
    with pytest.raises(BadInput, match="nothing to remember"):
        runner.add_place()
    drive = frames(9, seed=8)
    before = runner.similarity(drive).similarity
    for frame in drive[:5]:
        runner.step(frame)
    assert runner.add_place() == 7
    after = runner.similarity(drive).similarity
    np.testing.assert_array_equal(after[:7], before)
    assert after[:, 4].argmax() == 7
    column = runner.step(drive[5])
    np.testing.assert_array_equal(column, after[:, 5])  # the drive goes on as if nothing had been
    assert runner.add_place(2) == 2
    assert runner.places == 8
    runner.save(tmp_path / "more.pth")
    again = NetworkRunner.open(tmp_path / "more.pth")
    np.testing.assert_array_equal(again.similarity(drive).similarity, runner.similarity(drive).similarity)
    assert again.record is not None
    assert again.record.places == 8
    again.remove_place(2)
    again.remove_place(6)
    np.testing.assert_array_equal(again.similarity(drive).similarity, before[[0, 1, 3, 4, 5, 6]])


def test_maps_of_two_traverses_merge_and_answer_with_the_better_one(tmp_path: Path) -> None:
    one, other = NetworkRunner.open(prototype_file(tmp_path)), NetworkRunner.open(prototype_file(tmp_path))
    other.remove_place(6)
    one.merge(other, np.array([6, 5, 4, 3, 2, 1]))
    assert (one.places, other.places) == (7, 6)
    alone = other.similarity(frames(7)).readouts["membrane"]
    both = one.similarity(frames(7)).readouts["membrane"]
    np.testing.assert_allclose(both[1:7], np.maximum(both[1:7], alone[::-1]), rtol=1e-6)
    with pytest.raises(BadInput, match="say which place is which"):
        one.merge(other)


def test_what_only_prototypes_can_is_refused_for_lens(tmp_path: Path) -> None:
    runner = NetworkRunner.open(lens_file(tmp_path))
    for asked in (runner.add_place, lambda: runner.remove_place(0), lambda: runner.save(tmp_path / "x.pth")):
        with pytest.raises(BadInput, match="Only prototype networks"):
            asked()
    with pytest.raises(BadInput, match="LENS network, which is read out by its spikes"):
        NetworkRunner.open(tmp_path / "route.pth", readout="membrane")


def test_prototypes_without_their_record_or_with_another_s_are_refused(tmp_path: Path) -> None:
    path = prototype_file(tmp_path)
    record = path.with_suffix(".json").read_text()
    path.with_suffix(".json").unlink()
    with pytest.raises(BadInput, match="has no run record"):
        NetworkRunner.open(path)
    lens = lens_file(tmp_path)
    lens.with_suffix(".json").write_text(record)
    with pytest.raises(BadInput, match="do not belong together"):
        NetworkRunner.open(lens)


@pytest.mark.parametrize("normalise", ["causal", "reference"])
def test_lens_can_be_shown_deviations_and_several_windows(tmp_path: Path, normalise: str) -> None:
    inputs = InputParameters(dims=(4, 5), windows=(1, 2), normalise=normalise).for_kind("lens").for_frames((8, 10))
    rates, statistics = reference_inputs(frames(7), inputs, "lens")
    assert statistics is not None
    network = initial_network(40, LensTrainingParameters(), 7, np.random.default_rng(1))
    record = RunRecord.read(
        {**read_json(lens_file(tmp_path).with_suffix(".json")), "inputs": inputs.model_dump(mode="json")}, "record"
    ).model_copy(update={"statistics": statistics.as_json()})
    save_network(tmp_path / "lens.pth", network, record)
    runner = NetworkRunner.open(tmp_path / "lens.pth", spiking=SpikingParameters(timebin=30))
    live = np.stack([runner.step(frame) for frame in frames(7)], axis=1)
    np.testing.assert_array_equal(live, runner.similarity(frames(7)).similarity)
    shown = InputEncoder(inputs, statistics, "lens").batch(frames(7))
    np.testing.assert_array_equal(live, similarity(simulate(network, shown, SpikingParameters(timebin=30))))
    assert rates.shape == (7, 40)


def test_counts_alone_with_ties_by_index(tmp_path: Path) -> None:
    columns = NetworkRunner.open(lens_file(tmp_path), ties="index").similarity(frames(4)).similarity
    np.testing.assert_array_equal(columns, np.round(columns))


def test_options_that_the_record_contradicts_are_told_and_passed_over(tmp_path: Path) -> None:
    heard: list[JobEvent] = []
    asked = InputParameters(dims=(4, 5), encoding="raw", query_encoding="log")
    runner = NetworkRunner.open(lens_file(tmp_path), asked, emit=heard.append)
    assert runner.inputs == GRID.for_kind("lens").model_copy(update={"query_encoding": "log"})
    assert [event.text for event in heard if isinstance(event, Notice)] == [
        "encoding: the network's run record says otherwise and is followed."
    ]


def test_without_a_record_a_network_is_lens_s_own(tmp_path: Path) -> None:
    heard: list[JobEvent] = []
    runner = NetworkRunner.open(lens_file(tmp_path, None), InputParameters(dims=(4, 5)), emit=heard.append)
    assert (runner.inputs.cell, runner.inputs.encoding) == ("centre", "gamma")
    assert any(isinstance(event, Notice) and "no run record" in event.text for event in heard)


def test_inputs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"route\.pth has 20 inputs, but dims 3x3 makes 9"):
        NetworkRunner.open(lens_file(tmp_path, None), InputParameters(dims=(3, 3)))
    with pytest.raises(BadInput, match="does not exist"):
        NetworkRunner.open(tmp_path / "none.pth")
    runner = NetworkRunner.open(lens_file(tmp_path))
    with pytest.raises(BadInput, match="does not divide"):
        runner.similarity(np.zeros((2, 9, 10), np.uint8))


def test_a_run_can_be_cancelled(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        NetworkRunner.open(lens_file(tmp_path)).similarity(frames(3), cancel=cancel)
