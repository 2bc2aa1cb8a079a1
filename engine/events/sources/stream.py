"""A client of Revisit's own event stream (see framing.py)."""

import errno
import os
import select
import socket
import threading
import time
from typing import Any

from engine.events.sources.address import Address, parse_address
from engine.events.sources.buffer import DEFAULT_CAPACITY, Policy
from engine.events.sources.framing import PacketDecoder
from engine.events.sources.source import EventSource, Feed, SourceFailed

CONNECT_TIMEOUT_S = 5.0
STALL_TIMEOUT_S = 5.0
RECEIVE_BUFFER = 4 << 20  # bytes asked of the system: 25 ms at 10 million events a second
_LOOK_S = 0.1  # between two looks at whether stop() was called, where nothing wakes the feeder


class StreamSource(EventSource):
    """Receives events over TCP or a UNIX socket.

    ENDED when the sender says so or closes the connection between packets; FAILED when it cannot be reached within
    `connect_timeout_s`, sends nothing (no heartbeat either) for `stall_timeout_s`, sends garbage, or is cut off within a packet
    (whose whole events are still delivered).

    Args:
        address: "host:port" or "unix:/path", or an Address.
        connect_timeout_s, stall_timeout_s: see above.
        capacity, policy: see EventSource; "block" lets the network hold the sender back.

    Raises:
        BadInput: the address is not one.
    """

    def __init__(
        self,
        address: Address | str,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        stall_timeout_s: float = STALL_TIMEOUT_S,
        capacity: int = DEFAULT_CAPACITY,
        policy: Policy = "drop-oldest",
    ) -> None:
        self.address = parse_address(address) if isinstance(address, str) else address
        super().__init__(f"The stream {self.address}", capacity=capacity, policy=policy)
        self._connect_timeout_s = connect_timeout_s
        self._stall_timeout_s = stall_timeout_s
        self._socket: socket.socket | None = None
        self._socket_lock = threading.Lock()

    def _interrupt(self) -> None:
        with self._socket_lock:
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)  # wakes recv_into
                except OSError as error:
                    if error.errno not in (errno.ENOTCONN, errno.EBADF):
                        raise

    def _feed(self, feed: Feed) -> str:
        connection = self._connect(feed)
        if connection is None:
            return ""
        with self._socket_lock:
            self._socket = connection
        try:
            return self._receive(feed, connection)
        finally:
            with self._socket_lock:
                self._socket = None
            connection.close()

    def _connect(self, feed: Feed) -> socket.socket | None:
        """A connected socket, or None when stop() was called first."""
        deadline = time.monotonic() + self._connect_timeout_s
        reason = "no answer"
        for family, kind, where in self._targets():
            connection = socket.socket(family, kind)
            try:
                if family != getattr(socket, "AF_UNIX", None):
                    # Before connecting: the window that TCP offers is fixed then.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
                connection.setblocking(False)
                problem = connection.connect_ex(where)
                while problem in (errno.EINPROGRESS, errno.EAGAIN, errno.EWOULDBLOCK):
                    if feed.stopping.is_set() or time.monotonic() > deadline:
                        break
                    if problem != errno.EINPROGRESS:
                        feed.stopping.wait(_LOOK_S)  # a UNIX socket whose queue of waiting clients is full
                        problem = connection.connect_ex(where)
                        continue
                    if select.select([], [connection], [], _LOOK_S)[1]:
                        problem = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if problem == 0:
                    return connection
            except OSError as error:
                problem = error.errno or errno.EIO
            connection.close()
            if feed.stopping.is_set():
                return None
            if problem not in (errno.EINPROGRESS, errno.EAGAIN, errno.EWOULDBLOCK):
                reason = {errno.ECONNREFUSED: "nobody listens there", errno.ENOENT: "there is no such socket"}.get(
                    problem, os.strerror(problem).lower()
                )
        within = f" within {self._connect_timeout_s:g} s" if reason == "no answer" else ""
        raise SourceFailed(
            f"{self.name} cannot be reached{within} ({reason}): check that the sender runs and that the address is right."
        )

    def _targets(self) -> list[tuple[int, int, Any]]:
        if self.address.path is not None:
            return [(socket.AF_UNIX, socket.SOCK_STREAM, str(self.address.path))]
        try:
            found = socket.getaddrinfo(self.address.host, self.address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise SourceFailed(
                f"{self.name}: there is no host {self.address.host!r} ({error.strerror}): check the name."
            ) from None
        return [(family, kind, where) for family, kind, _, _, where in found]

    def _receive(self, feed: Feed, connection: socket.socket) -> str:
        decoder = PacketDecoder(self.name)
        connection.settimeout(min(_LOOK_S, self._stall_timeout_s))
        heard = time.monotonic()
        while not feed.stopping.is_set():
            try:
                count = connection.recv_into(decoder.space())
            except TimeoutError:
                if time.monotonic() - heard > self._stall_timeout_s:
                    self._keep(feed, decoder)
                    raise SourceFailed(
                        f"{self.name} has sent nothing for {self._stall_timeout_s:g} s, not even a heartbeat: "
                        "look at the sender, then start again."
                    ) from None
                continue
            except OSError as error:
                self._keep(feed, decoder)
                raise SourceFailed(f"{self.name} was cut ({error.strerror}): start it again.") from None
            if count == 0:
                return self._closed(feed, decoder)
            packet = decoder.wrote(count)
            if packet is not None:
                if feed.size is None:
                    feed.running(packet.size)
                feed.dropped_upstream = packet.dropped
                feed.put(packet.events)
                if packet.last:
                    return f"{self.name} has ended."
            # After put(), which may block: the time during which we did not listen does not count.
            heard = time.monotonic()
        return ""

    def _closed(self, feed: Feed, decoder: PacketDecoder) -> str:
        if feed.stopping.is_set():
            return ""
        if decoder.size is None:
            raise SourceFailed(
                f"{self.name} closed the connection before it said what it sends: check the address, "
                "and whether the sender has all the clients it takes."
            )
        if not decoder.between_packets:
            self._keep(feed, decoder)
            raise SourceFailed(f"{self.name} was cut within a packet; the events that came whole are kept: start it again.")
        return f"{self.name} was closed by the sender without saying that it had ended."

    def _keep(self, feed: Feed, decoder: PacketDecoder) -> None:
        events = decoder.whole_events()
        if len(events):
            if feed.size is None and decoder.size is not None:
                feed.running(decoder.size)
            feed.put(events)
