"""The raw events of a session: AEDAT4, written as durably as a recording, one file a stream (a camera cut and back: two)."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from engine.capture.queue import WeighedQueue
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.events.writer import EventWriter

log = logging.getLogger(__name__)

_QUEUE_EVENTS = 1 << 23
"""128 MiB: 0.8 s of a stalled disk at 10 million events a second."""
_BACK_US = 1_000_000


class EventsKeeper:
    """Writes raw chunks in a thread of its own.

    Args:
        folder: of the session; the files are events.aedat4, events_2.aedat4, ...
        wait: True: whoever puts waits for a slow disk; False: chunks are left out then, and counted.

    Attributes:
        problem: a sentence once nothing more is written; what was written can be opened.
        events: written; left_out: not.
    """

    def __init__(self, folder: Path, source: str, *, wait: bool) -> None:
        self._folder, self._source, self._wait = folder, source, wait
        self.problem = ""
        self.events = self.left_out = 0
        self.files: list[Path] = []
        self._writer: EventWriter | None = None
        self._newest_us = 0
        self._stopping = threading.Event()
        self._queue: WeighedQueue[tuple[Size, EventArray]] = WeighedQueue(_QUEUE_EVENTS)
        self._thread = threading.Thread(target=self._work, name="live: events", daemon=True)
        self._thread.start()

    def put(self, size: Size, events: EventArray) -> None:
        """Write a chunk, soon."""
        self._queue.put((size, events), len(events), keep=self._wait, given_up=self._given_up())

    def finish(self) -> None:
        """Write what waits, and give the file its table; safe to call twice."""
        self._stopping.set()
        self._queue.close()
        self._thread.join(15.0)

    def _given_up(self) -> Callable[[], bool]:
        return lambda: self._stopping.is_set() or bool(self.problem)

    def _work(self) -> None:
        while not self._queue.finished:
            item = self._queue.take(None)
            if item is None:
                continue
            size, events = item
            if self.problem:
                self.left_out += len(events)
                continue
            try:
                self._write(size, events)
                self.events += len(events)
            except BadInput as failure:
                self.left_out += len(events)
                self.problem = str(failure)
            except Exception as error:
                log.exception("keeping events failed")
                self.left_out += len(events)
                self.problem = f"The events could not be kept ({type(error).__name__}, see the log)."
        self.left_out += self._queue.dropped
        self._close()

    def _write(self, size: Size, events: EventArray) -> None:
        first, latest = int(events["timestamp"][0]), int(events["timestamp"].max())
        # A file's times only rise: a clock that was set back, or another sensor, begins another file.
        if self._writer is None or self._writer.size != size or first < self._newest_us - _BACK_US:
            self._close()
            number = len(self.files) + 1
            path = self._folder / ("events.aedat4" if number == 1 else f"events_{number}.aedat4")
            self._writer = EventWriter(path, size, source=self._source)
            self.files.append(path)
            self._newest_us = latest
        self._writer.write(events)
        self._newest_us = max(self._newest_us, latest)

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except BadInput as failure:
            if not self.problem:
                self.problem = f"{failure} What was recorded until then can be opened."
        writer.discard()
