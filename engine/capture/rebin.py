"""Recordings to traverses, as the Capture panel shows them: the job behind "Bin recording to traverse"."""

from collections.abc import Sequence
from pathlib import Path

from engine.capture.parameters import CaptureParameters
from engine.capture.processor import filter_steps
from engine.errors import BadInput
from engine.events.recording import open_recording
from engine.frames.make_traverse import MadeTraverse, TraverseParameters, check_name, make_traverse
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter


class BinRecordings(Parameters):
    """Where the traverses go, and how their frames are made."""

    traverse: TraverseParameters = parameter(TraverseParameters(), "Dataset and camera of the traverses.")
    capture: CaptureParameters = parameter(CaptureParameters(), "Window, region, polarity and filters, as they are shown.")
    hot_pixels: tuple[tuple[int, int], ...] = parameter((), "Pixels marked as hot, as x, y.", unit="pixels")
    size: tuple[int, int] | None = parameter(
        None, "Width and height of the sensor, for recordings that do not say it.", unit="pixels"
    )


def bin_recordings(
    parameters: BinRecordings, recordings: Sequence[tuple[Path, str]], emit: Emit, cancel: CancelToken
) -> list[MadeTraverse]:
    """Bin recordings into traverses, each whole or not at all.

    Args:
        parameters: see BinRecordings.
        recordings: each file with the name of its traverse ("": the file's own name).
        emit, cancel: see engine.jobs; a recording that cannot be binned is a warning, and the others go on.

    Raises:
        BadInput: two traverses would have one name, a name is no folder's, or nothing could be binned.
        JobCancelled: stopped; the traverses that were finished are kept.
    """
    named = [(path, name or path.stem) for path, name in recordings]
    names = [name for _, name in named]
    for name in names:
        check_name(name)
        if names.count(name) > 1:
            raise BadInput(f"Two recordings would become the traverse {name!r}: give them different names.")
    made, problems = [], []
    for path, name in named:
        try:
            with open_recording(path, size=parameters.size) as recording:
                size = recording.size or (1, 1)
                steps = filter_steps(parameters.capture, frozenset(parameters.hot_pixels), size)
                made.append(
                    make_traverse(recording, name, parameters.traverse, parameters.capture.binning(), steps, emit, cancel)
                )
        except BadInput as wrong:
            problems.append(str(wrong))
            if len(named) > 1:
                emit(Notice(str(wrong), "warning"))
    if not made:
        raise BadInput(problems[0] if problems else "No recording was given: choose at least one.")
    return made
