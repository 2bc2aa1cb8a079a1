"""revisit-cli convert: a recording of any readable format to AEDAT4, npz or text."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.events.convert import ConvertParameters, convert
from engine.jobs import CancelToken

_EXAMPLE = "example: revisit-cli convert walk.raw walk.aedat4 --start 10 --duration 60"


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "convert",
        help="convert a recording to AEDAT4, npz or text",
        description="Write the events of a recording to a new file, whole or not at all. The source may have any format.",
        epilog=_EXAMPLE,
        allow_abbrev=False,
    )
    parser.add_argument("recording", metavar="RECORDING", type=Path, help="the recording to read")
    parser.add_argument("target", metavar="TARGET", type=Path, help="the file to write: .aedat4, .npz, .txt or .csv")
    add_options(parser, ConvertParameters, "conversion")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    parameters: ConvertParameters = from_options(arguments, ConvertParameters)
    with console.progress():
        done = convert(arguments.recording, arguments.target, parameters, console.emit, cancel)
    console.say(f"{done.events:,} events written to {done.target} ({done.format}).")
    write_result(arguments.json, asdict(done))
