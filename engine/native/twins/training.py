"""The LENS learning rule, a line an equation: the oracle of the compiled TrainingLayer and its fallback."""

import time

import numpy as np
from numpy.typing import NDArray


class TrainingLayer:
    """One layer of the LENS network while it learns.

    Args:
        weights: (rows, inputs); a weight whose sign is 0 is 0 for ever.
        signs: (rows, inputs), the fixed signs: above 0 excitatory, below 0 inhibitory, 0 absent.
        thresholds: (rows,).
        targets: (rows,), the rates that the thresholds steer to.
        samples: (places, inputs), the input of each place; of a place that has several, each is a sample.
        drive: (places, inputs), what STDP multiplies by: 1 where the input is positive (feature layer), the input over its
            target rate (output layer).
        row_of: (samples,), the output row that each sample forces; left out: its own number.
        output_layer: the output layer's STDP (the row of the place shown is forced), else the feature layer's.
        own_output: thresholds follow the row's own output (corrected) instead of 0 (as published).

    Computes in the dtype of `weights` (tests use float64). Source: VPRTempo (arXiv 2309.10225), LENS (arXiv 2408.16754).

    Raises:
        ValueError: shapes that do not fit each other.
    """

    def __init__(
        self,
        weights: NDArray[np.floating],
        signs: NDArray[np.floating],
        thresholds: NDArray[np.floating],
        targets: NDArray[np.floating],
        samples: NDArray[np.floating],
        drive: NDArray[np.floating],
        *,
        row_of: NDArray[np.integer] | None = None,
        output_layer: bool,
        own_output: bool,
    ) -> None:
        shape = weights.shape
        if len(shape) != 2 or 0 in shape:
            raise ValueError("weights must be rows x inputs, neither of them 0")
        if signs.shape != shape or thresholds.shape != shape[:1] or targets.shape != shape[:1]:
            raise ValueError("signs, thresholds or targets have the wrong shape")
        if samples.ndim != 2 or samples.shape != drive.shape or samples.shape[1] != shape[1] or not len(samples):
            raise ValueError("samples or drive have the wrong shape")
        if row_of is None and output_layer and len(samples) > shape[0]:
            raise ValueError("an output layer needs a row for each place")
        if row_of is not None and (row_of.shape != samples.shape[:1] or row_of.min() < 0 or row_of.max() >= shape[0]):
            raise ValueError("row_of has the wrong shape, or names a row that there is not")
        self._dtype = weights.dtype
        self._excitatory, self._inhibitory = signs > 0, signs < 0
        self._W = np.where(signs != 0, weights, 0).astype(self._dtype)
        self._theta, self._r, self._x, self._u = (a.astype(self._dtype) for a in (thresholds, targets, samples, drive))
        self._row_of = row_of
        self._output_layer, self._own_output = output_layer, own_output
        self._output_sum, self._summed = np.zeros(shape[0], self._dtype), 0

    def run(
        self, order: NDArray[np.integer], rates: NDArray[np.floating], threshold_rates: NDArray[np.floating], threads: int = 1
    ) -> None:
        """Learn one step for each place in `order`, at learning rates eta and eta_ip of one value a step.

        Raises:
            ValueError: rates of another length than order, or a place that there is no sample of.
        """
        if order.ndim != 1 or rates.shape != order.shape or threshold_rates.shape != order.shape:
            raise ValueError("order, rates and threshold_rates must be rows of one length")
        if len(order) and not (order.min() >= 0 and order.max() < len(self._x)):
            raise ValueError("order names a place that there is no sample of")
        for place, eta, eta_ip in zip(order, rates.astype(self._dtype), threshold_rates.astype(self._dtype), strict=True):
            self._step(int(place), eta, eta_ip)

    def _step(self, place: int, eta: np.floating, eta_ip: np.floating) -> None:
        W, x, u, half = self._W, self._x[place], self._u[place], self._dtype.type(0.5)
        n = W @ x
        y = np.clip(n - self._theta, 0, 1)
        a = y.copy() if self._own_output else np.zeros_like(y)
        if self._output_layer:
            row = place if self._row_of is None else int(self._row_of[place])
            a[row] = half
            step = eta * np.clip(half - y[row], 0, 1) * u
            W[row] += np.where(self._excitatory[row] | self._inhibitory[row], step, 0)
        else:
            change = np.outer(np.where(y > 0, eta * (half - y), 0), u)
            W += np.where(self._excitatory, change, np.where(self._inhibitory, -change, 0))
        np.clip(W, 1e-6, 10, out=W, where=self._excitatory)
        np.clip(W, -10, -1e-6, out=W, where=self._inhibitory)
        self._theta = np.maximum(0, self._theta + eta_ip * (a - self._r))
        W += (50 * eta * n)[:, None] * np.where(self._inhibitory, W, 0)
        self._output_sum += y
        self._summed += 1

    def weights(self) -> NDArray[np.floating]:
        """The weights now, (rows, inputs)."""
        return self._W.copy()

    def weights_at(self, indices: NDArray[np.integer]) -> NDArray[np.floating]:
        """The weights at flat indices (row * inputs + input)."""
        return np.take(self._W, indices)

    def thresholds(self) -> NDArray[np.floating]:
        """The thresholds now, (rows,)."""
        return self._theta.copy()

    def take_mean_output(self) -> NDArray[np.floating]:
        """Each row's mean output over the steps since this was last asked, (rows,)."""
        mean = self._output_sum / max(self._summed, 1)
        self._output_sum, self._summed = np.zeros_like(mean), 0
        return mean

    def outputs(self, first: int, last: int, threads: int = 1) -> NDArray[np.floating]:
        """The outputs for the samples of places first to last - 1 with the weights as they are, (last - first, rows).

        Raises:
            ValueError: there are no such places.
        """
        if not 0 <= first <= last <= len(self._x):
            raise ValueError("outputs are asked for places that there is no sample of")
        # Place by place: one matrix product would round otherwise for another number of places.
        n = np.array([self._W @ x for x in self._x[first:last]], self._dtype).reshape(last - first, len(self._W))
        outputs: NDArray[np.floating] = np.clip(n - self._theta, 0, 1)
        return outputs


def training_operation_seconds(weights: int) -> float:
    """Seconds that updating one weight takes at least, measured on `weights` of them: for benchmarks only."""
    values, gate = np.full(min(weights, 1 << 16), 0.5, np.float32), np.float32(0.5)
    started = time.perf_counter()
    for _ in range(max(1, weights // len(values))):
        values = np.minimum(np.maximum(values + gate, np.float32(1e-6)), np.float32(10)) * np.float32(0.9)
    return (time.perf_counter() - started) / max(weights, len(values))
