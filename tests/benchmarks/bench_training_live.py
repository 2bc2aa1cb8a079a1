"""What watching costs: LENS trained in the Training panel with its plots shown, beside the same training without a window.

    python -m tests.benchmarks.bench_training_live [--rounds 5] [--long]

Both run in this process, in turns, on all cores; the ratio of one round is of two trainings that follow each other. Seconds are
those of the training itself, as the run records them: reading frames and writing files are apart. The window is drawn in software
(Qt's offscreen platform, as without a graphics card). The example has 100 inputs, 200 features and 100 places and is learned in a
twentieth of a second; the large network has 784 inputs, 1,568 features and 1,000 places, with a validation query of 100 frames.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.training import TrainingView
from app.window import MainWindow
from engine.frames.png import write_png
from engine.jobs import CancelToken, ignore
from engine.places.ground_truth import save_ground_truth
from engine.places.index import index_of_folder, write_index
from engine.places.selection import ReferenceSelection
from engine.places.workspace import Workspace
from engine.training.job import read_places
from engine.training.lens import train_lens
from engine.training.live import LiveMetrics
from engine.training.parameters import LensTrainingParameters
from engine.training.runs import Run

_PATIENCE_S = 600.0


def wait(seconds: float) -> None:
    """Let the window work."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def wait_until(condition: Callable[[], object]) -> None:
    """Let the window work until something is so."""
    for _ in range(round(_PATIENCE_S / 0.05)):
        if condition():
            return
        wait(0.05)
    raise TimeoutError("the training did not end")


def make_workspace(root: Path) -> Workspace:
    """Two pairs of random traverses: 100 frames of 80 x 80, and 1,000 of 28 x 28 with 100 queries."""
    workspace, rng = Workspace.create(root), np.random.default_rng(0)
    for camera, side, places, queries in (("example", 80, 100, 100), ("large", 28, 1000, 100)):
        frames = rng.poisson(rng.gamma(0.6, 12, (places, side, side))).clip(0, 255).astype(np.uint8)
        for name, part in ((f"{camera}-reference", frames), (f"{camera}-query", frames[:queries])):
            folder = workspace.frames_folder("bench", camera, name)
            for number, frame in enumerate(part):
                write_png(folder / f"image_{number:04d}.png", frame)
            write_index(workspace.index_file(name), index_of_folder(folder))
        truth = np.eye(places, queries)
        save_ground_truth(workspace.ground_truth_file("bench", camera, f"{camera}-reference", f"{camera}-query"), truth)
    return workspace


def quiet_seconds(workspace: Workspace, camera: str, view: TrainingView) -> tuple[float, float]:
    """The same training by the engine alone, with its checkpoints: no plots, no validation. Seconds, and of the processor."""
    request = view.setup.request()
    assert request is not None and isinstance(request.training, LensTrainingParameters)
    selection = ReferenceSelection(data_dir=workspace.data_dir, dataset="bench", camera=camera, reference=f"{camera}-reference")
    rates = read_places(selection, request.inputs, ignore, CancelToken()).rates
    live = LiveMetrics(ignore, request.training.seed, rates, details=False)
    used, begun = time.process_time(), time.perf_counter()
    train_lens(request.training, rates, ignore, CancelToken(), live=live, checkpoint=workspace.root / "checkpoint.npz")
    return time.perf_counter() - begun, time.process_time() - used


def watched_seconds(view: TrainingView) -> tuple[float, float, int]:
    """By the Start button, with the plots shown: seconds, those that the window's own thread worked, how many plots it drew."""
    before, drawn = {run.folder for run in view.parts.runs.model.runs}, view.parts.live.drawn
    used = time.thread_time()
    view.parts.buttons.start.click()

    def trained() -> Run | None:
        new = [run for run in view.parts.runs.model.runs if run.folder not in before and run.info.seconds is not None]
        return new[0] if new and not view.training.running else None

    wait_until(trained)
    run = trained()
    assert run is not None and run.info.seconds is not None
    return run.info.seconds, time.thread_time() - used, view.parts.live.drawn - drawn


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long", action="store_true", help="also the large network for eight times as long")
    arguments = parser.parse_args()
    application = QApplication([sys.argv[0]])
    cases: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
        ("example", {"dims": (10, 10)}, {}, 4 * arguments.rounds),
        ("large", {"dims": (28, 28)}, {"epoch_feat": 24, "epoch_out": 12}, arguments.rounds),
    ]
    if arguments.long:
        cases.append(("large", {"dims": (28, 28)}, {"epoch_feat": 192, "epoch_out": 96}, arguments.rounds))
    with tempfile.TemporaryDirectory() as scratch:
        workspace = make_workspace(Path(scratch) / "workspace")
        settings = Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat))
        window = MainWindow(settings, Theme(application, "dark"))
        window.resize(1280, 800)
        window.show()
        window.open_workspace(workspace.root)
        window.show_panel("training")
        view = window.current_view
        assert isinstance(view, TrainingView)
        wait_until(lambda: view.setup.plan is not None)
        for camera, inputs, training, rounds in cases:
            window.session.select(dataset="bench", camera=camera, reference=f"{camera}-reference", query=f"{camera}-query")
            view.parts.setup.inputs_form.set_values(inputs)
            view.parts.setup.training_form.set_values({"epoch_feat": 128, "epoch_out": 128, **training})
            view.parts.setup.edited.emit()
            wait_until(lambda: view.setup.plan is not None and view.parts.buttons.start.isEnabled())
            wait(0.5)
            quiet, watched, window_s, draws = [], [], [], 0
            watched_seconds(view)  # a first one, so that torch is loaded
            for _ in range(rounds):
                wait(0.5)  # the panel has shown what the last one brought
                quiet.append(quiet_seconds(workspace, camera, view)[0])
                seconds, used, drawn = watched_seconds(view)
                watched.append(seconds)
                window_s.append(used)
                draws += drawn
            ratio = statistics.median(b / a for a, b in zip(quiet, watched, strict=True))
            print(
                f"{camera:8s} quiet {statistics.median(quiet):7.3f} s, watched {statistics.median(watched):7.3f} s, "
                f"median ratio {ratio:.3f} of {rounds} rounds; {draws / rounds:.0f} plots drawn a training, "
                f"the window's thread worked {statistics.median(window_s):.3f} s"
            )
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
