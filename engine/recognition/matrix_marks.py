"""What is marked on a similarity matrix: ground truth with its tolerance, a proposed ground truth, matches right and wrong."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.places.ground_truth import ones_of
from engine.recognition.matrix_picture import Flags, Rectangle
from engine.recognition.metrics import dilate

TRUE, HALO, PROPOSED, RIGHT, WRONG = 1, 2, 4, 8, 16
_SPARSE = 16  # cells of a rectangle that are marked in the time of one single cell


class Neighbours:
    """For each reference the references within some metres of it, itself among them."""

    def __init__(self, xy: NDArray[np.float64], metres: float) -> None:
        """Of positions (references, 2) in metres; a place without a pose (NaN) is near to itself alone."""
        known = np.flatnonzero(np.isfinite(xy).all(axis=1))
        order = known[np.argsort(xy[known, 0], kind="stable")]
        across = xy[order, 0]
        first = np.searchsorted(across, xy[:, 0] - metres, side="left")
        last = np.searchsorted(across, xy[:, 0] + metres, side="right")
        found = []
        for row in range(len(xy)):
            near = order[first[row] : last[row]] if np.isfinite(xy[row]).all() else np.array([row])
            apart = xy[near] - xy[row]
            found.append(near[~(np.hypot(apart[:, 0], apart[:, 1]) > metres)])
        self._begins = np.concatenate([[0], np.cumsum([len(near) for near in found])]).astype(np.int64)
        self._all = np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._begins) - 1

    def of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The neighbours of all these references, one after another, and of which of `rows` each one is."""
        counts = self._begins[rows + 1] - self._begins[rows]
        which = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._all[self._begins[rows][which] + within], which


class MatrixMarks:
    """Marks of every cell as bits (TRUE, HALO, PROPOSED, RIGHT, WRONG), in halved copies for drawing.

    The ground truth is kept, not copied: whoever changes it says where with `truth_changed`, and only that part is marked anew.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.truth: NDArray[np.uint8] | None = None
        self.tolerance = 0
        self._proposal: NDArray[np.uint8] | None = None
        self._matches: NDArray[np.int64] | None = None
        self._right: NDArray[np.bool_] | None = None
        self._near: Neighbours | None = None
        self._flags: Flags | None = None

    @property
    def flags(self) -> Flags | None:
        """The marks; None where there is nothing to mark."""
        if self._flags is None and (self.truth is not None or self._proposal is not None or self._matches is not None):
            marks = np.zeros(self.shape, np.uint8)
            self._mark(marks, (0, 0, *self.shape))
            self._flags = Flags.of(marks)
        return self._flags

    def set_truth(self, truth: NDArray[np.uint8] | None, tolerance: int = 0, near: Neighbours | None = None) -> None:
        """Mark a ground truth of 0 and 1 (references, queries), and what is within the tolerance of it.

        Args:
            truth: kept, not copied.
            tolerance: frames along the reference axis.
            near: the references near to each, in place of those frames: a tolerance in metres.

        Raises:
            BadInput: it is of another size than the matrix.
        """
        if near is not None and len(near) != self.shape[0]:
            raise BadInput(f"There are positions of {len(near)} references, but the matrix has {self.shape[0]}.")
        self.truth, self._flags = self._checked(truth, "ground truth"), None
        self.tolerance, self._near = (tolerance, None) if near is None else (0, near)

    def set_proposal(self, proposal: NDArray[np.uint8] | None) -> None:
        """Mark a proposed ground truth.

        Raises:
            BadInput: it is of another size than the matrix.
        """
        self._proposal, self._flags = self._checked(proposal, "proposed ground truth"), None

    def set_matches(self, matches: NDArray[np.integer] | None, right: NDArray[np.bool_] | None = None) -> None:
        """Mark the reference that each query was matched to (queries,), -1 for none, and whether it is right (all, if None).

        Raises:
            BadInput: there are more or fewer than queries.
        """
        if matches is None:
            self._matches = self._right = None
        else:
            if matches.shape != (self.shape[1],) or (right is not None and right.shape != matches.shape):
                raise BadInput(f"There should be one match for each of {self.shape[1]} queries, but there are {len(matches)}.")
            self._matches = np.asarray(matches, np.int64)
            self._right = np.ones(len(matches), bool) if right is None else np.asarray(right, bool)
        self._flags = None

    def truth_changed(self, where: Rectangle, cells: NDArray[np.int64] | None = None) -> Rectangle:
        """Mark anew what a change of the ground truth within `where` affects; returns that rectangle (with the halo).

        `cells` are the flat indices of what changed, where they are known: a few cells far apart are then marked alone.
        """
        wide = (max(where[0] - self.tolerance, 0), where[1], min(where[2] + self.tolerance, self.shape[0]), where[3])
        if self._near is not None:  # a place may be near to any other
            wide, cells = (0, where[1], self.shape[0], where[3]), None
        if self._flags is None or self.truth is None:
            return wide
        area = (wide[2] - wide[0]) * (wide[3] - wide[1])
        if cells is not None and len(cells) * (2 * self.tolerance + 1) ** 2 * _SPARSE < area:
            self._mark_cells(self._flags, self.truth, cells)
        else:
            marks = self._flags.levels[0]
            marks[wide[0] : wide[2], wide[1] : wide[3]] = 0
            self._mark(marks, wide)
            self._flags.changed(wide)
        return wide

    def _checked(self, matrix: NDArray[np.uint8] | None, name: str) -> NDArray[np.uint8] | None:
        if matrix is not None and matrix.shape != self.shape:
            raise BadInput(
                f"The {name} is {matrix.shape[0]} x {matrix.shape[1]}, but the similarity matrix is {self.shape[0]} x "
                f"{self.shape[1]}: both should be reference x query of the same frames."
            )
        return matrix

    def _mark_cells(self, flags: Flags, truth: NDArray[np.uint8], cells: NDArray[np.int64]) -> None:
        """Mark the neighbourhoods of single cells anew."""
        shifts = np.arange(-self.tolerance, self.tolerance + 1)
        around = np.unique((cells[:, None] + shifts * self.shape[1]).ravel())  # a step of a whole row goes down a column
        around = around[(around >= 0) & (around < truth.size)]
        near = (around[:, None] + shifts * self.shape[1]).clip(0, truth.size - 1)
        rows, own = around[:, None] // self.shape[1] + shifts, truth.reshape(-1)[around] != 0
        halo = ((truth.reshape(-1)[near] != 0) & (rows >= 0) & (rows < self.shape[0])).any(axis=1)
        marks = flags.levels[0].reshape(-1)
        marks[around] = (marks[around] & ~np.uint8(TRUE | HALO)) | np.where(own, TRUE, np.where(halo, HALO, 0)).astype(np.uint8)
        flags.cells_changed(around)

    def _mark(self, marks: NDArray[np.uint8], where: Rectangle) -> None:
        top, left, bottom, right = where
        part = marks[top:bottom, left:right]
        if self.truth is not None:
            first, last = max(top - self.tolerance, 0), min(bottom + self.tolerance, self.shape[0])
            if self._near is not None:
                first, last = 0, self.shape[0]
            self._mark_truth(part, self.truth[first:last, left:right], top - first)
        if self._proposal is not None:
            rows, columns = ones_of(self._proposal[top:bottom, left:right])
            part[rows, columns] |= PROPOSED
        if self._matches is not None and self._right is not None:
            queries = np.arange(left, right)
            rows = self._matches[left:right]
            inside = (rows >= top) & (rows < bottom)
            bits = np.where(self._right[left:right], RIGHT, WRONG).astype(np.uint8)
            marks[rows[inside], queries[inside]] |= bits[inside]

    def _mark_truth(self, part: NDArray[np.uint8], truth: NDArray[np.uint8], above: int) -> None:
        """Mark the cells of `part`, which begins `above` rows into `truth`."""
        rows, columns = ones_of(truth)
        height = part.shape[0]
        if self._near is not None:
            around, which = self._near.of(rows)
            around, own_columns = around - above, columns[which]
            inside = (around >= 0) & (around < height)
            part[around[inside], own_columns[inside]] |= HALO
        elif len(rows) * (2 * self.tolerance + 1) > truth.size // 2:
            grown = dilate(truth, self.tolerance)[above : above + height]
            part |= grown.astype(np.uint8) * np.uint8(HALO)
        else:
            for shift in range(-self.tolerance, self.tolerance + 1):
                moved = rows + (shift - above)
                inside = (moved >= 0) & (moved < height)
                part[moved[inside], columns[inside]] |= HALO
        own = rows - above
        inside = (own >= 0) & (own < height)
        part[own[inside], columns[inside]] = (part[own[inside], columns[inside]] & ~np.uint8(HALO)) | TRUE
