"""Teaches prototypes: one pass over the references, each of which becomes the weights of a neuron."""

import time

import numpy as np
from numpy.typing import NDArray

from engine.frames.encoder import InputStatistics
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Metric, Progress
from engine.networks.prototype import (
    PrototypeNetwork,
    PrototypeRule,
    merge,
    prototype_name,
    prototypes_of,
    save_prototypes,
)
from engine.networks.prototype_parameters import PROTOTYPE_PRESETS, PrototypeParameters
from engine.places.selection import ReferenceSelection
from engine.recognition.prototype_spiking import prepare_prototypes, simulate_prototypes, spike_words
from engine.training.job import Places, TrainedNetwork, TrainingOutput, check_target, read_places
from engine.training.live import SPIKES, WEIGHTS, rate_histogram, weight_values

__all__ = ["PROTOTYPE_PRESETS", "PrototypeParameters", "teach_places", "teach_prototypes", "tell_prototypes", "train_prototype"]

LAYER = "output layer"
"""The layer of places goes under the same name as LENS's in progress and metrics."""


def teach_prototypes(
    parameters: PrototypeParameters,
    seen: NDArray[np.float32],
    statistics: InputStatistics | None,
    inputs: InputParameters,
    emit: Emit,
    cancel: CancelToken,
) -> PrototypeNetwork:
    """A network of the places, one row of inputs each.

    Args:
        seen: (places, inputs) float32, what the network sees of the references (engine.frames.encoder.reference_inputs).
        statistics: of the references, where pixels are normalised.
        inputs: settled for a prototype.
        emit: hears Progress (stage "output layer", in places).
        cancel: asked before the work, which takes milliseconds.

    Raises:
        BadInput: there is no place or no input.
        JobCancelled: asked to stop.
    """
    cancel.check()
    network = prototypes_of(seen, statistics, rule_of(inputs), parameters.threshold)
    emit(Progress(LAYER, network.places, network.places, "places"))
    return network


def teach_places(parameters: PrototypeParameters, places: Places, emit: Emit, cancel: CancelToken) -> PrototypeNetwork:
    """A network of what was read; of several traverses along the same places each brings neurons.

    A place then answers with the best of them: the same as a network of each traverse, merged (engine.networks.prototype.merge).

    Raises:
        BadInput: there is no place or no input.
        JobCancelled: asked to stop.
    """
    if not places.looks or places.place_of is None:
        return teach_prototypes(parameters, places.rates, places.statistics, places.inputs, emit, cancel)
    cancel.check()
    network: PrototypeNetwork | None = None
    for samples, statistics in places.looks:
        one = prototypes_of(places.rates[samples], statistics, rule_of(places.inputs), parameters.threshold)
        network = one if network is None else merge(network, one, places.place_of[samples])
    assert network is not None
    emit(Progress(LAYER, network.places, network.places, "places"))
    return network


def rule_of(inputs: InputParameters) -> PrototypeRule:
    """How rows of weights are made, out of what the network sees."""
    return PrototypeRule(inputs.normalise or "none", inputs.window_count)


def tell_prototypes(network: PrototypeNetwork, seen: NDArray[np.float32], parameters: PrototypeParameters, emit: Emit) -> None:
    """Emit what plots show of the network: its weights in 8 bits, how often each neuron fires, the spikes of the last place.

    The metrics are those of LiveMetrics (engine.training.live) for "output layer", "output weights" and "spikes". Firing rates
    are spikes a step, each neuron's mean over at most 64 references.
    """
    some = np.unique(np.linspace(0, len(seen) - 1, min(64, len(seen))).astype(np.int64))
    shown = simulate_prototypes(prepare_prototypes(network), seen[some], parameters, threads=0)
    rates = (shown.counts.mean(axis=1) / parameters.timebin).astype(np.float32)
    values = {
        "firing_rate": rates,
        **rate_histogram(rates),
        "whole_epoch": True,
        "dead": int((rates <= 0).sum()),
        "saturated": int((rates >= 1).sum()),
        "threshold": np.full(network.neurons, network.threshold, np.float32),
    }
    emit(Metric(LAYER, network.places, values))
    weights = weight_values(network.weights.astype(np.float32), parameters.seed)
    # The weights are 8-bit integers already: nothing more is to be clipped.
    weights |= {"limit": 127.0, "clipped": network.clipped_share, "zeroed": 0.0}
    emit(Metric(WEIGHTS[1], network.places, weights))
    last = seen[-1:]
    bits = np.unpackbits(spike_words(last, parameters).astype("<u8").view(np.uint8), axis=2, bitorder="little")
    raster = bits[0, :, : parameters.timebin].T.astype(np.uint8)
    emit(
        Metric(
            SPIKES, network.places, {"place": len(seen) - 1, "input": raster, "output": _output_raster(network, last, parameters)}
        )
    )


def _output_raster(network: PrototypeNetwork, seen: NDArray[np.float32], parameters: PrototypeParameters) -> NDArray[np.uint8]:
    """Spikes of the neurons step by step, (steps, neurons): the draws of a step do not depend on how many follow."""
    prepared = prepare_prototypes(network)
    totals = np.zeros((parameters.timebin + 1, network.neurons), np.int32)
    for step in range(parameters.timebin):
        part = parameters.model_copy(update={"timebin": step + 1})
        totals[step + 1] = simulate_prototypes(prepared, seen, part).counts[:, 0]
    return np.minimum(np.diff(totals, axis=0), 255).astype(np.uint8)


def train_prototype(
    selection: ReferenceSelection,
    inputs: InputParameters,
    training: PrototypeParameters,
    output: TrainingOutput,
    emit: Emit,
    cancel: CancelToken,
) -> TrainedNetwork:
    """Train prototypes on a reference traverse and write the network and its run record, whole or not at all.

    Args:
        selection: the reference traverse.
        inputs: what the network sees of its frames; windows and normalise may be left to the kind.
        training: how prototypes are made and run.
        output: where the network goes.
        emit: gets progress, and metrics for plots.
        cancel: stops it within half a second; nothing is written.

    Raises:
        BadInput: the traverse or a parameter is wrong, or a network is there already; nothing is written.
        JobCancelled: stopped.
    """
    places = read_places(selection, inputs, emit, cancel, "prototype")
    name = prototype_name(selection.label, places.inputs.inputs, places.count)
    target = output.model or selection.workspace().models / name
    check_target(target, output.overwrite)
    begun = time.perf_counter()
    network = teach_places(training, places, emit, cancel)
    seconds = time.perf_counter() - begun
    tell_prototypes(network, places.rates, training, emit)
    record = places.record("prototype", training)
    cancel.check()
    save_prototypes(target, network, record)
    return TrainedNetwork(network, record, target, seconds)
