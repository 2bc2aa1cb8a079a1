"""How well the LENS network and the baselines recognise, on routes that nothing was chosen on.

python -m tests.benchmarks.bench_accuracy [--baselines]

Worlds 21-24 are held out: the defaults were chosen on worlds 11 and 12. Each is filmed on three drives (reference, same day,
another day); means and standard deviations are over worlds and seeds. It takes some minutes.
"""

import argparse
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from engine.frames.inputs import InputParameters, query_inputs, select, training_inputs
from engine.jobs import CancelToken, ignore
from engine.recognition.baselines import negative_distance
from engine.recognition.encoding import SpikingParameters
from engine.recognition.methods import BASELINES, baseline_similarity
from engine.recognition.sad import sad_distances
from engine.recognition.scoring import ScoringParameters, score
from engine.recognition.spiking import similarity, simulate
from engine.simulation.pair import PairParameters, SimulatedPair, simulate_pair
from engine.simulation.parameters import PRESETS, WorldParameters
from engine.training.lens import train_lens
from engine.training.parameters import LensTrainingParameters

DRIVES = ("same-day", "other-day")
SEQUENCES = ("none", "diagonal:4", "filter")
TOLERANCE = 1
Figures = dict[tuple[str, str], list[float]]


def film(world: int) -> SimulatedPair:
    """Three drives along one route."""
    drives = {name: PRESETS[name].model_copy(update={"seed": 1000 * world + number}) for number, name in enumerate(PRESETS)}
    wanted = {name: drives[name] for name in ("reference", *DRIVES)}
    return simulate_pair(PairParameters(world=WorldParameters(seed=world), traverses=wanted))


def add(figures: Figures, name: str, matrix: NDArray[np.generic], truth: NDArray[np.uint8]) -> None:
    """Score one similarity matrix for each sequence matching."""
    for sequence in SEQUENCES:
        scoring = ScoringParameters.check({"sequence": sequence, "GT_tolerance": TOLERANCE, "resamples": 0, "cold_starts": 0})
        figures.setdefault((name, sequence), []).append(score(matrix, truth, scoring).recall_at[1])


def network(pairs: Iterable[SimulatedPair], inputs: InputParameters, rule: str, seeds: int) -> tuple[Figures, float]:
    """Recall@1 of networks trained with several seeds, and their mean synaptic operations a query."""
    figures: Figures = {}
    operations = []
    for pair in pairs:
        reference, *queries = pair.traverses
        rates = training_inputs(reference.frames, inputs)
        for seed in range(seeds):
            parameters = LensTrainingParameters.check({"seed": seed, "threshold_rule": rule})
            trained = train_lens(parameters, rates, ignore, CancelToken())
            for query in queries:
                spikes = simulate(trained, query_inputs(query.frames, inputs), SpikingParameters(seed=seed))
                operations.append(float(spikes.synops.mean()))
                add(figures, query.name, similarity(spikes), pair.ground_truth[query.name])
    return figures, float(np.mean(operations))


def baseline(pairs: Iterable[SimulatedPair], name: str) -> Figures:
    """Recall@1 of a baseline."""
    figures: Figures = {}
    for pair in pairs:
        reference, *queries = pair.traverses
        for query in queries:
            add(figures, query.name, baseline_similarity(name, reference.frames, query.frames), pair.ground_truth[query.name])
    return figures


def sad(pairs: Iterable[SimulatedPair], grid: InputParameters) -> Figures:
    """Recall@1 of SAD on the means of grid cells."""
    figures: Figures = {}
    for pair in pairs:
        reference, *queries = (select(frame.frames, grid) for frame in pair.traverses)
        for query, frames in zip(pair.traverses[1:], queries, strict=True):
            add(figures, query.name, negative_distance(sad_distances(reference, frames)), pair.ground_truth[query.name])
    return figures


def show(name: str, figures: Figures, operations: float | None = None) -> None:
    """Print one row."""
    cells = [
        f"{np.mean(figures[drive, sequence]):.2f} +- {np.std(figures[drive, sequence]):.2f}"
        for drive in DRIVES
        for sequence in SEQUENCES
    ]
    cost = "" if operations is None else f"  {operations / 1e6:5.1f} M SynOps a query"
    print(f"  {name:<34} " + "   ".join(cells) + cost, flush=True)


def main() -> None:
    """Film, train, recognise, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, nargs="+", default=[21, 22, 23, 24])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--baselines", action="store_true", help="the baselines alone, without training networks")
    arguments = parser.parse_args()
    pairs = [film(world) for world in arguments.worlds]
    print(f"Recall@1 at +-{TOLERANCE}, 100 places, 100 queries a drive, worlds {arguments.worlds}, {arguments.seeds} seeds")
    print(f"  {'':<34} " + "   ".join(f"{drive[:5]} {sequence[:6]:<6}" for drive in DRIVES for sequence in SEQUENCES))
    grid = InputParameters(dims=(16, 16))
    for name in BASELINES:
        show(name, baseline(pairs, name))
    if arguments.baselines:
        return
    show("SAD, means of 16x16 cells", sad(pairs, grid))
    variants = {
        "LENS, mean and log (default)": (grid, "published"),
        "LENS, the same, corrected rule": (grid, "corrected"),
        "LENS, centre pixel and gamma": (InputParameters(dims=(16, 16), cell="centre", encoding="gamma"), "published"),
    }
    for name, (inputs, rule) in variants.items():
        show(name, *network(pairs, inputs, rule, arguments.seeds))


if __name__ == "__main__":
    main()
