"""The jobs behind `revisit-cli groundtruth` and the Ground truth panel."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import save_truth
from engine.places.positions import Positions, positions_of
from engine.places.selection import PairSelection
from engine.places.traverse import Traverse
from engine.places.truth.alignment import AlignTruthParameters, truth_by_alignment
from engine.places.truth.check import CheckParameters, TruthCheck, check_truth
from engine.places.truth.imported import ImportTruthParameters, needs_similarity, truth_from_file
from engine.places.truth.make import (
    AnchorsTruthParameters,
    IdentityTruthParameters,
    PosesTruthParameters,
    truth_by_identity,
    truth_from_anchors,
    truth_from_poses,
)
from engine.places.truth.proposal import Proposal
from engine.places.truth_details import TruthDetails, details_file

MakeParameters = (
    PosesTruthParameters | AnchorsTruthParameters | IdentityTruthParameters | AlignTruthParameters | ImportTruthParameters
)


class TruthOutput(Parameters):
    """Where a ground truth goes."""

    out: Path | None = parameter(None, "The file (left out: <reference>_<query>_GT.npy beside the traverses).")
    overwrite: bool = parameter(False, "Replace a ground truth that is there already.")


@dataclass(frozen=True)
class Pair:
    """Two traverses, and the frames of them that are used."""

    reference: Traverse
    query: Traverse
    references: int
    queries: int
    selection: PairSelection


def open_pair(selection: PairSelection) -> Pair:
    """Open both traverses.

    Raises:
        BadInput: one is missing, or has too few frames.
    """
    workspace = selection.workspace()
    reference = workspace.traverse(selection.dataset, selection.camera, selection.reference)
    query = workspace.traverse(selection.dataset, selection.camera, selection.query)
    places = len(reference.rows_used(selection.reference_places, selection.filter))
    queries = len(query.rows_used(selection.query_places, selection.filter))
    return Pair(reference, query, places, queries, selection)


def pair_similarity(pair: Pair, method: str, emit: Emit, cancel: CancelToken, threads: int = 0) -> NDArray[np.generic]:
    """How alike the used frames of two traverses look: (references, queries), higher is more alike.

    Args:
        pair: the traverses.
        method: a baseline by name, or the path of a network's .pth of the reference traverse.
        emit, cancel: see engine.jobs.
        threads: 0 for all cores.

    Raises:
        BadInput: frames that cannot be read or are of different sizes, an unknown method, a network of another traverse.
        JobCancelled: asked to stop.
    """
    selection = pair.selection
    queries = pair.query.frames_for_job(selection.query_places, selection.filter, emit, cancel)
    if method.endswith(".pth"):
        from engine.recognition.run_network import NetworkRunner, rows_of

        runner = NetworkRunner.open(Path(method), emit=emit)
        rows = rows_of(runner, pair.reference.name, pair.references, Path(method).name)
        return runner.similarity(queries, emit, cancel, threads).similarity[rows]
    from engine.recognition.methods import baseline_similarity

    references = pair.reference.frames_for_job(selection.reference_places, selection.filter, emit, cancel)
    return baseline_similarity(method, references, queries, emit, cancel, threads)


def pair_positions(pair: Pair) -> tuple[Positions, Positions]:
    """Where the used frames of two traverses were taken, in one frame of metres.

    Raises:
        BadInput: the poses cannot be read.
    """
    chosen = pair.selection
    names = [pair.reference.name, pair.query.name]
    found = positions_of(chosen.workspace(), chosen.dataset, chosen.camera, names)
    return (
        _used(found[names[0]], chosen.filter, pair.references),
        _used(found[names[1]], chosen.filter, pair.queries),
    )


def _used(positions: Positions, every: int, count: int) -> Positions:
    times = positions.times_us
    return Positions(
        positions.xy[::every][:count],
        positions.heading[::every][:count],
        None if times is None else times[::every][:count],
        positions.source,
        positions.origin,
    )


def make_truth(
    pair: Pair,
    parameters: MakeParameters,
    emit: Emit,
    cancel: CancelToken,
    similarity: NDArray[np.generic] | None = None,
) -> Proposal:
    """Make a ground truth in the way that the parameters are of; nothing is written.

    Args:
        pair: the traverses.
        parameters: the way, and how.
        emit, cancel: see engine.jobs.
        similarity: of these frames by the parameters' method, where it is known already.

    Raises:
        BadInput: a file, a parameter or the poses are wrong; one sentence.
        JobCancelled: asked to stop.
    """
    if isinstance(parameters, PosesTruthParameters):
        references, queries = pair_positions(pair)
        proposal = truth_from_poses(references, queries, parameters, emit, cancel)
    elif isinstance(parameters, AnchorsTruthParameters):
        proposal = truth_from_anchors(parameters, pair.references, pair.queries)
    elif isinstance(parameters, IdentityTruthParameters):
        proposal = truth_by_identity(parameters, pair.references, pair.queries)
    elif isinstance(parameters, AlignTruthParameters):
        if similarity is None:
            similarity = pair_similarity(pair, parameters.method, emit, cancel)
        proposal = truth_by_alignment(similarity, parameters, emit, cancel)
    else:
        if similarity is None and needs_similarity(parameters, pair.references, pair.queries):
            similarity = pair_similarity(pair, parameters.method, emit, cancel)
        proposal = truth_from_file(parameters, pair.references, pair.queries, similarity)
    for note in proposal.notes:
        emit(Notice(note))
    return proposal


def check_pair(
    pair: Pair,
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    parameters: CheckParameters,
    emit: Emit,
    cancel: CancelToken,
    similarity: NDArray[np.generic] | None = None,
) -> TruthCheck:
    """Check a ground truth against how alike the frames look (see check_truth)."""
    if similarity is None:
        similarity = pair_similarity(pair, parameters.method, emit, cancel)
    return check_truth(truth, mask, similarity, parameters, emit, cancel)


def target_of(pair: Pair, output: TruthOutput) -> Path:
    """The file that a ground truth will be written to.

    Raises:
        BadInput: it is there already and may not be replaced, or its name does not end in .npy.
    """
    chosen = pair.selection
    standard = chosen.workspace().ground_truth_file(chosen.dataset, chosen.camera, chosen.reference, chosen.query)
    path = output.out or standard
    if path.suffix != ".npy":
        raise BadInput(f"{path} should end in .npy: a ground truth is a NumPy file, and its mask goes into a .json beside it.")
    for there in (path, details_file(path)):
        if there.exists() and not output.overwrite:
            raise BadInput(f"{there} exists already: pass --overwrite to replace it, or name another file with --out.")
    return path


def write_proposal(path: Path, proposal: Proposal) -> TruthDetails:
    """Write a proposal as a ground truth: LENS's .npy, and the JSON beside it.

    Raises:
        BadInput: it cannot be written.
    """
    details = TruthDetails(
        references=proposal.matrix.shape[0],
        queries=proposal.matrix.shape[1],
        masked=tuple(np.flatnonzero(proposal.mask).tolist()),
        anchors=proposal.anchors,
        made=(proposal.made,),
    )
    try:
        return save_truth(path, proposal.matrix, details)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror or error}): choose another place with --out.") from None
