"""Revisit's event stream, byte by byte: packets of 16-byte events behind a 20-byte header. Version 1.

A stream is packets one after the other, in one direction, over TCP or a UNIX socket. All numbers are little-endian.

    offset  bytes  header
     0       4     magic: the letters R V E V (52 56 45 56)
     4       2     version: 1
     6       2     flags: bit 0: this is the last packet; all others 0
     8       2     width of the sensor in pixels, 1 to 4096
    10       2     height of the sensor in pixels, 1 to 4096
    12       4     count: how many events follow, 0 to 1,048,576
    16       4     dropped: events that the sender has dropped for this receiver so far (modulo 2^32)

    offset  bytes  event (engine.events.array.EVENT_DTYPE, so no byte is converted on either side)
     0       8     time stamp in us, signed
     8       2     x, 0 to width - 1, from the left
    10       2     y, 0 to height - 1, from the top
    12       1     polarity: 1 ON, 0 OFF
    13       3     unused: a sender sets them to 0, a receiver passes them over

A sender sends a header with count 0 as soon as the receiver has connected, so that it learns the sensor's size, and another one
whenever it has had nothing to send for half a second, so that a scene in which nothing moves is not taken for a broken line.
Width and height do not change within a stream. Version 2 may change everything behind the version's field.
"""

import struct
from dataclasses import dataclass

import numpy as np

from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources.source import SourceFailed, check_size

MAGIC = b"RVEV"
VERSION = 1
LAST = 1  # flags, bit 0
LARGEST_PACKET = 1 << 20  # events; bounds what a header can make a receiver allocate to 16 MiB
HEARTBEAT_S = 0.5

_HEADER = struct.Struct("<4sHHHHII")
HEADER_BYTES = _HEADER.size
EVENT_BYTES = EVENT_DTYPE.itemsize
_USED = np.uint64(0xFF_FFFF_FFFF)  # x, y and polarity of an event's second half


@dataclass(frozen=True)
class Packet:
    """One packet as it was received; `events` may be empty."""

    events: EventArray
    size: tuple[int, int]
    last: bool
    dropped: int


def header(size: tuple[int, int], count: int, dropped: int, last: bool = False) -> bytes:
    """The 20 bytes before `count` events of a sensor of (width, height)."""
    return _HEADER.pack(MAGIC, VERSION, LAST if last else 0, *size, count, dropped & 0xFFFF_FFFF)


def wire_events(events: EventArray) -> EventArray:
    """A copy with the three unused bytes of each event at 0 (they could hold anything of our memory); 2 ns an event."""
    halves = np.ascontiguousarray(events).view(np.uint64).reshape(-1, 2)
    copy = np.empty_like(halves)
    copy[:, 0] = halves[:, 0]
    np.bitwise_and(halves[:, 1], _USED, out=copy[:, 1])
    wired: EventArray = copy.reshape(-1).view(EVENT_DTYPE)
    return wired


class PacketDecoder:
    """Puts packets together from however the bytes come; no copy: the receiver writes into `space()` itself.

        received = socket.recv_into(decoder.space())
        packet = decoder.wrote(received)

    Memory is taken only for a header that was checked, 16 MiB at most.
    """

    def __init__(self, name: str = "The sender") -> None:
        self._name = name
        self._head = bytearray(HEADER_BYTES)
        self._view = memoryview(self._head)
        self._filled = 0
        self._body: EventArray | None = None
        self._count = 0
        self._dropped = 0
        self._last = False
        self.size: tuple[int, int] | None = None

    @property
    def between_packets(self) -> bool:
        """Whether the bytes so far are whole packets."""
        return self._body is None and not self._filled

    def space(self) -> memoryview:
        """Where the next bytes belong: never empty, never beyond the packet."""
        return self._view[self._filled :]

    def wrote(self, count: int) -> Packet | None:
        """Take note of `count` bytes written to space(); returns the packet that they complete, if any.

        Raises:
            SourceFailed: the header is not one of ours, of another version, or claims what cannot be.
        """
        self._filled += count
        if self._filled < len(self._view):
            return None
        if self._body is None:
            self._read_header()
            if self._count:
                self._body = np.empty(self._count, EVENT_DTYPE)
                self._expect(self._body.view(np.uint8).data)
                return None
        return self._finish(self._body if self._body is not None else np.empty(0, EVENT_DTYPE))

    def whole_events(self) -> EventArray:
        """The events of an unfinished packet that have arrived whole (for a stream that was cut)."""
        if self._body is None:
            return np.empty(0, EVENT_DTYPE)
        return self._body[: self._filled // EVENT_BYTES]

    def _finish(self, events: EventArray) -> Packet:
        if self.size is None:
            raise RuntimeError("a packet without a header")
        self._body = None
        self._expect(memoryview(self._head))
        return Packet(events, self.size, self._last, self._dropped)

    def _expect(self, view: memoryview) -> None:
        self._view, self._filled = view, 0

    def _read_header(self) -> None:
        magic, version, flags, width, height, count, dropped = _HEADER.unpack(self._head)
        if magic != MAGIC:
            raise SourceFailed(
                f"{self._name} does not send Revisit's event stream (a packet begins with {magic!r}, not {MAGIC!r}): check "
                "that the address is right; for a stream of iniVation's DV choose the DV network source."
            )
        if version != VERSION:
            raise SourceFailed(
                f"{self._name} sends version {version} of the event stream, this Revisit reads version {VERSION}: "
                "update the older one."
            )
        if flags & ~LAST:
            raise SourceFailed(
                f"{self._name} sends a packet with unknown flags ({flags:#06x}): the stream is damaged; start it again."
            )
        check_size((width, height), self._name)
        if self.size is not None and self.size != (width, height):
            raise SourceFailed(
                f"{self._name} changed its sensor from {self.size[0]}x{self.size[1]} to {width}x{height} pixels: start it again."
            )
        if count > LARGEST_PACKET:
            raise SourceFailed(
                f"{self._name} announces a packet of {count} events; one may have {LARGEST_PACKET} at most: check the sender."
            )
        self.size = (width, height)
        self._count, self._last, self._dropped = count, bool(flags & LAST), dropped
