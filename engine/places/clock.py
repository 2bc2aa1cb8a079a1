"""The clock of a log of poses against the events' clock, estimated from what the frames show."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress
from engine.parameters import Parameters, parameter
from engine.places.making import TraverseName
from engine.places.pose_files import read_poses
from engine.places.poses import Poses
from engine.places.positions import frame_times
from engine.places.traverse import PoseLog
from engine.places.workspace import Workspace
from engine.recognition.methods import baseline_similarity
from engine.recognition.sequence import match_sequences

_FEWEST = 8
_MOST_FRAMES = 3000
_APART = 5
"""Frames: a second-best match must be at least so far from the best one to say how sure that is."""
_FINE_S = 0.01


class ClockParameters(Parameters):
    """Estimate the offset between the events' clock and the log of poses, from two traverses of one route."""

    fit: Literal["query", "both"] = parameter(
        "query",
        "Whose clock is corrected: the query's alone, the reference's being trusted, or one offset for both. With one offset for "
        "both the speeds have to differ along the route, or nothing tells it.",
    )
    range_s: float = parameter(15.0, "The offset is looked for so far on either side of the present.", unit="s", gt=0, le=3600)
    method: Literal["log-zscore", "sad-pooled", "sad", "correlation", "patch-sad"] = parameter(
        "log-zscore", "How frames are matched by sight."
    )
    sequence: int = parameter(5, "Frames of a sequence that have to fit together.", unit="frames", ge=1, le=200)


@dataclass(frozen=True)
class OffsetEstimate:
    """An estimated clock offset.

    Attributes:
        reference, query: the traverses.
        offset_s: the new value for the query's log (and the reference's, with fit both) in place of `present_s`.
        before_m, after_m: median distance between the poses of visually matched frames, with the present and the new offset.
        matches: pairs of frames that were used.
        certain: whether the offset stands out from all others. better: and is better than the present one, so worth setting.
        offsets_s, costs_m: (n,) the curve that was searched: offset and robust mean distance; NaN where too few pairs have poses.
        text: sentences for a person.
    """

    reference: TraverseName
    query: TraverseName
    offset_s: float
    present_s: float
    before_m: float
    after_m: float
    matches: int
    certain: bool
    better: bool
    offsets_s: NDArray[np.float64]
    costs_m: NDArray[np.float64]
    text: str

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {
            "reference": str(self.reference),
            "query": str(self.query),
            "offset_s": self.offset_s,
            "present_s": self.present_s,
            "before_m": _finite(self.before_m),
            "after_m": _finite(self.after_m),
            "matches": self.matches,
            "certain": self.certain,
            "better": self.better,
        }


@dataclass(frozen=True)
class _Side:
    """A traverse's frames in time, and its log in the common frame."""

    times_us: NDArray[np.int64]
    poses: Poses
    log: PoseLog

    def at(self, frames: NDArray[np.int64], offset_s: float) -> NDArray[np.float64]:
        place, _ = self.poses.at(self.times_us[frames], self.log.shift_s + offset_s, None, self.log.longest_gap_s)
        return place


def estimate_offset(
    workspace: Workspace,
    reference: TraverseName,
    query: TraverseName,
    parameters: ClockParameters,
    emit: Emit,
    cancel: CancelToken,
) -> OffsetEstimate:
    """Find the clock offset with which frames that look alike lie nearest to each other.

    The frames are matched by a baseline and a sequence; of the matches the clearer half is used. For each offset the poses at the
    matched frames are compared; the mean of the nearer 60 % of the distances is what is minimised, so that wrong matches have no
    say. Nothing but an offset is fitted: a drift of the clock would fit the noise.

    Raises:
        BadInput: a traverse has no log of poses attached, the logs have no frame in common, or too few frames match.
        JobCancelled: stopped.
    """
    sides = {name: _side(workspace, name) for name in dict.fromkeys((reference, query))}
    if reference == query:
        raise BadInput("Choose two traverses of one route: a traverse says nothing about its own clock.")
    origin = sides[reference].poses.origin
    if (origin is None) != (sides[query].poses.origin is None):
        raise BadInput(f"The logs of {reference.traverse} and {query.traverse} have no frame in common: attach logs of one kind.")
    there, here = (_in_metres(sides[name], origin) for name in (reference, query))
    rows, columns = _matches(workspace, reference, query, parameters, emit, cancel)

    def cost(offset_s: float) -> tuple[float, float]:
        cancel.check()
        mine = here.at(columns, here.log.offset_s + offset_s)
        other = there.at(rows, there.log.offset_s + (offset_s if parameters.fit == "both" else 0.0))
        apart = np.hypot(*(mine - other).T)
        apart = np.sort(apart[np.isfinite(apart)])
        if len(apart) < max(_FEWEST, len(rows) // 3):
            return float("nan"), float("nan")
        return float(apart[: max(int(0.6 * len(apart)), 1)].mean()), float(np.median(apart))

    change, offsets, costs = _search(cost, parameters.range_s, emit)
    before, after = cost(0.0)[1], cost(change)[1]
    present = here.log.offset_s
    spread = float(np.nanmax(costs) - np.nanmin(costs))
    at_edge = abs(change) > parameters.range_s - 0.3
    certain = not at_edge and spread > 0.2 * float(np.nanmin(costs)) + 0.5
    better = certain and (bool(np.isnan(before)) or after < 0.9 * before)
    return OffsetEstimate(
        reference,
        query,
        round(present + change, 3),
        present,
        before,
        after,
        len(rows),
        certain,
        better,
        offsets + present,
        costs,
        _text(query, present, change, before, after, len(rows), certain, better, at_edge),
    )


def _side(workspace: Workspace, name: TraverseName) -> _Side:
    traverse = name.open(workspace)
    info = traverse.info()
    times = frame_times(traverse, info)
    if info is None or info.pose_log is None or times is None:
        raise BadInput(f"The traverse {name.traverse} has no log of poses attached: attach one first.")
    return _Side(times, read_poses(traverse.folder / info.pose_log.file), info.pose_log)


def _in_metres(side: _Side, origin: tuple[float, float] | None) -> _Side:
    """The log in a local frame, once for all offsets that are tried."""
    if origin is None:
        return side
    return replace(side, poses=replace(side.poses, place=side.poses.metres(origin), geographic=False))


def _matches(
    workspace: Workspace,
    reference: TraverseName,
    query: TraverseName,
    parameters: ClockParameters,
    emit: Emit,
    cancel: CancelToken,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of frames (reference, query) that look alike: the clearer half of each query's best match."""
    traverses = [name.open(workspace) for name in (reference, query)]
    every = max(-(-max(map(len, traverses)) // _MOST_FRAMES), 1)
    frames = [traverse.frames_for_job(None, every, emit, cancel) for traverse in traverses]
    similarity = baseline_similarity(parameters.method, frames[0], frames[1], emit, cancel)
    length = min(parameters.sequence, *similarity.shape)
    middle = (length - 1) // 2  # where the speeds differ, a sequence fits best around its middle
    matched = match_sequences(similarity, length)
    best = np.argmax(matched, axis=0)
    columns = np.arange(matched.shape[1])
    rest = np.array(matched, np.float64)
    near = np.abs(np.arange(len(rest))[:, None] - best[None, :]) <= _APART
    rest[near] = -np.inf
    second = rest.max(axis=0)
    clear = np.where(np.isfinite(second), matched[best, columns] - second, 0.0)
    usable = columns >= length - 1  # the first queries have no whole sequence yet
    if int(usable.sum()) < 2 * _FEWEST:
        raise BadInput(f"{query.traverse} has too few frames to tell a clock by: {2 * _FEWEST + length - 1} are the fewest.")
    kept = usable & (clear >= np.median(clear[usable]))
    kept &= best >= middle
    return np.asarray((best[kept] - middle) * every, np.int64), np.asarray((columns[kept] - middle) * every, np.int64)


def _search(cost: Any, range_s: float, emit: Emit) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The best offset by a coarse and a fine grid, and the coarse curve."""
    step = max(0.1, range_s / 300)
    offsets = np.asarray(np.arange(-round(range_s / step), round(range_s / step) + 1) * step, np.float64)
    costs = np.empty(len(offsets))
    for index, offset in enumerate(offsets):
        costs[index] = cost(float(offset))[0]
        if index % 20 == 0:
            emit(Progress("Fitting the clock", index, len(offsets), "offsets"))
    if not np.isfinite(costs).any():
        raise BadInput("Too few of the frames that look alike have poses: check that both logs cover their traverses.")
    middle = float(offsets[int(np.nanargmin(costs))])
    fine = middle + np.arange(-round(step / _FINE_S), round(step / _FINE_S) + 1) * _FINE_S
    values = np.array([cost(float(offset))[0] for offset in fine])
    emit(Progress("Fitting the clock", len(offsets), len(offsets), "offsets"))
    return float(fine[int(np.nanargmin(values))]), offsets, costs


def _text(
    query: TraverseName,
    present: float,
    change: float,
    before: float,
    after: float,
    matches: int,
    certain: bool,
    better: bool,
    at_edge: bool,
) -> str:
    was = (
        f"{before:.1f} m with the present offset of {present + 0.0:g} s"
        if np.isfinite(before)
        else "unknown with the present offset"
    )
    said = (
        f"{matches} pairs of frames that look alike lie {after:.1f} m apart (median) with an offset of {present + change:.2f} s "
        f"for {query.traverse}; {was}."
    )
    if at_edge:
        return f"{said} The best offset is at the end of the range: search further, or look whether the logs are the right ones."
    if not certain:
        return f"{said} No offset is clearly better than the others: leave it, or choose traverses whose speeds differ."
    if not better:
        return f"{said} The present offset is as good: leave it."
    return said


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
