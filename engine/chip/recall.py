"""What quantising costs: the same queries through the network as trained and through the chip's integers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.chip.quantise import ChipParameters, QuantisedNetwork, quantise
from engine.chip.virtual import selection_of
from engine.errors import BadInput
from engine.frames.inputs import InputParameters, query_inputs
from engine.jobs import CancelToken, Emit, ignore
from engine.recognition.encoding import Selection, SpikingParameters, encode
from engine.recognition.pacing import in_chunks
from engine.recognition.scores import Scores, ScoringParameters
from engine.recognition.scoring import score
from engine.recognition.spiking import SpikingResult, TwoLayerNetwork, prepare, similarity, simulate


@dataclass(frozen=True)
class RecallLost:
    """Recall before and after quantising, on the same queries and the same spike rasters.

    Attributes:
        before, after: scores of the network as trained, and of its integers.
        quantised: what was simulated.
        similarity_before, similarity_after: (places, queries).
        past_16_bits: neurons and steps in which a state passed 16 bits, of all queries.
    """

    before: Scores
    after: Scores
    quantised: QuantisedNetwork
    similarity_before: NDArray[np.float32]
    similarity_after: NDArray[np.float32]
    past_16_bits: int

    @property
    def recall_at_1(self) -> tuple[float, float]:
        """Recall@1 before and after."""
        return self.before.recall_at[1], self.after.recall_at[1]


def recall_lost(
    network: Any,
    frames: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    inputs: InputParameters,
    spiking: SpikingParameters | None = None,
    scoring: ScoringParameters | None = None,
    parameters: ChipParameters | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    threads: int = 0,
) -> RecallLost:
    """Measure what the chip's integers cost a LENS network in recall.

    Both run step by step on the same rasters, at the same thresholds, so that nothing differs but the numbers: what the chip's
    one spike an event and the stream of real events change is not in it.

    Args:
        network: a LensNetwork.
        frames: (queries, height, width) uint8.
        truth: (places, queries) 0/1.
        inputs: what the network sees of a frame.
        spiking, scoring, parameters: the simulation, the scoring, the quantising (thresholds apply to both).
        emit, cancel: as of a job.
        threads: for the network as trained.

    Raises:
        BadInput: shapes that do not fit, or a network of another kind.
        JobCancelled: the job was asked to stop.
    """
    if inputs.window_count > 1:
        raise BadInput("The chip sees one window at a time: choose a network that was trained with windows 1.")
    if not hasattr(network, "feature_weights"):
        raise BadInput("Only a network of two layers can be compared step by step: choose a LENS network.")
    spiking = SpikingParameters() if spiking is None else spiking
    parameters = ChipParameters() if parameters is None else parameters
    settled = inputs.for_frames((frames.shape[1], frames.shape[2]))
    rates = query_inputs(frames, settled)
    selection = selection_of(settled)
    before = _as_trained(network, rates, selection, spiking, parameters, emit, cancel, threads)
    quantised = quantise(network, settled, parameters)
    after, past = simulate_quantised(quantised, rates, spiking, selection, emit, cancel)
    scoring = ScoringParameters() if scoring is None else scoring
    matrices = similarity(before), similarity(after)
    scores = [score(matrix, truth, scoring, cancel=cancel) for matrix in matrices]
    return RecallLost(scores[0], scores[1], quantised, *matrices, past)


def _as_trained(
    network: TwoLayerNetwork,
    rates: NDArray[np.float32],
    selection: Selection | None,
    spiking: SpikingParameters,
    parameters: ChipParameters,
    emit: Emit,
    cancel: CancelToken | None,
    threads: int,
) -> SpikingResult:
    prepared = prepare(network, feature_threshold=parameters.feature_threshold, output_threshold=parameters.output_threshold)
    return simulate(prepared, rates, spiking, emit, cancel, selection=selection, threads=threads)


def simulate_quantised(
    quantised: QuantisedNetwork,
    rates: NDArray[np.float32],
    spiking: SpikingParameters,
    selection: Selection | None = None,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    *,
    first_frame: int = 0,
) -> tuple[SpikingResult, int]:
    """Queries step by step through the chip's integers: as sinabs's discretised network, from the grid's inputs on.

    Args:
        quantised: the network.
        rates: (queries, inputs) spike probabilities, or uint8 pixel values.
        spiking: steps, random field and seed.
        selection: for LENS's shared field.
        emit, cancel: as of a job.
        first_frame: number of the first query, by which its raster is drawn.

    Returns:
        The result as `simulate` gives it, membranes in thresholds; and how often a state passed 16 bits.
    """
    chip = quantised.simulator(first=1)
    rows, columns = quantised.inputs.dims
    queries, places, last = len(rates), quantised.layers[-1].shape.features, len(quantised.layers) - 2
    result = SpikingResult(
        counts=np.zeros((places, queries), np.int32),
        membranes=np.zeros((places, queries), np.float32),
        synops=np.zeros(queries, np.int64),
        input_spikes=np.zeros(queries, np.int64),
        feature_spikes=np.zeros(queries, np.int64),
        output_spikes=np.zeros(queries, np.int64),
    )
    past = 0

    def work(start: int, stop: int) -> None:
        nonlocal past
        for query in range(start, stop):
            raster = encode(rates[query : query + 1], spiking, selection, first_frame=first_frame + query)[0]
            chip.reset()
            spikes = chip.run_steps(raster.reshape(-1, 1, rows, columns).astype(np.uint8))
            totals = chip.totals()
            result.counts[:, query] = spikes.sum(axis=0)
            result.membranes[:, query] = chip.membranes(last, True).ravel() / quantised.layers[-1].threshold
            result.input_spikes[query], result.feature_spikes[query] = totals[0, :2]
            result.output_spikes[query] = totals[last, 1]
            result.synops[query] = totals[:, 2].sum()
            past += int(totals[:, 3].sum())

    in_chunks(queries, work, "Simulating the chip", "queries", emit, cancel)
    return result, past
