"""Prototype networks live: the same answers as over whole traverses, and places that are remembered on the way."""

from pathlib import Path

import numpy as np
import pytest

from engine.events.sources import ReplaySource
from engine.frames.binning import BinningParameters, bin_events
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, ignore
from engine.live import LiveModel, LiveParameters, open_model
from engine.live.growing import GrowingMatrix
from engine.places.selection import ReferenceSelection
from engine.places.workspace import Workspace
from engine.recognition.run_network import NetworkRunner
from engine.training.job import TrainingOutput
from engine.training.prototype import PrototypeParameters, train_prototype
from tests.capture.helpers import HandSource
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import REGION, SENSOR, answers_of, live_on, make_model, make_workspace, place_events, route_events
from tests.waiting import until

KNOWN = 4


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)[0]


def prototypes(workspace: Workspace, **inputs: object) -> LiveModel:
    """A prototype network of the first four places of the walk."""
    selection = ReferenceSelection(
        data_dir=workspace.data_dir, dataset="lab", camera="hand", reference="walk", reference_places=KNOWN
    )
    trained = train_prototype(
        selection,
        InputParameters(dims=(4, 4), **inputs),
        PrototypeParameters(),
        TrainingOutput(checkpoint=False),
        ignore,
        CancelToken(),
    )
    return open_model(trained.path, workspace)


@pytest.mark.parametrize("inputs", [{"windows": (1,), "normalise": "none"}, {"windows": (1, 2), "normalise": "causal"}])
def test_windows_that_overlap_are_traverses_of_their_own(workspace: Workspace, inputs: dict[str, object]) -> None:
    model, events = prototypes(workspace, **inputs), route_events()
    source = ReplaySource(lambda: FakeReader(events, SENSOR, 997), factor=None)
    found, live = answers_of(source, model)
    frames = bin_events(events, SENSOR, BinningParameters(window_ms=100, step_ms=25, roi=REGION)).images
    runner = model.new_runner(live.steps)
    expected = np.stack([runner.step(frame) for frame in frames], axis=1)
    np.testing.assert_array_equal(np.stack([answer.spikes.counts for answer in found], axis=1), expected)
    alone = model.new_runner()  # one in `steps` windows does not overlap, and is seen as a traverse's frames are
    places = np.stack([alone.step(frame) for frame in frames[:: live.steps]], axis=1).argmax(axis=0)
    assert np.mean(expected[:, :: live.steps].argmax(axis=0) == places) > 0.8
    assert {layer.name for layer in found[0].spikes.layers} == {"inputs", "places"}


@pytest.mark.parametrize("stage", ["none", "diagonal", "filter"])
def test_a_place_is_remembered_while_it_runs(workspace: Workspace, tmp_path: Path, stage: str) -> None:
    model = prototypes(workspace, windows=(1,), normalise="none")
    parameters = LiveParameters(step_ms=50, sequence=stage, sequence_length=2)
    capture, live = live_on(source := HandSource(SENSOR), model, parameters, session=tmp_path / "session")
    assert live.can_remember
    live.start()
    capture.start()
    try:
        source.give(place_events(5, 0, 3))
        until(lambda: live.totals().places == 4, "the unknown place")
        live.remember()
        source.give(place_events(5, 300_000, 2, seed=1))
        until(lambda: live.remembered, "the new place")
        (new,) = live.remembered
        assert new.place == KNOWN == live.places - 1
        assert new.frame.shape == (32, 32)
        source.give(place_events(1, 500_000, 6, seed=2))
        source.give(place_events(5, 1_100_000, 6, seed=3))
        until(lambda: live.totals().places == 32, "the way there and back")
        answers = live.answers_since(None)
        assert len(answers[-1].spikes.counts) == KNOWN + 1
        if stage != "diagonal":  # which takes a camera that stands still to be somewhere else
            assert answers[-1].place == KNOWN
        if stage == "none":
            assert [answer.place for answer in answers[-8:]] == [KNOWN] * 8
            assert answers[19].place == 1
    finally:
        capture.stop()
        live.stop()
    spikes = np.load(tmp_path / "session/spikes.npy", allow_pickle=False)
    assert spikes.shape == (KNOWN + 1, 32)
    before = next(number for number, answer in enumerate(answers) if len(answer.spikes.counts) > KNOWN)
    assert not spikes[KNOWN, :before].any()
    np.testing.assert_array_equal(spikes[:KNOWN, 0], answers[0].spikes.counts)
    live.save_network(tmp_path / "grown.pth")
    assert NetworkRunner.open(tmp_path / "grown.pth").places == KNOWN + 1
    assert model.places == KNOWN  # the run's own network grew, not the opened one


def test_other_networks_and_targets_say_why_not(workspace: Workspace, tmp_path: Path) -> None:
    capture, live = live_on(source := HandSource(SENSOR), make_model(tmp_path / "other"))
    assert not live.can_remember
    live.start()
    capture.start()
    try:
        live.remember()
        source.give(place_events(0, 0, 3))
        until(lambda: live.notes, "the sentence")
        assert "Only prototype networks learn" in live.notes[0]
    finally:
        capture.stop()
        live.stop()


def test_a_matrix_can_be_widened_at_any_time(tmp_path: Path) -> None:
    matrix = GrowingMatrix(tmp_path / "m.npy", 2, "<f4")
    matrix.append(np.array([1, 2], np.float32))
    matrix.widen(3)
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy", allow_pickle=False), [[1], [2], [0]])
    matrix.append(np.array([3, 4, 5], np.float32))
    matrix.widen(3)
    matrix.close()
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy", allow_pickle=False), [[1, 3], [2, 4], [0, 5]])
    assert [path.name for path in tmp_path.glob("*m.npy*")] == ["m.npy"]
