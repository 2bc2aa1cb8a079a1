"""revisit-cli train: teach a network a route."""

import argparse
from typing import Any, get_args

from engine.cli.console import Console, write_result
from engine.cli.lens_options import add_compat, add_other_modes, add_unused, refuse_other_modes, tell_unused
from engine.cli.options import add_options, from_options, given
from engine.compat import habits
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Notice
from engine.networks.library import RUNS, NetworkKind
from engine.places.selection import PairSelection, ReferenceSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.scoring import ScoringParameters
from engine.training.job import TrainingOutput
from engine.training.kinds import KINDS
from engine.training.parameters import PRESETS, LensTrainingParameters
from engine.training.run import RunParameters, TrainedRun, TrainRequest, resume_run, train_runs, unfinished_run
from engine.training.runs import spread
from engine.training.validation import METRICS, RECALL_AREA, ValidationParameters

_EXAMPLES = """examples:
  revisit-cli train --data_dir revisit-demo --dataset demo --camera synthetic --reference reference
  revisit-cli train --data_dir lens/dataset --dataset brisbane --camera davis --reference sunset1 --preset Brisbane --dims 7 7
  revisit-cli train --data_dir lens/dataset --seeds 5 --validation_query example-query --no-place
  revisit-cli train --compat lens-0.1.1 --model mine.pth --seed 3

Every training is a run: a folder in the workspace's runs/ with parameters, curves and the network.
Unless --no-place the network is also put into models/, where evaluate looks for it."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train",
        help="teach a network a route",
        description="Train a network on a reference traverse; writes the network (.pth; LENS's kind is read by LENS) and its run "
        "record (.json).",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--network", choices=[name for name in get_args(NetworkKind) if name in KINDS], default="lens", help="kind of network"
    )
    add_options(parser, ReferenceSelection, "reference traverse")
    add_options(parser, InputParameters, "inputs", skip=("query_encoding",))
    add_kind_options(parser)
    parser.add_argument("--preset", choices=sorted(PRESETS), help="start from a named set of learning parameters (lens)")
    add_options(parser, ValidationParameters, "validation")
    add_options(parser, TrainingOutput, "output", skip=("overwrite", "checkpoint", "threads"))
    add_options(parser, RunParameters, "run")
    add_compat(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    add_other_modes(parser, no_effect=("train_model", "nocuda", "sim_mat", "matching", "PR_curve", "sad"))
    add_unused(parser, PairSelection, SpikingParameters, ScoringParameters)
    parser.set_defaults(run=run)


def add_kind_options(parser: argparse.ArgumentParser) -> None:
    """Add the training parameters of every kind of network; one that two kinds have is added once."""
    taken: set[str] = set(InputParameters.model_fields)
    for kind in KINDS.values():
        fields = set(kind.parameters.model_fields)
        if fields - taken:
            add_options(parser, kind.parameters, f"learning ({kind.name})", skip=fields & taken)
        taken |= fields


def training_of(arguments: argparse.Namespace, console: Console) -> Any:
    """The training parameters of the chosen kind, over its preset and the habits of --compat; others are told of."""
    kind = KINDS[arguments.network]
    others = {name for other in KINDS.values() if other is not kind for name in given(arguments, other.parameters)}
    useless = sorted(others - set(kind.parameters.model_fields) - set(InputParameters.model_fields))
    if useless:
        console.emit(Notice(f"{', '.join('--' + name for name in useless)}: of no use to a network of the kind {kind.name}."))
    preset: dict[str, Any] = {}
    if arguments.preset:
        if arguments.preset not in kind.presets:
            raise BadInput(f"The preset {arguments.preset} belongs to another kind of network: leave --preset out.")
        preset = kind.presets[arguments.preset].model_dump()
    return from_options(arguments, kind.parameters, {**preset, **habits(arguments.compat, kind.parameters.model_fields)})


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    refuse_other_modes(arguments)
    tell_unused(arguments, console.emit)
    training = training_of(arguments, console)
    output = from_options(arguments, TrainingOutput)
    request = TrainRequest(
        selection=from_options(arguments, ReferenceSelection),
        kind=arguments.network,
        inputs=from_options(arguments, InputParameters, habits(arguments.compat, InputParameters.model_fields)),
        training=training,
        validation=from_options(arguments, ValidationParameters),
        run=from_options(arguments, RunParameters, {"place": True}),
        compat=arguments.compat,
        model=output.model,
    )
    with console.progress():
        done = [_resume(request, console, cancel)] if output.resume else train_runs(request, console.emit, cancel)
    first = done[0]
    network = first.network
    layers = f"{network.inputs} inputs, " + (f"{network.features} features, " if hasattr(network, "features") else "")
    for one in done:
        console.say(f"Trained {layers}{network.places} places in {one.seconds:.2f} s: {one.path}")
    figures = {name: spread(values) for name in METRICS if (values := _values(done, name))}
    if figures.get(RECALL_AREA):
        told = ", ".join(f"{name} {found.text}" for name, found in figures.items() if found is not None)
        console.say(f"On {request.validation.validation_query}: {told}.")
    result = {
        "model": str(first.path),
        "seconds": first.seconds,
        "record": first.record.model_dump(mode="json"),
        "runs": [
            {"run": str(one.run.folder), "seed": one.run.info.seed, "seconds": one.seconds, "scores": one.run.info.scores}
            for one in done
        ],
        "spread": {
            name: {"mean": found.mean, "deviation": found.deviation if found.count > 1 else None, "count": found.count}
            for name, found in figures.items()
            if found is not None
        },
        "notices": console.notices,
    }
    if isinstance(training, LensTrainingParameters):
        result["steps"] = network.places * (training.epoch_feat + training.epoch_out)
    write_result(arguments.json, result)


def _values(done: list[TrainedRun], name: str) -> list[float]:
    return [one.run.info.scores[name] for one in done if name in one.run.info.scores]


def _resume(request: TrainRequest, console: Console, cancel: CancelToken) -> TrainedRun:
    """Go on with the run that was to make the network that these options name."""
    workspace = request.selection.workspace()
    target = request.model
    if target is None:
        places = len(
            workspace.traverse(request.selection.dataset, request.selection.camera, request.selection.reference).rows_used(
                request.selection.reference_places, request.selection.filter
            )
        )
        kind = KINDS[request.kind]
        size = request.inputs.for_kind(request.kind).inputs
        features = kind.features(size, request.training)
        target = workspace.models / kind.file_name(request.selection.reference, size, features, places)
    found = unfinished_run(workspace, target, (target.absolute().parent / RUNS,))
    if found is None:
        raise BadInput(f"There is no unfinished run for {target} to go on with: train without resume.")
    if request.training is not None and found.info.training != request.training.model_dump(mode="json"):
        raise BadInput(f"The unfinished run {found.info.name} has other parameters: give them, or train without resume.")
    return resume_run(workspace, found.folder, console.emit, cancel, run_parameters=request.run)
