"""What goes wrong unforeseen, in any thread, is told and can be copied."""

import logging
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.report import Fault, FaultHook, fault_report, log, start_log, versions
from app.window import MainWindow


@pytest.fixture
def hook(qapp: object) -> FaultHook:
    made = FaultHook()
    old = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    made.install()
    yield made
    made.uninstall()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning) == old
    made.deleteLater()


def test_an_exception_in_a_thread_reaches_the_window(hook: FaultHook, window: MainWindow, qtbot: QtBot) -> None:
    hook.faultOccurred.connect(window.show_fault)

    def breaks() -> None:
        raise RuntimeError("the lens fell off")

    thread = threading.Thread(target=breaks, name="camera")
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(window.toasts.shown) == 1)
    fault = window.toasts.shown[0].fault
    assert "the lens fell off" in fault.sentence and fault.level == "error"
    assert "Not caught in camera" in fault.report and "in breaks" in fault.report and "Python: " in fault.report


def test_an_exception_in_the_main_thread_and_one_in_a_finaliser(hook: FaultHook, caplog: pytest.LogCaptureFixture) -> None:
    faults: list[Fault] = []
    hook.faultOccurred.connect(faults.append)
    with caplog.at_level(logging.ERROR, "revisit"):
        try:
            raise ValueError("bad slot")
        except ValueError as error:
            sys.excepthook(type(error), error, error.__traceback__)

        class Broken:
            def __del__(self) -> None:
                raise OSError("half closed")

        Broken()
    assert ["bad slot" in faults[0].sentence, "half closed" in faults[1].sentence] == [True, True]
    assert "bad slot" in caplog.text


def test_ctrl_c_is_no_fault(hook: FaultHook, capsys: pytest.CaptureFixture[str]) -> None:
    faults: list[Fault] = []
    hook.faultOccurred.connect(faults.append)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert faults == []


def test_only_the_engines_warnings_are_for_people(hook: FaultHook) -> None:
    faults: list[Fault] = []
    hook.faultOccurred.connect(faults.append)
    warnings.showwarning("old call", DeprecationWarning, "/lib/numpy/x.py", 1)
    warnings.showwarning("traverse.json: unknown parameter 'colour' is passed over.", UserWarning, "/opt/engine/parameters.py", 1)
    assert [(fault.sentence, fault.level) for fault in faults] == [
        ("traverse.json: unknown parameter 'colour' is passed over.", "warning")
    ]


def test_a_report_names_what_runs() -> None:
    assert {"Revisit", "Python", "System", "PySide6", "numpy"} <= set(versions())
    assert fault_report("Bin", "Traceback").startswith("Bin\n\nTraceback\n\nRevisit: ")


def test_the_log_file_and_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    before = list(log.handlers)
    try:
        path = start_log(tmp_path / "state")
        log.info("hello")
        assert path is not None and "hello" in path.read_text()
        (tmp_path / "file").write_text("")
        assert start_log(tmp_path / "file" / "state") is None
    finally:
        for handler in [handler for handler in log.handlers if handler not in before]:
            log.removeHandler(handler)
            handler.close()


def test_versions_import_nothing_heavy() -> None:
    code = "import sys, app.report as r; r.versions(); print([n for n in ('torch', 'cv2', 'sinabs') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=300
    )
    assert done.stdout.strip() == "[]", done.stderr
