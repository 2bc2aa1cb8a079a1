"""revisit-cli stream: serve a recording as a live camera."""

import argparse
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.events.sources.serve import ServeParameters, serve_recording
from engine.jobs import CancelToken, JobEvent, Metric, Throttle

_EXAMPLE = "example: revisit-cli stream walk.aedat4 --loop, and in Revisit's Capture panel the stream 127.0.0.1:7777"
_SAY_EVERY_S = 5.0


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "stream",
        help="serve a recording as a live camera",
        description="Play a recording in real time, or at a factor, to every client over TCP or a UNIX socket; Ctrl-C ends it.",
        epilog=_EXAMPLE,
        allow_abbrev=False,
    )
    parser.add_argument(
        "recording", type=Path, metavar="RECORDING", help="the recording's file, of any format that Revisit reads"
    )
    add_options(parser, ServeParameters, "stream")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    parameters: ServeParameters = from_options(arguments, ServeParameters)
    throttle = Throttle(1.0 / _SAY_EVERY_S)

    def emit(event: JobEvent) -> None:
        if isinstance(event, Metric):
            values = event.values
            if values["clients"] and throttle.ready():
                console.say(
                    f"{values['rate'] / 1e6:.2f} million events/s, {values['sent']} sent, {values['dropped']} dropped.", "dim"
                )
        else:
            console.emit(event)

    result = serve_recording(parameters, arguments.recording, emit, cancel)
    console.say(f"{result['events']} events read, {result['sent']} sent, {result['dropped']} dropped.")
    write_result(arguments.json, result)
