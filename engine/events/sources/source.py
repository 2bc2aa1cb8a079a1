"""What every event source is: started and stopped, in one of six states, read without waiting longer than asked.

A thread of the source's own feeds a bounded buffer (`EventBuffer`); `read` takes from it. Hardware or a peer that fails is
the state FAILED with a sentence in `message`, never an exception in the reader; `start` begins anew from any state.
"""

import enum
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray, joined, picked
from engine.events.sources.buffer import DEFAULT_CAPACITY, EventBuffer, Policy

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 3.0
"""How long stop() waits, at most, for the feeder and what it owns (a socket, a child process) to end."""

LARGEST_SENSOR = 4096
"""Sensors wider or higher than this (pixels) are taken for garbage: the largest event cameras today have 1280 x 720."""


class SourceFailed(Exception):  # noqa: N818  (like BadInput)
    """A source cannot go on: one sentence for a person. It becomes the source's state and message."""


class SourceState(enum.Enum):
    """Where a source is in its life."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether a feeder is at work."""
        return self in (SourceState.STARTING, SourceState.RUNNING, SourceState.PAUSED)


@dataclass(frozen=True)
class Statistics:
    """Counts since start(). received = delivered + dropped + skipped + buffered."""

    received: int = 0  # events that reached the buffer
    delivered: int = 0  # events that read() gave
    dropped: int = 0  # oldest events given up because the buffer was full
    skipped: int = 0  # events that a seek threw away
    buffered: int = 0  # events that wait to be read
    dropped_upstream: int = 0  # events that the sender or the camera's process says it had to drop
    out_of_range: int = 0  # events off the sensor, or with a polarity that is not 0 or 1; they are left out
    backwards: int = 0  # events earlier than the one before them; they are delivered as they came
    rate: float = 0.0  # events a second that came in over the last second
    latency_s: float = 0.0  # the longest that events delivered in the last second had waited in the buffer
    slipped_s: float = 0.0  # how far a replay fell behind its clock, in all, because it was not read fast enough


def check_size(size: tuple[int, int], name: str) -> tuple[int, int]:
    """Return (width, height) if a sensor can have it, else raise SourceFailed."""
    width, height = size
    if not (1 <= width <= LARGEST_SENSOR and 1 <= height <= LARGEST_SENSOR):
        raise SourceFailed(
            f"{name} says that its sensor has {width}x{height} pixels; 1x1 to {LARGEST_SENSOR}x{LARGEST_SENSOR} are "
            "possible, so this is not an event stream that can be read: check the address and the sender."
        )
    return width, height


class Feed:
    """One run of a feeder, from start() to its end: what the feeder may touch of its source."""

    def __init__(self, source: "EventSource", buffer: EventBuffer, changed: threading.Condition) -> None:
        self._source = source
        self._changed = changed
        self._last_us = np.iinfo(np.int64).min
        self.buffer = buffer
        self.stopping = threading.Event()
        self.size: tuple[int, int] | None = None
        self.dropped_upstream = 0
        self.out_of_range = 0
        self.backwards = 0
        self.slipped_s = 0.0

    def running(self, size: tuple[int, int]) -> None:
        """Say that events can come now, and from what sensor (width, height)."""
        with self._changed:
            self.size = check_size(size, self._source.name)
            self.state(SourceState.RUNNING)

    def state(self, state: SourceState, message: str = "") -> None:
        """Change the source's state, if this is still its run."""
        self._source._set_state(self, state, message)

    def put(self, events: EventArray, given_up: Callable[[], bool] | None = None) -> bool:
        """Hand events over: those off the sensor are left out and counted, those out of order only counted.

        Args:
            events: not to be written to afterwards.
            given_up: asked while the buffer is full; by default whether the run was asked to stop.

        Returns:
            False when it was given up before all were in.
        """
        given_up = given_up or self.stopping.is_set
        if not len(events):
            return not given_up()
        if self.size is None:
            raise RuntimeError("a feeder hands over events before it has said running()")
        kept = within_sensor(events, self.size)
        self.out_of_range += len(events) - len(kept)
        if not len(kept):
            return not given_up()
        times = kept["timestamp"]
        self.backwards += int(np.count_nonzero(times[1:] < times[:-1])) + int(times[0] < self._last_us)
        self._last_us = int(times[-1])
        return self.buffer.put(kept, given_up)

    def jumped(self) -> None:
        """Forget what waits to be read, because time goes on from elsewhere (a seek)."""
        with self._changed:
            self.buffer.clear()
            self._last_us = np.iinfo(np.int64).min
            self._source._jumped(self)


def within_sensor(events: EventArray, size: tuple[int, int]) -> EventArray:
    """The events on a sensor of (width, height) whose polarity is 0 or 1: the same array where all are.

    1.5 ns an event for arrays in which all are good (a negative coordinate is a large unsigned one, so a maximum finds it).
    """
    contiguous = np.ascontiguousarray(events)
    words = contiguous.view(np.uint16).reshape(-1, 8)
    polarity = contiguous.view(np.uint8).reshape(-1, 16)[:, 12]
    x, y = words[:, 4], words[:, 5]
    if not len(events) or (int(x.max()) < size[0] and int(y.max()) < size[1] and int(polarity.max()) <= 1):
        return events
    return picked(contiguous, (x < size[0]) & (y < size[1]) & (polarity <= 1))


def copied(events: EventArray) -> EventArray:
    """A copy, moved as opaque bytes (see engine.events.array.joined)."""
    copy: EventArray = events.view("V16").copy().view(events.dtype)
    return copy


class EventSource(ABC):
    """The one interface of cameras, replays and streams.

    Args:
        name: what it is, for messages ("The stream 127.0.0.1:7777").
        capacity: events that the buffer holds, at most (16 bytes each).
        policy: what a full buffer does: "drop-oldest" (counted) or "block" (the feeder waits).
    """

    def __init__(self, name: str, *, capacity: int = DEFAULT_CAPACITY, policy: Policy = "drop-oldest") -> None:
        self.name = name
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._capacity = capacity
        self._policy: Policy = policy
        self._state = SourceState.IDLE
        self._message = ""
        self._generation = 0
        self._feed_now = Feed(self, EventBuffer(capacity, policy, self._changed), self._changed)
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _feed(self, feed: Feed) -> str:
        """Run in the feeder's thread until the source ends or feed.stopping is set.

        Returns:
            A sentence on how it ended. SourceFailed and BadInput become the state FAILED.
        """

    def _interrupt(self) -> None:  # noqa: B027  (most feeders look at feed.stopping often enough)
        """Wake a feeder that waits for something other than its buffer; called by stop()."""

    # state

    @property
    def state(self) -> SourceState:
        """Where the source is now; ENDED and FAILED may be reached while events still wait to be read (see `exhausted`)."""
        return self._state

    @property
    def message(self) -> str:
        """A sentence on the state, "" where there is nothing to say."""
        return self._message

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the sensor in pixels; None before it is known."""
        return self._feed_now.size

    @property
    def generation(self) -> int:
        """Goes up at each start and seek: stateful filters begin anew when it changes."""
        return self._generation

    @property
    def exhausted(self) -> bool:
        """Whether no event will come any more without another start()."""
        with self._changed:
            return not self._state.active and not self._feed_now.buffer.held

    def wait(self, *states: SourceState, timeout_s: float) -> bool:
        """Wait until the source is in one of `states`; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._state in states, timeout_s)

    def statistics(self) -> Statistics:
        """Counts since start(), consistent with one another."""
        with self._changed:
            feed, buffer = self._feed_now, self._feed_now.buffer
            return Statistics(
                received=buffer.received,
                delivered=buffer.delivered,
                dropped=buffer.dropped,
                skipped=buffer.skipped,
                buffered=buffer.held,
                dropped_upstream=feed.dropped_upstream,
                out_of_range=feed.out_of_range,
                backwards=feed.backwards,
                rate=buffer.rate(),
                latency_s=buffer.longest_wait(),
                slipped_s=feed.slipped_s,
            )

    # life

    def start(self) -> None:
        """Begin, or begin anew after an end, a failure or a stop; nothing happens while it runs. Returns at once."""
        with self._changed:
            if self._state.active:
                return
            self._feed_now = Feed(self, EventBuffer(self._capacity, self._policy, self._changed), self._changed)
            self._generation += 1
            self._set_state(self._feed_now, SourceState.STARTING, "")
            self._thread = threading.Thread(target=self._run, args=(self._feed_now,), name=f"source: {self.name}", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """End the feeder and wait for it, at most `timeout_s`; events already buffered can still be read.

        Returns:
            Whether the feeder has ended. If not (a system call that does not return), the state is FAILED, what it still
            does is ignored, and it ends with the program at the latest.
        """
        with self._changed:
            feed, thread = self._feed_now, self._thread
            feed.stopping.set()
            self._changed.notify_all()
        if thread is None or thread is threading.current_thread():
            return True
        self._interrupt()
        thread.join(timeout_s)
        ended = not thread.is_alive()
        if ended:
            with self._changed:
                if self._state.active and self._feed_now is feed:
                    self._set_state(feed, SourceState.IDLE, "")
        else:
            self._set_state(feed, SourceState.FAILED, f"{self.name} did not stop within {timeout_s:g} s; it was left behind.")
        return ended

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # events

    def read(self, timeout_s: float = 0.0, max_events: int | None = None) -> EventArray:
        """The next chunk, no copy; empty if none came within `timeout_s`, or at once if none can come any more.

        The array may be a view that others see too: do not write to it.
        """
        return self.read_tagged(timeout_s, max_events)[1]

    def read_tagged(self, timeout_s: float = 0.0, max_events: int | None = None) -> tuple[int, EventArray]:
        """As read(), with the generation that the chunk belongs to: where it differs from the last, time jumped between them."""
        with self._changed:
            if not self._feed_now.buffer.held and timeout_s > 0:
                self._changed.wait_for(lambda: self._feed_now.buffer.held or not self._state.active, timeout_s)
            return self._generation, self._feed_now.buffer.take(max_events)

    def drain(self) -> EventArray:
        """Everything that waits to be read, as one array (a copy where it is more than one chunk)."""
        chunks = []
        with self._changed:
            while self._feed_now.buffer.held:
                chunks.append(self._feed_now.buffer.take())
        return joined(chunks)

    def chunks(self, timeout_s: float = 0.1) -> Iterator[EventArray]:
        """Chunks until none can come any more; an empty one whenever `timeout_s` passed without events."""
        while not self.exhausted:
            yield self.read(timeout_s)

    # for Feed

    def _run(self, feed: Feed) -> None:
        try:
            message = self._feed(feed)
            if feed.stopping.is_set():
                feed.state(SourceState.IDLE)
            else:
                feed.state(SourceState.ENDED, message)
        except (SourceFailed, BadInput) as failure:
            if feed.stopping.is_set():
                feed.state(SourceState.IDLE)
            else:
                feed.state(SourceState.FAILED, str(failure))
        except Exception as error:
            log.exception("%s failed", self.name)
            feed.state(SourceState.FAILED, f"{self.name} failed unexpectedly ({type(error).__name__}: {error}); start it again.")

    def _set_state(self, feed: Feed, state: SourceState, message: str) -> None:
        with self._changed:
            if feed is self._feed_now:
                self._state, self._message = state, message
                self._changed.notify_all()

    def _jumped(self, feed: Feed) -> None:
        if feed is self._feed_now:
            self._generation += 1
