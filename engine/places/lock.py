"""One writer a workspace: a lock file that says who writes, and that a dead process cannot keep."""

import contextlib
import errno
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput

try:
    import fcntl
except ImportError:  # not a POSIX system: the process id alone tells whether the holder lives
    fcntl = None  # type: ignore[assignment]

NAME = ".revisit.lock"
_LIMIT = 4096


class Held(BadInput):
    """Somebody else writes to the workspace, or nobody may; the sentence says who or why."""


@dataclass(frozen=True)
class Holder:
    """Who wrote a lock file."""

    pid: int
    host: str
    since: str


class WorkspaceLock:
    """Held from `take` to `release`; the kernel drops it if the process dies.

    The lock is the kernel's (flock) on `<root>/.revisit.lock`; the file's text only says who holds it. Where the file system
    knows no flock, a live process of that number on this host keeps the lock.
    """

    def __init__(self, path: Path, descriptor: int, recovered: Holder | None) -> None:
        self.path = path
        self.recovered = recovered
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, root: Path) -> "WorkspaceLock":
        """Become the workspace's writer; `recovered` tells who died holding it before.

        Raises:
            Held: another window writes to it, or the folder cannot be written.
        """
        path = root / NAME
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
            except OSError as error:
                raise Held(f"{root} cannot be written ({error.strerror}): give yourself write permission to change it.") from None
            try:
                _lock(descriptor, path)
                # Its last holder may have removed the file between our open and our lock: then this lock guards nothing.
                if _is_at(descriptor, path):
                    old = read_holder(path)
                    _write(descriptor)
                    return cls(path, descriptor, old)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def release(self) -> None:
        """Give the workspace back; a second call does nothing."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if _is_at(self._descriptor, self.path):
                self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = None


def held(root: Path) -> bool:
    """Whether somebody holds the lock of a folder now; a dead process does not."""
    path = root / NAME
    holder = read_holder(path)
    if holder is None:
        return False
    if holder.host != socket.gethostname():
        return True
    if fcntl is None or not alive(holder.pid):
        return alive(holder.pid)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES) or alive(holder.pid)
    finally:
        os.close(descriptor)
    return False


def read_holder(path: Path) -> Holder | None:
    """Who a lock file names; None where it names nobody."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_LIMIT))
        return Holder(int(content["pid"]), str(content["host"]), str(content["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(descriptor: int) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M")}
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(holder).encode())


def _lock(descriptor: int, path: Path) -> None:
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Held(_reason(path)) from None
    holder = read_holder(path)
    if holder is not None and (holder.host != socket.gethostname() or alive(holder.pid)):
        raise Held(_reason(path))


def _reason(path: Path) -> str:
    holder = read_holder(path)
    if holder is None:
        return "Another window of Revisit has this workspace open: close it there to change it here."
    own = holder.host == socket.gethostname()
    who = "this computer" if own else holder.host
    return (
        f"Another window of Revisit has this workspace open (process {holder.pid} on {who}, since {holder.since}): "
        "close it there to change it here."
    )


def alive(pid: int) -> bool:
    """Whether a process of this number is there."""
    if os.name != "posix":  # os.kill would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
