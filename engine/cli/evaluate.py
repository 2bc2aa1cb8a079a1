"""revisit-cli evaluate: recognise a query traverse with networks and baselines, and say how well."""

import argparse
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.lens_options import add_compat, add_other_modes, add_unused, refuse_other_modes, tell_unused
from engine.cli.options import add_options, from_options
from engine.compat import habits
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken
from engine.places.selection import PairSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.evaluate import Evaluation, EvaluationParameters, evaluate
from engine.recognition.forward_filter import ForwardFilterParameters
from engine.recognition.report import terminal_table, told_of_lost
from engine.recognition.results import write_evaluation
from engine.recognition.scoring import ScoringParameters
from engine.training.parameters import LensTrainingParameters

_EXAMPLES = """examples:
  revisit-cli evaluate --data_dir revisit-demo --dataset demo --camera synthetic --reference reference --query query --sad
  revisit-cli evaluate --data_dir lens/dataset --compat lens-0.1.1
  revisit-cli evaluate --methods sad,sad-pooled,correlation,patch-sad,log-zscore --tolerance 1 --sequence filter
  revisit-cli evaluate --methods mine.pth,log-zscore --gt_file by-hand_GT.npy --sequence diagonal:10 --json - | jq .methods

Without --json a report (report.html, report.json, tables, matrices, plots) is written to output/<date-time> in the workspace;
with --json only where --out says."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "evaluate",
        help="recognise a query traverse with networks and baselines, and score them",
        description="Run query frames through networks (as spikes) and baselines, match sequences, and score against the ground "
        "truth.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser, PairSelection, "traverses")
    add_options(parser, EvaluationParameters, "methods")
    add_options(parser, InputParameters, "inputs (a network's run record wins over these)")
    add_options(parser, SpikingParameters, "spikes")
    add_options(parser, ScoringParameters, "matching and scoring", skip=("seed", "compat", "forward"))
    add_options(parser, ForwardFilterParameters, "forward filter (with --sequence filter)", skip=("tolerance",))
    parser.add_argument(
        "--tolerance", dest="GT_tolerance", default=argparse.SUPPRESS, metavar="N", help="the same as --GT_tolerance (in frames)"
    )
    add_compat(parser)
    parser.add_argument("--matching", action="store_true", help="stop where there is no ground truth to score against")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the report (a new one)")
    parser.add_argument("--json", metavar="FILE", help="write the scores as JSON to FILE, or to standard output for -")
    add_other_modes(parser, no_effect=("sim_mat", "PR_curve", "nocuda"))
    add_unused(parser, LensTrainingParameters)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    refuse_other_modes(arguments)
    tell_unused(arguments, console.emit)
    pair, inputs, spiking, scoring, parameters = parameters_of(arguments)
    folder = _report_folder(arguments, pair)
    with console.progress():
        evaluation = evaluate(pair, inputs, spiking, scoring, parameters, console.emit, cancel)
    if arguments.matching and evaluation.truth is None:
        raise BadInput("There is no ground truth to match against: give gt_file, or leave matching out.")
    models = (pair, evaluation.inputs, spiking, scoring, parameters)
    settings = {type(model).__name__: model.model_dump(mode="json") for model in models}
    show(evaluation, console)
    if folder is not None:
        with console.progress():
            write_evaluation(folder, evaluation, settings, console.notices)
        console.say(f"Report: {folder}")
    write_result(arguments.json, summary(evaluation, settings, console.notices))


Models = tuple[PairSelection, InputParameters, SpikingParameters, ScoringParameters, EvaluationParameters]


def parameters_of(arguments: argparse.Namespace) -> Models:
    """The engine's parameters out of the command's options."""
    compat = arguments.compat
    forward = ForwardFilterParameters.check({name: value for name, value in vars(arguments).items() if name in _FORWARD})
    return (
        from_options(arguments, PairSelection),
        from_options(arguments, InputParameters, habits(compat, InputParameters.model_fields)),
        from_options(arguments, SpikingParameters, habits(compat, SpikingParameters.model_fields)),
        from_options(arguments, ScoringParameters, fixed={"compat": compat or "revisit", "forward": forward}),
        from_options(arguments, EvaluationParameters, habits(compat, EvaluationParameters.model_fields)),
    )


_FORWARD = set(ForwardFilterParameters.model_fields) - {"tolerance"}


def _report_folder(arguments: argparse.Namespace, pair: PairSelection) -> Path | None:
    """Where the report goes: --out, or a new folder of the workspace; with --json alone nowhere."""
    if arguments.out is not None:
        if arguments.out.exists() and not (arguments.out.is_dir() and not any(arguments.out.iterdir())):
            raise BadInput(f"{arguments.out} exists already: name a new folder with --out.")
        return Path(arguments.out)
    return None if arguments.json is not None else pair.workspace().new_output()


def show(evaluation: Evaluation, console: Console) -> None:
    """Print the scores as a table."""
    if evaluation.truth is not None:
        console.rich.print(terminal_table(evaluation.results))
        for sentence in told_of_lost(evaluation.results):
            console.say(sentence)


def summary(evaluation: Evaluation, settings: dict[str, Any], notices: list[str]) -> dict[str, Any]:
    """The result for machines: the first method's figures at the top, every method's in `methods`."""
    methods = [result.to_json() for result in evaluation.results]
    return {
        **methods[0],
        "model": None if evaluation.model is None else str(evaluation.model),
        "ground_truth": None if evaluation.gt_file is None else str(evaluation.gt_file),
        "hashes": evaluation.hashes,
        "methods": methods,
        "settings": settings,
        "notices": notices,
    }
