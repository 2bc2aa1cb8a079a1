"""Traverses out of raw recordings: imported with the logs of poses beside them, and binned anew with other settings."""

from collections.abc import Sequence
from pathlib import Path

from engine.errors import BadInput
from engine.events.filters import read_filters
from engine.events.recording import open_recording
from engine.frames.binning import BinningParameters
from engine.frames.make_traverse import MadeTraverse, TraverseParameters, make_traverse
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter
from engine.places.making import TraverseName
from engine.places.pose_logs import AttachParameters, attach_poses, copy_log, log_beside
from engine.places.traverse import TraverseInfo
from engine.places.workspace import Workspace


class RecordingImport(Parameters):
    """Bin recordings to traverses."""

    dataset: str = parameter("example", "Name of the dataset.")
    camera: str = parameter("davis128", "Name of the camera that filmed it.")
    name: str = parameter(
        "",
        "Name of the traverse (left empty: the file's); {file} in it is the file's own, which several recordings need.",
    )
    attach_logs: bool = parameter(
        True, "Attach the log of poses (.nmea, .gpx) that lies beside a recording under its name, where there is one."
    )
    find_hot_pixels: bool = parameter(False, "Look for hot pixels first (reads the recording twice) and mask them.")
    size: tuple[int, int] | None = parameter(
        None, "Width and height of the sensor, for recordings that do not say it.", unit="pixels"
    )
    binning: BinningParameters = parameter(BinningParameters(), "Windows and region.")


class RebinParameters(Parameters):
    """Bin a traverse's recording anew, with other settings, to a new traverse; the filters stay."""

    name: str = parameter("", "Name of the new traverse (left empty: the old one's with its window behind it).")
    recording: Path | None = parameter(None, "The recording (left out: the one that traverse.json names).")
    find_hot_pixels: bool = parameter(False, "Look for hot pixels first (reads the recording twice) and mask them.")
    binning: BinningParameters = parameter(BinningParameters(), "Windows and region.")


def import_recordings(
    workspace: Workspace, recordings: Sequence[Path], parameters: RecordingImport, emit: Emit, cancel: CancelToken
) -> list[TraverseName]:
    """Bin recordings to traverses, each whole or not at all, and attach the logs of poses that lie beside them.

    A recording that cannot be binned is a warning, and the others go on; so is a log that does not fit.

    Raises:
        BadInput: two recordings have one name, or nothing could be binned.
        JobCancelled: stopped; the traverses that were finished are kept.
    """
    stems = [(parameters.name or "{file}").replace("{file}", path.name.split(".")[0]) for path in recordings]
    for stem in stems:
        if stems.count(stem) > 1:
            raise BadInput(f"Two recordings would become the traverse {stem!r}: put {{file}} into the name, or rename a file.")
        TraverseName(parameters.dataset, parameters.camera, stem).refuse_existing(workspace)
    made, problems = [], []
    target = TraverseParameters(
        data_dir=workspace.data_dir,
        dataset=parameters.dataset,
        camera=parameters.camera,
        find_hot_pixels=parameters.find_hot_pixels,
    )
    for path, stem in zip(recordings, stems, strict=True):
        name = TraverseName(parameters.dataset, parameters.camera, stem)
        try:
            with open_recording(path, size=parameters.size) as recording:
                make_traverse(recording, stem, target, parameters.binning, (), emit, cancel)
        except BadInput as wrong:
            problems.append(str(wrong))
            if len(recordings) > 1:
                emit(Notice(str(wrong), "warning"))
            continue
        made.append(name)
        log = log_beside(path) if parameters.attach_logs else None
        if log is not None:
            try:
                attach_poses(workspace, name, AttachParameters(log=log), emit, cancel)
            except BadInput as wrong:
                emit(Notice(f"{log.name} was not attached: {wrong}", "warning"))
    if not made:
        raise BadInput(problems[0] if problems else "No recording was given: choose at least one.")
    return made


def rebin(
    workspace: Workspace, source: TraverseName, parameters: RebinParameters, emit: Emit, cancel: CancelToken
) -> MadeTraverse:
    """Bin a traverse's recording anew; the log of poses that is attached to the old traverse is attached to the new one too.

    Raises:
        BadInput: the recording is not known or not there, its filters cannot be read, or the new name is taken.
        JobCancelled: stopped; nothing is left of it.
    """
    traverse = source.open(workspace)
    info = traverse.info()
    path = recording_of(workspace, source, info) if parameters.recording is None else parameters.recording
    if path is None:
        said = f"({info.source}) " if info is not None and info.source else ""
        raise BadInput(
            f"The recording of {source.traverse} {said}is not there: put it into {workspace.recordings}, or say where it is."
        )
    name = source.beside(parameters.name or f"{source.traverse}-{parameters.binning.window_ms:g}ms")
    name.refuse_existing(workspace)
    steps = read_filters(info.filters if info is not None else [], f"traverse.json of {source.traverse}")
    size = info.sensor if info is not None else None
    target = TraverseParameters(
        data_dir=workspace.data_dir,
        dataset=source.dataset,
        camera=source.camera,
        find_hot_pixels=parameters.find_hot_pixels,
    )
    with open_recording(path, size=size) as recording:
        made = make_traverse(recording, name.traverse, target, parameters.binning, steps, emit, cancel)
    try:
        copy_log(workspace, source, name, emit)
    except BadInput as wrong:
        emit(Notice(f"The log of poses of {source.traverse} was not attached: {wrong}", "warning"))
    return made


def recording_of(workspace: Workspace, name: TraverseName, info: TraverseInfo | None) -> Path | None:
    """The recording that a traverse was binned from, or beside which it was recorded, where it is still there."""
    candidates = []
    if info is not None and info.source:
        given = Path(info.source)
        candidates += [given, workspace.recordings / given.name]
    candidates.append(workspace.recordings / f"{name.traverse}.aedat4")
    return next((path for path in candidates if path.is_file()), None)
