"""Parquet files with columns t, x, y, p, as QCR's Brisbane-Event-VPR is passed on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.events.array import EventArray
from engine.events.formats._guess import SCALES, named_columns, time_unit
from engine.events.formats._isolated import open_isolated
from engine.events.formats._shared import Column, Damaged, from_columns, opening, optional
from engine.events.recording import EventReader, Size

TITLE = "Parquet"
RANK = 0
MAGIC = b"PAR1"
_ERRORS = (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError, RuntimeError, NotImplementedError)
"""What pyarrow raises on damaged files (its own errors are ValueError, KeyError, OSError and so on)."""


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as Parquet does."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> EventReader:  # noqa: A001
    """A reader of the file, in a process of its own: Arrow is not safe from damaged files (seen in our fuzzing)."""
    return open_isolated(path, size, __name__, "ParquetReader")


class ParquetReader(EventReader):
    """Reads batches of rows; the statistics of the row groups say where a time is."""

    format = "parquet"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        parquet = optional("pyarrow.parquet", path, "Parquet")
        self._file: Any = None
        with opening(self, *_ERRORS):
            self._file = parquet.ParquetFile(path, memory_map=False, buffer_size=1 << 20, pre_buffer=False)
            schema = self._file.schema_arrow
            columns = named_columns(schema.names)
            if columns is None:
                raise Damaged(f"its columns are {', '.join(schema.names[:16])}, where t, x, y and p are needed")
            self._columns = [columns[which] for which in "txyp"]
            for name in self._columns:
                if np.dtype(schema.field(name).type.to_pandas_dtype()).kind not in "iufb":
                    raise Damaged(f"its column {name} is of the type {schema.field(name).type}, not a number")
            self._total = self._file.metadata.num_rows
            self._groups = self._file.metadata.num_row_groups
            sample = next(self._batches(range(self._groups), 1000), None)
            self._unit = "us" if sample is None else time_unit(sample[0])
            self.metadata.update({"rows": self._total, "time_unit": self._unit, "columns": " ".join(schema.names[:16])})
            self._ranges = [self._group_range(group) for group in range(self._groups)]
            known = [times for times in self._ranges if times is not None]
            if known and len(known) == self._groups:
                self.time_range = min(first for first, _ in known), max(last for _, last in known)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _group_range(self, group: int) -> tuple[int, int] | None:
        """(oldest, newest) time in us of a row group, where the file keeps it."""
        data = self._file.metadata.row_group(group)
        for index in range(data.num_columns):
            column = data.column(index)
            if column.path_in_schema == self._columns[0]:
                known = column.statistics
                if (
                    known is None
                    or not known.has_min_max
                    or not all(isinstance(time, (int, float)) for time in (known.min, known.max))
                ):
                    return None
                events, bad = from_columns(
                    np.array([known.min, known.max]), *[np.zeros(2, np.int16)] * 3, scale=SCALES[self._unit]
                )
                return None if bad else (int(events["timestamp"][0]), int(events["timestamp"][1]))
        return None

    def _batches(self, groups: Any, limit: int) -> Iterator[list[Column]]:
        for batch in self._file.iter_batches(batch_size=limit, row_groups=list(groups), columns=self._columns, use_threads=False):
            yield [batch.column(name).to_numpy(zero_copy_only=False) for name in self._columns]

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        if self._file is None:
            raise ValueError(f"{self.path} is closed.")
        begin = 0
        if start_us is not None:
            while begin < self._groups and (times := self._ranges[begin]) is not None and times[1] < start_us:
                self._read += self._file.metadata.row_group(begin).num_rows
                begin += 1
        try:
            for columns in self._batches(range(begin, self._groups), limit):
                events, bad = from_columns(*columns, scale=SCALES[self._unit])
                self._read += len(columns[0])
                self.counts.malformed += bad
                yield events
        except _ERRORS as error:
            text = " ".join(str(error).split())
            self.notice(f"The file is damaged after {self._read} of {self._total} rows ({text}): what comes before was read.")
