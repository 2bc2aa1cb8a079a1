"""This computer as a target: the window's event frame through the network's own simulation, as in an evaluation."""

import numpy as np
from numpy.typing import NDArray

from engine.chip.target import LayerActivity, TargetKind, WindowSpikes
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.live.windows import SlidingCounts
from engine.recognition.run_network import NetworkRunner

LAYERS = {"input": "inputs", "feature": "features", "output": "places"}
"""Layers as the simulation and as a target call them."""


class CpuTarget:
    """Counts events into a frame that slides, and shows it to the network at the end of each step.

    Args:
        runner: the network.
        size: (width, height) of the region of interest.
        window_us: length of a window; steps: in it. At the end of each `window` is asked, or `pass_over`.

    Attributes:
        frame: (height, width) uint8 event frame of the last window.
    """

    def __init__(self, runner: NetworkRunner, size: Size, window_us: int, steps: int) -> None:
        self._runner = runner
        self._window_us = window_us
        self.counts = SlidingCounts(size, steps)
        self.frame: NDArray[np.uint8] = np.zeros((size[1], size[0]), np.uint8)

    @property
    def name(self) -> str:
        """For a person."""
        return "CPU"

    @property
    def kind(self) -> TargetKind:
        """As named on the command line."""
        return "cpu"

    @property
    def places(self) -> int:
        """Output neurons."""
        return self._runner.places

    @property
    def window_us(self) -> int:
        """Length of every window."""
        return self._window_us

    @property
    def takes_events(self) -> bool:
        """feed() is how it sees."""
        return True

    def start(self) -> None:
        """Begin at rest."""
        self.reset()

    def feed(self, events: EventArray) -> None:
        """Count events of the region."""
        self.counts.add(events)

    def pass_over(self) -> None:
        """End a step whose window nobody asks for."""
        self.counts.end_step()

    def window(self, end_us: int) -> WindowSpikes:
        """End the step, and show the window's frame to the network."""
        self.counts.end_step()
        self.frame = self.counts.frame()
        return recognised(self._runner, self.frame, end_us, self._window_us, self.counts.events)

    def reset(self) -> None:
        """Forget all events."""
        self._runner.reset()
        self.counts.clear()

    def stop(self) -> None:
        """Nothing is held."""


def recognised(runner: NetworkRunner, frame: NDArray[np.uint8], end_us: int, window_us: int, events: int) -> WindowSpikes:
    """What the network says to one event frame, with the activity of its layers."""
    column = runner.step(frame)
    layers = tuple(
        LayerActivity(LAYERS.get(name, name), None, neurons, spikes, spikes / (neurons * window_us / 1e6))
        for name, spikes in runner.step_spikes.items()
        if (neurons := neurons_of(runner, name)) > 0
    )
    return WindowSpikes(
        end_us=end_us, window_us=window_us, counts=column, input_events=events, layers=layers, synops=runner.step_synops
    )


def neurons_of(runner: NetworkRunner, layer: str) -> int:
    """How many neurons a layer of a simulation has."""
    sizes = {"input": runner.network.inputs, "feature": getattr(runner.network, "features", 0), "output": runner.places}
    return sizes.get(layer, 0)
