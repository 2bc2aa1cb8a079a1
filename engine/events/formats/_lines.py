"""Lines of text to events, from any stream of bytes."""

import re
from collections.abc import Iterator
from typing import IO

import numpy as np

from engine import native
from engine.events.array import EventArray, empty_events
from engine.events.formats._guess import ORDERS, column_order, named_columns, time_unit
from engine.events.formats._shared import Damaged
from engine.events.recording import Counts, Size

_BLOCK = 1 << 17
_LARGEST_LINE = 1 << 16
_SPACES = re.compile(rb"[ \t,;\r]+")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_UNITS = {"us": 0, "s": 1, "ns": 2, "ms": 3}


def _tokens(line: bytes) -> list[bytes]:
    return [token for token in _SPACES.split(line.strip()) if token]


def _numbers(tokens: list[bytes]) -> bool:
    return all(_NUMBER.match(token) for token in tokens)


class Layout:
    """How lines hold events, found from the first 64 KiB.

    Attributes:
        skipped: bytes before the first event (comments, "width height", names of columns).
        size: (width, height) from a first line of two numbers.
        order: the order of the columns, or their names.
        columns: where t, x, y, p are.
        unit: "us", "s" or "ns".
        found: whether there is more than comments.
    """

    def __init__(self, head: bytes) -> None:
        self.size: Size | None = None
        self.order = ""
        lines = head.split(b"\n")
        if len(head) >= _LARGEST_LINE:
            lines.pop()  # it may be cut
        self.skipped = 0
        names: list[str] | None = None
        rows: list[list[bytes]] = []
        for line in lines:
            tokens = _tokens(line)
            if tokens and not tokens[0].startswith((b"#", b"%")):
                if _numbers(tokens) and len(tokens) >= 4:
                    rows.append(tokens[:16])
                elif rows:
                    continue  # a broken line among events is the parser's to count
                elif _numbers(tokens) and len(tokens) == 2 and self.size is None and all(token.isdigit() for token in tokens):
                    width, height = (int(token[:9]) for token in tokens)
                    if not (0 < width <= 32768 and 0 < height <= 32768):
                        raise Damaged(f"its first line says that the sensor has {width} x {height} pixels")
                    self.size = width, height
                elif names is None and len(tokens) >= 4 and not any(_NUMBER.match(token) for token in tokens):
                    names = [token.decode("utf-8", "replace").strip("\"'") for token in tokens]
                else:
                    raise Damaged(f"its line {line[:60].decode('utf-8', 'replace').strip()!r} is no event `t x y p`")
            if not rows:
                self.skipped += len(line) + 1
            elif len(rows) == 1000:
                break
        self.skipped = min(self.skipped, len(head))
        self.found = bool(rows or names or self.size)
        self._read_columns(names, rows)

    def _read_columns(self, names: list[str] | None, rows: list[list[bytes]]) -> None:
        self.columns = list(ORDERS["t x y p"])
        if names is not None:
            found = named_columns(names[:16])
            if found is None:
                raise Damaged(f"its columns are {', '.join(names[:16])}, where t, x, y and p are needed")
            self.columns = [names.index(found[which]) for which in "txyp"]
            self.order = " ".join(names)
        rows = [row for row in rows if len(row) > max(self.columns)]
        if names is None and rows:
            self.order = column_order(np.array([[float(token) for token in row[:4]] for row in rows]))
            self.columns = list(ORDERS[self.order])
        times = [row[self.columns[0]] for row in rows]
        whole = all(token.lstrip(b"+-").isdigit() and len(token) < 20 for token in times)
        values = np.array([int(token) for token in times] if whole and times else [float(token) for token in times])
        self.unit = time_unit(values) if times else "us"

    def describe(self) -> dict[str, str]:
        """What a reader's metadata say."""
        return {"columns": self.order or "t x y p", "time_unit": self.unit}


def looks_like_text(head: bytes) -> bool:
    """Whether the bytes are lines of numbers, with comments or names at most before them."""
    if b"\0" in head or not head.strip():
        return False
    try:
        return Layout(head if head.endswith(b"\n") else head[: head.rfind(b"\n") + 1] or head).found
    except (Damaged, ValueError, OverflowError):
        return False


def read_lines(stream: IO[bytes], layout: Layout, limit: int, counts: Counts) -> Iterator[EventArray]:
    """Events of a stream that is at its beginning; counts.malformed grows by each line that holds none.

    Raises:
        Damaged: a line is longer than 64 KiB.
    """
    skip = layout.skipped
    while skip > 0:
        skipped = stream.read(min(skip, _BLOCK))
        if not skipped:
            return
        skip -= len(skipped)
    rest = b""
    while True:
        block = stream.read(_BLOCK)
        text = rest + block
        if not block:
            if not text:
                return
            text += b"\n"
        while text:
            out = empty_events(limit)
            taken, written, malformed = native.parse_events(text, layout.columns, _UNITS[layout.unit], out)
            counts.malformed += malformed
            text = text[taken:]
            yield out[:written]
            if written < limit:
                break
        if not block:
            return
        if len(text) > _LARGEST_LINE:
            raise Damaged("a line of it is longer than 64 KiB: it is no text of events")
        rest = text
