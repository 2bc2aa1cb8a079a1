"""Where live events come from: cameras, replays, network streams and the simulator, behind one interface (source.py)."""

from engine.events.sources.address import Address, parse_address
from engine.events.sources.camera import CameraSource, discover_cameras
from engine.events.sources.dv_adapter import FoundCamera
from engine.events.sources.dv_network import DvNetworkSource
from engine.events.sources.paced import PacedSource
from engine.events.sources.replay import ReplaySource
from engine.events.sources.server import ClientStatistics, StreamServer
from engine.events.sources.source import EventSource, SourceFailed, SourceState, Statistics
from engine.events.sources.stream import StreamSource
from engine.events.sources.synthetic import SyntheticSource

__all__ = [
    "Address",
    "CameraSource",
    "ClientStatistics",
    "DvNetworkSource",
    "EventSource",
    "FoundCamera",
    "PacedSource",
    "ReplaySource",
    "SourceFailed",
    "SourceState",
    "Statistics",
    "StreamServer",
    "StreamSource",
    "SyntheticSource",
    "discover_cameras",
    "parse_address",
]
