"""revisit-cli places: add, remove and merge places of a prototype network."""

import argparse
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.jobs import CancelToken
from engine.training.edit_map import MapEditParameters, edit_map

_EXAMPLES = """examples:
  revisit-cli places --model day.pth --merge night.pth --gt_file day_night_GT.npy --out both.pth
  revisit-cli places --model route.pth --add door.png desk.png --remove 17 --out more.pth"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "places",
        help="add, remove and merge places of a prototype network",
        description="Change a prototype network without training it again; places that stay answer as before.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser, MapEditParameters, "changes")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    parameters = from_options(arguments, MapEditParameters)
    with console.progress():
        edited = edit_map(parameters, console.emit, cancel)
    console.say(f"{edited.places} places, {edited.neurons} neurons: {edited.path}")
    write_result(
        arguments.json,
        {
            "model": str(edited.path),
            "places": edited.places,
            "neurons": edited.neurons,
            "merged": edited.merged,
            "added": list(edited.added),
            "removed": edited.removed,
            "notices": console.notices,
        },
    )
