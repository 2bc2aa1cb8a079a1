"""Event streams to the files of other programs: npz and text. AEDAT4 is in engine/events/writer.py."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engine import native
from engine.events.array import EventArray
from engine.events.recording import Size

_BLOCK = 1 << 20
_TEXT_EVENTS = 1 << 16
_COLUMNS: dict[str, tuple[str, np.dtype[Any]]] = {
    "t": ("timestamp", np.dtype("<i8")),
    "x": ("x", np.dtype("<i2")),
    "y": ("y", np.dtype("<i2")),
    "p": ("polarity", np.dtype("i1")),
}


def _never() -> None:
    """For writers that nobody stops."""


class NpzWriter:
    """Writes a .npz of the arrays t (us), x, y, p (1 ON, 0 OFF) and, where it is known, size (width, height).

    The columns wait in files beside the target, as a zip needs their lengths first: memory stays small. `check` is called between
    blocks while the zip is written and may raise to stop it.
    """

    def __init__(self, path: Path, size: Size | None, check: Callable[[], None] = _never) -> None:
        self.path, self._size, self._check = path, size, check
        self._folder = TemporaryDirectory(prefix=".columns-", dir=path.parent)
        self._files = {name: (Path(self._folder.name) / name).open("w+b") for name in _COLUMNS}
        self._count = 0

    def write(self, events: EventArray) -> None:
        """Add events."""
        for name, (field, dtype) in _COLUMNS.items():
            self._files[name].write(np.ascontiguousarray(events[field], dtype).data)
        self._count += len(events)

    def close(self) -> None:
        """Write the file."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, (_, dtype) in _COLUMNS.items():
                header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (self._count,)}
                start = io.BytesIO()
                np.lib.format.write_array_header_1_0(start, header)
                column = self._files[name]
                column.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    member.write(start.getvalue())
                    while block := column.read(_BLOCK):
                        self._check()
                        member.write(block)
            if self._size is not None:
                stored = io.BytesIO()
                np.save(stored, np.array(self._size, np.int64))
                archive.writestr("size.npy", stored.getvalue())
        self.discard()

    def discard(self) -> None:
        """Remove what waits; safe to call twice."""
        for file in self._files.values():
            file.close()
        self._folder.cleanup()


class TextWriter:
    """Writes lines `t x y p`: t in seconds with six decimals or in us, p 1 (ON) or 0; first `width height` if known."""

    def __init__(self, path: Path, size: Size | None, seconds: bool = True) -> None:
        self.path, self._seconds = path, seconds
        self._file = path.open("wb")
        if size is not None:
            self._file.write(f"{size[0]} {size[1]}\n".encode())

    def write(self, events: EventArray) -> None:
        """Add events."""
        for first in range(0, len(events), _TEXT_EVENTS):
            self._file.write(native.format_events(np.ascontiguousarray(events[first : first + _TEXT_EVENTS]), self._seconds))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def discard(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()
