"""Teaches a LENS network its places: the feature layer first, then the output layer; where windows have networks, one by one.

Source: VPRTempo (arXiv 2309.10225), LENS (arXiv 2408.16754).
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice
from engine.networks.ensemble import LensEnsemble, together
from engine.networks.lens import LensNetwork
from engine.networks.record import hash_arrays
from engine.training.checkpoint import TrainingState, read_checkpoint, write_checkpoint
from engine.training.control import TrainingControl
from engine.training.live import LAYERS, LiveMetrics
from engine.training.parameters import LensTrainingParameters

CHECKPOINT_SECONDS = 5.0
CHECKPOINT_SHARE = 0.01  # of the time that writing the state may take: of a large network seldom
CHUNK_SECONDS = 0.03  # of work between two looks at the cancel token
FIRST_CHUNK = 2_000_000  # weights to update before the speed is known


def learning_rates(
    steps: int, stdp_rate: float, ip_rate: float, threshold_rule: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Learning rates of weights and of thresholds at each step, (steps,) each.

    Both fall with (1 - t/T)^2, renewed after every step t that 10 divides. As published, thresholds learn at the given
    ip_rate in the first step only and at twice the STDP rate from then on; as corrected, at the given ip_rate, annealed.
    """
    t = np.arange(steps)
    annealing = (1.0 - np.maximum(t - 1, 0) // 10 * 10 / steps) ** 2
    thresholds = (2.0 * stdp_rate if threshold_rule == "published" else ip_rate) * annealing
    thresholds[:1] = ip_rate
    return (stdp_rate * annealing).astype(np.float32), thresholds.astype(np.float32)


def target_rates(count: int, low: float, high: float) -> NDArray[np.float32]:
    """The firing rates that a layer's thresholds steer to, (count,), rising from low to high."""
    return (low + (high - low) * (np.arange(count) + 1) / count).astype(np.float32)


class _Shuffled:
    """Samples (of one traverse: places) in an order drawn anew each epoch; can stand anywhere in an epoch."""

    def __init__(self, places: int, step: int, generator: dict[str, Any]) -> None:
        self._rng = np.random.default_rng()
        self._rng.bit_generator.state = generator
        self._places, self._step = places, step
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._before = self._rng.bit_generator.state
        self._order = self._rng.permutation(self._places)

    def take(self, count: int) -> NDArray[np.int64]:
        """The next `count` samples."""
        parts = []
        while count:
            at = self._step % self._places
            part = self._order[at : at + count]
            parts.append(part)
            count -= len(part)
            self._step += len(part)
            if self._step % self._places == 0:
                self._begin_epoch()
        return np.concatenate(parts).astype(np.int64)

    def generator(self) -> dict[str, Any]:
        """The generator's state before the current epoch was drawn."""
        return dict(self._before)


class _Run:
    """One training run: the state between chunks, and who hears of it.

    rates are those of all networks side by side; state says which of them learns.
    """

    def __init__(
        self,
        parameters: LensTrainingParameters,
        rates: NDArray[np.float32],
        state: TrainingState,
        live: LiveMetrics,
        cancel: CancelToken,
        control: TrainingControl,
        checkpoint: Path | None,
        data_hash: str,
        threads: int,
        place_of: NDArray[np.int64] | None,
        networks: int,
    ) -> None:
        self._parameters, self._all_rates, self.state, self._place_of = parameters, rates, state, place_of
        self._networks = networks
        self._live, self._cancel, self._control, self._threads = live, cancel, control, threads
        self._checkpoint, self._data_hash = checkpoint, data_hash
        self._saved, self._save_after = time.monotonic(), CHECKPOINT_SECONDS
        self._begin_network()

    def learn(self) -> LensNetwork | LensEnsemble:
        """Run to the end, or until asked to stop: the network then, without those of windows that have learned nothing yet."""
        state = self.state
        while self.learn_layer():
            if state.layer == 0:
                state.layer, state.step = 1, 0
                continue
            if len(state.done) + 1 == self._networks:
                break
            fresh = TrainingState.first(self._parameters, self._rates.shape[1], state.network.places)
            self.state = state = replace(fresh, done=(*state.done, state.network))
            self._begin_network()
            self._write()
        nothing_yet = state.layer == 0 or state.step == 0
        return together(state.done if state.done and nothing_yet else (*state.done, state.network))

    def _begin_network(self) -> None:
        p, number, samples = self._parameters, len(self.state.done), len(self._all_rates)
        inputs = self._all_rates.shape[1] // self._networks
        self._rates = np.ascontiguousarray(self._all_rates[:, number * inputs : (number + 1) * inputs])
        totals = (p.epoch_feat * samples, p.epoch_out * samples)
        self._live.begin_network(self.state.done, self._networks, totals)

    def layer(self) -> Any:
        """The layer that learns now, in the compiled loops' hands."""
        p, network, published = self._parameters, self.state.network, self._parameters.threshold_rule == "published"
        targets = target_rates(network.features, p.fire_l_feat, p.fire_h_feat)
        features = native.TrainingLayer(
            network.feature_weights,
            self.state.feature_signs.astype(np.float32),
            network.feature_thresholds,
            targets,
            self._rates,
            (self._rates > 0).astype(np.float32),
            output_layer=False,
            own_output=not published,
        )
        if self.state.layer == 0:
            return features
        seen = self._outputs(features, network.features * network.inputs)
        return native.TrainingLayer(
            network.output_weights,
            self.state.output_signs.astype(np.float32),
            network.output_thresholds,
            target_rates(network.places, p.fire_l_out, p.fire_h_out),
            seen,
            seen / targets,
            row_of=self._place_of,
            output_layer=True,
            own_output=not published,
        )

    def _outputs(self, features: Any, weights: int) -> NDArray[np.float32]:
        """What the feature layer answers to each sample, (samples, features)."""
        parts, at_once = [], max(1, 10 * FIRST_CHUNK // weights)
        for first in range(0, len(self._rates), at_once):
            if self._cancel.cancelled:
                self._write()
                self._live.tell_kept()
                self._cancel.check()
            parts.append(features.outputs(first, min(first + at_once, len(self._rates)), self._threads))
        return np.concatenate(parts).astype(np.float32)

    def learn_layer(self) -> bool:
        """Run the current layer to its end; False where the run was asked to stop before."""
        p, state = self._parameters, self.state
        samples, index = len(self._rates), state.layer
        epochs, rate, ip_rate = (
            (p.epoch_out, p.stdp_rate_out, p.ip_rate_out) if index else (p.epoch_feat, p.stdp_rate_feat, p.ip_rate_feat)
        )
        total = epochs * samples
        etas, threshold_etas = learning_rates(total, rate, ip_rate, p.threshold_rule)
        layer = self.layer()
        signs = state.output_signs if index else state.feature_signs
        self._live.begin_layer(index, signs, state.step, total, self._band(), self._later())
        shuffled = _Shuffled(samples, state.step, state.generator)
        chunk = max(1, FIRST_CHUNK // signs.size)
        # A chunk ends where it likes: the bits do not depend on it.
        while state.step < total and not self._control.stopped:
            if self._cancel.cancelled:
                self._keep(layer, shuffled)
                self._live.tell_kept()
                self._cancel.check()
            if self._control.paused:
                self._keep(layer, shuffled)
                self._live.tell_kept()
                self._control.wait(self._cancel)
                self._live.restart_clock(state.step)
                continue
            count = min(chunk, self._live.next_stop(state.step) - state.step)
            part = slice(state.step, state.step + count)
            order = shuffled.take(count)
            started = time.perf_counter()
            layer.run(order, etas[part], threshold_etas[part], self._threads)
            wanted = CHUNK_SECONDS * count / max(time.perf_counter() - started, 1e-6)
            chunk = max(1, int(min(4.0 * chunk, max(0.25 * chunk, wanted))))
            state.step += count
            now = state.step - 1
            self._live.after_chunk(
                layer, state.network, state.step, int(order[-1]), etas[now], threshold_etas[now], last=state.step == total
            )
            if self._checkpoint is not None and time.monotonic() - self._saved > self._save_after:
                self._keep(layer, shuffled)
        self._take_over(layer, shuffled)
        if state.step < total:
            self._control.ended_early = True
            self._write()
        return state.step == total

    def _band(self) -> tuple[float, float]:
        p = self._parameters
        return (p.fire_l_out, p.fire_h_out) if self.state.layer else (p.fire_l_feat, p.fire_h_feat)

    def _later(self) -> float:
        """What is to come after this layer, in steps of this one: a step costs what its weights are."""
        network, p, samples = self.state.network, self._parameters, len(self._rates)
        costs = [p.epoch_feat * samples * network.feature_weights.size, p.epoch_out * samples * network.output_weights.size]
        further = (self._networks - len(self.state.done) - 1) * sum(costs)
        ours = network.output_weights if self.state.layer else network.feature_weights
        return (sum(costs[self.state.layer + 1 :]) + further) / ours.size

    def _take_over(self, layer: Any, shuffled: _Shuffled) -> None:
        """Copy what the layer learned into the state."""
        state, old = self.state, self.state.network
        weights, thresholds = np.asarray(layer.weights(), np.float32), np.asarray(layer.thresholds(), np.float32)
        if not (np.isfinite(weights).all() and np.isfinite(thresholds).all()):
            option = "stdp_rate_out" if state.layer else "stdp_rate_feat"
            rate = getattr(self._parameters, option)
            raise BadInput(f"The {LAYERS[state.layer]}'s weights grew beyond all bounds: make {option} smaller than {rate:g}.")
        state.network = (
            LensNetwork(old.feature_weights, old.feature_thresholds, weights, thresholds)
            if state.layer
            else LensNetwork(weights, thresholds, old.output_weights, old.output_thresholds)
        )
        state.generator = shuffled.generator()

    def _keep(self, layer: Any, shuffled: _Shuffled) -> None:
        if self._checkpoint is not None:
            self._take_over(layer, shuffled)
            self._write()

    def _write(self) -> None:
        begun = time.monotonic()
        if self._checkpoint is not None:
            write_checkpoint(self._checkpoint, self.state, self._parameters, self._data_hash, native.variant())
        self._saved = time.monotonic()
        self._save_after = max(CHECKPOINT_SECONDS, (self._saved - begun) / CHECKPOINT_SHARE)


def _checked(rates: NDArray[np.float32]) -> NDArray[np.float32]:
    if rates.ndim != 2 or 0 in rates.shape:
        raise BadInput(f"Training needs a row of inputs for each place, but got an array of shape {rates.shape}.")
    rates = np.ascontiguousarray(rates, np.float32)
    if not (np.isfinite(rates).all() and rates.min() >= 0 and rates.max() <= 1):
        raise BadInput("Training inputs must lie between 0 and 1: scale the frames first.")
    return rates


def train_lens(
    parameters: LensTrainingParameters,
    rates: NDArray[np.float32],
    emit: Emit,
    cancel: CancelToken,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    threads: int = 0,
    control: TrainingControl | None = None,
    live: LiveMetrics | None = None,
    place_of: NDArray[np.int64] | None = None,
    windows: int = 1,
) -> LensNetwork | LensEnsemble:
    """Teach a new LENS network the places, one row of inputs each.

    Where windows are joined by their columns, each has a network of its own, which begins with the same seed: the one that it
    would be trained to alone.

    The same seed gives the same bits, whatever the number of threads and wherever the run was cut and resumed (on one
    build of the compiled loops: variants round differently).

    Args:
        rates: (places, inputs) float32 in [0, 1]: selected and scaled pixels.
        emit: hears what LiveMetrics tells, at most five times a second and at the end.
        checkpoint: file to keep the run's state in, every few seconds, in a pause, and where it is cancelled or stopped early;
            removed at the end.
        resume: go on from `checkpoint` if it is there.
        threads: 0 takes all cores.
        control: pauses the run, or ends it early; the network so far is then returned, and the run can still go on from its
            checkpoint (of networks of several windows, those that have begun to learn their output layer).
        live: tells in another way than by default; what it has kept to be told at the end is the caller's to have it tell.
        place_of: (rows,) the place that each row of rates shows, where places have several; each from 0 on has one at least. An
            epoch shows each row once, and the neuron of its place is the one that is taught. Left out: a place a row.
        windows: how many stand side by side in rates; with join_windows columns, as many networks are trained.

    Raises:
        BadInput: rates are not in [0, 1] or no windows of one size, the checkpoint belongs to another run, or the learning rate
            is so high that the weights overflow.
        JobCancelled: asked to stop; the state is in `checkpoint`.
    """
    rates = _checked(rates)
    samples, networks = len(rates), parameters.networks(windows)
    inputs = rates.shape[1] // networks
    if inputs * networks != rates.shape[1]:
        raise BadInput(f"{rates.shape[1]} inputs are no {networks} windows of one size: check windows.")
    places = samples if place_of is None else _places(place_of, samples)
    data_hash = hash_arrays(rates) if place_of is None else hash_arrays(rates, place_of)
    state = TrainingState.first(parameters, inputs, places)
    if resume and checkpoint is not None and checkpoint.exists():
        shape = (inputs, state.network.features, places)
        state, variant = read_checkpoint(checkpoint, parameters, data_hash, shape, samples, networks)
        of_network = f" of network {len(state.done) + 1} of {networks}" if networks > 1 else ""
        emit(Notice(f"Training goes on from step {state.step} of the {LAYERS[state.layer]}{of_network}."))
        if variant != native.variant():
            text = f"The checkpoint was made by the {variant} loops and goes on with {native.variant()}: rounding will differ."
            emit(Notice(text, "warning"))
    control, own = control or TrainingControl(), LiveMetrics(emit, parameters.seed, rates, place_of=place_of)
    run = _Run(parameters, rates, state, live or own, cancel, control, checkpoint, data_hash, threads, place_of, networks)
    network = run.learn()
    own.tell_kept()
    if checkpoint is not None and not control.ended_early:
        checkpoint.unlink(missing_ok=True)
    return network


def _places(place_of: NDArray[np.int64], samples: int) -> int:
    if place_of.shape != (samples,) or place_of.min() < 0 or len(np.unique(place_of)) != place_of.max() + 1:
        raise BadInput("Each sample needs the number of its place, and each place from 0 on a sample: check the ground truth.")
    return int(place_of.max()) + 1
