"""Sliding windows over a live stream: events are counted once, a step at a time, and a window is the sum of its last steps."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.frames.binning import NEVER, Columns

_MOST_EMPTY = 1000
"""A gap of more steps than this is a clock that jumped: the windows begin anew behind it."""


@dataclass(frozen=True)
class Step:
    """One step of time that is over.

    Attributes:
        end_us: its end, excluded.
        arrived: when the last event before the end was read (time.monotonic(), s).
    """

    end_us: int
    arrived: float


class StepClock:
    """Cuts a stream into steps of equal length, counted from its first event.

    An event earlier than the latest before it is taken to happen at that time; so is one that comes after its step was closed
    because the stream had fallen silent (`late` counts those).
    """

    def __init__(self, step_us: int) -> None:
        self.step_us = step_us
        self.restart()

    def restart(self) -> None:
        """The next event begins a new stream."""
        self.now_us = NEVER
        self._edge_us: int | None = None  # where the present step ends
        self._arrived = 0.0
        self.late = 0
        self.jumped = False

    @property
    def edge_us(self) -> int | None:
        """Where the present step ends; None before the first event."""
        return self._edge_us

    def cut(self, events: EventArray, arrived: float) -> Iterator[EventArray | Step]:
        """The chunk as its parts and the steps that end between them, in order.

        After a gap too long to be one the steps begin anew: `jumped` is True then until it is set False.
        """
        if not len(events):
            return
        t = events["timestamp"]
        backwards, latest = native.count_backwards(t, self.now_us)
        if backwards:
            events = events.copy()
            events["timestamp"] = np.maximum.accumulate(np.maximum(t, self.now_us))
            t = events["timestamp"]
            self.late += backwards
        first = int(t[0])
        if self._edge_us is None or first > self._edge_us + _MOST_EMPTY * self.step_us:
            self.jumped = self._edge_us is not None
            self._edge_us = first + self.step_us
        self.now_us = latest
        if latest < self._edge_us:
            self._arrived = arrived
            yield events
            return
        begun = 0
        while begun < len(events):
            if int(t[begun]) > self._edge_us + _MOST_EMPTY * self.step_us:
                self.jumped = True
                self._edge_us = int(t[begun]) + self.step_us
            end = begun + int(native.lower_bounds(t[begun:], np.array([self._edge_us], np.int64))[0])
            if end > begun:
                self._arrived = arrived
                yield events[begun:end]
            begun = end
            if begun < len(events):
                yield self._close()

    def pass_until(self, now_us: int) -> Iterator[Step]:
        """The steps that end by `now_us` without an event: time passes in a scene that stands still."""
        if self._edge_us is None:
            return
        self.now_us = max(self.now_us, now_us)
        while self._edge_us <= now_us:
            yield self._close()

    def _close(self) -> Step:
        if self._edge_us is None:
            raise RuntimeError("no step has begun")
        step = Step(self._edge_us, self._arrived)
        self._edge_us += self.step_us
        return step


class SlidingCounts:
    """Event counts of the last steps: constant memory, and each event is counted once.

    Args:
        size: (width, height) of what the events come from: the region of interest, coordinates from its corner.
        steps: in a window.
    """

    def __init__(self, size: Size, steps: int) -> None:
        self.steps = steps
        self._counts = np.zeros((1, size[1], size[0]), np.uint16)
        self._seen = 0
        self._sum = np.zeros((size[1], size[0]), np.int64)
        self._parts: deque[NDArray[np.uint16]] = deque()

    def clear(self) -> None:
        """Forget all events."""
        self._counts[...] = 0
        self._seen = 0
        self._sum[...] = 0
        self._parts.clear()

    def add(self, events: EventArray) -> None:
        """Count events of the present step."""
        columns = Columns.of(events)
        native.accumulate_counts(columns.t, columns.x, columns.y, columns.p, self._seen, "both", self._counts, False)
        self._seen += len(events)

    def end_step(self) -> None:
        """The present step is over; the oldest leaves the window."""
        part = self._counts[0].copy()
        self._counts[...] = 0
        self._seen = 0
        self._sum += part
        self._parts.append(part)
        if len(self._parts) > self.steps:
            self._sum -= self._parts.popleft()

    @property
    def events(self) -> int:
        """Events in the window."""
        return int(self._sum.sum())

    def frame(self) -> NDArray[np.uint8]:
        """(height, width) uint8 event frame of the window, saturating as a traverse's frames do."""
        return np.minimum(self._sum, 255).astype(np.uint8)
