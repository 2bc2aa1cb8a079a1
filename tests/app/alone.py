"""A window in a process of its own, where nothing has been imported yet."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

WINDOW = (
    "import os, sys; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
    "from PySide6.QtCore import QObject, QSettings\nfrom PySide6.QtWidgets import QApplication\n"
    "application = QApplication([])\n"
    "from app.settings import Settings\nfrom app.theme import Theme\nfrom app.window import MainWindow\n"
    "window = MainWindow(Settings(QSettings(sys.argv[1], QSettings.Format.IniFormat)), Theme(application))\n"
    "window.show()\n"
)
"""Code that shows a window; its first argument is the settings' file."""


def run_alone(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter, in the project's folder."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, timeout=300)
