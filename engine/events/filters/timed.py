"""Filters that remember when a pixel last fired: background activity, refractory, down-sampling."""

from typing import Any, Literal

import numpy as np

from engine import native
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.events.filters.base import EventFilter
from engine.parameters import Parameters, parameter

_NEVER = np.iinfo(np.int64).min


class BackgroundActivityParameters(Parameters):
    """Drop events that no neighbour supports: noise strikes alone, edges do not."""

    kind: Literal["background_activity"] = "background_activity"
    window_ms: float = parameter(10.0, "How long ago a neighbour's event may be to support one.", unit="ms", ge=0.001, le=10_000)
    supporters: int = parameter(1, "How many of the eight neighbours must support an event.", ge=1, le=8)


class BackgroundActivityFilter(EventFilter):
    """Keeps an event if enough of its pixel's eight neighbours had one, of either polarity, within the window.

    Every event on the sensor supports its neighbours, also one that is dropped; none supports its own pixel.
    Delbruck, Frame-free dynamic digital vision, 2008. Mask hot pixels first, or each supports its neighbourhood for ever.
    """

    def __init__(self, parameters: BackgroundActivityParameters, size: Size) -> None:
        self._window_us = max(round(1000 * parameters.window_ms), 1)
        self._supporters = parameters.supporters
        super().__init__(parameters, size)

    def _forget(self) -> None:
        self._last_seen = np.full((self.size[1] + 2, self.size[0] + 2), _NEVER, np.int64)

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(native.filter_background(events, kept, book, self._last_seen, self._window_us, self._supporters))


class RefractoryParameters(Parameters):
    """Give every pixel a dead time after an event."""

    kind: Literal["refractory"] = "refractory"
    period_us: int = parameter(500, "Dead time of a pixel after an event that passed.", unit="us", ge=1, le=10_000_000)


class RefractoryFilter(EventFilter):
    """Keeps an event if the last one of its pixel that passed, of either polarity, is at least the period ago.

    Measured from events that passed, as a pixel's own dead time: a pixel that never rests still passes one event a period.
    """

    def __init__(self, parameters: RefractoryParameters, size: Size) -> None:
        self._period_us = parameters.period_us
        super().__init__(parameters, size)

    def _forget(self) -> None:
        self._last_passed = np.full((self.size[1], self.size[0]), _NEVER, np.int64)

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(native.filter_refractory(events, kept, book, self._last_passed, self._period_us))


class DownsampleParameters(Parameters):
    """Make the sensor coarser: square cells of pixels become one pixel."""

    kind: Literal["downsample"] = "downsample"
    factor: int = parameter(2, "Pixels along the side of a cell.", ge=1, le=1024)
    interval_us: int = parameter(
        0,
        "A cell passes one event of each polarity per interval; 0 passes all, with divided coordinates.",
        unit="us",
        ge=0,
        le=10_000_000,
    )


class DownsampleFilter(EventFilter):
    """Divides coordinates by the factor, rounding down; cells at the right and bottom edge may be cut.

    With an interval, an event passes if the last one of its cell and polarity that passed is at least the interval ago: n pixels
    that see one edge give one event instead of n.
    """

    def __init__(self, parameters: DownsampleParameters, size: Size) -> None:
        self._factor, self._interval_us = parameters.factor, parameters.interval_us
        super().__init__(parameters, size)
        self.size_out = self._cells

    @property
    def _cells(self) -> Size:
        return -(-self.size[0] // self._factor), -(-self.size[1] // self._factor)

    def _forget(self) -> None:
        self._last_passed = np.full((2, self._cells[1], self._cells[0]), _NEVER, np.int64)

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(native.filter_downsample(events, kept, book, *self.size, self._factor, self._interval_us, self._last_passed))
