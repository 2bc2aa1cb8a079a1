"""Opens a network file of any kind."""

from pathlib import Path

from engine.networks.lens import LensNetwork, load_network

Network = LensNetwork


def open_network(path: Path) -> Network:
    """Read a network file; nothing in it is run.

    Raises:
        BadInput: the file is missing, broken, or of no kind that is known.
    """
    return load_network(path)
