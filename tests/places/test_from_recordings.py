"""Recordings imported with the logs beside them, and traverses binned anew."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE
from engine.events.writer import EventWriter
from engine.frames.binning import BinningParameters
from engine.jobs import CancelToken, ignore
from engine.places.clock import ClockParameters, estimate_offset
from engine.places.from_recordings import RebinParameters, RecordingImport, import_recordings, rebin, recording_of
from engine.places.making import TraverseName
from engine.places.pose_logs import OffsetParameters, set_offset
from engine.places.positions import positions_of
from engine.places.workspace import Workspace
from engine.simulation.pair import PairParameters, write_pair
from engine.simulation.parameters import CameraParameters
from tests.places.made import Said, fill, nmea, workspace_at

WHERE = {"dataset": "street", "camera": "dvs"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "work")


def recording(path: Path, seconds: float = 6.0) -> Path:
    count = round(seconds * 5000)
    events = np.zeros(count, EVENT_DTYPE)
    events["timestamp"] = np.arange(count) * 200
    rng = np.random.default_rng(4)
    events["x"], events["y"] = rng.integers(0, 32, count), rng.integers(0, 24, count)
    writer = EventWriter(path, (32, 24), flush_ms=None)
    writer.write(events)
    writer.close()
    return path


def test_recordings_become_traverses_with_the_logs_beside_them(workspace: Workspace, tmp_path: Path) -> None:
    monday, tuesday = recording(tmp_path / "monday.aedat4"), recording(tmp_path / "tuesday.aedat4")
    nmea(tmp_path / "monday.nmea")
    said = Said()
    parameters = RecordingImport(**WHERE, binning=BinningParameters(window_ms=500))
    made = import_recordings(workspace, [monday, tuesday], parameters, said, CancelToken())
    assert made == [TraverseName("street", "dvs", name) for name in ("monday", "tuesday")]
    found = positions_of(workspace, "street", "dvs", ["monday", "tuesday"])
    assert found["monday"].known.all() and len(found["monday"]) == 11 and not found["tuesday"].known.any()
    np.testing.assert_allclose(np.diff(found["monday"].xy[:, 0]), 1.0, atol=0.05)
    assert "monday have a pose from monday.nmea" in said.notices


def test_a_log_that_does_not_fit_and_a_recording_that_cannot_be_read_are_warnings(workspace: Workspace, tmp_path: Path) -> None:
    monday, broken = recording(tmp_path / "monday.aedat4"), tmp_path / "broken.aedat4"
    broken.write_bytes(b"no recording at all")
    (tmp_path / "monday.nmea").write_text("no log")
    said = Said()
    made = import_recordings(workspace, [monday, broken], RecordingImport(**WHERE), said, CancelToken())
    assert [name.traverse for name in made] == ["monday"]
    assert "monday.nmea was not attached" in said.notices and "broken.aedat4" in said.notices
    with pytest.raises(BadInput, match=r"broken\.aedat4"):
        import_recordings(workspace, [broken], RecordingImport(**WHERE), ignore, CancelToken())
    with pytest.raises(BadInput, match="at least one"):
        import_recordings(workspace, [], RecordingImport(**WHERE), ignore, CancelToken())
    with pytest.raises(BadInput, match="exists already"):
        import_recordings(workspace, [monday], RecordingImport(**WHERE), ignore, CancelToken())
    with pytest.raises(BadInput, match="Two recordings"):
        import_recordings(workspace, [monday, tmp_path / "a" / "monday.raw"], RecordingImport(**WHERE), ignore, CancelToken())


def test_a_traverse_is_binned_anew_with_its_poses(workspace: Workspace, tmp_path: Path) -> None:
    path = recording(workspace.recordings / "monday.aedat4")
    nmea(workspace.recordings / "monday.nmea")
    (name,) = import_recordings(workspace, [path], RecordingImport(**WHERE), ignore, CancelToken())
    set_offset(workspace, name, OffsetParameters(offset_s=1.5), ignore, CancelToken())
    assert recording_of(workspace, name, name.open(workspace).info()) == path
    parameters = RebinParameters(binning=BinningParameters(window_ms=250, roi=(0, 0, 16, 16)))
    made = rebin(workspace, name, parameters, ignore, CancelToken())
    assert made.traverse.name == "monday-250ms" and made.traverse.frames().shape == (23, 16, 16)
    info, old = made.traverse.info(), name.open(workspace).info()
    assert info is not None and old is not None and info.pose_log is not None and old.pose_log is not None
    assert (info.pose_log.offset_s, info.pose_log.shift_s) == (1.5, old.pose_log.shift_s)
    assert info.pose_log.file == "poses_monday.nmea"
    found = positions_of(workspace, "street", "dvs", ["monday", "monday-250ms"])
    np.testing.assert_allclose(found["monday"].xy[0, 0] - found["monday-250ms"].xy[0, 0], 0.75, atol=0.05)


def test_a_recording_that_is_gone_is_named(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace, source="/somewhere/else/monday.aedat4")
    info = name.open(workspace).info()
    assert recording_of(workspace, name, info) is None
    with pytest.raises(BadInput, match=r"The recording of monday \(/somewhere/else/monday\.aedat4\) is not there"):
        rebin(workspace, name, RebinParameters(), ignore, CancelToken())
    recording(tmp_path / "found.aedat4")
    made = rebin(workspace, name, RebinParameters(recording=tmp_path / "found.aedat4", name="new"), ignore, CancelToken())
    assert made.traverse.name == "new" and made.traverse.info().pose_log is None  # type: ignore[union-attr]
    recording(workspace.recordings / "monday.aedat4")  # a workspace that was moved still finds its own
    assert recording_of(workspace, name, info) == workspace.recordings / "monday.aedat4"
    assert recording_of(workspace, name, None) == workspace.recordings / "monday.aedat4"
    with pytest.raises(BadInput, match="exists already"):
        rebin(workspace, name, RebinParameters(name="new"), ignore, CancelToken())


def test_two_drives_of_the_synthetic_world_and_a_clock_that_is_wrong(workspace: Workspace, tmp_path: Path) -> None:
    pair = write_pair(PairParameters(camera=CameraParameters(width=64, height=64), places=40, query_places=0), tmp_path / "pair")
    recordings = [traverse.events_path for traverse in pair.traverses]
    reference, query = import_recordings(
        workspace,
        [path if path.exists() else tmp_path / "pair" / path.name for path in recordings if path is not None],
        RecordingImport(**WHERE, name="{file}-new", binning=BinningParameters(window_ms=1000)),
        ignore,
        CancelToken(),
    )
    assert (reference.traverse, query.traverse) == ("reference-new", "query-new")
    set_offset(workspace, query, OffsetParameters(offset_s=-4.0), ignore, CancelToken())
    found = estimate_offset(workspace, reference, query, ClockParameters(range_s=8), ignore, CancelToken())
    # A second is a frame: a quarter of it is what matched frames can tell.
    assert found.offset_s == pytest.approx(0.0, abs=0.5) and found.certain and found.after_m < found.before_m / 3
