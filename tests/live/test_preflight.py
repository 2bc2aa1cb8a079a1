"""What is looked at before a run, what a workspace knows of a recording, and the first network of a workspace."""

import re
from pathlib import Path

import numpy as np
import pytest

from engine.chip.quantise import ChipParameters
from engine.errors import BadInput, JobCancelled
from engine.events.writer import EventWriter
from engine.jobs import CancelToken, ignore
from engine.live import LiveModel, LiveParameters, open_model
from engine.live.first_network import train_first_network
from engine.live.known import KnownRoute, known_route, recording_for
from engine.live.model import workspace_of
from engine.live.preflight import Check, Present, mended, preflight
from engine.live.recall import recall_on_chip, scored_queries
from engine.places.ground_truth import save_ground_truth
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from tests.live.helpers import (
    PLACES,
    REGION,
    SENSOR,
    WINDOW_US,
    add_query,
    make_model,
    make_workspace,
    reference_frames,
    route_events,
)


@pytest.fixture
def model(tmp_path: Path) -> LiveModel:
    return make_model(tmp_path)


def points(model: LiveModel, parameters: LiveParameters | None = None, present: Present | None = None) -> dict[str, Check]:
    live = parameters or LiveParameters(step_ms=25)
    return {check.name: check for check in preflight(model, live, present or Present())}


def test_without_a_source_what_needs_one_is_unknown(model: LiveModel) -> None:
    found = points(model)
    assert {name for name, check in found.items() if check.level == "unknown"} == {"Region", "Hot pixels", "Events"}
    assert found["Window"].sentence == "100 ms, 40 answers a second, as when trained."
    assert found["Chip"].level == "good"


def test_a_source_like_the_trained_one_is_all_green(model: LiveModel) -> None:
    found = points(model, present=Present(SENSOR, 3.0, 0, 0))
    assert {check.level for check in found.values()} == {"good"}
    assert found["Region"].sentence == "32 × 32 pixels at 8, 4, as when trained."
    assert found["Events"].sentence == "3 events per pixel now, 3.2 when trained."


def test_on_a_chip_the_integers_are_told_and_the_cores_drawn(model: LiveModel) -> None:
    on_chip = LiveParameters(step_ms=25, target="virtual")
    found = points(model, on_chip)
    assert list(found)[:2] == ["Chip", "Integers"]
    assert found["Chip"].chip is not None and found["Chip"].chip.fits
    assert found["Integers"].level == "good"
    assert found["Integers"].sentence.startswith("Weights in 8 bits: features, none clipped, ")
    assert "an input fires after" in found["Integers"].sentence
    clipped = points(model, on_chip.model_copy(update={"chip": ChipParameters(clip=0.2)}))["Integers"]
    assert clipped.level == "doubtful"
    assert "Integers" not in points(model)


@pytest.mark.parametrize(("now", "level"), [(3.2, "good"), (1.0, "doubtful"), (12.0, "doubtful"), (0.1, "bad"), (48.0, "bad")])
def test_event_density_is_judged_against_training(model: LiveModel, now: float, level: str) -> None:
    check = points(model, present=Present(SENSOR, now, 0))["Events"]
    assert check.level == level
    assert f"{now:.2g} events per pixel now, 3.2 when trained" in check.sentence


def test_a_region_of_another_size_is_bad_and_can_be_mended(model: LiveModel) -> None:
    parameters = LiveParameters(step_ms=25, region=(0, 0, 16, 16))
    check = points(model, parameters, Present(SENSOR))["Region"]
    assert check.level == "bad"
    assert check.mend == "region"
    better = mended(model, parameters, check.mend)
    assert points(model, better, Present(SENSOR))["Region"].level == "good"
    assert points(model, present=Present((20, 20)))["Region"].level == "bad"
    other = points(model, present=Present((128, 96)))["Region"]
    assert other.level == "doubtful"
    assert "the middle" in other.sentence
    moved = points(model, LiveParameters(step_ms=25, region=(0, 0, 32, 32)), Present(SENSOR))["Region"]
    assert (moved.level, moved.mend) == ("doubtful", "region")


def test_window_polarity_and_hot_pixels_can_be_mended(model: LiveModel) -> None:
    parameters = LiveParameters(window_ms=200, step_ms=25, polarity="on", filters={"hot_pixels_on": False})
    present = Present(SENSOR, 3.0, 4, 2)
    found = points(model, parameters, present)
    for name in ("Window", "Polarity", "Hot pixels"):
        assert found[name].level == "doubtful"
        parameters = mended(model, parameters, found[name].mend)
    found = points(model, parameters, Present(SENSOR, 3.0, 0, 6))
    assert {check.level for check in found.values()} == {"good"}
    assert found["Hot pixels"].sentence == "6 left out, no other."
    uneven = points(model, LiveParameters(step_ms=30))["Window"]
    assert uneven.level == "bad"
    assert "must divide the window of 100 ms" in uneven.sentence


def test_the_disk_is_looked_at_where_a_session_is_written(model: LiveModel, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    workspace = Workspace.open(tmp_path / "workspace")
    for free, level in ((1 << 40, "good"), (1 << 29, "doubtful"), (1 << 20, "bad")):
        monkeypatch.setattr("engine.live.preflight.free_bytes", lambda folder, free=free: free)
        checks = preflight(model, LiveParameters(step_ms=25), Present(), workspace)
        assert next(check for check in checks if check.name == "Disk").level == level


def write_pair(folder: Path) -> tuple[Workspace, LiveModel, Path]:
    """The workspace with a second traverse, its recording, and its ground truth (one place further a frame)."""
    workspace, path = make_workspace(folder)
    recording = workspace.recordings / "later.aedat4"
    writer = EventWriter(recording, SENSOR, flush_ms=None)
    writer.write(route_events(0, 1))
    writer.close()
    starts = [WINDOW_US * number for number in range(PLACES)]
    info = TraverseInfo(sensor=SENSOR, region=REGION, window_ms=WINDOW_US / 1000, source=recording.name, window_starts_us=starts)
    write_traverse(workspace.frames_folder("lab", "hand", "later"), workspace.index_file("later"), reference_frames(), info)
    truth = np.eye(PLACES, dtype=np.uint8)
    truth[:, 4] = 0
    save_ground_truth(workspace.ground_truth_file("lab", "hand", "walk", "later"), truth)
    return workspace, open_model(path, workspace), recording


def test_the_true_places_of_a_recording_are_found_by_its_traverse(tmp_path: Path) -> None:
    workspace, model, recording = write_pair(tmp_path)
    assert recording_for(workspace, model) == recording
    route = known_route(workspace, model, recording)
    assert route is not None
    assert route.query == "later"
    assert route.at(2 * WINDOW_US, 3 * WINDOW_US) == (2, 2)
    assert route.at(2 * WINDOW_US + 50_000, 3 * WINDOW_US + 50_000) == (2, 3)
    assert route.at(4 * WINDOW_US, 5 * WINDOW_US) is None  # nobody knows
    assert route.at(50 * WINDOW_US, 51 * WINDOW_US) is None
    assert known_route(workspace, model, tmp_path / "other.aedat4") is None


def test_a_replay_that_loops_is_followed(tmp_path: Path) -> None:
    length = PLACES * WINDOW_US
    plain = KnownRoute("later", WINDOW_US * np.arange(PLACES), WINDOW_US, np.arange(PLACES), np.arange(PLACES))
    looped = KnownRoute("later", WINDOW_US * np.arange(PLACES), WINDOW_US, np.arange(PLACES), np.arange(PLACES), (0, length - 1))
    at = 7 * (length - 1 + 1000) + 3 * WINDOW_US
    assert plain.at(at, at + WINDOW_US) is None
    assert looped.at(at, at + WINDOW_US) == (3, 3)


def test_a_workspace_gets_its_first_network(tmp_path: Path) -> None:
    workspace, _, _ = write_pair(tmp_path)
    for old in workspace.models.iterdir():
        old.unlink()
    path = train_first_network(workspace, ignore, CancelToken())
    assert path.name == f"walk_LENS_IN256_FN256_DB{PLACES}.pth"  # the traverse that the ground truth refers to
    assert workspace_of(path) == workspace
    model = open_model(path, workspace)
    assert points(model, LiveParameters(target="virtual", step_ms=25))["Chip"].level == "good"
    empty = Workspace.create(tmp_path / "empty")
    with pytest.raises(BadInput, match="has no traverse to learn from"):
        train_first_network(empty, ignore, CancelToken())
    assert workspace_of(tmp_path / "elsewhere.pth") is None


def test_what_the_integers_cost_is_measured_on_a_traverse_with_a_ground_truth(tmp_path: Path) -> None:
    workspace, path = make_workspace(tmp_path)
    model = open_model(path, workspace)
    on_chip = LiveParameters(step_ms=25, target="virtual")
    assert scored_queries(workspace, model) == []
    with pytest.raises(BadInput, match="no query traverse with a ground truth"):
        recall_on_chip(workspace, model, None, ignore, CancelToken())
    add_query(workspace)
    assert scored_queries(workspace, model) == ["again"]
    told = recall_on_chip(workspace, model, None, ignore, CancelToken())
    assert re.fullmatch(
        r"Recall@1 on again: [01]\.\d\d as trained, [01]\.\d\d in integers \(6 queries, single frames, tolerance 3 frames\)\.",
        told,
    )
    offered = points(model, on_chip, Present(measurable=True))["Integers"]
    assert (offered.mend, offered.mend_text) == ("recall", "Measure recall")
    assert mended(model, on_chip, "recall") == on_chip
    measured = points(model, on_chip, Present(measurable=True, recall=told))["Integers"]
    assert measured.sentence.endswith(told)
    assert measured.mend == ""
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        recall_on_chip(workspace, model, None, ignore, cancel)
