"""Figures of a live stream: rates, what filters remove, how long an event takes to its picture, the window to suggest."""

import threading
from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from engine.capture.parameters import EVENTS_PER_PIXEL
from engine.capture.snapshot import SuggestedWindow

HISTORY_S = 30.0
STEPS_PER_S = 10
RATE_EDGES = np.concatenate([[0.0], np.geomspace(1.0, 100_000.0, 26)])
"""Edges of the histogram of pixel rates in events per second; the first bin holds pixels with less than one."""
_SHORTEST_MS, _LONGEST_MS = 1.0, 600_000.0


class RateHistory:
    """Events a second over the last 30 s, in steps of 0.1 s of the wall clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # one thread counts, others read
        self._counts: deque[int] = deque(maxlen=int(HISTORY_S * STEPS_PER_S))
        self._step: int | None = None
        self._present = 0

    def count(self, events: int, now: float) -> None:
        """Add events that arrived at `now` (s); 0 lets time go on."""
        step = int(now * STEPS_PER_S)
        with self._lock:
            if self._step is None:
                self._step = step
            for _ in range(min(step - self._step, int(HISTORY_S * STEPS_PER_S) + 1)):
                self._counts.append(self._present)
                self._present = 0
            self._step = max(self._step, step)
            self._present += events

    def rates(self) -> NDArray[np.float64]:
        """(n,) events a second in the steps that are over, oldest first."""
        with self._lock:
            return np.array(self._counts, np.float64) * STEPS_PER_S

    def last_second(self) -> float:
        """Events a second over the last ten steps that are over, or those there are."""
        with self._lock:
            recent = list(self._counts)[-STEPS_PER_S:]
        return float(np.mean(recent)) * STEPS_PER_S if recent else 0.0


class RecentShares:
    """What each filter removed over about the last second."""

    def __init__(self, span_s: float = 1.0) -> None:
        self._span_s = span_s
        self._marks: deque[tuple[float, dict[str, tuple[int, int]]]] = deque()

    def clear(self) -> None:
        """Forget all: the filters changed."""
        self._marks.clear()

    def shares(self, counts: Iterable[tuple[str, int, int]], now: float) -> tuple[tuple[str, float], ...]:
        """(kind, share removed of what reached it) from running counts (kind, seen, removed)."""
        present = {kind: (seen, removed) for kind, seen, removed in counts}
        if not self._marks or now - self._marks[-1][0] >= self._span_s / 8:
            self._marks.append((now, present))
        while len(self._marks) > 2 and now - self._marks[1][0] >= self._span_s:
            self._marks.popleft()
        before = self._marks[0][1]
        result = []
        for kind, (seen, removed) in present.items():
            seen0, removed0 = before.get(kind, (0, 0))
            if seen == seen0 or seen < seen0:
                seen0 = removed0 = 0
            result.append((kind, (removed - removed0) / (seen - seen0) if seen > seen0 else 0.0))
        return tuple(result)


class RecentLongest:
    """The longest of the values of the last second."""

    def __init__(self) -> None:
        self._values: deque[tuple[float, float]] = deque()

    def add(self, value: float, now: float) -> None:
        """Add a value of the moment `now` (s)."""
        while self._values and self._values[-1][1] <= value:
            self._values.pop()
        self._values.append((now, value))

    def longest(self, now: float) -> float:
        """The longest, 0 without any."""
        while self._values and self._values[0][0] < now - 1.0:
            self._values.popleft()
        return self._values[0][1] if self._values else 0.0


def pixel_rate_histogram(counts: NDArray[np.uint16], seconds: float) -> NDArray[np.int64]:
    """Pixels by event rate, over RATE_EDGES (rates beyond the last edge count in the last bin).

    Args:
        counts: (height, width) events of each pixel.
        seconds: time in which they came.
    """
    # Few different counts, many pixels: histogram the counts, then move each to its bin.
    by_count = np.bincount(counts.reshape(-1))
    present = np.flatnonzero(by_count)
    rates = np.minimum(present / max(seconds, 1e-6), RATE_EDGES[-1])
    return np.histogram(rates, RATE_EDGES, weights=by_count[present])[0].astype(np.int64)


def suggest(mode: str, per_pixel_s: float, all_events_s: float) -> SuggestedWindow | None:
    """The window that gives the middle of LENS's guideline at these rates; None without events.

    Args:
        mode: "time" or "count".
        per_pixel_s: events of the chosen polarity per pixel of the region and second.
        all_events_s: events a second on the whole sensor.
    """
    if per_pixel_s <= 0:
        return None
    wanted = sum(EVENTS_PER_PIXEL) / 2
    if mode == "count":
        count = max(int(float(f"{wanted / per_pixel_s * all_events_s:.2g}")), 1)
        given = per_pixel_s * count / all_events_s
        return SuggestedWindow(None, count, given, f"{count} events would give {given:.3g}")
    window_ms = min(max(float(f"{1000 * wanted / per_pixel_s:.2g}"), _SHORTEST_MS), _LONGEST_MS)
    given = per_pixel_s * window_ms / 1000
    return SuggestedWindow(window_ms, None, given, f"window {window_ms:g} ms would give {given:.3g}")
