"""Prototypes: training, and live queries from frame to place, on one core (python -m tests.benchmarks.bench_prototype).

Targets: 10,000 places of 1,024 pixels trained in under 1 s; 100 queries a second end to end at 27,000 places (frame in; inputs,
spikes, similarity column, forward filter; place out). Times are of the processor, which on a core of its own are those of the
clock (printed too), and on a shared one are not spoilt by others.
"""

import argparse
import os
import time

import numpy as np

from engine import native
from engine.frames.encoder import reference_inputs
from engine.frames.inputs import InputParameters
from engine.networks.prototype import PrototypeNetwork, PrototypeRule, prototypes_of
from engine.networks.prototype_parameters import PrototypeParameters
from engine.networks.record import RunRecord, hash_arrays
from engine.recognition.forward_filter import ForwardFilter, ForwardFilterParameters
from engine.recognition.run_network import NetworkRunner


def frames(count: int, side: int, seed: int) -> np.ndarray:
    """Sparse event frames with some structure from one to the next."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.6, 8, (count, side, side)).astype(np.float32)
    rates[1:] = 0.6 * rates[1:] + 0.4 * rates[:-1]
    return np.minimum(rng.poisson(rates), 255).astype(np.uint8)


def train(references: np.ndarray, windows: tuple[int, ...]) -> tuple[PrototypeNetwork, InputParameters, float]:
    """A network of the references, how it sees frames, and the seconds that it took."""
    side = references.shape[1]
    inputs = InputParameters(dims=(side, side), windows=windows).for_kind("prototype").for_frames((side, side))
    begun = time.process_time()
    seen, statistics = reference_inputs(references, inputs, "prototype")
    network = prototypes_of(seen, statistics, PrototypeRule("causal", len(windows)), PrototypeParameters().threshold)
    return network, inputs, time.process_time() - begun


def runner_of(network: PrototypeNetwork, inputs: InputParameters) -> NetworkRunner:
    """A runner with a record made up."""
    record = RunRecord(
        kind="prototype",
        native=native.variant(),
        seed=0,
        inputs=inputs.model_dump(mode="json"),
        training=PrototypeParameters().model_dump(mode="json"),
        data_hash=hash_arrays(np.arange(1)),
        references=("made",),
        places=network.places,
    )
    return NetworkRunner(network, record)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--queries", type=int, default=60)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"variant {native.variant()}, one core")

    references = frames(10_000, 32, 0)
    for windows in ((1,), (1, 2, 4)):
        seconds = [train(references, windows)[2] for _ in range(arguments.repeats)]
        best, usual = min(seconds), np.median(seconds)
        print(f"train 10,000 places of 1,024 pixels, windows {windows}: best {best:.3f} s, median {usual:.3f} s")

    for side, windows in ((7, (1, 2, 4)), (10, (1, 2, 4)), (32, (1,)), (32, (1, 2, 4))):
        network, inputs, _ = train(frames(27_000, side, 1), windows)
        runner, belief = runner_of(network, inputs), ForwardFilter(ForwardFilterParameters(), network.places)
        shown = frames(arguments.queries, side, 2)
        fastest = by_clock = 0.0
        for _ in range(arguments.repeats):
            runner.reset()
            belief.reset()
            begun, clock = time.process_time(), time.perf_counter()
            for frame in shown:
                belief.step(runner.step(frame))
            fastest = max(fastest, len(shown) / (time.process_time() - begun))
            by_clock = max(by_clock, len(shown) / (time.perf_counter() - clock))
        column = runner.step(shown[0])
        begun = time.process_time()
        for _ in range(10):
            belief.step(column)
        filtering = (time.process_time() - begun) / 10
        print(
            f"27,000 places of {side * side:,} pixels, windows {windows}: {fastest:.0f} queries/s end to end "
            f"({by_clock:.0f} by the clock; the filter {filtering * 1e3:.1f} ms a query; {runner.step_synops / 1e6:.1f} M SynOps)"
        )
        runner.add_place()
        begun = time.process_time()
        runner.add_place()
        print(f"  one more place remembered in {(time.process_time() - begun) * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
