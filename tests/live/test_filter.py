"""Networks whose places are every n-th frame of their reference, live: pictures, truth, and the sequence stages' pace."""

from pathlib import Path

import numpy as np
import pytest

from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, ignore
from engine.live import LiveModel, open_model
from engine.live.known import truth_of
from engine.live.matching import Diagonal, Filtered, make_matcher
from engine.live.parameters import LiveParameters
from engine.places.ground_truth import save_ground_truth
from engine.places.selection import TrainingSelection
from engine.places.workspace import Workspace
from engine.recognition.forward_filter import ForwardFilterParameters
from engine.recognition.run_network import NetworkRunner
from engine.training.prototype import PrototypeParameters
from engine.training.run import TrainRequest, train_runs
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, reference_of, small_workspace

EVERY = 3
FRAMES = 31


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "lab", places=FRAMES)


def live_model(workspace: Workspace, selection: TrainingSelection) -> LiveModel:
    inputs = InputParameters(dims=(8, 8), windows=(1, 2), normalise="none")
    (done,) = train_runs(TrainRequest(selection, "prototype", inputs, PrototypeParameters()), ignore, CancelToken())
    assert done.record.filter == selection.filter
    return open_model(done.path, workspace)


def selection_of(workspace: Workspace, **more: object) -> TrainingSelection:
    return TrainingSelection(**{**reference_of(workspace).model_dump(), "filter": EVERY, **more})


def test_places_are_shown_where_they_are(workspace: Workspace) -> None:
    model = live_model(workspace, selection_of(workspace))
    frames = workspace.traverse(DATASET, CAMERA, REFERENCE).frames(None, 1)
    assert model.places == 11 and model.filter == EVERY
    for place in (0, 4, 10):
        np.testing.assert_array_equal(model.reference_frame(place), frames[EVERY * place])
    assert model.reference_frame(11) is None
    plain = live_model(workspace, selection_of(workspace, filter=1))
    assert plain.filter == 1 and plain.places == FRAMES


def test_the_truth_of_a_frame_is_the_nearest_place(workspace: Workspace) -> None:
    model = live_model(workspace, selection_of(workspace, reference_places=10))
    shifted = np.eye(FRAMES, FRAMES, 2, np.uint8)  # query k is the reference's frame k - 2
    save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, QUERY), shifted)
    own = truth_of(workspace, model, workspace.traverse(DATASET, CAMERA, REFERENCE))
    found = truth_of(workspace, model, workspace.traverse(DATASET, CAMERA, QUERY))
    assert own is not None and found is not None and own.shape == found.shape == (10, FRAMES)
    nearest = (np.arange(FRAMES) + 1) // EVERY
    assert np.where(own.any(axis=0), own.argmax(axis=0), -1).tolist() == [*nearest[:29], -1, -1]
    assert np.where(found.any(axis=0), found.argmax(axis=0), -1).tolist() == [-1, -1, *nearest[:29]]


def test_longer_windows_look_back_from_place_to_place(workspace: Workspace) -> None:
    model = live_model(workspace, selection_of(workspace))
    queries = workspace.traverse(DATASET, CAMERA, QUERY).frames(None, 1)
    live = model.new_runner()
    answers = np.stack([live.step(frame) for frame in queries], axis=1)[:, ::EVERY]
    along_places = NetworkRunner(live.network, live.record).similarity(queries[::EVERY]).similarity
    assert (answers.argmax(axis=0) == np.arange(11)).mean() > 0.7
    np.testing.assert_array_equal(answers.argmax(axis=0), along_places.argmax(axis=0))


def test_sequences_go_at_the_pace_of_places() -> None:
    parameters, motion = LiveParameters(sequence="diagonal", sequence_length=4), ForwardFilterParameters(follow_speed=False)
    route = np.eye(10, dtype=np.float32).repeat(EVERY, axis=1)  # a place lasts three windows
    diagonal = make_matcher(parameters, 10, 1, None, EVERY)
    assert isinstance(diagonal, Diagonal)
    found = [diagonal.match(column) for column in route.T]
    assert [match.place for match in found] == (np.arange(30) // EVERY).tolist()
    assert all(match.scores.max() == 1.0 for match in found)
    slow, quick = (make_matcher(LiveParameters(sequence="filter"), 200, 1, motion, every) for every in (EVERY, 1))
    assert isinstance(slow, Filtered) and isinstance(quick, Filtered)
    long = np.eye(200, dtype=np.float32).repeat(EVERY, axis=1)[:, :300]
    ends = [[matcher.match(column).confidence for column in long.T][-1] for matcher in (slow, quick)]
    assert ends[0] > ends[1]
