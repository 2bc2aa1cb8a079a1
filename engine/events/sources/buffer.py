"""The bounded queue of event chunks between the thread that feeds a source and the one that reads it."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events

Policy = Literal["drop-oldest", "block"]
"""What happens when a buffer is full: its oldest events are dropped and counted, or the feeder waits (back-pressure)."""

DEFAULT_CAPACITY = 1 << 22  # events: 64 MiB, 0.4 s of a camera that gives 10 million events a second
WAIT_S = 0.1  # the longest wait between two looks at whether the feeder was asked to stop


class RateMeter:
    """Events a second over the last second, and the longest wait seen in it; callers hold a lock."""

    _BINS = 20

    def __init__(self) -> None:
        self._bins: deque[tuple[int, int]] = deque()
        self._waits: deque[tuple[int, float]] = deque()

    def count(self, events: int, now: float) -> None:
        """Add events that came in at `now` (s)."""
        step = int(now * self._BINS)
        if self._bins and self._bins[-1][0] == step:
            self._bins[-1] = (step, self._bins[-1][1] + events)
        else:
            self._bins.append((step, events))
        while self._bins[0][0] < step - self._BINS:
            self._bins.popleft()

    def waited(self, wait_s: float, now: float) -> None:
        """Add how long delivered events had waited (s)."""
        step = int(now * self._BINS)
        while self._waits and (self._waits[0][0] <= step - self._BINS):
            self._waits.popleft()
        while self._waits and self._waits[-1][1] <= wait_s:
            self._waits.pop()
        self._waits.append((step, wait_s))

    def rate(self, now: float) -> float:
        """Events a second over the last whole second of bins."""
        step = int(now * self._BINS)
        return float(sum(events for at, events in self._bins if step - self._BINS <= at < step))

    def longest_wait(self, now: float) -> float:
        """The longest wait (s) of the last second."""
        step = int(now * self._BINS)
        return max((wait for at, wait in self._waits if at > step - self._BINS), default=0.0)


class EventBuffer:
    """A bounded first-in-first-out queue of event chunks; it hands chunks on without copying them.

    What went in is what was delivered, dropped, skipped by clear(), or is still held. All methods lock `changed`
    themselves (a condition on a re-entrant lock, shared with the owner's state).
    """

    def __init__(self, capacity: int, policy: Policy, changed: threading.Condition) -> None:
        if capacity < 1:
            raise BadInput(f"A buffer must hold at least one event, not {capacity}: give a larger capacity.")
        if policy not in ("drop-oldest", "block"):
            raise BadInput(f"The policy of a full buffer is 'drop-oldest' or 'block', not {policy!r}.")
        self.capacity = capacity
        self.policy: Policy = policy
        self._changed = changed
        self._chunks: deque[tuple[EventArray, float]] = deque()
        self._meter = RateMeter()
        self.held = 0
        self.received = 0
        self.delivered = 0
        self.dropped = 0
        self.skipped = 0

    def put(self, events: EventArray, given_up: Callable[[], bool]) -> bool:
        """Append events; a full buffer drops its oldest or, under "block", waits.

        Args:
            events: not to be written to afterwards; the buffer keeps a reference.
            given_up: asked at least every 0.1 s of waiting; when true the rest is left out and not counted.

        Returns:
            Whether all events are in.
        """
        if self.policy == "drop-oldest":
            with self._changed:
                if given_up():
                    return False
                self._append(events)
                self._drop(self.held - self.capacity)
                self._changed.notify_all()
            return True
        first = 0
        while first < len(events):
            with self._changed:
                while self.held >= self.capacity and not given_up():
                    self._changed.wait(WAIT_S)
                if given_up():
                    return False
                room = self.capacity - self.held
                self._append(events[first : first + room])
                self._changed.notify_all()
            first += room
        return True

    def take(self, max_events: int | None = None) -> EventArray:
        """Remove and return the oldest chunk, or its first `max_events`; empty when nothing is held."""
        with self._changed:
            if not self._chunks:
                return empty_events()
            events, arrived = self._chunks[0]
            if max_events is not None and len(events) > max_events:
                self._chunks[0] = (events[max_events:], arrived)
                events = events[:max_events]
            else:
                self._chunks.popleft()
            now = time.monotonic()
            self.held -= len(events)
            self.delivered += len(events)
            self._meter.waited(now - arrived, now)
            self._changed.notify_all()
            return events

    def clear(self) -> None:
        """Forget what is held (counted as skipped)."""
        with self._changed:
            self.skipped += self.held
            self.held = 0
            self._chunks.clear()
            self._changed.notify_all()

    def rate(self) -> float:
        """Events a second that came in over the last second."""
        with self._changed:
            return self._meter.rate(time.monotonic())

    def longest_wait(self) -> float:
        """How long (s) the events delivered in the last second had waited here, at most."""
        with self._changed:
            return self._meter.longest_wait(time.monotonic())

    def _append(self, events: EventArray) -> None:
        if not len(events):
            return
        now = time.monotonic()
        self._chunks.append((events, now))
        self.held += len(events)
        self.received += len(events)
        self._meter.count(len(events), now)

    def _drop(self, excess: int) -> None:
        while excess > 0:
            events, arrived = self._chunks[0]
            gone = min(excess, len(events))
            if gone == len(events):
                self._chunks.popleft()
            else:
                self._chunks[0] = (events[gone:], arrived)
            self.held -= gone
            self.dropped += gone
            excess -= gone
