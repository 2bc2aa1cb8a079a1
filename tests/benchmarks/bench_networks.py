"""How well prototypes, LENS's rule and simple methods recognise (python -m tests.benchmarks.bench_networks WHAT).

example     LENS's own example (needs the shared data): Recall@1 with intervals.
halves      its two halves: settings chosen on the one, scored on the other.
stand-ins   synthetic routes as the example is not: 600 places of 7x7 sparse pixels, and a robot indoors with 75 places.
windows     one window and three, as inputs of one network and as networks whose columns are added up, on both of these.
follow      the forward filter where the query is slower or faster than the reference: fixed and followed speed.
robustness  synthetic streets with changed light, speed, lateral offset and event noise; --out FOLDER writes curves (SVG, JSON).

Intervals are 95 % of a bootstrap over blocks of queries; +- is the standard deviation over seeds (and worlds). How the
settings were chosen is on the guide page "Which network".
"""

import argparse
import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.frames.inputs import InputParameters
from engine.places.workspace import Workspace
from engine.recognition.forward_filter import ForwardFilterParameters
from engine.recognition.matches import PairFacts
from engine.recognition.plots_svg import Axis, Series, line_plot
from engine.recognition.scoring import ScoringParameters, score
from engine.simulation.pair import PairParameters, simulate_pair
from engine.simulation.parameters import PRESETS, TraverseConditions, WorldParameters
from engine.storage import replacing, write_json
from tests.benchmarks.network_methods import Frames, Method, lens, methods, prototype, simple, windows

STAGES = ("none", "diagonal:4", "filter")
TITLES = {"none": "single", "diagonal:4": "4 frames", "filter": "filter"}
CHOSEN_ON = (11, 12, 13, 14, 31, 32, 41, 42, 43)  # worlds that settings were looked at on: never scored here


@dataclass(frozen=True)
class Case:
    """A pair of traverses and its ground truth; mask says which queries are not scored, as in PairFacts."""

    name: str
    references: Frames
    queries: Frames
    truth: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None = None


def recalls(case: Case, method: Method, seeds: int, tolerance: int, resamples: int = 0) -> dict[str, tuple[float, ...]]:
    """By stage: Recall@1 of each seed, and the interval of the first (empty without resamples); also "synops" of the first."""
    found: dict[str, list[float]] = {}
    intervals: dict[str, tuple[float, float]] = {}
    synops = float("nan")
    for seed in range(seeds if method.drawn else 1):
        answer = method.recognise(case.references, case.queries, seed)
        synops = answer.synops if answer.synops is not None and seed == 0 else synops
        for stage in STAGES:
            wanted = ScoringParameters.check(
                {"sequence": stage, "GT_tolerance": tolerance, "resamples": resamples if seed == 0 else 0, "cold_starts": 0}
            )
            scores = score(answer.similarity, case.truth, wanted, facts=PairFacts(mask=case.mask))
            found.setdefault(stage, []).append(scores.recall_at[1])
            if scores.intervals is not None:
                intervals[stage] = scores.intervals.recall_at[1]
    return {**{stage: (*values,) for stage, values in found.items()}, **{f"{s} interval": i for s, i in intervals.items()}} | {
        "synops": (synops,)
    }


def show_table(cases: Sequence[Case], rows: Iterable[Method], seeds: int, tolerance: int, resamples: int) -> None:
    """One row a method; over several cases the intervals are left out and the spread is over cases and seeds."""
    head = "   ".join(f"{TITLES[stage]:<23}" for stage in STAGES)
    print(f"Recall@1 at +-{tolerance} frames\n  {'':<38} {head}   SynOps a query")
    for method in rows:
        ran = [recalls(case, method, seeds, tolerance, resamples if len(cases) == 1 else 0) for case in cases]
        cells = []
        for stage in STAGES:
            values = np.concatenate([each[stage] for each in ran])
            text = f"{values.mean():.2f}" + (f" +- {values.std():.2f}" if len(values) > 1 else "")
            low_high = ran[0].get(f"{stage} interval")
            cells.append(f"{text + (f' [{low_high[0]:.2f}, {low_high[1]:.2f}]' if low_high else ''):<23}")
        synops = np.mean([each["synops"][0] for each in ran])
        print(f"  {method.name:<38} {'   '.join(cells)}   {'' if np.isnan(synops) else f'{synops / 1e6:.2f} M'}", flush=True)


# -- LENS's example


def example(data: Path) -> Case:
    """LENS's example: 100 + 100 frames of 80x80, the identity as ground truth."""
    workspace = Workspace(data)
    frames = [workspace.traverse("example", "davis128", name).frames(None, 1) for name in ("example-reference", "example-query")]
    return Case("example", frames[0], frames[1], np.eye(len(frames[0]), len(frames[1]), dtype=np.uint8))


def run_example(data: Path, seeds: int, skip: int) -> None:
    """The table of the guide."""
    case = example(data)
    if skip:
        case = replace(case, mask=np.arange(len(case.queries)) < skip)
        print(f"The first {skip} queries are seen, but not scored.")
    for tolerance in (1, 3):
        show_table([case], methods((10, 10)), seeds, tolerance, 2000)


def run_halves(data: Path, seeds: int) -> None:
    """Choose encoding and windows on one half of the queries, score the other, and the other way round."""
    case = example(data)
    half = len(case.queries) // 2
    grid = InputParameters(dims=(10, 10))
    settings = {
        f"{encoding}, windows {' '.join(map(str, windows))}": prototype(
            "", grid.model_copy(update={"encoding": encoding, "windows": windows})
        )
        for encoding, windows in itertools.product(("raw", "sqrt", "log"), ((1,), (1, 2), (1, 2, 4)))
    }
    halves = [
        Case("first", case.references, case.queries[:half], case.truth[:, :half]),
        Case("second", case.references, case.queries[half:], case.truth[:, half:]),
    ]
    print("Recall@1 at +-1 of single columns, all 100 places; chosen on one half of the queries, scored on the other")
    for chosen, scored in (halves, halves[::-1]):
        on = {name: np.mean(recalls(chosen, method, seeds, 1)["none"]) for name, method in settings.items()}
        best = max(on, key=lambda name: on[name])
        figure = recalls(scored, settings[best], seeds, 1)["none"]
        default = recalls(scored, prototype("", grid), seeds, 1)["none"]
        print(
            f"  chosen on the {chosen.name} half: {best} ({on[best]:.2f}); on the {scored.name}: {np.mean(figure):.2f} "
            f"+- {np.std(figure):.2f}; the defaults there: {np.mean(default):.2f} +- {np.std(default):.2f}"
        )


# -- synthetic stand-ins


def film(world: WorldParameters, drives: dict[str, TraverseConditions], places: int, queries: int) -> list[Case]:
    """Cases of one world: the first drive is the reference."""
    pair = simulate_pair(PairParameters(world=world, traverses=drives, places=places, query_places=queries))
    reference, *others = pair.traverses
    return [Case(other.name, reference.frames, other.frames, pair.ground_truth[other.name]) for other in others]


def sparse_pixels(case: Case, seed: int, keep: float) -> Case:
    """49 single pixels of a frame, with a share of their events: as a small selection on a fast car sees."""
    rng = np.random.default_rng(seed)
    cut = [rng.binomial(frames[:, 9::18, 9::18][:, :7, :7], keep).astype(np.uint8) for frames in (case.references, case.queries)]
    return Case(case.name, cut[0], cut[1], case.truth)


def faster(times: float) -> dict[str, TraverseConditions]:
    """The reference and another day at another speed."""
    names = ("reference", "other-day")
    return {name: PRESETS[name].model_copy(update={"speed_m_s": times * PRESETS[name].speed_m_s}) for name in names}


def run_stand_ins(worlds: Sequence[int], seeds: int) -> None:
    """A long route of sparse 7x7 frames, and a corridor."""
    rows = [method for method in methods((7, 7)) if "tenth" not in method.name]
    for title, cases in stand_ins(worlds).items():
        print(f"\n{title}")
        show_table(cases, rows, seeds, 1, 0)


def stand_ins(worlds: Sequence[int]) -> dict[str, list[Case]]:
    """Cases by title."""
    fast, slow = faster(1.5), faster(0.25)
    long, indoors = [], []
    for world in worlds:
        long += [sparse_pixels(case, world, 0.15) for case in film(WorldParameters(seed=world), fast, 600, 0)]
        indoors += [sparse_pixels(case, world, 1.0) for case in film(WorldParameters(seed=world, kind="corridor"), slow, 75, 84)]
    tables = {"600 places, 7x7 sparse pixels, another day": long, "75 places indoors, 7x7 pixels, another day": indoors}
    return {
        f"{title}; worlds {list(worlds)}; {np.mean([c.references.mean() for c in cases]):.1f} events a pixel and frame": cases
        for title, cases in tables.items()
    }


def run_windows(data: Path, worlds: Sequence[int], seeds: int) -> None:
    """How windows are joined."""
    if data.exists():
        print("LENS's example")
        show_table([example(data)], windows((10, 10)), seeds, 1, 2000)
    for title, cases in stand_ins(worlds).items():
        print(f"\n{title}")
        show_table(cases, windows((7, 7)), min(seeds, 2), 1, 0)


# -- speeds

SPEEDS = (0.5, 0.75, 1.0, 1.5, 2.0)
FILTERS = {
    "fixed speed, narrow": ForwardFilterParameters(speed_spread=0.48, follow_speed=False, tolerance=1),
    "fixed speed, broad": ForwardFilterParameters(speed_spread=0.9, follow_speed=False, tolerance=1),
    "follows the speed": ForwardFilterParameters(tolerance=1),
}


def run_follow(worlds: Sequence[int]) -> None:
    """Recall@1 at +-1 and expected calibration error by the query's speed over the reference's, and with stops."""
    names = [*(f"{speed:g}" for speed in SPEEDS), "1.1, stops"]
    found: dict[str, dict[str, list[tuple[float, float]]]] = {kind: {name: [] for name in names} for kind in FILTERS}
    for world in worlds:
        day, drives = PRESETS["other-day"], {"reference": PRESETS["reference"].model_copy(update={"speed_m_s": 3.0})}
        for name, speed in zip(names, SPEEDS, strict=False):
            drives[name] = day.model_copy(update={"speed_m_s": 3 * speed, "seed": 1000 * world + 7})
        stops = {"speed_m_s": 3.3, "seed": 1000 * world + 8, "stop_every_m": 40.0, "speed_variation": 0.5}
        drives[names[-1]] = day.model_copy(update=stops)
        for case in film(WorldParameters(seed=world), drives, 150, 0):
            for similarity in _answers(case, world):
                for kind, parameters in FILTERS.items():
                    wanted = ScoringParameters(sequence="filter", GT_tolerance=1, forward=parameters, resamples=0, cold_starts=0)
                    scores = score(similarity, case.truth, wanted)
                    told = scores.calibration
                    found[kind][case.name].append((scores.recall_at[1], told.expected_error if told is not None else np.nan))
    print(f"Recall@1 at +-1 (calibration error), mean over methods and worlds {list(worlds)}; by speed of query over reference")
    print(f"  {'':<20}" + "".join(f"{name:<14}" for name in names))
    for kind, by_name in found.items():
        cells = [np.mean(values, axis=0) for values in by_name.values()]
        print(f"  {kind:<20}" + "".join(f"{f'{recall:.2f} ({error:.2f})':<14}" for recall, error in cells))


def _answers(case: Case, world: int) -> list[NDArray[np.generic]]:
    """Matrices of networks and SAD, on sparse single pixels and on cells."""
    sparse, cells = (InputParameters(dims=(side, side)) for side in (7, 8))
    single = {"windows": (1,)}
    few = sparse_pixels(case, world, 0.15)
    on_few = (prototype("", sparse), prototype("", sparse.model_copy(update=single)), lens("", sparse), simple("", "sad"))
    on_cells = (prototype("", cells), prototype("", cells.model_copy(update=single)))
    chosen = [(few, method) for method in on_few] + [(case, method) for method in on_cells]
    return [method.recognise(seen.references, seen.queries, 0).similarity for seen, method in chosen]


# -- robustness

FACTORS: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "light": ("light", "Light of the query, in halvings of the reference's", (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
    "speed": ("speed_m_s", "Speed of the query over the reference's", (0.5, 1.0, 1.5, 2.0, 3.0)),
    "offset": ("lateral_offset_m", "Lateral offset of the query, m", (0.0, 0.3, 0.6, 0.9, 1.2)),
    "noise": ("noise", "Event noise of the query (reference: 1)", (1.0, 5.0, 10.0, 15.0, 20.0)),
}


def run_robustness(worlds: Sequence[int], seeds: int, out: Path | None) -> None:
    """One factor at a time: Recall@1 at +-1 of single columns, the mean over worlds and seeds."""
    grid = (8, 8)  # coarse, so that the methods have something to differ in
    names = {
        "Prototypes (default), spikes": "Prototypes",
        "Prototypes, one window, spikes": "Prototypes, one window",
        "LENS's rule, our inputs (default)": "LENS's rule",
        "SAD, whole frames": "SAD",
        "log + z-score, whole traverse": "log + z-score",
    }
    rows = [method for method in methods(grid) if method.name in names]
    curves: dict[str, dict[str, list[float]]] = {}
    for factor, (field, _, levels) in FACTORS.items():
        found: dict[str, list[list[float]]] = {method.name: [[] for _ in levels] for method in rows}
        for world in worlds:
            base = PRESETS["reference"]
            drives = {"reference": base.model_copy(update={"seed": 1000 * world})}
            for number, level in enumerate(levels):
                value = {"light": 0.5**level, "speed": base.speed_m_s * level}.get(factor, level)
                drives[f"{factor}-{number}"] = base.model_copy(update={"seed": 1000 * world + 1, field: value})
            for number, case in enumerate(film(WorldParameters(seed=world), drives, 60, 0)):
                for method in rows:
                    found[method.name][number] += recalls(case, method, seeds, 1)["none"]
        curves[factor] = {names[name]: [float(np.mean(values)) for values in each] for name, each in found.items()}
        print(f"\n{FACTORS[factor][1]}: {'  '.join(f'{level:g}' for level in levels)}")
        for name, values in curves[factor].items():
            print(f"  {name:<24} {'  '.join(f'{value:.2f}' for value in values)}", flush=True)
    if out is not None:
        write_curves(out, curves, worlds, seeds)


def write_curves(out: Path, curves: dict[str, dict[str, list[float]]], worlds: Sequence[int], seeds: int) -> None:
    """A plot a factor, and the numbers."""
    for factor, (_, label, levels) in FACTORS.items():
        low, high = min(levels), max(levels)
        axis = Axis(label, low, high, levels)
        lines = [Series(name, levels, values, markers=True) for name, values in curves[factor].items()]
        title = f"Single-frame Recall@1 at ±1, {len(worlds)} worlds"
        with replacing(out / f"networks-{factor}.svg") as part:
            part.write_text(line_plot(lines, axis, Axis("Recall@1", 0, 1, (0, 0.25, 0.5, 0.75, 1)), title), encoding="utf-8")
    levels_of = {factor: list(levels) for factor, (_, _, levels) in FACTORS.items()}
    write_json(
        out / "networks-robustness.json", {"worlds": list(worlds), "seeds": seeds, "levels": levels_of, "recall_at_1": curves}
    )


def main() -> None:
    """Measure what is asked for."""
    root = Path(os.environ.get("REVISIT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("example", "halves", "stand-ins", "windows", "follow", "robustness"))
    parser.add_argument("--data", type=Path, default=root / "data" / "lens-example", help="folder of LENS's example")
    parser.add_argument(
        "--worlds",
        type=int,
        nargs="+",
        help="seeds of the synthetic worlds (default 21 22; 51 52 for stand-ins and windows, 21 22 51 for follow)",
    )
    parser.add_argument("--seeds", type=int, default=5, help="of networks and spikes")
    parser.add_argument("--out", type=Path, help="folder for the curves (robustness)")
    parser.add_argument("--skip", type=int, default=0, help="queries of the example that are not scored, from the first on")
    given = parser.parse_args()
    if given.worlds and set(given.worlds) & set(CHOSEN_ON):
        parser.error(f"the defaults were looked at on the worlds {CHOSEN_ON}: score others")
    if given.what == "example":
        run_example(given.data, given.seeds, given.skip)
    elif given.what == "halves":
        run_halves(given.data, given.seeds)
    elif given.what == "stand-ins":
        run_stand_ins(given.worlds or (51, 52), min(given.seeds, 2))
    elif given.what == "windows":
        run_windows(given.data, given.worlds or (51, 52), given.seeds)
    elif given.what == "follow":
        run_follow(given.worlds or (21, 22, 51))
    else:
        run_robustness(given.worlds or (21, 22), min(given.seeds, 2), given.out)


if __name__ == "__main__":
    main()
