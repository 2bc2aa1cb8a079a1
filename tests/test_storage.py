"""Files that are whole or not there."""

import json
import os
import threading
from pathlib import Path

import pytest

from engine.cli.console import write_result
from engine.errors import BadInput
from engine.storage import new_folder, read_json, replacing, write_json
from tests.waiting import PATIENCE_S


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"old": 1})
    with pytest.raises(RuntimeError), replacing(target) as part:
        part.write_text("half")
        raise RuntimeError("power cut")
    assert read_json(target) == {"old": 1}
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "a.json", tmp_path / "link.json"
    write_json(target, 1)
    link.symlink_to(target)
    write_json(link, 2)
    assert link.is_symlink()
    assert read_json(target) == 2


def test_a_pipe_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BadInput, match="is not a file"):
        write_json(pipe, 1)
    assert pipe.is_fifo()
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_result(str(pipe), {"places": 3})
    reader.join(PATIENCE_S)
    assert json.loads(got[0]) == {"places": 3}
    assert pipe.is_fifo()


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_folder(tmp_path / "new") as part:
        (part / "half").write_text("half")
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "new") as part:
        (part / "whole").write_text("whole")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["whole"]
    with pytest.raises(BadInput, match="exists already"), new_folder(tmp_path / "new"):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2"])
def test_what_is_no_json_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.json cannot be read as JSON"):
        read_json(tmp_path / "a.json")


def test_a_json_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" + "1," * 100 + "1]")
    with pytest.raises(BadInput, match="more than the 50"):
        read_json(tmp_path / "a.json", limit=50)
