"""The state of a training run on disk, from which it goes on to the same bits."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.networks.lens import LensNetwork, initial_network
from engine.storage import replacing
from engine.training.parameters import LensTrainingParameters

SCHEMA = 1
_LEARNED = ("feature_weights", "feature_thresholds", "output_weights", "output_thresholds")
_ARRAYS = ("feature_weights", "feature_thresholds", "feature_signs", "output_weights", "output_thresholds", "output_signs")


@dataclass
class TrainingState:
    """Everything that the rest of a run depends on.

    Attributes:
        layer: 0 while the feature layer learns, 1 while the output layer does.
        step: steps that this layer has learned.
        generator: state of the random generator before the current epoch's order was drawn.
        network: weights and thresholds now.
        feature_signs: (features, inputs) int8, 1, -1 or 0, fixed from the start.
        output_signs: (places, features) int8.
        done: of networks that are trained one after another, those before.
    """

    layer: int
    step: int
    generator: dict[str, Any]
    network: LensNetwork
    feature_signs: NDArray[np.int8]
    output_signs: NDArray[np.int8]
    done: tuple[LensNetwork, ...] = ()

    @classmethod
    def first(cls, parameters: LensTrainingParameters, inputs: int, places: int) -> "TrainingState":
        """Before the first step.

        Raises:
            BadInput: the network would have no feature neuron, or too many weights.
        """
        rng = np.random.default_rng(parameters.seed)
        network = initial_network(inputs, parameters, places, rng)
        generator = dict(rng.bit_generator.state)
        return cls(0, 0, generator, network, _signs(network.feature_weights), _signs(network.output_weights))


def _signs(weights: NDArray[np.float32]) -> NDArray[np.int8]:
    return np.sign(weights).astype(np.int8)


def write_checkpoint(path: Path, state: TrainingState, parameters: LensTrainingParameters, data_hash: str, native: str) -> None:
    """Write the state, whole or not at all."""
    header = {
        "schema": SCHEMA,
        "kind": "lens",
        "parameters": parameters.model_dump(mode="json"),
        "data_hash": data_hash,
        "native": native,
        "layer": state.layer,
        "step": state.step,
        "generator": state.generator,
        "done": len(state.done),
    }
    network = state.network
    done = {f"done_{number}_{name}": getattr(each, name) for number, each in enumerate(state.done) for name in _LEARNED}
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            header=np.array(json.dumps(header)),
            feature_weights=network.feature_weights,
            feature_thresholds=network.feature_thresholds,
            feature_signs=state.feature_signs,
            output_weights=network.output_weights,
            output_thresholds=network.output_thresholds,
            output_signs=state.output_signs,
            **done,
        )


def read_checkpoint(
    path: Path,
    parameters: LensTrainingParameters,
    data_hash: str,
    shape: tuple[int, int, int],
    samples: int,
    networks: int = 1,
) -> tuple[TrainingState, str]:
    """Read a state back, and the name of the compiled loops that it came from.

    Args:
        shape: the (inputs, features, places) that a network of the run has.
        samples: steps of an epoch.
        networks: that the run trains, one after another.

    Raises:
        BadInput: the file is broken, or belongs to other parameters or other data.
    """
    inputs, features, places = shape
    shapes = ((features, inputs), (features,), (features, inputs), (places, features), (places,), (places, features))
    expected = networks * sum(int(np.prod(s)) * 4 for s in shapes) + 1024 * 1024
    start_anew = "train from the beginning, or remove it"
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > expected:
                raise BadInput(f"{path} is larger than a checkpoint of this run can be: {start_anew}.")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"][()]))
            if not isinstance(header, dict) or header.get("schema") != SCHEMA or header.get("kind") != "lens":
                raise BadInput(f"{path} is not a checkpoint that this version reads: {start_anew}.")
            if LensTrainingParameters.model_validate(header["parameters"]) != parameters:
                raise BadInput(f"{path} belongs to a run with other parameters: {start_anew}.")
            if header["data_hash"] != data_hash:
                raise BadInput(f"{path} belongs to a run on other frames: {start_anew}.")
            done = int(header.get("done", 0))
            if not 0 <= done < networks:
                raise BadInput(f"{path} stands at a network that this run does not have: {start_anew}.")
            before = [f"done_{number}_{name}" for number in range(done) for name in _LEARNED]
            arrays = {name: file[name] for name in (*_ARRAYS, *before)}
        wanted_shapes = dict(zip(_ARRAYS, shapes, strict=True))
        wanted_shapes |= {f"done_{number}_{name}": wanted_shapes[name] for number in range(done) for name in _LEARNED}
        for name, array in arrays.items():
            wanted = wanted_shapes[name]
            if array.shape != wanted or array.dtype != (np.int8 if name.endswith("signs") else np.float32):
                raise BadInput(f"{path}: {name} has the wrong shape or type: {start_anew}.")
        layer, step, generator = int(header["layer"]), int(header["step"]), header["generator"]
        total = samples * (parameters.epoch_out if layer else parameters.epoch_feat)
        if layer not in (0, 1) or not 0 <= step <= total:
            raise BadInput(f"{path} stands at a step that this run does not have: {start_anew}.")
        np.random.default_rng().bit_generator.state = generator  # raises for a state that is none
        trained = tuple(LensNetwork(*(arrays[f"done_{number}_{name}"] for name in _LEARNED)) for number in range(done))
        weights = LensNetwork(*(arrays[name] for name in _LEARNED))
        signs = arrays["feature_signs"], arrays["output_signs"]
        return TrainingState(layer, step, generator, weights, *signs, trained), str(header["native"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path} cannot be read as a checkpoint ({type(error).__name__}): {start_anew}.") from None
