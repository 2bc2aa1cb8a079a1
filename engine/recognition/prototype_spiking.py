"""Prototypes run spike by spike: inputs to spikes of two polarities, then one layer of integer integrate-and-fire neurons.

The neurons are those of the chip and of sinabs (IAF with MultiSpike and MembraneSubtract, membrane not under -threshold): every
step a membrane takes the signed weights of the inputs that fire, and its bias; fires as many spikes as it holds thresholds, and
gives them up. Weights, bias, threshold and membranes are integers. Membranes rest at zero when a query starts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, ignore
from engine.networks.prototype import PrototypeNetwork, largest_drive
from engine.networks.prototype_parameters import PrototypeParameters
from engine.recognition.encoding import firing_thresholds
from engine.recognition.pacing import in_chunks

_LANES = 64
_COUNTED = 1 << 24  # what a float32 can count
_NO_FIELD = np.empty((0, 0), np.uint32)


@dataclass(frozen=True, eq=False)
class PreparedPrototypes:
    """A network as the simulation reads it.

    Attributes:
        panels: (panels, inputs, 64) int8.
        bias: (panels * 64,) int32.
        fan_out: (inputs,) int64 nonzero weights of each input.
        firsts: (places,) int64, the first neuron of each place.
        threshold, neurons, places, inputs: of the network.
        most: that a membrane can receive in one step.
    """

    panels: NDArray[np.int8]
    bias: NDArray[np.int32]
    fan_out: NDArray[np.int64]
    firsts: NDArray[np.int64]
    threshold: int
    neurons: int
    places: int
    inputs: int
    most: int


@dataclass(frozen=True, eq=False)
class PrototypeSpikes:
    """What a simulation gave; columns are queries.

    Attributes:
        counts: (neurons, queries) int32 spikes.
        membranes: (neurons, queries) int32 at the end, in units of a weight.
        drives: (neurons, queries) int32, all that the membranes received: where they would stand without a threshold.
        synops: (queries,) int64 synaptic operations: one for each input spike and each nonzero weight that it meets.
        input_spikes, output_spikes: (queries,) int64.
    """

    counts: NDArray[np.int32]
    membranes: NDArray[np.int32]
    drives: NDArray[np.int32]
    synops: NDArray[np.int64]
    input_spikes: NDArray[np.int64]
    output_spikes: NDArray[np.int64]


def prepare_prototypes(network: PrototypeNetwork) -> PreparedPrototypes:
    """Lay a network out for `simulate_prototypes`.

    Raises:
        BadInput: its numbers are so large that membranes could not be counted exactly.
    """
    most = largest_drive(network)
    if most + network.threshold >= _COUNTED:
        raise BadInput(
            f"The network has {network.inputs} inputs and a threshold of {network.threshold}, too large to be counted exactly: "
            "take fewer inputs, or train it again."
        )
    panels = -(-network.neurons // _LANES)
    padded = np.zeros((panels * _LANES, network.inputs), np.int8)
    padded[: network.neurons] = network.weights
    bias = np.zeros(panels * _LANES, np.int32)
    bias[: network.neurons] = network.bias
    return PreparedPrototypes(
        panels=np.ascontiguousarray(padded.reshape(panels, _LANES, network.inputs).transpose(0, 2, 1)),
        bias=bias,
        fan_out=np.count_nonzero(network.weights, axis=0).astype(np.int64),
        firsts=np.searchsorted(network.neuron_places, np.arange(network.places)).astype(np.int64),
        threshold=network.threshold,
        neurons=network.neurons,
        places=network.places,
        inputs=network.inputs,
        most=most,
    )


def spike_words(inputs: NDArray[np.float32], parameters: PrototypeParameters, first_frame: int = 0) -> NDArray[np.uint64]:
    """Spike rasters: (queries, inputs, words) uint64, bit b of word w telling whether the input fires in step 64 w + b.

    An input of value x fires at the rate |x|. "regular": where phase + |x| t passes a whole number, as an integrate-and-fire
    neuron driven by |x| does, the phase drawn for every seed, frame and input. "random": in each step with the probability |x|.
    """
    rates = np.abs(inputs)
    if parameters.spikes == "random":
        words = native.encode_spikes(firing_thresholds(rates, "own"), _NO_FIELD, parameters.seed, first_frame, parameters.timebin)
        return np.asarray(words, np.uint64)
    return np.asarray(native.regular_spikes(rates, parameters.seed, first_frame, parameters.timebin), np.uint64)


def simulate_prototypes(
    prepared: PreparedPrototypes,
    inputs: NDArray[Any],
    parameters: PrototypeParameters,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    *,
    first_frame: int = 0,
    threads: int = 0,
) -> PrototypeSpikes:
    """Show queries to prototypes.

    The result of a query depends on its values, the parameters and its number alone: not on what is shown beside it, the
    threads, the vector variant, or whether the compiled loops are there.

    Args:
        inputs: (queries, inputs) float32 in [-1, 1]; negative ones are shown as spikes of the second polarity.
        first_frame: number of the first query, by which its spikes are drawn.
        threads: 0 takes all cores.

    Raises:
        BadInput: inputs that do not fit, or so many steps that membranes could not be counted exactly.
        JobCancelled: the job was asked to stop.
    """
    inputs = np.ascontiguousarray(inputs, np.float32)  # picked pixels come column by column, and the loops take rows
    if inputs.ndim != 2 or inputs.shape[1] != prepared.inputs:
        raise BadInput(
            f"Queries must be rows of {prepared.inputs} inputs as the network has, but are {' x '.join(map(str, inputs.shape))}."
        )
    if not bool((np.abs(inputs) <= 1).all()):  # a NaN fails too
        raise BadInput("Inputs must lie between -1 and 1: encode the frames as the network was trained.")
    if prepared.most * parameters.timebin >= 2**31 or prepared.inputs * parameters.timebin >= 2**32:
        raise BadInput(f"timebin {parameters.timebin} is too long for a network of {prepared.inputs} inputs: lower it.")
    queries = len(inputs)
    shape = (prepared.neurons, queries)
    result = PrototypeSpikes(
        counts=np.zeros(shape, np.int32),
        membranes=np.zeros(shape, np.int32),
        drives=np.zeros(shape, np.int32),
        synops=np.zeros(queries, np.int64),
        input_spikes=np.zeros(queries, np.int64),
        output_spikes=np.zeros(queries, np.int64),
    )

    def work(start: int, stop: int) -> None:
        part = inputs[start:stop]
        counts, membranes, drives, synops, arrived = native.simulate_prototypes(
            spike_words(part, parameters, first_frame + start),
            np.where(part < 0, -1, 1).astype(np.int8),
            parameters.timebin,
            prepared.panels,
            prepared.bias,
            prepared.threshold,
            prepared.fan_out,
            prepared.neurons,
            threads,
        )
        result.counts[:, start:stop] = counts.T
        result.membranes[:, start:stop] = membranes.T
        result.drives[:, start:stop] = drives.T
        result.synops[start:stop] = synops
        result.input_spikes[start:stop] = arrived
        result.output_spikes[start:stop] = counts.sum(axis=1, dtype=np.int64)

    in_chunks(queries, work, "Simulating the prototypes", "queries", emit, cancel)
    return result


def readouts(prepared: PreparedPrototypes, spikes: PrototypeSpikes, ties: str = "membrane") -> dict[str, NDArray[np.float32]]:
    """Similarity matrices (places, queries) by read-out; a place of several neurons has the best one's.

    "spikes": the spike counts, equal ones ordered by the residual membrane v: count + (v / threshold + 1) / 2, rounded down to
    float32, which is never as much as one more spike; with ties "index" the counts alone. "membrane": all that the membrane
    received, in thresholds.
    """
    counts, membrane = native.prototype_readouts(
        spikes.counts, spikes.membranes, spikes.drives, prepared.threshold, ties == "membrane"
    )
    if prepared.places < prepared.neurons and membrane.shape[1]:
        counts, membrane = (np.maximum.reduceat(each, prepared.firsts, axis=0) for each in (counts, membrane))
    return {"spikes": counts, "membrane": membrane}
