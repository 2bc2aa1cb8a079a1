"""The virtual chip: a query against sinabs's own discretised network, and input events a second on one core.

Run: python -m tests.benchmarks.bench_chip. sinabs's backend runs on the CPU with a labelled stand-in for the driver that it
imports (tests/chip/stand_in.py); its spikes and ours are checked to be the same before anything is timed.
"""

import warnings

import numpy as np

from engine import native
from engine.chip.quantise import ChipParameters, QuantisedNetwork, quantise
from engine.chip.virtual import VirtualSpeck
from engine.events.array import EventArray, empty_events
from engine.frames.inputs import InputParameters
from engine.networks.lens import LensNetwork
from tests.benchmarks.bench_recognition import network as busy_network
from tests.benchmarks.bench_sad import best
from tests.chip.stand_in import driver

SIDE, STEPS = 80, 250


def example_network(rng: np.random.Generator) -> LensNetwork:
    """100-200-100, about as busy as the network that comes with LENS."""
    weights = busy_network(rng, 100, 200, 100)
    none = np.zeros(200, np.float32)
    return LensNetwork(weights.feature_weights, none, weights.output_weights, none[:100])


def raster(rng: np.random.Generator) -> np.ndarray:
    """One frame of the region as LENS shows it: (steps, 1, rows, columns) bits, 3.4 % of them set."""
    rates = np.minimum(rng.exponential(17.0, (SIDE, SIDE)) * (rng.random((SIDE, SIDE)) < 0.5), 255) / 255
    return (rng.random((STEPS, 1, SIDE, SIDE)) < rates).astype(np.uint8)


def discretised(made: QuantisedNetwork):  # type: ignore[no-untyped-def]
    """The same integers as sinabs's DynapcnnNetwork; call it inside stand_in.driver."""
    import torch
    from sinabs import layers as sl
    from sinabs.backend.dynapcnn import DynapcnnNetwork

    modules = []
    for layer in made.layers:
        shape = layer.shape
        convolution = torch.nn.Conv2d(shape.inputs[0], shape.features, shape.kernel, shape.stride, shape.padding, bias=False)
        convolution.weight.data = torch.from_numpy(layer.weights.transpose(3, 0, 1, 2).astype(np.float32))
        limits = {"spike_threshold": torch.tensor(float(layer.threshold)), "min_v_mem": torch.tensor(float(layer.lowest))}
        modules += [convolution, sl.IAFSqueeze(batch_size=1, **limits)]
    return DynapcnnNetwork(torch.nn.Sequential(*modules), (1, SIDE, SIDE), batch_size=1, discretize=False)


def bench_query(rng: np.random.Generator) -> None:
    import torch

    torch.set_num_threads(1)
    inputs = InputParameters(dims=(10, 10), roi_dim=(SIDE, SIDE), cell="centre", encoding="raw")
    made = quantise(example_network(rng), inputs, ChipParameters(input_threshold=1, feature_threshold=1))
    shown = raster(rng)
    chip = made.simulator()
    with driver(), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        theirs, given = discretised(made), torch.from_numpy(shown.astype(np.float32))
        expected = theirs(given).reshape(STEPS, -1).numpy()
        same = np.array_equal(chip.run_steps(shown), expected)
        for layer in theirs.dynapcnn_layers.values():
            layer.spk_layer.v_mem = torch.zeros_like(layer.spk_layer.v_mem)  # its own reset_states raises
        sinabs = best(lambda: theirs(given), 5)

    def query() -> None:
        chip.reset()
        chip.run_steps(shown)

    stepped = best(query, 50)
    query()
    arrived, fired = chip.totals()[:, 0], chip.totals()[:, 1]
    events = events_of(shown)

    def event_query() -> None:
        chip.reset()
        chip.run_events(events)

    by_event = best(event_query, 50)
    print(f"A query of 100-200-100 on a region of {SIDE}x{SIDE}, {STEPS} steps, raster ready, one thread, {native.variant()}")
    print(f"  {arrived[0]:,} events in, {fired[0]:,} input, {fired[1]:,} feature, {fired[2]:,} output spikes")
    print(f"  sinabs's discretised network                  {sinabs * 1e3:9.3f} ms; spikes equal ours: {same}")
    print(f"  virtual chip, step by step                    {stepped * 1e3:9.3f} ms   {sinabs / stepped:7.0f} x as fast")
    print(f"  virtual chip, event by event                  {by_event * 1e3:9.3f} ms   {sinabs / by_event:7.0f} x as fast")


def events_of(shown: np.ndarray) -> EventArray:
    """The bits of a raster as events, 1 ms a step."""
    step, _, row, column = np.nonzero(shown)
    events = empty_events(len(step))
    events["timestamp"], events["x"], events["y"] = step * 1000, column, row
    return events


def stream(rng: np.random.Generator, count: int) -> EventArray:
    """`count` events of a second, all over the region."""
    events = empty_events(count)
    events["timestamp"] = np.sort(rng.integers(0, 1_000_000, count))
    events["x"], events["y"] = rng.integers(0, SIDE, (2, count))
    events["polarity"] = rng.integers(0, 2, count)
    return events


def bench_stream(rng: np.random.Generator) -> None:
    events = stream(rng, 10_000_000)
    print(f"{len(events) / 1e6:.0f} million events on a region of {SIDE}x{SIDE}, one thread, fed 10,000 at a time")
    for cell, threshold in (("centre", 10.0), ("mean", 10.0), ("centre", 1.0)):
        inputs = InputParameters(dims=(10, 10), roi_dim=(SIDE, SIDE), cell=cell, encoding="raw")
        made = quantise(example_network(rng), inputs, ChipParameters(input_threshold=threshold))
        target = VirtualSpeck(made)

        def run(target: VirtualSpeck = target) -> None:
            target.start()
            for first in range(0, len(events), 10_000):
                target.feed(events[first : first + 10_000])

        seconds = best(run, 3)
        told = target.window(1_000_000)
        spikes = ", ".join(f"{layer.spikes:,} {layer.name}" for layer in told.layers)
        print(
            f"  cell {cell:7} input threshold {threshold:4g}: {len(events) / seconds / 1e6:7.1f} million events/s   "
            f"({told.synops or 0:,} synaptic operations; spikes: {spikes})"
        )


def main() -> None:
    rng = np.random.default_rng(0)
    bench_query(rng)
    bench_stream(rng)


if __name__ == "__main__":
    main()
