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
from engine.places.selection import PairSelection, TrainingSelection
from engine.places.several import open_several
from engine.places.workspace import Workspace
from engine.recognition.encoding import SpikingParameters
from engine.recognition.scoring import ScoringParameters
from engine.training.job import TrainingOutput
from engine.training.kinds import KINDS
from engine.training.parameters import LensTrainingParameters
from engine.training.presets import preset_named
from engine.training.run import RunParameters, TrainedRun, TrainRequest, resume_run, train_runs, unfinished_run
from engine.training.runs import spread
from engine.training.validation import METRICS, RECALL_AREA, ValidationParameters

_EXAMPLES = """examples:
  revisit-cli train --data_dir revisit-demo --dataset demo --camera synthetic --reference reference
  revisit-cli train --data_dir lens/dataset --dataset brisbane --camera davis --reference sunset1 --preset Brisbane --dims 7 7
  revisit-cli train --data_dir lens/dataset --seeds 5 --validation_query example-query --no-place
  revisit-cli train --compat lens-0.1.1 --model mine.pth --seed 3
  revisit-cli train --network prototype --reference day --reference dusk     # the same route twice: two looks at each place
  revisit-cli train --network prototype --reference hall yard --route after  # one after another: the places of both
  revisit-cli train --preset "my settings"                                   # as they were saved in the Training panel

Every training is a run: a folder in the workspace's runs/ with parameters, curves and the network.
Unless --no-place the network is also put into models/, where evaluate looks for it."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train",
        help="teach a network a route",
        description="Train a network on one reference traverse or several; writes the network (.pth; LENS's kind is read by "
        "LENS) and its run record (.json).",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--network", choices=[name for name in get_args(NetworkKind) if name in KINDS], default="lens", help="kind of network"
    )
    add_references(parser)
    add_options(parser, InputParameters, "inputs", skip=("query_encoding",))
    add_kind_options(parser)
    add_preset(parser)
    add_options(parser, ValidationParameters, "validation")
    add_options(parser, TrainingOutput, "output", skip=("overwrite", "checkpoint", "threads"))
    add_options(parser, RunParameters, "run")
    add_compat(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    add_other_modes(parser, no_effect=("train_model", "nocuda", "sim_mat", "matching", "PR_curve", "sad"))
    add_unused(parser, PairSelection, SpikingParameters, ScoringParameters)
    parser.set_defaults(run=run)


def add_references(parser: argparse.ArgumentParser) -> None:
    """Add the options of the reference traverses; --reference may be given several times, or with several names."""
    add_options(parser, TrainingSelection, "reference traverses", skip=("reference",))
    field = TrainingSelection.model_fields["reference"]
    parser.add_argument(
        "--reference",
        nargs="+",
        action="extend",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help=f"Name of the reference traverse (default {field.get_default()}); given again, or with several names: further ones",
    )


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Add --preset."""
    brought = ", ".join(sorted({name for kind in KINDS.values() for name in kind.presets}))
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help=f"start from a named set of learning parameters: {brought}, or one of your own that the Training panel keeps in the "
        "workspace (which also has its inputs)",
    )


def add_kind_options(parser: argparse.ArgumentParser) -> None:
    """Add the training parameters of every kind of network; one that two kinds have is added once."""
    taken: set[str] = set(InputParameters.model_fields)
    for kind in KINDS.values():
        fields = set(kind.parameters.model_fields)
        if fields - taken:
            add_options(parser, kind.parameters, f"learning ({kind.name})", skip=fields & taken)
        taken |= fields


def settings_of(arguments: argparse.Namespace, console: Console, workspace: Workspace | None) -> tuple[InputParameters, Any]:
    """Inputs and training parameters of the chosen kind, over its preset and the habits of --compat; others are told of.

    Raises:
        BadInput: there is no such preset, or a value is wrong.
    """
    kind = KINDS[arguments.network]
    others = {name for other in KINDS.values() if other is not kind for name in given(arguments, other.parameters)}
    useless = sorted(others - set(kind.parameters.model_fields) - set(InputParameters.model_fields))
    if useless:
        console.emit(Notice(f"{', '.join('--' + name for name in useless)}: of no use to a network of the kind {kind.name}."))
    inputs: dict[str, Any] = {}
    preset: dict[str, Any] = {}
    if arguments.preset:
        chosen = preset_named(arguments.preset, kind.name, workspace)
        preset = chosen.training.model_dump()
        if chosen.path is not None:  # those that Revisit brings are of learning alone, as in LENS
            inputs = {name: value for name, value in chosen.inputs.items() if name != "roi_dim"}
    return (
        from_options(arguments, InputParameters, {**inputs, **habits(arguments.compat, InputParameters.model_fields)}),
        from_options(arguments, kind.parameters, {**preset, **habits(arguments.compat, kind.parameters.model_fields)}),
    )


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    refuse_other_modes(arguments)
    tell_unused(arguments, console.emit)
    selection = from_options(arguments, TrainingSelection)
    inputs, training = settings_of(arguments, console, selection.workspace() if arguments.preset else None)
    output = from_options(arguments, TrainingOutput)
    request = TrainRequest(
        selection=selection,
        kind=arguments.network,
        inputs=inputs,
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
        result["steps"] = (first.run.info.samples or network.places) * (training.epoch_feat + training.epoch_out)
    write_result(arguments.json, result)


def _values(done: list[TrainedRun], name: str) -> list[float]:
    return [one.run.info.scores[name] for one in done if name in one.run.info.scores]


def _resume(request: TrainRequest, console: Console, cancel: CancelToken) -> TrainedRun:
    """Go on with the run that was to make the network that these options name."""
    workspace = request.selection.workspace()
    target, kind = request.model, KINDS[request.kind]
    if target is None:
        places = open_several(request.selection, cancel=cancel).places
        settled = request.inputs.for_kind(request.kind)
        features = kind.features(settled, request.training)
        target = workspace.models / kind.file_name(request.selection.label, settled.inputs, features, places)
    found = unfinished_run(workspace, target, (target.absolute().parent / RUNS,))
    if found is None:
        raise BadInput(f"There is no unfinished run for {target} to go on with: train without resume.")
    if request.training is not None and kind.parameters.read(found.info.training, str(found.folder)) != request.training:
        raise BadInput(f"The unfinished run {found.info.name} has other parameters: give them, or train without resume.")
    return resume_run(workspace, found.folder, console.emit, cancel, run_parameters=request.run)
