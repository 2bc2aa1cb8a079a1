"""Prophesee's EVT 2.0 RAW files.

Source: https://docs.prophesee.ai/stable/data/encoding_formats/evt2.html.
"""

from pathlib import Path

import numpy as np

from engine import native
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.formats._prophesee import EvtReader, parse_header
from engine.events.formats._shared import Column
from engine.events.recording import Size

TITLE = "Prophesee RAW (EVT 2.0)"
RANK = 0


def matches(head: bytes, path: Path) -> bool:
    """Whether the file's header names EVT 2 (2.1 too, which is refused with a sentence of its own)."""
    return head.startswith(b"%") and parse_header(head).encoding.startswith("2")


def open(path: Path, size: Size | None) -> "Evt2Reader":  # noqa: A001
    """A reader of the file."""
    return Evt2Reader(path, size)


class Evt2Reader(EvtReader):
    """32-bit words: an event each, its time's high part in words of their own."""

    format = "evt2"
    word = np.dtype("<u4")

    def _begin(self) -> None:
        if self._header.encoding not in ("2.0", "2"):
            raise BadInput(
                f"{self.path} is encoded as EVT {self._header.encoding}, which is not read: "
                "convert it to EVT 2.0 or 3.0 with Metavision's metavision_evt_converter or record it again."
            )
        first, last = self._time_at(0), self._last_time()
        if first is not None and last is not None and first <= last:
            self.time_range = first, last

    def _decode(self, words: Column, state: Column, out: EventArray) -> tuple[int, int]:
        taken, written = native.decode_evt2(words, state, out)
        return taken, written

    def _time_at(self, word: int) -> int | None:
        words = self._words(word, 1 << 14).astype(np.int64)
        high = np.flatnonzero(words >> 28 == 0x8)
        if not len(high):
            return None
        base = int(words[high[0]] & 0x0FFFFFFF) << 6
        after = words[high[0] + 1 :]
        after = after[after >> 28 <= 1]
        # The event after the first high part is the file's first; elsewhere the base alone is no later than what follows.
        return base + (int(after[0] >> 22 & 0x3F) if len(after) and word == 0 else 0)

    def _last_time(self) -> int | None:
        words = self._words(max(0, self._count - (1 << 16)), 1 << 16).astype(np.int64)
        kind = words >> 28
        events = np.flatnonzero(kind <= 1)
        if not len(events):
            return None
        high = np.flatnonzero(kind[: events[-1]] == 0x8)
        if not len(high):
            return None
        return (int(words[high[-1]] & 0x0FFFFFFF) << 6) + int(words[events[-1]] >> 22 & 0x3F)
