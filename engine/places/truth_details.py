"""What a ground truth knows beyond 0 and 1: which queries cannot be scored, anchors, what a person checked, how it was made."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator, model_validator

from engine.errors import BadInput
from engine.parameters import Parameters, parameter
from engine.storage import read_json, write_json

SCHEMA = 1


class TruthDetails(Parameters):
    """The JSON file beside a ground truth, of the whole matrix reference x query. Everything works without it."""

    schema_number: int = parameter(SCHEMA, "Version of this file's layout.", ge=1)
    references: int = parameter(0, "Rows of the matrix.", ge=0)
    queries: int = parameter(0, "Columns of the matrix.", ge=0)
    masked: tuple[int, ...] = parameter((), "Queries that cannot be scored, by index.")
    anchors: tuple[tuple[int, int], ...] = parameter((), "Pairs of frames (reference, query) that a person set.")
    confirmed: tuple[int, ...] = parameter((), "Queries whose matches a person has confirmed.")
    rejected: tuple[int, ...] = parameter((), "Queries whose matches a person has rejected.")
    tolerance: int = parameter(0, "How far from a true place is still right, as it was looked at.", unit="frames", ge=0)
    made: tuple[dict[str, Any], ...] = parameter((), "How the matrix came about, step by step, with all parameters.")
    sha256: str = parameter("", "Hash of the matrix that this file was written with (see matrix_hash).")

    @field_validator("masked", "confirmed", "rejected", "anchors", mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return tuple(tuple(part) if isinstance(part, list) else part for part in value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _within(self) -> "TruthDetails":
        for name in ("masked", "confirmed", "rejected"):
            if any(not 0 <= query < self.queries for query in getattr(self, name)):
                raise ValueError(f"{name} should name queries of 0 to {self.queries - 1}")
        if any(not (0 <= row < self.references and 0 <= column < self.queries) for row, column in self.anchors):
            raise ValueError(f"anchors should lie in a matrix of {self.references} x {self.queries}")
        return self

    def mask(self) -> NDArray[np.bool_]:
        """(queries,) True where a query cannot be scored."""
        mask = np.zeros(self.queries, bool)
        mask[list(self.masked)] = True
        return mask


def details_file(path: Path) -> Path:
    """The JSON file beside a ground truth."""
    return path.with_suffix(".json")


def matrix_hash(matrix: NDArray[np.generic]) -> str:
    """Hash of a matrix of 0 and 1: SHA-256 of its shape and its bits, row by row."""
    cells = np.asarray(matrix)
    bits = np.packbits(cells.view(np.bool_) if cells.dtype == np.uint8 and cells.flags.c_contiguous else cells != 0)
    return hashlib.sha256(f"{matrix.shape[0]}x{matrix.shape[1]}:".encode() + bits.tobytes()).hexdigest()


def read_details(path: Path) -> TruthDetails | None:
    """What the JSON beside the ground truth `path` says; None without one.

    Raises:
        BadInput: it cannot be read, or it is of a newer version.
    """
    beside = details_file(path)
    if not beside.exists():
        return None
    content = read_json(beside)
    if not isinstance(content, dict):
        raise BadInput(f"{beside} should be a JSON object: move it away (the ground truth works without it) or restore it.")
    number = content.get("schema_number", SCHEMA)
    if isinstance(number, int) and number > SCHEMA:
        raise BadInput(f"{beside} was written by a newer Revisit (layout {number}): update Revisit, or move the file away.")
    return TruthDetails.read(content, str(beside))


def write_details(path: Path, details: TruthDetails) -> None:
    """Write the JSON beside the ground truth `path`, whole or not at all."""
    write_json(details_file(path), details.model_dump(mode="json"))
