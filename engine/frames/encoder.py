"""Event frames to network inputs one after another, as a robot sees them: windows, encoding, and per-pixel normalisation.

A pixel is taken in deviations from its mean, z = (x - mean) / (deviation + floor). The floor is the mean deviation of the
window's pixels in the reference: a pixel that hardly ever changes would otherwise weigh as much as one that tells places apart.
Causal statistics are those of the query up to the frame itself. They start from the reference's, brought to the query's own
level so far (the ratio of the mean inputs: at dusk there are fewer events everywhere), which count for 16 frames; all forget with
a time constant of 500 frames. Chosen on synthetic worlds.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.frames.inputs import InputParameters, NetworkKind, encode, query_encoding, query_inputs, select, training_inputs
from engine.jobs import CancelToken

Rows = NDArray[np.float32]

CLIP = 3.0
"""Deviations beyond this count as this: one is the largest input."""
_PRIOR_FRAMES = 16.0
_MEMORY_FRAMES = 500.0
_FLOOR = 1.0  # in mean deviations
_SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class InputStatistics:
    """Mean and standard deviation of every input over a reference traverse: (inputs,) float32 each."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.mean.shape != self.deviation.shape or self.mean.ndim != 1:
            raise ValueError("mean and deviation must be vectors of one length")

    def as_json(self) -> dict[str, list[float]]:
        """For a run record."""
        return {"mean": self.mean.astype(float).tolist(), "deviation": self.deviation.astype(float).tolist()}

    @classmethod
    def from_json(cls, values: Any, inputs: int, source: str) -> "InputStatistics":
        """Read what as_json wrote.

        Raises:
            BadInput: it is not that, or of another number of inputs.
        """
        try:
            mean, deviation = (np.array(values[name], np.float32) for name in ("mean", "deviation"))
        except (TypeError, KeyError, ValueError):
            mean = deviation = np.zeros(0, np.float32)
        if mean.shape != (inputs,) or deviation.shape != (inputs,) or not np.isfinite([mean, deviation]).all():
            raise BadInput(f"{source}: statistics should have a mean and a deviation for each of {inputs} inputs: train again.")
        return cls(mean, np.maximum(deviation, 0))


def statistics_of(encoded: Rows) -> InputStatistics:
    """Of encoded frames (frames, inputs)."""
    mean = encoded.mean(axis=0, dtype=np.float64)
    # In float32 and by parts of the frames: a deviation need not be exact, and a copy in float64 is twice the references.
    variance = np.zeros_like(mean)
    for start in range(0, len(encoded), 1024):
        part = encoded[start : start + 1024] - mean.astype(np.float32)
        variance += np.einsum("ij,ij->j", part, part)
    return InputStatistics(mean.astype(np.float32), np.sqrt(variance / max(1, len(encoded))).astype(np.float32))


def floors(statistics: InputStatistics, windows: int) -> NDArray[np.float32]:
    """What is added to the deviations: (inputs,) float32, one value a window."""
    groups = statistics.deviation.reshape(windows, -1)
    means = np.maximum(_FLOOR * groups.mean(axis=1, dtype=np.float64), _SMALLEST)
    return np.repeat(means, groups.shape[1]).astype(np.float32)


def normalised(encoded: Rows, statistics: InputStatistics, floor: NDArray[np.float32]) -> Rows:
    """Encoded inputs in deviations, over CLIP and clipped: (frames, inputs) float32 in [-1, 1]."""
    z = encoded - statistics.mean
    z /= (statistics.deviation + floor) * np.float32(CLIP)
    return np.asarray(np.clip(z, -1, 1, out=z), np.float32)


class InputEncoder:
    """Turns frames into what a network sees, in order of time.

    Prototypes are shown deviations in [-1, 1] (a negative one as spikes of a second polarity), LENS probabilities in [0, 1] with
    the mean at 0.5; both are shown encoded counts in [0, 1] where pixels are not normalised.
    """

    def __init__(
        self, inputs: InputParameters, statistics: InputStatistics | None, kind: NetworkKind, steps_per_window: int = 1
    ) -> None:
        """Start before the first frame.

        Args:
            inputs: settled for the frames and the kind of network.
            statistics: of the references; needed where pixels are normalised.
            kind: as in reference_inputs.
            steps_per_window: frames that come while one time window passes, where they overlap (a live window that slides): the
                frames before, which longer windows are made of, are then every so-many-th.

        Raises:
            BadInput: statistics are missing.
        """
        self._inputs, self._kind, self._stride = inputs, kind, steps_per_window
        self.mode = inputs.normalise or "none"
        if kind == "prototype" and self.mode == "reference":
            self.mode = "none"  # the deviations are in the weights
        self._windows = inputs.windows or (1,)
        if self.mode != "none" and statistics is None:
            raise BadInput("The network was trained on normalised pixels, but its statistics are missing: train it again.")
        self._statistics = statistics
        if statistics is not None:
            self._floor = floors(statistics, len(self._windows))
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next frame is the first."""
        self._held: deque[Rows] = deque(maxlen=(max(self._windows) - 1) * self._stride + 1)
        self._prior, self._weight = _PRIOR_FRAMES, 0.0
        self._mean, self._square = (np.zeros(self._inputs.inputs) for _ in range(2))  # of the query so far

    def step(self, frame: NDArray[np.uint8]) -> Rows:
        """The next frame (height, width) as inputs (inputs,).

        Raises:
            BadInput: the statistics are those of the whole query, which a robot on its way does not have.
        """
        if self.mode == "two-pass":
            raise BadInput("normalise two-pass needs the whole query: train with normalise causal to recognise live.")
        return self._next(select(frame[None], self._inputs))

    def batch(self, frames: NDArray[np.uint8], cancel: CancelToken | None = None) -> Rows:
        """The frames of a whole query from rest: (frames, height, width) to (frames, inputs); a step a frame gives the same.

        Raises:
            JobCancelled: asked to stop.
        """
        if self.mode == "none":
            return query_inputs(frames, self._inputs)
        if self.mode != "causal":
            encoded = query_inputs(frames, self._inputs)
            statistics = statistics_of(encoded) if self.mode == "two-pass" else self._statistics
            assert statistics is not None
            return self._shown(normalised(encoded, statistics, self._floor))
        fresh = InputEncoder(self._inputs, self._statistics, self._kind)
        counts = select(frames, self._inputs)
        result = np.empty((len(frames), self._inputs.inputs), np.float32)
        for number in range(len(frames)):
            if cancel is not None and number % 64 == 0:
                cancel.check()
            result[number] = fresh._next(counts[number : number + 1])
        return result

    def _next(self, counts: Rows) -> Rows:
        self._held.append(counts)
        encoding = query_encoding(self._inputs)
        encoded: Rows = np.concatenate(
            [encode(_mean_of(self._held, window, self._stride), encoding)[0] for window in self._windows]
        )
        if self.mode == "none" or self._statistics is None:
            return encoded
        now = self._statistics if self.mode == "reference" else self._taken_in(encoded)
        shown: Rows = self._shown(normalised(encoded[None], now, self._floor))[0]
        return shown

    def _taken_in(self, encoded: Rows) -> InputStatistics:
        """The query's statistics with one more frame."""
        assert self._statistics is not None
        kept = 1 - 1 / (_MEMORY_FRAMES * self._stride)
        self._prior *= kept
        self._weight = self._weight * kept + 1 / self._stride
        share = 1 / (self._stride * self._weight)
        self._mean += share * (encoded - self._mean)
        self._square += share * (encoded.astype(np.float64) ** 2 - self._square)
        known, spread = (part.astype(np.float64) for part in (self._statistics.mean, self._statistics.deviation))
        level = self._level(known)
        total = self._prior + self._weight
        mean = (self._prior * level * known + self._weight * self._mean) / total
        square = (self._prior * level**2 * (spread**2 + known**2) + self._weight * self._square) / total
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        return InputStatistics(mean.astype(np.float32), deviation.astype(np.float32))

    def _level(self, known: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much larger the query's inputs are than the reference's, window by window: (inputs,)."""
        query, reference = (each.reshape(len(self._windows), -1).mean(axis=1) for each in (self._mean, known))
        ratio = np.divide(query, reference, out=np.ones_like(query), where=reference > 0)
        return np.repeat(ratio, len(known) // len(self._windows))

    def _shown(self, z: Rows) -> Rows:
        return z if self._kind == "prototype" else z * np.float32(0.5) + np.float32(0.5)


def _mean_of(held: Sequence[Rows], window: int, stride: int) -> Rows:
    """The mean of the last `window` frames, every stride-th of those that there are; from the latest back, as trailing_means."""
    total = held[-1].copy()
    count = min(window, (len(held) - 1) // stride + 1)
    for back in range(1, count):
        total += held[-1 - back * stride]
    return np.asarray(total / np.float32(count), np.float32)


def reference_inputs(
    frames: NDArray[np.uint8], inputs: InputParameters, kind: NetworkKind
) -> tuple[Rows, InputStatistics | None]:
    """Reference frames as a network learns them, and their statistics (None where pixels are not normalised).

    The references are there as a whole, so that their own statistics are taken off, whichever the query's will be.

    Args:
        frames: (frames, height, width) uint8, in order along the route.
        inputs: settled for the frames and the kind of network.
        kind: LENS is shown deviations moved to [0, 1]; prototypes are shown them signed, or, with the normalisation
            "reference", plain counts.

    Raises:
        BadInput: a single frame, which has no deviations.
    """
    return shown_references(training_inputs(frames, inputs), inputs, kind)


def shown_references(encoded: Rows, inputs: InputParameters, kind: NetworkKind) -> tuple[Rows, InputStatistics | None]:
    """The same from frames that are encoded already (engine.frames.inputs.training_inputs).

    Raises:
        BadInput: as reference_inputs.
    """
    if (inputs.normalise or "none") == "none":
        return encoded, None
    if len(encoded) < 2:
        raise BadInput("One reference frame has no deviations to normalise by: give more, or normalise none.")
    statistics = statistics_of(encoded)
    if kind == "prototype" and inputs.normalise == "reference":
        return encoded, statistics
    z = normalised(encoded, statistics, floors(statistics, inputs.window_count))
    return (z if kind == "prototype" else z * np.float32(0.5) + np.float32(0.5)), statistics
