"""revisit-cli sweep: search for the parameters that recognise a query best, here or together with other machines."""

import argparse
from typing import Any, get_args

from engine.cli.console import Console, write_result
from engine.cli.lens_options import add_compat
from engine.cli.options import add_options, from_options
from engine.cli.train import add_kind_options, add_preset, add_references, settings_of
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken
from engine.networks.library import NetworkKind
from engine.places.selection import ReferenceSelection, TrainingSelection
from engine.places.workspace import Workspace
from engine.training.kinds import KINDS
from engine.training.run import TrainRequest, train_runs
from engine.training.sweep import SweepParameters, begin_sweep, request_for, run_sweep, spec_of
from engine.training.sweep_space import SweepChoice, read_varied, shown, variables
from engine.training.sweep_study import SweepSpec, SweepState, shown_url, storage_url, sweep_spec
from engine.training.validation import ValidationParameters

_EXAMPLES = """examples:
  revisit-cli sweep --data_dir lens/dataset --reference example-reference --validation_query example-query --trials 100
  revisit-cli sweep ... --vary fire_l_feat=.1:.49 stdp_rate_feat=.001:.1:log --best_run
  revisit-cli sweep --network prototype ... --vary encoding=raw,sqrt,log "windows=1,1 2,1 2 4" normalise readout
  revisit-cli sweep --storage mysql://lab@server/sweeps --study night --data_dir lens/dataset --trials 500    # join one

A study that is there already is joined: what it is about is kept in it, and the options that describe a new one are passed over.
--vary takes numbers with a range, and choices (dims, encoding, windows ...) with some of their values or, by name alone, all.
Without --vary LENS's own ranges are searched. No account is needed anywhere."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "sweep",
        help="search for the best training parameters",
        description="Train networks with different parameters, one process a core, and judge each on a query traverse.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--network", choices=[name for name in get_args(NetworkKind) if name in KINDS], default="lens", help="kind of network"
    )
    add_options(parser, SweepParameters, "sweep")
    parser.add_argument(
        "--vary",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=LOW:HIGH[:log]|NAME[=VALUE,VALUE...]",
        help="parameters to vary, of the learning or the inputs: numbers within a range; choices among values, or (the name "
        f"alone) all: {_choices()}",
    )
    parser.add_argument("--best_run", action="store_true", help="train the best trial's network as a run at the end")
    add_references(parser)
    add_options(parser, ValidationParameters, "what the networks are judged on", skip=("validate_every",))
    add_options(parser, InputParameters, "inputs", skip=("query_encoding",))
    add_kind_options(parser)
    add_preset(parser)
    add_compat(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    parameters = from_options(arguments, SweepParameters)
    selection = from_options(arguments, TrainingSelection)
    workspace = selection.workspace()
    url = storage_url(parameters.storage, workspace)
    spec = sweep_spec(url, parameters.study)
    if spec is None:
        new = _new(arguments, console, selection, parameters)
        console.say(f"Begins the study {parameters.study} in {shown_url(url)}.")
        with console.progress():
            state = begin_sweep(url, parameters, new, workspace, console.emit, cancel)
    else:
        console.say(f"Joined the study {parameters.study} in {shown_url(url)}: it says what is varied and on which traverses.")
        with console.progress():
            state = run_sweep(url, parameters, workspace, console.emit, cancel)
    _show(state, console)
    result = as_json(state)
    if arguments.best_run:
        result["run"] = _best_run(state, workspace, console, cancel)
    write_result(arguments.json, {**result, "notices": console.notices})


def _new(
    arguments: argparse.Namespace, console: Console, selection: ReferenceSelection, parameters: SweepParameters
) -> SweepSpec:
    inputs, training = settings_of(arguments, console, selection.workspace() if arguments.preset else None)
    request = TrainRequest(
        selection=selection,
        kind=arguments.network,
        inputs=inputs,
        training=training,
        validation=from_options(arguments, ValidationParameters),
        compat=arguments.compat,
    )
    varied = read_varied(request.kind, arguments.vary) or dict(KINDS[request.kind].sweeps)
    return spec_of(request, parameters, varied)


def _choices() -> str:
    """Names of what can be chosen, whatever the kind of network."""
    names = {v.name: None for kind in KINDS for v in variables(kind).values() if isinstance(v.usual, SweepChoice)}
    return ", ".join(names)


def _best_run(state: SweepState, workspace: Workspace, console: Console, cancel: CancelToken) -> str:
    with console.progress():
        done = train_runs(request_for(state, workspace), console.emit, cancel)
    console.say(f"Trained the best trial's network: {done[0].path}")
    return str(done[0].run.folder)


def _show(state: SweepState, console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"{state.study}: {state.spec.objective} on {state.spec.validation.validation_query}")
    names = list(state.spec.varied)
    for column in ("trial", state.spec.objective, *names):
        table.add_column(column, justify="right")
    done = sorted((t for t in state.trials if t.state == "done"), key=lambda trial: -(trial.value or 0.0))
    for trial in done[:10]:
        table.add_row(str(trial.number), f"{trial.value:.3f}", *(shown(trial.chosen[name]) for name in names))
    console.rich.print(table)
    for state_name in ("pruned", "failed", "running"):
        count = sum(trial.state == state_name for trial in state.trials)
        if count:
            console.say(f"{count} trials {state_name}.")
    for name, share in sorted(state.importance.items(), key=lambda item: -item[1]):
        console.say(f"  importance of {name}: {share:.2f}")


def as_json(state: SweepState) -> dict[str, Any]:
    """A study for machines."""
    best = state.best
    return {
        "study": state.study,
        "storage": shown_url(state.storage),
        "tuned_on": state.spec.validation.validation_query,
        "objective": state.spec.objective,
        "best": None if best is None else {"trial": best.number, "value": best.value, **best.chosen, "figures": best.figures},
        "importance": state.importance,
        "trials": [
            {
                "number": trial.number,
                "state": trial.state,
                "value": trial.value,
                "chosen": trial.chosen,
                "values": list(trial.values),
                "seconds": trial.seconds,
                "worker": trial.worker,
                "problem": trial.problem,
            }
            for trial in state.trials
        ],
    }
