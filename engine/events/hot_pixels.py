"""Hot pixels: finding them, and the text file that lists them."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size, as_events, check_size
from engine.jobs import CancelToken
from engine.parameters import Parameters, parameter
from engine.storage import replacing

_LARGEST_FILE = 16 << 20


class HotPixelSearch(Parameters):
    """When a pixel counts as hot: it far outdoes its neighbours, in the whole recording and in most of its parts."""

    ratio: float = parameter(3.0, "A hot pixel has more events than this many times its busiest neighbour.", gt=1)
    margin: int = parameter(10, "Events more, over the whole recording.", unit="events", ge=0)
    touching: int = parameter(1, "So many of its eight neighbours may be as busy: hot pixels that touch.", ge=0, le=7)
    parts: int = parameter(20, "Parts of equal time that the recording is cut into.", ge=1, le=1000)
    share: float = parameter(0.8, "Share of the parts in which the pixel must stand out.", gt=0, le=1)


class PixelCounter:
    """Counts events per pixel, over any number of chunks.

    Attributes:
        size: (width, height) of the sensor.
        counts: (height, width) int64.
        out_of_range: events off the sensor, which are not counted.
    """

    def __init__(self, size: Size) -> None:
        self.size = check_size(size)
        width, height = self.size
        self.counts = np.zeros((height, width), np.int64)
        self.out_of_range = 0
        self._small = np.zeros((1, height, width), np.uint16)

    def add(self, events: EventArray, polarity: str = "both") -> None:
        """Count a chunk, or only its "on" or "off" events."""
        events = as_events(events)
        block = np.iinfo(np.uint16).max  # so many cannot wrap
        for first in range(0, len(events), block):
            part = events[first : first + block]
            outside, _ = native.accumulate_counts(
                part["timestamp"], part["x"], part["y"], part["polarity"], 0, polarity, self._small, False
            )
            self.out_of_range += outside
            self.counts += self._small[0]
            self._small[...] = 0


def busiest_neighbour(counts: NDArray[np.int64], but: int = 0) -> NDArray[np.int64]:
    """The largest count among each pixel's eight neighbours, after leaving out the `but` busiest; (height, width)."""
    height, width = counts.shape
    padded = np.zeros((height + 2, width + 2), counts.dtype)
    padded[1:-1, 1:-1] = counts
    around = np.stack([padded[y : y + height, x : x + width] for y in range(3) for x in range(3) if (x, y) != (1, 1)])
    largest: NDArray[np.int64] = np.partition(around, 7 - but, axis=0)[7 - but]
    return largest


def find_hot_pixels(
    chunks: EventArray | Iterable[EventArray],
    size: Size,
    parameters: HotPixelSearch | None = None,
    time_range: tuple[int, int] | None = None,
    cancel: CancelToken | None = None,
) -> NDArray[np.bool_]:
    """Find the pixels that fire without light.

    Args:
        chunks: all events, or chunks of them in order of time.
        size: the sensor's (width, height).
        parameters: the rule; 0.5 s of recording are enough for it.
        time_range: first and last time stamp in us; needed with chunks.
        cancel: checked between chunks.

    Returns:
        (height, width) bool, True where a pixel is hot.
    """
    p = parameters or HotPixelSearch()
    if isinstance(chunks, np.ndarray):
        if len(chunks) == 0:
            return np.zeros(check_size(size)[::-1], np.bool_)
        time_range = time_range or (int(chunks["timestamp"].min()), int(chunks["timestamp"].max()))
        chunks = [chunks]
    if time_range is None:
        raise TypeError("chunks of events need a time_range")
    start, length = time_range[0], max(time_range[1] - time_range[0] + 1, 1)
    edges = start + np.arange(1, p.parts, dtype=np.int64) * length // p.parts
    part, stood_out = 0, np.zeros(check_size(size)[::-1], np.int64)
    whole, current = PixelCounter(size), PixelCounter(size)
    clock = start

    def outliers(counts: NDArray[np.int64], margin: float) -> NDArray[np.bool_]:
        return counts > p.ratio * busiest_neighbour(counts, p.touching) + margin

    def close() -> None:
        nonlocal stood_out
        stood_out += outliers(current.counts, p.margin / p.parts)
        whole.counts += current.counts
        current.counts[...] = 0

    for chunk in chunks:
        if cancel is not None:
            cancel.check()
        events = as_events(chunk)
        backwards, _ = native.count_backwards(events["timestamp"], clock)
        t = np.maximum.accumulate(np.maximum(events["timestamp"], clock)) if backwards else events["timestamp"]
        clock = int(t[-1]) if len(t) else clock
        bounds = [0, *native.lower_bounds(t, edges[part:]).tolist(), len(events)]
        for first, last in pairwise(bounds):
            current.add(events[first:last])
            if last < len(events):
                close()
                part += 1
    close()
    return outliers(whole.counts, p.margin) & (stood_out >= p.share * p.parts)


def read_hot_pixels(path: Path, size: Size) -> NDArray[np.bool_]:
    """Read a list of hot pixels: one "x,y" a line; blank lines and lines that begin with # are passed over.

    Returns:
        (height, width) bool, True where a pixel is listed.

    Raises:
        BadInput: the file is missing or too large, a line is not a pixel, or the pixel lies off the sensor.
    """
    width, height = check_size(size)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise BadInput(f"{path} is larger than a list of hot pixels can be ({_LARGEST_FILE >> 20} MiB): choose another file.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: check the path of the hot-pixel file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a list of hot pixels ({error}).") from None
    mask = np.zeros((height, width), np.bool_)
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            x, y = (int(part) for part in line.split(","))
        except ValueError:
            raise BadInput(f"{path}, line {number}: {line.strip()[:40]!r} is not a pixel; write x,y.") from None
        if not (0 <= x < width and 0 <= y < height):
            raise BadInput(
                f"{path}, line {number}: pixel {x},{y} lies off the sensor of {width}x{height}: take the list of this camera."
            )
        mask[y, x] = True
    return mask


def write_hot_pixels(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a list of hot pixels, one "x,y" a line, row by row; whole or not at all."""
    with replacing(path) as part:
        part.write_text("".join(f"{x},{y}\n" for y, x in np.argwhere(mask).tolist()), encoding="utf-8")
