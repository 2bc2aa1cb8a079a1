"""Which events belong to which window: pairs of indices [first, last) into events in order of time.

Besides the windows of BinningParameters there are the rules of other tools, so that their frames can be had to the bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput

Slices = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(first, last): slice k takes events first[k] up to, not including, last[k]."""


@dataclass(frozen=True)
class Windows:
    """Windows over a stream.

    Attributes:
        first, last: (n,) int64, window k takes events first[k] up to, not including, last[k].
        start_us, end_us: (n,) int64, its times, the end excluded.
        complete: how many of them are whole; a remainder may follow.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    start_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    complete: int


def whole_windows(length: int, window: int, step: int) -> int:
    """How many windows of `window`, one every `step`, fit whole into `length` (of microseconds, or of events)."""
    return max((length - window) // step + 1, 0)


def time_windows(t: NDArray[np.int64], start_us: int, window_us: int, step_us: int, keep_remainder: bool) -> Windows:
    """Windows of fixed duration: window k is [start + k step, start + k step + window).

    A window is whole once an event at or after its end was seen. The remainder is the next window, kept if it has an event.
    """
    length = int(t[-1]) - start_us if len(t) else -1
    complete = whole_windows(length, window_us, step_us)
    remainder = keep_remainder and length >= complete * step_us
    starts = start_us + step_us * np.arange(complete + remainder, dtype=np.int64)
    ends = starts + window_us
    # One search over all edges: even where times turn out not to ascend, windows meet, and none ends before it starts.
    edges = np.union1d(starts, ends)
    found = native.lower_bounds(t, edges)
    return Windows(found[np.searchsorted(edges, starts)], found[np.searchsorted(edges, ends)], starts, ends, complete)


def count_windows(t: NDArray[np.int64], window: int, step: int, keep_remainder: bool) -> Windows:
    """Windows of a fixed number of events: window k takes events k step up to k step + window.

    The remainder is the next window, kept if the whole ones left events over.
    """
    complete = whole_windows(len(t), window, step)
    covered = (complete - 1) * step + window if complete else 0
    remainder = keep_remainder and covered < len(t)
    first = step * np.arange(complete + remainder, dtype=np.int64)
    last = np.minimum(first + window, len(t))
    return Windows(first, last, t[first], t[last - 1] + 1, complete)


def split_by_number(count: int, frames: int) -> Slices:
    """Exactly `frames` slices of count // frames events each; the last one takes the rest (spikingjelly's split_by="number")."""
    _check_frames(frames)
    edges = np.arange(frames + 1, dtype=np.int64) * (count // frames)
    edges[-1] = count
    return edges[:-1], edges[1:]


def split_by_time(t: NDArray[np.int64], frames: int) -> Slices:
    """Exactly `frames` slices of (t_last - t_0) // frames microseconds; the last takes the rest (spikingjelly's "time").

    Where spikingjelly fails, on a slice without events, the slice is empty.
    """
    _check_frames(frames)
    if len(t) == 0:
        return np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    duration = (int(t[-1]) - int(t[0])) // frames
    edges = np.empty(frames + 1, np.int64)
    edges[:-1] = native.lower_bounds(t, int(t[0]) + duration * np.arange(frames, dtype=np.int64))
    edges[-1] = len(t)
    return edges[:-1], edges[1:]


def split_by_duration(t: NDArray[np.int64], duration_us: int) -> Slices:
    """ceil((t_last - t_0) / duration) slices of `duration_us`; the last takes the rest (spikingjelly's fixed duration)."""
    if duration_us < 1:
        raise BadInput(f"The duration of a frame must be at least 1 us, but is {duration_us}.")
    if len(t) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    frames = max(-(-(int(t[-1]) - int(t[0])) // duration_us), 1)
    edges = np.empty(frames + 1, np.int64)
    edges[:-1] = native.lower_bounds(t, int(t[0]) + duration_us * np.arange(frames, dtype=np.int64))
    edges[-1] = len(t)
    return edges[:-1], edges[1:]


def _check_frames(frames: int) -> None:
    if frames < 1:
        raise BadInput(f"The number of frames must be at least 1, but is {frames}.")
