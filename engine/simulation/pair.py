"""A reference traverse and its queries: rendered, binned, with poses and the true ground truth."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.writer import EventWriter as Aedat4Writer
from engine.frames.png import encode_png
from engine.jobs import CancelToken, Emit, ignore
from engine.parameters import Parameters, parameter
from engine.simulation.logs import GpsParameters, write_nmea, write_poses
from engine.simulation.motion import Trajectory
from engine.simulation.parameters import PRESETS, CameraParameters, TraverseConditions, WorldParameters
from engine.simulation.route import Route
from engine.simulation.traverse import Poses, poses_at, simulate_traverse
from engine.simulation.windows import WindowCounter, nearest_ground_truth, side_by_side_windows, spread_windows
from engine.storage import new_folder, replacing, write_json


class PairParameters(Parameters):
    """Traverses of one route: the first is the reference, the others are queries."""

    world: WorldParameters = parameter(WorldParameters(), "The world that is driven through.")
    camera: CameraParameters = parameter(CameraParameters(), "The camera that films all traverses.")
    gps: GpsParameters = parameter(GpsParameters(), "The receiver that writes the NMEA logs.")
    traverses: dict[str, TraverseConditions] = parameter(
        {"reference": PRESETS["reference"], "query": PRESETS["same-day"]},
        "Conditions by the traverse's name, the reference first.",
    )
    places: int = parameter(
        100, "Event frames of the reference; with its speed and the window this sets the route's length.", ge=2, le=20_000
    )
    query_places: int = parameter(
        100,
        "Event frames of each query, spread evenly over the same route; 0 takes as many windows as follow one another.",
        ge=0,
        le=100_000,
    )
    window_ms: float = parameter(1000.0, "Length of an event frame's time window.", unit="ms", ge=10, le=60_000)
    radius_m: float = parameter(5.0, "Largest distance along the route between a query and its match.", unit="m", ge=0, le=1000)

    @field_validator("traverses")
    @classmethod
    def _named(cls, traverses: dict[str, TraverseConditions]) -> dict[str, TraverseConditions]:
        if len(traverses) < 1:
            raise ValueError("traverses must name at least one traverse")
        for name in traverses:
            if not name or name.startswith(".") or any(sign in name for sign in "/\\\0"):
                raise ValueError(f"traverses has {name!r}, which cannot be a folder's name: leave out slashes and a leading dot")
        return traverses


@dataclass(frozen=True)
class SimulatedTraverse:
    """One traverse.

    frames (n, height, width) uint8, the windows' starts (us), the poses at their middles, the whole drive's poses, and where the
    raw events are, if they were kept.
    """

    name: str
    conditions: TraverseConditions
    frames: NDArray[np.uint8]
    starts_us: NDArray[np.int64]
    frame_poses: Poses
    poses: Poses
    events_path: Path | None
    event_count: int
    duration_us: int


@dataclass(frozen=True)
class SimulatedPair:
    """The traverses, the reference first, and the ground truth (reference x query, uint8 0/1) of every query by its name."""

    parameters: PairParameters
    length_m: float
    traverses: list[SimulatedTraverse]
    ground_truth: dict[str, NDArray[np.uint8]]


EventSink = Callable[[EventArray], None]
EventWriter = Callable[[Path, CameraParameters], AbstractContextManager[EventSink]]
"""Opens a file for one traverse's events; what is given to the sink, in order of time, is in it when the context closes."""


@contextmanager
def aedat4_writer(path: Path, camera: CameraParameters) -> Iterator[EventSink]:
    """Write an AEDAT4 recording, whole or not at all."""
    with replacing(path) as part, Aedat4Writer(part, (camera.width, camera.height), source="synthetic", flush_ms=None) as writer:
        yield writer.write


@contextmanager
def _no_writer(path: Path, camera: CameraParameters) -> Iterator[EventSink]:
    del path, camera
    yield lambda events: None


def route_length(parameters: PairParameters, cancel: CancelToken | None = None) -> float:
    """How far the reference drives, in metres, while its windows follow one another."""
    conditions = next(iter(parameters.traverses.values()))
    trajectory = Trajectory(conditions, (cancel or CancelToken()).check)
    end = np.array([round(parameters.places * parameters.window_ms * 1000)], np.int64)
    return float(trajectory.at(end).distance[0])


def simulate_pair(
    parameters: PairParameters,
    events_folder: Path | None = None,
    *,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    threads: int = 0,
    writer: EventWriter = aedat4_writer,
    suffix: str = ".aedat4",
) -> SimulatedPair:
    """Drive all traverses over the reference's route and bin their events.

    Args:
        parameters: what to simulate.
        events_folder: where `<traverse><suffix>` with the raw events goes; None keeps none.
        emit: is told the progress in metres, one stage a traverse.
        cancel: stops (JobCancelled); a half-written events file is not left behind.
        threads: 0 takes all cores; the result does not depend on it.
        writer: writes the events.
        suffix: of the events' files.

    Raises:
        BadInput: the window is longer than a traverse.
        JobCancelled: `cancel` was asked to.
    """
    cancel = cancel or CancelToken()
    length = route_length(parameters, cancel)
    if length < 1.0:
        raise BadInput(
            f"places, window_ms and the reference's speed give a route of only {length:.2f} m: "
            "ask for more places or a longer window."
        )
    made: list[SimulatedTraverse] = []
    for name, conditions in parameters.traverses.items():
        wanted = parameters.places if not made else parameters.query_places
        path = events_folder / f"{name}{suffix}" if events_folder is not None else None
        made.append(
            _traverse(parameters, name, conditions, length, wanted, path, writer if path else _no_writer, emit, cancel, threads)
        )
    reference = made[0].frame_poses.distance
    truth = {query.name: nearest_ground_truth(reference, query.frame_poses.distance, parameters.radius_m) for query in made[1:]}
    return SimulatedPair(parameters, length, made, truth)


def _traverse(
    parameters: PairParameters,
    name: str,
    conditions: TraverseConditions,
    length: float,
    wanted: int,
    path: Path | None,
    writer: EventWriter,
    emit: Emit,
    cancel: CancelToken,
    threads: int,
) -> SimulatedTraverse:
    camera, window_us = parameters.camera, round(parameters.window_ms * 1000)
    duration = Trajectory(conditions, cancel.check).time_at(length)
    starts = spread_windows(duration, wanted, window_us) if wanted else side_by_side_windows(duration, window_us)
    counter = WindowCounter(starts, window_us, camera.width, camera.height)
    stretches: list[Poses] = []
    count = 0
    with writer(path or Path(), camera) as sink:
        drive = simulate_traverse(
            parameters.world, camera, conditions, length, emit=emit, cancel=cancel, threads=threads, stage=f"Simulating {name}"
        )
        for chunk in drive:
            counter.add(chunk.events, chunk.start_us, chunk.end_us)
            stretches.append(chunk.poses)
            count += len(chunk.events)
            sink(chunk.events)
    middles = starts + window_us // 2
    frame_poses = poses_at(Route(parameters.world), Trajectory(conditions, cancel.check), middles)
    return SimulatedTraverse(
        name, conditions, counter.frames(), starts, frame_poses, Poses.joined(stretches), path, count, duration
    )


def write_pair(
    parameters: PairParameters,
    folder: Path,
    *,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    threads: int = 0,
    writer: EventWriter = aedat4_writer,
    suffix: str = ".aedat4",
) -> SimulatedPair:
    """Simulate and write a folder that appears whole or not at all.

    In it: `<traverse>/image_0000.png` and following, `<traverse>/frame_poses.csv`, `<traverse>_poses.csv`, `<traverse>.nmea`,
    `<traverse><suffix>` with the events, `<reference>_<query>_GT.npy` (reference x query) and `simulation.json`.

    Raises:
        BadInput: the folder exists and is not empty, or the parameters do not fit together.
        JobCancelled: `cancel` was asked to.
    """
    cancel = cancel or CancelToken()
    with new_folder(folder) as part:
        pair = simulate_pair(parameters, part, emit=emit, cancel=cancel, threads=threads, writer=writer, suffix=suffix)
        for traverse in pair.traverses:
            images = part / traverse.name
            images.mkdir()
            for index, frame in enumerate(traverse.frames):
                cancel.check()
                (images / f"image_{index:04d}.png").write_bytes(encode_png(frame))
            write_poses(images / "frame_poses.csv", traverse.frame_poses)
            write_poses(part / f"{traverse.name}_poses.csv", traverse.poses)
            write_nmea(part / f"{traverse.name}.nmea", traverse.poses, parameters.gps)
        reference = pair.traverses[0].name
        for query, truth in pair.ground_truth.items():
            np.save(part / f"{reference}_{query}_GT.npy", truth, allow_pickle=False)
        write_json(
            part / "simulation.json",
            {"schema": 1, "length_m": pair.length_m, "parameters": parameters.model_dump(mode="json")},
        )
    return SimulatedPair(
        pair.parameters, pair.length_m, [_moved(traverse, folder) for traverse in pair.traverses], pair.ground_truth
    )


def _moved(traverse: SimulatedTraverse, folder: Path) -> SimulatedTraverse:
    path = folder / traverse.events_path.name if traverse.events_path else None
    return replace(traverse, events_path=path)
