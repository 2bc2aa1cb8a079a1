"""What the Deploy panel remembers between two starts."""

from typing import Literal

from engine.live import LiveParameters
from engine.parameters import Parameters, parameter


class DeployOptions(Parameters):
    """The panel's settings."""

    source: Literal["recording", "camera", "stream", "synthetic"] = parameter("recording", "Which kind of source was chosen.")
    path: str = parameter("", "The recording that was chosen.")
    address: str = parameter("127.0.0.1:7777", "The stream that was chosen.")
    protocol: Literal["revisit", "dv"] = parameter("revisit", "What the stream speaks.")
    live: LiveParameters = parameter(LiveParameters(), "How events become places.")
    write_session: bool = parameter(True, "Whether a run is written to a session.")
    keep_events: bool = parameter(True, "Whether the session holds the raw events.")
    publish: bool = parameter(False, "Whether places are published over ZeroMQ.")
    publish_at: str = parameter("tcp://127.0.0.1:7780", "Where.")
