"""The child process in which a vendor's library runs, seen from inside.

The library may hold the interpreter's lock for seconds, crash, or hang: here it harms nobody. Events go to the parent through
a ring of 16-byte records in shared memory; everything that must be ordered (what was written, what was read) goes through
a pipe, so that the system calls are the memory barriers and no index is shared. Messages, little-endian:

    to the parent:   b"O" JSON {"name", "width", "height"}                      opened
                     b"E" u64 first, u32 count, u64 dropped, u64 out of range   events first ... first + count - 1 are in the ring
                                                                                (count 0: a heartbeat)
                     b"X" JSON {"failed", "message"}                            the end
    to the child:    b"C" u64 consumed                                          events before this one may be overwritten
                     b"S"                                                       stop

The child imports nothing of Revisit beyond this package, so that it starts quickly.
"""

import json
import os
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import shared_memory
from multiprocessing.connection import Connection
from typing import Protocol

import numpy as np

from engine.events.array import EVENT_DTYPE, EventArray, joined
from engine.events.sources.buffer import Policy
from engine.events.sources.source import SourceFailed, check_size, copied, within_sensor

EVENTS = struct.Struct("<cQIQQ")
CONSUMED = struct.Struct("<cQ")
HEARTBEAT_S = 0.2
_IDLE_S = 0.001  # vendors' libraries have no way to wait for events: look a thousand times a second


@dataclass(frozen=True)
class Opened:
    """What an adapter found: a name for people, and the sensor's (width, height)."""

    name: str
    size: tuple[int, int]


class Adapter(Protocol):
    """What Revisit needs of a vendor's library. All methods run in the child; they may block, crash and raise what they like."""

    def open(self) -> Opened:
        """Connect. Raises SourceFailed with a sentence where that is not possible."""

    def next_events(self) -> EventArray | None:
        """Events that have come since the last call, without waiting; None or an empty array where there are none."""

    def alive(self) -> bool:
        """Whether more can come."""

    def goodbye(self) -> SourceFailed | str:
        """How it ended, once alive() is false: a sentence, or a SourceFailed."""


def ring_array(memory: shared_memory.SharedMemory, capacity: int) -> EventArray:
    """The ring's events, in place."""
    if memory.buf is None:
        raise RuntimeError("the shared memory is closed")
    ring: EventArray = np.frombuffer(memory.buf, EVENT_DTYPE, capacity)
    return ring


def read_ring(ring: EventArray, first: int, count: int) -> EventArray:
    """A copy of events `first` to `first + count - 1` of a ring."""
    begin = first % len(ring)
    head = min(count, len(ring) - begin)
    if head == count:
        return copied(ring[begin : begin + count])
    return joined([ring[begin:], ring[: count - head]])


def write_ring(ring: EventArray, first: int, events: EventArray) -> None:
    """Store events as numbers `first` ... of a ring; there must be room."""
    begin = first % len(ring)
    head = min(len(events), len(ring) - begin)
    target, source = ring.view("V16"), events.view("V16")  # opaque bytes: see engine.events.array.joined
    target[begin : begin + head] = source[:head]
    target[: len(events) - head] = source[head:]


class _Stopped(Exception):  # noqa: N818
    """The parent asked to stop, or is gone."""


class _Writer:
    """Puts an adapter's events into the ring and tells the parent."""

    def __init__(self, ring: EventArray, parent: Connection, policy: Policy, size: tuple[int, int]) -> None:
        self._ring, self._parent, self._policy, self._size = ring, parent, policy, size
        self._written = 0
        self._consumed = 0
        self._dropped = 0
        self._out_of_range = 0
        self._told = time.monotonic()

    def write(self, events: EventArray) -> None:
        good = within_sensor(events, self._size)
        self._out_of_range += len(events) - len(good)
        first = 0
        while first < len(good):
            room = len(self._ring) - (self._written - self._consumed)
            if room <= 0:
                self.listen(HEARTBEAT_S if self._policy == "block" else 0.0)
                room = len(self._ring) - (self._written - self._consumed)
                if room <= 0 and self._policy == "drop-oldest":
                    # The ring's oldest may be what the parent copies at this moment, so what is new has to go.
                    self._dropped += len(good) - first
                    self.tell(0)
                    return
                if room <= 0:
                    self.tell(0)
                    continue
            count = min(room, len(good) - first)
            write_ring(self._ring, self._written, good[first : first + count])
            self.tell(count)
            first += count

    def tell(self, count: int) -> None:
        self._parent.send_bytes(EVENTS.pack(b"E", self._written, count, self._dropped, self._out_of_range))
        self._written += count
        self._told = time.monotonic()

    def heartbeat(self) -> None:
        if time.monotonic() - self._told >= HEARTBEAT_S:
            self.tell(0)

    def listen(self, timeout_s: float) -> None:
        """Take the parent's messages; raises _Stopped when it wants no more or is gone."""
        try:
            while self._parent.poll(timeout_s):
                message = self._parent.recv_bytes()
                if message[:1] != b"C":
                    raise _Stopped
                self._consumed = CONSUMED.unpack(message)[1]
                timeout_s = 0.0
        except (EOFError, OSError):
            raise _Stopped from None


def child_main(parent: Connection, ring_name: str, capacity: int, policy: Policy, make_adapter: Callable[[], Adapter]) -> None:
    """The child's life: open, feed until told to stop, leave without running the library's destructors (dv's may hang)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    memory = shared_memory.SharedMemory(name=ring_name)
    ring = ring_array(memory, capacity)
    status = 0
    try:
        _feed(parent, ring, policy, make_adapter())
    except (_Stopped, BrokenPipeError):
        pass
    except SourceFailed as failure:
        _say_end(parent, True, str(failure))
    except Exception as error:
        _say_end(parent, True, f"The vendor's library reports: {first_line(error)}.")
        status = 1
    finally:
        os._exit(status)


def _feed(parent: Connection, ring: EventArray, policy: Policy, adapter: Adapter) -> None:
    opened = adapter.open()
    width, height = check_size(opened.size, opened.name)
    parent.send_bytes(b"O" + json.dumps({"name": opened.name, "width": width, "height": height}).encode())
    writer = _Writer(ring, parent, policy, opened.size)
    while True:
        writer.listen(0.0)
        alive = adapter.alive()  # asked first: what came before the end is still read below
        events = adapter.next_events()
        if events is not None and len(events):
            writer.write(np.ascontiguousarray(events, EVENT_DTYPE))
            continue
        if not alive:
            end = adapter.goodbye()
            _say_end(parent, isinstance(end, SourceFailed), str(end))
            return
        writer.heartbeat()
        time.sleep(_IDLE_S)


def _say_end(parent: Connection, failed: bool, message: str) -> None:
    try:
        parent.send_bytes(b"X" + json.dumps({"failed": failed, "message": message}).encode())
    except OSError:
        return  # the parent is gone: there is nobody to tell


def first_line(error: BaseException) -> str:
    """An error's first line, at most 200 characters: vendors' messages carry twenty lines of trace."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(" .")
