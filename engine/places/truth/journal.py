"""Edits of a ground truth on the disk as they are made: after a crash nothing is lost but the stroke that was being made."""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from engine.errors import BadInput
from engine.places.truth.change import Change
from engine.places.truth.document import TruthDocument
from engine.places.truth_details import matrix_hash

SCHEMA = 1
_LONGEST = 1 << 30


def journal_file(truth: Path) -> Path:
    """The journal beside a ground truth."""
    return truth.with_name(f".{truth.stem}.journal")


def state_hash(document: TruthDocument) -> str:
    """Hash of all that edits change."""
    parts = [matrix_hash(document.matrix)]
    parts += [np.packbits(flags).tobytes().hex() for flags in (document.mask, document.confirmed, document.rejected)]
    parts += [json.dumps([document.anchors, document.tolerance, document.made])]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


class Journal:
    """Appends changes to a file and waits until they are on the disk. The file is made with the first change."""

    def __init__(self, truth: Path, document: TruthDocument) -> None:
        """Of a document as it is on the disk now (or as it is after a recovery, when `resume` follows)."""
        self.path = journal_file(truth)
        self._header = _header(document)
        self._file: BinaryIO | None = None
        self.changes = 0

    def append(self, change: Change) -> None:
        """Keep a change that has been applied.

        Raises:
            BadInput: the disk is full or cannot be written; the change stays in memory only.
        """
        try:
            if self._file is None:
                self._file = self.path.open("ab" if self.changes else "wb")
                if not self.changes:
                    self._write(self._header)
            self._write(change.to_json())
        except OSError as error:
            self._close()
            raise BadInput(
                f"The journal {self.path} cannot be written ({error.strerror or error}): save the ground truth now, or the "
                "last edits would be lost in a crash."
            ) from None
        self.changes += 1

    def resume(self, changes: int) -> None:
        """Go on with a journal whose changes were recovered."""
        self.changes = changes

    def begin_again(self, document: TruthDocument) -> None:
        """The document is saved as it is: what was kept is of no more use."""
        self._close()
        self.path.unlink(missing_ok=True)
        self._header, self.changes = _header(document), 0

    def close(self) -> None:
        """Leave the file for the next start (where there is one)."""
        self._close()

    def _write(self, content: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(content, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass(frozen=True)
class Unsaved:
    """Edits that were never saved.

    path: the journal. changes: in order. began: when, as the journal says. fits: whether they belong to the ground truth as it
    is on the disk now. damaged: the journal ends in the middle of a stroke, or worse; what can be read is there.
    """

    path: Path
    changes: tuple[Change, ...]
    began: str
    fits: bool
    damaged: bool

    def text(self) -> str:
        """A sentence for a person."""
        one = len(self.changes) == 1
        when = f" of {self.began}" if self.began else ""
        edits = f"{len(self.changes)} edit{'' if one else 's'}{when} {'was' if one else 'were'} not saved"
        if not self.fits:
            cure = "it does not fit it any more" if one else "they do not fit it any more"
            return f"{edits}, but the ground truth has been changed since: {cure}."
        return f"{edits} when Revisit last ended."


def unsaved_edits(truth: Path, document: TruthDocument) -> Unsaved | None:
    """What a journal beside a ground truth holds; None without one, or where it holds nothing.

    Args:
        truth: the ground truth's file.
        document: as it is on the disk.

    Raises:
        BadInput: the journal cannot be read at all, or is of a newer version.
    """
    path = journal_file(truth)
    try:
        if not path.exists():
            return None
        if path.stat().st_size > _LONGEST:
            raise BadInput(f"{path} is larger than {_LONGEST >> 20} MiB: this is not a journal; move it away.")
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}): check its permissions, or move it away.") from None
    damaged = bool(lines.pop())  # every whole line ends in a line feed
    header = _parsed(lines[0]) if lines else None
    if header is None:
        return None if not any(lines) and not damaged else Unsaved(path, (), "", False, True)
    if header.get("schema_number", 0) > SCHEMA:
        raise BadInput(f"{path} was written by a newer Revisit: update Revisit, or move the file away.")
    shape = (header.get("references"), header.get("queries"))
    fits = shape == document.shape and header.get("base") == state_hash(document)
    changes = []
    for line in lines[1:] if shape == document.shape else ():
        content = _parsed(line)
        try:
            if content is None:
                raise BadInput("no JSON")
            changes.append(Change.from_json(content, document.shape))
        except BadInput:  # what follows builds on it
            damaged = True
            break
    if not changes and fits and not damaged:
        return None
    return Unsaved(path, tuple(changes), str(header.get("began", "")), fits, damaged)


def recover(unsaved: Unsaved, document: TruthDocument) -> Change:
    """All unsaved edits as one change of the document, not yet applied.

    Raises:
        BadInput: they do not fit.
    """
    if not unsaved.fits:
        raise BadInput(f"The edits in {unsaved.path} are of another version of the ground truth: they cannot be recovered.")
    whole = Change("Recovered edits")
    for change in unsaved.changes:
        whole = whole.then(change)
    return whole


def discard(unsaved: Unsaved, trash: Path) -> Path:
    """Move a journal to a folder for what was thrown away.

    Raises:
        BadInput: it cannot be moved.
    """
    target = trash / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    try:
        target.mkdir(parents=True)
        unsaved.path.rename(target / unsaved.path.name)
    except OSError as error:
        raise BadInput(f"{unsaved.path} cannot be moved to {target} ({error.strerror}): check the permissions.") from None
    return target / unsaved.path.name


def _header(document: TruthDocument) -> dict[str, Any]:
    return {
        "schema_number": SCHEMA,
        "references": document.shape[0],
        "queries": document.shape[1],
        "base": state_hash(document),
        "began": datetime.now().strftime("%Y-%m-%d %H:%M"),
    }


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
