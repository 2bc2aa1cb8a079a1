"""Prototypes trained from a workspace: the job, the command, the records."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import main
from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, JobEvent, Metric, ignore
from engine.networks.open import open_network
from engine.networks.prototype import PrototypeNetwork
from engine.networks.record import read_record
from engine.training.job import TrainingOutput
from engine.training.prototype import PrototypeParameters, train_prototype
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, reference_of, small_workspace


def where(root: Path) -> list[str]:
    return ["--data_dir", str(root), "--dataset", DATASET, "--camera", CAMERA, "--reference", REFERENCE]


def test_a_traverse_becomes_a_network_and_its_record(tmp_path: Path) -> None:
    workspace, heard = small_workspace(tmp_path), list[JobEvent]()
    trained = train_prototype(
        reference_of(workspace),
        InputParameters(dims=(8, 8)),
        PrototypeParameters(),
        TrainingOutput(),
        heard.append,
        CancelToken(),
    )
    assert trained.path == workspace.models / "monday_PROTOTYPE_IN192_DB30.pth"
    network = open_network(trained.path)
    assert isinstance(network, PrototypeNetwork)
    assert (network.places, network.inputs) == (30, 192)
    assert network.clipped_share < 0.02
    record = read_record(trained.path)
    assert record == trained.record
    assert record is not None
    assert (record.kind, record.inputs["windows"], record.inputs["normalise"]) == ("prototype", [1, 2, 4], "causal")
    metrics = {event.name: event.values for event in heard if isinstance(event, Metric)}
    assert set(metrics) == {"output layer", "output weights", "spikes"}
    assert metrics["output layer"]["firing_rate"].shape == (30,)
    assert metrics["spikes"]["input"].shape == (32, 192)
    assert metrics["spikes"]["output"].shape == (32, 30)
    assert metrics["spikes"]["output"][:, 29].sum() > 0


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path)
    networks = []
    for name in ("a", "b"):
        output = TrainingOutput(model=tmp_path / f"{name}.pth")
        networks.append(
            train_prototype(
                reference_of(workspace),
                InputParameters(dims=(8, 8)),
                PrototypeParameters(),
                output,
                ignore,
                CancelToken(),
            ).network
        )
    one, other = networks
    assert isinstance(one, PrototypeNetwork)
    assert isinstance(other, PrototypeNetwork)
    np.testing.assert_array_equal(one.weights, other.weights)
    assert one.threshold == other.threshold


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--windows", "1"],
        ["--windows", "1", "--cell", "centre", "--normalise", "none"],
        ["--normalise", "reference"],
        ["--spikes", "random", "--timebin", "80"],
    ],
)
def test_the_command_trains_and_evaluates_it(tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    small_workspace(tmp_path)
    model = tmp_path / "network.pth"
    assert main(["train", *where(tmp_path), "--network", "prototype", "--dims", "8", "--model", str(model), *options]) == 0
    assert "30 places" in capsys.readouterr().err
    evaluate = ["evaluate", *where(tmp_path), "--query", QUERY, "--model", str(model), "--sequence_length", "0", "--json", "-"]
    assert main([*evaluate, "--GT_tolerance", "0"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert result["recall_at"]["1"] > 0.9
    assert result["synops_per_query"] > 0
    assert [method["name"] for method in result["methods"]] == ["Prototype", "Prototype, membrane"]
    assert result["methods"][1]["recall_at"]["1"] > 0.9


def test_an_evaluation_finds_it_by_its_name_where_there_is_no_lens_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = small_workspace(tmp_path)
    assert main(["train", *where(tmp_path), "--network", "prototype", "--dims", "8"]) == 0
    assert (workspace.models / "monday_PROTOTYPE_IN192_DB30.pth").exists()
    capsys.readouterr()
    assert main(["evaluate", *where(tmp_path), "--query", QUERY, "--dims", "8", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["model"].endswith("monday_PROTOTYPE_IN192_DB30.pth")


def test_nothing_is_written_where_it_is_cancelled_or_wrong(tmp_path: Path) -> None:
    workspace, cancel = small_workspace(tmp_path), CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        train_prototype(
            reference_of(workspace), InputParameters(dims=(8, 8)), PrototypeParameters(), TrainingOutput(), ignore, cancel
        )
    assert not workspace.models.exists() or not list(workspace.models.iterdir())
    one = reference_of(workspace).model_copy(update={"reference_places": 1})
    with pytest.raises(BadInput, match="One reference frame has no deviations"):
        train_prototype(one, InputParameters(dims=(8, 8)), PrototypeParameters(), TrainingOutput(), ignore, CancelToken())
