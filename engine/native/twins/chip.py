"""The virtual chip in NumPy: the oracle of the compiled VirtualChip and its fallback."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Given = tuple[NDArray[np.int8], Sequence[int], Sequence[int], Sequence[int], int, int, int]

_NEVER = int(np.iinfo(np.int64).min)
_MOST_SPIKES, _MOST_ARRIVING = 32767, (1 << 30) // 128


class _Core:
    def __init__(self, given: Given) -> None:
        weights, inputs, self.stride, self.padding, self.pool, self.threshold, self.lowest = given
        if weights.ndim != 4 or weights.size == 0 or weights.shape[1] != weights.shape[2] or weights.shape[0] != inputs[0]:
            raise ValueError("weights must be channels x kernel x kernel x features")
        if not (1 <= self.threshold <= 32767 and -32768 <= self.lowest <= 0):
            raise ValueError("a threshold must be from 1 to 32767, the lowest membrane from -32768 to 0")
        self.W = weights.astype(np.int64)
        self.channels, self.rows, self.columns = inputs
        self.kernel, self.features = weights.shape[1], weights.shape[3]
        room = [inputs[1 + axis] + 2 * self.padding[axis] - self.kernel for axis in (0, 1)]
        if min(room) < 0:
            raise ValueError("the kernel is larger than the padded input")
        self.out_rows, self.out_columns = (room[axis] // self.stride[axis] + 1 for axis in (0, 1))
        self.reset()

    def reset(self) -> None:
        self.states = np.zeros((self.out_rows, self.out_columns, self.features), np.int64)
        self.sums = np.zeros_like(self.states)
        self.totals = np.zeros(4, np.int64)  # spikes arrived, spikes fired, synaptic operations, states at their end

    def reached(self, channel: int, row: int, column: int) -> list[tuple[int, int, NDArray[np.int64]]]:
        """The positions of the output that an input reaches, row by row, with the weights there."""
        return [
            (y, x, self.W[channel, row - y * self.stride[0] + self.padding[0], column - x * self.stride[1] + self.padding[1]])
            for y in range(self.out_rows)
            if 0 <= row - y * self.stride[0] + self.padding[0] < self.kernel
            for x in range(self.out_columns)
            if 0 <= column - x * self.stride[1] + self.padding[1] < self.kernel
        ]


class VirtualChip:
    """A chain of cores, each a convolution with integrate-and-fire neurons, in the chip's integers.

    Event by event (run_events), as the chip: a spike that arrives adds its weight to every neuron that it reaches with a
    weight other than 0; the state stays within 16 bits; a neuron that holds its threshold gives one spike and the threshold
    up; no state falls under `lowest`. Step by step (run_steps), as sinabs's discretised network: all that arrives in a step is
    added, a neuron fires as many spikes as it holds thresholds, and states may pass 16 bits, which is counted.

    Args:
        layers: each (weights (channels, kernel, kernel, features) int8, input (channels, rows, columns), stride, padding, pool
            of its output, threshold, lowest).
        pool: pixels of the camera, squared, that are one of the first layer's.

    Raises:
        ValueError: shapes that do not fit, thresholds out of 16 bits, more spikes in one step than can be counted.
    """

    def __init__(self, layers: Sequence[Given], pool: int = 1) -> None:
        if not layers or pool < 1:
            raise ValueError("a chip needs a layer, and a positive pool")
        self._cores = [_Core(given) for given in layers]
        for core, following in zip(self._cores, self._cores[1:], strict=False):
            given = (core.features, core.out_rows // core.pool, core.out_columns // core.pool)
            if given != (following.channels, following.rows, following.columns):
                raise ValueError("a layer's input must be the map of the layer before")
        self._pool = pool
        self.reset()

    def reset(self) -> None:
        """Put all states at rest, and all counts at 0."""
        for core in self._cores:
            core.reset()
        self.off, self._clock = 0, _NEVER

    def run_events(self, events: NDArray[np.void], first: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Feed events to the layer `first`: times and neurons (feature, row, column flattened) of the last layer's spikes."""
        if not 0 <= first < len(self._cores):
            raise ValueError("there is no such layer to feed")
        entry, pool = self._cores[first], self._pool if first == 0 else 1
        self._times: list[int] = []
        self._neurons: list[int] = []
        for time, x, y in zip(events["timestamp"].tolist(), events["x"].tolist(), events["y"].tolist(), strict=True):
            self._clock = max(self._clock, time)
            if x < 0 or y < 0 or x // pool >= entry.columns or y // pool >= entry.rows:
                self.off += 1
            else:
                self._arrive(first, 0, y // pool, x // pool)
        return np.array(self._times, np.int64), np.array(self._neurons, np.int32)

    def run_steps(self, counts: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Feed (steps, channels, rows, columns) spikes; (steps, neurons) int32 spikes of the last layer."""
        entry, last = self._cores[0], self._cores[-1]
        if counts.ndim != 4 or counts.shape[1:] != (entry.channels, entry.rows, entry.columns):
            raise ValueError("counts must be steps x channels x rows x columns of the first layer's input")
        result = np.zeros((len(counts), last.features * last.out_rows * last.out_columns), np.int32)
        for step, given in enumerate(counts.astype(np.int64)):
            arriving = given
            for core in self._cores:
                arriving = self._step(core, arriving)
            result[step] = arriving.reshape(-1)
        return result

    def totals(self) -> NDArray[np.int64]:
        """(layers, 4) since the reset: spikes arrived, spikes fired, synaptic operations, states that reached their end."""
        return np.array([core.totals for core in self._cores])

    def membranes(self, layer: int, stepped: bool) -> NDArray[np.int32]:
        """(features, rows, columns) states of a layer."""
        core = self._cores[layer]
        return (core.sums if stepped else core.states).transpose(2, 0, 1).astype(np.int32)

    def _arrive(self, number: int, channel: int, row: int, column: int) -> None:
        core = self._cores[number]
        core.totals[0] += 1
        for y, x, weights in core.reached(channel, row, column):
            touched = weights != 0
            core.totals[2] += np.count_nonzero(touched)
            total = core.states[y, x] + weights
            held = np.clip(total, -32768, 32767)
            core.totals[3] += np.count_nonzero(held != total)
            fires = (held >= core.threshold) & touched
            core.states[y, x] = np.maximum(held - fires * core.threshold, core.lowest)
            for feature in np.flatnonzero(fires).tolist():
                core.totals[1] += 1
                if core is self._cores[-1]:
                    self._times.append(self._clock)
                    self._neurons.append((feature * core.out_rows + y) * core.out_columns + x)
                elif y // core.pool < self._cores[number + 1].rows and x // core.pool < self._cores[number + 1].columns:
                    self._arrive(number + 1, feature, y // core.pool, x // core.pool)

    def _step(self, core: _Core, arriving: NDArray[np.int64]) -> NDArray[np.int64]:
        """One step of a core: what arrives (channels, rows, columns), and what goes on, summed over its pool."""
        if arriving.sum() > _MOST_ARRIVING:
            raise ValueError("more spikes arrive at a core in one step than can be summed")
        core.totals[0] += arriving.sum()
        for channel, row, column in np.argwhere(arriving).tolist():
            times = arriving[channel, row, column]
            for y, x, weights in core.reached(channel, row, column):
                core.totals[2] += times * np.count_nonzero(weights)
                core.sums[y, x] += times * weights
        core.totals[3] += np.count_nonzero((core.sums > 32767) | (core.sums < -32768))
        spikes = np.maximum(core.sums, 0) // core.threshold
        if spikes.max() > _MOST_SPIKES:
            raise ValueError("a neuron fires more often in one step than can be counted")
        core.sums = np.maximum(core.sums - spikes * core.threshold, core.lowest)
        core.totals[1] += spikes.sum()
        fired = spikes.transpose(2, 0, 1)
        if core is self._cores[-1]:
            return fired
        rows, columns, pool = core.out_rows // core.pool, core.out_columns // core.pool, core.pool
        whole = fired[:, : rows * pool, : columns * pool]
        summed: Any = whole.reshape(core.features, rows, pool, columns, pool).sum(axis=(2, 4))
        return np.asarray(summed)
