"""What will be built, before it is trained: layers, neurons, parameters, size, and whether it fits the chip."""

from dataclasses import dataclass

from engine.chip.check import ChipCheck, check_network
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.frames.png import read_frames
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.places.selection import ReferenceSelection
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
    """

    kind: NetworkKind
    frame: tuple[int, int]
    layers: tuple[LayerPlan, ...]
    chip: ChipCheck

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
    kind: NetworkKind, frame: tuple[int, int], places: int, inputs: InputParameters, training: Parameters
) -> NetworkPlan:
    """Lay a network out from sizes alone.

    Raises:
        BadInput: the grid does not divide the frames, or a layer would be empty.
    """
    settled = inputs.for_kind(kind).for_frames(frame)
    features = KINDS[kind].features(settled.inputs, training)
    if features == 0:
        raise BadInput("The network would have no feature neuron: make feature_multiplier larger.")
    layers = [LayerPlan("inputs", settled.inputs)]
    if features is not None:
        layers.append(LayerPlan("features", features, features * settled.inputs, features))
    before = layers[-1].neurons
    layers.append(LayerPlan("places", places, places * before, places))
    return NetworkPlan(kind, frame, tuple(layers), check_network(settled, features, places))


def reference_size(selection: ReferenceSelection) -> tuple[tuple[int, int], int]:
    """(height, width) of a reference traverse's frames, of which one is read, and its number of places.

    Raises:
        BadInput: the traverse cannot be read.
    """
    traverse = selection.workspace().traverse(selection.dataset, selection.camera, selection.reference)
    rows = traverse.rows_used(selection.reference_places, selection.filter)
    if not rows:
        raise BadInput(f"{selection.reference} has no frames.")
    height, width = read_frames([traverse.folder / rows[0].image]).shape[1:]
    return (height, width), len(rows)


def plan_of(selection: ReferenceSelection, kind: NetworkKind, inputs: InputParameters, training: Parameters) -> NetworkPlan:
    """The same for a reference traverse.

    Raises:
        BadInput: the traverse cannot be read, or see plan_network.
    """
    frame, places = reference_size(selection)
    return plan_network(kind, frame, places, inputs, training)


def fitting_grid(frame: tuple[int, int], dims: tuple[int, int]) -> tuple[int, int]:
    """The grid nearest to `dims` that divides frames of (height, width); of two as near the finer one."""

    def nearest(side: int, wanted: int) -> int:
        divisors = [count for count in range(1, side + 1) if side % count == 0]
        return min(divisors, key=lambda count: (abs(count - wanted), -count))

    return nearest(frame[0], dims[0]), nearest(frame[1], dims[1])
