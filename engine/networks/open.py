"""Opens a network file of any kind."""

from pathlib import Path

from engine.networks.ensemble import LensEnsemble, ensemble_from, is_ensemble_state, record_of_first
from engine.networks.lens import LensNetwork, lens_from
from engine.networks.prototype import PrototypeNetwork, is_prototype_state, prototypes_from
from engine.networks.record import RunRecord
from engine.networks.state_dict import read_state_dict

Network = LensNetwork | LensEnsemble | PrototypeNetwork


def open_network(path: Path) -> Network:
    """Read a network file; nothing in it is run.

    Raises:
        BadInput: the file is missing, broken, or of no kind that is known.
    """
    state, size = read_state_dict(path)
    if is_prototype_state(state):
        return prototypes_from(path, state, size)
    return ensemble_from(path, state, size) if is_ensemble_state(state) else lens_from(path, state, size)


def fitting_record(record: RunRecord, network: Network) -> RunRecord:
    """The record that tells of a run's network as it is: without the windows that had learned nothing when it was taken."""
    return record if isinstance(network, PrototypeNetwork) else record_of_first(record, network)
