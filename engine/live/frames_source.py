"""Recorded frames as a stream of events: LENS's "simulated Speck", which shows a chip what a camera once saw."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources import SyntheticSource

_CHUNKS = 10
"""Parts of a frame's window, so that no chunk is large."""


def frame_events(frame: NDArray[np.uint8], start_us: int, window_us: int, rng: np.random.Generator) -> EventArray:
    """A frame's counts as that many events, spread evenly over its window at random, in order of time.

    Args:
        frame: (height, width) uint8 counts.
        start_us, window_us: the window.
        rng: draws their times and polarities.
    """
    count = int(frame.sum(dtype=np.int64))
    events = np.zeros(count, EVENT_DTYPE)
    pixels = rng.permutation(np.repeat(np.arange(frame.size), frame.reshape(-1)))
    events["timestamp"] = start_us + np.sort(rng.integers(0, window_us, count))
    events["y"], events["x"] = np.divmod(pixels, frame.shape[1])
    events["polarity"] = rng.integers(0, 2, count)
    return events


def frames_source(
    count: int, size: tuple[int, int], frame: Callable[[int], NDArray[np.uint8]], window_us: int, seed: int, speed: float | None
) -> SyntheticSource:
    """A source that plays frames, a window each.

    Args:
        count: how many frames.
        size: (width, height) of each.
        frame: gives one by its number; called in the source's thread.
        window_us: time that each lasts.
        seed: of the events' draws.
        speed: seconds of events a second; None as fast as they are read.
    """

    def chunks() -> Iterator[EventArray]:
        rng = np.random.default_rng(seed)
        for number in range(count):
            start = number * window_us
            events = frame_events(frame(number), start, window_us, rng)
            if number == 0:
                events["timestamp"][:1] = start  # windows are counted from the first event
            edges = np.searchsorted(events["timestamp"], start + window_us * np.arange(1, _CHUNKS) // _CHUNKS)
            yield from (part for part in np.split(events, edges) if len(part))
        after = np.zeros(1, EVENT_DTYPE)  # one event more: by it the last window is known to be over
        after["timestamp"] = count * window_us
        yield after

    return SyntheticSource(chunks, size, name="The recorded frames", factor=speed)
