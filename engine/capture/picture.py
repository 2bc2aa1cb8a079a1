"""The running picture: counts per pixel of the last moments, and the time surface, fed chunk by chunk."""

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.events.checks import Size
from engine.frames.binning import NEVER, Columns


class SliceRing:
    """Event counts of the last slices of time: a sliding window in constant memory.

    The window is the present slice, which is not over, and the `slices` - 1 before it.

    Attributes:
        slice_us: length of a slice.
        polarity: which events count: "both", "on", "off" in one plane, or "separate" in two (OFF, ON).
        counts: (slices, planes, height, width) uint16, saturating.
    """

    def __init__(self, size: Size, window_us: int, slices: int, polarity: str) -> None:
        self.size = size
        self.polarity = polarity
        self.slice_us = max(window_us // max(slices - 1, 1), 1)
        self.slices = slices
        self.counts = np.zeros((slices, 2 if polarity == "separate" else 1, size[1], size[0]), np.uint16)
        self._events = [0] * slices
        self._now: int | None = None  # number of the present slice
        self._first = 0  # number of the first slice since the beginning
        self._newest_us = 0

    def clear(self) -> None:
        """Forget all events."""
        self.counts[...] = 0
        self._events = [0] * self.slices
        self._now = None

    def add(self, events: Columns) -> None:
        """Count events whose times ascend, also from chunk to chunk."""
        if not len(events):
            return
        first, last = int(events.t[0]) // self.slice_us, int(events.t[-1]) // self.slice_us
        self._newest_us = int(events.t[-1])
        if self._now is None:
            self._now = self._first = first
        begin = max(first, last - self.slices + 1)  # what is older would be cleared again
        edges = self.slice_us * np.arange(begin, last + 2, dtype=np.int64)
        bounds = native.lower_bounds(events.t, edges).tolist()
        for number, a, b in zip(range(begin, last + 1), bounds[:-1], bounds[1:], strict=True):
            self._enter(number)
            place = number % self.slices
            part = events.slice(a, b)
            counts, before = self.counts[place], self._events[place]
            native.accumulate_counts(part.t, part.x, part.y, part.p, before, self.polarity, counts, False)
            self._events[place] += len(part)

    def total(self) -> NDArray[np.uint16]:
        """(planes, height, width) events of the window."""
        total: NDArray[np.uint32] = self.counts.sum(axis=0, dtype=np.uint32)
        return np.minimum(total, 65535, out=total).astype(np.uint16)

    @property
    def span_us(self) -> int:
        """The time that the window covers now: less than it could at the beginning."""
        if self._now is None:
            return 0
        oldest = max(self._now - self.slices + 1, self._first)
        return self._newest_us + 1 - oldest * self.slice_us

    @property
    def events(self) -> int:
        """Events of the window, of either polarity."""
        return sum(self._events)

    @property
    def full_slices(self) -> int:
        """Slices that are over and still held."""
        return 0 if self._now is None else min(self._now - self._first, self.slices - 1)

    def ended(self) -> NDArray[np.uint16]:
        """(full_slices, planes, height, width) the slices that are over, in no order."""
        if self._now is None:
            return self.counts[:0]
        numbers = range(self._now - self.full_slices, self._now)
        return self.counts[[number % self.slices for number in numbers]]

    def _enter(self, number: int) -> None:
        if self._now is None or number <= self._now:
            return
        for entered in range(max(self._now + 1, number - self.slices + 1), number + 1):
            self.counts[entered % self.slices] = 0
            self._events[entered % self.slices] = 0
        self._now = number


class TimeSurface:
    """How recent each pixel's last event is, over the whole sensor (Lagorce et al., HOTS, IEEE TPAMI 39(7), 2017)."""

    def __init__(self, size: Size, polarity: str) -> None:
        self.polarity = polarity
        self._last = np.full((1, size[1], size[0]), NEVER, np.int64)

    def add(self, events: Columns) -> None:
        """Draw events whose times ascend."""
        native.update_surface(events.t, events.x, events.y, events.p, self.polarity, self._last)

    def render(self, now_us: int, tau_ms: float) -> NDArray[np.uint8]:
        """(height, width) uint8: 255 exp(-age / tau), 0 where no event was."""
        last = self._last[0]
        age = np.where(last == NEVER, np.inf, (now_us - last).astype(np.float32)).astype(np.float32)
        picture: NDArray[np.uint8] = np.rint(np.exp(age * np.float32(-1e-3 / tau_ms)) * np.float32(255)).astype(np.uint8)
        return picture
