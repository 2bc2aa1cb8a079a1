"""Text, a line `t x y p` an event, as it is or in a zip or gzip file: the form in which LENS's recordings are passed on."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.events.array import EventArray
from engine.events.formats._lines import Layout, looks_like_text, read_lines
from engine.events.formats._shared import Damaged, opening
from engine.events.formats._zip import ZIP_ERRORS, is_zip, members
from engine.events.recording import EventReader, Size

TITLE = "text (t x y p), also in a zip or gzip file"
RANK = 9
_HEAD = 1 << 16
_GZIP = b"\x1f\x8b"
_ERRORS = (*ZIP_ERRORS, gzip.BadGzipFile, zlib.error)


def _text_member(path: Path) -> str | None:
    """The file in a zip that is read: the first that is neither hidden nor something else by its name."""
    names = [name for name in members(path) if not Path(name).name.startswith(".") and "__MACOSX" not in name]
    texts = [name for name in names if name.lower().endswith((".txt", ".csv", ".dat"))]
    return min(texts or names, default=None)


@contextmanager
def _stream(path: Path, head: bytes) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """(the text, the file whose position tells how far it is read)."""
    with path.open("rb") as raw:
        if is_zip(head):
            name = _text_member(path)
            if name is None:
                raise Damaged("there is no file in the zip")
            with zipfile.ZipFile(raw) as archive, archive.open(name) as text:
                yield text, raw
        elif head.startswith(_GZIP):
            with gzip.GzipFile(fileobj=raw) as text:
                yield text, raw  # type: ignore[misc]
        else:
            yield raw, raw


def matches(head: bytes, path: Path) -> bool:
    """Whether the file, or the one file in it, holds lines of numbers."""
    if is_zip(head) or head.startswith(_GZIP):
        try:
            with _stream(path, head) as (text, _):
                head = text.read(4096)
        except (Damaged, *_ERRORS):
            return True  # opening it says what is wrong with it
    return looks_like_text(head)


def open(path: Path, size: Size | None) -> "TextReader":  # noqa: A001
    """A reader of the lines."""
    return TextReader(path, size)


class TextReader(EventReader):
    """Reads lines as a stream; nothing but a block is in memory, also of a zip file."""

    format = "text"
    largest_chunk = 1 << 16

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._closed = False
        with opening(self, *_ERRORS):
            with path.open("rb") as raw:
                self._head = raw.read(16)
                self._total = raw.seek(0, 2)
            with _stream(path, self._head) as (text, _):
                self._layout = Layout(text.read(_HEAD))
            self.size = size or self._layout.size
            self.metadata.update(self._layout.describe())
            if is_zip(self._head):
                others = len(members(path)) - 1
                self.metadata["member"] = _text_member(path) or ""
                if others:
                    self.notice(f"The zip holds {others + 1} files: {self.metadata['member']} is read.")

    def close(self) -> None:
        """Close the file."""
        self._closed = True

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        if self._closed:
            raise ValueError(f"{self.path} is closed.")
        try:
            with _stream(self.path, self._head) as (text, raw):
                for events in read_lines(text, self._layout, limit, self.counts):
                    self._read = raw.tell()
                    yield events
            self._read = self._total
        except (Damaged, *_ERRORS) as error:
            self.notice(f"The file is damaged ({error}): what comes before was read.")
