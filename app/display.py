"""Whether there is a screen to open a window on: Qt itself would end the process without a word that helps."""

import ctypes
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

NO_DISPLAY = 69  # EX_UNAVAILABLE of sysexits.h; the Makefile falls back to the demo in the shell on it

_X_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def why_no_window(environment: Mapping[str, str] = os.environ) -> str:
    """One sentence on why no window can open here, or "" where one can."""
    if not sys.platform.startswith("linux"):
        return ""
    chosen = environment.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if chosen not in ("", "xcb", "wayland"):
        return ""  # offscreen and the like need no screen
    wayland, display = environment.get("WAYLAND_DISPLAY", ""), environment.get("DISPLAY", "")
    if chosen != "xcb" and wayland and _connects(_wayland_socket(wayland, environment)):
        return ""
    if chosen == "wayland" or not display:
        return "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY leads to one)."
    if not _x_answers(display):
        return f"The display {display} does not answer: start it, or log in with ssh -X."
    missing = [package for library, package in _X_LIBRARIES.items() if not _loads(library)]
    if missing:
        return f"Libraries that windows need are missing: on Debian and Ubuntu, apt-get install {' '.join(missing)}."
    return ""


def _wayland_socket(name: str, environment: Mapping[str, str]) -> Path:
    return Path(name) if name.startswith("/") else Path(environment.get("XDG_RUNTIME_DIR", "/")) / name


def _x_answers(display: str) -> bool:
    host, _, number = display.rpartition(":")
    screen = number.partition(".")[0]
    if not screen.isdigit():
        return Path(display).exists()  # a socket by its path, as macOS and some containers give it
    if host in ("", "unix"):
        return _connects(Path(f"/tmp/.X11-unix/X{screen}")) or _connects(f"\0/tmp/.X11-unix/X{screen}")
    try:
        with socket.create_connection((host.strip("[]"), 6000 + int(screen)), timeout=2):
            return True
    except (OSError, OverflowError):
        return False


def _connects(address: Path | str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(str(address))
            return True
    except (OSError, ValueError):
        return False


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
