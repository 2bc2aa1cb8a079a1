"""dv-processing's calls: the network side against the vendor's own writer in another process, the camera side against a fake."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources import (
    CameraSource,
    DvNetworkSource,
    FoundCamera,
    SourceFailed,
    SourceState,
    discover_cameras,
    dv_adapter,
)
from engine.events.sources.dv_adapter import DvCamera, DvNetwork, discover
from tests.waiting import PATIENCE_S

from .helpers import make_events, read_count

START_S = PATIENCE_S
SIZE = (64, 48)

# The writer's destructor hangs while a client is connected: the process leaves without it.
WRITER = """
import os, sys, time
import dv_processing as dv
port, batches, count = map(int, sys.argv[1:])
writer = dv.io.NetworkWriter("127.0.0.1", port, dv.io.Stream.EventStream(0, "events", "Writer_1", (64, 48)))
print("ready", flush=True)
deadline = time.monotonic() + 300
while writer.getClientCount() == 0 and time.monotonic() < deadline:
    time.sleep(0.005)
number = 0
for batch in range(batches):
    store = dv.EventStore()
    for _ in range(count):
        store.push_back(1000 + 10 * number, number % 64, number % 48, number % 3 == 0)
        number += 1
    writer.writeEvents(store)
sys.stdin.readline()
os._exit(0)
"""


def written(count: int) -> EventArray:
    number = np.arange(count)
    events = np.zeros(count, EVENT_DTYPE)
    events["timestamp"], events["x"], events["y"] = 1000 + 10 * number, number % 64, number % 48
    events["polarity"] = number % 3 == 0
    return events


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that nobody else can take and at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


@contextmanager
def writer(batches: int, count: int) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    pytest.importorskip("dv_processing")
    for attempt in range(10):
        with silent_port() as port:
            pass  # it is free now; should another program take it before the writer does, the next attempt takes another
        command = [sys.executable, "-c", WRITER, str(port), str(batches), str(count)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                if process.stdout.readline() != "ready\n":
                    assert attempt < 9, "the vendor's writer does not start"
                    continue
                yield f"127.0.0.1:{port}", process
                return
            finally:
                process.kill()


def test_a_dv_stream_is_read_event_for_event_and_its_end_is_an_end() -> None:
    with writer(20, 300) as (address, process), DvNetworkSource(address, policy="block") as source:
        got = read_count(source, 6000, START_S)
        assert np.array_equal(got, written(6000))
        assert source.size == SIZE
        assert source.device == "Writer_1"
        assert process.stdin is not None
        process.stdin.write("leave\n")
        process.stdin.flush()
        assert source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)
        assert "was closed by the sender" in source.message


def test_a_dv_stream_that_is_not_there_is_one_sentence() -> None:
    pytest.importorskip("dv_processing")
    with silent_port() as port, DvNetworkSource(f"127.0.0.1:{port}") as source:
        assert source.wait(SourceState.FAILED, timeout_s=START_S)
        assert "connect: Connection refused" in source.message
        assert "\n" not in source.message
        assert len(source.message) < 200


def test_no_camera_attached_is_a_normal_state() -> None:
    pytest.importorskip("dv_processing")
    found = discover_cameras(PATIENCE_S)
    if found:
        pytest.skip("a camera is attached to this machine")
    with CameraSource() as source:
        assert source.wait(SourceState.FAILED, timeout_s=START_S)
        assert source.message.startswith("No camera is attached: plug one in")


# a fake of the vendor's package: it has the calls and the return types of the documentation, and no hardware behind them


class FakeStore:
    def __init__(self, events: EventArray) -> None:
        self._events = events

    def size(self) -> int:
        return len(self._events)

    def numpy(self) -> EventArray:
        return self._events.copy()


class FakeInput:
    def __init__(self, size: tuple[int, int] | None = SIZE) -> None:
        self._size = size
        self.batches: list[FakeStore | None] = [FakeStore(make_events(10, size=SIZE)), None, FakeStore(make_events(0))]
        self.connected = True

    def getEventResolution(self) -> tuple[int, int] | None:  # noqa: N802
        return self._size

    def getCameraName(self) -> str:  # noqa: N802
        return "DVXplorer_DXA0001"

    def getNextEventBatch(self) -> FakeStore | None:  # noqa: N802
        return self.batches.pop(0) if self.batches else None

    def isRunning(self) -> bool:  # noqa: N802
        return self.connected


def fake_dv(serials: list[str], opened: FakeInput | Exception) -> Any:
    descriptors = [SimpleNamespace(cameraModel=SimpleNamespace(name="DVXPLORER"), serialNumber=serial) for serial in serials]

    def open_camera(*serial: str) -> FakeInput:
        if isinstance(opened, Exception):
            raise opened
        assert serial in ((), *((one,) for one in serials))
        return opened

    return SimpleNamespace(io=SimpleNamespace(camera=SimpleNamespace(discover=lambda: descriptors, open=open_camera)))


@pytest.mark.parametrize("serial", ["", "DXA0001"])
def test_the_cameras_calls_are_those_of_the_documentation(serial: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeInput()
    monkeypatch.setattr(dv_adapter, "import_dv", lambda: fake_dv(["DXA0001"], device))
    adapter = DvCamera(serial)
    opened = adapter.open()
    assert (opened.name, opened.size) == ("DVXplorer_DXA0001", SIZE)
    events = adapter.next_events()
    assert events is not None
    assert np.array_equal(events, make_events(10, size=SIZE))
    assert [adapter.next_events() for _ in range(3)] == [None, None, None]
    assert adapter.alive()
    device.connected = False
    assert not adapter.alive()
    assert isinstance(adapter.goodbye(), SourceFailed)


def test_found_cameras_have_a_model_and_a_serial_number() -> None:
    assert discover(fake_dv(["A", "B"], FakeInput())) == [FoundCamera("DVXPLORER", "A"), FoundCamera("DVXPLORER", "B")]


@pytest.mark.parametrize(
    ("serials", "opened", "wanted", "says"),
    [
        ([], FakeInput(), "", "No camera is attached"),
        (["B"], FakeInput(), "A", "The camera A is not attached; there is: DVXPLORER B."),
        (["A"], RuntimeError("LIBUSB_ERROR_ACCESS\ntrace\ntrace"), "A", "(LIBUSB_ERROR_ACCESS)"),
        (["A"], FakeInput(None), "A", "gives no events"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_one_sentence(
    serials: list[str], opened: FakeInput | Exception, wanted: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dv_adapter, "import_dv", lambda: fake_dv(serials, opened))
    with pytest.raises(SourceFailed) as failure:
        DvCamera(wanted).open()
    assert says in str(failure.value)
    assert "\n" not in str(failure.value)


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dv_processing", None)
    with pytest.raises(SourceFailed, match="pip install dv-processing"):
        DvNetwork("127.0.0.1", 1).open()
