"""What the chip's integers cost a network in recall, on a traverse that the workspace knows the truth of."""

from engine.chip.quantise import ChipParameters
from engine.chip.recall import recall_lost
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit
from engine.live.known import truth_of
from engine.live.model import LiveModel
from engine.live.targets import suited
from engine.places.workspace import Workspace
from engine.recognition.scores import ScoringParameters


def scored_queries(workspace: Workspace, model: LiveModel) -> list[str]:
    """Traverses that have a ground truth with the network's reference, sorted; none for networks that cannot be compared."""
    if model.names is None or model.runner.kind != "lens":
        return []
    dataset, camera, reference = model.names
    folder = workspace.data_dir / dataset / camera
    own = [traverse.name for traverse, _ in model.parts] or [reference]
    names = {path.name[len(one) + 1 : -len("_GT.npy")] for one in own for path in folder.glob(f"{one}_*_GT.npy")}
    return sorted(name for name in names if (folder / name).is_dir() and name not in own)


def recall_on_chip(workspace: Workspace, model: LiveModel, chip: ChipParameters | None, emit: Emit, cancel: CancelToken) -> str:
    """Recall@1 before and after quantising, of single frames of the first such traverse, as a sentence.

    Args:
        workspace: where the traverses lie.
        model: a LENS network of the workspace.
        chip: thresholds and clipping; as suit the network where left out.
        emit, cancel: as of a job.

    Raises:
        BadInput: no traverse to measure on, or files that cannot be read.
        JobCancelled: the job was asked to stop.
    """
    queries = scored_queries(workspace, model)
    if not queries or model.names is None:
        raise BadInput("There is no query traverse with a ground truth: make one in Ground truth, then measure again.")
    query = workspace.traverse(model.names[0], model.names[1], queries[0])
    truth = truth_of(workspace, model, query)
    if truth is None or not truth.any():
        raise BadInput(f"The ground truth of {queries[0]} gives no query any match: make it anew for these traverses.")
    frames = query.frames_for_job(None, 1, emit, cancel)
    runner = model.runner
    parameters = chip or suited(model, (frames.shape[1], frames.shape[2]))
    # The thresholds of the feature and output neurons are for events; frames are shown at those that it was trained for.
    parameters = parameters.model_copy(update={"feature_threshold": 1.0, "output_threshold": 1.0})
    scoring = ScoringParameters(sequence="none", resamples=0, cold_starts=0)
    lost = recall_lost(runner.network, frames, truth, runner.inputs, runner.spiking, scoring, parameters, emit, cancel)
    before, after = lost.recall_at_1
    return (
        f"Recall@1 on {queries[0]}: {before:.2f} as trained, {after:.2f} in integers ({lost.before.queries} queries, "
        f"{scoring.matching}, tolerance {scoring.tolerance})."
    )
