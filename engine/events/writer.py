"""Event streams to files: AEDAT4 while a camera runs, and npz and text for other programs."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from engine import native
from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE, EventArray, picked
from engine.events.formats import _aedat4_bytes as layout
from engine.events.formats.aedat4 import PACKET, Aedat4Reader
from engine.events.recording import Counts, Size

Compression = Literal["none", "lz4", "zstd"]

_PACKET_EVENTS = 1 << 16
_NO_TIME = int(np.iinfo(np.int64).min)


class EventWriter:
    """Writes an AEDAT4 file, packet by packet, so that a process killed at any moment leaves all but the last 100 ms readable.

    With `flush_ms` a thread writes what waits once it is half that old; None waits for full packets (for conversions). `close`
    adds the table with which readers seek, and is safe to call twice. One thread at a time may write.

    Attributes:
        path: the file.
        size: (width, height) of the sensor.
        counts: `events` written; left out, as the file would crash other readers: `out_of_range`, and `dropped` = `out_of_order`
            (older than an event before).
    """

    def __init__(
        self,
        path: str | Path,
        size: Size,
        *,
        compression: Compression = "lz4",
        source: str = "Revisit",
        flush_ms: float | None = 80.0,
    ) -> None:
        self.path = Path(path)
        self.size = size
        self.counts = Counts()
        if compression not in ("none", "lz4", "zstd"):
            raise BadInput(f'The compression must be "none", "lz4" or "zstd", but is {compression!r}.')
        if not all(0 < side <= 32768 for side in size):
            raise BadInput(f"The sensor's size must be between 1 and 32768 pixels a side, but is {size[0]} x {size[1]}.")
        name = compression.upper()
        self._compress = layout.compressor(name)
        self._buffer = bytearray(layout.PREFIX + _PACKET_EVENTS * EVENT_DTYPE.itemsize)
        self._events = np.frombuffer(self._buffer, EVENT_DTYPE, _PACKET_EVENTS, layout.PREFIX)
        self._waiting = 0  # events in _events that are not written yet
        self._since = 0.0  # when the oldest of them came
        self._newest = _NO_TIME
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._lock = threading.Lock()
        self._failure: OSError | None = None
        self._closed = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb", buffering=0)
        except FileExistsError:
            raise BadInput(f"{self.path} exists already: choose another name, or move it away.") from None
        except OSError as error:
            raise BadInput(f"{self.path} cannot be written ({error.strerror}).") from None
        self._at = 0
        self._put(layout.header(size, name, source))
        self._stop = threading.Event()
        self._flusher: threading.Thread | None = None
        if flush_ms is not None:
            self._flush_s = flush_ms / 2000
            self._flusher = threading.Thread(target=self._keep_flushing, name=f"flush {self.path.name}", daemon=True)
            self._flusher.start()

    @property
    def bytes_written(self) -> int:
        """Length of the file so far."""
        return self._at

    def write(self, events: EventArray) -> None:
        """Add events; they are copied.

        Raises:
            BadInput: the file cannot be written (a full disk); what was written before stays readable.
        """
        if self._closed:
            raise ValueError(f"{self.path} is closed.")
        if events.dtype != EVENT_DTYPE:
            raise TypeError(f"events must have EVENT_DTYPE, but have {events.dtype}.")
        events = self._valid(np.ascontiguousarray(events))
        at = 0
        with self._lock:
            while at < len(events):
                count = min(len(events) - at, _PACKET_EVENTS - self._waiting)
                part, room = events[at : at + count], self._events[self._waiting : self._waiting + count]
                for name in ("timestamp", "x", "y"):  # field by field: the padding in the file stays zero
                    room[name] = part[name]
                np.greater(part["polarity"], 0, out=room["polarity"], casting="unsafe")
                if not self._waiting:
                    self._since = time.monotonic()
                self._waiting += count
                at += count
                if self._waiting == _PACKET_EVENTS:
                    self._flush()
            self.counts.events += len(events)
        self._raise_failure()

    def flush(self) -> None:
        """Write what waits, now."""
        with self._lock:
            self._flush()
        self._raise_failure()

    def close(self) -> None:
        """Write what waits and the table; the file is finished then.

        Raises:
            BadInput: the file cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        if self._flusher is not None:
            self._flusher.join()
        try:
            self._flush()
            self._raise_failure()
            position = self._at
            self._put(bytes(self._compress(layout.table(np.array(self._rows, layout.PACKET_ROW)))))
            # The table is on the disk before the header names it: a cut of power in between leaves an unfinished, readable file.
            os.fsync(self._file.fileno())
            where, value = layout.table_position(position)
            os.pwrite(self._file.fileno(), value, where)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BadInput(f"{self.path} cannot be finished ({error.strerror}).") from None
        finally:
            self._file.close()

    def discard(self) -> None:
        """Close the file as it is, without its table; safe to call twice, and after `close`."""
        if not self._closed:
            self._closed = True
            self._stop.set()
            if self._flusher is not None:
                self._flusher.join()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _valid(self, events: EventArray) -> EventArray:
        width, height = self.size
        outside, backwards, _, _, newest = native.check_events(events, width, height, self._newest)
        if outside:
            self.counts.out_of_range += outside
            x, y = events["x"], events["y"]
            events = picked(events, (x >= 0) & (x < width) & (y >= 0) & (y < height))
            _, backwards, _, _, newest = native.check_events(events, width, height, self._newest)
        if backwards:
            self.counts.out_of_order += backwards
            self.counts.dropped += backwards
            t = events["timestamp"]
            events = picked(events, t >= np.maximum.accumulate(np.maximum(t, self._newest)))
        self._newest = max(self._newest, newest)
        return events

    def _put(self, *parts: bytes | memoryview) -> None:
        written = os.writev(self._file.fileno(), parts)
        self._at += written
        for part in parts:  # what a system that takes less at a time left over
            rest = memoryview(part)[written:]
            written = max(0, written - len(part))
            while rest:
                more = os.write(self._file.fileno(), rest)
                rest = rest[more:]
                self._at += more

    def _flush(self) -> None:
        if not self._waiting or self._failure is not None:
            return
        count, self._waiting = self._waiting, 0
        self._buffer[: layout.PREFIX] = layout.packet_prefix(count)
        data = self._compress(memoryview(self._buffer)[: layout.PREFIX + count * EVENT_DTYPE.itemsize])
        try:
            start = self._at
            # One call: a process that is killed leaves a whole packet or none, as far as the system lets it.
            self._put(PACKET.pack(0, len(data)), data)
        except OSError as error:
            self._failure = error
            return
        t = self._events["timestamp"]
        self._rows.append((len(data), start + PACKET.size, count, int(t[0]), int(t[count - 1])))

    def _keep_flushing(self) -> None:
        while not self._stop.wait(self._flush_s / 2):
            with self._lock:
                if self._waiting and time.monotonic() - self._since >= self._flush_s / 2:
                    self._flush()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise BadInput(f"{self.path} cannot be written any more ({self._failure.strerror}); what was written stays readable.")


@dataclass(frozen=True)
class RecordingCheck:
    """What `check_recording` found: `finished` means that the table is there and everything in the file agrees with it."""

    finished: bool
    events: int
    problems: tuple[str, ...]


def check_recording(path: str | Path) -> RecordingCheck:
    """Read a whole AEDAT4 file and say whether it is finished and sound: its table, packets, coordinates and order.

    Raises:
        BadInput: it is not an AEDAT4 file.
    """
    from engine.events.recording import open_recording

    with open_recording(path, order="drop") as reader:
        if not isinstance(reader, Aedat4Reader):
            raise BadInput(f"{path} is a recording of the format {reader.format}: only AEDAT4 files have something to check.")
        for _ in reader.chunks():
            pass
        counts, problems = reader.counts, list(reader.notices)
        for count, what in (
            (counts.out_of_range, "events are off the sensor"),
            (counts.out_of_order, "events are older than one before them"),
            (counts.malformed, "packets are damaged"),
        ):
            if count:
                problems.append(f"{count} {what}.")
        claimed = reader.claimed_events
        found = counts.events + counts.out_of_range + counts.dropped
        if claimed is not None and claimed != found:
            problems.append(f"The table names {claimed} events, but there are {found}.")
    return RecordingCheck(claimed is not None and not problems, counts.events, tuple(problems))
