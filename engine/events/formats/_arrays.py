"""Arrays in NumPy's own format, as files and as members of a zip: read row by row, whatever their headers claim."""

import ast
import math
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.formats._guess import ORDERS, SCALES, column_order, named_columns, time_unit
from engine.events.formats._shared import Column, Damaged, from_columns

MAGIC = b"\x93NUMPY"
_LARGEST_HEADER = 10_000
_LARGEST_ROW = 4096


@dataclass(frozen=True)
class Header:
    """What the header of an array says: its type, the rows, the columns (0 for a 1-D array), the bytes that it takes itself."""

    dtype: np.dtype
    rows: int
    columns: int
    length: int

    @property
    def row_size(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * max(1, self.columns)


def _parse(text: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, whether column by column, type) from a header's text: a Python dictionary of plain values."""
    try:
        if b"\\" in text or b"\0" in text:
            raise ValueError
        header = ast.literal_eval(text.decode("latin-1").strip())
        if set(header) != {"descr", "fortran_order", "shape"} or not isinstance(header["shape"], tuple):
            raise ValueError
        return header["shape"], bool(header["fortran_order"]), np.lib.format.descr_to_dtype(header["descr"])
    except (ValueError, TypeError, SyntaxError, KeyError, AttributeError, RecursionError, MemoryError, OverflowError):
        raise Damaged("its header cannot be understood") from None


def read_header(file: BinaryIO) -> Header:
    """Read the header of an array at the file's position, taking no memory for what it claims.

    Raises:
        Damaged: it is no array of numbers with one or two axes.
    """
    start = file.read(8)
    if len(start) < 8 or not start.startswith(MAGIC):
        raise Damaged("it is no array in NumPy's format")
    if start[6] not in (1, 2):
        raise Damaged(f"its version {start[6]}.{start[7]} of NumPy's format is not known")
    size_format = "<H" if start[6] == 1 else "<I"
    size_bytes = file.read(struct.calcsize(size_format))
    if len(size_bytes) < struct.calcsize(size_format):
        raise Damaged("its header is cut off")
    size = struct.unpack(size_format, size_bytes)[0]
    text = file.read(min(size, _LARGEST_HEADER + 1))
    if len(text) != size or size > _LARGEST_HEADER:
        raise Damaged("its header is cut off or too long")
    shape, fortran, dtype = _parse(text)
    if dtype.hasobject:
        raise Damaged("it holds Python objects (a pickle), which are never loaded")
    if dtype.kind not in "iufbV" or len(shape) not in (1, 2) or (dtype.kind == "V" and (len(shape) == 2 or dtype.names is None)):
        raise Damaged(f"it is an array of type {dtype} and shape {shape}, not one of events")
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise Damaged("its shape is impossible")
    if len(shape) == 2 and fortran and shape[0] > 1 and shape[1] > 1:
        raise Damaged("it is stored column by column: save it from np.ascontiguousarray(...)")
    columns = shape[1] if len(shape) == 2 else 0
    header = Header(dtype, shape[0], columns, len(start) + len(size_bytes) + size)
    if not 0 < header.row_size <= _LARGEST_ROW:
        raise Damaged(f"its rows have {header.row_size} bytes")
    return header


def rows_of(header: Header, data: bytes) -> Column:
    """Whole rows out of bytes, in this machine's byte order."""
    count = len(data) // header.row_size
    rows = np.frombuffer(data, header.dtype, count * max(1, header.columns))
    return rows.reshape(count, header.columns) if header.columns else rows


class Layout:
    """Where t, x, y, p are in the rows of an array, and what t counts; found from the type, or from a sample of rows."""

    def __init__(self, header: Header, sample: Column) -> None:
        dtype = header.dtype
        self.order = ""
        self._exact = dtype == EVENT_DTYPE
        if dtype.names is not None:
            names = named_columns(dtype.names)
            if names is None or any(dtype[name].kind not in "iufb" for name in names.values()):
                raise Damaged(f"its fields are {', '.join(dtype.names)}, where t, x, y and p are needed")
            self._fields: dict[str, str | int] = dict(names)
        elif header.columns == 4:
            self.order = column_order(sample.astype(np.float64)) if len(sample) else "t x y p"
            self._fields = dict(zip("txyp", ORDERS[self.order], strict=True))
        else:
            raise Damaged(f"it has {header.columns or 1} columns, where the four t, x, y and p are needed")
        self.unit = time_unit(self._column(sample, "t")) if len(sample) else "us"

    def _column(self, rows: Column, which: str) -> Column:
        field = self._fields[which]
        column: Column = rows[field] if isinstance(field, str) else rows[:, field]
        return column.astype(column.dtype.newbyteorder("="), copy=False)

    def events(self, rows: Column) -> tuple[EventArray, int]:
        """(events, rows left out as their time is no time)."""
        if self._exact and self.unit == "us":
            return rows.view("V16").copy().view(EVENT_DTYPE), 0
        return from_columns(*(self._column(rows, which) for which in "txyp"), scale=SCALES[self.unit])


def rows_at_once(header: Header, limit: int) -> int:
    """Rows to read at a time: `limit`, at most 16 MiB."""
    return max(1, min(limit, math.floor((16 << 20) / header.row_size)))
