"""revisit-cli info RECORDING: what is in a recording."""

import argparse
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.errors import BadInput
from engine.events.convert import RecordingInfo, describe_recording
from engine.jobs import CancelToken

_EXAMPLE = "example: revisit-cli info-recording walk.aedat4 --json -"


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "info-recording",
        help="what is in a recording: format, sensor, events, times",
        description="Read a whole recording and print its format, sensor, events, times, and what is wrong with it.",
        epilog=_EXAMPLE,
        allow_abbrev=False,
    )
    parser.add_argument("recording", metavar="RECORDING", type=Path, help="the recording to read")
    parser.add_argument("--size", metavar="WxH", help="width and height of the sensor, where the file does not say them")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    with console.progress():
        info = describe_recording(arguments.recording, console.emit, cancel, size=_size(arguments.size))
    for line in lines(info):
        console.say(line)
    write_result(arguments.json, info.as_json())


def lines(info: RecordingInfo) -> list[str]:
    """The same for people."""
    sensor = f"{info.sensor[0]} x {info.sensor[1]}" if info.sensor else "not said"
    if info.extent and not info.sensor:
        sensor += f" (the events fit {info.extent[0]} x {info.extent[1]})"
    said = [f"{info.path}: {info.format}, sensor {sensor}, {info.events:,} events ({info.on:,} ON, {info.off:,} OFF)."]
    if info.t_first_us is not None and info.t_last_us is not None:
        seconds = (info.t_last_us - info.t_first_us) / 1e6
        rate = f", {info.rate:,.0f} events/s" if info.rate is not None else ""
        said.append(f"From {info.t_first_us} to {info.t_last_us} us: {seconds:.3f} s{rate}.")
    for count, what in (
        (info.out_of_range, "off the sensor, left out"),
        (info.out_of_order, "older than an event before them"),
        (info.dropped, "too old to be put in order, left out"),
    ):
        if count:
            said.append(f"{count:,} events are {what}.")
    if info.malformed:
        said.append(f"{info.malformed:,} words, lines or packets hold no event.")
    return said + list(info.notices)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise BadInput(f"--size must be given as in 346x260, but is {text!r}.")
    return int(width), int(height)
