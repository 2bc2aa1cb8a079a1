"""One edit of a ground truth: what it turns over, so that doing it again undoes it, and any two are one."""

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput

Cells = NDArray[np.int64]
Anchors = tuple[tuple[int, int], ...]
_NONE: Cells = np.empty(0, np.int64)
_LARGEST = 1 << 31  # bytes that a line of the journal may unpack to


def _none() -> Cells:
    return _NONE


@dataclass(frozen=True)
class Change:
    """What an edit turns over: cells from 0 to 1 or back, queries from masked to not masked, and so on.

    Attributes:
        text: for the Undo menu.
        cells: flat indices into the matrix (references, queries), sorted.
        masked, confirmed, rejected: queries, sorted.
        anchors, tolerance, made: before and after, None where they stay.
    """

    text: str = ""
    cells: Cells = field(default_factory=_none)
    masked: Cells = field(default_factory=_none)
    confirmed: Cells = field(default_factory=_none)
    rejected: Cells = field(default_factory=_none)
    anchors: tuple[Anchors, Anchors] | None = None
    tolerance: tuple[int, int] | None = None
    made: tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]] | None = None

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(
            len(self.cells)
            or len(self.masked)
            or len(self.confirmed)
            or len(self.rejected)
            or any(pair is not None and pair[0] != pair[1] for pair in (self.anchors, self.tolerance, self.made))
        )

    def then(self, later: "Change") -> "Change":
        """This and a later change as one; what both turn over stays as it was."""
        return Change(
            self.text or later.text,
            _either(self.cells, later.cells),
            _either(self.masked, later.masked),
            _either(self.confirmed, later.confirmed),
            _either(self.rejected, later.rejected),
            _joined(self.anchors, later.anchors),
            _joined(self.tolerance, later.tolerance),
            _joined(self.made, later.made),
        )

    def undone(self) -> "Change":
        """The change that takes this one back."""
        return Change(
            self.text,
            self.cells,
            self.masked,
            self.confirmed,
            self.rejected,
            _swapped(self.anchors),
            _swapped(self.tolerance),
            _swapped(self.made),
        )

    def queries(self, columns: int) -> Cells:
        """The queries that it concerns, sorted; `columns` is the number of queries."""
        return np.unique(np.concatenate([self.cells % columns, self.masked, self.confirmed, self.rejected]))

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the journal."""
        content: dict[str, Any] = {"text": self.text}
        for name in ("cells", "masked", "confirmed", "rejected"):
            values = getattr(self, name)
            if len(values):
                content[name] = base64.b64encode(zlib.compress(np.diff(values, prepend=0).astype("<i8").tobytes(), 1)).decode()
        for name in ("anchors", "tolerance", "made"):
            if getattr(self, name) is not None:
                content[name] = getattr(self, name)
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any], shape: tuple[int, int]) -> "Change":
        """Read what to_json wrote, for a matrix of this shape.

        Raises:
            BadInput: it is damaged, or of another matrix.
        """
        try:
            bounds = {"cells": shape[0] * shape[1], "masked": shape[1], "confirmed": shape[1], "rejected": shape[1]}
            flips = {name: _unpacked(content[name], limit) for name, limit in bounds.items() if name in content}
            anchors = content.get("anchors")
            pairs = None if anchors is None else (_pairs(anchors[0], shape), _pairs(anchors[1], shape))
            tolerance = content.get("tolerance")
            made = content.get("made")
            return cls(
                str(content.get("text", "")),
                **flips,
                anchors=pairs,
                tolerance=None if tolerance is None else (int(tolerance[0]), int(tolerance[1])),
                made=None if made is None else (tuple(map(dict, made[0])), tuple(map(dict, made[1]))),
            )
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error, binascii.Error) as error:
            raise BadInput(f"a change in the journal cannot be read ({error})") from None


def _either(one: Cells, other: Cells) -> Cells:
    return np.setxor1d(one, other, assume_unique=True)


def _joined(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one if other is None else other
    return one[0], other[1]


def _swapped(pair: Any) -> Any:
    return None if pair is None else (pair[1], pair[0])


def _pairs(values: Any, shape: tuple[int, int]) -> Anchors:
    pairs = tuple((int(row), int(column)) for row, column in values)
    if any(not (0 <= row < shape[0] and 0 <= column < shape[1]) for row, column in pairs):
        raise ValueError("an anchor lies outside the matrix")
    return pairs


def _unpacked(text: str, limit: int) -> Cells:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(text, validate=True), min(8 * limit, _LARGEST))
    if unpacker.unconsumed_tail or len(data) % 8:
        raise ValueError("more cells than the matrix has")
    values: Cells = np.cumsum(np.frombuffer(data, "<i8").astype(np.int64))
    if len(values) and (np.diff(values).min(initial=1) < 1 or values[0] < 0 or values[-1] >= limit):
        raise ValueError("cells outside the matrix")
    return values
