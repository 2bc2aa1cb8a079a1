"""Filters that look at one event alone: hot pixels, polarity, region."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size, check_region
from engine.events.filters.base import EventFilter
from engine.events.hot_pixels import read_hot_pixels
from engine.parameters import Parameters, parameter


class HotPixelParameters(Parameters):
    """Drop the events of listed pixels."""

    kind: Literal["hot_pixels"] = "hot_pixels"
    file: str = parameter("", "Text file of hot pixels, one 'x,y' a line.")
    pixels: tuple[tuple[int, int], ...] = parameter((), "Hot pixels as x, y, besides those of the file.", unit="pixels")


class HotPixelFilter(EventFilter):
    """Drops the events of masked pixels.

    Args:
        parameters: the pixels.
        size: the sensor.
        mask: (height, width) bool, True where a pixel is masked, besides the parameters' pixels.

    Raises:
        BadInput: the file cannot be read, or a pixel or the mask does not fit the sensor.
    """

    def __init__(self, parameters: HotPixelParameters, size: Size, mask: NDArray[np.bool_] | None = None) -> None:
        super().__init__(parameters, size)
        width, height = self.size
        self.mask = read_hot_pixels(Path(parameters.file), self.size) if parameters.file else np.zeros((height, width), np.bool_)
        for x, y in parameters.pixels:
            if not (0 <= x < width and 0 <= y < height):
                raise BadInput(f"Hot pixel {x},{y} lies off the sensor of {width}x{height}: take the list of this camera.")
            self.mask[y, x] = True
        if mask is not None:
            if mask.shape != (height, width):
                raise BadInput(
                    f"The mask is {mask.shape[-1]}x{mask.shape[0]} pixels, but the sensor is {width}x{height}: use this camera's."
                )
            self.mask |= mask

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(native.filter_mask(events, kept, book, self.mask))


class PolarityParameters(Parameters):
    """Keep the events of one polarity."""

    kind: Literal["polarity"] = "polarity"
    keep: Literal["on", "off"] = parameter("on", "Which events pass.")


class PolarityFilter(EventFilter):
    """Keeps ON or OFF events."""

    def __init__(self, parameters: PolarityParameters, size: Size) -> None:
        super().__init__(parameters, size)
        self._on = parameters.keep == "on"

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(native.filter_polarity(events, kept, book, *self.size, self._on))


class RegionParameters(Parameters):
    """Keep a rectangle of the sensor; its corner becomes the origin."""

    kind: Literal["region"] = "region"
    x: int = parameter(0, "Left edge.", unit="pixels", ge=0)
    y: int = parameter(0, "Top edge.", unit="pixels", ge=0)
    width: int = parameter(128, "Width.", unit="pixels", ge=1)
    height: int = parameter(128, "Height.", unit="pixels", ge=1)


class RegionFilter(EventFilter):
    """Keeps the events of a rectangle and counts coordinates from its corner: what follows sees a smaller sensor.

    Raises:
        BadInput: the rectangle does not lie on the sensor.
    """

    def __init__(self, parameters: RegionParameters, size: Size) -> None:
        super().__init__(parameters, size)
        self._region = check_region((parameters.x, parameters.y, parameters.width, parameters.height), self.size, "The region")
        self.size_out = (parameters.width, parameters.height)

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(native.filter_region(events, kept, book, *self.size, *self._region))
