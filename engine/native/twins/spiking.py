"""Spike encoding and IAF layers, step by step: the definition of every bit that the compiled loops give."""

import numpy as np
from numpy.typing import NDArray


def philox(counter: NDArray[np.uint32], seed: int) -> NDArray[np.uint32]:
    """Philox4x32-10 of counters (..., 4) under a 64-bit key (Salmon et al., SC 2011)."""
    c0, c1, c2, c3 = (counter[..., word].astype(np.uint64) for word in range(4))
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    key0, key1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (second >> shift) ^ c1 ^ np.uint64(key0),
            second & low,
            (first >> shift) ^ c3 ^ np.uint64(key1),
            first & low,
        )
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def own_draws(inputs: int, seed: int, frame: int, timebin: int) -> NDArray[np.uint32]:
    """Draws (timebin, inputs) of one frame: step 64 g + 16 w + l of input i is word w of counter (16 g + l, i, frame)."""
    step = np.arange(timebin)[:, None]
    counter = np.empty((timebin, inputs, 4), np.uint32)
    counter[..., 0] = step // 64 * 16 + step % 16
    counter[..., 1] = np.arange(inputs)
    counter[..., 2] = frame & 0xFFFFFFFF
    counter[..., 3] = frame >> 32
    words = philox(counter, seed)
    return np.take_along_axis(words, (step // 16 % 4)[..., None], axis=2)[..., 0]


def raster(thresholds: NDArray[np.uint64], field: NDArray[np.uint32], seed: int, frame: int, timebin: int) -> NDArray[np.bool_]:
    """Bits (timebin, inputs) of one query: an input fires where its draw is less than its threshold."""
    draws = field[:, :timebin].T if field.size else own_draws(len(thresholds), seed, frame, timebin)
    return draws.astype(np.uint64) < thresholds


def encode_spikes(
    thresholds: NDArray[np.uint64], field: NDArray[np.uint32], seed: int, first_frame: int, timebin: int
) -> NDArray[np.uint64]:
    """Bits of queries (queries, inputs), 64 steps a word, the lowest bit first: (queries, inputs, words)."""
    queries, inputs = thresholds.shape
    bits = np.zeros((queries, inputs, (timebin + 63) // 64 * 64), np.bool_)
    for query in range(queries):
        bits[query, :, :timebin] = raster(thresholds[query], field, seed, first_frame + query, timebin).T
    return np.packbits(bits, axis=2, bitorder="little").view("<u8").astype(np.uint64)


def iaf_step(
    spikes: NDArray[np.int32], columns: NDArray[np.float32], bias: NDArray[np.float32], membranes: NDArray[np.float32]
) -> NDArray[np.int32]:
    """One step of an IAF layer, in units of its threshold: returns the spikes fired and updates the membranes.

    What arrives is added up in float32 by ascending source, starting at the bias; then the membrane takes the sum, fires
    as many spikes as it holds thresholds, gives them up, and is kept from falling under -1.
    """
    total = bias.copy() if bias.size else np.zeros_like(membranes)
    for source in np.flatnonzero(spikes):
        total += columns[source] * np.float32(spikes[source])
    membranes += total
    fired = np.where(membranes > 0, membranes, np.float32(0)).astype(np.int32)
    membranes -= fired.astype(np.float32)
    np.maximum(membranes, np.float32(-1), out=membranes)
    return fired


def simulate_spiking(
    thresholds: NDArray[np.uint64],
    field: NDArray[np.uint32],
    seed: int,
    first_frame: int,
    timebin: int,
    feature_columns: NDArray[np.float32],
    feature_bias: NDArray[np.float32],
    feature_fan_out: NDArray[np.int64],
    output_columns: NDArray[np.float32],
    output_bias: NDArray[np.float32],
    output_fan_out: NDArray[np.int64],
    outputs: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Queries (queries, inputs) through both layers, from resting membranes.

    Columns are (panels, sources, width): neuron n of the layer is column n % width of panel n // width, padded with neurons
    that have no weights.

    Returns output spike counts (queries, outputs), residual membranes (queries, outputs), synaptic operations (queries) and
    the spikes of the input, feature and output layers (queries, 3). `threads` is of no use here.
    """
    queries, features = len(thresholds), len(output_fan_out)
    into_features = feature_columns.transpose(1, 0, 2).reshape(feature_columns.shape[1], -1)
    into_outputs = output_columns.transpose(1, 0, 2).reshape(output_columns.shape[1], -1)
    counts = np.zeros((queries, outputs), np.int32)
    membranes = np.zeros((queries, outputs), np.float32)
    synops = np.zeros(queries, np.int64)
    spikes = np.zeros((queries, 3), np.int64)
    for query in range(queries):
        bits = raster(thresholds[query], field, seed, first_frame + query, timebin).astype(np.int32)
        feature_membranes = np.zeros(into_features.shape[1], np.float32)
        output_membranes = np.zeros(into_outputs.shape[1], np.float32)
        for step in range(timebin):
            feature = iaf_step(bits[step], into_features, feature_bias, feature_membranes)[:features]
            output = iaf_step(feature, into_outputs, output_bias, output_membranes)[:outputs]
            counts[query] += output
            synops[query] += bits[step] @ feature_fan_out + feature @ output_fan_out
            spikes[query] += bits[step].sum(), feature.sum(), output.sum()
        membranes[query] = output_membranes[:outputs]
    return counts, membranes, synops, spikes
