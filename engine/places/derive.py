"""New traverses out of old ones: every n-th frame, a part, several joined. The old ones stay as they are."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.frames.png import read_frame
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter
from engine.places.index import Coordinate
from engine.places.making import TraverseName, write_new_traverse
from engine.places.pose_files import read_poses
from engine.places.positions import frame_starts, frame_times
from engine.places.traverse import Traverse, TraverseInfo
from engine.places.workspace import Workspace

_APART_US = 3_600_000_000
"""Between traverses that are joined: longer than any gap that poses are interpolated over."""


class EveryParameters(Parameters):
    """Keep every n-th frame of a traverse, as a new one."""

    name: str = parameter("", "Name of the new traverse (left empty: the old one's with the step behind it).")
    every: int = parameter(2, "Keep one frame of so many.", ge=2, le=1_000_000)
    first: int = parameter(0, "The first frame that is kept, counted from 0.", ge=0)


class CropParameters(Parameters):
    """Take a part of a traverse, as a new one: by frames, by time, or both."""

    name: str = parameter("", "Name of the new traverse (left empty: the old one's with the part's frames behind it).")
    first: int | None = parameter(None, "The first frame that is kept, counted from 0 (left out: from the start).", ge=0)
    last: int | None = parameter(None, "The last frame that is kept (left out: to the end).", ge=0)
    from_s: float | None = parameter(
        None, "Frames whose window begins so long after the first one's, or later, are kept.", unit="s", ge=0
    )
    to_s: float | None = parameter(
        None, "Frames whose window begins so long after the first one's, or earlier, are kept.", unit="s", ge=0
    )


class MergeParameters(Parameters):
    """Join traverses one after the other, as a new one."""

    name: str = parameter("", "Name of the new traverse (left empty: the old ones' names joined).")


def keep_every(
    workspace: Workspace, source: TraverseName, parameters: EveryParameters, emit: Emit, cancel: CancelToken
) -> Traverse:
    """Make a traverse of every n-th frame.

    Raises:
        BadInput: the new name is taken, or no frame is left.
        JobCancelled: stopped; nothing is left of it.
    """
    traverse = source.open(workspace)
    taken = range(parameters.first, len(traverse), parameters.every)
    name = source.beside(parameters.name or f"{source.traverse}-every-{parameters.every}")
    return _derive(
        workspace, name, [(source, taken)], f"one of every {parameters.every} frames of {source.traverse}", emit, cancel
    )


def crop(workspace: Workspace, source: TraverseName, parameters: CropParameters, emit: Emit, cancel: CancelToken) -> Traverse:
    """Make a traverse of a part of one.

    Raises:
        BadInput: the new name is taken, the part is empty, or times were given and the traverse has none.
        JobCancelled: stopped; nothing is left of it.
    """
    traverse = source.open(workspace)
    kept = np.ones(len(traverse), bool)
    kept[: parameters.first or 0] = False
    if parameters.last is not None:
        kept[parameters.last + 1 :] = False
    if parameters.from_s is not None or parameters.to_s is not None:
        starts = frame_starts(traverse, traverse.info())
        if starts is None:
            raise BadInput(f"The traverse {source.traverse} has no time stamps of its frames: give first and last instead.")
        since = (starts - starts.min()) / 1e6
        kept &= (since >= (parameters.from_s or 0.0)) & (since <= (np.inf if parameters.to_s is None else parameters.to_s))
    taken = np.flatnonzero(kept).tolist()
    if not taken:
        raise BadInput(f"No frame of {source.traverse} lies in that part (it has {len(traverse)} frames): choose a larger one.")
    name = source.beside(parameters.name or f"{source.traverse}-{taken[0]}-{taken[-1]}")
    return _derive(workspace, name, [(source, taken)], f"frames {taken[0]} to {taken[-1]} of {source.traverse}", emit, cancel)


def merge(
    workspace: Workspace, sources: Sequence[TraverseName], parameters: MergeParameters, emit: Emit, cancel: CancelToken
) -> Traverse:
    """Make a traverse of several, one after the other in the given order.

    Time stamps go on where the next traverse is later than the one before; else it is set an hour after it, and a notice says so.

    Raises:
        BadInput: fewer than two, frames of different sizes, or the new name is taken.
        JobCancelled: stopped; nothing is left of it.
    """
    if len(sources) < 2:
        raise BadInput("Choose at least two traverses to join.")
    parts = [(source, range(len(source.open(workspace)))) for source in sources]
    sizes = {source.traverse: _size(source.open(workspace)) for source in sources}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {width}x{height}" for name, (width, height) in sizes.items())
        raise BadInput(f"The traverses have frames of different sizes ({told}): bin them anew with one region.")
    name = sources[0].beside(parameters.name or "-".join(source.traverse for source in sources))
    return _derive(workspace, name, parts, " and ".join(source.traverse for source in sources), emit, cancel)


def _size(traverse: Traverse) -> tuple[int, int]:
    height, width = read_frame(traverse.folder / traverse.rows[0].image).shape
    return width, height


@dataclass(frozen=True)
class _Part:
    """Frames of one traverse that go into a new one."""

    traverse: Traverse
    info: TraverseInfo
    taken: list[int]
    starts: NDArray[np.int64] | None
    times: NDArray[np.int64] | None

    def contents(self) -> Iterator[bytes]:
        for row in (self.traverse.rows[number] for number in self.taken):
            path = self.traverse.folder / row.image
            try:
                yield path.read_bytes()
            except FileNotFoundError:
                raise BadInput(
                    f"The index of {self.traverse.name} names {row.image}, which {self.traverse.folder} does not have: "
                    "make the index anew with `revisit-cli index`, or restore the file."
                ) from None

    def coordinates(self) -> list[Coordinate | None]:
        return [self.traverse.rows[number].coordinate for number in self.taken]


def _derive(
    workspace: Workspace,
    name: TraverseName,
    sources: Sequence[tuple[TraverseName, Sequence[int]]],
    made_from: str,
    emit: Emit,
    cancel: CancelToken,
) -> Traverse:
    name.refuse_existing(workspace)
    parts = [_part(source.open(workspace), list(taken)) for source, taken in sources]
    shifts = _shifts(parts, emit)
    first = parts[0].info
    changes: dict[str, object] = {"made_from": made_from, "window_starts_us": [], "window_ends_us": [], "start_us": None}
    if shifts is not None:
        starts = [
            int(start) + shift for part, shift in zip(parts, shifts, strict=True) for start in _taken(part.starts, part.taken)
        ]
        changes |= {"window_starts_us": starts, "start_us": starts[0] if starts else None}
        if any(part.info.window_ms is None or part.info.window_ms != first.window_ms for part in parts):
            centres = [time + shift for part, shift in zip(parts, shifts, strict=True) for time in _taken(part.times, part.taken)]
            changes["window_ends_us"] = [2 * centre - start for centre, start in zip(centres, starts, strict=True)]
    if len(parts) > 1:
        changes |= _common(parts, emit)
    beside: dict[str, Path | bytes] = {}
    changes |= _poses(parts, shifts, beside, emit)
    coordinates = [place for part in parts for place in part.coordinates()]
    return write_new_traverse(
        workspace,
        name,
        (content for part in parts for content in part.contents()),
        sum(len(part.taken) for part in parts),
        first.model_copy(update=changes),
        emit,
        cancel,
        coordinates=coordinates,
        beside=beside,
    )


def _part(traverse: Traverse, taken: list[int]) -> _Part:
    info = traverse.info()
    return _Part(traverse, info or TraverseInfo(), taken, frame_starts(traverse, info), frame_times(traverse, info))


def _taken(values: NDArray[np.int64] | None, taken: list[int]) -> list[int]:
    return [] if values is None else values[taken].tolist()


def _shifts(parts: Sequence[_Part], emit: Emit) -> list[int] | None:
    """What is added to each part's time stamps so that they ascend; None where a part has none."""
    if any(part.starts is None for part in parts):
        if len(parts) > 1 and any(part.starts is not None for part in parts):
            emit(Notice("One of the traverses has no time stamps, so the new one has none.", "warning"))
        return None
    shifts, end = [], 0
    for number, part in enumerate(parts):
        starts = np.array(_taken(part.starts, part.taken) or [0], np.int64)
        shift = 0
        if number and int(starts.min()) <= end:
            shift = end + _APART_US - int(starts.min())
            emit(Notice(f"{part.traverse.name} is not later than the one before it: its time stamps were set an hour after."))
        shifts.append(shift)
        end = int(starts.max()) + shift
    return shifts


def _common(parts: Sequence[_Part], emit: Emit) -> dict[str, object]:
    """What the joined traverse can still say where the parts differ."""
    changes: dict[str, object] = {"source": "; ".join(dict.fromkeys(part.info.source for part in parts if part.info.source))}
    nothings: dict[str, object] = {
        "window_ms": None,
        "binning": {},
        "filters": [],
        "sensor": None,
        "region": None,
        "simulation": {},
    }
    for field, nothing in nothings.items():
        if any(getattr(part.info, field) != getattr(parts[0].info, field) for part in parts):
            changes[field] = nothing
            if field == "window_ms":
                emit(Notice("The traverses have different time windows, so their frames hold different counts.", "warning"))
    return changes


def _poses(parts: Sequence[_Part], shifts: list[int] | None, beside: dict[str, Path | bytes], emit: Emit) -> dict[str, object]:
    """Take the poses along: the logs themselves from one traverse, the frames' own poses from several."""
    if len(parts) == 1 and shifts is not None:
        info, folder = parts[0].info, parts[0].traverse.folder
        for file in (info.poses, info.pose_log.file if info.pose_log is not None else ""):
            if file and "/" not in file and (folder / file).is_file():
                beside[file] = folder / file
        kept = info.poses if info.poses in beside else str((folder / info.poses).resolve()) if info.poses else ""
        return {"poses": kept}
    found = [_frame_poses(part) for part in parts]
    kinds = {table[0] for table in found if table is not None}
    if len(kinds) != 1 or any(table is None for table in found):
        if kinds:
            emit(Notice("Not all of the traverses have poses of one kind, so the new one has none.", "warning"))
        return {"poses": "", "pose_log": None}
    geographic, text = kinds.pop(), io.StringIO()
    text.write("time_us,latitude,longitude,heading\n" if geographic else "time_us,x,y,heading\n")
    count = 0
    for number, (part, table) in enumerate(zip(parts, found, strict=True)):
        if table is None:
            continue
        _, place, heading = table
        for row, frame in enumerate(part.taken):
            centre = count if shifts is None or part.times is None else int(part.times[frame]) + shifts[number]
            count += 1
            if shifts is None or np.isfinite(place[row]).all():  # without times there is a row a frame
                text.write(f"{centre},{place[row, 0]:.9f},{place[row, 1]:.9f},{heading[row]:.6f}\n")
    beside["frame_poses.csv"] = text.getvalue().encode()
    return {"poses": "frame_poses.csv", "pose_log": None}


def _frame_poses(part: _Part) -> tuple[bool, NDArray[np.float64], NDArray[np.float64]] | None:
    """Whether the taken frames' poses are geographic, the places and the headings; None without a log."""
    info = part.info
    file = info.pose_log.file if info.pose_log is not None else info.poses
    if not file:
        return None
    poses = read_poses(part.traverse.folder / file)
    if part.times is None:
        if len(poses) != len(part.traverse):
            return None
        return poses.geographic, poses.place[part.taken], poses.heading[part.taken]
    log = info.pose_log
    shift, gap = (log.shift_s + log.offset_s, log.longest_gap_s) if log is not None else (0.0, 10.0)
    place, heading = poses.places_at(part.times[part.taken], shift, gap)
    return poses.geographic, place, heading
