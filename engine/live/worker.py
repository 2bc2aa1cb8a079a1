"""One target at work: a thread that feeds it with the filtered events, asks it at the end of each step, and matches."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.capture.chunks import FilteredChunk
from engine.capture.queue import WeighedQueue
from engine.chip.target import Target, TargetFailed
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.events.filters import FilterChain, FilterParameters, PolarityParameters, RegionParameters
from engine.live.answer import Answer, Tally
from engine.live.cpu import CpuTarget
from engine.live.matching import Matcher
from engine.live.parameters import LiveParameters, TargetKind
from engine.live.windows import SlidingCounts, Step, StepClock

log = logging.getLogger(__name__)

QUEUE_EVENTS = 1 << 21
"""Events that wait for a target, at most (32 MiB)."""
LATE_S = 0.1
"""A target that is further behind than this passes over windows, and, where each event costs it work, events."""
_LEAST_SEEN = 0.5
"""Windows of which less than this share was seen are skipped."""
_LOOK_S = 0.02
_GRACE_S = 0.3
"""A source may be so late before its silence counts as time passing: a window closed too early would lack what comes later."""
_KEPT_EVENTS = 1 << 17  # where nothing is passed over, less waits: answers come closer behind their events


@dataclass(frozen=True)
class Fit:
    """What a run's parameters mean on the sensor that the source turned out to have.

    Attributes:
        size: (width, height) of the sensor.
        region: of interest.
        window_us, steps: the window and its steps.
    """

    size: Size
    region: tuple[int, int, int, int]
    window_us: int
    steps: int


@dataclass(frozen=True, eq=False)
class Remembered:
    """A place that was added: its number, the end of the window that it is, and that window's event frame."""

    place: int
    end_us: int
    frame: NDArray[np.uint8]


MakeTarget = Callable[[Fit], Target]
"""Makes a target for a sensor. Raises BadInput or TargetFailed where it cannot."""


class TargetWorker:
    """Runs one target.

    Args:
        index: 0, or 1 for the ghost.
        kind: of the target.
        parameters: of the run.
        fit: what they mean on a sensor; raises BadInput where they do not fit it.
        make_target, make_matcher: called in the worker's thread once the sensor is known, and anew where it changes.
        publish: gets each answer, in the worker's thread; it must not wait.
        pace: seconds of events a second while time passes at the source, None while it does not (paused, ended).
        keep_all: nothing is passed over; whoever offers chunks waits.
        duration_s: of events, after which it has ended; None: until it is stopped.

    Attributes:
        ended: set while there is nothing more to expect: the source has ended, the duration is over, the target has failed.
        problem: why there are no answers: a sentence, or "". failed: it is for good. note: something else to know.
        remembered: places that were added while it ran.
        tally, windows, skipped, missed, late, events: see engine.live.answer.LiveTotals.
        fit, target: once the sensor is known and they fit it.
    """

    def __init__(
        self,
        index: int,
        kind: TargetKind,
        parameters: LiveParameters,
        fit: Callable[[Size], Fit],
        make_target: MakeTarget,
        make_matcher: Callable[[int, int], Matcher],
        publish: Callable[[Answer], None],
        pace: Callable[[], float | None],
        *,
        keep_all: bool = False,
        duration_s: float | None = None,
    ) -> None:
        self.index, self.kind, self._parameters = index, kind, parameters
        self._fit_on, self._make_target, self._make_matcher = fit, make_target, make_matcher
        self._publish, self._pace, self._keep_all = publish, pace, keep_all
        self._queue: WeighedQueue[FilteredChunk] = WeighedQueue(QUEUE_EVENTS, _KEPT_EVENTS if keep_all else None)
        self._duration_s = duration_s
        self._over = False
        self._stopping = threading.Event()
        self.ended = threading.Event()
        self.problem = self.note = ""
        self.failed = False
        self.tally = Tally()
        self.fit: Fit | None = None
        self.target: Target | None = None
        self._remember = threading.Event()
        self.remembered: list[Remembered] = []
        self.windows = self.skipped = self.missed = self.late = self.events = 0
        self._first_us: int | None = None
        self._now_us = self._heard_us = 0
        self._past_s = 0.0  # event time of the streams that are over
        self._stream = -1
        self._size: Size | None = None
        # A ghost may see its first event a chunk later: on the grid both have the same windows to compare.
        self._clock = StepClock(parameters.step_us, on_grid=parameters.ghost != "none")
        self._missed_in = [False]  # of the last steps, the present one at the end: whether events were lost in it
        self._steps_over = 0  # since the windows began
        self._own_counts: SlidingCounts | None = None
        self._thread = threading.Thread(target=self._guarded, name=f"live: target {index}", daemon=True)

    # from other threads

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def offer(self, chunk: FilteredChunk) -> None:
        """Take a chunk; where too many wait, the oldest are dropped and counted, or whoever calls waits (keep_all)."""
        keep = self._keep_all or chunk.ended
        self._queue.put(chunk, len(chunk.events), keep=keep, given_up=self._stopping.is_set)

    def stop(self) -> None:
        """End, and wait for it: at most for the window that is being recognised."""
        self._stopping.set()
        self._queue.close()
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(5.0)

    def remember(self) -> None:
        """Add what the next window sees as a new place; `remembered` tells of it, or `note` why not."""
        self._remember.set()

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """Event time that has passed."""
        return self._past_s + ((self._now_us - self._first_us) / 1e6 if self._first_us is not None else 0.0)

    # the thread

    def _guarded(self) -> None:
        try:
            self._work()
        except TargetFailed as failure:
            self.problem, self.failed = str(failure), True
        except BadInput as wrong:
            self.problem, self.failed = str(wrong), True
        except Exception as error:
            log.exception("recognition failed")
            self.problem = f"Recognition failed unexpectedly ({type(error).__name__}, see the log): start it again."
            self.failed = True
        finally:
            if self.target is not None:
                try:
                    self.target.stop()
                except TargetFailed as failure:
                    self.problem = self.problem or str(failure)
            self._queue.close()
            self.ended.set()

    def _work(self) -> None:
        heard, dropped = time.monotonic(), 0
        while not self._stopping.is_set():
            chunk = self._queue.take(_LOOK_S)
            if chunk is None:
                self._pass_time(time.monotonic() - heard)
                continue
            heard = time.monotonic()
            lost = self._queue.dropped - dropped + chunk.missed
            dropped = self._queue.dropped
            if chunk.stream != self._stream or chunk.size != self._size:
                self._begin_stream(chunk)
            elif lost:
                self._miss(lost)
            if self.target is not None and not self._over:
                self._take(chunk)
            if chunk.ended or self._over:
                self.ended.set()
            else:
                self.ended.clear()

    def _begin_stream(self, chunk: FilteredChunk) -> None:
        """Another start, seek or sensor: nothing of the stream before says anything about this one."""
        self._past_s = self.seconds
        self._first_us = None
        self._stream = chunk.stream
        if chunk.size != self._size:
            self._fit_to(chunk.size)
        self._clock.restart()
        self._rest()

    def _fit_to(self, size: Size) -> None:
        self._size = size
        if self.target is not None:
            self.target.stop()
            self.target = None
        try:
            self.fit = self._fit_on(size)
        except BadInput as wrong:  # a state: the next source may fit
            self.problem, self.fit = str(wrong), None
            return
        self.problem = ""
        target = self._make_target(self.fit)
        target.start()
        self.target = target
        x, y, width, height = self.fit.region
        cut: list[FilterParameters] = [RegionParameters(x=x, y=y, width=width, height=height)]
        if self._parameters.polarity != "both":
            cut.append(PolarityParameters(keep=self._parameters.polarity))
        self._cut = FilterChain(cut, size)
        self._own_counts = None if isinstance(target, CpuTarget) else SlidingCounts((width, height), self.fit.steps)
        self._matcher = self._make_matcher(target.places, self.fit.steps)

    def _rest(self) -> None:
        """Begin the windows anew."""
        self._missed_in, self._steps_over = [False], 0
        if self.target is not None:
            self.target.reset()
            self._cut.reset()
            self._matcher.reset()
            if self._own_counts is not None:
                self._own_counts.clear()

    def _take(self, chunk: FilteredChunk) -> None:
        events = chunk.events
        if self._own_counts is not None and not self._keep_all and time.monotonic() - chunk.arrived > LATE_S:
            # Each event costs this target work: those of the past are passed over, so that it tells of the present.
            self._miss(len(events))
            events = events[:0]
        if self._first_us is None and len(events):
            self._now_us = int(events["timestamp"][0])  # first of the two: `seconds` is asked for by others meanwhile
            self._first_us = self._now_us
        for part in self._clock.cut(events, chunk.arrived, chunk.until_us):
            if self._stopping.is_set() or self._over:
                return
            if part is None:
                self._rest()
            elif isinstance(part, Step):
                self._end_step(part)
            else:
                self._feed(part)
        if self._clock.edge_us is not None:
            self._heard_us = self._now_us = self._clock.now_us
        self.late = self._clock.late

    def _feed(self, events: EventArray) -> None:
        kept = self._cut.process(events)
        self.events += len(kept)
        if self.target is not None and len(kept):
            self.target.feed(kept)
            if self._own_counts is not None:
                self._own_counts.add(kept)

    def _pass_time(self, silent_s: float) -> None:
        """Nothing has come for a while: a scene that stands still is somewhere, too."""
        pace = None if self._keep_all else self._pace()  # where nothing may be passed over, only events move time on
        if pace is None or self.target is None or self._clock.edge_us is None or silent_s < _GRACE_S:
            return
        due_us = self._heard_us + round(1e6 * (silent_s - _GRACE_S) * pace)
        for step in self._clock.pass_until(min(due_us, self._clock.edge_us), time.monotonic()):
            self._end_step(step)
        self._now_us = self._clock.now_us

    def _miss(self, events: int) -> None:
        self.missed += events
        self._missed_in[-1] = True

    def _end_step(self, step: Step) -> None:
        fit, target = self.fit, self.target
        if fit is None or target is None:
            return
        if self._duration_s is not None and self._past_s + (step.end_us - (self._first_us or 0)) / 1e6 > self._duration_s:
            self._over = True
            return
        self._steps_over += 1
        missed_in = self._missed_in[-fit.steps :]
        self._missed_in = [*missed_in, False]
        if self._steps_over < fit.steps:
            self._pass_over(target)
            return
        number, seen = self.windows, 1 - sum(missed_in) / fit.steps
        self.windows += 1
        late = time.monotonic() - step.closed > max(LATE_S, self._parameters.step_us / 1e6)
        if not self._keep_all and (late or seen < _LEAST_SEEN):
            self.skipped += 1
            self._pass_over(target)
            self._matcher.skip()
            return
        spikes = target.window(step.end_us)
        frame = target.frame if isinstance(target, CpuTarget) else self._own_frame()
        match = self._matcher.match(spikes.counts)
        answer = Answer(
            target=self.index,
            number=number,
            start_us=step.end_us - fit.window_us,
            end_us=step.end_us,
            place=match.place,
            confidence=match.confidence,
            lost=match.lost or not spikes.input_events,
            latency_s=time.monotonic() - step.arrived,
            seen=seen,
            spikes=spikes,
            scores=match.scores,
            frame=frame,
        )
        self.tally.add(answer)
        self._publish(answer)
        if self._remember.is_set():
            self._remember.clear()
            self._add_place(answer)

    def _add_place(self, answer: Answer) -> None:
        if not isinstance(self.target, CpuTarget):
            self.note = "A place can be remembered only while the CPU runs the network."
            return
        try:
            place = self.target.remember()
        except BadInput as wrong:
            self.note = str(wrong)
            return
        self.note = ""
        self._matcher.add_place()
        self.remembered.append(Remembered(place, answer.end_us, answer.frame))

    def _pass_over(self, target: Target) -> None:
        if isinstance(target, CpuTarget):
            target.pass_over()
        else:
            self._own_frame()

    def _own_frame(self) -> NDArray[np.uint8]:
        """End the step of the frame that is shown beside a target which counts no frame itself."""
        if self._own_counts is None:
            raise RuntimeError("a target that counts its own frames was asked for another")
        self._own_counts.end_step()
        return self._own_counts.frame()
