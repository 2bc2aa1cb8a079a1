"""Serves any event source as a live camera over Revisit's own event stream (see framing.py)."""

import errno
import logging
import socket
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.sources.address import Address, parse_address
from engine.events.sources.buffer import WAIT_S, EventBuffer, Policy
from engine.events.sources.framing import HEARTBEAT_S, header, wire_events
from engine.events.sources.source import STOP_TIMEOUT_S, EventSource, SourceState

log = logging.getLogger(__name__)

QUEUE_EVENTS = 1 << 21  # a client: 32 MiB, 0.2 s at 10 million events a second
PACKET_EVENTS = 1 << 16  # 1 MiB; a client that lags gets its backlog in packets of this size
CLIENT_TIMEOUT_S = 10.0
SEND_BUFFER = 4 << 20
LARGEST_NUMBER_OF_CLIENTS = 8
_FAREWELL_S = 0.3  # how long stop() lets clients finish the packet that they are in and read the end
_GOODBYE_S = 1.0  # how long a client may take to read the end after the last byte was handed to the system


@dataclass(frozen=True)
class ClientStatistics:
    """One client: where it is, and the events that were sent to it, dropped for it, and wait for it."""

    peer: str
    sent: int
    dropped: int
    queued: int


class _Client:
    """One connection, its queue, and the thread that empties it."""

    def __init__(self, server: "StreamServer", connection: socket.socket, peer: str) -> None:
        self.peer = peer
        self.changed = threading.Condition(threading.RLock())
        self.buffer = EventBuffer(server.queue_events, server.policy, self.changed)
        self.ending = threading.Event()  # no more events will come: send what waits, then say goodbye
        self.gone = threading.Event()  # leave now
        self.connection = connection
        self._server = server
        self.thread = threading.Thread(target=self._serve, name=f"stream client {peer}", daemon=True)

    def given_up(self) -> bool:
        return self.gone.is_set()

    def wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _serve(self) -> None:
        try:
            self._send_all()
        except OSError as error:
            if not self.gone.is_set():
                log.info("stream client %s left (%s)", self.peer, error)
        finally:
            self.gone.set()
            self.connection.close()
            self._server._left(self)

    def _send_all(self) -> None:
        self.connection.settimeout(WAIT_S)
        size = self._server._wait_for_size(self)
        if size is None:
            return
        self._send(header(size, 0, 0))
        while not self.gone.is_set():
            with self.changed:
                self.changed.wait_for(lambda: self.buffer.held or self.ending.is_set() or self.gone.is_set(), HEARTBEAT_S)
                events = self.buffer.take(PACKET_EVENTS)
                last = self.ending.is_set() and not len(events)
                head = header(size, len(events), self.buffer.dropped, last)
            self._send(head)
            if len(events):
                self._send(events.view(np.uint8).data)
            if last:
                self._goodbye()
                return

    def _send(self, content: bytes | memoryview) -> None:
        rest = memoryview(content)
        deadline = time.monotonic() + self._server.client_timeout_s
        while len(rest) and not self.gone.is_set():
            try:
                sent = self.connection.send(rest)
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise OSError(f"it took nothing for {self._server.client_timeout_s:g} s") from None
                continue
            rest = rest[sent:]
            deadline = time.monotonic() + self._server.client_timeout_s

    def _goodbye(self) -> None:
        """Close so that the last bytes arrive: closing with something unread would reset the connection instead."""
        self.connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _GOODBYE_S
        while not self.gone.is_set() and time.monotonic() < deadline:
            try:
                if not self.connection.recv(4096):
                    return
            except TimeoutError:
                continue


class StreamServer:
    """Sends what a source gives to every client that connects.

    Args:
        source: started and stopped by the server; nobody else may read it.
        address: where to listen ("host:port", port 0 for a free one; "unix:/path").
        policy: a client that reads too slowly loses its oldest events (counted, and told to it), or with "block" holds the source
            (and so every other client) back; then nothing is read from the source while no client is connected, either.
        queue_events: events that wait for one client, at most.
        client_timeout_s: a client that takes not a byte for this long is disconnected.
        max_clients: a further one is turned away.
        wait_for_client: start the source when the first client connects, not at once; always so with "block".

    There is no password and no encryption: listen on 127.0.0.1 or in a network that you trust.
    """

    def __init__(
        self,
        source: EventSource,
        address: Address | str,
        *,
        policy: Policy = "drop-oldest",
        queue_events: int = QUEUE_EVENTS,
        client_timeout_s: float = CLIENT_TIMEOUT_S,
        max_clients: int = LARGEST_NUMBER_OF_CLIENTS,
        wait_for_client: bool = False,
    ) -> None:
        self.source = source
        self.policy: Policy = policy
        self.queue_events = queue_events
        self.client_timeout_s = client_timeout_s
        self._wanted = parse_address(address) if isinstance(address, str) else address
        self._max_clients = max_clients
        self._waits_for_client = wait_for_client or policy == "block"
        self._changed = threading.Condition()
        self._clients: list[_Client] = []
        self._gone_dropped = 0
        self._gone_sent = 0
        self._stopping = threading.Event()
        self._finished = False
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._bound_path: Path | None = None
        self.turned_away = 0

    # life

    def start(self) -> None:
        """Listen and begin to serve; returns at once.

        Raises:
            BadInput: the address is in use, or is none of this machine's.
        """
        if self._listener is not None:
            return
        self._listener = _listen(self._wanted)
        self._bound_path = self._wanted.path
        self._stopping.clear()
        self._finished = False
        self._threads = [
            threading.Thread(target=self._accept, args=(self._listener,), name=f"stream server {self.address}", daemon=True),
            threading.Thread(target=self._pump, name=f"stream pump {self.address}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop the source, tell the clients that it has ended, close the port; returns whether all ended within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        with self._changed:
            clients = list(self._clients)
            self._changed.notify_all()
        ended = self.source.stop(timeout_s)
        for client in clients:
            client.buffer.clear()
            client.ending.set()
            client.wake()
        farewell = min(deadline, time.monotonic() + _FAREWELL_S)
        for client in clients:
            client.thread.join(max(0.0, farewell - time.monotonic()))
            client.gone.set()
            client.wake()
        for thread in [*self._threads, *(client.thread for client in clients)]:
            thread.join(max(0.0, deadline - time.monotonic()))
            ended = ended and not thread.is_alive()
        self._threads = []
        listener, self._listener = self._listener, None
        if listener is not None:  # only now that nobody waits in accept(): the number of a closed socket is soon another's
            listener.close()
            if self._bound_path is not None:
                self._bound_path.unlink(missing_ok=True)
        return ended

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # state

    @property
    def address(self) -> Address:
        """Where it listens, with the port that the system gave for port 0."""
        if self._listener is None or self._wanted.path is not None:
            return self._wanted
        return Address(self._wanted.host, self._listener.getsockname()[1])

    @property
    def finished(self) -> bool:
        """Whether the source has ended or failed and every client has got what there was."""
        with self._changed:
            return self._finished and not self._clients

    def wait(self, *, clients: int | None = None, finished: bool = False, timeout_s: float) -> bool:
        """Wait until so many clients are connected, or until it is finished; returns whether it came to that."""
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    (clients is None or len(self._clients) == clients)
                    and (not finished or (self._finished and not self._clients))
                ),
                timeout_s,
            )

    def clients(self) -> tuple[ClientStatistics, ...]:
        """The clients that are connected now."""
        with self._changed:
            clients = list(self._clients)
        return tuple(ClientStatistics(c.peer, c.buffer.delivered, c.buffer.dropped, c.buffer.held) for c in clients)

    @property
    def sent(self) -> int:
        """Events sent to all clients since start(), those that left included."""
        return self._gone_sent + sum(client.sent for client in self.clients())

    @property
    def dropped(self) -> int:
        """Events dropped for slow clients since start(), those that left included."""
        return self._gone_dropped + sum(client.dropped for client in self.clients())

    # threads

    def _accept(self, listener: socket.socket) -> None:
        number = 0
        while not self._stopping.is_set():
            try:
                connection, where = listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self._stopping.is_set():
                    return
                log.warning("stream server %s: a client could not connect (%s)", self._wanted, error)
                self._stopping.wait(WAIT_S)  # e.g. too many open files: do not spin
                continue
            number += 1
            peer = f"{where[0]}:{where[1]}" if isinstance(where, tuple) else f"{self._wanted} #{number}"
            with self._changed:
                full = len(self._clients) >= self._max_clients
                if not full and not self._stopping.is_set() and not self._finished:
                    _tune(connection)
                    client = _Client(self, connection, peer)
                    self._clients.append(client)
                    client.thread.start()
                    self._changed.notify_all()
                    continue
                self.turned_away += 1
            connection.close()

    def _pump(self) -> None:
        if self._waits_for_client:
            self._wait_for_client()
        if self._stopping.is_set():
            return
        self.source.start()
        for events in self.source.chunks(WAIT_S):
            if self._stopping.is_set():
                return
            if self.source.size is not None:
                with self._changed:
                    self._changed.notify_all()  # clients that wait for the size
            if len(events):
                self._share(wire_events(events))
        with self._changed:
            self._finished = True
            clients = list(self._clients)
            self._changed.notify_all()
        for client in clients:
            client.ending.set()
            client.wake()

    def _share(self, events: EventArray) -> None:
        if self.policy == "block":
            self._wait_for_client()
        with self._changed:
            clients = list(self._clients)
        for client in clients:
            client.buffer.put(events, client.given_up)

    def _wait_for_client(self) -> None:
        with self._changed:
            while not self._clients and not self._stopping.is_set():
                self._changed.wait(WAIT_S)

    def _wait_for_size(self, client: _Client) -> tuple[int, int] | None:
        with self._changed:
            while self.source.size is None and not client.gone.is_set():
                if self._finished or self.source.state is SourceState.FAILED:
                    return None
                self._changed.wait(WAIT_S)
            return self.source.size

    def _left(self, client: _Client) -> None:
        with self._changed:
            if client in self._clients:
                self._clients.remove(client)
            self._gone_sent += client.buffer.delivered
            self._gone_dropped += client.buffer.dropped
            self._changed.notify_all()


def _tune(connection: socket.socket) -> None:
    if connection.family != getattr(socket, "AF_UNIX", None):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def _listen(address: Address) -> socket.socket:
    if address.path is not None:
        return _listen_unix(address.path)
    try:
        family, kind, _, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise BadInput(
            f"There is no host {address.host!r} ({error.strerror}): listen on 127.0.0.1, or on 0.0.0.0 for all networks."
        ) from None
    listener = socket.socket(family, kind)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _cannot_listen(address, error) from None
    listener.settimeout(WAIT_S)
    return listener


def _listen_unix(path: Path) -> socket.socket:
    address = Address(path=path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale_socket(path)
        listener.bind(str(path))
        path.chmod(0o600)  # other users of the machine may not watch
        listener.listen()
    except OSError as error:
        listener.close()
        raise _cannot_listen(address, error) from None
    listener.settimeout(WAIT_S)
    return listener


def _remove_stale_socket(path: Path) -> None:
    """Remove a socket that a killed server left; one that answers, or a file that is no socket, stays (bind then fails)."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)


def _cannot_listen(address: Address, error: OSError) -> BadInput:
    if error.errno == errno.EADDRINUSE:
        return BadInput(f"{address} is in use, perhaps by another stream: choose another {'path' if address.path else 'port'}.")
    return BadInput(f"Cannot listen on {address} ({error.strerror}): choose another address.")
