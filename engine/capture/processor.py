"""One thread's work on a live stream: filters, picture, preview frames, figures. No threads and no waiting in here."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.capture.figures import RATE_EDGES, RecentLongest, RecentShares, pixel_rate_histogram, suggest
from engine.capture.hot_pixels import RecentCounts
from engine.capture.parameters import CaptureParameters
from engine.capture.picture import SliceRing, TimeSurface
from engine.capture.recorder import RecordingStatistics
from engine.capture.snapshot import CaptureSnapshot, CaptureStatistics, PreviewFrame, SuggestedWindow
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size, check_region
from engine.events.filters import EventFilter, FilterChain, FilterParameters, HotPixelParameters, build_filter
from engine.frames.binner import Binner
from engine.frames.binning import NEVER, BinningParameters, Columns

_PICTURE_SLICES = 5  # the window moves on in quarters of its length
_RATE_WINDOW_US, _RATE_SLICES = 1_000_000, 5
_SLOW_FIGURES_S = 0.25  # the histogram and the suggestion: nobody reads faster
_LEAST_SPAN_US = 250_000


@dataclass(frozen=True)
class OutsideFigures:
    """What a snapshot says that the processor does not know itself."""

    events_per_s: float
    total_events: int
    rate_history: NDArray[np.float64]
    source_drops: int
    picture_drops: int
    undrawn: int
    source_latency_s: float
    out_of_range: int
    backwards: int


class Processor:
    """Takes chunks of one sensor's events and keeps what a snapshot shows.

    Attributes:
        size: (width, height) of the sensor.
        problem: a sentence where the parameters do not fit the sensor, else "".
    """

    def __init__(self, size: Size, parameters: CaptureParameters, hot_pixels: frozenset[tuple[int, int]]) -> None:
        self.size = size
        self.problem = ""
        self._parameters = parameters
        self._clock = self._kept_clock = NEVER
        self._window_from_us = 0
        self._chain = FilterChain((), size)
        self._shares, self._latency = RecentShares(), RecentLongest()
        self._recent = RecentCounts(size)
        self._rates = SliceRing(size, _RATE_WINDOW_US, _RATE_SLICES, parameters.polarity)
        self._number = self._frames = 0
        self._slow_at = float("-inf")
        self._slow: tuple[NDArray[np.int64], SuggestedWindow | None, float | None] = (_no_histogram(), None, None)
        self._picture = self._make_picture(parameters)
        self._binner: Binner | None = None
        self._compare: Binner | None = None
        self._preview: PreviewFrame | None = None
        self._compared: PreviewFrame | None = None
        self._take(parameters, hot_pixels, None)

    def set(self, parameters: CaptureParameters, hot_pixels: frozenset[tuple[int, int]]) -> None:
        """Go on with other parameters: what does not change keeps its memory."""
        before, self._parameters = self._parameters, parameters
        self._take(parameters, hot_pixels, before)

    def restart(self) -> None:
        """Forget the stream, because time goes on from elsewhere (a seek, a new start)."""
        self._clock = self._kept_clock = NEVER
        self._chain.reset()
        self._shares.clear()
        self._recent.clear()
        self._rates.clear()
        self._picture = self._make_picture(self._parameters)
        for binner in (self._binner, self._compare):
            if binner is not None:
                binner.reset()
        self._slow_at = float("-inf")

    def clear_picture(self) -> None:
        """Show nothing: a running source has been silent for longer than the picture's window."""
        if isinstance(self._picture, SliceRing):
            self._picture.clear()
        else:
            self._picture = self._make_picture(self._parameters)

    def process(self, events: EventArray, arrived: float) -> EventArray:
        """Take the next chunk; returns the events that pass the filters."""
        raw, self._clock = _ordered(events, self._clock)
        self._recent.add(raw)
        passed = self._chain.process(events)
        kept, self._kept_clock = _ordered(passed, self._kept_clock)
        self._picture.add(kept)
        self._rates.add(kept)
        if self._binner is not None:
            self._preview = self._newest(self._binner, passed, self._preview)
        if self._compare is not None:
            self._compared = self._newest(self._compare, passed, self._compared)
        now = time.monotonic()
        self._latency.add(now - arrived, now)
        return passed

    def filter_only(self, events: EventArray) -> EventArray:
        """As process, for event frames that must not wait: the picture, the previews and the figures pass the chunk over."""
        return self._chain.process(events)

    def find_hot_pixels(self) -> frozenset[tuple[int, int]] | None:
        """(x, y) of the hot pixels of the last seconds; None before half a second was seen."""
        found = self._recent.find()
        return None if found is None else frozenset((int(x), int(y)) for y, x in np.argwhere(found))

    def snapshot(self, outside: OutsideFigures, recording: RecordingStatistics | None) -> CaptureSnapshot:
        """What there is to see now."""
        now = time.monotonic()
        if now - self._slow_at >= _SLOW_FIGURES_S:
            self._slow_at, self._slow = now, self._slow_figures()
        histogram, suggested, expected = self._slow
        self._number += 1
        picture = self._picture
        counts = picture.total() if isinstance(picture, SliceRing) else None
        surface = picture.render(self._clock, self._parameters.tau_ms) if isinstance(picture, TimeSurface) else None
        for array in (counts, surface):
            if array is not None:
                array.flags.writeable = False
        shares = self._shares.shares(
            ((str(getattr(step.parameters, "kind", "")), step.seen, step.removed) for step in self._chain.filters), now
        )
        statistics = CaptureStatistics(
            events_per_s=outside.events_per_s,
            total_events=outside.total_events,
            removed=shares,
            rate_history=outside.rate_history,
            pixel_rate_edges=RATE_EDGES,
            pixel_rate_counts=histogram,
            expected_events_per_pixel=expected,
            suggested=suggested,
            source_drops=outside.source_drops,
            picture_drops=outside.picture_drops,
            undrawn=outside.undrawn,
            latency_ms=1000 * (self._latency.longest(now) + outside.source_latency_s),
            out_of_range=outside.out_of_range,
            backwards=outside.backwards,
        )
        return CaptureSnapshot(
            number=self._number,
            size=self.size,
            time_us=max(self._clock, 0),
            representation=self._parameters.representation,
            on=None if counts is None else counts[1],
            off=None if counts is None else counts[0],
            surface=surface,
            preview=self._preview,
            compare=self._compared,
            progress=self._progress(),
            statistics=statistics,
            recording=recording,
            problem=self.problem,
        )

    def _take(
        self, parameters: CaptureParameters, hot_pixels: frozenset[tuple[int, int]], before: CaptureParameters | None
    ) -> None:
        self.problem = ""
        steps = filter_steps(parameters, hot_pixels, self.size)
        if before is None or steps != [step.parameters for step in self._chain.filters]:
            self._build_chain(steps)
        if self._rates.polarity != parameters.polarity:
            self._rates = SliceRing(self.size, _RATE_WINDOW_US, _RATE_SLICES, parameters.polarity)
        if before is None or _display(before) != _display(parameters):
            self._picture = self._make_picture(parameters)
        try:
            check_region(parameters.region or (0, 0, *self.size), self.size, "The region of interest")
        except BadInput as wrong:
            self.problem = str(wrong)
            self._binner = self._compare = self._preview = self._compared = None
            return
        self._binner, self._preview = self._rebuilt(self._binner, parameters.binning(), self._preview)
        if parameters.compare_window_ms is None:
            self._compare = self._compared = None
        else:
            self._compare, self._compared = self._rebuilt(
                self._compare, parameters.binning(parameters.compare_window_ms), self._compared
            )
        self._slow_at = float("-inf")

    def _build_chain(self, steps: list[FilterParameters]) -> None:
        present = {type(step.parameters): step for step in self._chain.filters}
        filters: list[EventFilter] = []
        for wanted in steps:
            old = present.get(type(wanted))
            filters.append(old if old is not None and old.parameters == wanted else build_filter(wanted, self.size))
        self._chain = FilterChain((), self.size)
        self._chain.filters = filters
        self._shares.clear()

    def _rebuilt(
        self, binner: Binner | None, wanted: BinningParameters, shown: PreviewFrame | None
    ) -> tuple[Binner, PreviewFrame | None]:
        if binner is not None and binner.parameters == wanted:
            return binner, shown
        return Binner(self.size, wanted), None

    def _make_picture(self, parameters: CaptureParameters) -> SliceRing | TimeSurface:
        if parameters.representation == "time_surface":
            return TimeSurface(self.size, parameters.polarity)
        return SliceRing(self.size, round(1000 * parameters.display_window_ms), _PICTURE_SLICES, "separate")

    def _newest(self, binner: Binner, events: EventArray, shown: PreviewFrame | None) -> PreviewFrame | None:
        if binner.events == 0 and len(events) and binner is self._binner:
            self._window_from_us = int(events["timestamp"][0])
        try:
            frames = binner.push(events)
        except BadInput:  # the clock jumped over more windows than can be: begin anew from here
            binner.reset()
            frames = binner.push(events[-1:])
        if not frames:
            return shown
        frame = frames[-1]
        self._frames += len(frames)
        if binner is self._binner:
            self._window_from_us = frame.end_us
        image = frame.image
        image.flags.writeable = False
        return PreviewFrame(
            image=image,
            index=self._frames,
            start_us=frame.start_us,
            end_us=frame.end_us,
            binning=binner.parameters,
            events_per_pixel=frame.binned / image.size,
            saturated_share=frame.saturated / image.size,
            silent_share=1 - np.count_nonzero(image) / image.size,
        )

    def _slow_figures(self) -> tuple[NDArray[np.int64], SuggestedWindow | None, float | None]:
        span = self._rates.span_us
        if span < _LEAST_SPAN_US:
            return _no_histogram(), None, None
        counts, p = self._rates.total()[0], self._parameters
        seconds = span / 1e6
        histogram = pixel_rate_histogram(counts, seconds)
        if self.problem:
            return histogram, None, None
        x, y, width, height = p.region or (0, 0, *self.size)
        per_pixel_s = float(counts[y : y + height, x : x + width].mean()) / seconds
        everything_s = self._rates.events / seconds
        window_s = p.window_ms / 1000 if p.mode == "time" else p.events_per_frame / everything_s if everything_s else 0.0
        return histogram, suggest(p.mode, per_pixel_s, everything_s), per_pixel_s * window_s

    def _progress(self) -> float:
        if self._binner is None or not self._binner.events:
            return 0.0
        p = self._binner.parameters
        if p.mode == "count":
            return self._binner.events % p.events_per_frame / p.events_per_frame
        return min(max((self._kept_clock - self._window_from_us) / p.window_us, 0.0), 1.0)


def filter_steps(parameters: CaptureParameters, hot_pixels: frozenset[tuple[int, int]], size: Size) -> list[FilterParameters]:
    """The filters in use on a sensor, in order, as a file declares them; marked pixels off the sensor are passed over."""
    hot = tuple(sorted((x, y) for x, y in hot_pixels if 0 <= x < size[0] and 0 <= y < size[1]))
    first = [HotPixelParameters(pixels=hot)] if hot and parameters.filters.hot_pixels_on else []
    return [*first, *parameters.filters.steps()]


def _no_histogram() -> NDArray[np.int64]:
    return np.zeros(len(RATE_EDGES) - 1, np.int64)


def _display(parameters: CaptureParameters) -> tuple[Any, ...]:
    """What the running picture depends on."""
    surface = parameters.representation == "time_surface"
    return surface, parameters.polarity if surface else parameters.display_window_ms


def _ordered(events: EventArray, clock: int) -> tuple[Columns, int]:
    """The events with times that never go back, and the latest time."""
    columns = Columns.of(events)
    backwards, now = native.count_backwards(columns.t, clock)
    return (columns.in_order(clock) if backwards else columns), now
