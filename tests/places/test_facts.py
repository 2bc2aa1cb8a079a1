"""A traverse's figures, and a sentence for everything that is wrong with it."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput, JobCancelled
from engine.frames.png import write_png
from engine.jobs import CancelToken, ignore
from engine.places.facts import check_traverse
from engine.places.index import IndexRow, write_index
from engine.places.making import TraverseName
from engine.places.pose_logs import AttachParameters, OffsetParameters, attach_poses, set_offset
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from tests.places.made import CancelAfter, fill, nmea, workspace_at


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "work")


def good(workspace: Workspace, count: int = 10) -> TraverseName:
    name = TraverseName("street", "dvs", "good")
    frames = np.random.default_rng(3).poisson(75, (count, 10, 10)).clip(0, 254).astype(np.uint8)
    info = TraverseInfo(window_ms=500, window_starts_us=[n * 500_000 for n in range(count)], source="a.aedat4")
    write_traverse(name.folder(workspace), workspace.index_file("good"), frames, info)
    return name


def warned(workspace: Workspace, name: TraverseName) -> str:
    return " ".join(check_traverse(workspace, name, ignore, CancelToken()).warnings)


def test_a_good_traverse_has_figures_and_no_warnings(workspace: Workspace) -> None:
    facts = check_traverse(workspace, good(workspace), ignore, CancelToken())
    assert (facts.frames, facts.measured, facts.size, facts.window_ms) == (10, 10, (10, 10), 500)
    assert facts.duration_s == pytest.approx(5) and facts.frame_rate == pytest.approx(2)
    assert facts.events_per_pixel == pytest.approx(75, rel=0.02) and facts.event_rate == pytest.approx(75 * 100 / 0.5, rel=0.02)
    assert facts.silent_share == 0 and facts.saturated_share == 0 and facts.with_pose is None
    assert facts.warnings == () and facts.source == "a.aedat4"


def test_shares_are_counted_over_pixels(workspace: Workspace) -> None:
    name = good(workspace, 4)
    frame = np.full((10, 10), 60, np.uint8)
    frame[0, :5], frame[1, :2] = 0, 255
    write_png(name.folder(workspace) / "image_0001.png", frame)
    facts = check_traverse(workspace, name, ignore, CancelToken())
    assert facts.silent_share == pytest.approx(5 / 400) and facts.saturated_share == pytest.approx(2 / 400)
    assert facts.saturated_frames == (1,)
    assert "1 frame with more than 1 % of the pixels at 255 (1)" in " ".join(facts.warnings)


def test_a_sample_is_spread_evenly_and_says_how_many(workspace: Workspace) -> None:
    facts = check_traverse(workspace, good(workspace, 40), ignore, CancelToken(), sample=7)
    assert (facts.frames, facts.measured) == (40, 7)


def test_silent_frames_and_too_few_events(workspace: Workspace) -> None:
    name = fill(workspace, count=4)  # frame 0 is empty, the others have 1 to 3 events a pixel
    text = warned(workspace, name)
    assert "1 frame without anything to see (0)" in text
    assert "1.5 events per pixel are few" in text and "50000 ms would suit (longer)" in text


def test_the_index_against_the_folder(workspace: Workspace) -> None:
    name = good(workspace, 6)
    rows = [IndexRow(f"image_{n:04d}.png", index) for n, index in ((0, 0), (1, 1), (1, 1), (3, 4), (9, 9), (2, 3))]
    write_index(workspace.index_file("good"), rows)
    text = warned(workspace, name)
    assert "names 1 file that the folder does not have (image_0009.png)" in text
    assert "has 2 frames that the index does not name (image_0004.png, image_0005.png)" in text
    assert "names 1 file more than once (image_0001.png)" in text
    assert "1 number more than once (1)" in text
    assert "not in order: number 3" in text
    assert "2 gaps: after 1 comes 4" in text


def test_an_index_of_every_fifth_place_has_no_gaps(workspace: Workspace) -> None:
    name = good(workspace, 6)
    write_index(workspace.index_file("good"), [IndexRow(f"image_{n:04d}.png", 5 * n) for n in range(6)])
    assert warned(workspace, name) == ""


def test_without_index_and_without_traverse_json(workspace: Workspace) -> None:
    name = good(workspace, 6)
    workspace.index_file("good").unlink()
    (name.folder(workspace) / "traverse.json").unlink()
    text = warned(workspace, name)
    assert "no index file" in text and "no time stamps" in text


def test_unequal_sizes_and_broken_frames(workspace: Workspace) -> None:
    name = good(workspace, 6)
    write_png(name.folder(workspace) / "image_0002.png", np.full((4, 8), 70, np.uint8))
    (name.folder(workspace) / "image_0003.png").write_bytes(b"no picture")
    facts = check_traverse(workspace, name, ignore, CancelToken())
    text = " ".join(facts.warnings)
    assert facts.size == (10, 10) and facts.measured == 5
    assert "unequal sizes: 4 of 10x10 (such as image_0000.png), 1 of 8x4 (such as image_0002.png)" in text
    assert "image_0003.png is not a PNG file" in text


def test_time_stamps_with_a_gap_or_going_back(workspace: Workspace) -> None:
    gap = fill(workspace, "gap", window_starts_us=[0, 1_000_000, 2_000_000, 90_000_000, 91_000_000, 92_000_000])
    assert "1 gap in time; the longest, 88 s, comes after frame 2" in warned(workspace, gap)
    back = fill(workspace, "back", window_starts_us=[0, 1_000_000, 500_000, 3_000_000, 4_000_000, 5_000_000])
    assert "do not ascend: frame 2" in warned(workspace, back)
    other = fill(workspace, "other", window_starts_us=[0, 1_000_000])
    assert "another number of windows" in warned(workspace, other)


def test_a_single_frame_and_none(workspace: Workspace) -> None:
    assert "a single frame" in warned(workspace, fill(workspace, "one", 1))
    (workspace.data_dir / "street/dvs/empty").mkdir()
    with pytest.raises(BadInput, match="no PNG frames"):
        check_traverse(workspace, TraverseName("street", "dvs", "empty"), ignore, CancelToken())


def test_poses_that_do_not_cover_or_cannot_be_read(workspace: Workspace) -> None:
    name = fill(workspace, "posed", poses="frame_poses.csv")
    (name.folder(workspace) / "frame_poses.csv").write_text("time_us,x,y\n0,0,0\n1000000,1,0\n2600000,2,0\n")
    facts = check_traverse(workspace, name, ignore, CancelToken())
    assert facts.with_pose == 3 and any("3 of 6 frames have no pose" in text for text in facts.warnings)
    (name.folder(workspace) / "frame_poses.csv").unlink()
    assert "frame_poses.csv does not exist" in warned(workspace, name)


def test_a_clock_that_was_only_put_together_is_said_until_it_is_corrected(workspace: Workspace, tmp_path: Path) -> None:
    name = good(workspace)
    attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea")), ignore, CancelToken())
    assert "is not the events' clock" in warned(workspace, name)
    set_offset(workspace, name, OffsetParameters(offset_s=0.4), ignore, CancelToken())
    assert warned(workspace, name) == ""


def test_a_check_can_be_cancelled(workspace: Workspace) -> None:
    with pytest.raises(JobCancelled):
        check_traverse(workspace, good(workspace), ignore, CancelAfter(4))
