"""Prophesee's EVT 3.0 RAW files.

Source: https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html. The time of 24 bits starts again every 16.8 s,
and only the words in between tell how often: a reading that starts later has to decode what is before.
"""

from pathlib import Path

import numpy as np

from engine import native
from engine.events.array import EventArray
from engine.events.formats._prophesee import EvtReader, parse_header
from engine.events.formats._shared import Column
from engine.events.recording import Size

TITLE = "Prophesee RAW (EVT 3.0)"
RANK = 0


def matches(head: bytes, path: Path) -> bool:
    """Whether the file's header names EVT 3."""
    return head.startswith(b"%") and parse_header(head).encoding.startswith("3")


def open(path: Path, size: Size | None) -> "Evt3Reader":  # noqa: A001
    """A reader of the file."""
    return Evt3Reader(path, size)


class Evt3Reader(EvtReader):
    """16-bit words that change a state (row, time) or put out 1 to 12 events."""

    format = "evt3"
    word = np.dtype("<u2")

    def _begin(self) -> None:
        """Nothing: the last time is known once all was read."""

    def _decode(self, words: Column, state: Column, out: EventArray) -> tuple[int, int]:
        taken, written = native.decode_evt3(words, state, out)
        return taken, written
