"""Children: an interpreter with our code, or in a bundle the bundle's program, does their work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.children import SERVE, SERVERS, child_command, serve_if_asked

ROOT = Path(__file__).resolve().parents[1]


def test_an_interpreter_runs_the_work_and_a_bundle_runs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert child_command(SERVERS[0]) == [sys.executable, "-c", f"from {SERVERS[0]} import serve; serve()"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert child_command(SERVERS[0]) == [sys.executable, SERVE, SERVERS[0]]
    with pytest.raises(ValueError, match="not the work of a child"):
        child_command("engine.cli")


@pytest.mark.parametrize("arguments", [[], [SERVE], ["demo"], [SERVE, "os"], [SERVE, "engine.cli"], [SERVE, SERVERS[0], "more"]])
def test_other_arguments_are_no_work_of_a_child(arguments: list[str]) -> None:
    assert not serve_if_asked(["revisit-cli", *arguments])


@pytest.mark.parametrize("start", ["start_cli.py", "start_window.py"])
def test_the_bundles_programs_do_a_childs_work(tmp_path: Path, start: str) -> None:
    (tmp_path / "no.npz").write_text("no zip")
    question = {"path": str(tmp_path / "no.npz"), "shown": "no.npz", "size": None, "reader": "NpzReader"}
    asked = json.dumps({**question, "module": "engine.events.formats.npz"}).encode() + b"\n"
    command = [sys.executable, str(ROOT / "packaging" / start), SERVE, "engine.events.formats._isolated"]
    done = subprocess.run(
        command, input=asked, capture_output=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    size = int.from_bytes(done.stdout[:4], "little")
    assert "no.npz" in json.loads(done.stdout[4 : 4 + size])["bad"]


def test_the_bundles_programs_are_the_programs(tmp_path: Path) -> None:
    for start, word in (("start_cli.py", "demo"), ("start_window.py", "--panel")):
        command = [sys.executable, str(ROOT / "packaging" / start), "--help"]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, timeout=300, check=False
        )
        assert done.returncode == 0 and word in done.stdout, done.stderr
