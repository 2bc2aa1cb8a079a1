"""Logs of poses and traverses: attach one, correct its clock, take it off again."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter
from engine.places.making import TraverseName
from engine.places.pose_files import read_poses
from engine.places.poses import Poses
from engine.places.positions import frame_times
from engine.places.trash import move_to_trash
from engine.places.traverse import PoseLog, Traverse, TraverseInfo
from engine.places.workspace import Workspace
from engine.storage import replacing, write_json

Times = NDArray[np.int64]
LOG_SUFFIXES = (".nmea", ".gpx", ".csv", ".txt", ".tum")


class AttachParameters(Parameters):
    """Attach a log of poses to a traverse."""

    log: Path = parameter(Path(), "The log: NMEA, GPX, CSV with named columns, or a TUM trajectory.")
    clock: Literal["auto", "same", "starts"] = parameter(
        "auto",
        "How the log's clock goes with the events': both are the same (same), the first pose belongs to the start of the first "
        "frame (starts), or the first if the times overlap and else the second (auto).",
    )
    offset_s: float = parameter(
        0.0, "Correction: how much later by the log's clock a frame was taken.", unit="s", ge=-86_400, le=86_400
    )
    longest_gap_s: float = parameter(
        10.0, "Between poses further apart in time than this, frames have no pose.", unit="s", gt=0, le=86_400
    )


class OffsetParameters(Parameters):
    """Correct the clock of the log that is attached to a traverse."""

    offset_s: float = parameter(0.0, "How much later by the log's clock a frame was taken.", unit="s", ge=-86_400, le=86_400)


@dataclass(frozen=True)
class Attached:
    """A log that was attached.

    Attributes:
        name: of the traverse. log: as traverse.json has it.
        frames, located: of the traverse, and of these with a pose.
        clock: "same" or "starts".
        text: a sentence for a person.
    """

    name: TraverseName
    log: PoseLog
    frames: int
    located: int
    clock: str
    text: str

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {
            "traverse": str(self.name),
            "log": self.log.model_dump(mode="json"),
            "frames": self.frames,
            "located": self.located,
            "clock": self.clock,
        }


def attach_poses(
    workspace: Workspace, name: TraverseName, parameters: AttachParameters, emit: Emit, cancel: CancelToken
) -> Attached:
    """Copy a log of poses beside a traverse's frames and note it in traverse.json; a log attached before goes to the trash.

    Raises:
        BadInput: the log cannot be read, the traverse has no time stamps, or no frame lies within the log.
    """
    if parameters.log == Path():
        raise BadInput("Choose a log of poses: NMEA, GPX, CSV or TUM.")
    traverse, info, times = _timed(workspace, name)
    cancel.check()
    poses = read_poses(parameters.log, cancel)
    for note in poses.notes:
        emit(Notice(f"{parameters.log.name}: {note}"))
    clock, shift_s = _clock(poses, times, info, parameters)
    log = PoseLog(shift_s=shift_s, offset_s=parameters.offset_s, longest_gap_s=parameters.longest_gap_s)
    located = _located(poses, times, log)
    if not located:
        offset = log.shift_s + log.offset_s
        covers = f"{_clock_text(int(poses.times_us[0]), 0.0, poses)} to {_clock_text(int(poses.times_us[-1]), 0.0, poses)}"
        frames = f"{_clock_text(int(times.min()), offset, poses)} to {_clock_text(int(times.max()), offset, poses)}"
        raise BadInput(
            f"No frame of {name.traverse} lies within {parameters.log.name}: the log goes from {covers}, the frames by its clock "
            f"from {frames}; check which log it is, or set clock to starts."
        )
    cancel.check()
    log = _store(workspace, name, traverse.folder, info, parameters.log, parameters.log.name, log)
    text = f"{located} of {len(times)} frames of {name.traverse} have a pose from {parameters.log.name}."
    text = f"{text} {_clock_sentence(clock, parameters)}"
    emit(Notice(text, "info" if located == len(times) else "warning"))
    return Attached(name, log, len(times), located, clock, text)


def copy_log(workspace: Workspace, source: TraverseName, target: TraverseName, emit: Emit) -> None:
    """Attach the log that is attached to one traverse to another of the same clock; without one nothing happens.

    Raises:
        BadInput: the log cannot be read, or the target has no time stamps.
    """
    info = source.open(workspace).info()
    if info is None or info.pose_log is None:
        return
    traverse, own, times = _timed(workspace, target)
    log, path = info.pose_log, source.folder(workspace) / info.pose_log.file
    located = _located(read_poses(path), times, log)
    _store(workspace, target, traverse.folder, own, path, log.file.removeprefix("poses_"), log)
    emit(Notice(f"{located} of {len(times)} frames of {target.traverse} have a pose from the log of {source.traverse}."))


def set_offset(
    workspace: Workspace, name: TraverseName, parameters: OffsetParameters, emit: Emit, cancel: CancelToken
) -> Attached:
    """Correct the clock of the log that is attached to a traverse.

    Raises:
        BadInput: none is attached, or with this offset no frame would have a pose.
    """
    traverse, info, times = _timed(workspace, name)
    if info.pose_log is None:
        raise BadInput(f"The traverse {name.traverse} has no log of poses attached: attach one first.")
    cancel.check()
    log = info.pose_log.model_copy(update={"offset_s": parameters.offset_s})
    located = _located(read_poses(traverse.folder / log.file), times, log)
    if not located:
        raise BadInput(f"With an offset of {parameters.offset_s:g} s no frame of {name.traverse} lies within its log of poses.")
    _write(traverse.folder, info, log)
    text = f"Offset {log.offset_s:g} s: {located} of {len(times)} frames of {name.traverse} have a pose."
    emit(Notice(text))
    return Attached(name, log, len(times), located, "same" if log.shift_s == 0 else "starts", text)


def detach_poses(workspace: Workspace, name: TraverseName, emit: Emit, cancel: CancelToken) -> None:
    """Take the attached log off a traverse; its copy goes to the trash.

    Raises:
        BadInput: none is attached.
    """
    traverse = name.open(workspace)
    info = traverse.info()
    if info is None or info.pose_log is None:
        raise BadInput(f"The traverse {name.traverse} has no log of poses attached.")
    cancel.check()
    file = traverse.folder / info.pose_log.file
    _write(traverse.folder, info, None)
    if file.is_file():
        move_to_trash(workspace, [file], f"log of poses {file.name} of {name.traverse}")


def log_beside(recording: Path) -> Path | None:
    """The log of poses that lies beside a recording under its name, or None."""
    stem = recording.name.split(".")[0]
    for suffix in LOG_SUFFIXES[:2]:
        for candidate in (recording.with_suffix(suffix), recording.with_name(stem + suffix)):
            if candidate.is_file():
                return candidate
    return None


def _timed(workspace: Workspace, name: TraverseName) -> tuple[Traverse, TraverseInfo, Times]:
    traverse = name.open(workspace)
    info = traverse.info()
    times = frame_times(traverse, info)
    if info is None or times is None:
        raise BadInput(
            f"The traverse {name.traverse} has no time stamps of its frames, which poses need: bin it from its recording, or "
            "import its images with times."
        )
    return traverse, info, times


def _located(poses: Poses, times: Times, log: PoseLog) -> int:
    """How many frames have a pose."""
    place, _ = poses.places_at(times, log.shift_s + log.offset_s, log.longest_gap_s)
    return int(np.isfinite(place).all(axis=1).sum())


def _store(
    workspace: Workspace, name: TraverseName, folder: Path, info: TraverseInfo, path: Path, called: str, log: PoseLog
) -> PoseLog:
    """Copy the log beside the frames, note it, and move the one before it to the trash."""
    file = _free_name(folder, called)
    with replacing(folder / file) as part:
        shutil.copyfile(path, part)
    log = log.model_copy(update={"file": file})
    _write(folder, info, log)
    old = info.pose_log
    if old is not None and (folder / old.file).is_file():
        move_to_trash(workspace, [folder / old.file], f"log of poses {old.file} of {name.traverse}")
    return log


def _clock(poses: Poses, times: Times, info: TraverseInfo, parameters: AttachParameters) -> tuple[str, float]:
    """Which clock is taken, and what takes the events' clock to the log's, in seconds."""
    first, last = int(poses.times_us[0]), int(poses.times_us[-1])
    moved = times + round(parameters.offset_s * 1e6)
    overlap = int(moved.max()) >= first and int(moved.min()) <= last
    if parameters.clock == "same" or (parameters.clock == "auto" and overlap):
        return "same", 0.0
    start = info.window_starts_us[0] if info.window_starts_us else int(times[0])
    return "starts", (first - start) / 1e6


def _clock_sentence(clock: str, parameters: AttachParameters) -> str:
    if clock == "same":
        return "Its clock and the events' clock agree, so they are taken as one."
    how = "do not agree" if parameters.clock == "auto" else "were to be aligned"
    return f"The clocks {how}: the log's first pose was put at the start of the first frame; correct it with the offset."


def _free_name(folder: Path, name: str) -> str:
    free, number = f"poses_{name}", 2
    while (folder / free).exists():
        free, number = f"poses_{number}_{name}", number + 1
    return free


def _write(folder: Path, info: TraverseInfo, log: PoseLog | None) -> None:
    write_json(folder / "traverse.json", info.model_copy(update={"pose_log": log}).model_dump(mode="json"))


def _clock_text(time_us: int, offset_s: float, poses: Poses) -> str:
    seconds = time_us / 1e6 + offset_s
    if poses.utc and 0 <= seconds < 4e9:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{seconds:.1f} s"
