"""The stream's two ends: every event, in order; and peers that send garbage, stall, leave, or never answer."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.sources import ReplaySource, SourceState, StreamServer, StreamSource, SyntheticSource
from engine.events.sources.framing import header
from engine.events.sources.source import EventSource
from tests.waiting import PATIENCE_S, in_some_attempt, until

from .helpers import SIZE, FakeReader, collect, make_events, read_count


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A peer that treats its one client as `behave` says; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE_S)

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return
        with connection:
            connection.settimeout(PATIENCE_S)
            behave(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join()
        listener.close()


def wait_for_hangup(connection: socket.socket) -> None:
    """Stay connected, silent, until the client leaves."""
    try:
        while connection.recv(4096):
            pass
    except OSError:
        return


def serve(events: EventArray, *, address: str = "127.0.0.1:0", policy: str = "block", **options: object) -> StreamServer:
    source = ReplaySource(lambda: FakeReader(events, chunk=777), factor=None)
    return StreamServer(source, address, policy=policy, **options)  # type: ignore[arg-type]


def test_what_is_sent_arrives_in_order_over_tcp() -> None:
    events = make_events(200_000)
    with serve(events) as server, StreamSource(server.address, capacity=5000, policy="block") as source:
        got = collect(source)
        assert server.wait(finished=True, timeout_s=PATIENCE_S)
        assert server.sent == len(events)
    assert np.array_equal(got, events)
    assert source.state is SourceState.ENDED
    assert source.size == SIZE
    assert source.message == f"{source.name} has ended."
    counts = source.statistics()
    assert (counts.delivered, counts.dropped, counts.dropped_upstream, counts.out_of_range) == (200_000, 0, 0, 0)


def test_a_unix_socket_serves_its_owner_only(tmp_path: Path) -> None:
    events = make_events(20_000)
    path = tmp_path / "events"
    with serve(events, address=f"unix:{path}") as server:
        assert path.stat().st_mode & 0o777 == 0o600
        with StreamSource(server.address, policy="block") as source:
            assert np.array_equal(collect(source), events)
    assert not path.exists()


def test_a_socket_left_by_a_killed_server_is_taken_over_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with serve(make_events(10), address=f"unix:{path}"), pytest.raises(BadInput, match="in use"):
        serve(make_events(10), address=f"unix:{path}").start()
    path.write_text("a file of somebody's")
    with pytest.raises(BadInput):
        serve(make_events(10), address=f"unix:{path}").start()
    assert path.read_text() == "a file of somebody's"


def test_a_port_in_use_is_a_sentence() -> None:
    with serve(make_events(10)) as server, pytest.raises(BadInput, match=f":{server.address.port} is in use"):
        serve(make_events(10), address=str(server.address)).start()
    with pytest.raises(BadInput, match="no host"):
        serve(make_events(10), address="no-such-host.invalid:1").start()


def test_two_clients_each_get_all() -> None:
    events = make_events(50_000)
    hold = threading.Event()

    def world() -> Iterator[EventArray]:
        assert hold.wait(PATIENCE_S)
        yield from np.array_split(events, 50)

    server = StreamServer(SyntheticSource(world, SIZE, factor=None), "127.0.0.1:0", policy="block")
    with server, StreamSource(server.address, policy="block") as one, StreamSource(server.address, policy="block") as two:
        assert server.wait(clients=2, timeout_s=PATIENCE_S)
        hold.set()
        got: dict[str, EventArray] = {}
        reader = threading.Thread(target=lambda: got.update(two=collect(two)))
        reader.start()
        got["one"] = collect(one)
        reader.join()
    assert np.array_equal(got["one"], events)
    assert np.array_equal(got["two"], events)


def test_a_client_too_many_is_turned_away_with_a_reason() -> None:
    with serve(make_events(10), policy="drop-oldest", max_clients=1) as server:
        server.source.stop()
    with (
        StreamServer(quiet_source(), "127.0.0.1:0", max_clients=1) as server,
        StreamSource(server.address) as one,
        StreamSource(server.address) as two,
    ):
        states = (SourceState.RUNNING, SourceState.FAILED)
        assert one.wait(*states, timeout_s=PATIENCE_S) and two.wait(*states, timeout_s=PATIENCE_S)
        assert {one.state, two.state} == set(states)
        failed = one if one.state is SourceState.FAILED else two
        assert "all the clients it takes" in failed.message
        assert server.turned_away == 1
        running = two if failed is one else one
        running.stop()
        assert server.wait(clients=0, timeout_s=PATIENCE_S)
        failed.start()  # a place is free now
        assert failed.wait(SourceState.RUNNING, timeout_s=PATIENCE_S)


def quiet_source() -> EventSource:
    """A camera before which nothing moves: one event, the next in an hour."""
    events = make_events(2, step_us=3_600_000_000)
    return ReplaySource(lambda: FakeReader(events))


def test_a_scene_in_which_nothing_moves_is_not_a_stall() -> None:
    def goes_on() -> bool:
        with StreamServer(quiet_source(), "127.0.0.1:0") as server, StreamSource(server.address, stall_timeout_s=0.8) as source:
            assert source.wait(SourceState.RUNNING, SourceState.FAILED, timeout_s=PATIENCE_S)
            return not source.wait(SourceState.FAILED, SourceState.ENDED, timeout_s=1.0)

    assert in_some_attempt(goes_on)


def test_a_slow_client_loses_the_oldest_and_is_told_how_many() -> None:
    events = make_events(1_500_000)
    hold = threading.Event()

    def world() -> Iterator[EventArray]:
        assert hold.wait(PATIENCE_S)
        yield from np.array_split(events, 150)

    server = StreamServer(SyntheticSource(world, SIZE, factor=None), "127.0.0.1:0", queue_events=10_000)
    with server, StreamSource(server.address, capacity=1000, policy="block") as source:
        assert server.wait(clients=1, timeout_s=PATIENCE_S)
        hold.set()
        assert server.source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)  # nobody waited for the client
        got = collect(source)
        counts = source.statistics()
    assert counts.dropped_upstream > 0
    assert len(got) + counts.dropped_upstream == len(events)
    assert (np.diff(got["timestamp"]) > 0).all()
    assert got["timestamp"][-1] == events["timestamp"][-1]


def test_under_back_pressure_a_slow_client_holds_the_source_and_memory_stays_bounded() -> None:
    events = make_events(1_500_000)
    given: list[int] = []

    def world() -> Iterator[EventArray]:
        for part in np.array_split(events, 150):
            given.append(len(part))
            yield part

    camera = SyntheticSource(world, SIZE, factor=None, capacity=10_000)
    with (
        StreamServer(camera, "127.0.0.1:0", policy="block", queue_events=10_000) as server,
        StreamSource(server.address, capacity=1000, policy="block") as source,
    ):
        assert source.wait(SourceState.RUNNING, timeout_s=PATIENCE_S)
        before = -1
        while sum(given) != before:  # until everything between camera and reader is full
            before = sum(given)
            time.sleep(0.1)
        assert before < len(events)
        assert np.array_equal(collect(source), events)
        assert server.dropped == 0


def test_a_client_that_takes_nothing_is_disconnected() -> None:
    events = make_events(1_500_000)
    with serve(events, client_timeout_s=0.3) as server, socket.create_connection(("127.0.0.1", server.address.port)):
        assert server.wait(clients=1, timeout_s=PATIENCE_S)
        assert server.wait(clients=0, timeout_s=PATIENCE_S)


class HeldReader(FakeReader):
    """Gives its first chunk when it is told to."""

    def __init__(self, events: EventArray, go: threading.Event) -> None:
        super().__init__(events, chunk=777)
        self._go = go

    def chunks(self, **options: object) -> Iterator[EventArray]:
        assert self._go.wait(PATIENCE_S)
        yield from super().chunks(**options)  # type: ignore[arg-type]


def test_a_client_that_leaves_does_no_harm() -> None:
    events, go = make_events(300_000), threading.Event()
    with StreamServer(ReplaySource(lambda: HeldReader(events, go), factor=None), "127.0.0.1:0", policy="block") as server:
        rude = socket.create_connection(("127.0.0.1", server.address.port))
        assert server.wait(clients=1, timeout_s=PATIENCE_S)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a farewell
        rude.close()
        assert server.wait(clients=0, timeout_s=PATIENCE_S)
        with StreamSource(server.address, policy="block") as source:
            assert server.wait(clients=1, timeout_s=PATIENCE_S)
            go.set()
            got = collect(source)
    assert source.state is SourceState.ENDED
    assert np.array_equal(got, events)


def test_a_server_that_stops_ends_its_clients_and_can_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.events.sources.server._FAREWELL_S", PATIENCE_S)
    server = StreamServer(quiet_source(), "127.0.0.1:0")
    for _ in range(2):
        server.start()
        with StreamSource(server.address) as source:
            assert source.wait(SourceState.RUNNING, timeout_s=PATIENCE_S)
            assert server.stop(PATIENCE_S)
            assert source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)
            assert source.message == f"{source.name} has ended."


# peers that are not ours


@pytest.mark.parametrize(
    ("sends", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not send Revisit's event stream"),
        (bytes(range(256)) * 20, "does not send Revisit's event stream"),
        (struct.pack("<4sHHHHII", b"RVEV", 1, 0, 60_000, 60_000, 5, 0), "60000x60000"),
        (struct.pack("<4sHHHHII", b"RVEV", 1, 0, 320, 240, 4_000_000_000, 0), "4000000000"),
        (struct.pack("<4sHHHHII", b"RVEV", 9, 0, 320, 240, 0, 0), "version 9"),
    ],
)
def test_garbage_is_a_sentence(sends: bytes, says: str) -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(sends)
        wait_for_hangup(connection)

    with peer(behave) as address, StreamSource(address) as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert says in source.message
        assert source.name in source.message


def test_half_a_header_and_then_silence_is_a_stall() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(header(SIZE, 0, 0)[:10])
        wait_for_hangup(connection)

    with peer(behave) as address, StreamSource(address, stall_timeout_s=0.3) as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert "has sent nothing for 0.3 s" in source.message


def test_leaving_before_the_header_is_a_sentence() -> None:
    with peer(lambda connection: None) as address, StreamSource(address) as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert "before it said what it sends" in source.message


def test_leaving_within_an_event_keeps_the_whole_ones() -> None:
    events = make_events(100)

    def behave(connection: socket.socket) -> None:
        connection.sendall(header(SIZE, 100, 0) + events.tobytes()[: 70 * 16 + 5])

    with peer(behave) as address, StreamSource(address) as source:
        assert np.array_equal(collect(source), events[:70])
        assert source.state is SourceState.FAILED
        assert "was cut within a packet" in source.message


def test_stalling_within_a_packet_keeps_the_whole_ones() -> None:
    events = make_events(100)

    def behave(connection: socket.socket) -> None:
        connection.sendall(header(SIZE, 100, 0) + events.tobytes()[:165])
        wait_for_hangup(connection)

    with peer(behave) as address, StreamSource(address, stall_timeout_s=0.3) as source:
        assert np.array_equal(collect(source), events[:10])
        assert source.state is SourceState.FAILED


def test_leaving_between_packets_is_an_end() -> None:
    events = make_events(10)

    def behave(connection: socket.socket) -> None:
        connection.sendall(header(SIZE, 10, 0) + events.tobytes())

    with peer(behave) as address, StreamSource(address) as source:
        assert np.array_equal(collect(source), events)
        assert source.state is SourceState.ENDED
        assert "without saying that it had ended" in source.message


def test_coordinates_off_the_sensor_are_counted_and_left_out() -> None:
    events = make_events(100)
    events["x"][:7] = SIZE[0]
    events["y"][95:] = -5

    def behave(connection: socket.socket) -> None:
        connection.sendall(header(SIZE, 100, 0) + events.tobytes() + header(SIZE, 0, 0, last=True))

    with peer(behave) as address, StreamSource(address) as source:
        assert np.array_equal(collect(source), events[7:95])
        assert source.statistics().out_of_range == 12


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=12), st.lists(st.integers(0, 80), min_size=1, max_size=5))
def test_events_survive_every_way_to_send_them(pieces: list[int], counts: list[int]) -> None:
    events = make_events(sum(counts))
    stream, first = b"", 0
    for count in counts:
        stream += header(SIZE, count, 0) + events[first : first + count].tobytes()
        first += count

    def behave(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = stream
        for piece in pieces:
            connection.sendall(rest[:piece])
            rest = rest[piece:]
        connection.sendall(rest)

    with peer(behave) as address, StreamSource(address) as source:
        assert np.array_equal(collect(source), events)
        assert source.state is SourceState.ENDED


def test_nobody_there_is_a_sentence_and_a_retry_works() -> None:
    events = make_events(10)
    with serve(events) as server:
        address = server.address
    source = StreamSource(address, policy="block")
    with source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert "nobody listens there" in source.message
        with serve(events, address=str(address)):
            source.start()
            assert np.array_equal(collect(source), events)
    assert source.generation == 2


def test_a_host_that_does_not_exist_is_a_sentence() -> None:
    with StreamSource("no-such-host.invalid:7777") as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert "no host 'no-such-host.invalid'" in source.message


def test_a_socket_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    with StreamSource(f"unix:{tmp_path / 'none'}") as source:
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert "there is no such socket" in source.message


@contextmanager
def full_listener() -> Iterator[str]:
    """A port whose queue of connections is full, so that connecting hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
        waiting.append(one)
    time.sleep(0.05)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for one in (*waiting, listener):
            one.close()


def test_a_peer_that_never_connects_is_a_sentence_after_the_time_out() -> None:
    with full_listener() as address, StreamSource(address, connect_timeout_s=0.4) as source:
        begin = time.monotonic()
        assert source.wait(SourceState.FAILED, timeout_s=PATIENCE_S)
        assert time.monotonic() - begin > 0.3
        assert "cannot be reached within 0.4 s" in source.message


@pytest.mark.parametrize("where", ["connecting", "receiving", "waiting for room"])
def test_stop_reaches_the_feeder_wherever_it_waits(where: str) -> None:
    def flood(connection: socket.socket) -> None:
        events = make_events(1000)
        try:
            while True:
                connection.sendall(header(SIZE, 1000, 0) + events.tobytes())
        except OSError:
            return

    context = full_listener() if where == "connecting" else peer(flood if where == "waiting for room" else wait_for_hangup)
    with context as address:
        # Without being woken it would wait for longer than the test does.
        source = StreamSource(address, capacity=100, policy="block", connect_timeout_s=1000, stall_timeout_s=1000)
        source.start()
        if where == "waiting for room":
            until(lambda: source.statistics().buffered == 100, "a full buffer")
        else:
            assert not source.wait(SourceState.FAILED, timeout_s=0.2)
        assert source.stop(PATIENCE_S)
        assert source.state is SourceState.IDLE
        assert len(source.drain()) == (100 if where == "waiting for room" else 0)


def test_the_newest_events_win_where_asked() -> None:
    events = make_events(100_000)
    with serve(events) as server, StreamSource(server.address, capacity=500) as source:
        assert source.wait(SourceState.ENDED, timeout_s=PATIENCE_S)
        got = source.drain()
        assert np.array_equal(got, events[-500:])
        assert source.statistics().dropped == len(events) - 500


def test_reading_continues_where_reading_stopped() -> None:
    events = make_events(1000)
    with serve(events) as server, StreamSource(server.address, policy="block") as source:
        parts = [read_count(source, count) for count in (1, 10, 489, 500)]
    assert np.array_equal(np.concatenate(parts), events)
