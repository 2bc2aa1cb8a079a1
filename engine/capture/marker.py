"""The note that a recording is being made: held while its process lives, left behind when it is killed."""

import contextlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput
from engine.parameters import Parameters, parameter
from engine.places.traverse import TraverseInfo
from engine.places.workspace import Workspace

try:
    import fcntl
except ImportError:  # not a POSIX system: the process id alone tells
    fcntl = None  # type: ignore[assignment]

PATTERN = ".*.recording"
_LARGEST = 64 << 20


class MarkerContent(Parameters):
    """What a marker file says."""

    schema_number: int = parameter(1, "Version of this file's layout.", ge=1)
    pid: int = parameter(0, "The process that records.")
    started: str = parameter("", "When it began.")
    events: str = parameter("", "Name of the recording's file in recordings/, or empty.")
    dataset: str = parameter("", "Name of the traverse's dataset, or empty.")
    camera: str = parameter("", "Name of the traverse's camera.")
    traverse: str = parameter("", "Name of the traverse.")
    info: dict[str, Any] = parameter({}, "What the traverse's traverse.json will say.")


@dataclass
class Marker:
    """A marker file that this process holds."""

    path: Path
    _descriptor: int | None

    @classmethod
    def make(cls, workspace: Workspace, events: str, names: tuple[str, str, str] | None, info: TraverseInfo | None) -> "Marker":
        """Write and hold a new marker.

        Raises:
            BadInput: the workspace's recordings folder cannot be written.
        """
        dataset, camera, traverse = names or ("", "", "")
        content = MarkerContent(
            pid=os.getpid(),
            started=time.strftime("%Y-%m-%d %H:%M:%S"),
            events=events,
            dataset=dataset,
            camera=camera,
            traverse=traverse,
            info={} if info is None else info.model_dump(mode="json"),
        )
        path = workspace.recordings / f".{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}.recording"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise BadInput(
                f"{path.parent} cannot be written ({error.strerror}): give yourself permission, or open another workspace."
            ) from None
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, json.dumps(content.model_dump(mode="json")).encode())
        except OSError as error:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
            raise BadInput(f"{path.parent} cannot be written ({error.strerror}): make room, or open another workspace.") from None
        return cls(path, descriptor)

    def release(self, *, keep: bool = False) -> None:
        """Let go; the file stays with `keep`, so that the next start offers what was recorded."""
        if self._descriptor is None:
            return
        if not keep:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def is_held(path: Path, content: MarkerContent) -> bool:
    """Whether the process that wrote the marker still records."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return True  # not ours to touch, or gone
    try:
        # Without such locks only our own process is known to live: the workspace's lock keeps other writers out.
        held = content.pid == os.getpid()
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = False
        return held
    except OSError:
        return True
    finally:
        os.close(descriptor)


def read_marker(path: Path) -> MarkerContent | None:
    """What a marker says; None where it cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return MarkerContent.check(content, str(path)) if isinstance(content, dict) else None
    except (OSError, ValueError):  # BadInput is a ValueError
        return None
