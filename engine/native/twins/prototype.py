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


def regular_spikes(rates: NDArray[np.float32], seed: int, first_frame: int, timebin: int) -> NDArray[np.uint64]:
    """Rasters of inputs that fire at even distances.

    An input fires in a step in which phase + rate t passes a whole number, in units of 2^-32; a rate is rounded up, so that one
    above 0 fires at some time. The phase is drawn for every seed, frame and input: SplitMix64 (Steele, Lea, Flood, 2014), counted
    from a start that seed and frame give.

    Args:
        rates: (queries, inputs) from 0 to 1.
        first_frame: number of the first query.

    Returns:
        (queries, inputs, words): bit b of word w says whether the input fires in step 64 w + b.
    """
    queries, size = rates.shape
    packed = np.zeros((queries, size, 8 * -(-timebin // 64)), np.uint8)
    steps = np.arange(timebin + 1, dtype=np.uint64)
    for query in range(queries):
        start = _mixed(np.bitwise_xor(_mixed(np.array([seed], np.uint64)), np.uint64(first_frame + query)))
        phases = _mixed(np.add(start, np.arange(size, dtype=np.uint64))) >> np.uint64(32)
        increments = np.ceil(np.ldexp(rates[query].astype(np.float64), 32)).astype(np.uint64)
        passed = (phases[:, None] + increments[:, None] * steps) >> np.uint64(32)
        bits = np.packbits(passed[:, 1:] != passed[:, :-1], axis=1, bitorder="little")
        packed[query, :, : bits.shape[1]] = bits
    return np.asarray(packed.view("<u8").astype(np.uint64, copy=False))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def prototype_readouts(
    counts: NDArray[np.int32], membranes: NDArray[np.int32], drives: NDArray[np.int32], threshold: int, ordered: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Spikes and membranes as similarities, (neurons, queries) each.

    Args:
        ordered: whether equal counts are ordered by the membrane v that is left: count + (v / threshold + 1) / 2, rounded down,
            which is never as much as one more spike.

    Returns:
        The spikes; and all that the membranes received, in thresholds.
    """
    spikes = counts.astype(np.float32)
    if ordered:
        exact = counts + (membranes / threshold + 1) / 2
        nearest = exact.astype(np.float32)
        spikes = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return spikes, (drives / threshold).astype(np.float32)
