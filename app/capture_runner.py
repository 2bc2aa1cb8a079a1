"""The capture pipeline on behalf of the panel: opened, drained 30 times a second, closed without holding up the window."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.background import Background
from app.widgets.source_bar import Chosen
from engine.capture import (
    CameraRequest,
    CaptureParameters,
    CapturePipeline,
    CaptureSnapshot,
    DvStreamRequest,
    RateTimeline,
    RecordingParameters,
    RecordingRequest,
    SourceRequest,
    StreamRequest,
    SyntheticRequest,
    list_cameras,
    open_source,
    rate_timeline,
)
from engine.errors import BadInput
from engine.events.sources import EventSource, PacedSource, ReplaySource, SourceState, parse_address
from engine.jobs import ignore

TICK_MS = 33
_REST_TICKS = 5


def request_for(chosen: Chosen) -> SourceRequest:
    """What the engine is asked to open.

    Raises:
        BadInput: the choice is not complete.
    """
    if chosen.kind == "camera":
        return CameraRequest(serial=chosen.serial)
    if chosen.kind == "stream":
        where = parse_address(chosen.address)
        if where.path is not None:
            raise BadInput(f"{chosen.address} is a socket on this computer's disk: give the host and port of the sender.")
        return (DvStreamRequest if chosen.protocol == "dv" else StreamRequest)(host=where.host, port=where.port)
    if chosen.kind == "synthetic":
        return SyntheticRequest()
    if chosen.path is None:
        raise BadInput("No recording is chosen: type its path, or choose it with the folder beside the line.")
    return RecordingRequest(path=chosen.path, size=chosen.size)


class CaptureRunner(QObject):
    """Only one source is open at a time. Everything that may wait is done in the background."""

    snapshotArrived = Signal(object)  # CaptureSnapshot; of several since the last tick only the newest
    rested = Signal(object)  # the newest CaptureSnapshot, once no newer one has come for a while
    stateChanged = Signal(object, str)  # SourceState, the engine's sentence
    rateTimelineArrived = Signal(object)  # engine.capture.RateTimeline
    camerasFound = Signal(object)  # list of engine.events.sources.FoundCamera
    camerasFailed = Signal(str)
    failed = Signal(str)  # the source could not even be opened

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("captureRunner")
        self._background = Background(self)
        self._pipeline: CapturePipeline | None = None
        self._source: EventSource | None = None
        self._state = SourceState.IDLE
        self._message = ""
        self._shown = -1
        self._idle = 0
        self._drawn_at = 0.0
        self._looking = False
        self._timer = QTimer(self)
        self._timer.setObjectName("captureTick")
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    # -- what is open

    @property
    def pipeline(self) -> CapturePipeline | None:
        """The open pipeline."""
        return self._pipeline

    @property
    def source(self) -> EventSource | None:
        """The open source."""
        return self._source

    @property
    def state(self) -> SourceState:
        """The source's state, IDLE where none is open."""
        return self._state

    @property
    def message(self) -> str:
        """The engine's sentence on the state."""
        return self._message

    @property
    def paced(self) -> PacedSource | None:
        """The source where its time can be held."""
        return self._source if isinstance(self._source, PacedSource) else None

    @property
    def replay(self) -> ReplaySource | None:
        """The source where it is a recording."""
        return self._source if isinstance(self._source, ReplaySource) else None

    # -- life

    def open(self, chosen: Chosen, parameters: CaptureParameters, workspace: Path | None, speed: float, loop: bool) -> None:
        """Open a source in place of the present one and start it."""
        self.close()
        try:
            source = open_source(request_for(chosen))
        except BadInput as error:
            self.failed.emit(str(error))
            return
        if isinstance(source, PacedSource):
            source.factor = speed
        if isinstance(source, ReplaySource):
            source.loop = loop
        self.open_source(source, parameters, workspace)
        if chosen.path is not None:
            path: Path = chosen.path
            self._background.run(
                "Time line", lambda cancel: rate_timeline(path, ignore, cancel, size=chosen.size), self._on_timeline
            )

    def open_source(self, source: EventSource, parameters: CaptureParameters, workspace: Path | None) -> None:
        """The same with a source that is there already, not started (a chip's own camera)."""
        self.close()
        self._source = source
        self._pipeline = CapturePipeline(source, parameters, workspace)
        self._shown = -1
        self._pipeline.start()
        self._timer.start()
        self.tick()

    def retry(self) -> None:
        """Start a source that has ended or failed anew."""
        if self._pipeline is not None:
            self._pipeline.retry()
            self._shown = -1
            self._timer.start()
            self.tick()

    def close(self, wait: bool = False) -> None:
        """Close the source; what is recorded is finished. In the background, unless `wait`."""
        self._timer.stop()
        pipeline, self._pipeline, self._source = self._pipeline, None, None
        if pipeline is not None:
            if wait:
                pipeline.close()
            else:
                self._background.run("Close the source", lambda cancel: pipeline.close())
        self._set_state(SourceState.IDLE, "")

    def stop(self) -> None:
        """The window closes: finish and join everything."""
        self.close(wait=True)
        self._background.stop()

    def look_for_cameras(self) -> None:
        """Ask the engine which cameras are attached; camerasFound or camerasFailed follows."""
        if not self._looking:
            self._looking = True
            self._background.run("Look for cameras", lambda cancel: list_cameras(), self._on_cameras, self._on_no_cameras)

    # -- what a person asks for

    def set_parameters(self, parameters: CaptureParameters) -> None:
        """Show and bin from now on like this."""
        if self._pipeline is not None:
            self._pipeline.set_parameters(parameters)

    def play(self, on: bool) -> None:
        """Let time pass, or hold it; a recording that has ended begins anew."""
        paced = self.paced
        if paced is None:
            return
        if not on:
            paced.pause()
        elif not paced.state.active:
            self.retry()
        else:
            paced.resume()
        self.tick()

    def step(self, duration_us: int) -> None:
        """Show the next part of a recording."""
        if self.paced is not None and self.paced.state.active:
            self.paced.step(duration_us)
            self.tick()

    def set_speed(self, factor: float) -> None:
        """Let time pass at this factor."""
        if self.paced is not None:
            self.paced.factor = factor

    def set_loop(self, on: bool) -> None:
        """Begin a recording anew at its end, or stop there."""
        if self.replay is not None:
            self.replay.loop = on

    def seek(self, event_us: int) -> None:
        """Go to a time of the recording; one that has ended goes on from there."""
        if self.replay is not None:
            self.replay.seek(event_us)
            if not self.replay.state.active:
                self.retry()

    def start_recording(self, parameters: RecordingParameters) -> None:
        """Begin a recording.

        Raises:
            BadInput: a name is taken, the disk is full.
        """
        if self._pipeline is not None:
            self._pipeline.start_recording(parameters)

    def stop_recording(self, done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Finish a recording in the background."""
        pipeline = self._pipeline
        if pipeline is not None:
            self._background.run("Finish the recording", lambda cancel: pipeline.stop_recording(), done, failed)

    def find_hot_pixels(self, done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Find the hot pixels in what was seen last, in the background."""
        pipeline = self._pipeline
        if pipeline is not None:
            self._background.run("Find hot pixels", lambda cancel: pipeline.find_hot_pixels(), done, failed)

    # -- 30 times a second

    def tick(self) -> None:
        """Hand on the newest snapshot, and the source's state where it has changed."""
        if self._pipeline is None or self._source is None:
            return
        self._set_state(self._pipeline.state, self._pipeline.message)
        snapshot: CaptureSnapshot | None = self._pipeline.snapshot()
        if snapshot is not None and snapshot.number != self._shown:
            self._count_undrawn(snapshot.number)
            self._shown, self._idle = snapshot.number, 0
            self.snapshotArrived.emit(snapshot)
        elif snapshot is not None:
            self._idle += 1
            if self._idle == _REST_TICKS:
                self.rested.emit(snapshot)

    def _count_undrawn(self, number: int) -> None:
        """The pipeline makes more pictures than are drawn; what counts is those for which this tick came too late."""
        now = time.monotonic()
        missed = round((now - self._drawn_at) * 1000 / TICK_MS) - 1
        if self._shown >= 0 and self._pipeline is not None:
            self._pipeline.count_undrawn(max(min(missed, number - self._shown - 1), 0))
        self._drawn_at = now

    def _set_state(self, state: SourceState, message: str) -> None:
        if (state, message) != (self._state, self._message):
            self._state, self._message = state, message
            self.stateChanged.emit(state, message)

    def _on_timeline(self, timeline: RateTimeline | None) -> None:
        if timeline is not None and self._source is not None:
            self.rateTimelineArrived.emit(timeline)

    def _on_cameras(self, cameras: Any) -> None:
        self._looking = False
        self.camerasFound.emit(cameras)

    def _on_no_cameras(self, sentence: str) -> None:
        self._looking = False
        self.camerasFailed.emit(sentence)
