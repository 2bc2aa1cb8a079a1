"""The event camera: against its NumPy twin event by event, and against what such pixels must do."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.events.array import EventArray
from engine.native.twins import event_camera as twin
from engine.simulation.camera import EventCamera
from engine.simulation.parameters import CameraParameters

QUIET = {"leak_rate_hz": 0, "shot_rate_hz": 0, "hot_share": 0, "threshold_sigma": 0, "cutoff_hz": 0}


def film(frames: np.ndarray, step_us: int, seed: int = 1, threads: int = 1, **changes: float) -> EventArray:
    camera = CameraParameters(width=frames.shape[2], height=frames.shape[1], **changes)
    pixels = EventCamera(camera, seed, threads=threads)
    pixels.start(frames[0])
    return pixels.events(frames[1:], np.full(len(frames) - 1, step_us), 0)


def flicker(steps: int, size: int, seed: int = 0) -> np.ndarray:
    """A random walk of the log luminance, with contrasts of a few thresholds a step."""
    random = np.random.default_rng(seed)
    return np.exp(np.cumsum(0.25 * random.standard_normal((steps, size, size)), 0)).clip(0.001, 4).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    refractory=st.sampled_from([1.0, 300.0, 5000.0, 40000.0]),
    cutoff=st.sampled_from([0.0, 20.0, 300.0]),
    shot=st.sampled_from([0.0, 5.0, 400.0]),
    leak=st.sampled_from([0.0, 0.3, 80.0]),
    amplitude=st.sampled_from([0.0, 0.05, 0.8]),
    threads=st.integers(1, 5),
)
def test_native_equals_twin_event_by_event(
    seed: int, refractory: float, cutoff: float, shot: float, leak: float, amplitude: float, threads: int
) -> None:
    random = np.random.default_rng(seed)
    steps, width, height = 12, 40, 60
    count = width * height
    frames = np.exp(amplitude * random.standard_normal((steps, count))).astype(np.float32)
    durations = random.integers(1, 20_000, steps)
    keys = random.integers(0, 2**32, steps, dtype=np.uint32)
    pattern = np.stack([random.uniform(0.1, 0.3, count), random.uniform(0.1, 0.3, count), np.full(count, leak * 0.2e-6)]).astype(
        np.float32
    )
    first = np.stack([twin.log_of(frames[0]), random.uniform(-0.09, 0.09, count), random.uniform(0, 900, count)]).astype(
        np.float32
    )
    common = (1_000_000, width, 0.01, 2 * np.pi * cutoff * 1e-6, shot * 1e-6, refractory)
    ours, theirs = first.copy(), first.copy()
    a = native.camera_events(frames, durations, keys, ours, pattern, *common, threads)
    b = twin.camera_events(frames, durations, keys, theirs, pattern, *common)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(ours, theirs)


def test_logarithm_is_a_logarithm() -> None:
    values = np.geomspace(1e-5, 1e4, 200_000).astype(np.float32)
    np.testing.assert_allclose(twin.log_of(values), np.log(values.astype(np.float64)), atol=1e-6, rtol=3e-7)


def test_every_variant_gives_the_same_bits() -> None:
    program = (
        "import hashlib, sys, numpy as np, warnings; warnings.simplefilter('ignore')\n"
        "from engine import native\n"
        "from engine.simulation.parameters import *; from engine.simulation.traverse import simulate_traverse\n"
        "camera = CameraParameters(width=48, height=32)\n"
        "chunks = simulate_traverse(WorldParameters(), camera, TraverseConditions(), 1.5)\n"
        "digest = hashlib.sha256(b''.join(c.events.tobytes() for c in chunks)).hexdigest()\n"
        "print(native.variant(), digest)\n"
    )
    found = {}
    for wish in ("baseline", "avx2", ""):
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "REVISIT_NATIVE": wish},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        name, digest = run.stdout.split()
        found[name] = digest
    assert len(set(found.values())) == 1, found


def test_steady_light_without_noise_is_silent() -> None:
    frames = np.broadcast_to(np.linspace(0.01, 2, 400, dtype=np.float32).reshape(1, 20, 20), (50, 20, 20))
    assert len(film(frames, 5000, **QUIET)) == 0


def test_a_ramp_gives_one_event_each_threshold() -> None:
    # log intensity rises by 3.1 with thresholds of 0.2: 15 events a pixel (or 16, by the phase), none of them OFF.
    frames = np.exp(np.linspace(-3.0, 0.1, 400, dtype=np.float32))[:, None, None] * np.ones((1, 8, 8), np.float32)
    up = film(frames, 2000, dark_level=1e-4, refractory_us=1, **QUIET)
    down = film(frames[::-1].copy(), 2000, dark_level=1e-4, refractory_us=1, **QUIET)
    for events, polarity in ((up, 1), (down, 0)):
        counts = np.bincount(events["y"].astype(int) * 8 + events["x"], minlength=64)
        assert set(counts) <= {14, 15, 16}
        assert (events["polarity"] == polarity).all()


def test_time_stamps_are_interpolated_between_frames() -> None:
    # One step of 100 ms: events are spread evenly over it, not stacked at its end.
    frames = np.stack([np.full((8, 8), 0.05, np.float32), np.full((8, 8), 1.0, np.float32)])
    events = film(frames, 100_000, refractory_us=1, **QUIET)
    one = events[(events["x"] == 3) & (events["y"] == 3)]
    gaps = np.diff(one["timestamp"])
    assert len(one) > 10
    assert gaps.max() - gaps.min() <= 3


def test_doubling_the_threshold_lowers_the_events() -> None:
    frames = flicker(80, 24)
    fine = film(frames, 4000, threshold_on=0.2, threshold_off=0.2, **QUIET)
    coarse = film(frames, 4000, threshold_on=0.4, threshold_off=0.4, **QUIET)
    assert 0.1 * len(fine) < len(coarse) < 0.6 * len(fine)


def test_on_and_off_balance_in_stationary_flicker() -> None:
    random = np.random.default_rng(3)
    frames = np.exp(0.5 * random.standard_normal((200, 24, 24))).astype(np.float32)
    events = film(frames, 4000, **QUIET)
    assert events["polarity"].mean() == pytest.approx(0.5, abs=0.01)


def test_dead_time_is_kept_and_time_never_goes_back() -> None:
    events = film(flicker(150, 24), 4000, refractory_us=1500.0, shot_rate_hz=20.0)
    assert (np.diff(events["timestamp"]) >= 0).all()
    pixel = events["y"].astype(int) * 24 + events["x"]
    order = np.lexsort((events["timestamp"], pixel))
    gaps = np.diff(events["timestamp"][order])[np.diff(pixel[order]) == 0]
    assert len(gaps) > 1000
    assert gaps.min() >= 1499  # whole microseconds: a gap of 1500.0 may read 1499


def test_low_pass_is_slower_in_the_dark() -> None:
    def delay(light: float) -> float:
        frames = np.full((60, 8, 8), light, np.float32)
        frames[1:] *= 3.0
        events = film(frames, 1000, dark_level=1e-4, **{**QUIET, "cutoff_hz": 100.0})
        return float(np.median(events["timestamp"]))

    assert delay(0.01) > 2 * delay(1.0)


def test_leak_rate_is_the_stated_one_and_on() -> None:
    frames = np.full((2001, 32, 32), 0.5, np.float32)
    events = film(frames, 20_000, **{**QUIET, "leak_rate_hz": 0.5})
    assert (events["polarity"] == 1).all()
    # The rates are log-normal with sigma 0.4: their mean is exp(0.08) of the median.
    assert len(events) / (32 * 32 * 40.0) == pytest.approx(0.5 * np.exp(0.08), rel=0.06)


def test_shot_noise_rate_and_its_growth_in_the_dark() -> None:
    def rate(light: float) -> float:
        events = film(np.full((1501, 32, 32), light, np.float32), 20_000, **{**QUIET, "shot_rate_hz": 4.0})
        assert events["polarity"].mean() == pytest.approx(0.5, abs=0.02)
        return len(events) / (32 * 32 * 30.0)

    assert rate(0.001) == pytest.approx(4.0, rel=0.03)
    assert rate(1.5) == pytest.approx(1.0, rel=0.05)


def test_hot_pixels_are_the_cameras_and_as_many_and_fast_as_stated() -> None:
    camera = CameraParameters(
        width=64, height=64, hot_share=0.01, hot_rate_hz=100.0, leak_rate_hz=0, shot_rate_hz=0, refractory_us=1.0
    )
    first, other_drive, other_camera = (
        EventCamera(camera, 1),
        EventCamera(camera, 2),
        EventCamera(camera.model_copy(update={"camera_seed": 9}), 1),
    )
    np.testing.assert_array_equal(first.hot, other_drive.hot)
    assert not np.array_equal(first.hot, other_camera.hot)
    frames = np.full((200, 64, 64), 0.5, np.float32)
    first.start(frames[0])
    events = first.events(frames, np.full(200, 20_000), 0)
    counts = np.bincount(events["y"].astype(int) * 64 + events["x"], minlength=4096)
    np.testing.assert_array_equal(np.flatnonzero(counts), first.hot)
    assert len(first.hot) == 41
    assert 25 < np.median(counts[first.hot]) / 4.0 < 250
    assert counts[first.hot].min() / 4.0 > 100.0 / 3.1 and counts[first.hot].max() / 4.0 < 310


def test_events_do_not_depend_on_threads_or_on_how_the_frames_were_cut() -> None:
    frames = flicker(61, 64)
    camera = CameraParameters(width=64, height=64, shot_rate_hz=10.0)
    whole = EventCamera(camera, 5, threads=1)
    whole.start(frames[0])
    expected = whole.events(frames[1:], np.full(60, 3000), 0)
    cut = EventCamera(camera, 5, threads=4)
    cut.start(frames[0])
    parts = [cut.events(frames[1 + a : 1 + b], np.full(b - a, 3000), 3000 * a) for a, b in ((0, 7), (7, 8), (8, 60))]
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_wrong_shapes_are_refused() -> None:
    good = {
        "frames": np.ones((2, 16), np.float32),
        "durations": np.array([10, 10]),
        "keys": np.zeros(2, np.uint32),
        "state": np.zeros((3, 16), np.float32),
        "pattern": np.ones((3, 16), np.float32),
    }
    if native.variant() == "numpy":
        pytest.skip("the twin leaves this to NumPy")
    for name, bad in {
        "frames": np.ones((2, 15), np.float32),
        "durations": np.array([10, 0]),
        "keys": np.zeros(3, np.uint32),
        "state": np.zeros((2, 16), np.float32),
        "pattern": np.zeros((3, 16), np.float32),
    }.items():
        with pytest.raises((ValueError, TypeError)):
            native.camera_events(
                **{**good, name: bad}, start_us=0, width=4, dark=0.1, low_pass_per_us=0, shot_per_us=0, refractory=1
            )
