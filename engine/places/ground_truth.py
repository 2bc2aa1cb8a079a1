"""Ground truth: which reference places each query matches."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.places.truth_details import TruthDetails, matrix_hash, read_details, write_details
from engine.storage import replacing

Truth = NDArray[np.uint8]
_LARGEST = 40_000
_CELLS_WRITTEN = 1 << 20  # at once


@dataclass(frozen=True)
class GroundTruth:
    """Ground truth as read.

    Attributes:
        matrix: (references, queries) uint8 of 0 and 1, without tolerance.
        mask: (queries,) True where a query cannot be scored: nobody knows where it belongs. A query that is not masked and has no
            match lies beyond the reference route: whatever is recognised there is wrong.
        notes: sentences on what had to be decided.
        details: the file beside it, of the whole matrix; None without one.
    """

    matrix: Truth
    mask: NDArray[np.bool_]
    notes: tuple[str, ...] = ()
    details: TruthDetails | None = None


def load_ground_truth(
    path: Path, references: tuple[int, int], queries: tuple[int, int], every: int = 1, *, scored: bool = True
) -> GroundTruth:
    """Read a LENS ground truth (.npy, 0 and 1) and turn it reference x query.

    Args:
        path: the .npy file.
        references: places of the whole reference traverse, and the places used of it.
        queries: the same of the query traverse.
        every: n of "every n-th frame" with which the used ones were taken.
        scored: whether it will be scored against, which needs a query that has a match.

    Returns:
        The matrix of the used places and queries, and the mask that the JSON beside it keeps. A matrix of the whole traverses is
        cut down to them. One that is stored query x reference is turned; where the counts are equal the shape cannot tell, and a
        note says what was taken.

    Raises:
        BadInput: missing, not a plain array, values other than 0 and 1, a shape that fits neither way, or no query to score.
    """
    stored = read_matrix(path)
    notes = []
    as_stored, turned = _cut(stored, references, queries, every), _cut(stored.T, references, queries, every)
    matrix = turned if as_stored is None else as_stored
    if matrix is None:
        raise BadInput(
            f"{path} is {stored.shape[0]} x {stored.shape[1]}, but there are {references[1]} reference places and "
            f"{queries[1]} queries (of {references[0]} and {queries[0]} frames): make it anew for these traverses."
        )
    whole = stored if as_stored is not None else stored.T
    details, said = _details(path, whole)
    ours = details is not None and not said  # Revisit wrote it, and always reference x query
    if as_stored is None:
        notes.append(f"{path.name} is stored query x reference: it was turned.")
    elif turned is not None and not ours and not np.array_equal(as_stored, turned):
        notes.append(f"{path.name} is square, so its shape does not tell its orientation: taken as reference x query.")
    notes += said
    mask = np.zeros(matrix.shape[1], bool)
    if details is not None:
        every_used = every if matrix.shape != whole.shape else 1
        mask = details.mask()[::every_used][: matrix.shape[1]]
    empty = int(((matrix.sum(axis=0) == 0) & ~mask).sum())
    if scored and empty + int(mask.sum()) == matrix.shape[1]:
        raise BadInput(f"{path} gives no query any match: make the ground truth anew for these traverses.")
    if mask.any():
        notes.append(f"{int(mask.sum())} of {matrix.shape[1]} queries are masked in {path.name}; they are not scored.")
    if empty:
        notes.append(f"{empty} of {matrix.shape[1]} queries have no match in {path.name}; they are not scored.")
    return GroundTruth(np.ascontiguousarray(matrix), mask, tuple(notes), details)


def _details(path: Path, whole: Truth) -> tuple[TruthDetails | None, list[str]]:
    """The file beside a ground truth, if it fits the matrix, and what there is to say about it."""
    details = read_details(path)
    if details is None:
        return None, []
    if (details.references, details.queries) != whole.shape:
        told = f"{details.references} x {details.queries}"
        return None, [f"{path.stem}.json tells of a matrix of {told}, not of this one: its mask and anchors are passed over."]
    if details.sha256 and details.sha256 != matrix_hash(whole):
        return details, [f"{path.name} was changed by another program since {path.stem}.json was written: check its mask."]
    return details, []


def read_matrix(path: Path) -> Truth:
    """Read a matrix of 0 and 1 out of a .npy file, as it is stored.

    Raises:
        BadInput: missing, no plain array (object arrays are never unpickled), too large, or values other than 0 and 1.
    """
    try:
        # A memory map reads the header alone: a file that claims a huge shape costs nothing.
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: make the ground truth first, or check its path.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}).") from None
    except (ValueError, EOFError):  # NumPy's own words advise to unpickle whatever it does not know
        raise BadInput(f"{path} cannot be read as a NumPy array of numbers: save the matrix anew with numpy.save.") from None
    if not isinstance(stored, np.ndarray) or stored.ndim != 2 or stored.dtype.kind not in "biuf":
        raise BadInput(f"{path} should hold one matrix of 0 and 1, reference x query.")
    if max(stored.shape) > _LARGEST or min(stored.shape) < 1:
        raise BadInput(f"{path} is {stored.shape[0]} x {stored.shape[1]}: sides of 1 to {_LARGEST} are read.")
    matrix = np.array(stored)
    if not np.isin(matrix, (0, 1)).all():
        raise BadInput(f"{path} should hold 0 and 1 only, but has other values (such as {matrix[~np.isin(matrix, (0, 1))][0]}).")
    return matrix.astype(np.uint8)


def places_of(truth: NDArray[np.generic], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of each query by a ground truth (places, queries): the middle one of those that are true, -1 for none."""
    where = np.full(truth.shape[1], -1, np.int64)
    for query in np.flatnonzero(~mask):
        true = np.flatnonzero(truth[:, query])
        if len(true):
            where[query] = true[(len(true) - 1) // 2]
    return where


def ones_of(matrix: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the cells that are not 0, row by row: np.nonzero, thirty times as fast for a large matrix of few."""
    if not matrix.flags.c_contiguous or matrix.dtype != np.uint8:
        rows, columns = np.nonzero(matrix)
        return rows.astype(np.int64), columns.astype(np.int64)
    rows, columns = np.divmod(np.flatnonzero(matrix.view(np.bool_)), matrix.shape[1])
    return rows, columns


def _cut(matrix: Truth, references: tuple[int, int], queries: tuple[int, int], every: int) -> Truth | None:
    """The used part of a matrix of the used or of the whole traverses, or None if it fits neither."""
    if matrix.shape == (references[1], queries[1]):
        return matrix
    if matrix.shape == (references[0], queries[0]):
        return matrix[::every, ::every][: references[1], : queries[1]]
    return None


def save_ground_truth(path: Path, matrix: NDArray[np.generic]) -> None:
    """Write (references, queries) 0/1 as LENS stores it: int64, whole or not at all.

    Raises:
        BadInput: not a matrix of 0 and 1.
    """
    if matrix.ndim != 2 or not np.isin(matrix, (0, 1)).all():
        raise BadInput("A ground truth is a matrix of 0 and 1, reference x query.")
    with replacing(path) as part, part.open("wb") as file:
        # As np.save, but without a second matrix of eight times the size in memory.
        np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": matrix.shape})
        rows = max(1, _CELLS_WRITTEN // matrix.shape[1]) if matrix.size else 1
        for first in range(0, matrix.shape[0], rows):
            file.write(np.ascontiguousarray(matrix[first : first + rows], "<i8").tobytes())


def save_truth(path: Path, matrix: NDArray[np.generic], details: TruthDetails) -> TruthDetails:
    """Write a ground truth as LENS stores it, and beside it the JSON with everything beyond 0 and 1.

    Args:
        path: the .npy file; the JSON has its name.
        matrix: (references, queries) of 0 and 1.
        details: sizes and hash are filled in here.

    Returns:
        The details as written.

    Raises:
        BadInput: not a matrix of 0 and 1, or details of another size.
    """
    values = {**details.model_dump(), "references": matrix.shape[0], "queries": matrix.shape[1], "sha256": matrix_hash(matrix)}
    whole = TruthDetails.check(values, "The ground truth's details")
    save_ground_truth(path, matrix)
    write_details(path, whole)
    return whole
