"""What every consumer of events checks first: their type, and the sensor that they come from."""

import numpy as np

from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE, EventArray

Size = tuple[int, int]
"""Width and height of a sensor, in pixels."""

LARGEST_SIDE = 32767
"""Coordinates are int16."""


def check_size(size: Size) -> Size:
    """The sensor's (width, height), refused when no int16 coordinate could fill it."""
    width, height = size
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise BadInput(f"The sensor is given as {width}x{height} pixels: sides of 1 to {LARGEST_SIDE} can be used.")
    return int(width), int(height)


def check_region(region: tuple[int, int, int, int], size: Size, name: str = "roi") -> tuple[int, int, int, int]:
    """A region (left, top, width, height), refused unless it lies on the sensor."""
    x, y, width, height = region
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > size[0] or y + height > size[1]:
        raise BadInput(
            f"{name} {x} {y} {width} {height} (left, top, width, height) does not lie on the sensor of {size[0]}x{size[1]} "
            "pixels: choose a region inside it."
        )
    return x, y, width, height


def as_events(events: EventArray) -> EventArray:
    """The events as one contiguous array of EVENT_DTYPE; a copy only where they are not that already.

    Raises:
        TypeError: the array has no fields timestamp, x, y, polarity.
    """
    if events.dtype != EVENT_DTYPE:
        if events.dtype.names is None or set(EVENT_DTYPE.names or ()) - set(events.dtype.names):
            raise TypeError(f"events have the type {events.dtype}, but must have the fields of EVENT_DTYPE")
        converted = np.zeros(events.shape, EVENT_DTYPE)
        for name in EVENT_DTYPE.names or ():
            converted[name] = events[name]
        events = converted
    if events.ndim != 1:
        raise TypeError(f"events have {events.ndim} dimensions, but must have one")
    return np.require(events, requirements=["C", "A"])
