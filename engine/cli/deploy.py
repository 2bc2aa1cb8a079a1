"""revisit-cli deploy: run a network live, on this computer, on the virtual Speck, or on a Speck."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from engine.cli.console import Console, take_time_to_end
from engine.cli.lens_options import add_compat, add_unused, tell_unused
from engine.cli.options import add_options, from_options, given
from engine.compat import habits
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken
from engine.parameters import Parameters, parameter

_EXAMPLES = """examples:
  revisit-cli deploy --model models/reference_LENS_IN256_FN512_DB100.pth --source recordings/query.aedat4 --json -
  revisit-cli deploy --model M.pth --target virtual --source tcp://127.0.0.1:7777 --publish tcp://0.0.0.0:7780
  revisit-cli deploy --model M.pth --source camera --session monday --speed 1
  revisit-cli deploy --model M.pth --simulated_speck --query query

With --json a line of JSON is written for each place (time_us, place, confidence, lost, latency_ms), and a last line with
the totals; places count from 0. Ctrl-C ends the run and still writes the totals.

LENS's modes: --simulated_speck streams the recorded frames of a query traverse as events through a chip (the virtual one, or
with --target speck the real one); --event_driven runs a chip on live events, in windows of 1 s that do not overlap."""


class SourceOptions(Parameters):
    """Where the events come from."""

    source: str = parameter("", "Where the events come from.")
    speed: str = parameter(
        "", "Seconds of events a second, or max: as fast as the network takes them (recordings: max; the synthetic camera: 1)."
    )
    loop: bool = parameter(False, "Begin a recording anew at its end.")
    sensor: tuple[int, int] | None = parameter(
        None, "Width and height of the sensor, for a recording that does not say it.", unit="pixels"
    )
    data_dir: Path | None = parameter(None, "The workspace, for the reference's frames (left out: where the model lies).")
    dataset: str = parameter("", "Dataset of the query traverse (left out: the reference's).")
    camera: str = parameter("", "Camera of the query traverse (left out: the reference's).")
    query: str = parameter("", "The query traverse of --simulated_speck.")

    def factor(self, default: float | None) -> float | None:
        """The speed as a number; None is as fast as possible.

        Raises:
            BadInput: it is neither.
        """
        if not self.speed:
            return default
        if self.speed == "max":
            return None
        try:
            return float(self.speed)
        except ValueError:
            raise BadInput(f"speed should be a number or max, but is {self.speed!r}.") from None


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    from engine.chip.quantise import ChipParameters
    from engine.live.address import SOURCES
    from engine.live.deploy import DeployParameters
    from engine.live.parameters import LiveParameters
    from engine.places.selection import ReferenceSelection
    from engine.recognition.encoding import SpikingParameters
    from engine.recognition.scores import ScoringParameters
    from engine.training.parameters import LensTrainingParameters

    parser: argparse.ArgumentParser = subparsers.add_parser(
        "deploy",
        help="run a network live: events in, places out",
        description="Run a trained network on live events and say where the camera is, ten times a second.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser, LiveParameters, "recognition", skip=("filters", "forward", "chip", "model"))
    parser.add_argument("--model", type=Path, required=True, metavar="PATH", help="file of the network")
    add_options(parser, SourceOptions, f"source: {SOURCES}")
    add_options(parser, DeployParameters, "run")
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KIND[:NAME=VALUE,...]",
        help="an event filter: refractory, background_activity or flicker; repeat for more",
    )
    parser.add_argument(
        "--import_driver",
        action="store_true",
        help="with target speck: import the driver samna, which downloads it where only its installer is there",
    )
    parser.add_argument("--board", default="", metavar="ID", help="with target speck: a board of `revisit-cli chip list`")
    parser.add_argument("--simulated_speck", action="store_true", help="LENS's mode: recorded frames through a chip")
    parser.add_argument("--event_driven", action="store_true", help="LENS's mode: a chip on live events, windows one by one")
    parser.add_argument("--json", metavar="FILE", help="write a line of JSON a place to FILE, or to standard output for -")
    add_options(parser, ChipParameters, "network on a chip (left out: thresholds that suit the events it was trained on)")
    add_options(parser, InputParameters, "inputs (a network's run record wins over these)")
    add_compat(parser)
    add_unused(parser, ReferenceSelection, SpikingParameters, ScoringParameters, LensTrainingParameters)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    from engine.live.address import SOURCES, source_from
    from engine.live.deploy import DeployParameters, deploy
    from engine.live.model import open_model, workspace_of
    from engine.live.targets import make_target
    from engine.places.workspace import Workspace

    tell_unused(arguments, console.emit)
    chosen = from_options(arguments, SourceOptions)
    parameters = from_options(arguments, DeployParameters)
    live = _live(arguments)
    workspace = Workspace.open(chosen.data_dir) if chosen.data_dir is not None else workspace_of(arguments.model)
    inputs = from_options(arguments, InputParameters, habits(arguments.compat, InputParameters.model_fields))
    model = open_model(arguments.model, workspace, live.seed, console.emit, cancel, inputs)
    board = _board(arguments) if "speck" in (live.target, live.ghost) else None
    make = make_target if board is None else board.maker()
    if arguments.simulated_speck:
        source, live = _recorded_frames(chosen, model, workspace, live)
    elif board is not None and chosen.source in ("", "speck"):
        source, make = board.with_camera(model, live)
    elif chosen.source:
        factor = chosen.factor(1.0 if chosen.source.partition(":")[0] == "synthetic" else None)
        source = source_from(chosen.source, factor, loop=chosen.loop, size=chosen.sensor)
    else:
        raise BadInput(f"No source is given: give --source with {SOURCES}.")
    with ExitStack() as stack:
        write = _writer(arguments.json, console, stack)
        done = deploy(source, model, live, parameters, lambda answer: write(answer.line()), console.emit, _Calm(cancel), make)
        ghost = {} if done.ghost is None else {"ghost": asdict(done.ghost)}
        write({"totals": {**asdict(done.totals), **ghost}})
    _say(done.totals, console)
    if done.problem:
        raise BadInput(done.problem)


def _board(arguments: argparse.Namespace) -> Any:
    """The board that is asked for; its driver is imported only where that was allowed."""
    from engine.chip.speck import DRIVER_SENTENCE, driver_state
    from engine.chip.target import TargetFailed
    from engine.live.speck import SpeckBoard

    if driver_state() == "installer" and not arguments.import_driver:
        raise BadInput(f"{DRIVER_SENTENCE.removesuffix(' Go on?')} Pass --import_driver to go on, or take --target virtual.")
    try:
        return SpeckBoard.find(lambda sentence: True, arguments.board)
    except TargetFailed as error:
        raise BadInput(str(error)) from None


def _live(arguments: argparse.Namespace) -> Any:
    """The recognition's parameters; LENS's modes choose what is not given."""
    from engine.capture.parameters import CaptureFilters
    from engine.chip.quantise import ChipParameters
    from engine.events.filters import parse_filter
    from engine.live.parameters import LiveParameters

    filters: dict[str, Any] = {}
    for text in arguments.filter:
        step = parse_filter(text)
        kind = str(step.kind)
        if f"{kind}_on" not in CaptureFilters.model_fields or kind == "hot_pixels":
            raise BadInput(f"The filter {kind} cannot run live: choose refractory, background_activity or flicker.")
        filters |= {kind: step, f"{kind}_on": True}
    defaults: dict[str, Any] = {"model": arguments.model, "filters": CaptureFilters(**filters)}
    chosen = given(arguments, ChipParameters)
    if chosen:
        defaults["chip"] = ChipParameters.check(chosen)
    if arguments.simulated_speck or arguments.event_driven:
        defaults |= {"target": "virtual", "sequence": "diagonal"}
    if arguments.event_driven:
        defaults |= {"window_ms": 1000.0, "step_ms": 1000.0}
    return from_options(arguments, LiveParameters, defaults)


def _recorded_frames(chosen: SourceOptions, model: Any, workspace: Any, live: Any) -> tuple[Any, Any]:
    """The query traverse's frames as a source, in windows that are the frames."""
    from engine.frames.png import read_frames
    from engine.live.frames_source import frames_source

    names = model.names or ("", "", "")
    if workspace is None or not chosen.query:
        raise BadInput("--simulated_speck streams a query traverse's frames: give its name with --query, and --data_dir.")
    traverse = workspace.traverse(chosen.dataset or names[0], chosen.camera or names[1], chosen.query)
    info = traverse.info()
    window_ms = live.window_ms or (info.window_ms if info is not None and info.window_ms else 1000.0)
    paths = [traverse.folder / row.image for row in traverse.rows]
    height, width = read_frames(paths[:1]).shape[1:]
    live = live.model_copy(update={"window_ms": window_ms, "step_ms": window_ms, "region": (0, 0, width, height)})
    source = frames_source(
        len(paths),
        (width, height),
        lambda number: read_frames(paths[number : number + 1])[0],
        round(1000 * window_ms),
        live.seed,
        chosen.factor(None),
    )
    return source, live


def _writer(target: str | None, console: Console, stack: ExitStack) -> Callable[[dict[str, Any]], None]:
    """What a line goes to: standard output, a file, or, without --json, the terminal for a person to read."""
    if target is None:
        return lambda line: _tell(line, console)
    if target == "-":
        stream: TextIO = sys.stdout
    else:
        try:
            stream = Path(target).open("w", encoding="utf-8")  # noqa: SIM115  (the stack closes it)
        except OSError as error:
            raise BadInput(f"{target} cannot be written ({error.strerror}): name another file.") from None
        stack.callback(stream.close)

    def write(line: dict[str, Any]) -> None:
        stream.write(json.dumps(line, allow_nan=False) + "\n")
        stream.flush()

    return write


def _tell(line: dict[str, Any], console: Console) -> None:
    if "place" not in line:
        return
    lost = "  lost" if line["lost"] else ""
    text = f"{line['time_us'] / 1e6:12.1f} s   place {line['place']:5d}   {line['confidence']:.2f}"
    console.say(f"{text}   {line['latency_ms']:7.1f} ms{lost}")


def _say(totals: Any, console: Console) -> None:
    latency = (
        "" if totals.latency_ms_p50 is None else f", latency {totals.latency_ms_p50:.1f} ms (p95 {totals.latency_ms_p95:.1f})"
    )
    console.say(
        f"{totals.places} places in {totals.seconds:.1f} s of events, {totals.lost} lost, {totals.skipped} windows skipped, "
        f"{totals.missed} events missed{latency}."
    )


class _Calm(CancelToken):
    """The console's token, which stops hurrying whoever has seen it."""

    def __init__(self, asked: CancelToken) -> None:
        super().__init__()
        self._console = asked

    @property
    def cancelled(self) -> bool:
        """Whether the run was asked to stop."""
        if self._console.cancelled:
            take_time_to_end()
        return self._console.cancelled
