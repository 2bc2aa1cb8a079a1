"""What goes from one thread of a live stream to the next."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.capture.recorder import Recording
from engine.events.array import EventArray
from engine.events.checks import Size


@dataclass(frozen=True)
class RawChunk:
    """What the reading thread hands to the processing thread."""

    generation: int
    size: Size
    events: EventArray
    arrived: float
    recording: Recording | None = None
    ends_recording: bool = False
    ends_stream: bool = False


@dataclass(frozen=True)
class FilteredChunk:
    """What a listener of the pipeline gets: events that passed the filters, in the order in which they came.

    Attributes:
        stream: goes up where time begins anew (a start, a seek, a clock that was set back).
        size: (width, height) of the sensor.
        events: they passed; empty where a whole chunk was filtered away.
        until_us: the latest time stamp of the chunk before the filters.
        arrived: when the chunk was read (time.monotonic(), s).
        missed: events lost before this chunk since the last one, by the source or because the filters were too slow.
        ended: the source has ended or failed, and this is all; a later start is another stream.
    """

    stream: int
    size: Size
    events: EventArray
    until_us: int
    arrived: float
    missed: int
    ended: bool = False


Listener = Callable[[FilteredChunk], None]
RawListener = Callable[[Size, EventArray], None]
