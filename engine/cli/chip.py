"""revisit-cli chip: which Speck boards there are, and whether a network fits the chip."""

import argparse
from pathlib import Path
from typing import Any

from engine.chip.check import ChipCheck, LayerCheck, check_model, check_network
from engine.chip.quantise import ChipParameters, QuantisedNetwork, quantise
from engine.chip.speck import DRIVER_SENTENCE, KITS, NO_DRIVER, attached_kits, driver_state, load_driver
from engine.chip.target import TargetFailed
from engine.cli.console import Console, write_result
from engine.cli.lens_options import add_compat
from engine.cli.options import add_options, from_options
from engine.compat import habits
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Notice
from engine.networks.open import open_network
from engine.networks.record import read_record
from engine.places.selection import PairSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.run_network import settled_inputs
from engine.recognition.scores import ScoringParameters

_EXAMPLES = """examples:
  revisit-cli chip check --model models/monday_LENS_IN100_FN200_DB100.pth --json -
  revisit-cli chip check --dims 7 7 --features 63 --places 641
  revisit-cli chip check --model m.pth --recall --data_dir work --dataset street --camera dvs --reference monday --query tuesday
  revisit-cli chip list"""
_DRIVER = {
    "installed": "The driver samna is installed.",
    "installer": "Of the driver samna only the installer is here: it downloads the driver when it is first imported.",
    "missing": NO_DRIVER,
}


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "chip",
        help="list Speck boards, or check whether a network fits the chip",
        description="The Speck chip: its boards, and a network against its limits, core by core.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")
    boards = actions.add_parser(
        "list",
        help="the boards that can be used, and those attached",
        description="List the kinds of board that can be used and say whether their driver is here; with --import_driver, the "
        "boards that are attached too. Without it nothing is imported or downloaded.",
        allow_abbrev=False,
    )
    boards.add_argument(
        "--import_driver",
        action="store_true",
        help="import the driver samna to look for attached boards; where only its installer is there, this downloads it",
    )
    check = actions.add_parser(
        "check",
        help="a network against the chip's limits, core by core",
        description="Check a network, or sizes alone before anything is trained. That it does not fit is a result, not an error.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    check.add_argument("--model", type=Path, help="file of the network (.pth)")
    check.add_argument("--places", type=int, metavar="N", help="without a model: number of places")
    check.add_argument(
        "--features", type=int, metavar="N", help="without a model: feature neurons; 0 for a network of one layer (prototypes)"
    )
    add_options(check, InputParameters, "inputs (a network's run record wins over these)")
    add_options(check, ChipParameters, "the chip's integers")
    recall = check.add_argument_group("recall lost")
    recall.add_argument(
        "--recall",
        action="store_true",
        help="run a query traverse through the network before and after quantising, and score both",
    )
    add_options(check, PairSelection, "traverses for --recall")
    add_options(check, SpikingParameters, "spikes for --recall")
    add_options(check, ScoringParameters, "matching and scoring for --recall", skip=("compat", "seed", "forward"))
    add_compat(check)
    for action in (boards, check):
        action.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    boards.set_defaults(run=run_list)
    check.set_defaults(run=run_check)


def run_list(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run `chip list`."""
    state = driver_state()
    attached = None
    sentence = _DRIVER[state]
    if arguments.import_driver:
        if state == "installer":
            console.say(DRIVER_SENTENCE.removesuffix(" Go on?"))
        try:
            attached = [{"id": kit.id, "name": kit.name} for kit in attached_kits(load_driver(lambda sentence: True))]
        except TargetFailed as error:
            raise BadInput(str(error)) from None
        sentence = "Attached: " + ", ".join(f"{kit['name']} ({kit['id']})" for kit in attached) + "." if attached else _NONE
    console.say("Boards that can be used: " + ", ".join(f"{kit.name} ({kit.id})" for kit in KITS) + ".")
    console.say(sentence)
    if attached is None and state != "missing":
        console.say("Pass --import_driver to look for boards that are attached.")
    kits = [{"id": kit.id, "name": kit.name, "device_type": kit.device_type} for kit in KITS]
    write_result(arguments.json, {"kits": kits, "driver": state, "attached": attached, "sentence": sentence})


_NONE = "No Speck board is attached; the virtual chip needs none."


def run_check(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run `chip check`."""
    parameters = from_options(arguments, ChipParameters)
    asked = from_options(arguments, InputParameters, habits(arguments.compat, InputParameters.model_fields))
    if arguments.model is None:
        check, quantised = _sizes(arguments, asked), None
        result: dict[str, Any] = check.as_json()
    else:
        if arguments.places is not None or arguments.features is not None:
            raise BadInput("places and features are the model's own: leave them out, or leave model out.")
        network = open_network(arguments.model)
        inputs = settled_inputs(network, read_record(arguments.model), asked, arguments.model.name, console.emit)
        check, quantised = _network(network, inputs, parameters, console)
        result = {**check.as_json(), "model": str(arguments.model), "dims": list(inputs.dims)}
        if quantised is not None:
            result["quantised"] = quantised.as_json()
        if arguments.recall:
            result["recall"] = _recall(arguments, network, inputs, parameters, console, cancel)
    _show(check, quantised, console)
    write_result(arguments.json, {**result, "notices": console.notices})


def _sizes(arguments: argparse.Namespace, inputs: InputParameters) -> ChipCheck:
    if arguments.places is None or arguments.features is None:
        raise BadInput("Give a model, or sizes: places, and features (0 for a network of one layer).")
    if arguments.recall:
        raise BadInput("recall needs a model: give one, or leave recall out.")
    if arguments.places < 1 or arguments.features < 0:
        raise BadInput("places must be at least 1, and features at least 0.")
    return check_network(inputs, arguments.features or None, arguments.places)


def _network(
    network: Any, inputs: InputParameters, parameters: ChipParameters, console: Console
) -> tuple[ChipCheck, QuantisedNetwork | None]:
    """The check of a network, and its integers where its layers can be made at all."""
    check = check_model(network, inputs)
    try:
        return check, quantise(network, inputs, parameters)
    except BadInput as error:
        if check.fits:  # the sizes fit, but its numbers cannot be the chip's
            console.emit(Notice(str(error), "warning"))
        return check, None


def _recall(
    arguments: argparse.Namespace,
    network: Any,
    inputs: InputParameters,
    parameters: ChipParameters,
    console: Console,
    cancel: CancelToken,
) -> dict[str, Any]:
    from engine.chip.recall import recall_lost
    from engine.places.ground_truth import load_ground_truth

    pair = from_options(arguments, PairSelection)
    workspace = pair.workspace()
    reference = workspace.traverse(pair.dataset, pair.camera, pair.reference)
    query = workspace.traverse(pair.dataset, pair.camera, pair.query)
    places, queries = (
        len(reference.rows_used(pair.reference_places, pair.filter)),
        len(query.rows_used(pair.query_places, pair.filter)),
    )
    path = workspace.ground_truth_file(pair.dataset, pair.camera, pair.reference, pair.query)
    if not path.exists():
        raise BadInput(f"{path} is not there: recall needs a ground truth to score against.")
    truth = load_ground_truth(path, (len(reference), places), (len(query), queries), pair.filter)
    with console.progress():
        frames = query.frames_for_job(pair.query_places, pair.filter, console.emit, cancel)
        lost = recall_lost(
            network,
            frames,
            truth.matrix,
            inputs,
            from_options(arguments, SpikingParameters, habits(arguments.compat, SpikingParameters.model_fields)),
            from_options(arguments, ScoringParameters, fixed={"compat": arguments.compat or "revisit"}),
            parameters,
            console.emit,
            cancel,
        )
    before, after = lost.recall_at_1
    console.say(
        f"Recall@1 over {lost.before.queries} queries: {before:.3f} as trained, {after:.3f} in the chip's integers "
        f"({lost.before.parameters.matching}, tolerance {lost.before.parameters.tolerance})."
    )
    return {
        "queries": lost.before.queries,
        "recall_at_before": {str(key): value for key, value in lost.before.recall_at.items()},
        "recall_at_after": {str(key): value for key, value in lost.after.recall_at.items()},
        "auc_pr_before": lost.before.auc_pr,
        "auc_pr_after": lost.after.auc_pr,
        "past_16_bits": lost.past_16_bits,
    }


def _show(check: ChipCheck, quantised: QuantisedNetwork | None, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, head in enumerate(("layer", "core", "neurons", "fan-in", "weights (KB)", "states (K)")):
        table.add_column(head, justify="left" if number == 0 else "right", no_wrap=True)
    for layer in check.layers:
        table.add_row(*_row(layer), style="" if layer.fits else "red")
    if check.layers:
        console.rich.print(table)
    console.say(check.sentence, "" if check.fits else "yellow")
    for note in check.notes:
        console.say(note)
    for made in quantised.layers[1:] if quantised is not None else ():
        console.say(
            f"In the chip's integers, the {made.shape.name}: {made.scale:.4g} a unit, threshold {made.threshold}, "
            f"{made.clipped:.2%} of the weights clipped, {made.lost:.1%} become 0."
        )


def _row(layer: LayerCheck) -> tuple[str, ...]:
    return (
        layer.layer,
        str(layer.core) if layer.fits else "none",
        f"{layer.neurons:,}",
        f"{layer.fan_in:,}",
        f"{layer.kernel_words / 1024:.1f} of {layer.kernel_available // 1024}",
        f"{layer.neuron_words / 1024:.1f} of {layer.neuron_available // 1024}",
    )
