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
        arrived: when its last event was read (time.monotonic(), s); where it has none, when it was known to be over.
        closed: when it was known to be over.
    """

    end_us: int
    arrived: float
    closed: float


class StepClock:
    """Cuts a stream into steps of equal length, counted from its first event or, `on_grid`, from time 0.

    On the grid two clocks cut alike that begin at different events of one stream; the first step is shorter then.

    An event earlier than the latest before it is taken to happen at that time; so is one that comes after its step was closed
    because the stream had fallen silent (`late` counts both).

    Attributes:
        step_us: length of a step.
        now_us: the latest time so far.
        late: see above.
    """

    def __init__(self, step_us: int, *, on_grid: bool = False) -> None:
        self.step_us = step_us
        self._on_grid = on_grid
        self.late = 0
        self.restart()

    def restart(self) -> None:
        """The next event begins a new stream."""
        self.now_us = NEVER
        self.edge_us: int | None = None  # where the present step ends
        self._arrived: float | None = None

    def cut(self, events: EventArray, arrived: float, until_us: int) -> Iterator[EventArray | Step | None]:
        """The chunk as its parts and the steps that end between them, in order.

        None stands for a gap too long to be one (a clock that leapt): what came before belongs to no window of what follows.

        Args:
            events: of the chunk, in the order in which they came.
            arrived: when it was read.
            until_us: how far its time went: further than its events, where the last of them were filtered away.
        """
        if len(events):
            backwards, latest = native.count_backwards(events["timestamp"], self.now_us)
            if backwards:
                events = events.copy()
                events["timestamp"] = np.maximum.accumulate(np.maximum(events["timestamp"], self.now_us))
                self.late += backwards
            yield from self._cut_ordered(events, arrived)
            self.now_us = latest
        if self.edge_us is not None and until_us > self.now_us:
            if until_us > self.edge_us + _MOST_EMPTY * self.step_us:
                self.edge_us, self._arrived = self._edge_after(until_us), None
                yield None
            yield from self.pass_until(until_us, arrived)

    def pass_until(self, now_us: int, moment: float) -> Iterator[Step]:
        """The steps that end by `now_us` although no event has come since, told at a `moment`."""
        if self.edge_us is None:
            return
        self.now_us = max(self.now_us, now_us)
        while self.edge_us <= now_us:
            yield self._close(moment)

    def _cut_ordered(self, events: EventArray, arrived: float) -> Iterator[EventArray | Step | None]:
        t = events["timestamp"]
        begun = 0
        while begun < len(events):
            first = int(t[begun])
            if self.edge_us is None or first > self.edge_us + _MOST_EMPTY * self.step_us:
                leapt = self.edge_us is not None
                self.edge_us, self._arrived = self._edge_after(first), None
                if leapt:
                    yield None
            while first >= self.edge_us:
                yield self._close(arrived)
            end = len(events)
            if int(t[-1]) >= self.edge_us:
                end = begun + int(native.lower_bounds(t[begun:], np.array([self.edge_us], np.int64))[0])
            self._arrived = arrived
            yield events[begun:end]
            begun = end

    def _edge_after(self, begin_us: int) -> int:
        """Where the step ends in which a stream begins."""
        return (begin_us // self.step_us + 1) * self.step_us if self._on_grid else begin_us + self.step_us

    def _close(self, moment: float) -> Step:
        if self.edge_us is None:
            raise RuntimeError("no step has begun")
        step = Step(self.edge_us, moment if self._arrived is None else self._arrived, moment)
        self.edge_us += self.step_us
        self._arrived = None
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
    def full(self) -> bool:
        """Whether a whole window has passed since all was forgotten."""
        return len(self._parts) == self.steps

    @property
    def events(self) -> int:
        """Events in the window."""
        return int(self._sum.sum())

    def frame(self) -> NDArray[np.uint8]:
        """(height, width) uint8 event frame of the window, saturating as a traverse's frames do."""
        return np.minimum(self._sum, 255).astype(np.uint8)
