"""How long a method that knows nothing of the past takes to its first right answer, from many queries of a traverse."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jobs import CancelToken
from engine.recognition.metrics import Truth, best_matches

HORIZON = 100  # queries after which a start counts as never right
_FIRST = 16

Match = Callable[[NDArray[Any]], NDArray[np.floating]]


@dataclass(frozen=True)
class ColdStart:
    """Queries looked at until the first right match, from many starts; 1: the very first one was right.

    frames: (starts,) float64, infinite where no match within the horizon was right. horizon: in queries.
    seconds_per_query: None where nothing says it.
    """

    frames: NDArray[np.float64]
    horizon: int
    seconds_per_query: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Share of the starts that came to a right match, and the queries that each took; null where never.

        Median and 95th percentile are over all starts.
        """
        each = [int(value) if np.isfinite(value) else None for value in self.frames]
        content: dict[str, Any] = {"starts": len(self.frames), "horizon": self.horizon, "found": self.found, "frames": each}
        for name, share in (("median", 50), ("p95", 95)):
            frames = self.percentile(share)
            content[f"{name}_frames"] = frames
            if self.seconds_per_query is not None:
                content[f"{name}_s"] = None if frames is None else frames * self.seconds_per_query
        return content

    @property
    def found(self) -> float:
        """Share of the starts with a right match within the horizon."""
        return float(np.isfinite(self.frames).mean())

    def percentile(self, share: float) -> float | None:
        """The smallest number of queries within which `share` per cent of the starts had a right match; None where never."""
        value = np.sort(self.frames)[max(0, int(np.ceil(share / 100 * len(self.frames))) - 1)]
        return float(value) if np.isfinite(value) else None


def cold_start(
    similarity: NDArray[Any],
    truth: Truth,
    match: Match,
    *,
    starts: int = 50,
    mask: NDArray[np.bool_] | None = None,
    seconds_per_query: float | None = None,
    cancel: CancelToken | None = None,
) -> ColdStart | None:
    """Start the matching anew at many queries, as after a kidnapping, and count the queries to the first right match.

    Args:
        similarity: (references, queries) before sequence matching.
        truth: (references, queries) bool, tolerance included.
        match: sequence matching of some consecutive columns, as if nothing had come before them.
        starts: how many, evenly spread over the queries that have a match and a whole horizon before them.
        mask: queries that cannot be scored: no start, and no right match.
        seconds_per_query: is kept.
        cancel: checked at each start.

    Returns:
        None where no query can be a start.
    """
    queries = similarity.shape[1]
    horizon = max(1, min(HORIZON, queries // 2))
    usable: NDArray[np.bool_] = np.asarray(truth.any(axis=0))
    if mask is not None:
        usable = usable & ~mask
    candidates = np.flatnonzero(usable[: queries - horizon + 1])
    if not len(candidates) or starts < 1:
        return None
    chosen = candidates[np.unique(np.linspace(0, len(candidates) - 1, min(starts, len(candidates))).round().astype(int))]
    frames = np.full(len(chosen), np.inf)
    for number, start in enumerate(chosen):
        if cancel is not None:
            cancel.check()
        looked = 0
        while looked < horizon and not np.isfinite(frames[number]):
            # Again from the start, in longer and longer pieces: most methods are right soon.
            length = min(horizon, max(_FIRST, 2 * looked))
            part = slice(start, start + length)
            correct = best_matches(match(similarity[:, part]), truth[:, part]).correct > 0.5
            right = np.flatnonzero(correct & usable[part])
            if len(right):
                frames[number] = right[0] + 1
            looked = length
    return ColdStart(frames, horizon, seconds_per_query)
