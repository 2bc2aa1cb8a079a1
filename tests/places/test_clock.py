"""The clock of a log, estimated: a known error put into a log of a synthetic drive is found again."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.jobs import CancelToken, ignore
from engine.places.clock import ClockParameters, estimate_offset
from engine.places.making import TraverseName
from engine.places.pose_logs import AttachParameters, OffsetParameters, attach_poses, set_offset
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from engine.simulation.logs import write_nmea
from engine.simulation.traverse import Poses as DrivenPoses
from tests.places.made import GPS, START_US, Said, fill, nmea, workspace_at

SEEN = np.random.default_rng(5).gamma(0.4, 30, (400, 12, 12))
"""What the camera sees every two metres of a route."""


def drive(workspace: Workspace, traverse: str, speed: float, sway: float, late_s: float, seed: int) -> TraverseName:
    """A drive of 120 frames of a second; its receiver's clock is late_s ahead of the camera's.

    The speed changes along the way by the factor 1 +- sway, which is what tells one offset for both from none.
    """
    times = np.arange(0, 121_000_001, 20_000)
    seconds = times / 1e6
    x = speed * (seconds + sway * 10 * np.sin(seconds / 10))
    y = 30 * np.sin(x / 80)
    centres = np.arange(120) + 0.5
    places = np.interp(centres, seconds, x) / 2
    left = places.astype(int).clip(0, len(SEEN) - 2)
    share = (places - left)[:, None, None]
    scene = SEEN[left] * (1 - share) + SEEN[left + 1] * share
    frames = np.random.default_rng(seed).poisson(scene).clip(0, 255).astype(np.uint8)
    name = TraverseName("street", "dvs", traverse)
    starts = [START_US + n * 1_000_000 for n in range(120)]
    info = TraverseInfo(window_ms=1000, window_starts_us=starts)
    write_traverse(name.folder(workspace), workspace.index_file(traverse), frames, info)
    later = GPS.model_copy(update={"noise_m": 0.3, "seed": seed})
    heading = np.zeros(len(times))
    path = workspace.root / f"{traverse}.nmea"
    write_nmea(path, DrivenPoses(times, x, y, heading, x), later)
    # The receiver's clock: the same fixes, said to be later.
    attach_poses(workspace, name, AttachParameters(log=path, clock="same", offset_s=-late_s), ignore, CancelToken())
    return name


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "work")


@pytest.mark.parametrize("late_s", [0.0, 2.7, -6.3])
def test_a_known_error_of_the_querys_clock_is_found(workspace: Workspace, late_s: float) -> None:
    reference = drive(workspace, "monday", 4.0, 0.3, 0.0, 1)
    query = drive(workspace, "tuesday", 4.0, 0.5, late_s, 2)
    found = estimate_offset(workspace, reference, query, ClockParameters(), ignore, CancelToken())
    assert found.present_s == -late_s
    assert found.offset_s == pytest.approx(0.0, abs=0.15) and found.certain
    assert found.matches >= 40 and found.after_m < 2.0
    assert found.better is bool(late_s)
    if late_s:
        assert found.before_m > 2.5 * found.after_m and f"{found.after_m:.1f} m apart" in found.text
    assert len(found.offsets_s) == len(found.costs_m) and np.isfinite(found.costs_m).any()
    set_offset(workspace, query, OffsetParameters(offset_s=found.offset_s), ignore, CancelToken())
    again = estimate_offset(workspace, reference, query, ClockParameters(range_s=5), ignore, CancelToken())
    assert again.offset_s == pytest.approx(found.offset_s, abs=0.05)
    assert not again.better and "The present offset is as good" in again.text


def test_one_error_of_both_clocks_is_found_where_the_speeds_differ(workspace: Workspace) -> None:
    reference, query = (
        drive(workspace, "monday", 3.0, 0.2, 4.0, 1),
        drive(workspace, "tuesday", 5.0, 0.5, 4.0, 2),
    )
    found = estimate_offset(workspace, reference, query, ClockParameters(fit="both"), ignore, CancelToken())
    assert found.offset_s == pytest.approx(0.0, abs=0.4) and found.certain


def test_one_error_of_both_clocks_at_one_speed_is_said_to_be_uncertain(workspace: Workspace) -> None:
    reference, query = (drive(workspace, name, 4.0, 0.0, 3.0, seed) for name, seed in (("monday", 1), ("tuesday", 2)))
    found = estimate_offset(workspace, reference, query, ClockParameters(fit="both"), ignore, CancelToken())
    assert not found.certain and "No offset is clearly better" in found.text


def test_an_error_beyond_the_range_is_said(workspace: Workspace) -> None:
    reference = drive(workspace, "monday", 4.0, 0.3, 0.0, 1)
    query = drive(workspace, "tuesday", 4.0, 0.5, 9.0, 2)
    found = estimate_offset(workspace, reference, query, ClockParameters(range_s=4), ignore, CancelToken())
    assert not found.certain and "at the end of the range" in found.text


def test_what_it_needs(workspace: Workspace, tmp_path: Path) -> None:
    plain, short = fill(workspace, "plain"), fill(workspace, "short", 12)
    with pytest.raises(BadInput, match="plain has no log of poses attached"):
        estimate_offset(workspace, plain, short, ClockParameters(), ignore, CancelToken())
    for name in (plain, short):
        attach_poses(workspace, name, AttachParameters(log=nmea(tmp_path / "a.nmea")), Said(), CancelToken())
    with pytest.raises(BadInput, match="too few frames"):
        estimate_offset(workspace, plain, short, ClockParameters(), ignore, CancelToken())
    with pytest.raises(BadInput, match="its own clock"):
        estimate_offset(workspace, plain, plain, ClockParameters(), ignore, CancelToken())
    (tmp_path / "local.csv").write_text("time_s,x,y\n0,0,0\n20,1,1\n")
    attach_poses(workspace, short, AttachParameters(log=tmp_path / "local.csv", longest_gap_s=60), ignore, CancelToken())
    with pytest.raises(BadInput, match="no frame in common"):
        estimate_offset(workspace, plain, short, ClockParameters(), ignore, CancelToken())
