"""The two-layer LENS network as weights, and LENS's own .pth files.

Source: Hines, Milford, Fischer, Science Robotics 10, eads3968 (2025), arXiv 2408.16754.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.networks.record import RunRecord
from engine.networks.state_dict import read_state_dict, write_network

if TYPE_CHECKING:
    from engine.training.parameters import LensTrainingParameters

_KEYS = ("feature_layer.thr", "feature_layer.w.weight", "output_layer.thr", "output_layer.w.weight")


@dataclass(frozen=True, eq=False)
class LensNetwork:
    """A LENS network: inputs -> feature layer -> output layer, one output neuron a place.

    Attributes:
        feature_weights: (features, inputs) float32.
        feature_thresholds: (features,) float32, used while training only.
        output_weights: (places, features) float32.
        output_thresholds: (places,) float32, used while training only.

    Raises:
        ValueError: an array has another dtype, or a shape that does not fit the others.
    """

    feature_weights: NDArray[np.float32]
    feature_thresholds: NDArray[np.float32]
    output_weights: NDArray[np.float32]
    output_thresholds: NDArray[np.float32]

    def __post_init__(self) -> None:
        arrays = (self.feature_weights, self.feature_thresholds, self.output_weights, self.output_thresholds)
        if any(array.dtype != np.float32 for array in arrays):
            raise ValueError("a network's weights and thresholds must be float32")
        if [array.ndim for array in arrays] != [2, 1, 2, 1]:
            raise ValueError("weights must have two axes and thresholds one")
        features, places = len(self.feature_weights), len(self.output_weights)
        if self.feature_thresholds.shape != (features,) or self.output_weights.shape != (places, features):
            raise ValueError("the feature layer's and the output layer's shapes do not fit each other")
        if self.output_thresholds.shape != (places,) or 0 in (self.inputs, features, places):
            raise ValueError("the output layer's thresholds do not fit its weights, or a layer is empty")

    @property
    def inputs(self) -> int:
        """Number of input pixels."""
        return int(self.feature_weights.shape[1])

    @property
    def features(self) -> int:
        """Number of feature neurons."""
        return len(self.feature_weights)

    @property
    def places(self) -> int:
        """Number of output neurons, one a place."""
        return len(self.output_weights)

    @property
    def parameter_count(self) -> int:
        """Number of weights and thresholds."""
        return self.feature_weights.size + self.feature_thresholds.size + self.output_weights.size + self.output_thresholds.size

    @property
    def memory_kb(self) -> float:
        """Size of weights and thresholds as float32, in units of 1,024 bytes."""
        return self.parameter_count * 4 / 1024


def _initial_layer(
    inputs: int, outputs: int, p_exc: float, p_inh: float, by_last_row: bool, rng: np.random.Generator
) -> NDArray[np.float32]:
    shape = (outputs, inputs)
    total = np.zeros(shape)
    for mean, share in ((0.5, p_exc), (-0.5, p_inh)):
        part = rng.normal(mean, 1 / 6, shape)
        part[part * mean < 0] = 0
        part[rng.random(shape) >= share] = 0
        norms = np.abs(part).sum(axis=1)
        # A last row with no weight at all (small share, few inputs) cannot be a scale.
        norm = norms[-1] if by_last_row and norms[-1] > 0 else norms.mean()
        total += part / norm if norm > 0 else part
    return total.astype(np.float32)


def feature_count(inputs: int, multiplier: float, networks: int = 1) -> int:
    """Feature neurons of a network of so many inputs; of several that share the inputs, each rounded down by itself."""
    return networks * int(inputs // networks * multiplier)


def initial_network(inputs: int, parameters: "LensTrainingParameters", places: int, rng: np.random.Generator) -> LensNetwork:
    """Draw a network to start learning from.

    Excitatory weights come from N(0.5, 1/6), inhibitory ones from N(-0.5, 1/6), each kept with its share and scaled by one
    number a layer: the L1 norm of the last row as published, the mean L1 norm of all rows as corrected (one odd row then
    does not set the scale of the whole layer). Thresholds are uniform between their bounds.

    Raises:
        BadInput: the network would have no feature neuron, or more than 2^31 weights.
    """
    features = feature_count(inputs, parameters.feature_multiplier)
    if features < 1:
        raise BadInput(
            f"feature_multiplier {parameters.feature_multiplier} gives no feature neuron for {inputs} inputs: "
            f"make it at least {1 / inputs:.3g}."
        )
    if features * max(inputs, places) > 2**31:
        raise BadInput(
            f"A network of {inputs} inputs, {features} features and {places} places has more than 2^31 weights in a layer: "
            "take fewer pixels, features or places."
        )
    published = parameters.threshold_rule == "published"
    feature_weights = _initial_layer(inputs, features, parameters.f_exc, parameters.f_inh, published, rng)
    output_weights = _initial_layer(features, places, parameters.o_exc, parameters.o_inh, published, rng)
    return LensNetwork(
        feature_weights,
        rng.uniform(parameters.thr_l_feat, parameters.thr_h_feat, features).astype(np.float32),
        output_weights,
        rng.uniform(parameters.thr_l_out, parameters.thr_h_out, places).astype(np.float32),
    )


def network_name(reference: str, inputs: int, features: int, places: int) -> str:
    """LENS's file name of a network of these sizes, trained on a reference traverse."""
    return f"{reference}_LENS_IN{inputs}_FN{features}_DB{places}.pth"


def save_network(path: Path, network: LensNetwork, record: RunRecord | None = None) -> None:
    """Write a state dict that LENS reads, and the run record beside it (same name, .json).

    Without a record one that lies there is removed: it would tell of another network.
    """
    write_network(path, arrays_of(network), record)


def arrays_of(network: LensNetwork) -> dict[str, NDArray[np.float32]]:
    """A network's arrays under the keys of LENS's state dict."""
    arrays = (network.feature_thresholds[None], network.feature_weights, network.output_thresholds[None], network.output_weights)
    return dict(zip(_KEYS, arrays, strict=True))


def load_network(path: Path) -> LensNetwork:
    """Read a network of LENS's or ours; nothing in the file is run.

    Raises:
        BadInput: the file is missing, broken, holds more than tensors, or its keys, shapes, dtypes or values are not those of
            a LENS network.
    """
    return lens_from(path, *read_state_dict(path))


def lens_from(path: Path, state: dict[str, Any], size: int) -> LensNetwork:
    """The network of a state dict that was read already (see load_network)."""
    import torch

    if set(state) != set(_KEYS):
        held = ", ".join(map(str, list(state)[:6]))
        raise BadInput(f"{path} is not a LENS network: it must hold exactly {', '.join(_KEYS)}, but holds {held or 'nothing'}.")
    arrays = {}
    for key in _KEYS:
        tensor = state[key]
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.float32 or tensor.layout != torch.strided:
            raise BadInput(f"{path}: {key} must be a float32 tensor, but is {getattr(tensor, 'dtype', type(tensor).__name__)}.")
        if tensor.ndim != 2 or tensor.numel() * 4 > size:
            raise BadInput(f"{path}: {key} must be a matrix no larger than its file, but has the shape {tuple(tensor.shape)}.")
        arrays[key] = np.array(tensor.detach().numpy(), dtype=np.float32, order="C")
        if not np.isfinite(arrays[key]).all():
            raise BadInput(f"{path}: {key} holds NaN or infinite values: train the network again.")
    feature_thr, feature_w, output_thr, output_w = (arrays[key] for key in _KEYS)
    if feature_thr.shape != (1, len(feature_w)) or output_thr.shape != (1, len(output_w)):
        raise BadInput(
            f"{path}: each layer's thr must have the shape (1, neurons), for weights of {feature_w.shape} and {output_w.shape}."
        )
    if output_w.shape[1] != len(feature_w) or 0 in (*feature_w.shape, *output_w.shape):
        raise BadInput(f"{path}: the output layer's weights {output_w.shape} do not fit the feature layer's {feature_w.shape}.")
    return LensNetwork(feature_w, feature_thr[0], output_w, output_thr[0])
