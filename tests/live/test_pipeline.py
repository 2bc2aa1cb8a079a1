"""Live recognition: what it answers is what the parts answer offline; what goes wrong is a state; nothing grows."""

import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.events.sources import ReplaySource, SourceState, StreamSource
from engine.events.sources.source import SourceFailed
from engine.frames.binning import BinningParameters, bin_events
from engine.live import LiveModel, LiveParameters
from engine.live.worker import LATE_S, QUEUE_EVENTS
from tests.capture.helpers import HandSource, events_of
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import (
    PLACES,
    REGION,
    SENSOR,
    WINDOW_US,
    HandTarget,
    answers_of,
    live_on,
    make_model,
    place_events,
    route_events,
)
from tests.waiting import until


@pytest.fixture
def model(tmp_path: Path) -> LiveModel:
    return make_model(tmp_path)


def replay(events, size=SENSOR, factor=None, chunk=997):  # type: ignore[no-untyped-def]
    return ReplaySource(lambda: FakeReader(events, size, chunk), factor=factor)


def test_the_reference_says_window_region_and_what_training_saw(model: LiveModel) -> None:
    assert model.names == ("lab", "hand", "walk")
    assert model.window_us(None) == WINDOW_US
    assert model.window_us(40) == 40_000
    assert model.region_on(SENSOR, None) == REGION
    assert model.trained.events_per_pixel == pytest.approx(3.2, abs=0.5)
    assert model.trained.layers is not None
    assert model.trained.layers["input"] > 0
    frame = model.reference_frame(2)
    assert frame is not None
    assert frame.shape == (32, 32)
    assert model.reference_frame(PLACES) is None


def test_answers_are_those_of_the_network_on_frames_that_were_binned_offline(model: LiveModel) -> None:
    events = route_events()
    found, live = answers_of(replay(events), model)
    frames = bin_events(events, SENSOR, BinningParameters(window_ms=100, step_ms=25, roi=REGION))
    assert [answer.end_us for answer in found] == frames.end_us.tolist()
    offline = model.new_runner().similarity(frames.images, threads=1)
    np.testing.assert_array_equal(np.stack([answer.frame for answer in found]), frames.images)
    np.testing.assert_array_equal(np.stack([answer.spikes.counts for answer in found], axis=1), offline.similarity)
    whole = found[:: live.steps]  # windows that lie within one place
    right = [answer.place == min((answer.start_us - 1_000_000) // (4 * WINDOW_US), PLACES - 1) for answer in whole]
    assert np.mean(right) > 0.9
    totals = live.totals()
    assert totals.places == len(found)
    assert totals.events == np.isin(events["x"], np.arange(REGION[0], REGION[0] + REGION[2])).sum()
    assert totals.skipped == totals.missed == totals.late == 0
    assert totals.seconds == pytest.approx((int(events["timestamp"][-1]) - 1_000_000) / 1e6, abs=1e-6)
    assert totals.synops_per_place == pytest.approx(offline.synops_per_query)
    assert {layer.name for layer in found[0].spikes.layers} == {"inputs", "features", "places"}


@pytest.mark.parametrize("stage", ["none", "diagonal", "filter"])
def test_each_sequence_stage_finds_its_way_along_the_route(model: LiveModel, stage: str) -> None:
    # A place a window: the speed of the reference.
    found, _ = answers_of(replay(route_events(windows=1)), model, LiveParameters(step_ms=50, sequence=stage, sequence_length=2))
    whole = [answer for answer in found if (answer.start_us - 1_000_000) % WINDOW_US == 0]
    right = [answer.place == (answer.start_us - 1_000_000) // WINDOW_US for answer in whole]
    assert len(whole) == PLACES - 1  # the last one is over only when an event follows
    assert sum(right) >= PLACES - 2
    assert all(0 <= answer.confidence <= 1 for answer in found)


def test_filters_and_polarity_are_the_capture_panel_s(model: LiveModel) -> None:
    events = route_events(windows=2)
    parameters = LiveParameters(
        step_ms=100, sequence="none", polarity="on", filters={"refractory_on": True, "refractory": {"period_us": 20_000}}
    )
    found, _ = answers_of(replay(events), model, parameters)
    plain, _ = answers_of(replay(events[events["polarity"] == 1]), model, LiveParameters(step_ms=100, sequence="none"))
    assert 0 < sum(answer.spikes.input_events for answer in found) < sum(answer.spikes.input_events for answer in plain)


@pytest.mark.parametrize(("window", "step"), [(100.0, 30.0), (100.0, 0.1), (None, 33.0)])
def test_a_step_must_divide_the_window(model: LiveModel, window: float | None, step: float) -> None:
    with pytest.raises((BadInput, ValueError), match=r"must divide the window|greater than or equal"):
        live_on(HandSource(SENSOR), model, LiveParameters(window_ms=window, step_ms=step))


def test_a_sensor_that_does_not_fit_is_a_state_and_another_source_fits(model: LiveModel) -> None:
    capture, live = live_on(source := HandSource((20, 20)), model)
    live.start()
    capture.start()
    try:
        small = place_events(0, 0)
        small = small[(small["x"] < 20) & (small["y"] < 20)]
        source.give(small)
        until(lambda: live.problem, "the sentence")
        assert live.problem == (
            f"{model.path.name} was trained on 32x32 pixels, but the sensor has only 20x20: take the camera that it was trained "
            "with, or train a network for this one."
        )
        assert not live.workers[0].failed
    finally:
        capture.stop()
        live.stop()
    with pytest.raises(BadInput, match="was trained on 32x32 pixels, but the region of interest has 16x16"):
        model.region_on(SENSOR, (0, 0, 16, 16))
    with pytest.raises(BadInput, match="does not lie on the sensor"):
        model.region_on(SENSOR, (40, 20, 32, 32))
    assert model.region_on((128, 128), None) == (48, 48, 32, 32)  # another camera: its middle


def test_a_target_that_is_too_slow_skips_windows_says_so_and_nothing_grows(model: LiveModel) -> None:
    target = HandTarget()
    target.go.clear()
    parameters = LiveParameters(step_ms=1, window_ms=10, sequence="none", target="virtual")
    capture, live = live_on(source := HandSource(SENSOR), model, parameters, keep_all=False, make=lambda *_: target)
    live.start()
    capture.start()
    worker = live.workers[0]
    try:
        chunk = events_of(20_000, step_us=1)
        source.give(chunk)
        assert target.asked.wait(30)
        for number in range(1, 160):  # 3.2 million events while the target sleeps: more than the queue holds
            later = chunk.copy()
            later["timestamp"] += 20_000 * number
            source.give(later)
        until(lambda: source.statistics().delivered == 160 * 20_000, "the reading, which never waits for a target")
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > 2 * LATE_S, "the past")
        until(lambda: worker._queue.dropped + capture._queue.dropped > 0, "the queue's end")
        assert worker._queue.held <= QUEUE_EVENTS
        target.go.set()
        until(lambda: worker.skipped > 5 and worker.missed > 0, "the skipped windows")
        until(lambda: any("too slow" in note for note in live.notes), "the sentence")
    finally:
        target.go.set()
        capture.stop()
        totals = live.stop()
    assert totals.skipped > 5
    assert totals.missed > 0
    assert totals.places + totals.skipped == worker.windows


def test_a_target_that_fails_is_a_state_with_its_sentence(model: LiveModel) -> None:
    for when in ("start", "later"):
        target = HandTarget()
        target.failure = when
        capture, live = live_on(source := HandSource(SENSOR), model, make=lambda *_, target=target: target)
        live.start()
        capture.start()
        try:
            source.give(route_events())
            assert live.workers[0].ended.wait(30)
        finally:
            capture.stop()
            live.stop()
        assert live.workers[0].failed
        assert live.problem.startswith("The hand ")
        assert live.finished
        assert capture.state is not SourceState.FAILED


def test_a_defect_of_a_target_is_told_and_logged(model: LiveModel, caplog: pytest.LogCaptureFixture) -> None:
    target = HandTarget()
    target.answer = lambda end: np.zeros(1 // 0)
    capture, live = live_on(source := HandSource(SENSOR), model, make=lambda *_: target)
    live.start()
    capture.start()
    try:
        source.give(route_events())
        assert live.workers[0].ended.wait(30)
    finally:
        capture.stop()
        live.stop()
    assert live.problem.startswith("Recognition failed unexpectedly (ZeroDivisionError")
    assert "recognition failed" in caplog.text


def test_a_camera_that_is_cut_and_comes_back_begins_its_windows_anew(model: LiveModel) -> None:
    target = HandTarget()
    capture, live = live_on(source := HandSource(SENSOR), model, make=lambda *_: target)
    live.start()
    capture.start()
    try:
        source.give(place_events(0, 1_000_000, 3))
        until(lambda: len(target.ends) == 8, "the first windows")
        source.give(SourceFailed("The camera was unplugged: plug it in."))
        until(lambda: capture.state is SourceState.FAILED, "the cut")
        assert live.workers[0].ended.wait(30)
        assert live.problem == ""
        resets = target.resets
        capture.retry()
        source.give(place_events(1, 9_000_000, 3))
        until(lambda: len(target.ends) == 16, "the windows after it")
    finally:
        capture.stop()
        totals = live.stop()
    assert target.resets == resets + 1
    assert target.ends[8] == 9_000_000 + WINDOW_US  # no window reaches over the cut
    assert totals.places == 16
    assert totals.seconds == pytest.approx(0.6, abs=0.05)


def test_a_peer_that_stalls_is_a_state_of_the_source_and_the_run_waits(model: LiveModel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        source = StreamSource(f"127.0.0.1:{listening.getsockname()[1]}", stall_timeout_s=0.2)
        capture, live = live_on(source, model, keep_all=False)
        live.start()
        capture.start()
        try:
            peer, _ = listening.accept()
            with peer:
                until(lambda: capture.state is SourceState.FAILED, "the end of patience")
            assert "has sent nothing for 0.2 s" in capture.message
            assert live.problem == ""
            assert live.running
            assert live.totals().places == 0
        finally:
            capture.stop()
            live.stop()


def test_time_that_goes_back_a_little_is_borne_and_a_clock_that_was_set_back_begins_anew(model: LiveModel) -> None:
    target = HandTarget()
    capture, live = live_on(source := HandSource(SENSOR), model, make=lambda *_: target)
    live.start()
    capture.start()
    try:
        events = place_events(0, 50_000_000, 3)
        events["timestamp"][500:600] -= 5_000
        source.give(events)
        until(lambda: len(target.ends) == 8, "the first windows")
        until(lambda: live.totals().late >= 99, "the count of those that came late")
        source.give(place_events(1, 2_000_000, 3))
        until(lambda: len(target.ends) == 16, "the windows after it")
    finally:
        capture.stop()
        live.stop()
    assert target.ends[8] == 2_000_000 + WINDOW_US
    for part in target.fed:
        assert (np.diff(part["timestamp"]) >= 0).all()
        assert part["x"].max() < 32  # in the region's coordinates
        assert part["y"].max() < 32


def test_a_scene_that_stands_still_is_somewhere_too(model: LiveModel) -> None:
    target = HandTarget()
    capture, live = live_on(source := HandSource(SENSOR), model, keep_all=False, make=lambda *_: target)
    live.start()
    capture.start()
    try:
        source.give(place_events(0, 0, 2))
        until(lambda: len(target.ends) >= 8, "windows without events")
    finally:
        capture.stop()
        live.stop()
    assert np.diff(target.ends).tolist() == [25_000] * (len(target.ends) - 1)


def test_nothing_moves_on_while_a_replay_is_paused(model: LiveModel) -> None:
    target = HandTarget()
    source = replay(place_events(0, 0, 20), factor=1.0)
    capture, live = live_on(source, model, keep_all=False, make=lambda *_: target)
    live.start()
    capture.start()
    try:
        until(lambda: len(target.ends) >= 2, "the first windows")
        source.pause()
        until(lambda: source.state is SourceState.PAUSED, "the pause")
        assert live._pace() is None
    finally:
        capture.stop()
        live.stop()


def test_a_blank_view_is_lost(model: LiveModel) -> None:
    events = place_events(0, 0, 4)
    events["x"] = 60  # beside the region
    found, _ = answers_of(replay(events), model)
    assert found
    assert all(answer.lost for answer in found)


def test_a_duration_ends_the_run_at_the_events_time(model: LiveModel) -> None:
    found, live = answers_of(replay(route_events()), model, duration_s=1.0)
    assert found[-1].end_us == 2_000_000
    assert live.totals().places == len(found) == 37


def test_a_ghost_on_the_same_target_agrees_and_on_another_does_not(model: LiveModel) -> None:
    parameters = LiveParameters(step_ms=25, sequence="none", ghost="cpu")
    found, live = answers_of(replay(route_events()), model, parameters)
    figures, history = live.ghost()
    assert figures is not None
    assert figures.windows == len(found) == len(history)
    assert figures.same == figures.near == 1
    assert figures.correlation == pytest.approx(1)

    def make(kind, model, fit, parameters):  # type: ignore[no-untyped-def]
        from engine.live import make_target

        return HandTarget() if kind == "virtual" else make_target(kind, model, fit, parameters)

    parameters = LiveParameters(step_ms=25, sequence="none", ghost="virtual")
    found, live = answers_of(replay(route_events()), model, parameters, make=make)
    figures, history = live.ghost()
    assert figures is not None
    assert figures.same < 0.5
    np.testing.assert_array_equal(history[:, 1], [PLACES - 1 - answer.place for answer in found])


def test_a_ghost_that_fails_leaves_the_first_target_alone(model: LiveModel) -> None:
    target = HandTarget()
    target.failure = "start"

    def make(kind, model, fit, parameters):  # type: ignore[no-untyped-def]
        from engine.live import make_target

        return target if kind == "virtual" else make_target(kind, model, fit, parameters)

    parameters = LiveParameters(step_ms=25, sequence="none", ghost="virtual")
    found, live = answers_of(replay(route_events()), model, parameters, make=make)
    assert len(found) == 92
    assert any("Ghost: The hand cannot be opened" in note for note in live.notes)


def test_only_the_newest_answers_are_kept_and_asked_for_since_the_last(model: LiveModel) -> None:
    found, live = answers_of(replay(route_events()), model)
    assert live.answers_since(None) == found
    assert live.answers_since(found[10].end_us) == found[11:]
    assert live.answers_since(found[-1].end_us) == []
    assert live.last() is found[-1]
    assert live._answers.maxlen == 600


def test_no_thread_is_left(model: LiveModel) -> None:
    before = set(threading.enumerate())
    answers_of(replay(place_events(0, 0, 3)), model)
    assert set(threading.enumerate()) <= before
