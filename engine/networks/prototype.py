"""Prototypes: one layer of spiking neurons whose weights are the references themselves, a neuron (or more) a place.

A neuron's weights are what the network saw at its place (engine.frames.encoder), made unit length window by window, so that what
reaches its membrane in a query is the sum of the windows' cosine similarities; then 8-bit integers. A place is learned by writing
one row: adding or removing places leaves the weights of the others, and their answers, as they were.

With the normalisation "reference" the deviations are folded into the weights and a bias, and the layer is shown plain encoded
counts; otherwise it is shown signed deviations and has no bias.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import BadInput
from engine.frames.encoder import CLIP, InputStatistics, floors, normalised
from engine.frames.inputs import Normalise
from engine.networks.record import RunRecord
from engine.networks.state_dict import read_state_dict, write_network

WEIGHT_MAX = 127
_RMS = 21.0  # of the integer weights: 6 times that is still 8 bit
_KEYS = (
    "prototype_layer.w.weight",
    "prototype_layer.bias",
    "prototype_layer.thr",
    "prototype_layer.place",
    "input.mean",
    "input.deviation",
)
_TYPES = ("int8", "int32", "int32", "int32", "float32", "float32")


@dataclass(frozen=True, eq=False)
class PrototypeNetwork:
    """One layer of integrate-and-fire neurons; every number of it is one that a chip can hold.

    Attributes:
        weights: (neurons, inputs) int8, -127 to 127.
        bias: (neurons,) int32, what a membrane receives at every step, in units of a weight.
        threshold: of the neurons, in units of a weight.
        neuron_places: (neurons,) int32, the place of each neuron, ascending from 0 without gaps; a place of several neurons (of
            merged traverses) answers with the best of them.
        statistics: of the encoded inputs over the references; None where they are not normalised.

    Raises:
        ValueError: arrays of other types, or shapes that do not fit each other.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    threshold: int
    neuron_places: NDArray[np.int32]
    statistics: InputStatistics | None = None

    def __post_init__(self) -> None:
        if self.weights.dtype != np.int8 or self.bias.dtype != np.int32 or self.neuron_places.dtype != np.int32:
            raise ValueError("weights must be int8, bias and neuron_places int32")
        if self.weights.ndim != 2 or 0 in self.weights.shape:
            raise ValueError("weights must have a neuron and an input at least")
        if self.bias.shape != (self.neurons,) or self.neuron_places.shape != (self.neurons,):
            raise ValueError("bias and neuron_places need one entry a neuron")
        steps = np.diff(self.neuron_places)
        if self.neuron_places[0] != 0 or (steps < 0).any() or (steps > 1).any():
            raise ValueError("neuron_places must ascend from 0 without gaps")
        if self.threshold < 1 or (self.weights == -128).any():
            raise ValueError("the threshold must be at least 1, and weights at least -127")
        if self.statistics is not None and self.statistics.mean.shape != (self.inputs,):
            raise ValueError("statistics need one entry an input")

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[1])

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return len(self.weights)

    @property
    def places(self) -> int:
        """Number of places."""
        return int(self.neuron_places[-1]) + 1

    @property
    def parameter_count(self) -> int:
        """Number of weights, of biases that are used, and the threshold."""
        return self.weights.size + (self.bias.size if self.bias.any() else 0) + 1

    @property
    def memory_kb(self) -> float:
        """Size of 8-bit weights, and of 32-bit biases where there are any, in units of 1,024 bytes."""
        return (self.weights.size + (4 * self.bias.size if self.bias.any() else 0)) / 1024

    @property
    def clipped_share(self) -> float:
        """Share of the weights that lie at the end of their 8 bits."""
        return float(np.count_nonzero(np.abs(self.weights) == WEIGHT_MAX) / self.weights.size)


@dataclass(frozen=True)
class PrototypeRule:
    """How rows are made of what is seen: the same for a whole traverse and for a place that comes later.

    Attributes:
        normalise: of the inputs.
        windows: number of windows side by side.
    """

    normalise: Normalise
    windows: int

    @property
    def folded(self) -> bool:
        """Whether the network is shown plain encoded counts, and the deviations are in its weights."""
        return self.normalise == "reference"

    def rows(self, seen: NDArray[np.float32], statistics: InputStatistics | None) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Weights (neurons, inputs) and bias (neurons,) of what was seen, (neurons, inputs) as the network is shown it."""
        count, inputs = seen.shape
        weights = np.empty(seen.shape, np.int8)
        bias = np.zeros(count, np.int32)
        gain: NDArray[np.float32] | None = None
        if self.folded:
            assert statistics is not None
            floor = floors(statistics, self.windows)
            gain = np.float32(1) / (statistics.deviation + floor)
            gain /= gain.reshape(self.windows, -1).mean(axis=1).repeat(inputs // self.windows)
        size = inputs // self.windows
        step = max(1, (1 << 20) // inputs)  # so that what is worked on stays in the caches
        for start in range(0, count, step):
            part = seen[start : start + step]
            if self.folded and statistics is not None:
                part = normalised(part, statistics, floor)
            groups = part.reshape(len(part), self.windows, size)
            norms = np.sqrt(np.einsum("pwi,pwi->pw", groups, groups))
            scale = np.divide(np.float32(_RMS * np.sqrt(size)), norms, out=np.zeros_like(norms), where=norms > 0)
            scaled = (groups * scale[..., None]).reshape(len(part), inputs)
            if gain is not None:
                scaled *= gain
            np.clip(np.rint(scaled, out=scaled), -WEIGHT_MAX, WEIGHT_MAX, out=scaled)
            weights[start : start + step] = scaled
            if self.folded and statistics is not None:
                bias[start : start + step] = np.rint(-(scaled @ statistics.mean))
        return weights, bias


def prototypes_of(
    seen: NDArray[np.float32], statistics: InputStatistics | None, rule: PrototypeRule, threshold: float
) -> PrototypeNetwork:
    """A network of one neuron a place.

    Args:
        seen: (places, inputs) float32 reference inputs, as a query would be shown (engine.frames.encoder.reference_inputs).
        statistics: of the references.
        rule: how rows are made.
        threshold: in units of what a neuron receives in one step of its own reference.

    Raises:
        BadInput: no place.
    """
    if seen.ndim != 2 or 0 in seen.shape:
        raise BadInput("A network needs at least one place and one input: check the reference and dims.")
    weights, bias = rule.rows(seen, statistics)
    some = slice(None, None, max(1, len(seen) // 256))
    own = np.einsum("pi,pi->p", weights[some].astype(np.float32), seen[some]) + bias[some]
    level = max(1, round(threshold * max(float(own.mean()), 0.0)))
    return PrototypeNetwork(weights, bias, level, np.arange(len(seen), dtype=np.int32), statistics)


def add_place(
    network: PrototypeNetwork, seen: NDArray[np.float32], rule: PrototypeRule, place: int | None = None
) -> PrototypeNetwork:
    """The network with one more neuron; the others' weights are untouched.

    Args:
        seen: (inputs,) float32, what the network was shown at the place.
        place: the place that it belongs to; a new one at the end where left out.

    Raises:
        BadInput: another number of inputs, or no such place.
    """
    if seen.shape != (network.inputs,):
        raise BadInput(f"The network has {network.inputs} inputs, but the new place {seen.size}: use frames of the same size.")
    if place is not None and not 0 <= place < network.places:
        raise BadInput(f"There is no place {place}: the network has {network.places}, numbered from 0.")
    weights, bias = rule.rows(np.asarray(seen, np.float32)[None], network.statistics)
    at = network.neurons if place is None else int(np.searchsorted(network.neuron_places, place, "right"))
    number = network.places if place is None else place
    return replace(
        network,
        weights=np.insert(network.weights, at, weights[0], axis=0),
        bias=np.insert(network.bias, at, bias[0]),
        neuron_places=np.insert(network.neuron_places, at, number).astype(np.int32),
    )


def remove_place(network: PrototypeNetwork, place: int) -> PrototypeNetwork:
    """The network without a place; those after it move up by one.

    Raises:
        BadInput: there is no such place, or it is the only one.
    """
    if not 0 <= place < network.places or network.places == 1:
        raise BadInput(f"Place {place} cannot be removed: of {network.places} places, numbered from 0, one must stay.")
    kept = network.neuron_places != place
    places = network.neuron_places[kept]
    return replace(
        network,
        weights=network.weights[kept],
        bias=network.bias[kept],
        neuron_places=places - (places > place).astype(np.int32),
    )


def merge(network: PrototypeNetwork, other: PrototypeNetwork, places: ArrayLike | None = None) -> PrototypeNetwork:
    """One map of two traverses of the same route: each place answers with the best of its neurons.

    Args:
        network: the map; its places, threshold and input statistics stay (the statistics are where a query's own start from).
        other: the map to take in, with the same kind of inputs.
        places: for each place of `other` the place of `network` where it is; -1 leaves it out. Left out: place by place, for
            maps of as many places.

    Raises:
        BadInput: the networks do not fit each other, or a place does not exist.
    """
    if other.inputs != network.inputs:
        raise BadInput(f"The networks have {network.inputs} and {other.inputs} inputs: only networks of the same inputs merge.")
    if (network.statistics is None) != (other.statistics is None) or bool(network.bias.any()) != bool(other.bias.any()):
        raise BadInput("The networks see normalised and plain pixels: only networks of the same normalisation merge.")
    if places is None:
        if other.places != network.places:
            raise BadInput(
                f"The networks have {network.places} and {other.places} places: say which place is which, for instance by a "
                "ground truth of the two traverses."
            )
        where = np.arange(other.places)
    else:
        where = np.asarray(places)
        if (
            where.shape != (other.places,)
            or where.dtype.kind not in "iu"
            or (where < -1).any()
            or (where >= network.places).any()
        ):
            raise BadInput(
                f"To merge, each of the {other.places} places needs a place from 0 to {network.places - 1}, or -1 for none."
            )
    numbers = where[other.neuron_places]
    kept = numbers >= 0
    # A neuron of another threshold would answer on another scale: its weights move to this one's.
    ratio = network.threshold / other.threshold
    weights, bias = other.weights[kept].astype(np.float64) * ratio, other.bias[kept] * ratio
    moved = np.clip(np.rint(weights), -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)
    all_places = np.concatenate([network.neuron_places, numbers[kept].astype(np.int32)])
    order = np.argsort(all_places, kind="stable")
    return replace(
        network,
        weights=np.concatenate([network.weights, moved])[order],
        bias=np.concatenate([network.bias, np.rint(bias).astype(np.int32)])[order],
        neuron_places=all_places[order],
    )


def prototype_name(reference: str, inputs: int, places: int) -> str:
    """File name of a network of these sizes, trained on a reference traverse."""
    return f"{reference}_PROTOTYPE_IN{inputs}_DB{places}.pth"


def save_prototypes(path: Path, network: PrototypeNetwork, record: RunRecord | None = None) -> None:
    """Write a state dict, and the run record beside it (same name, .json)."""
    none = np.zeros(0, np.float32)
    statistics = network.statistics or InputStatistics(none, none)
    values = (
        network.weights,
        network.bias,
        np.array([network.threshold], np.int32),
        network.neuron_places,
        statistics.mean,
        statistics.deviation,
    )
    write_network(path, dict(zip(_KEYS, values, strict=True)), record)


def load_prototypes(path: Path) -> PrototypeNetwork:
    """Read a network that save_prototypes wrote; nothing in the file is run.

    Raises:
        BadInput: the file is missing, broken, holds more than tensors, or its keys, shapes, types or values are wrong.
    """
    return prototypes_from(path, *read_state_dict(path))


def prototypes_from(path: Path, state: dict[str, Any], size: int) -> PrototypeNetwork:
    """The network of a state dict that was read already (see load_prototypes)."""
    import torch

    if set(state) != set(_KEYS):
        wanted, held = ", ".join(_KEYS), ", ".join(map(str, list(state)[:6]))
        raise BadInput(f"{path} is not a prototype network: it must hold exactly {wanted}, but holds {held or 'nothing'}.")
    arrays = []
    for key, name in zip(_KEYS, _TYPES, strict=True):
        tensor = state[key]
        if not isinstance(tensor, torch.Tensor) or str(tensor.dtype) != f"torch.{name}" or tensor.layout != torch.strided:
            raise BadInput(f"{path}: {key} must be a tensor of {name}, but is {getattr(tensor, 'dtype', type(tensor).__name__)}.")
        if tensor.ndim != (2 if key.endswith("weight") else 1) or tensor.numel() * tensor.element_size() > size:
            raise BadInput(f"{path}: {key} has the shape {tuple(tensor.shape)}, which no prototype network has.")
        arrays.append(np.array(tensor.detach().numpy(), order="C"))
    weights, bias, threshold, places, mean, deviation = arrays
    if threshold.shape != (1,) or not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all()):
        raise BadInput(f"{path}: its threshold or its input statistics are not valid numbers: train the network again.")
    try:
        statistics = InputStatistics(mean, deviation) if mean.size or deviation.size else None
        return PrototypeNetwork(weights, bias, int(threshold[0]), places, statistics)
    except ValueError as error:
        raise BadInput(f"{path} is not a valid prototype network ({error}): train it again.") from None


def is_prototype_state(state: dict[str, Any]) -> bool:
    """Whether a state dict is meant to be a prototype network."""
    return any(str(key).startswith("prototype_layer.") for key in state)


def largest_drive(network: PrototypeNetwork) -> int:
    """The most that a membrane can receive in one step."""
    return int(network.inputs * WEIGHT_MAX + np.abs(network.bias.astype(np.int64)).max())


__all__ = ["CLIP", "PrototypeNetwork", "PrototypeRule", "add_place", "merge", "prototypes_of", "remove_place"]
