"""Recordings to traverses: events through filters and windows into a folder of PNG frames, with traverse.json saying how."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.events.density import density
from engine.events.filters import DownsampleParameters, FilterChain, FilterParameters, HotPixelParameters, RegionParameters
from engine.events.hot_pixels import find_hot_pixels
from engine.frames.binner import Binner, EventFrame
from engine.frames.binning import BinningParameters
from engine.frames.suggest import WindowWish, suggest_window
from engine.jobs import CancelToken, Emit, Notice, Progress, Throttle, ignore
from engine.parameters import Parameters, parameter
from engine.places.traverse import Traverse, TraverseInfo, write_traverse
from engine.places.workspace import Workspace

CHUNK = 1 << 17
"""Events a chunk: some milliseconds of work, so that a cancel is heeded."""


class Recording(Protocol):
    """What is asked of a recording; every reader of engine.events.recording has it."""

    path: Path
    size: Size | None
    time_range: tuple[int, int] | None

    @property
    def progress(self) -> float:
        """Share of the file that was read, 0 to 1."""

    def chunks(self, *, max_events: int) -> Iterator[EventArray]:
        """All events in order of time."""


class TraverseParameters(Parameters):
    """Where traverses go, and what is measured before they are made."""

    data_dir: Path = parameter(Path("dataset"), "Folder of datasets, or the workspace that holds it.")
    dataset: str = parameter("example", "Name of the dataset.")
    camera: str = parameter("davis128", "Name of the camera that filmed it.")
    find_hot_pixels: bool = parameter(False, "Look for hot pixels first (reads the recording twice) and mask them.")
    events_per_pixel: float | None = parameter(
        None, "Choose each recording's window so that an average pixel has so many events, instead of window_ms.", gt=0
    )


@dataclass(frozen=True)
class MadeTraverse:
    """A traverse that was made.

    Attributes:
        traverse: on disk.
        info: what its traverse.json says.
        events, removed, binned, out_of_range: events read; removed by filters; counted in a frame; off the sensor.
        shares: each filter's kind and the share that it removed of what reached it.
        saturated_frames: frames with a pixel at the largest value.
    """

    traverse: Traverse
    info: TraverseInfo
    events: int
    removed: int
    binned: int
    out_of_range: int
    shares: list[tuple[str, float]]
    saturated_frames: int

    def summary(self) -> dict[str, Any]:
        """For --json."""
        return {
            "traverse": self.traverse.name,
            "folder": str(self.traverse.folder),
            "source": self.info.source,
            "frames": len(self.traverse),
            "window_ms": self.info.window_ms,
            "events": self.events,
            "removed": self.removed,
            "binned": self.binned,
            "out_of_range": self.out_of_range,
            "filters": [{"kind": kind, "removed_share": share} for kind, share in self.shares],
            "saturated_frames": self.saturated_frames,
        }


def bin_recording(
    chunks: Iterable[EventArray], chain: FilterChain, binner: Binner, cancel: CancelToken | None = None
) -> Iterator[EventFrame]:
    """The frames of a stream: filtered, binned, the remainder last.

    Args:
        chunks: events in order of time.
        chain: the filters; its counts tell afterwards what was removed.
        binner: for the sensor that the chain leaves (chain.size_out).
        cancel: checked between chunks and frames.
    """
    token = cancel or CancelToken()
    for chunk in chunks:
        token.check()
        for frame in binner.push(chain.process(chunk)):
            token.check()
            yield frame
    yield from binner.push(chain.flush())
    yield from binner.flush()


def make_traverse(
    recording: Recording,
    name: str,
    parameters: TraverseParameters,
    binning: BinningParameters,
    filters: Sequence[FilterParameters] = (),
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> MadeTraverse:
    """Bin one recording into a traverse of the workspace, whole or not at all.

    Raises:
        BadInput: the name is not a folder's, the traverse exists, the frames cannot be 8-bit grayscale, the recording does not
            say its sensor's size, or no frame comes out.
    """
    token = cancel or CancelToken()
    size, folder, index = check_before(recording, name, parameters, binning, filters)
    steps = list(filters)
    if parameters.find_hot_pixels:
        steps.insert(0, _hot_pixels(recording, size, emit, token))
    if parameters.events_per_pixel is not None:
        binning = _with_window(recording, size, steps, binning, parameters.events_per_pixel, emit, token)
    chain = FilterChain(steps, size)
    binner = Binner(chain.size_out, binning)
    frames = bin_recording(_told(recording, f"Binning {name}", emit), chain, binner, token)
    first = next(frames, None)
    if first is None:
        raise BadInput(
            f"{recording.path} gives no frame: it is shorter than one window, or the filters removed all of its events; "
            "take a shorter window, or remainder keep."
        )
    info = TraverseInfo(
        sensor=size,
        region=_region_on_sensor(steps, binning, size),
        window_ms=binning.window_us / 1000 if binning.mode == "time" else None,
        binning=binning.model_dump(mode="json"),
        filters=[step.model_dump(mode="json") for step in steps],
        source=str(recording.path),
        start_us=first.start_us,
    )
    binned = saturated = 0

    def images() -> Iterator[Any]:
        nonlocal binned, saturated
        frame: EventFrame | None = first
        while frame is not None:
            info.window_starts_us.append(frame.start_us)
            binned += frame.binned
            saturated += frame.saturated > 0
            yield frame.image
            frame = next(frames, None)

    traverse = write_traverse(folder, index, images(), info)
    out_of_range = sum(step.out_of_range for step in chain.filters) + binner.out_of_range
    made = MadeTraverse(traverse, info, chain.seen, chain.removed, binned, out_of_range, chain.shares(), saturated)
    _warn(made, binner, emit)
    return made


def check_before(
    recording: Recording,
    name: str,
    parameters: TraverseParameters,
    binning: BinningParameters,
    filters: Sequence[FilterParameters] = (),
) -> tuple[Size, Path, Path]:
    """What can be wrong before a recording is read; gives the sensor's size, and where frames and index go.

    Raises:
        BadInput: see make_traverse.
    """
    check_name(name)
    size = _size(recording)
    if binning.dtype != "uint8" or binning.polarity == "separate":
        raise BadInput("A traverse's frames are 8-bit grayscale images: choose dtype uint8, and polarity both, on or off.")
    Binner(FilterChain(filters, size).size_out, binning)
    workspace = _workspace(parameters.data_dir)
    folder, index = workspace.frames_folder(parameters.dataset, parameters.camera, name), workspace.index_file(name)
    _refuse_existing(folder, index)
    return size, folder, index


def check_name(name: str) -> None:
    """Refuse a traverse's name that is no single folder's."""
    if not name or name in (".", "..") or "/" in name or "\\" in name:
        raise BadInput(f"A traverse should have the name of a folder, but is called {name!r}: choose letters and digits.")


def _workspace(data_dir: Path) -> Workspace:
    """The workspace, which may be a new one."""
    return Workspace.open(data_dir) if data_dir.exists() else Workspace(data_dir)


def _refuse_existing(folder: Path, index: Path) -> None:
    """What write_traverse refuses in the end is refused before the work."""
    if index.exists():
        raise BadInput(f"{index} exists already: choose another name for the traverse, or move the old one away.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadInput(f"{folder} exists already: choose another name for the traverse, or move it away.")


def _size(recording: Recording) -> Size:
    if recording.size is None:
        raise BadInput(f"{recording.path} does not say its sensor's size: give it with --size WIDTH HEIGHT.")
    return recording.size


def _told(recording: Recording, stage: str, emit: Emit) -> Iterator[EventArray]:
    """The recording's chunks, with progress."""
    throttle = Throttle()
    for chunk in recording.chunks(max_events=CHUNK):
        yield chunk
        if throttle.ready():
            emit(Progress(stage, round(100 * recording.progress), 100, "%"))
    emit(Progress(stage, 100, 100, "%"))


def _hot_pixels(recording: Recording, size: Size, emit: Emit, cancel: CancelToken) -> HotPixelParameters:
    stage = f"Hot pixels of {recording.path.name}"
    if recording.time_range is None:
        cancelled = _checking(_told(recording, f"Length of {recording.path.name}", emit), cancel)
        first, last = None, 0
        for chunk in cancelled:
            if len(chunk):
                first = int(chunk["timestamp"][0]) if first is None else first
                last = int(chunk["timestamp"][-1])
        time_range = (first or 0, last)
    else:
        time_range = recording.time_range
    mask = find_hot_pixels(_told(recording, stage, emit), size, time_range=time_range, cancel=cancel)
    pixels = tuple((int(x), int(y)) for y, x in np.argwhere(mask))
    emit(Notice(f"{len(pixels)} hot pixels found in {recording.path.name}, and masked."))
    return HotPixelParameters(pixels=pixels)


def _checking(chunks: Iterable[EventArray], cancel: CancelToken) -> Iterator[EventArray]:
    for chunk in chunks:
        cancel.check()
        yield chunk


def _with_window(
    recording: Recording,
    size: Size,
    steps: Sequence[FilterParameters],
    binning: BinningParameters,
    wanted: float,
    emit: Emit,
    cancel: CancelToken,
) -> BinningParameters:
    """The binning with the window that gives the wanted events per pixel, measured after the filters."""
    if binning.mode == "count":
        raise BadInput("events_per_pixel chooses a time window: leave it out, or choose mode time.")
    chain = FilterChain(steps, size)
    chunks = (chain.process(chunk) for chunk in _told(recording, f"Density of {recording.path.name}", emit))
    suggestion = suggest_window(density(chunks, chain.size_out, cancel), WindowWish(events_per_pixel=wanted, roi=binning.roi))
    emit(Notice(f"{recording.path.name}: {suggestion.text}"))
    return BinningParameters.check({**binning.model_dump(), "window_ms": suggestion.window_ms})


def _region_on_sensor(steps: Sequence[FilterParameters], binning: BinningParameters, size: Size) -> tuple[int, int, int, int]:
    """The frames' rectangle in pixels of the sensor, through regions and down-sampling."""
    left, top, scale = 0, 0, 1
    width, height = size
    for step in steps:
        if isinstance(step, RegionParameters):
            left, top = left + scale * step.x, top + scale * step.y
            width, height = step.width, step.height
        elif isinstance(step, DownsampleParameters):
            scale *= step.factor
            width, height = -(-width // step.factor), -(-height // step.factor)
    if binning.roi is not None:
        left, top = left + scale * binning.roi[0], top + scale * binning.roi[1]
        width, height = binning.roi[2:]
    return left, top, min(width * scale, size[0] - left), min(height * scale, size[1] - top)


def _warn(made: MadeTraverse, binner: Binner, emit: Emit) -> None:
    name, frames = made.traverse.name, len(made.traverse)
    if made.out_of_range:
        emit(Notice(f"{name}: {made.out_of_range} events lay off the sensor and were dropped.", "warning"))
    if binner.out_of_order:
        emit(
            Notice(
                f"{name}: {binner.out_of_order} events were out of order; each counts at the latest time before it.", "warning"
            )
        )
    if made.saturated_frames > frames // 2:
        emit(
            Notice(
                f"{name}: {made.saturated_frames} of {frames} frames have pixels at 255: mask hot pixels, or shorten the window.",
                "warning",
            )
        )
