"""How many events a recording gives, and where: the diagnostics before binning."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size, as_events, check_region
from engine.events.hot_pixels import HotPixelSearch, PixelCounter, find_hot_pixels
from engine.jobs import CancelToken


@dataclass(frozen=True)
class EventDensity:
    """What a stream of events is like.

    Attributes:
        size: (width, height) of the sensor.
        events: on the sensor; out_of_range: off it; out_of_order: earlier than one before them.
        t_first_us, t_last_us: earliest and latest time stamp; None without events.
        on: ON events on the sensor.
        counts: (height, width) int64, events per pixel.
    """

    size: Size
    events: int
    out_of_range: int
    out_of_order: int
    t_first_us: int | None
    t_last_us: int | None
    on: int
    counts: NDArray[np.int64]

    @property
    def duration_s(self) -> float:
        """From the first to the last event."""
        if self.t_first_us is None or self.t_last_us is None:
            return 0.0
        return (self.t_last_us - self.t_first_us) / 1e6

    @property
    def rate(self) -> float:
        """Events per second, 0 without duration."""
        return self.events / self.duration_s if self.duration_s else 0.0

    @property
    def on_share(self) -> float:
        """ON events of all, 0 to 1."""
        return self.on / self.events if self.events else 0.0

    @property
    def active_pixels(self) -> int:
        """Pixels with at least one event."""
        return int(np.count_nonzero(self.counts))

    def per_pixel_s(self, roi: tuple[int, int, int, int] | None = None) -> float:
        """Events per pixel and second, on the whole sensor or in a region (left, top, width, height)."""
        x, y, width, height = (0, 0, *self.size) if roi is None else check_region(roi, self.size)
        part = self.counts[y : y + height, x : x + width]
        return float(part.mean()) / self.duration_s if self.duration_s else 0.0

    def busiest_share(self, pixels: int = 10) -> float:
        """Share of all events that the busiest pixels give: near 1 means hot pixels, not a scene."""
        if self.events == 0:
            return 0.0
        return (
            float(np.partition(self.counts.reshape(-1), -min(pixels, self.counts.size))[-min(pixels, self.counts.size) :].sum())
            / self.events
        )


def density(chunks: EventArray | Iterable[EventArray], size: Size, cancel: CancelToken | None = None) -> EventDensity:
    """Measure a stream, given whole or in chunks.

    Args:
        chunks: all events, or chunks of them.
        size: the sensor's (width, height).
        cancel: checked between chunks.
    """
    counter = PixelCounter(size)
    on_counter = PixelCounter(size)
    clock = int(np.iinfo(np.int64).min)
    events = out_of_order = 0
    first: int | None = None
    last: int | None = None
    for chunk in [chunks] if isinstance(chunks, np.ndarray) else chunks:
        if cancel is not None:
            cancel.check()
        part = as_events(chunk)
        if len(part) == 0:
            continue
        backwards, clock = native.count_backwards(part["timestamp"], clock)
        low = int(part["timestamp"].min()) if backwards or first is None else first
        first, last = low if first is None else min(first, low), clock
        out_of_order += backwards
        events += len(part)
        counter.add(part)
        on_counter.add(part, "on")
    inside = events - counter.out_of_range
    return EventDensity(
        counter.size, inside, counter.out_of_range, out_of_order, first, last, int(on_counter.counts.sum()), counter.counts
    )


def hot_pixels_of(events: EventArray, size: Size, search: HotPixelSearch | None = None) -> list[tuple[int, int]]:
    """The hot pixels of some events as (x, y), for the parameters of a hot-pixel filter."""
    if len(events) == 0:
        raise BadInput("There are no events to find hot pixels in: take a longer part of the recording.")
    return [(int(x), int(y)) for y, x in np.argwhere(find_hot_pixels(events, size, search))]
