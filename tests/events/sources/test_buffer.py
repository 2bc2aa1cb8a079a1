"""The bounded buffer: order, bounds, and the account of every event."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.sources.buffer import EventBuffer, RateMeter
from tests.waiting import PATIENCE_S

from .helpers import make_events


def never() -> bool:
    return False


def new_buffer(capacity: int, policy: str = "drop-oldest") -> EventBuffer:
    return EventBuffer(capacity, policy, threading.Condition(threading.RLock()))  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.lists(st.tuples(st.sampled_from(["put", "take", "clear"]), st.integers(0, 30)), max_size=30))
def test_dropping_keeps_the_newest_in_order_and_counts_all(capacity: int, steps: list[tuple[str, int]]) -> None:
    buffer = new_buffer(capacity)
    events = make_events(2000)
    held: list[int] = []  # the slow twin: time stamps
    put = delivered = dropped = skipped = 0
    for kind, number in steps:
        if kind == "put":
            assert buffer.put(events[put : put + number], never)
            held += events["timestamp"][put : put + number].tolist()
            put += number
            dropped += max(0, len(held) - capacity)
            held = held[-capacity:]
        elif kind == "take":
            taken = buffer.take(number).tolist()
            assert [event[0] for event in taken] == held[: len(taken)]
            assert len(taken) <= number
            assert taken or not held or not number
            held = held[len(taken) :]
            delivered += len(taken)
        else:
            buffer.clear()
            skipped += len(held)
            held = []
        assert (buffer.received, buffer.delivered, buffer.dropped, buffer.skipped) == (put, delivered, dropped, skipped)
        assert buffer.held == len(held) <= capacity
    assert buffer.received == buffer.delivered + buffer.dropped + buffer.skipped + buffer.held


def test_chunks_are_handed_on_without_a_copy() -> None:
    buffer = new_buffer(100)
    events = make_events(50)
    buffer.put(events, never)
    assert np.shares_memory(buffer.take(), events)


def test_blocking_loses_nothing_and_never_holds_more_than_its_capacity() -> None:
    buffer = new_buffer(64, "block")
    events = make_events(5000)
    feeder = threading.Thread(target=lambda: [buffer.put(events[first : first + 97], never) for first in range(0, 5000, 97)])
    feeder.start()
    got: list[np.ndarray] = []
    while sum(map(len, got)) < 5000:
        assert buffer.held <= 64
        got.append(buffer.take().copy())
    feeder.join()
    assert np.array_equal(np.concatenate(got), events)
    assert buffer.dropped == 0


def test_a_blocked_feeder_gives_up_when_asked() -> None:
    buffer = new_buffer(10, "block")
    stop = threading.Event()
    result: list[bool] = []
    feeder = threading.Thread(target=lambda: result.append(buffer.put(make_events(11), stop.is_set)))
    feeder.start()
    assert buffer._changed.acquire() and not buffer._changed.wait_for(lambda: buffer.held > 10, 0.05)
    buffer._changed.release()
    stop.set()
    feeder.join(PATIENCE_S)
    assert result == [False]
    assert buffer.received == buffer.held == 10


@pytest.mark.parametrize(("capacity", "policy"), [(0, "block"), (10, "sometimes")])
def test_nonsense_is_refused(capacity: int, policy: str) -> None:
    with pytest.raises(BadInput):
        new_buffer(capacity, policy)


def test_the_meter_counts_the_last_second_only() -> None:
    meter = RateMeter()
    for step in range(100):
        meter.count(10, 50.0 + step * 0.05)
        meter.waited(0.2 if step == 50 else 0.01, 50.0 + step * 0.05)
    assert meter.rate(55.0) == pytest.approx(200)
    assert meter.rate(60.0) == 0
    assert meter.longest_wait(54.95) == 0.01
