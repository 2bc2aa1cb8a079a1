"""The Capture panel under load: a loopback stream, region and two filters on, drawn by the real window.

    python -m tests.benchmarks.bench_capture_ui [--rate 10] [--seconds 20] [--record]

The stream is bench_live's server in a process of its own: 346 x 260 pixels of uniformly random events, the worst case for caches
and for drawing. Server, client, drawing in software (Qt's offscreen platform, as without a graphics card) and everything else
share the machine's cores. An answer is how late a timer of 10 ms comes: what a click would wait before it is looked at.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.capture import CaptureView
from app.widgets.source_bar import Chosen
from app.window import MainWindow
from engine.capture import RecordingParameters
from engine.events.sources import SourceState
from engine.places.workspace import Workspace
from tests.benchmarks.answers import Answers, wait
from tests.benchmarks.bench_live import in_use_mib, make_recording, resident_mib

WARM_UP_S = 3.0


def measure(window: MainWindow, view: CaptureView, address: str, seconds: float, record: bool) -> dict[str, Any]:
    """One run against a server that listens at `address`."""
    view.parts.source.choose(Chosen("stream", address=address))
    view.parts.source.open.click()
    while view.runner.state is not SourceState.RUNNING:
        wait(0.05)
        if view.runner.state is SourceState.FAILED:
            raise RuntimeError(view.runner.message)
    view.region.choose((45, 2, 256, 256))
    for kind in ("refractory", "background_activity"):
        view.parts.filters.rows[kind].switch.click()
    view.parts.window_form.set_values({"window_ms": 100.0})
    view.take_edits()
    if record:
        view.runner.start_recording(RecordingParameters(compression="none"))
    wait(WARM_UP_S)
    answers = Answers()
    ticks: list[float] = []
    view.runner._timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    pipeline = view.runner.pipeline
    assert pipeline is not None
    resident, in_use = [resident_mib()], [in_use_mib()]
    sampler = QTimer()
    sampler.timeout.connect(lambda: (resident.append(resident_mib()), in_use.append(in_use_mib())))
    sampler.start(1000)
    drawn, events = view.parts.live.picture.drawn, pipeline.source.statistics().delivered
    cpu, begin = time.process_time(), time.perf_counter()
    wait(seconds)
    took = time.perf_counter() - begin
    answers.stop()
    sampler.stop()
    snapshot = pipeline.snapshot()
    assert snapshot is not None
    counts = pipeline.source.statistics()
    result = {
        "events/s, in millions": (counts.delivered - events) / took / 1e6,
        "drawn/s": (view.parts.live.picture.drawn - drawn) / took,
        "tick p50, ms": float(np.percentile(np.diff(ticks), 50)) * 1000,
        "tick p99, ms": float(np.percentile(np.diff(ticks), 99)) * 1000,
        "answer p50, ms": float(np.percentile(answers.late, 50)),
        "answer p99, ms": float(np.percentile(answers.late, 99)),
        "answer at worst, ms": max(answers.late),
        "picture's age, ms": snapshot.statistics.latency_ms,
        "pictures not drawn": snapshot.statistics.undrawn,
        "events passed over by the picture, %": 100 * snapshot.statistics.picture_drops / max(counts.delivered, 1),
        "events dropped by the source": snapshot.statistics.source_drops,
        "cores": (time.process_time() - cpu) / took,
        # The medians of the first and of the last tenth: a backlog of a moment is in use, but does not stay.
        "memory in use at first, MiB": float(np.median(in_use[: len(in_use) // 10 + 1])),
        "memory in use at last, MiB": float(np.median(in_use[-len(in_use) // 10 :])),
        "memory in use at most, MiB": max(in_use),
        "resident memory at first, MiB": resident[0],
        "resident memory at last, MiB": resident[-1],
    }
    if record:
        finished = pipeline.stop_recording()
        result["recorded events/s, in millions"] = finished.events / finished.elapsed_s / 1e6
        result["recording lost"] = finished.dropped + finished.left_out
    view.parts.source.close_button.click()
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10.0, help="million events a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--record", action="store_true", help="record the raw events as well")
    parser.add_argument("--picture", type=Path, help="save a picture of the window under load")
    arguments = parser.parse_args()
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_recording(folder / "events.npy", arguments.rate * 1e6)
        workspace = Workspace.create(folder / "workspace")
        settings = Settings(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
        window = MainWindow(settings, Theme(application, "dark"))
        window.show()
        window.open_workspace(workspace.root)
        window.show_panel("capture")
        view = window.current_view
        assert isinstance(view, CaptureView)
        command = [sys.executable, "-m", "tests.benchmarks.bench_live", "--serve", str(folder / "events.npy")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            QTimer.singleShot(6000, lambda: arguments.picture is not None and window.grab().save(str(arguments.picture)))
            result = measure(window, view, address, arguments.seconds, arguments.record)
            server.stdin.close()
            server.stdout.read()  # what it has told meanwhile: it waits while nobody takes it
            server.wait(10)
        window.stop_and_close()
        wait(0.2)
    print(f"{arguments.rate:g} million events/s over loopback, 346 x 260, region 256 x 256, two filters, {os.cpu_count()} cores")
    for name, value in result.items():
        print(f"  {name:38s} {value:10.2f}")


if __name__ == "__main__":
    main()
