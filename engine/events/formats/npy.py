"""A NumPy array in a .npy file: structured (t, x, y, p by name) or with four columns."""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.formats._arrays import MAGIC, Layout, read_header, rows_at_once, rows_of
from engine.events.formats._shared import Damaged
from engine.events.recording import EventReader, Size

TITLE = "npy"
RANK = 0


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as NumPy's do."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> "NpyReader":  # noqa: A001
    """A reader of the array."""
    return NpyReader(path, size)


class NpyReader(EventReader):
    """Reads rows as they are needed: the array is never in memory as a whole."""

    format = "npy"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._file = path.open("rb")
        try:
            self._header = read_header(self._file)
            there = (self._file.seek(0, 2) - self._header.length) // self._header.row_size
            self._rows = min(self._header.rows, there)
            if self._rows < self._header.rows:
                self.notice(f"The file is cut off: its header claims {self._header.rows} rows, and {self._rows} are there.")
            self._total = self._rows
            self._layout = Layout(self._header, self._some(0, 1000))
            self.metadata.update({"dtype": str(self._header.dtype), "rows": self._rows, "time_unit": self._layout.unit})
            if self._layout.order:
                self.metadata["columns"] = self._layout.order
            if self._rows:
                first, last = self._time(0), self._time(self._rows - 1)
                if first is not None and last is not None and first <= last:
                    self.time_range = first, last
        except Damaged as error:
            self.close()
            raise BadInput(f"{path} cannot be read as events: {error}.") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _some(self, first: int, count: int) -> EventArray:
        self._file.seek(self._header.length + first * self._header.row_size)
        return rows_of(self._header, self._file.read(min(count, self._rows - first) * self._header.row_size))

    def _time(self, row: int) -> int | None:
        events, _ = self._layout.events(self._some(row, 1))
        return int(events["timestamp"][0]) if len(events) else None

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        at = 0
        if start_us is not None and self.time_range is not None:

            def reached(row: int) -> bool:
                time = self._time(row)
                return time is not None and time >= start_us

            at = bisect_left(range(self._rows), True, key=reached)
        step = rows_at_once(self._header, limit)
        while at < self._rows:
            events, bad = self._layout.events(self._some(at, step))
            at += step
            self._read = min(at, self._rows)
            self.counts.malformed += bad
            yield events
