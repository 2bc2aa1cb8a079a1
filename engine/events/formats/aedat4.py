"""AEDAT4, the format of iniVation's DV: read packet by packet, also where the file was cut off.

A line, a size-prefixed FlatBuffer (IOHE: compression, position of the table, XML about the streams), packets (stream and size as
two int32, then a FlatBuffer, compressed), and, in a finished file, a table of the packets (FTAB).
Source: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html and dv-processing's own files.
"""

import re
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.formats._flatbuffer import I32, I64, U32, U64, Table, unpack
from engine.events.formats._shared import Damaged, optional
from engine.events.recording import EventReader, Size

TITLE = "AEDAT4"
RANK = 0
MAGIC = b"#!AER-DAT4.0\r\n"
PACKET = struct.Struct("<ii")
COMPRESSIONS = ("NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH")
LARGEST_HEADER = 16 << 20
SMALLEST_PACKET = 12
"""Bytes of the smallest FlatBuffer with a size and a mark."""
LARGEST_PACKET = 256 << 20
"""Bytes of one packet after decompression, 16 million events; dv writes packets of some ten thousand."""


def matches(head: bytes, path: Path) -> bool:
    """Whether the file begins as AEDAT4 does."""
    return head.startswith(MAGIC)


def open(path: Path, size: Size | None) -> "Aedat4Reader":  # noqa: A001
    """A reader of the file's first stream of events."""
    return Aedat4Reader(path, size)


class Aedat4Reader(EventReader):
    """Reads the events of an AEDAT4 file; frames, IMU and triggers are passed over.

    Attributes:
        claimed_events: how many events the table at the end names, None where there is no table (the recording was not finished).
    """

    format = "aedat4"
    largest_chunk = 1 << 17  # 2 MB: stays in the cache from decompression to its reader

    def __init__(self, path: Path, size: Size | None) -> None:
        super().__init__(path, size)
        self.claimed_events: int | None = None
        self._file = path.open("rb", buffering=0)  # headers of packets are 8 bytes apart by much more than a buffer
        try:
            self._open()
        except Damaged as error:
            self.close()
            raise BadInput(f"{path}: the header of this AEDAT4 file is damaged: {error}.") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _bytes(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        return self._file.read(count) or b""

    # -- header ---------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._length = self._file.seek(0, 2)
        prefix = self._bytes(len(MAGIC), 4)
        header_size = U32.unpack(prefix)[0] if len(prefix) == 4 else -1
        if not 8 <= header_size <= min(LARGEST_HEADER, self._length - len(MAGIC) - 4):
            raise Damaged(
                f"the file has only {self._length} bytes" if header_size < 0 else f"it claims to have {header_size} bytes"
            )
        header = Table.root(prefix + self._bytes(len(MAGIC) + 4, header_size), b"IOHE")
        compression = header.number(0, I32, 0)
        if not 0 <= compression < len(COMPRESSIONS):
            raise Damaged(f"compression number {compression} is unknown")
        self.metadata["compression"] = COMPRESSIONS[compression]
        self._decompress = _decompressor(COMPRESSIONS[compression], self.path)
        self._first = len(MAGIC) + 4 + header_size
        self._total = self._length
        self._stream = self._read_streams(header.text(2))
        table_at = header.number(1, I64, -1)
        self._offsets, self._sizes = array("q"), array("q")  # of the stream's packets
        self._latest: NDArray[np.int64] | None = None  # newest time stamp up to the end of each packet, from the table
        self._table_at = self._length
        self._packets_known = False
        if table_at >= 0:
            try:
                self._read_table(table_at)
            except Damaged as error:
                self.notice(f"The table at the end of the file cannot be used ({error}): the packets are read one by one.")
        else:
            self.notice("The recording was not finished (it has no table of its packets): it is read as far as its packets go.")
        self.time_range = self._find_time_range()

    def _read_streams(self, xml: str) -> int:
        """Size and names out of the header's XML; returns the number of the first stream of events."""
        streams = _streams(xml)
        events = [number for number, values in streams.items() if values.get("typeIdentifier") == "EVTS"]
        if streams and not events:
            kinds = ", ".join(sorted({values.get("typeIdentifier", "?") for values in streams.values()}))
            raise BadInput(f"{self.path} holds no events: its streams are {kinds}.")
        if not streams:
            self.notice("The header does not describe the streams: every packet that holds events is read.")
            return -1
        first = min(events)
        values = streams[first]
        if len(events) > 1:
            self.notice(f"The file holds {len(events)} streams of events: the first, number {first}, is read.")
        width, height = (values.get(name, "") for name in ("sizeX", "sizeY"))
        if self.size is None and all(re.fullmatch(r"\d{1,5}", side) and 0 < int(side) <= 32768 for side in (width, height)):
            self.size = int(width), int(height)
        self.metadata["stream"] = first
        for name in ("source", "originalModuleName", "originalOutputName"):
            if values.get(name):
                self.metadata[name] = values[name]
        if re.fullmatch(r"-?\d{1,18}", values.get("tsOffset", "")):
            self.metadata["tsOffset"] = int(values["tsOffset"])
        return first

    def _read_table(self, at: int) -> None:
        if not self._first <= at < self._length:
            raise Damaged(f"it should be at byte {at}, and the file has {self._length}: the end is missing")
        if self._length - at > LARGEST_PACKET:
            raise Damaged("it is too large")
        table = Table.root(self._decompress(self._bytes(at, self._length - at)), b"FTAB")
        start, count = table.vector(0, 4)
        rows: list[tuple[int, int, int, int]] = []
        for entry in range(start, start + 4 * count, 4):
            packet = Table(table.buffer, entry + unpack(U32, table.buffer, entry))
            info = packet.where(1)
            if info is None or unpack(I32, table.buffer, info) != self._stream or packet.number(2, I64, 0) <= 0:
                continue
            offset, size = packet.number(0, I64, 0), unpack(I32, table.buffer, info + 4)
            if size < 0 or not self._first <= offset - PACKET.size <= offset + size <= at:
                raise Damaged("a packet of it lies outside the file")
            rows.append((offset, size, packet.number(4, I64, 0), packet.number(2, I64, 0)))
        rows.sort()
        self._offsets, self._sizes = array("q", (row[0] for row in rows)), array("q", (row[1] for row in rows))
        self._latest = np.maximum.accumulate(np.array([row[2] for row in rows], np.int64)) if rows else None
        self._table_at, self._packets_known = at, True
        self.claimed_events = sum(row[3] for row in rows)

    # -- packets --------------------------------------------------------------------------------------------------------

    def _walk(self, at: int) -> Iterator[tuple[int, int]]:
        """(first byte, size) of each packet of the stream from a packet's header on, as far as they are whole."""
        while at + PACKET.size <= self._table_at:
            stream, size = PACKET.unpack(self._bytes(at, PACKET.size))
            if size < 0 or stream < 0 or at + PACKET.size + size > self._table_at:
                break
            at += PACKET.size
            if self._stream in (stream, -1) and size >= SMALLEST_PACKET:
                yield at, size
            at += size
        if at < self._table_at:
            self.notice(f"The file ends in the middle of a packet: the last {self._table_at - at} bytes are left out.")

    def _index(self) -> None:
        """Find all packets, without reading them, where no table says where they are."""
        if not self._packets_known:
            for at, size in self._walk(self._first):
                self._offsets.append(at)
                self._sizes.append(size)
            self._packets_known = True

    def _packet(self, at: int, size: int) -> EventArray:
        data = self._decompress(self._bytes(at, size))
        if self._stream == -1 and bytes(data[8:12]) != b"EVTS":
            return np.zeros(0, EVENT_DTYPE)
        start, count = Table.root(data, b"EVTS").vector(0, EVENT_DTYPE.itemsize)
        if not count:
            return np.zeros(0, EVENT_DTYPE)
        events = np.frombuffer(data, EVENT_DTYPE, count, start)
        return events if events.flags.writeable and events.flags.aligned else events.view("V16").copy().view(EVENT_DTYPE)

    def _first_time(self, packet: int) -> int | None:
        """Time stamp of the first event of a packet, None where it is damaged or empty."""
        try:
            events = self._packet(self._offsets[packet], self._sizes[packet])
        except Damaged:
            return None
        return int(events["timestamp"][0]) if len(events) else None

    def _find_time_range(self) -> tuple[int, int] | None:
        if self._latest is None:
            self._index()
        for packet in range(min(len(self._offsets), 16)):
            first = self._first_time(packet)
            if first is None:
                continue
            if self._latest is not None:
                return first, int(self._latest[-1])
            for last in range(len(self._offsets) - 1, max(-1, len(self._offsets) - 17), -1):
                try:
                    events = self._packet(self._offsets[last], self._sizes[last])
                except Damaged:
                    continue
                if len(events):
                    return first, int(events["timestamp"].max())
        return None

    def _seek(self, start_us: int) -> int:
        """The first packet that may hold an event of start_us or later."""
        if self._latest is not None:
            return int(np.searchsorted(self._latest, start_us))

        def reached(packet: int) -> bool:
            first = self._first_time(packet)
            return first is not None and first >= start_us  # a damaged packet counts as early: nothing is missed

        # Equal time stamps may end the packet before the first one that begins at start_us or later.
        return max(0, bisect_left(range(len(self._offsets)), True, key=reached) - 1)

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        self._index()
        first = 0 if start_us is None else self._seek(start_us)
        for packet in range(first, len(self._offsets)):
            at, size = self._offsets[packet], self._sizes[packet]
            self._read = at + size
            try:
                yield self._packet(at, size)
            except Damaged as error:
                self.counts.malformed += 1
                self.notice(f"The packet at byte {at} is left out: {error}.")
        self._read = self._total


def _decompressor(compression: str, path: Path) -> Any:
    """A function from a compressed packet to a writable buffer of at most LARGEST_PACKET bytes; it raises Damaged."""
    if compression == "NONE":
        return bytearray
    if compression.startswith("LZ4"):
        frame = optional("lz4.frame", path, "LZ4")

        def unpack_lz4(data: bytes) -> bytearray:
            try:
                # LZ4 cannot grow data more than 255 times, whatever the frame claims.
                # The size is there where bit 3 of the descriptor's first byte is set.
                claimed = unpack(U64, data, 6) if len(data) > 14 and data[4] & 8 else 0
                if claimed > min(LARGEST_PACKET, 255 * len(data)):
                    raise Damaged("it claims to be too large")
                if 255 * len(data) <= LARGEST_PACKET:
                    unpacked: bytearray = frame.decompress(data, return_bytearray=True)
                    return unpacked
                decompressor = frame.LZ4FrameDecompressor(return_bytearray=True)
                unpacked = decompressor.decompress(data, max_length=LARGEST_PACKET)
                eof = decompressor.eof
            except Damaged:
                raise
            except (RuntimeError, ValueError, MemoryError, EOFError):
                raise Damaged("it cannot be decompressed") from None
            if not eof:
                raise Damaged("it is cut off, or too large")
            return unpacked

        return unpack_lz4
    zstandard = optional("zstandard", path, "Zstandard")

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)

    def unpack_zstd(data: bytes) -> bytearray:
        try:
            claimed = zstandard.frame_content_size(data)
            if claimed > LARGEST_PACKET:
                raise Damaged("it claims to be too large")
            # A frame of known size is unpacked at once; its blocks of at most 128 KiB bound one that lies about a small size.
            if claimed >= 0:
                return bytearray(decompressor.decompress(data))
            with decompressor.stream_reader(data) as stream:
                unpacked = bytearray(stream.read(LARGEST_PACKET + 1))
        except zstandard.ZstdError:
            raise Damaged("it cannot be decompressed") from None
        if len(unpacked) > LARGEST_PACKET:
            raise Damaged("it is too large")
        return unpacked

    return unpack_zstd


def _streams(xml: str) -> dict[int, dict[str, str]]:
    """The attributes of each stream, by its number, out of the header's XML; of broken XML, what came before the break."""
    streams: dict[int, dict[str, str]] = {}
    nodes: list[str] = []
    current: list[Any] = [None, ""]

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "node":
            nodes.append(attributes.get("name", ""))
        elif name == "attr":
            current[:] = [attributes.get("key", ""), ""]

    def end(name: str) -> None:
        if name == "node" and nodes:
            nodes.pop()
        elif name == "attr" and len(nodes) >= 2 and nodes[0] == "outInfo" and re.fullmatch(r"\d{1,4}", nodes[1]):
            streams.setdefault(int(nodes[1]), {}).setdefault(current[0], current[1].strip())

    def data(text: str) -> None:
        current[1] += text

    def refuse(*_: object) -> None:
        raise expat.ExpatError  # entities could grow without bound

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.EntityDeclHandler = refuse
    with suppress(expat.ExpatError):
        parser.Parse(xml, True)
    return streams
