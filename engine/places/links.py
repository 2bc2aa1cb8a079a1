"""Which frame of one traverse belongs to which of another, to look at both side by side."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.places.positions import Positions

Link = Literal["number", "share", "place", "truth"]


def link_by_number(count: int, other: int) -> NDArray[np.int64]:
    """(count,) the frame of the same number, the last one where there are fewer."""
    return np.minimum(np.arange(count), other - 1)


def link_by_share(count: int, other: int) -> NDArray[np.int64]:
    """(count,) the frame that lies at the same share of its traverse."""
    return np.rint(np.linspace(0, other - 1, count)).astype(np.int64)


def link_by_place(positions: Positions, other: Positions) -> NDArray[np.int64]:
    """(count,) the nearest frame of the other traverse by position; -1 where a frame has none."""
    linked = np.full(len(positions), -1, np.int64)
    known, there = np.flatnonzero(positions.known), np.flatnonzero(other.known)
    if len(there):
        for start in range(0, len(known), 512):
            part = known[start : start + 512]
            apart = np.hypot(*(positions.xy[part, None, :] - other.xy[None, there, :]).transpose(2, 0, 1))
            linked[part] = there[np.argmin(apart, axis=1)]
    return linked


def link_by_truth(matrix: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The middle true match of each reference place, and of each query; -1 where there is none.

    Args:
        matrix: (references, queries) ground truth of 0 and 1.
    """
    return _middles(matrix.T), _middles(matrix)


def _middles(matrix: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Of each column, the middle one of the rows that are 1."""
    counts = matrix.sum(axis=0, dtype=np.int64)
    running = np.cumsum(matrix, axis=0, dtype=np.int32)
    middle = np.argmax(running >= np.maximum((counts + 1) // 2, 1), axis=0)
    return np.where(counts > 0, middle, -1)
