"""A FAKE of the vendor's driver, samna, and of a board behind it: what our side of it does can be tested, a chip cannot.

The board takes a configuration as sinabs writes it, runs its integers in the virtual chip's twin, and sends spikes, camera
events and power as the documentation describes. It proves nothing about hardware.
"""

import types
from typing import Any

import numpy as np

from engine.events.array import empty_events
from engine.native.twins.chip import VirtualChip
from tests.chip import stand_in


class Node:
    """A part of a configuration: any attribute can be set, and a dict becomes a Node, as the driver's structures do."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, Node(**value) if isinstance(value, dict) else value)


def configuration() -> Node:
    def destinations() -> list[Node]:
        return [Node(layer=0, enable=False, pooling=1) for _ in range(2)]

    made = Node(dvs_layer=Node(monitor_enable=False, pass_sensor_events=False), dvs_filter=Node(enable=False))
    made.cnn_layers = [Node(monitor_enable=False, destinations=destinations(), weights=None) for _ in range(9)]
    made.dvs_layer.destinations = destinations()
    return made


class Spike(Node):
    def __init__(self, **values: Any) -> None:
        super().__init__(layer=0, feature=0, x=0, y=0, timestamp=0)
        for name, value in values.items():
            setattr(self, name, value)


class Buffer:
    """A sink that collects, or a source that is written to."""

    def __init__(self) -> None:
        self.held: list[Any] = []
        self.onward: list[Any] = []

    def receive(self, events: list[Any]) -> None:
        self.held.extend(events)
        for node in self.onward:
            node.receive(events)

    def write(self, events: list[Any]) -> None:
        for node in self.onward:
            node.receive(events)

    def get_events(self) -> list[Any]:
        held, self.held = self.held, []
        return held


class Graph:
    def __init__(self) -> None:
        self.chain: list[Any] = []
        self.running = False

    def sequential(self, nodes: list[Any]) -> list[Any]:
        self.chain = nodes
        return nodes

    def start(self) -> None:
        self.running = True
        self.chain[0].onward.append(self.chain[1])

    def stop(self) -> None:
        if self.running:
            self.chain[0].onward.remove(self.chain[1])
        self.running = False


class Board:
    """What samna.device.open_device gives."""

    def __init__(self) -> None:
        self.closed = False
        self.unplugged = False
        self.slow_clock: list[Any] = []
        self.watch: list[str] = []
        self.power_hz: float | None = None
        self.source, self.sink, self.power = Buffer(), self, Buffer()
        self.configuration: Node | None = None
        self.applied = 0

    # What the driver's objects are called; one object plays them all.
    def get_model(self) -> "Board":
        self._alive()
        return self

    def get_source_node(self) -> Buffer:
        return self.source

    def get_sink_node(self) -> "Board":
        return self

    def get_power_monitor(self) -> Any:
        self._alive()
        return types.SimpleNamespace(
            get_source_node=lambda: self.power,
            start_auto_power_measurement=lambda hz: setattr(self, "power_hz", hz),
            stop_auto_power_measurement=lambda: setattr(self, "power_hz", None),
        )

    def get_stop_watch(self) -> Any:
        return types.SimpleNamespace(
            reset=lambda: self.watch.append("reset"), set_enable_value=lambda on: self.watch.append(f"enable {on}")
        )

    def get_io_module(self) -> Any:
        return types.SimpleNamespace(set_slow_clk=self.slow_clock.append, set_slow_clk_rate=self.slow_clock.append)

    def _alive(self) -> None:
        if self.unplugged:
            raise RuntimeError("libusb: no device")

    def apply_configuration(self, made: Node) -> None:
        self._alive()
        self.configuration = made
        self.applied += 1
        order = [made.dvs_layer.destinations[0].layer]
        while True:
            onward = [to.layer for to in made.cnn_layers[order[-1]].destinations if to.enable]
            if not onward:
                break
            order += onward
        layers = []
        for number in order:
            part = made.cnn_layers[number]
            size = part.dimensions
            # The driver's weights are (features, channels, x, y).
            weights = np.array(part.weights).transpose(1, 3, 2, 0).astype(np.int8)
            shape = (size.input_shape.feature_count, size.input_shape.size.y, size.input_shape.size.x)
            layers.append(
                (
                    weights,
                    shape,
                    (size.stride.y, size.stride.x),
                    (size.padding.y, size.padding.x),
                    1,
                    part.threshold_high,
                    part.threshold_low,
                )
            )
        self.order, self.chip = order, VirtualChip(layers)

    def receive(self, events: list[Spike]) -> None:
        """Events from the host, for the first core."""
        self._alive()
        assert {event.layer for event in events} <= {self.order[0]}
        self._run(events)

    def see(self, times: Any, x: Any, y: Any) -> None:
        """Light on the camera: sensor coordinates, through the cut."""
        dvs = self.configuration.dvs_layer
        seen = []
        for when, column, row in zip(times, x, y, strict=True):
            inside = dvs.origin.x <= column <= dvs.cut.x and dvs.origin.y <= row <= dvs.cut.y
            if dvs.pass_sensor_events and inside:
                seen.append(
                    Spike(layer=13, feature=0, x=int(column - dvs.origin.x), y=int(row - dvs.origin.y), timestamp=int(when))
                )
        if dvs.monitor_enable:
            self.source.write(seen)
        self._run(seen)

    def _run(self, events: list[Spike]) -> None:
        given = empty_events(len(events))
        given["timestamp"] = [event.timestamp for event in events]
        given["x"], given["y"] = [event.x for event in events], [event.y for event in events]
        times, neurons = self.chip.run_events(given)
        if self.configuration.cnn_layers[self.order[-1]].monitor_enable:
            spikes = zip(times.tolist(), neurons.tolist(), strict=True)
            self.source.write([Spike(layer=self.order[-1], feature=place, timestamp=when) for when, place in spikes])

    def measure(self, when: int, watts: tuple[float, ...]) -> None:
        """One measurement of every rail."""
        if self.power_hz is not None:
            self.power.write([Node(channel=rail, value=value, timestamp=when) for rail, value in enumerate(watts)])


def modules(boards: dict[str, list[Board]]) -> dict[str, types.ModuleType]:
    """The fake driver's modules, for stand_in.driver; boards by their type's name."""
    found = stand_in.modules()
    samna: Any = found["samna"]
    samna.__doc__ = __doc__
    infos = [
        types.SimpleNamespace(device_type_name=kind, usb_device_address=number + 1, board=board)
        for kind, several in boards.items()
        for number, board in enumerate(several)
    ]
    samna.device.get_all_devices = lambda: list(infos)
    samna.device.get_unopened_devices = lambda: [info for info in infos if not info.board.watch]
    samna.device.open_device = lambda info, settings=None: info.board
    samna.device.close_device = lambda board: setattr(board, "closed", True)
    samna.graph = types.ModuleType("samna.graph")
    samna.graph.EventFilterGraph = Graph

    def sink_from(node: Buffer) -> Buffer:
        sink = Buffer()
        node.onward.append(sink)
        return sink

    samna.graph.sink_from = sink_from
    for chip in ("speck2e", "speck2f"):
        module: Any = found[f"samna.{chip}"]
        found[f"samna.{chip}.configuration"].SpeckConfiguration = configuration  # type: ignore[attr-defined]
        module.validate_configuration = _validate
        module.event = types.SimpleNamespace(Spike=Spike)
        setattr(samna, f"BasicSourceNode_{chip}_event_input_event", Buffer)
        setattr(samna, f"BasicSinkNode_{chip}_event_output_event", Buffer)
    return found | {"samna.graph": samna.graph}


def _validate(made: Node) -> tuple[bool, str]:
    used = [layer for layer in made.cnn_layers if layer.weights is not None]
    wrong = [layer for layer in used if layer.threshold_low == 0 or layer.threshold_high < 1]
    return not wrong, "threshold_low must not be 0" if wrong else ""
