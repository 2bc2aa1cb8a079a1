"""A ghost run: two targets on one stream, and how far they differ from window to window."""

from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.live.answer import Answer

_WAITING_BYTES = 64 << 20
_LEAST_WAITING = 64
_KEPT = 3000
NEAR = 1
"""Places this near to one another count as the same answer."""


@dataclass(frozen=True)
class GhostFigures:
    """How two targets compare, so far.

    Attributes:
        windows: that both answered.
        same, near: share of them with the same place, and with places at most NEAR apart.
        correlation: mean of the correlation of their columns.
    """

    windows: int
    same: float
    near: float
    correlation: float


class GhostComparison:
    """Pairs the answers of two targets by their window. Not locked: its owner does that."""

    def __init__(self) -> None:
        # By the window's end: target, place, column. One target may be far ahead of the other.
        self._waiting: OrderedDict[int, tuple[int, int, NDArray[np.float32]]] = OrderedDict()
        self._pairs: deque[tuple[int, int, float]] = deque(maxlen=_KEPT)
        self._windows = self._same = self._near = 0
        self._correlations = 0.0

    def add(self, answer: Answer) -> None:
        """Take an answer of either target."""
        counts = answer.spikes.counts
        other = self._waiting.get(answer.end_us)
        if other is None or other[0] == answer.target:
            self._waiting[answer.end_us] = (answer.target, answer.place, counts)
            while len(self._waiting) > max(_WAITING_BYTES // counts.nbytes, _LEAST_WAITING):
                self._waiting.popitem(last=False)
            return
        del self._waiting[answer.end_us]
        apart = answer.place - other[1] if answer.target else other[1] - answer.place
        alike = correlation(counts, other[2])
        self._pairs.append((answer.end_us, apart, alike))
        self._windows += 1
        self._same += apart == 0
        self._near += abs(apart) <= NEAR
        self._correlations += alike

    def history(self) -> NDArray[np.float64]:
        """(windows, 3) of the last: end of the window (us), the ghost's place minus the target's, correlation of the columns."""
        return np.array(self._pairs, np.float64).reshape(-1, 3)

    def figures(self) -> GhostFigures | None:
        """None before the first pair."""
        n = self._windows
        return GhostFigures(n, self._same / n, self._near / n, self._correlations / n) if n else None


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson's correlation over the places that both have; 1 where both are constant, 0 where one is."""
    common = min(len(a), len(b))
    a, b = a[:common], b[:common]
    x, y = a - a.mean(), b - b.mean()
    norms = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    if not all(norms):
        return float(not any(norms))
    return float(np.dot(x, y)) / (norms[0] * norms[1])
