"""revisit-cli demo: the whole way on a synthetic street."""

import argparse
import time
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.evaluate import show, summary
from engine.jobs import CancelToken
from engine.recognition.evaluate import Evaluation
from engine.recognition.report import scored


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="film a synthetic street twice, learn it, recognise it, report",
        description="Simulate two drives along one street with an event camera, train LENS on the first, recognise the second, "
        "and compare with SAD. Writes a whole workspace; one that is there already keeps its drives.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--out", type=Path, default=Path("revisit-demo"), metavar="DIR", help="the workspace (default revisit-demo)"
    )
    parser.add_argument("--seed", metavar="N", help="seed of training and of the spikes (default 0; the drives stay the same)")
    parser.add_argument("--json", metavar="FILE", help="write the scores as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    from engine.demo import demo_parameters, run_demo

    begun = time.perf_counter()
    parameters = demo_parameters()
    if arguments.seed is not None:
        training = parameters.training.check({**parameters.training.model_dump(), "seed": arguments.seed})
        spiking = parameters.spiking.check({**parameters.spiking.model_dump(), "seed": arguments.seed})
        parameters = parameters.model_copy(update={"training": training, "spiking": spiking})
    with console.progress():
        result = run_demo(arguments.out, parameters, console.emit, cancel)
    show(result.evaluation, console)
    console.say(verdict(result.evaluation))
    console.say(f"Workspace: {arguments.out}   Report: {result.report}   ({time.perf_counter() - begun:.0f} s in all)")
    write_result(arguments.json, summary(result.evaluation, parameters.model_dump(mode="json"), console.notices))


def verdict(evaluation: Evaluation) -> str:
    """Say in words how the network compares with SAD, whichever way it went."""
    (network, ours), (baseline, theirs) = scored(evaluation.results)[:2]
    mine, other = ours.recall_at[1], theirs.recall_at[1]
    text = f"Recall@1 at ±{ours.parameters.GT_tolerance}: {network.name} {mine:.2f}, {baseline.name} {other:.2f}"
    if ours.intervals is not None and theirs.intervals is not None:
        (low, high), (their_low, their_high) = ours.intervals.recall_at[1], theirs.intervals.recall_at[1]
        if low <= their_high and their_low <= high:
            return f"{text}: their 95 % intervals overlap, so {ours.queries} queries cannot tell which is better."
    if mine > other:
        return f"{text}: the network is better."
    rows, columns = evaluation.inputs.roi_dim or evaluation.inputs.dims
    return (
        f"{text}: SAD is better. It compares all {rows * columns} pixels of every pair of frames; the network sees "
        f"{evaluation.inputs.inputs} values of each frame and answers in spikes."
    )
