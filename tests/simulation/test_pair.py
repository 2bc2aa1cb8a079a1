"""Traverses and pairs: determinism, poses, NMEA, ground truth, cancellation, bounded memory."""

import itertools
import json
import math
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.events.array import EVENT_DTYPE, EventArray, empty_events
from engine.events.recording import open_recording
from engine.jobs import CancelToken, JobEvent, Progress
from engine.simulation.logs import GpsParameters, nmea_sentences, to_metres, write_poses
from engine.simulation.pair import PairParameters, aedat4_writer, simulate_pair, write_pair
from engine.simulation.parameters import PRESETS, CameraParameters, TraverseConditions, WorldParameters
from engine.simulation.traverse import Poses, event_slices, simulate_traverse
from engine.simulation.windows import WindowCounter, nearest_ground_truth, side_by_side_windows, spread_windows

SMALL = CameraParameters(width=32, height=24)


def small_pair(**changes: object) -> PairParameters:
    values = {"camera": SMALL, "places": 12, "query_places": 10, "window_ms": 400.0, "radius_m": 2.0}
    return PairParameters(**{**values, **changes})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair") / "pair"
    write_pair(small_pair(), folder)
    return folder


def test_same_seed_same_bits_whatever_the_threads() -> None:
    def run(threads: int, conditions: TraverseConditions, **world: object) -> np.ndarray:
        camera = CameraParameters(width=64, height=48)
        chunks = list(simulate_traverse(WorldParameters(**world), camera, conditions, 3.0, threads=threads))
        assert all((np.diff(chunk.events["timestamp"]) >= 0).all() for chunk in chunks)
        return np.concatenate([chunk.events for chunk in chunks])

    reference = PRESETS["reference"]
    first = run(1, reference)
    assert len(first) > 5000
    for threads in (2, 3):
        np.testing.assert_array_equal(first, run(threads, reference))
    other = run(1, reference.model_copy(update={"seed": 77}))
    assert len(other) != len(first) or (other != first).any()


def test_chunks_join_without_gap_and_hold_their_own_events() -> None:
    before = 0
    ticks = []
    for chunk in simulate_traverse(WorldParameters(kind="corridor"), SMALL, TraverseConditions(), 5.0):
        assert chunk.start_us == before
        before = chunk.end_us
        assert chunk.events.dtype == EVENT_DTYPE
        times = chunk.events["timestamp"]
        assert len(times) == 0 or (times[0] >= chunk.start_us and times[-1] < chunk.end_us)
        assert chunk.events["x"].max(initial=0) < 32 and chunk.events["y"].max(initial=0) < 24
        ticks.extend(chunk.poses.time_us)
    assert (np.diff(ticks) == 20_000).all() and ticks[0] == 0 and before - ticks[-1] <= 20_000


def test_standing_still_leaves_only_noise() -> None:
    stopping = TraverseConditions(speed_m_s=4.0, stop_every_m=6.0, stop_seconds=3.0, noise=0.0)
    camera = SMALL.model_copy(update={"hot_share": 0.0})
    chunks = list(simulate_traverse(WorldParameters(), camera, stopping, 14.0))
    speeds = np.array([np.ptp(chunk.poses.distance) / max((chunk.end_us - chunk.start_us) * 1e-6, 1e-6) for chunk in chunks])
    events = np.array([len(chunk.events) / (chunk.end_us - chunk.start_us) for chunk in chunks])
    standing = speeds < 1e-6
    assert standing.any()
    assert events[standing].max() == 0
    assert np.median(events[speeds > 2]) > 0


def test_slices_are_equal_and_lose_nothing() -> None:
    def chunks() -> itertools.chain:
        return simulate_traverse(WorldParameters(), SMALL, TraverseConditions(), 4.0)

    whole = list(chunks())
    for slice_us in (3_000, 33_333, 5_000_000):
        slices = list(event_slices(chunks(), slice_us))
        lengths = [part.end_us - part.start_us for part in slices]
        assert set(lengths[:-1]) <= {slice_us} and lengths[-1] <= slice_us
        np.testing.assert_array_equal(
            np.concatenate([part.events for part in slices]), np.concatenate([chunk.events for chunk in whole])
        )
        for part in slices:
            times = part.events["timestamp"]
            assert len(times) == 0 or (times[0] >= part.start_us and times[-1] < part.end_us)
        assert sum(len(part.poses.time_us) for part in slices) == sum(len(chunk.poses.time_us) for chunk in whole)


def test_endless_traverse_keeps_its_memory_flat() -> None:
    camera = CameraParameters(width=16, height=12, pixels_per_step=8)
    stream = event_slices(simulate_traverse(WorldParameters(), camera, TraverseConditions(speed_m_s=20.0)), 50_000)
    for _ in itertools.islice(stream, 300):
        pass
    tracemalloc.start()
    early = 0
    for index, part in enumerate(itertools.islice(stream, 1500)):
        assert part.end_us - part.start_us == 50_000
        if index == 500:
            tracemalloc.reset_peak()
            early = tracemalloc.get_traced_memory()[0]
    late, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert late - early < 1_500_000  # a kilometre later
    assert peak - early < 12_000_000


def test_cancel_answers_within_half_a_second() -> None:
    token = CancelToken()
    events: list[JobEvent] = []
    started = 0.0

    def emit(event: JobEvent) -> None:
        nonlocal started
        events.append(event)
        if len(events) == 3:
            started = time.process_time()
            token.cancel()

    with pytest.raises(JobCancelled):
        simulate_pair(PairParameters(places=1000), emit=emit, cancel=token)
    assert time.process_time() - started < 0.5  # of the processor: what others do on it is not counted
    assert all(isinstance(event, Progress) for event in events)


def test_cancelled_write_leaves_nothing(tmp_path: Path) -> None:
    token = CancelToken()
    with pytest.raises(JobCancelled):
        write_pair(small_pair(), tmp_path / "pair", emit=lambda event: token.cancel(), cancel=token)
    assert list(tmp_path.iterdir()) == []


def recorded(path: Path) -> tuple[EventArray, tuple[int, int] | None]:
    with open_recording(path) as recording:
        return np.concatenate([empty_events(), *recording.chunks()]), recording.size


def test_pair_on_disk_is_the_pair(written: Path) -> None:
    import cv2

    parameters = PairParameters.read(json.loads((written / "simulation.json").read_text())["parameters"], "simulation.json")
    assert parameters == small_pair()
    again = simulate_pair(parameters)
    for traverse in again.traverses:
        images = sorted((written / traverse.name).glob("*.png"))
        assert [path.name for path in images] == [f"image_{index:04d}.png" for index in range(len(traverse.frames))]
        for path, frame in zip(images, traverse.frames, strict=True):
            np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), frame)
        events, size = recorded(written / f"{traverse.name}.aedat4")
        assert size == (32, 24) and len(events) == traverse.event_count
        assert events.dtype == EVENT_DTYPE
        # Counting again, by the naive way, gives the frames.
        for frame, start in zip(traverse.frames, traverse.starts_us, strict=True):
            counts = np.zeros((24, 32), int)
            inside = events[(events["timestamp"] >= start) & (events["timestamp"] < start + 400_000)]
            np.add.at(counts, (inside["y"], inside["x"]), 1)
            np.testing.assert_array_equal(frame, np.minimum(counts, 255))
    assert [len(traverse.frames) for traverse in again.traverses] == [12, 10]
    truth = np.load(written / "reference_query_GT.npy", allow_pickle=False)
    assert truth.shape == (12, 10) and truth.dtype == np.uint8
    np.testing.assert_array_equal(truth, again.ground_truth["query"])


def test_writing_over_a_folder_is_refused(written: Path) -> None:
    with pytest.raises(BadInput, match="exists already"):
        write_pair(small_pair(), written)


def test_nmea_log_leads_back_to_the_poses(written: Path) -> None:
    import pynmea2

    gps = small_pair().gps
    rows = np.loadtxt(written / "reference_poses.csv", delimiter=",", skiprows=1)
    lines = (written / "reference.nmea").read_bytes().decode("ascii").split("\r\n")[:-1]
    parsed = [pynmea2.parse(line, check=True) for line in lines]
    kinds = {type(sentence).__name__ for sentence in parsed}
    assert kinds == {"RMC", "GGA"} and len(parsed) == 2 * (int(rows[-1, 0]) // 1_000_000 + 1)
    errors = []
    for sentence in parsed:
        x, y = to_metres(gps, np.array([sentence.latitude]), np.array([sentence.longitude]))
        since = (sentence.timestamp.hour * 3600 + sentence.timestamp.minute * 60 + sentence.timestamp.second) - 2 * 3600
        true = [np.interp(since * 1e6, rows[:, 0], rows[:, axis]) for axis in (1, 2)]
        errors.append(math.hypot(x[0] - true[0], y[0] - true[1]))
    assert max(errors) < 1.5 and np.median(errors) < 1.0
    exact = GpsParameters(noise_m=0.0, latitude_deg=52.1, longitude_deg=-1.5)
    poses = Poses(
        np.array([0, 1_000_000, 2_000_000]),
        np.array([0.0, 300.0, 4000.0]),
        np.array([0.0, -50.0, 900.0]),
        np.zeros(3),
        np.zeros(3),
    )
    fixes = [pynmea2.parse(line, check=True) for line in nmea_sentences(poses, exact)]
    x, y = to_metres(exact, np.array([fix.latitude for fix in fixes]), np.array([fix.longitude for fix in fixes]))
    np.testing.assert_allclose(x, np.repeat(poses.x, 2), atol=0.03)
    np.testing.assert_allclose(y, np.repeat(poses.y, 2), atol=0.03)


def test_nmea_minutes_never_read_sixty() -> None:
    import pynmea2

    gps = GpsParameters(noise_m=0.0, latitude_deg=9.9999999999, longitude_deg=-0.0000000001)
    poses = Poses(np.array([0]), np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    for line in nmea_sentences(poses, gps):
        fix = pynmea2.parse(line, check=True)
        assert fix.latitude == pytest.approx(10.0, abs=1e-6) and "1000.00000" in line


def test_nmea_keeps_the_date_over_midnight() -> None:
    import pynmea2

    gps = GpsParameters(start_utc="2026-12-31T23:59:59")
    poses = Poses(np.arange(3) * 1_000_000, np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3))
    stamps = [fix.datetime for line in nmea_sentences(poses, gps) if isinstance(fix := pynmea2.parse(line), pynmea2.RMC)]
    assert [str(stamp)[:19] for stamp in stamps] == ["2026-12-31 23:59:59", "2027-01-01 00:00:00", "2027-01-01 00:00:01"]


def test_ground_truth_agrees_with_the_poses() -> None:
    pair = simulate_pair(
        small_pair(traverses={"day": PRESETS["reference"], "dusk": PRESETS["dusk"], "late": PRESETS["other-day"]})
    )
    reference = pair.traverses[0].frame_poses
    assert set(pair.ground_truth) == {"dusk", "late"}
    for traverse in pair.traverses[1:]:
        truth, query = pair.ground_truth[traverse.name], traverse.frame_poses
        apart = np.hypot(reference.x[:, None] - query.x, reference.y[:, None] - query.y)
        assert (truth.sum(0) <= 1).all() and truth.sum() > 0
        for column in np.flatnonzero(truth.any(0)):
            # The lanes lie up to a metre apart; along the route the match is the nearest.
            assert apart[truth[:, column].argmax(), column] <= apart[:, column].min() + 0.3
            assert apart[truth[:, column].argmax(), column] < 2.0 + 1.3
        assert (np.diff(truth.argmax(0)[truth.any(0)]) >= 0).all()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=20), st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(0, 30)
)
def test_nearest_ground_truth_is_the_nearest(reference: list[float], query: list[float], radius: float) -> None:
    truth = nearest_ground_truth(np.array(reference), np.array(query), radius)
    for column, place in enumerate(query):
        away = [abs(place - other) for other in reference]
        if min(away) > radius:
            assert truth[:, column].sum() == 0
        else:
            assert truth[:, column].sum() == 1 and away[truth[:, column].argmax()] == min(away)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5000), max_size=200),
    st.lists(st.integers(1, 4999), max_size=6),
    st.integers(1, 2000),
    st.integers(1, 12),
)
def test_windows_count_right_however_the_stream_was_cut(times: list[int], cuts: list[int], length: int, count: int) -> None:
    events = empty_events(len(times))
    events["timestamp"] = sorted(times)
    events["x"] = np.arange(len(times)) % 3
    starts = spread_windows(5000, count, length)
    counter = WindowCounter(starts, length, 3, 2)
    edges = [0, *sorted(set(cuts)), 5001]
    for start, end in itertools.pairwise(edges):
        counter.add(events[(events["timestamp"] >= start) & (events["timestamp"] < end)], start, end)
    for frame, start in zip(counter.frames(), starts, strict=True):
        inside = events[(events["timestamp"] >= start) & (events["timestamp"] < start + length)]
        np.testing.assert_array_equal(frame[0], np.minimum(np.bincount(inside["x"], minlength=3), 255))
        assert not frame[1].any()


def test_frames_saturate() -> None:
    counter = WindowCounter(np.array([0]), 1000, 2, 2)
    events = empty_events(300)
    counter.add(events, 0, 1000)
    assert counter.frames()[0, 0, 0] == 255


def test_query_takes_windows_side_by_side_when_no_number_is_asked() -> None:
    pair = simulate_pair(small_pair(query_places=0))
    query = pair.traverses[1]
    assert len(query.frames) == query.duration_us // 400_000
    assert (np.diff(query.starts_us) == 400_000).all()
    assert len(side_by_side_windows(1_000_000, 400_000)) == 2


def test_bad_input_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"route of only 0\.\d+ m"):
        simulate_pair(small_pair(traverses={"slow": TraverseConditions(speed_m_s=0.05)}))
    with pytest.raises(BadInput, match="window_ms"):
        spread_windows(1000, 3, 2000)
    with pytest.raises(BadInput, match="folder's name"):
        PairParameters.check({"traverses": {"../up": {}}}, "demo.json")
    with pytest.raises(BadInput, match="width"):
        CameraParameters.check({"width": 4})
    with pytest.raises(BadInput, match="kind"):
        WorldParameters.check({"kind": "forest"})


def test_events_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), aedat4_writer(tmp_path / "a.aedat4", SMALL) as sink:
        sink(empty_events(5))
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []
    with aedat4_writer(tmp_path / "a.aedat4", SMALL):
        pass
    assert len(recorded(tmp_path / "a.aedat4")[0]) == 0


def test_poses_csv_has_named_columns(tmp_path: Path) -> None:
    poses = Poses(np.array([0, 20_000]), np.array([1.0, 2.0]), np.array([0.5, 0.25]), np.array([0.1, 0.2]), np.zeros(2))
    write_poses(tmp_path / "p.csv", poses)
    assert (tmp_path / "p.csv").read_text() == "time_us,x,y,heading\n0,1.0000,0.5000,0.100000\n20000,2.0000,0.2500,0.200000\n"
