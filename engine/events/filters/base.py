"""What every event filter is: a step from events to fewer events, with a memory that outlasts the chunk."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from engine.events.array import EventArray, empty_events
from engine.events.checks import Size, as_events, check_size
from engine.parameters import Parameters

_BLOCK = 1 << 15  # half a MiB of events stays in the cache from one filter of a chain to the next


class EventFilter(ABC):
    """Passes some events on, in order; how the stream is cut into chunks makes no difference.

    An event off the sensor is dropped and counted. Time never goes back: an event earlier than one before it keeps its time
    stamp, but the filter takes it to happen at the latest time so far, and counts it.

    Attributes:
        parameters: as declared.
        size: the sensor's (width, height) before the filter.
        size_out: and after it, which a region or down-sampling changes.
        seen, removed: events so far.
    """

    def __init__(self, parameters: Parameters, size: Size) -> None:
        self.parameters = parameters
        self.size = check_size(size)
        self.size_out: Size = self.size
        self.reset()

    @abstractmethod
    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        """Write the events that pass into kept, which may be events itself; returns how many."""

    def _forget(self) -> None:
        """Empty the filter's memory of past events."""
        return

    def reset(self) -> None:
        """Forget all events and counts."""
        self.seen = self.removed = 0
        self._book = np.array([np.iinfo(np.int64).min, 0, 0], np.int64)
        self._forget()

    @property
    def out_of_range(self) -> int:
        """Events dropped because they lay off the sensor; `removed` includes them."""
        return int(self._book[1])

    @property
    def out_of_order(self) -> int:
        """Events earlier than one before them."""
        return int(self._book[2])

    @property
    def share_removed(self) -> float:
        """Removed of seen, 0 to 1."""
        return self.removed / self.seen if self.seen else 0.0

    def process(self, events: EventArray) -> EventArray:
        """The events of the next chunk that pass, in a new array."""
        events = as_events(events)
        kept = np.empty_like(events)
        count = 0
        for first in range(0, len(events), _BLOCK):
            count += self.pass_block(events[first : first + _BLOCK], kept[count:])
        return kept[:count]

    def pass_block(self, events: EventArray, kept: EventArray) -> int:
        """As process, for a short chunk into a given array, which may begin where events does; returns how many passed."""
        count = self._apply(events, kept, self._book)
        self.seen += len(events)
        self.removed += len(events) - count
        return count

    def flush(self) -> EventArray:
        """Events held back at the end of the stream; these filters hold none back."""
        return empty_events()
