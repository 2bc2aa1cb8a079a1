"""What Prophesee's files share: a header of lines `% key value`, then words of one size.

Source: https://docs.prophesee.ai/stable/data/file_formats/raw.html and dat.html.
"""

import re
from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.events.array import EventArray
from engine.events.formats._shared import Column, opening
from engine.events.recording import EventReader, Size

_LARGEST_HEADER = 1 << 20
_LINE = re.compile(rb"%[ \t]?([ -~\t]{0,1000})\r?\n")
_PROBES = 64


@dataclass(frozen=True)
class Header:
    """The lines of a header and its length in bytes."""

    fields: dict[str, str]
    length: int

    @property
    def encoding(self) -> str:
        """ "2.0", "2.1", "3.0", or "" where the header does not say."""
        named = re.match(r"EVT(\d)(\d?)", self.fields.get("format", ""))
        if named:
            return f"{named[1]}.{named[2] or '0'}"
        return self.fields.get("evt", "")

    @property
    def size(self) -> Size | None:
        """(width, height) from the geometry, or from the sensor's generation."""
        format_text = self.fields.get("format", "")
        for width, height in (
            (re.search(r"width=(\d{1,5})", format_text), re.search(r"height=(\d{1,5})", format_text)),
            (re.match(r"(\d{1,5})$", self.fields.get("Width", "")), re.match(r"(\d{1,5})$", self.fields.get("Height", ""))),
        ):
            if width and height:
                return _size(int(width[1]), int(height[1]))
        geometry = re.match(r"(\d{1,5})x(\d{1,5})$", self.fields.get("geometry", ""))
        if geometry:
            return _size(int(geometry[1]), int(geometry[2]))
        sensor = " ".join(self.fields.get(name, "") for name in ("plugin_name", "sensor_name", "generation")).lower()
        for pattern, size in (
            (r"genx320", (320, 320)),
            (r"gen_?4|imx636|^ *4\.", (1280, 720)),
            (r"gen_?3|^ *3\.", (640, 480)),
        ):
            if re.search(pattern, sensor):
                return size
        return None


def _size(width: int, height: int) -> Size | None:
    return (width, height) if 0 < width <= 32768 and 0 < height <= 32768 else None


def parse_header(data: bytes) -> Header:
    """The header at the beginning of a file, from its first bytes."""
    fields: dict[str, str] = {}
    at = 0
    while line := _LINE.match(data, at):
        at = line.end()
        text = line[1].decode("ascii").strip()
        if text == "end":
            break
        key, _, value = text.partition(" ")
        fields.setdefault(key, value.strip())
    return Header(fields, at)


class WordReader(EventReader):
    """A header, then words of one size, up to the end of the file."""

    word: np.dtype
    extra = 0  # bytes between the header and the words

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._file = path.open("rb", buffering=0)
        with opening(self):
            self._header = parse_header(self._file.read(_LARGEST_HEADER) or b"")
            self._first = self._header.length + self.extra
            self._total = self._file.seek(0, 2)
            length = max(0, self._total - self._first)
            self._count = length // self.word.itemsize
            if rest := length % self.word.itemsize:
                self.notice(f"The file ends in the middle of a word: its last {rest} bytes are left out.")
            self.metadata.update({key: value for key, value in self._header.fields.items() if value})
            if self.size is None:
                self.size = self._header.size
            self._begin()

    @abstractmethod
    def _begin(self) -> None:
        """Look at the file once it is open."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _words(self, first: int, count: int) -> Column:
        """`count` words from a word on, fewer at the end of the file."""
        self._file.seek(self._first + first * self.word.itemsize)
        data = self._file.read(max(0, min(count, self._count - first)) * self.word.itemsize) or b""
        return np.frombuffer(data, self.word, len(data) // self.word.itemsize)

    def _find_first_word(self, start_us: int) -> int:
        """A word after which everything of start_us or later comes, by halving, where the times along the file only rise."""
        probes = [self._count * probe // _PROBES for probe in range(_PROBES)]
        times = [time for probe in probes if (time := self._time_at(probe)) is not None]
        if not times or times != sorted(times):
            return 0

        def reached(piece: int) -> bool:
            time = self._time_at(piece * 256)
            return time is None or time >= start_us

        # One piece more than needed to the left: its words carry the time for those after it.
        return max(0, bisect_left(range(self._count // 256 + 1), True, key=reached) - 2) * 256

    def _time_at(self, word: int) -> int | None:
        """A time that no later event is before, from the words from this one on; None where they do not tell."""
        return None


class EvtReader(WordReader):
    """EVT 2.0 and 3.0: words that the compiled decoder turns to events."""

    @abstractmethod
    def _decode(self, words: Column, state: Column, out: EventArray) -> tuple[int, int]:
        """(words taken, events written)."""

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        from engine.events.array import empty_events
        from engine.native.twins.recordings import MALFORMED, TRIGGERS, evt_state

        at = 0 if start_us is None else self._find_first_word(start_us)
        skipped_start = at > 0
        state = evt_state()
        step = max(4096, min(limit, self.largest_chunk))
        while at < self._count:
            words = self._words(at, step)
            if not len(words):
                break
            taken = 0
            while taken < len(words):
                out = empty_events(step + 12)
                used, written = self._decode(words[taken:], state, out)
                taken += used
                if skipped_start:  # words before the first time are no damage where reading begins in the middle
                    state[MALFORMED] = 0
                    skipped_start = written == 0
                self.counts.malformed = int(state[MALFORMED])
                yield out[:written]
            at += len(words)
            self._read = self._first + at * self.word.itemsize
        self.metadata["triggers"] = int(state[TRIGGERS])
        self._read = self._total
