"""revisit [WORKSPACE or RECORDING]: opens the window."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.display import NO_DISPLAY, why_no_window
from engine import __version__

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.window import MainWindow

_BAD_INPUT = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(_BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help.\n")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = _Parser(prog="revisit", description="Teach a robot to recognise places from an event camera.", allow_abbrev=False)
    parser.add_argument(
        "workspace",
        nargs="?",
        type=Path,
        metavar="WORKSPACE",
        help="a workspace, LENS's folder of datasets, or a recording to show in the Capture panel",
    )
    parser.add_argument("--panel", metavar="NAME", help="the panel to open: capture, dataset, ground_truth, training, ...")
    parser.add_argument("--theme", choices=("system", "light", "dark"), help="the theme, for this time only")
    parser.add_argument(
        "--smoke",
        type=Path,
        metavar="PICTURE.png",
        help="open offscreen, save a picture of the window once the panel has painted, end",
    )
    parser.add_argument("--size", default="1280x800", metavar="WxH", help="the window's size for --smoke (default 1280x800)")
    parser.add_argument("--version", action="version", version=f"revisit {__version__}")
    arguments = parser.parse_args(argv)
    width, _, height = arguments.size.partition("x")
    if not (width.isdigit() and height.isdigit() and 320 <= int(width) <= 8192 and 240 <= int(height) <= 8192):
        parser.error(f"argument --size should be like 1280x800, but is {arguments.size!r}")
    arguments.size = (int(width), int(height))
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; 0 closed, 1 failed, 2 wrong usage, 69 no display."""
    arguments = parse(argv)
    if arguments.smoke is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    reason = why_no_window()
    if reason:
        print(f"revisit: {reason}", file=sys.stderr)
        return NO_DISPLAY
    try:
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        print(
            f"revisit: Qt cannot be loaded ({error}): on Debian and Ubuntu, apt-get install libgl1 libegl1 libglib2.0-0 "
            "libdbus-1-3 libfontconfig1 libxkbcommon0.",
            file=sys.stderr,
        )
        return NO_DISPLAY
    return _run(QApplication([sys.argv[0]]), arguments)


def _run(application: "QApplication", arguments: argparse.Namespace) -> int:
    import tempfile

    from PySide6.QtCore import QSettings, QStandardPaths

    from app.panels import PANELS, panel
    from app.report import FaultHook, start_log
    from app.settings import Settings
    from app.theme import Theme
    from app.window import MainWindow

    application.setApplicationName("revisit")
    application.setApplicationDisplayName("Revisit")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("revisit")
    wanted = None if arguments.panel is None else panel(arguments.panel)
    if arguments.panel is not None and wanted is None:
        names = ", ".join(entry.name for entry in PANELS)
        print(f"revisit: there is no panel {arguments.panel!r}: choose one of {names}.", file=sys.stderr)
        return _BAD_INPUT
    arguments.recording = None
    if arguments.workspace is not None and arguments.workspace.is_file():
        arguments.workspace, arguments.recording = None, arguments.workspace.absolute()
    if arguments.workspace is not None and not arguments.workspace.is_dir():
        print(
            f"revisit: {arguments.workspace} is not there: give a workspace, LENS's datasets or a recording.",
            file=sys.stderr,
        )
        return _BAD_INPUT
    import pyqtgraph  # noqa: F401  (it takes a fifth of a second: before there is a window that would stand still)

    with tempfile.TemporaryDirectory(prefix="revisit-") as scratch:
        if arguments.smoke is not None:  # a check from outside neither reads nor changes the person's settings
            settings = Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat))
        else:
            settings = Settings()
            start_log(Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)))
        theme = Theme(application, arguments.theme or settings.theme, settings.font_size)
        hook = FaultHook()
        window = MainWindow(settings, theme)
        hook.faultOccurred.connect(window.show_fault)
        hook.install()
        signal.signal(signal.SIGINT, lambda number, frame: window.stop_and_close())
        signal.signal(signal.SIGTERM, lambda number, frame: window.stop_and_close())
        try:
            return _smoke(window, arguments) if arguments.smoke is not None else _open(window, arguments)
        finally:
            hook.uninstall()
            settings.store.sync()  # or it would be written when it is deleted, into a scratch folder that is gone


def _open(window: "MainWindow", arguments: argparse.Namespace) -> int:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    window.settings.restore_window(window)
    window.show()

    def begin() -> None:
        recent = [folder for folder in window.settings.recent[:1] if folder.is_dir()]
        folder = arguments.workspace or (recent[0] if recent else None)
        if folder is not None:
            window.open_workspace(folder)
        elif not window.settings.recent and arguments.recording is None:
            window.start_first_time()
        if arguments.recording is not None:
            window.open_recording(arguments.recording)
        elif arguments.panel is not None:
            window.go_to_panel(arguments.panel)
        window.warm_up()

    QTimer.singleShot(0, window, begin)
    return QApplication.exec()


def _smoke(window: "MainWindow", arguments: argparse.Namespace) -> int:
    from PySide6.QtWidgets import QApplication

    from app.panels import PANELS, panel
    from app.smoke import Smoke

    window.resize(*arguments.size)
    if arguments.workspace is not None:
        window.open_workspace(arguments.workspace)
    if arguments.recording is not None:
        window.open_recording(arguments.recording)
    entry = panel(arguments.panel or PANELS[0].name) or PANELS[0]
    window.show()
    smoke = Smoke(window, arguments.smoke, entry.name)
    code = QApplication.exec()
    if smoke.error:
        print(f"revisit: {smoke.error}", file=sys.stderr)
    window.close()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
