"""Recordings and simulations played by the clock."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.sources import ReplaySource, SourceState, SyntheticSource
from engine.events.sources.paced import PlaybackClock
from tests.waiting import PATIENCE_S, until

from .helpers import SIZE, FakeReader, collect, make_events, read_count


def replay(events: EventArray, **options: object) -> ReplaySource:
    return ReplaySource(lambda: FakeReader(events), **options)  # type: ignore[arg-type]


def test_as_fast_as_possible_gives_every_event_once_in_order() -> None:
    events = make_events(12_345)
    reader = FakeReader(events)
    source = ReplaySource(lambda: reader, factor=None, capacity=500)
    assert source.state is SourceState.IDLE
    with source:
        assert np.array_equal(collect(source), events)
        assert source.state is SourceState.ENDED
        assert source.message == "The recording has ended."
    assert reader.closed == 1
    assert source.size == SIZE
    assert source.time_range == (1000, 1000 + 12_344 * 10)
    assert source.position_us == 1000 + 12_344 * 10
    counts = source.statistics()
    assert (counts.received, counts.delivered, counts.dropped, counts.buffered) == (12_345, 12_345, 0, 0)


def test_it_can_be_played_again() -> None:
    events = make_events(100)
    source = replay(events, factor=None)
    for generation in (1, 2):
        with source:
            assert np.array_equal(collect(source), events)
            assert source.generation == generation


@pytest.mark.parametrize(("factor", "seconds"), [(1.0, 0.2), (2.0, 0.1), (0.5, 0.4)])
def test_a_factor_is_kept(factor: float, seconds: float) -> None:
    events = make_events(2001, step_us=100)  # 0.2 s
    with replay(events, factor=factor) as source:
        first = read_count(source, 1)
        begin = time.monotonic()
        rest = collect(source)
        took = time.monotonic() - begin
    assert np.array_equal(np.concatenate([first, rest]), events)
    assert took >= seconds * 0.9 - 0.02  # the upper bound is the machine's affair


def test_no_event_comes_before_its_time() -> None:
    events = make_events(3000, step_us=50)
    with replay(events) as source:
        while not source.exhausted:
            chunk = source.read(0.1)
            now = time.monotonic()
            if len(chunk) and source.statistics().slipped_s == 0:
                origin = source.clock_origin_s
                assert origin is not None
                assert int(chunk["timestamp"][-1]) / 1e6 <= now - origin + 1e-4


def test_paused_it_stands_still_and_steps_tile_the_time() -> None:
    events = make_events(1000, start_us=0, step_us=10)
    source = replay(events)
    source.pause()
    with source:
        assert source.wait(SourceState.PAUSED, timeout_s=PATIENCE_S)
        assert len(source.read(0.05)) == 0
        source.step(1000)
        assert np.array_equal(read_count(source, 100), events[:100])
        source.step(500)
        source.step(500)
        assert np.array_equal(read_count(source, 100), events[100:200])
        assert len(source.read(0.05)) == 0
        assert source.state is SourceState.PAUSED
        source.factor = None
        source.resume()
        assert np.array_equal(collect(source), events[200:])


def test_seeking_while_paused_shows_the_place_that_was_sought() -> None:
    events = make_events(1000, start_us=0, step_us=10)
    source = replay(events)
    source.pause()
    with source:
        source.step(1000)
        assert source.wait(SourceState.PAUSED, timeout_s=PATIENCE_S)
        until(lambda: source.statistics().received == 100, "the step")
        generation = source.generation
        source.seek(5000)
        assert source.generation == generation + 1
        assert source.statistics().skipped == 100  # what the step had given was not read
        source.step(200)
        assert np.array_equal(read_count(source, 20), events[500:520])
        source.seek(-10)  # clamped
        source.step(100)
        assert np.array_equal(read_count(source, 10), events[:10])
        assert len(source.read(0.05)) == 0
        assert source.state is SourceState.PAUSED
    counts = source.statistics()
    assert counts.received == counts.delivered + counts.skipped + counts.dropped + counts.buffered


def test_a_seek_gets_through_to_a_feeder_that_waits_for_room_and_nothing_stale_follows() -> None:
    events = make_events(50_000, start_us=0, step_us=10)
    with replay(events, factor=None, capacity=1000) as source:
        until(lambda: source.statistics().buffered == 1000, "a full buffer")
        source.seek(400_000)
        assert np.array_equal(collect(source), events[40_000:])


def test_seek_before_start_says_where_it_begins() -> None:
    events = make_events(100, start_us=0, step_us=10)
    source = replay(events, factor=None)
    source.seek(500)
    with source:
        assert np.array_equal(collect(source), events[50:])


def test_a_loop_goes_on_with_rising_time() -> None:
    events = make_events(100, start_us=500, step_us=10)
    with replay(events, factor=None, loop=True, capacity=64) as source:
        got = read_count(source, 350)
    assert (np.diff(got["timestamp"]) > 0).all()
    assert np.array_equal(got["x"], np.tile(events["x"], 4)[:350])
    assert got["timestamp"][100] == events["timestamp"][99] + 1000
    assert np.array_equal(np.diff(got["timestamp"][100:200]), np.diff(events["timestamp"]))


def test_a_loop_of_nothing_ends() -> None:
    with replay(make_events(0), loop=True) as source:
        assert source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)


def test_a_slow_reader_slows_the_replay_and_loses_nothing() -> None:
    events = make_events(5000, step_us=100)  # 0.5 s
    with replay(events, capacity=100) as source:
        first = read_count(source, 10)
        until(lambda: source.statistics().buffered == 100, "a full buffer")
        time.sleep(0.4)  # the reader is away
        rest = collect(source)
    assert np.array_equal(np.concatenate([first, rest]), events)
    assert source.statistics().slipped_s > 0.2


def test_dropping_gives_the_newest_as_a_camera_does() -> None:
    events = make_events(5000, step_us=10)
    with replay(events, factor=None, capacity=100, policy="drop-oldest") as source:
        assert source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)
        got = collect(source)
    assert np.array_equal(got, events[-100:])
    assert source.statistics().dropped == 4900


def test_events_off_the_sensor_are_left_out_and_time_going_backwards_is_counted() -> None:
    events = make_events(1000)
    events["x"][10] = SIZE[0]
    events["y"][20] = -1
    events["polarity"][30] = 3
    events["polarity"][31] = -1
    events["timestamp"][500] = 5
    with replay(events, factor=None) as source:
        got = collect(source)
    assert np.array_equal(got, np.delete(events, [10, 20, 30, 31]))
    counts = source.statistics()
    assert (counts.out_of_range, counts.backwards) == (4, 1)


def test_a_file_that_is_not_there_is_a_state() -> None:
    source = ReplaySource(Path("nowhere.aedat4"))
    with source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
    assert "nowhere.aedat4" in source.message
    assert source.exhausted


def test_a_recording_without_a_size_asks_for_it() -> None:
    events = make_events(10)
    with ReplaySource(lambda: FakeReader(events, size=None)) as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
    assert "give its width and height" in source.message
    with ReplaySource(lambda: FakeReader(events, size=None), size=SIZE, factor=None) as source:
        assert np.array_equal(collect(source), events)


def test_a_reader_that_breaks_is_a_state_with_what_came_before() -> None:
    class Broken(FakeReader):
        def chunks(self, **options: object) -> Iterator[EventArray]:
            yield self.events[:50]
            raise BadInput("The recording is damaged at byte 7: copy it again.")

    events = make_events(100)
    with ReplaySource(lambda: Broken(events), factor=None) as source:
        got = collect(source)
    assert np.array_equal(got, events[:50])
    assert source.state is SourceState.FAILED
    assert source.message == "The recording is damaged at byte 7: copy it again."


def test_an_error_that_nobody_foresaw_is_a_state_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Iterator[EventArray]:
        raise ZeroDivisionError("by zero")
        yield

    with SyntheticSource(broken, SIZE) as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
    assert "ZeroDivisionError" in source.message
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("when", ["waiting for time", "waiting for room", "paused"])
def test_stop_reaches_the_feeder_wherever_it_waits_and_keeps_what_was_buffered(when: str) -> None:
    events = make_events(2000, start_us=0, step_us=10)
    events["timestamp"][1000:] += 3_600_000_000  # an hour of nothing
    options = {"waiting for room": {"factor": None, "capacity": 1000}}.get(when, {})
    source = replay(events, **options)
    source.start()
    until(lambda: source.statistics().received == 1000, "the first events")
    if when == "paused":
        source.pause()
    assert source.stop(PATIENCE_S)
    assert source.state is SourceState.IDLE
    assert np.array_equal(source.drain(), events[:1000])
    assert source.exhausted


def test_read_returns_in_time() -> None:
    events = make_events(2)
    events["timestamp"][1] += 3_600_000_000  # an hour
    with replay(events) as source:
        read_count(source, 1)
        begin = time.monotonic()
        assert len(source.read(0.05)) == 0
        assert len(source.read()) == 0
        assert time.monotonic() - begin > 0.04


def test_readers_in_many_threads_share_the_events() -> None:
    events = make_events(20_000)
    got: list[EventArray] = []
    with replay(events, factor=None, capacity=256) as source:
        threads = [threading.Thread(target=lambda: got.append(collect(source))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert np.array_equal(np.sort(np.concatenate(got), order="timestamp"), events)


@pytest.mark.parametrize("factor", [0.0, -1.0, 1000.0, float("nan")])
def test_a_factor_out_of_bounds_is_refused(factor: float) -> None:
    with pytest.raises(BadInput):
        replay(make_events(1), factor=factor)


def test_the_simulated_camera_lives_behind_the_same_interface() -> None:
    events = make_events(500, step_us=100)

    def world() -> Iterator[EventArray]:
        yield from np.array_split(events, 7)

    with SyntheticSource(world, SIZE, factor=None) as source:
        assert np.array_equal(collect(source), events)
        assert source.message == "The synthetic camera has ended."


def test_the_clock_goes_on_from_where_it_was_at_another_factor_or_after_a_rest() -> None:
    clock = PlaybackClock(1.0)
    clock.anchor(1_000_000, 10.0)
    assert clock.event_us(11.0) == 2_000_000
    clock.set_factor(10.0, 11.0)
    assert clock.event_us(11.0) == 2_000_000
    assert clock.event_us(11.5) == 7_000_000
    assert clock.due(7_000_000) == pytest.approx(11.5)
    clock.freeze(12.0)
    assert clock.event_us(20.0) == 12_000_000
    clock.thaw(20.0)
    assert clock.event_us(20.1) == 13_000_000


def test_events_that_fall_due_together_come_together() -> None:
    events = make_events(300_000, step_us=1)  # a million a second
    with replay(events) as source:
        chunks = [len(chunk) for chunk in source.chunks() if len(chunk)]
    assert sum(chunks) == len(events)
    # Every 4 ms, and once more at the end of each of the reader's chunks (of 1000 here), of which each holds 1 ms.
    assert len(chunks) <= 300 + 0.3 / 0.004 + 50


def test_a_chunk_of_the_reader_is_cut_every_few_milliseconds_only() -> None:
    events = make_events(200_000, step_us=1)
    with ReplaySource(lambda: FakeReader(events, chunk=200_000)) as source:
        assert len([len(chunk) for chunk in source.chunks() if len(chunk)]) <= 0.2 / 0.004 + 2
