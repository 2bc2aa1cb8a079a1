"""The job behind `revisit-cli stream`: a recording served as if it were a live camera."""

from pathlib import Path
from typing import Literal

from engine.errors import BadInput
from engine.events.sources.address import DEFAULT_PORT, Address
from engine.events.sources.replay import ReplaySource, open_reader
from engine.events.sources.server import StreamServer
from engine.events.sources.source import SourceState
from engine.jobs import CancelToken, Emit, Metric, Notice, Progress, Throttle
from engine.parameters import Parameters, parameter

_LOOK_S = 0.1


class ServeParameters(Parameters):
    """How a recording is served over the network."""

    host: str = parameter("127.0.0.1", "Address to listen on; 0.0.0.0 is every network of this machine, with no password.")
    port: int = parameter(DEFAULT_PORT, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    unix: str = parameter("", "Path of a UNIX socket to listen on instead of host and port.")
    factor: float = parameter(
        1.0, "Speed: event seconds a second; 1 is real time, 0 as fast as the clients read.", ge=0.0, le=100.0
    )
    loop: bool = parameter(False, "Begin at once, and anew at every end; the time stamps go on rising.")
    slow_clients: Literal["drop", "wait"] = parameter(
        "drop", "What a client that reads too slowly brings about: drop its oldest events and count them, or let all wait."
    )
    sensor_width: int = parameter(0, "Width of the sensor, for a recording that does not say it.", unit="pixels", ge=0, le=4096)
    sensor_height: int = parameter(0, "Height of the sensor, for a recording that does not say it.", unit="pixels", ge=0, le=4096)


def serve_recording(
    parameters: ServeParameters, recording: Path, emit: Emit, cancel: CancelToken
) -> dict[str, int | float | str]:
    """Serve a recording to whoever connects, until it has ended and every client has it all, or the job is cancelled.

    It begins when the first client connects; a loop begins at once. As fast as the clients read (factor 0), nobody's events are
    dropped. Emits a Notice with the address, Progress (of the recording's time, except in a loop), and ten times a second the
    Metric "stream": clients, rate, sent, dropped, slipped_s, clock_origin_s (see PacedSource).

    Args:
        parameters: see ServeParameters.
        recording: a file that engine.events.recording reads.
        emit, cancel: see engine.jobs. Cancelling is the normal end of a loop: it returns what was done.

    Returns:
        address, events read, sent and dropped (over all clients), and slipped_s: how far the replay fell behind its clock.

    Raises:
        BadInput: the recording cannot be read, or the address is in use.
    """
    width, height = parameters.sensor_width, parameters.sensor_height
    if (width > 0) != (height > 0):
        raise BadInput("Of sensor_width and sensor_height only one is given: give both, or none.")
    size = (width, height) if width else None
    open_reader(recording, size).close()  # a wrong file is told before anyone can connect
    factor = parameters.factor or None
    waits = parameters.slow_clients == "wait" or factor is None
    source = ReplaySource(recording, size=size, factor=factor, loop=parameters.loop)
    address = Address(path=Path(parameters.unix)) if parameters.unix else Address(parameters.host, parameters.port)
    server = StreamServer(source, address, policy="block" if waits else "drop-oldest", wait_for_client=not parameters.loop)
    with server:
        bound = str(server.address)
        begins = "" if parameters.loop else "; it begins when the first client connects"
        emit(Notice(f"Serving {recording.name} at {bound}{begins}."))
        _watch(server, source, emit, cancel)
        counts = source.statistics()
        result: dict[str, int | float | str] = {
            "address": bound,
            "events": counts.delivered,
            "sent": server.sent,
            "dropped": server.dropped,
            "slipped_s": round(counts.slipped_s, 3),
        }
    if source.state is SourceState.FAILED:
        raise BadInput(source.message)
    return result


def _watch(server: StreamServer, source: ReplaySource, emit: Emit, cancel: CancelToken) -> None:
    throttle = Throttle()
    known = 0
    step = 0
    while not server.wait(finished=True, timeout_s=_LOOK_S):
        if cancel.cancelled:
            return
        clients = server.clients()
        if len(clients) != known:
            emit(Notice(f"{len(clients)} client{'' if len(clients) == 1 else 's'} connected."))
            known = len(clients)
        if throttle.ready():
            counts = source.statistics()
            values = {
                "clients": len(clients),
                "rate": counts.rate,
                "sent": server.sent,
                "dropped": server.dropped,
                "slipped_s": counts.slipped_s,
                "clock_origin_s": source.clock_origin_s,
            }
            emit(Metric("stream", step, values))
            step += 1
            if source.time_range is not None and source.position_us is not None and not source.loop:
                first, last = source.time_range
                emit(Progress("stream", (source.position_us - first) // 1000, (last - first) // 1000, "ms"))
