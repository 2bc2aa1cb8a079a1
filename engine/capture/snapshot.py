"""What a live view draws: the newest state of a capture pipeline, frozen."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.capture.recorder import RecordingStatistics
from engine.frames.binning import BinningParameters


@dataclass(frozen=True)
class PreviewFrame:
    """The last event frame that was completed, cut to the region.

    Attributes:
        image: (height, width) uint8, events per pixel.
        index: a number that goes up and is never given twice, whatever the parameters.
        start_us, end_us: its window, the end excluded.
        binning: how it was binned, which is not always how the next one will be.
        events_per_pixel: mean over the region, before clipping.
        saturated_share, silent_share: of the region's pixels at 255, and at 0.
    """

    image: NDArray[np.uint8]
    index: int
    start_us: int
    end_us: int
    binning: BinningParameters
    events_per_pixel: float
    saturated_share: float
    silent_share: float


@dataclass(frozen=True)
class SuggestedWindow:
    """The window that would give an average pixel the events that place recognition wants.

    Attributes:
        window_ms: for mode time, else None; events_per_frame: for mode count, else None.
        events_per_pixel: what an average pixel of the region would then have.
        text: such as "window 640 ms would give 70".
    """

    window_ms: float | None
    events_per_frame: int | None
    events_per_pixel: float
    text: str


@dataclass(frozen=True)
class CaptureStatistics:
    """Figures beside the picture.

    Attributes:
        events_per_s: that arrived in the last second; total_events: since start().
        removed: by filter kind (in order), the share (0 to 1) that it removed, over about the last second, of what reached it.
        rate_history: (n,) events a second in steps of 0.1 s, oldest first, at most 300 (30 s).
        pixel_rate_edges, pixel_rate_counts: histogram of the pixels' event rates after filters and polarity, over the last second
            of event time: (n + 1,) edges in events per second (logarithmic; the first bin begins at 0), (n,) pixels.
        expected_events_per_pixel: mean events per pixel that the present window would have at the present rate; None at first.
        suggested: None until there were events for a quarter of a second.
        source_drops: events that the source or its sender gave up; picture_drops: events that the picture passed over because the
            machine was too slow (no recording loses them); undrawn: pictures that the view reported as not drawn.
        latency_ms: the longest time from an event's arrival to its picture, over the last second.
        out_of_range, backwards: events off the sensor, and earlier than one before them.
    """

    events_per_s: float
    total_events: int
    removed: tuple[tuple[str, float], ...]
    rate_history: NDArray[np.float64]
    pixel_rate_edges: NDArray[np.float64]
    pixel_rate_counts: NDArray[np.int64]
    expected_events_per_pixel: float | None
    suggested: SuggestedWindow | None
    source_drops: int
    picture_drops: int
    undrawn: int
    latency_ms: float
    out_of_range: int
    backwards: int


@dataclass(frozen=True)
class CaptureSnapshot:
    """The newest picture and figures; the arrays are read-only and never change.

    Attributes:
        number: goes up by one from snapshot to snapshot.
        size: (width, height) of the sensor.
        time_us: time stamp of the newest event in the picture.
        representation: which of the arrays is there.
        on, off: (height, width) uint16 events of the running window, whatever the polarity chosen (polarity and count).
        surface: (height, width) uint8, 255 where an event is just happening (time_surface).
        preview, compare: the last event frames of the window and of the window to compare with; None before the first.
        progress: share of the present preview window that has passed, 0 to 1.
        statistics: the figures.
        recording: figures of the recording that runs, or of the last one; None before the first.
        problem: a sentence where parameters do not fit the sensor (the region lies off it); "" otherwise.
    """

    number: int
    size: tuple[int, int]
    time_us: int
    representation: Literal["polarity", "count", "time_surface"]
    on: NDArray[np.uint16] | None
    off: NDArray[np.uint16] | None
    surface: NDArray[np.uint8] | None
    preview: PreviewFrame | None
    compare: PreviewFrame | None
    progress: float
    statistics: CaptureStatistics
    recording: RecordingStatistics | None
    problem: str

    def counts(self, polarity: str = "both") -> NDArray[np.uint16]:
        """(height, width) uint16 of one polarity or both; zeros for a time surface."""
        if self.on is None or self.off is None:
            return np.zeros(self.size[::-1], np.uint16)
        if polarity != "both":
            return self.on if polarity == "on" else self.off
        total: NDArray[np.uint16] = np.minimum(self.on.astype(np.uint32) + self.off, 65535).astype(np.uint16)
        return total
