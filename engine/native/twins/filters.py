"""Twins of the event filters (src/filters.cpp), one event at a time in plain Python integers: the oracle, and the fallback.

Every filter takes events, the array that gets those kept, and a book (clock, events out of range, events out of order) that lasts
over all chunks. It returns how many were kept.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]
Times = NDArray[np.int64]
_NEVER = int(np.iinfo(np.int64).min)
_FIRST = _NEVER + 1
_WORD = 1 << 64


def _run(
    events: Records,
    kept: Records,
    book: Times,
    width: int,
    height: int,
    keep: Callable[[int, int, int, int], tuple[int, int] | None],
) -> int:
    """Calls keep(time, x, y, polarity), which gives the event's new place or None; time never goes back."""
    clock, count = max(int(book[0]), _FIRST), 0
    for event in events.copy():
        t, x, y, p = int(event["timestamp"]), int(event["x"]), int(event["y"]), int(event["polarity"])
        if not (0 <= x < width and 0 <= y < height):
            book[1] += 1
            continue
        book[2] += t < clock
        clock = max(clock, t)
        place = keep(clock, x, y, p)
        if place is not None:
            kept[count] = event
            kept[count]["x"], kept[count]["y"] = place
            count += 1
    book[0] = clock
    return count


def filter_mask(events: Records, kept: Records, book: Times, mask: NDArray[np.bool_]) -> int:
    """Drop events of masked pixels."""
    height, width = mask.shape
    return _run(events, kept, book, width, height, lambda t, x, y, p: None if mask[y, x] else (x, y))


def filter_polarity(events: Records, kept: Records, book: Times, width: int, height: int, on: bool) -> int:
    """Keep ON events, or OFF events."""
    return _run(events, kept, book, width, height, lambda t, x, y, p: (x, y) if (p > 0) == on else None)


def filter_region(
    events: Records, kept: Records, book: Times, width: int, height: int, x0: int, y0: int, wide: int, high: int
) -> int:
    """Keep events of a rectangle, counted from its corner."""

    def keep(t: int, x: int, y: int, p: int) -> tuple[int, int] | None:
        return (x - x0, y - y0) if 0 <= x - x0 < wide and 0 <= y - y0 < high else None

    return _run(events, kept, book, width, height, keep)


def filter_refractory(events: Records, kept: Records, book: Times, last_passed: Times, period: int) -> int:
    """Keep an event when the last one kept of its pixel is at least `period` ago."""
    height, width = last_passed.shape

    def keep(t: int, x: int, y: int, p: int) -> tuple[int, int] | None:
        last = int(last_passed[y, x])
        if last != _NEVER and t - last < period:
            return None
        last_passed[y, x] = t
        return x, y

    return _run(events, kept, book, width, height, keep)


def filter_background(events: Records, kept: Records, book: Times, last_seen: Times, window: int, supporters: int) -> int:
    """Keep an event when enough of its eight neighbours had one within `window`; last_seen has a border of one pixel."""

    def keep(t: int, x: int, y: int, p: int) -> tuple[int, int] | None:
        around = [int(last) for j, last in enumerate(last_seen[y : y + 3, x : x + 3].flat) if j != 4]
        last_seen[y + 1, x + 1] = t
        return (x, y) if sum(last != _NEVER and t - last <= window for last in around) >= supporters else None

    return _run(events, kept, book, last_seen.shape[1] - 2, last_seen.shape[0] - 2, keep)


def filter_flicker(
    events: Records,
    kept: Records,
    book: Times,
    memory: NDArray[np.void],
    dead_time: int,
    steps: NDArray[np.uint64],
    wave: NDArray[np.int16],
    fine: NDArray[np.int32],
    coarse: NDArray[np.int32],
    unit: int,
    least_weight: int,
    coherence: int,
) -> int:
    """Drop events of pixels whose phase is coherent; engine/events/filters/flicker.py says what the arguments mean."""
    height, width = memory.shape

    def keep(t: int, x: int, y: int, p: int) -> tuple[int, int] | None:
        phasor: Any = memory[y, x]
        last = int(phasor["last"])
        if last != _NEVER and t - last < dead_time:
            return None if phasor["flickers"] else (x, y)
        ticks = (t - last) >> 6
        forgotten = last == _NEVER or ticks >= 64 * len(coarse)
        decay = 0 if forgotten else (int(coarse[ticks >> 6]) * int(fine[ticks & 63])) >> 15
        weight = ((int(phasor["weight"]) * decay + (1 << 14)) >> 15) + unit
        largest = 0
        for tone, step in enumerate(steps.tolist()):
            phase = (t * step % _WORD) >> 56
            real, imaginary = (
                ((int(old) * decay + (1 << 14)) >> 15) + int(now)
                for old, now in zip(phasor["sums"][tone], wave[int(p > 0), phase], strict=True)
            )
            phasor["sums"][tone] = real, imaginary
            largest = max(largest, real**2 + imaginary**2)
        flickers = weight >= least_weight and largest >= ((weight * coherence) >> 12) ** 2
        phasor["last"], phasor["weight"], phasor["flickers"] = t, weight, flickers
        return None if flickers else (x, y)

    return _run(events, kept, book, width, height, keep)


def filter_downsample(
    events: Records, kept: Records, book: Times, width: int, height: int, factor: int, interval: int, last_passed: Times
) -> int:
    """Divide coordinates by `factor`; with an interval, a cell and polarity passes one event per interval."""

    def keep(t: int, x: int, y: int, p: int) -> tuple[int, int] | None:
        x, y = x // factor, y // factor
        if interval == 0:
            return x, y
        last = int(last_passed[int(p > 0), y, x])
        if last != _NEVER and t - last < interval:
            return None
        last_passed[int(p > 0), y, x] = t
        return x, y

    return _run(events, kept, book, width, height, keep)
