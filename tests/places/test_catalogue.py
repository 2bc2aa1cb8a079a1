"""The catalogue of a workspace, and frames of two traverses linked to each other."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import JobCancelled
from engine.frames.thumbnails import brightest, thumbnail
from engine.jobs import CancelToken
from engine.places.catalogue import catalogue
from engine.places.links import link_by_number, link_by_place, link_by_share, link_by_truth
from engine.places.positions import Positions
from tests.places.made import CancelAfter, fill, workspace_at


def test_every_traverse_with_what_it_has(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path / "work")
    fill(workspace, "monday", poses="frame_poses.csv")
    broken, wrong = fill(workspace, "broken"), fill(workspace, "wrong")
    workspace.index_file("broken").write_text("no index")
    (wrong.folder(workspace) / "traverse.json").write_text("no json")
    found = {entry.name.traverse: entry for entry in catalogue(workspace, CancelToken())}
    assert list(found) == ["broken", "monday", "wrong"]
    assert (found["monday"].frames, found["monday"].poses, found["monday"].problem) == (6, "frame_poses.csv", "")
    assert found["broken"].traverse is None and "needs the columns" in found["broken"].problem
    assert found["wrong"].frames == 6 and "cannot be read as JSON" in found["wrong"].problem
    again = {entry.name.traverse: entry.changed for entry in catalogue(workspace, CancelToken())}
    workspace.index_file("broken").unlink()
    later = {entry.name.traverse: entry.changed for entry in catalogue(workspace, CancelToken())}
    assert again["monday"] == later["monday"] and again["broken"] != later["broken"]
    assert broken.traverse in later
    with pytest.raises(JobCancelled):
        catalogue(workspace, CancelAfter(2))


def test_links() -> None:
    assert link_by_number(4, 2).tolist() == [0, 1, 1, 1]
    assert link_by_share(3, 5).tolist() == [0, 2, 4]
    assert link_by_share(5, 1).tolist() == [0] * 5
    nowhere = np.full((1, 2), np.nan)
    here = Positions(np.concatenate([np.array([[0.0, 0], [5, 0], [9, 0]]), nowhere]), np.zeros(4))
    there = Positions(np.concatenate([nowhere, np.array([[8.0, 1], [1, 1]])]), np.zeros(3))
    assert link_by_place(here, there).tolist() == [2, 1, 1, -1]
    assert link_by_place(here, Positions(nowhere, np.zeros(1))).tolist() == [-1] * 4
    truth = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0]], np.uint8)
    to_query, to_reference = link_by_truth(truth)
    assert to_reference.tolist() == [1, 1, -1] and to_query.tolist() == [0, 0, 0]


def test_thumbnails_fit_and_keep_a_single_event() -> None:
    frame = np.zeros((100, 200), np.uint8)
    frame[40, 60] = 9
    small = thumbnail(frame, 50)
    assert small.shape == (25, 50) and int(small.max()) >= 255 // 16 - 1
    assert thumbnail(frame[:10, :10], 50).shape == (10, 10)
    assert brightest(np.zeros((10, 10), np.uint8)) == 8
    hot = np.full((100, 100), 20, np.uint8)
    hot[0, :5] = 255
    assert brightest(hot) == 20
