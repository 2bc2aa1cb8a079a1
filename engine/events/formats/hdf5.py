"""HDF5 files of DSEC, MVSEC, NSAVP, RPG's tools and Prophesee.

Sources: dsec.ifi.uzh.ch (events/{t,x,y,p}, t_offset, ms_to_idx); daniilidis-group.github.io/mvsec (davis/left/events, rows
x y t p); umautobots.github.io/nsavp (events/{x_coordinates,y_coordinates,timestamps,polarities}, ns); docs.prophesee.ai.
"""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.formats._guess import ORDERS, SCALES, column_order, named_columns, time_unit
from engine.events.formats._isolated import open_isolated
from engine.events.formats._shared import Column, Damaged, from_columns, opening, optional
from engine.events.recording import EventReader, Size

TITLE = "HDF5 (DSEC, MVSEC, NSAVP, Prophesee)"
RANK = 0
MAGIC = b"\x89HDF\r\n\x1a\n"
_ECF = 0x8ECF
_LARGEST_CHUNK = 256 << 20
_PLACES = ("events", "CD/events", "davis/left/events", "davis/right/events", "/")
_SIZES = {"DSEC": (640, 480), "MVSEC": (346, 260), "NSAVP": (640, 480)}
_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, OverflowError, AttributeError, MemoryError)
"""What h5py raises on damaged files."""


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as HDF5 does."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> EventReader:  # noqa: A001
    """A reader of the file, in a process of its own: libhdf5 is not safe from damaged files."""
    return open_isolated(path, size, __name__, "Hdf5Reader")


class Hdf5Reader(EventReader):
    """Reads four datasets, or one of rows, piece by piece."""

    format = "hdf5"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        h5py = optional("h5py", path, "HDF5")
        self._file: Any = None
        with opening(self, *_ERRORS):
            self._file = h5py.File(path, "r", locking=False)
            self._find(h5py)
            for data in self._data.values():
                self._check(data, h5py)
            self._look()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    # -- where the events are -----------------------------------------------------------------------------------------

    def _find(self, h5py: Any) -> None:
        for place in _PLACES:
            found = self._file.get(place, getlink=True)
            if place != "/" and (found is None or not isinstance(found, h5py.HardLink)):
                continue  # a link to another file is not followed
            node = self._file[place]
            names = list(node) if isinstance(node, h5py.Group) else list(node.dtype.names or ())
            columns = named_columns(names[:1000])
            if columns is not None:
                self._columns: dict[str, str] | None = columns
                whole = isinstance(node, h5py.Dataset)
                self._data = {"rows": node} if whole else {which: node[name] for which, name in columns.items()}
                break
            if isinstance(node, h5py.Dataset) and node.ndim == 2 and node.shape[1] == 4:
                self._columns, self._data = None, {"rows": node}
                break
        else:
            raise Damaged(
                f"it has no events where DSEC, MVSEC, NSAVP or Prophesee keep them; its groups are {', '.join(self._file)}"
            )
        self._kind = (
            "Prophesee" if place.startswith("CD")
            else "MVSEC" if place.startswith("davis")
            else "DSEC" if "t_offset" in self._file or "ms_to_idx" in self._file
            else "NSAVP" if self._columns and self._columns["x"] == "x_coordinates"
            else "columns"
        )  # fmt: skip
        self.metadata.update({"layout": self._kind, "place": place})
        if self._kind == "MVSEC" and place.startswith("davis/left") and "davis/right/events" in self._file:
            self.notice("The file holds the events of two cameras: those of davis/left are read.")

    def _check(self, data: Any, h5py: Any) -> None:
        """Refuse what would read another file, take endless memory or time, or needs a codec that is not there."""
        properties = data.id.get_create_plist()
        if data.is_virtual or data.external:
            raise Damaged(f"its dataset {data.name} is kept in another file")
        if any(data.dtype[name].kind not in "iufb" for name in data.dtype.names or ()) or data.dtype.kind not in "iufbV":
            raise Damaged(f"its dataset {data.name} does not hold numbers")
        for index in range(properties.get_nfilters()):
            code = properties.get_filter(index)[0]
            if h5py.h5z.filter_avail(code):
                continue
            if code != _ECF:
                optional("hdf5plugin", self.path, f"the compression of {data.name}")
            if not h5py.h5z.filter_avail(code):
                raise BadInput(
                    f"{self.path} is compressed with Prophesee's ECF codec, whose decoder is not part of Revisit: "
                    "convert it with Metavision's metavision_file_to_csv or metavision_file_to_dat and open the result."
                    if code == _ECF
                    else f"{self.path}: no decoder is installed for the compression (HDF5 filter {code}) of {data.name}."
                )
        chunk = int(np.prod(data.chunks or (1,), dtype=object)) * data.dtype.itemsize
        stored, claimed = data.id.get_storage_size(), int(np.prod(data.shape, dtype=object)) * data.dtype.itemsize
        if chunk > _LARGEST_CHUNK:
            raise Damaged(f"its dataset {data.name} is kept in chunks of {chunk} bytes")
        if claimed > max(1 << 20, stored * 5000):
            raise Damaged(f"its dataset {data.name} claims {claimed} bytes, and {stored} are there")

    def _look(self) -> None:
        rows = {len(data) for data in self._data.values()}
        if any(data.ndim != 1 for data in self._data.values()) and (self._columns is not None or len(self._data) != 1):
            raise Damaged("its datasets are not columns")
        self._total = min(rows)
        if len(rows) > 1:
            self.notice(f"The columns have different lengths: the first {self._total} rows are read.")
        self._order = ""
        sample = self._raw(0, 1000)
        if self._columns is None:
            known = self._kind == "MVSEC" or not len(sample["rows"])
            self._order = "x y t p" if known else column_order(sample["rows"].astype(np.float64))
            self.metadata["columns"] = self._order
        self._unit = "us"
        if self._total:
            self._unit = "ns" if self._kind == "NSAVP" else time_unit(self._column(sample, "t"))
        self.metadata["time_unit"] = self._unit
        self._offset = 0
        if self._kind == "DSEC" and "t_offset" in self._file:
            self._offset = self._number("t_offset")
            self.metadata["t_offset"] = self._offset
        if self.size is None:
            self.size = self._stored_size() or _SIZES.get(self._kind)
        if self._total:
            first, last = self._time(0), self._time(self._total - 1)
            if first is not None and last is not None and first <= last:
                self.time_range = first, last

    def _number(self, name: str) -> int:
        value = np.asarray(self._file[name][()]).reshape(-1)
        if len(value) != 1 or value.dtype.kind not in "iuf" or not abs(float(value[0])) < 1e18:
            raise Damaged(f"its {name} is no number")
        return int(value[0])

    def _stored_size(self) -> Size | None:
        """width and height among the attributes, or Prophesee's geometry."""
        for node in (self._file, *self._data.values()):
            attributes = node.attrs
            values = [attributes.get(name) for name in ("width", "height")]
            if all(isinstance(value, (int, np.integer)) and 0 < value <= 32768 for value in values):
                return int(values[0]), int(values[1])
            geometry = attributes.get("geometry", "")
            text = geometry.decode("ascii", "replace") if isinstance(geometry, bytes) else str(geometry)
            sides = text.split("x")
            if len(sides) == 2 and all(side.isdecimal() and len(side) <= 5 and 0 < int(side) <= 32768 for side in sides):
                return int(sides[0]), int(sides[1])
        return None

    # -- reading --------------------------------------------------------------------------------------------------------

    def _raw(self, first: int, count: int) -> dict[str, Column]:
        last = min(self._total, first + count)
        return {name: np.asarray(data[first:last]) for name, data in self._data.items()}

    def _column(self, raw: dict[str, Column], which: str) -> Column:
        if self._columns is None:
            return raw["rows"][:, ORDERS[self._order]["txyp".index(which)]]
        return raw["rows"][self._columns[which]] if "rows" in raw else raw[which]

    def _events(self, first: int, count: int) -> tuple[EventArray, int]:
        raw = self._raw(first, count)
        columns = [self._column(raw, which) for which in "txyp"]
        native = [column.astype(column.dtype.newbyteorder("="), copy=False) for column in columns]
        return from_columns(*native, scale=SCALES[self._unit], offset=self._offset)

    def _time(self, row: int) -> int | None:
        events, _ = self._events(row, 1)
        return int(events["timestamp"][0]) if len(events) else None

    def _first_row(self, start_us: int) -> int:
        """The first row of start_us or later: from DSEC's table of milliseconds, or by halving."""
        table = self._file.get("ms_to_idx")
        if self._kind == "DSEC" and table is not None and getattr(table, "ndim", 0) == 1 and table.dtype.kind in "iu":
            ms = max(0, (start_us - self._offset) // 1000)
            if ms >= len(table):
                return self._total
            row = int(table[ms])
            before = self._time(row - 1) if 0 < row <= self._total else None
            if 0 <= row <= self._total and (before is None or before < start_us):
                return row

        def reached(row: int) -> bool:
            time = self._time(row)
            return time is not None and time >= start_us

        return bisect_left(range(self._total), True, key=reached)

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        if not self._file:
            raise ValueError(f"{self.path} is closed.")
        try:
            at = self._first_row(start_us) if start_us is not None and self.time_range is not None else 0
            while at < self._total:
                events, bad = self._events(at, limit)
                at += limit
                self._read = min(at, self._total)
                self.counts.malformed += bad
                yield events
        except _ERRORS as error:
            text = " ".join(str(error).split())
            self.notice(f"The file is damaged after {self._read} of {self._total} rows ({text}): what comes before was read.")
