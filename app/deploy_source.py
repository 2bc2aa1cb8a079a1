"""The Deploy panel's source: opened, closed, played, its pictures shown and its sensor found out."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.deploy_runner import capture_parameters
from app.widgets.capture_pictures import indices_of, live_note
from app.widgets.source_bar import Chosen
from engine.capture import CaptureSnapshot, RateTimeline
from engine.events.sources import FoundCamera, SourceState

if TYPE_CHECKING:
    from app.views.deploy import DeployView

_WORDS_EVERY, _CHECKS_EVERY = 6, 12  # pictures


class SourceControl(QObject):
    """Hands what the bar over the panel asks for to the capture runner, and shows what comes from it."""

    def __init__(self, view: "DeployView") -> None:
        super().__init__(view)
        self.setObjectName("sourceControl")
        self._view, self._capture = view, view.runner.capture
        self._pictures = 0
        self.opened: Chosen | None = None
        self.sensor: tuple[int, int] | None = None
        """Width and height, once a picture has come."""
        parts, capture = view.parts, self._capture
        parts.source.openRequested.connect(self.open)
        parts.source.closeRequested.connect(self.close)
        parts.source.browseRequested.connect(self.browse)
        parts.source.refreshRequested.connect(self._on_refresh)
        parts.live.actionRequested.connect(lambda action: self._on_retry())
        parts.play.playRequested.connect(capture.play)
        parts.play.stepRequested.connect(lambda: capture.step(view.parameters.step_us))
        parts.play.speedRequested.connect(capture.set_speed)
        parts.play.seekRequested.connect(capture.seek)
        parts.play.loopRequested.connect(capture.set_loop)
        capture.camerasFound.connect(self._on_cameras)
        capture.camerasFailed.connect(lambda sentence: parts.source.show_cameras([], problem=sentence))
        capture.snapshotArrived.connect(self._on_snapshot)
        capture.rested.connect(self._say)
        capture.stateChanged.connect(self.show_state)
        capture.rateTimelineArrived.connect(self._on_timeline)
        capture.failed.connect(lambda sentence: self.show_state(SourceState.FAILED, sentence))

    def open(self, chosen: Chosen) -> None:
        """Open a source; its pictures come soon."""
        view, parts = self._view, self._view.parts
        self.opened, self.sensor = chosen, None
        view.checks.begin_source()
        parts.live.picture.clear()
        parts.play.timeline.show_rates(())
        parameters = capture_parameters(view.parameters, view.runner.model, None)
        workspace = view.tools.session.workspace
        root = workspace.root if workspace is not None else None
        if view.boards.own_camera:
            camera = view.boards.open_camera()
            if camera is not None:
                self._capture.open_source(camera, parameters, root)
        else:
            speed, loop = float(parts.play.speed.currentData()), parts.play.loop.isChecked()
            self._capture.open(chosen, parameters, root, speed, loop)
        view.save()

    def close(self) -> None:
        """End the run and close the source."""
        view = self._view
        view.runner.close_source()
        view.parts.live.picture.clear()
        view.tools.session.report_live()
        view.checks.end_source()

    def browse(self) -> None:
        """Ask for a recording."""
        view, workspace = self._view, self._view.tools.session.workspace
        start = view.parts.source.path.text() or str(workspace.recordings if workspace is not None else Path.home())
        chosen = QFileDialog.getOpenFileName(view, "Open a recording", start)[0]
        if chosen:
            view.open_recording(Path(chosen))

    def show_state(self, state: SourceState, message: str) -> None:
        """What the source does, and what can be done about it."""
        view, parts = self._view, self._view.parts
        opened = self._capture.pipeline is not None
        parts.source.show_running(opened and state is not SourceState.FAILED)
        card = parts.live.card
        if state is SourceState.FAILED:
            card.show_message("warning", message or "The source has failed.", "Retry", "retry")
        elif state is SourceState.ENDED:
            card.show_message("info", message or "The source has ended.", "Start again", "retry")
        elif not opened:
            card.show_message("deploy", "Choose a source above and press Start.")
        else:
            card.show_message("deploy", "Starting…" if state is SourceState.STARTING else "")
        if not opened:
            view.screen_.say_idle()
        self._show_play()
        view.show_run()

    def _show_play(self) -> None:
        capture, play = self._capture, self._view.parts.play
        paced, replay = capture.paced, capture.replay
        playing = paced is not None and capture.state in (SourceState.RUNNING, SourceState.STARTING)
        time_range = replay.time_range if replay is not None else None
        play.setVisible(paced is not None)
        usable = paced is not None and capture.state is not SourceState.FAILED
        play.show_state(usable, playing, time_range, replay.position_us if replay is not None else None)

    def _say(self, snapshot: CaptureSnapshot) -> None:
        view, statistics = self._view, snapshot.statistics
        view.parts.filters.show_shares(dict(statistics.removed))
        if view.parts.rates.isVisible():
            view.parts.rates.show_rates(statistics.rate_history, 10.0)
        self._show_play()
        view.screen_.say_source(live_note(snapshot, self._capture.state), statistics)
        view.tools.session.report_live(events_per_second=statistics.events_per_s, frames_dropped=statistics.undrawn)

    # -- handlers

    def _on_retry(self) -> None:
        if self._capture.pipeline is None and self.opened is not None:
            self.open(self.opened)
        else:
            self._capture.retry()

    def _on_refresh(self) -> None:
        self._view.parts.source.show_cameras([], looking=True)
        self._capture.look_for_cameras()

    def _on_cameras(self, cameras: list[FoundCamera]) -> None:
        self._view.parts.source.show_cameras([(camera.model, camera.serial) for camera in cameras])

    def _on_timeline(self, timeline: RateTimeline) -> None:
        self._view.parts.play.timeline.show_rates(timeline.rates)

    def _on_snapshot(self, snapshot: CaptureSnapshot) -> None:
        view = self._view
        if snapshot.size != self.sensor:
            self._on_sensor(snapshot.size)
        picture = view.parts.live.picture
        if picture.isVisible():
            picture.show_indices(*indices_of(snapshot, view.parameters.polarity))
        if view.demo is not None:
            view.demo.show_events(*indices_of(snapshot, view.parameters.polarity))
        self._pictures += 1
        if self._pictures % _WORDS_EVERY == 0:
            self._say(snapshot)
        if self._pictures % _CHECKS_EVERY == 0:
            view.checks.show(snapshot)
        view.checks.look_for_hot_pixels()

    def _on_sensor(self, size: tuple[int, int]) -> None:
        view = self._view
        self.sensor = size
        view.runner.look_up_route(view.tools.session.workspace, self.opened.path if self.opened is not None else None)
        view.checks.mask_hot_pixels()
        view.apply()
