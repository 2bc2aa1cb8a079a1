"""Where along the reference the robot is, given every frame so far: a Bayes forward filter with a fixed cost a step.

The state is one of the reference's places, or off the map. Between two frames the robot moves on along the reference as the
motion prior says, or jumps anywhere (it was carried, or the filter is wrong). Evidence is a similarity column, of which only
the order of its places counts: each is given its normal score z (the quantile of the normal distribution at its rank), so that
spike counts, distances and correlations are alike, whatever their scale and their skew. Of the true place z is taken to be
normal about m, of the others about 0, both with spread 1, so that a place's likelihood ratio against "off the map" is exp(m z -
m^2 / 2). m is not given: it follows the columns (one step of expectation-maximisation a frame).

Successive columns repeat each other's errors, along the very paths that the robot may take. How much is measured as it goes
(the correlation r of a column with the one before, moved on by the motion prior). For m the likelihood takes m (1 - r) / (1 +
r), by the share of independent samples in a stationary process of that correlation: errors that repeat do not add up to a wrong
place, and a place of mere noise still neither gains nor loses on the average. So weakened, the belief doubts too much where the
true place stands out of the correlated rest; what is told is the belief raised to the square root of (1 + r) / (1 - r), and
made to sum to 1 again. Ranks stay. The root was chosen on synthetic worlds, where it brought stated and true frequency of being
right together.

A robot is seldom as fast as the reference was. The speed of the motion prior follows it: how far it moved in a frame, as the
evidence has it (expectation-maximisation again, with what was moved as the hidden variable), averaged over some 50 frames. On
synthetic routes at half to twice the reference's speed that kept the place where a fixed prior lost it, narrow or broad.

Source: the forward pass of a hidden Markov model (Rabiner, 1989); topological filters of this kind for place recognition:
Xu, Sunderhauf, Milford, "Probabilistic visual place recognition for hierarchical localization" (2020).
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, ignore
from engine.parameters import Parameters, parameter
from engine.recognition.pacing import in_chunks

Vector = NDArray[np.float64]

_MATCH, _MATCH_FRAMES = 2.5, 20.0  # m before any column was seen, and for how many frames that counts
_MATCH_BOUNDS = (0.5, 8.0)
_CORRELATION, _CORRELATION_FRAMES = 0.3, 5.0
_TOLD = 0.5  # power of (1 + r) / (1 - r) by which the belief is raised before it is told
_MOST_CORRELATED = 0.95
_LARGEST_REACH = 16
_SPREAD = 0.7  # of the places moved on in a frame, at least
_SPEED_FRAMES, _SPEED_MEMORY = 20.0, 50.0  # for how many frames the speed that is set counts; over how many it is averaged
_SPEED_BOUNDS = (0.3, 3.0)  # of the speed that is set
_NO_FRAMES = 1e-9


class ForwardFilterParameters(Parameters):
    """How the robot may move, and when it counts as lost."""

    jump: float = parameter(0.01, "Probability a frame that the robot is suddenly anywhere else.", ge=0, le=0.5)
    leave: float = parameter(0.005, "Probability a frame that the robot leaves the map.", ge=0, le=0.5)
    come_back: float = parameter(0.05, "Probability a frame that a robot off the map comes back, anywhere on it.", ge=0, le=1)
    speed: float = parameter(1.0, "Places that the robot moves on from one frame to the next.", unit="places", ge=0, le=10)
    speed_spread: float | None = parameter(
        None,
        "Standard deviation of that (left out: learned from the reference's poses, or 0.7 where it has none).",
        unit="places",
        ge=0.05,
        le=5,
    )
    follow_speed: bool = parameter(
        True, "Learn from the frames how fast the robot is; off: it keeps the speed that is set, as on the reference."
    )
    stop: float | None = parameter(
        None,
        "Probability a frame that the robot stands still, besides what the spread allows (left out: likewise, or 0).",
        ge=0,
        le=0.9,
    )
    tolerance: int = parameter(
        1,
        "How far from the true place an answer may be to count as right, for the confidence.",
        unit="frames",
        ge=0,
        le=1000,
    )
    lost_below: float = parameter(0.3, "The robot counts as lost where its confidence is below this.", ge=0, le=1)

    def settled(self) -> "ForwardFilterParameters":
        """The same with what was left out, and could not be learned, filled in."""
        spread = _SPREAD if self.speed_spread is None else self.speed_spread
        return self.model_copy(update={"speed_spread": spread, "stop": self.stop or 0.0})

    def motion(self, speed: float | None = None) -> Vector:
        """Probabilities of moving on by 0, 1, 2, ... places in one frame: a normal distribution cut off, and the stops.

        Args:
            speed: of the robot now, where it is known better; a faster robot's steps spread more.
        """
        speed = self.speed if speed is None else speed
        faster = max(1.0, speed / self.speed) if self.speed else 1.0
        spread = faster * (self.speed_spread if self.speed_spread is not None else _SPREAD)
        stop = self.stop or 0.0
        reach = min(_LARGEST_REACH, int(np.ceil(speed + 3 * spread)) + 1)
        steps = np.arange(reach + 1)
        weights = np.exp(-0.5 * ((steps - speed) / spread) ** 2)
        weights[np.argmin(np.abs(steps - speed))] += 1e-300  # a spread so small that everything underflows
        weights *= (1 - stop) / weights.sum()
        weights[0] += stop
        return np.asarray(weights, np.float64)


@dataclass(frozen=True)
class Belief:
    """What the filter holds true after a frame.

    Attributes:
        probabilities: (places,) float64; with `off_map` they sum to 1.
        place: the most probable place.
        confidence: probability that the robot is within the tolerance of that place.
        lost: whether the confidence is under `lost_below`, or the robot is rather off the map than on it.
        off_map: probability that the robot is at none of the places.
    """

    probabilities: Vector
    place: int
    confidence: float
    lost: bool
    off_map: float


@dataclass(frozen=True)
class FilteredMatrix:
    """The beliefs after each query.

    Attributes:
        probabilities: (places, queries) float64, laid out as a similarity matrix.
        places: (queries,) int64 most probable places.
        confidence: (queries,) float64 probability of being right within the tolerance.
        lost: (queries,) bool.
        off_map: (queries,) float64.
    """

    probabilities: Vector
    places: NDArray[np.int64]
    confidence: Vector
    lost: NDArray[np.bool_]
    off_map: Vector


def learn_motion(xy: ArrayLike, parameters: ForwardFilterParameters | None = None) -> ForwardFilterParameters:
    """The parameters with a motion prior learned from how evenly the reference was driven.

    A frame of the query covers about the way that a frame of the reference does, but reference and query are fast and slow in
    different stretches: the places moved on in a frame spread as the ratios of the reference's own steps do. Added to that are
    a general difference in speed of a quarter, and what the places' own grid brings: a position is rounded to a place twice in
    a step, each time with a variance of 1/12. A spread under 0.7 is not taken: it is too narrow to notice another speed.

    Args:
        xy: (places, 2) positions of the reference's places in metres; NaN where unknown.
        parameters: what else is set, and wins: only a spread or stops that were left out are learned, where at least ten steps
            are known.
    """
    parameters = parameters or ForwardFilterParameters()
    points = np.asarray(xy, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise BadInput(f"Positions must be (places, 2), but have the shape {points.shape}.")
    steps = np.hypot(*np.diff(points, axis=0).T)
    steps = steps[np.isfinite(steps)]
    typical = float(np.median(steps)) if len(steps) else 0.0
    if len(steps) < 10 or typical <= 0:
        return parameters
    moving = steps[steps > 0.1 * typical]
    ratios = np.quantile(moving, np.linspace(0.02, 0.98, 49)) / np.quantile(moving, np.linspace(0.02, 0.98, 49))[:, None]
    spread = float(np.sqrt(ratios.var() + 0.25**2 + 2 / 12))
    learned = {"speed_spread": min(max(spread, _SPREAD), 2.0), "stop": min(0.5, 1 - len(moving) / len(steps))}
    return parameters.model_copy(update={name: value for name, value in learned.items() if getattr(parameters, name) is None})


class ForwardFilter:
    """The filter itself: one `step` a frame, each of the same cost."""

    def __init__(self, parameters: ForwardFilterParameters, places: int) -> None:
        """Start with no idea where the robot is.

        Raises:
            BadInput: there is no place.
        """
        if places < 1:
            raise BadInput("A filter needs at least one place: train a network first.")
        self._parameters = parameters
        self._places, self._scores = places, NormalScores(places)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the robot may be anywhere."""
        self._on = np.full(self._places, 0.9 / self._places)
        self._off = 0.1
        self._match, self._match_frames = _MATCH * _MATCH_FRAMES, _MATCH_FRAMES
        self._correlation, self._correlation_frames = _CORRELATION * _CORRELATION_FRAMES, _CORRELATION_FRAMES
        self._last: Vector | None = None
        self._motion = self._parameters.motion()
        self._speed_sum, self._speed_frames = self._parameters.speed * _SPEED_FRAMES, _SPEED_FRAMES

    @property
    def speed(self) -> float:
        """Places that the robot is taken to move on by in a frame."""
        set_speed = self._parameters.speed
        if not self._parameters.follow_speed or self._speed_frames < _NO_FRAMES:
            return set_speed
        low, high = _SPEED_BOUNDS
        return float(min(max(self._speed_sum / self._speed_frames, low * set_speed), high * set_speed))

    def add_place(self) -> None:
        """Go on with one more place at the end of the map."""
        self._on = np.append(self._on, 0.0)
        self._last = None if self._last is None else np.append(self._last, 0.0)
        self._places += 1
        self._scores = NormalScores(self._places)

    def remove_place(self, place: int) -> None:
        """Go on without a place; what was held of it counts as off the map.

        Raises:
            BadInput: there is no such place, or it is the only one.
        """
        if not 0 <= place < self._places or self._places == 1:
            raise BadInput(
                f"Place {place} cannot be removed: there are {self._places} places, numbered from 0, and one must stay."
            )
        self._off += float(self._on[place])
        self._on = np.delete(self._on, place)
        self._last = None if self._last is None else np.delete(self._last, place)
        self._places -= 1
        self._scores = NormalScores(self._places)

    def step(self, column: NDArray[np.generic]) -> Belief:
        """Take the next frame's similarity column (places,) in, of any scale.

        Raises:
            BadInput: another number of places, or values that are not finite.
        """
        values = np.ascontiguousarray(column, np.float64)  # a column of a matrix is not
        if values.shape != (self._places,):
            raise BadInput(f"The filter has {self._places} places, but the column has the shape {values.shape}.")
        if not np.isfinite(values).all():
            raise BadInput("The similarity column has values that are not finite numbers: compute it again.")
        evidence = self._scores.of(values)
        before = None
        if self._last is not None:
            before = self._on
            if self._parameters.follow_speed:
                self._motion = self._parameters.motion(self.speed)
            self._move()
            self._correlate(evidence)
        self._last = evidence
        if evidence.any():  # a column of equal values says nothing, not even that the robot is off the map
            self._weigh(evidence, before)
        return self._belief()

    def _move(self) -> None:
        p = self._parameters
        on = float(self._on.sum())
        moved = shifted(self._on, self._motion)
        stays = 1 - p.jump - p.leave
        # Added up, not a difference of sums, whose rounding error evidence could blow up where nothing leads off the map.
        past_the_end = sum(weight * float(self._on[-step:].sum()) for step, weight in enumerate(self._motion[1:], 1))
        self._on = stays * moved + (p.jump * on + p.come_back * self._off) / self._places
        self._off = (1 - p.come_back) * self._off + p.leave * on + stays * past_the_end

    def _correlate(self, evidence: Vector) -> None:
        if self._last is None:
            return
        expected = standardised(shifted(self._last, self._motion))
        self._correlation += max(0.0, _dot(expected, standardised(evidence)) / self._places)
        self._correlation_frames += 1

    def _weigh(self, evidence: Vector, before: Vector | None) -> None:
        match = min(max(self._match / self._match_frames, _MATCH_BOUNDS[0]), _MATCH_BOUNDS[1])
        weakened = self._independent() * match
        log_ratio = weakened * (evidence - weakened / 2)  # a place of mere noise neither gains nor loses on the average
        highest = max(float(log_ratio.max()), 0.0)
        likelihood = np.exp(log_ratio - highest)
        on = self._on * likelihood
        off = self._off * float(np.exp(-highest))
        total = float(on.sum()) + off
        if total > 0:  # else nothing that was held possible explains the frame
            self._on, self._off = on / total, off / total
            if before is not None and self._parameters.follow_speed:
                self._learn_speed(before, likelihood / total)
        self._match += _dot(self._on, evidence)
        self._match_frames += float(self._on.sum())

    def _learn_speed(self, before: Vector, likelihood: Vector) -> None:
        """How far the robot moved on, given the frame: the mean over all ways that lead from a place to a place.

        Args:
            before: what was held before the move.
            likelihood: of the frame, over its probability.
        """
        p, count = self._parameters, self._places
        stays = 1 - p.jump - p.leave
        ways = [
            stays * weight * _dot(before[: count - step], likelihood[step:]) for step, weight in enumerate(self._motion[:count])
        ]
        kept = 1 - 1 / _SPEED_MEMORY
        self._speed_sum = kept * self._speed_sum + sum(step * way for step, way in enumerate(ways))
        self._speed_frames = kept * self._speed_frames + sum(ways)

    def _independent(self) -> float:
        """The share of a column's evidence that the columns before did not give already."""
        r = min(self._correlation / self._correlation_frames, _MOST_CORRELATED)
        return (1 - r) / (1 + r)

    def _belief(self) -> Belief:
        p = self._parameters
        place = int(self._on.argmax())
        highest = max(float(self._on[place]), self._off)
        power = self._independent() ** -_TOLD
        told, off = (self._on / highest) ** power, (self._off / highest) ** power
        total = float(told.sum()) + off
        told /= total
        off /= total
        confidence = min(1.0, float(told[max(0, place - p.tolerance) : place + p.tolerance + 1].sum()))
        return Belief(told, place, confidence, confidence < p.lost_below or off > 0.5, off)


def filter_matrix(
    similarity: NDArray[np.generic],
    parameters: ForwardFilterParameters | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> FilteredMatrix:
    """Run the filter over the queries of a similarity matrix (places, queries), in order of time.

    Raises:
        BadInput: no place, or values that are not finite.
        JobCancelled: the job was asked to stop.
    """
    matrix = np.asarray(similarity)
    if matrix.ndim != 2:
        raise BadInput(f"A similarity matrix must be (places, queries), but has the shape {matrix.shape}.")
    places, queries = matrix.shape
    forward = ForwardFilter(parameters or ForwardFilterParameters(), places)
    result = FilteredMatrix(
        np.empty((places, queries)),
        np.empty(queries, np.int64),
        np.empty(queries),
        np.empty(queries, np.bool_),
        np.empty(queries),
    )

    def work(start: int, stop: int) -> None:
        for query in range(start, stop):
            belief = forward.step(matrix[:, query])
            result.probabilities[:, query] = belief.probabilities
            result.places[query], result.confidence[query] = belief.place, belief.confidence
            result.lost[query], result.off_map[query] = belief.lost, belief.off_map

    in_chunks(queries, work, "Filtering", "queries", emit, cancel)
    return result


class NormalScores:
    """Ranks as quantiles of the standard normal distribution (van der Waerden's scores), for one number of values."""

    def __init__(self, count: int) -> None:
        # Tied values share the mean of their ranks, which is a whole or a half: one entry each.
        half = [NormalDist().inv_cdf(step / (2 * count)) for step in range(1, count)]
        self._table = np.array([*half, 0.0, *(-value for value in reversed(half))])

    def of(self, values: Vector) -> Vector:
        """The score of each value; equal values have equal scores, and all equal ones 0."""
        return np.asarray(native.rank_scores(values, self._table), np.float64)


def standardised(values: Vector) -> Vector:
    """Less the mean, over the standard deviation; zeros where all are equal to rounding."""
    centred = values - values.mean()
    spread = float(np.sqrt(np.mean(centred * centred)))
    largest = float(np.abs(values).max())
    return centred / spread if spread > 1e-12 * largest and spread > 0 else np.zeros_like(values)


def _dot(a: Vector, b: Vector) -> float:
    """Not by BLAS, which starts threads for it: they cost more than they bring, and must not disturb a live pipeline."""
    return float(np.einsum("i,i->", a, b))


def shifted(values: Vector, motion: Vector) -> Vector:
    """Each value spread over the places that the motion leads to; what leads past the last place is dropped."""
    moved: Vector = motion[0] * values
    for step, weight in enumerate(motion[1 : len(values)], 1):
        moved[step:] += weight * values[:-step]
    return moved
