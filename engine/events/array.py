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
