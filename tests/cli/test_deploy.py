"""revisit-cli deploy: a line of JSON a place, totals at the end, and one sentence for each mistake."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.events.sources import ReplaySource, StreamServer
from engine.events.writer import EventWriter
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import PLACES, SENSOR, WINDOW_US, make_workspace, reference_frames, route_events
from tests.waiting import PATIENCE_S

KEYS = {"time_us", "place", "confidence", "lost", "latency_ms"}


@pytest.fixture
def lab(tmp_path: Path) -> tuple[Workspace, Path, Path]:
    """A workspace, its network, and a recording of the route."""
    workspace, model = make_workspace(tmp_path)
    recording = workspace.recordings / "route.aedat4"
    writer = EventWriter(recording, SENSOR, flush_ms=None)
    writer.write(route_events())
    writer.close()
    return workspace, model, recording


def deploy(*options: object) -> int:
    return main(["deploy", *map(str, options)])


def lines_of(text: str) -> tuple[list[dict[str, object]], dict[str, object]]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert set(lines[-1]) == {"totals"}
    assert all(set(line) == KEYS for line in lines[:-1])
    return lines[:-1], lines[-1]["totals"]


def test_a_recording_becomes_places(lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, model, recording = lab
    assert deploy("--model", model, "--target", "cpu", "--source", recording, "--step_ms", 25, "--json", "-") == 0
    places, totals = lines_of(capsys.readouterr().out)
    assert totals["places"] == len(places) == 92
    assert totals["skipped"] == 0
    assert np.diff([line["time_us"] for line in places]).tolist() == [25_000] * 91  # type: ignore[arg-type]
    assert {line["place"] for line in places} == set(range(PLACES))
    again = [model, "--source", recording, "--step_ms", 25, "--json", "-"]
    assert deploy("--model", *again) == 0
    repeated, _ = lines_of(capsys.readouterr().out)
    assert [line["place"] for line in repeated] == [line["place"] for line in places]


@pytest.mark.parametrize("target", ["cpu", "virtual"])
def test_a_stream_becomes_places(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path, target: str
) -> None:
    _, model, _ = lab
    source = ReplaySource(lambda: FakeReader(route_events(), SENSOR, 500), factor=20.0)
    with StreamServer(source, f"unix:{tmp_path}/s", wait_for_client=True):
        run = ["--model", model, "--target", target, "--source", f"unix:{tmp_path}/s", "--sequence", "none", "--json", "-"]
        assert deploy(*run, "--session", tmp_path / "session") == 0
    places, totals = lines_of(capsys.readouterr().out)
    assert totals["places"] == len(places)
    # A busy machine may skip windows, and take its own pauses for the camera's silence.
    assert totals["places"] + totals["skipped"] >= 23  # type: ignore[operator]
    assert (tmp_path / "session/events.aedat4").exists()
    assert np.load(tmp_path / "session/spikes.npy", allow_pickle=False).shape == (PLACES, len(places))


def test_lens_s_simulated_mode_streams_recorded_frames_through_a_chip(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, model, _ = lab
    frames = reference_frames()
    folder = workspace.frames_folder("lab", "hand", "again")
    write_traverse(folder, workspace.index_file("again"), frames, TraverseInfo(window_ms=WINDOW_US / 1000))
    run = ["--model", model, "--simulated_speck", "--query", "again", "--sequence_length", "1", "--json", "-"]
    assert deploy(*run) == 0
    places, totals = lines_of(capsys.readouterr().out)
    assert [line["place"] for line in places] == list(range(PLACES))
    assert totals["energy_uj_per_place"] is not None


def test_lens_s_event_driven_mode_runs_a_chip_in_windows_that_do_not_overlap(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, model, recording = lab
    assert deploy("--model", model, "--event_driven", "--source", recording, "--timebin", 1000, "--json", "-") == 0
    told = capsys.readouterr()
    places, totals = lines_of(told.out)
    assert len(places) == 2
    assert places[1]["time_us"] - places[0]["time_us"] == 1_000_000  # type: ignore[operator]
    assert totals["energy_uj_per_place"] is not None
    assert "--timebin: of no use to this command." in told.err


def test_a_ghost_is_in_the_totals_and_a_chip_s_thresholds_can_be_given(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, model, recording = lab
    run = ["--model", model, "--source", recording, "--target", "virtual", "--step_ms", 50, "--json", "-"]
    assert deploy(*run, "--ghost", "cpu") == 0
    _, totals = lines_of(capsys.readouterr().out)
    assert totals["ghost"]["windows"] == totals["places"]  # type: ignore[index]
    assert 0 < totals["ghost"]["near"] <= 1  # type: ignore[index]
    assert deploy(*run, "--sequence", "none", "--input_threshold", 500) == 0
    assert lines_of(capsys.readouterr().out)[1]["lost"] == 46  # nothing fires
    assert deploy(*run, "--input_threshold", 0) == 2
    assert "input_threshold should be greater than 0" in capsys.readouterr().err


def test_a_network_without_a_record_is_shown_a_square_grid_or_what_is_asked(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, model, recording = lab
    model.with_suffix(".json").unlink()
    run = ["--model", model, "--source", recording, "--step_ms", 50, "--json", "-"]
    assert deploy(*run) == 0
    told = capsys.readouterr()
    assert "it is taken to see what LENS 0.1.5 does" in told.err
    assert lines_of(told.out)[1]["places"] == 46
    assert deploy(*run, "--dims", 2, 8, "--compat", "lens-0.1.1") == 0
    assert deploy(*run, "--dims", 5) == 2
    assert "has 16 inputs, but dims 5x5 makes 25" in capsys.readouterr().err


def test_the_synthetic_camera_ends_with_the_duration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lab: tuple[Workspace, Path, Path]
) -> None:
    _, model, _ = lab
    run = ["--model", model, "--source", "synthetic:same-day", "--speed", "max", "--duration_s", 0.5, "--step_ms", 50]
    assert deploy(*run, "--json", tmp_path / "lines.jsonl") == 0
    places, totals = lines_of((tmp_path / "lines.jsonl").read_text())
    assert len(places) == totals["places"] == 9
    assert capsys.readouterr().out == ""


def test_without_json_a_person_reads_along(lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, model, recording = lab
    assert deploy("--model", model, "--source", recording, "--publish", "tcp://127.0.0.1:0") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "Publishing at tcp://127.0.0.1:" in told.err
    assert "place     5" in told.err
    assert "windows skipped" in told.err


def test_ctrl_c_ends_cleanly_with_the_totals(lab: tuple[Workspace, Path, Path], tmp_path: Path) -> None:
    _, model, recording = lab
    command = [sys.executable, "-m", "engine", "deploy", "--model", str(model), "--source", str(recording), "--loop"]
    command += ["--speed", "1", "--step_ms", "25", "--session", str(tmp_path / "session"), "--json", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        os.kill(child.pid, signal.SIGINT)
        rest, errors = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, errors
    places, totals = lines_of(first + rest)
    assert totals["places"] == len(places) >= 1
    assert json.loads((tmp_path / "session/session.json").read_text())["totals"]["places"] == len(places)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--source", "nothing.aedat4"], "The source 'nothing.aedat4' does not exist: give a recording's path"),
        ([], "No source is given: give --source with a recording's path"),
        (["--source", "synthetic:moon"], "has no conditions 'moon': choose one of reference"),
        (["--source", "synthetic", "--speed", "quick"], "speed should be a number or max, but is 'quick'"),
        (["--source", "synthetic", "--speed", "1000"], "The playback factor is 1000"),
        (["--source", "127.0.0.1:1"], "cannot be reached (nobody listens there)"),
        (["--source", "synthetic", "--step_ms", "33"], "must divide the window of 100 ms"),
        (["--source", "synthetic", "--publish", "nowhere"], "Places cannot be published at 'nowhere'"),
        (["--source", "synthetic", "--region", "0", "0", "16", "16"], "was trained on 32x32 pixels, but the region of interest"),
        (["--source", "synthetic", "--filter", "region"], "The filter region cannot run live"),
        (["--source", "synthetic", "--hot_pixels", "none.txt"], "none.txt does not exist"),
        (["--source", "synthetic", "--target", "moon"], "target"),
        (["--simulated_speck"], "give its name with --query"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    _, model, _ = lab
    assert deploy("--model", model, *options, "--json", "-") == 2
    told = capsys.readouterr()
    assert sentence in told.err
    assert "Traceback" not in told.err


def test_a_broken_model_is_refused_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "m_LENS_IN1_FN1_DB1.pth"
    broken.write_bytes(b"PK\x03\x04 this is no network")
    assert deploy("--model", broken, "--source", "synthetic", "--session", tmp_path / "session") == 2
    assert "is not a PyTorch file, or is cut short" in capsys.readouterr().err
    assert not (tmp_path / "session").exists()


def test_a_sensor_too_small_for_the_model_ends_the_run(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, model, _ = lab
    recording = tmp_path / "small.aedat4"
    writer = EventWriter(recording, (20, 20), flush_ms=None)
    events = route_events()
    writer.write(events[(events["x"] < 20) & (events["y"] < 20)])
    writer.close()
    assert deploy("--model", model, "--source", recording, "--json", "-") == 2
    told = capsys.readouterr()
    assert "the sensor has only 20x20" in told.err
    assert lines_of(told.out)[1]["places"] == 0


def test_the_driver_is_never_downloaded_unasked(
    lab: tuple[Workspace, Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model, _ = lab
    monkeypatch.setattr("engine.chip.speck.driver_state", lambda: "installer")
    assert deploy("--model", model, "--target", "speck") == 2
    assert "Pass --import_driver to go on, or take --target virtual." in capsys.readouterr().err
    monkeypatch.setattr("engine.chip.speck.driver_state", lambda: "missing")
    assert deploy("--model", model, "--target", "speck") == 2
    assert "The Speck's driver (samna) is not here" in capsys.readouterr().err
    assert "samna" not in sys.modules


def test_evaluate_sends_lens_s_live_modes_here(capsys: pytest.CaptureFixture[str]) -> None:
    for mode in ("simulated_speck", "event_driven"):
        assert main(["evaluate", f"--{mode}"]) == 2
        assert f"`revisit-cli deploy --{mode}`" in capsys.readouterr().err
