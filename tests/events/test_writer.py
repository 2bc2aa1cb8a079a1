"""The AEDAT4 writer: round trips, what dv-processing reads of it, and what is left when it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE, EventArray, joined
from engine.events.recording import open_recording
from engine.events.writer import EventWriter, check_recording
from tests.events import made
from tests.waiting import until

# dv-processing holds the GIL and can crash: it runs in a child.
READ_WITH_DV = """
import sys, numpy, dv_processing as dv
reader = dv.io.MonoCameraRecording(sys.argv[1])
parts = []
while (batch := reader.getNextEventBatch()) is not None:
    if batch.size():
        parts.append(batch.numpy().copy())
events = numpy.concatenate(parts) if parts else numpy.zeros(0, dv.EventStore().numpy().dtype)
columns = dict(t=events["timestamp"], x=events["x"], y=events["y"], p=events["polarity"])
numpy.savez(sys.argv[2], **columns, size=reader.getEventResolution())
"""
WRITE_WITH_DV = """
import sys, numpy, dv_processing as dv
events = numpy.load(sys.argv[2])
compression = dv.CompressionType.__members__[sys.argv[3]]
writer = dv.io.MonoCameraWriter(sys.argv[1], dv.io.MonoCameraWriter.EventOnlyConfig("cam", (346, 260), compression))
for first in range(0, len(events), 500):
    store = dv.EventStore()
    for t, x, y, p in events[first : first + 500].tolist():
        store.push_back(t, x, y, bool(p))
    writer.writeEvents(store)
if sys.argv[4] == "kill":
    sys.stdin.read()  # until the kill comes, or until the test is gone
del writer
"""


def read_all(path: Path) -> EventArray:
    with open_recording(path, order="error") as reader:
        return joined(list(reader.chunks()))


def read_with_dv(path: Path, folder: Path) -> tuple[list[tuple[int, int, int, int]], tuple[int, int]]:
    pytest.importorskip("dv_processing")
    out = folder / "dv.npz"
    done = subprocess.run([sys.executable, "-c", READ_WITH_DV, str(path), str(out)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with np.load(out) as arrays:
        columns = [arrays[name].astype(int).tolist() for name in "txyp"]
        return list(zip(*columns, strict=True)), tuple(arrays["size"].tolist())


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 345), st.integers(0, 259), st.booleans()), max_size=80).map(
        sorted
    ),
    cuts=st.lists(st.integers(0, 80), max_size=4),
    compression=st.sampled_from(["none", "lz4", "zstd"]),
)
def test_what_is_written_is_read(
    tmp_path: Path, values: list[tuple[int, int, int, bool]], cuts: list[int], compression: str
) -> None:
    path = tmp_path / "round.aedat4"
    path.unlink(missing_ok=True)
    events = np.array(values, EVENT_DTYPE)
    with EventWriter(path, (346, 260), compression=compression, flush_ms=None) as writer:  # type: ignore[arg-type]
        for part in np.split(events, sorted(cut for cut in cuts if cut <= len(events))):
            writer.write(part)
            writer.flush()
    assert made.rows(read_all(path)) == [tuple(map(int, value)) for value in values]
    check = check_recording(path)
    assert check.finished and check.events == len(events) and check.problems == ()


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_dv_processing_reads_what_we_write(tmp_path: Path, compression: str) -> None:
    events = made.some_events(200_000, gap=4)
    path = tmp_path / "ours.aedat4"
    with EventWriter(path, (346, 260), compression=compression) as writer:  # type: ignore[arg-type]
        for first in range(0, len(events), 7777):
            writer.write(events[first : first + 7777])
    theirs, size = read_with_dv(path, tmp_path)
    assert theirs == made.rows(events)
    assert size == (346, 260)


def test_dv_processing_reads_an_empty_recording_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "empty.aedat4"
    EventWriter(path, (346, 260)).close()
    assert check_recording(path).finished
    assert read_with_dv(path, tmp_path)[0] == []


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH"])
@pytest.mark.parametrize("end", ["close", "kill"])
def test_we_read_what_dv_processing_writes(tmp_path: Path, compression: str, end: str) -> None:
    pytest.importorskip("dv_processing")
    events = made.some_events(5000 if end == "close" else 100_000)
    source, path = tmp_path / "events.npy", tmp_path / "theirs.aedat4"
    np.save(source, events)
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_WITH_DV, str(path), str(source), compression, end], stdin=subprocess.PIPE
    )
    with child:
        try:
            if end == "kill":
                # dv-processing writes in a thread of its own, in blocks of 64 KiB: of a younger file not even the header is there
                until(lambda: path.exists() and path.stat().st_size >= 100_000, "the beginning of the file")
                child.send_signal(signal.SIGKILL)
            assert child.wait(120) == (0 if end == "close" else -signal.SIGKILL)
        finally:
            child.kill()
    got = made.rows(read_all(path))
    if end == "close":
        assert got == made.rows(events)
        assert check_recording(path).finished
    else:  # what dv-processing had not given to the system is lost; the rest is a whole number of its packets
        assert got and got == made.rows(events)[: len(got)]
        assert len(got) % 500 == 0
        assert not check_recording(path).finished


WRITE_AND_WAIT = """
import sys, time
from engine.events.writer import EventWriter
from tests.events import made
from tests.waiting import until
events = made.some_events(400_000, gap=4)
writer = EventWriter(sys.argv[1], (346, 260), compression=sys.argv[2])
for first in range(0, len(events), 500):
    writer.write(events[first : first + 500])
    print(first + 500, time.monotonic_ns(), flush=True)
    time.sleep(0.002)
"""


def killed_after(wait_s: float, path: Path, compression: str) -> tuple[EventArray, int]:
    """What is readable of a file whose writer was killed so long after its first events, and how many events it was given by
    100 ms before."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(path), compression], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    with child:
        log = [child.stdout.readline()]
        time.sleep(wait_s)  # the moment of the kill is what is tried
        killed_at = time.monotonic_ns()
        child.send_signal(signal.SIGKILL)
        log += child.stdout.read().splitlines()
    written = [tuple(map(int, line.split())) for line in log if line.count(b" ") == 1 and len(line.split()) == 2]
    safe = max((count for count, at in written if at < killed_at - 100_000_000), default=0)
    with open_recording(path, order="error") as reader:
        got = joined(list(reader.chunks()))
        assert any("not finished" in notice for notice in reader.notices)
    return got, safe


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_killed_at_any_moment_all_but_the_last_tenth_of_a_second_is_there(tmp_path: Path, compression: str) -> None:
    events = made.some_events(400_000, gap=4)
    for wait in (0.03, 0.31, 0.6):
        # The tenth of a second holds while the system gives the writer its turns; a loaded machine may withhold them at times.
        # Whatever it does, the file is a whole beginning.
        for attempt in range(20):
            path = tmp_path / f"killed-{wait}-{attempt}.aedat4"
            got, safe = killed_after(wait, path, compression)
            assert got.tolist() == events[: len(got)].tolist()
            assert not check_recording(path).finished
            if len(got) >= safe:
                break
        assert len(got) >= safe
        if len(got):
            assert read_with_dv(path, tmp_path)[0] == made.rows(got)


def test_a_slow_stream_reaches_the_disk_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "slow.aedat4"
    with EventWriter(path, (346, 260)) as writer:
        writer.write(made.some_events(3))
        until(lambda: len(read_all(path)) == 3, "what was written")


def test_what_would_crash_other_readers_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ours.aedat4"
    events = np.array([(5, 1, 1, 1), (6, 346, 1, 1), (7, -1, 1, 0), (8, 2, 260, 1), (3, 2, 2, 1), (8, 3, 3, 7)], EVENT_DTYPE)
    with EventWriter(path, (346, 260)) as writer:
        writer.write(events)
        writer.write(events[:1])
        assert (writer.counts.events, writer.counts.out_of_range, writer.counts.dropped) == (2, 3, 2)
    assert made.rows(read_all(path)) == [(5, 1, 1, 1), (8, 3, 3, 1)]


def test_nothing_of_memory_leaks_into_the_padding(tmp_path: Path) -> None:
    path = tmp_path / "ours.aedat4"
    raw = np.full(16 * 10, 0xAB, np.uint8)
    events = raw.view(EVENT_DTYPE)
    for name, value in (("timestamp", 5), ("x", 1), ("y", 2), ("polarity", 1)):
        events[name] = value
    with EventWriter(path, (346, 260), compression="none") as writer:
        writer.write(events)
    assert b"\xab\xab" not in path.read_bytes()


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "there.aedat4"
    path.write_bytes(b"precious")
    with pytest.raises(BadInput, match="exists already"):
        EventWriter(path, (346, 260))
    assert path.read_bytes() == b"precious"


def test_wrong_options_and_uses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="compression"):
        EventWriter(tmp_path / "a", (346, 260), compression="rar")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="size"):
        EventWriter(tmp_path / "b", (0, 260))
    writer = EventWriter(tmp_path / "c", (346, 260))
    with pytest.raises(TypeError):
        writer.write(np.zeros(3, np.int64))  # type: ignore[arg-type]
    writer.close()
    writer.close()
    with pytest.raises(ValueError):
        writer.write(made.some_events(1))


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "full.aedat4"
    writer = EventWriter(path, (346, 260), flush_ms=None)
    events = made.some_events(300)
    writer.write(events)
    writer.flush()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        patch.setattr(os, "writev", full)
        writer.write(events[-1:])
        with pytest.raises(BadInput, match="No space left"):
            writer.flush()
        with pytest.raises(BadInput, match="No space left"):
            writer.close()
    assert made.rows(read_all(path)) == made.rows(events)


def test_a_file_of_another_format_has_nothing_to_check(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(made.npy(made.some_events(3)))
    with pytest.raises(BadInput, match="AEDAT4"):
        check_recording(path)


def test_a_table_that_does_not_fit_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "ours.aedat4"
    data = bytearray(made.aedat4(made.some_events(300), "none"))
    at = data.rfind((100).to_bytes(8, "little"))
    data[at : at + 8] = (99).to_bytes(8, "little")
    path.write_bytes(data)
    check = check_recording(path)
    assert not check.finished
    assert check.problems == ("The table names 299 events, but there are 300.",)
