"""The streaming binner: chunks of events in, completed frames out, the same ones however the stream is cut."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.events.array import EventArray
from engine.events.checks import Size, as_events
from engine.frames.binning import NEVER, BinningParameters, Columns, FramePlan, check_gap
from engine.frames.windows import Windows, whole_windows

_EVENTS_PER_CALL = 1 << 22
_NO_COUNTS = np.zeros((0, 0, 0), np.uint16)


@dataclass(frozen=True)
class EventFrame:
    """One event frame and what went into it; the fields are those of Frames.

    Attributes:
        image: (height, width), or (2, height, width) with OFF, ON separate.
        index: its number in the stream, from 0.
        start_us, end_us: the window's times, the end excluded.
        events, binned, out_of_range, saturated: events in the window, those counted, those off the sensor; pixels at the limit.
        complete: False for a remainder.
    """

    image: NDArray[Any]
    index: int
    start_us: int
    end_us: int
    events: int
    binned: int
    out_of_range: int
    saturated: int
    complete: bool


@dataclass
class _Open:
    """A window that has begun and not ended."""

    start_us: int
    end_us: int
    counts: NDArray[np.uint16]
    events: int = 0
    out_of_range: int = 0


class Binner:
    """Bins a stream as bin_events would bin all of it at once.

    Between chunks only the counts of the open windows are kept (one, or as many as overlap), never events.

    Attributes:
        events: seen so far.
        out_of_range: off the sensor, in the windows that have ended (an event in overlapping windows counts in each).
        out_of_order: earlier than an event before them; each counts at the latest time so far.
        frames: given out so far.

    Args:
        size: the sensor's (width, height).
        parameters: windows, region, what a pixel holds.
        mask: (height, width) bool, True where a pixel stays 0.
        in_order: the chunks are known to be in order of time (as a reader's are), so that it need not be checked.

    Raises:
        BadInput: the region or a masked pixel lies off the sensor.
    """

    def __init__(
        self, size: Size, parameters: BinningParameters, mask: NDArray[np.bool_] | None = None, *, in_order: bool = False
    ) -> None:
        self._in_order = in_order
        self._plan = FramePlan(size, parameters, mask)
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        """Forget the stream and its counters: the next chunk begins a new one."""
        self.events = self.out_of_range = self.out_of_order = self.frames = 0
        self._ended = False
        self._clock = NEVER
        self._start_us = self.parameters.start_us
        self._open: deque[_Open] = deque()
        self._spare: list[NDArray[np.uint16]] = []
        self._surface = self._plan.surface() if self.parameters.representation == "time_surface" else None
        self._unclaimed = 0  # events off the sensor that no frame of a time surface has told yet

    def push(self, events: EventArray) -> list[EventFrame]:
        """Take the next chunk of the stream; returns the frames that it completed.

        Raises:
            BadInput: the time stamps jump over more windows than a working clock would.
        """
        if self._ended:
            self.reset()
        columns = Columns.of(as_events(events))
        if len(columns) == 0:
            return []
        if self._in_order and columns.t[0] >= self._clock:
            backwards, clock = 0, max(int(columns.t[-1]), self._clock)
        else:
            backwards, clock = native.count_backwards(columns.t, self._clock)
        if backwards:
            columns = columns.in_order(self._clock)
        if self._start_us is None:
            self._start_us = int(columns.t[0])
        frames = self._push_time(columns, clock) if self.parameters.mode == "time" else self._push_count(columns)
        self._clock = clock
        self.out_of_order += backwards
        self.events += len(columns)
        return frames

    def flush(self) -> list[EventFrame]:
        """End the stream: the remainder, if there is one and the parameters keep it. A further chunk begins a new one."""
        frames = []
        if self._open and self.parameters.remainder == "keep" and self._begins_remainder():
            window = self._open.popleft()
            window.out_of_range += self._unclaimed
            frames.append(self._finish(window, window.end_us, complete=False))
        self._ended = True
        return frames

    def _begins_remainder(self) -> bool:
        """Whether the first open window has events that no whole window had."""
        if self.parameters.mode == "time":
            return True
        step, window = self.parameters.step_events, self.parameters.events_per_frame
        return self.frames == 0 or (self.frames - 1) * step + window < self.events

    def _push_time(self, columns: Columns, clock: int) -> list[EventFrame]:
        window, step, start = self.parameters.window_us, self.parameters.step_us, self._start_us or 0
        complete = whole_windows(clock - start, window, step)
        begun = max((clock - start) // step + 1, 0)
        check_gap(complete - self.frames, len(columns))
        numbers = range(self.frames, begun)
        starts = start + step * np.arange(numbers.start, numbers.stop, dtype=np.int64)
        edges = np.union1d(starts, starts + window)
        found = native.lower_bounds(columns.t, edges)
        first, last = found[np.searchsorted(edges, starts)], found[np.searchsorted(edges, starts + window)]
        return self._take(columns, Windows(first, last, starts, starts + window, complete - self.frames))

    def _push_count(self, columns: Columns) -> list[EventFrame]:
        window, step = self.parameters.events_per_frame, self.parameters.step_events
        seen = self.events + len(columns)
        complete = whole_windows(seen, window, step)
        begun = -(-seen // step)
        numbers = np.arange(self.frames, begun, dtype=np.int64) * step - self.events
        first, last = np.maximum(numbers, 0), np.minimum(numbers + window, len(columns))
        starts = columns.t[first]
        starts[: len(self._open)] = [window.start_us for window in self._open]
        return self._take(columns, Windows(first, last, starts, columns.t[last - 1] + 1, complete - self.frames))

    def _take(self, columns: Columns, w: Windows) -> list[EventFrame]:
        """Give each window its events; the first w.complete ones end in this chunk. Those open already come first."""
        frames = self._take_surface(columns, w) if self._surface is not None else self._take_counts(columns, w)
        for window, end_us in zip(self._open, w.end_us[w.complete :].tolist(), strict=True):
            window.end_us = end_us
        return frames

    def _take_counts(self, columns: Columns, w: Windows) -> list[EventFrame]:
        was_open, frames = len(self._open), []
        for k, (first, last) in enumerate(zip(w.first[:was_open].tolist(), w.last[:was_open].tolist(), strict=True)):
            window = self._open[0] if k < w.complete else self._open[k - w.complete]
            self._add(window, columns, first, last)
            if k < w.complete:
                frames.append(self._finish(self._open.popleft(), int(w.end_us[k]), complete=True))
        if w.complete > was_open:
            frames += self._whole(columns, w, slice(was_open, w.complete))
        for k in range(max(was_open, w.complete), len(w.first)):
            window = _Open(int(w.start_us[k]), 0, self._spare.pop() if self._spare else self._plan.counts())
            self._add(window, columns, int(w.first[k]), int(w.last[k]))
            self._open.append(window)
        return frames

    def _add(self, window: _Open, columns: Columns, first: int, last: int) -> None:
        for a in range(first, last, _EVENTS_PER_CALL):
            piece = columns.slice(a, min(a + _EVENTS_PER_CALL, last))
            outside, _ = native.accumulate_counts(
                piece.t, piece.x, piece.y, piece.p, window.events, self.parameters.polarity, window.counts, False
            )
            window.out_of_range += outside
            window.events += len(piece)

    def _finish(self, window: _Open, end_us: int, complete: bool) -> EventFrame:
        """The frame of a window that has ended; its counts, cleared, serve another."""
        if self._surface is not None:
            image, binned, saturated = self._plan.render(self._surface, end_us), 0, 0
        else:
            image = np.empty(self._plan.frame_shape, self._plan.dtype)
            binned, saturated = native.finish_counts(window.counts, self._plan.region, self._plan.mask, self._plan.binary, image)
            self._spare.append(window.counts)
        return self._frame(image, window.start_us, end_us, (window.events, binned, window.out_of_range, saturated), complete)

    def _frame(
        self, image: NDArray[Any], start_us: int, end_us: int, tally: tuple[int, int, int, int], complete: bool
    ) -> EventFrame:
        self.frames += 1
        self.out_of_range += tally[2]
        return EventFrame(self._plan.public(image), self.frames - 1, start_us, end_us, *tally, complete)

    def _whole(self, columns: Columns, w: Windows, part: slice) -> list[EventFrame]:
        """The frames of windows that begin and end in this chunk; those without events share one image, which is read-only."""
        first, last, starts, ends = w.first[part], w.last[part], w.start_us[part], w.end_us[part]
        full = np.flatnonzero(last > first)
        images, tally = self._plan.images(len(full)), np.zeros((len(full), 3), np.int64)
        self._plan.count(columns, first[full], last[full], images, tally, check=False)
        blank = np.zeros(self._plan.frame_shape, self._plan.dtype)
        blank.flags.writeable = False
        position = {int(k): place for place, k in enumerate(full)}
        frames = []
        for k, (start_us, end_us) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            place = position.get(k)
            image = blank if place is None else images[place]
            binned, out_of_range, saturated = (0, 0, 0) if place is None else tally[place].tolist()
            frames.append(self._frame(image, start_us, end_us, (int(last[k] - first[k]), binned, out_of_range, saturated), True))
        return frames

    def _take_surface(self, columns: Columns, w: Windows) -> list[EventFrame]:
        """Draw the events in order; a window's frame is the surface at its end."""
        was_open, frames, drawn = len(self._open), [], 0
        for k, (start_us, first, last) in enumerate(zip(w.start_us.tolist(), w.first.tolist(), w.last.tolist(), strict=True)):
            if k >= was_open:
                self._open.append(_Open(start_us, 0, _NO_COUNTS))
            window = self._open[0] if k < w.complete else self._open[k - w.complete]
            window.events += last - first
            if k < w.complete:
                self._draw(columns, drawn, last)
                drawn = last
                window.out_of_range, self._unclaimed = self._unclaimed, 0
                frames.append(self._finish(self._open.popleft(), int(w.end_us[k]), complete=True))
        self._draw(columns, drawn, len(columns))
        return frames

    def _draw(self, columns: Columns, first: int, last: int) -> None:
        for a in range(first, last, _EVENTS_PER_CALL):
            piece = columns.slice(a, min(a + _EVENTS_PER_CALL, last))
            self._unclaimed += native.update_surface(piece.t, piece.x, piece.y, piece.p, self.parameters.polarity, self._surface)
