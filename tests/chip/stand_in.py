"""A STAND-IN for the vendor's driver, samna: names without a device behind them.

sinabs.backend.dynapcnn imports samna and samnagui, though its discretised network needs neither to run on a CPU. Importing the
real package would download a driver, so tests put these empty modules in its place, and take them away again.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager


class Anything:
    """What the import of sinabs's backend names and never uses."""


def modules() -> dict[str, types.ModuleType]:
    """The stand-in modules by name."""
    samna, gui = types.ModuleType("samna"), types.ModuleType("samnagui")
    samna.__doc__ = __doc__
    samna.device = types.ModuleType("samna.device")  # type: ignore[attr-defined]
    samna.device.DeviceInfo = Anything  # type: ignore[attr-defined]
    found = {"samna": samna, "samnagui": gui, "samna.device": samna.device}  # type: ignore[attr-defined]
    for chip in ("speck2e", "speck2f"):
        module, configuration = types.ModuleType(f"samna.{chip}"), types.ModuleType(f"samna.{chip}.configuration")
        configuration.SpeckConfiguration = Anything  # type: ignore[attr-defined]
        module.configuration = configuration  # type: ignore[attr-defined]
        setattr(samna, chip, module)
        found |= {f"samna.{chip}": module, f"samna.{chip}.configuration": configuration}
    return found


@contextmanager
def driver(found: dict[str, types.ModuleType] | None = None) -> Iterator[types.ModuleType]:
    """Put stand-in modules in the driver's place; afterwards nothing of them, nor of what imported them, is left."""
    if any(name.split(".")[0] in ("samna", "samnagui") for name in sys.modules):
        raise RuntimeError("a driver is imported already: the real one must never be in a test")
    found = modules() if found is None else found
    sys.modules.update(found)
    try:
        yield found["samna"]
    finally:
        for name in [
            name
            for name in sys.modules
            if name.split(".")[0] in ("samna", "samnagui") or name.startswith("sinabs.backend.dynapcnn")
        ]:
            del sys.modules[name]
