"""Two jobs on recordings: what is in one, and one format to another."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.errors import BadInput
from engine.events.exports import NpzWriter, TextWriter
from engine.events.recording import EventReader, Order, Size, open_recording
from engine.events.writer import Compression, EventWriter
from engine.jobs import CancelToken, Emit, Notice, Progress, Throttle
from engine.parameters import Parameters, parameter
from engine.storage import replacing

_CHUNK = 1 << 18
_STEPS = 1000  # of progress


@dataclass(frozen=True)
class RecordingInfo:
    """What `describe_recording` found.

    `sensor` is None where the file does not say it; `extent` is the smallest sensor that holds the events. Times are in us as in
    the file, `rate` in events a second. `out_of_range`, `dropped` and `malformed` are not among `events`.
    """

    path: str
    format: str
    sensor: Size | None
    extent: Size | None
    events: int
    t_first_us: int | None
    t_last_us: int | None
    on: int
    off: int
    rate: float | None
    out_of_range: int
    out_of_order: int
    dropped: int
    malformed: int
    metadata: dict[str, str | int | float]
    notices: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as a mapping that JSON takes."""
        return asdict(self)


def describe_recording(
    path: str | Path, emit: Emit, cancel: CancelToken, *, order: Order = "sort", size: Size | None = None
) -> RecordingInfo:
    """Read a whole recording and say what is in it.

    Args:
        path: the file.
        order, size: as in open_recording.

    Raises:
        BadInput: it cannot be read.
        JobCancelled: `cancel` was asked.
    """
    with open_recording(path, order=order, size=size) as reader:
        on, extent = 0, (0, 0)
        first: int | None = None
        last: int | None = None
        throttle = Throttle()
        for events in reader.chunks(max_events=_CHUNK):
            cancel.check()
            first = int(events["timestamp"][0]) if first is None else first
            last = int(events["timestamp"][-1])
            on += int(np.count_nonzero(events["polarity"]))
            extent = max(extent[0], int(events["x"].max()) + 1), max(extent[1], int(events["y"].max()) + 1)
            if throttle.ready():
                emit(Progress("Reading", int(reader.progress * _STEPS), _STEPS))
        emit(Progress("Reading", _STEPS, _STEPS))
        counts = reader.counts
        duration = (last - first) / 1e6 if first is not None and last is not None else 0.0
        return RecordingInfo(
            path=str(path),
            format=reader.format,
            sensor=reader.size,
            extent=extent if counts.events else None,
            events=counts.events,
            t_first_us=first,
            t_last_us=last,
            on=on,
            off=counts.events - on,
            rate=counts.events / duration if duration > 0 else None,
            out_of_range=counts.out_of_range,
            out_of_order=counts.out_of_order,
            dropped=counts.dropped,
            malformed=counts.malformed,
            metadata=dict(reader.metadata),
            notices=tuple(reader.notices),
        )


class ConvertParameters(Parameters):
    """How a recording is converted."""

    format: Literal["auto", "aedat4", "npz", "text"] = parameter(
        "auto", "The target's format; auto takes it from the target's name (.aedat4, .npz, .txt or .csv)."
    )
    compression: Compression = parameter("lz4", "Compression of AEDAT4: lz4 is fast, zstd small, none needs no package.")
    order: Order = parameter(
        "sort", "What happens to events older than one before: error stops, sort sorts within a chunk, drop leaves them out."
    )
    start: float = parameter(0.0, "Where to begin, from the recording's first event.", unit="s", ge=0, le=1e9)
    duration: float = parameter(0.0, "How much to take; 0 takes all to the end.", unit="s", ge=0, le=1e9)
    width: int = parameter(
        0, "Width of the sensor, where the recording does not say it; 0 takes the recording's.", unit="px", ge=0, le=32768
    )
    height: int = parameter(0, "Height of the sensor, likewise.", unit="px", ge=0, le=32768)
    text_time: Literal["s", "us"] = parameter("s", "What the times of a text file count: s with six decimals, or us.")


@dataclass(frozen=True)
class Converted:
    """What `convert` did: `left_out` were off the sensor, too old to be put in order, or damaged."""

    target: str
    format: str
    events: int
    left_out: int
    notices: tuple[str, ...]


_SUFFIXES = {".aedat4": "aedat4", ".npz": "npz", ".txt": "text", ".csv": "text"}


def convert(source: str | Path, target: str | Path, parameters: ConvertParameters, emit: Emit, cancel: CancelToken) -> Converted:
    """Write the events of a recording to a new file of another format, whole or not at all.

    Raises:
        BadInput: the source cannot be read, or the target exists, cannot be written or has a name that tells no format.
        JobCancelled: `cancel` was asked; there is no target then.
    """
    source, target = Path(source), Path(target)
    form = _SUFFIXES.get(target.suffix.lower(), "") if parameters.format == "auto" else parameters.format
    if not form:
        raise BadInput(f"{target.name} does not tell a format: name it .aedat4, .npz or .txt, or name the format.")
    if target.exists():
        raise BadInput(f"{target} exists already: choose another name, or move it away.")
    if bool(parameters.width) != bool(parameters.height):
        raise BadInput("Give both the width and the height of the sensor, or neither.")
    given = (parameters.width, parameters.height) if parameters.width else None
    with open_recording(source, order=parameters.order, size=given) as reader:
        start_us, stop_us = _span(reader, parameters)
        size = reader.size
        if size is None:
            size = _extent(reader, start_us, stop_us, emit, cancel)
            emit(Notice(f"{source} does not say its sensor's size: {size[0]} x {size[1]} holds all events.", "warning"))
        try:
            with replacing(target) as part:
                _write(reader, _writer(form, part, size, parameters, cancel), start_us, stop_us, emit, cancel)
        except OSError as error:
            raise BadInput(f"{target} cannot be written ({error.strerror or error}).") from None
        for notice in reader.notices:
            emit(Notice(notice, "warning"))
        counts = reader.counts
        left_out = counts.out_of_range + counts.dropped + counts.malformed
        if left_out:
            emit(
                Notice(
                    f"{counts.out_of_range} events off the sensor, {counts.dropped} too old to be put in order and "
                    f"{counts.malformed} damaged pieces were left out.",
                    "warning",
                )
            )
        return Converted(str(target), form, counts.events, left_out, tuple(reader.notices))


def _span(reader: EventReader, parameters: ConvertParameters) -> tuple[int | None, int | None]:
    """(start, stop) in the recording's own us."""
    if not parameters.start and not parameters.duration:
        return None, None
    if reader.time_range is not None:
        first = reader.time_range[0]
    else:
        some = next(reader.chunks(max_events=1), None)
        first = int(some["timestamp"][0]) if some is not None else 0
    start = first + round(parameters.start * 1e6)
    return start, start + round(parameters.duration * 1e6) if parameters.duration else None


def _extent(reader: EventReader, start_us: int | None, stop_us: int | None, emit: Emit, cancel: CancelToken) -> Size:
    """The smallest sensor that holds the events."""
    width, height = 1, 1
    throttle = Throttle()
    for events in reader.chunks(max_events=_CHUNK, start_us=start_us, stop_us=stop_us):
        cancel.check()
        width, height = max(width, int(events["x"].max()) + 1), max(height, int(events["y"].max()) + 1)
        if throttle.ready():
            emit(Progress("Measuring", int(reader.progress * _STEPS), _STEPS))
    return width, height


def _writer(
    form: str, part: Path, size: Size, parameters: ConvertParameters, cancel: CancelToken
) -> EventWriter | NpzWriter | TextWriter:
    if form == "aedat4":
        return EventWriter(part, size, compression=parameters.compression, flush_ms=None)
    if form == "npz":
        return NpzWriter(part, size, cancel.check)
    return TextWriter(part, size, seconds=parameters.text_time == "s")


def _write(
    reader: EventReader,
    writer: EventWriter | NpzWriter | TextWriter,
    start_us: int | None,
    stop_us: int | None,
    emit: Emit,
    cancel: CancelToken,
) -> None:
    throttle = Throttle()
    try:
        for events in reader.chunks(max_events=_CHUNK, start_us=start_us, stop_us=stop_us):
            cancel.check()
            writer.write(events)
            if throttle.ready():
                emit(Progress("Converting", int(reader.progress * _STEPS), _STEPS))
        writer.close()
    finally:
        writer.discard()
    emit(Progress("Converting", _STEPS, _STEPS))
