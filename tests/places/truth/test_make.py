"""Ground truth from poses, anchors, numbers and files, against plain loops."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.places.ground_truth import save_ground_truth
from engine.places.truth.imported import ImportTruthParameters, truth_from_file
from engine.places.truth.make import (
    AnchorsTruthParameters,
    IdentityTruthParameters,
    PosesTruthParameters,
    truth_by_identity,
    truth_from_anchors,
    truth_from_poses,
)
from tests.places.truth.made import positions, similarity_of


def slowly(references, queries, radius, degrees=None):
    """Pair by pair."""
    matrix = np.zeros((len(references), len(queries)), np.uint8)
    for r, q in np.ndindex(*matrix.shape):
        apart = np.hypot(*(references.xy[r] - queries.xy[q]))
        turned = abs((references.heading[r] - queries.heading[q] + np.pi) % (2 * np.pi) - np.pi)
        matrix[r, q] = apart <= radius and (degrees is None or not turned > np.radians(degrees))
    return matrix


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), degrees=st.sampled_from([None, 45.0, 120.0]), radius=st.sampled_from([5.0, 25.0, 60.0]))
def test_all_references_within_the_radius_match(seed: int, degrees: float | None, radius: float) -> None:
    rng = np.random.default_rng(seed)
    made = []
    for count in (int(rng.integers(1, 30)), int(rng.integers(1, 30))):
        xy = rng.uniform(0, 80, (count, 2))
        heading = rng.uniform(-np.pi, np.pi, count)
        xy[rng.random(count) < 0.1] = np.nan
        heading[rng.random(count) < 0.2] = np.nan
        made.append(positions(xy, heading))
    references, queries = made
    expected = slowly(references, queries, radius, degrees)
    parameters = PosesTruthParameters(radius_m=radius, heading_deg=degrees)
    if not expected.any():
        with pytest.raises(BadInput, match=r"No query lies within|has a pose"):
            truth_from_poses(references, queries, parameters)
        return
    proposal = truth_from_poses(references, queries, parameters)
    np.testing.assert_array_equal(proposal.matrix, expected)
    np.testing.assert_array_equal(proposal.mask, ~queries.known)


def test_the_nearest_of_each_visit_matches_where_the_route_comes_by_twice() -> None:
    reference = np.array([(0, 0), (10, 0), (20, 0), (30, 0), (30, 50), (30, 0), (21, 0), (9, 0)], float)
    query = np.array([(20, 0), (9, 1), (500, 0)], float)
    proposal = truth_from_poses(positions(reference), positions(query), PosesTruthParameters(radius_m=15, match="nearest"))
    assert [np.flatnonzero(column).tolist() for column in proposal.matrix.T] == [[2, 6], [1, 7], []]
    assert proposal.counts()["queries_without_match"] == 1
    assert any("1 query lies farther than 15 m" in note for note in proposal.notes)


def test_the_heading_gate_parts_the_two_directions_of_a_street() -> None:
    there = np.column_stack([np.arange(0, 100, 10), np.zeros(10)])
    reference = positions(np.concatenate([there, there[::-1]]), np.repeat([0, np.pi], 10))
    query = positions(there, np.full(10, 0.2))
    both = truth_from_poses(reference, query, PosesTruthParameters(radius_m=4))
    gated = truth_from_poses(reference, query, PosesTruthParameters(radius_m=4, heading_deg=90))
    assert both.matrix.sum() == 20 and gated.matrix.sum() == 10 and not gated.matrix[10:].any()


def test_queries_without_a_pose_are_masked_and_told() -> None:
    query = np.array([(0, 0), (np.nan, np.nan), (10, 0)])
    reference = np.array([(0, 0), (np.nan, 0), (10, 0)])
    proposal = truth_from_poses(positions(reference), positions(query), PosesTruthParameters(radius_m=3, heading_deg=10))
    assert proposal.mask.tolist() == [False, True, False]
    notes = " ".join(proposal.notes)
    assert "1 query has no pose: masked" in notes and "1 reference frame has no pose" in notes and "direction of 2" in notes


def test_poses_that_cannot_do_are_one_sentence() -> None:
    none, some = positions(np.full((4, 2), np.nan)), positions(np.zeros((4, 2)))
    with pytest.raises(BadInput, match="No frame of the query traverse has a pose"):
        truth_from_poses(some, none, PosesTruthParameters())
    with pytest.raises(BadInput, match=r"the nearest is 1000\.0 m away"):
        truth_from_poses(some, positions(np.full((3, 2), [1000.0, 0.0])), PosesTruthParameters())
    with pytest.raises(BadInput, match="at least one reference frame"):
        truth_from_poses(positions(np.zeros((0, 2))), some, PosesTruthParameters())
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        truth_from_poses(some, some, PosesTruthParameters(), cancel=cancel)


def rows_of(matrix: np.ndarray) -> list[int | None]:
    return [int(column.argmax()) if column.any() else None for column in matrix.T]


def test_anchors_are_joined_by_straight_lines_either_way_and_at_any_speed() -> None:
    proposal = truth_from_anchors(AnchorsTruthParameters(anchors=((9, 7), (2, 1), (8, 4), (9, 8), (1, 9))), 12, 11)
    assert rows_of(proposal.matrix) == [None, 2, 4, 6, 8, 8, 9, 9, 9, 1, None]
    assert proposal.mask.tolist() == [True] + [False] * 9 + [True]
    assert proposal.anchors == ((2, 1), (8, 4), (9, 7), (9, 8), (1, 9))
    assert proposal.matrix.sum(axis=0).max() == 1


def test_extrapolated_anchors_leave_no_match_beyond_the_reference() -> None:
    proposal = truth_from_anchors(AnchorsTruthParameters(anchors=((2, 2), (6, 4)), extrapolate=True), 9, 7)
    assert rows_of(proposal.matrix) == [None, 0, 2, 4, 6, 8, None]
    assert not proposal.mask.any()


@pytest.mark.parametrize(
    ("anchors", "words"),
    [
        ((), "there is none: set another"),
        (((1, 1),), "there is 1: set another"),
        (((1, 1), (1, 1)), "there is 1: set another"),
        (((1, 1), (9, 3)), r"9:3 \(reference:query\) lies outside"),
        (((1, 1), (2, -1)), "2:-1"),
        (((1, 1), (2, 1)), r"Two anchors are set for query 1 \(references 1 and 2\)"),
    ],
)
def test_wrong_anchors_are_one_sentence(anchors: tuple[tuple[int, int], ...], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        truth_from_anchors(AnchorsTruthParameters(anchors=anchors), 9, 7)


def test_identity_is_the_diagonal_or_in_proportion() -> None:
    assert rows_of(truth_by_identity(IdentityTruthParameters(), 5, 5).matrix) == [0, 1, 2, 3, 4]
    proportional = truth_by_identity(IdentityTruthParameters(), 9, 5)
    assert rows_of(proportional.matrix) == [0, 2, 4, 6, 8] and "in proportion" in proportional.notes[0]
    assert rows_of(truth_by_identity(IdentityTruthParameters(), 3, 6).matrix) == [0, 0, 1, 1, 2, 2]
    cut = truth_by_identity(IdentityTruthParameters(unequal="cut"), 3, 5)
    assert rows_of(cut.matrix) == [0, 1, 2, None, None] and "2 queries" in cut.notes[0]
    assert rows_of(truth_by_identity(IdentityTruthParameters(offset=-1), 4, 4).matrix) == [None, 0, 1, 2]
    assert rows_of(truth_by_identity(IdentityTruthParameters(), 7, 1).matrix) == [0]
    with pytest.raises(BadInput, match="offset of 40"):
        truth_by_identity(IdentityTruthParameters(offset=40), 5, 5)
    with pytest.raises(BadInput, match="at least one"):
        truth_by_identity(IdentityTruthParameters(), 0, 5)


def write(folder: Path, array: np.ndarray) -> ImportTruthParameters:
    save_ground_truth(folder / "theirs.npy", array)
    return ImportTruthParameters(file=folder / "theirs.npy")


def test_a_file_is_turned_where_the_shape_tells(tmp_path: Path) -> None:
    truth = np.zeros((7, 4), np.uint8)
    truth[[0, 2, 5, 6], range(4)] = 1
    for array in (truth, truth.T):
        np.testing.assert_array_equal(truth_from_file(write(tmp_path, array), 7, 4).matrix, truth)
    turned = truth_from_file(write(tmp_path, truth.T), 7, 4)
    assert "it was turned" in turned.notes[0] and turned.made["turned"]


def test_of_a_square_file_the_look_of_the_frames_tells_the_orientation(tmp_path: Path) -> None:
    truth = np.zeros((30, 30), np.uint8)
    truth[np.minimum(np.arange(30) // 2 + 3, 29), np.arange(30)] = 1
    similarity = similarity_of(truth)
    right = truth_from_file(write(tmp_path, truth), 30, 30, similarity)
    np.testing.assert_array_equal(right.matrix, truth)
    assert "fit it better as it is stored" in right.notes[0]
    wrong = truth_from_file(write(tmp_path, truth.T), 30, 30, similarity)
    np.testing.assert_array_equal(wrong.matrix, truth)
    assert "better turned" in wrong.notes[0]
    unsure = truth_from_file(write(tmp_path, truth.T), 30, 30, np.random.default_rng(0).random((30, 30)))
    np.testing.assert_array_equal(unsure.matrix, truth.T)
    assert "about equally" in unsure.notes[0]
    asked = truth_from_file(ImportTruthParameters(file=tmp_path / "theirs.npy", rows="queries"), 30, 30, similarity)
    np.testing.assert_array_equal(asked.matrix, truth)
    assert "does not tell" in truth_from_file(write(tmp_path, truth), 30, 30).notes[0]


def test_wrong_files_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "theirs.npy"
    parameters = ImportTruthParameters(file=path)
    for array, words in (
        (np.eye(5), "is 5 x 5, but there are 7 reference frames and 4 query frames: make it anew"),
        (np.full((7, 4), np.nan), "0 and 1 only"),
        (np.full((7, 4), 2), "0 and 1 only"),
        (np.array([[print]], object), "cannot be read as a NumPy array"),
        (np.zeros(4), "one matrix"),
    ):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(BadInput, match=words):
            truth_from_file(parameters, 7, 4)
    save_ground_truth(path, np.eye(7, 4))
    with pytest.raises(BadInput, match="its rows are references; leave rows at auto"):
        truth_from_file(ImportTruthParameters(file=path, rows="queries"), 7, 4)
    with pytest.raises(BadInput, match="does not exist"):
        truth_from_file(ImportTruthParameters(file=tmp_path / "none.npy"), 7, 4)
    with pytest.raises(BadInput, match="No file is chosen"):
        truth_from_file(ImportTruthParameters(), 7, 4)
