"""AEDAT 3.1, cAER's format: lines of comment, then packets with a header of 28 bytes.

Source: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-3.1.html.
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events
from engine.events.formats._chips import chip_size
from engine.events.formats._shared import Damaged, opening
from engine.events.recording import EventReader, Size

TITLE = "AEDAT 3.1"
RANK = 0
MAGIC = b"#!AER-DAT3."
_END = b"#!END-HEADER\r\n"
_LARGEST_HEADER = 4 << 20
_PACKET = struct.Struct("<hhiiiiii")  # type, source, size of an event, offset of its time, overflow, capacity, number, valid
_POLARITY = 1
_EVENT = np.dtype([("data", "<u4"), ("t", "<i4")])


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as AEDAT 3 does."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> "Aedat31Reader":  # noqa: A001
    """A reader of the file."""
    return Aedat31Reader(path, size)


class Aedat31Reader(EventReader):
    """Reads the polarity packets of the first source; frames, IMU and special events are passed over."""

    format = "aedat31"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._file = path.open("rb", buffering=0)
        with opening(self):
            self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> None:
        head = self._file.read(_LARGEST_HEADER) or b""
        end = head.find(_END)
        if end < 0:
            raise Damaged("its header has no end")
        self._total = self._file.seek(0, 2)
        text = head[:end].decode("ascii", "replace")
        encoding = re.search(r"^#Format: *(\S+)", text, re.MULTILINE)
        if encoding and encoding[1].upper() != "RAW":
            raise BadInput(
                f"{self.path} is an AEDAT 3.1 file of the format {encoding[1]}; only RAW is read: export it again from cAER."
            )
        chip = re.search(r"^#Source +\d+: *(\S+)", text, re.MULTILINE)
        self.metadata["chip"] = chip[1] if chip else "unknown"
        if self.size is None and chip:
            self.size = chip_size(chip[1])
        self._source: int | None = None
        self._pieces: list[tuple[int, int, int]] = []  # first byte, events, overflow of each packet
        self._index(end + len(_END))
        times = [self._edge(piece) for piece in (0, -1)] if self._pieces else []
        if len(times) == 2 and times[0] is not None and times[1] is not None and times[0][0] <= times[1][1]:
            self.time_range = times[0][0], times[1][1]

    def _index(self, at: int) -> None:
        """Find the polarity packets: their headers only."""
        while at + _PACKET.size <= self._total:
            self._file.seek(at)
            kind, source, size, _, overflow, _, number, _ = _PACKET.unpack(self._file.read(_PACKET.size))
            if size <= 0 or number < 0 or overflow < 0 or kind < 0:
                self.notice(f"The packet at byte {at} is damaged: what comes after is left out.")
                return
            at += _PACKET.size
            there = min(number, (self._total - at) // size)
            if kind == _POLARITY and size == _EVENT.itemsize and there and self._source in (None, source):
                self._source = source
                self._pieces.append((at, there, overflow))
            if there < number:
                self.notice(f"The file ends in the middle of a packet: {number - there} of its {number} events are missing.")
                return
            at += size * number
        if at < self._total:
            self.notice(f"The file ends in the middle of a packet: its last {self._total - at} bytes are left out.")

    def _events(self, at: int, count: int, overflow: int) -> EventArray:
        self._file.seek(at)
        data = self._file.read(count * _EVENT.itemsize) or b""
        words = np.frombuffer(data, _EVENT, len(data) // _EVENT.itemsize)
        words = words[words["data"] & 1 == 1]  # bit 0: valid
        events = empty_events(len(words))
        events["timestamp"] = words["t"].astype(np.int64) + (overflow << 31)
        bits = words["data"]
        events["x"] = bits >> 17 & 0x7FFF
        events["y"] = bits >> 2 & 0x7FFF
        events["polarity"] = bits >> 1 & 1
        return events

    def _edge(self, piece: int) -> tuple[int, int] | None:
        """(first, last) time of a packet, from at most 65,536 events at its beginning and as many at its end."""
        at, count, overflow = self._pieces[piece]
        some = min(count, 1 << 16)
        first = self._events(at, some, overflow)
        last = self._events(at + (count - some) * _EVENT.itemsize, some, overflow)
        return (int(first["timestamp"][0]), int(last["timestamp"][-1])) if len(first) and len(last) else None

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        begin = 0
        if start_us is not None:

            def reached(piece: int) -> bool:
                edge = self._edge(piece)
                return edge is not None and edge[0] >= start_us

            begin = max(0, bisect_left(range(len(self._pieces)), True, key=reached) - 1)
        for at, count, overflow in self._pieces[begin:]:
            for first in range(0, count, limit):
                part = min(limit, count - first)
                yield self._events(at + first * _EVENT.itemsize, part, overflow)
                self._read = at + (first + part) * _EVENT.itemsize
        self._read = self._total
