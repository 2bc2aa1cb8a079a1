"""Maps of prototypes changed after training, by the job and by the command."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, ignore
from engine.networks.record import read_record
from engine.places.ground_truth import save_ground_truth
from engine.recognition.run_network import NetworkRunner
from engine.training.edit_map import MapEditParameters, edit_map, places_of
from engine.training.job import TrainingOutput
from engine.training.prototype import PrototypeParameters, train_prototype
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, reference_of, small_workspace


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A workspace with a map of either traverse, monday.pth and tuesday.pth."""
    workspace = small_workspace(tmp_path)
    for name in (REFERENCE, QUERY):
        selection = reference_of(workspace).model_copy(update={"reference": name})
        output = TrainingOutput(model=tmp_path / f"{name}.pth")
        train_prototype(selection, InputParameters(dims=(8, 8)), PrototypeParameters(), output, ignore, CancelToken())
    return tmp_path


def frames_of(root: Path, name: str) -> list[Path]:
    folder = root / "dataset" / DATASET / CAMERA / name
    return sorted(folder.glob("*.png"))


def test_two_traverses_become_one_map_by_a_ground_truth(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = np.zeros((30, 30))
    truth[np.arange(29), np.arange(1, 30)] = 1  # tuesday's first frame is before the route
    save_ground_truth(maps / "GT.npy", truth)
    command = ["places", "--model", str(maps / "monday.pth"), "--merge", str(maps / "tuesday.pth"), "--json", "-"]
    assert main([*command, "--gt_file", str(maps / "GT.npy"), "--out", str(maps / "both.pth")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["places"], result["neurons"], result["merged"]) == (30, 59, 29)
    record = read_record(maps / "both.pth")
    assert record is not None
    assert record.references == (REFERENCE, QUERY)
    both = NetworkRunner.open(maps / "both.pth")
    assert both.network.neuron_places.tolist()[-3:] == [28, 28, 29]  # type: ignore[union-attr]


def test_places_are_added_and_removed_and_the_others_answer_as_before(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queries = frames_of(maps, QUERY)
    command = ["places", "--model", str(maps / "monday.pth"), "--remove", "3", "0", "--add", *map(str, queries[:2])]
    assert main([*command, "--out", str(maps / "changed.pth"), "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["places"], result["added"], result["removed"]) == (30, [28, 29], 2)
    from engine.frames.png import read_frames

    shown = read_frames(queries)
    before = NetworkRunner.open(maps / "monday.pth").similarity(shown).similarity
    after = NetworkRunner.open(maps / "changed.pth").similarity(shown).similarity
    kept = [place for place in range(30) if place not in (0, 3)]
    np.testing.assert_array_equal(after[:28], before[kept])
    assert after[:, 1].argmax() == 29


def test_the_middle_of_several_true_places_counts() -> None:
    truth = np.array([[1, 0, 0, 1], [1, 0, 1, 1], [1, 0, 1, 0]])
    assert places_of(truth, np.array([False, False, False, True])).tolist() == [1, -1, 1, -1]


def test_what_is_wrong_is_one_sentence_and_nothing_is_written(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = maps / "out.pth"
    for options, sentence in (
        ({}, "Nothing is to be changed"),
        ({"gt_file": maps / "GT.npy", "remove": (1,)}, "give merge too"),
        ({"remove": (1, 1)}, "names a place twice"),
        ({"remove": (30,)}, "Place 30 cannot be removed"),
        ({"add": (maps / "none.png",)}, "none.png"),
        ({"merge": maps / "none.pth"}, "does not exist"),
        ({"remove": (1,), "out": maps / "monday.pth"}, "exists already"),
    ):
        values = {"model": maps / "monday.pth", "out": out, **options}
        with pytest.raises(BadInput, match=sentence) as error:
            edit_map(MapEditParameters.check(values), ignore, CancelToken())
        assert "\n" not in str(error.value)
        assert not out.exists()
    assert main(["places", "--model", str(maps / "monday.pth"), "--out", str(out)]) == 2
    assert "Nothing is to be changed" in capsys.readouterr().err
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        edit_map(MapEditParameters(model=maps / "monday.pth", out=out, remove=(1,)), ignore, cancel)
    assert not out.exists()
