"""The Capture panel by clicks and keys: sources, playing, picture, region, hot pixels, windows, filters."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

import app.capture_runner as runner_module
from app.pieces import at_once
from app.views.capture import CaptureView
from app.widgets.capture_pictures import filling_of
from app.widgets.timeline import clock
from app.window import MainWindow
from engine.capture import CaptureParameters
from engine.errors import BadInput
from engine.events.sources import FoundCamera, SourceState
from tests.app.capture_help import (
    HOT,
    LEFT,
    SIZE,
    START_US,
    choose,
    click,
    drag,
    open_and_run,
    part,
    retype,
    show_tab,
    wait_for,
    write_recording,
)
from tests.capture.helpers import HandSource, events_of, running, seen


@pytest.fixture
def view(window: MainWindow, workspace: Path, qtbot: QtBot) -> CaptureView:
    window.open_workspace(workspace)
    window.show_panel("capture")
    made = window.current_view
    assert isinstance(made, CaptureView)
    return made


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "walk.aedat4")


# -- sources


def test_with_no_source_the_panel_says_what_to_do(window: MainWindow, view: CaptureView) -> None:
    assert view.parts.live.card.isVisible() and "press Start" in view.parts.live.card.accessibleDescription()
    assert not part(window, "record").isEnabled()
    for name in ("play", "step", "speed", "loop", "timeline"):
        assert not part(window, name).isEnabled()


def test_the_synthetic_camera_runs_pauses_and_stops(window: MainWindow, view: CaptureView, qtbot: QtBot) -> None:
    choose(qtbot, view.parts.source.kind, "Synthetic camera")
    click(qtbot, window, "sourceOpen")
    wait_for(qtbot, lambda: view.parts.live.picture.drawn > 2)
    assert not view.parts.live.card.isVisible()
    wait_for(qtbot, lambda: part(window, "statusRate").text() != "– events/s")  # type: ignore[attr-defined]
    click(qtbot, window, "play")
    wait_for(qtbot, lambda: view.runner.state is SourceState.PAUSED)
    click(qtbot, window, "sourceClose")
    assert view.runner.pipeline is None and view.parts.live.card.isVisible()
    assert part(window, "statusRate").text() == "– events/s"  # type: ignore[attr-defined]


def test_cameras_are_looked_for_and_none_is_normal(
    window: MainWindow, view: CaptureView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[FoundCamera] = []
    monkeypatch.setattr(runner_module, "list_cameras", lambda: list(found))
    choose(qtbot, view.parts.source.kind, "Camera")
    wait_for(qtbot, lambda: "No camera is attached" in view.parts.source.camera_note.text())
    assert not part(window, "sourceOpen").isEnabled()
    found.append(FoundCamera("DVXplorer Mini", "DXM00123"))
    with qtbot.waitSignal(view.runner.camerasFound):
        click(qtbot, window, "cameraRefresh")
    assert view.parts.source.camera.currentText() == "DVXplorer Mini  DXM00123"
    assert part(window, "sourceOpen").isEnabled() and view.parts.source.chosen.serial == "DXM00123"


def test_a_library_that_fails_is_a_sentence(
    window: MainWindow, view: CaptureView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> list[FoundCamera]:
        raise BadInput("The library that looks for cameras crashed.")

    monkeypatch.setattr(runner_module, "list_cameras", fails)
    choose(qtbot, view.parts.source.kind, "Camera")
    wait_for(qtbot, lambda: view.parts.source.camera_note.text() == "The library that looks for cameras crashed.")


def test_a_missing_recording_fails_in_the_panel_and_retry_helps(
    window: MainWindow, view: CaptureView, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "late.aedat4"
    choose(qtbot, view.parts.source.kind, "Recording")
    retype(qtbot, view.parts.source.path, str(path))
    wait_for(qtbot, lambda: view.runner.state is SourceState.FAILED)
    assert "late.aedat4 is not a file" in view.parts.live.card.accessibleDescription()
    write_recording(path)
    click(qtbot, window, "liveCardButton")
    wait_for(qtbot, lambda: view.parts.live.picture.drawn > 2)
    assert not view.parts.live.card.isVisible()


def test_a_foreign_file_fails_with_the_readers_sentence(
    window: MainWindow, view: CaptureView, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "photo.aedat4"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    assert view.open_recording(path)
    wait_for(qtbot, lambda: view.runner.state is SourceState.FAILED)
    assert "photo.aedat4" in view.parts.live.card.accessibleDescription() and part(window, "liveCardButton").isVisible()


def test_a_stream_nobody_sends_fails_and_a_bad_address_is_told(window: MainWindow, view: CaptureView, qtbot: QtBot) -> None:
    choose(qtbot, view.parts.source.kind, "Network stream")
    retype(qtbot, view.parts.source.address, "127.0.0.1:1")
    wait_for(qtbot, lambda: view.runner.state is SourceState.FAILED)
    assert "127.0.0.1:1" in view.parts.live.card.accessibleDescription()
    assert part(window, "sourceOpen").isVisible()  # another address can be tried at once
    choose(qtbot, view.parts.source.protocol, "DV")
    retype(qtbot, view.parts.source.address, "here:there")
    assert "is not a number" in view.parts.live.card.accessibleDescription()
    assert view.parts.source.open.isVisible()


# -- playing


def test_play_pause_step_speed_and_scrub(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    replay = view.runner.replay
    assert replay is not None
    qtbot.keyClick(view, Qt.Key.Key_Space)
    wait_for(qtbot, lambda: view.runner.state is SourceState.PAUSED)
    wait_for(qtbot, lambda: not view.parts.play.playing)
    here = replay.position_us or 0
    click(qtbot, window, "step")
    wait_for(qtbot, lambda: (replay.position_us or 0) > here + 900_000)
    choose(qtbot, view.parts.play.speed, "0.1×")
    assert replay.factor == 0.1
    line = view.parts.play.timeline
    qtbot.mouseClick(line, LEFT, pos=QPoint(round(line.x_of(START_US + 1_000_000)), 10))
    pixel_us = 1e6 / (line.x_of(START_US + 1_000_000) - line.x_of(START_US))
    assert abs((line.position_us or 0) - START_US - 1_000_000) <= pixel_us
    click(qtbot, window, "play")
    wait_for(qtbot, lambda: view.runner.state is SourceState.RUNNING)
    wait_for(qtbot, lambda: START_US + 900_000 < (replay.position_us or 0) < START_US + 1_800_000)
    wait_for(qtbot, lambda: len(line._rates) > 100)
    qtbot.keyClick(line, Qt.Key.Key_End)
    assert line.position_us == replay.time_range[1]  # type: ignore[index]


def test_a_recording_ends_and_begins_anew_or_loops(window: MainWindow, view: CaptureView, qtbot: QtBot, tmp_path: Path) -> None:
    short = write_recording(tmp_path / "short.aedat4", seconds=0.4)
    assert view.open_recording(short)
    wait_for(qtbot, lambda: view.runner.state is SourceState.ENDED)
    assert "Ended" in view.parts.live.note.text()
    click(qtbot, window, "loop")
    click(qtbot, window, "play")
    wait_for(qtbot, lambda: view.runner.state is SourceState.RUNNING)
    source = view.runner.source
    assert source is not None and source.generation > 1
    wait_for(qtbot, lambda: source.statistics().received > 2.5 * 0.4 * 40_000)  # it is in its third pass
    assert view.runner.state is SourceState.RUNNING


def test_clock() -> None:
    assert [clock(us) for us in (0, 7_340_000, 725_000_000, 3_723_000_000)] == ["0:00.0", "0:07.3", "12:05.0", "1:02:03.0"]


# -- picture


def test_what_the_picture_shows(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    picture = view.parts.live.picture
    assert picture.size_shown == SIZE
    wait_for(qtbot, lambda: picture.image.image is not None and picture.image.image.max() > 15)  # OFF events have indices over 15
    choose(qtbot, view.parts.live.polarity, "ON only")
    assert view.parameters.polarity == "on"
    wait_for(qtbot, lambda: picture.image.image.max() <= 15)
    choose(qtbot, view.parts.live.shown, "Time surface")
    wait_for(qtbot, lambda: view.parts.live.title.text() == "Live: time surface" and picture.image.image.max() > 200)
    choose(qtbot, view.parts.live.shown, "Counts")
    wait_for(qtbot, lambda: view.parts.live.title.text() == "Live: the last 33 ms")


def test_the_pixel_under_the_mouse_is_named(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    picture = view.parts.live.picture
    qtbot.mouseMove(picture.viewport(), pos=picture.place_of(12.5, 70.5))
    wait_for(qtbot, lambda: "(pixel 12, 70)" in view.parts.live.title.text())


def test_a_recording_without_a_size_is_given_one(window: MainWindow, view: CaptureView, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("t,x,y,p\n" + "".join(f"{i * 100},{i % 40},{i % 30},{i % 2}\n" for i in range(40_000)))
    assert view.open_recording(path)
    wait_for(qtbot, lambda: view.runner.state is SourceState.FAILED)
    assert "width and height" in view.parts.live.card.accessibleDescription()
    retype(qtbot, view.parts.source.sensor, "64 x 48")
    wait_for(qtbot, lambda: view.parts.live.picture.size_shown == (64, 48))


def test_zoom_and_fit(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    picture = view.parts.live.picture
    before = picture.view.viewRect().width()
    picture.zoom(4)
    assert picture.view.viewRect().width() < before / 3
    click(qtbot, window, "fit")
    assert picture.view.viewRect().width() == pytest.approx(before, rel=0.05)


# -- region and grid


def test_a_region_is_dragged_snaps_moves_and_goes(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    show_tab(qtbot, window, "Region")
    click(qtbot, window, "tool_region")
    picture = view.parts.live.picture
    drag(qtbot, picture, (20, 8), (101, 87))
    assert view.parameters.region == (20, 8, 80, 80)  # a size of LENS
    assert view.parts.region.size_box.currentText() == "80 × 80 (LENS)"
    drag(qtbot, picture, (60, 50), (50, 55))
    assert view.parameters.region == (10, 13, 80, 80)
    assert "100 inputs, each from 8 × 8 pixels" in view.parts.region.grid_note.text()
    choose(qtbot, view.parts.region.size_box, "Whole sensor (128 × 96)")
    assert view.parameters.region is None
    click(qtbot, window, "regionSquare")
    assert view.parameters.region == (0, 0, 96, 96)


def test_a_region_is_typed_and_judged(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    show_tab(qtbot, window, "Region")
    retype(qtbot, part(window, "regionWidth"), "100")
    assert view.parameters.region == (0, 0, 100, 96)
    retype(qtbot, part(window, "regionLeft"), "60")
    assert view.parts.region.problem.text() == "The region should lie on the sensor of 128 × 96 pixels."
    assert view.parameters.region == (0, 0, 100, 96)


def test_the_grid_marks_the_pixels_that_the_network_selects(
    window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path
) -> None:
    open_and_run(qtbot, window, recording)
    show_tab(qtbot, window, "Region")
    retype(qtbot, part(window, "regionHeight"), "90")
    retype(qtbot, part(window, "regionWidth"), "120")
    picture = view.parts.live.picture
    assert picture._selected.path().elementCount() == 0  # the mean of a cell is no single pixel
    choose(qtbot, view.parts.region.grid.editor("cell"), "centre")
    assert picture._selected.path().elementCount() == 100 * 5
    # Cells of 12 x 9 pixels: the pixel at 9 // 2 down and 12 // 2 across.
    first = picture._selected.path().elementAt(0)
    assert (first.x, first.y) == (6, 4)
    click(qtbot, window, "showGrid")
    assert picture._grid.path().isEmpty()
    click(qtbot, window, "showGrid")
    retype(qtbot, view.parts.region.grid.editor("dims")._parts[0], "7")  # type: ignore[union-attr]
    assert "does not divide" in view.parts.region.grid_note.text()
    assert picture._grid.path().isEmpty()


# -- hot pixels


def test_hot_pixels_are_found_clicked_saved_and_loaded(
    window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_and_run(qtbot, window, recording)
    show_tab(qtbot, window, "Region")
    pipeline = view.runner.pipeline
    assert pipeline is not None
    wait_for(qtbot, lambda: (now := pipeline.snapshot()) and now.time_us > START_US + 900_000)
    click(qtbot, window, "hotFind")
    wait_for(qtbot, lambda: HOT in view.region.hot_pixels)
    assert HOT in pipeline.hot_pixels
    found = len(view.region.hot_pixels)
    click(qtbot, window, "tool_hot")
    picture = view.parts.live.picture
    qtbot.mouseClick(picture.viewport(), LEFT, pos=picture.place_of(70.5, 60.5))
    assert (70, 60) in view.region.hot_pixels and len(pipeline.hot_pixels) == found + 1
    qtbot.mouseClick(picture.viewport(), LEFT, pos=picture.place_of(70.5, 60.5))
    assert (70, 60) not in view.region.hot_pixels
    listed = tmp_path / "hot.txt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(listed), ""))
    click(qtbot, window, "hotSave")
    assert f"{HOT[0]},{HOT[1]}\n" in listed.read_text()
    click(qtbot, window, "hotClear")
    assert not view.region.hot_pixels and not pipeline.hot_pixels
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(listed), ""))
    click(qtbot, window, "hotLoad")
    assert HOT in view.region.hot_pixels and HOT in pipeline.hot_pixels
    listed.write_text("3;4\n")
    with qtbot.waitSignal(view.notified) as told:
        click(qtbot, window, "hotLoad")
    assert "is not a pixel" in told.args[0].sentence


# -- windows and filters


def test_the_window_its_suggestion_and_a_second_one(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    form = view.parts.window_form
    retype(qtbot, form.editor("window_ms"), "200")
    assert view.parameters.window_ms == 200
    # 40,000 events a second on 128 x 96 pixels, in 0.2 s; the first pictures may be of a window that has just begun.
    full = pytest.approx(40_000 * 0.2 / (SIZE[0] * SIZE[1]), rel=0.05)
    preview = view.parts.preview
    wait_for(qtbot, lambda: preview.title.text() == "Frame of 200 ms" and preview.gauge.value == full)
    assert "too few" in view.parts.preview.mean.text() and "silent" in view.parts.preview.shares.text()
    assert not view.parts.compare.isVisible()
    retype(qtbot, form.editor("compare_window_ms"), "400")
    wait_for(qtbot, lambda: view.parts.compare.isVisible() and view.parts.compare.gauge.value)
    assert view.parts.compare.title.text() == "Frame of 400 ms"
    wait_for(qtbot, lambda: view.parts.preview.use.isVisible())
    wanted = view.runner.pipeline.snapshot().statistics.suggested  # type: ignore[union-attr]
    click(qtbot, window, "previewUse")
    assert view.parameters.window_ms == pytest.approx(wanted.window_ms, rel=0.2)
    retype(qtbot, form.editor("window_ms"), "-4")
    assert not form.valid and view.parameters.window_ms > 0


def test_frames_of_a_fixed_count(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    choose(qtbot, view.parts.window_form.editor("mode"), "count")
    retype(qtbot, view.parts.window_form.editor("events_per_frame"), "5000")
    wait_for(qtbot, lambda: view.parts.preview.title.text() == "Frame of 5 000 events" and view.parts.preview.gauge.value)
    assert view.parts.preview.gauge.value == pytest.approx(5000 / (SIZE[0] * SIZE[1]), rel=0.02)


def test_the_figures_of_a_frame_stand_under_its_own_window() -> None:
    few = CaptureParameters(mode="count", events_per_frame=5)
    with running(source := HandSource(), few) as pipeline:
        source.give(events_of(30_000))  # 0.3 s, enough to suggest a window from
        snapshot = seen(pipeline, lambda s: s.preview and s.statistics.suggested)
    after = few.model_copy(update={"events_per_frame": 5000})
    assert (filling_of(snapshot, few).window, filling_of(snapshot, after).window) == ("5 events", "5 events")
    none = replace(snapshot, preview=None)
    assert filling_of(none, after).window == "5 000 events" and filling_of(none, after).mean is None
    assert filling_of(snapshot, after).suggested > 5  # type: ignore[operator]
    timed = after.model_copy(update={"mode": "time"})
    assert filling_of(none, timed).window == "1000 ms"
    assert filling_of(snapshot, timed).suggested is None  # a number of events is no length of a window


def test_a_filter_shows_the_share_that_it_removes(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    show_tab(qtbot, window, "Filters")
    row = view.parts.filters.rows["refractory"]
    assert row.form is not None and not row.form.isVisible()
    click(qtbot, window, "filter_refractory_on")
    assert view.parameters.filters.refractory_on and row.form.isVisible()
    retype(qtbot, row.form.editor("period_us"), "900000")
    assert view.parameters.filters.refractory.period_us == 900_000
    wait_for(qtbot, lambda: row.share.text().startswith("removes"))
    wait_for(qtbot, lambda: float(row.share.text().split()[1]) > 30)
    click(qtbot, window, "filter_refractory_on")
    assert row.share.text() == "" and not view.parameters.filters.refractory_on


def test_plots_follow_the_source(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    wait_for(qtbot, lambda: np.max(view.parts.rates._curve.getData()[1], initial=0) > 20_000)
    wait_for(qtbot, lambda: np.sum(view.parts.histogram._bars.opts["height"]) == SIZE[0] * SIZE[1])


def test_settings_are_kept(window: MainWindow, view: CaptureView, qtbot: QtBot, recording: Path) -> None:
    open_and_run(qtbot, window, recording)
    retype(qtbot, view.parts.window_form.editor("window_ms"), "250")
    again = at_once(CaptureView.assemble(view.tools))
    qtbot.addWidget(again)
    assert again.parameters.window_ms == 250
    assert again.parts.source.chosen.path == recording
