"""The jobs behind the command line and the panel."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, ignore
from engine.networks.lens import initial_network, save_network
from engine.places.ground_truth import ones_of, save_ground_truth
from engine.places.truth.jobs import open_pair, pair_positions, pair_similarity
from engine.places.truth.opening import likely_pair, open_for_editing
from engine.training.parameters import LensTrainingParameters
from tests.places.truth.made import write_pair

REFERENCE, QUERY = np.arange(5, 20, dtype=float), np.arange(8, 18, dtype=float)


def test_a_network_of_the_reference_is_a_background_and_another_one_is_refused(tmp_path: Path) -> None:
    pair = open_pair(write_pair(tmp_path, REFERENCE, QUERY))
    inputs = InputParameters(dims=(10, 10)).inputs
    for places in (15, 12):
        network = initial_network(inputs, LensTrainingParameters(), places, np.random.default_rng(0))
        save_network(tmp_path / f"{places}.pth", network)
    similarity = pair_similarity(pair, str(tmp_path / "15.pth"), ignore, CancelToken())
    assert similarity.shape == (15, 10) and np.isfinite(similarity).all()
    with pytest.raises(BadInput, match="knows 12 places, but 15 reference frames of monday are used"):
        pair_similarity(pair, str(tmp_path / "12.pth"), ignore, CancelToken())


def test_positions_are_those_of_the_used_frames(tmp_path: Path) -> None:
    selection = write_pair(tmp_path, REFERENCE, QUERY, located=True)
    references, queries = pair_positions(open_pair(selection.model_copy(update={"filter": 3, "query_places": 2})))
    assert (len(references), len(queries)) == (5, 2)
    np.testing.assert_allclose(np.hypot(*(references.xy[1] - references.xy[0])), 30, rtol=0.01)
    np.testing.assert_allclose(queries.xy[0], references.xy[1], atol=0.2)  # place 8


def test_the_likely_pair_has_a_ground_truth_or_is_called_reference(tmp_path: Path) -> None:
    selection = write_pair(tmp_path, REFERENCE, QUERY)
    workspace = selection.workspace()
    names = [("street", "dvs", "monday"), ("street", "dvs", "the-reference"), ("street", "dvs", "tuesday")]
    assert likely_pair(workspace, names) == ("street", "dvs", "the-reference", "monday")
    save_ground_truth(workspace.ground_truth_file("street", "dvs", "tuesday", "monday"), np.eye(10, 15))
    assert likely_pair(workspace, names) == ("street", "dvs", "tuesday", "monday")
    assert likely_pair(workspace, names[:1]) is None


def test_a_ground_truth_that_cannot_be_read_is_told_and_left_aside(tmp_path: Path) -> None:
    selection = write_pair(tmp_path, REFERENCE, QUERY)
    path = selection.workspace().ground_truth_file("street", "dvs", "monday", "tuesday")
    save_ground_truth(path, np.eye(3))
    opened = open_for_editing(selection)
    assert "is 3 x 3" in opened.problem and opened.document.shape == (15, 10) and opened.positions is None
    assert open_for_editing(selection, anew=True).problem == ""


def test_traverses_that_are_too_long_to_look_at_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = write_pair(tmp_path, REFERENCE, QUERY)
    monkeypatch.setattr("engine.places.truth.opening._LARGEST", 149)
    with pytest.raises(BadInput, match="monday and tuesday have 15 and 10 frames"):
        open_for_editing(selection)


def test_the_file_is_what_numpy_writes(tmp_path: Path) -> None:
    matrix = (np.random.default_rng(0).random((1100, 1000)) < 0.1).astype(np.uint8)  # more than is written at once
    for part in (matrix, matrix[:3].T, matrix[:0]):
        save_ground_truth(tmp_path / "ours.npy", part)
        np.save(tmp_path / "theirs.npy", part.astype(np.int64))
        ours, theirs = np.load(tmp_path / "ours.npy"), np.load(tmp_path / "theirs.npy")
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype and (tmp_path / "ours.npy").stat().st_size == (tmp_path / "theirs.npy").stat().st_size


def test_ones_are_found_wherever_they_are() -> None:
    matrix = (np.random.default_rng(0).random((37, 53)) < 0.1).astype(np.uint8)
    for part in (matrix, matrix[3:, 5:], matrix.T, matrix.astype(np.int64)):
        for found, expected in zip(ones_of(part), np.nonzero(part), strict=True):
            np.testing.assert_array_equal(found, expected)
