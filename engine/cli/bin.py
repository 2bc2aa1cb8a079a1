"""revisit-cli bin: make traverses out of recordings."""

import argparse
from pathlib import Path
from typing import Any, Literal

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.errors import BadInput
from engine.events.filters import KINDS, FilterParameters, parse_filter
from engine.frames.binning import BinningParameters
from engine.frames.make_traverse import TraverseParameters, check_before, check_name, make_traverse
from engine.jobs import CancelToken
from engine.parameters import Parameters, parameter

_EXAMPLES = f"""examples:
  revisit-cli bin monday.aedat4 tuesday.aedat4 --dataset street --camera dvxplorer --window_ms 500 --roi 45 2 256 256
  revisit-cli bin walk.raw --find_hot_pixels --filter background_activity:window_ms=5 --filter refractory --events_per_pixel 75

filters, in order, each with its parameters as name=value (a list's parts with /):
  {", ".join(KINDS)}"""


class RecordingOptions(Parameters):
    """How recordings are read."""

    size: tuple[int, int] | None = parameter(
        None, "Width and height of the sensor, for recordings that do not say it.", unit="pixels"
    )
    order: Literal["error", "sort", "drop"] = parameter("sort", "What happens to events out of order.")


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "bin",
        help="make traverses (PNG frames, traverse.json, index) out of recordings",
        description="Filter the events of recordings, bin them into event frames, and write each recording as a traverse.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING", help="a recording of any format that is read")
    parser.add_argument(
        "--traverse",
        action="append",
        default=[],
        metavar="NAME",
        help="name of the traverse, one a recording (default: the file's)",
    )
    parser.add_argument(
        "--filter", action="append", default=[], metavar="KIND[:NAME=VALUE,...]", help="an event filter; repeat for a chain"
    )
    add_options(parser, TraverseParameters, "traverses")
    add_options(parser, BinningParameters, "binning")
    add_options(parser, RecordingOptions, "recordings")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    parameters: TraverseParameters = from_options(arguments, TraverseParameters)
    binning: BinningParameters = from_options(arguments, BinningParameters)
    reading: RecordingOptions = from_options(arguments, RecordingOptions)
    filters: list[FilterParameters] = [parse_filter(text) for text in arguments.filter]
    names = traverse_names(arguments.recordings, arguments.traverse)
    from engine.events.recording import open_recording

    for path, name in zip(
        arguments.recordings, names, strict=True
    ):  # all of them first, so that a wrong one leaves nothing behind
        with open_recording(path, order=reading.order, size=reading.size) as recording:
            check_before(recording, name, parameters, binning, filters)
    made = []
    for path, name in zip(arguments.recordings, names, strict=True):
        with open_recording(path, order=reading.order, size=reading.size) as recording, console.progress():
            done = make_traverse(recording, name, parameters, binning, filters, console.emit, cancel)
        removed = "".join(f"; {kind} removed {share:.1%}" for kind, share in done.shares)
        console.say(f"{name}: {len(done.traverse)} frames of {done.events} events in {done.traverse.folder}{removed}")
        made.append(done.summary())
    write_result(arguments.json, {"traverses": made, "notices": console.notices})


def traverse_names(recordings: list[Path], given: list[str]) -> list[str]:
    """Each recording's traverse: the names given, or the files' own, every one checked and none twice.

    Raises:
        BadInput: more or fewer names than recordings, a name that is no folder's, or one that two recordings share.
    """
    if given and len(given) != len(recordings):
        raise BadInput(
            f"There are {len(recordings)} recordings and {len(given)} names: give --traverse once for each, or not at all."
        )
    names = given or [path.stem for path in recordings]
    for name in names:
        check_name(name)
        if names.count(name) > 1:
            raise BadInput(f"Two recordings would become the traverse {name!r}: name them with --traverse.")
    return names
