"""One layer of integer integrate-and-fire neurons: what the compiled loop gives, bit for bit."""

import numpy as np
from numpy.typing import NDArray


def simulate_prototypes(
    bits: NDArray[np.uint64],
    signs: NDArray[np.int8],
    timebin: int,
    panels: NDArray[np.int8],
    bias: NDArray[np.int32],
    threshold: int,
    fan_out: NDArray[np.int64],
    neurons: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Queries from resting membranes; every step a membrane takes its bias and the signed weights of the inputs that fire.

    Then it fires as many spikes as it holds thresholds, gives them up, and is kept from falling under minus the threshold.

    Args:
        bits: (queries, inputs, words): bit b of word w says whether the input fires in step 64 w + b.
        signs: (queries, inputs), -1 for an input whose spikes are of the second polarity, which takes weights off.
        panels: (panels, inputs, 64): the weights of neuron n are panels[n // 64, :, n % 64].
        bias: (panels * 64,).
        fan_out: (inputs,) nonzero weights of each input.
        neurons: how many of the padded ones there are.

    Returns:
        Spikes, membranes at the end and all that arrived, (queries, neurons) each; synaptic operations and input spikes
        (queries,). `threads` is of no use here.
    """
    queries, inputs = signs.shape
    weights = panels.transpose(1, 0, 2).reshape(inputs, -1)[:, :neurons].astype(np.int32)
    counts, membranes, drives = (np.zeros((queries, neurons), np.int32) for _ in range(3))
    synops, arrived = np.zeros(queries, np.int64), np.zeros(queries, np.int64)
    for query in range(queries):
        raster = np.unpackbits(bits[query].astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little")[:, :timebin]
        polarity = np.where(signs[query] < 0, -1, 1).astype(np.int32)
        v = membranes[query]
        for step in range(timebin):
            drive = (raster[:, step] * polarity) @ weights + bias[:neurons]
            drives[query] += drive
            v += drive
            fired = np.maximum(v, 0) // threshold
            counts[query] += fired
            v -= fired * np.int32(threshold)
            np.maximum(v, -threshold, out=v)
        arrived[query] = raster.sum()
        synops[query] = raster.sum(axis=1) @ fan_out
    return counts, membranes, drives, synops, arrived
