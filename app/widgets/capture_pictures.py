"""What the engine measured, as the picture and the words that the Capture panel shows. Nothing is measured here."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.widgets.bin_preview import Filling
from app.widgets.colour_maps import LEVELS
from app.widgets.status import count
from engine.capture import CaptureParameters, CaptureSnapshot, PreviewFrame
from engine.events.sources import SourceState

_LIVE_TOP = LEVELS - 1  # events of a pixel in the running window that get the strongest colour

TITLES = {
    "polarity": "Live: the last {:g} ms",
    "count": "Live: the last {:g} ms",
    "time_surface": "Live: time surface",
}
STATES = {
    SourceState.IDLE: "Stopped",
    SourceState.STARTING: "Starting…",
    SourceState.RUNNING: "Running",
    SourceState.PAUSED: "Paused",
    SourceState.ENDED: "Ended",
    SourceState.FAILED: "Failed",
}


def indices_of(snapshot: CaptureSnapshot, polarity: str) -> tuple[NDArray[np.uint8], Literal["polarity", "counts"], int]:
    """The running window as (height, width) indices, the colour map that they point into, and the index of its last colour."""
    if snapshot.surface is not None:
        return snapshot.surface, "counts", 255
    if snapshot.representation == "polarity" and snapshot.on is not None and snapshot.off is not None:
        on = np.minimum(snapshot.on, _LIVE_TOP).astype(np.uint8)
        off = np.minimum(snapshot.off, _LIVE_TOP).astype(np.uint8)
        if polarity == "on":
            return on, "polarity", 255
        off *= LEVELS
        return (off if polarity == "off" else off + on), "polarity", 255
    return np.minimum(snapshot.counts(polarity), 255).astype(np.uint8), "counts", _LIVE_TOP


def top_of(frame: PreviewFrame) -> int:
    """The count that gets the strongest colour in an event frame: in steps, so that colours do not flicker with the scene."""
    return next((top for top in (15, 31, 63, 127) if 4 * frame.events_per_pixel <= top), 255)


def filling_of(snapshot: CaptureSnapshot, parameters: CaptureParameters, compare: bool = False) -> Filling:
    """The figures of the newest event frame; before the first, what the window would give at the present rate.

    A frame says itself which window it has: `parameters` may be newer than it.
    """
    frame = snapshot.compare if compare else snapshot.preview
    suggested = None if compare else snapshot.statistics.suggested
    if suggested is not None and (suggested.window_ms is not None) != (parameters.mode == "time"):
        suggested = None  # one of the mode before
    binning = frame.binning if frame is not None else parameters.binning(parameters.compare_window_ms if compare else None)
    timed = binning.mode == "time"
    return Filling(
        f"{binning.window_ms:g} ms" if timed else f"{binning.events_per_frame:,} events".replace(",", " "),
        frame.events_per_pixel if frame is not None else None,
        frame.saturated_share if frame is not None else None,
        frame.silent_share if frame is not None else None,
        None if suggested is None else suggested.window_ms or suggested.events_per_frame,
        "" if suggested is None else suggested.text[:1].upper() + suggested.text[1:],
        snapshot.progress if frame is None and not compare else 0.0,
    )


def live_note(snapshot: CaptureSnapshot, state: SourceState) -> str:
    """What the source does, in one line."""
    statistics = snapshot.statistics
    parts = [
        STATES[state],
        f"{snapshot.size[0]} × {snapshot.size[1]}",
        f"{count(statistics.events_per_s)} events/s",
        f"{statistics.undrawn} picture{'s' * (statistics.undrawn != 1)} not drawn" if statistics.undrawn else "",
        f"{count(statistics.source_drops)} events lost by the source" if statistics.source_drops else "",
        f"{statistics.latency_ms:.0f} ms",
    ]
    return "  ·  ".join(part for part in parts if part)
