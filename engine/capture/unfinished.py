"""Recordings that a killed process left behind: found at the next start, finished or moved to the workspace's trash."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.capture.marker import PATTERN, MarkerContent, is_held, read_marker
from engine.capture.recorder import RecordingResult
from engine.capture.traverse_recorder import finish_traverse, whole_frames
from engine.errors import BadInput
from engine.events.recording import EventReader, open_recording
from engine.events.writer import EventWriter
from engine.jobs import CancelToken, Emit, Progress, Throttle
from engine.places.traverse import TraverseInfo
from engine.places.workspace import Workspace

TRASH = ".trash"
_CHUNK = 1 << 18


@dataclass(frozen=True)
class UnfinishedRecording:
    """What was being recorded when the process was killed.

    Attributes:
        marker: the file that says so.
        started: date and time.
        events_path: the raw events, or None; events_bytes: its length.
        traverse: (dataset, camera, traverse), or None; traverse_folder: of its frames; frames: that are whole.
        text: a sentence for a person.
    """

    marker: Path
    started: str
    events_path: Path | None
    events_bytes: int
    traverse: tuple[str, str, str] | None
    traverse_folder: Path | None
    frames: int
    text: str


def unfinished_recordings(workspace: Path | Workspace) -> list[UnfinishedRecording]:
    """The recordings of a workspace that were cut short, oldest first; those that a living process makes are left out.

    A marker that names nothing which exists is removed.
    """
    place = workspace if isinstance(workspace, Workspace) else Workspace.open(workspace)
    found = []
    for path in sorted(place.recordings.glob(PATTERN)):
        content = read_marker(path)
        if content is None or is_held(path, content):
            continue
        unfinished = _look(place, path, content)
        if unfinished is None:
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            found.append(unfinished)
    return found


def adopt(unfinished: UnfinishedRecording, workspace: Path | Workspace, emit: Emit, cancel: CancelToken) -> RecordingResult:
    """Finish a recording that was cut short: give the AEDAT4 file its table, the traverse its index.

    The raw events are read as far as they go and written anew beside the file, which is replaced at the end. A file that cannot
    be read at all stays as it is, and the result's message says so.

    Raises:
        BadInput: it cannot be read or written; nothing is lost, and it can be tried again.
        JobCancelled: stopped; likewise.
    """
    place = workspace if isinstance(workspace, Workspace) else Workspace.open(workspace)
    events, length, left_out, elapsed_s, message, path = 0, 0, 0, 0.0, "", unfinished.events_path
    if path is not None:
        reader = None
        try:
            reader = open_recording(path)
        except BadInput as unreadable:  # killed before its header was on the disk: that must not keep the traverse from its user
            message = str(unreadable)
        if reader is not None:
            with reader:
                events, left_out, elapsed_s = _finish_events(reader, path, emit, cancel)
        length = path.stat().st_size
    frames = 0
    if unfinished.traverse is not None and unfinished.traverse_folder is not None:
        content = read_marker(unfinished.marker)
        if content is None:
            raise BadInput(f"{unfinished.marker} is gone or damaged: look for unfinished recordings again.")
        info = TraverseInfo.read(content.info, str(unfinished.marker))
        try:
            frames = finish_traverse(unfinished.traverse_folder, place.index_file(unfinished.traverse[2]), info)
        except OSError as error:
            raise BadInput(f"{unfinished.traverse_folder} cannot be finished ({error.strerror}): try again.") from None
    unfinished.marker.unlink(missing_ok=True)
    folder = unfinished.traverse_folder if frames else None
    return RecordingResult(path, folder, events, frames, length, elapsed_s, 0, left_out, not message, message)


def discard(unfinished: UnfinishedRecording, workspace: Path | Workspace) -> Path:
    """Move what was recorded to the workspace's trash; returns the folder that has it now.

    Raises:
        BadInput: it cannot be moved.
    """
    place = workspace if isinstance(workspace, Workspace) else Workspace.open(workspace)
    target = place.root / TRASH / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    try:
        target.mkdir(parents=True)
        for path in (unfinished.events_path, unfinished.traverse_folder):
            if path is not None and path.exists():
                path.rename(target / path.name)
        unfinished.marker.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{target} cannot take the recording ({error.strerror}): check the workspace's permissions.") from None
    return target


def _look(place: Workspace, marker: Path, content: MarkerContent) -> UnfinishedRecording | None:
    events_path, size = None, 0
    # A marker is a file from outside as well: names in it must not lead elsewhere.
    if content.events and _is_name(content.events) and (place.recordings / content.events).is_file():
        events_path = place.recordings / content.events
        size = events_path.stat().st_size
    names, folder, frames = None, None, 0
    wanted = (content.dataset, content.camera, content.traverse)
    if all(_is_name(name) for name in wanted) and place.frames_folder(*wanted).is_dir():
        names, folder = wanted, place.frames_folder(*wanted)
        frames = whole_frames(folder)
    if events_path is None and folder is None:
        return None
    parts = []
    if events_path is not None:
        parts.append(f"the recording {events_path.name} ({size / 1e6:.1f} MB)")
    if folder is not None:
        parts.append(f"the traverse {content.traverse} ({frames} frame{'' if frames == 1 else 's'})")
    verb = "were" if len(parts) > 1 else "was"
    text = " and ".join(parts) + f" {verb} cut short on {content.started}."
    return UnfinishedRecording(marker, content.started, events_path, size, names, folder, frames, text[:1].upper() + text[1:])


def _is_name(name: str) -> bool:
    return bool(name) and name not in (".", "..") and not any(sign in name for sign in "/\\\0")


def _finish_events(reader: EventReader, path: Path, emit: Emit, cancel: CancelToken) -> tuple[int, int, float]:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    size = reader.size
    if size is None:
        raise BadInput(f"{path} does not say its sensor's size, so it cannot be finished: it can be opened as it is.")
    compression = str(reader.metadata.get("compression", "LZ4")).lower()
    writer = EventWriter(part, size, compression="none" if compression == "none" else "lz4", flush_ms=None)
    throttle, first, last = Throttle(), None, 0
    try:
        for events in reader.chunks(max_events=_CHUNK):
            cancel.check()
            writer.write(events)
            first = int(events["timestamp"][0]) if first is None else first
            last = int(events["timestamp"][-1])
            if throttle.ready():
                emit(Progress(f"Finishing {path.name}", round(100 * reader.progress), 100, "%"))
        writer.close()
        part.replace(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be finished ({error.strerror}): make room, and try again.") from None
    finally:
        writer.discard()
        part.unlink(missing_ok=True)
    left_out = writer.counts.out_of_range + writer.counts.dropped
    return writer.counts.events, left_out, 0.0 if first is None else (last - first) / 1e6
