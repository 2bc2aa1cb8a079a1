"""Prophesee's DAT files: 8 bytes an event.

Source: https://docs.prophesee.ai/stable/data/file_formats/dat.html.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events
from engine.events.formats._prophesee import WordReader, parse_header

TITLE = "Prophesee DAT"
RANK = 1
_TYPES = {0x00: "Event2d", 0x0C: "EventCD", 0x28: "EventExtTrigger"}


def matches(head: bytes, path: Path) -> bool:
    """Whether the file's header is that of a DAT file."""
    if not head.startswith(b"% "):
        return False
    header = parse_header(head)
    return not header.encoding and ("Version" in header.fields or "containing" in header.fields.get("Data", ""))


def open(path: Path, size: tuple[int, int] | None) -> "DatReader":  # noqa: A001
    """A reader of the file."""
    return DatReader(path, size)


class DatReader(WordReader):
    """Words of 32-bit time in us and 14 bits x, 14 bits y, 4 bits polarity; the time starts again after 71.6 minutes."""

    format = "dat"
    word = np.dtype([("t", "<u4"), ("data", "<u4")])
    extra = 2

    def _begin(self) -> None:
        self._file.seek(self._header.length)
        kind = self._file.read(2) or b""
        if len(kind) < 2:
            raise BadInput(f"{self.path} ends in its header: it holds no events.")
        if kind[0] not in (0x00, 0x0C) or kind[1] != 8:
            name = _TYPES.get(kind[0], f"type {kind[0]}")
            raise BadInput(f"{self.path} is a DAT file of {name} with {kind[1]} bytes each, not of events with 8 bytes.")
        if self._header.fields.get("Version", "2") not in ("2", "2.0"):
            raise BadInput(f"{self.path} is a DAT file of version {self._header.fields['Version']}; version 2 is read.")
        self.metadata["type"] = _TYPES[kind[0]]
        if self._count:
            first, last = self._time_at(0), self._time_at(self._count - 1)
            if first is not None and last is not None and first <= last and self._find_first_word(last) > 0:
                self.time_range = first, last

    def _time_at(self, word: int) -> int | None:
        words = self._words(word, 1)
        return int(words["t"][0]) if len(words) else None

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        at = 0 if start_us is None else self._find_first_word(start_us)
        turns, before = 0, -1
        while at < self._count and len(words := self._words(at, limit)):
            t = words["t"].astype(np.int64)
            wraps = np.diff(t, prepend=before if before >= 0 else t[0]) < -(1 << 31)
            before = int(t[-1])
            events = empty_events(len(words))
            events["timestamp"] = t + ((turns + np.cumsum(wraps)) << 32)
            turns += int(np.count_nonzero(wraps))
            data = words["data"]
            events["x"] = data & 0x3FFF
            events["y"] = data >> 14 & 0x3FFF
            events["polarity"] = (data >> 28 & 0xF) > 0
            at += len(words)
            self._read = self._first + at * self.word.itemsize
            yield events
        self._read = self._total
