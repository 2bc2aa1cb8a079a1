"""Ground truth from poses, from anchors and from indices."""

import itertools
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress, Throttle, ignore
from engine.parameters import Parameters, parameter
from engine.places.positions import Positions
from engine.places.truth.proposal import Proposal, check_size, many, matrix_of_rows

_CELLS = 1 << 22  # distances computed at once

Anchors = tuple[tuple[int, int], ...]


class PosesTruthParameters(Parameters):
    """Ground truth from where the frames were taken."""

    radius_m: float = parameter(25.0, "References nearer to a query than this match it.", unit="m", gt=0, le=100_000)
    heading_deg: float | None = parameter(
        None,
        "The largest angle between the directions of motion of a match (left out: any); frames whose direction is not known "
        "pass.",
        unit="°",
        gt=0,
        le=180,
    )
    match: Literal["all", "nearest"] = parameter(
        "all", "Every reference within the radius matches, or only the nearest one of each time that the reference passed there."
    )


class AnchorsTruthParameters(Parameters):
    """Ground truth from pairs of frames that a person found to show one place."""

    anchors: tuple[tuple[int, int], ...] = parameter((), "Pairs of frame numbers, reference and query, counted from 0.")
    extrapolate: bool = parameter(
        False, "Go on beyond the outer anchors at the speed of the nearest stretch; otherwise those queries are masked."
    )

    @field_validator("anchors", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        return tuple(tuple(pair) if isinstance(pair, list) else pair for pair in value) if isinstance(value, list) else value


class IdentityTruthParameters(Parameters):
    """Ground truth from the frames' numbers alone."""

    unequal: Literal["proportional", "cut"] = parameter(
        "proportional",
        "Where the counts differ: the first and the last frames match and all between in proportion, or frame i matches frame i "
        "and queries beyond the last reference have no match.",
    )
    offset: int = parameter(
        0, "The match is so many references later (earlier, if negative).", unit="frames", ge=-100_000, le=100_000
    )


def truth_from_poses(
    references: Positions,
    queries: Positions,
    parameters: PosesTruthParameters,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> Proposal:
    """Match each query with the references within a radius.

    A query without a pose is masked; one that is farther than the radius from every reference has no match.

    Args:
        references, queries: positions of the frames in one local frame (positions_of).
        parameters: radius, heading gate, which of the near ones.
        emit: hears Progress in references.
        cancel: checked several times a second.

    Raises:
        BadInput: one of the traverses has no pose at all, or nothing lies within the radius.
        JobCancelled: asked to stop.
    """
    check_size(len(references), len(queries))
    for positions, name in ((references, "reference"), (queries, "query")):
        if not positions.known.any():
            raise BadInput(
                f"No frame of the {name} traverse has a pose: attach a GPS or odometry log to it in the Dataset panel."
            )
    near = np.zeros((len(references), len(queries)), np.uint8)
    squared = np.full(near.shape, np.inf, np.float32) if parameters.match == "nearest" else None
    rows = max(1, _CELLS // len(queries))
    throttle, closest = Throttle(), np.inf
    for first in range(0, len(references), rows):
        if cancel is not None:
            cancel.check()
        part = slice(first, first + rows)
        apart = _squared_distances(references.xy[part], queries.xy)
        if np.isfinite(apart).any():
            closest = min(closest, float(np.nanmin(apart)))
        with np.errstate(invalid="ignore"):
            fits = apart <= parameters.radius_m**2
        if parameters.heading_deg is not None:
            fits &= _same_way(references.heading[part], queries.heading, parameters.heading_deg)
        near[part] = fits
        if squared is not None:
            squared[part] = np.where(fits, apart, np.inf)
        done = min(first + rows, len(references))
        if done == len(references) or throttle.ready():
            emit(Progress("Comparing positions", done, len(references), "references"))
    if not near.any():
        gate = f" within {parameters.heading_deg:g}° of its direction" if parameters.heading_deg is not None else ""
        raise BadInput(
            f"No query lies within {parameters.radius_m:g} m of any reference{gate} (the nearest is {np.sqrt(closest):.1f} m "
            "away): give a larger radius_m, or check the poses and their clock."
        )
    matrix = near if squared is None else _nearest_of_each_visit(near, squared)
    mask = ~queries.known
    notes = _notes_on_poses(references, matrix, mask, parameters)
    return Proposal(matrix, mask, _made("from-poses", parameters), (), notes)


def _squared_distances(references: NDArray[np.float64], queries: NDArray[np.float64]) -> NDArray[np.float64]:
    across = references[:, 0, None] - queries[None, :, 0]
    along = references[:, 1, None] - queries[None, :, 1]
    across *= across
    along *= along
    across += along
    return across


def _same_way(references: NDArray[np.float64], queries: NDArray[np.float64], degrees: float) -> NDArray[np.bool_]:
    apart = np.abs((references[:, None] - queries[None] + np.pi) % (2 * np.pi) - np.pi)
    fits: NDArray[np.bool_] = ~(apart > np.radians(degrees) + 1e-12)  # an unknown heading is NaN, which is not larger
    return fits


def _nearest_of_each_visit(near: NDArray[np.uint8], squared: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Of every unbroken run of near references of a query only the nearest one (the first of several)."""
    columns, rows = np.nonzero(near.T)
    if len(rows) == 0:
        return near
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(columns) != 0) | (np.diff(rows) != 1)]))
    distance = squared[rows, columns]
    least = np.minimum.reduceat(distance, begins)
    run = np.cumsum(np.isin(np.arange(len(rows)), begins)) - 1
    hits = np.flatnonzero(distance == least[run])
    first = hits[np.unique(run[hits], return_index=True)[1]]
    matrix = np.zeros_like(near)
    matrix[rows[first], columns[first]] = 1
    return matrix


def _notes_on_poses(
    references: Positions, matrix: NDArray[np.uint8], mask: NDArray[np.bool_], parameters: PosesTruthParameters
) -> tuple[str, ...]:
    notes = []
    if mask.any():
        notes.append(f"{many(int(mask.sum()), 'query has', 'queries have')} no pose: masked, not scored.")
    unknown = int((~references.known).sum())
    if unknown:
        notes.append(f"{many(unknown, 'reference frame has', 'reference frames have')} no pose: no query matches there.")
    without = int((~matrix.any(axis=0) & ~mask).sum())
    if without:
        notes.append(
            f"{many(without, 'query lies', 'queries lie')} farther than {parameters.radius_m:g} m from every reference: no match."
        )
    if parameters.heading_deg is not None:
        lost = int((~np.isfinite(references.heading) & references.known).sum())
        if lost:
            notes.append(f"The direction of {many(lost, 'reference frame')} is not known (it stood still): taken as fitting.")
    return tuple(notes)


def truth_from_anchors(parameters: AnchorsTruthParameters, references: int, queries: int) -> Proposal:
    """Match every query between the outer anchors by a straight line between its neighbours.

    The reference may run either way and at any speed, also stand still, between two anchors. Queries before the first and after
    the last anchor are masked, or extrapolated; where that leaves the reference traverse they have no match.

    Raises:
        BadInput: fewer than two anchors, one outside the traverses, or two for one query.
    """
    check_size(references, queries)
    anchors = tuple(sorted(set(parameters.anchors), key=lambda pair: (pair[1], pair[0])))
    for reference, query in anchors:
        if not (0 <= reference < references and 0 <= query < queries):
            raise BadInput(
                f"The anchor {reference}:{query} (reference:query) lies outside the traverses, which have {references} and "
                f"{queries} frames: count from 0."
            )
    if len(anchors) < 2:
        raise BadInput(f"Anchors need two pairs of frames at least, but there is {len(anchors) or 'none'}: set another one.")
    for one, other in itertools.pairwise(anchors):
        if one[1] == other[1]:
            raise BadInput(f"Two anchors are set for query {one[1]} (references {one[0]} and {other[0]}): remove one of them.")
    at, rows = np.array([q for _, q in anchors], float), np.array([r for r, _ in anchors], float)
    numbers = np.arange(queries, dtype=float)
    line = np.interp(numbers, at, rows)
    outside = (numbers < at[0]) | (numbers > at[-1])
    mask = np.zeros(queries, bool)
    if parameters.extrapolate:
        first, last = (rows[1] - rows[0]) / (at[1] - at[0]), (rows[-1] - rows[-2]) / (at[-1] - at[-2])
        line = np.where(numbers < at[0], rows[0] + first * (numbers - at[0]), line)
        line = np.where(numbers > at[-1], rows[-1] + last * (numbers - at[-1]), line)
    else:
        mask = outside
        line = np.where(outside, -1, line)
    matrix = matrix_of_rows(np.floor(line + 0.5).astype(int), references, queries)
    notes = []
    if mask.any():
        notes.append(f"{many(int(mask.sum()), 'query lies', 'queries lie')} beyond the outer anchors: masked, not scored.")
    return Proposal(
        matrix, mask, _made("from-anchors", parameters.model_copy(update={"anchors": anchors})), anchors, tuple(notes)
    )


def truth_by_identity(parameters: IdentityTruthParameters, references: int, queries: int) -> Proposal:
    """Match frames by their numbers: equal ones, or in proportion where the counts differ.

    Raises:
        BadInput: no query is left with a match.
    """
    check_size(references, queries)
    rows = np.arange(queries)
    notes = []
    if references != queries and parameters.unequal == "proportional":
        rows = np.floor(rows * ((references - 1) / max(queries - 1, 1)) + 0.5).astype(int)
        notes.append(f"The counts differ ({references} and {queries}): matched in proportion.")
    matrix = matrix_of_rows(rows + parameters.offset, references, queries)
    if not matrix.any():
        raise BadInput(
            f"With an offset of {parameters.offset} no query has a match among {references} references: give a smaller one."
        )
    without = int((~matrix.any(axis=0)).sum())
    if without:
        notes.append(f"{many(without, 'query', 'queries')} would match beyond the reference traverse: no match.")
    return Proposal(matrix, np.zeros(queries, bool), _made("identity", parameters), (), tuple(notes))


def _made(way: str, parameters: Parameters) -> dict[str, object]:
    return {"made": way, "parameters": parameters.model_dump(mode="json")}
