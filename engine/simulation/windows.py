"""Event frames from a stream of chunks, and the ground truth between two traverses."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.events.array import EventArray


class WindowCounter:
    """Counts events per pixel in windows that may overlap or leave gaps; both polarities, saturating at 255.

    Args:
        starts_us: (n) first microsecond of every window, ascending.
        length_us: length of all of them.
        width: pixels in a row.
        height: pixels in a column.
    """

    def __init__(self, starts_us: NDArray[np.int64], length_us: int, width: int, height: int) -> None:
        self._starts, self._length, self._width = starts_us, length_us, width
        self._frames = np.zeros((len(starts_us), height, width), np.uint8)
        self._open: dict[int, NDArray[np.int64]] = {}  # counts of the windows that have begun and not ended

    def add(self, events: EventArray, start_us: int, end_us: int) -> None:
        """Count events, sorted by time, of the stretch [start_us, end_us)."""
        first = int(np.searchsorted(self._starts, start_us - self._length, side="right"))
        last = int(np.searchsorted(self._starts, end_us, side="left"))
        if first >= last:
            return
        times = events["timestamp"]
        pixel = events["y"].astype(np.int64) * self._width + events["x"]
        starts = np.searchsorted(times, self._starts[first:last])
        ends = np.searchsorted(times, self._starts[first:last] + self._length)
        for window, start, end in zip(range(first, last), starts, ends, strict=True):
            counts = np.bincount(pixel[start:end], minlength=self._frames[0].size)
            if window in self._open:
                counts += self._open.pop(window)
            self._frames[window] = np.minimum(counts, 255).reshape(self._frames.shape[1:])
            if self._starts[window] + self._length > end_us:
                self._open[window] = counts

    def frames(self) -> NDArray[np.uint8]:
        """(n, height, width)."""
        return self._frames


def _check_room(duration_us: int, length_us: int) -> None:
    if duration_us < length_us:
        raise BadInput(
            f"window_ms is {length_us / 1000:g}, but a traverse lasts only {duration_us / 1000:g} ms: "
            "take a shorter window or more places."
        )


def spread_windows(duration_us: int, count: int, length_us: int) -> NDArray[np.int64]:
    """First microseconds of `count` windows spread evenly over a traverse.

    They overlap where the traverse is too short for them side by side, and leave gaps where it is longer.
    """
    _check_room(duration_us, length_us)
    return np.round(np.linspace(0, duration_us - length_us, count)).astype(np.int64)


def side_by_side_windows(duration_us: int, length_us: int) -> NDArray[np.int64]:
    """First microseconds of all whole windows that follow one another; what remains at the end is dropped."""
    _check_room(duration_us, length_us)
    return np.arange(duration_us // length_us, dtype=np.int64) * length_us


def nearest_ground_truth(reference_m: NDArray[np.float64], query_m: NDArray[np.float64], radius_m: float) -> NDArray[np.uint8]:
    """Ground truth (reference x query, 0/1): the nearest reference frame along the route, if it lies within the radius.

    Args:
        reference_m: distance along the route of each reference frame's middle, in metres.
        query_m: the same of each query frame.
        radius_m: queries with no reference within it have a column of zeros.
    """
    away = np.abs(reference_m[:, None] - query_m[None])
    nearest = away.argmin(0)
    truth = np.zeros(away.shape, np.uint8)
    columns = np.flatnonzero(away[nearest, np.arange(len(query_m))] <= radius_m)
    truth[nearest[columns], columns] = 1
    return truth
