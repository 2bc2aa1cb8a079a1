"""Sources by request, the rate over a recording's time, and binning recordings to traverses."""

import socket
from pathlib import Path

import numpy as np
import pytest

from engine.capture import (
    BinRecordings,
    CameraRequest,
    CaptureFilters,
    CaptureParameters,
    DvStreamRequest,
    RecordingParameters,
    RecordingRequest,
    StreamRequest,
    SyntheticRequest,
    bin_recordings,
    list_cameras,
    open_source,
    rate_timeline,
)
from engine.errors import BadInput, JobCancelled
from engine.events.array import joined
from engine.events.filters import RefractoryParameters
from engine.events.recording import open_recording
from engine.events.sources import (
    CameraSource,
    DvNetworkSource,
    FoundCamera,
    ReplaySource,
    SourceState,
    StreamServer,
    SyntheticSource,
)
from engine.events.writer import EventWriter
from engine.frames.make_traverse import TraverseParameters
from engine.jobs import CancelToken, JobEvent, Notice, Progress, ignore
from engine.places.workspace import Workspace
from tests.capture.helpers import SIZE, HandSource, events_of, running, same_events, seen
from tests.waiting import until


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """40,000 events in 0.4 s."""
    with EventWriter(tmp_path / "walk.aedat4", SIZE) as writer:
        writer.write(events_of(40_000))
    return tmp_path / "walk.aedat4"


def test_a_recording_is_played_sought_and_recorded_anew(recording: Path, tmp_path: Path) -> None:
    source = open_source(RecordingRequest(path=recording, factor=10))
    assert isinstance(source, ReplaySource)
    source.pause()
    with running(source, CaptureParameters(window_ms=10), tmp_path) as pipeline:
        until(lambda: pipeline.state is SourceState.PAUSED)
        source.step(50_000)
        seen(pipeline, lambda s: s.statistics.total_events == 5_000)
        pipeline.start_recording(RecordingParameters(events_name="a"))
        source.seek(200_000)  # before its first event: it begins after the jump
        source.resume()
        until(lambda: not pipeline.recording)
        until(lambda: pipeline.state is SourceState.ENDED)
        seen(pipeline, lambda s: s.time_us == 399_990)
        assert pipeline.last_recording is not None
        assert pipeline.last_recording.message == "The recording walk.aedat4 has ended. The recording ended with it."
        with pytest.raises(BadInput, match="start the source first"):
            pipeline.start_recording(RecordingParameters(events_name="b"))
        source.pause()
        pipeline.retry()
        until(lambda: pipeline.state is SourceState.PAUSED)
        pipeline.start_recording(RecordingParameters(events_name="b", record_frames=True))
        source.step(100_000)
        until(lambda: source.statistics().delivered == 10_000)
        source.seek(300_000)
        source.step(50_000)
        until(lambda: not pipeline.recording)
        result = pipeline.last_recording
    assert result is not None
    assert "Time jumped" in result.message
    assert result.frames == 9
    for name, expected in (("a", events_of(40_000)[20_000:]), ("b", events_of(40_000)[:10_000])):
        with open_recording(tmp_path / f"workspace/recordings/{name}.aedat4") as reader:
            assert same_events(joined(list(reader.chunks())), expected)


def test_our_own_stream_loses_nothing(tmp_path: Path) -> None:
    hand = HandSource()
    with StreamServer(hand, "127.0.0.1:0", policy="block", wait_for_client=True) as server:
        source = open_source(StreamRequest(port=server.address.port))
        with running(source, CaptureParameters(window_ms=10), tmp_path) as pipeline:
            pipeline.start_recording(RecordingParameters())
            for k in range(20):
                hand.give(events_of(5_000, start_us=50_000 * k, seed=k))
            hand.give("The hand is tired.")
            until(lambda: pipeline.last_recording)
            assert pipeline.last_recording is not None
            assert pipeline.last_recording.events == 100_000
            assert pipeline.last_recording.dropped == 0


def test_garbage_from_the_network_is_a_failed_state_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = open_source(StreamRequest(port=listener.getsockname()[1]))
        with running_failing(source) as pipeline:
            connection, _ = listener.accept()
            connection.sendall(b"GET / HTTP/1.1\r\n" * 100)
            until(lambda: pipeline.state is SourceState.FAILED)
            assert pipeline.message.count(".") >= 1
            assert "stream 127.0.0.1" in pipeline.message
            connection.close()


def running_failing(source):  # type: ignore[no-untyped-def]
    """A pipeline whose source may never tell its size."""
    from contextlib import contextmanager

    from engine.capture import CapturePipeline

    @contextmanager
    def scope():  # type: ignore[no-untyped-def]
        pipeline = CapturePipeline(source, CaptureParameters())
        pipeline.start()
        try:
            yield pipeline
        finally:
            pipeline.close()

    return scope()


def test_a_missing_or_foreign_file_is_a_failed_state_and_retry_opens_it_later(recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "later.aedat4"
    with running_failing(open_source(path)) as pipeline:
        until(lambda: pipeline.state is SourceState.FAILED)
        assert "is not a file" in pipeline.message
        path.write_bytes(b"\x00\x01nothing that is known" * 10)
        pipeline.retry()
        until(lambda: pipeline.state is SourceState.FAILED and "is not a file" not in pipeline.message)
        recording.rename(path)
        pipeline.retry()
        seen(pipeline, lambda s: s.statistics.total_events == 40_000)


def test_cameras_and_streams_are_the_sources_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_source(CameraRequest(serial="DVX1")), CameraSource)
    assert isinstance(open_source(DvStreamRequest(host="::1", port=7778)), DvNetworkSource)
    with pytest.raises(BadInput, match="empty"):
        open_source(StreamRequest(host=" "))
    monkeypatch.setattr("engine.capture.open.discover_cameras", lambda: [FoundCamera("DVX", "1")])
    assert list_cameras() == [FoundCamera("DVX", "1")]


def test_the_synthetic_camera_sees_its_world() -> None:
    source = open_source(SyntheticRequest(width=64, height=48, factor=10))
    assert isinstance(source, SyntheticSource)
    with running(source, CaptureParameters(window_ms=50)) as pipeline:
        snapshot = seen(pipeline, lambda s: s.preview is not None and s.statistics.total_events > 1_000)
    assert snapshot.size == (64, 48)
    assert snapshot.preview is not None
    assert snapshot.preview.image.any()


def test_the_rate_timeline_counts_every_event_in_its_step(recording: Path) -> None:
    said: list[JobEvent] = []
    timeline = rate_timeline(recording, said.append, CancelToken(), steps=100)
    assert timeline.counts.sum() == 40_000
    assert 50 < len(timeline.counts) <= 100
    times = events_of(40_000)["timestamp"]
    expected = np.bincount((times - times[0]) // timeline.step_us)
    np.testing.assert_array_equal(timeline.counts, expected)
    assert timeline.rates[:-1] == pytest.approx(100_000)
    assert (timeline.start_us, timeline.last_us) == (0, 399_990)
    assert isinstance(said[-1], Progress)
    odd = rate_timeline(recording, ignore, CancelToken(), steps=77)
    np.testing.assert_array_equal(odd.counts, np.bincount((times - times[0]) // odd.step_us))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        rate_timeline(recording, ignore, cancel)


def test_recordings_become_the_traverses_that_the_live_view_shows(recording: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    (tmp_path / "broken.aedat4").write_bytes(b"nothing that is known")
    capture = CaptureParameters(
        window_ms=20,
        region=(0, 0, 32, 32),
        filters=CaptureFilters(refractory_on=True, refractory=RefractoryParameters(period_us=3_000)),
    )
    parameters = BinRecordings(
        traverse=TraverseParameters(data_dir=workspace.root, dataset="d", camera="c"), capture=capture, hot_pixels=((5, 6),)
    )
    said: list[JobEvent] = []
    made = bin_recordings(
        parameters, [(tmp_path / "broken.aedat4", ""), (recording, ""), (recording, "twice")], said.append, CancelToken()
    )
    assert [one.traverse.name for one in made] == ["walk", "twice"]
    assert [event.level for event in said if isinstance(event, Notice)] == ["warning"]
    frames = workspace.traverse("d", "c", "walk").frames()
    assert frames.shape == (19, 32, 32)
    assert not frames[:, 6, 5].any()
    source = open_source(RecordingRequest(path=recording, factor=10))
    with running(source, capture) as pipeline:
        pipeline.hot_pixels = [(5, 6)]
        shown = seen(pipeline, lambda s: s.preview is not None and s.preview.end_us == 380_000).preview
    assert shown is not None
    np.testing.assert_array_equal(shown.image, frames[-1])
    with pytest.raises(BadInput, match="exists already"):
        bin_recordings(parameters, [(recording, "")], ignore, CancelToken())
    with pytest.raises(BadInput, match="different names"):
        bin_recordings(parameters, [(recording, ""), (recording, "walk")], ignore, CancelToken())
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        bin_recordings(parameters, [(recording, "third")], ignore, cancel)
    assert not workspace.frames_folder("d", "c", "third").exists()
