"""Recordings of every format, read as bounded chunks of the one event array.

    with open_recording("walk.aedat4") as reader:
        for events in reader.chunks(start_us=reader.time_range[0] + 5_000_000):
            ...

The formats are in engine/events/formats, one file each.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal, Self

import numpy as np

from engine import native
from engine.errors import BadInput
from engine.events.array import EventArray, joined, picked

Order = Literal["error", "sort", "drop"]
"""What happens to an event that is older than one before it: stop; sort within the chunk; leave it out."""

Size = tuple[int, int]

_NO_TIME = int(np.iinfo(np.int64).min)
_LARGEST = 32768  # coordinates are int16
_HEAD = 4096

LARGEST_TIME = 1 << 62
"""Time stamps beyond this (us; 146,000 years) are damage: sums and differences of smaller ones stay inside int64."""


@dataclass
class Counts:
    """What a reading met so far; `chunks` starts it at zero.

    `events` were handed out. `out_of_range` (off the sensor) and `dropped` (too old to be put in order) were left out;
    `out_of_order` are all that were older than an event before them. `malformed` are words, lines or packets that hold no event.
    """

    events: int = 0
    out_of_range: int = 0
    out_of_order: int = 0
    dropped: int = 0
    malformed: int = 0

    def reset(self) -> None:
        """Set all to zero."""
        self.events = self.out_of_range = self.out_of_order = self.dropped = self.malformed = 0


class EventReader(ABC):
    """One recording, open for reading.

    Attributes:
        path: the file.
        format: short name of the format, e.g. "aedat4".
        size: (width, height) of the sensor in pixels, or None where the file does not say.
        metadata: what else the file says.
        time_range: time stamps of the first and the last event in us; None until known, where the format cannot say cheaply.
        counts: what the latest reading met.
        notices: sentences for a person, e.g. that the file ends in the middle of a packet.
        order: what happens to events out of order.
    """

    format: ClassVar[str]
    largest_chunk: ClassVar[int] = 1 << 18  # a slow format sets less, so that a chunk takes well under 0.3 s

    def __init__(self, path: Path, size: Size | None) -> None:
        self.path = path
        self.size = size
        self.metadata: dict[str, str | int | float] = {}
        self.time_range: tuple[int, int] | None = None
        self.counts = Counts()
        self.notices: list[str] = []
        self.order: Order = "sort"
        self._in_order = True  # no block so far held an event older than one before it
        self._read = 0  # of _total, in what unit suits the format
        self._total = 0

    @abstractmethod
    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        """Decode in the file's order, about `limit` events at a time and never many times more.

        Starts at an event that no event of start_us or later comes before (the beginning, where the format cannot seek).
        Sets _read, counts.malformed and notices on the way. The blocks are the caller's to change.
        """

    def close(self) -> None:  # noqa: B027  (a format without an open file needs none)
        """Close the file. Reading after it raises ValueError."""

    @property
    def progress(self) -> float:
        """Share of the file that the latest reading has passed, 0 to 1."""
        return min(1.0, self._read / self._total) if self._total > 0 else 1.0

    def notice(self, text: str) -> None:
        """Add a sentence to `notices`, once."""
        if text not in self.notices:
            self.notices.append(text)

    def chunks(
        self, *, max_events: int = 1 << 20, start_us: int | None = None, stop_us: int | None = None
    ) -> Iterator[EventArray]:
        """Read from start_us up to before stop_us (file's own time stamps), in chunks of 1 to max_events events.

        Time never goes backwards within and between chunks; coordinates are inside `size` where it is known, and never negative;
        polarity is 0 or 1. Several readings at once of one reader are not possible: the latest wins.

        Raises:
            BadInput: the file is damaged where it cannot be passed over, or order is "error" and time goes backwards.
        """
        if max_events < 1:
            raise BadInput(f"max_events must be at least 1, but is {max_events}.")
        self.counts.reset()
        self._read = 0
        limit = min(max_events, self.largest_chunk)
        self._in_order = True
        newest = _NO_TIME
        seen: tuple[int, int] | None = None
        for chunk in _assembled(self._kept(start_us, stop_us, limit), limit):
            events = self._ordered(chunk, newest)
            if len(events):
                newest = int(events["timestamp"][-1])
                seen = (seen[0] if seen else int(events["timestamp"][0]), newest)
                self.counts.events += len(events)
                yield events
        if self.time_range is None and seen is not None and start_us is None and stop_us is None:
            self.time_range = seen

    def _kept(self, start_us: int | None, stop_us: int | None, limit: int) -> Iterator[EventArray]:
        """The blocks, without what is off the sensor or outside the time asked for."""
        width, height = self.size or (_LARGEST, _LARGEST)
        newest = _NO_TIME
        for block in self._blocks(start_us, limit):
            outside, backwards, odd, first, last = native.check_events(block, width, height, newest)
            if len(block) and (last > LARGEST_TIME or first < -LARGEST_TIME):
                t = block["timestamp"]
                possible = picked(block, (t <= LARGEST_TIME) & (t >= -LARGEST_TIME))
                self.counts.malformed += len(block) - len(possible)
                block = possible
                outside, backwards, odd, first, last = native.check_events(block, width, height, newest)
            newest = max(newest, last)
            if backwards:
                self._in_order = False  # from here on each chunk is looked at by itself
            if odd:
                np.greater(block["polarity"], 0, out=block["polarity"], casting="unsafe")
            if stop_us is not None and len(block) and first >= stop_us:
                return  # order is mended within a chunk: what comes after a whole block of later events stays out
            keep = None
            if outside:
                x, y = block["x"], block["y"]
                keep = (x >= 0) & (x < width) & (y >= 0) & (y < height)
                self.counts.out_of_range += outside
            if (start_us is not None and first < start_us) or (stop_us is not None and last >= stop_us):
                t = block["timestamp"]
                wanted = (t >= (_NO_TIME if start_us is None else start_us)) & (stop_us is None or t < stop_us)
                keep = wanted if keep is None else keep & wanted
            yield block if keep is None else picked(block, keep)

    def _ordered(self, events: EventArray, newest: int) -> EventArray:
        if self._in_order:
            return events
        _, backwards, _, first, _ = native.check_events(events, _LARGEST, _LARGEST, newest)
        if not backwards:
            return events
        t = events["timestamp"]
        if self.order == "error":
            running = np.maximum.accumulate(np.maximum(t, newest))
            at = int(np.argmax(t < running))
            raise BadInput(
                f"{self.path}: time goes backwards, from {int(running[at])} to {int(t[at])} us: "
                'read it with the order option "sort" or "drop".'
            )
        self.counts.out_of_order += backwards
        if self.order == "drop":
            kept = picked(events, t >= np.maximum.accumulate(np.maximum(t, newest)))
        else:
            kept = picked(events, np.argsort(t, kind="stable"))
            if first < newest:  # belongs before a chunk that is handed out already
                kept = kept[np.searchsorted(kept["timestamp"], newest) :]
        self.counts.dropped += len(events) - len(kept)
        return kept

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _assembled(blocks: Iterator[EventArray], limit: int) -> Iterator[EventArray]:
    """Blocks of any size put together, or cut, to chunks of at most `limit`; a block of half that or more is not copied."""
    waiting: list[EventArray] = []
    count = 0
    for block in blocks:
        at = 0
        if not waiting and 2 * len(block) >= limit >= len(block):
            yield block
            continue
        while len(block) - at >= limit - count:
            end = at + limit - count
            waiting.append(block[at:end])
            yield joined(waiting)
            waiting, count, at = [], 0, end
        if at < len(block):
            waiting.append(block[at:])
            count += len(block) - at
    if count:
        yield joined(waiting)


def open_recording(path: str | Path, *, order: Order = "sort", size: Size | None = None) -> EventReader:
    """Open a recording; its format is found from its content, whatever its name.

    Args:
        path: the file.
        order: what happens to an event that is older than one before it: "error" stops with BadInput; "sort" sorts within a
            chunk and leaves out (counted) what belongs before a chunk handed out already; "drop" leaves out all of them.
        size: (width, height) of the sensor, for a file that does not say it; it overrules what the file says.

    Raises:
        BadInput: there is no such file, no format matches its content, its beginning is damaged, or a package for it is missing.
    """
    from engine.events.formats import find_format

    path = Path(path)
    if order not in ("error", "sort", "drop"):
        raise BadInput(f'order must be "error", "sort" or "drop", but is {order!r}.')
    if size is not None and not all(0 < side <= _LARGEST for side in size):
        raise BadInput(f"The sensor's size must be between 1 and {_LARGEST} pixels a side, but is {size[0]} x {size[1]}.")
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder: name a recording in it.")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: check the path.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from None
    if not head:
        raise BadInput(f"{path} is empty: it holds no recording.")
    module = find_format(head, path)
    reader = module.open(path, size)
    reader.order = order
    return reader
