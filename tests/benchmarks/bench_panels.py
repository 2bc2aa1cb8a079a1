"""How long the window is held up while each panel is shown: for the first time, and again.

    python -m tests.benchmarks.bench_panels [--workspace FOLDER] [--repeats 3]

A hold-up is how late a timer of 10 ms comes: what a click would wait before it is looked at. The window is 1280 x 800, offscreen,
with the demo workspace. Two ways to come to a panel, each in a process of its own: a start with the panel that was open last, and
a walk through all panels with a look at each, as a person makes it, beginning at Capture. `shown` is from the wish to the panel's
painted content. Of several repeats the median is told.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("capture", "dataset", "ground_truth", "training", "evaluation", "deploy")
LOOK_S = 1.0  # a glance at a panel before the next click
REST_S = 3.0  # after the start


def age() -> float:
    """Seconds since this process began, as the kernel counts them."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class Lab:
    """A window as `revisit WORKSPACE` opens it, and how late it answers."""

    def __init__(self, workspace: Path, panel: str, settings: Path) -> None:
        from PySide6.QtCore import QEvent, QObject, QSettings, QTimer
        from PySide6.QtWidgets import QApplication

        from app.settings import Settings
        from app.theme import Theme
        from app.window import MainWindow
        from tests.benchmarks.answers import Answers, wait

        self.wait, self._answers = wait, Answers
        self.application = QApplication([sys.argv[0]])
        self.painted: dict[str, float] = {}
        self.on_screen = 0.0
        store = Settings(QSettings(str(settings), QSettings.Format.IniFormat))
        store.panel = panel
        self.window = MainWindow(store, Theme(self.application, "light"))
        self.window.panelPainted.connect(lambda name: self.painted.setdefault(name, age()))
        lab = self

        class Eye(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
                if event.type() == QEvent.Type.Paint and not lab.on_screen:
                    QTimer.singleShot(0, lab.window, lab.note_first_paint)
                return False

        self._eye = Eye()
        self.window.installEventFilter(self._eye)
        self.window.resize(1280, 800)
        self.window.show()
        QTimer.singleShot(0, self.window, lambda: self._begin(workspace))

    def _begin(self, workspace: Path) -> None:
        self.window.open_workspace(workspace)
        self.window.warm_up()

    def note_first_paint(self) -> None:
        """The window is on the screen, whatever it shows."""
        if not self.on_screen:
            self.on_screen = age()

    def watch(self, seconds: float, panel: str = "") -> float:
        """Let the window work until `panel` is painted and `seconds` have passed; the longest hold-up in ms."""
        answers = self._answers()
        begin = time.perf_counter()
        while time.perf_counter() - begin < 20 and (panel and panel not in self.painted):
            self.wait(0.02)
        self.wait(seconds)
        answers.stop()
        return max(answers.late)

    def click(self, panel: str) -> tuple[float, float]:
        """Press a panel's button; the hold-up and the time until it was shown, in ms."""
        from PySide6.QtCore import QTimer

        self.painted.pop(panel, None)
        known = panel in self.window._views
        begin = age()
        QTimer.singleShot(5, self.window.navigation.buttons[panel].click)
        late = self.watch(LOOK_S, "" if known else panel)
        return late, 1000 * (self.painted.get(panel, begin) - begin)


def child_start(workspace: Path, panel: str, settings: Path) -> dict[str, float]:
    """A start with the panel that was open last."""
    from tests.benchmarks.bench_live import resident_mib

    lab = Lab(workspace, panel, settings)
    late = lab.watch(REST_S, panel)
    result = {"window": lab.on_screen, "shown": lab.painted[panel], "hold": late, "memory": resident_mib()}
    lab.window.stop_and_close()
    lab.wait(0.2)
    return result


def child_walk(workspace: Path, settings: Path) -> dict[str, Any]:
    """Start with Capture, rest, then each panel, and each again."""
    from tests.benchmarks.bench_live import resident_mib

    lab = Lab(workspace, NAMES[0], settings)
    result: dict[str, Any] = {"start": lab.watch(REST_S, NAMES[0])}
    result["rested memory"] = resident_mib()
    for name in NAMES[1:]:
        result[name] = lab.click(name)
    for name in NAMES:
        result[f"{name} again"] = lab.click(name)
    lab.window.actions_by_name["go_start"].trigger()
    result["start page again"] = (lab.watch(LOOK_S), 0.0)
    result["memory"] = resident_mib()
    lab.window.stop_and_close()
    lab.wait(0.2)
    return result


def run_child(workspace: Path, *arguments: str) -> Any:
    """Run this file in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.bench_panels", "--workspace", str(workspace), "--child", *arguments]
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            [*command, "--settings", str(Path(folder) / "settings.ini")],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


def make_lab(folder: Path) -> Path:
    """The demo workspace with its network."""
    from engine.demo import create_demo_workspace, demo_parameters
    from engine.jobs import CancelToken, ignore
    from engine.live.first_network import train_first_network

    workspace = create_demo_workspace(folder, demo_parameters(), ignore, CancelToken())
    train_first_network(workspace, ignore, CancelToken())
    return workspace.root


def report(workspace: Path, repeats: int) -> None:
    """Print both tables."""

    def median(values: list[float]) -> float:
        return statistics.median(values)

    print(f"A start with the panel that was open last, {repeats} times, medians")
    print(f"{'panel':16}{'window s':>10}{'shown s':>10}{'hold-up ms':>12}{'memory MiB':>12}")
    for name in NAMES:
        runs = [run_child(workspace, "start", "--panel", name) for _ in range(repeats)]
        window, shown, hold, memory = (median([run[key] for run in runs]) for key in ("window", "shown", "hold", "memory"))
        print(f"{name:16}{window:10.2f}{shown:10.2f}{hold:12.0f}{memory:12.0f}", flush=True)
    runs = [run_child(workspace, "walk") for _ in range(repeats)]
    print(f"\nA walk through the panels, {LOOK_S:g} s each, {repeats} times, medians (worst)")
    print(f"{'panel':16}{'first ms':>16}{'shown ms':>10}{'again ms':>16}")
    for name in NAMES:
        again = [run[f"{name} again"][0] for run in runs]
        first = [run[name][0] if name in run else run["start"] for run in runs]
        shown = median([run[name][1] if name in run else 0.0 for run in runs])
        shown_text = f"{shown:10.0f}" if name != NAMES[0] else f"{'':10}"
        print(f"{name:16}{median(first):9.0f} ({max(first):4.0f}){shown_text}{median(again):9.0f} ({max(again):4.0f})")
    page = [run["start page again"][0] for run in runs]
    print(f"{'start page':16}{'':26}{median(page):9.0f} ({max(page):4.0f})")
    rested, memory = (median([run[key] for run in runs]) for key in ("rested memory", "memory"))
    print(f"memory {rested:.0f} MiB after {REST_S:g} s of rest, {memory:.0f} MiB at the end")


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description="How long the window is held up while each panel is shown.")
    parser.add_argument("--workspace", type=Path, help="a demo workspace that is there already")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", choices=("start", "walk"), help=argparse.SUPPRESS)
    parser.add_argument("--panel", choices=NAMES, default=NAMES[0], help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child == "start":
        print(json.dumps(child_start(arguments.workspace, arguments.panel, arguments.settings)))
    elif arguments.child == "walk":
        print(json.dumps(child_walk(arguments.workspace, arguments.settings)))
    else:
        with tempfile.TemporaryDirectory(prefix="bench-panels-") as folder:
            report(arguments.workspace or make_lab(Path(folder) / "demo"), arguments.repeats)


if __name__ == "__main__":
    main()
