"""The place network run spike by spike: spike encoding, then two layers of integrate-and-fire (IAF) neurons.

The neurons are those of sinabs's `from_model` (sinabs 3.1, IAF with MultiSpike and MembraneSubtract): each step a membrane takes
what arrives, fires as many spikes as it holds thresholds, gives them up, and is kept from falling under minus its threshold.
Membranes rest at zero when a query starts, so that no query depends on another (LENS carries them over).

LENS's first IAF layer, over the selected pixels, has one synapse of weight 1 a pixel and passes each of its bits on unchanged;
it is left out.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, ignore
from engine.recognition.encoding import Selection, SpikingParameters, draw_field, firing_thresholds
from engine.recognition.pacing import in_chunks

__all__ = [
    "PreparedNetwork",
    "Selection",
    "SpikingParameters",
    "SpikingResult",
    "TwoLayerNetwork",
    "prepare",
    "similarity",
    "simulate",
]

_MOST_SPIKES = 1 << 24  # of one neuron in one step: what float32 can count


class TwoLayerNetwork(Protocol):
    """What of a network is needed here: float32 weights, rows are the neurons of a layer and columns what feeds it."""

    @property
    def feature_weights(self) -> NDArray[np.float32]:
        """(features, inputs)."""

    @property
    def output_weights(self) -> NDArray[np.float32]:
        """(places, features)."""


@dataclass(frozen=True)
class PreparedNetwork:
    """A network as the simulation reads it: make it with `prepare`, once for many calls of `simulate`."""

    inputs: int
    features: int
    places: int
    feature_columns: NDArray[np.float32]
    feature_bias: NDArray[np.float32]
    feature_fan_out: NDArray[np.int64]
    output_columns: NDArray[np.float32]
    output_bias: NDArray[np.float32]
    output_fan_out: NDArray[np.int64]
    most_spikes: float


@dataclass(frozen=True)
class SpikingResult:
    """What a simulation gave; columns are queries.

    Attributes:
        counts: (places, queries) int32 spikes of the output neurons.
        membranes: (places, queries) float32 membrane potentials at the end, in thresholds: from -1 to under 1.
        synops: (queries,) int64 synaptic operations: one for each spike and each nonzero weight that it meets, in both layers
            (input spikes times their fan-out to the features, plus feature spikes times theirs to the outputs).
        input_spikes, feature_spikes, output_spikes: (queries,) int64 spikes of each layer.
    """

    counts: NDArray[np.int32]
    membranes: NDArray[np.float32]
    synops: NDArray[np.int64]
    input_spikes: NDArray[np.int64]
    feature_spikes: NDArray[np.int64]
    output_spikes: NDArray[np.int64]


def prepare(
    network: TwoLayerNetwork,
    *,
    feature_bias: ArrayLike | None = None,
    output_bias: ArrayLike | None = None,
    feature_threshold: ArrayLike = 1.0,
    output_threshold: ArrayLike = 1.0,
) -> PreparedNetwork:
    """Lay a network out for `simulate`.

    Thresholds scale a neuron's weights and bias, in float32, so that every membrane is counted in thresholds.

    Args:
        network: the weights.
        feature_bias, output_bias: what each neuron receives at every step besides its spikes; none by default.
        feature_threshold, output_threshold: one positive number, or one a neuron.

    Raises:
        BadInput: shapes that do not fit, values that are not finite, or so large that spikes can no longer be counted.
    """
    feature_weights = _weights(network.feature_weights, "feature")
    output_weights = _weights(network.output_weights, "output")
    features, inputs = feature_weights.shape
    places, fed = output_weights.shape
    if fed != features:
        raise BadInput(
            f"The output layer reads {fed} features, but the feature layer has {features}: the weights are not one network's."
        )
    feature_columns, feature_drive = _columns(feature_weights, feature_bias, feature_threshold, "feature")
    output_columns, output_drive = _columns(output_weights, output_bias, output_threshold, "output")
    from_inputs = _most_fired(feature_columns, feature_drive, 1.0, "feature")
    from_features = _most_fired(output_columns, output_drive, from_inputs, "output")
    return PreparedNetwork(
        inputs=inputs,
        features=features,
        places=places,
        feature_columns=feature_columns,
        feature_bias=feature_drive,
        feature_fan_out=np.count_nonzero(feature_weights, axis=0).astype(np.int64),
        output_columns=output_columns,
        output_bias=output_drive,
        output_fan_out=np.count_nonzero(output_weights, axis=0).astype(np.int64),
        most_spikes=from_features,
    )


def simulate(
    network: TwoLayerNetwork | PreparedNetwork,
    inputs: NDArray[Any],
    parameters: SpikingParameters | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    *,
    selection: Selection | None = None,
    first_frame: int = 0,
    threads: int = 0,
) -> SpikingResult:
    """Show queries to a network and count its output spikes.

    The result of a query depends on its values, the parameters and its number alone: not on what is shown beside it, the
    threads, the vector variant, or whether the compiled loops are there.

    Args:
        network: weights, or what `prepare` made of them.
        inputs: (queries, inputs) uint8 pixel values, 255 firing at every step, or float probabilities in [0, 1].
        parameters: steps, random field and seed; the defaults where left out.
        emit: hears Progress in queries.
        cancel: checked about ten times a second.
        selection: which pixels the inputs are; needed for LENS's shared field.
        first_frame: number of the first query, by which its own field is drawn.
        threads: how many to use; 0 for all cores.

    Raises:
        BadInput: inputs or weights that do not fit.
        JobCancelled: the job was asked to stop.
    """
    parameters = SpikingParameters() if parameters is None else parameters
    prepared = network if isinstance(network, PreparedNetwork) else prepare(network)
    inputs = np.asarray(inputs)
    if inputs.ndim != 2 or inputs.shape[1] != prepared.inputs:
        raise BadInput(
            f"Queries must be rows of {prepared.inputs} inputs as the network has, but are {' x '.join(map(str, inputs.shape))}."
        )
    if prepared.most_spikes * parameters.timebin >= 2**31:
        raise BadInput(
            "The network's weights are so large that its spikes could not be counted: lower timebin, or check the weights."
        )
    queries = len(inputs)
    result = SpikingResult(
        counts=np.zeros((prepared.places, queries), np.int32),
        membranes=np.zeros((prepared.places, queries), np.float32),
        synops=np.zeros(queries, np.int64),
        input_spikes=np.zeros(queries, np.int64),
        feature_spikes=np.zeros(queries, np.int64),
        output_spikes=np.zeros(queries, np.int64),
    )
    field = draw_field(parameters, prepared.inputs, selection, cancel)

    def work(start: int, stop: int) -> None:
        counts, membranes, synops, spikes = native.simulate_spiking(
            firing_thresholds(inputs[start:stop], parameters.field),
            field,
            parameters.seed,
            first_frame + start,
            parameters.timebin,
            prepared.feature_columns,
            prepared.feature_bias,
            prepared.feature_fan_out,
            prepared.output_columns,
            prepared.output_bias,
            prepared.output_fan_out,
            prepared.places,
            threads,
        )
        result.counts[:, start:stop] = counts.T
        result.membranes[:, start:stop] = membranes.T
        result.synops[start:stop] = synops
        result.input_spikes[start:stop], result.feature_spikes[start:stop], result.output_spikes[start:stop] = spikes.T

    in_chunks(queries, work, "Simulating the network", "queries", emit, cancel)
    return result


def similarity(result: SpikingResult, ties: Literal["membrane", "index"] = "membrane") -> NDArray[np.float32]:
    """The similarity matrix (places, queries) of a simulation: output spike counts.

    With ties="membrane" equal counts are ordered by the residual membrane potential: the count plus (v + 1) / 2, rounded down
    to float32, which is never as much as one more spike. With ties="index" the counts alone are returned, and whoever
    ranks them breaks ties by index.
    """
    counts = result.counts.astype(np.float32)
    if ties == "index":
        return counts
    exact = result.counts + (result.membranes.astype(np.float64) + 1) / 2
    nearest = exact.astype(np.float32)
    return np.where(nearest > exact, np.nextafter(nearest, counts), nearest)


def _weights(weights: Any, layer: str) -> NDArray[np.float32]:
    array = np.asarray(weights)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind != "f":
        raise BadInput(
            f"The {layer} weights must be a matrix of floats, but are {' x '.join(map(str, array.shape))} of {array.dtype}."
        )
    if not np.isfinite(array).all():
        raise BadInput(f"The {layer} weights hold values that are not finite: the network is damaged, train it again.")
    return array.astype(np.float32, copy=False)


def _columns(
    weights: NDArray[np.float32], bias: ArrayLike | None, threshold: ArrayLike, layer: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (panels, sources, width) and bias (padded), over the threshold; 64-byte aligned, as the widest loads are."""
    neurons, sources = weights.shape
    thresholds = _per_neuron(threshold, neurons, f"{layer} threshold")
    if not (thresholds > 0).all():
        raise BadInput(f"Every {layer} threshold must be above 0.")
    width = _panel_width(neurons)
    panels = -(-neurons // width)
    columns = _aligned((panels, sources, width))
    scaled = weights / thresholds[:, None]
    for panel in range(panels):
        rows = scaled[panel * width : (panel + 1) * width]
        columns[panel, :, : len(rows)] = rows.T
    drive = np.zeros(0, np.float32)
    if bias is not None:
        drive = _aligned((panels * width,))
        drive[:neurons] = _per_neuron(bias, neurons, f"{layer} bias") / thresholds
    return columns, drive


def _panel_width(neurons: int) -> int:
    """How many neurons lie side by side in memory: all of a small layer; else so few that a panel's weights fit the L2 cache."""
    vectors = -(-neurons // 16)
    if vectors <= 16:
        return 16 * vectors
    return 16 * min((8, 7, 6), key=lambda width: -(-vectors // width) * width)  # the least padding, then the widest


def _per_neuron(values: ArrayLike, neurons: int, name: str) -> NDArray[np.float32]:
    array = np.asarray(values, np.float32)
    if array.ndim > 1 or array.size not in (1, neurons):
        raise BadInput(f"The {name} must be one number or {neurons}, one a neuron, but has {array.size} values.")
    if not np.isfinite(array).all():
        raise BadInput(f"The {name} holds values that are not finite.")
    return np.broadcast_to(array, neurons)


def _most_fired(columns: NDArray[np.float32], drive: NDArray[np.float32], times: float, layer: str) -> float:
    """The most spikes that one neuron could fire in one step, every source firing `times`."""
    positive = times * np.maximum(columns, 0).sum(axis=1, dtype=np.float64).ravel() + (np.maximum(drive, 0) if drive.size else 0)
    most = float(positive.max()) + 1
    if not most < _MOST_SPIKES:  # an overflow to infinity too
        raise BadInput(
            f"The {layer} weights are so large that a neuron's spikes could not be counted: check the network's weights."
        )
    return most


def _aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    size = 4 * int(np.prod(shape))
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(np.float32).reshape(shape)
