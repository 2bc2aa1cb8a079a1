"""The evaluation job: query frames through a network, matched against the reference places and scored."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Notice
from engine.networks.lens import network_name
from engine.networks.record import RunRecord
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import load_ground_truth
from engine.places.selection import PairSelection
from engine.places.traverse import Traverse
from engine.recognition.baselines import negative_distance
from engine.recognition.encoding import SpikingParameters
from engine.recognition.report import MethodResult
from engine.recognition.run_network import NetworkRunner
from engine.recognition.sad import sad_distances
from engine.recognition.scoring import ScoringParameters, score


class EvaluationParameters(Parameters):
    """What is evaluated, and how it is carried out."""

    model: Path | None = parameter(None, "File of the network (left out: LENS's name in the workspace's folder models).")
    feature_multiplier: float = parameter(
        2.0, "Features an input of the network that is looked for where model is left out.", gt=0, le=1000
    )
    ties: Literal["membrane", "index"] = parameter(
        "membrane",
        "What tells places with equal spike counts apart: the residual membrane potential, or only their index (LENS).",
    )
    sad: bool = parameter(False, "Also match by the sum of absolute differences (SAD) of whole frames, as a baseline.")
    gt_file: Path | None = parameter(None, "Ground truth (left out: <reference>_<query>_GT.npy beside the traverses).")
    threads: int = parameter(0, "Threads to simulate with; 0: all cores (the result is the same).", ge=0, le=1024)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gave: the network first, then the baselines."""

    results: list[MethodResult]
    truth: NDArray[np.uint8] | None
    model: Path
    record: RunRecord | None
    inputs: InputParameters
    places: int
    queries: int


def evaluate(
    pair: PairSelection,
    inputs: InputParameters,
    spiking: SpikingParameters,
    scoring: ScoringParameters,
    parameters: EvaluationParameters,
    emit: Emit,
    cancel: CancelToken,
) -> Evaluation:
    """Recognise the places of a query traverse with a trained network.

    Args:
        pair: the reference and the query traverse.
        inputs: what the network sees of a frame, where no run record says it.
        spiking: the simulation.
        scoring: sequence matching, tolerance, whose scoring.
        parameters: the network's file, baselines, ground truth.
        emit: gets progress and notices.
        cancel: stops it within half a second; nothing is written by this job.

    Raises:
        BadInput: a file or a parameter is wrong; one sentence.
    """
    workspace = pair.workspace()
    reference = workspace.traverse(pair.dataset, pair.camera, pair.reference)
    query = workspace.traverse(pair.dataset, pair.camera, pair.query)
    places, queries = (
        len(reference.rows_used(pair.reference_places, pair.filter)),
        len(query.rows_used(pair.query_places, pair.filter)),
    )
    model = parameters.model or workspace.models / network_name(
        pair.reference, inputs.inputs, int(inputs.inputs * parameters.feature_multiplier), places
    )
    network = NetworkRunner.open(model, inputs, spiking, ties=parameters.ties, emit=emit)
    if network.places != places:
        raise BadInput(
            f"{model.name} knows {network.places} places, but {places} reference frames of {pair.reference} are used: "
            f"give reference_places {network.places}, or the network of this traverse."
        )
    truth = _truth(pair, reference, query, places, queries, parameters, emit)
    frames = query.frames_for_job(pair.query_places, pair.filter, emit, cancel)
    ran = network.similarity(frames, emit, cancel, parameters.threads)
    results = [
        MethodResult(
            name="LENS",
            similarity=ran.similarity,
            scores=None if truth is None else score(ran.similarity, truth, scoring, cancel=cancel),
            seconds=ran.seconds,
            synops_per_query=ran.synops_per_query,
            spikes_per_query=ran.spikes_per_query,
        )
    ]
    if parameters.sad:
        results.append(_sad(reference, pair, frames, truth, scoring, parameters.threads, emit, cancel))
    settled = network.inputs.for_frames((frames.shape[1], frames.shape[2]))
    return Evaluation(results, truth, model, network.record, settled, places, queries)


def _truth(
    pair: PairSelection,
    reference: Traverse,
    query: Traverse,
    places: int,
    queries: int,
    parameters: EvaluationParameters,
    emit: Emit,
) -> NDArray[np.uint8] | None:
    standard = pair.workspace().ground_truth_file(pair.dataset, pair.camera, pair.reference, pair.query)
    if parameters.gt_file is None and not standard.exists():
        emit(Notice(f"There is no ground truth {standard.name}: the similarity matrix is made, but not scored.", "warning"))
        return None
    truth = load_ground_truth(parameters.gt_file or standard, (len(reference), places), (len(query), queries), pair.filter)
    for note in truth.notes:
        emit(Notice(note, "warning"))
    return truth.matrix


def _sad(
    reference: Traverse,
    pair: PairSelection,
    queries: NDArray[np.uint8],
    truth: NDArray[np.uint8] | None,
    scoring: ScoringParameters,
    threads: int,
    emit: Emit,
    cancel: CancelToken,
) -> MethodResult:
    references = reference.frames_for_job(pair.reference_places, pair.filter, emit, cancel)
    begun = time.perf_counter()
    similar = negative_distance(sad_distances(references, queries, emit, cancel, threads))
    seconds = time.perf_counter() - begun
    scores = None if truth is None else score(similar, truth, scoring, of_distances=True, cancel=cancel)
    return MethodResult("SAD", similar, scores, seconds)
