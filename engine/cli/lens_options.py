"""LENS's options that choose a mode of its own: taken by name, and answered where Revisit does it otherwise."""

import argparse
from collections.abc import Iterable
from typing import get_args

from engine.cli.options import option_shape
from engine.compat import Compat
from engine.errors import BadInput
from engine.jobs import Emit, Notice
from engine.parameters import Parameters

_OTHER_MODES = {
    "train_model": "train with `revisit-cli train`",
    "collect_data": "collecting data from a camera is not part of this command",
    "event_driven": "run on a live camera or a chip with `revisit-cli deploy --event_driven`",
    "simulated_speck": "stream recorded frames through a chip with `revisit-cli deploy --simulated_speck`",
    "headless": "it belongs to running on a Speck: `revisit-cli deploy` opens no window",
    "save_input": "it belongs to running on a Speck: `revisit-cli deploy --session DIR` keeps the events",
    "demo": "run `revisit-cli demo`",
}


def add_compat(parser: argparse.ArgumentParser) -> None:
    """Add --compat."""
    parser.add_argument(
        "--compat",
        choices=get_args(Compat),
        help="take that LENS version's habits (selected pixel, encoding of queries, threshold rule, random field, scoring, ties) "
        "to reproduce its figures; an option that you give yourself wins",
    )


def add_other_modes(parser: argparse.ArgumentParser, no_effect: Iterable[str] = ()) -> None:
    """Take LENS's mode flags: those in `no_effect` for nothing, the others to be refused by refuse_other_modes."""
    for name in no_effect:
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    for name in _OTHER_MODES.keys() - set(no_effect):
        parser.add_argument(f"--{name}", action="store_true", dest=f"mode_{name}", help=argparse.SUPPRESS)
    parser.add_argument("--data_name", dest="mode_data_name", help=argparse.SUPPRESS)


def add_unused(parser: argparse.ArgumentParser, *models: type[Parameters]) -> None:
    """Take the options of LENS's other half for nothing: LENS has one command, and its users one list of options."""
    taken = {action.dest for action in parser._actions}
    for model in models:
        for name, field in model.model_fields.items():
            if name not in taken:
                shape = option_shape(field.annotation)
                parser.add_argument(f"--{name}", dest=f"unused_{name}", default=None, help=argparse.SUPPRESS, **shape)
                taken.add(name)


def tell_unused(arguments: argparse.Namespace, emit: Emit) -> None:
    """Say which of the given options this command has no use for."""
    names = [name for name, value in vars(arguments).items() if name.startswith("unused_") and value is not None]
    if names:
        text = ", ".join(f"--{name.removeprefix('unused_')}" for name in sorted(names))
        emit(Notice(f"{text}: of no use to this command."))


def refuse_other_modes(arguments: argparse.Namespace) -> None:
    """Say where a LENS mode is to be found.

    Raises:
        BadInput: such a flag was given.
    """
    for name, answer in {**_OTHER_MODES, "data_name": _OTHER_MODES["collect_data"]}.items():
        if getattr(arguments, f"mode_{name}", None):
            raise BadInput(f"--{name}: {answer}.")
