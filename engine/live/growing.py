"""A matrix on disk that grows by columns and can be read at every moment, also after a kill.

NumPy's own format, in Fortran order, so that a column is appended at the end; the header has room for any number of columns, and
is brought up to date behind the data: a process that is killed leaves a file that holds every column it tells of.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = 128


class GrowingMatrix:
    """(rows, columns so far) of one dtype.

    Raises:
        OSError: the file is there already, or cannot be written.
    """

    def __init__(self, path: Path, rows: int, dtype: Any) -> None:
        self.path, self.rows, self.dtype = path, rows, np.dtype(dtype)
        self.columns = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            self._put(self._header(), 0)
        except OSError:
            os.close(self._file)
            raise

    def append(self, column: NDArray[Any]) -> None:
        """Add a column (rows,).

        Raises:
            OSError: it cannot be written; the columns before it stay.
        """
        data = np.ascontiguousarray(column, self.dtype)
        if data.shape != (self.rows,):
            raise ValueError(f"a column must have {self.rows} rows, but has the shape {data.shape}")
        self._put(data.tobytes(), _HEADER + self.columns * data.nbytes)
        self.columns += 1
        self._put(self._header(), 0)

    def widen(self, rows: int) -> None:
        """Go on with more rows; the columns so far are 0 in them. The file is replaced by one that is whole.

        Raises:
            OSError: the new file cannot be written; the old one stays as it is.
        """
        if rows <= self.rows:
            return
        wide = self.path.with_name(f".{self.path.name}.part")
        wide.unlink(missing_ok=True)
        other = GrowingMatrix(wide, rows, self.dtype)
        try:
            old = np.load(self.path, mmap_mode="r", allow_pickle=False)
            for column in range(self.columns):
                other.append(np.concatenate([old[:, column], np.zeros(rows - self.rows, self.dtype)]))
            wide.replace(self.path)
        except OSError:
            other.close()
            wide.unlink(missing_ok=True)
            raise
        os.close(self._file)
        self._file, other._file = other._file, -1
        self.rows = rows

    def close(self) -> None:
        """Cut off what a failed append left behind, and close; safe to call twice."""
        if self._file >= 0:
            descriptor, self._file = self._file, -1
            try:
                os.ftruncate(descriptor, _HEADER + self.columns * self.rows * self.dtype.itemsize)
            finally:
                os.close(descriptor)

    def _put(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, at)
            view, at = view[written:], at + written

    def _header(self) -> bytes:
        text = f"{{'descr': '{self.dtype.str}', 'fortran_order': True, 'shape': ({self.rows}, {self.columns}), }}"
        room = _HEADER - len(_MAGIC) - 2
        return _MAGIC + room.to_bytes(2, "little") + text.encode().ljust(room - 1) + b"\n"
