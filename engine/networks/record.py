"""The run record: how a network came to be, as a JSON file beside it."""

import hashlib
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field

from engine import __version__
from engine.errors import BadInput
from engine.parameters import Parameters, UnknownParameter
from engine.storage import read_json, write_json

SCHEMA = 1


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class RunRecord(Parameters):
    """All that is needed to make the same network again."""

    schema_version: int = Field(SCHEMA, ge=1, description="Number of this file's layout.")
    kind: Literal["lens", "prototype"] = Field("lens", description="Kind of network.")
    revisit: str = Field(__version__, description="Version of Revisit that trained it.")
    created: AwareDatetime = Field(default_factory=_now, description="When training ended, UTC.")
    native: str = Field(description="Build of the compiled loops that ran: avx512, avx2, baseline or numpy.")
    seed: int = Field(description="Seed of the one random generator.")
    inputs: dict[str, Any] = Field(description="How frames became inputs: the InputParameters.")
    training: dict[str, Any] = Field(description="The training parameters.")
    data_hash: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 over the frames it learned from, see hash_arrays.")
    references: tuple[str, ...] = Field(min_length=1, description="Names of the reference traverses.")
    route: Literal["same", "after"] = Field(
        "same", description="Whether several references show the same places (the first one's), or one another's following ones."
    )
    part_places: tuple[int, ...] = Field(
        (), description="Number of places that each reference brings, where they follow one another."
    )
    places: int = Field(ge=1, description="Number of places.")
    filter: int = Field(1, ge=1, description="Its places are every so-many-th frame of the references.")
    statistics: dict[str, list[float]] | None = Field(
        None, description="Mean and deviation of each input over the references, where pixels are normalised."
    )
    compat: str | None = Field(None, description="Version of LENS whose ways were followed, if any.")
    tuned_on: tuple[str, ...] = Field((), description="Query traverses by which the parameters were chosen in a sweep.")


def hash_arrays(*arrays: NDArray[Any]) -> str:
    """SHA-256 over shape, dtype and values of arrays, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str};".encode())
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
    return digest.hexdigest()


def record_path(network: Path) -> Path:
    """Where the record of a network file lies."""
    return network.with_suffix(".json")


def write_record(network: Path, record: RunRecord) -> None:
    """Write the record of a network file beside it."""
    write_json(record_path(network), record.model_dump(mode="json"))


def read_record(network: Path) -> RunRecord | None:
    """The record beside a network file, or None: LENS's own files have none. Unknown keys warn.

    Raises:
        BadInput: it is there and is not a run record.
    """
    source = record_path(network)
    if not source.exists():
        return None
    content = read_json(source)
    if not isinstance(content, Mapping):
        raise BadInput(f"{source} is not a run record: it must be a JSON object; move it away to use the network without it.")
    record = RunRecord.read(content, str(source))
    if record.schema_version > SCHEMA:
        warnings.warn(f"{source} was written by a newer Revisit ({record.revisit}).", UnknownParameter, stacklevel=2)
    return record
