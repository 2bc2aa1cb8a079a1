"""A session's folder: whole after a stop, a cut, a kill and a full disk."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.chip.target import PowerReading
from engine.errors import BadInput
from engine.events.array import joined
from engine.events.recording import open_recording
from engine.events.sources import ReplaySource, SourceState
from engine.events.sources.source import SourceFailed
from engine.live import LiveParameters
from engine.live.growing import GrowingMatrix
from tests.capture.helpers import HandSource, same_events
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import SENSOR, HandTarget, answers_of, live_on, make_model, make_workspace, place_events, route_events
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


def read_events(path: Path):  # type: ignore[no-untyped-def]
    with open_recording(path) as reader:
        return joined(list(reader.chunks()))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as table:
        return list(csv.DictReader(table))


@pytest.mark.parametrize("dtype", ["<f4", "<i4"])
def test_a_growing_matrix_is_whole_after_every_column(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "m.npy"
    matrix = GrowingMatrix(path, 5, dtype)
    columns = np.arange(60).reshape(5, 12).astype(dtype)
    assert np.load(path, allow_pickle=False).shape == (5, 0)
    for number in range(12):
        matrix.append(columns[:, number])
        found = np.load(path, allow_pickle=False)
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(found, columns[:, : number + 1])
    with path.open("ab") as part:
        part.write(b"half a column")  # what a failed append leaves
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), columns)
    matrix.close()
    matrix.close()
    assert path.stat().st_size == 128 + columns.nbytes
    with pytest.raises(FileExistsError):
        GrowingMatrix(path, 5, dtype)


def test_a_session_holds_what_was_seen_and_said(tmp_path: Path) -> None:
    model, events, folder = make_model(tmp_path), route_events(), tmp_path / "output" / "session"
    target = HandTarget()
    target.extra = {"power": PowerReading(np.array([1e-4, 2e-4, 3e-4, 4e-4, 5e-4]), False, 0.1)}
    source = ReplaySource(lambda: FakeReader(events, SENSOR, 997), factor=None)
    found, live = answers_of(source, model, LiveParameters(step_ms=25, sequence="filter"), session=folder, make=lambda *_: target)
    spikes, scores = (np.load(folder / name, allow_pickle=False) for name in ("spikes.npy", "similarity.npy"))
    np.testing.assert_array_equal(spikes, np.stack([answer.spikes.counts for answer in found], axis=1))
    np.testing.assert_array_equal(scores, np.stack([answer.scores for answer in found], axis=1))
    places = rows_of(folder / "places.csv")
    assert [int(row["time_us"]) for row in places] == [answer.end_us for answer in found]
    assert [int(row["place"]) for row in places] == [answer.place for answer in found]
    power = rows_of(folder / "power.csv")
    assert len(power) == len(found)
    assert float(power[0]["total_w"]) == pytest.approx(1.5e-3)
    assert float(power[0]["energy_j"]) == pytest.approx(1.5e-4)
    assert power[0]["measured"] == "0"
    assert same_events(read_events(folder / "events.aedat4"), events)
    told = json.loads((folder / "parameters.json").read_text())
    assert LiveParameters(**told["parameters"]) == live.parameters
    assert told["reference_traverse"] == ["lab", "hand", "walk"]
    end = json.loads((folder / "session.json").read_text())
    assert end["complete"]
    assert end["windows"] == end["totals"]["places"] == len(found)
    assert end["totals"]["energy_uj_per_place"] == pytest.approx(150)
    with pytest.raises(BadInput, match="it is there already"):
        live_on(HandSource(SENSOR), model, session=folder)


def test_a_cut_leaves_both_sides_of_it(tmp_path: Path) -> None:
    model, folder = make_model(tmp_path), tmp_path / "session"
    before, after = place_events(0, 50_000_000, 3), place_events(1, 2_000_000, 3)  # the camera's clock begins anew
    capture, live = live_on(source := HandSource(SENSOR), model, session=folder)
    live.start()
    capture.start()
    try:
        source.give(before)
        until(lambda: live.totals().places == 8, "the places before the cut")
        source.give(SourceFailed("The camera was unplugged: plug it in."))
        until(lambda: capture.state is SourceState.FAILED, "the cut")
        until(lambda: len(rows_of(folder / "places.csv")) == 8, "the file up to the cut")
        capture.retry()
        source.give(after)
        until(lambda: live.totals().places == 16, "the places after the cut")
    finally:
        capture.stop()
        live.stop()
    assert same_events(read_events(folder / "events.aedat4"), before)
    assert same_events(read_events(folder / "events_2.aedat4"), after)
    assert np.load(folder / "spikes.npy", allow_pickle=False).shape == (6, 16)


KILLED = """
import sys, threading
from pathlib import Path
from engine.live import LiveParameters, open_model
from tests.capture.helpers import HandSource
from tests.live.helpers import SENSOR, live_on, make_model, place_events
model = make_model(Path(sys.argv[1]))
capture, live = live_on(source := HandSource(SENSOR, capacity=1 << 16), model, session=Path(sys.argv[1]) / "session")
live.start()
capture.start()
for window in range(100000):
    source.give(place_events(window // 20 % 6, 1_000_000 + 100_000 * window, 1, seed=window))
    while live.totals().places < 4 * window - 40:
        threading.Event().wait(0.002)
    if window == 60:
        print("going", flush=True)
"""


def test_a_killed_process_leaves_all_but_the_last_moment(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "going\n"
        os.kill(child.pid, signal.SIGKILL)
    folder = tmp_path / "session"
    spikes, scores = (np.load(folder / name, allow_pickle=False) for name in ("spikes.npy", "similarity.npy"))
    assert abs(spikes.shape[1] - scores.shape[1]) <= 1
    assert spikes.shape[1] >= 150
    assert abs(len(rows_of(folder / "places.csv")) - spikes.shape[1]) <= 1
    recorded = read_events(folder / "events.aedat4")
    assert len(recorded) > 50_000
    expected = joined([place_events(w // 20 % 6, 1_000_000 + 100_000 * w, 1, seed=w) for w in range(40)])
    assert same_events(recorded[: len(expected)], expected)
    assert not (folder / "session.json").exists()  # which says that it did not end by itself


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tests.capture.helpers import HandSource
from tests.live.helpers import SENSOR, live_on, make_model, place_events
from tests.waiting import until
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = make_model(Path(sys.argv[1]))
capture, live = live_on(source := HandSource(SENSOR), model, session=Path(sys.argv[1]) / "session")
live.start()
capture.start()
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
for window in range(60):
    source.give(place_events(window // 10, 1_000_000 + 100_000 * window, 1, seed=window))
until(lambda: live.totals().places == 236)
until(lambda: len(live.notes) == 2)
print("\\n".join(live.notes))
capture.stop()
totals = live.stop()
print(totals.places, live.session.written, live.session.left_out)
"""


def test_a_full_disk_is_a_state_and_recognition_goes_on(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "session"
    lines = done.stdout.splitlines()
    assert f"{folder} cannot be written any more (File too large): make room; the windows before are whole." in lines
    assert any("events.aedat4 cannot be written any more (File too large)" in line for line in lines)
    places, written, left_out = map(int, lines[-1].split())
    assert places == 236 == written + left_out
    assert written > 50
    assert np.load(folder / "spikes.npy", allow_pickle=False).shape[1] >= written
    assert len(rows_of(folder / "places.csv")) >= written
    assert json.loads((folder / "session.json").read_text())["complete"] is False


def test_a_session_in_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    workspace, path = make_workspace(tmp_path)
    (tmp_path / "file").write_text("no folder")
    from engine.live import open_model

    with pytest.raises(BadInput, match=r"The session .* cannot be made \(Not a directory\): name another folder"):
        live_on(HandSource(SENSOR), open_model(path, workspace), session=tmp_path / "file" / "session")
