"""Recording: exactly the events that came, frames as offline binning gives them, and what is whole stays whole."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from engine.capture import (
    CaptureFilters,
    CaptureParameters,
    CapturePipeline,
    RecordingParameters,
    adopt,
    check_names,
    discard,
    disk_space,
    unfinished_recordings,
)
from engine.capture.recorder import DiskSpace
from engine.errors import BadInput, JobCancelled
from engine.events.array import joined
from engine.events.recording import open_recording
from engine.events.sources.source import SourceFailed
from engine.events.writer import EventWriter, check_recording
from engine.frames.binning import BinningParameters, bin_events
from engine.jobs import CancelToken, ignore
from engine.places.workspace import Workspace
from tests.capture.helpers import SIZE, HandSource, events_of, running, same_events, seen
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).resolve().parents[2]


def read_all(path: Path):  # type: ignore[no-untyped-def]
    with open_recording(path) as reader:
        return joined(list(reader.chunks()))


def total(pipeline: CapturePipeline, events: int) -> None:
    seen(pipeline, lambda s: s.statistics.total_events >= events)


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_exactly_the_events_sent_are_recorded_and_frames_are_as_binned_offline(tmp_path: Path, compression: str) -> None:
    parameters = CaptureParameters(window_ms=10, region=(8, 4, 32, 16))
    events = events_of(50_000)
    with running(source := HandSource(), parameters, tmp_path) as pipeline:
        source.give(events_of(500, start_us=-10_000))
        total(pipeline, 500)
        pipeline.start_recording(RecordingParameters(record_frames=True, compression=compression))
        for part in np.array_split(events, 40):
            source.give(part)
        until(lambda: source.statistics().delivered == 50_500)
        figures = seen(pipeline, lambda s: s.recording and s.recording.frames >= 49).recording
        result = pipeline.stop_recording()
        assert not pipeline.recording
        with pytest.raises(BadInput, match="exists already"):
            pipeline.start_recording(RecordingParameters())
    assert figures is not None
    assert figures.active
    assert result.events_path is not None
    assert same_events(read_all(result.events_path), events)
    assert check_recording(result.events_path).finished
    assert (result.events, result.frames, result.dropped, result.left_out) == (50_000, 49, 0, 0)
    assert result.complete
    assert result.bytes >= result.events_path.stat().st_size - 1000
    traverse = Workspace.open(tmp_path / "workspace").traverse("example", "camera", "traverse")
    frames = bin_events(events, SIZE, BinningParameters(window_ms=10, roi=(8, 4, 32, 16)))
    np.testing.assert_array_equal(traverse.frames(), frames.images)
    info = traverse.info()
    assert traverse.indexed
    assert info is not None
    assert info.window_starts_us == frames.start_us.tolist()
    assert (info.sensor, info.region, info.window_ms, info.source) == (SIZE, (8, 4, 32, 16), 10, "The hand")
    assert not list((tmp_path / "workspace").rglob(".*")), "temporary files stayed"


def test_a_recording_of_a_given_duration_ends_itself_in_the_midst_of_a_chunk(tmp_path: Path) -> None:
    events = events_of(20_000)
    with running(source := HandSource(), CaptureParameters(window_ms=10), tmp_path) as pipeline:
        pipeline.start_recording(RecordingParameters(record_frames=True, duration_s=0.1))
        source.give(events)
        until(lambda: not pipeline.recording)
        result = pipeline.last_recording
        assert pipeline.stop_recording() is result
        total(pipeline, 20_000)
    assert result is not None
    assert result.events_path is not None
    assert same_events(read_all(result.events_path), events[:10_000])
    assert result.elapsed_s == 0.1
    assert result.frames == 9  # the tenth window is not over before an event after it


def test_recorded_filters_are_told_and_cannot_be_changed_meanwhile(tmp_path: Path) -> None:
    with running(source := HandSource(), CaptureParameters(window_ms=10), tmp_path) as pipeline:
        pipeline.hot_pixels = [(3, 4)]
        pipeline.start_recording(RecordingParameters(record_events=False, record_frames=True))
        pipeline.set_parameters(CaptureParameters(window_ms=10, representation="time_surface", display_window_ms=50))
        for wrong in (CaptureParameters(window_ms=20), CaptureParameters(window_ms=10, filters=CaptureFilters(flicker_on=True))):
            with pytest.raises(BadInput, match="stop the recording"):
                pipeline.set_parameters(wrong)
        with pytest.raises(BadInput, match="stop the recording"):
            pipeline.add_hot_pixel(1, 1)
        source.give(events_of(3_000))
        total(pipeline, 3_000)
        result = pipeline.stop_recording()
        pipeline.set_parameters(CaptureParameters(window_ms=20))
    assert result.events_path is None
    assert result.traverse_folder is not None
    content = json.loads((result.traverse_folder / "traverse.json").read_text())
    assert content["filters"] == [{"kind": "hot_pixels", "file": "", "pixels": [[3, 4]]}]


def test_a_slow_disk_holds_the_source_back_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    write = EventWriter.write

    def slow(self: EventWriter, events) -> None:  # type: ignore[no-untyped-def]
        gate.wait(PATIENCE_S)
        write(self, events)

    monkeypatch.setattr(EventWriter, "write", slow)
    monkeypatch.setattr("engine.capture.recorder.QUEUE_EVENTS", 3_000)
    chunks = [events_of(1_000, start_us=10_000 * k, seed=k) for k in range(30)]
    with running(source := HandSource(capacity=4_000), CaptureParameters(window_ms=10), tmp_path) as pipeline:
        pipeline.start_recording(RecordingParameters())
        for chunk in chunks:
            source.give(chunk)
        until(lambda: source.statistics().buffered == 4_000)
        assert source.statistics().delivered < 10_000
        gate.set()
        until(lambda: source.statistics().delivered == 30_000)
        result = pipeline.stop_recording()
    assert result.events_path is not None
    assert same_events(read_all(result.events_path), joined(chunks))
    assert result.dropped == 0


def test_frames_are_recorded_whole_while_the_picture_lags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.capture.processor import Processor

    gate = threading.Event()
    process = Processor.process

    def slow(self: Processor, events, arrived):  # type: ignore[no-untyped-def]
        gate.wait(PATIENCE_S)
        return process(self, events, arrived)

    monkeypatch.setattr(Processor, "process", slow)
    monkeypatch.setattr("engine.capture.pipeline.QUEUE_EVENTS", 5_000)
    events = events_of(30_000)
    with running(source := HandSource(), CaptureParameters(window_ms=10), tmp_path) as pipeline:
        pipeline.start_recording(RecordingParameters(record_frames=True))
        for part in np.array_split(events, 30):
            source.give(part)
        until(lambda: source.statistics().delivered == 30_000)
        gate.set()
        result = pipeline.stop_recording()
        snapshot = seen(pipeline, lambda s: s.time_us == 299_990)
    assert snapshot.statistics.picture_drops > 0
    assert result.traverse_folder is not None
    traverse = Workspace.open(tmp_path / "workspace").traverse("example", "camera", "traverse")
    np.testing.assert_array_equal(traverse.frames(), bin_events(events, SIZE, BinningParameters(window_ms=10)).images)


def test_a_source_that_fails_ends_the_recording_with_all_that_came(tmp_path: Path) -> None:
    events = events_of(5_000)
    with running(source := HandSource(), CaptureParameters(window_ms=10), tmp_path) as pipeline:
        pipeline.start_recording(RecordingParameters())
        source.give(events)
        source.give(SourceFailed("The hand was unplugged."))
        until(lambda: pipeline.last_recording)
        result = pipeline.last_recording
        assert result is not None
        assert result.events_path is not None
        assert "The hand was unplugged." in result.message
        assert same_events(read_all(result.events_path), events)


def test_a_recording_shorter_than_a_window_leaves_no_empty_traverse(tmp_path: Path) -> None:
    with running(source := HandSource(), CaptureParameters(window_ms=1000), tmp_path) as pipeline:
        pipeline.start_recording(RecordingParameters(record_frames=True))
        source.give(events_of(1_000))
        total(pipeline, 1_000)
        result = pipeline.stop_recording()
    assert result.traverse_folder is None
    assert "shorter than one window" in result.message
    assert not (tmp_path / "workspace/dataset/example/camera/traverse").exists()
    assert not (tmp_path / "workspace/dataset/traverse.csv").exists()


def test_names_are_checked_while_typed(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    good = {"record_events": True, "record_frames": True}
    assert check_names(good, workspace.root) == {}
    (workspace.recordings / "monday.aedat4").write_bytes(b"")
    workspace.frames_folder("a", "b", "c").mkdir(parents=True)
    (workspace.frames_folder("a", "b", "c") / "x.png").write_bytes(b"")
    workspace.index_file("walk").write_text("Image_name,index\n")
    for values, field, words in (
        ({"events_name": "monday"}, "events_name", "exists already"),
        ({"events_name": "a/b"}, "events_name", "cannot hold '/'"),
        ({"events_name": " "}, "events_name", "needs a name"),
        ({"events_name": ".x"}, "events_name", "begin or end"),
        ({"dataset": "a", "camera": "b", "traverse": "c"}, "traverse", "exists already in this dataset"),
        ({"traverse": "walk"}, "traverse", "walk.csv exists already"),
        ({"camera": "x" * 101}, "camera", "too long"),
        ({"record_events": False, "record_frames": False}, "", "Nothing would be recorded"),
        ({"duration_s": -1}, "duration_s", "greater than 0"),
    ):
        found = check_names(good | values, workspace.root)
        assert list(found) == [field]
        assert words in found[field]
    assert "No workspace" in check_names(good, None)[""]
    assert "not a folder" in check_names(good, tmp_path / "gone")["workspace"]


def test_room_on_the_disk_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.capture.recorder.free_bytes", lambda folder: 1_000_000_000)
    capture = CaptureParameters(window_ms=100, region=(0, 0, 100, 100))
    space = disk_space(tmp_path, RecordingParameters(record_frames=True, compression="none"), capture, SIZE, 1e6)
    assert isinstance(space, DiskSpace)
    assert space.bytes_per_s == 16e6 + 10 * 5_000
    assert space.problem == ""
    long = disk_space(tmp_path, RecordingParameters(duration_s=1000), capture, SIZE, 1e6)
    assert "need about 8.0 GB" in long.problem
    monkeypatch.setattr("engine.capture.recorder.free_bytes", lambda folder: 1_000_000)
    assert "0 MiB free" in disk_space(tmp_path, RecordingParameters(), capture, SIZE, 0).problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_sentence(tmp_path: Path) -> None:
    with running(HandSource(), None, tmp_path) as pipeline:
        (tmp_path / "workspace" / "recordings").chmod(0o500)
        with pytest.raises(BadInput, match="cannot be written"):
            pipeline.start_recording(RecordingParameters())
        (tmp_path / "workspace" / "recordings").chmod(0o700)


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    with running(HandSource(), None, tmp_path) as pipeline:
        (tmp_path / "workspace" / "recordings").rmdir()
        (tmp_path / "workspace" / "recordings").write_text("")
        with pytest.raises(BadInput, match="recordings cannot be written"):
            pipeline.start_recording(RecordingParameters())
        assert not pipeline.recording


FULL_DISK = """
import resource, sys
from pathlib import Path
from engine.capture import CaptureParameters, RecordingParameters
from tests.capture.helpers import HandSource, events_of, running
from tests.waiting import until
with running(source := HandSource(), CaptureParameters(window_ms=1), Path(sys.argv[1])) as pipeline:
    pipeline.start_recording(RecordingParameters(record_frames=True, compression="none"))
    for k in range(3):
        source.give(events_of(10_000, start_us=100_000 * k))
    until(lambda: (s := pipeline.snapshot()) and s.recording and s.recording.bytes > 480_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
    for k in range(3, 20):
        source.give(events_of(10_000, start_us=100_000 * k))
    until(lambda: pipeline.last_recording)
    result = pipeline.last_recording
    until(lambda: source.statistics().delivered == 200_000)
    print(result.complete, result.message, pipeline.recording)
"""


def test_a_full_disk_ends_the_recording_with_one_sentence_and_what_is_whole_stays(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("False ")
    assert "cannot be written any more (File too large); what was written stays readable." in done.stdout
    assert done.stdout.strip().endswith("False")
    recorded = read_all(tmp_path / "workspace/recordings/recording.aedat4")
    assert len(recorded) >= 30_000
    expected = joined([events_of(10_000, start_us=100_000 * k) for k in range(20)])
    assert same_events(recorded, expected[: len(recorded)])
    traverse = Workspace.open(tmp_path / "workspace").traverse("example", "camera", "traverse")
    assert traverse.indexed
    assert len(traverse.frames()) >= 299


KILLED = """
import sys, time
from pathlib import Path
from engine.capture import CaptureParameters, RecordingParameters
from tests.capture.helpers import HandSource, events_of, running
from tests.waiting import until
source = HandSource()
with running(source, CaptureParameters(window_ms=10), Path(sys.argv[1])) as pipeline:
    pipeline.start_recording(RecordingParameters(record_frames=True))
    for k in range(100000):
        source.give(events_of(1000, start_us=10_000 * k, seed=k))
        until(lambda: source.statistics().delivered == 1000 * (k + 1))
        print(k, flush=True)
        time.sleep(0.01)
"""


def killed_recording(folder: Path, chunks: int = 150) -> int:
    """Record in another process, and kill it; returns how many chunks (10 ms of time each) had been read by then."""
    with subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == chunks:
                until(lambda: any((folder / "workspace" / "dataset").rglob("*.png")), "a first frame")
                assert unfinished_recordings(folder / "workspace") == [], "a living process' recording is offered"
                process.send_signal(signal.SIGKILL)
                break
        rest = process.stdout.read().split()
    return int(rest[-1]) if rest else chunks


def test_a_killed_recording_opens_up_to_its_last_second_and_is_adopted(tmp_path: Path) -> None:
    for attempt in range(10):
        root = tmp_path / str(attempt) / "workspace"
        read = killed_recording(root.parent) + 1
        path = root / "recordings" / "recording.aedat4"
        events = joined([events_of(1000, start_us=10_000 * k, seed=k) for k in range(read + 1)])
        left = read_all(path)
        assert same_events(left, events[: len(left)])
        before = Workspace.open(root).traverse("example", "camera", "traverse")
        assert not before.indexed
        # Chunks came every 10 ms of time or slower: one second is 100 of them at most. On a machine that withholds the writing
        # threads their turns it may be more, once.
        if len(left) >= 1000 * (read - 100) and len(before) > read - 100:
            break
    assert len(left) >= 1000 * (read - 100)
    assert len(left) > 0
    (unfinished,) = unfinished_recordings(root)
    assert unfinished.text.startswith("The recording recording.aedat4 (")
    assert f"and the traverse traverse ({len(before)} frames) were cut short on 20" in unfinished.text
    result = adopt(unfinished, root, ignore, CancelToken())
    assert unfinished_recordings(root) == []
    assert check_recording(path).finished
    assert same_events(read_all(path), left)
    assert result.events == len(left)
    traverse = Workspace.open(root).traverse("example", "camera", "traverse")
    assert traverse.indexed
    assert result.frames == len(traverse) == len(before) > read - 100
    frames = bin_events(events, SIZE, BinningParameters(window_ms=10))
    np.testing.assert_array_equal(traverse.frames(), frames.images[: len(traverse)])
    info = traverse.info()
    assert info is not None
    assert info.window_starts_us == frames.start_us[: len(traverse)].tolist()
    assert not list(root.rglob(".*")), "temporary files stayed"


def test_a_recording_killed_before_its_first_byte_does_not_keep_the_traverse(tmp_path: Path) -> None:
    killed_recording(tmp_path, 30)
    root = tmp_path / "workspace"
    (root / "recordings" / "recording.aedat4").write_bytes(b"")
    (unfinished,) = unfinished_recordings(root)
    result = adopt(unfinished, root, ignore, CancelToken())
    assert "is empty" in result.message
    assert not result.complete
    assert result.frames == len(Workspace.open(root).traverse("example", "camera", "traverse")) > 0
    assert unfinished_recordings(root) == []


def test_an_adoption_can_be_cancelled_and_done_again(tmp_path: Path) -> None:
    killed_recording(tmp_path, 30)
    root = tmp_path / "workspace"
    path = root / "recordings" / "recording.aedat4"
    before = path.read_bytes()
    (unfinished,) = unfinished_recordings(root)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        adopt(unfinished, root, ignore, cancel)
    assert path.read_bytes() == before
    assert unfinished_recordings(root) == [unfinished]
    assert adopt(unfinished, root, ignore, CancelToken()).complete


def test_a_killed_recording_is_discarded_to_the_trash(tmp_path: Path) -> None:
    killed_recording(tmp_path, 30)
    root = tmp_path / "workspace"
    (unfinished,) = unfinished_recordings(root)
    trash = discard(unfinished, root)
    assert sorted(path.name for path in trash.iterdir()) == ["recording.aedat4", "traverse"]
    assert unfinished_recordings(root) == []
    assert not (root / "recordings" / "recording.aedat4").exists()
    assert Workspace.open(root).traverses() == []


def test_a_marker_that_leads_out_of_the_workspace_or_nowhere_is_not_followed(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    (tmp_path / "private.aedat4").write_text("mine")
    marker = workspace.recordings / ".1.recording"
    marker.write_text(json.dumps({"events": "../../private.aedat4", "dataset": "..", "camera": "..", "traverse": ".."}))
    (workspace.recordings / ".2.recording").write_text("{")
    assert unfinished_recordings(workspace) == []
    assert not marker.exists()
    assert (tmp_path / "private.aedat4").exists()
