"""iniVation's dv-processing: every call that Revisit makes to it for a camera or a network stream is in this file.

Runs in a child process only (see child.py): dv-processing holds the interpreter's lock while it works. Written from the
vendor's documentation of dv-processing 2.0 (dv.io.camera.discover and open, CameraInputBase, NetworkReader). It supports
DAVIS, DVXplorer, DVXplorer Mini and DVS128. The network side is tested against the vendor's own NetworkWriter. No camera was
at hand: the camera side is tested against a fake of these calls only.
"""

from dataclasses import dataclass
from typing import Any

from engine.events.array import EventArray
from engine.events.sources.child import Opened, first_line
from engine.events.sources.source import SourceFailed


@dataclass(frozen=True)
class FoundCamera:
    """A camera that is attached: its model as the vendor names it, and its serial number."""

    model: str
    serial: str


def import_dv() -> Any:
    """The vendor's package.

    Raises:
        SourceFailed: it is not installed, or cannot be loaded.
    """
    try:
        import dv_processing  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise SourceFailed(
            f"Cameras of iniVation need the package dv-processing, which cannot be loaded ({first_line(error)}). "
            "Install it with: pip install dv-processing"
        ) from None
    return dv_processing


def discover(dv: Any) -> list[FoundCamera]:
    """The cameras that are attached now; none is a normal answer."""
    found = dv.io.camera.discover()
    return [FoundCamera(_model_name(descriptor.cameraModel), str(descriptor.serialNumber)) for descriptor in found]


def _model_name(model: Any) -> str:
    return str(getattr(model, "name", model))


class _DvInput:
    """What cameras and network streams of dv have in common (dv.io.InputBase)."""

    def __init__(self) -> None:
        self._input: Any = None

    def _opened(self, default_name: str) -> Opened:
        size = self._input.getEventResolution()
        if size is None:
            raise SourceFailed(f"{default_name} gives no events (only frames or other data): choose an event stream.")
        return Opened(str(self._input.getCameraName()) or default_name, (int(size[0]), int(size[1])))

    def next_events(self) -> EventArray | None:
        """The next batch, copied out of the library by its numpy(); it has our layout."""
        batch = self._input.getNextEventBatch()
        if batch is None or batch.size() == 0:
            return None
        events: EventArray = batch.numpy()
        return events

    def alive(self) -> bool:
        """Whether the device or the peer is still connected."""
        return bool(self._input.isRunning())


class DvCamera(_DvInput):
    """A camera on USB.

    Args:
        serial: its serial number; "" takes the first one that is found.
    """

    def __init__(self, serial: str = "") -> None:
        super().__init__()
        self._serial = serial

    def open(self) -> Opened:
        """Open it for this process alone."""
        dv = import_dv()
        found = discover(dv)
        if not found:
            raise SourceFailed(
                "No camera is attached: plug one in (on Linux its udev rules must be installed too) and look again."
            )
        if self._serial and self._serial not in [camera.serial for camera in found]:
            attached = ", ".join(f"{camera.model} {camera.serial}" for camera in found)
            raise SourceFailed(f"The camera {self._serial} is not attached; there is: {attached}.")
        try:
            self._input = dv.io.camera.open(self._serial) if self._serial else dv.io.camera.open()
        except (RuntimeError, IndexError) as error:
            raise SourceFailed(f"The camera cannot be opened; another program may be using it ({first_line(error)}).") from None
        return self._opened("The camera")

    def goodbye(self) -> SourceFailed | str:
        """A camera does not end by itself."""
        return SourceFailed("The camera was disconnected: check the cable, then start again.")


class DvNetwork(_DvInput):
    """An event stream that another program sends with dv.io.NetworkWriter, or iniVation's DV with its network output."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._host = host
        self._port = port

    def open(self) -> Opened:
        """Connect."""
        dv = import_dv()
        where = f"{self._host}:{self._port}"
        try:
            self._input = dv.io.NetworkReader(self._host, self._port)
        except RuntimeError as error:
            problem = first_line(error).split(" [")[0]
            raise SourceFailed(
                f"The DV stream {where} cannot be read ({problem}): check that the sender runs and sends events there."
            ) from None
        return self._opened(f"The DV stream {where}")

    def goodbye(self) -> SourceFailed | str:
        """The peer closed the connection: the protocol has no other end."""
        return f"The DV stream {self._host}:{self._port} was closed by the sender."
