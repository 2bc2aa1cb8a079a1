"""Sliding windows: the same as binning the whole stream at once, however it is cut, and honest about time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.frames.binning import BinningParameters, bin_events
from engine.live.windows import SlidingCounts, Step, StepClock
from tests.events.sources.helpers import make_events

SIZE = (40, 30)
STEP_US, STEPS = 2000, 4


def slid(events, cuts, until=None):  # type: ignore[no-untyped-def]
    """(end, frame) of every whole window of a stream that comes in chunks."""
    clock, counts, over, found = StepClock(STEP_US), SlidingCounts(SIZE, STEPS), 0, []
    for part in np.split(events, cuts):
        last = int(part["timestamp"].max()) if len(part) else 0
        for item in clock.cut(part, 0.0, last):
            assert item is not None
            if isinstance(item, Step):
                counts.end_step()
                over += 1
                if over >= STEPS:
                    found.append((item.end_us, counts.frame(), counts.events))
            else:
                counts.add(item)
    return found, clock


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=8), st.integers(0, 3))
def test_windows_are_those_of_binning_the_whole_stream(cuts: list[int], disorder: int) -> None:
    events = make_events(5000, start_us=777, step_us=7, size=SIZE)
    if disorder:
        rng = np.random.default_rng(disorder)
        events["timestamp"] += rng.integers(0, 500, len(events))
    found, clock = slid(events, sorted(cuts))
    binning = BinningParameters(window_ms=STEP_US * STEPS / 1000, step_ms=STEP_US / 1000)
    frames = bin_events(events, SIZE, binning)
    assert len(found) == len(frames)
    for (end, image, count), expected, end_us, binned in zip(found, frames.images, frames.end_us, frames.binned, strict=True):
        assert end == end_us
        assert count == binned
        np.testing.assert_array_equal(image, expected)
    assert clock.late == frames.out_of_order


def test_a_step_tells_when_its_last_event_was_read_and_when_it_was_known_to_be_over() -> None:
    events = make_events(100, start_us=0, step_us=10, size=SIZE)
    clock = StepClock(500)
    first = [item for item in clock.cut(events[:40], 1.0, 390) if isinstance(item, Step)]
    second = [item for item in clock.cut(events[40:], 2.0, 990) if isinstance(item, Step)]
    assert first == []
    assert second == [Step(500, 2.0, 2.0)]  # the event at 490 came with the second chunk
    assert list(clock.pass_until(1600, 3.0)) == [Step(1000, 2.0, 3.0), Step(1500, 3.0, 3.0)]


def test_events_that_were_filtered_away_move_time_on() -> None:
    clock = StepClock(1000)
    list(clock.cut(make_events(10, start_us=0, step_us=10, size=SIZE), 1.0, 90))
    steps = [item for item in clock.cut(make_events(0, size=SIZE), 2.0, 2500) if isinstance(item, Step)]
    assert [step.end_us for step in steps] == [1000, 2000]


@pytest.mark.parametrize("filtered", [False, True])
def test_a_clock_that_leaps_ahead_begins_the_windows_anew(filtered: bool) -> None:
    clock = StepClock(1000)
    list(clock.cut(make_events(10, start_us=0, step_us=10, size=SIZE), 1.0, 90))
    leap = 10**12
    after = make_events(0 if filtered else 10, start_us=leap, step_us=10, size=SIZE)
    items = list(clock.cut(after, 2.0, leap + 90))
    assert items[0] is None  # and not a billion steps
    assert len(items) <= 2
    assert clock.edge_us is not None
    assert clock.edge_us > leap


def test_counts_saturate_as_a_frame_does_and_leave_the_window_with_their_step() -> None:
    events = make_events(70_000, size=SIZE)
    events["x"], events["y"] = 3, 4
    counts = SlidingCounts(SIZE, 2)
    counts.add(events)
    counts.end_step()
    assert counts.frame()[4, 3] == 255
    assert counts.frame().sum() == 255
    counts.end_step()
    assert counts.frame()[4, 3] == 255
    counts.end_step()
    assert not counts.frame().any()
    assert counts.events == 0


def test_on_the_grid_clocks_that_begin_at_different_events_cut_alike() -> None:
    events = make_events(40)
    events["timestamp"] = 1234 + 700 * np.arange(40)
    ends = []
    for first in (0, 1, 9):
        clock = StepClock(1000, on_grid=True)
        parts = clock.cut(events[first:], 0.0, int(events["timestamp"][-1]))
        ends.append([part.end_us for part in parts if isinstance(part, Step)])
    assert ends[0][0] == 2000 and ends[0][-1] == 28_000
    assert ends[1] == ends[0] and ends[2] == ends[0][-len(ends[2]) :]
