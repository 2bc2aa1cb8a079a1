"""Queries through the spiking network, encoding included, against sinabs's layers and a torch loop.

Run: python -m tests.benchmarks.bench_recognition
"""

from dataclasses import dataclass

import numpy as np

from engine import native
from engine.recognition.encoding import encode
from engine.recognition.spiking import PreparedNetwork, SpikingParameters, prepare, simulate
from tests.benchmarks.bench_sad import best


@dataclass
class Weights:
    feature_weights: np.ndarray
    output_weights: np.ndarray


def network(rng: np.random.Generator, inputs: int, features: int, places: int) -> Weights:
    """Random weights that make the layers about as busy as a trained network does on LENS's example."""
    feature = rng.normal(0.0, 1.6 / np.sqrt(inputs), (features, inputs)) * (rng.random((features, inputs)) < 0.83)
    output = rng.normal(0.0, 0.2 / np.sqrt(features), (places, features))
    return Weights(feature.astype(np.float32), output.astype(np.float32))


def frames(rng: np.random.Generator, count: int, inputs: int) -> np.ndarray:
    """Sparse event counts: on average 3.4 % of the inputs fire a step, as on LENS's example."""
    counts = rng.exponential(17.0, (count, inputs)) * (rng.random((count, inputs)) < 0.5)
    return np.minimum(counts, 255).astype(np.uint8)


def torch_loop(weights: Weights, rates: np.ndarray, timebin: int) -> np.ndarray:
    """The same rule for one query in plain torch, a step at a time."""
    import torch

    w1, w2 = torch.from_numpy(weights.feature_weights), torch.from_numpy(weights.output_weights)
    p = torch.from_numpy(rates.astype(np.float32) / 255)
    v1, v2, counts = torch.zeros(len(w1)), torch.zeros(len(w2)), torch.zeros(len(w2))
    with torch.inference_mode():
        for _ in range(timebin):
            v1 = v1 + w1 @ (torch.rand_like(p) < p).float()
            n1 = v1.clamp(min=0).trunc()
            v1 = (v1 - n1).clamp(min=-1)
            v2 = v2 + w2 @ n1
            n2 = v2.clamp(min=0).trunc()
            v2 = (v2 - n2).clamp(min=-1)
            counts += n2
    return counts.numpy()


def sinabs_layers(weights: Weights, timebin: int):  # type: ignore[no-untyped-def]
    """sinabs's IAF layers as from_model makes them, for one query; the encoding is torch's."""
    import torch
    from sinabs.from_torch import from_model

    (features, inputs), (places, _) = weights.feature_weights.shape, weights.output_weights.shape
    model = torch.nn.Sequential(
        torch.nn.ReLU(),
        torch.nn.Linear(inputs, features, bias=False),
        torch.nn.ReLU(),
        torch.nn.Linear(features, places, bias=False),
    )
    model[1].weight.data = torch.from_numpy(weights.feature_weights)
    model[3].weight.data = torch.from_numpy(weights.output_weights)
    spiking = from_model(model, add_spiking_output=True, batch_size=1).spiking_model

    def run(rates: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            p = torch.from_numpy(rates.astype(np.float32) / 255)
            return spiking((torch.rand(timebin, inputs) < p).float()).sum(dim=0).numpy()

    return run


def one_query(prepared: PreparedNetwork, queries: np.ndarray, parameters: SpikingParameters, repeats: int) -> float:
    """Seconds of a call with one query, the mean over several queries, at best."""
    count = len(queries)

    def each() -> None:
        for i in range(count):
            simulate(prepared, queries[i : i + 1], parameters, first_frame=i, threads=1)

    return best(each, repeats) / count


def batch(prepared: PreparedNetwork, queries: np.ndarray, parameters: SpikingParameters, repeats: int) -> None:
    one, two = (best(lambda n=threads: simulate(prepared, queries, parameters, threads=n), repeats) for threads in (1, 2))
    print(f"  {len(queries)} queries, one thread              {one * 1e3:9.2f} ms   {one / len(queries) * 1e6:.1f} us a query")
    print(f"  {len(queries)} queries, two threads             {two * 1e3:9.2f} ms   {one / two:.2f} x as fast as one")


def main() -> None:
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    parameters = SpikingParameters()
    steps = parameters.timebin
    print(f"One query at {steps} steps, encoding included, one thread, variant {native.variant()}")
    for inputs, features, places in [(100, 200, 100), (784, 1568, 1000)]:
        weights = network(rng, inputs, features, places)
        prepared, queries = prepare(weights), frames(rng, 20, inputs)
        big = inputs > 100
        result = simulate(prepared, queries, parameters)
        spikes = [round(float(layer.mean())) for layer in (result.input_spikes, result.feature_spikes, result.output_spikes)]
        print(f"{inputs}-{features}-{places}: {spikes[0]} input, {spikes[1]} feature, {spikes[2]} output spikes a query")
        ours = one_query(prepared, queries, parameters, 3 if big else 20)
        encoding = best(lambda data=queries: encode(data, parameters), 5) / len(queries)
        layers = sinabs_layers(weights, steps)
        vendor = best(lambda data=queries, run=layers: run(data[0]), 3 if big else 8)
        plain = best(lambda data=queries, w=weights: torch_loop(w, data[0], steps), 3 if big else 8)
        reads = spikes[0] * ((features + 15) // 16) + spikes[1] * ((places + 15) // 16)
        print(
            f"  ours                                {ours * 1e3:9.4f} ms   {16 * reads / ours / 1e9:.1f} G weights added a second"
        )
        print(f"  encoding alone, to a raster         {encoding * 1e3:9.4f} ms")
        print(f"  sinabs's layers                     {vendor * 1e3:9.2f} ms   {vendor / ours:.0f} x ours")
        print(f"  torch, a loop over steps            {plain * 1e3:9.2f} ms   {plain / ours:.0f} x ours")
        batch(prepared, frames(rng, 100 if big else 1000, inputs), parameters, 3 if big else 10)


if __name__ == "__main__":
    main()
