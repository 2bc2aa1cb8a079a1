"""Recordings to traverses, through the engine and through revisit-cli bin."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.cli.bin import traverse_names
from engine.errors import BadInput, JobCancelled
from engine.events.filters import (
    BackgroundActivityParameters,
    DownsampleParameters,
    FilterChain,
    PolarityParameters,
    RegionParameters,
    read_filters,
)
from engine.frames.binner import Binner
from engine.frames.binning import BinningParameters, bin_events
from engine.frames.make_traverse import CHUNK, TraverseParameters, bin_recording, make_traverse
from engine.jobs import CancelToken, Notice, Progress
from engine.places.workspace import Workspace
from tests.events.streams import make_events, random_events

SIZE = (40, 30)


class Held:
    """A recording held in memory."""

    def __init__(self, events, size=SIZE, time_range=True):
        self.path, self.size, self._events, self._done = Path("held.aedat4"), size, events, 0
        self.time_range = (int(events["timestamp"][0]), int(events["timestamp"][-1])) if time_range and len(events) else None

    @property
    def progress(self):
        return self._done / max(len(self._events), 1)

    def chunks(self, *, max_events):
        for first in range(0, len(self._events), min(max_events, 5000)):
            self._done = first
            yield self._events[first : first + min(max_events, 5000)]


@pytest.fixture
def events():
    return random_events(np.random.default_rng(1), 60_000, SIZE, 3_000_000)


def made(tmp_path, recording, binning, filters=(), **parameters):
    told = []
    where = TraverseParameters(data_dir=tmp_path / "dataset", dataset="lab", camera="davis", **parameters)
    return make_traverse(recording, "walk", where, binning, filters, told.append), told


def test_a_traverse_holds_the_binned_frames(tmp_path, events):
    binning = BinningParameters(window_ms=200, roi=(4, 3, 20, 10))
    filters = [BackgroundActivityParameters(window_ms=20), PolarityParameters()]
    result, told = made(tmp_path, Held(events), binning, filters)
    kept = FilterChain(filters, SIZE).process(events)
    wanted = bin_events(kept, SIZE, binning)
    traverse = Workspace.open(tmp_path).traverse("lab", "davis", "walk")
    assert np.array_equal(traverse.frames(), wanted.images)
    info = traverse.info()
    assert info == result.info
    assert (info.sensor, info.region, info.window_ms) == (SIZE, (4, 3, 20, 10), 200)
    assert info.window_starts_us == wanted.start_us.tolist()
    assert info.start_us == wanted.start_us[0]
    assert read_filters(info.filters, "traverse.json") == filters
    assert BinningParameters.read(info.binning, "traverse.json") == binning
    assert (result.events, result.events - result.removed, result.binned) == (len(events), len(kept), wanted.binned.sum())
    assert result.summary()["frames"] == len(wanted) == len(traverse)
    progress = [event for event in told if isinstance(event, Progress)]
    assert progress[-1].done == progress[-1].total


def test_region_is_told_in_pixels_of_the_sensor(tmp_path, events):
    filters = [RegionParameters(x=10, y=6, width=25, height=20), DownsampleParameters(factor=2)]
    result, _ = made(tmp_path, Held(events), BinningParameters(window_ms=500, roi=(2, 1, 5, 4)), filters)
    assert result.info.region == (14, 8, 10, 8)
    assert result.traverse.frames().shape[1:] == (4, 5)


@pytest.mark.parametrize("time_range", [True, False])
def test_hot_pixels_are_found_first(tmp_path, events, time_range):
    hot = make_events(np.arange(0, 3_000_000, 500), np.full(6000, 5), np.full(6000, 7), np.ones(6000))
    noisy = np.concatenate([events, hot])
    noisy = noisy[np.argsort(noisy["timestamp"], kind="stable")]
    result, told = made(tmp_path, Held(noisy, time_range=time_range), BinningParameters(window_ms=500), find_hot_pixels=True)
    assert result.info.filters[0]["pixels"] == [[5, 7]]
    assert not result.traverse.frames()[:, 7, 5].any()
    assert any("1 hot pixels found" in event.text for event in told if isinstance(event, Notice))


def test_window_from_events_per_pixel(tmp_path, events):
    filters = [PolarityParameters(keep="off")]
    result, _ = made(tmp_path, Held(events), BinningParameters(), filters, events_per_pixel=5)
    assert result.traverse.frames().mean() == pytest.approx(5, rel=0.1)
    assert result.info.binning["window_ms"] == result.info.window_ms
    with pytest.raises(BadInput, match="chooses a time window"):
        made(tmp_path / "other", Held(events), BinningParameters(mode="count"), events_per_pixel=5)


def test_saturation_and_strays_are_told(tmp_path):
    events = make_events(np.arange(3000) * 1000, np.full(3000, 3), np.full(3000, 3), np.ones(3000))
    events["x"][::100] = 1000
    result, told = made(tmp_path, Held(events), BinningParameters(window_ms=400))
    texts = " ".join(event.text for event in told if isinstance(event, Notice))
    assert "lay off the sensor" in texts
    assert "pixels at 255" in texts
    assert result.out_of_range == 28  # of the seven whole windows
    events["timestamp"][5] = 0
    _, told = made(tmp_path / "other", Held(events), BinningParameters(window_ms=400))
    assert any("1 events were out of order" in event.text for event in told if isinstance(event, Notice))


def test_nothing_is_left_of_a_failed_traverse(tmp_path, events):
    for binning, filters, words in (
        (BinningParameters(window_ms=60_000), [], "gives no frame"),
        (BinningParameters(roi=(39, 0, 5, 5)), [], "does not lie on the sensor"),
        (BinningParameters(dtype="uint16"), [], "8-bit grayscale"),
        (BinningParameters(polarity="separate"), [], "8-bit grayscale"),
    ):
        with pytest.raises(BadInput, match=words):
            made(tmp_path, Held(events), binning, filters)
    with pytest.raises(BadInput, match="gives no frame"):
        made(tmp_path, Held(events[:0]), BinningParameters())
    with pytest.raises(BadInput, match="does not say its sensor's size"):
        made(tmp_path, Held(events, size=None), BinningParameters())
    assert list(tmp_path.rglob("*.png")) == list(tmp_path.rglob("*.csv")) == list(tmp_path.rglob("*.part")) == []


def test_a_traverse_is_not_overwritten(tmp_path, events):
    made(tmp_path, Held(events), BinningParameters(window_ms=500))
    before = sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(BadInput, match="exists already"):
        made(tmp_path, Held(events), BinningParameters(window_ms=500))
    assert sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()) == before


def test_cancel_stops_between_chunks(tmp_path, events):
    token = CancelToken()
    where = TraverseParameters(data_dir=tmp_path / "dataset")

    def emit(event):
        token.cancel()

    with pytest.raises(JobCancelled):
        make_traverse(Held(events), "walk", where, BinningParameters(window_ms=100), [], emit, token)
    assert not list(tmp_path.rglob("*.png"))


def test_bin_recording_gives_the_remainder_last(events):
    binning = BinningParameters(window_ms=700, remainder="keep")
    frames = list(bin_recording(Held(events).chunks(max_events=CHUNK), FilterChain([], SIZE), Binner(SIZE, binning)))
    assert [frame.complete for frame in frames] == [True] * 4 + [False]
    assert np.array_equal([frame.image for frame in frames], bin_events(events, SIZE, binning).images)


def test_names_of_traverses():
    paths = [Path("a/monday.aedat4"), Path("b/tuesday.raw")]
    assert traverse_names(paths, []) == ["monday", "tuesday"]
    assert traverse_names(paths, ["x", "y"]) == ["x", "y"]
    for given, words in (
        (["x"], "2 recordings and 1 names"),
        (["x", "x"], "Two recordings"),
        (["x", "../y"], "name of a folder"),
    ):
        with pytest.raises(BadInput, match=words):
            traverse_names(paths, given)


@pytest.fixture
def saved(tmp_path, events):
    """Two recordings as .npy files of our own layout."""
    for name, part in (("monday", events[:40_000]), ("tuesday", events[20_000:])):
        columns = np.zeros(len(part), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "i1")])
        for ours, theirs in (("timestamp", "t"), ("x", "x"), ("y", "y"), ("polarity", "p")):
            columns[theirs] = part[ours]
        np.save(tmp_path / f"{name}.npy", columns)
    return [str(tmp_path / "monday.npy"), str(tmp_path / "tuesday.npy")]


def test_cli_bins_many_recordings(tmp_path, saved, events, capsys):
    options = (
        "--dataset lab --camera davis --window_ms 100 --roi 1 2 30 20 --filter refractory:period_us=200 --size 40 30 --json -"
    )
    assert main(["bin", *saved, "--data_dir", str(tmp_path / "dataset"), *options.split()]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [entry["traverse"] for entry in result["traverses"]] == ["monday", "tuesday"]
    workspace = Workspace.open(tmp_path)
    for name, part in (("monday", events[:40_000]), ("tuesday", events[20_000:])):
        traverse = workspace.traverse("lab", "davis", name)
        kept = FilterChain(read_filters([{"kind": "refractory", "period_us": 200}], ""), SIZE).process(part)
        assert np.array_equal(
            traverse.frames(), bin_events(kept, SIZE, BinningParameters(window_ms=100, roi=(1, 2, 30, 20))).images
        )
        assert traverse.info().source.endswith(f"{name}.npy")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--window_ms 0", "window_ms should be greater"),
        ("--roi 1 2 3", "roi"),
        ("--filter blur", "'blur' is unknown"),
        ("--traverse a/b --traverse c", "name of a folder"),
        ("--polarity separate", "8-bit grayscale"),
        ("--roi 0 0 41 30 --size 40 30", "does not lie on the sensor of 40x30"),
    ],
)
def test_cli_refuses_in_one_sentence(tmp_path, saved, capsys, options, words):
    assert main(["bin", *saved, "--data_dir", str(tmp_path / "dataset"), "--size", "40", "30", *options.split()]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in last
    assert not (tmp_path / "dataset").exists() or not list((tmp_path / "dataset").rglob("*.png"))


@pytest.mark.parametrize("name", ["dvxplorer.aedat4", "prophesee_evt3.raw", "prophesee_ncars.dat"])
def test_real_recordings(tmp_path, shared_data, name):
    from engine.events.recording import open_recording

    path = shared_data / "recordings" / name
    with open_recording(path) as recording:
        size = recording.size
        events = np.concatenate(list(recording.chunks(max_events=50_000)))
    extra = [] if size else ["--size", "120", "100"]
    size = size or (120, 100)
    window = (int(events["timestamp"][-1]) - int(events["timestamp"][0])) / 1000 / 7.5
    arguments = ["bin", str(path), "--data_dir", str(tmp_path / "dataset"), "--window_ms", f"{window}", *extra]
    assert main(arguments) == 0
    frames = Workspace.open(tmp_path).traverse("example", "davis128", path.stem).frames()
    wanted = bin_events(events, size, BinningParameters(window_ms=window)).images
    assert len(frames) == 7
    assert np.array_equal(frames, wanted)
