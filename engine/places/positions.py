"""Where each frame of a traverse was taken, in one local frame of metres for all traverses that are looked at together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.places.natural import natural_key
from engine.places.pose_files import read_poses
from engine.places.poses import LONGEST_GAP_S, Poses, motion_heading, to_metres
from engine.places.traverse import Traverse, TraverseInfo
from engine.places.workspace import Workspace


@dataclass(frozen=True)
class Positions:
    """Positions of a traverse's frames, in the order of its index.

    Attributes:
        xy: (frames, 2) float64 metres, east and north of the frame's origin (or x and y of a local log); NaN without a pose.
        heading: (frames,) float64 radians, counter-clockwise from east; NaN where unknown.
        times_us: (frames,) int64 centre of each frame's window in the events' clock; None where nothing says them.
        source: what they come from, for people.
        origin: latitude and longitude of xy's zero; None where the frame is a local log's own.
    """

    xy: NDArray[np.float64]
    heading: NDArray[np.float64]
    times_us: NDArray[np.int64] | None = None
    source: str = ""
    origin: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(frames,) which frames have a pose."""
        return np.asarray(np.isfinite(self.xy).all(axis=1), np.bool_)


@dataclass(frozen=True)
class _Located:
    """One way in which a traverse's frames are located, before a common frame is chosen."""

    geographic: bool
    source: str
    poses: Poses | None = None  # asked at the windows' centres
    places: NDArray[np.float64] | None = None  # (frames, 2), a row a frame
    heading: NDArray[np.float64] | None = None
    offset_s: float = 0.0
    gap_s: float = LONGEST_GAP_S


def positions_of(workspace: Workspace, dataset: str, camera: str, names: Sequence[str]) -> dict[str, Positions]:
    """The positions of several traverses, all in one frame.

    Each traverse's poses come from the log attached to it, else from the file of poses that its traverse.json names, else from
    the coordinates in its index. Where one traverse has only latitude and longitude and another has both, both are taken as
    latitude and longitude. A traverse without any poses has NaN in all rows.

    Raises:
        BadInput: a traverse or its poses cannot be read, or they lie in frames that have nothing in common.
    """
    traverses = {name: workspace.traverse(dataset, camera, name) for name in names}
    infos = {name: traverse.info() for name, traverse in traverses.items()}
    times = {name: frame_times(traverse, infos[name]) for name, traverse in traverses.items()}
    ways = {name: _ways(traverse, infos[name], times[name]) for name, traverse in traverses.items()}
    chosen = _common(ways)
    origin = next((found for way in chosen.values() if (found := _origin(way)) is not None), None)
    return {
        name: _positions(chosen[name], times[name], len(traverses[name]), origin if chosen[name] is not None else None)
        for name in names
    }


def frame_times(traverse: Traverse, info: TraverseInfo | None) -> NDArray[np.int64] | None:
    """(frames,) int64, the centre of each frame's window in microseconds; None where traverse.json does not say them."""
    order = _window_order(traverse, info)
    if info is None or order is None:
        return None
    starts = np.array(info.window_starts_us, np.int64)
    return np.asarray((starts + _half_windows(starts, info))[order], np.int64)


def frame_starts(traverse: Traverse, info: TraverseInfo | None) -> NDArray[np.int64] | None:
    """(frames,) int64, the start of each frame's window in microseconds; None where traverse.json does not say them."""
    order = _window_order(traverse, info)
    return None if info is None or order is None else np.asarray(np.array(info.window_starts_us, np.int64)[order], np.int64)


def _window_order(traverse: Traverse, info: TraverseInfo | None) -> NDArray[np.int64] | None:
    """(frames,) which window of traverse.json is each frame's.

    traverse.json has the windows in the folder's natural order of names; the index may name some of them, in any order.
    """
    if info is None or not info.window_starts_us:
        return None
    count, names = len(info.window_starts_us), [row.image for row in traverse.rows]
    if count == len(names) and names == sorted(names, key=natural_key):
        return np.arange(count)
    files = sorted((path.name for path in traverse.folder.iterdir() if path.suffix.lower() == ".png"), key=natural_key)
    place = {name: number for number, name in enumerate(files)}
    if len(files) != count or any(name not in place for name in names):
        return None
    return np.array([place[name] for name in names], np.int64)


def _half_windows(starts: NDArray[np.int64], info: TraverseInfo) -> NDArray[np.int64]:
    if len(info.window_ends_us) == len(starts):
        return (np.array(info.window_ends_us, np.int64) - starts) // 2
    if info.window_ms is not None:
        return np.full(len(starts), round(info.window_ms * 500), np.int64)
    if len(starts) < 2:
        return np.zeros(len(starts), np.int64)
    # A fixed count of events: a window lasts until the next one begins, the last as long as the one before it.
    steps = np.maximum(np.diff(starts), 0)
    return np.append(steps, steps[-1]) // 2


def _ways(traverse: Traverse, info: TraverseInfo | None, times: NDArray[np.int64] | None) -> list[_Located]:
    """Every way to locate the frames, the best first."""
    ways = []
    if info is not None and info.pose_log is not None and times is not None:
        log = info.pose_log
        poses = read_poses(traverse.folder / log.file)
        ways.append(_Located(poses.geographic, poses.source, poses, None, None, log.shift_s + log.offset_s, log.longest_gap_s))
    if info is not None and info.poses:
        poses = read_poses(traverse.folder / info.poses)
        if times is not None:
            ways.append(_Located(poses.geographic, poses.source, poses))
        elif len(poses) == len(traverse):
            ways.append(_Located(poses.geographic, poses.source, places=poses.place, heading=poses.heading))
        else:
            raise BadInput(
                f"The traverse {traverse.name} has poses ({info.poses}) but no time stamps of its frames: bin it anew from its "
                "recording, or give one pose a frame."
            )
    coordinates = traverse.coordinates()
    if coordinates is not None:
        ways.append(_Located(True, f"coordinates in {traverse.name}.csv", places=coordinates))
    return ways


def _common(ways: dict[str, list[_Located]]) -> dict[str, _Located | None]:
    """One way for each traverse, all of one kind: what they prefer if that agrees, else geographic, else local."""
    best = {name: found[0] if found else None for name, found in ways.items()}
    if len({way.geographic for way in best.values() if way is not None}) <= 1:
        return best
    for geographic in (True, False):
        of_kind = {name: next((way for way in found if way.geographic is geographic), None) for name, found in ways.items()}
        if all(of_kind[name] is not None or not found for name, found in ways.items()):
            return of_kind
    local = next(name for name, way in best.items() if way is not None and not way.geographic)
    other = next(name for name, way in best.items() if way is not None and way.geographic)
    raise BadInput(
        f"{local} has poses in local metres and {other} in latitude and longitude, which have no frame in common: "
        "attach logs of one kind to both."
    )


def _origin(way: _Located | None) -> tuple[float, float] | None:
    if way is None or not way.geographic:
        return None
    if way.poses is not None:
        return way.poses.origin
    places = way.places if way.places is not None else np.zeros((0, 2))
    known = places[np.isfinite(places).all(axis=1)]
    return (float(known[0, 0]), float(known[0, 1])) if len(known) else None


def _positions(
    way: _Located | None, times: NDArray[np.int64] | None, frames: int, origin: tuple[float, float] | None
) -> Positions:
    if way is None:
        return Positions(np.full((frames, 2), np.nan), np.full(frames, np.nan), times)
    if way.poses is not None and times is not None:
        xy, heading = way.poses.at(times, way.offset_s, origin, way.gap_s)
        return Positions(xy, heading, times, way.source, origin)
    places = way.places if way.places is not None else np.full((frames, 2), np.nan)
    xy = places if origin is None else to_metres(places, origin)
    given = way.heading
    return Positions(xy, motion_heading(xy) if given is None else given, times, way.source, origin)
