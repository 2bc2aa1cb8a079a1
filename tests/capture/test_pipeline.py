"""The live pipeline: what it shows is what the engine's own binning and filters give, and nothing stops it but its owner."""

import threading

import numpy as np
import pytest

from engine.capture import CaptureFilters, CaptureParameters, CapturePipeline
from engine.errors import BadInput
from engine.events.array import joined
from engine.events.filters import FilterChain, RefractoryParameters
from engine.events.sources import SourceState
from engine.events.sources.source import SourceFailed
from engine.frames.binning import BinningParameters, bin_events
from tests.capture.helpers import SIZE, HandSource, events_of, later, running, seen
from tests.waiting import PATIENCE_S, until


def test_the_preview_is_the_last_frame_of_offline_binning() -> None:
    parameters = CaptureParameters(window_ms=10, region=(8, 4, 32, 16), polarity="on", compare_window_ms=25)
    events = events_of(10_000)  # 100 ms
    with running(source := HandSource(), parameters) as pipeline:
        for part in np.array_split(events, 7):
            source.give(part)
        snapshot = seen(pipeline, lambda s: s.time_us == 99_990)
    for shown, window_ms in ((snapshot.preview, 10), (snapshot.compare, 25)):
        frames = bin_events(events, SIZE, BinningParameters(window_ms=window_ms, roi=(8, 4, 32, 16), polarity="on"))
        assert shown is not None
        np.testing.assert_array_equal(shown.image, frames.images[-1])
        assert shown.start_us == frames.start_us[-1]
        assert shown.events_per_pixel == frames.binned[-1] / (32 * 16)
        assert shown.silent_share == np.mean(frames.images[-1] == 0)
        assert shown.binning.window_ms == window_ms
    assert snapshot.progress == pytest.approx(0.999)


def test_the_picture_holds_the_events_of_the_running_window_and_no_others() -> None:
    events = events_of(10_000)
    with running(source := HandSource(), CaptureParameters(display_window_ms=20)) as pipeline:
        source.give(events)
        snapshot = seen(pipeline, lambda s: s.time_us == 99_990)
    # Four quarters of 5 ms that are over, and the one that is not.
    shown = events[events["timestamp"] >= 75_000]
    for counts, polarity in ((snapshot.off, 0), (snapshot.on, 1)):
        part = shown[shown["polarity"] == polarity]
        expected = np.zeros(SIZE[::-1], np.int64)
        np.add.at(expected, (part["y"], part["x"]), 1)
        np.testing.assert_array_equal(counts, expected)
    assert snapshot.counts().sum() == len(shown)
    assert snapshot.on is not None
    assert not snapshot.on.flags.writeable


def test_the_time_surface_fades_with_the_age_of_the_last_event() -> None:
    events = events_of(5_000)
    with running(source := HandSource(), CaptureParameters(representation="time_surface", tau_ms=20)) as pipeline:
        source.give(events)
        snapshot = seen(pipeline, lambda s: s.time_us == 49_990)
    last = np.full(SIZE[::-1], -np.inf)
    np.maximum.at(last, (events["y"], events["x"]), events["timestamp"])
    expected = np.rint(255 * np.exp((last - 49_990) / 20_000))
    assert snapshot.surface is not None
    np.testing.assert_allclose(snapshot.surface, expected, atol=1)
    assert snapshot.on is None


def test_parameters_change_on_the_fly_from_the_next_chunk_on() -> None:
    with running(source := HandSource(), CaptureParameters(window_ms=10)) as pipeline:
        source.give(events_of(3_000))
        first = seen(pipeline, lambda s: s.preview is not None).preview
        assert first is not None
        assert first.image.shape == SIZE[::-1]
        chosen = CaptureParameters(window_ms=5, region=(0, 0, 16, 8), filters=CaptureFilters(refractory_on=True))
        pipeline.set_parameters(chosen)
        assert pipeline.parameters is chosen
        source.give(events_of(3_000, start_us=30_000, seed=2))
        second = seen(pipeline, lambda s: s.preview is not None and s.preview.image.shape == (8, 16))
        assert second.preview is not None
        assert second.preview.binning.window_ms == 5
        assert second.preview.index > first.index
        assert [kind for kind, _ in second.statistics.removed] == ["refractory"]


def test_a_region_off_the_sensor_is_a_sentence_and_the_picture_goes_on() -> None:
    with running(source := HandSource(), CaptureParameters(window_ms=10, region=(60, 0, 16, 16))) as pipeline:
        source.give(events_of(3_000))
        snapshot = seen(pipeline, lambda s: s.time_us == 29_990)
        assert "does not lie on the sensor of 64x48" in snapshot.problem
        assert snapshot.preview is None
        assert snapshot.counts().sum() > 0
        pipeline.set_parameters(CaptureParameters(window_ms=10))
        source.give(events_of(3_000, start_us=30_000))
        assert seen(pipeline, lambda s: s.preview is not None).problem == ""


def test_filters_tell_the_share_that_they_remove() -> None:
    events = events_of(20_000, step_us=5)
    parameters = CaptureParameters(filters=CaptureFilters(refractory_on=True, refractory=RefractoryParameters(period_us=20_000)))
    with running(source := HandSource(), parameters) as pipeline:
        source.give(events)
        snapshot = seen(pipeline, lambda s: s.time_us == 99_995)
    chain = FilterChain([RefractoryParameters(period_us=20_000)], SIZE)
    chain.process(events)
    ((kind, share),) = snapshot.statistics.removed
    assert kind == "refractory"
    assert share == pytest.approx(chain.share_removed)
    assert share > 0.2


def test_hot_pixels_are_found_marked_left_out_saved_and_loaded(tmp_path) -> None:  # type: ignore[no-untyped-def]
    events = events_of(60_000, step_us=20)  # 1.2 s, 20 events a pixel
    hot = events_of(30_000, step_us=40)
    hot["x"], hot["y"] = 13, 7
    both = joined([events, hot])
    both = both[np.argsort(both["timestamp"], kind="stable")]
    with running(source := HandSource(), CaptureParameters(window_ms=100)) as pipeline:
        source.give(both[:9_000])
        seen(pipeline, lambda s: s.time_us == both[8_999]["timestamp"])
        with pytest.raises(BadInput, match="half a second"):
            pipeline.find_hot_pixels()
        source.give(both[9_000:])
        seen(pipeline, lambda s: s.time_us == both[-1]["timestamp"])
        assert pipeline.find_hot_pixels() == {(13, 7)}
        pipeline.hot_pixels = pipeline.find_hot_pixels()
        pipeline.add_hot_pixel(0, 0)
        pipeline.save_hot_pixels(tmp_path / "hot.txt")
        assert (tmp_path / "hot.txt").read_text() == "0,0\n13,7\n"
        pipeline.remove_hot_pixel(0, 0)
        assert pipeline.hot_pixels == {(13, 7)}
        pipeline.load_hot_pixels(tmp_path / "hot.txt")
        assert pipeline.hot_pixels == {(0, 0), (13, 7)}
        source.give(later(both, 1_300_000))
        snapshot = seen(pipeline, lambda s: s.preview is not None and s.preview.start_us >= 1_300_000)
        assert snapshot.preview is not None
        assert snapshot.preview.image[7, 13] == 0
        assert snapshot.preview.image.sum() > 4_000
        (tmp_path / "wrong.txt").write_text("99,1\n")
        with pytest.raises(BadInput, match="lies off the sensor"):
            pipeline.load_hot_pixels(tmp_path / "wrong.txt")


def test_the_selected_pixels_are_the_centres_of_the_grid_cells_on_the_sensor() -> None:
    with running(HandSource(), CaptureParameters(region=(8, 4, 40, 20), dims=(4, 5))) as pipeline:
        pixels = pipeline.selected_pixels()
        assert pixels.shape == (20, 2)
        assert pixels[0].tolist() == [8 + 4, 4 + 2]  # cells of 8 x 5 pixels: LENS 0.1.5 takes k // 2
        assert pixels[-1].tolist() == [8 + 36, 4 + 17]
        with pytest.raises(BadInput, match="does not divide"):
            pipeline.selected_pixels((3, 5))


def test_the_suggested_window_gives_what_it_says() -> None:
    events = events_of(100_000, step_us=10)  # 1 s, 32.6 events a pixel and second
    with running(source := HandSource(), CaptureParameters(window_ms=100)) as pipeline:
        source.give(events)
        shown = seen(pipeline, lambda s: s.time_us == 999_990 and s.statistics.pixel_rate_counts[0] == 0)
        # The figures are made four times a second: wait for those of all events.
        until(lambda: (s := pipeline.snapshot()) and s.statistics.suggested is not shown.statistics.suggested)
        suggested = seen(pipeline, lambda s: s.statistics.suggested is not None).statistics
        pipeline.set_parameters(CaptureParameters(window_ms=100, polarity="on"))
        source.give(later(events, 1_000_000))
        on = seen(
            pipeline, lambda s: s.statistics.suggested and s.statistics.suggested.window_ms > 4000 and s.time_us >= 1_999_990
        ).statistics
    assert suggested.suggested is not None
    assert suggested.suggested.window_ms == 2300
    assert suggested.suggested.text == "window 2300 ms would give 74.9"
    assert suggested.expected_events_per_pixel == pytest.approx(3.26, abs=0.02)
    assert on.expected_events_per_pixel == pytest.approx(1.63, abs=0.05)
    assert suggested.pixel_rate_counts.sum() == SIZE[0] * SIZE[1]


def test_a_source_that_fails_is_a_state_with_a_sentence_and_retry_goes_on() -> None:
    with running(source := HandSource(), CaptureParameters(window_ms=10)) as pipeline:
        source.give(events_of(3_000))
        source.give(SourceFailed("The hand was unplugged: plug it in."))
        until(lambda: pipeline.state is SourceState.FAILED)
        assert pipeline.message == "The hand was unplugged: plug it in."
        seen(pipeline, lambda s: s.preview is not None)
        pipeline.retry()
        source.give(events_of(2_000))  # its clock begins anew
        seen(pipeline, lambda s: s.statistics.total_events == 2_000)
        assert pipeline.state is SourceState.RUNNING
        assert pipeline.message == ""


def test_a_full_picture_queue_drops_and_counts_but_never_holds_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    from engine.capture.processor import Processor

    process = Processor.process

    def slow(self: Processor, events, arrived):  # type: ignore[no-untyped-def]
        gate.wait(PATIENCE_S)
        return process(self, events, arrived)

    monkeypatch.setattr(Processor, "process", slow)
    monkeypatch.setattr("engine.capture.pipeline.QUEUE_EVENTS", 5_000)
    with running(source := HandSource(), CaptureParameters(window_ms=10)) as pipeline:
        for k in range(20):
            source.give(events_of(1_000, start_us=10_000 * k))
        until(lambda: source.statistics().delivered == 20_000)
        gate.set()
        snapshot = seen(pipeline, lambda s: s.time_us == 199_990)
        assert snapshot.statistics.picture_drops >= 14_000
        assert snapshot.statistics.source_drops == 0
        pipeline.count_undrawn(3)
        seen(pipeline, lambda s: s.statistics.undrawn == 3)


def test_a_silent_running_source_clears_the_picture() -> None:
    with running(source := HandSource(), CaptureParameters(display_window_ms=10)) as pipeline:
        source.give(events_of(1_000))
        seen(pipeline, lambda s: s.counts().sum() > 0)
        seen(pipeline, lambda s: s.counts().sum() == 0 and s.statistics.total_events == 1_000)


def test_it_starts_again_after_a_stop() -> None:
    source = HandSource()
    pipeline = CapturePipeline(source, CaptureParameters(window_ms=10))
    for _ in range(2):
        pipeline.start()
        source.give(events_of(2_000))
        seen(pipeline, lambda s: s.statistics.total_events == 2_000)
        pipeline.stop()
        assert not pipeline.running
        assert pipeline.state is SourceState.IDLE
    pipeline.close()
    assert pipeline.snapshot() is None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("capture")]
