"""Several reference traverses of one map: which place each of their frames shows, without a look into the frames.

Along the same route the places are those of the first traverse, and each frame of the others is another look at one of them, or
at none. Otherwise each traverse's places follow those of the one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice, ignore
from engine.places.ground_truth import GroundTruth, load_ground_truth, places_of
from engine.places.index import IndexRow
from engine.places.positions import Positions, positions_of
from engine.places.selection import PairSelection, ReferenceSelection, Route, TrainingSelection
from engine.places.traverse import Traverse
from engine.places.truth.jobs import open_pair, pair_positions
from engine.places.truth.make import PosesTruthParameters, truth_from_poses
from engine.places.workspace import Workspace

_HEADING_DEG = 90.0
"""A frame that was taken on the way back shows another view."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """One of the traverses.

    Attributes:
        traverse: opened.
        used: how many of its frames are used, every so-many-th from the first on.
        where: (used,) the place that each of them shows; -1 for none, which is then not learned.
    """

    traverse: Traverse
    used: int
    where: Indices

    @property
    def learned(self) -> int:
        """How many of its frames show a place."""
        return int(np.count_nonzero(self.where >= 0))


@dataclass(frozen=True, eq=False)
class Several:
    """The reference traverses of a map, one or several.

    Attributes:
        parts: in the order in which they are named.
        route: how they belong together.
        places: of the map.
        every: their frames are every so-many-th.
    """

    parts: tuple[Part, ...]
    route: Route
    places: int
    every: int = 1

    @property
    def samples(self) -> int:
        """Frames that are learned, of all traverses."""
        return sum(part.learned for part in self.parts)

    @property
    def part_places(self) -> tuple[int, ...]:
        """How many places each traverse brings, where they follow one another; () where they share their places."""
        return tuple(part.used for part in self.parts) if self.route == "after" and len(self.parts) > 1 else ()


def open_several(selection: ReferenceSelection, emit: Emit = ignore, cancel: CancelToken | None = None) -> Several:
    """Open the reference traverses and find the places of their frames.

    Along the same route a ground truth of the first traverse and the other one says which frame shows which place; without one
    the poses of both; without these frame by frame, where both have as many. A Notice says which it was.

    Raises:
        BadInput: a traverse cannot be read, or nothing says which places belong together.
    """
    workspace = selection.workspace()
    places, every = selection.reference_places, selection.filter
    opened = [workspace.traverse(selection.dataset, selection.camera, name) for name in selection.names]
    used = len(opened[0].rows_used(places, every))
    first = Part(opened[0], used, np.arange(used))
    if not isinstance(selection, TrainingSelection) or len(opened) == 1:
        return Several((first,), "same", used, every)
    if selection.route == "after":
        parts, begun = [first], used
        for traverse in opened[1:]:
            count = len(traverse.rows_used(places, every))
            parts.append(Part(traverse, count, np.arange(begun, begun + count)))
            begun += count
        return Several(tuple(parts), "after", begun, every)
    return Several((first, *(_another_look(selection, first, one, emit, cancel) for one in opened[1:])), "same", used, every)


def _another_look(selection: TrainingSelection, first: Part, other: Traverse, emit: Emit, cancel: CancelToken | None) -> Part:
    """The places of a further traverse of the same route."""
    used = len(other.rows_used(None, selection.filter))
    found = _by_truth(selection, first, other, used) or _by_poses(selection, first, other, cancel)
    if found is None:
        whole = len(first.traverse.rows_used(None, selection.filter))
        if used != whole:
            raise BadInput(
                f"Nothing says which frame of {other.name} ({used}) shows which place of {first.traverse.name} ({whole}): make a "
                f"ground truth with {first.traverse.name} as reference and {other.name} as query in the Ground truth panel, or "
                "attach poses to both."
            )
        numbers = np.arange(used)
        found = np.where(numbers < first.used, numbers, -1), "frame by frame, because they have as many frames"
    where, by = found
    part = Part(other, used, where)
    if part.learned == 0:
        raise BadInput(f"No frame of {other.name} shows a place of {first.traverse.name} ({by}): leave {other.name} out.")
    left = "" if part.learned == used else f"; {used - part.learned} of its {used} frames show none and are left out"
    emit(Notice(f"Places of {other.name} on {first.traverse.name}: {by}{left}."))
    return part


def _by_truth(selection: TrainingSelection, first: Part, other: Traverse, used: int) -> tuple[Indices, str] | None:
    workspace, every = selection.workspace(), selection.filter
    names, sizes = (first.traverse.name, other.name), ((len(first.traverse), first.used), (len(other), used))
    path = workspace.ground_truth_file(selection.dataset, selection.camera, *names)
    if path.exists():
        truth = load_ground_truth(path, sizes[0], sizes[1], every, scored=False)
        return places_of(truth.matrix, truth.mask), f"by {path.name}"
    path = workspace.ground_truth_file(selection.dataset, selection.camera, names[1], names[0])
    if path.exists():
        truth = load_ground_truth(path, sizes[1], sizes[0], every, scored=False)
        matrix = np.where(truth.mask, np.uint8(0), truth.matrix).T
        return places_of(matrix, np.zeros(used, bool)), f"by {path.name}"
    return None


def _by_poses(
    selection: TrainingSelection, first: Part, other: Traverse, cancel: CancelToken | None
) -> tuple[Indices, str] | None:
    fields = ReferenceSelection.model_fields
    chosen = {name: getattr(selection, name) for name in fields}
    try:
        references, queries = pair_positions(open_pair(PairSelection(**chosen, query=other.name)))
    except BadInput:  # poses of two kinds: they tell nothing
        return None
    if not (references.known.any() and queries.known.any()):
        return None
    radius = selection.radius_m or _typical_reach(references)
    if radius is None:
        return None
    parameters = PosesTruthParameters(radius_m=radius, heading_deg=_HEADING_DEG, match="nearest")
    proposal = truth_from_poses(references, queries, parameters, ignore, cancel)
    return places_of(proposal.matrix, proposal.mask), f"by their poses, at most {radius:.3g} m away"


def _typical_reach(positions: Positions) -> float | None:
    """Twice the typical distance between two places; stops of the robot are none. None where it never moved."""
    steps = np.linalg.norm(np.diff(positions.xy, axis=0), axis=1)
    steps = steps[np.isfinite(steps) & (steps > 1e-6)]
    return min(2.0 * float(np.median(steps)), 100_000.0) if len(steps) else None


# -- places that follow one another


def joined(parts: Sequence[tuple[Traverse, int]], every: int = 1) -> Traverse:
    """Traverses of one camera seen as one, the first so many of every `every`-th frame of each: nothing is copied.

    Raises:
        BadInput: one has fewer frames.
    """
    first = parts[0][0]
    rows: list[IndexRow] = []
    for traverse, count in parts:
        beside = "" if traverse is first else f"../{traverse.folder.name}/"
        used = traverse.rows_used(count, every)
        rows += [IndexRow(beside + row.image, len(rows) + n, row.coordinate) for n, row in enumerate(used)]
    return Traverse(" + ".join(traverse.name for traverse, _ in parts), first.folder, rows, first.indexed)


def joined_positions(
    workspace: Workspace, dataset: str, camera: str, names: Sequence[str], counts: Sequence[int], every: int = 1
) -> Positions:
    """Where the places of traverses that follow one another are, every `every`-th frame of each, in one frame of metres.

    Raises:
        BadInput: poses cannot be read, or have no frame in common.
    """
    found = positions_of(workspace, dataset, camera, names)
    parts = [(found[name], count) for name, count in zip(names, counts, strict=True)]
    return Positions(
        np.concatenate([each.xy[::every][:count] for each, count in parts]),
        np.concatenate([each.heading[::every][:count] for each, count in parts]),
        None,
        parts[0][0].source,
        parts[0][0].origin,
    )


def truth_of_joined(
    workspace: Workspace,
    selection: PairSelection,
    parts: Sequence[tuple[Traverse, int]],
    queries: tuple[int, int],
    *,
    scored: bool = True,
) -> tuple[GroundTruth, tuple[str, ...]] | None:
    """The ground truth of a query and a map of traverses that follow one another, out of those of the query and each of them.

    Args:
        workspace, selection: where they lie; the selection's query.
        parts: the traverses, and the places used of each.
        queries: of the whole query traverse, and used.
        scored: as of load_ground_truth.

    Returns:
        The truth, each traverse's rows where its places are, and the traverses that have none with this query: the query is
        taken not to pass there. None where there is no ground truth at all. A query is masked where nobody knows where it is.

    Raises:
        BadInput: a ground truth cannot be read, or gives no query a match.
    """
    blocks, lost, notes, without = [], np.zeros(queries[1], bool), [], []
    for traverse, count in parts:
        path = workspace.ground_truth_file(selection.dataset, selection.camera, traverse.name, selection.query)
        if not path.exists():
            blocks.append(np.zeros((count, queries[1]), np.uint8))
            without.append(traverse.name)
            continue
        truth = load_ground_truth(path, (len(traverse), count), queries, selection.filter, scored=False)
        blocks.append(np.where(truth.mask, np.uint8(0), truth.matrix))
        lost |= truth.mask
        notes += [note for note in truth.notes if "not scored" not in note]
    if len(without) == len(parts):
        return None
    matrix = np.concatenate(blocks)
    mask = lost & ~matrix.any(axis=0)
    if scored and not matrix.any():
        raise BadInput(f"The ground truths of {selection.query} give no query any match: make them anew for these traverses.")
    if mask.any():
        notes.append(f"{int(mask.sum())} of {queries[1]} queries are masked; they are not scored.")
    return GroundTruth(matrix, mask, tuple(notes)), tuple(without)
