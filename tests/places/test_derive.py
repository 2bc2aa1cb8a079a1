"""New traverses out of old ones: what goes along, what is refused, and that nothing half-made is left."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken, ignore
from engine.places.derive import CropParameters, EveryParameters, MergeParameters, crop, keep_every, merge
from engine.places.index import read_index, write_index
from engine.places.making import TraverseName
from engine.places.pose_logs import AttachParameters, attach_poses
from engine.places.positions import frame_times, positions_of
from engine.places.workspace import Workspace
from engine.storage import write_json
from tests.places.made import CancelAfter, Said, fill, nmea, numbers, tree, workspace_at


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "work")


def test_every_nth_frame_with_its_times(workspace: Workspace) -> None:
    name = fill(workspace, count=7)
    before = tree(name.folder(workspace))
    made = keep_every(workspace, name, EveryParameters(every=3), ignore, CancelToken())
    new = name.beside("monday-every-3")
    assert made.name == "monday-every-3" and numbers(workspace, new) == [0, 3, 6]
    info = made.info()
    assert info is not None and info.window_starts_us == [0, 3_000_000, 6_000_000]
    assert info.made_from == "one of every 3 frames of monday" and info.window_ms == 1000
    assert [row.index for row in read_index(workspace.index_file("monday-every-3"))] == [0, 1, 2]
    assert tree(name.folder(workspace)) == before


def test_every_nth_from_a_first_one_under_a_name(workspace: Workspace) -> None:
    name = fill(workspace, count=7)
    keep_every(workspace, name, EveryParameters(every=2, first=1, name="fewer"), ignore, CancelToken())
    assert numbers(workspace, name.beside("fewer")) == [1, 3, 5]


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ({"first": 2}, [2, 3, 4, 5]),
        ({"first": 1, "last": 3}, [1, 2, 3]),
        ({"from_s": 1.5, "to_s": 4.0}, [2, 3, 4]),
        ({"first": 3, "to_s": 4.0}, [3, 4]),
    ],
)
def test_a_part_by_frames_and_by_time(workspace: Workspace, part: dict[str, float], kept: list[int]) -> None:
    name = fill(workspace)
    made = crop(workspace, name, CropParameters(**part), ignore, CancelToken())
    assert made.name == f"monday-{kept[0]}-{kept[-1]}"
    assert numbers(workspace, name.beside(made.name)) == kept


def test_a_part_that_is_empty_or_needs_times_is_refused(workspace: Workspace) -> None:
    name = fill(workspace)
    with pytest.raises(BadInput, match="No frame of monday lies in that part"):
        crop(workspace, name, CropParameters(first=9), ignore, CancelToken())
    (name.folder(workspace) / "traverse.json").unlink()
    with pytest.raises(BadInput, match="no time stamps"):
        crop(workspace, name, CropParameters(from_s=1), ignore, CancelToken())
    crop(workspace, name, CropParameters(first=4), ignore, CancelToken())  # frames do not need them


def test_coordinates_and_an_attached_log_go_along(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace)
    rows = read_index(workspace.index_file("monday"))
    write_index(workspace.index_file("monday"), [type(r)(r.image, r.index, (51.0 + r.index / 1000, 0.5)) for r in rows])
    attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea")), ignore, CancelToken())
    whole = positions_of(workspace, "street", "dvs", ["monday"])["monday"]
    crop(workspace, name, CropParameters(first=2, last=4, name="part"), ignore, CancelToken())
    part = positions_of(workspace, "street", "dvs", ["part", "monday"])
    np.testing.assert_allclose(part["part"].xy, part["monday"].xy[2:5], atol=1e-6)
    np.testing.assert_allclose(np.diff(part["part"].xy[:, 0]), np.diff(whole.xy[2:5, 0]), atol=1e-6)
    coordinates = name.beside("part").open(workspace).coordinates()
    assert coordinates is not None and coordinates[0, 0] == pytest.approx(51.002)


def test_two_joined_have_ascending_times_and_each_its_poses(workspace: Workspace, tmp_path: Path) -> None:
    a, b = fill(workspace, "a", 3), fill(workspace, "b", 4)
    for name, speed in ((a, 2.0), (b, 3.0)):
        log = nmea(tmp_path / f"{name.traverse}.nmea", speed=speed)
        attach_poses(workspace, name, AttachParameters(log=log), ignore, CancelToken())
    said = Said()
    made = merge(workspace, [a, b], MergeParameters(), said, CancelToken())
    assert made.name == "a-b" and numbers(workspace, a.beside("a-b")) == [0, 1, 2, 0, 1, 2, 3]
    times = frame_times(made, made.info())
    assert times is not None and (np.diff(times) > 0).all() and "an hour after" in said.notices
    found = positions_of(workspace, "street", "dvs", ["a", "b", "a-b"])
    np.testing.assert_allclose(found["a-b"].xy, np.concatenate([found["a"].xy, found["b"].xy]), atol=1e-3)


def test_joining_keeps_the_clock_where_it_goes_on(workspace: Workspace) -> None:
    a = fill(workspace, "a", 3)
    b = fill(workspace, "b", 2, window_starts_us=[90_000_000, 91_000_000])
    info = merge(workspace, [a, b], MergeParameters(name="both"), ignore, CancelToken()).info()
    assert info is not None and info.window_starts_us == [0, 1_000_000, 2_000_000, 90_000_000, 91_000_000]


def test_different_windows_are_told_and_their_middles_kept(workspace: Workspace) -> None:
    a = fill(workspace, "a", 2)
    b = fill(workspace, "b", 2, window_ms=500.0, window_starts_us=[90_000_000, 91_000_000])
    said = Said()
    made = merge(workspace, [a, b], MergeParameters(name="both"), said, CancelToken())
    assert "different time windows" in said.notices and made.info().window_ms is None  # type: ignore[union-attr]
    np.testing.assert_array_equal(frame_times(made, made.info()), [500_000, 1_500_000, 90_250_000, 91_250_000])


def test_what_cannot_be_joined(workspace: Workspace) -> None:
    a, b = fill(workspace, "a", 3), fill(workspace, "b", 3, size=16)
    with pytest.raises(BadInput, match="different sizes"):
        merge(workspace, [a, b], MergeParameters(), ignore, CancelToken())
    with pytest.raises(BadInput, match="at least two"):
        merge(workspace, [a], MergeParameters(), ignore, CancelToken())


def test_nothing_is_overwritten(workspace: Workspace) -> None:
    name = fill(workspace)
    fill(workspace, "taken")
    before = tree(workspace.root)
    with pytest.raises(BadInput, match="exists already"):
        keep_every(workspace, name, EveryParameters(name="taken"), ignore, CancelToken())
    (workspace.data_dir / "listed.csv").write_text("Image_name,index\na.png,0\n")
    with pytest.raises(BadInput, match="exists already"):
        keep_every(workspace, name, EveryParameters(name="listed"), ignore, CancelToken())
    (workspace.data_dir / "listed.csv").unlink()
    assert tree(workspace.root) == before


@pytest.mark.parametrize("bad", ["../out", "a/b", ".hidden", " ", "x" * 300])
def test_names_that_are_no_folders(workspace: Workspace, bad: str) -> None:
    name = fill(workspace)
    with pytest.raises(BadInput, match="name"):
        keep_every(workspace, name, EveryParameters(name=bad), ignore, CancelToken())


def test_a_name_in_any_letters(workspace: Workspace) -> None:
    name = fill(workspace)
    keep_every(workspace, name, EveryParameters(name="Straße 東京"), ignore, CancelToken())
    assert ("street", "dvs", "Straße 東京") in workspace.traverses()


@pytest.mark.parametrize("checks", [1, 3])
def test_a_cancelled_one_leaves_nothing(workspace: Workspace, checks: int) -> None:
    name = fill(workspace)
    before = tree(workspace.root)
    with pytest.raises(JobCancelled):
        keep_every(workspace, name, EveryParameters(), ignore, CancelAfter(checks))
    assert tree(workspace.root) == before
    assert not [path for path in workspace.root.rglob("*") if path.name.startswith(".")]


def test_a_file_that_is_missing_is_named_and_nothing_is_left(workspace: Workspace) -> None:
    name = fill(workspace)
    (name.folder(workspace) / "image_0004.png").unlink()
    with pytest.raises(BadInput, match=r"names image_0004\.png"):
        keep_every(workspace, name, EveryParameters(), ignore, CancelToken())
    assert workspace.traverses() == [("street", "dvs", "monday")]


def test_a_traverse_of_one_frame_and_one_without_frames(workspace: Workspace) -> None:
    name = fill(workspace, count=1)
    assert len(keep_every(workspace, name, EveryParameters(), ignore, CancelToken())) == 1
    with pytest.raises(BadInput, match="No frame is left"):
        keep_every(workspace, name, EveryParameters(first=5, name="none"), ignore, CancelToken())
    (workspace.data_dir / "street/dvs/empty").mkdir()
    with pytest.raises(BadInput, match="no PNG frames"):
        keep_every(workspace, TraverseName("street", "dvs", "empty"), EveryParameters(), ignore, CancelToken())


def test_poses_without_times_stay_a_row_a_frame(workspace: Workspace) -> None:
    name = fill(workspace, window_starts_us=[], poses="frame_poses.csv")
    folder = name.folder(workspace)
    (folder / "frame_poses.csv").write_text("time_s,x,y\n" + "".join(f"{n},{n},0\n" for n in range(6)))
    keep_every(workspace, name, EveryParameters(name="half"), ignore, CancelToken())
    found = positions_of(workspace, "street", "dvs", ["half"])["half"]
    np.testing.assert_allclose(found.xy[:, 0], [0, 2, 4])


def test_a_traverse_json_that_is_no_object_is_a_sentence(workspace: Workspace) -> None:
    name = fill(workspace)
    write_json(name.folder(workspace) / "traverse.json", [1, 2])
    with pytest.raises(BadInput, match="should be a JSON object"):
        keep_every(workspace, name, EveryParameters(), ignore, CancelToken())
