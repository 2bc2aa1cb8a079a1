"""Whether a map of several traverses of one route recognises another traverse better than a map of one.

python -m tests.benchmarks.bench_several [--worlds N ...] [--seeds N] [--sparse]

Worlds 21-24 are held out, as in bench_accuracy. Each is filmed on a day, once more on that day, at dusk, and on three drives to
be recognised; which frame of a further traverse shows which place is said by their ground truth. --sparse keeps 7x7 pixels of
each frame, and one event of seven of these: routes that are hard for every method. Means and standard deviations are over worlds
and seeds. It takes some minutes.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, ignore
from engine.places.ground_truth import save_ground_truth
from engine.places.selection import TrainingSelection
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace
from engine.recognition.run_network import NetworkRunner
from engine.recognition.scoring import ScoringParameters, score
from engine.simulation.pair import PairParameters, SimulatedPair, simulate_pair
from engine.simulation.parameters import PRESETS, WorldParameters
from engine.training.kinds import KINDS
from engine.training.run import RunParameters, TrainRequest, train_runs

DATASET, CAMERA = "bench", "synthetic"
MAPS = ((), ("same-day",), ("dusk",), ("same-day", "dusk"))
QUERIES = ("other-day", "winter-stops", "dusk-again")
SEQUENCES = ("none", "diagonal:4")
TOLERANCE = 1


def film(world: int) -> SimulatedPair:
    """Six drives along one route."""
    again = PRESETS["dusk"].model_copy(update={"speed_m_s": 2.1, "lateral_offset_m": -0.2, "light": 0.08})
    wanted = {
        **{name: PRESETS[name] for name in ("reference", "same-day", "dusk", "other-day", "winter-stops")},
        "dusk-again": again,
    }
    drives = {name: each.model_copy(update={"seed": 1000 * world + n}) for n, (name, each) in enumerate(wanted.items())}
    return simulate_pair(PairParameters(world=WorldParameters(seed=world), traverses=drives))


def sparse(pair: SimulatedPair, world: int) -> SimulatedPair:
    """The same with 7x7 pixels a frame, as bench_networks has them."""
    rng = np.random.default_rng(world)
    cut = [rng.binomial(each.frames[:, 9::18, 9::18][:, :7, :7], 0.15).astype(np.uint8) for each in pair.traverses]
    return replace(pair, traverses=[replace(each, frames=frames) for each, frames in zip(pair.traverses, cut, strict=True)])


def write(pair: SimulatedPair, root: Path) -> Workspace:
    """A workspace of its traverses, with the ground truths of the reference and every other one."""
    workspace = Workspace.create(root)
    for each in pair.traverses:
        folder = workspace.frames_folder(DATASET, CAMERA, each.name)
        write_traverse(folder, workspace.index_file(each.name), each.frames, TraverseInfo())
    for name, truth in pair.ground_truth.items():
        save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, "reference", name), truth)
    return workspace


def main() -> None:
    """Film, train, recognise, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, nargs="+", default=[21, 22, 23, 24])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sparse", action="store_true")
    arguments = parser.parse_args()
    figures: dict[tuple[str, tuple[str, ...], str, str], list[float]] = {}
    for world in arguments.worlds:
        pair = sparse(film(world), world) if arguments.sparse else film(world)
        with tempfile.TemporaryDirectory() as scratch:
            workspace = write(pair, Path(scratch) / "lab")
            frames = {each.name: each.frames for each in pair.traverses}
            for kind in ("prototype", "lens"):
                for further in MAPS:
                    request = TrainRequest(
                        TrainingSelection(
                            data_dir=workspace.data_dir, dataset=DATASET, camera=CAMERA, reference="reference", further=further
                        ),
                        kind=kind,  # type: ignore[arg-type]
                        inputs=InputParameters(dims=(7, 7) if arguments.sparse else (16, 16)),
                        training=KINDS[kind].parameters(),  # type: ignore[index]
                        run=RunParameters(seeds=arguments.seeds),
                    )
                    for done in train_runs(request, ignore, CancelToken()):
                        runner = NetworkRunner(done.network, done.record)
                        for query in QUERIES:
                            matrix = runner.similarity(frames[query]).similarity
                            for sequence in SEQUENCES:
                                scoring = ScoringParameters.check(
                                    {"sequence": sequence, "GT_tolerance": TOLERANCE, "resamples": 0, "cold_starts": 0}
                                )
                                recall = score(matrix, pair.ground_truth[query], scoring).recall_at[1]
                                figures.setdefault((kind, further, query, sequence), []).append(recall)
    print(f"Recall@1 at +-{TOLERANCE}, 100 places, 100 queries a drive, worlds {arguments.worlds}, {arguments.seeds} seeds")
    print(f"  {'':<34} " + "   ".join(f"{query[:6]} {sequence[:6]:<6}" for query in QUERIES for sequence in SEQUENCES))
    for kind in ("prototype", "lens"):
        for further in MAPS:
            values = [figures[kind, further, query, sequence] for query in QUERIES for sequence in SEQUENCES]
            cells = "   ".join(f"{np.mean(each):.2f} +- {np.std(each):.2f}" for each in values)
            print(f"  {kind + ', ' + ' + '.join(('day', *further)):<34} {cells}")


if __name__ == "__main__":
    main()
