"""A source that a test feeds by hand, and a pipeline behind it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.capture import CaptureParameters, CapturePipeline, CaptureSnapshot
from engine.events.array import EventArray
from engine.events.sources.source import EventSource, Feed, SourceFailed
from engine.places.workspace import Workspace
from tests.events.sources.helpers import make_events
from tests.waiting import until

SIZE = (64, 48)


class HandSource(EventSource):
    """Gives the chunks that the test puts in, in order, and ends or fails when it says so."""

    def __init__(self, size: tuple[int, int] = SIZE, **options: Any) -> None:
        super().__init__("The hand", **{"policy": "block", **options})
        self._sensor = size
        self._waiting: list[EventArray | str | SourceFailed] = []
        self._ready = threading.Condition()

    def give(self, item: EventArray | str | SourceFailed) -> None:
        """Events, a sentence to end with, or a failure."""
        with self._ready:
            self._waiting.append(item)
            self._ready.notify_all()

    def _interrupt(self) -> None:
        with self._ready:
            self._ready.notify_all()

    def _feed(self, feed: Feed) -> str:
        feed.running(self._sensor)
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._waiting or feed.stopping.is_set())
                if feed.stopping.is_set():
                    return ""
                item = self._waiting.pop(0)
            if isinstance(item, SourceFailed):
                raise item
            if isinstance(item, str):
                return item
            feed.put(item)


def seen(pipeline: CapturePipeline, condition: Callable[[CaptureSnapshot], Any]) -> CaptureSnapshot:
    """The first snapshot that fulfils the condition."""

    def look() -> CaptureSnapshot | None:
        snapshot = pipeline.snapshot()
        return snapshot if snapshot is not None and condition(snapshot) else None

    found: CaptureSnapshot = until(look, "the snapshot")
    return found


def events_of(count: int, start_us: int = 0, step_us: int = 10, seed: int = 1) -> EventArray:
    """Random events on the test's sensor."""
    return make_events(count, start_us=start_us, step_us=step_us, seed=seed, size=SIZE)


def later(events: EventArray, by_us: int) -> EventArray:
    """The same events some time later, in an array of their own."""
    moved = events.copy()
    moved["timestamp"] += by_us
    return moved


@contextmanager
def running(
    source: EventSource, parameters: CaptureParameters | None = None, folder: Path | None = None
) -> Iterator[CapturePipeline]:
    """A pipeline that runs, closed at the end with no thread left."""
    root = None if folder is None else Workspace.create(folder / "workspace").root
    pipeline = CapturePipeline(source, parameters or CaptureParameters(window_ms=10), root)
    pipeline.start()
    try:
        until(lambda: pipeline.size is not None or pipeline.message, "the sensor's size")
        yield pipeline
    finally:
        pipeline.close()
    assert not pipeline.running


def same_events(a: EventArray, b: EventArray) -> bool:
    """Whether two arrays hold the same events (the padding of a record is not looked at)."""
    return len(a) == len(b) and all(bool(np.array_equal(a[name], b[name])) for name in ("timestamp", "x", "y", "polarity"))
