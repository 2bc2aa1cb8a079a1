"""The parts of the pipeline by themselves: the queue, the sliding counts, the hot-pixel rule, the figures."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.capture.figures import RATE_EDGES, RateHistory, RecentLongest, RecentShares, pixel_rate_histogram, suggest
from engine.capture.hot_pixels import RecentCounts
from engine.capture.picture import SliceRing
from engine.capture.queue import WeighedQueue
from engine.events.array import joined
from engine.events.hot_pixels import HotPixelSearch, find_hot_pixels
from engine.frames.binning import Columns
from tests.capture.helpers import SIZE, events_of
from tests.waiting import PATIENCE_S


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=60), st.integers(1, 12))
def test_a_queue_keeps_order_and_bound_and_drops_nothing_that_must_be_kept(items: list[tuple[int, bool]], capacity: int) -> None:
    queue: WeighedQueue[int] = WeighedQueue(capacity)
    kept, lost = [], 0
    for number, (weight, keep) in enumerate(items):
        if queue.put(number, weight, keep=keep, given_up=lambda: True) and keep:
            kept.append(number)
        elif keep:
            lost += 1  # there was no room, and nobody takes: given up, not dropped
        assert queue.held <= max(capacity, 6)
    queue.close()
    taken = []
    while (item := queue.take(0)) is not None:
        taken.append(item)
    assert taken == sorted(taken)
    assert [number for number in taken if items[number][1]] == kept
    weights = sum(weight for number, (weight, keep) in enumerate(items) if not keep and number not in taken)
    assert queue.dropped == weights
    assert queue.finished


def test_a_kept_item_waits_for_room() -> None:
    queue: WeighedQueue[str] = WeighedQueue(10)
    queue.put("first", 8, keep=True)
    done = threading.Event()

    def put() -> None:
        queue.put("second", 8, keep=True)
        done.set()

    thread = threading.Thread(target=put)
    thread.start()
    assert queue.held == 8
    assert queue.take(None) == "first"
    assert queue.take(PATIENCE_S) == "second"
    assert done.wait(PATIENCE_S)
    thread.join()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4_000), min_size=1, max_size=200), st.lists(st.integers(0, 200), max_size=5), st.integers(2, 6))
def test_a_ring_counts_the_last_slices_however_the_stream_is_cut(steps: list[int], cuts: list[int], slices: int) -> None:
    events = events_of(len(steps))
    events["timestamp"] = np.cumsum(steps)
    ring = SliceRing(SIZE, 1_000 * (slices - 1), slices, "separate")
    for part in np.split(events, sorted(min(cut, len(events)) for cut in cuts)):
        ring.add(Columns.of(part))
    present = int(events["timestamp"][-1]) // 1_000
    inside = events[events["timestamp"] // 1_000 > present - slices]
    expected = np.zeros((2, *SIZE[::-1]), np.int64)
    np.add.at(expected, (inside["polarity"], inside["y"], inside["x"]), 1)
    np.testing.assert_array_equal(ring.total(), expected)
    assert ring.events == len(inside)
    first = max(int(events["timestamp"][0]) // 1_000, present - slices + 1)
    assert ring.full_slices == present - first
    assert ring.span_us == events["timestamp"][-1] + 1 - 1_000 * first
    ring.clear()
    assert not ring.total().any()


def test_hot_pixels_of_a_live_stream_are_those_of_the_search_over_the_recording() -> None:
    background = events_of(200_000, step_us=25)  # 5 s
    hot = events_of(20_000, step_us=250, seed=2)
    places = np.random.default_rng(3).integers(2, 46, (10, 2))
    which = np.random.default_rng(4).integers(0, 10, len(hot))
    hot["x"], hot["y"] = places[which].T
    events = joined([background, hot])
    events = events[np.argsort(events["timestamp"], kind="stable")]
    recent = RecentCounts(SIZE)
    for part in np.array_split(events, 50):
        recent.add(Columns.of(part))
    found = recent.find()
    expected = find_hot_pixels(events, SIZE, HotPixelSearch())
    assert found is not None
    np.testing.assert_array_equal(found, expected)
    assert {(x, y) for y, x in np.argwhere(found).tolist()} == {tuple(place) for place in places.tolist()}
    assert recent.seconds == pytest.approx(4.75)
    recent.clear()
    assert recent.find() is None


def test_the_history_has_a_value_a_tenth_of_a_second_and_forgets_after_thirty_seconds() -> None:
    history = RateHistory()
    for tick in range(100):
        history.count(50, 10 + tick * 0.05)
    rates = history.rates()
    assert len(rates) == 49
    assert set(rates[1:-1]) == {1_000.0}
    history.count(0, 15.5)
    assert history.rates()[-4:].tolist() == [0, 0, 0, 0]
    assert 400 < history.last_second() < 700
    history.count(0, 1_000.0)
    assert history.rates().tolist() == [0] * 300


def test_the_share_removed_is_of_the_last_second() -> None:
    shares = RecentShares()
    assert shares.shares([("a", 0, 0)], 0.0) == (("a", 0.0),)
    assert shares.shares([("a", 100, 50)], 0.5) == (("a", 0.5),)
    for tick in range(1, 9):
        last = shares.shares([("a", 100 + 100 * tick, 50)], 0.5 + 0.25 * tick)
    assert last == (("a", 0.0),)
    assert shares.shares([("a", 10, 5)], 3.0) == (("a", 0.5),)  # the filters were built anew


def test_the_longest_is_of_the_last_second() -> None:
    longest = RecentLongest()
    for now, value in ((0.0, 5.0), (0.5, 3.0), (0.9, 1.0)):
        longest.add(value, now)
    assert [longest.longest(now) for now in (0.9, 1.2, 1.7, 3.0)] == [5.0, 3.0, 1.0, 0.0]


def test_pixels_are_sorted_by_their_rate() -> None:
    counts = np.array([[0, 0, 1, 10], [100, 65_535, 0, 3]], np.uint16)
    histogram = pixel_rate_histogram(counts, 0.5)
    rates = np.minimum(counts.reshape(-1) / 0.5, RATE_EDGES[-1])
    np.testing.assert_array_equal(histogram, np.histogram(rates, RATE_EDGES)[0])
    assert histogram.sum() == 8
    assert histogram[0] == 3


def test_suggestions_for_windows_of_time_and_of_count() -> None:
    time = suggest("time", 109.375, 1e6)
    assert time is not None
    assert time.window_ms == 690
    assert time.text == "window 690 ms would give 75.5"
    count = suggest("count", 100.0, 2e6)
    assert count is not None
    assert (count.window_ms, count.events_per_frame, count.events_per_pixel) == (None, 1_500_000, 75.0)
    assert suggest("time", 0.0, 1e6) is None
    slow = suggest("time", 1e-6, 1.0)
    assert slow is not None
    assert slow.window_ms == 600_000
