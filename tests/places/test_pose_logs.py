"""Logs of poses attached to traverses: which clock is taken, what is covered, and the way back."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.jobs import CancelToken, ignore
from engine.places.making import TraverseName
from engine.places.pose_logs import (
    AttachParameters,
    OffsetParameters,
    attach_poses,
    detach_poses,
    log_beside,
    set_offset,
)
from engine.places.positions import positions_of
from engine.places.trash import list_trash
from engine.places.workspace import Workspace
from tests.places.made import START_US, Said, fill, nmea, tree, workspace_at


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "work")


def east(workspace: Workspace, name: TraverseName) -> np.ndarray:
    return positions_of(workspace, name.dataset, name.camera, [name.traverse])[name.traverse].xy[:, 0]


def test_clocks_that_do_not_agree_are_put_together_at_the_start_and_that_is_said(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace, start_us=7_000_000, window_starts_us=[7_000_000 + n * 1_000_000 for n in range(6)])
    said = Said()
    done = attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea")), said, CancelToken())
    assert (done.clock, done.located, done.frames) == ("starts", 6, 6)
    assert done.log.shift_s == pytest.approx(START_US / 1e6 - 7)
    assert "do not agree" in done.text and "correct it with the offset" in said.notices
    np.testing.assert_allclose(east(workspace, name) - east(workspace, name)[0], [0, 2, 4, 6, 8, 10], atol=0.05)


def test_clocks_that_agree_are_taken_as_one(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace, window_starts_us=[START_US + 3_000_000 + n * 1_000_000 for n in range(6)])
    done = attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea")), ignore, CancelToken())
    assert (done.clock, done.log.shift_s, done.located) == ("same", 0.0, 6) and "agree" in done.text


def test_frames_outside_the_log_have_no_pose_and_that_is_a_warning(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace, count=8)
    said = Said()
    done = attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea", 4)), said, CancelToken())
    assert done.located == 4 and [event.level for event in said.events if "have a pose" in event.text] == ["warning"]  # type: ignore[union-attr]
    np.testing.assert_array_equal(np.isnan(east(workspace, name)), [False] * 4 + [True] * 4)


def test_a_log_of_another_day_is_refused_with_both_times(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace, window_starts_us=[START_US + 86_400_000_000 + n * 1_000_000 for n in range(6)])
    before = tree(workspace.root)
    with pytest.raises(BadInput, match=r"2026-03-01 02:00:00 UTC.*2026-03-02 02:00:00 UTC"):
        attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea"), clock="same"), ignore, CancelToken())
    assert tree(workspace.root) == before


def test_the_offset_can_be_set_and_moves_the_poses(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace)
    attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea"), offset_s=1.0), ignore, CancelToken())
    before = east(workspace, name)
    done = set_offset(workspace, name, OffsetParameters(offset_s=3.0), ignore, CancelToken())
    assert done.log.offset_s == 3.0 and done.located == 6
    np.testing.assert_allclose(east(workspace, name) - before, 4, atol=0.05)  # two seconds further at 2 m/s
    info = name.open(workspace).info()
    assert info is not None and info.pose_log is not None and info.pose_log.offset_s == 3.0
    with pytest.raises(BadInput, match="no frame of monday lies within"):
        set_offset(workspace, name, OffsetParameters(offset_s=500), ignore, CancelToken())


def test_another_log_replaces_the_first_which_lies_in_the_trash(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace)
    for speed in (2.0, 5.0):
        attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea", speed=speed)), ignore, CancelToken())
    assert np.diff(east(workspace, name)) == pytest.approx([5] * 5, abs=0.05)
    assert [entry.what for entry in list_trash(workspace)] == ["log of poses poses_a.nmea of monday"]
    assert len(list(name.folder(workspace).glob("poses_*"))) == 1


def test_a_log_can_be_taken_off_again(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace)
    info = name.open(workspace).info()
    attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea")), ignore, CancelToken())
    detach_poses(workspace, name, ignore, CancelToken())
    assert name.open(workspace).info() == info and np.isnan(east(workspace, name)).all()
    with pytest.raises(BadInput, match="no log of poses"):
        detach_poses(workspace, name, ignore, CancelToken())
    with pytest.raises(BadInput, match="no log of poses"):
        set_offset(workspace, name, OffsetParameters(offset_s=1), ignore, CancelToken())


def test_what_cannot_be_attached(workspace: Workspace, tmp_path: Path) -> None:
    name = fill(workspace)
    with pytest.raises(BadInput, match="Choose a log"):
        attach_poses(workspace, name, AttachParameters(), ignore, CancelToken())
    (tmp_path / "b.nmea").write_text("1,2\n")
    with pytest.raises(BadInput, match="no log of poses that is read"):
        attach_poses(workspace, name, AttachParameters(log=tmp_path / "b.nmea"), ignore, CancelToken())
    plain = fill(workspace, "plain", window_starts_us=[])
    with pytest.raises(BadInput, match="has no time stamps"):
        attach_poses(workspace, plain, AttachParameters(log=nmea(tmp_path / "a.nmea")), ignore, CancelToken())


def test_a_log_beside_a_recording(tmp_path: Path) -> None:
    assert log_beside(tmp_path / "a.aedat4") is None
    (tmp_path / "a.gpx").write_text("")
    assert log_beside(tmp_path / "a.aedat4") == tmp_path / "a.gpx"
    (tmp_path / "a.nmea").write_text("")
    assert log_beside(tmp_path / "a.aedat4") == tmp_path / "a.nmea"
