"""Sources that play events by the clock: in real time, slower, faster, or as fast as they are read.

`PlaybackClock` says which event time is due at which moment; `PacedSource` cuts chunks by it. Time stamps are never
changed, except that a loop goes on counting where the pass before it ended.
"""

import threading
import time
from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.sources.buffer import DEFAULT_CAPACITY, WAIT_S, Policy
from engine.events.sources.source import EventSource, Feed, SourceState, copied

SLICE_S = 0.004  # events are handed over this often; it is what pacing adds to the latency, at most
BEHIND_S = 0.25  # further behind than this a replay gives up catching up and goes on from where it is (it "slips")
LOOP_GAP_US = 1000  # between the last event of a pass and the first of the next
NEVER = np.iinfo(np.int64).max


def check_factor(factor: float | None) -> float | None:
    """Return a playback factor if it is None (as fast as possible) or 0.01 to 100, else raise BadInput."""
    if factor is not None and not 0.01 <= factor <= 100:
        raise BadInput(f"The playback factor is {factor:g}; give 0.01 to 100 (1 is real time), or none for as fast as possible.")
    return factor


class PlaybackClock:
    """Maps moments (time.monotonic(), s) to event times (us). Not locked: its owner does that."""

    def __init__(self, factor: float | None) -> None:
        self._factor = factor
        self._moment = 0.0
        self._event_us: int | None = None
        self._frozen = False

    @property
    def factor(self) -> float | None:
        """Event seconds a second; None is as fast as possible."""
        return self._factor

    def set_factor(self, factor: float | None, now: float) -> None:
        """Go on at another speed from the event time of `now`."""
        if self._factor is not None and self._event_us is not None:
            self.anchor(self.event_us(now), now)
        elif not self._frozen:
            self.forget()  # as fast as possible has no time of its own
        self._factor = factor

    def anchor(self, event_us: int, now: float) -> None:
        """Let `event_us` be due at `now`."""
        self._event_us, self._moment = event_us, now

    def forget(self) -> None:
        """Forget the anchor: the next event sets it."""
        self._event_us = None

    @property
    def anchored(self) -> bool:
        """Whether the clock knows what time it is."""
        return self._event_us is not None

    def freeze(self, now: float) -> None:
        """Stand still at the event time of `now`."""
        if not self._frozen and self._event_us is not None and self._factor is not None:
            self.anchor(self.event_us(now), now)
        self._frozen = True

    def thaw(self, now: float) -> None:
        """Go on from where the clock stood."""
        if self._frozen:
            self._frozen = False
            self._moment = now

    def event_us(self, now: float) -> int:
        """The latest event time that is due at `now`."""
        if self._event_us is None:
            raise RuntimeError("the clock has no anchor")
        if self._frozen:
            return self._event_us
        if self._factor is None:
            return NEVER
        return self._event_us + int((now - self._moment) * 1e6 * self._factor)

    def due(self, event_us: int) -> float:
        """The moment at which `event_us` is due; meaningless while frozen."""
        if self._event_us is None or self._factor is None:
            return self._moment
        return self._moment + (event_us - self._event_us) / (1e6 * self._factor)


class PacedSource(EventSource):
    """An event source that can be paused, stepped and run at a factor.

    Args:
        name: what it is, for messages.
        factor: event seconds a second (0.01 to 100); None: as fast as it is read.
        loop: begin anew at the end; the time stamps go on rising.
        capacity, policy: see EventSource; under "block" a consumer that is too slow slows the replay (`slipped_s`).
    """

    def __init__(
        self,
        name: str,
        *,
        factor: float | None = 1.0,
        loop: bool = False,
        capacity: int = DEFAULT_CAPACITY,
        policy: Policy = "block",
    ) -> None:
        super().__init__(name, capacity=capacity, policy=policy)
        self.loop = loop
        # A condition of its own (on the same lock): the reader's every take would wake the feeder from its sleep otherwise.
        self._control = threading.Condition(self._lock)
        self._clock = PlaybackClock(check_factor(factor))
        self._paused = False
        self._hold = False  # paused, and the clock not yet set to the first event that was not handed over
        self._step_us = 0  # asked for by step(), not yet added to the clock
        self._seek_to: int | None = None
        self._position_us: int | None = None
        self._shift_us = 0  # what loops have added to the time stamps
        self._rest_until = 0.0  # events that fall due go together, or each would be a chunk of its own

    @abstractmethod
    def _open(self) -> tuple[int, int]:
        """Get ready in the feeder's thread; returns (width, height)."""

    @abstractmethod
    def _chunks(self, start_us: int | None) -> Iterator[EventArray]:
        """Chunks of events from `start_us` (None: the beginning) on."""

    def _close(self) -> None:
        """Give back what _open took, as far as it came."""

    @property
    def factor(self) -> float | None:
        """Event seconds a second; None is as fast as it is read. Can be set at any time."""
        return self._clock.factor

    @factor.setter
    def factor(self, factor: float | None) -> None:
        with self._lock:
            self._clock.set_factor(check_factor(factor), time.monotonic())
            self._control.notify_all()

    @property
    def position_us(self) -> int | None:
        """The recording's time up to which events were handed over; None before the first."""
        return self._position_us

    @property
    def clock_origin_s(self) -> float | None:
        """The time.monotonic() at which event time 0 would have been due; None before the first event or without a factor."""
        with self._lock:
            return self._clock.due(0) if self._clock.anchored and self._clock.factor is not None else None

    def pause(self) -> None:
        """Hold the clock; what is buffered can still be read. Before start(): begin paused."""
        with self._lock:
            if self._paused:
                return
            self._paused = self._hold = True
            self._clock.freeze(time.monotonic())
            if self._state is SourceState.RUNNING:
                self._set_state(self._feed_now, SourceState.PAUSED, "")
            self._control.notify_all()

    def resume(self) -> None:
        """Go on from where pause() or step() left it."""
        with self._lock:
            if not self._paused:
                return
            self._paused, self._step_us = False, 0
            self._clock.thaw(time.monotonic())
            if self._state is SourceState.PAUSED:
                self._set_state(self._feed_now, SourceState.RUNNING, "")
            self._control.notify_all()

    def step(self, duration_us: int) -> None:
        """Hand over the next `duration_us` of events and stay paused (pauses first where it runs); steps join without a gap."""
        if duration_us <= 0:
            raise BadInput(f"A step of {duration_us} us goes nowhere: give a positive duration, or seek to go back.")
        with self._lock:
            self.pause()
            self._step_us += int(duration_us)
            self._control.notify_all()

    def _interrupt(self) -> None:
        with self._lock:
            self._control.notify_all()

    def _jump_to(self, event_us: int) -> None:
        """Go on from `event_us`; what waits to be read is thrown away. While not active: begin there at the next start()."""
        with self._lock:
            self._seek_to = int(event_us)
            if self._state.active:
                self._feed_now.jumped()
            self._control.notify_all()

    def _feed(self, feed: Feed) -> str:
        try:
            size = self._open()
            with self._lock:
                self._shift_us, self._position_us = 0, None
                self._clock.forget()
                feed.running(size)
                if self._paused:
                    feed.state(SourceState.PAUSED)
            self._play_all(feed)
            return f"{self.name} has ended."
        finally:
            self._close()
            with self._lock:
                self._paused, self._hold, self._step_us = False, False, 0
                self._clock.thaw(time.monotonic())

    def _play_all(self, feed: Feed) -> None:
        last_us: int | None = None  # the latest time stamp handed over since the beginning or the last seek
        while True:
            with self._lock:
                start_us, self._seek_to = self._seek_to, None
                if start_us is not None:
                    last_us, self._shift_us, self._hold = None, 0, False
                    self._clock.anchor(start_us, time.monotonic())
            first_of_pass = True
            for events in self._chunks(start_us):
                if feed.stopping.is_set() or self._seek_to is not None:
                    break
                if not len(events):
                    continue
                if first_of_pass and last_us is not None:
                    self._shift_us = last_us + LOOP_GAP_US - int(events["timestamp"][0])
                first_of_pass = False
                chunk = events
                if self._shift_us:
                    chunk = copied(events)
                    chunk["timestamp"] += self._shift_us
                latest_us = self._play(feed, chunk)
                if latest_us is None:
                    break
                last_us = latest_us
            if feed.stopping.is_set():
                return
            if self._seek_to is None and (first_of_pass or not self.loop):
                return

    def _play(self, feed: Feed, chunk: EventArray) -> int | None:
        """Hand a chunk over as it falls due; returns its latest time stamp, None when the source is stopped or sought."""
        times = np.ascontiguousarray(chunk["timestamp"])
        if (times[1:] < times[:-1]).any():
            times = np.maximum.accumulate(times)  # out of order: due with the latest before it

        def given_up() -> bool:
            return feed.stopping.is_set() or self._seek_to is not None

        first = 0
        while first < len(chunk):
            with self._lock:
                end = self._due(feed, times, first)
                if given_up():
                    return None
            if end > first:
                # Outside the lock, so that pause, seek and stop get through while a full buffer blocks here.
                if not feed.put(chunk[first:end], given_up):
                    return None
                self._position_us = int(times[end - 1]) - self._shift_us
                first = end
        return int(times[-1])

    def _due(self, feed: Feed, times: NDArray[np.int64], first: int) -> int:
        """The end of the events from `first` on that are due; where none is, wait a while (without the lock): `first`."""
        now = time.monotonic()
        next_us = int(times[first])
        if not self._clock.anchored:
            self._clock.anchor(next_us, now)
        if self._paused:
            if self._hold:
                self._clock.anchor(next_us, now)
                self._hold = False
            if self._step_us:
                self._clock.anchor(self._clock.event_us(now) + self._step_us, now)
                self._step_us = 0
            if next_us >= self._clock.event_us(now):
                self._control.wait(WAIT_S)
                return first
            return int(np.searchsorted(times, self._clock.event_us(now), "left"))
        factor = self._clock.factor
        if factor is None:
            return len(times)
        due_us = self._clock.event_us(now)
        if due_us < next_us or now < self._rest_until:
            self._control.wait(min(max(self._clock.due(next_us), self._rest_until) - now, WAIT_S))
            return first
        self._rest_until = now + SLICE_S if int(times[-1]) > due_us else 0.0
        behind_s = (due_us - next_us) / (1e6 * factor)
        if behind_s > BEHIND_S:
            self._clock.anchor(next_us, now)
            feed.slipped_s += behind_s
            due_us = next_us
        return int(np.searchsorted(times, due_us, "right"))
