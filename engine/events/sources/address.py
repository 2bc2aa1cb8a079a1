"""Where a stream is: a host and port, or the path of a UNIX socket."""

import socket
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput

DEFAULT_PORT = 7777


@dataclass(frozen=True)
class Address:
    """A TCP address, or, where `path` is given, a UNIX socket."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    path: Path | None = None

    def __post_init__(self) -> None:
        if self.path is None and not 0 <= self.port <= 65535:
            raise BadInput(f"There is no port {self.port}: give 1 to 65535.")
        if self.path is not None and not hasattr(socket, "AF_UNIX"):
            raise BadInput(f"This system has no UNIX sockets ({self.path}): give a host and port instead.")
        if self.path is not None and len(str(self.path).encode()) > 100:
            raise BadInput(f"The socket's path {self.path} is too long; systems take about 100 bytes: choose a shorter one.")

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read "host:port", "host", ":port", "[ipv6]:port" or "unix:/path".

    Raises:
        BadInput: it is none of them.
    """
    text = text.strip()
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path:
            raise BadInput("The address 'unix:' names no socket: write unix:/path/of/the/socket.")
        return Address(path=Path(path))
    host, port = text, ""
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit()):
        raise BadInput(f"The port in {text!r} is not a number: write host:port, e.g. 127.0.0.1:{DEFAULT_PORT}.")
    if not text:
        raise BadInput(f"The address is empty: write host:port, e.g. 127.0.0.1:{DEFAULT_PORT}, or unix:/path.")
    return Address(host or "127.0.0.1", int(port) if port else DEFAULT_PORT)
