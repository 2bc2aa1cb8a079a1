"""What several formats need: optional packages, columns to events, a bounded piece of a file."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events, picked
from engine.events.recording import LARGEST_TIME, EventReader

Column = NDArray[Any]


class Damaged(ValueError):  # noqa: N818  (it reads as what it is)
    """A piece of a file is not what its format says; the sentence says what."""


def optional(package: str, path: Path, what: str) -> Any:
    """Import a package that only some formats need.

    Raises:
        BadInput: it is not installed; the sentence names what to install.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise BadInput(
            f"{path}: {what} needs the package {package.split('.')[0]}, which is not installed: pip install revisit[recordings]."
        ) from None


@contextmanager
def opening(reader: EventReader, *others: type[Exception]) -> Iterator[None]:
    """Close the reader if its file cannot be opened, and tell damage (Damaged, or one of `others`) as BadInput."""
    damage: tuple[type[Exception], ...] = (Damaged, *others)
    try:
        yield
    except damage as error:
        reader.close()
        if isinstance(error, BadInput):
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{reader.path} cannot be read as {reader.format} recording: {text.rstrip('.')}.") from None
    except BaseException:
        reader.close()
        raise


def _pixels(values: Column) -> NDArray[np.int16]:
    """Coordinates as int16; what does not fit (or is no number) becomes -1, which is off every sensor."""
    if values.dtype == np.int16:
        return values
    with np.errstate(invalid="ignore"):
        fits = (values >= 0) & (values < 32768)
        return np.where(fits, values, -1).astype(np.int16)


def _times(values: Column, scale: float) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Time stamps as int64 us, and which of them are no time (None: all are)."""
    if values.dtype.kind in "iu":
        if scale == 1:
            limit = LARGEST_TIME
        elif scale < 1:  # a whole number of steps makes one us
            step = round(1 / scale)
            values, limit = (values + np.asarray(step // 2, values.dtype)) // np.asarray(step, values.dtype), LARGEST_TIME
        else:
            limit = int(LARGEST_TIME / scale)
        bad = values > limit if values.dtype.kind == "u" else (values > limit) | (values < -limit)
        t = np.where(bad, 0, values).astype(np.int64) if bad.any() else values.astype(np.int64)
        return (t * round(scale) if scale > 1 else t), (bad if bad.any() else None)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = values.astype(np.float64) * scale
        bad = ~(np.abs(scaled) < LARGEST_TIME)
    if bad.any():
        return np.rint(np.where(bad, 0, scaled)).astype(np.int64), bad
    return np.rint(scaled).astype(np.int64), None


def from_columns(t: Column, x: Column, y: Column, p: Column, *, scale: float = 1, offset: int = 0) -> tuple[EventArray, int]:
    """Columns to events.

    Args:
        t: times; x, y: pixels; p: polarity, ON where greater than 0. Numbers of any type.
        scale: us in one unit of t.
        offset: us added to all times.

    Returns:
        the events (a coordinate that no int16 holds is -1), and how many rows were left out as their time is no time.
    """
    if not len(t) == len(x) == len(y) == len(p):
        raise Damaged("its columns have different lengths")
    times, bad = _times(t, scale)
    events = empty_events(len(t))
    events["timestamp"] = times + offset if offset else times
    events["x"] = _pixels(x)
    events["y"] = _pixels(y)
    events["polarity"] = p > 0
    if bad is None:
        return events, 0
    return picked(events, ~bad), int(np.count_nonzero(bad))
