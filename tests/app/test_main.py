"""The program from outside: smoke pictures, wrong usage, no display, what a start imports."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from app import display
from app.__main__ import parse
from app.display import NO_DISPLAY, why_no_window
from app.theme import DARK, LIGHT
from engine.places.lock import NAME
from tests.app.alone import WINDOW, run_alone
from tests.app.capture_help import write_recording
from tests.app.conftest import colours_of
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(("theme", "colours"), [("dark", DARK), ("light", LIGHT)])
def test_a_smoke_picture_of_a_panel(tmp_path: Path, workspace: Path, theme: str, colours: object) -> None:
    target = tmp_path / "new" / "picture.png"
    done = run(
        "--smoke", str(target), "--panel", "training", "--theme", theme, "--size", "1000x640", str(workspace), HOME=str(tmp_path)
    )
    assert (done.returncode, done.stderr) == (0, "")
    image = QImage(str(target))
    assert (image.width(), image.height()) == (1000, 640)
    assert QColor(image.pixel(900, 600)).name() == colours.window  # type: ignore[attr-defined]
    assert len(colours_of(image)) > 10
    assert not (workspace / NAME).exists(), "the workspace was given back"
    assert not list(tmp_path.rglob("*.conf")) and not (tmp_path / "Revisit").exists(), "no settings, no demo"


def test_a_recording_as_argument_goes_to_the_capture_panel(tmp_path: Path) -> None:
    write_recording(tmp_path / "walk.aedat4", 0.5)
    code = (
        "import sys\nfrom app.__main__ import main\nfrom app.window import MainWindow\n"
        "show = MainWindow.open_recording\n"
        "MainWindow.open_recording = lambda self, path: (show(self, path), print(path, self.stack.currentWidget().name))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "--smoke", "picture.png", "walk.aedat4"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        timeout=300,
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"{tmp_path / 'walk.aedat4'} capture"), done.stderr
    assert len(colours_of(QImage(str(tmp_path / "picture.png")))) > 10


def test_a_stop_from_outside_gives_the_workspace_back(tmp_path: Path, workspace: Path) -> None:
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    command = [sys.executable, "-m", "app", str(workspace)]
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    try:
        until((workspace / NAME).exists, "the lock of the open workspace")
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, errors) == (0, b"")
    assert not (workspace / NAME).exists()
    assert str(workspace) in next((tmp_path / "config").rglob("revisit.*")).read_text(), "it is among the recent ones"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["/nowhere/at/all"], "/nowhere/at/all is not there: give a workspace"),
        (["--panel", "kitchen"], "there is no panel 'kitchen': choose one of capture, "),
        (["--size", "1x1"], "--size should be like 1280x800, but is '1x1'"),
        (["--theme", "pink"], "invalid choice: 'pink'"),
        (["--smoke", "/proc/nowhere/picture.png"], "/proc/nowhere/picture.png cannot be written"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str) -> None:
    done = run(*arguments, QT_QPA_PLATFORM="offscreen")
    assert done.returncode in (1, 2)
    assert sentence in done.stderr and done.stderr.count("\n") == 1


def test_no_display_is_one_sentence_and_a_code_of_its_own() -> None:
    done = run()
    assert done.returncode == NO_DISPLAY
    assert done.stderr.startswith("revisit: There is no display") and done.stderr.count("\n") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the check is for X and Wayland")
def test_what_leads_to_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_loads", lambda library: library != "libxcb-cursor.so.0")
    assert why_no_window({"QT_QPA_PLATFORM": "offscreen"}) == ""
    assert "does not answer" in why_no_window({"DISPLAY": ":973"})
    assert "does not answer" in why_no_window({"DISPLAY": "127.0.0.1:40000"})
    assert "There is no display" in why_no_window({"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)})
    short = Path(os.path.relpath(tmp_path))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short / "w"))
        server.listen(1)
        assert why_no_window({"WAYLAND_DISPLAY": "w", "XDG_RUNTIME_DIR": str(short)}) == ""
        assert "There is no display" in why_no_window(
            {"WAYLAND_DISPLAY": "w", "XDG_RUNTIME_DIR": "/", "QT_QPA_PLATFORM": "wayland"}
        )
        assert why_no_window({"DISPLAY": str(short / "w")}).endswith("apt-get install libxcb-cursor0.")
        monkeypatch.setattr(display, "_loads", lambda library: True)
        assert why_no_window({"DISPLAY": str(short / "w")}) == ""


def test_a_start_imports_nothing_heavy(tmp_path: Path) -> None:
    code = WINDOW + (
        "application.processEvents(); window.show_panel('training')\n"
        "print([n for n in 'torch sinabs samna cv2 dv_processing h5py pyarrow rosbags'.split() if n in sys.modules])\n"
        "window.close()\n"
    )
    done = run_alone(code, tmp_path / "settings.ini")
    assert done.stdout.strip() == "[]", done.stderr


def test_the_command_line() -> None:
    arguments = parse(["--theme", "dark", "--panel", "deploy", "here"])
    assert (arguments.theme, arguments.panel, arguments.workspace, arguments.size) == (
        "dark",
        "deploy",
        Path("here"),
        (1280, 800),
    )
