"""The commands on recordings, as a shell runs them."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from tests.events import made

EVENTS = made.some_events(300)


def test_convert_then_info_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "walk.raw", tmp_path / "walk.aedat4"
    source.write_bytes(made.evt3(EVENTS))
    assert main(["convert", str(source), str(target), "--compression", "zstd", "--json", "-"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["events"], done["format"], done["left_out"]) == (300, "aedat4", 0)
    assert main(["info", str(target), "--json", "-"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["sensor"] == [346, 260]
    assert (info["format"], info["events"], info["on"] + info["off"]) == ("aedat4", 300, 300)
    assert (info["t_first_us"], info["t_last_us"]) == (int(EVENTS["timestamp"][0]), int(EVENTS["timestamp"][-1]))
    assert {"rate", "out_of_range", "out_of_order"} <= set(info)


def test_what_is_wrong_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "walk.npy"
    source.write_bytes(made.npy(EVENTS))
    for words, said in (
        (["info", str(source), "--size", "big"], "346x260"),
        (["convert", str(source), str(tmp_path / "a.aedat4"), "--compression", "rar"], "compression"),
        (["convert", str(tmp_path / "nothing"), str(tmp_path / "a.aedat4")], "does not exist"),
    ):
        assert main(words) == 2
        told = capsys.readouterr().err.strip()
        assert said in told and "\n" not in told


def test_of_many_recordings_a_wrong_one_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "walk.npy").write_bytes(made.npy(EVENTS))
    (tmp_path / "photo.raw").write_bytes(b"\x89PNG and so on")
    words = ["bin", str(tmp_path / "walk.npy"), str(tmp_path / "photo.raw"), "--data_dir", str(tmp_path / "work")]
    words += ["--size", "346", "260", "--window_ms", "1"]
    assert main(words) == 2
    assert "photo.raw is not a recording" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
    assert main([*words[:2], *words[3:]]) == 0
    (made_of,) = (tmp_path / "work").rglob("traverse.json")
    assert made_of.parent.name == "walk"


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (["1", "2", "3"], "roi has too few values."),
        (["1", "2", "3", "4", "5"], "roi should have at most 4 values, but has 5."),
        (["1", "2", "3", "wide"], "roi should be a valid integer, but is 'wide'."),
    ],
)
def test_a_region_of_another_length_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], region: list[str], said: str
) -> None:
    assert main(["bin", str(tmp_path / "walk.npy"), "--roi", *region]) == 2
    assert capsys.readouterr().err.strip() == f"revisit-cli bin: {said}"
