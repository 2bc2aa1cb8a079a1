"""A recording served as a live camera: the job, and the command."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.recording import open_recording
from engine.events.sources import SourceState, StreamSource
from engine.events.sources.serve import ServeParameters, serve_recording
from engine.jobs import CancelToken, JobEvent, Metric, Notice, Progress, ignore
from tests.waiting import PATIENCE_S

from .helpers import SIZE, collect, make_events, read_count


@pytest.fixture
def recording(tmp_path: Path) -> tuple[Path, EventArray]:
    events = make_events(30_000)  # 0.3 s
    path = tmp_path / "walk.npy"
    np.save(path, events)
    return path, events


class Serving:
    """The job in a thread, as the app runs it."""

    def __init__(self, path: Path, **values: object) -> None:
        self.events: list[JobEvent] = []
        self.result: dict[str, object] = {}
        self.cancel = CancelToken()
        self._told = threading.Condition()
        parameters = ServeParameters(port=0, **values)  # type: ignore[arg-type]
        self._thread = threading.Thread(
            target=lambda: self.result.update(serve_recording(parameters, path, self._emit, self.cancel))
        )
        self._thread.start()

    def _emit(self, event: JobEvent) -> None:
        with self._told:
            self.events.append(event)
            self._told.notify_all()

    def address(self) -> str:
        with self._told:
            assert self._told.wait_for(lambda: any(isinstance(event, Notice) for event in self.events), PATIENCE_S)
        notice = next(event for event in self.events if isinstance(event, Notice))
        return notice.text.split(" at ")[1].split(";")[0].rstrip(".")

    def join(self) -> dict[str, object]:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.result


def test_a_client_gets_the_whole_recording_and_the_job_ends(recording: tuple[Path, EventArray]) -> None:
    path, events = recording
    job = Serving(path, factor=2.0, sensor_width=SIZE[0], sensor_height=SIZE[1])
    with StreamSource(job.address(), policy="block") as source:
        assert np.array_equal(collect(source), events)
        assert (source.state, source.size) == (SourceState.ENDED, SIZE)
    result = job.join() | {"address": ""}
    assert result.pop("slipped_s") >= 0  # type: ignore[operator]  # a loaded machine falls behind
    assert result == {"address": "", "events": 30_000, "sent": 30_000, "dropped": 0}
    metrics = [event.values for event in job.events if isinstance(event, Metric)]
    assert metrics
    assert metrics[-1]["dropped"] == 0
    progress = [event for event in job.events if isinstance(event, Progress)]
    assert all(0 <= event.done <= event.total == 299 for event in progress)


def test_as_fast_as_the_client_reads_nothing_is_lost(recording: tuple[Path, EventArray]) -> None:
    path, events = recording
    job = Serving(path, factor=0.0, sensor_width=SIZE[0], sensor_height=SIZE[1])
    with StreamSource(job.address(), policy="block", capacity=100) as source:
        assert np.array_equal(collect(source), events)
    assert job.join()["dropped"] == 0


def test_a_loop_goes_on_until_it_is_cancelled(recording: tuple[Path, EventArray]) -> None:
    path, events = recording
    job = Serving(path, factor=50.0, loop=True, slow_clients="wait", sensor_width=SIZE[0], sensor_height=SIZE[1])
    with StreamSource(job.address(), policy="block") as source:
        got = read_count(source, 70_000)
        job.cancel.cancel()
        job.join()
        assert source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)
    assert (np.diff(got["timestamp"]) > 0).all()
    place = int(np.flatnonzero((got["x"][:-1] == events["x"][-1]) & (np.diff(got["timestamp"]) == 1000))[0])
    assert np.array_equal(got["x"][place + 1 : place + 30_001], events["x"])


def test_a_real_recording_arrives_as_it_is_read(shared_data: Path) -> None:
    path = shared_data / "recordings" / "dvxplorer.aedat4"
    with open_recording(path) as reader:
        events = np.concatenate(list(reader.chunks()))
        size = reader.size
    job = Serving(path, factor=0.0)
    with StreamSource(job.address(), policy="block") as source:
        assert np.array_equal(collect(source), events)
        assert source.size == size
    assert job.join()["events"] == len(events) == 111_954


def test_a_file_that_cannot_be_served_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a file"):
        serve_recording(ServeParameters(), tmp_path / "none.aedat4", ignore, CancelToken())
    (tmp_path / "text.aedat4").write_bytes(b"\x00\x01\x02\x03 no recording")
    with pytest.raises(BadInput):
        serve_recording(ServeParameters(port=0), tmp_path / "text.aedat4", ignore, CancelToken())
    with pytest.raises(BadInput, match="give both"):
        serve_recording(ServeParameters(sensor_width=5), tmp_path / "text.aedat4", ignore, CancelToken())


COMMAND = "import sys, engine.cli as cli; cli.COMMANDS = ('stream',); sys.exit(cli.main(sys.argv[1:]))"


def test_the_command_serves_and_ends_cleanly_on_ctrl_c(recording: tuple[Path, EventArray]) -> None:
    path, _ = recording
    command = [sys.executable, "-c", COMMAND, "stream", str(path), "--port", "0", "--loop", "--json", "-"]
    command += ["--sensor_width", str(SIZE[0]), "--sensor_height", str(SIZE[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "Serving" in line)
            with StreamSource(line.split(" at ")[1].strip().rstrip(".")) as source:
                assert len(read_count(source, 1000)) == 1000
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == os.EX_OK
    assert json.loads(output)["sent"] >= 1000
