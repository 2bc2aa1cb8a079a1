"""Hot pixels of a live stream: the rule of engine.events.hot_pixels on counts of the last seconds, without keeping events."""

import numpy as np
from numpy.typing import NDArray

from engine.capture.picture import SliceRing
from engine.events.checks import Size
from engine.events.hot_pixels import HotPixelSearch, busiest_neighbour
from engine.frames.binning import Columns

WINDOW_US = 5_000_000
PARTS = 20
LEAST_PARTS = 2
"""Half a second: enough for the rule (measured in shared/facts: recall 20 of 20 from 0.5 s on)."""


class RecentCounts:
    """Events per pixel in the last 5 s, in 20 parts: what the search for hot pixels looks at."""

    def __init__(self, size: Size) -> None:
        self._ring = SliceRing(size, WINDOW_US, PARTS + 1, "both")

    def add(self, events: Columns) -> None:
        """Count events as the camera gave them, in order of time."""
        self._ring.add(events)

    def clear(self) -> None:
        """Forget all events."""
        self._ring.clear()

    @property
    def seconds(self) -> float:
        """Time that the finished parts cover."""
        return self._ring.full_slices * self._ring.slice_us / 1e6

    def find(self, search: HotPixelSearch | None = None) -> NDArray[np.bool_] | None:
        """(height, width) bool, True where a pixel is hot; None before half a second (`parts` is not used)."""
        p = search or HotPixelSearch()
        parts = self._ring.ended().sum(axis=1, dtype=np.int64)
        if len(parts) < LEAST_PARTS:
            return None
        stood_out = sum(self._outliers(part, p, p.margin / len(parts)).astype(np.int64) for part in parts)
        hot: NDArray[np.bool_] = self._outliers(parts.sum(axis=0), p, p.margin) & (stood_out >= p.share * len(parts))
        return hot

    @staticmethod
    def _outliers(counts: NDArray[np.int64], p: HotPixelSearch, margin: float) -> NDArray[np.bool_]:
        return counts > p.ratio * busiest_neighbour(counts, p.touching) + margin
