"""Binning: events to event frames, one frame a window of time or of a number of events."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from engine import native
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size, as_events, check_region, check_size
from engine.events.hot_pixels import read_hot_pixels
from engine.frames.windows import Slices, Windows, count_windows, time_windows, whole_windows
from engine.parameters import Parameters, parameter

NEVER = int(np.iinfo(np.int64).min)
MOST_OVERLAP = 64
"""Sliding windows: so many may be open at once."""
MOST_EMPTY = 1_000_000
"""A gap of more windows than this is taken for a broken clock."""
_MOST_BYTES = 8 << 30
_EVENTS_PER_CALL = 1 << 23


class BinningParameters(Parameters):
    """How events become event frames."""

    mode: Literal["time", "count"] = parameter("time", "Windows of a fixed time, or of a fixed number of events.")
    window_ms: float = parameter(1000.0, "Length of a time window.", unit="ms", ge=0.001, le=3.6e6)
    step_ms: float | None = parameter(
        None, "Time from one window to the next (sliding windows); default: the window.", unit="ms", ge=0.001
    )
    events_per_frame: int = parameter(50_000, "Events in a window of fixed count, on the whole sensor.", ge=1, le=1 << 40)
    step_count: int | None = parameter(None, "Events from one window of fixed count to the next; default: the window.", ge=1)
    remainder: Literal["keep", "drop"] = parameter("drop", "What becomes of the events after the last whole window.")
    start_us: int | None = parameter(
        None, "Time stamp at which the first time window starts; default: the first event.", unit="us"
    )
    dtype: Literal["uint8", "uint16"] = parameter(
        "uint8", "Type of a frame's pixels; counts beyond it stay at its largest value."
    )
    roi: tuple[int, int, int, int] | None = parameter(
        None, "Region of interest: left, top, width, height; default: the whole sensor.", unit="pixels"
    )
    mask_file: str = parameter("", "Text file of hot pixels, one 'x,y' a line, that stay 0 in every frame.")
    polarity: Literal["both", "on", "off", "separate"] = parameter(
        "both", "Which events count: both, on, off, or each in its own plane (OFF, ON)."
    )
    representation: Literal["count", "time_surface", "binary"] = parameter(
        "count", "What a pixel holds: events counted, how recent the last one is, or whether there was one."
    )
    tau_ms: float = parameter(50.0, "Decay time of a time surface.", unit="ms", gt=0)

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.step_us > self.window_us:
            raise ValueError(
                f"step_ms {self.step_ms} is longer than window_ms {self.window_ms}, so events would be lost: shorten it"
            )
        if self.step_events > self.events_per_frame:
            raise ValueError(
                f"step_count {self.step_count} is larger than events_per_frame {self.events_per_frame}, so events would be lost: "
                "lower it"
            )
        window, step, name = (
            (self.window_us, self.step_us, "step_ms")
            if self.mode == "time"
            else (self.events_per_frame, self.step_events, "step_count")
        )
        if window > MOST_OVERLAP * step:
            raise ValueError(f"{name} is too small for the window: at most {MOST_OVERLAP} windows may overlap")
        return self

    @property
    def window_us(self) -> int:
        """The time window in whole microseconds, the camera's unit."""
        return max(round(self.window_ms * 1000), 1)

    @property
    def step_us(self) -> int:
        """From one time window to the next."""
        return self.window_us if self.step_ms is None else max(round(self.step_ms * 1000), 1)

    @property
    def step_events(self) -> int:
        """From one window of fixed count to the next."""
        return self.events_per_frame if self.step_count is None else self.step_count

    @property
    def planes(self) -> int:
        """Planes of a frame: two (OFF, ON) when the polarities are separate."""
        return 2 if self.polarity == "separate" else 1


@dataclass(frozen=True)
class Frames:
    """Event frames and what went into each.

    Attributes:
        images: (n, height, width), or (n, 2, height, width) with OFF, ON separate; uint8 or uint16.
        start_us, end_us: (n,) the windows' times, the end excluded.
        events: (n,) events in the window, wherever they fell.
        binned: (n,) of these, counted: in the region, of the polarity, not masked; before clipping.
        out_of_range: (n,) of these, with coordinates off the sensor: dropped.
        saturated: (n,) pixels at the largest value of the type.
        complete: how many frames are whole; a remainder may follow.
        out_of_order: events earlier than one before them, in the whole stream; each counts at the latest time before it.
        total: events in the whole stream.
    """

    images: NDArray[Any]
    start_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    events: NDArray[np.int64]
    binned: NDArray[np.int64]
    out_of_range: NDArray[np.int64]
    saturated: NDArray[np.int64]
    complete: int
    out_of_order: int
    total: int

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Columns:
    """Events as separate columns of one length: t in us (int64), x, y (int16), p (int8; ON where > 0)."""

    t: NDArray[np.int64]
    x: NDArray[np.int16]
    y: NDArray[np.int16]
    p: NDArray[np.int8]

    @classmethod
    def of(cls, events: EventArray) -> Self:
        """Views of an event array; nothing is copied."""
        return cls(events["timestamp"], events["x"], events["y"], events["polarity"])

    @classmethod
    def contiguous(cls, t: Any, x: Any, y: Any, p: Any) -> Self:
        """From any arrays of numbers; copied only where type or layout differ.

        Raises:
            BadInput: they differ in length, or a coordinate does not fit 16 bits.
        """
        if not (len(t) == len(x) == len(y) == len(p)):
            raise BadInput(
                f"Columns t, x, y, p have {len(t)}, {len(x)}, {len(y)}, {len(p)} entries: they must have the same number."
            )
        coordinates = []
        for name, values in (("x", np.asarray(x)), ("y", np.asarray(y))):
            if values.dtype != np.int16 and values.size and (values.min() < -32768 or values.max() > 32767):
                raise BadInput(f"Column {name} has values that do not fit 16 bits: coordinates are -32768 to 32767.")
            coordinates.append(np.ascontiguousarray(values, np.int16))
        return cls(np.ascontiguousarray(t, np.int64), coordinates[0], coordinates[1], np.ascontiguousarray(p, np.int8))

    def __len__(self) -> int:
        return len(self.t)

    def slice(self, first: int, last: int) -> "Columns":
        """Events [first, last), as views."""
        return Columns(self.t[first:last], self.x[first:last], self.y[first:last], self.p[first:last])

    def in_order(self, clock: int) -> "Columns":
        """The same events with times that never go back: each at least the latest before it, and at least `clock`."""
        t = np.maximum.accumulate(np.maximum(self.t, clock))
        return Columns(t, np.ascontiguousarray(self.x), np.ascontiguousarray(self.y), np.ascontiguousarray(self.p))


class FramePlan:
    """What one sensor and one set of parameters mean: shapes, region, mask. Checked once.

    Raises:
        BadInput: the region or a masked pixel lies off the sensor, or the mask has another size.
    """

    def __init__(self, size: Size, parameters: BinningParameters, mask: NDArray[np.bool_] | None = None) -> None:
        self.size = check_size(size)
        self.parameters = parameters
        width, height = self.size
        self.region = (0, 0, width, height) if parameters.roi is None else check_region(parameters.roi, self.size)
        if parameters.mask_file:
            from_file = read_hot_pixels(Path(parameters.mask_file), self.size)
            mask = from_file if mask is None else mask | from_file
        if mask is not None and mask.shape != (height, width):
            raise BadInput(
                f"The mask is {mask.shape[-1]}x{mask.shape[0]} pixels, but the sensor is {width}x{height}: use this camera's."
            )
        self.mask = None if mask is None else np.ascontiguousarray(mask, np.bool_)
        self.binary = parameters.representation == "binary"
        self.frame_shape = (parameters.planes, self.region[3], self.region[2])
        self.dtype = np.dtype(parameters.dtype)

    def counts(self) -> NDArray[np.uint16]:
        """Empty counts of the whole sensor."""
        return np.zeros((self.parameters.planes, self.size[1], self.size[0]), np.uint16)

    def surface(self) -> NDArray[np.int64]:
        """Last times of the whole sensor, none yet."""
        return np.full((self.parameters.planes, self.size[1], self.size[0]), NEVER, np.int64)

    def render(self, surface: NDArray[np.int64], end_us: int) -> NDArray[Any]:
        """A time surface at `end_us`: exp(-(end - last) / tau) of the type's largest value, 0 where no event was.

        All of the past counts, not only the window. Lagorce et al., HOTS, IEEE TPAMI 39(7), 2017, eq. 3.
        """
        x, y, width, height = self.region
        part = surface[:, y : y + height, x : x + width]
        age = np.where(part == NEVER, np.inf, (end_us - part).astype(np.float64))
        values = np.exp(age / (-1000.0 * self.parameters.tau_ms)) * np.iinfo(self.dtype).max
        if self.mask is not None:
            values[:, self.mask[y : y + height, x : x + width]] = 0
        image: NDArray[Any] = np.rint(values).astype(self.dtype)
        return image

    def images(self, count: int) -> NDArray[Any]:
        """Room for frames.

        Raises:
            BadInput: they would need more than 8 GiB.
        """
        pixels = int(np.prod(self.frame_shape))
        if count * pixels * self.dtype.itemsize > _MOST_BYTES:
            raise BadInput(
                f"{count} frames of {self.region[2]}x{self.region[3]} pixels need more than {_MOST_BYTES >> 30} GiB at once: "
                "take a longer window or step, a smaller roi, or bin the recording in chunks."
            )
        return np.empty((count, *self.frame_shape), self.dtype)

    def public(self, images: NDArray[Any]) -> NDArray[Any]:
        """Frames without the axis of planes where there is but one."""
        return images if self.parameters.planes == 2 else images[..., 0, :, :]

    def count(
        self,
        events: Columns,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        images: NDArray[Any],
        tally: NDArray[np.int64],
        check: bool = True,
    ) -> bool:
        """Count each slice into its frame; tally (n, 3) gets binned, out of range, saturated.

        Returns whether times ascend, if that is to be checked.
        """
        p = self.parameters
        counts = self.counts()
        ordered, k = True, 0
        work = np.cumsum(np.maximum(last - first, 0) + counts.size // 8)  # clearing and cropping take time as well
        while k < len(images):
            done = int(work[k - 1]) if k else 0
            batch = slice(k, max(int(np.searchsorted(work, done + _EVENTS_PER_CALL)), k + 1))
            k = batch.stop
            if work[batch.start] - done > 2 * _EVENTS_PER_CALL:
                tally[batch], in_order = self._count_long(
                    events.slice(int(first[batch][0]), int(last[batch][0])), counts, images[batch][0]
                )
                a = int(first[batch][0])
                ordered &= in_order and (a == 0 or bool(events.t[a - 1] <= events.t[a]))
                continue
            ordered &= native.count_slices(
                events.t,
                events.x,
                events.y,
                events.p,
                first[batch],
                last[batch],
                p.polarity,
                counts,
                self.region,
                self.mask,
                self.binary,
                images[batch],
                tally[batch],
                check,
            )
        return ordered

    def _count_long(self, events: Columns, counts: NDArray[np.uint16], image: NDArray[Any]) -> tuple[tuple[int, int, int], bool]:
        """Count one long window in pieces, so that Python gets its turn."""
        out_of_range, ordered, done = 0, True, 0
        while done < len(events):
            piece = events.slice(done, done + _EVENTS_PER_CALL)
            outside, in_order = native.accumulate_counts(
                piece.t, piece.x, piece.y, piece.p, done, self.parameters.polarity, counts, True
            )
            ordered &= in_order and (done == 0 or bool(events.t[done - 1] <= events.t[done]))
            out_of_range += outside
            done += len(piece)
        binned, saturated = native.finish_counts(counts, self.region, self.mask, self.binary, image)
        return (binned, out_of_range, saturated), ordered


def bin_events(
    events: EventArray,
    size: Size,
    parameters: BinningParameters,
    mask: NDArray[np.bool_] | None = None,
    *,
    in_order: bool = False,
) -> Frames:
    """Bin events into event frames, one a window.

    Args:
        events: of EVENT_DTYPE, meant to be in order of time; one that is earlier than an event before it counts at the latest
            time so far, and is counted in `out_of_order`.
        size: the sensor's (width, height) in pixels; events off it are dropped and counted.
        parameters: windows, region, what a pixel holds.
        mask: (height, width) bool, True where a pixel stays 0, besides the mask_file.
        in_order: the events are known to be in order of time (as a reader's are), so that it need not be checked.

    Raises:
        BadInput: a region or mask off the sensor, a window count that cannot be, or more frames than memory should hold.
    """
    return _bin(Columns.of(as_events(events)), FramePlan(size, parameters, mask), in_order)


def bin_columns(
    t: Any,
    x: Any,
    y: Any,
    p: Any,
    size: Size,
    parameters: BinningParameters,
    mask: NDArray[np.bool_] | None = None,
    *,
    in_order: bool = False,
) -> Frames:
    """As bin_events, from separate columns: t in us, x and y in pixels, p (ON where > 0).

    With in_order they are counted half as fast again as records, because t and p need not be read.
    """
    return _bin(Columns.contiguous(t, x, y, p), FramePlan(size, parameters, mask), in_order)


def bin_slices(
    events: EventArray, size: Size, slices: Slices, parameters: BinningParameters, mask: NDArray[np.bool_] | None = None
) -> Frames:
    """Bin the given slices of events, one frame each (see engine.frames.windows for splitting rules).

    The parameters' windows are not looked at, and time surfaces are not made. A slice's times are those of its first event, and
    of its last plus 1 us; 0 for an empty one.
    """
    if parameters.representation == "time_surface":
        raise BadInput("Time surfaces are made of windows, not of slices: choose representation count or binary.")
    plan, columns = FramePlan(size, parameters, mask), Columns.of(as_events(events))
    first, last = (np.ascontiguousarray(edges, np.int64) for edges in slices)
    if len(first) != len(last) or (len(first) and (first.min() < 0 or last.max() > len(columns))):
        raise BadInput(f"A slice lies outside the {len(columns)} events: make the slices from these events.")
    full = last > first
    start_us, end_us = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
    start_us[full], end_us[full] = columns.t[first[full]], columns.t[last[full] - 1] + 1
    images, tally = plan.images(len(first)), np.zeros((len(first), 3), np.int64)
    plan.count(columns, first, last, images, tally)
    out_of_order, _ = native.count_backwards(columns.t, NEVER)
    windows = Windows(first, last, start_us, end_us, len(first))
    return _frames(plan, windows, images, tally, out_of_order, len(columns))


def windows_of(t: NDArray[np.int64], parameters: BinningParameters) -> Windows:
    """The windows over ascending time stamps.

    Raises:
        BadInput: the time stamps span more windows than a working clock would give.
    """
    keep = parameters.remainder == "keep"
    if parameters.mode == "count":
        return count_windows(t, parameters.events_per_frame, parameters.step_events, keep)
    start = parameters.start_us if parameters.start_us is not None else int(t[0]) if len(t) else 0
    check_gap(whole_windows(int(t[-1]) - start, parameters.window_us, parameters.step_us) if len(t) else 0, len(t))
    return time_windows(t, start, parameters.window_us, parameters.step_us, keep)


def check_gap(windows: int, events: int) -> None:
    """Refuse a stretch of windows that are nearly all empty: the clock has jumped."""
    if windows > MOST_EMPTY + 1000 * events:
        raise BadInput(
            f"The time stamps jump over {windows} windows; the recording's clock is broken or its unit is not microseconds: "
            "check the recording, or take a longer window."
        )


def _bin(columns: Columns, plan: FramePlan, in_order: bool) -> Frames:
    if plan.parameters.representation == "time_surface":
        return _bin_surface(columns, plan)
    if in_order:
        return _bin_ordered(columns, plan, 0, check=False)[0]
    # Times are believed to ascend, and checked while they are counted: a pass of its own would cost a third of the speed.
    frames = _bin_believing(columns, plan)
    if frames is None:
        out_of_order, _ = native.count_backwards(columns.t, NEVER)
        frames = _bin_ordered(columns.in_order(NEVER), plan, out_of_order)[0]
    return frames


def _bin_believing(columns: Columns, plan: FramePlan) -> Frames | None:
    """Bin events whose times ascend; None if they turn out not to."""
    try:
        frames, ordered = _bin_ordered(columns, plan, 0)
    except BadInput:
        if native.count_backwards(columns.t, NEVER)[0]:
            return None
        raise
    return frames if ordered else None


def _bin_ordered(columns: Columns, plan: FramePlan, out_of_order: int, check: bool = True) -> tuple[Frames, bool]:
    """Bin events, and tell whether their times ascend, if that is to be checked."""
    windows = windows_of(columns.t, plan.parameters)
    images, tally = plan.images(len(windows.first)), np.zeros((len(windows.first), 3), np.int64)
    ordered = plan.count(columns, windows.first, windows.last, images, tally, check)
    seen_from, seen_to = (int(windows.first[0]), int(windows.last[-1])) if len(images) else (0, 0)
    for a, b in (
        (0, seen_from + 1),
        (max(seen_to - 1, 0), len(columns)),
    ):  # events in no window: before the start, after the last
        ordered = ordered and (not check or native.count_backwards(columns.t[a:b], NEVER)[0] == 0)
    return _frames(plan, windows, images, tally, out_of_order, len(columns)), ordered


def _bin_surface(columns: Columns, plan: FramePlan) -> Frames:
    out_of_order, _ = native.count_backwards(columns.t, NEVER)
    columns = columns.in_order(NEVER) if out_of_order else columns
    windows = windows_of(columns.t, plan.parameters)
    images, tally, surface = plan.images(len(windows.first)), np.zeros((len(windows.first), 3), np.int64), plan.surface()
    done = 0
    for k, (last, end) in enumerate(zip(windows.last.tolist(), windows.end_us.tolist(), strict=True)):
        piece = columns.slice(done, last)
        tally[k, 1] = native.update_surface(piece.t, piece.x, piece.y, piece.p, plan.parameters.polarity, surface)
        images[k], done = plan.render(surface, end), last
    return _frames(plan, windows, images, tally, out_of_order, len(columns))


def _frames(
    plan: FramePlan, windows: Windows, images: NDArray[Any], tally: NDArray[np.int64], out_of_order: int, total: int
) -> Frames:
    events = np.maximum(windows.last - windows.first, 0)
    return Frames(
        plan.public(images),
        windows.start_us,
        windows.end_us,
        events,
        tally[:, 0],
        tally[:, 1],
        tally[:, 2],
        windows.complete,
        out_of_order,
        total,
    )
