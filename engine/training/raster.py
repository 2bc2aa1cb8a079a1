"""The spikes of one place, step by step: what the raster plot of a training shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEPS = 100


def spike_raster(
    layers: Sequence[NDArray[np.float32]], probabilities: NDArray[np.float32], seed: int, steps: int = STEPS
) -> list[NDArray[np.uint8]]:
    """Show one place to a network as random bits, and note every spike.

    The neurons are those of engine.recognition.spiking (integrate and fire: several spikes a step, reset by subtraction,
    membrane not under -1); only the random bits are drawn otherwise.

    Args:
        layers: (neurons, sources) float32 each, the first one fed by the inputs.
        probabilities: (inputs,) in [0, 1], the chance of each input to fire at a step.
        seed: of the random bits.
        steps: how many.

    Returns:
        (steps, neurons) uint8 spikes of the inputs and of every layer, at most 255 a step.
    """
    bits = np.random.default_rng([seed, 2]).random((steps, len(probabilities)), np.float32) < probabilities
    rasters, sent = [bits.astype(np.uint8)], bits.astype(np.float32)
    for weights in layers:
        arriving = sent @ weights.T
        sent = np.empty_like(arriving)
        membrane = np.zeros(len(weights), np.float32)
        for step, current in enumerate(arriving):
            membrane += current
            fired = np.floor(np.maximum(membrane, 0))
            membrane = np.maximum(membrane - fired, -1)
            sent[step] = fired
        rasters.append(np.minimum(sent, 255).astype(np.uint8))
    return rasters
