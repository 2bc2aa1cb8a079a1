"""How long a start takes: imports and the first paint of the window, each in a process of its own."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPEATS = 7
GOAL_S = 2.0

# Seconds since the process began, as the kernel counts them: the interpreter's own start is part of what a person waits for.
_CODE = """
import os, sys, time
def age():
    ticks = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
marks = [("interpreter", age())]
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication
marks.append(("import PySide6", age()))
from app.settings import Settings
from app.theme import Theme
from app.window import MainWindow
marks.append(("import app", age()))
application = QApplication([])
theme = Theme(application, "light")
window = MainWindow(Settings(QSettings(sys.argv[1], QSettings.Format.IniFormat)), theme)
marks.append(("window made", age()))
def painted(name):
    marks.append(("first panel painted", age()))
    application.exit()
window.panelPainted.connect(painted)
window.show()
window.show_panel("capture")
application.exec()
window.close()
print(*(f"{name}={seconds:.3f}" for name, seconds in marks), sep=";")
"""


def main() -> None:
    """Print the table."""
    if not Path("/proc/self/stat").exists():
        print("This benchmark reads the process's start from /proc, which this system does not have.")
        return
    runs: dict[str, list[float]] = {}
    for _ in range(REPEATS + 1):
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        with tempfile.TemporaryDirectory() as folder:  # Qt renames a new file over the settings: never give it a device
            command = [sys.executable, "-c", _CODE, str(Path(folder) / "settings.ini")]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        for mark in done.stdout.strip().split(";"):
            name, _, seconds = mark.partition("=")
            runs.setdefault(name, []).append(float(seconds))
    print(f"Start of the window, offscreen, {REPEATS} warm starts (s since the process began)")
    print(f"{'until':24}{'best':>8}{'median':>8}")
    for name, seconds_of in runs.items():
        warm = seconds_of[1:]  # the first run warms the disk cache
        print(f"{name:24}{min(warm):8.2f}{statistics.median(warm):8.2f}")
    last = statistics.median(runs["first panel painted"][1:])
    print(f"goal {GOAL_S:.1f} s; median/goal {last / GOAL_S:.2f}")


if __name__ == "__main__":
    main()
