"""Recordings of real cameras, against other decoders."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.events.array import EventArray, joined
from engine.events.convert import ConvertParameters, convert, describe_recording
from engine.events.recording import open_recording
from engine.events.writer import check_recording
from engine.jobs import CancelToken, ignore
from tests.events import made


@pytest.fixture
def recordings(shared_data: Path) -> Path:
    return shared_data / "recordings"


def read_all(path: Path) -> EventArray:
    with open_recording(path, order="error") as reader:
        return joined(list(reader.chunks(max_events=10_000)))


def test_dvxplorer(recordings: Path, tmp_path: Path) -> None:
    path = recordings / "dvxplorer.aedat4"
    events = read_all(path)
    assert len(events) == 111_954
    assert check_recording(path).finished
    with open_recording(path) as reader:
        assert (reader.size, reader.format) == ((320, 240), "aedat4")
        assert reader.time_range == (int(events["timestamp"][0]), int(events["timestamp"][-1]))
        middle = int(events["timestamp"][60_000])
        assert joined(list(reader.chunks(start_us=middle))).tolist() == events[events["timestamp"] >= middle].tolist()
    pytest.importorskip("dv_processing")
    from tests.events.test_writer import READ_WITH_DV

    out = tmp_path / "dv.npz"
    subprocess.run([sys.executable, "-c", READ_WITH_DV, str(path), str(out)], check=True, timeout=300)
    with np.load(out) as theirs:
        for name, field in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity")):
            assert np.array_equal(theirs[name].astype(np.int64), events[field])


def test_evt3_against_package_evt3(recordings: Path) -> None:
    evt3 = pytest.importorskip("evt3")
    path = recordings / "prophesee_evt3.raw"
    events, theirs = read_all(path), evt3.decode_file(str(path))
    assert len(events) == 219_596
    for name, field in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity")):
        assert np.array_equal(np.asarray(getattr(theirs, name)).astype(np.int64), events[field]), name


def test_evt3_against_expelliarmus_whose_times_drift(recordings: Path) -> None:
    events, theirs = read_all(recordings / "prophesee_evt3.raw"), np.load(recordings / "prophesee_evt3_decoded.npy")
    for name in ("x", "y"):
        assert np.array_equal(events[name], theirs[name])
    assert np.array_equal(events["polarity"], theirs["p"])
    # The file's words name times from 11.718656 to 11.727457 s and never go back; the oracle adds 4096 us too many eleven times.
    more = theirs["t"] - events["timestamp"]
    assert set(np.unique(more) % 4096) == {0}
    assert (np.diff(more) >= 0).all() and more[0] == 0 and more[-1] == 11 * 4096


def test_ncars(recordings: Path) -> None:
    events = read_all(recordings / "prophesee_ncars.dat")
    raw = np.fromfile(recordings / "prophesee_ncars.dat", "<u4", offset=16165 - 2009 * 8).reshape(-1, 2)
    assert len(events) == 2009
    assert np.array_equal(events["timestamp"], raw[:, 0])
    assert np.array_equal(events["x"], raw[:, 1] & 0x3FFF)
    assert np.array_equal(events["y"], raw[:, 1] >> 14 & 0x3FFF)
    assert np.array_equal(events["polarity"], raw[:, 1] >> 28)


@pytest.mark.parametrize("name", ["dvxplorer.aedat4", "prophesee_evt3.raw", "prophesee_ncars.dat"])
@pytest.mark.parametrize("target", ["a.aedat4", "a.npz", "a.txt"])
def test_they_convert_without_loss(recordings: Path, tmp_path: Path, name: str, target: str) -> None:
    done = convert(recordings / name, tmp_path / target, ConvertParameters(), ignore, CancelToken())
    assert done.left_out == 0
    assert made.rows(read_all(tmp_path / target)) == made.rows(read_all(recordings / name))
    info = describe_recording(recordings / name, ignore, CancelToken())
    assert (info.events, info.out_of_range, info.out_of_order, info.malformed) == (done.events, 0, 0, 0)


@pytest.mark.parametrize("name", ["dvxplorer.aedat4", "prophesee_evt3.raw", "prophesee_ncars.dat"])
def test_they_are_read_as_far_as_they_go(recordings: Path, tmp_path: Path, name: str) -> None:
    data, events = (recordings / name).read_bytes(), read_all(recordings / name)
    for share in (0.3, 0.7, 0.99):
        path = tmp_path / "cut"
        path.write_bytes(data[: int(len(data) * share)])
        got = read_all(path)
        assert got.tolist() == events[: len(got)].tolist()
        assert len(got) > (share - 0.15) * len(events)
