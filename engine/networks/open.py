"""Opens a network file of any kind."""

from pathlib import Path

from engine.networks.lens import LensNetwork, lens_from
from engine.networks.prototype import PrototypeNetwork, is_prototype_state, prototypes_from
from engine.networks.state_dict import read_state_dict

Network = LensNetwork | PrototypeNetwork


def open_network(path: Path) -> Network:
    """Read a network file; nothing in it is run.

    Raises:
        BadInput: the file is missing, broken, or of no kind that is known.
    """
    state, size = read_state_dict(path)
    return prototypes_from(path, state, size) if is_prototype_state(state) else lens_from(path, state, size)
