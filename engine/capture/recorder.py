"""Recording: raw events to AEDAT4, event frames to a traverse, each in a thread behind a queue that never drops."""

import errno
import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.capture.marker import Marker
from engine.capture.parameters import CaptureParameters, RecordingParameters, events_path
from engine.capture.queue import WeighedQueue
from engine.capture.traverse_recorder import TraverseRecorder
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.events.filters import FilterParameters
from engine.events.writer import EventWriter
from engine.frames.binner import Binner
from engine.places.traverse import TraverseInfo
from engine.places.workspace import Workspace

log = logging.getLogger(__name__)

QUEUE_EVENTS = 1 << 24
"""256 MiB: 1.6 s of a stalled disk at 10 million events a second before the source is held back."""
_QUEUE_FRAME_BYTES = 64 << 20
_FREE_LOOK_S = 1.0
_RESERVE = 64 << 20
_BYTES_PER_EVENT = {"none": 16.0, "lz4": 8.0}  # LZ4: 7.8 measured on recordings of a DVXplorer
_BYTES_PER_PIXEL = 0.5  # PNG of event counts


@dataclass(frozen=True)
class DiskSpace:
    """Room for a recording: free bytes, its estimated rate, how long that lasts, and a sentence if it does not suffice."""

    free_bytes: int
    bytes_per_s: float
    seconds: float
    problem: str


@dataclass(frozen=True)
class RecordingStatistics:
    """A recording while it runs, or as it ended.

    Attributes:
        active: whether it still takes events.
        elapsed_s: of the events' time; duration_s: as asked for.
        bytes: on disk; mb_per_s: megabytes a second over about the last second.
        events, frames: written.
        waiting: events and frames that wait to be written.
        free_bytes: on the disk.
        dropped: events that the source or its sender gave up meanwhile: they never reached the recording.
        message: a sentence, where it ended by itself.
    """

    active: bool
    elapsed_s: float
    duration_s: float | None
    bytes: int
    mb_per_s: float
    events: int
    frames: int
    waiting: int
    free_bytes: int
    dropped: int
    message: str


@dataclass(frozen=True)
class RecordingResult:
    """What a recording left.

    Attributes:
        events_path: the AEDAT4 file, or None; traverse_folder: of the frames, or None.
        events, frames, bytes, elapsed_s, dropped: see RecordingStatistics.
        left_out: events that a file cannot hold: off the sensor, or earlier than one before them.
        complete: False when it was cut short by a failure; what was written is whole all the same.
        message: a sentence for a person.
    """

    events_path: Path | None
    traverse_folder: Path | None
    events: int
    frames: int
    bytes: int
    elapsed_s: float
    dropped: int
    left_out: int
    complete: bool
    message: str


def disk_space(
    folder: Path, recording: RecordingParameters, capture: CaptureParameters, size: Size, events_per_s: float
) -> DiskSpace:
    """Estimate whether the disk of `folder` holds a recording at the present event rate."""
    free = free_bytes(folder)
    rate = events_per_s * _BYTES_PER_EVENT[recording.compression] if recording.record_events else 0.0
    if recording.record_frames:
        width, height = capture.region[2:] if capture.region else size
        frames_s = 1000 / capture.window_ms if capture.mode == "time" else events_per_s / capture.events_per_frame
        rate += frames_s * width * height * _BYTES_PER_PIXEL
    seconds = (free - _RESERVE) / rate if rate else float("inf")
    problem = ""
    if free < _RESERVE:
        problem = f"The disk of {folder} has only {free >> 20} MiB free: make room before recording."
    elif recording.duration_s is not None and seconds < recording.duration_s:
        problem = (
            f"{recording.duration_s:g} s at the present rate need about {rate * recording.duration_s / 1e9:.1f} GB, but the disk "
            f"of {folder} has {free / 1e9:.1f} GB free: make room, or record for {max(seconds, 0):.0f} s at most."
        )
    return DiskSpace(free, rate, max(seconds, 0.0), problem)


def free_bytes(folder: Path) -> int:
    """Free bytes on a folder's disk; 0 where it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


class Recording:
    """One recording, from its files' making to their end.

    The reading thread gives raw chunks (`put_events`), the processing thread filtered ones (`push_filtered`); each waits while
    its queue is full and ends its side with `end_events` and `end_frames`. Two writing threads empty the queues.

    Raises:
        BadInput: a file is there already or cannot be made.
    """

    def __init__(
        self,
        parameters: RecordingParameters,
        workspace: Workspace,
        size: Size,
        capture: CaptureParameters,
        filters: Sequence[FilterParameters],
        source: str,
    ) -> None:
        self.parameters, self.workspace, self.size = parameters, workspace, size
        self.failed = threading.Event()  # one of the two sides below, or both: the recording is to end
        self._events_failed = threading.Event()
        self._frames_failed = threading.Event()
        self.done = threading.Event()
        self.result: RecordingResult | None = None
        self._message = ""
        self._dropped = 0
        self._first_us: int | None = None
        self._last_us = 0
        self._looked_at = float("-inf")
        self._free = 0
        self._written: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._binner = Binner(size, capture.binning()) if parameters.record_frames else None
        info = _info(capture, size, filters, source) if parameters.record_frames else None
        names = (parameters.dataset, parameters.camera, parameters.traverse) if parameters.record_frames else None
        path = events_path(workspace, parameters)
        self._marker = Marker.make(workspace, path.name if parameters.record_events else "", names, info)
        self._writer: EventWriter | None = None
        self._traverse: TraverseRecorder | None = None
        try:
            if parameters.record_events:
                self._writer = EventWriter(path, size, compression=parameters.compression, source=source)
            if info is not None and names is not None:
                folder, index = workspace.frames_folder(*names), workspace.index_file(parameters.traverse)
                self._traverse = TraverseRecorder(folder, index, info)
        except BaseException:
            self._undo()
            raise
        self._events: WeighedQueue[EventArray] = WeighedQueue(QUEUE_EVENTS)
        self._frames: WeighedQueue[tuple[NDArray[Any], int]] = WeighedQueue(_QUEUE_FRAME_BYTES)
        self._threads = [
            threading.Thread(target=self._write_events, name="recording: events", daemon=True),
            threading.Thread(target=self._write_frames, name="recording: frames", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._finisher = threading.Thread(target=self._finish, name="recording: end", daemon=True)
        self._finisher.start()

    @property
    def began(self) -> bool:
        """Whether it has taken an event."""
        return self._first_us is not None

    @property
    def records_frames(self) -> bool:
        """Whether event frames are recorded."""
        return self._traverse is not None

    # the threads that give

    def put_events(self, events: EventArray) -> tuple[EventArray, bool]:
        """Take a raw chunk; returns the part of it that belongs to the recording, and whether the recording ends with it."""
        if not len(events):
            return events, False
        times = events["timestamp"]
        if self._first_us is None:
            self._first_us = int(times[0])
        ends = False
        if self.parameters.duration_s is not None:
            until = self._first_us + round(1e6 * self.parameters.duration_s)
            if int(times.max()) >= until:
                late = times >= until
                events, ends = events[: int(np.argmax(late))], True
                self._last_us = until
        if len(events):
            self._last_us = max(self._last_us, int(events["timestamp"].max()))
            if self._writer is not None:
                self._events.put(events, len(events), keep=True, given_up=self._events_failed.is_set)
        return events, ends

    def end_events(self, dropped: int, message: str = "") -> None:
        """No more raw events will come; `dropped` were given up by the source since the recording began."""
        self._dropped = dropped
        if message and not self._message:
            self._message = message
        self._events.close()

    def push_filtered(self, events: EventArray) -> None:
        """Bin a filtered chunk into the frames that are recorded."""
        if self._binner is None or self._frames_failed.is_set():
            return
        try:
            frames = self._binner.push(events)
        except BadInput as wrong:
            self._fail(str(wrong), self._frames_failed)
            return
        for frame in frames:
            self._frames.put((frame.image, frame.start_us), frame.image.nbytes, keep=True, given_up=self._frames_failed.is_set)

    def end_frames(self) -> None:
        """No more filtered events will come."""
        self._frames.close()

    def note_dropped(self, dropped: int) -> None:
        """Say how many events the source has given up since the recording began."""
        self._dropped = dropped

    # what the view reads

    def statistics(self) -> RecordingStatistics:
        """The present figures; cheap."""
        now = time.monotonic()
        with self._lock:
            if now - self._looked_at >= _FREE_LOOK_S and not self.done.is_set():
                self._looked_at, self._free = now, free_bytes(self.workspace.root)
            size = self._bytes
            self._written.append((now, size))
            while len(self._written) > 2 and now - self._written[1][0] >= 1.0:
                self._written.popleft()
            (then, before), active = self._written[0], not self.done.is_set()
            speed = (size - before) / (now - then) / 1e6 if active and now > then else 0.0
        return RecordingStatistics(
            active=active,
            elapsed_s=self._elapsed_s,
            duration_s=self.parameters.duration_s,
            bytes=size,
            mb_per_s=speed,
            events=0 if self._writer is None else self._writer.counts.events,
            frames=0 if self._traverse is None else self._traverse.frames,
            waiting=self._events.held,
            free_bytes=self._free,
            dropped=self._dropped,
            message=self._message,
        )

    # the threads that write

    def _write_events(self) -> None:
        while not self._events.finished:
            chunk = self._events.take(None)
            if chunk is None or self._writer is None or self._events_failed.is_set():
                continue
            try:
                self._writer.write(chunk)
            except BadInput as failure:
                self._fail(str(failure), self._events_failed)
            except Exception as error:
                log.exception("recording events failed")
                self._fail(f"The recording failed unexpectedly ({type(error).__name__}: {error}).", self._events_failed)

    def _write_frames(self) -> None:
        while not self._frames.finished:
            item = self._frames.take(None)
            if item is None or self._traverse is None or self._frames_failed.is_set():
                continue
            try:
                self._traverse.write(*item)
            except OSError as error:
                self._fail(_frames_sentence(self._traverse.folder, error), self._frames_failed)
            except Exception as error:
                log.exception("recording frames failed")
                self._fail(f"The recording failed unexpectedly ({type(error).__name__}: {error}).", self._frames_failed)

    def _finish(self) -> None:
        for thread in self._threads:
            thread.join()
        keep_marker = False
        if self._writer is not None:
            try:
                self._writer.close()
            except BadInput as failure:
                self._fail(f"{failure} What was recorded until then can be opened.", self._events_failed)
            self._writer.discard()
        if self._traverse is not None:
            try:
                self._traverse.finish()
            except (OSError, BadInput) as error:
                keep_marker = True
                text = _frames_sentence(self._traverse.folder, error) if isinstance(error, OSError) else str(error)
                self._fail(text, self._frames_failed)
            finally:
                self._traverse.close()
        self._marker.release(keep=keep_marker)
        self.result = self._make_result()
        self.done.set()

    def _make_result(self) -> RecordingResult:
        writer, traverse = self._writer, self._traverse
        frames = 0 if traverse is None else traverse.frames
        events = 0 if writer is None else writer.counts.events
        left_out = 0 if writer is None else writer.counts.out_of_range + writer.counts.dropped
        message = self._message
        if not message and not self.began:
            message = "No event came while it was recorded."
        if not message and traverse is not None and not frames:
            message = "No event frame was completed: the recording was shorter than one window."
        if not message and self._dropped:
            message = f"{self._dropped} events were lost before they reached Revisit: the source or its sender was too slow."
        return RecordingResult(
            events_path=None if writer is None else writer.path,
            traverse_folder=traverse.folder if traverse is not None and frames else None,
            events=events,
            frames=frames,
            bytes=self._bytes,
            elapsed_s=self._elapsed_s,
            dropped=self._dropped,
            left_out=left_out,
            complete=not self.failed.is_set(),
            message=message,
        )

    @property
    def _bytes(self) -> int:
        events = 0 if self._writer is None else self._writer.bytes_written
        return events + (0 if self._traverse is None else self._traverse.bytes)

    @property
    def _elapsed_s(self) -> float:
        return 0.0 if self._first_us is None else max(self._last_us - self._first_us, 0) / 1e6

    def _fail(self, sentence: str, side: threading.Event) -> None:
        """Give one side up, and tell the first sentence; the other side keeps what it was given until the recording ends."""
        with self._lock:
            if not self.failed.is_set():
                self._message = sentence
            side.set()
            self.failed.set()

    def _undo(self) -> None:
        """Remove the files that a recording which could not begin has made; those that were there before stay."""
        if self._writer is not None:
            self._writer.discard()
            self._writer.path.unlink(missing_ok=True)
        self._marker.release()


def _info(capture: CaptureParameters, size: Size, filters: Sequence[FilterParameters], source: str) -> TraverseInfo:
    binning = capture.binning()
    return TraverseInfo(
        sensor=size,
        region=capture.region or (0, 0, *size),
        window_ms=binning.window_us / 1000 if binning.mode == "time" else None,
        binning=binning.model_dump(mode="json"),
        filters=[step.model_dump(mode="json") for step in filters],
        source=source,
    )


def _frames_sentence(folder: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    remedy = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "check its permissions"
    return f"{folder} cannot be written any more ({reason}): {remedy}; the frames before are whole."
