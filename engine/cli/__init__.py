"""revisit-cli: the engine's jobs from a shell."""

import argparse
import importlib
import sys
import warnings
from collections.abc import Sequence

from engine import __version__
from engine.errors import BadInput, JobCancelled

# One module a command: each has `add_parser(subparsers)`, which sets `run` to a function (arguments, console, cancel).
COMMANDS = (
    "demo",
    "bin",
    "dataset",
    "train",
    "sweep",
    "places",
    "groundtruth",
    "evaluate",
    "index",
    "info",
    "convert",
    "stream",
    "chip",
    "deploy",
)

_ABOUT = "Teach a robot to recognise places from an event camera. Every option of LENS works under its own name."
_OK, _FAILED, _BAD_INPUT, _INTERRUPTED = 0, 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Wrong usage is one sentence and exit code 2, as any bad input."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(_BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help.\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(prog="revisit-cli", description=_ABOUT, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"revisit {__version__}")
    subparsers = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name in COMMANDS:
        importlib.import_module(f"engine.cli.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 2 bad input, 130 interrupted."""
    from engine.cli.console import Console, check_result, stopping_on_interrupt

    arguments = build_parser().parse_args(argv)
    console = Console(quiet=getattr(arguments, "quiet", False))
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest: console.say(f"Warning: {message}", "yellow")
        try:
            with stopping_on_interrupt() as cancel:
                check_result(getattr(arguments, "json", None))
                arguments.run(arguments, console, cancel)
        except BadInput as error:
            _last_words(f"revisit-cli {arguments.command}: {error}")
            return _BAD_INPUT
        except (JobCancelled, KeyboardInterrupt):
            _last_words(f"revisit-cli {arguments.command}: stopped; no file was left half-written.")
            return _INTERRUPTED
        except BrokenPipeError:
            sys.stderr.close()
            return _FAILED
    return _OK


def _last_words(text: str) -> None:
    print(text, file=sys.stderr)
