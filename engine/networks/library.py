"""The networks of a workspace, as a list to choose from: those in models/ and those in the folders of training runs.

Only the run records and the files' names are read, never the weights: a list of hundreds comes at once.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast, get_args

from engine.errors import BadInput
from engine.frames.inputs import NetworkKind as NetworkKind
from engine.networks.record import record_path
from engine.places.workspace import Workspace
from engine.storage import read_json

RUNS = "runs"
"""Folder of the training runs in a workspace."""

RUN_INFO = "run.json"
"""What a training run keeps of itself in its folder."""

_LENS_NAME = re.compile(r"(?P<reference>.+)_LENS_IN(?P<inputs>\d{1,9})_FN\d{1,9}_DB(?P<places>\d{1,9})")
_RECORD_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class NetworkEntry:
    """One network file.

    Attributes:
        path: of the .pth file.
        name: its file name without .pth.
        kind: what its record says; a file without a record is one of LENS's own.
        reference: names of the reference traverses, joined by " + "; "" where neither record nor name says.
        places: number of places; None where neither record nor name says.
        inputs: number of inputs; likewise.
        created: when training ended; without a record, when the file was last written.
        run: folder of the training run that it came from, if that is there.
        title: what to call it in a list: the name that its run was given, or else its file's; with the time where several
            share it. Networks of one size have the same file name, so that many runs could not be told apart by it.
        problem: a sentence where the record beside it cannot be read.
    """

    path: Path
    name: str
    kind: NetworkKind
    reference: str
    places: int | None
    inputs: int | None
    created: datetime
    run: Path | None = None
    problem: str = ""
    title: str = ""


def networks_of(workspace: Workspace) -> list[NetworkEntry]:
    """All networks of a workspace, newest first; one in models/ and in its run's folder is listed from models/ alone."""
    in_runs = [entry for path in sorted((workspace.root / RUNS).glob("*/*.pth")) if (entry := _entry(path, path.parent))]
    in_models = [entry for path in sorted(workspace.models.glob("*.pth")) if (entry := _entry(path, None))]
    runs = {_fingerprint(entry.path): entry for entry in in_runs if record_path(entry.path).exists()}
    found = []
    for entry in in_models:
        twin = runs.pop(_fingerprint(entry.path), None)
        found.append(entry if twin is None else replace(entry, run=twin.run))
    placed = {entry.run for entry in found}
    found += [entry for entry in in_runs if entry.run not in placed]
    return _entitled(sorted(found, key=lambda entry: (entry.created, entry.name), reverse=True))


def _entitled(entries: list[NetworkEntry]) -> list[NetworkEntry]:
    titles = [run_name(entry.run) or entry.name for entry in entries]
    shared = {title for title in titles if titles.count(title) > 1}
    return [
        replace(entry, title=f"{title} ({entry.created.astimezone():%Y-%m-%d %H:%M:%S})" if title in shared else title)
        for entry, title in zip(entries, titles, strict=True)
    ]


def run_name(run: Path | None) -> str:
    """What the training run of a folder is called; "" where it is none, or its record cannot be read."""
    if run is None or not (run / RUN_INFO).is_file():
        return ""
    try:
        info = read_json(run / RUN_INFO, _RECORD_BYTES)
    except BadInput:  # the list of runs says so
        return ""
    name = info.get("name") if isinstance(info, dict) else None
    return name if isinstance(name, str) else ""


def _entry(path: Path, run: Path | None) -> NetworkEntry | None:
    if path.name.startswith("."):
        return None
    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
    except OSError:  # removed meanwhile
        return None
    name = _LENS_NAME.fullmatch(path.stem)
    reference, places, inputs = (name["reference"], int(name["places"]), int(name["inputs"])) if name else ("", None, None)
    plain = NetworkEntry(path, path.stem, "lens", reference, places, inputs, modified, run)
    source = record_path(path)
    if not source.exists():
        return plain
    try:
        record = read_json(source, _RECORD_BYTES)
        if not isinstance(record, dict):
            raise BadInput(f"{source} is not a run record: it must be a JSON object.")
    except BadInput as error:
        return replace(plain, problem=str(error))
    return _described(plain, record)


def _described(plain: NetworkEntry, record: dict[str, Any]) -> NetworkEntry:
    """What a record says over what the file's name says; a value of the wrong kind is passed over."""
    kind, places, references = record.get("kind"), record.get("places"), record.get("references")
    inputs = record.get("inputs")
    dims = inputs.get("dims") if isinstance(inputs, dict) else None
    known = [str(part) for part in references] if isinstance(references, list) else []
    return NetworkEntry(
        plain.path,
        plain.name,
        cast(NetworkKind, kind) if kind in get_args(NetworkKind) else plain.kind,
        " + ".join(known) or plain.reference,
        places if isinstance(places, int) else plain.places,
        _area(dims) or plain.inputs,
        _moment(record.get("created")) or plain.created,
        plain.run,
    )


def _area(dims: Any) -> int | None:
    pair = isinstance(dims, list) and len(dims) == 2 and all(isinstance(side, int) for side in dims)
    return dims[0] * dims[1] if pair else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _fingerprint(network: Path) -> tuple[int, bytes]:
    """Two files of one size and one record are one network: the record holds its time, seed, data and parameters."""
    try:
        return network.stat().st_size, record_path(network).read_bytes()[:_RECORD_BYTES]
    except OSError:
        return -1, str(network).encode()
