"""A recording played as if it were a camera: in real time or at a factor, paused, stepped, sought."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.sources.buffer import DEFAULT_CAPACITY, Policy
from engine.events.sources.paced import PacedSource

CHUNK_EVENTS = 1 << 16


class Reader(Protocol):
    """What a replay needs of an open recording (engine.events.recording.EventReader has it)."""

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, where the file tells."""

    @property
    def time_range(self) -> tuple[int, int] | None:
        """The first and last time stamp (us), where the recording tells."""

    def chunks(self, *, max_events: int = ..., start_us: int | None = ..., stop_us: int | None = ...) -> Iterator[EventArray]:
        """Chunks of at most `max_events` events from `start_us` on."""

    def close(self) -> None:
        """Close the file."""


class ReplaySource(PacedSource):
    """Plays a recording; the time stamps are the recording's own.

    Args:
        recording: a file that engine.events.recording reads, or a function that opens a reader. It is opened in the feeder's
            thread at start(): a file that cannot be read is the state FAILED with the reader's sentence.
        size: (width, height) of the sensor for a file that does not say it; it overrules what the file says.
        factor, loop, capacity, policy: see PacedSource.
    """

    def __init__(
        self,
        recording: Path | Callable[[], Reader],
        *,
        size: tuple[int, int] | None = None,
        factor: float | None = 1.0,
        loop: bool = False,
        capacity: int = DEFAULT_CAPACITY,
        policy: Policy = "block",
    ) -> None:
        name = f"The recording {recording.name}" if isinstance(recording, Path) else "The recording"
        super().__init__(name, factor=factor, loop=loop, capacity=capacity, policy=policy)
        self._recording = recording
        self._given_size = size
        self._reader: Reader | None = None
        self._time_range: tuple[int, int] | None = None

    @property
    def time_range(self) -> tuple[int, int] | None:
        """The first and last time stamp (us) of the recording; None before it is open, or where it does not tell."""
        return self._time_range

    def seek(self, event_us: int) -> None:
        """Go on from the recording's time `event_us` (clamped to it); what waits to be read is skipped.

        Works while running and paused (it stays so); otherwise the next start() begins there.
        """
        if self._time_range is not None:
            event_us = min(max(event_us, self._time_range[0]), self._time_range[1])
        self._jump_to(event_us)

    def _open(self) -> tuple[int, int]:
        self._reader = open_reader(self._recording, self._given_size)
        self._time_range = self._reader.time_range
        size = self._given_size or self._reader.size
        if size is None:
            raise BadInput(f"{self.name} does not say how large its sensor is: give its width and height.")
        return size

    def _chunks(self, start_us: int | None) -> Iterator[EventArray]:
        if self._reader is None:
            raise RuntimeError("the recording is not open")
        return self._reader.chunks(max_events=CHUNK_EVENTS, start_us=start_us)

    def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def open_reader(recording: Path | Callable[[], Reader], size: tuple[int, int] | None = None) -> Reader:
    """Open a recording; `size` (width, height) overrules what the file says.

    Raises:
        BadInput: it is missing or cannot be read.
    """
    if not isinstance(recording, Path):
        return recording()
    if not recording.is_file():
        raise BadInput(f"{recording} is not a file: check the path of the recording.")
    from engine.events.recording import open_recording

    reader: Reader = open_recording(recording, size=size)
    return reader
