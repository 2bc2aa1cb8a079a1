"""Processes of our own: a plain interpreter does a child's work, and in a bundle, which has none, the program itself does."""

import importlib
import sys
import warnings
from collections.abc import Sequence

SERVE = "--serve"
SERVERS = ("engine.training.sweep_worker", "engine.events.formats._isolated")
"""The modules whose serve() is a child's whole work."""


def in_bundle() -> bool:
    """Whether this is a bundle's program (packaging/): there is no interpreter then, and no package can be added."""
    return bool(getattr(sys, "frozen", False))


def child_command(module: str) -> list[str]:
    """The command that runs a module's serve() in a process of its own.

    Args:
        module: one of SERVERS.
    """
    if module not in SERVERS:
        raise ValueError(f"{module} is not the work of a child")
    if in_bundle():
        return [sys.executable, SERVE, module]
    return [sys.executable, "-c", f"from {module} import serve; serve()"]


def serve_if_asked(argv: Sequence[str]) -> bool:
    """The first thing that a program of a bundle does: where its arguments are those of child_command, do the child's work.

    Returns:
        Whether that was so, and is done.
    """
    if len(argv) != 3 or argv[1] != SERVE or argv[2] not in SERVERS:
        return False
    warnings.simplefilter("ignore")  # PYTHONWARNINGS says so to an interpreter; a bundle does not read it
    importlib.import_module(argv[2]).serve()
    return True
