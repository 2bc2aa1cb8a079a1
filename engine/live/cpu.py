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
        runner: the network, with the places that were added.
        frame: (height, width) uint8 event frame of the last window.
    """

    def __init__(self, runner: NetworkRunner, size: Size, window_us: int, steps: int) -> None:
        self.runner = runner
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
        return self.runner.places

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
        """End a step whose window nobody asks for; a network that looks back over several windows sees it none the less."""
        self.counts.end_step()
        if self.counts.full:
            self.runner.see(self.counts.frame())

    def remember(self) -> int:
        """Add what the last window saw to the network as a new place; its number.

        Raises:
            BadInput: the network is not of prototypes, or the window was empty.
        """
        return self.runner.add_place()

    def window(self, end_us: int) -> WindowSpikes:
        """End the step, and show the window's frame to the network."""
        self.counts.end_step()
        self.frame = self.counts.frame()
        column = self.runner.step(self.frame)
        seconds = self._window_us / 1e6
        layers = tuple(
            LayerActivity(LAYERS.get(name, name), None, neurons, spikes, spikes / (neurons * seconds))
            for name, spikes in self.runner.step_spikes.items()
            if (neurons := neurons_of(self.runner, name)) > 0
        )
        return WindowSpikes(
            end_us=end_us,
            window_us=self._window_us,
            counts=column,
            input_events=self.counts.events,
            layers=layers,
            synops=self.runner.step_synops,
        )

    def reset(self) -> None:
        """Forget all events."""
        self.runner.reset()
        self.counts.clear()

    def stop(self) -> None:
        """Nothing is held."""


def neurons_of(runner: NetworkRunner, layer: str) -> int:
    """How many neurons a layer of a simulation has."""
    network = runner.network
    outputs = getattr(network, "neurons", runner.places)  # a place of prototypes may have several
    sizes = {"input": network.inputs, "feature": getattr(network, "features", 0), "output": outputs}
    return sizes.get(layer, 0)
