"""ROS 1 bags with dvs_msgs/EventArray or prophesee_event_msgs/EventArray, read also where the bag has no index (was not closed).

Source: http://wiki.ros.org/Bags/Format/2.0 and the two messages' definitions: header, height, width, then 13 bytes an event.
"""

import bz2
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events, joined
from engine.events.formats._shared import Damaged, opening, optional
from engine.events.recording import EventReader, Size

TITLE = "ROS 1 bag"
RANK = 0
MAGIC = b"#ROSBAG V2.0\n"
TYPES = ("dvs_msgs/EventArray", "prophesee_event_msgs/EventArray")
_U32 = struct.Struct("<I")
_MESSAGE, _BAG, _CHUNK, _CONNECTION = 2, 3, 5, 7
_LARGEST_CHUNK = 256 << 20
_LARGEST_HEADER = 1 << 20
_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("seconds", "<u4"), ("nanoseconds", "<u4"), ("polarity", "u1")])


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as bags of version 2.0 do."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> "Rosbag1Reader":  # noqa: A001
    """A reader of the bag's first topic of events."""
    return Rosbag1Reader(path, size)


def _u32(data: bytes, at: int) -> int:
    if at < 0 or at + 4 > len(data):
        raise Damaged("a record in it is cut off")
    value: int = _U32.unpack_from(data, at)[0]
    return value


def _fields(header: bytes) -> dict[bytes, bytes]:
    """The `name=value` fields of a record's header."""
    fields, at = {}, 0
    while at < len(header):
        length = _u32(header, at)
        name, equals, value = header[at + 4 : at + 4 + length].partition(b"=")
        if not equals or at + 4 + length > len(header):
            raise Damaged("the header of a record in it is broken")
        fields[name] = value
        at += 4 + length
    return fields


def _records(data: bytes) -> Iterator[tuple[dict[bytes, bytes], int, int]]:
    """(fields, first byte, length) of the records in a chunk, as far as they are whole."""
    at = 0
    while at < len(data):
        length = _u32(data, at)
        if at + 4 + length > len(data):
            raise Damaged("a record in it is cut off")
        fields = _fields(data[at + 4 : at + 4 + length])
        at += 4 + length
        size = _u32(data, at)
        at += 4
        if at + size > len(data):
            raise Damaged("a record in it is cut off")
        yield fields, at, size
        at += size


class Rosbag1Reader(EventReader):
    """Reads chunk by chunk; of several topics of events, the first by name among those that the bag lists, or that come first."""

    format = "rosbag1"

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self._file = path.open("rb", buffering=0)
        with opening(self):
            self._total = self._file.seek(0, 2)
            self._topics: dict[int, tuple[str, str]] = {}  # of each connection: topic and type
            self._starts, self._lengths, self._plain = array("q"), array("q"), array("b")  # of chunks; 1: a lone message
            self._compressions: dict[bytes, bytes] = {}
            self._walk()
            self._choose()
            self._find_time_range()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _bytes(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        return self._file.read(max(0, min(count, self._total - at))) or b""

    # -- the file's records -------------------------------------------------------------------------------------------

    def _header(self, at: int) -> tuple[dict[bytes, bytes], int, int] | None:
        """(fields, first byte of the data, length of the data) of the record at a byte; None where the file ends in it."""
        start = self._bytes(at, 4)
        length = _u32(start, 0) if len(start) == 4 else self._total
        if at + 8 + length > self._total:
            return None
        if length > _LARGEST_HEADER:
            raise Damaged(f"the header of the record at byte {at} claims {length} bytes")
        data = self._bytes(at + 4, length + 4)
        size = _u32(data, length)
        return _fields(data[:length]), at + 8 + length, size

    def _walk(self) -> None:
        """Find all chunks, by the headers of the records alone."""
        at = len(MAGIC)
        while at < self._total:
            try:
                record = self._header(at)
            except Damaged as error:
                self.notice(f"The bag is damaged ({error}): what comes after is left out.")
                return
            if record is None or record[1] + record[2] > self._total:
                self.notice(f"The bag ends in the middle of a record: its last {self._total - at} bytes are left out.")
                return
            fields, start, size = record
            if fields.get(b"op") == bytes([_BAG]):
                index = fields.get(b"index_pos", b"")
                if not 0 < int.from_bytes(index, "little") <= self._total:
                    self.notice("The bag was not closed (it has no index): it is read as far as its records go.")
            kind = fields.get(b"op", b"")
            if kind in (bytes([_CHUNK]), bytes([_MESSAGE])):
                self._starts.append(at)
                self._lengths.append(start + size - at)
                self._plain.append(kind == bytes([_MESSAGE]))
            elif kind == bytes([_CONNECTION]):
                self._connect(fields, self._bytes(start, min(size, _LARGEST_HEADER)))
            at = start + size

    def _connect(self, fields: dict[bytes, bytes], data: bytes) -> None:
        number = fields.get(b"conn", b"")
        try:
            kind = _fields(data).get(b"type", b"").decode("ascii", "replace")
        except Damaged:
            return
        if len(number) == 4 and len(self._topics) < 10_000:
            self._topics.setdefault(_u32(number, 0), (fields.get(b"topic", b"").decode("utf-8", "replace"), kind))

    def _chunk(self, index: int) -> bytes:
        """The records in a chunk, decompressed."""
        data = self._bytes(self._starts[index], self._lengths[index])
        if self._plain[index]:
            return data
        length = _u32(data, 0)
        fields = _fields(data[4 : 4 + length])
        claimed, compression = fields.get(b"size", b""), fields.get(b"compression", b"none")
        size = _u32(claimed, 0)
        body = data[8 + length :]
        if size > _LARGEST_CHUNK:
            raise Damaged(f"it claims {size} bytes")
        self.metadata["compression"] = compression.decode("ascii", "replace")
        if compression == b"none":
            return body
        try:
            if compression == b"bz2":
                body = bz2.BZ2Decompressor().decompress(body, size)
            elif compression == b"lz4":
                body = optional("lz4.frame", self.path, "LZ4").LZ4FrameDecompressor().decompress(body, max_length=size)
            else:
                raise BadInput(f"{self.path} is compressed with {compression.decode('ascii', 'replace')}, which is not known.")
        except (OSError, RuntimeError, EOFError, ValueError, MemoryError) as error:
            if isinstance(error, BadInput):
                raise
            raise Damaged("it cannot be decompressed") from None
        if len(body) != size:
            raise Damaged(f"it holds {len(body)} bytes instead of {size}")
        return body

    # -- events -------------------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        """The topic to read: from the bag's index, or, where it has none, from the first chunk that names one."""
        chunk = 0
        while not any(kind in TYPES for _, kind in self._topics.values()) and chunk < len(self._starts):
            try:
                data = self._chunk(chunk)
                for fields, start, size in _records(data):
                    if fields.get(b"op") == bytes([_CONNECTION]):
                        self._connect(fields, data[start : start + size])
            except Damaged:
                pass  # told when the events are read
            chunk += 1
        topics = {number: topic for number, topic in self._topics.items() if topic[1] in TYPES}
        if not topics:
            found = ", ".join(sorted({f"{topic} ({kind})" for topic, kind in self._topics.values()})[:20]) or "none"
            raise Damaged(f"no topic of it is of the type {' or '.join(TYPES)}; its topics are: {found}")
        name = min(topic for topic, _ in topics.values())
        others = sorted({topic for topic, _ in topics.values()} - {name})
        if others:
            self.notice(f"The bag has several topics of events: {name} is read, not {', '.join(others)}.")
        self._wanted = name
        self.metadata["topic"] = name

    def _messages(self, index: int) -> Iterator[EventArray]:
        data = self._chunk(index)
        for fields, start, size in _records(data):
            kind, number = fields.get(b"op"), fields.get(b"conn", b"")
            if kind == bytes([_CONNECTION]):
                self._connect(fields, data[start : start + size])
            elif kind == bytes([_MESSAGE]) and len(number) == 4:
                topic, message = self._topics.get(_u32(number, 0), ("", ""))
                if topic == self._wanted and message in TYPES:
                    yield self._events(data[start : start + size])

    def _events(self, message: bytes) -> EventArray:
        at = 16 + _u32(message, 12)  # sequence, stamp, and the name of the frame
        height, width, count = (_u32(message, at + 4 * field) for field in range(3))
        at += 12
        if at + count * _EVENT.itemsize > len(message):
            raise Damaged(f"a message in it claims {count} events, more than it has room for")
        if self.size is None and 0 < width <= 32768 and 0 < height <= 32768:
            self.size = width, height
        packed = np.frombuffer(message, _EVENT, count, at)
        events = empty_events(count)
        events["timestamp"] = packed["seconds"] * np.int64(1_000_000) + (packed["nanoseconds"] + np.int64(500)) // 1000
        # Coordinates of 32768 or more become negative, and are off the sensor either way.
        events["x"], events["y"] = packed["x"].view("<i2"), packed["y"].view("<i2")
        events["polarity"] = packed["polarity"] != 0
        return events

    def _edge(self, index: int) -> tuple[int, int] | None:
        """(first, last) time of a chunk, None where it has no events or is damaged."""
        times: list[int] = []
        try:
            for events in self._messages(index):
                if len(events):
                    times += [int(events["timestamp"][0]), int(events["timestamp"][-1])]
        except Damaged:
            pass
        return (times[0], times[-1]) if times else None

    def _find_time_range(self) -> None:
        chunks = len(self._starts)
        first = next((edge for index in range(min(chunks, 64)) if (edge := self._edge(index))), None)
        last = next((edge for index in range(chunks - 1, max(-1, chunks - 65), -1) if (edge := self._edge(index))), None)
        if first and last and first[0] <= last[1]:
            self.time_range = first[0], last[1]

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        begin = 0
        if start_us is not None:

            def reached(index: int) -> bool:
                edge = self._edge(index)
                return edge is not None and edge[0] >= start_us

            begin = max(0, bisect_left(range(len(self._starts)), True, key=reached) - 1)
        for index in range(begin, len(self._starts)):
            self._read = self._starts[index] + self._lengths[index]
            messages: list[EventArray] = []
            try:
                for events in self._messages(index):
                    messages.append(events)
            except Damaged as error:
                self.counts.malformed += 1
                self.notice(f"The chunk at byte {self._starts[index]} is left out from where it is damaged: {error}.")
            yield joined(messages)
        self._read = self._total
