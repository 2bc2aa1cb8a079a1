"""A source whose events come from a vendor's library in a child process (see child.py), seen from the parent."""

import contextlib
import json
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing import connection, shared_memory
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from engine.events.array import EVENT_DTYPE, EventArray, empty_events
from engine.events.sources.buffer import DEFAULT_CAPACITY, WAIT_S, Policy
from engine.events.sources.child import CONSUMED, EVENTS, Adapter, child_main, read_ring, ring_array
from engine.events.sources.source import EventSource, Feed, SourceFailed

RING_EVENTS = 1 << 20  # 16 MiB of shared memory: 0.1 s at 10 million events a second
OPEN_TIMEOUT_S = 15.0  # start-up of the child and of the library, and the library's own time-outs
HANG_TIMEOUT_S = 5.0
_SPAWN = multiprocessing.get_context("spawn")  # a fork would carry the threads' locks over


class ChildSource(EventSource):
    """Runs an adapter in a spawned process and hands its events on.

    The child's death, its silence for `hang_timeout_s`, or a message that does not add up is the state FAILED;
    start() takes a new child.

    Args:
        name: what it is, for messages.
        make_adapter: makes the adapter, in the child; it must be picklable.
        ring_events: room for events between the processes; a full ring drops what is new, counted as dropped_upstream (or, with
            the policy "block", lets the library wait).
        open_timeout_s, hang_timeout_s: how long the library may take to open, and be silent afterwards.
        capacity, policy: see EventSource.
    """

    def __init__(
        self,
        name: str,
        make_adapter: Callable[[], Adapter],
        *,
        ring_events: int = RING_EVENTS,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        hang_timeout_s: float = HANG_TIMEOUT_S,
        capacity: int = DEFAULT_CAPACITY,
        policy: Policy = "drop-oldest",
    ) -> None:
        super().__init__(name, capacity=capacity, policy=policy)
        self._make_adapter = make_adapter
        self._ring_events = ring_events
        self._open_timeout_s = open_timeout_s
        self._hang_timeout_s = hang_timeout_s
        self._process: BaseProcess | None = None
        self._device = ""

    @property
    def process_id(self) -> int | None:
        """The child's process id while it lives."""
        process = self._process
        return process.pid if process is not None else None

    @property
    def device(self) -> str:
        """What the library calls the device, once it is open."""
        return self._device

    def _feed(self, feed: Feed) -> str:
        try:
            memory = shared_memory.SharedMemory(create=True, size=self._ring_events * EVENT_DTYPE.itemsize)
        except OSError as error:
            raise SourceFailed(f"{self.name}: there is no shared memory left ({error.strerror}): close other programs.") from None
        try:
            return self._with_child(feed, memory)
        finally:
            memory.close()
            memory.unlink()

    def _with_child(self, feed: Feed, memory: shared_memory.SharedMemory) -> str:
        ours, theirs = _SPAWN.Pipe()
        arguments = (theirs, memory.name, self._ring_events, self._policy, self._make_adapter)
        process = _SPAWN.Process(target=child_main, args=arguments, name=self.name, daemon=True)
        reading = _Reading(self, feed, ours, process, ring_array(memory, self._ring_events))
        try:
            try:
                process.start()
                self._process = process
            finally:
                theirs.close()  # so that the child's end is the only one, and its death is an end of file
            return reading.run(self._open_timeout_s, self._hang_timeout_s)
        finally:
            reading.release()
            self._process = None
            end_process(process, ours)
            ours.close()


class _Reading:
    """One child's messages, until the end."""

    def __init__(self, source: ChildSource, feed: Feed, child: Connection, process: BaseProcess, ring: EventArray) -> None:
        self._source, self._feed, self._child, self._process, self._ring = source, feed, child, process, ring
        self._next = 0
        self._out_of_range = 0  # as the child last said
        self._end: tuple[bool, str] | None = None

    def release(self) -> None:
        """Let go of the ring: shared memory that an array looks into cannot be closed."""
        self._ring = empty_events()

    def run(self, open_timeout_s: float, hang_timeout_s: float) -> str:
        heard = time.monotonic()
        while not self._feed.stopping.is_set():
            if connection.wait([self._child, self._process.sentinel], WAIT_S):
                if not self._take_messages():
                    raise SourceFailed(self._death())
                heard = time.monotonic()
            if self._end is not None:
                failed, message = self._end
                if failed:
                    raise SourceFailed(message)
                return message
            opened = self._feed.size is not None
            limit = hang_timeout_s if opened else open_timeout_s
            if time.monotonic() - heard > limit:
                doing = "answered" if opened else "opened"
                raise SourceFailed(
                    f"{self._source.name} has not {doing} for {limit:g} s; its process was ended; check the device, start again."
                )
        return ""

    def _take_messages(self) -> bool:
        """Handle what has come; False when the child is dead and has said nothing more."""
        try:
            while self._end is None and not self._feed.stopping.is_set():
                if not self._child.poll():
                    return self._process.is_alive() or self._child.poll()
                self._handle(self._child.recv_bytes())
        except (EOFError, OSError):
            return False
        return True

    def _handle(self, message: bytes) -> None:
        kind = message[:1]
        if kind == b"E" and len(message) == EVENTS.size and self._feed.size is not None:
            _, first, count, dropped, out_of_range = EVENTS.unpack(message)
            if first != self._next or count > len(self._ring):
                raise SourceFailed(f"{self._source.name}: its process lost count of its events; start it again.")
            self._feed.dropped_upstream = dropped
            self._feed.out_of_range += out_of_range - self._out_of_range
            self._out_of_range = out_of_range
            if count:
                events = read_ring(self._ring, first, count)
                self._next = first + count
                with contextlib.suppress(OSError):  # a child that has left needs no room; what it sent before is still read
                    self._child.send_bytes(CONSUMED.pack(b"C", self._next))
                self._feed.put(events)
        elif kind == b"O" and self._feed.size is None:
            opened = json.loads(message[1:])
            self._source._device = opened["name"]
            self._feed.running((opened["width"], opened["height"]))
        elif kind == b"X":
            end = json.loads(message[1:])
            self._end = (bool(end["failed"]), str(end["message"]))
        else:
            raise SourceFailed(f"{self._source.name}: its process sent a message that is not understood; start it again.")

    def _death(self) -> str:
        self._process.join(0.5)
        code = self._process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return (
            f"{self._source.name}: the process that runs the vendor's library died ({how}); what it had handed over is kept: "
            "start it again."
        )


def end_process(process: BaseProcess, child: Connection | None = None) -> None:
    """Ask, then terminate, then kill a child; takes 1.6 s at most."""
    if process.pid is None:
        return  # it was never started
    if child is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            child.send_bytes(b"S")
        process.join(0.6)
    if process.is_alive():
        process.terminate()
        process.join(0.5)
    if process.is_alive():
        process.kill()
        process.join(0.5)
    if not process.is_alive():
        process.close()
