"""What the accuracy benchmarks compare: networks and simple methods, each from frames to similarity matrices."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.frames.encoder import InputStatistics, reference_inputs
from engine.frames.inputs import InputParameters, select
from engine.jobs import CancelToken, ignore
from engine.networks.open import Network
from engine.networks.prototype import PrototypeNetwork, PrototypeRule, prototypes_of
from engine.networks.prototype_parameters import PrototypeParameters
from engine.networks.record import RunRecord, hash_arrays
from engine.parameters import Parameters
from engine.recognition.encoding import SpikingParameters
from engine.recognition.methods import baseline_similarity
from engine.recognition.run_network import NetworkRunner
from engine.training.lens import train_lens
from engine.training.parameters import LensTrainingParameters

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Answer:
    """A similarity matrix, and the synaptic operations a query where they are spent."""

    similarity: NDArray[np.generic]
    synops: float | None = None


@dataclass(frozen=True)
class Method:
    """A method of the table: recognises with a seed, which matters only to those that draw."""

    name: str
    recognise: Callable[[Frames, Frames, int], Answer]
    drawn: bool = False


def _record(
    network: Network, inputs: InputParameters, training: Parameters, seed: int, statistics: InputStatistics | None
) -> RunRecord:
    return RunRecord(
        kind="prototype" if isinstance(network, PrototypeNetwork) else "lens",
        native=native.variant(),
        seed=seed,
        inputs=inputs.model_dump(mode="json"),
        training=training.model_dump(mode="json"),
        data_hash=hash_arrays(np.arange(1)),
        references=("benchmark",),
        places=network.places,
        statistics=None if statistics is None else statistics.as_json(),
    )


def lens(name: str, inputs: InputParameters, join_windows: Literal["inputs", "columns"] = "inputs") -> Method:
    """LENS's learning rule with some inputs."""

    def recognise(references: Frames, queries: Frames, seed: int) -> Answer:
        settled = inputs.for_kind("lens").for_frames((references.shape[1], references.shape[2]))
        training = LensTrainingParameters(seed=seed, join_windows=join_windows)
        rates, statistics = reference_inputs(references, settled, "lens")
        network = train_lens(training, rates, ignore, CancelToken(), windows=settled.window_count)
        record = _record(network, settled, training, seed, statistics)
        result = NetworkRunner(network, record, spiking=SpikingParameters(seed=seed)).similarity(queries)
        return Answer(result.similarity, result.synops_per_query)

    return Method(name, recognise, drawn=True)


def prototype(name: str, inputs: InputParameters, readout: str = "spikes", training: PrototypeParameters | None = None) -> Method:
    """Prototypes with some inputs."""

    def recognise(references: Frames, queries: Frames, seed: int) -> Answer:
        settled = inputs.for_kind("prototype").for_frames((references.shape[1], references.shape[2]))
        seen, statistics = reference_inputs(references, settled, "prototype")
        settings = (training or PrototypeParameters()).model_copy(update={"seed": seed})
        rule = PrototypeRule(settled.normalise or "none", settled.window_count)
        network = prototypes_of(seen, statistics, rule, settings.threshold)
        result = NetworkRunner(network, _record(network, settled, settings, seed, statistics)).similarity(queries)
        return Answer(result.readouts[readout], result.synops_per_query)

    return Method(name, recognise, drawn=True)


def simple(name: str, baseline: str) -> Method:
    """One of the baselines that need no training."""
    return Method(name, lambda references, queries, seed: Answer(baseline_similarity(baseline, references, queries)))


def sqrt_zscore(name: str, inputs: InputParameters) -> Method:
    """Square root of grid cells' counts, every cell in deviations over its own traverse (which has to be there as a whole)."""

    def recognise(references: Frames, queries: Frames, seed: int) -> Answer:
        del seed
        rows = []
        for frames in (references, queries):
            roots = np.sqrt(select(frames, inputs))
            z = (roots - roots.mean(axis=0)) / (roots.std(axis=0) + 1e-6)
            rows.append(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9))
        return Answer(rows[0] @ rows[1].T)

    return Method(name, recognise)


def windows(dims: tuple[int, int]) -> list[Method]:
    """One window and three, of networks that join them in different ways."""
    grid = InputParameters(dims=dims)
    three = grid.model_copy(update={"windows": (1, 2, 4)})
    same = three.model_copy(update={"normalise": "causal"})
    return [
        lens("LENS's rule, one window", grid),
        lens("LENS's rule, 1 2 4 as inputs", three),
        lens("LENS's rule, 1 2 4, columns added", three, "columns"),
        lens("the same, normalised, as inputs", same),
        lens("the same, normalised, columns added", same, "columns"),
        prototype("Prototypes, one window", grid.model_copy(update={"windows": (1,)})),
        prototype("Prototypes, 1 2 4", three),
    ]


def methods(dims: tuple[int, int], cell: str = "mean") -> list[Method]:
    """The table's rows for frames that `dims` divides."""
    grid = InputParameters.check({"dims": dims, "cell": cell})
    one = grid.model_copy(update={"windows": (1,)})
    published = InputParameters.check({"dims": dims, "cell": "centre", "encoding": "gamma", "query_encoding": "raw"})
    return [
        simple("SAD, whole frames", "sad"),
        simple("SAD, cells of about a tenth", "sad-pooled"),
        simple("log + z-score, whole traverse", "log-zscore"),
        simple("log + z-score, causal", "log-zscore-causal"),
        sqrt_zscore("sqrt + z-score, cells, whole traverse", grid),
        lens("LENS's rule as published", published),
        lens("LENS's rule, our inputs (default)", grid),
        prototype("Prototypes, one window, spikes", one),
        prototype("Prototypes, one window, membrane", one, "membrane"),
        prototype("Prototypes (default), spikes", grid),
        prototype("Prototypes (default), membrane", grid, "membrane"),
    ]
