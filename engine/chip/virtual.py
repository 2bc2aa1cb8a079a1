"""The virtual Speck: the quantised network run event by event, with the events' own time stamps.

It has the chip's integers, its one spike a synaptic operation and its order of layers; it has none of the chip's delays, and
takes a core's neurons in order where the chip may take them in another. So its places and rates can be compared with a chip's,
not its single spikes. Frames can be shown to it too: see `replay`.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.chip.power import estimate
from engine.chip.quantise import QuantisedNetwork
from engine.chip.target import DEFAULT_WINDOW_US, LayerActivity, TargetKind, WindowSpikes
from engine.errors import BadInput
from engine.events.array import EventArray, empty_events
from engine.frames.inputs import InputParameters, query_inputs
from engine.recognition.encoding import Selection, SpikingParameters, encode

_ARRIVED, _FIRED, _SYNOPS, _ENDED = range(4)  # columns of VirtualChip.totals()


class VirtualSpeck:
    """A Target (engine.chip.target) that simulates the chip.

    Args:
        network: quantised.
        window_us: length of every window.
        entry: what it is fed with: events of the region's "pixels", or spikes of the grid's "inputs" (x and y are column and
            row of the grid), which go to the core behind the one that selects pixels.
        name: for a person.

    Raises:
        BadInput: the network does not fit the chip.
    """

    kind: TargetKind = "virtual"
    takes_events = True

    def __init__(
        self,
        network: QuantisedNetwork,
        window_us: int = DEFAULT_WINDOW_US,
        entry: Literal["pixels", "inputs"] = "pixels",
        name: str = "Virtual Speck",
    ) -> None:
        if not network.check.fits:
            raise BadInput(f"The network does not fit the chip. {network.check.sentence}")
        if window_us < 1:
            raise BadInput("The window must be at least 1 us long.")
        self.name = name
        self.network = network
        self.window_us = window_us
        self._first = 0 if entry == "pixels" else 1
        self._chip: Any = None

    @property
    def places(self) -> int:
        """Number of places."""
        return self.network.places

    def start(self) -> None:
        """Get ready, at rest."""
        self._chip = self.network.simulator()
        self.reset()

    def stop(self) -> None:
        """Give the memory back."""
        self._chip = None

    def reset(self) -> None:
        """Put every state at rest and forget all spikes."""
        if self._chip is None:
            raise RuntimeError("start() comes first")
        self._chip.reset()
        self._totals = self._chip.totals()
        self._off = 0
        self._began: int | None = None
        self._end = int(np.iinfo(np.int64).min)
        self._latest = self._end
        self._spikes: deque[tuple[NDArray[np.int64], NDArray[np.int32]]] = deque()
        self._tallies: deque[tuple[int, NDArray[np.int64], int]] = deque()  # latest time, what totals() grew by, events off

    def feed(self, events: EventArray) -> None:
        """Take events; see Target.feed."""
        if self._chip is None:
            raise RuntimeError("start() comes first")
        if not len(events):
            return
        times, neurons = self._chip.run_events(np.ascontiguousarray(events), self._first)
        self._latest = max(self._latest, int(events["timestamp"].max()))
        if self._began is None:
            self._began = int(events["timestamp"][0])
        if len(times):
            self._spikes.append((times, neurons))
        totals, off = self._chip.totals(), self._chip.off
        self._tallies.append((self._latest, totals - self._totals, off - self._off))
        self._totals, self._off = totals, off

    def window(self, end_us: int) -> WindowSpikes:
        """The window that ends at end_us; see Target.window. Activity is counted by the chunks of events that were fed."""
        if self._chip is None:
            raise RuntimeError("start() comes first")
        begin = end_us - self.window_us
        while self._spikes and self._spikes[0][0][-1] < begin:
            self._spikes.popleft()
        while self._tallies and self._tallies[0][0] < begin:
            self._tallies.popleft()
        times = np.concatenate([part[0] for part in self._spikes]) if self._spikes else np.zeros(0, np.int64)
        neurons = np.concatenate([part[1] for part in self._spikes]) if self._spikes else np.zeros(0, np.int32)
        inside = (times >= begin) & (times < end_us)
        fresh = inside & (times >= self._end)
        outputs = len(self.network.neuron_places)
        counts = self.network.by_place(np.bincount(neurons[inside], minlength=outputs).astype(np.float32))
        self._end = max(self._end, end_us)
        return self._told(end_us, counts, times[fresh], self.network.neuron_places[neurons[fresh]])

    def _told(
        self, end_us: int, counts: NDArray[np.float32], times: NDArray[np.int64], neurons: NDArray[np.int32]
    ) -> WindowSpikes:
        grown = np.zeros_like(self._totals)
        off = 0
        for latest, more, beside in self._tallies:
            if latest < end_us:
                grown += more
                off += beside
        seconds = self.window_us / 1e6
        if self._began is not None and self._began < end_us:
            seconds = min(seconds, (end_us - self._began) / 1e6)
        layers = tuple(
            LayerActivity(
                check.layer,
                check.core,
                check.neurons,
                int(grown[number, _FIRED]),
                float(grown[number, _FIRED]) / check.neurons / seconds,
            )
            for number, check in enumerate(self.network.check.layers)
            if number >= self._first
        )
        notes = []
        ended = int(grown[:, _ENDED].sum())
        if ended:
            notes.append(f"{ended} times a state reached the end of its 16 bits and stayed there.")
        if off:
            notes.append(f"{off} events lay off the region and were left out.")
        arrived = int(grown[self._first, _ARRIVED])
        return WindowSpikes(
            end_us=end_us,
            window_us=self.window_us,
            counts=counts,
            input_events=arrived,
            layers=layers,
            synops=int(grown[:, _SYNOPS].sum()),
            # What the first core does with the camera's events is part of an event's energy.
            power=estimate(arrived if self._first == 0 else 0, int(grown[1:, _SYNOPS].sum()), seconds),
            spike_times=times,
            spike_places=neurons,
            notes=tuple(notes),
        )


def replay(
    frames: NDArray[np.uint8],
    inputs: InputParameters,
    spiking: SpikingParameters | None = None,
    *,
    first_frame: int = 0,
    step_us: int = 1000,
    start_us: int = 0,
) -> Iterator[tuple[EventArray, int]]:
    """Recorded frames as a stream for a target whose entry is "inputs": LENS's simulated mode.

    Every step of a frame's spike raster (the one that `simulate` shows to the network) becomes the events of one time stamp, x
    and y being column and row of the grid.

    Args:
        frames: (frames, height, width) uint8.
        inputs: settled for this size.
        spiking: steps a frame, random field and seed.
        first_frame: number of the first frame, by which its raster is drawn.
        step_us: time between steps.
        start_us: time of the first.

    Yields:
        The events of a frame, and the end of its window (us).
    """
    spiking = SpikingParameters() if spiking is None else spiking
    height, width = frames.shape[1:]
    settled = inputs.for_frames((height, width))
    selection = selection_of(settled)
    for number in range(len(frames)):
        rates = query_inputs(frames[number : number + 1], settled)
        raster = encode(rates, spiking, selection, first_frame=first_frame + number)[0]
        steps, cells = np.nonzero(raster)
        events = empty_events(len(steps))
        begin = start_us + number * spiking.timebin * step_us
        events["timestamp"] = begin + steps * step_us
        events["y"], events["x"] = np.divmod(cells, settled.dims[1])
        events["polarity"] = 1
        yield events, begin + spiking.timebin * step_us


def selection_of(inputs: InputParameters) -> Selection | None:
    """The pixels of LENS's shared random field, for settled inputs; means of cells are no pixels and have none."""
    if inputs.cell == "mean" or inputs.roi_dim is None:
        return None
    return Selection(inputs.selected_pixels(), inputs.roi_dim[0] * inputs.roi_dim[1])
