"""Cameras on USB (DAVIS, DVXplorer, DVXplorer Mini, DVS128) through dv-processing in a child process."""

import json
import multiprocessing
from collections.abc import Callable
from functools import partial
from multiprocessing import connection
from multiprocessing.connection import Connection

from engine.errors import BadInput
from engine.events.sources.buffer import DEFAULT_CAPACITY, Policy
from engine.events.sources.child import Adapter, first_line
from engine.events.sources.child_source import ChildSource, end_process
from engine.events.sources.dv_adapter import DvCamera, FoundCamera, discover, import_dv
from engine.events.sources.source import SourceFailed

DISCOVER_TIMEOUT_S = 8.0


class CameraSource(ChildSource):
    """A camera by its serial number ("": the first that is found).

    Unplugged, it is FAILED with a sentence; start() opens it again. `make_adapter` replaces the vendor's library in tests.
    """

    def __init__(
        self,
        serial: str = "",
        *,
        capacity: int = DEFAULT_CAPACITY,
        policy: Policy = "drop-oldest",
        make_adapter: Callable[[], Adapter] | None = None,
    ) -> None:
        name = f"The camera {serial}" if serial else "The camera"
        super().__init__(name, make_adapter or partial(DvCamera, serial), capacity=capacity, policy=policy)


def discover_cameras(
    timeout_s: float = DISCOVER_TIMEOUT_S, find: Callable[[], list[FoundCamera]] | None = None
) -> list[FoundCamera]:
    """The cameras that are attached now; [] is a normal answer. Takes about a second (a process is started and ended).

    Args:
        timeout_s: how long the library may look; its process is ended then.
        find: replaces the vendor's library in tests; runs in the child, must be picklable.

    Raises:
        BadInput: the library is not installed, failed, crashed or hung, in one sentence.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_discover_main, args=(theirs, find or find_with_dv), name="camera discovery", daemon=True)
    try:
        process.start()
        theirs.close()
        if not connection.wait([ours, process.sentinel], timeout_s):
            raise BadInput(f"Looking for cameras took longer than {timeout_s:g} s: unplug the camera, plug it in and look again.")
        try:
            answer = json.loads(ours.recv_bytes())
        except (EOFError, OSError):
            raise BadInput("The library that looks for cameras crashed: unplug the camera, plug it in and look again.") from None
        process.join(0.5)
    finally:
        end_process(process)
        ours.close()
        theirs.close()
    if "problem" in answer:
        raise BadInput(str(answer["problem"]))
    return [FoundCamera(model, serial) for model, serial in answer["cameras"]]


def find_with_dv() -> list[FoundCamera]:
    """Ask dv-processing; for the child process only."""
    return discover(import_dv())


def _discover_main(parent: Connection, find: Callable[[], list[FoundCamera]]) -> None:
    answer: dict[str, object]
    try:
        answer = {"cameras": [(camera.model, camera.serial) for camera in find()]}
    except SourceFailed as failure:
        answer = {"problem": str(failure)}
    except Exception as error:
        answer = {"problem": f"Cameras cannot be looked for: {first_line(error)}."}
    parent.send_bytes(json.dumps(answer).encode())
