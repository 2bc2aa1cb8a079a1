"""Small traverses for the tests of what is done with them."""

from pathlib import Path

import numpy as np

from engine.jobs import CancelToken, JobEvent, Notice
from engine.places.making import TraverseName
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from engine.simulation.logs import GpsParameters, write_nmea
from engine.simulation.traverse import Poses as DrivenPoses

GPS = GpsParameters(noise_m=0.0)
START_US = 1_772_330_400_000_000  # GPS.start_utc


class Said:
    """An `emit` that remembers."""

    def __init__(self) -> None:
        self.events: list[JobEvent] = []

    def __call__(self, event: JobEvent) -> None:
        self.events.append(event)

    @property
    def notices(self) -> str:
        return " ".join(event.text for event in self.events if isinstance(event, Notice))


class CancelAfter(CancelToken):
    """A token that is cancelled at its n-th check."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self._left = checks

    def check(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.cancel()
        super().check()


def workspace_at(folder: Path) -> Workspace:
    return Workspace.create(folder)


def fill(workspace: Workspace, traverse: str = "monday", count: int = 6, size: int = 8, **facts: object) -> TraverseName:
    """Frames a second apart, whose pixels are their own number."""
    name = TraverseName("street", "dvs", traverse)
    info = {"window_ms": 1000.0, "start_us": 0, "window_starts_us": [n * 1_000_000 for n in range(count)], **facts}
    frames = [np.full((size, size), number % 256, np.uint8) for number in range(count)]
    write_traverse(name.folder(workspace), workspace.index_file(traverse), frames, TraverseInfo(**info))
    return name


def driven(seconds: float, speed: float = 2.0) -> DrivenPoses:
    """East at a steady speed."""
    times = np.arange(0, round(seconds * 1e6) + 1, 20_000)
    x = times / 1e6 * speed
    return DrivenPoses(times, x, np.zeros(len(x)), np.zeros(len(x)), x)


def nmea(path: Path, seconds: float = 20, speed: float = 2.0) -> Path:
    write_nmea(path, driven(seconds, speed), GPS)
    return path


def numbers(workspace: Workspace, name: TraverseName) -> list[int]:
    """What the frames of a traverse show, by their first pixel."""
    return [int(value) for value in name.open(workspace).frames()[:, 0, 0]]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
