"""One drive through a synthetic world, as a stream of events with poses."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.events.array import EVENT_DTYPE, EventArray
from engine.jobs import CancelToken, Emit, Progress, Throttle, ignore
from engine.simulation.camera import EventCamera
from engine.simulation.motion import Trajectory
from engine.simulation.parameters import CameraParameters, TraverseConditions, WorldParameters
from engine.simulation.route import Route
from engine.simulation.world import World

POSE_US = 20_000
"""Time between two poses."""
_CHUNK_STEPS = 48  # about half a second of driving, and well under a tenth of a second of work
_LONGEST_STEP_US = 20_000  # also while standing: noise needs steps too


@dataclass(frozen=True)
class Poses:
    """Where the camera was.

    time (int64, us), x east and y north of the route's start (m), heading (radians, counter-clockwise from east), and the
    distance (m) along the route, which a real log does not have.
    """

    time_us: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading: NDArray[np.float64]
    distance: NDArray[np.float64]

    @staticmethod
    def joined(parts: "list[Poses]") -> "Poses":
        """Several stretches as one."""
        return Poses(
            np.concatenate([part.time_us for part in parts]),
            np.concatenate([part.x for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.concatenate([part.heading for part in parts]),
            np.concatenate([part.distance for part in parts]),
        )


@dataclass(frozen=True)
class TraverseChunk:
    """The events of [start_us, end_us), and the poses that fall into it."""

    start_us: int
    end_us: int
    events: EventArray
    poses: Poses


def poses_at(route: Route, trajectory: Trajectory, time_us: NDArray[np.int64]) -> Poses:
    """The poses at given times of a traverse."""
    motion = trajectory.at(time_us)
    place = route.place(motion.distance, motion.left)
    return Poses(time_us, place[:, 0], place[:, 1], route.heading(motion.distance) + motion.swing, motion.distance)


def simulate_traverse(
    world: WorldParameters,
    camera: CameraParameters,
    conditions: TraverseConditions,
    length_m: float | None = None,
    *,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    threads: int = 0,
    stage: str = "simulate",
) -> Iterator[TraverseChunk]:
    """Drive along the route and yield what the camera sees, half a second or less at a time.

    Time starts at 0, distance at the route's start. Events are sorted by time over the whole traverse. Memory is bounded
    whatever the length. The bits depend on the parameters only, not on `threads`.

    Args:
        world: the world; its route is the same in every traverse.
        camera: the camera.
        conditions: this traverse's speed, light, noise and passing things.
        length_m: how far to drive; None drives for ever.
        emit: is told the progress in metres.
        cancel: stops the traverse (JobCancelled).
        threads: 0 takes all cores.
        stage: the progress's name.

    Raises:
        JobCancelled: `cancel` was asked to.
    """
    cancel = cancel or CancelToken()
    throttle = Throttle()
    trajectory = Trajectory(conditions, cancel.check)
    scene = World(world, conditions, camera)
    pixels = EventCamera(camera, conditions.seed, conditions.noise, threads)
    pixels.start(scene.render(trajectory.at(np.zeros(1, np.int64)))[0])
    end_us = None if length_m is None else trajectory.time_at(length_m)
    step_m = camera.pixels_per_step / scene.edge_pixels_per_metre
    now = 0
    while end_us is None or now < end_us:
        cancel.check()
        # One step length a chunk, from the fastest that the camera goes in it.
        ahead = now + np.arange(0, _CHUNK_STEPS * _LONGEST_STEP_US, 40_000)
        fastest = max(float(trajectory.at(ahead).speed.max()), 1e-3)
        step_us = min(max(int(1e6 * step_m / fastest), 200), _LONGEST_STEP_US)
        times = now + step_us * np.arange(1, _CHUNK_STEPS + 1)
        if end_us is not None:
            times = np.minimum(times, end_us)
            times = times[: int(np.argmax(times == end_us)) + 1] if times[-1] == end_us else times
        frames = scene.render(trajectory.at(times), threads)
        events = pixels.events(frames, np.diff(times, prepend=now), now)
        until = int(times[-1])
        ticks = np.arange(-(-now // POSE_US) * POSE_US, until, POSE_US)
        yield TraverseChunk(now, until, events, poses_at(scene.route, trajectory, ticks))
        now = until
        trajectory.forget(now)
        if throttle.ready() and length_m is not None:
            emit(Progress(stage, int(trajectory.at(times[-1:]).distance[0]), int(length_m), "m"))
    if length_m is not None:
        emit(Progress(stage, int(length_m), int(length_m), "m"))


def event_slices(chunks: Iterator[TraverseChunk], slice_us: int) -> Iterator[TraverseChunk]:
    """Cut a traverse anew into consecutive slices of equal length, as a camera driver hands them over.

    Endless if the traverse is; the last slice of one that ends may be shorter.
    """
    waiting: list[TraverseChunk] = []
    start = None
    for chunk in chunks:
        start = chunk.start_us if start is None else start
        waiting.append(chunk)
        if chunk.end_us - start < slice_us:
            continue
        events, poses = _together(waiting)
        while chunk.end_us - start >= slice_us:
            cut, pose_cut = (
                np.searchsorted(events["timestamp"], start + slice_us),
                np.searchsorted(poses.time_us, start + slice_us),
            )
            yield TraverseChunk(start, start + slice_us, events[:cut], _part(poses, slice(None, pose_cut)))
            events, poses, start = events[cut:], _part(poses, slice(pose_cut, None)), start + slice_us
        waiting = [TraverseChunk(start, chunk.end_us, events, poses)]
    if waiting and start is not None and waiting[-1].end_us > start:
        events, poses = _together(waiting)
        yield TraverseChunk(start, waiting[-1].end_us, events, poses)


def _part(poses: Poses, part: slice) -> Poses:
    return Poses(poses.time_us[part], poses.x[part], poses.y[part], poses.heading[part], poses.distance[part])


def _together(chunks: list[TraverseChunk]) -> tuple[EventArray, Poses]:
    if len(chunks) == 1:
        return chunks[0].events, chunks[0].poses
    return np.concatenate([chunk.events for chunk in chunks]).astype(EVENT_DTYPE, copy=False), Poses.joined(
        [chunk.poses for chunk in chunks]
    )
