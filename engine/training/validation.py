"""Judging a network on a query traverse while it trains, and for a sweep: one answer of the recall at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice, ignore
from engine.networks.open import Network, fitting_record
from engine.networks.record import RunRecord
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import load_ground_truth
from engine.places.selection import PairSelection, ReferenceSelection
from engine.places.several import Several, truth_of_joined
from engine.recognition.metrics import RECALL_KS
from engine.recognition.run_network import NetworkRunner
from engine.recognition.scoring import ScoringParameters, score

RECALL_AREA = "recall_area"
METRICS = (RECALL_AREA, *(f"recall_at_{k}" for k in RECALL_KS), "auc_pr", "recall_at_100_precision")
"""What a validation says; recall_area is the trapezoid area of Recall@N over N = 1 ... 25, over its width: a mean recall."""


class ValidationParameters(Parameters):
    """What a network is judged on while it trains."""

    validation_query: str = parameter("", "Query traverse to judge the network on while it trains (left out: none).")
    validation_places: int | None = parameter(None, "Number of its queries (left out: all frames).", ge=1, le=1_000_000)
    validation_gt: Path | None = parameter(None, "Its ground truth (left out: <reference>_<query>_GT.npy beside the traverses).")
    validation_tolerance: int = parameter(
        3, "How far from a true place a match may be and still count as right.", unit="frames", ge=0, le=100_000
    )
    validation_sequence: int = parameter(
        2, "Consecutive queries that are matched together; 0 or 1: each by itself.", unit="frames", ge=0, le=100_000
    )
    validate_every: int = parameter(
        8,
        "Judge every so many epochs of the output layer, and at the end. What would hold the training up is judged after it.",
        unit="epochs",
        ge=1,
        le=1_000_000,
    )


@dataclass(frozen=True, eq=False)
class Validation:
    """Query frames with their ground truth, ready to judge networks.

    Attributes:
        query: name of the traverse.
        frames: (queries, height, width) uint8.
        truth: (places, queries) uint8.
        parameters: tolerance and sequence.
    """

    query: str
    frames: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    parameters: ValidationParameters

    def judge(self, network: Network, record: RunRecord, cancel: CancelToken | None = None, threads: int = 0) -> dict[str, float]:
        """The figures of METRICS, and `queries`, over how many."""
        runner = NetworkRunner(network, fitting_record(record, network))
        matrix = runner.similarity(self.frames, ignore, cancel, threads).similarity
        p = self.parameters
        scores = score(
            matrix,
            self.truth,
            ScoringParameters(sequence_length=p.validation_sequence, GT_tolerance=p.validation_tolerance, resamples=0),
            cancel=cancel,
        )
        return figures(scores.recall_at, scores.auc_pr, scores.recall_at_100_precision) | {"queries": float(scores.queries)}


def figures(recall_at: Mapping[int, float], auc_pr: float, at_full_precision: float) -> dict[str, float]:
    """The values of METRICS out of scores."""
    return {
        RECALL_AREA: recall_area(recall_at),
        **{f"recall_at_{k}": recall_at[k] for k in RECALL_KS},
        "auc_pr": auc_pr,
        "recall_at_100_precision": at_full_precision,
    }


def recall_area(recall_at: Mapping[int, float]) -> float:
    """The trapezoid area of Recall@N over N = 1, 5, 10, 15, 20, 25, as LENS's optimizer takes it, divided by its width."""
    area = sum((recall_at[a] + recall_at[b]) / 2 * (b - a) for a, b in pairwise(RECALL_KS))
    return area / (RECALL_KS[-1] - RECALL_KS[0])


def read_validation(
    parameters: ValidationParameters,
    selection: ReferenceSelection,
    several: Several,
    emit: Emit,
    cancel: CancelToken,
) -> Validation | None:
    """Read the query and its ground truth; None where there is nothing to judge on, and a Notice says why.

    Of traverses along the same places the ground truth is that of the first one; of those that follow one another it is put
    together from those that there are, and a query is taken not to pass along a traverse that has none with it.

    Raises:
        BadInput: a traverse or a ground truth that is named cannot be read.
    """
    name = parameters.validation_query
    if not name:
        return None
    workspace = selection.workspace()
    query = workspace.traverse(selection.dataset, selection.camera, name)
    standard = workspace.ground_truth_file(selection.dataset, selection.camera, selection.reference, name)
    file = parameters.validation_gt or standard
    queries = len(query.rows_used(parameters.validation_places, selection.filter))
    sizes, parts = (len(query), queries), [(part.traverse, part.used) for part in several.parts]
    if parameters.validation_gt is None and several.part_places:
        chosen = {field: getattr(selection, field) for field in ReferenceSelection.model_fields}
        found = truth_of_joined(workspace, PairSelection(**chosen, query=name), parts, sizes)
        if found is None:
            some = ", ".join(selection.names)
            emit(Notice(f"There is no ground truth of {name} with any of {some}: the network is not judged.", "warning"))
            return None
        truth, without = found
        if without:
            told = ", ".join(without)
            emit(Notice(f"{name} has no ground truth with {told}: it is taken not to pass there.", "warning"))
    elif parameters.validation_gt is None and not standard.exists():
        emit(Notice(f"There is no ground truth {standard.name}: the network is not judged while it trains.", "warning"))
        return None
    else:
        whole = several.places if several.part_places else len(several.parts[0].traverse)
        truth = load_ground_truth(file, (whole, several.places), sizes, selection.filter)
    for note in truth.notes:
        emit(Notice(note))
    if name in selection.names:
        emit(Notice(f"{name} is validated on itself: every network looks good on what it learned.", "warning"))
    frames = query.frames_for_job(parameters.validation_places, selection.filter, emit, cancel)
    scored = truth.matrix.astype(np.uint8)
    mask: Any = getattr(truth, "mask", None)
    if mask is not None and np.any(mask):
        scored = np.where(np.asarray(mask, bool)[None, :], np.uint8(0), scored)
    if not scored.any():
        raise BadInput(f"{file.name} leaves no query of {name} to judge on: make the ground truth anew.")
    return Validation(name, frames, scored, parameters)
