"""A large matrix as something to look at: bytes in halved copies, so that any part of it is drawn in the time of its pixels.

Both pyramids halve both sides a level, so level l holds one value for each 2^l x 2^l cells. A screen pixel that covers several
cells is read from the first level whose cells are at least as large as the pixel: every cell then shows in some pixel.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.jobs import CancelToken

Contrast = Literal["matrix", "query"]
Reduction = Literal["max", "mean"]
Rectangle = tuple[int, int, int, int]  # first row, first column, one past the last row, one past the last column

TOP = 255
_ROWS = 1 << 22  # cells converted at once
_SAMPLE = 200_000  # cells that levels are taken from
_PERCENTILES = (1.0, 99.8)


@dataclass
class Picture:
    """A matrix as bytes 0 to 255 in halved copies, `levels[0]` of its own size.

    low, high: the values that became 0 and 255 (of the standardised values where the contrast is each query's own).
    """

    levels: list[NDArray[np.uint8]]
    low: float
    high: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.levels[0].shape[0], self.levels[0].shape[1]

    def sample(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The bytes at pixels whose centres lie at these rows and columns (in cells, evenly spaced, within the matrix)."""
        return _sample(self.levels, rows, columns)


def make_picture(
    matrix: NDArray[Any], contrast: Contrast = "matrix", reduction: Reduction = "max", cancel: CancelToken | None = None
) -> Picture:
    """Turn a matrix into bytes.

    Args:
        matrix: (references, queries), any numbers; what is not finite becomes 0.
        contrast: "matrix": percentiles 1 and 99.8 of the whole become 0 and 255; "query": every column is first standardised
            (its mean to 0, its standard deviation to 1), so that a query that is alike to everything shows its best places too.
        reduction: what stands for 2 x 2 cells in the next level: the largest, so that a thin line of matches does not vanish, or
            the mean.
        cancel: checked between chunks.

    Raises:
        JobCancelled: asked to stop.
    """
    values = np.asarray(matrix)
    shift, scale = _standard(values) if contrast == "query" else (np.float32(0), np.float32(1))
    step = max(1, int(np.sqrt(values.size / _SAMPLE)))
    sample = values[step // 2 :: step, :].astype(np.float32)
    sample = ((sample - shift) * scale)[:, step // 2 :: step]
    finite = sample[np.isfinite(sample)]
    low, high = (float(part) for part in np.percentile(finite, _PERCENTILES)) if finite.size else (0.0, 1.0)
    if not high > low:
        low, high = low - 0.5, low + 0.5
    gain = scale * np.float32(TOP / (high - low))
    offset = (shift + low / np.where(scale == 0, 1, scale)).astype(np.float32)
    base = np.empty(values.shape, np.uint8)
    rows = max(1, _ROWS // max(1, values.shape[1]))
    for first in range(0, values.shape[0], rows):
        if cancel is not None:
            cancel.check()
        part = values[first : first + rows].astype(np.float32)
        part -= offset
        part *= gain
        np.clip(part, 0, TOP, out=part)
        if not np.isfinite(part).all():
            part[~np.isfinite(part)] = 0
        base[first : first + rows] = part
    levels = [base]
    while max(levels[-1].shape) > 1:
        if cancel is not None:
            cancel.check()
        levels.append(_halved(levels[-1], reduction))
    return Picture(levels, low, high)


def _standard(values: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and 1 / standard deviation of each column (0 where all of it is one value)."""
    count = np.zeros(values.shape[1])
    total, square = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    rows = max(1, _ROWS // max(1, values.shape[1]))
    centre = np.nan_to_num(values[:1].astype(np.float64))  # near the values: the squares then lose nothing
    for first in range(0, values.shape[0], rows):
        part = values[first : first + rows].astype(np.float64) - centre
        good = np.isfinite(part)
        part = np.where(good, part, 0.0)
        count += good.sum(axis=0)
        total += part.sum(axis=0)
        square += (part * part).sum(axis=0)
    count = np.maximum(count, 1)
    mean = total / count
    spread = np.sqrt(np.maximum(square / count - mean * mean, 0))
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
    return (mean + centre[0]).astype(np.float32), inverse.astype(np.float32)


def _halved(level: NDArray[np.uint8], reduction: Reduction | Literal["or"]) -> NDArray[np.uint8]:
    """Each 2 x 2 cells as one; a side of odd length ends in cells of one."""
    return _halved_columns(_halved_rows(level, reduction), reduction)


def _halved_rows(level: NDArray[np.uint8], reduction: Reduction | Literal["or"]) -> NDArray[np.uint8]:
    half = level.shape[0] // 2
    made = _joined(level[: 2 * half : 2], level[1 : 2 * half : 2], reduction)
    return np.concatenate([made, level[2 * half :]]) if level.shape[0] % 2 else made


def _halved_columns(level: NDArray[np.uint8], reduction: Reduction | Literal["or"]) -> NDArray[np.uint8]:
    half = level.shape[1] // 2
    made = _joined(level[:, : 2 * half : 2], level[:, 1 : 2 * half : 2], reduction)
    return np.concatenate([made, level[:, 2 * half :]], axis=1) if level.shape[1] % 2 else made


def _joined(one: NDArray[np.uint8], other: NDArray[np.uint8], reduction: Reduction | Literal["or"]) -> NDArray[np.uint8]:
    if reduction == "max":
        return np.maximum(one, other)
    if reduction == "or":
        return np.bitwise_or(one, other)
    # Without overflow: what both have in common and half of what they differ in, rounded up so that a faint line lasts.
    mean: NDArray[np.uint8] = (one | other) - ((one ^ other) >> 1)
    return mean


def _level_for(levels: list[NDArray[np.uint8]], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> int:
    size = max(_spacing(rows), _spacing(columns))
    return min(max(int(np.ceil(np.log2(max(size, 1e-9)) - 1e-9)), 0), len(levels) - 1)


def _spacing(places: NDArray[np.float64]) -> float:
    return float(places[1] - places[0]) if len(places) > 1 else 1.0


def _sample(levels: list[NDArray[np.uint8]], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.uint8]:
    number = _level_for(levels, rows, columns)
    level = levels[number]
    across = np.minimum(columns.astype(np.intp) >> number, level.shape[1] - 1)
    down = np.minimum(rows.astype(np.intp) >> number, level.shape[0] - 1)
    if not len(across) or not len(down):
        return np.zeros((len(down), len(across)), np.uint8)
    first, last = int(across[0]), int(across[-1]) + 1
    # Where cells are larger than pixels, each row of cells is spread once and then repeated.
    kept, where = np.unique(down, return_inverse=True)
    wide: NDArray[np.uint8] = np.take(level[kept, first:last], across - first, axis=1)
    return wide if len(kept) == len(down) else wide[where]


@dataclass
class Flags:
    """Up to eight marks a cell, in halved copies in which a cell has every mark that any of its four had."""

    levels: list[NDArray[np.uint8]] = field(default_factory=list)

    @classmethod
    def of(cls, marks: NDArray[np.uint8]) -> "Flags":
        """Of marks (references, queries); they are kept, not copied, and `changed` tells what was changed in them."""
        flags = cls([marks])
        while max(flags.levels[-1].shape) > 1:
            flags.levels.append(_halved(flags.levels[-1], "or"))
        return flags

    def changed(self, where: Rectangle) -> None:
        """Bring the smaller copies up to date after cells of this rectangle were changed in `levels[0]`."""
        top, left, bottom, right = where
        for finer, coarser in zip(self.levels, self.levels[1:], strict=False):
            top, left = top // 2 * 2, left // 2 * 2
            bottom, right = min(bottom + bottom % 2, finer.shape[0]), min(right + right % 2, finer.shape[1])
            if bottom <= top or right <= left:
                return
            made = _halved(finer[top:bottom, left:right], "or")
            top, left = top // 2, left // 2
            bottom, right = top + made.shape[0], left + made.shape[1]
            coarser[top:bottom, left:right] = made

    def cells_changed(self, cells: NDArray[np.int64]) -> None:
        """The same for single cells, by their flat indices in `levels[0]`."""
        for finer, coarser in zip(self.levels, self.levels[1:], strict=False):
            height, width = finer.shape
            rows, columns = np.divmod(cells, width)
            cells = np.unique((rows // 2) * coarser.shape[1] + columns // 2)
            rows, columns = 2 * (cells // coarser.shape[1]), 2 * (cells % coarser.shape[1])
            made = np.zeros(len(cells), np.uint8)
            for down in (0, 1):
                for across in (0, 1):
                    made |= finer[np.minimum(rows + down, height - 1), np.minimum(columns + across, width - 1)]
            coarser.reshape(-1)[cells] = made

    def sample(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The marks at pixels whose centres lie at these rows and columns (in cells)."""
        return _sample(self.levels, rows, columns)
