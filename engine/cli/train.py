"""revisit-cli train: teach a network a route."""

import argparse
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.lens_options import add_compat, add_other_modes, add_unused, refuse_other_modes, tell_unused
from engine.cli.options import add_options, from_options
from engine.compat import habits
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken
from engine.places.selection import PairSelection, ReferenceSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.scoring import ScoringParameters
from engine.training.job import TrainingOutput, train_network
from engine.training.parameters import PRESETS, LensTrainingParameters

_EXAMPLES = """examples:
  revisit-cli train --data_dir revisit-demo --dataset demo --camera synthetic --reference reference
  revisit-cli train --data_dir lens/dataset --dataset brisbane --camera davis --reference sunset1 --preset Brisbane --dims 7 7
  revisit-cli train --compat lens-0.1.1 --model mine.pth --seed 3"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train",
        help="teach a network a route",
        description="Train LENS on a reference traverse; writes the network (.pth, which LENS reads) and its run record (.json).",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser, ReferenceSelection, "reference traverse")
    add_options(parser, InputParameters, "inputs", skip=("query_encoding",))
    add_options(parser, LensTrainingParameters, "learning")
    parser.add_argument("--preset", choices=sorted(PRESETS), help="start from a named set of learning parameters")
    add_options(parser, TrainingOutput, "output")
    add_compat(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    add_other_modes(parser, no_effect=("train_model", "nocuda", "sim_mat", "matching", "PR_curve", "sad"))
    add_unused(parser, PairSelection, SpikingParameters, ScoringParameters)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    refuse_other_modes(arguments)
    tell_unused(arguments, console.emit)
    preset = PRESETS[arguments.preset].model_dump() if arguments.preset else {}
    selection = from_options(arguments, ReferenceSelection)
    inputs = from_options(arguments, InputParameters, habits(arguments.compat, InputParameters.model_fields))
    learning = {**preset, **habits(arguments.compat, LensTrainingParameters.model_fields)}
    training = from_options(arguments, LensTrainingParameters, learning)
    output = from_options(arguments, TrainingOutput)
    with console.progress():
        trained = train_network(selection, inputs, training, output, console.emit, cancel, arguments.compat)
    network = trained.network
    console.say(
        f"Trained {network.inputs} inputs, {network.features} features, {network.places} places "
        f"in {trained.seconds:.2f} s: {trained.path}"
    )
    write_result(
        arguments.json,
        {
            "model": str(trained.path),
            "seconds": trained.seconds,
            "steps": network.places * (training.epoch_feat + training.epoch_out),
            "record": trained.record.model_dump(mode="json"),
            "notices": console.notices,
        },
    )
