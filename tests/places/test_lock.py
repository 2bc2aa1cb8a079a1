"""One writer a workspace; a dead one is no hindrance."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.places import lock as lock_module
from engine.places.lock import NAME, Held, WorkspaceLock, read_holder

ROOT = Path(__file__).resolve().parents[2]
HOLDER = (
    "import sys, time\nfrom pathlib import Path\nfrom engine.places.lock import WorkspaceLock\n"
    "lock = WorkspaceLock.take(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()\n"
)


def test_the_second_is_told_who_and_the_first_may_release(tmp_path: Path) -> None:
    first = WorkspaceLock.take(tmp_path)
    assert first.recovered is None
    holder = read_holder(tmp_path / NAME)
    assert holder is not None and (holder.pid, holder.host) == (os.getpid(), socket.gethostname())
    with pytest.raises(Held, match=rf"process {os.getpid()} on this computer, since "):
        WorkspaceLock.take(tmp_path)
    first.release()
    first.release()
    assert not (tmp_path / NAME).exists()
    WorkspaceLock.take(tmp_path).release()


def test_a_process_that_was_killed_leaves_a_lock_that_is_recovered(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        with pytest.raises(Held, match=f"process {child.pid} "):
            WorkspaceLock.take(tmp_path)
    finally:
        child.kill()
        child.wait()
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
    lock = WorkspaceLock.take(tmp_path)
    assert lock.recovered is not None and lock.recovered.pid == child.pid
    lock.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "many"}', "\xff\xfe", "x" * 10_000])
def test_a_lock_file_of_anything_is_no_hindrance(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text, encoding="latin-1")
    lock = WorkspaceLock.take(tmp_path)
    assert read_holder(tmp_path / NAME) is not None
    lock.release()


def test_without_flock_a_live_process_or_another_computer_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "fcntl", None)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid, host, held in (
        (os.getppid(), socket.gethostname(), True),
        (gone.pid, socket.gethostname(), False),
        (gone.pid, "robot", True),
    ):
        (tmp_path / NAME).write_text(json.dumps({"pid": pid, "host": host, "since": "today"}))
        if held:
            with pytest.raises(Held, match="on robot" if host == "robot" else "on this computer"):
                WorkspaceLock.take(tmp_path)
        else:
            WorkspaceLock.take(tmp_path).release()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(Held, match="cannot be written"):
        WorkspaceLock.take(tmp_path / "missing")
