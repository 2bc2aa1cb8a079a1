"""Vendors' libraries in a child process. The adapters here are fakes (helpers.FakeCamera): no hardware is tested."""

import contextlib
import multiprocessing
import os
import signal
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources import CameraSource, FoundCamera, SourceFailed, SourceState, discover_cameras
from engine.events.sources.child import EVENTS, read_ring, write_ring
from engine.events.sources.child_source import ChildSource, _Reading
from tests.waiting import PATIENCE_S, in_some_attempt, until

from . import helpers
from .helpers import SIZE, FakeCamera, collect, fake_batch, make_events, read_count

START_S = PATIENCE_S  # a child starts in about half a second; a busy machine takes longer


def camera(**options: object) -> ChildSource:
    end = {
        key: options.pop(key)
        for key in ("ring_events", "hang_timeout_s", "open_timeout_s", "capacity", "policy")
        if key in options
    }
    end = {"hang_timeout_s": PATIENCE_S, "open_timeout_s": START_S} | end
    return ChildSource("The fake camera", partial(FakeCamera, **options), **end)  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.lists(st.integers(0, 40), max_size=12))
def test_the_ring_gives_back_what_was_written(capacity: int, counts: list[int]) -> None:
    ring = np.zeros(capacity, EVENT_DTYPE)
    events = make_events(capacity * 12 + 40)
    first = 0
    for count in counts:
        count = min(count, capacity)
        write_ring(ring, first, events[first : first + count])
        assert np.array_equal(read_ring(ring, first, count), events[first : first + count])
        first += count


def test_every_event_comes_once_through_a_ring_that_is_smaller_than_the_batches() -> None:
    with camera(batches=20, count=1000, end="end", ring_events=300, policy="block") as source:
        got = collect(source, START_S)
        counts = source.statistics()
    assert np.array_equal(got, np.concatenate([fake_batch(number, 1000) for number in range(20)]))
    assert (source.state, source.message) == (SourceState.ENDED, "The fake camera has ended.")
    assert (source.size, source.device) == (SIZE, "Fake 0001")
    assert counts.dropped_upstream == counts.dropped == counts.out_of_range == 0
    assert source.process_id is None


def test_a_camera_is_not_held_back_but_what_is_lost_is_counted() -> None:
    with camera(batches=50, count=1000, end="end", ring_events=300) as source:
        got = collect(source, START_S)
        counts = source.statistics()
    assert len(got) + counts.dropped_upstream == 50_000
    assert counts.dropped_upstream > 0
    assert (np.diff(got["timestamp"]) > 0).all()


def test_events_off_the_sensor_stay_in_the_child() -> None:
    with camera(batches=3, count=100, end="end", off_sensor=7) as source:
        got = collect(source, START_S)
        assert source.statistics().out_of_range == 21
    assert len(got) == 279
    assert (got["x"] < SIZE[0]).all()


def test_killed_it_is_a_state_and_starts_again() -> None:
    with camera(batches=2, count=500) as source:
        for _ in range(2):
            got = read_count(source, 1000, START_S)
            assert np.array_equal(got, np.concatenate([fake_batch(0, 500), fake_batch(1, 500)]))
            child = source.process_id
            assert child is not None
            os.kill(child, signal.SIGKILL)
            assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
            assert "died (signal 9)" in source.message
            source.start()
            assert source.wait(SourceState.RUNNING, timeout_s=START_S)


def test_a_crash_keeps_what_was_handed_over() -> None:
    with camera(batches=4, count=500, end="crash") as source:
        got = collect(source, START_S)
    assert len(got) == 2000
    assert source.state is SourceState.FAILED
    assert "signal 11" in source.message


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("crash at open", "died (signal 11)"),
        ("refuse", "in use by another program: close it."),
        ("trace", "The vendor's library reports: libusb said no."),
        ("unplug", "The fake camera was disconnected."),
        ("hang", "has not answered for 0.6 s"),
        ("hang at open", "has not opened for 0.4 s"),
    ],
)
def test_whatever_the_library_does_is_a_sentence(end: str, says: str) -> None:
    limits = {"hang": {"hang_timeout_s": 0.6}, "hang at open": {"open_timeout_s": 0.4}}.get(end, {})
    with camera(end=end, **limits) as source:
        assert source.wait(SourceState.FAILED, timeout_s=START_S)
        assert says in source.message
        assert "\n" not in source.message


def test_a_sensor_that_cannot_be_is_refused() -> None:
    with camera(size=(60_000, 60_000)) as source:
        assert source.wait(SourceState.FAILED, timeout_s=START_S)
        assert "60000x60000" in source.message


def test_a_quiet_camera_is_alive() -> None:
    def goes_on() -> bool:
        with camera(batches=0, hang_timeout_s=0.8) as source:
            assert source.wait(SourceState.RUNNING, SourceState.FAILED, timeout_s=START_S)
            return not source.wait(SourceState.FAILED, timeout_s=1.0)

    assert in_some_attempt(goes_on)


@pytest.mark.parametrize("when", ["starting", "running", "hanging", "waiting for room"])
def test_stop_ends_the_child(when: str) -> None:
    source = camera(
        batches=100 if when == "waiting for room" else 1,
        end="hang" if when == "hanging" else "stay",
        ring_events=512,
        capacity=512,
        policy="block",
    )
    source.start()
    if when != "starting":
        assert source.wait(SourceState.RUNNING, timeout_s=START_S)
        if when != "running":
            until(lambda: source.statistics().buffered == 512, "a full buffer")
    assert source.stop(PATIENCE_S)  # a hanging one would sleep for longer
    assert source.state is SourceState.IDLE
    assert source.process_id is None


class DeadProcess:
    """A child that has left; what it sent is still in the pipe."""

    def __init__(self) -> None:
        self.sentinel, self._other = os.pipe()
        os.close(self._other)
        self.exitcode = 3

    def is_alive(self) -> bool:
        return False

    def join(self, timeout: float) -> None:
        os.close(self.sentinel)


def read_messages(messages: list[bytes], ring: EventArray) -> tuple[ChildSource, str]:
    """What the parent makes of messages that a child sent before it left."""
    source = camera()
    ours, theirs = multiprocessing.Pipe()
    for message in messages:
        theirs.send_bytes(message)
    theirs.close()
    process = DeadProcess()
    try:
        end = _Reading(source, source._feed_now, ours, process, ring).run(1.0, 1.0)  # type: ignore[arg-type]
    except SourceFailed as failure:
        end = str(failure)
    finally:
        ours.close()
        with contextlib.suppress(OSError):
            os.close(process.sentinel)
    return source, end


OPENED = b'O{"name": "Fake", "width": 320, "height": 240}'


def told(first: int, count: int) -> bytes:
    return EVENTS.pack(b"E", first, count, 0, 0)


def test_what_a_child_sent_before_it_left_is_read_to_the_end() -> None:
    ring = make_events(64)
    source, end = read_messages(
        [OPENED, told(0, 40), told(40, 24), told(64, 10), b'X{"failed": false, "message": "Done."}'], ring
    )
    assert end == "Done."
    assert np.array_equal(source.drain(), np.concatenate([ring, ring[:10]]))


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([OPENED], "exit code 3"),
        ([OPENED, told(5, 5)], "lost count"),
        ([OPENED, told(0, 65)], "lost count"),
        ([OPENED, told(0, 0xFFFF_FFFF)], "lost count"),
        ([told(0, 5)], "not understood"),
        ([OPENED, OPENED], "not understood"),
        ([OPENED, b"E123"], "not understood"),
        ([b"?"], "not understood"),
        ([b""], "not understood"),
    ],
)
def test_a_child_whose_messages_do_not_add_up_is_not_believed(messages: list[bytes], says: str) -> None:
    source, end = read_messages(messages, make_events(64))
    assert says in end
    assert len(source.drain()) == 0


def test_a_camera_source_speaks_of_its_serial_number() -> None:
    with CameraSource("0001", make_adapter=partial(FakeCamera, end="unplug")) as source:
        assert source.name == "The camera 0001"
        assert len(collect(source, START_S)) == 3000
        assert source.state is SourceState.FAILED


def test_cameras_are_found() -> None:
    assert discover_cameras(find=helpers.find_two) == [FoundCamera("FAKE_A", "0001"), FoundCamera("FAKE_B", "0002")]
    assert discover_cameras(find=helpers.find_none) == []


@pytest.mark.parametrize(
    ("find", "timeout_s", "says"),
    [
        (helpers.find_crash, START_S, "crashed"),
        (helpers.find_hang, 0.4, "longer than 0.4 s"),
        (helpers.find_error, START_S, "no permission on bus 3."),
    ],
)
def test_a_library_that_fails_while_looking_is_a_sentence(find: object, timeout_s: float, says: str) -> None:
    with pytest.raises(BadInput, match=says) as problem:
        discover_cameras(timeout_s, find)  # type: ignore[arg-type]
    assert "\n" not in str(problem.value)
