"""Work of the window's own thread that is done in pieces: a generator that yields where the window may answer in between."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Pieces = Generator[None, None, T]
"""Each step should take less than 50 ms; what it returns is the whole."""


def at_once(pieces: Pieces[T]) -> T:
    """Do all that is left, and return the whole."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            whole: T = end.value
            return whole
