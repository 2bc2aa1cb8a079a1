"""Recording and binning in the Capture panel by clicks and keys, and what it says about recordings that were cut short."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.jobs import State
from app.views.capture import CaptureView
from app.widgets.record_panel import counted_on, size_text
from app.window import MainWindow
from engine.events.recording import open_recording
from engine.events.sources import SourceState
from engine.places.workspace import Workspace
from tests.app.capture_help import SIZE, choose, click, open_and_run, part, retype, show_tab, wait_for, write_recording


@pytest.fixture
def view(window: MainWindow, workspace: Path, qtbot: QtBot, tmp_path: Path) -> CaptureView:
    window.open_workspace(workspace)
    return open_and_run(qtbot, window, write_recording(tmp_path / "walk.aedat4"))


def recorded(view: CaptureView, events: int, frames: int = 0) -> bool:
    """Whether so much has been recorded by now."""
    assert view.runner.pipeline is not None
    snapshot = view.runner.pipeline.snapshot()
    figures = None if snapshot is None else snapshot.recording
    return figures is not None and figures.events > events and figures.frames >= frames


def test_events_and_frames_are_recorded_by_clicks(window: MainWindow, view: CaptureView, qtbot: QtBot, workspace: Path) -> None:
    show_tab(qtbot, window, "Window")
    retype(qtbot, view.parts.window_form.editor("window_ms"), "100")
    show_tab(qtbot, window, "Record")
    form = view.parts.record.form
    retype(qtbot, form.editor("events_name"), "evening")
    click(qtbot, window, "record_frames")
    retype(qtbot, form.editor("traverse"), "evening")
    wait_for(qtbot, lambda: "free" in view.parts.record.disk.text())
    click(qtbot, window, "record")
    assert view.recording.active and view.unsaved()
    wait_for(qtbot, lambda: "frames" in view.parts.record_button.figures.text())
    assert not form.isEnabled()
    wait_for(qtbot, lambda: recorded(view, 10_000, frames=2))
    with qtbot.waitSignal(view.notified) as told:
        click(qtbot, window, "record")
    assert told.args[0].sentence.startswith("Recorded evening.aedat4") and "traverse evening" in told.args[0].sentence
    assert not view.recording.active and not view.unsaved()
    place = Workspace.open(workspace)
    with open_recording(place.recordings / "evening.aedat4") as reader:
        assert reader.size == SIZE and sum(len(chunk) for chunk in reader.chunks()) > 5000
    assert len(place.traverse("example", "camera", "evening")) >= 2
    assert form.values()["events_name"] == "evening-2" and form.values()["traverse"] == "evening-2"
    # What was recorded can be watched.
    assert view.open_recording(place.recordings / "evening.aedat4")
    wait_for(qtbot, lambda: view.runner.state is SourceState.RUNNING)


def test_names_are_checked_while_typed(window: MainWindow, view: CaptureView, qtbot: QtBot, workspace: Path) -> None:
    (workspace / "recordings").mkdir()
    (workspace / "recordings" / "taken.aedat4").write_bytes(b"")
    show_tab(qtbot, window, "Record")
    form = view.parts.record.form
    line = form.editor("events_name")
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(line, "taken")
    assert "exists already" in part(window, "events_nameError").text()  # type: ignore[attr-defined]
    with qtbot.waitSignal(view.notified) as told:
        click(qtbot, window, "record")
    assert "Record tab" in told.args[0].sentence and not view.recording.active
    qtbot.keyClicks(line, "/x")
    assert "cannot hold '/'" in part(window, "events_nameError").text()  # type: ignore[attr-defined]
    qtbot.keyClick(line, Qt.Key.Key_Backspace)
    qtbot.keyClick(line, Qt.Key.Key_Backspace)
    qtbot.keyClicks(line, "-2")
    assert not part(window, "events_nameError").isVisible() and form.valid


def test_a_recording_of_a_given_length_ends_by_itself(
    window: MainWindow, view: CaptureView, qtbot: QtBot, workspace: Path
) -> None:
    show_tab(qtbot, window, "Record")
    retype(qtbot, view.parts.record.form.editor("duration_s"), "0.5")
    with qtbot.waitSignal(view.notified):
        click(qtbot, window, "record")
    assert not view.recording.active and not view.parts.record_button.recording
    with open_recording(workspace / "recordings" / "recording.aedat4") as reader:
        assert reader.time_range is not None
        assert reader.time_range[1] - reader.time_range[0] == pytest.approx(500_000, abs=2000)


def test_the_frames_of_a_recording_stay_alike(window: MainWindow, view: CaptureView, qtbot: QtBot) -> None:
    show_tab(qtbot, window, "Record")
    click(qtbot, window, "record_frames")
    click(qtbot, window, "record")
    assert view.recording.active
    fixed = (view.parts.window_form, view.parts.filters, view.parts.region, view.parts.live.polarity)
    assert not any(widget.isEnabled() for widget in fixed)
    # Even where something else asks for it, the engine refuses and the panel goes on showing what holds.
    view._on_suggestion(50.0)
    assert view.parameters.window_ms == 1000 and view.parts.window_form.values()["window_ms"] == 1000
    click(qtbot, window, "sourceClose")
    assert view.runner.pipeline is not None  # it asks for the recording to be stopped first
    with qtbot.waitSignal(view.notified):
        click(qtbot, window, "record")
    assert all(widget.isEnabled() for widget in fixed)


def test_a_closing_window_asks_and_finishes_the_recording(
    window: MainWindow, view: CaptureView, qtbot: QtBot, workspace: Path
) -> None:
    click(qtbot, window, "record")
    wait_for(qtbot, lambda: recorded(view, 2000))
    window.close()
    assert window.isVisible()  # it asks
    window.stop_and_close()
    wait_for(qtbot, lambda: not window.isVisible())
    with open_recording(workspace / "recordings" / "recording.aedat4") as reader:
        assert sum(len(chunk) for chunk in reader.chunks()) > 1000 and not reader.notices


def test_a_workspace_that_cannot_be_written_says_so(window: MainWindow, view: CaptureView, qtbot: QtBot) -> None:
    window.session.close()
    window.show_panel("capture")
    assert not part(window, "record").isEnabled() and "workspace" in part(window, "record").toolTip()


def test_a_source_that_runs_records_into_the_workspace_that_is_opened(
    window: MainWindow, workspace: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    view = open_and_run(qtbot, window, write_recording(tmp_path / "walk.aedat4"))
    assert not part(window, "record").isEnabled()
    window.open_workspace(workspace)
    click(qtbot, window, "record")
    wait_for(qtbot, lambda: recorded(view, 0))
    with qtbot.waitSignal(view.notified):
        click(qtbot, window, "record")
    assert (workspace / "recordings" / "recording.aedat4").is_file()


def test_recordings_are_binned_as_a_job(
    window: MainWindow, view: CaptureView, qtbot: QtBot, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retype(qtbot, view.parts.window_form.editor("window_ms"), "500")
    second = write_recording(tmp_path / "way back.aedat4", seconds=1.6)
    show_tab(qtbot, window, "Bin")
    panel = view.parts.bin
    assert [name for _, name in panel.recordings] == ["walk"]  # the one that is open
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a, **k: ([str(second)], ""))
    click(qtbot, window, "binAdd")
    panel.table.item(1, 1).setText("walk")
    assert "Two recordings" in panel.problem.text() and not panel.start.isEnabled()
    panel.table.item(1, 1).setText("back")
    with qtbot.waitSignal(window.jobs.jobEnded) as ended:
        click(qtbot, window, "binStart")
    assert ended.args[0].state is State.FINISHED, ended.args[0].error
    place = Workspace.open(workspace)
    assert len(place.traverse("example", "davis128", "walk")) == 59  # 30 s less 25 us in windows of 500 ms
    assert len(place.traverse("example", "davis128", "back")) == 3
    frames = place.traverse("example", "davis128", "back").frames()
    assert np.sum(frames) > 10_000
    assert not panel.recordings
    panel.add_recordings([second])
    panel.table.item(0, 1).setText("back")
    assert "exists already" in panel.problem.text()


CUT_SHORT = """
import os, sys
from pathlib import Path
from engine.capture import CaptureParameters, CapturePipeline, RecordingParameters, open_source
from engine.events.recording import open_recording
from tests.waiting import until

def events_on_disk():
    with open_recording(Path(sys.argv[2]) / "recordings" / "lost.aedat4") as reader:
        return sum(map(len, reader.chunks()))

pipeline = CapturePipeline(open_source(Path(sys.argv[1])), CaptureParameters(window_ms=100), Path(sys.argv[2]))
pipeline.start()
until(lambda: pipeline.size)
pipeline.start_recording(RecordingParameters(events_name="lost", record_frames=True, traverse="lost"))
until(lambda: (now := pipeline.snapshot()) and now.recording and now.recording.frames >= 10)
until(lambda: events_on_disk() > 20_000)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def killed(workspace: Path, tmp_path: Path) -> Path:
    """A workspace in which a process was killed while it recorded."""
    walk = write_recording(tmp_path / "source.aedat4")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", CUT_SHORT, str(walk), str(workspace)]
    subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=300, check=False)
    assert (workspace / "recordings" / "lost.aedat4").is_file()
    return workspace


def test_a_recording_that_was_cut_short_is_offered_and_finished(
    open_window: Callable[..., MainWindow], killed: Path, qtbot: QtBot
) -> None:
    window = open_window()
    window.open_workspace(killed)
    window.show_panel("capture")
    view = window.current_view
    assert isinstance(view, CaptureView)
    strip = view.parts.unfinished
    assert strip.isVisible() and "lost.aedat4" in strip.text.text() and "cut short" in strip.text.text()
    click(qtbot, window, "unfinishedOpen")
    wait_for(qtbot, lambda: view.parts.live.picture.drawn > 2)
    click(qtbot, window, "sourceClose")
    with qtbot.waitSignal(window.jobs.jobEnded) as ended:
        click(qtbot, window, "unfinishedKeep")
    assert ended.args[0].state is State.FINISHED, ended.args[0].error
    assert not strip.isVisible()
    assert len(Workspace.open(killed).traverse("example", "camera", "lost")) >= 5
    with open_recording(killed / "recordings" / "lost.aedat4") as reader:
        assert not reader.notices and sum(len(chunk) for chunk in reader.chunks()) > 20_000


def test_a_recording_that_was_cut_short_can_go_to_the_trash(
    open_window: Callable[..., MainWindow], killed: Path, qtbot: QtBot
) -> None:
    window = open_window()
    window.open_workspace(killed)
    window.show_panel("capture")
    click(qtbot, window, "unfinishedDiscard")
    assert not part(window, "unfinished").isVisible()
    assert not (killed / "recordings" / "lost.aedat4").exists() and list((killed / ".trash").glob("*/lost.aedat4"))


def test_names_that_are_counted_on() -> None:
    assert [counted_on(name) for name in ("walk", "walk-2", "walk-9", "day-one", "-")] == [
        "walk-2", "walk-3", "walk-10", "day-one-2", "--2",
    ]  # fmt: skip


def test_sizes_for_people() -> None:
    assert [size_text(n) for n in (950, 12_345, 4_560_000, 1.2e9)] == ["950 B", "12.3 kB", "4.56 MB", "1.2 GB"]


def test_what_may_be_chosen_twice(window: MainWindow, view: CaptureView, qtbot: QtBot) -> None:
    show_tab(qtbot, window, "Record")
    click(qtbot, window, "record_events")
    assert (
        "Nothing would be recorded" in part(window, "recordForm").findChild(type(part(window, "diskSpace")), "formError").text()
    )
    assert not view.parts.record.form.editor("events_name").isEnabled()
    choose(qtbot, view.parts.live.shown, "Counts")
    assert view.parts.record.parameters is None
