"""A traverse that is written while it is filmed: frame by frame whole, so that a kill leaves all frames but the last."""

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.frames.png import encode_png
from engine.places.index import IndexRow, write_index
from engine.places.traverse import TraverseInfo
from engine.storage import write_json

STARTS = ".window_starts"
"""Beside the frames while they are recorded: the start (us) of each frame's window, one a line, ahead of its frame."""


def image_name(number: int) -> str:
    """The file of the frame with this number."""
    return f"image_{number:04d}.png"


class TraverseRecorder:
    """Writes event frames into a new traverse.

    While it runs, the folder is a traverse without an index file and without window starts; finish() adds both.

    Raises:
        BadInput: the folder or the index file is there already, or cannot be made.
    """

    def __init__(self, folder: Path, index: Path, info: TraverseInfo) -> None:
        self.folder, self.index, self.info = folder, index, info
        self.frames = 0
        self.bytes = 0
        self._start_us: int | None = None
        if index.exists():
            raise BadInput(f"{index} exists already: choose another name for the traverse, or move the old one away.")
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise BadInput(f"{folder} exists already: choose another name for the traverse, or move it away.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "traverse.json", info.model_dump(mode="json"))
            self._starts = (folder / STARTS).open("x", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{folder} cannot be written ({error.strerror}): choose another workspace.") from None

    def write(self, image: NDArray[Any], start_us: int) -> None:
        """Add a frame: (height, width) uint8.

        Raises:
            OSError: it cannot be written; the frames before it are whole.
        """
        content = encode_png(np.ascontiguousarray(image))
        self._starts.write(f"{start_us}\n")
        self._starts.flush()
        # Renamed, but not waited for: a killed process loses nothing that it gave to the system, and a disk's sync a frame
        # would hold back short windows.
        part = self.folder / f".{image_name(self.frames)}.part"
        try:
            part.write_bytes(content)
            part.replace(self.folder / image_name(self.frames))
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        if self._start_us is None:
            self._start_us = start_us
        self.frames += 1
        self.bytes += len(content)

    def finish(self) -> None:
        """Write traverse.json and the index file; without any frame, remove the folder.

        Raises:
            OSError: they cannot be written; the frames are whole.
        """
        self._starts.close()
        finish_traverse(self.folder, self.index, self.info)

    def close(self) -> None:
        """Let go of the files as they are; safe to call twice, and after finish()."""
        with contextlib.suppress(OSError):
            self._starts.close()


def whole_frames(folder: Path) -> int:
    """How many frames a recording left, counted from the first; they were renamed into place in order."""
    count = 0
    while (folder / image_name(count)).is_file():
        count += 1
    return count


def finish_traverse(folder: Path, index: Path, info: TraverseInfo) -> int:
    """Complete what a recording left in a folder; returns its frames. An empty one is removed.

    Raises:
        OSError: a file cannot be written.
        BadInput: an index file of this name has come up since.
    """
    count = whole_frames(folder)
    starts_path = folder / STARTS
    for part in folder.glob(".image_*.part"):
        part.unlink(missing_ok=True)
    if count == 0:
        for name in ("traverse.json", STARTS):
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else lies in it: not ours to remove
            folder.rmdir()
        return 0
    starts = _read_starts(starts_path)[:count]
    info = info.model_copy(update={"window_starts_us": starts, "start_us": starts[0] if starts else info.start_us})
    write_json(folder / "traverse.json", info.model_dump(mode="json"))
    if index.exists():
        raise BadInput(f"{index} exists already: move it away, then adopt the traverse {folder.name} again.")
    write_index(index, [IndexRow(image_name(number), number) for number in range(count)])
    starts_path.unlink(missing_ok=True)
    _sync(folder)
    return count


def _read_starts(path: Path) -> list[int]:
    """The starts whose lines are whole."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return []
    starts = []
    for line in lines:
        if not line.lstrip("-").isdecimal():
            break
        starts.append(int(line))
    return starts


def _sync(folder: Path) -> None:
    """Ask the system to put the finished traverse on the disk."""
    if hasattr(os, "sync"):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
