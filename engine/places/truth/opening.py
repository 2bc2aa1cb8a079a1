"""What a window needs to begin with: which pair is meant, and its ground truth with everything that belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import BadInput
from engine.places.positions import Positions
from engine.places.selection import PairSelection
from engine.places.truth.document import TruthDocument
from engine.places.truth.jobs import Pair, open_pair, pair_positions
from engine.places.truth.journal import Unsaved, unsaved_edits
from engine.places.truth_details import details_file
from engine.places.workspace import Workspace

_LARGEST = 200_000_000
"""Cells of a matrix that a window still handles: with its copies for drawing and its similarity some 2 GB."""

Names = tuple[str, str, str, str]  # dataset, camera, reference, query
Print = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Opened:
    """A pair with its ground truth, as it is on the disk.

    frames_print, truth_print: what the files looked like then (see print_of). problem: why the file that is there cannot be
    used; the document is then empty. positions: of the frames of both traverses, None where neither has poses.
    position_problem: why the poses cannot be read.
    """

    pair: Pair
    path: Path
    document: TruthDocument
    unsaved: Unsaved | None
    frames_print: Print
    truth_print: Print
    problem: str = ""
    positions: tuple[Positions, Positions] | None = None
    position_problem: str = ""


def open_for_editing(selection: PairSelection, anew: bool = False) -> Opened:
    """Open the ground truth of two whole traverses.

    Args:
        selection: the traverses.
        anew: leave a file that is there aside and begin with an empty one.

    Raises:
        BadInput: a traverse cannot be opened, or they are too long for a matrix that can be looked at.
    """
    pair = open_pair(selection)
    if pair.references * pair.queries > _LARGEST:
        raise BadInput(
            f"{pair.reference.name} and {pair.query.name} have {pair.references} and {pair.queries} frames, which makes a "
            f"matrix of {pair.references * pair.queries / 1e6:.0f} million cells; {_LARGEST / 1e6:.0f} million can be edited: "
            "make traverses of every n-th frame first, or use revisit-cli groundtruth."
        )
    path = selection.workspace().ground_truth_file(selection.dataset, selection.camera, selection.reference, selection.query)
    problem, unsaved = "", None
    frames, truth = print_of_frames(pair), print_of_truth(path)  # before they are read: a change meanwhile is noticed later
    document = TruthDocument.empty(pair.references, pair.queries)
    if not anew:
        try:
            document = TruthDocument.open(path, pair.references, pair.queries)
        except BadInput as error:
            problem = str(error)
    try:
        unsaved = unsaved_edits(path, document)
    except BadInput as error:
        problem = problem or str(error)
    positions, position_problem = None, ""
    try:
        found = pair_positions(pair)
        if any(bool(np.any(part.known)) for part in found):
            positions = found
    except BadInput as error:
        position_problem = str(error)
    return Opened(pair, path, document, unsaved, frames, truth, problem, positions, position_problem)


def print_of(*paths: Path) -> Print:
    """What tells whether files or folders have changed: time, size and number of each; None for one that is not there."""
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(found)


def print_of_frames(pair: Pair) -> Print:
    """Whether the frames of two traverses, their index or their poses have changed."""
    workspace = pair.selection.workspace()
    traverses = (pair.reference, pair.query)
    beside = [part.folder / name for part in traverses for name in (".", "traverse.json")]
    return print_of(*beside, *(workspace.index_file(part.name) for part in traverses))


def print_of_truth(path: Path) -> Print:
    """Whether a ground truth has changed."""
    return print_of(path, details_file(path))


def likely_pair(workspace: Workspace, traverses: Sequence[tuple[str, str, str]]) -> Names | None:
    """The pair that a person most likely means: one with a ground truth, else one that is called so, else the first two."""
    places: dict[tuple[str, str], list[str]] = {}
    for dataset, camera, name in traverses:
        places.setdefault((dataset, camera), []).append(name)
    for (dataset, camera), names in places.items():
        for reference in names:
            for query in names:
                if workspace.ground_truth_file(dataset, camera, reference, query).exists():
                    return dataset, camera, reference, query
    for (dataset, camera), names in places.items():
        if len(names) > 1:
            reference = next((name for name in names if "reference" in name.lower()), names[0])
            return dataset, camera, reference, next(name for name in names if name != reference)
    return None
