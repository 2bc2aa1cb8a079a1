"""The Deploy panel under load: a loopback stream, everything drawn, a network on the CPU or the virtual Speck.

    python -m tests.benchmarks.bench_deploy [--rate 5] [--seconds 20] [--target cpu|virtual] [--ghost cpu]

The stream is bench_live's server in a process of its own: 346 x 260 pixels of uniformly random events, the worst case for caches
and for drawing; the network is one of 256 inputs, 256 features, 100 places on the region's 128 x 128 pixels. Latency is from the
reading of a window's last event to the published place. An answer of the window is how late a timer of 10 ms comes: what a click
would wait before it is looked at. Server, client, drawing in software and everything else share the machine's cores. Beside it,
in the same run: the same network and windows without a window (no pictures, no plots).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.deploy import DeployView
from app.widgets.source_bar import Chosen
from app.window import MainWindow
from engine.capture import CapturePipeline
from engine.events.sources import SourceState, StreamSource
from engine.frames.inputs import InputParameters
from engine.live import LiveParameters, LivePipeline
from engine.networks.lens import LensNetwork, save_network
from engine.networks.record import RunRecord, hash_arrays
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from tests.benchmarks.answers import Answers, wait
from tests.benchmarks.bench_live import make_recording, resident_mib

WARM_UP_S = 3.0
_PLACES, _SIDE = 100, 16
_REGION = (109, 66, 128, 128)


def make_lab(folder: Path) -> Workspace:
    """A workspace with a reference of random frames and a network of random weights: the load is that of a learned one."""
    workspace = Workspace.create(folder)
    rng = np.random.default_rng(1)
    frames = rng.poisson(5, (_PLACES, 128, 128)).astype(np.uint8)
    info = TraverseInfo(sensor=(346, 260), region=_REGION, window_ms=1000)
    write_traverse(workspace.frames_folder("bench", "dvs", "walk"), workspace.index_file("walk"), frames, info)
    inputs = _SIDE * _SIDE
    weights = [rng.normal(0, 0.06, shape).astype(np.float32) for shape in ((inputs, inputs), (_PLACES, inputs))]
    network = LensNetwork(weights[0], np.zeros(inputs, np.float32), weights[1], np.zeros(_PLACES, np.float32))
    record = RunRecord(
        native="numpy",
        seed=0,
        inputs=InputParameters(dims=(_SIDE, _SIDE), roi_dim=(128, 128)).model_dump(mode="json"),
        training={},
        data_hash=hash_arrays(frames),
        references=("walk",),
        places=_PLACES,
    )
    save_network(workspace.models / f"walk_LENS_IN{inputs}_FN{inputs}_DB{_PLACES}.pth", network, record)
    return workspace


def headless(workspace: Workspace, address: str, parameters: LiveParameters, seconds: float) -> dict[str, float]:
    """The same run without a window."""
    from engine.live import open_model

    model = open_model(next(workspace.models.glob("*.pth")), workspace)
    capture = CapturePipeline(StreamSource(address, policy="block"), parameters.capture(1_000_000, None), pictures=False)
    live = LivePipeline(capture, model, parameters)
    live.start()
    capture.start()
    time.sleep(WARM_UP_S + seconds)
    capture.stop()
    totals = live.stop()
    return {"p50": totals.latency_ms_p50 or 0.0, "p95": totals.latency_ms_p95 or 0.0, "places/s": totals.places / totals.seconds}


def measure(window: MainWindow, view: DeployView, address: str, seconds: float, minutes: float) -> dict[str, Any]:
    """One run against a server that listens at `address`."""
    view.parts.source.choose(Chosen("stream", address=address))
    view.parts.run_button.click()
    while view.runner.capture.state is not SourceState.RUNNING:
        wait(0.05)
        if view.runner.capture.state is SourceState.FAILED:
            raise RuntimeError(view.runner.capture.message)
    wait(WARM_UP_S)
    answers = Answers()
    ticks: list[float] = []
    view.runner._timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    live, capture = view.runner.live, view.runner.capture.pipeline
    assert live is not None
    assert capture is not None
    latencies: list[float] = []
    view.runner.answersArrived.connect(lambda told: latencies.extend(1000 * answer.latency_s for answer in told))
    drawn, events, memory = view.parts.live.picture.drawn, capture.source.statistics().delivered, resident_mib()
    cpu, begin, grown = time.process_time(), time.perf_counter(), []
    plots = view.parts.plots
    while time.perf_counter() - begin < max(seconds, 60 * minutes):
        plots.setCurrentIndex((plots.currentIndex() + 1) % plots.count())  # each plot in turn
        wait(1.0)
        grown.append(resident_mib())
    took = time.perf_counter() - begin
    answers.stop()
    totals = live.totals()
    counts = capture.source.statistics()
    result = {
        "events/s, in millions": (counts.delivered - events) / took / 1e6,
        "places/s": len(latencies) / took,
        "latency p50, ms": float(np.percentile(latencies, 50)),
        "latency p95, ms": float(np.percentile(latencies, 95)),
        "latency at worst, ms": max(latencies),
        "windows skipped": totals.skipped,
        "events missed, %": 100 * totals.missed / max(counts.delivered, 1),
        "pictures drawn/s": (view.parts.live.picture.drawn - drawn) / took,
        "tick p50, ms": float(np.percentile(np.diff(ticks), 50)) * 1000,
        "tick p99, ms": float(np.percentile(np.diff(ticks), 99)) * 1000,
        "answer p99, ms": float(np.percentile(answers.late, 99)),
        "answer at worst, ms": max(answers.late),
        "cores": (time.process_time() - cpu) / took,
        "memory at the beginning, MiB": memory,
        "memory half way, MiB": grown[len(grown) // 2],
        "memory at the end, MiB": grown[-1],
    }
    view.parts.source.close_button.click()
    while view.runner.running:
        wait(0.05)
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=5.0, help="million events a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=0.0, help="measure for so long, to see whether memory grows")
    parser.add_argument("--target", choices=("cpu", "virtual"), default="cpu")
    parser.add_argument("--ghost", choices=("none", "cpu", "virtual"), default="none")
    parser.add_argument("--record", action="store_true", help="write a session with the raw events")
    parser.add_argument("--picture", type=Path, help="save a picture of the window under load")
    arguments = parser.parse_args()
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_recording(folder / "events.npy", arguments.rate * 1e6)
        workspace = make_lab(folder / "workspace")
        settings = Settings(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
        window = MainWindow(settings, Theme(application, "dark"))
        window.show()
        window.open_workspace(workspace.root)
        window.show_panel("deploy")
        view = window.current_view
        assert isinstance(view, DeployView)
        view.parameters = LiveParameters(target=arguments.target, ghost=arguments.ghost)
        view.parts.setup.show_parameters(view.parameters)
        view.parts.setup.session.setChecked(arguments.record)
        while view.runner.model is None:
            wait(0.05)
        command = [sys.executable, "-m", "tests.benchmarks.bench_live", "--serve", str(folder / "events.npy")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            lines = server.stdout  # its figures are not used here, but a full pipe would hold it up
            threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
            if arguments.picture is not None:
                QTimer.singleShot(8000, lambda: window.grab().save(str(arguments.picture)))
            result = measure(window, view, address, arguments.seconds, arguments.minutes)
            alone = headless(workspace, address, view.parameters, min(arguments.seconds, 10.0))
            server.stdin.close()
            server.wait(10)
        window.stop_and_close()
        wait(0.2)
    told = f"{arguments.rate:g} million events/s over loopback, 346 x 260, region 128 x 128, target {arguments.target}"
    print(f"{told}, ghost {arguments.ghost}, {os.cpu_count()} cores")
    for name, value in result.items():
        print(f"  {name:32s} {value:10.2f}")
    print(f"  without a window: {alone['places/s']:.1f} places/s, latency p50 {alone['p50']:.2f}, p95 {alone['p95']:.2f} ms")
    print(f"  drawing costs {result['latency p50, ms'] / max(alone['p50'], 1e-9):.2f}x of the latency's median")


if __name__ == "__main__":
    main()
