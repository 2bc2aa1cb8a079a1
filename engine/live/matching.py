"""From a similarity column to a place: nothing more, LENS's diagonal, or the forward filter, for windows that overlap."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.live.parameters import LiveParameters
from engine.recognition.forward_filter import ForwardFilter, ForwardFilterParameters

_NEIGHBOURS = 2
"""Places this near are the same view, so that they say nothing about whether the best one stands out."""


@dataclass(frozen=True)
class Match:
    """Where the network believes to be.

    Attributes:
        place: the best place, from 0.
        confidence: 0 to 1.
        lost: whether the place is not to be relied on.
        scores: (places,) what the place was chosen by; higher is more alike.
    """

    place: int
    confidence: float
    lost: bool
    scores: NDArray[np.float32]


class Matcher(Protocol):
    """A sequence stage."""

    def match(self, column: NDArray[np.float32]) -> Match:
        """The place for the next window's similarity column (places,)."""

    def skip(self) -> None:
        """A window passes that was not recognised."""

    def add_place(self) -> None:
        """Go on with one more place at the end."""

    def reset(self) -> None:
        """Forget the windows before."""


def make_matcher(
    parameters: LiveParameters, places: int, steps: int, forward: ForwardFilterParameters | None = None, every: int = 1
) -> Matcher:
    """The sequence stage of the parameters.

    Args:
        parameters: which one, and how long its sequence is.
        forward: the filter's own, where they were learned from the reference.
        places: rows of a column.
        steps: answers that one window spans. A sequence is made of windows that do not overlap, as a traverse's frames are: so
            each stage looks at every `steps`-th column, and runs in `steps` interleaved turns.
        every: windows that it takes from one place to the next at the reference's speed.
    """
    if parameters.sequence == "filter":
        motion = forward or parameters.forward
        return Filtered(places, steps, motion.model_copy(update={"speed": motion.speed / every}))
    length = parameters.sequence_length if parameters.sequence == "diagonal" else 1
    return Diagonal(places, steps * every, length, parameters.lost_below)


class Diagonal:
    """The mean along the diagonal of the last `length` windows; a length of 1 takes the column as it is.

    Places too near the beginning of the route for a whole diagonal take as much of it as there is.
    """

    def __init__(self, places: int, steps: int, length: int, lost_below: float) -> None:
        self._places, self._steps = places, steps
        self._length = min(length, places)
        self._lost_below = lost_below
        self._columns: deque[NDArray[np.float32]] = deque(maxlen=(self._length - 1) * steps + 1)

    def reset(self) -> None:
        """Forget the windows before."""
        self._columns.clear()

    def skip(self) -> None:
        """A window passes that was not recognised: the last one stands for it."""
        if self._columns:
            self._columns.append(self._columns[-1])

    def add_place(self) -> None:
        """Go on with one more place at the end; what was seen before says nothing of it."""
        self._places += 1
        self._columns.clear()

    def match(self, column: NDArray[np.float32]) -> Match:
        """The place for the next window."""
        self._columns.append(column)
        past = list(self._columns)[:: -self._steps]
        total = np.zeros(self._places, np.float64)
        weight = np.zeros(self._places, np.float64)
        for back, before in enumerate(past):
            total[back:] += before[: self._places - back]
            weight[back:] += 1
        scores = (total / weight).astype(np.float32)
        place = int(np.argmax(scores))
        confidence = standing_out(scores, place)
        return Match(place, confidence, confidence < self._lost_below or confidence == 0, scores)


class Filtered:
    """A forward filter a turn: each sees windows that do not overlap, so that none counts an event twice."""

    def __init__(self, places: int, steps: int, parameters: ForwardFilterParameters) -> None:
        self._filters = [ForwardFilter(parameters, places) for _ in range(steps)]
        self._turn = 0

    def reset(self) -> None:
        """Forget the windows before."""
        for each in self._filters:
            each.reset()
        self._turn = 0

    def skip(self) -> None:
        """A window passes that was not recognised: its turn passes with it."""
        self._turn = (self._turn + 1) % len(self._filters)

    def add_place(self) -> None:
        """Go on with one more place at the end."""
        for each in self._filters:
            each.add_place()

    def match(self, column: NDArray[np.float32]) -> Match:
        """The place for the next window."""
        belief = self._filters[self._turn].step(column)
        self._turn = (self._turn + 1) % len(self._filters)
        scores = belief.probabilities.astype(np.float32)
        return Match(int(belief.place), float(belief.confidence), bool(belief.lost), scores)


def standing_out(scores: NDArray[np.float32], place: int) -> float:
    """How far the best place stands out, 0 to 1: its lead over the best place elsewhere, by its lead over the median."""
    elsewhere = np.ones(len(scores), np.bool_)
    elsewhere[max(place - _NEIGHBOURS, 0) : place + _NEIGHBOURS + 1] = False
    above = float(scores[place]) - float(np.median(scores))
    if above <= 0 or not elsewhere.any():
        return 0.0
    return float(min(max((float(scores[place]) - float(scores[elsewhere].max())) / above, 0.0), 1.0))
