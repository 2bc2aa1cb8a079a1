"""Events, readers and adapters for the tests of sources. The adapters are fakes: they stand for a vendor's library."""

import os
import signal
import time
from collections.abc import Iterator

import numpy as np

from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources.child import Opened
from engine.events.sources.dv_adapter import FoundCamera
from engine.events.sources.source import EventSource, SourceFailed
from tests.waiting import PATIENCE_S

SIZE = (320, 240)


def make_events(
    count: int, *, start_us: int = 1000, step_us: int = 10, seed: int = 1, size: tuple[int, int] = SIZE
) -> EventArray:
    """Events on the sensor, `step_us` apart."""
    generator = np.random.default_rng(seed)
    events = np.zeros(count, EVENT_DTYPE)
    events["timestamp"] = start_us + step_us * np.arange(count)
    events["x"] = generator.integers(0, size[0], count)
    events["y"] = generator.integers(0, size[1], count)
    events["polarity"] = generator.integers(0, 2, count)
    return events


def collect(source: EventSource, timeout_s: float = PATIENCE_S) -> EventArray:
    """Everything that a source gives until it is exhausted."""
    deadline = time.monotonic() + timeout_s
    chunks = []
    for chunk in source.chunks():
        chunks.append(chunk.copy())
        assert time.monotonic() < deadline, f"the source did not end: {source.state} {source.message} {source.statistics()}"
    return np.concatenate([np.zeros(0, EVENT_DTYPE), *chunks])


def read_count(source: EventSource, count: int, timeout_s: float = PATIENCE_S) -> EventArray:
    """The next `count` events."""
    deadline = time.monotonic() + timeout_s
    chunks: list[EventArray] = []
    while (missing := count - sum(map(len, chunks))) > 0:
        assert time.monotonic() < deadline, f"only {count - missing} of {count} events came: {source.state} {source.message}"
        chunks.append(source.read(0.1, missing).copy())
    return np.concatenate([np.zeros(0, EVENT_DTYPE), *chunks])


class FakeReader:
    """A reader over an array in memory, for tests."""

    def __init__(self, events: EventArray, size: tuple[int, int] | None = SIZE, chunk: int = 1000) -> None:
        self.events = events
        self.size = size
        self.chunk = chunk
        self.closed = 0

    @property
    def time_range(self) -> tuple[int, int] | None:
        times = self.events["timestamp"]
        return (int(times[0]), int(times[-1])) if len(times) else None

    def chunks(
        self, *, max_events: int = 1 << 16, start_us: int | None = None, stop_us: int | None = None
    ) -> Iterator[EventArray]:
        first = 0 if start_us is None else int(np.searchsorted(self.events["timestamp"], start_us))
        for begin in range(first, len(self.events), self.chunk):
            yield self.events[begin : begin + self.chunk]

    def close(self) -> None:
        self.closed += 1


class FakeCamera:
    """A camera of no vendor: gives `batches` batches of `count` events, then does what `end` says."""

    def __init__(
        self, *, batches: int = 3, count: int = 1000, end: str = "stay", size: tuple[int, int] = SIZE, off_sensor: int = 0
    ) -> None:
        self.batches, self.count, self.end, self.size, self.off_sensor = batches, count, end, size, off_sensor
        self.given = 0

    def open(self) -> Opened:
        if self.end == "crash at open":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.end == "refuse":
            raise SourceFailed("The fake camera is in use by another program: close it.")
        if self.end == "trace":
            raise RuntimeError("libusb said no\nat frame 1\nat frame 2")
        if self.end == "hang at open":
            time.sleep(600)
        return Opened("Fake 0001", self.size)

    def next_events(self) -> EventArray | None:
        if self.given == self.batches:
            if self.end == "hang":
                time.sleep(600)
            if self.end == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            return None
        events = fake_batch(self.given, self.count)
        events["x"][: self.off_sensor] = self.size[0]
        self.given += 1
        return events

    def alive(self) -> bool:
        return self.given < self.batches or self.end not in ("unplug", "end")

    def goodbye(self) -> SourceFailed | str:
        return SourceFailed("The fake camera was disconnected.") if self.end == "unplug" else "The fake camera has ended."


def fake_batch(number: int, count: int) -> EventArray:
    """The events of a FakeCamera's batch."""
    return make_events(count, start_us=1000 + number * count * 10, seed=number)


def find_none() -> list[FoundCamera]:
    """No camera."""
    return []


def find_two() -> list[FoundCamera]:
    """Two fake cameras."""
    return [FoundCamera("FAKE_A", "0001"), FoundCamera("FAKE_B", "0002")]


def find_crash() -> list[FoundCamera]:
    """A library that crashes."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def find_hang() -> list[FoundCamera]:
    """A library that hangs."""
    time.sleep(600)
    return []


def find_error() -> list[FoundCamera]:
    """A library that fails with its usual twenty lines."""
    raise RuntimeError("no permission on bus 3\nat frame 1\nat frame 2")
