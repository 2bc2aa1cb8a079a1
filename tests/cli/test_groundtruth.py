"""revisit-cli groundtruth, as a person types it."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.frames.png import write_png
from engine.places.ground_truth import load_ground_truth, save_ground_truth
from engine.places.truth_details import read_details
from tests.places.truth.made import write_pair

REFERENCE, QUERY = np.arange(5, 45, dtype=float), np.arange(10, 40, dtype=float) + 0.2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lab")
    write_pair(root, REFERENCE, QUERY, located=True)
    return root


@pytest.fixture
def lab(made: Path) -> Path:
    for path in (made / "dataset/street/dvs").glob("*_GT.*"):
        path.unlink()
    return made


def run(lab: Path, way: str, *options: str, expect: int = 0) -> None:
    names = ["--dataset", "street", "--camera", "dvs", "--reference", "monday", "--query", "tuesday"]
    assert main(["groundtruth", way, "--data_dir", str(lab), *names, *options]) == expect


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    content = json.loads(capsys.readouterr().out)
    assert isinstance(content, dict)
    return content


def target(lab: Path) -> Path:
    return lab / "dataset/street/dvs/monday_tuesday_GT.npy"


def rows(path: Path) -> list[int]:
    return np.load(path).argmax(axis=0).tolist()  # type: ignore[no-any-return]


def test_from_poses_writes_lens_name_and_says_what_it_did(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(lab, "from-poses", "--radius_m", "6", "--json", "-")
    told = answer(capsys)
    assert told["file"] == str(target(lab)) and told["queries_with_match"] == 30 and told["masked"] == 0
    assert rows(target(lab)) == list(range(5, 35))
    details = read_details(target(lab))
    assert details is not None and details.made[0]["parameters"]["radius_m"] == 6
    np.testing.assert_array_equal(load_ground_truth(target(lab), (40, 40), (30, 30)).matrix.sum(axis=0), 1)


def test_nothing_is_overwritten_unasked(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(lab, "identity")
    before = target(lab).read_bytes()
    run(lab, "align", expect=2)
    assert "exists already: pass --overwrite" in capsys.readouterr().err
    assert target(lab).read_bytes() == before
    run(lab, "align", "--overwrite")
    assert target(lab).read_bytes() != before
    np.testing.assert_allclose(rows(target(lab)), np.arange(5, 35), atol=1)


def test_only_the_used_frames_are_matched(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "half_GT.npy"
    run(lab, "from-poses", "--radius_m", "11", "--filter", "2", "--query_places", "10", "--out", str(out), "--json", "-")
    assert (answer(capsys)["references"], np.load(out).shape) == (20, (20, 10))
    assert not target(lab).exists()


def test_from_anchors_on_the_line_and_in_a_file(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "anchors.csv"
    file.write_text("reference,query\n5,0\n")
    run(lab, "from-anchors", "--anchors", str(file), "--anchor", "34:29", "--json", "-")
    assert answer(capsys)["queries_with_match"] == 30
    assert rows(target(lab)) == list(range(5, 35))
    details = read_details(target(lab))
    assert details is not None and details.anchors == ((5, 0), (34, 29))


def test_import_turns_what_lies_the_other_way(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = tmp_path / "theirs.npy"
    save_ground_truth(theirs, np.eye(40, 30, k=-5).T)
    run(lab, "import", str(theirs), "--json", "-")
    assert "turned" in str(answer(capsys)["notices"])
    assert rows(target(lab)) == list(range(5, 35))


def test_check_finds_an_offset_and_a_shape(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_ground_truth(target(lab), np.eye(40, 30, k=-7))
    run(lab, "check", "--json", "-")
    told = answer(capsys)
    assert not told["fine"] and told["offset"]["best"] == -2 and told["offset"]["sure"]  # type: ignore[index]
    save_ground_truth(target(lab), np.eye(40, 30, k=-5))
    run(lab, "check", "--json", "-")
    told = answer(capsys)
    assert told["fine"] and told["suspicious"] == []
    wrong = tmp_path / "wrong.npy"
    save_ground_truth(wrong, np.eye(7))
    run(lab, "check", "--gt_file", str(wrong), "--json", "-", expect=2)
    out = capsys.readouterr()
    assert json.loads(out.out)["findings"][0]["kind"] == "shape"
    assert "is 7 x 7, but there are 40 reference frames and 30 query frames" in out.err.strip().splitlines()[-1]


def test_names_of_any_language_and_traverses_of_one_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.places.traverse import TraverseInfo, write_traverse
    from engine.places.workspace import Workspace
    from tests.places.truth.made import route_frames

    (tmp_path / "dataset").mkdir()
    workspace = Workspace.open(tmp_path)
    for name, places in (("früh", np.arange(4.0)), ("夜", np.arange(1.0))):
        folder = workspace.frames_folder("straße", "dvs", name)
        write_traverse(folder, workspace.index_file(name), route_frames(places), TraverseInfo())
    names = ["--data_dir", str(tmp_path), "--dataset", "straße", "--camera", "dvs", "--reference", "früh", "--query", "夜"]
    assert main(["groundtruth", "identity", *names]) == 0
    assert np.load(workspace.ground_truth_file("straße", "dvs", "früh", "夜")).shape == (4, 1)
    assert main(["groundtruth", "check", *names, "--method", "sad", "--json", "-"]) == 0
    assert "früh_夜_GT.npy" in str(answer(capsys)["file"])
    assert main(["groundtruth", "check", *names]) == 2  # that method needs more than one frame, and says so
    assert "at least two frames" in capsys.readouterr().err


def test_frames_of_different_sizes_and_an_empty_traverse_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(tmp_path, REFERENCE[:6], QUERY[:6])
    folder = tmp_path / "dataset/street/dvs/tuesday"
    for path in folder.glob("*.png"):
        write_png(path, np.zeros((9, 9), np.uint8))
    run(tmp_path, "align", expect=2)
    assert "20x20 and query frames 9x9" in capsys.readouterr().err
    for path in folder.glob("*.png"):
        path.unlink()
    run(tmp_path, "align", expect=2)
    assert "tuesday" in capsys.readouterr().err
    (tmp_path / "dataset/tuesday.csv").unlink()
    run(tmp_path, "identity", expect=2)
    assert "has no PNG frames" in capsys.readouterr().err


def test_lens_example_is_found_one_frame_off(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["groundtruth", "check", "--data_dir", str(shared_data / "lens-example"), "--json", "-"]) == 0
    told = answer(capsys)
    assert told["offset"]["best"] == -1 and told["offset"]["sure"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("way", "options", "words"),
    [
        ("from-poses", ["--radius_m", "0"], "radius_m should be greater than 0"),
        ("from-poses", ["--radius_m", "0.01"], "No query lies within 0.01 m"),
        ("from-poses", ["--query", "friday"], "friday"),
        ("from-poses", ["--out", "truth.csv"], "should end in .npy"),
        ("from-anchors", [], "two pairs of frames at least"),
        ("from-anchors", ["--anchor", "3"], "reference:query), but is '3'"),
        ("from-anchors", ["--anchor", "0:0", "--anchor", "99:2"], "99:2"),
        ("from-anchors", ["--anchors", "none.csv"], "none.csv cannot be read"),
        ("identity", ["--offset", "100"], "offset of 100"),
        ("align", ["--method", "magic"], "no method called 'magic'"),
        ("align", ["--fastest", "0"], "fastest should be greater"),
        ("import", ["none.npy"], "none.npy does not exist"),
        ("check", [], "monday_tuesday_GT.npy does not exist"),
        ("check", ["--largest_offset", "0"], "largest_offset should be"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_written(
    lab: Path, capsys: pytest.CaptureFixture[str], way: str, options: list[str], words: str
) -> None:
    run(lab, way, *options, expect=2)
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in complaint and "Traceback" not in complaint
    assert not target(lab).exists() and not target(lab).with_suffix(".json").exists()


@pytest.mark.parametrize(
    ("text", "words"), [("a,b\n1,2\n", "needs the columns"), ("reference,query\n1,x\n", "line 2"), ("", "needs")]
)
def test_wrong_files_of_anchors_are_one_sentence(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    file = tmp_path / "anchors.csv"
    file.write_text(text)
    run(lab, "from-anchors", "--anchors", str(file), expect=2)
    assert words in capsys.readouterr().err
