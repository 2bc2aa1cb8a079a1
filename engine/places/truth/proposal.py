"""What every way of making a ground truth gives: a proposal, which a person may look at before it replaces anything."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput

LARGEST = 40_000  # frames a traverse, as ground_truth.py reads them


@dataclass(frozen=True)
class Proposal:
    """A ground truth that was made but not yet taken.

    Attributes:
        matrix: (references, queries) uint8 of 0 and 1.
        mask: (queries,) True where a query cannot be scored.
        made: how, for the record: the way, and all its parameters.
        anchors: (reference, query) pairs that it was made from.
        notes: sentences on what a person should know about it.
    """

    matrix: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    made: dict[str, Any] = field(default_factory=dict)
    anchors: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """References, queries, ones, and queries with a match, without one, and masked."""
        matched = self.matrix.any(axis=0)
        return {
            "references": int(self.matrix.shape[0]),
            "queries": int(self.matrix.shape[1]),
            "matches": int(np.count_nonzero(self.matrix)),
            "queries_with_match": int(np.count_nonzero(matched & ~self.mask)),
            "queries_without_match": int(np.count_nonzero(~matched & ~self.mask)),
            "masked": int(np.count_nonzero(self.mask)),
        }


def check_size(references: int, queries: int) -> None:
    """Refuse sizes that no ground truth can have.

    Raises:
        BadInput: no frame, or too many.
    """
    if references < 1 or queries < 1:
        raise BadInput(
            "A ground truth needs at least one reference frame and one query frame: choose traverses that have frames."
        )
    if max(references, queries) > LARGEST:
        raise BadInput(
            f"A ground truth of {references} x {queries} is too large: traverses of up to {LARGEST} frames can be used; take "
            "every n-th frame."
        )


def matrix_of_rows(rows: NDArray[np.integer], references: int, queries: int) -> NDArray[np.uint8]:
    """(references, queries) with a 1 in row rows[q] of each query q; rows outside the matrix are no match."""
    matrix = np.zeros((references, queries), np.uint8)
    inside = (rows >= 0) & (rows < references)
    matrix[rows[inside], np.flatnonzero(inside)] = 1
    return matrix


def spans(numbers: NDArray[np.integer]) -> str:
    """Sorted numbers for people: "3, 7-9, 12"; at most six parts."""
    if len(numbers) == 0:
        return "none"
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    parts = [
        str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in np.split(np.asarray(numbers), cuts) if len(part)
    ]
    return ", ".join(parts[:6]) + (f" and {len(parts) - 6} more stretches" if len(parts) > 6 else "")


def many(count: int, one: str, several: str = "") -> str:
    """A count with its word: "1 query", "3 queries"."""
    return f"{count} {one if count == 1 else several or one + 's'}"
