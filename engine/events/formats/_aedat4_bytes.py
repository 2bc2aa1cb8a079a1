"""The bytes of an AEDAT4 file that the writer puts out; formats/aedat4.py reads them. Sources there."""

import struct
from collections.abc import Callable
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from engine.events.array import EVENT_DTYPE
from engine.events.formats.aedat4 import COMPRESSIONS, MAGIC

PREFIX = 32
"""Bytes of a packet before its events: they stay aligned to 16 bytes."""

_TABLE_POSITION = len(MAGIC) + 40
"""Where in the file the header keeps the position of the table (int64)."""

_ENTRY = np.dtype(
    {
        "names": ["vtable", "stream", "size", "offset", "events", "first", "last", "padding"],
        "formats": ["<i4", "<i4", "<i4", "<i8", "<i8", "<i8", "<i8", "<i4"],
        "offsets": [0, 4, 8, 12, 20, 28, 36, 44],
        "itemsize": 48,
    }
)
PACKET_ROW = np.dtype([("size", "<i8"), ("offset", "<i8"), ("events", "<i8"), ("first", "<i8"), ("last", "<i8")])
"""What the table says of a packet: its bytes, where they are, how many events, the first's and the last's time stamp."""


def header(size: tuple[int, int], compression: str, source: str) -> bytes:
    """The file's first line and its IOHE FlatBuffer, with the table's position still -1 (not finished)."""
    values = {
        "compression": compression,
        "originalModuleName": "Revisit",
        "originalOutputName": "events",
        "typeDescription": "Array of events (polarity ON/OFF).",
        "typeIdentifier": "EVTS",
    }
    lines = [
        '<dv version="2.0">',
        '<node name="outInfo" path="/outInfo/">',
        '<node name="0" path="/outInfo/0/">',
        *(f'<attr key="{key}" type="string">{value}</attr>' for key, value in values.items()),
        '<node name="info" path="/outInfo/0/info/">',
        f'<attr key="sizeX" type="int">{size[0]}</attr>',
        f'<attr key="sizeY" type="int">{size[1]}</attr>',
        f'<attr key="source" type="string">{escape(source)}</attr>',
        "</node>",
        "</node>",
        "</node>",
        "</dv>",
    ]
    text = ("\n".join(lines) + "\n").encode()
    text += b"\0" * (8 - len(text) % 8)  # ends with at least one NUL; the length says where the text ends
    length = len(text.rstrip(b"\0"))
    # Size, root at 28, mark, padding; vtable at 18 (10 bytes, table of 20: compression +4, position +12, text +8).
    number = COMPRESSIONS.index(compression)
    body = struct.pack("<I4s6xHHHHHiiIqI", 24, b"IOHE", 10, 20, 4, 12, 8, 10, number, 12, -1, length) + text
    return MAGIC + struct.pack("<I", len(body)) + body


def table_position(at: int) -> tuple[int, bytes]:
    """(where in the file, what to write there) to say that the table is at byte `at`."""
    return _TABLE_POSITION, struct.pack("<q", at)


def packet_prefix(count: int) -> bytes:
    """The PREFIX bytes before `count` events in an EVTS FlatBuffer."""
    total = PREFIX + count * EVENT_DTYPE.itemsize
    return struct.pack("<II4s2xHHHiII", total - 4, 16, b"EVTS", 6, 8, 4, 6, 4, count)


def table(rows: NDArray[np.void]) -> bytes:
    """The FTAB FlatBuffer of packets (PACKET_ROW) of stream 0."""
    count = len(rows)
    vectors = 32 + 4 * count
    vtable_at = vectors + (-vectors) % 8
    first = vtable_at + 20  # the vtable's 14 bytes, then to 4 modulo 8: the int64 fields of each entry are aligned
    entries = np.zeros(count, _ENTRY)
    at = first + 48 * np.arange(count)
    entries["vtable"] = at - vtable_at
    for name in PACKET_ROW.names or ():
        entries[name] = rows[name]
    pointers = (at - (32 + 4 * np.arange(count))).astype("<u4")
    total = first + 48 * count
    head = struct.pack("<II4s2xHHHiII", total - 4, 16, b"FTAB", 6, 8, 4, 6, 4, count)
    vtable = struct.pack("<7H6x", 14, 44, 12, 4, 20, 28, 36)
    return head + pointers.tobytes() + b"\0" * (vtable_at - vectors) + vtable + entries.tobytes()


def compressor(compression: str) -> Callable[[memoryview | bytes], bytes | memoryview]:
    """A function from a packet to its compressed bytes."""
    if compression == "NONE":
        return lambda data: data
    if compression == "LZ4":
        import lz4.frame

        # Blocks that stand alone and a frame that says its size: the fastest to read, and every reader of LZ4 frames takes them.
        return lambda data: bytes(lz4.frame.compress(data, compression_level=0, block_linked=False, store_size=True))
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress
