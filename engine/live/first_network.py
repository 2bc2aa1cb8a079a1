"""A network for a workspace that has none yet, so that a live run can begin: LENS's, small enough for a Speck if it can be."""

from pathlib import Path

from engine.chip.check import check_network
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit
from engine.places.selection import ReferenceSelection
from engine.places.workspace import Workspace
from engine.training.job import TrainingOutput, train_network
from engine.training.parameters import LensTrainingParameters

_SIDES = (16, 14, 12, 10, 9, 8, 7, 6, 5, 4)


def train_first_network(workspace: Workspace, emit: Emit, cancel: CancelToken) -> Path:
    """Train a network on the workspace's reference traverse (0.1 s for a hundred places) and return its file.

    The reference is the traverse that most ground truths refer to, else the first. The grid is the finest with which the network
    fits a Speck, with as many features as inputs; where none fits, the finest.

    Raises:
        BadInput: there is no traverse, or none whose frames a grid divides.
        JobCancelled: the job was asked to stop.
    """
    names = workspace.traverses()
    if not names:
        raise BadInput("This workspace has no traverse to learn from: record one in Capture, or bin a recording.")
    truths = {path.name for path in workspace.data_dir.glob("*/*/*_GT.npy")}
    counts = [sum(truth.startswith(f"{name[2]}_") for truth in truths) for name in names]
    dataset, camera, reference = names[counts.index(max(counts))]
    traverse = workspace.traverse(dataset, camera, reference)
    height, width = traverse.frames(1).shape[1:]
    grids = [side for side in _SIDES if height % side == 0 and width % side == 0]
    if not grids:
        raise BadInput(f"The frames of {reference} ({width} x {height}) have no grid that divides them: train in Training.")
    wanted = [InputParameters(dims=(side, side), roi_dim=(height, width)) for side in grids]
    fits = [inputs for inputs in wanted if check_network(inputs, inputs.inputs, len(traverse), advise=False).fits]
    selection = ReferenceSelection(data_dir=workspace.data_dir, dataset=dataset, camera=camera, reference=reference)
    trained = train_network(
        selection,
        (fits or wanted)[0],
        LensTrainingParameters(feature_multiplier=1.0),
        TrainingOutput(overwrite=False, checkpoint=False),
        emit,
        cancel,
    )
    return trained.path
