"""A ground truth that is being edited: a plain model, which a window only mirrors."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.places.ground_truth import load_ground_truth, save_truth
from engine.places.truth.change import Anchors, Cells, Change
from engine.places.truth.proposal import Proposal, check_size, many
from engine.places.truth_details import TruthDetails

Cell = tuple[int, int]  # reference, query
Rectangle = tuple[int, int, int, int]  # first row, first column, one past the last row, one past the last column


class TruthDocument:
    """A ground truth, its mask, anchors and what a person has checked.

    Each edit is first a Change, which nothing has happened to yet; `apply` does it, and `apply(change.undone())` takes it back.
    An edit that would change nothing is a Change that is false.

    Attributes:
        matrix: (references, queries) uint8 of 0 and 1; changed in place.
        mask, confirmed, rejected: (queries,) bool; changed in place.
        anchors: (reference, query) pairs in order of the query.
        tolerance: frames along the reference axis, for looking at it.
        made: how it came about, step by step.
        notes: what there was to say when it was opened.
    """

    def __init__(
        self,
        matrix: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        details: TruthDetails | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        check_size(*matrix.shape)
        self.matrix = np.ascontiguousarray(matrix, np.uint8)
        self.mask = mask.copy()
        self.confirmed, self.rejected = np.zeros(matrix.shape[1], bool), np.zeros(matrix.shape[1], bool)
        self.anchors: Anchors = ()
        self.tolerance = 0
        self.made: tuple[dict[str, Any], ...] = ()
        self.notes = notes
        if details is not None:
            self.confirmed[list(details.confirmed)] = True
            self.rejected[list(details.rejected)] = True
            self.anchors, self.tolerance, self.made = details.anchors, details.tolerance, details.made

    @classmethod
    def open(cls, path: Path, references: int, queries: int) -> "TruthDocument":
        """Read a ground truth of whole traverses; an empty one where there is no file yet.

        Raises:
            BadInput: the file cannot be read or does not fit.
        """
        if not path.exists():
            return cls.empty(references, queries)
        truth = load_ground_truth(path, (references, references), (queries, queries), scored=False)
        return cls(truth.matrix, truth.mask, truth.details, truth.notes)

    @classmethod
    def empty(cls, references: int, queries: int) -> "TruthDocument":
        """One without any match."""
        check_size(references, queries)
        return cls(np.zeros((references, queries), np.uint8), np.zeros(queries, bool))

    @property
    def shape(self) -> tuple[int, int]:
        """References and queries."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def details(self) -> TruthDetails:
        """What goes into the JSON beside the matrix."""
        return TruthDetails(
            references=self.shape[0],
            queries=self.shape[1],
            masked=tuple(np.flatnonzero(self.mask).tolist()),
            anchors=self.anchors,
            confirmed=tuple(np.flatnonzero(self.confirmed).tolist()),
            rejected=tuple(np.flatnonzero(self.rejected).tolist()),
            tolerance=self.tolerance,
            made=self.made,
        )

    def copy(self) -> "TruthDocument":
        """As it is now, for a job that saves or checks it while the editing goes on."""
        return TruthDocument(self.matrix.copy(), self.mask, self.details(), self.notes)

    def save(self, path: Path) -> None:
        """Write LENS's .npy and the JSON beside it, each whole or not at all.

        Raises:
            BadInput: it cannot be written.
        """
        try:
            save_truth(path, self.matrix, self.details())
        except OSError as error:
            raise BadInput(f"{path} cannot be written ({error.strerror or error}): make room or check its permissions.") from None

    def matches(self, query: int) -> Cells:
        """The references that a query matches, in order."""
        found: Cells = np.flatnonzero(self.matrix[:, query])
        return found

    # -- doing

    def apply(self, change: Change) -> Rectangle | None:
        """Do a change; returns the rectangle of the matrix within which cells were turned over, None where none were."""
        self.matrix.reshape(-1)[change.cells] ^= 1
        self.mask[change.masked] ^= True
        self.confirmed[change.confirmed] ^= True
        self.rejected[change.rejected] ^= True
        if change.anchors is not None:
            self.anchors = change.anchors[1]
        if change.tolerance is not None:
            self.tolerance = change.tolerance[1]
        if change.made is not None:
            self.made = change.made[1]
        if not len(change.cells):
            return None
        columns = self.shape[1]
        across = change.cells % columns
        return (
            int(change.cells[0] // columns),
            int(across.min()),
            int(change.cells[-1] // columns) + 1,
            int(across.max()) + 1,
        )

    # -- edits

    def paint(self, cells: Iterable[Cell], alone: bool = True, text: str = "Paint") -> Change:
        """Give queries a match at these cells; `alone` takes their other matches away. A masked query is then scored again."""
        rows, columns = _split(cells, self.shape)
        if not len(rows):
            return Change(text)
        if alone:  # the last cell of a stroke in a query's column counts, and with it the others of the same stroke
            turned = self._columns_become(columns, rows)
        else:
            flat = np.unique(rows * self.shape[1] + columns)
            turned = flat[self.matrix.reshape(-1)[flat] == 0]
        touched = np.unique(columns)
        return Change(text, turned, touched[self.mask[touched]], rejected=touched[self.rejected[touched]])

    def erase(self, cells: Iterable[Cell]) -> Change:
        """Take matches away at these cells."""
        rows, columns = _split(cells, self.shape)
        flat = np.unique(rows * self.shape[1] + columns)
        return Change("Erase", flat[self.matrix.reshape(-1)[flat] != 0])

    def move_match(self, query: int, by: int) -> Change:
        """Move all matches of a query along the reference; nothing where one would leave it."""
        rows = self.matches(query)
        if not len(rows) or rows[0] + by < 0 or rows[-1] + by >= self.shape[0]:
            return Change("Move the match")
        columns = np.full(len(rows), query)
        return Change(f"Move the match of query {query} by {by:+d}", self._columns_become(columns, rows + by))

    def shift(self, by: int) -> Change:
        """Move every match along the reference; those that would leave it are lost."""
        moved = np.zeros_like(self.matrix)
        if by >= 0:
            moved[by:] = self.matrix[: self.shape[0] - by]
        else:
            moved[:by] = self.matrix[-by:]
        turned = self._becomes(moved)
        made = (self.made, (*self.made, {"made": "shift", "by": by})) if len(turned) else None
        return Change(f"Shift all matches by {by:+d}", turned, made=made)

    def turn(self) -> Change:
        """Take rows for columns and the other way round, in a square matrix; what was said about single queries is forgotten.

        Raises:
            BadInput: the matrix is not square.
        """
        if self.shape[0] != self.shape[1]:
            raise BadInput(
                f"A ground truth of {self.shape[0]} x {self.shape[1]} cannot be turned: the traverses have other counts."
            )
        turned = tuple(sorted(((query, reference) for reference, query in self.anchors), key=lambda pair: pair[1]))
        unique = {query: (reference, query) for reference, query in turned}
        return Change(
            "Turn the matrix",
            self._becomes(np.ascontiguousarray(self.matrix.T)),
            np.flatnonzero(self.mask),
            np.flatnonzero(self.confirmed),
            np.flatnonzero(self.rejected),
            anchors=(self.anchors, tuple(unique.values())),
            made=(self.made, (*self.made, {"made": "turn"})),
        )

    def set_mask(self, queries: Iterable[int], on: bool) -> Change:
        """Say that queries cannot be scored, or can."""
        numbers = self._queries(queries)
        turned = numbers[self.mask[numbers] != on]
        text = f"{'Mask' if on else 'Unmask'} {many(len(turned), 'query', 'queries')}"
        return Change(text, masked=turned, rejected=np.empty(0, np.int64) if on else numbers[self.rejected[numbers]])

    def confirm(self, queries: Iterable[int]) -> Change:
        """Say that a person has seen these queries' matches, and they are right."""
        numbers = self._queries(queries)
        text = f"Confirm {many(len(numbers), 'query', 'queries')}"
        return Change(text, confirmed=numbers[~self.confirmed[numbers]], rejected=numbers[self.rejected[numbers]])

    def reject(self, query: int) -> Change:
        """Say that a query's matches are wrong: they go, and the query is masked until it is given another."""
        number = self._queries([query])
        return Change(
            f"Reject the match of query {query}",
            self.matches(query) * self.shape[1] + query,
            number[~self.mask[number]],
            number[self.confirmed[number]],
            number[~self.rejected[number]],
        )

    def add_anchor(self, reference: int, query: int) -> Change:
        """Set an anchor, in place of one of the same query."""
        kept = [pair for pair in self.anchors if pair[1] != query]
        made = tuple(sorted([*kept, (reference, query)], key=lambda pair: pair[1]))
        return Change(f"Set an anchor at query {query}", anchors=(self.anchors, made))

    def remove_anchors(self, queries: Iterable[int]) -> Change:
        """Take the anchors of these queries away."""
        gone = set(queries)
        return Change("Remove anchors", anchors=(self.anchors, tuple(pair for pair in self.anchors if pair[1] not in gone)))

    def set_tolerance(self, frames: int) -> Change:
        """Show another tolerance."""
        return Change(f"Tolerance of {many(frames, 'frame')}", tolerance=(self.tolerance, frames))

    def replace(self, proposal: Proposal, keep_confirmed: bool = True) -> Change:
        """Take a proposal in place of what is there; `keep_confirmed` leaves the queries that a person has confirmed as they are.

        Raises:
            BadInput: it is of another size.
        """
        if proposal.matrix.shape != self.shape:
            raise BadInput(
                f"The proposal is {proposal.matrix.shape[0]} x {proposal.matrix.shape[1]}, but the ground truth is "
                f"{self.shape[0]} x {self.shape[1]}: both should be of the same frames."
            )
        kept = self.confirmed if keep_confirmed else np.zeros(self.shape[1], bool)
        matrix = proposal.matrix
        if kept.any():
            matrix = matrix.copy()
            matrix[:, kept] = self.matrix[:, kept]
        mask = np.where(kept, self.mask, proposal.mask)
        anchors = proposal.anchors or self.anchors
        made = (*self.made, proposal.made) if kept.any() else (proposal.made,)
        return Change(
            f"Replace by {proposal.made.get('made', 'a proposal')}",
            self._becomes(matrix),
            np.flatnonzero(mask != self.mask),
            np.flatnonzero(self.confirmed & ~kept),
            np.flatnonzero(self.rejected & ~kept),
            anchors=(self.anchors, anchors),
            made=(self.made, made),
        )

    def _becomes(self, matrix: NDArray[np.uint8]) -> Cells:
        turned: Cells = np.flatnonzero((matrix != self.matrix).reshape(-1))
        return turned

    def _columns_become(self, columns: NDArray[np.integer], rows: NDArray[np.integer]) -> Cells:
        """The cells to turn over so that these columns have a match at these cells and nowhere else."""
        touched = np.unique(columns)
        old_rows, old = np.nonzero(self.matrix[:, touched])
        before = old_rows * self.shape[1] + touched[old]
        return np.setxor1d(before, np.unique(rows * self.shape[1] + columns), assume_unique=True)

    def _queries(self, queries: Iterable[int]) -> Cells:
        numbers = np.unique(np.fromiter(queries, np.int64))
        return numbers[(numbers >= 0) & (numbers < self.shape[1])]


def line_cells(begin: Cell, end: Cell) -> list[Cell]:
    """The cells of a straight line: one a query between two queries, all references between where the query is the same."""
    (row, column), (last_row, last_column) = begin, end
    if column == last_column:
        step = 1 if last_row >= row else -1
        return [(number, column) for number in range(row, last_row + step, step)]
    step = 1 if last_column > column else -1
    slope = (last_row - row) / (last_column - column)
    return [(int(np.floor(row + slope * (number - column) + 0.5)), number) for number in range(column, last_column + step, step)]


def band_cells(begin: Cell, end: Cell, width: int) -> list[Cell]:
    """A line that is `width` references wide (an even width is one wider on the side of later references)."""
    below, above = (width - 1) // 2, width // 2
    middle = line_cells(begin, end)
    return list(dict.fromkeys((row + shift, column) for row, column in middle for shift in range(-below, above + 1)))


def one_each(cells: Iterable[Cell]) -> list[Cell]:
    """Of several cells of one query only the last: what a pencil leaves where each query has one match."""
    return [(row, column) for column, row in {column: row for row, column in cells}.items()]


def _split(cells: Iterable[Cell], shape: tuple[int, int]) -> tuple[Cells, Cells]:
    pairs = np.array(list(cells), np.int64).reshape(-1, 2)
    inside = (pairs[:, 0] >= 0) & (pairs[:, 0] < shape[0]) & (pairs[:, 1] >= 0) & (pairs[:, 1] < shape[1])
    return pairs[inside, 0], pairs[inside, 1]
