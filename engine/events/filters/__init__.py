"""Event filters, one class each, and chains of them that a file or the command line declares."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, cast

import numpy as np
from pydantic import Field

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events
from engine.events.checks import Size, as_events, check_size
from engine.events.filters.base import _BLOCK, EventFilter
from engine.events.filters.flicker import FlickerFilter, FlickerParameters
from engine.events.filters.simple import (
    HotPixelFilter,
    HotPixelParameters,
    PolarityFilter,
    PolarityParameters,
    RegionFilter,
    RegionParameters,
)
from engine.events.filters.timed import (
    BackgroundActivityFilter,
    BackgroundActivityParameters,
    DownsampleFilter,
    DownsampleParameters,
    RefractoryFilter,
    RefractoryParameters,
)
from engine.parameters import Parameters

__all__ = [
    "BackgroundActivityFilter",
    "BackgroundActivityParameters",
    "DownsampleFilter",
    "DownsampleParameters",
    "EventFilter",
    "FilterChain",
    "FilterParameters",
    "FlickerFilter",
    "FlickerParameters",
    "HotPixelFilter",
    "HotPixelParameters",
    "PolarityFilter",
    "PolarityParameters",
    "RefractoryFilter",
    "RefractoryParameters",
    "RegionFilter",
    "RegionParameters",
    "build_filter",
    "parse_filter",
    "read_filters",
]

FilterParameters = Annotated[
    HotPixelParameters
    | BackgroundActivityParameters
    | RefractoryParameters
    | FlickerParameters
    | PolarityParameters
    | RegionParameters
    | DownsampleParameters,
    Field(discriminator="kind"),
]
"""The parameters of any filter; `kind` says which."""

_FILTERS: dict[type[Parameters], Callable[[Any, Size], EventFilter]] = {
    HotPixelParameters: HotPixelFilter,
    BackgroundActivityParameters: BackgroundActivityFilter,
    RefractoryParameters: RefractoryFilter,
    FlickerParameters: FlickerFilter,
    PolarityParameters: PolarityFilter,
    RegionParameters: RegionFilter,
    DownsampleParameters: DownsampleFilter,
}
KINDS: dict[str, type[Parameters]] = {model.model_fields["kind"].default: model for model in _FILTERS}
"""Every filter's parameters by their kind."""


def build_filter(parameters: FilterParameters, size: Size) -> EventFilter:
    """The filter that these parameters declare, for a sensor of this (width, height)."""
    return _FILTERS[type(parameters)](parameters, size)


def read_filters(declarations: Iterable[Mapping[str, Any]], source: str) -> list[FilterParameters]:
    """A chain's parameters out of a file such as traverse.json.

    Raises:
        BadInput: a kind is unknown, or a value is out of bounds.
    """
    chain: list[Any] = []
    for number, values in enumerate(declarations, start=1):
        kind = values.get("kind") if isinstance(values, Mapping) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise BadInput(f"{source}: filter {number} has the kind {kind!r}, which is none of {', '.join(KINDS)}.")
        chain.append(KINDS[kind].read(values, f"{source}: filter {number} ({kind})"))
    return chain


def parse_filter(text: str) -> FilterParameters:
    """A filter's parameters from one word of a command line: "refractory", or "refractory:period_us=200,..."; lists with "/".

    Raises:
        BadInput: an unknown kind or parameter, or a value out of bounds.
    """
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise BadInput(f"Filter {kind!r} is unknown: choose one of {', '.join(KINDS)}.")
    model = KINDS[kind]
    values: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or name not in model.model_fields or name == "kind":
            names = ", ".join(field for field in model.model_fields if field != "kind")
            raise BadInput(f"Filter {kind!r} has no {pair!r}: write name=value, with a name of {names}.")
        values[name] = _list(value, name) if name in ("pixels", "frequencies_hz") else value
    return cast(FilterParameters, model.check(values, f"Filter {kind!r}"))


def _list(value: str, name: str) -> tuple[Any, ...]:
    parts = value.split("/")
    return tuple(tuple(part.split("x")) for part in parts) if name == "pixels" else tuple(parts)


class FilterChain:
    """Filters one after the other; each sees the sensor that the one before it leaves.

    Attributes:
        filters: in order, each with its own counts.
        size, size_out: (width, height) of the sensor before and after.
    """

    def __init__(self, parameters: Iterable[FilterParameters], size: Size) -> None:
        self.size = self.size_out = check_size(size)
        self.filters: list[EventFilter] = []
        for step in parameters:
            self.filters.append(build_filter(step, self.size_out))
            self.size_out = self.filters[-1].size_out
        self._passed_without_filter = 0

    @property
    def seen(self) -> int:
        """Events that came in."""
        return self.filters[0].seen if self.filters else self._passed_without_filter

    @property
    def removed(self) -> int:
        """Events that some filter removed."""
        return sum(step.removed for step in self.filters)

    @property
    def share_removed(self) -> float:
        """Removed of seen, 0 to 1."""
        return self.removed / self.seen if self.seen else 0.0

    def shares(self) -> list[tuple[str, float]]:
        """Each filter's kind, and the share that it removed of what reached it."""
        return [(str(getattr(step.parameters, "kind", "")), step.share_removed) for step in self.filters]

    def process(self, events: EventArray) -> EventArray:
        """The events of the next chunk that pass all filters, in a new array (the same one if there is no filter)."""
        events = as_events(events)
        if not self.filters:
            self._passed_without_filter += len(events)
            return events
        kept = np.empty_like(events)
        total = 0
        for first in range(0, len(events), _BLOCK):
            rest = kept[total:]
            count = self.filters[0].pass_block(events[first : first + _BLOCK], rest)
            for step in self.filters[1:]:
                count = step.pass_block(rest[:count], rest)
            total += count
        return kept[:total]

    def flush(self) -> EventArray:
        """Events held back at the end of the stream; these filters hold none back."""
        return empty_events()

    def reset(self) -> None:
        """Forget all events and counts."""
        self._passed_without_filter = 0
        for step in self.filters:
            step.reset()
