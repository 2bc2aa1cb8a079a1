"""Answers over ZeroMQ: a robot subscribes, and one that does not read costs nobody anything but itself.

Each message is one line of JSON (UTF-8), as `revisit-cli deploy --json -` prints it, and the window's number, by whose gaps a
robot sees what was skipped or what it was too slow for; from a PUB socket, without topics.
"""

import json
import re
from typing import Any

from engine.errors import BadInput

HIGH_WATER = 200
"""Lines that wait for a subscriber, at most: 20 s at ten answers a second, besides what the network itself holds."""
DEFAULT_ADDRESS = "tcp://127.0.0.1:7780"


class Publisher:
    """A PUB socket that never waits. One thread at a time may send.

    Attributes:
        address: as bound; a port 0 or * has become a real one.
        sent: lines handed to ZeroMQ.
        behind: how often a subscriber fell so far behind that lines were dropped for it. How many they are until it reads
            again ZeroMQ does not tell.

    Raises:
        BadInput: the address is not one, or is taken.
    """

    def __init__(self, address: str) -> None:
        import zmq

        port = re.fullmatch(r"tcp://.*:(\d+)", address)
        if port and int(port[1]) > 65535:  # ZeroMQ would take the remainder
            raise BadInput(f"Places cannot be published at {address!r}: there is no such port; give 1 to 65535.")
        self._zmq = zmq
        self.sent = self.behind = 0
        # A context of its own: nothing of ours outlives it, and no other user of ZeroMQ in this process is touched.
        self._context = zmq.Context()
        # XPUB is PUB that tells, where asked, when a subscriber's queue is full.
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        try:
            self._socket.bind(address.replace(":0", ":*") if address.endswith(":0") else address)
        except zmq.ZMQError as error:
            self.close()
            raise BadInput(
                f"Places cannot be published at {address!r} ({error.strerror}): give an address such as {DEFAULT_ADDRESS}, "
                "with a port that is free."
            ) from None
        self.address = bytes(self._socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()

    def send(self, line: dict[str, Any]) -> None:
        """Send one line to every subscriber that keeps up."""
        self._hear()
        message = json.dumps(line, allow_nan=False).encode()
        try:
            self._socket.send(message, self._zmq.NOBLOCK)
        except self._zmq.Again:
            # Somebody's queue is full, and nobody was sent anything: once more, passing over whoever is too slow.
            self.behind += 1
            self._socket.setsockopt(self._zmq.XPUB_NODROP, 0)
            self._socket.send(message, self._zmq.NOBLOCK)
            self._socket.setsockopt(self._zmq.XPUB_NODROP, 1)
        self.sent += 1

    def close(self) -> None:
        """Close; what still waits for a subscriber gets a fifth of a second. Safe to call twice."""
        if not self._socket.closed:
            self._socket.close()
            self._context.term()

    def _hear(self) -> None:
        """XPUB tells of subscriptions; nobody here asks, so they are taken off its queue."""
        try:
            while True:
                self._socket.recv(self._zmq.NOBLOCK)
        except self._zmq.Again:
            return
