"""The Dataset panel and what is behind it, with many frames.

    python -m tests.benchmarks.bench_dataset [--frames 30000]

Scrolling: the real window, drawn in software offscreen, on a traverse of so many frames of 80 x 80 pixels on disk; the scroll bar
is moved 60 times a second over the whole of it. An answer is how late a timer of 10 ms comes: what a click would wait. Film: 10 s
at 30 frames a second. Then imports and checks of frames, reading of logs of poses, and positions.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.dataset import DatasetView
from app.window import MainWindow
from engine.frames.png import encode_png
from engine.jobs import CancelToken, ignore
from engine.places.catalogue import catalogue
from engine.places.facts import check_traverse
from engine.places.imports import ImportParameters, import_images
from engine.places.making import TraverseName
from engine.places.pose_files import read_poses
from engine.places.pose_logs import AttachParameters, attach_poses
from engine.places.positions import positions_of
from engine.places.workspace import Workspace
from engine.simulation.logs import GpsParameters, write_nmea
from engine.simulation.traverse import Poses as DrivenPoses
from tests.benchmarks.answers import Answers, wait
from tests.benchmarks.bench_live import resident_mib

SIDE = 80


def timed(name: str, work: Callable[[], object], count: int = 0, unit: str = "") -> None:
    """Print how long something takes."""
    begin = time.perf_counter()
    work()
    took = time.perf_counter() - begin
    rate = f"{count / took:12,.0f} {unit}/s" if count else ""
    print(f"  {name:58s} {took:8.2f} s {rate}")


def tell(answers: Answers, name: str) -> None:
    """Stop, and print."""
    answers.stop()
    p50, p99 = (float(np.percentile(answers.late, share)) for share in (50, 99))
    print(f"  {name:58s} p50 {p50:5.1f} ms, p99 {p99:5.1f} ms, at worst {max(answers.late):5.1f} ms")


def panel(workspace: Workspace, name: TraverseName, scratch: Path) -> None:
    """The window's part."""
    application = QApplication([sys.argv[0]])
    window = MainWindow(
        Settings(QSettings(str(scratch / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "dark")
    )
    window.resize(1280, 800)
    window.show()
    window.open_workspace(workspace.root)
    begin, answers = time.perf_counter(), Answers()
    window.show_panel("dataset")
    view = window.current_view
    assert isinstance(view, DatasetView)
    while view.parts.inspector.view.frame is None:
        wait(0.01)
    print(f"  {'panel opened, first frame shown':58s} {time.perf_counter() - begin:8.2f} s")
    wait(4)  # the panel looks into the traverse by itself
    tell(answers, "answers while it opens and measures")
    grid, bar = view.grid, view.grid.verticalScrollBar()
    steps = 600
    for title, order in (("steadily down", np.linspace(0, 1, steps)), ("to and fro", np.random.default_rng(1).random(steps))):
        answers, painted = Answers(), grid.painted_frames
        for share in order:
            bar.setValue(int(share * bar.maximum()))
            wait(1 / 60)
        tell(answers, f"answers while scrolling {title}, 10 s")
        print(f"  {'thumbnails drawn meanwhile':58s} {grid.painted_frames - painted:8d}")
    view.parts.film.change_speed(9)
    answers, first = Answers(), view.frames.number
    view.parts.film.toggle()
    wait(10)
    view.parts.film.pause()
    tell(answers, "answers while a film of 30 frames/s plays")
    print(f"  {'frames of the film shown in 10 s':58s} {view.frames.number - first:8d}")
    print(f"  {'memory of the process':58s} {resident_mib():8.0f} MiB")
    window.stop_and_close()
    wait(0.3)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=30_000)
    frames = parser.parse_args().frames
    cancel = CancelToken()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        images = scratch / "images"
        images.mkdir()
        contents = [encode_png(frame) for frame in np.random.default_rng(1).poisson(0.6, (100, SIDE, SIDE)).astype(np.uint8) * 20]
        for number in range(frames):
            (images / f"frame_{number}.png").write_bytes(contents[number % 100])
        workspace = Workspace.create(scratch / "lab")
        parameters = ImportParameters(dataset="street", camera="dvs", name="long", times="rate", window_ms=100)
        name = TraverseName("street", "dvs", "long")
        print(f"{frames} frames of {SIDE} x {SIDE} pixels, {os.cpu_count()} cores")
        timed("import of the images", lambda: import_images(workspace, images, parameters, ignore, cancel), frames, "frames")
        shutil.rmtree(images)
        timed("catalogue of the workspace", lambda: catalogue(workspace, cancel))
        timed("check of all frames", lambda: check_traverse(workspace, name, ignore, cancel), frames, "frames")
        times = np.arange(0, frames * 100_000 + 1, 1_000_000)
        x = times / 1e6 * 5
        log = scratch / "long.nmea"
        write_nmea(log, DrivenPoses(times, x, 50 * np.sin(x / 300), np.zeros(len(x)), x), GpsParameters())
        fixes = len(times)
        timed("reading an NMEA log of as many seconds (RMC and GGA)", lambda: read_poses(log), fixes, "fixes")
        timed("attaching it", lambda: attach_poses(workspace, name, AttachParameters(log=log), ignore, cancel))
        timed("positions of all frames", lambda: positions_of(workspace, "street", "dvs", ["long"]), frames, "frames")
        panel(workspace, name, scratch)


if __name__ == "__main__":
    main()
