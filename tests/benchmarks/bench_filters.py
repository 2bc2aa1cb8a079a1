"""Event filters, million events a second on one thread: python -m tests.benchmarks.bench_filters.

Noise, moving edges and ten hot pixels on a 346x260 sensor, in chunks of 65536 events. The share of memory bandwidth counts 16
bytes read and, for events that pass, 16 written, of what a summing pass over the same array reads a second. Wanted are 50 each,
and 20 for the chain.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from engine import native
from engine.events.array import EventArray
from engine.events.filters import (
    BackgroundActivityParameters,
    DownsampleParameters,
    FilterChain,
    FilterParameters,
    FlickerParameters,
    HotPixelParameters,
    PolarityParameters,
    RefractoryParameters,
    RegionParameters,
)
from tests.benchmarks.bench_binning import SIZE, best, scene

CHUNK = 65536
HOT = tuple((11 * k, 13 * k) for k in range(1, 11))
CHAIN: list[FilterParameters] = [
    HotPixelParameters(pixels=HOT),
    BackgroundActivityParameters(),
    RefractoryParameters(),
    RegionParameters(x=45, y=2, width=256, height=256),
]


def noisy_scene(count: int) -> EventArray:
    """Half edges, half noise, and one event in twenty from a hot pixel."""
    rng = np.random.default_rng(3)
    events, noise = scene(count, "edges"), rng.random(count) < 0.5
    events["x"][noise] = rng.integers(0, SIZE[0], np.count_nonzero(noise))
    hot = np.flatnonzero(rng.random(count) < 0.05)
    which = rng.integers(0, len(HOT), len(hot))
    events["x"][hot], events["y"][hot] = np.array(HOT)[which].T
    return events


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    events = noisy_scene(arguments.events)
    words = events.view(np.int64)
    bandwidth = events.nbytes / best(words.sum, arguments.repeats) / 1e9
    chains: dict[str, list[FilterParameters]] = {
        "hot pixels": [CHAIN[0]],
        "background activity": [CHAIN[1]],
        "background activity, 2 supporters": [BackgroundActivityParameters(supporters=2)],
        "refractory": [CHAIN[2]],
        "flicker": [FlickerParameters()],
        "polarity": [PolarityParameters()],
        "region": [CHAIN[3]],
        "down-sampling": [DownsampleParameters()],
        "down-sampling, one event an interval": [DownsampleParameters(interval_us=1000)],
        "hot, background, refractory, region": CHAIN,
    }
    print(f"variant {native.variant()}, {arguments.events / 1e6:g} M events; reading memory runs at {bandwidth:.1f} GB/s")
    print(f"{'':<38}{'M events/s':>11}{'removed':>9}{'of bandwidth':>14}")
    report: dict[str, object] = {"read_gb_s": bandwidth, "variant": native.variant()}
    for name, parameters in chains.items():
        chain = FilterChain(parameters, SIZE)

        def run(chain: FilterChain = chain) -> None:
            chain.reset()
            for first in range(0, len(events), CHUNK):
                chain.process(events[first : first + CHUNK])

        speed = arguments.events / best(run, arguments.repeats) / 1e6
        share = speed * 16 * (2 - chain.share_removed) / 1000 / bandwidth
        print(f"{name:<38}{speed:>11.0f}{chain.share_removed:>9.1%}{share:>14.1%}")
        report[name] = speed
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
