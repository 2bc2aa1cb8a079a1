"""A Speck board in a live run: events from the source are sent to it, or it looks through its own camera.

NOT tried on hardware; see engine.chip.speck. With its own camera the chip is source and target at once: the source's thread
takes what the camera saw, the target's thread asks for windows, and a lock lets one at a time at the board.
"""

import threading
from collections.abc import Callable
from typing import Any

from engine.chip.speck import AttachedKit, SpeckChip, SpeckParameters, attached_kits, load_driver
from engine.chip.target import Target, TargetFailed, TargetKind, WindowSpikes
from engine.errors import BadInput
from engine.events.array import EventArray
from engine.events.sources.source import EventSource, Feed, SourceFailed
from engine.live.model import LiveModel
from engine.live.parameters import LiveParameters
from engine.live.targets import MakeLiveTarget, make_target, quantised
from engine.live.worker import Fit

_POLL_S = 0.01


class SpeckBoard:
    """A board that is attached, and its driver.

    Attributes:
        kit: the board.
    """

    def __init__(self, samna: Any, kit: AttachedKit) -> None:
        self.kit = kit
        self._samna = samna

    @classmethod
    def find(cls, confirm: Callable[[str], bool], kit_id: str = "") -> "SpeckBoard":
        """The board of an id, or the first that is attached.

        Args:
            confirm: asked before the driver would be downloaded.
            kit_id: sinabs's, such as speck2fdevkit:0; "" takes the first.

        Raises:
            TargetFailed: the driver is missing or was declined, or there is no such board.
        """
        samna = load_driver(confirm)
        found = attached_kits(samna)
        for kit in found:
            if kit_id in ("", kit.id):
                return cls(samna, kit)
        raise TargetFailed(
            f"The board {kit_id} is not attached: plug it in, or choose another."
            if kit_id
            else "No Speck board is attached: plug one in, or choose the virtual Speck, which needs none."
        )

    def maker(self) -> MakeLiveTarget:
        """Makes targets, among them this board, to which the source's events are sent."""

        def make(kind: TargetKind, model: LiveModel, fit: Fit, parameters: LiveParameters) -> Target:
            if kind != "speck":
                return make_target(kind, model, fit, parameters)
            network = quantised(model, (fit.region[3], fit.region[2]), parameters.chip)
            return SpeckChip(network, self.kit, self._samna, SpeckParameters(camera=False, origin=(0, 0)), fit.window_us)

        return make

    def with_camera(self, model: LiveModel, parameters: LiveParameters) -> tuple[EventSource, MakeLiveTarget]:
        """The board's own camera as a source, and what makes targets for it, among them the board itself.

        Raises:
            BadInput: the network does not fit the chip, or does not say which region it was trained on.
        """
        if model.frame_size is None:
            raise BadInput(f"{model.path.name} does not say which frames it takes, so the chip's camera cannot be cut to them.")
        network = quantised(model, model.frame_size, parameters.chip)
        chip = SpeckChip(network, self.kit, self._samna, SpeckParameters(), model.window_us(parameters.window_ms))
        lock = threading.Lock()

        def make(kind: TargetKind, model: LiveModel, fit: Fit, parameters: LiveParameters) -> Target:
            return OwnCameraTarget(chip, lock) if kind == "speck" else make_target(kind, model, fit, parameters)

        rows, columns = model.frame_size
        return SpeckCamera(chip, lock, (columns, rows)), make


class SpeckCamera(EventSource):
    """What a chip's own camera sees, cut to the region. Starting and stopping it starts and stops the chip."""

    def __init__(self, chip: SpeckChip, lock: threading.Lock, size: tuple[int, int]) -> None:
        super().__init__(f"The camera of the {chip.name}")
        self._chip, self._chip_lock, self._region_size = chip, lock, size

    def _feed(self, feed: Feed) -> str:
        try:
            with self._chip_lock:
                self._chip.start()
            feed.running(self._region_size)
            while not feed.stopping.is_set():
                with self._chip_lock:
                    events = self._chip.camera_events()
                if len(events):
                    feed.put(events)
                else:
                    feed.stopping.wait(_POLL_S)
        except TargetFailed as failure:
            raise SourceFailed(str(failure)) from None
        finally:
            with self._chip_lock:
                self._chip.stop()
        return ""


class OwnCameraTarget:
    """The chip behind its own camera, as a target: nothing is fed to it, and its source starts and stops it."""

    kind: TargetKind = "speck"
    takes_events = False

    def __init__(self, chip: SpeckChip, lock: threading.Lock) -> None:
        self._chip, self._lock = chip, lock

    @property
    def name(self) -> str:
        """For a person."""
        return self._chip.name

    @property
    def places(self) -> int:
        """Output neurons."""
        return self._chip.places

    @property
    def window_us(self) -> int:
        """Length of every window."""
        return self._chip.window_us

    def start(self) -> None:
        """The camera has started the chip."""

    def feed(self, events: EventArray) -> None:
        """The chip has seen them before us."""

    def window(self, end_us: int) -> WindowSpikes:
        """The window that ends at end_us."""
        with self._lock:
            return self._chip.window(end_us)

    def reset(self) -> None:
        """A stream that begins anew has started the chip anew."""

    def stop(self) -> None:
        """The camera stops the chip."""
