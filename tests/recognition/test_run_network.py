"""Networks run by one runner: whole traverses and live frames give the same columns."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters, query_inputs
from engine.jobs import CancelToken, JobEvent, Notice, Progress
from engine.networks.lens import initial_network, save_network
from engine.networks.record import RunRecord, hash_arrays
from engine.recognition.encoding import SpikingParameters
from engine.recognition.run_network import NetworkRunner
from engine.recognition.spiking import similarity, simulate
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
    assert (runner.kind, runner.places, runner.inputs) == ("lens", 7, GRID)
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


def test_counts_alone_with_ties_by_index(tmp_path: Path) -> None:
    columns = NetworkRunner.open(lens_file(tmp_path), ties="index").similarity(frames(4)).similarity
    np.testing.assert_array_equal(columns, np.round(columns))


def test_options_that_the_record_contradicts_are_told_and_passed_over(tmp_path: Path) -> None:
    heard: list[JobEvent] = []
    asked = InputParameters(dims=(4, 5), encoding="raw", query_encoding="log")
    runner = NetworkRunner.open(lens_file(tmp_path), asked, emit=heard.append)
    assert runner.inputs == GRID.model_copy(update={"query_encoding": "log"})
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
