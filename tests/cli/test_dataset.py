"""revisit-cli dataset, as a person runs it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import main
from engine.frames.png import write_png
from engine.places.workspace import Workspace
from tests.places.made import fill, nmea, workspace_at
from tests.places.test_from_recordings import recording


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = workspace_at(tmp_path / "work")
    fill(made, "monday")
    fill(made, "tuesday", 4)
    return made


class Dataset:
    """Runs a command on the workspace and reads its JSON."""

    def __init__(self, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace, self.capsys = workspace, capsys

    def run(self, action: str, *words: str, camera: bool = True) -> tuple[int, dict[str, Any], str]:
        where = ["--data_dir", str(self.workspace.root)]
        where += ["--dataset", "street", "--camera", "dvs"] if camera else []
        try:
            code = main(["dataset", action, *words, *where, "--json", "-"])
        except SystemExit as wrong_usage:
            code = int(wrong_usage.code or 0)
        said = self.capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    def names(self) -> list[str]:
        return [name for _, _, name in self.workspace.traverses()]


@pytest.fixture
def dataset(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Dataset:
    return Dataset(workspace, capsys)


def test_list_and_check(dataset: Dataset) -> None:
    code, result, _ = dataset.run("list", camera=False)
    assert code == 0 and [found["traverse"] for found in result["traverses"]] == ["monday", "tuesday"]
    assert result["traverses"][0]["frames"] == 6 and result["traverses"][0]["window_ms"] == 1000
    code, result, said = dataset.run("check", "--traverse", "monday", "--sample", "3")
    assert code == 0 and (result["frames"], result["measured"]) == (6, 3) and "few beside the 50 to 100" in said
    assert dataset.run("check", "--traverse", "monday", "--sample", "no")[0] == 2


def test_every_crop_merge_rename_delete_restore(dataset: Dataset) -> None:
    assert dataset.run("every", "--traverse", "monday", "--every", "2")[1]["frames"] == 3
    assert dataset.run("crop", "--traverse", "monday", "--from_s", "2", "--name", "end")[1]["frames"] == 4
    assert dataset.run("merge", "monday", "tuesday", "--name", "both")[1]["frames"] == 10
    assert dataset.run("rename", "--traverse", "end", "--name", "Ende")[0] == 0
    assert dataset.names() == ["Ende", "both", "monday", "monday-every-2", "tuesday"]
    code, deleted, said = dataset.run("delete", "Ende", "both")
    assert code == 0 and f"restore {deleted['entry']}" in said
    assert dataset.names() == ["monday", "monday-every-2", "tuesday"]
    assert dataset.run("restore", camera=False)[1]["trash"][0]["what"] == "Ende, both"
    assert dataset.run("restore", deleted["entry"], camera=False)[0] == 0
    assert dataset.names() == ["Ende", "both", "monday", "monday-every-2", "tuesday"]


def test_images_and_recordings_are_imported(dataset: Dataset, tmp_path: Path) -> None:
    for number in range(3):
        write_png(tmp_path / "photos" / f"{number}.png", np.full((10, 20), number, np.uint8))
    code, result, said = dataset.run(
        "import", str(tmp_path / "photos"), "--size", "10", "10", "--times", "rate", "--window_ms", "500"
    )
    assert code == 0 and result["traverses"][0]["frames"] == 3 and "3 images cut" in said
    recording(tmp_path / "walk.aedat4")
    nmea(tmp_path / "walk.nmea")
    code, result, _ = dataset.run("import", str(tmp_path / "walk.aedat4"), "--window_ms", "500", "--name", "drive")
    assert code == 0 and result["traverses"][0] | {"folder": ""} == {"traverse": "drive", "folder": "", "frames": 11}
    assert any("have a pose from walk.nmea" in notice for notice in result["notices"])
    code, result, _ = dataset.run("rebin", "--traverse", "drive", "--window_ms", "250")
    assert code == 0 and result["traverse"] == "drive-250ms" and result["frames"] == 23
    other = workspace_at(tmp_path / "other")
    fill(other, "wednesday")
    assert dataset.run("import", str(other.root), camera=False)[1]["traverses"][0]["traverse"] == "wednesday"


def test_poses_are_attached_corrected_and_taken_off(dataset: Dataset, tmp_path: Path) -> None:
    log = nmea(tmp_path / "a.nmea")
    code, result, said = dataset.run("attach-poses", str(log), "--traverse", "monday")
    assert code == 0 and (result["clock"], result["located"]) == ("starts", 6) and "do not agree" in said
    assert dataset.run("set-offset", "--traverse", "monday", "--offset_s", "1.5")[1]["log"]["offset_s"] == 1.5
    assert dataset.run("detach-poses", "--traverse", "monday")[0] == 0
    code, _, said = dataset.run("estimate-offset", "--reference", "monday", "--query", "tuesday")
    assert code == 2 and "no log of poses attached" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("every", "--traverse", "sunday"), "is not a folder"),
        (("every", "--traverse", "monday", "--every", "1"), "every should be greater than or equal to 2"),
        (("crop", "--traverse", "monday", "--first", "99"), "lies in that part"),
        (("merge", "monday"), "at least two"),
        (("rename", "--traverse", "monday", "--name", "tuesday"), "exists already"),
        (("delete", "sunday"), "is not there"),
        (("restore", "2020-01-01_00-00-00"), "nothing that was deleted"),
        (("attach-poses", "none.nmea", "--traverse", "monday"), "does not exist"),
        (("import", "nothing-here"), "does not exist"),
        (("rebin", "--traverse", "monday"), "The recording of monday is not there"),
        (("check", "--traverse", "../../etc"), "should be the name of a folder"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(dataset: Dataset, words: tuple[str, ...], sentence: str) -> None:
    code, result, said = dataset.run(*words, camera=words[0] != "restore")
    assert code == 2 and result == {} and sentence in said and "Traceback" not in said
