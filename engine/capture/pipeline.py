"""A source's events, live: one thread reads (and records), another filters, bins and makes pictures; the window waits for none.

    pipeline = CapturePipeline(ReplaySource(path), CaptureParameters(), workspace)
    pipeline.start()
    ...
    snapshot = pipeline.snapshot()  # thirty times a second; the newest only

The reading thread hands each chunk to the recording first, and waits for it when its queue is full: the source is held back,
or, a camera, drops and counts. The picture's queue drops its oldest chunks instead; while event frames are recorded it keeps
them, and the picture passes over chunks when it lags.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.capture.chunks import FilteredChunk, Listener, RawChunk, RawListener
from engine.capture.figures import RateHistory
from engine.capture.parameters import CaptureParameters, RecordingParameters, check_names
from engine.capture.processor import OutsideFigures, Processor, filter_steps
from engine.capture.queue import WAIT_S, WeighedQueue
from engine.capture.recorder import Recording, RecordingResult, RecordingStatistics, disk_space
from engine.capture.snapshot import CaptureSnapshot
from engine.errors import BadInput
from engine.events.array import EventArray, empty_events
from engine.events.checks import Size, check_region
from engine.events.hot_pixels import read_hot_pixels, write_hot_pixels
from engine.events.sources.source import EventSource, SourceState
from engine.frames.binning import NEVER
from engine.frames.inputs import InputParameters, RowsColumns
from engine.places.workspace import Workspace

log = logging.getLogger(__name__)

CHUNK_EVENTS = 1 << 16
"""A chunk is at most so many events: a few milliseconds of work."""
QUEUE_EVENTS = 1 << 20
"""Events that wait for the picture, at most: a tenth of a second at 10 million events a second."""
KEPT_EVENTS = 1 << 23
"""And where they become event frames that are recorded: 0.8 s, before the source is held back."""
_SNAPSHOT_S = 0.02
_BUSY_SHARE = 0.25  # of the processing thread's time that pictures may take
_IDLE_LOOK_S = 0.05
_SILENCE_S = 0.25
_STOP_S = 5.0
BACK_US = 1_000_000
"""A chunk further back than this comes from a clock that was set back; less is disorder, which filters and bins bear."""

Pixel = tuple[int, int]


@dataclass(frozen=True)
class _Settings:
    parameters: CaptureParameters
    hot_pixels: frozenset[Pixel]
    version: int


class CapturePipeline:
    """Shows and records what a source gives.

    Every method returns at once but stop(), close() and stop_recording(), which wait for what is being written.

    Args:
        source: started and stopped by the pipeline; nobody else may read it. A ReplaySource's pause, seek, factor can be used.
        parameters: see CaptureParameters.
        workspace: the folder that recordings go to, where their parameters name none.
        pictures: False where nobody looks: events are filtered, recorded and handed to listeners only.
        keep_all: the source is held back where the filters or a listener are too slow, instead of chunks being passed over.
    """

    def __init__(
        self,
        source: EventSource,
        parameters: CaptureParameters,
        workspace: Path | None = None,
        *,
        pictures: bool = True,
        keep_all: bool = False,
    ) -> None:
        self.source = source
        self.workspace = workspace
        self.pictures, self.keep_all = pictures, keep_all
        self._listeners: tuple[Listener, ...] = ()
        self._raw_listeners: tuple[RawListener, ...] = ()
        self.last_recording: RecordingResult | None = None
        self._lock = threading.Lock()
        self._settings = _Settings(parameters, frozenset(), 0)
        self._queue: WeighedQueue[RawChunk] = WeighedQueue(QUEUE_EVENTS, KEPT_EVENTS)
        self._skipped = 0
        self._stream = self._told_lost = 0
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._history = RateHistory()
        self._processor: Processor | None = None
        self._snapshot: CaptureSnapshot | None = None
        self._undrawn = 0
        self._recording: Recording | None = None
        self._last_figures: RecordingStatistics | None = None
        self._drops_before = 0
        self._stop_asked = False
        self._problem = ""

    # state

    @property
    def state(self) -> SourceState:
        """Where the source is."""
        return SourceState.FAILED if self._problem else self.source.state

    @property
    def message(self) -> str:
        """A sentence on the state, or ""."""
        return self._problem or self.source.message

    @property
    def size(self) -> Size | None:
        """(width, height) of the sensor; None before it is known."""
        return self.source.size

    @property
    def running(self) -> bool:
        """Whether the pipeline's threads are at work."""
        return any(thread.is_alive() for thread in self._threads)

    # life

    def start(self) -> None:
        """Begin, or begin anew after stop()."""
        if self.running:
            self.retry()
            return
        self._stopping.clear()
        self._problem = ""
        self._queue = WeighedQueue(QUEUE_EVENTS, CHUNK_EVENTS if self.keep_all else KEPT_EVENTS)
        self._skipped = 0
        self._history = RateHistory()
        self.source.start()
        self._threads = [
            threading.Thread(target=self._guarded, args=(self._read,), name="capture: reading", daemon=True),
            threading.Thread(target=self._guarded, args=(self._process,), name="capture: processing", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def retry(self) -> None:
        """Start a source that failed or ended once more; the pipeline goes on with it."""
        if not self.running:
            self.start()
        else:
            self.source.start()

    def stop(self) -> RecordingResult | None:
        """End the reading; a recording that runs is finished first and returned."""
        result = self.stop_recording() if self.recording else None
        self._stopping.set()
        self._queue.close()
        self.source.stop()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_STOP_S)
        return result

    def close(self) -> None:
        """Stop for good and let the memory go."""
        self.stop()
        self._snapshot = None
        self._processor = None

    # listeners

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every filtered chunk from now on, in the processing thread; it must not raise, nor wait long."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def unlisten(self, listener: Listener) -> None:
        """Call it no more; a call that runs already is not waited for."""
        with self._lock:
            self._listeners = tuple(known for known in self._listeners if known != listener)

    def listen_raw(self, listener: RawListener) -> None:
        """Call listener(size, events) with every chunk as it came, in the reading thread: waiting there holds the source back."""
        with self._lock:
            self._raw_listeners = (*self._raw_listeners, listener)

    def unlisten_raw(self, listener: RawListener) -> None:
        """Call it no more; a call that runs already is not waited for."""
        with self._lock:
            self._raw_listeners = tuple(known for known in self._raw_listeners if known != listener)

    # parameters

    @property
    def parameters(self) -> CaptureParameters:
        """Those in effect from the next chunk on."""
        return self._settings.parameters

    def set_parameters(self, parameters: CaptureParameters) -> None:
        """Change parameters, from the next chunk on.

        Raises:
            BadInput: event frames are being recorded, and these would come out differently.
        """
        with self._lock:
            if self._frames_fixed() and _frames_of(parameters) != _frames_of(self._settings.parameters):
                raise BadInput(
                    "Event frames are being recorded: stop the recording to change the window, region, polarity or filters."
                )
            self._settings = _Settings(parameters, self._settings.hot_pixels, self._settings.version + 1)

    # hot pixels

    @property
    def hot_pixels(self) -> frozenset[Pixel]:
        """The pixels marked as hot, as (x, y)."""
        return self._settings.hot_pixels

    @hot_pixels.setter
    def hot_pixels(self, pixels: Iterable[Pixel]) -> None:
        with self._lock:
            wanted = frozenset((int(x), int(y)) for x, y in pixels)
            if wanted == self._settings.hot_pixels:
                return
            if self._frames_fixed() and self._settings.parameters.filters.hot_pixels_on:
                raise BadInput("Event frames are being recorded: stop the recording to change the hot pixels.")
            self._settings = _Settings(self._settings.parameters, wanted, self._settings.version + 1)

    def add_hot_pixel(self, x: int, y: int) -> None:
        """Mark a pixel as hot."""
        self.hot_pixels = self.hot_pixels | {(x, y)}

    def remove_hot_pixel(self, x: int, y: int) -> None:
        """Take a pixel's mark away."""
        self.hot_pixels = self.hot_pixels - {(x, y)}

    def find_hot_pixels(self) -> frozenset[Pixel]:
        """Look for hot pixels in the last 5 s; they are returned, not marked. Takes 30 ms (346 x 260) to 1 s (1280 x 720).

        Raises:
            BadInput: the source has not run for half a second yet.
        """
        processor = self._processor
        found = None if processor is None else processor.find_hot_pixels()
        if found is None:
            raise BadInput("Hot pixels are told from half a second of events: let the source run a little longer.")
        return found

    def load_hot_pixels(self, path: Path) -> None:
        """Mark the pixels that a text file lists ("x,y" a line) instead of the present ones.

        Raises:
            BadInput: the file cannot be read or is not such a list, a pixel lies off the sensor, or the sensor is not known yet.
        """
        mask = read_hot_pixels(path, self._known_size())
        self.hot_pixels = frozenset((int(x), int(y)) for y, x in np.argwhere(mask))

    def save_hot_pixels(self, path: Path) -> None:
        """Write the marked pixels as a text file.

        Raises:
            BadInput: it cannot be written, or the sensor is not known yet.
        """
        width, height = self._known_size()
        mask = np.zeros((height, width), np.bool_)
        for x, y in self.hot_pixels:
            if 0 <= x < width and 0 <= y < height:
                mask[y, x] = True
        try:
            write_hot_pixels(path, mask)
        except OSError as error:
            raise BadInput(f"{path} cannot be written ({error.strerror}): choose another place.") from None

    def selected_pixels(self, dims: RowsColumns | None = None) -> NDArray[np.int64]:
        """(inputs, 2) x and y on the sensor of the pixels that the network would select (the centre of each grid cell).

        Raises:
            BadInput: dims does not divide the region, the region lies off the sensor, or the sensor is not known yet.
        """
        size = self._known_size()
        x, y, width, height = check_region(self.parameters.region or (0, 0, *size), size, "The region of interest")
        grid = InputParameters.check({"dims": dims or self.parameters.dims, "cell": "centre"}).for_frames((height, width))
        rows, columns = np.divmod(grid.selected_pixels(), width)
        return np.stack([columns + x, rows + y], axis=1)

    # pictures

    def snapshot(self) -> CaptureSnapshot | None:
        """The newest picture and figures; None before the first. The same object until there is a newer one."""
        return self._snapshot

    def count_undrawn(self, pictures: int = 1) -> None:
        """Told by the view: it passed over so many pictures."""
        with self._lock:
            self._undrawn += pictures

    # recording

    @property
    def recording(self) -> bool:
        """Whether a recording runs."""
        return self._recording is not None

    def start_recording(self, parameters: RecordingParameters) -> None:
        """Record from the next chunk on.

        Raises:
            BadInput: a name is wrong or taken, there is no room, or the source is not running.
        """
        if self._recording is not None:
            raise BadInput("A recording runs already: stop it first.")
        if not self.running or not self.source.state.active:
            raise BadInput("There is nothing to record: start the source first.")
        size = self._known_size()
        settings = self._settings
        wrong = check_names(parameters, self.workspace, settings.parameters.region[2:] if settings.parameters.region else size)
        root = parameters.workspace or self.workspace
        if wrong or root is None:
            raise BadInput(" ".join(wrong.values()))
        space = disk_space(root, parameters, settings.parameters, size, self._history.last_second())
        if space.problem:
            raise BadInput(space.problem)
        processor = self._processor
        problem = "" if processor is None else processor.problem
        if problem and parameters.record_frames:
            raise BadInput(problem)
        filters = filter_steps(settings.parameters, settings.hot_pixels, size)
        recording = Recording(parameters, Workspace.open(root), size, settings.parameters, filters, self.source.name)
        with self._lock:
            self._drops_before = self._source_drops()
            self._stop_asked = False
            self._recording = recording

    def request_stop_recording(self) -> None:
        """Ask the recording to end; `recording` turns False and `last_recording` is there soon after."""
        self._stop_asked = True

    def stop_recording(self) -> RecordingResult:
        """End the recording and wait until everything that was taken is written.

        Raises:
            BadInput: none runs, and none has.
        """
        recording = self._recording
        if recording is not None:
            self.request_stop_recording()
            while not recording.done.wait(WAIT_S):
                if not self.running:  # nobody is left to end it
                    recording.end_events(self._source_drops() - self._drops_before)
                    recording.end_frames()
            self._collect(recording)
        if self.last_recording is None:
            raise BadInput("No recording runs: start one first.")
        return self.last_recording

    # the reading thread

    def _read(self) -> None:
        generation: int | None = None
        recording: Recording | None = None
        ended: Recording | None = None  # it takes no more events, but is not written to its end yet
        told_end: int | None = None  # the generation whose end the listeners know
        while not self._stopping.is_set():
            stop_asked = self._stop_asked  # before the reading: what is read by then is recorded
            now_generation, events = self.source.read_tagged(_IDLE_LOOK_S, CHUNK_EVENTS)
            arrived = time.monotonic()
            size = self.source.size
            self._history.count(len(events), arrived)
            if ended is not None and ended.done.is_set():
                self._collect(ended)
                ended = None
            if recording is None and self._recording is not None and self._recording is not ended:
                recording = self._recording
            if recording is not None:
                jumped = generation is not None and now_generation != generation
                why = self._why_stop(recording, jumped, stop_asked, len(events) == 0)
                if why is not None:
                    self._end(recording, size, generation, why)
                    ended, recording = recording, None
            if now_generation != generation:
                generation = now_generation
            if len(events) and size is not None:
                for listener in self._raw_listeners:
                    listener(size, events)
                recording, ended = self._hand_over(RawChunk(generation, size, events, arrived), recording, ended)
            elif self.source.exhausted:
                if size is not None and told_end != generation:
                    told_end = generation
                    self._queue.put(RawChunk(now_generation, size, empty_events(), arrived, ends_stream=True), 0, keep=True)
                self._stopping.wait(_IDLE_LOOK_S)  # read_tagged returns at once then
        if recording is not None:
            self._end(recording, self.source.size, generation, "")

    def _hand_over(
        self, chunk: RawChunk, recording: Recording | None, ended: Recording | None
    ) -> tuple[Recording | None, Recording | None]:
        if recording is None:
            self._queue.put(chunk, len(chunk.events), keep=self.keep_all, given_up=self._stopping.is_set)
            return None, ended
        recording.note_dropped(self._source_drops() - self._drops_before)
        taken, ends = recording.put_events(chunk.events)
        own = RawChunk(chunk.generation, chunk.size, taken, chunk.arrived, recording)
        if len(taken):
            keep = self.keep_all or recording.records_frames
            self._queue.put(own, len(taken), keep=keep, given_up=self._stopping.is_set)
        if not ends:
            return recording, ended
        self._end(recording, chunk.size, chunk.generation, "")
        rest = chunk.events[len(taken) :]
        rest_of_it = RawChunk(chunk.generation, chunk.size, rest, chunk.arrived)
        self._queue.put(rest_of_it, len(rest), keep=self.keep_all, given_up=self._stopping.is_set)
        return None, recording

    def _why_stop(self, recording: Recording, jumped: bool, stop_asked: bool, nothing_read: bool) -> str | None:
        """A sentence, or "" where somebody asked for it, if the recording must end before the present chunk; else None."""
        if recording.failed.is_set():
            return ""
        if jumped and recording.began:
            return "Time jumped (the source was sought or started anew): the recording ends before the jump."
        if stop_asked:
            return ""
        if nothing_read and self.source.exhausted:
            return f"{self.source.message} The recording ended with it." if self.source.message else "The source has ended."
        return None

    def _end(self, recording: Recording, size: Size | None, generation: int | None, why: str) -> None:
        recording.end_events(self._source_drops() - self._drops_before, why)
        last = RawChunk(generation or 0, size or recording.size, empty_events(), time.monotonic(), recording, True)
        if not self._queue.put(last, 0, keep=True):
            recording.end_frames()  # the processing thread is gone

    def _collect(self, recording: Recording) -> None:
        with self._lock:
            if self._recording is recording:
                self.last_recording = recording.result
                self._last_figures = recording.statistics()
                self._recording = None
                self._stop_asked = False

    # the processing thread

    def _process(self) -> None:
        processor: Processor | None = None
        generation, version, clock = -1, -1, NEVER
        next_snapshot, last_events = 0.0, time.monotonic()
        fresh = False
        recording: Recording | None = None
        while not self._queue.finished:
            chunk = self._queue.take(
                _IDLE_LOOK_S if not (fresh and self.pictures) else max(next_snapshot - time.monotonic(), 0.001)
            )
            settings = self._settings
            if chunk is not None:
                if processor is None or processor.size != chunk.size:
                    processor = Processor(chunk.size, settings.parameters, settings.hot_pixels)
                    version, generation, clock = settings.version, chunk.generation, NEVER
                    self._processor = processor
                    self._stream += 1
                latest = int(chunk.events["timestamp"].max()) if len(chunk.events) else NEVER
                # A clock that was set back is a new stream: filters and windows would wait for the old time to come again.
                if chunk.generation != generation or (len(chunk.events) and latest < clock - BACK_US):
                    processor.restart()
                    generation, clock = chunk.generation, NEVER
                    self._stream += 1
                clock = max(clock, latest)
            if processor is not None and settings.version != version:
                processor.set(settings.parameters, settings.hot_pixels)
                version, fresh = settings.version, True
            now = time.monotonic()
            if chunk is not None and processor is not None:
                recording = chunk.recording
                if len(chunk.events):
                    if not self.pictures:
                        passed = processor.filter_only(chunk.events)
                    elif recording is not None and recording.records_frames and self._queue.held > QUEUE_EVENTS:
                        passed = processor.filter_only(chunk.events)
                        self._skipped += len(chunk.events)
                    else:
                        passed = processor.process(chunk.events, chunk.arrived)
                    last_events, fresh = now, True
                    self._tell(chunk, passed, clock)
                    if recording is not None:
                        recording.push_filtered(passed)
                if chunk.ends_recording and recording is not None:
                    recording.end_frames()
                if chunk.ends_stream:
                    self._tell(chunk, chunk.events, clock)
            elif processor is not None and self._is_silent(now - last_events, settings.parameters):
                processor.clear_picture()
                last_events, fresh = now, True
            now = time.monotonic()
            if processor is not None and self.pictures and now >= next_snapshot and (fresh or chunk is None):
                self._snapshot = processor.snapshot(self._outside(), self._recording_figures())
                took = time.monotonic() - now
                next_snapshot, fresh = now + max(_SNAPSHOT_S, took / _BUSY_SHARE), False

    def _tell(self, chunk: RawChunk, passed: EventArray, clock: int) -> None:
        """Hand what passed to the listeners."""
        if not self._listeners:
            return
        lost = self._queue.dropped + self._source_drops()
        missed, self._told_lost = max(lost - self._told_lost, 0), lost  # a source counts anew at each start
        heard = FilteredChunk(self._stream, chunk.size, passed, clock, chunk.arrived, missed, chunk.ends_stream)
        for listener in self._listeners:
            listener(heard)

    def _is_silent(self, for_s: float, parameters: CaptureParameters) -> bool:
        if self.source.state is not SourceState.RUNNING:
            return False
        factor = getattr(self.source, "factor", 1.0) or 1.0
        return for_s > max(parameters.display_window_ms / 1000 / factor, _SILENCE_S)

    def _outside(self) -> OutsideFigures:
        counts = self.source.statistics()
        return OutsideFigures(
            events_per_s=self._history.last_second(),
            total_events=counts.delivered,
            rate_history=self._history.rates(),
            source_drops=counts.dropped + counts.dropped_upstream,
            picture_drops=self._queue.dropped + self._skipped,
            undrawn=self._undrawn,
            source_latency_s=counts.latency_s,
            out_of_range=counts.out_of_range,
            backwards=counts.backwards,
        )

    def _recording_figures(self) -> RecordingStatistics | None:
        recording = self._recording
        return self._last_figures if recording is None else recording.statistics()

    # small things

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            log.exception("the capture pipeline failed")
            # A defect of ours: its text may be pages long, and is in the log.
            self._problem = (
                f"Showing the events failed unexpectedly ({type(error).__name__}, see the log): start the source again."
            )
            self._stopping.set()
            self._queue.close()

    def _source_drops(self) -> int:
        counts = self.source.statistics()
        return counts.dropped + counts.dropped_upstream

    def _frames_fixed(self) -> bool:
        return self._recording is not None and self._recording.records_frames

    def _known_size(self) -> Size:
        if self.source.size is None:
            raise BadInput("The sensor's size is not known yet: start the source first.")
        return self.source.size


def _frames_of(parameters: CaptureParameters) -> tuple[object, object]:
    """What recorded event frames depend on."""
    return parameters.binning(), parameters.filters
