"""A network in the chip's integers: weights of 8 bit, thresholds and states of 16, one scale a layer.

With clip 0 the scale is the one of sinabs's discretize.py (3.1.3): as large as the largest weight, and the thresholds, allow. A
few large weights then leave the many small ones no bits; to clip some of the large ones gives the small ones a finer step.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.chip.check import ChipCheck, PlaceNetwork, check_model
from engine.chip.layers import ChipLayer, ChipShape, place_network_shape
from engine.chip.limits import STATE_MAX, STATE_MIN, WEIGHT_MAX, WEIGHT_MIN
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.parameters import Parameters, parameter

OUTPUT_SPIKES = 100.0
"""Spikes of a prototype's neuron in a window of its own place."""

LENS_INPUT_THRESHOLD = 10.0
INPUT_SPIKES = 20.0
"""Spikes of an input in a window that a threshold is chosen for. On two synthetic routes of 6 events a pixel and second, recall
event by event rose up to about here and little beyond; LENS's 10 events a spike left half the windows there without an answer."""


class ChipParameters(Parameters):
    """How a network becomes the chip's."""

    input_threshold: float | None = parameter(
        None,
        "Events of a pixel (with cell mean: of all its pixels, over their number) that make one input spike (left out: so "
        "many that an input fires about 20 times a window at the density of the reference, where that is known; LENS: 10).",
        gt=0,
        le=512,
    )
    feature_threshold: float = parameter(
        2.0, "Threshold of the feature neurons; the network was trained for 1, and LENS takes 2 on the chip.", gt=0, le=256
    )
    output_threshold: float = parameter(
        1.0,
        "Threshold of the output neurons; the network was trained for 1. Of prototypes it is a factor on the threshold at which "
        "a neuron fires about 100 times in a window of its own place.",
        gt=0,
        le=256,
    )
    clip: float = parameter(
        0.0,
        "Share of a layer's weights, the largest ones, that may be clipped so that the others keep more of their bits; "
        "0 clips none, as sinabs.",
        ge=0,
        le=0.2,
    )


@dataclass(frozen=True, eq=False)
class QuantisedLayer:
    """One layer in integers.

    Attributes:
        shape: on the chip.
        weights: (channels, kernel, kernel, features) int8.
        threshold, lowest: of the neurons, lowest = -threshold.
        scale: integers a unit of the network's own weights and thresholds.
        clipped: share of the nonzero weights that were clipped.
        lost: share of the nonzero weights that became 0.
        error: root mean square of what rounding and clipping changed, over that of the weights.
    """

    shape: ChipLayer
    weights: NDArray[np.int8]
    threshold: int
    lowest: int
    scale: float
    clipped: float
    lost: float
    error: float


@dataclass(frozen=True, eq=False)
class QuantisedNetwork:
    """A place network in the chip's integers.

    Attributes:
        shape: its layers' shapes.
        layers: in order; the first selects or averages pixels.
        check: against the chip's limits; `layers[i].core` says where each is.
        inputs: grid, region and cell.
        parameters: how it was made, with the input threshold that was chosen.
        neuron_places: (output neurons,) the place of each, ascending; prototypes may have several a place.
    """

    shape: ChipShape
    layers: tuple[QuantisedLayer, ...]
    check: ChipCheck
    inputs: InputParameters
    parameters: ChipParameters
    neuron_places: NDArray[np.int32]

    @property
    def places(self) -> int:
        """Number of places."""
        return int(self.neuron_places[-1]) + 1

    def by_place(self, counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Spikes of the output neurons as spikes of the places: of the best neuron where a place has several."""
        starts = np.flatnonzero(np.diff(self.neuron_places, prepend=-1))
        return np.maximum.reduceat(counts, starts).astype(np.float32, copy=False)

    def simulator(self, first: int = 0) -> Any:
        """A VirtualChip of the layers from `first` on, at rest."""
        given = [
            (
                layer.weights,
                layer.shape.inputs,
                layer.shape.stride,
                layer.shape.padding,
                layer.shape.pool,
                layer.threshold,
                layer.lowest,
            )
            for layer in self.layers[first:]
        ]
        return native.VirtualChip(given, self.shape.pool if first == 0 else 1)

    def as_json(self) -> list[dict[str, Any]]:
        """What quantising did to each layer, for reports."""
        told = ("threshold", "lowest", "scale", "clipped", "lost", "error")
        return [{"layer": layer.shape.name, **{name: getattr(layer, name) for name in told}} for layer in self.layers]


def suggested_input_threshold(events_per_pixel: float, inputs: InputParameters) -> float:
    """The threshold at which an input fires INPUT_SPIKES times in a window of this density.

    Args:
        events_per_pixel: mean of the event frames that the network learned from.
        inputs: settled; a selected pixel cannot fire more often than its events, a cell's mean can.
    """
    pixels = inputs.cell_size[0] * inputs.cell_size[1] if inputs.cell == "mean" else 1
    wanted = max(1.0, events_per_pixel / INPUT_SPIKES * pixels)
    return min(float(round(wanted)), float(STATE_MAX), 512.0 * pixels) / pixels


def quantise(
    network: PlaceNetwork,
    inputs: InputParameters,
    parameters: ChipParameters | None = None,
    region: tuple[int, int] | None = None,
    events_per_pixel: float | None = None,
) -> QuantisedNetwork:
    """Bring a trained network into the chip's integers.

    Args:
        network: a LensNetwork, or a PrototypeNetwork that is shown plain pixels of one window.
        inputs: grid, region and cell that it was trained with.
        parameters: thresholds and clipping.
        region: (rows, columns) of the event frames where inputs does not say it.
        events_per_pixel: mean of the event frames that it learned from; sets the input threshold where parameters does not.

    Returns:
        The network; `check` says whether it fits.

    Raises:
        BadInput: the inputs are not the network's, or its layers cannot be made on the chip at all (the check says why).
    """
    parameters = ChipParameters() if parameters is None else parameters
    check = check_model(network, inputs, region)
    settled = inputs if inputs.roi_dim is not None else inputs.for_frames(region or inputs.dims)
    features: int | None = getattr(network, "features", None)
    outputs: int = network.places if features is not None else getattr(network, "neurons", network.places)
    shape = place_network_shape(settled, features, outputs)
    if shape.problems:
        raise BadInput(f"The network cannot be laid out on the chip. {check.sentence}")
    if parameters.input_threshold is None:
        chosen = LENS_INPUT_THRESHOLD
        if events_per_pixel is not None:
            chosen = suggested_input_threshold(events_per_pixel, settled)
        parameters = parameters.model_copy(update={"input_threshold": chosen})
    layers = [_input_layer(shape, settled, parameters)]
    if features is None:
        layers.append(_prototypes(shape.layers[1], network, settled, parameters, events_per_pixel))
        places = np.asarray(getattr(network, "neuron_places", np.arange(outputs)), np.int32)
    else:
        two: Any = network
        layers.append(_quantised(shape.layers[1], two.feature_weights, parameters.feature_threshold, parameters.clip))
        layers.append(_quantised(shape.layers[2], two.output_weights, parameters.output_threshold, parameters.clip))
        places = np.arange(outputs, dtype=np.int32)
    return QuantisedNetwork(shape, tuple(layers), check, settled, parameters, places)


def _prototypes(
    layer: ChipLayer, network: Any, inputs: InputParameters, parameters: ChipParameters, events_per_pixel: float | None
) -> QuantisedLayer:
    """A layer whose weights are 8-bit integers already. Its threshold is not that of the simulation, which counts in steps.

    What a neuron receives in a window of its own place is estimated from its weights, which are the place's inputs up to a
    factor; the threshold lets it fire OUTPUT_SPIKES times. It is never under the largest weight: a neuron that gives one spike
    an event would fall behind what arrives.
    """
    if np.any(getattr(network, "bias", 0)):
        raise BadInput("The network adds a bias at every step, which events have none of: train it with normalise none.")
    weights = np.asarray(network.weights, np.int8)
    spikes = INPUT_SPIKES
    if events_per_pixel is not None:
        spikes = events_per_pixel / (parameters.input_threshold or LENS_INPUT_THRESHOLD)
    values = weights.astype(np.float64)
    means = np.maximum(values.mean(axis=1), 1e-9)
    drive = float(np.median((values**2).sum(axis=1) / means)) * spikes
    threshold = round(min(max(drive / OUTPUT_SPIKES * parameters.output_threshold, WEIGHT_MAX), STATE_MAX))
    return QuantisedLayer(layer, _kernel(layer, weights), threshold, -threshold, 1.0, 0.0, 0.0, 0.0)


def _input_layer(shape: ChipShape, inputs: InputParameters, parameters: ChipParameters) -> QuantisedLayer:
    """The layer that selects a pixel of every cell, or adds all of them; every weight is 1."""
    layer = shape.layers[0]
    height, width = (side // shape.pool for side in inputs.cell_size) if inputs.cell == "mean" else (1, 1)
    kernel = np.zeros((1, layer.kernel, layer.kernel, 1), np.int8)
    top, left = layer.origin
    kernel[0, top : top + height, left : left + width] = 1
    pixels = inputs.cell_size[0] * inputs.cell_size[1] if inputs.cell == "mean" else 1
    threshold = (parameters.input_threshold or LENS_INPUT_THRESHOLD) * pixels
    if threshold > STATE_MAX:
        raise BadInput(
            f"input_threshold {parameters.input_threshold:g} over cells of {pixels} pixels is more than a 16-bit state holds: "
            f"make it {STATE_MAX // pixels} at most."
        )
    if abs(threshold - round(threshold)) < 1e-9:
        threshold = float(round(threshold))  # of events, but for the division by the cell's pixels
    # A threshold that is no whole number of events is kept by larger weights.
    scale = 1 if threshold == round(threshold) else max(1, int(min(WEIGHT_MAX, STATE_MAX // threshold)))
    whole = max(1, round(threshold * scale))
    return QuantisedLayer(layer, kernel * np.int8(scale), whole, -whole, float(scale), 0.0, 0.0, 0.0)


def _quantised(layer: ChipLayer, weights: NDArray[np.float32], threshold: float, clip: float) -> QuantisedLayer:
    """A fully connected layer: weights (features, sources), the sources in the order of the map that it reads."""
    scale = _scale(weights, threshold, clip)
    scaled = np.round(weights * scale)
    whole = np.clip(scaled, WEIGHT_MIN, WEIGHT_MAX).astype(np.int8)
    nonzero = int(np.count_nonzero(weights)) or 1
    limit = int(np.round(np.float32(threshold) * scale))
    if not 1 <= limit <= STATE_MAX:
        raise BadInput(
            f"The threshold of the {layer.name} becomes {limit} in the chip's integers, which must be 1 to {STATE_MAX}: "
            "change the threshold, or train the network again."
        )
    kernel = _kernel(layer, whole)
    changed = whole / np.float64(scale) - weights
    return QuantisedLayer(
        layer,
        kernel,
        limit,
        -limit,
        float(scale),
        clipped=int(np.count_nonzero(scaled != whole)) / nonzero,
        lost=int(np.count_nonzero((whole == 0) & (weights != 0))) / nonzero,
        error=float(np.linalg.norm(changed)) / (float(np.linalg.norm(weights)) or 1.0),
    )


def _kernel(layer: ChipLayer, whole: NDArray[np.int8]) -> NDArray[np.int8]:
    """Weights (features, sources) where they lie in the layer's kernel: (channels, kernel, kernel, features)."""
    channels, rows, columns = layer.inputs
    kernel = np.zeros((channels, layer.kernel, layer.kernel, layer.features), np.int8)
    top, left = layer.origin
    kernel[:, top : top + rows, left : left + columns] = whole.T.reshape(channels, rows, columns, layer.features)
    return kernel


def _scale(weights: NDArray[np.float32], threshold: float, clip: float) -> np.float32:
    """Integers a unit, in float32 as sinabs computes it."""
    values = weights.ravel()
    if clip > 0:
        kept = np.sort(np.abs(values[values != 0]))
        largest = kept[max(0, int(np.ceil(len(kept) * (1 - clip))) - 1)] if len(kept) else np.float32(0)
        values = np.clip(values, -largest, largest)
    low, high = np.float32(values.min()), np.float32(values.max())
    if low == high == 0:
        return np.float32(1)  # a layer without weights
    by_threshold = _fitting(np.float32(-threshold), np.float32(threshold), STATE_MIN, STATE_MAX)
    by_weights = _fitting(low, high, WEIGHT_MIN, WEIGHT_MAX)
    return by_weights if by_weights < by_threshold else by_threshold


def _fitting(low: np.float32, high: np.float32, least: int, most: int) -> np.float32:
    """The largest scale with which values from low to high lie in least..most, as sinabs.backend.dynapcnn.discretize has it."""
    if np.abs(low) <= np.abs(high) * np.float32(abs(least / most)):
        return np.float32(abs(np.float32(most) / high))
    return np.float32(abs(np.float32(least) / low))
