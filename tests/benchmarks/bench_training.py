"""How fast LENS networks learn: against a plain torch loop, on one core and two, and against the processor's limit.

Run: python -m tests.benchmarks.bench_training
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.jobs import CancelToken, ignore
from engine.networks.lens import LensNetwork, initial_network
from engine.training.lens import learning_rates, target_rates, train_lens
from engine.training.parameters import LensTrainingParameters

PUBLISHED = LensTrainingParameters(threshold_rule="published")
LENS_SECONDS = 109.0  # LENS's own loop for the example at its best, on such a machine (not in this run)
SIZES = ((784, 1000, 400), (784, 5000, 150))


def rates_like_the_example(places: int, inputs: int) -> NDArray[np.float32]:
    """Random inputs, 57 % of them above 0 as in LENS's example."""
    rng = np.random.default_rng(0)
    return (rng.random((places, inputs)) * (rng.random((places, inputs)) < 0.57)).astype(np.float32)


def best(run: Callable[[], object], repeats: int) -> float:
    """The shortest of several runs, in seconds."""
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        spent.append(time.perf_counter() - started)
    return min(spent)


def layers(places: int, inputs: int) -> tuple[Any, Any, LensNetwork]:
    """A fresh feature layer and output layer."""
    rates = rates_like_the_example(places, inputs)
    net = initial_network(inputs, PUBLISHED, places, np.random.default_rng(0))
    targets = target_rates(net.features, 0.4, 0.6)
    w, v = net.feature_weights, net.output_weights
    feature = native.TrainingLayer(
        w, np.sign(w), net.feature_thresholds, targets, rates, np.float32(rates > 0), output_layer=False, own_output=False
    )
    seen = feature.outputs(0, places, 0)
    output = native.TrainingLayer(
        v,
        np.sign(v),
        net.output_thresholds,
        target_rates(places, 0.5, 0.5),
        seen,
        seen / targets,
        output_layer=True,
        own_output=False,
    )
    return feature, output, net


def seconds_a_step(layer: Any, places: int, steps: int, threads: int) -> float:
    order = np.random.default_rng(1).integers(0, places, steps)
    eta, eta_ip = learning_rates(steps, 0.01, 0.02, "published")
    return best(lambda: layer.run(order, eta, eta_ip, threads), 3) / steps


def measure() -> dict[str, Any]:
    """The figures of this process's variant."""
    rates = rates_like_the_example(100, 100)
    result: dict[str, Any] = {"variant": native.variant()}
    for threads in (1, 2):
        result[f"example_{threads}"] = best(lambda n=threads: train_lens(PUBLISHED, rates, ignore, CancelToken(), threads=n), 7)
    result["operation"] = min(native.training_operation_seconds(50_000_000) for _ in range(5))
    feature, output, net = layers(100, 100)
    result["feature_step"], result["output_step"] = (seconds_a_step(layer, 100, 12_800, 1) for layer in (feature, output))
    result["feature_weights"], result["output_weights"] = net.feature_weights.size, net.output_weights.size
    if native.variant() != "baseline":
        for inputs, places, steps in SIZES:
            pair = layers(places, inputs)
            result[f"{inputs}-{places}"] = [seconds_a_step(layer, places, steps, n) for layer in pair[:2] for n in (1, 2)]
    return result


def torch_loop(steps: int, by_index: bool) -> float:
    """Seconds that a plain torch loop of the same rule takes for 2 x 12,800 steps, from `steps` of each layer.

    Args:
        by_index: pick excitatory and inhibitory weights by boolean index, else by torch.where over all weights.
    """
    import torch

    torch.set_num_threads(1)
    x_all = torch.tensor(rates_like_the_example(100, 100))
    net = initial_network(100, PUBLISHED, 100, np.random.default_rng(0))
    eta, eta_ip, spent = 0.01, 0.02, []
    seen = torch.clamp(x_all @ torch.tensor(net.feature_weights).T, 0, 1)
    feature_targets = torch.tensor(target_rates(200, 0.4, 0.6))
    for is_output, weights, thresholds, samples in (
        (False, net.feature_weights, net.feature_thresholds, x_all),
        (True, net.output_weights, net.output_thresholds, seen),
    ):
        W, theta = torch.tensor(weights), torch.tensor(thresholds)
        r = torch.full((100,), 0.5) if is_output else feature_targets
        excitatory, inhibitory = W > 0, W < 0
        started = time.perf_counter()
        for t in range(steps):
            q = t % 100
            x = samples[q]
            n = W @ x
            y = torch.clamp(n - theta, 0, 1)
            active = torch.zeros_like(y)
            if is_output:
                active[q] = 0.5
                W[q] += eta * torch.clamp(0.5 - y[q], 0, 1) * (x / feature_targets)
            else:
                change = torch.outer(torch.where(y > 0, eta * (0.5 - y), 0.0), (x > 0).float())
                if by_index:
                    W[excitatory] += change[excitatory]
                    W[inhibitory] -= change[inhibitory]
                else:
                    W = torch.where(excitatory, W + change, torch.where(inhibitory, W - change, W))
            if by_index:
                W[excitatory] = W[excitatory].clamp(1e-6, 10)
                W[inhibitory] = W[inhibitory].clamp(-10, -1e-6)
            else:
                W = torch.where(excitatory, W.clamp(1e-6, 10), torch.where(inhibitory, W.clamp(-10, -1e-6), W))
            theta = torch.clamp(theta + eta_ip * (active - r), min=0)
            W = W + (50 * eta * n)[:, None] * torch.clamp(W, max=0)
        spent.append((time.perf_counter() - started) / steps * 12_800)
    return sum(spent)


def main() -> None:
    """Print the table."""
    loops = {
        style: min(torch_loop(400, index) for _ in range(2)) for style, index in (("torch.where", False), ("boolean index", True))
    }
    print("Learning LENS's example (100-200-100, 25,600 steps), whole call of train_lens, shortest of 7 runs")
    for style, seconds in loops.items():
        print(f"  plain torch loop, {style:13}, one thread: {seconds:6.2f} s")
    for variant in ("avx512", "avx2", "baseline"):
        environment = os.environ | {"REVISIT_NATIVE": variant}
        command = [sys.executable, "-m", "tests.benchmarks.bench_training", "--measure"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=500).stdout
        result = json.loads(told.splitlines()[-1])
        if result["variant"] != variant:
            print(f"  {variant}: not on this processor")
            continue
        one, two = result["example_1"], result["example_2"]
        ratios = ", ".join(f"{seconds / one:.0f} x {style}" for style, seconds in loops.items())
        print(f"{variant}: {one:.4f} s on one thread ({ratios}; {LENS_SECONDS / one:.0f} x LENS's {LENS_SECONDS:.0f} s)")
        print(f"  two threads: {two:.4f} s ({one / two:.2f} x)")
        # Of the six operations an output row without STDP needs four.
        for layer, share in (("feature", 1.0), ("output", 4 / 6)):
            step, limit = result[f"{layer}_step"], result[f"{layer}_weights"] * result["operation"] * share
            told = f"{step * 1e6:6.2f} us a step; its vector operations alone {limit * 1e6:.2f} us"
            print(f"  {layer:7} layer: {told}: {limit / step:.0%} of the limit")
        for inputs, places, _ in SIZES:
            if (name := f"{inputs}-{places}") in result:
                f1, f2, o1, o2 = (seconds * 1e3 for seconds in result[name])
                print(
                    f"  {inputs}-{2 * inputs}-{places}: feature {f1:.3f} ms a step, two threads {f2:.3f} ({f1 / f2:.2f} x); "
                    f"output {o1:.3f} ms, two threads {o2:.3f} ({o1 / o2:.2f} x)"
                )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(json.dumps(measure()))
    else:
        main()
