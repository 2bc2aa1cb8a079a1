"""revisit-cli index: make a traverse's index file from its folder."""

import argparse
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.parameters import parameter
from engine.places.index import index_of_folder, write_index
from engine.places.selection import ReferenceSelection

_EXAMPLE = "example: revisit-cli index --data_dir dataset --dataset street --camera dvxplorer --traverse monday"


class IndexParameters(ReferenceSelection):
    """Which traverse gets an index file."""

    traverse: str = parameter("example-reference", "Name of the traverse.")
    overwrite: bool = parameter(False, "Replace an index file that is there already.")


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "index",
        help="make a traverse's index file (CSV) from its folder of frames",
        description="Write <data_dir>/<traverse>.csv: the PNG frames of the traverse's folder, numbered in natural order.",
        epilog=_EXAMPLE,
        allow_abbrev=False,
    )
    add_options(parser, IndexParameters, "traverse", skip=("reference", "reference_places", "filter"))
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    parameters = from_options(arguments, IndexParameters)
    workspace = parameters.workspace()
    target = workspace.index_file(parameters.traverse)
    if target.exists() and not parameters.overwrite:
        raise BadInput(f"{target} exists already: pass --overwrite to replace it.")
    rows = index_of_folder(workspace.frames_folder(parameters.dataset, parameters.camera, parameters.traverse))
    write_index(target, rows)
    console.say(f"{len(rows)} frames listed in {target}.")
    write_result(arguments.json, {"index": str(target), "frames": len(rows)})
