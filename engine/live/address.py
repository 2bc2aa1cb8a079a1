"""Sources by one word of a command line."""

import re
from pathlib import Path

from engine.capture.open import (
    CameraRequest,
    DvStreamRequest,
    RecordingRequest,
    SourceRequest,
    SyntheticRequest,
    open_source,
)
from engine.errors import BadInput
from engine.events.sources import EventSource, PacedSource, ReplaySource, StreamSource, parse_address
from engine.simulation.parameters import PRESETS

SOURCES = "a recording's path, camera[:SERIAL], tcp://HOST:PORT, unix:PATH, dv://HOST:PORT or synthetic[:CONDITIONS]"


def source_from(text: str, speed: float | None, *, loop: bool = False, size: tuple[int, int] | None = None) -> EventSource:
    """A source, not started yet.

    Args:
        text: one of SOURCES.
        speed: seconds of events a second, for a recording and the synthetic camera; None: as fast as they are read.
        loop: a recording begins anew at its end.
        size: (width, height) of the sensor, for a recording that does not say it.

    Raises:
        BadInput: it is none of them, or the speed is out of bounds.
    """
    kind, _, rest = text.partition(":")
    if text.startswith("dv://"):
        where = parse_address(text.removeprefix("dv://"))
        return open_source(DvStreamRequest(host=where.host, port=where.port))
    if text.startswith(("tcp://", "unix:")):
        return StreamSource(text.removeprefix("tcp://").replace("unix://", "unix:"))
    request: SourceRequest
    if kind == "camera":
        request = CameraRequest(serial=rest)
    elif kind == "synthetic":
        if rest and rest not in PRESETS:
            raise BadInput(f"The synthetic camera has no conditions {rest!r}: choose one of {', '.join(PRESETS)}.")
        request = SyntheticRequest.check({"conditions": rest or "reference"})
    elif Path(text).exists() or not re.fullmatch(r"[^/]*:\d{1,5}", text):
        if not Path(text).exists():
            raise BadInput(f"The source {text!r} does not exist: give {SOURCES}.")
        request = RecordingRequest(path=Path(text), size=size)
    else:
        return StreamSource(text)
    source = open_source(request)
    if isinstance(source, PacedSource):
        source.factor = speed
    if isinstance(source, ReplaySource):
        source.loop = loop
    return source
