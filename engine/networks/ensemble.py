"""LENS networks of several windows, one network a window, whose similarity columns are added up.

Each member is the network that its window alone would give, and the sum is that of its output spikes. The other way to learn
several windows, side by side as the inputs of one network, is a plain LensNetwork.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput
from engine.networks.lens import LensNetwork, arrays_of, lens_from, save_network
from engine.networks.record import RunRecord
from engine.networks.state_dict import write_network

_PREFIX = "window_"
_MOST = 64


@dataclass(frozen=True, eq=False)
class LensEnsemble:
    """LENS networks that know the same places.

    Attributes:
        members: two or more, in the order of their windows.

    Raises:
        ValueError: fewer than two, or members of different inputs or places.
    """

    members: tuple[LensNetwork, ...]

    def __post_init__(self) -> None:
        if len(self.members) < 2 or len({(member.inputs, member.places) for member in self.members}) > 1:
            raise ValueError("an ensemble has two members or more, of the same inputs and places")

    @property
    def inputs(self) -> int:
        """Number of inputs of all members together: those of the windows side by side."""
        return sum(member.inputs for member in self.members)

    @property
    def features(self) -> int:
        """Number of feature neurons of all members."""
        return sum(member.features for member in self.members)

    @property
    def neurons(self) -> int:
        """Number of output neurons of all members: each place has one in each."""
        return sum(member.places for member in self.members)

    @property
    def places(self) -> int:
        """Number of places."""
        return self.members[0].places

    @property
    def parameter_count(self) -> int:
        """Number of weights and thresholds."""
        return sum(member.parameter_count for member in self.members)

    @property
    def memory_kb(self) -> float:
        """Size of weights and thresholds as float32, in units of 1,024 bytes."""
        return sum(member.memory_kb for member in self.members)


def members_of(network: LensNetwork | LensEnsemble) -> tuple[LensNetwork, ...]:
    """The members of an ensemble; of a network that stands by itself, itself."""
    return network.members if isinstance(network, LensEnsemble) else (network,)


def together(members: tuple[LensNetwork, ...]) -> LensNetwork | LensEnsemble:
    """An ensemble; of a single member, that network itself."""
    return members[0] if len(members) == 1 else LensEnsemble(members)


def record_of_first(record: RunRecord, network: LensNetwork | LensEnsemble) -> RunRecord:
    """The record of a network a window, of which only the first windows' are there (yet): it then tells of those alone."""
    windows, count = record.inputs.get("windows") or (1,), len(members_of(network))
    if record.training.get("join_windows") != "columns" or count == len(windows):
        return record
    statistics = record.statistics
    if statistics is not None:
        statistics = {name: values[: len(values) // len(windows) * count] for name, values in statistics.items()}
    return record.model_copy(update={"inputs": {**record.inputs, "windows": list(windows[:count])}, "statistics": statistics})


def save_lens(path: Path, network: LensNetwork | LensEnsemble, record: RunRecord | None = None) -> None:
    """Write a network, as LENS reads it, or an ensemble, with LENS's keys for each member; and the run record beside it."""
    if isinstance(network, LensNetwork):
        save_network(path, network, record)
        return
    arrays = {
        f"{_PREFIX}{number}.{key}": value
        for number, member in enumerate(network.members)
        for key, value in arrays_of(member).items()
    }
    write_network(path, arrays, record)


def is_ensemble_state(state: dict[str, Any]) -> bool:
    """Whether the keys of a state dict are those of an ensemble."""
    return bool(state) and all(str(key).startswith(_PREFIX) for key in state)


def ensemble_from(path: Path, state: dict[str, Any], size: int) -> LensEnsemble:
    """The ensemble of a state dict that was read already.

    Raises:
        BadInput: a member is no LENS network, one is missing, or they do not fit each other.
    """
    parts: dict[str, dict[str, Any]] = {}
    for key, value in state.items():
        number, _, rest = str(key).removeprefix(_PREFIX).partition(".")
        parts.setdefault(number, {})[rest] = value
    wanted = [str(number) for number in range(len(parts))]
    if sorted(parts) != sorted(wanted) or not 2 <= len(parts) <= _MOST:
        raise BadInput(f"{path} should hold the networks of 2 windows or more, numbered from 0: train it again.")
    members = tuple(lens_from(path, parts[number], size) for number in wanted)
    try:
        return LensEnsemble(members)
    except ValueError:
        raise BadInput(f"{path}: its networks have different numbers of inputs or places: train it again.") from None
