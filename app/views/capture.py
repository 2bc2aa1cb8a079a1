"""The Capture panel: watch a source, choose region, filters and time window, record, and bin recordings to traverses."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from app.capture_recording import RecordingControl
from app.capture_region import RegionControl
from app.capture_runner import CaptureRunner
from app.pieces import Pieces
from app.report import Fault
from app.views.base import Command, Tools, View
from app.widgets.capture_layout import CaptureLayout
from app.widgets.capture_options import CaptureOptions
from app.widgets.capture_pictures import TITLES, filling_of, indices_of, live_note, top_of
from app.widgets.source_bar import Chosen
from engine.capture import CaptureParameters, CaptureSnapshot, RateTimeline
from engine.errors import BadInput
from engine.events.sources import FoundCamera, SourceState
from engine.frames.inputs import InputParameters
from engine.parameters import problems

_PLOTS_EVERY, _WORDS_EVERY = 3, 6  # pictures
_STEP_COUNT_US = 33_000
"""A step where frames hold a fixed count, whose time is not known before."""


class CaptureView(View):
    """Mirrors a capture pipeline; whatever is set here is a CaptureParameters that the engine has accepted."""

    name, title, guide = "capture", "Capture", "capture"
    summary = "Watch a camera or a recording, choose the time window, record."
    Options = CaptureOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._saved = tools.settings.options(self.name, CaptureOptions)
        self.parameters: CaptureParameters = self._saved.capture
        self.sensor: tuple[int, int] | None = None
        self._preview = self._compare = -1
        self._pictures = 0
        self._title = "Live picture"
        self._pointed: tuple[int, int] | None = None
        self._chosen: Chosen | None = None
        self.runner = CaptureRunner(self)
        self.recording = RecordingControl(self)
        self.region = RegionControl(self)

    def fill(self) -> Pieces[None]:
        """Parts, then what listens to them."""
        recording = self.recording
        self.parts = CaptureLayout()
        self.content.addWidget(self.parts)
        yield from self.parts.fill(self.tools.theme, recording.check_names, recording.check_traverse)
        yield
        self.add_to_header(self.parts.record_button)
        self._show_saved()
        yield
        self._connect()
        self.region.begin()
        self.recording.begin()
        self._on_state(SourceState.IDLE, "")

    # -- what the window asks

    def commands(self) -> list[Command]:
        """For the palette and the Panel menu."""
        parts = self.parts
        return [
            Command("capture_open", "Choose a recording…", self._on_browse, "Ctrl+Shift+O", "Choose a recording and show it"),
            Command(
                "capture_record", "Record or stop recording", self.recording.toggle, "Ctrl+Shift+R", "Start or finish a recording"
            ),
            Command("capture_play", "Play or pause", self._toggle_play, "", "Let time pass or hold it (Space)"),
            Command("capture_step", "Step one time window", self._on_step, "", "Show the next time window and stay paused (.)"),
            Command("capture_fit", "Show the whole sensor", parts.live.picture.fit, "", "Undo zooming and moving (F)"),
            Command("capture_hot", "Find hot pixels", self.region.find_hot, "", "Find the pixels that fire without light"),
            Command("capture_retry", "Start the source again", self.runner.retry, "", "After it has ended or failed"),
        ]

    def open_recording(self, path: Path) -> bool:
        """Show a recording that was dropped or chosen."""
        chosen = Chosen("recording", path=path)
        self.parts.source.choose(chosen)
        self._on_open(chosen)
        return True

    def unsaved(self) -> str:
        """What closing would cut short."""
        return "a recording" if self.recording.active else ""

    def stop(self) -> None:
        """The window closes: what is recorded is finished first."""
        self.runner.stop()
        self.recording.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no button or line has used."""
        run = {
            Qt.Key.Key_Space: self._toggle_play,
            Qt.Key.Key_Period: self._on_step,
            Qt.Key.Key_F: self.parts.live.picture.fit,
        }.get(Qt.Key(event.key()))
        if run is None or event.modifiers():
            super().keyPressEvent(event)
        else:
            run()

    # -- assembly

    def _show_saved(self) -> None:
        saved, parts = self._saved, self.parts
        parts.source.choose(
            Chosen(saved.source, Path(saved.path) if saved.path else None, None, "", saved.address, saved.protocol)
        )
        parts.region.grid.set_parameters(saved.inputs)
        parts.region.show_grid.setChecked(saved.show_grid)
        parts.region.square.setChecked(saved.square)
        parts.live.picture.square = saved.square
        parts.record.set_parameters(saved.recording)
        self._show_parameters()

    def _connect(self) -> None:
        parts, runner = self.parts, self.runner
        parts.source.openRequested.connect(self._on_open)
        parts.source.closeRequested.connect(self._on_close)
        parts.source.browseRequested.connect(self._on_browse)
        parts.source.refreshRequested.connect(self._on_refresh)
        runner.camerasFound.connect(self._on_cameras)
        runner.camerasFailed.connect(lambda sentence: parts.source.show_cameras([], problem=sentence))
        runner.snapshotArrived.connect(self._on_snapshot)
        runner.rested.connect(self._on_rested)
        runner.stateChanged.connect(self._on_state)
        runner.rateTimelineArrived.connect(self._on_timeline)
        runner.failed.connect(lambda sentence: self._on_state(SourceState.FAILED, sentence))
        parts.live.viewChanged.connect(self.take_edits)
        parts.live.actionRequested.connect(self._on_action)
        parts.window_form.edited.connect(self.take_edits)
        parts.filters.edited.connect(self.take_edits)
        for preview in (parts.preview, parts.compare):
            preview.suggestionAccepted.connect(self._on_suggestion)
        parts.live.picture.pointed.connect(self._on_pointed)
        parts.play.playRequested.connect(runner.play)
        parts.play.stepRequested.connect(self._on_step)
        parts.play.speedRequested.connect(runner.set_speed)
        parts.play.seekRequested.connect(runner.seek)
        parts.play.loopRequested.connect(runner.set_loop)

    # -- the source

    def _on_open(self, chosen: Chosen) -> None:
        if self.recording.active:
            self.notify("Stop the recording before another source is opened.")
            return
        self._chosen = chosen
        if chosen.path is not None:
            self.recording.offer_to_bin(chosen.path)
        self._forget_pictures()
        self.runner.open(
            chosen, self.parameters, self.root(), float(self.parts.play.speed.currentData()), self.parts.play.loop.isChecked()
        )
        self.save()

    def _on_close(self) -> None:
        if self.recording.active:
            self.notify("Stop the recording before the source is closed.")
            return
        self.runner.close()
        self._forget_pictures()
        self.tools.session.report_live()

    def _on_action(self, action: str) -> None:
        if action == "retry" and self.runner.pipeline is None and self._chosen is not None:
            self._on_open(self._chosen)
        elif action == "retry":
            self.runner.retry()

    def _on_state(self, state: SourceState, message: str) -> None:
        parts, opened = self.parts, self.runner.pipeline is not None
        parts.source.show_running(opened and state is not SourceState.FAILED)  # a failed source can be chosen anew at once
        card = parts.live.card
        if state is SourceState.FAILED:
            card.show_message("warning", message or "The source has failed.", "Retry", "retry")
        elif state is SourceState.ENDED and self.runner.replay is None:
            card.show_message("info", message, "Start again", "retry")
        elif not opened:
            card.show_message("capture", "Choose a source above and press Start.")
        elif state is SourceState.STARTING:
            card.show_message("capture", "Starting…")
        else:
            card.show_message("capture", "")
        self._show_play()
        latest = self.runner.pipeline.snapshot() if self.runner.pipeline is not None else None
        if latest is not None:
            parts.live.tell(latest.problem or live_note(latest, state))
        elif not opened:
            parts.live.tell("")
            self.tools.session.report_live()
        self.recording.show_source(state)

    def _show_play(self) -> None:
        paced, replay = self.runner.paced, self.runner.replay
        playing = paced is not None and self.runner.state in (SourceState.RUNNING, SourceState.STARTING)
        time_range = replay.time_range if replay is not None else None
        usable = paced is not None and self.runner.state is not SourceState.FAILED
        self.parts.play.show_state(usable, playing, time_range, replay.position_us if replay is not None else None)

    def _toggle_play(self) -> None:
        if self.runner.paced is not None:
            self.runner.play(not self.parts.play.playing)

    def _on_step(self) -> None:
        parameters = self.parameters
        self.runner.step(round(1000 * parameters.window_ms) if parameters.mode == "time" else _STEP_COUNT_US)

    def _on_timeline(self, timeline: RateTimeline) -> None:
        self.parts.play.timeline.show_rates(timeline.rates)

    def _on_browse(self) -> None:
        workspace = self.tools.session.workspace
        start = self.parts.source.path.text() or str(workspace.recordings if workspace is not None else Path.home())
        chosen = QFileDialog.getOpenFileName(self, "Open a recording", start)[0]
        if chosen:
            self.open_recording(Path(chosen))

    def _on_refresh(self) -> None:
        self.parts.source.show_cameras([], looking=True)
        self.runner.look_for_cameras()

    def _on_cameras(self, cameras: list[FoundCamera]) -> None:
        self.parts.source.show_cameras([(camera.model, camera.serial) for camera in cameras])

    # -- what is drawn

    def _on_snapshot(self, snapshot: CaptureSnapshot) -> None:
        """Draw the picture at once; plots ten times a second and words five times, which is as fast as they can be read."""
        parts = self.parts
        if snapshot.size != self.sensor:
            self._on_sensor(snapshot.size)
        if self.isVisible():
            parts.live.picture.show_indices(*indices_of(snapshot, self.parameters.polarity))
        fresh = self._show_frames(snapshot)
        self._pictures += 1
        if self._pictures % _PLOTS_EVERY == 0 and self.isVisible():
            self._plot(snapshot)
        if fresh or self._pictures % _WORDS_EVERY == 0:
            self._say(snapshot)

    def _on_pointed(self, pixel: tuple[int, int] | None) -> None:
        """The picture's title says which pixel is under the mouse."""
        self._pointed = pixel
        self.parts.live.title.say(self._title if pixel is None else f"{self._title}   (pixel {pixel[0]}, {pixel[1]})")

    def _on_rested(self, snapshot: CaptureSnapshot) -> None:
        self._plot(snapshot)
        self._say(snapshot)

    def _show_frames(self, snapshot: CaptureSnapshot) -> bool:
        """Draw event frames that are new; returns whether there were any."""
        parts, fresh = self.parts, False
        if snapshot.preview is not None and snapshot.preview.index != self._preview:
            self._preview, fresh = snapshot.preview.index, True
            parts.preview.show_frame(snapshot.preview.image, top_of(snapshot.preview))
        if snapshot.compare is not None and snapshot.compare.index != self._compare:
            self._compare, fresh = snapshot.compare.index, True
            parts.compare.show_frame(snapshot.compare.image, top_of(snapshot.compare))
        return fresh

    def _plot(self, snapshot: CaptureSnapshot) -> None:
        statistics = snapshot.statistics
        self.parts.rates.show_rates(statistics.rate_history, 10.0)
        self.parts.histogram.show_histogram(statistics.pixel_rate_edges, statistics.pixel_rate_counts)
        self._show_play()

    def _say(self, snapshot: CaptureSnapshot) -> None:
        parts, statistics = self.parts, snapshot.statistics
        parts.preview.show_filling(filling_of(snapshot, self.parameters))
        if parts.compare.isVisible():
            parts.compare.show_filling(filling_of(snapshot, self.parameters, compare=True))
        parts.filters.show_shares(dict(statistics.removed))
        self._title = TITLES[snapshot.representation].format(self.parameters.display_window_ms)
        self._on_pointed(self._pointed)
        parts.live.tell(snapshot.problem or live_note(snapshot, self.runner.state))
        self.recording.show_snapshot(snapshot)
        self.tools.session.report_live(events_per_second=statistics.events_per_s, frames_dropped=statistics.undrawn)

    def _on_sensor(self, size: tuple[int, int]) -> None:
        self.sensor = size
        region = self.parameters.region
        if region is not None and (region[0] + region[2] > size[0] or region[1] + region[3] > size[1]):
            self.notify(
                f"The region of interest does not fit this sensor of {size[0]} × {size[1]} pixels: the whole sensor is used."
            )
            region = None
        self.parts.region.show_sensor(size)
        self.region.choose(region)
        self.region.show_hot()

    def _forget_pictures(self) -> None:
        self._preview = self._compare = -1
        self.sensor = None
        parts = self.parts
        for part in (parts.preview, parts.compare):
            part.clear()
        parts.live.picture.clear()
        self._title = "Live picture"
        self._on_pointed(None)
        parts.rates.clear()
        parts.histogram.clear()
        parts.play.timeline.show_rates(())
        parts.filters.show_shares({})
        parts.region.show_sensor(None)
        self.region.forget_hot()

    # -- what is set

    def take_edits(self) -> None:
        """Take over what the forms say, if the engine accepts it; the forms show what it has against it."""
        parts = self.parts
        form = parts.window_form.values()
        values: dict[str, Any] = {
            **form,
            "region": self.parameters.region,
            "dims": parts.region.grid.values()["dims"],
            "representation": parts.live.shown.currentData(),
            "polarity": parts.live.polarity.currentData(),
            "filters": parts.filters.values(),
        }
        if problems(CaptureParameters, values):
            return
        self.set_parameters(CaptureParameters(**values))

    def set_parameters(self, parameters: CaptureParameters) -> None:
        """Show and bin like this from now on, unless the engine has something against it."""
        if parameters == self.parameters:
            return
        try:
            self.runner.set_parameters(parameters)
        except BadInput as error:  # event frames are being recorded: they all have to be alike
            self.notify(str(error))
            self._show_parameters()
            return
        self.parameters = parameters
        self.parts.show_compare(parameters.compare_window_ms is not None)
        self.save()

    def _show_parameters(self) -> None:
        """Show what holds, where something else was asked for."""
        parts, parameters = self.parts, self.parameters
        parts.live.shown.setCurrentIndex(max(parts.live.shown.findData(parameters.representation), 0))
        parts.live.polarity.setCurrentIndex(max(parts.live.polarity.findData(parameters.polarity), 0))
        parts.window_form.set_parameters(parameters)
        parts.filters.show_filters(parameters.filters)
        parts.region.show_region(parameters.region)
        parts.live.picture.show_region(parameters.region)
        parts.show_compare(parameters.compare_window_ms is not None)
        self.region.draw_grid()

    def _on_suggestion(self, value: float) -> None:
        name = "window_ms" if self.parameters.mode == "time" else "events_per_frame"
        self.parts.window_form.set_values({name: value if name == "window_ms" else round(value)})
        self.take_edits()

    # -- small things

    def root(self) -> Path | None:
        """The open workspace's folder."""
        workspace = self.tools.session.workspace
        return workspace.root if workspace is not None else None

    # -- telling and keeping

    def notify(self, sentence: str) -> None:
        """Tell the person without blocking."""
        self.notified.emit(Fault(sentence, level="warning"))

    def save(self) -> None:
        """Keep the settings for the next start."""
        parts, chosen = self.parts, self.parts.source.chosen
        recording, inputs = parts.record.parameters, parts.region.grid.parameters()
        self._saved = CaptureOptions(
            source=chosen.kind,
            path=str(chosen.path or self._saved.path),
            address=chosen.address or self._saved.address,
            protocol=chosen.protocol if chosen.protocol == "dv" else "revisit",
            capture=self.parameters,
            recording=recording or self._saved.recording,
            inputs=inputs or InputParameters(),
            show_grid=parts.region.show_grid.isChecked(),
            square=parts.region.square.isChecked(),
        )
        self.save_options(self._saved)
