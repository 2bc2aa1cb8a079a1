"""AEDAT 2.0, jAER's format: lines of comment, then big-endian pairs of address and time in us.

Addresses are laid out as the chip does it; jAER counts x from the right and y from the bottom, which becomes our top left here.
Source: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-2.0.html and jAER's DVS128 and DavisChip.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.events.array import EventArray, empty_events
from engine.events.formats._chips import chip_size
from engine.events.formats._shared import Damaged, opening
from engine.events.recording import EventReader, Size

TITLE = "AEDAT 2.0"
RANK = 0
MAGIC = b"#!AER-DAT2.0"
_LINE = re.compile(rb"#[^\n]{0,100000}\n")
_END = re.compile(rb"#\s*End Of ASCII Header", re.IGNORECASE)
_LARGEST_HEADER = 4 << 20
_WORD = np.dtype([("address", ">u4"), ("t", ">u4")])


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as AEDAT 2.0 does."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> "Aedat2Reader":  # noqa: A001
    """A reader of the file."""
    return Aedat2Reader(path, size)


class Aedat2Reader(EventReader):
    """Reads events of change of DVS128 and of the DAVIS chips; frames, IMU and external events are passed over."""

    format = "aedat2"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._file = path.open("rb", buffering=0)
        with opening(self):
            self._first, chip = self._read_header()
            self._total = self._file.seek(0, 2)
            if rest := (self._total - self._first) % _WORD.itemsize:
                self.notice(f"The file ends in the middle of an event: its last {rest} bytes are left out.")
            self._count = (self._total - self._first) // _WORD.itemsize
            self._choose(chip)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_header(self) -> tuple[int, str]:
        head = self._file.read(_LARGEST_HEADER) or b""
        at, chip = 0, ""
        while line := _LINE.match(head, at):
            text = line[0]
            # The first event may begin with the byte of "#" too: a line of comment is printable.
            if not all(byte >= 32 or byte in b"\t\r\n" for byte in text) or any(byte > 126 for byte in text[:-1]):
                break
            at = line.end()
            if found := re.match(rb"#\s*AEChip:\s*(\S+)", text):
                chip = found[1].decode("ascii", "replace").rpartition(".")[2]
            if _END.match(text):
                break
        if not at:
            raise Damaged("its first line has no end")
        return at, chip

    def _choose(self, chip: str) -> None:
        """The address layout, by the chip's name, the size given, or the addresses themselves."""
        known = chip_size(chip)
        words = self._words(0, 1 << 16)
        wide = bool((words["address"] > 0xFFFF).any())
        if known:
            self._davis = "DVS128" not in chip.upper()
        else:
            self._davis = wide if self.size is None else self.size != (128, 128)
            known = (346, 260) if self._davis else (128, 128)
            name = "a DAVIS346" if self._davis else "a DVS128"
            self.notice(
                f"The header does not name a known chip: its events are read as those of {name}. Give the size to change it."
            )
        self.size = self.size or known
        self.metadata["chip"] = chip or "unknown"
        if len(words):
            first = self._events(words)
            last = self._events(self._words(max(0, self._count - (1 << 16)), 1 << 16))
            if len(first) and len(last) and first["timestamp"][0] <= last["timestamp"][-1] and self._count < 1 << 28:
                self.time_range = int(first["timestamp"][0]), int(last["timestamp"][-1])

    def _words(self, first: int, count: int) -> NDArray[np.void]:
        self._file.seek(self._first + first * _WORD.itemsize)
        data = self._file.read(max(0, min(count, self._count - first)) * _WORD.itemsize) or b""
        return np.frombuffer(data, _WORD, len(data) // _WORD.itemsize)

    def _events(self, words: NDArray[np.void]) -> EventArray:
        """The events of change among the words, with times as they are in the file."""
        address = words["address"].astype(np.uint32)
        width, height = self.size or (128, 128)
        # DAVIS: bit 31 frames and IMU, bit 10 external; DVS128: bit 15 external.
        is_event = (address & (0x8000_0400 if self._davis else 0x8000)) == 0
        address = address[is_event]
        events = empty_events(len(address))
        events["timestamp"] = words["t"][is_event]
        if self._davis:
            events["x"] = width - 1 - (address >> 12 & 0x3FF).astype(np.int32)
            events["y"] = height - 1 - (address >> 22 & 0x1FF).astype(np.int32)
            events["polarity"] = address >> 11 & 1
        else:
            events["x"] = width - 1 - (address >> 1 & 0x7F).astype(np.int32)
            events["y"] = height - 1 - (address >> 8 & 0x7F).astype(np.int32)
            events["polarity"] = 1 - (address & 1).astype(np.int8)
        return events

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        turns, before, at = 0, -1, 0
        while at < self._count and len(words := self._words(at, limit)):
            events = self._events(words)
            at += len(words)
            self._read = self._first + at * _WORD.itemsize
            if len(events):
                t = events["timestamp"]
                wraps = np.diff(t, prepend=before if before >= 0 else t[0]) < -(1 << 31)
                before = int(t[-1])
                t += (turns + np.cumsum(wraps)) << 32
                turns += int(np.count_nonzero(wraps))
            yield events
        self._read = self._total
