"""The registry of recording formats: every module of this folder whose name has no leading underscore is one.

A format's module has

    TITLE: str                                   what a person calls it
    RANK: int                                    lower is asked first; formats with a magic number are 0, guesses are higher
    matches(head: bytes, path: Path) -> bool     whether the file is one, from its first 4096 bytes (path for a closer look)
    open(path: Path, size: Size | None) -> EventReader
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from engine.errors import BadInput
from engine.events.recording import EventReader, Size


class Format(Protocol):
    """What a format's module offers."""

    TITLE: str
    RANK: int

    def matches(self, head: bytes, path: Path) -> bool:
        """Whether the file is of this format."""

    def open(self, path: Path, size: Size | None) -> EventReader:
        """A reader of it."""


@cache
def all_formats() -> dict[str, Format]:
    """The formats by short name, in the order in which they are asked."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")]
    modules = {name: cast(Format, importlib.import_module(f"{__name__}.{name}")) for name in names}
    return dict(sorted(modules.items(), key=lambda item: (item[1].RANK, item[0])))


def find_format(head: bytes, path: Path) -> Format:
    """The format of a file.

    Args:
        head: the first 4096 bytes.
        path: the file.

    Raises:
        BadInput: none matches.
    """
    for module in all_formats().values():
        if module.matches(head, path):
            return module
    titles = ", ".join(module.TITLE for module in all_formats().values())
    raise BadInput(f"{path} is not a recording that Revisit knows: its content is none of {titles}.")
