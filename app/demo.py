"""The demo workspace that a first start makes: where it lies, and the engine job that makes it."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from app.jobs import JobFunction
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit

MakeDemo = Callable[[Path, Emit, CancelToken], object]


def demo_folder() -> Path:
    """Revisit/demo in the person's home; REVISIT_HOME names another place than home/Revisit."""
    home = os.environ.get("REVISIT_HOME")
    return (Path(home) if home else Path.home() / "Revisit") / "demo"


def make_demo(folder: Path, emit: Emit, cancel: CancelToken) -> None:
    """Make the demo workspace with the engine's own jobs, which are imported here, in the job's thread.

    A network is learned as well (a tenth of a second), so that every panel has something to show and Deploy something to run.
    """
    try:
        engine_demo = importlib.import_module("engine.demo")
    except ModuleNotFoundError as error:
        if error.name != "engine.demo":
            raise
        raise BadInput("This installation has no demo: open a workspace or a LENS folder instead.") from None
    workspace = engine_demo.create_demo_workspace(folder, engine_demo.demo_parameters(), emit, cancel)
    if not any(workspace.models.glob("*.pth")):
        importlib.import_module("engine.live.first_network").train_first_network(workspace, emit, cancel)


def demo_job(folder: Path, make: MakeDemo) -> JobFunction:
    """The job that makes the demo workspace in `folder`, and returns the folder."""

    def run(emit: Emit, cancel: CancelToken) -> Path:
        make(folder, emit, cancel)
        return folder

    return run
