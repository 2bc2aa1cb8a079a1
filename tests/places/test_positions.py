"""Positions of several traverses in one frame, whatever each of them has."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.places.index import index_of_folder, read_index, write_index
from engine.places.positions import frame_times, positions_of
from engine.places.traverse import PoseLog, TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from engine.simulation.logs import GpsParameters, to_geographic, write_nmea, write_poses
from engine.simulation.traverse import Poses as DrivenPoses
from engine.storage import write_json

GPS = GpsParameters(noise_m=0.0)
START_US = 1_772_330_400_000_000


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "dataset").mkdir()
    return Workspace.open(tmp_path)


def fill(workspace: Workspace, name: str, count: int = 5, coordinates: bool = False, **facts: object) -> Path:
    """Frames a second apart, whose centres are at 0.5 s, 1.5 s and so on; the robot goes 2 m/s east."""
    folder = workspace.frames_folder("street", "dvs", name)
    starts = [second * 1_000_000 for second in range(count)]
    info = TraverseInfo(**{"window_ms": 1000, "window_starts_us": starts, **facts})
    places = None
    if coordinates:
        places = list(
            zip(*(axis.tolist() for axis in to_geographic(GPS, 2 * (np.arange(count) + 0.5), np.zeros(count))), strict=True)
        )
    write_traverse(folder, workspace.index_file(name), [np.zeros((4, 4), np.uint8)] * count, info, places)
    return folder


def driven(seconds: float) -> DrivenPoses:
    times = np.arange(0, round(seconds * 1e6) + 1, 20_000)
    x = times / 1e6 * 2
    return DrivenPoses(times, x, np.zeros(len(x)), np.zeros(len(x)), x)


def test_a_traverse_with_nothing_has_no_positions(workspace: Workspace) -> None:
    fill(workspace, "plain")
    found = positions_of(workspace, "street", "dvs", ["plain"])["plain"]
    assert len(found) == 5 and not found.known.any() and found.source == ""
    np.testing.assert_array_equal(found.times_us, [500_000, 1_500_000, 2_500_000, 3_500_000, 4_500_000])


def test_local_poses_are_interpolated_at_the_windows_centres(workspace: Workspace) -> None:
    folder = fill(workspace, "a", poses="frame_poses.csv")
    write_poses(folder / "frame_poses.csv", driven(3.2))
    found = positions_of(workspace, "street", "dvs", ["a"])["a"]
    np.testing.assert_allclose(found.xy[:, 0], [1, 3, 5, np.nan, np.nan])
    np.testing.assert_array_equal(found.known, [True, True, True, False, False])
    assert found.origin is None and "frame_poses.csv" in found.source


def test_coordinates_of_the_index_and_a_common_origin(workspace: Workspace) -> None:
    fill(workspace, "a", coordinates=True)
    fill(workspace, "b", coordinates=True)
    rows = read_index(workspace.index_file("b"))
    write_index(
        workspace.index_file("b"), [type(row)(row.image, row.index, row.coordinate if row.index else None) for row in rows]
    )
    found = positions_of(workspace, "street", "dvs", ["a", "b"])
    np.testing.assert_allclose(found["a"].xy[:, 0], [0, 2, 4, 6, 8], atol=1e-3)
    np.testing.assert_allclose(found["b"].xy[1:], found["a"].xy[1:], atol=1e-6)
    assert np.isnan(found["b"].xy[0]).all()
    assert found["a"].origin == found["b"].origin


def test_an_attached_log_goes_first_with_its_shift_and_offset(workspace: Workspace) -> None:
    log = PoseLog(file="a.nmea", shift_s=START_US / 1e6, offset_s=0.5)
    folder = fill(workspace, "a", coordinates=True, pose_log=log)
    write_nmea(folder / "a.nmea", driven(10), GPS)
    found = positions_of(workspace, "street", "dvs", ["a"])["a"]
    np.testing.assert_allclose(found.xy[:, 0] - found.xy[0, 0], [0, 2, 4, 6, 8], atol=0.05)
    assert found.xy[0, 0] == pytest.approx(2.0, abs=0.05)  # half a second later than the window's centre
    assert "a.nmea" in found.source


def test_mixed_traverses_meet_in_latitude_and_longitude(workspace: Workspace) -> None:
    folder = fill(workspace, "both", coordinates=True, poses="frame_poses.csv")
    write_poses(folder / "frame_poses.csv", driven(10))
    fill(workspace, "gps", coordinates=True)
    found = positions_of(workspace, "street", "dvs", ["both", "gps"])
    np.testing.assert_allclose(found["both"].xy, found["gps"].xy, atol=1e-6)
    alone = positions_of(workspace, "street", "dvs", ["both"])["both"]
    np.testing.assert_allclose(alone.xy[:, 0], [1, 3, 5, 7, 9])


def test_frames_without_a_common_frame_are_refused(workspace: Workspace) -> None:
    folder = fill(workspace, "local", poses="frame_poses.csv")
    write_poses(folder / "frame_poses.csv", driven(10))
    fill(workspace, "gps", coordinates=True)
    with pytest.raises(BadInput, match="local has poses in local metres and gps in latitude and longitude"):
        positions_of(workspace, "street", "dvs", ["local", "gps"])


def test_poses_without_frame_times_are_taken_row_by_row_or_refused(workspace: Workspace) -> None:
    folder = fill(workspace, "a", poses="frame_poses.csv", window_starts_us=[])
    (folder / "frame_poses.csv").write_text("time_s,x,y\n" + "".join(f"{n},{n},0\n" for n in range(5)))
    np.testing.assert_allclose(positions_of(workspace, "street", "dvs", ["a"])["a"].xy[:, 0], [0, 1, 2, 3, 4])
    (folder / "frame_poses.csv").write_text("time_s,x,y\n0,0,0\n")
    with pytest.raises(BadInput, match="no time stamps"):
        positions_of(workspace, "street", "dvs", ["a"])


def test_frame_times_follow_the_index(workspace: Workspace) -> None:
    folder = fill(workspace, "a")
    rows = index_of_folder(folder)
    write_index(workspace.index_file("a"), [rows[3], rows[1]])
    traverse = workspace.traverse("street", "dvs", "a")
    np.testing.assert_array_equal(frame_times(traverse, traverse.info()), [3_500_000, 1_500_000])
    (folder / "image_0004.png").unlink()  # now the names and the windows do not belong together
    assert frame_times(traverse, traverse.info()) is None


def test_windows_of_a_fixed_count_end_where_the_next_begins(workspace: Workspace) -> None:
    fill(workspace, "a", count=3, window_ms=None, window_starts_us=[0, 1_000_000, 4_000_000])
    traverse = workspace.traverse("street", "dvs", "a")
    np.testing.assert_array_equal(frame_times(traverse, traverse.info()), [500_000, 2_500_000, 5_500_000])


def test_a_traverse_json_that_is_wrong_is_named(workspace: Workspace) -> None:
    folder = fill(workspace, "a")
    write_json(folder / "traverse.json", {"pose_log": {"file": "a.nmea", "offset_s": "late"}})
    with pytest.raises(BadInput, match="offset_s"):
        positions_of(workspace, "street", "dvs", ["a"])
