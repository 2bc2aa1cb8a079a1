"""Sources by request: a recording, a camera, a network stream, the synthetic camera; and a recording's event rate over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.recording import open_recording
from engine.events.sources import (
    CameraSource,
    DvNetworkSource,
    EventSource,
    FoundCamera,
    ReplaySource,
    StreamSource,
    SyntheticSource,
    discover_cameras,
)
from engine.jobs import CancelToken, Emit, Progress, Throttle
from engine.parameters import Parameters, parameter

Preset = Literal["reference", "same-day", "winter-stops", "other-day", "dusk"]

_CHUNK = 1 << 18
_FIRST_STEP_US = 1000


class RecordingRequest(Parameters):
    """A recording, played as if it were live."""

    path: Path = parameter(Path("recording.aedat4"), "The recording, of any format that Revisit reads.")
    factor: float = parameter(1.0, "Speed: seconds of events a second.", ge=0.1, le=10)
    loop: bool = parameter(False, "Begin anew at the end.")
    size: tuple[int, int] | None = parameter(
        None, "Width and height of the sensor, for a recording that does not say it.", unit="pixels"
    )


class CameraRequest(Parameters):
    """A camera on USB."""

    serial: str = parameter("", "Serial number; empty: the first camera that is found.")


class StreamRequest(Parameters):
    """Events over the network from another Revisit (revisit-cli stream)."""

    host: str = parameter("127.0.0.1", "The sender's name or address.")
    port: int = parameter(7777, "The sender's port.", ge=1, le=65535)


class DvStreamRequest(Parameters):
    """Events over the network from DV or dv-processing."""

    host: str = parameter("127.0.0.1", "The sender's name or address.")
    port: int = parameter(7777, "The sender's port.", ge=1, le=65535)


class SyntheticRequest(Parameters):
    """A simulated camera that drives through a synthetic world for ever."""

    kind: Literal["street", "corridor"] = parameter("street", "What it drives through.")
    seed: int = parameter(1, "The seed of the world.", ge=0, le=2**31 - 1)
    conditions: Preset = parameter("reference", "The drive: its speed, light and season.")
    width: int = parameter(128, "Width of the sensor.", unit="pixels", ge=8, le=1024)
    height: int = parameter(128, "Height of the sensor.", unit="pixels", ge=8, le=1024)
    factor: float = parameter(1.0, "Speed: seconds of events a second.", ge=0.1, le=10)


SourceRequest: TypeAlias = RecordingRequest | CameraRequest | StreamRequest | DvStreamRequest | SyntheticRequest


def open_source(request: SourceRequest | Path) -> EventSource:
    """A source, not started yet; a path is a recording in real time.

    Raises:
        BadInput: the address is not one. What else is wrong (no such file, no camera) is the source's state after start().
    """
    if isinstance(request, Path):
        request = RecordingRequest(path=request)
    if isinstance(request, RecordingRequest):
        return ReplaySource(request.path, size=request.size, factor=request.factor, loop=request.loop)
    if isinstance(request, CameraRequest):
        return CameraSource(request.serial)
    if isinstance(request, StreamRequest):
        # Held back rather than dropped here: only a recording that waits for its disk ever reads too slowly.
        return StreamSource(_address(request.host, request.port), policy="block")
    if isinstance(request, DvStreamRequest):
        return DvNetworkSource(_address(request.host, request.port))
    return _synthetic(request)


def list_cameras() -> list[FoundCamera]:
    """The cameras attached now; none is a normal answer. Takes about a second: call it in a job.

    Raises:
        BadInput: the vendor's library is missing or failed.
    """
    return discover_cameras()


@dataclass(frozen=True)
class RateTimeline:
    """A recording's event rate over time, for a scrub bar.

    Attributes:
        start_us: time stamp at which the first step begins; step_us: length of a step.
        counts: (n,) events in each step.
        last_us: the latest time stamp.
    """

    start_us: int
    step_us: int
    counts: NDArray[np.int64]
    last_us: int

    @property
    def rates(self) -> NDArray[np.float64]:
        """(n,) events a second in each step; the last one may be cut short."""
        rates: NDArray[np.float64] = self.counts.astype(np.float64) * (1e6 / self.step_us)
        return rates

    @property
    def duration_s(self) -> float:
        """From the first event to the last."""
        return (self.last_us - self.start_us) / 1e6


def rate_timeline(
    path: Path, emit: Emit, cancel: CancelToken, steps: int = 600, size: tuple[int, int] | None = None
) -> RateTimeline:
    """Count a recording's events over time, as a job; memory does not grow with its length.

    Args:
        path: the recording.
        emit, cancel: see engine.jobs.
        steps: at most so many steps come out, and more than half as many unless the recording is very short.
        size: see RecordingRequest.

    Raises:
        BadInput: the recording cannot be read or holds no events.
    """
    start: int | None = None
    step, last = _FIRST_STEP_US, 0
    counts = np.zeros(steps, np.int64)
    throttle = Throttle()
    with open_recording(path, size=size) as reader:
        for events in reader.chunks(max_events=_CHUNK):
            cancel.check()
            t = events["timestamp"]
            if start is None:
                start = int(t[0])
            last = int(t[-1])
            while (last - start) // step >= steps:
                counts = _halved(counts)
                step *= 2
            places = (t - start) // step
            first = int(places[0])
            found = np.bincount(places - first)
            counts[first : first + len(found)] += found
            if throttle.ready():
                emit(Progress(f"Reading {path.name}", round(100 * reader.progress), 100, "%"))
    if start is None:
        raise BadInput(f"{path} holds no events: choose another recording.")
    emit(Progress(f"Reading {path.name}", 100, 100, "%"))
    return RateTimeline(start, step, counts[: (last - start) // step + 1], last)


def _halved(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Steps twice as long in an array of the same length."""
    even = np.concatenate([counts, counts[:0] if len(counts) % 2 == 0 else np.zeros(1, np.int64)])
    merged = even.reshape(-1, 2).sum(axis=1)
    return np.concatenate([merged, np.zeros(len(counts) - len(merged), np.int64)])


def _address(host: str, port: int) -> str:
    host = host.strip()
    if not host:
        raise BadInput("The sender's address is empty: give its name or number, e.g. 127.0.0.1.")
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _synthetic(request: SyntheticRequest) -> SyntheticSource:
    def chunks() -> Iterator[EventArray]:
        from engine.simulation.parameters import PRESETS, CameraParameters, WorldParameters
        from engine.simulation.traverse import simulate_traverse

        world = WorldParameters(kind=request.kind, seed=request.seed)
        camera = CameraParameters(width=request.width, height=request.height)
        for chunk in simulate_traverse(world, camera, PRESETS[request.conditions]):
            yield chunk.events

    return SyntheticSource(chunks, (request.width, request.height), factor=request.factor)
