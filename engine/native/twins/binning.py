"""NumPy twins of the loops that count events into windows (src/binning.cpp): same arguments, same results, slower."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Region = tuple[int, int, int, int]
_WRAP = 65535


def _selected(p: Array, polarity: str) -> NDArray[np.bool_]:
    return p > 0 if polarity == "on" else p <= 0 if polarity == "off" else np.ones(len(p), np.bool_)


def _cells(x: Array, y: Array, p: Array, polarity: str, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], int]:
    """The cell of each event of the wanted polarity in counts of this shape, and how many lie outside the sensor."""
    _, height, width = shape
    x, y = x.astype(np.int64), y.astype(np.int64)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    on = p > 0
    wanted = inside & _selected(p, polarity)
    cells = y * width + x + (on * height * width if polarity == "separate" else 0)
    return cells[wanted], int(np.count_nonzero(~inside))


def accumulate_counts(
    t: Array, x: Array, y: Array, p: Array, before: int, polarity: str, counts: NDArray[np.uint16], check: bool
) -> tuple[int, bool]:
    """Add events to counts (planes, height, width), up to 65535; returns events out of range and, if asked, whether t ascends."""
    cells, out_of_range = _cells(x, y, p, polarity, counts.shape)
    total = counts.reshape(-1) + np.bincount(cells, minlength=counts.size)
    counts[...] = np.minimum(total, _WRAP).reshape(counts.shape)
    return out_of_range, not check or bool(np.all(t[1:] >= t[:-1]))


def finish_counts(
    counts: NDArray[np.uint16], region: Region, mask: NDArray[np.bool_] | None, binary: bool, frame: Array
) -> tuple[int, int]:
    """Write the region of counts into frame, clipped to its type, 0 where masked; returns events binned and pixels saturated."""
    x, y, width, height = region
    part = np.where(False if mask is None else mask, 0, counts)[:, y : y + height, x : x + width]
    limit = int(np.iinfo(frame.dtype).max)
    frame[...] = np.where(part > 0, limit, 0) if binary else np.minimum(part, limit)
    counts[...] = 0
    return int(part.sum(dtype=np.int64)), int(np.count_nonzero(part >= limit))


def count_slices(
    t: Array,
    x: Array,
    y: Array,
    p: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    polarity: str,
    counts: NDArray[np.uint16],
    region: Region,
    mask: NDArray[np.bool_] | None,
    binary: bool,
    frames: Array,
    tally: NDArray[np.int64],
    check: bool,
) -> bool:
    """Count events [first, last) of each slice into a frame; tally gets (binned, out of range, saturated) of each.

    Returns, if asked, whether the time stamps of the events that were counted, and of their predecessors, ascend.
    """
    ordered = True
    for k, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        outside, _ = accumulate_counts(t[a:b], x[a:b], y[a:b], p[a:b], 0, polarity, counts, False)
        before = t[max(a - 1, 0) : b]
        ordered &= not check or b <= a or bool(np.all(before[1:] >= before[:-1]))
        binned, saturated = finish_counts(counts, region, mask, binary, frames[k])
        tally[k] = binned, outside, saturated
    return ordered


def lower_bounds(t: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of the ascending times the first index of t (ascending) that is not earlier."""
    return np.searchsorted(t, times, side="left").astype(np.int64)


def count_backwards(t: NDArray[np.int64], clock: int) -> tuple[int, int]:
    """How many times are earlier than the latest before them (clock at the start), and the latest of all."""
    latest = np.maximum.accumulate(np.concatenate([np.array([clock], np.int64), t]))
    return int(np.count_nonzero(t < latest[:-1])), int(latest[-1])


def update_surface(t: Array, x: Array, y: Array, p: Array, polarity: str, surface: NDArray[np.int64]) -> int:
    """Keep the latest time of each pixel (t ascends); returns events out of range."""
    cells, out_of_range = _cells(x, y, p, polarity, surface.shape)
    inside = (x >= 0) & (x < surface.shape[2]) & (y >= 0) & (y < surface.shape[1])
    wanted = inside & _selected(p, polarity)
    np.maximum.at(surface.reshape(-1), cells, t[wanted])
    return out_of_range
