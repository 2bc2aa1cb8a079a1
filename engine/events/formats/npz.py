"""NumPy arrays in a .npz file: t, x, y, p each an array, or one array as in a .npy file. Read as a stream, compressed or not."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, BinaryIO, cast

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.formats._arrays import Header, Layout, read_header, rows_at_once, rows_of
from engine.events.formats._guess import SCALES, named_columns, time_unit
from engine.events.formats._shared import Column, Damaged, from_columns
from engine.events.formats._zip import ZIP_ERRORS, is_zip, members
from engine.events.recording import EventReader, Size

TITLE = "npz"
RANK = 0


def matches(head: bytes, path: Path) -> bool:
    """Whether the file is a zip with NumPy arrays in it."""
    return is_zip(head) and any(name.endswith(".npy") for name in members(path))


def open(path: Path, size: Size | None) -> "NpzReader":  # noqa: A001
    """A reader of the arrays."""
    return NpzReader(path, size)


class NpzReader(EventReader):
    """Reads four arrays side by side, or one, as streams."""

    format = "npz"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._zip: zipfile.ZipFile | None = None
        try:
            self._zip = zipfile.ZipFile(path)
            self._open(self._zip)
        except (Damaged, *ZIP_ERRORS) as error:
            self.close()
            text = error if isinstance(error, Damaged) else f"the zip is damaged ({error})"
            raise BadInput(f"{path} cannot be read as events: {text}.") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._zip is not None:
            self._zip.close()

    def _open(self, archive: zipfile.ZipFile) -> None:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        columns = named_columns(names)
        if columns is not None:
            self._members = [columns[which] for which in "txyp"]
        elif "events" in names or len(names) == 1:
            self._members = ["events" if "events" in names else names[0]]
        else:
            raise Damaged(f"its arrays are {', '.join(names[:10])}, where t, x, y and p, or events, are needed")
        with ExitStack() as stack:
            streams, headers = self._streams(archive, stack)
            sample = [rows_of(header, self._rows(stream, header, 1000)) for stream, header in zip(streams, headers, strict=True)]
        rows = {header.rows for header in headers}
        if len(rows) > 1:
            raise Damaged("its columns have different lengths: " + ", ".join(str(header.rows) for header in headers))
        if len(headers) == 4:
            if any(header.columns for header in headers) or any(header.dtype.kind not in "iufb" for header in headers):
                raise Damaged("its columns are not columns of numbers")
            self._layout = None
            self._unit = time_unit(sample[0])
        else:
            self._layout = Layout(headers[0], sample[0])
            self._unit = self._layout.unit
            if self._layout.order:
                self.metadata["columns"] = self._layout.order
        self._total = rows.pop()
        self.metadata.update({"arrays": ", ".join(self._members), "rows": self._total, "time_unit": self._unit})
        if "size" in names and self.size is None:
            self.size = self._stored_size(archive)

    def _stored_size(self, archive: zipfile.ZipFile) -> Size | None:
        """The sensor's size as our own writer keeps it."""
        with archive.open("size.npy") as stream:
            header = read_header(cast(BinaryIO, stream))
            if header.rows != 2 or header.columns or header.dtype.kind not in "iu":
                return None
            width, height = (int(side) for side in rows_of(header, stream.read(2 * header.row_size)))
        return (width, height) if 0 < width <= 32768 and 0 < height <= 32768 else None

    def _streams(self, archive: zipfile.ZipFile, stack: ExitStack) -> tuple[list[IO[bytes]], list[Header]]:
        streams = [stack.enter_context(archive.open(f"{name}.npy")) for name in self._members]
        return streams, [read_header(cast(BinaryIO, stream)) for stream in streams]

    @staticmethod
    def _rows(stream: IO[bytes], header: Header, count: int) -> bytes:
        return stream.read(min(count, header.rows) * header.row_size)

    def _events(self, parts: list[Column]) -> tuple[EventArray, int]:
        if self._layout is not None:
            return self._layout.events(parts[0])
        native = [part.astype(part.dtype.newbyteorder("="), copy=False) for part in parts]
        return from_columns(*native, scale=SCALES[self._unit])

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        if self._zip is None or self._zip.fp is None:
            raise ValueError(f"{self.path} is closed.")
        try:
            with ExitStack() as stack:
                streams, headers = self._streams(self._zip, stack)
                step = min(rows_at_once(header, limit) for header in headers)
                while self._read < self._total:
                    count = min(step, self._total - self._read)
                    pairs = zip(streams, headers, strict=True)
                    columns: list[Column] = [rows_of(header, self._rows(stream, header, count)) for stream, header in pairs]
                    there = min(len(column) for column in columns)
                    if there < count:
                        self.notice(f"The arrays are cut off after {self._read + there} of {self._total} rows.")
                    events, bad = self._events([column[:there] for column in columns])
                    self._read += count
                    self.counts.malformed += bad
                    yield events
                    if there < count:
                        return
        except ZIP_ERRORS as error:
            self.notice(f"The file is damaged after {self._read} of {self._total} rows ({error}): what comes before was read.")
