"""What a training tells of itself for plots: cheap figures five times a second, costly ones as seldom as their budget says.

Of a short run more is kept, but not told more often; one that is over in the first fifth of a second is told of at its end.

Watching changes nothing: what is drawn at random here has a generator of its own.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jobs import Emit, JobEvent, Metric, Progress, Throttle
from engine.networks.ensemble import LensEnsemble, members_of, together
from engine.networks.lens import LensNetwork
from engine.training.budget import FIRST_GUESS, Budget
from engine.training.eight_bits import eight_bits
from engine.training.late import LateValidations
from engine.training.raster import spike_raster

LAYERS = ("feature layer", "output layer")
WEIGHTS = ("feature weights", "output weights")
SPIKES, VALIDATION, BEGIN = "spikes", "validation", "begin"
"""Names of the metrics, apart from those of the layers."""

PLOTTED_WEIGHTS = 256
SHARE = 0.01
DEAD, SATURATED = 0.0, 0.999
_SAMPLED = 20_000  # weights of a distribution
_IMAGE_SIDE = 200
_BINS = 60
_RATE_BINS = 40
_TOLD_A_SECOND, _KEPT_A_SECOND, _DETAILS_A_SECOND = 5.0, 25.0, 4.0
_KEPT_A_LAYER = 16  # at least, where it has as many chunks: told together, because a window that wakes holds the training up
_SECONDS_A_WEIGHT = 1.2e-9  # of showing a query to a network, as guessed before one was judged: measured with 784-1568-1000

Validate = Callable[[LensNetwork | LensEnsemble], Mapping[str, Any]]


class _Rates:
    """Firing rates over whole epochs: over less, a neuron whose place was not shown would look dead."""

    def __init__(self, neurons: int, places: int, low: float, high: float) -> None:
        self._sums, self._steps = np.zeros(neurons), 0
        self._places, self._band = places, (low, high)
        self._told: dict[str, Any] = {}

    def values(self, mean: NDArray[np.floating], steps: int) -> dict[str, Any]:
        """Add the mean output over some steps; what to tell."""
        self._sums += mean.astype(np.float64) * steps
        self._steps += steps
        if not self._steps:
            return self._told
        rates = (self._sums / self._steps).astype(np.float32)
        if self._steps >= self._places:
            dead, saturated = int((rates <= DEAD).sum()), int((rates >= SATURATED).sum())
            self._told = {
                "firing_rate": rates,
                "whole_epoch": True,
                "dead": dead,
                "saturated": saturated,
                **rate_histogram(rates),
            }
            self._sums, self._steps = np.zeros_like(self._sums), 0
        elif not self._told.get("whole_epoch"):
            self._told = {"firing_rate": rates, "whole_epoch": False, "dead": 0, "saturated": 0, **rate_histogram(rates)}
        self._told |= {"target_low": self._band[0], "target_high": self._band[1]}
        return self._told


def rate_histogram(rates: NDArray[np.float32]) -> dict[str, Any]:
    """How firing rates are spread: rate_counts between rate_edges."""
    counts, edges = np.histogram(rates, _RATE_BINS, (0.0, max(float(rates.max()), 1e-6)))
    return {"rate_counts": counts, "rate_edges": edges}


class LiveMetrics:
    """The voice of one run.

    Args:
        emit: hears Progress (stages of LAYERS, in steps) and Metric:
            "feature layer", "output layer": firing_rate and threshold of each neuron; rate_counts between rate_edges, their
                histogram; target_low, target_high; whole_epoch
                (the rates are over at least one); dead and saturated (numbers of neurons that answered to nothing, or fully to
                everything, in a whole epoch); learning_rate, threshold_rate; steps_per_second, remaining_s (of the whole run,
                NaN before the speed is known); weight at weight_index, a sample to follow; network and networks, the number of
                the one that learns and of all, where several learn one after another. Steps go on from network to network.
            "feature weights", "output weights": counts between edges; clipped, zeroed, limit (see EightBits); image
                (rows, columns) float32, every so-many-th weight of the matrix.
            "spikes": place, and the spikes of input, feature and (once it learns) output: (steps, neurons) uint8.
            "validation": epoch, what `validate` returns, and left_out, how many validations were due and have not been made: they
                would have taken more than their share of the time. Those that judge_late makes come after later ones.
            "begin": layer, the name of the one that learns from this step on; output_step, at which its network's output layer
                begins: what was told of later steps is void (a killed run goes on from its checkpoint, or the next seed begins).
        seed: of the run; what is sampled here depends on it alone.
        rates: (samples, inputs) what is learned.
        share: of the run's time that costly metrics (weights, spikes, validation) may take; 1: all of it.
        validate: judges a network (of several, those so far); called every `validate_every` epochs of the output layer.
        queries: that it looks at; its time is guessed by them before it was called once.
        details: whether weights and spikes are told of.
        place_of: (samples,) the place that each sample shows; None where each has its own.
    """

    def __init__(
        self,
        emit: Emit,
        seed: int,
        rates: NDArray[np.float32],
        share: float = SHARE,
        validate: Validate | None = None,
        validate_every: int = 1,
        queries: int = 0,
        details: bool = True,
        place_of: NDArray[np.int64] | None = None,
    ) -> None:
        self._place_of = place_of
        self._emit, self._seed, self._rates = emit, seed, rates
        self._validate, self._every, self._queries, self._details = validate, max(1, validate_every), queries, details
        self._budget = Budget(share)
        self._telling, self._keeping = Throttle(_TOLD_A_SECOND), Throttle(_KEPT_A_SECOND)
        self._telling.restart()
        self._detailing = Throttle(_DETAILS_A_SECOND)
        self._turn = self._index = self._step = self._base = 0
        self._left_out = 0
        self._untold: list[Metric] = []
        self._progress: dict[str, Progress] = {}  # of each layer, which come after them
        self._judged = -1  # steps of the network that was judged last
        self._late = LateValidations(self._budget)
        self._done: tuple[LensNetwork, ...] = ()
        self._networks, self._totals = 1, (0, 0)

    def begin_network(self, done: tuple[LensNetwork, ...], networks: int, totals: tuple[int, int]) -> None:
        """A network starts or goes on to learn.

        Args:
            done: those that learned before it in this run.
            networks: how many learn in all; each learns its share of the inputs.
            totals: steps of its feature and its output layer.
        """
        self._done, self._networks, self._totals = done, networks, totals

    def _shown_to(self, number: int, sample: int) -> NDArray[np.float32]:
        inputs = self._rates.shape[1] // self._networks
        shown: NDArray[np.float32] = self._rates[sample, number * inputs : (number + 1) * inputs]
        return shown

    def begin_layer(
        self, index: int, signs: NDArray[np.int8], step: int, total: int, target: tuple[float, float], later: float
    ) -> None:
        """A layer starts or goes on to learn.

        Args:
            index: of the layer.
            signs: (neurons, sources) of its weights.
            step, total: steps done, and to do in all.
            target: lowest and highest target rate.
            later: steps of this layer's length that come after it.
        """
        self._index, self._total, self._later = index, total, later
        self._sample = WeightSample(signs, self._seed)
        self._all_rates = _Rates(len(signs), len(self._rates), *target)
        self._told_step = self._step = step
        self._fresh = True
        self._base = len(self._done) * total
        begun = {"layer": LAYERS[index], "output_step": len(self._done) * self._totals[1]}
        self._untold.append(Metric(BEGIN, self._base + step, begun))
        self.restart_clock(step)

    def restart_clock(self, step: int) -> None:
        """Measure the speed from here on: the run begins, or a pause ends."""
        self._began_step, self._began = step, time.monotonic()

    def next_stop(self, step: int) -> int:
        """The step at which the coming chunk must end, so that the validation comes after whole epochs."""
        if self._validate is None or self._index == 0:
            return self._total
        block = self._every * len(self._rates)
        return min(self._total, (step // block + 1) * block)

    def after_chunk(
        self, layer: Any, network: LensNetwork, step: int, place: int, rate: float, threshold_rate: float, *, last: bool = False
    ) -> None:
        """Tell what is due.

        Args:
            layer: the compiled layer as it stands.
            network: the other layer's weights are taken from here.
            step: steps done.
            place: the sample that was shown last.
            rate, threshold_rate: learning rates of the last step.
            last: the layer is done: nothing of it is passed over.
        """
        self._step = step
        whole = self._validate is not None and self._index == 1 and step % (self._every * len(self._rates)) == 0
        if whole and step:
            weights = (len(self._done) + 1) * network.parameter_count
            guess = max(FIRST_GUESS, _SECONDS_A_WEIGHT * self._queries * weights)
            judged = self._budget.run(VALIDATION, lambda: self.tell_validation(_with_output(network, layer), step), guess)
            if not judged:
                self._left_out += 1
                at = len(self._done) * self._totals[1] + step
                self._late.keep(at, network.output_weights.nbytes, lambda: (*self._done, _with_output(network, layer)))
        due = self._telling.ready()
        if due or last:
            self._keeping.restart()
        elif not self._fresh and (step - self._told_step < self._total / _KEPT_A_LAYER or not self._keeping.ready()):
            return
        self._fresh = False  # the first chunk of a layer is kept: its curves begin there
        speed = self._speed(step)
        values = {
            **self._all_rates.values(layer.take_mean_output(), step - self._told_step),
            "threshold": layer.thresholds(),
            "weight": layer.weights_at(self._sample.followed),
            "weight_index": self._sample.followed,
            "learning_rate": rate,
            "threshold_rate": threshold_rate,
            "steps_per_second": speed,
            "remaining_s": (self._total - step + self._later) / speed if speed else float("nan"),
        }
        if self._networks > 1:
            values |= {"network": len(self._done) + 1, "networks": self._networks}
        self._told_step = step
        self._untold.append(Metric(LAYERS[self._index], self._base + step, values))
        layer_name = LAYERS[self._index]
        self._progress[layer_name] = Progress(layer_name, self._base + step, self._networks * self._total, "steps")
        if not due:
            return
        self.tell_kept()
        if self._details and self._detailing.ready():
            self._turn += 1
            if self._turn % 2:
                self._budget.run(WEIGHTS[self._index], lambda: self._tell_weights(layer, step))
            else:
                self._budget.run(f"{SPIKES} {self._index}", lambda: self._tell_running_spikes(layer, network, step, place))

    def tell_kept(self) -> None:
        """Tell what was kept to be told together: a pause, or the end."""
        kept: list[JobEvent] = [*self._untold, *self._progress.values()]
        for event in kept:
            self._emit(event)
        self._untold.clear()
        self._progress.clear()

    def tell_final(self, network: LensNetwork | LensEnsemble) -> None:
        """Tell how the finished or early stopped network looks: the plots of a run that was too short for any.

        It is judged, too, unless it was already, or its output layer has learned nothing yet. The raster is the last place's; of
        several networks it and the weights are those of the last one.
        """
        self.tell_kept()
        step, place, members = self._base + self._step, len(self._rates) - 1, members_of(network)
        shown = (members[-1].feature_weights, members[-1].output_weights)
        for name, weights in zip(WEIGHTS, shown, strict=True):
            self._emit(Metric(name, step, weight_values(weights, self._seed)))
        self._tell_spikes(spike_raster(shown, self._shown_to(len(members) - 1, place), self._seed), place, step)
        learned = len(self._done) * self._totals[1] + (self._step if self._index else 0)
        if learned and learned != self._judged:
            self._left_out -= self._late.drop(learned)
            self._judge(network, learned)

    def judge_late(self, go_on: Callable[[], bool]) -> None:
        """Make the validations that would have held the training up, now that it is over (see LateValidations.judge)."""

        def judge(network: LensNetwork | LensEnsemble, step: int) -> None:
            self._left_out -= 1
            self._judge(network, step)

        self._late.judge(judge, self._emit, go_on)

    def tell_validation(self, network: LensNetwork, step: int) -> None:
        """Judge a network that has learned so many steps, together with those before it, and tell."""
        self._judge(together((*self._done, network)), len(self._done) * self._totals[1] + step)

    def _judge(self, network: LensNetwork | LensEnsemble, step: int) -> None:
        if self._validate is not None:
            values = dict(self._validate(network))
            self._judged = step
            values |= {"epoch": step / len(self._rates), "left_out": self._left_out}
            self.tell_kept()  # a begin that came after it would make it void
            self._emit(Metric(VALIDATION, step, values))

    def _tell_running_spikes(self, layer: Any, network: LensNetwork, step: int, place: int) -> None:
        weights = np.asarray(layer.weights(), np.float32)
        shown = (weights,) if self._index == 0 else (network.feature_weights, weights)
        seen = self._shown_to(len(self._done), place)
        self._tell_spikes(spike_raster(shown, seen, self._seed), place, self._base + step)

    def _tell_spikes(self, rasters: list[NDArray[np.uint8]], place: int, step: int) -> None:
        named = dict(zip(("input", "feature", "output"), rasters, strict=False))
        shown = place if self._place_of is None else int(self._place_of[place])
        self._emit(Metric(SPIKES, step, {"place": shown, **named}))

    def _tell_weights(self, layer: Any, step: int) -> None:
        sample = self._sample
        self._emit(
            Metric(
                WEIGHTS[self._index],
                self._base + step,
                _weight_values(layer.weights_at(sample.drawn), layer.weights_at(sample.grid), sample),
            )
        )

    def _speed(self, step: int) -> float:
        elapsed = time.monotonic() - self._began
        return (step - self._began_step) / elapsed if elapsed > 0 and step > self._began_step else 0.0


class WeightSample:
    """Which weights of a matrix are looked at: some to follow, more for the distribution, a grid of them for the picture."""

    def __init__(self, signs: NDArray[np.int8], seed: int) -> None:
        present = np.flatnonzero(signs)
        rng = np.random.default_rng([seed, 1])
        self.followed = np.sort(rng.choice(present, min(PLOTTED_WEIGHTS, len(present)), replace=False)).astype(np.int64)
        self.drawn = present.astype(np.int64)
        if len(present) > _SAMPLED:
            self.drawn = np.sort(rng.choice(present, _SAMPLED, replace=False)).astype(np.int64)
        self.matrix = signs.shape
        rows, columns = (np.arange(0, count, -(-count // _IMAGE_SIDE)) for count in signs.shape)
        self.shape = len(rows), len(columns)
        self.grid = (rows[:, None] * signs.shape[1] + columns).ravel().astype(np.int64)


def weight_values(weights: NDArray[np.float32], seed: int) -> dict[str, Any]:
    """What the metric of a layer's weights says, of a whole matrix (neurons, sources)."""
    sample = WeightSample(np.sign(weights).astype(np.int8), seed)
    return _weight_values(weights.ravel()[sample.drawn], weights.ravel()[sample.grid], sample)


def _weight_values(drawn: NDArray[np.float32], grid: NDArray[np.float32], sample: WeightSample) -> dict[str, Any]:
    present = np.asarray(drawn[drawn != 0])
    low, high = (float(present.min()), float(present.max())) if present.size else (0.0, 0.0)
    counts, edges = np.histogram(present, _BINS, (low, high if high > low else low + 1e-6))
    found = eight_bits(present)
    return {
        "counts": counts,
        "edges": edges,
        "clipped": found.clipped,
        "zeroed": found.zeroed,
        "limit": found.limit,
        "image": np.asarray(grid, np.float32).reshape(sample.shape),
        "matrix": sample.matrix,
    }


def _with_output(network: LensNetwork, layer: Any) -> LensNetwork:
    weights, thresholds = np.asarray(layer.weights(), np.float32), np.asarray(layer.thresholds(), np.float32)
    return LensNetwork(network.feature_weights, network.feature_thresholds, weights, thresholds)
