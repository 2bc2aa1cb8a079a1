"""What will be built, before it is trained: layers, neurons, parameters, size, and whether it fits the chip."""

from dataclasses import dataclass

from engine.chip.check import ChipCheck, check_network
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.frames.png import read_frames
from engine.jobs import CancelToken, noting
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.places.selection import ReferenceSelection
from engine.places.several import open_several
from engine.training.kinds import KINDS


@dataclass(frozen=True)
class LayerPlan:
    """One layer: its neurons and what they have to learn.

    Attributes:
        name: "inputs", "features" or "places".
        neurons: how many.
        weights: of its neurons; 0 for the inputs.
        thresholds: likewise.
    """

    name: str
    neurons: int
    weights: int = 0
    thresholds: int = 0


@dataclass(frozen=True)
class NetworkPlan:
    """A network that is not there yet.

    Attributes:
        kind: of network.
        frame: (height, width) of the event frames.
        layers: inputs first.
        chip: the chip's check.
        places: that it will know; each has a neuron or more in the last layer.
        networks: of which it is made; their layers are counted together, and their similarity columns are added up.
    """

    kind: NetworkKind
    frame: tuple[int, int]
    layers: tuple[LayerPlan, ...]
    chip: ChipCheck
    places: int
    networks: int = 1

    @property
    def parameters(self) -> int:
        """Weights and thresholds."""
        return sum(layer.weights + layer.thresholds for layer in self.layers)

    @property
    def kilobytes(self) -> float:
        """Size as float32, in units of 1,024 bytes."""
        return self.parameters * 4 / 1024

    @property
    def kilobytes_8bit(self) -> float:
        """Size of the weights alone as 8-bit integers, in units of 1,024 bytes."""
        return sum(layer.weights for layer in self.layers) / 1024


def plan_network(
    kind: NetworkKind,
    frame: tuple[int, int],
    places: int,
    inputs: InputParameters,
    training: Parameters,
    looks: int | None = None,
) -> NetworkPlan:
    """Lay a network out from sizes alone.

    Args:
        kind: of network.
        frame: (height, width) of the event frames.
        places: that it will know.
        inputs, training: as asked for.
        looks: frames that it will be taught, where places have several: prototypes have a neuron for each.

    Raises:
        BadInput: the grid does not divide the frames, or a layer would be empty.
    """
    settled = inputs.for_kind(kind).for_frames(frame)
    features, networks = KINDS[kind].features(settled, training), KINDS[kind].networks(settled, training)
    if features == 0:
        raise BadInput("The network would have no feature neuron: make feature_multiplier larger.")
    layers = [LayerPlan("inputs", settled.inputs)]
    if features is not None:
        layers.append(LayerPlan("features", features, features * settled.inputs // networks, features))
    before = layers[-1].neurons
    neurons = looks if looks is not None and kind == "prototype" else networks * places
    layers.append(LayerPlan("places", neurons, neurons * before // networks, neurons))
    return NetworkPlan(kind, frame, tuple(layers), check_network(settled, features, neurons), places, networks)


@dataclass(frozen=True)
class ReferenceSize:
    """What a plan needs to know of reference traverses.

    Attributes:
        frame: (height, width) of the first one's frames, of which one is read.
        places: of the map.
        looks: frames that are learned, of all traverses.
        notes: how the places of further traverses were found.
    """

    frame: tuple[int, int]
    places: int
    looks: int
    notes: tuple[str, ...] = ()


def reference_size(selection: ReferenceSelection, cancel: CancelToken | None = None) -> ReferenceSize:
    """Look at the reference traverses.

    Raises:
        BadInput: a traverse cannot be read, or nothing says which places belong together.
    """
    notes: list[str] = []
    several = open_several(selection, noting(notes), cancel)
    first = several.parts[0].traverse
    if several.places == 0:
        raise BadInput(f"{selection.reference} has no frames.")
    height, width = read_frames([first.folder / first.rows[0].image]).shape[1:]
    return ReferenceSize((height, width), several.places, several.samples, tuple(notes))


def plan_of(selection: ReferenceSelection, kind: NetworkKind, inputs: InputParameters, training: Parameters) -> NetworkPlan:
    """The same for reference traverses.

    Raises:
        BadInput: a traverse cannot be read, or see plan_network.
    """
    size = reference_size(selection)
    return plan_network(kind, size.frame, size.places, inputs, training, size.looks)


def fitting_grid(frame: tuple[int, int], dims: tuple[int, int]) -> tuple[int, int]:
    """The grid nearest to `dims` that divides frames of (height, width); of two as near the finer one."""

    def nearest(side: int, wanted: int) -> int:
        divisors = [count for count in range(1, side + 1) if side % count == 0]
        return min(divisors, key=lambda count: (abs(count - wanted), -count))

    return nearest(frame[0], dims[0]), nearest(frame[1], dims[1])


def fitting_grids(frame: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Grids that divide frames of (height, width), coarse to fine: those nearest to what a sweep offers of frames unknown."""
    offered = InputParameters.model_fields["dims"].examples or []
    return tuple(sorted({fitting_grid(frame, grid) for grid in offered}))
