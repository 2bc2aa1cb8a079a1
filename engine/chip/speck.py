"""The Speck itself, by its vendor's driver: found, opened, given the network, listened to, closed.

NOT tried on hardware. Every call of samna and sinabs in here is as their documentation and sources have it (samna 0.48, sinabs
3.1.3), and the tests run it against a labelled stand-in; what a chip does differently will show only on one.

samna is imported in `load_driver` and nowhere else: its package on PyPI is an installer that downloads the driver from its
vendor's own index when it is first imported. A person says yes to that first.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.children import in_bundle
from engine.chip.limits import RAILS, SENSOR
from engine.chip.quantise import QuantisedNetwork
from engine.chip.target import (
    DEFAULT_WINDOW_US,
    LayerActivity,
    PowerReading,
    TargetFailed,
    TargetKind,
    WindowSpikes,
)
from engine.errors import BadInput
from engine.events.array import EventArray, empty_events, joined
from engine.parameters import Parameters, parameter

log = logging.getLogger(__name__)

DRIVER_SENTENCE = (
    "The Speck's driver, samna, is not installed yet: its package downloads it now by its own installer, with pip from its "
    "vendor's index at gitlab.com, into the Python that Revisit runs in. Go on?"
)
NO_DRIVER = (
    "The Speck's driver (samna) cannot be added to this bundle of Revisit: install Revisit with pip for a Speck, or choose the "
    "virtual chip, which needs none."
    if in_bundle()
    else "The Speck's driver (samna) is not here: install it with `pip install 'revisit[chip]'`, or choose the virtual chip, "
    "which needs none."
)
_LENS_ORIGIN = (23, 0)
_CAMERA_LAYER = 13  # of the spikes that the camera's monitor sends
_SILENCE_S = 2.0  # the power monitor speaks 20 times a second whatever the camera sees


@dataclass(frozen=True)
class Kit:
    """A board that sinabs 3.1.3 can deploy to."""

    id: str  # sinabs's name
    device_type: str  # samna's
    name: str


KITS = (
    Kit("speck2edevkit", "Speck2eDevKit", "Speck 2e dev kit"),
    Kit("speck2fmodule", "Speck2fModuleDevKit", "Speck 2f module"),
    Kit("speck2fdevkit", "Speck2fDevKit", "Speck 2f dev kit"),
)


@dataclass(frozen=True)
class AttachedKit:
    """A board that is there: `id` is sinabs's, such as speck2fdevkit:0."""

    id: str
    name: str


class SpeckParameters(Parameters):
    """How the chip is set up."""

    origin: tuple[int, int] | None = parameter(
        None,
        "Left column and top row of the region on the chip's camera (left out: 23 0 as LENS, or the middle where the region does "
        "not fit there).",
        unit="pixels",
    )
    camera: bool = parameter(True, "Look through the chip's own camera; otherwise events are sent to it from the source.")
    hot_pixel_filter: bool = parameter(True, "Filter hot pixels on the chip.")
    filter_threshold: int = parameter(5, "Threshold of the chip's event filter (LENS: 5).", ge=1, le=255)
    power_hz: float = parameter(20.0, "Power measurements a second of each rail.", unit="Hz", gt=0, le=100)
    monitor: Literal["places", "all"] = parameter(
        "places", "Layers whose spikes the chip reports: the places alone, or all (more traffic on USB)."
    )
    slow_clock_hz: int | None = parameter(
        None,
        "Rate of the board's slow clock, which paces the chip's leak and filters (left out: the chip's own).",
        unit="Hz",
        ge=1,
    )


def driver_state() -> Literal["missing", "installer", "installed"]:
    """Whether the driver is here, found out without importing it: not at all, only the installer of PyPI, or itself."""
    if "samna" in sys.modules:
        return "installed"
    found = importlib.util.find_spec("samna")
    if found is None or found.origin is None:
        return "missing"
    source = Path(found.origin)
    compiled = any(source.parent.rglob("*.so")) or any(source.parent.rglob("*.pyd"))
    return "installed" if compiled or "PYPI_SAMNA" not in source.read_text(encoding="utf-8") else "installer"


def load_driver(confirm: Callable[[str], bool]) -> Any:
    """Import samna; a person is asked first where that would download it.

    Args:
        confirm: gets DRIVER_SENTENCE, returns whether to go on. Called only where the driver is not installed.

    Returns:
        The module samna.

    Raises:
        TargetFailed: it is missing, was declined, or could not be installed or loaded.
    """
    state = driver_state()
    if state == "missing":
        raise TargetFailed(NO_DRIVER)
    if state == "installer" and not confirm(DRIVER_SENTENCE):
        raise TargetFailed("The Speck's driver was not downloaded: choose the virtual chip, which needs none.")
    try:
        with _quiet_output():
            return importlib.import_module("samna")
    except (Exception, SystemExit) as error:  # pip that fails, a library that does not load: whatever it is, it is told
        raise TargetFailed(
            f"The Speck's driver (samna) could not be installed or loaded ({type(error).__name__}: {str(error)[:200]}): "
            "choose the virtual chip, or install samna by hand."
        ) from error


def attached_kits(samna: Any) -> list[AttachedKit]:
    """The boards that are attached, in the order of their kinds; none is a normal state.

    Numbered as sinabs does it: boards of a kind by their USB address.
    """
    with _answering("look for boards"):
        devices = samna.device.get_all_devices()
    found = []
    for kit in KITS:
        mine = sorted(
            (device for device in devices if device.device_type_name == kit.device_type),
            key=lambda device: device.usb_device_address,
        )
        found += [AttachedKit(f"{kit.id}:{number}", kit.name) for number in range(len(mine))]
    return found


@contextlib.contextmanager
def _answering(what: str) -> Iterator[None]:
    """The driver's errors are of many kinds; each becomes the state of a target that failed."""
    try:
        yield
    except (TargetFailed, BadInput):
        raise
    except Exception as error:
        raise TargetFailed(
            f"The Speck did not {what} ({type(error).__name__}: {str(error)[:200]}): check its USB 3 cable, then start again."
        ) from error


@contextlib.contextmanager
def _quiet_output() -> Iterator[None]:
    """What is printed meanwhile goes to standard error: the progress of the driver's installer is no part of a command's result.

    By the file descriptor, as the installer is a process of its own.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # no standard output at all, as in a desktop session
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield
        sys.stdout.flush()
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class SpeckChip:
    """A Target (engine.chip.target) that is a real chip.

    Time is the board's own, in us since start(); where events are sent to it, theirs (the first one is sent as time 0).

    Args:
        network: quantised; its integers go onto the chip as they are.
        kit: one of `attached_kits`.
        samna: of `load_driver`.
        parameters: region, filter, monitors.
        window_us: length of every window.
        clock: seconds, for the watch over a board that falls silent.

    Raises:
        BadInput: the network does not fit, or its region lies off the camera.
    """

    kind: TargetKind = "speck"
    _spikes: list[deque[tuple[int, int]]]  # a layer each: time, feature
    _power: deque[tuple[int, int, float]]  # time, rail, watts
    _inputs: deque[tuple[int, int]]  # time of the latest, how many
    _seen: list[EventArray]  # of the camera, not yet fetched
    _zero: int | None  # the sender's time that is the board's 0
    _end: int  # of the window before

    def __init__(
        self,
        network: QuantisedNetwork,
        kit: AttachedKit,
        samna: Any,
        parameters: SpeckParameters | None = None,
        window_us: int = DEFAULT_WINDOW_US,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not network.check.fits:
            raise BadInput(f"The network does not fit the chip. {network.check.sentence}")
        self.parameters = SpeckParameters() if parameters is None else parameters
        self.origin = self.parameters.origin if self.parameters.origin is not None else _origin(network)
        left, top = self.origin
        rows, columns = network.shape.region
        if min(left, top) < 0 or left + columns > SENSOR or top + rows > SENSOR:
            raise BadInput(
                f"The region of {rows}x{columns} pixels from column {left}, row {top} on lies off the camera of "
                f"{SENSOR}x{SENSOR}: move its origin."
            )
        if left % network.shape.pool or top % network.shape.pool:
            raise BadInput(f"The region's origin must be a multiple of {network.shape.pool}, which the camera pools: move it.")
        self.name, self.network, self.window_us = kit.name, network, window_us
        self.takes_events = not self.parameters.camera
        self._kit, self._samna, self._clock = kit, samna, clock
        self._cores = {layer.core: number for number, layer in enumerate(network.check.layers)}
        self._deployed: Any = None
        self._device: Any = None

    @property
    def places(self) -> int:
        """Number of places."""
        return self.network.places

    def start(self) -> None:
        """Open the board, put the network on it, start its clock and its power measurement (a second or two)."""
        self.stop()
        with _answering("take the network"):
            self._deployed = self._network()
            monitor: list[int | str] = [-1] if self.parameters.monitor == "places" else list(self._deployed.dynapcnn_layers)
            if self.parameters.camera:
                monitor.insert(0, "dvs")
            order = sorted(self._deployed.dynapcnn_layers)
            # sinabs opens the board, validates and applies the configuration, and connects source and sink.
            self._deployed.to(
                device=self._kit.id,
                monitor_layers=monitor,
                config_modifier=self._filters,
                slow_clk_frequency=self.parameters.slow_clock_hz,
                layer2core_map=dict(zip(order, (layer.core for layer in self.network.check.layers), strict=True)),
            )
            self._device = self._deployed.samna_device
            watch = self._device.get_stop_watch()
            watch.reset()
            watch.set_enable_value(True)
            power = self._device.get_power_monitor()
            self._power_sink = self._samna.graph.sink_from(power.get_source_node())
            power.start_auto_power_measurement(self.parameters.power_hz)
            self._deployed.samna_output_buffer.get_events()
        self._forget()
        self._heard = self._clock()

    def stop(self) -> None:
        """Stop measuring and close the board; a board that is gone already is closed all the same."""
        device, deployed, self._device, self._deployed = self._device, self._deployed, None, None
        if deployed is not None:
            for graph in ("device_input_graph", "device_output_graph"):
                with contextlib.suppress(Exception):
                    getattr(deployed, graph).stop()
        if device is None:
            device = getattr(deployed, "samna_device", None)
        if device is not None:
            with contextlib.suppress(Exception):
                device.get_power_monitor().stop_auto_power_measurement()
            with contextlib.suppress(Exception):
                self._samna.device.close_device(device)

    def reset(self) -> None:
        """Put every state at rest (sinabs writes the configuration anew) and forget all spikes."""
        self._need()
        with _answering("reset its states"):
            self._device.get_model().apply_configuration(self._deployed.samna_config)
            self._deployed.samna_output_buffer.get_events()
        self._forget()

    def feed(self, events: EventArray) -> None:
        """Send events of the region to the first core; see Target.feed. Only where the chip does not look by itself."""
        self._need()
        if not self.takes_events:
            raise RuntimeError("this chip looks through its own camera")
        if len(events):
            if self._zero is None:
                self._zero = int(events["timestamp"][0])
            spike = self._event_module().Spike
            pool, core = self.network.shape.pool, self.network.check.layers[0].core
            rows, columns = self.network.shape.region
            inside = (events["x"] >= 0) & (events["y"] >= 0) & (events["x"] < columns) & (events["y"] < rows)
            sent = []
            times = np.maximum.accumulate(events["timestamp"][inside])
            for when, x, y in zip(times.tolist(), events["x"][inside].tolist(), events["y"][inside].tolist(), strict=True):
                item = spike()
                item.layer, item.feature, item.x, item.y = core, 0, x // pool, y // pool
                item.timestamp = max(when - self._zero, 0)
                sent.append(item)
            with _answering("take events"):
                self._deployed.samna_input_buffer.write(sent)
            self._inputs.append((int(times[-1]) if len(times) else int(events["timestamp"][-1]), len(sent)))
        self._poll()

    def camera_events(self) -> EventArray:
        """What the chip's camera saw since the last call, in the region's coordinates, as it went to the cores.

        The monitor is taken to count pixels from the region's corner, as it sits behind the cut; that is among the things that
        only a chip can tell.
        """
        self._need()
        self._poll()
        seen, self._seen = self._seen, []
        return joined(seen) if seen else empty_events()

    def window(self, end_us: int) -> WindowSpikes:
        """The window that ends at end_us; see Target.window."""
        self._need()
        self._poll()
        begin = end_us - self.window_us
        records: list[deque[Any]] = [*self._spikes, self._power, self._inputs]
        for kept in records:
            while kept and kept[0][0] < begin:
                kept.popleft()
        places = np.array([item for item in self._spikes[-1] if item[0] < end_us], np.int64).reshape(-1, 2)
        fresh, of_neuron = places[places[:, 0] >= self._end], self.network.neuron_places
        self._end = max(self._end, end_us)
        seconds = self.window_us / 1e6
        layers = []
        for number, check in enumerate(self.network.check.layers):
            if self.parameters.monitor == "all" or number == len(self._spikes) - 1:
                spikes = sum(1 for item in self._spikes[number] if item[0] < end_us)
                layers.append(LayerActivity(check.layer, check.core, check.neurons, spikes, spikes / check.neurons / seconds))
        return WindowSpikes(
            end_us=end_us,
            window_us=self.window_us,
            counts=self.network.by_place(np.bincount(places[:, 1], minlength=len(of_neuron)).astype(np.float32)),
            input_events=sum(count for when, count in self._inputs if when < end_us),
            layers=tuple(layers),
            synops=None,
            power=self._measured(end_us),
            spike_times=fresh[:, 0],
            spike_places=of_neuron[fresh[:, 1]],
        )

    def _measured(self, end_us: int) -> PowerReading | None:
        """The mean of each rail over the window, by the board's monitor; None before every rail was measured once."""
        rails = [
            [watts for when, channel, watts in self._power if channel == rail and when < end_us] for rail in range(len(RAILS))
        ]
        if not all(rails):
            return None
        return PowerReading(np.array([np.mean(rail) for rail in rails]), measured=True, seconds=self.window_us / 1e6)

    def _network(self) -> Any:
        """The network as sinabs's DynapcnnNetwork: our integers as they are, so that nothing is scaled a second time."""
        import torch
        from sinabs import layers as sl
        from sinabs.backend.dynapcnn import DynapcnnNetwork, config_builder, dynapcnn_network
        from sinabs.backend.dynapcnn.dvs_layer import DVSLayer

        for module in (config_builder, dynapcnn_network):  # they print remarks, and standard output may be a command's result
            module.print = log.info

        shape, (left, top) = self.network.shape, self.origin
        rows, columns = shape.region
        pool = shape.pool
        modules: list[Any] = [
            DVSLayer(
                (SENSOR, SENSOR),
                pool=(pool, pool),
                crop=((top // pool, (top + rows) // pool), (left // pool, (left + columns) // pool)),
                merge_polarities=True,
                disable_pixel_array=not self.parameters.camera,
            )
        ]
        for layer in self.network.layers:
            part = layer.shape
            convolution = torch.nn.Conv2d(part.inputs[0], part.features, part.kernel, part.stride, part.padding, bias=False)
            convolution.weight.data = torch.from_numpy(layer.weights.transpose(3, 0, 1, 2).astype(np.float32))
            # min_v_mem left out would let sinabs take -2^15 for it, and a threshold_low of 0 is not allowed.
            neurons = sl.IAFSqueeze(
                batch_size=1,
                spike_threshold=torch.tensor(float(layer.threshold)),
                min_v_mem=torch.tensor(float(layer.lowest)),
            )
            modules += [convolution, neurons]
        return DynapcnnNetwork(torch.nn.Sequential(*modules), batch_size=1, dvs_input=self.parameters.camera, discretize=False)

    def _filters(self, configuration: Any) -> Any:
        """sinabs's config_modifier: what it does not set itself."""
        if self.parameters.camera:
            configuration.dvs_filter.enable = True
            configuration.dvs_filter.hot_pixel_filter_enable = self.parameters.hot_pixel_filter
            configuration.dvs_filter.threshold = self.parameters.filter_threshold
            configuration.dvs_layer.on_channel = True
            configuration.dvs_layer.off_channel = True
        return configuration

    def _event_module(self) -> Any:
        return getattr(self._samna, "speck2e" if self._kit.id.startswith("speck2e") else "speck2f").event

    def _need(self) -> None:
        if self._device is None:  # not started, or stopped by another thread that saw it fail
            raise TargetFailed("The Speck is not open: start again.")

    def _forget(self) -> None:
        self._spikes = [deque() for _ in self.network.layers]
        self._power, self._inputs, self._seen = deque(), deque(), []
        self._zero, self._end = None, int(np.iinfo(np.int64).min)

    def _poll(self) -> None:
        """Take what the board sent: output spikes, camera events, power."""
        with _answering("answer"):
            received = self._deployed.samna_output_buffer.get_events()
            measured = self._power_sink.get_events()
        zero = self._zero or 0
        camera = []
        for event in received:
            layer = getattr(event, "layer", None)
            if layer == _CAMERA_LAYER:
                camera.append((event.timestamp + zero, event.x, event.y, event.feature))
            elif layer in self._cores:
                self._spikes[self._cores[layer]].append((int(event.timestamp) + zero, int(event.feature)))
        if camera:
            self._seen.append(_as_events(camera))
            self._inputs.append((int(camera[-1][0]), len(camera)))
        for event in measured:
            self._power.append((int(event.timestamp) + zero, int(event.channel), float(event.value)))
        if received or measured:
            self._heard = self._clock()
        elif self._clock() - self._heard > _SILENCE_S:
            raise TargetFailed(
                f"The Speck has been silent for {_SILENCE_S:g} s: it may be unplugged; check its USB 3 cable, then start again."
            )


def _origin(network: QuantisedNetwork) -> tuple[int, int]:
    """LENS's origin where the region fits there, else the middle; a multiple of what the camera pools."""
    rows, columns = network.shape.region
    pool = network.shape.pool
    left, top = _LENS_ORIGIN
    if left + columns > SENSOR or top + rows > SENSOR or left % pool:
        left, top = ((SENSOR - side) // 2 // pool * pool for side in (columns, rows))
    return max(left, 0), max(top, 0)


def _as_events(rows: list[tuple[int, int, int, int]]) -> EventArray:
    columns: NDArray[np.int64] = np.array(rows, np.int64)
    events = empty_events(len(rows))
    events["timestamp"], events["x"], events["y"] = columns[:, 0], columns[:, 1], columns[:, 2]
    events["polarity"] = columns[:, 3] & 1
    return events
