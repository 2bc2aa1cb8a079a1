"""A small workspace to train on: random places, and queries that are the references with some noise."""

from pathlib import Path

import numpy as np

from engine.frames.png import write_png
from engine.places.ground_truth import save_ground_truth
from engine.places.index import index_of_folder, write_index
from engine.places.selection import ReferenceSelection
from engine.places.workspace import Workspace

DATASET, CAMERA, REFERENCE, QUERY = "street", "dvs", "monday", "tuesday"


def small_workspace(root: Path, places: int = 30, side: int = 16, cells: int = 8) -> Workspace:
    """Two traverses of `places` frames of side x side pixels, in blocks, with the identity as ground truth."""
    rng = np.random.default_rng(5)
    block = side // cells
    references = rng.poisson(rng.gamma(0.6, 12, (places, cells, cells)).repeat(block, 1).repeat(block, 2)).clip(0, 255)
    queries = rng.poisson(references * 0.9 + 0.2).clip(0, 255)
    workspace = Workspace.create(root)
    for name, frames in ((REFERENCE, references), (QUERY, queries)):
        folder = workspace.frames_folder(DATASET, CAMERA, name)
        for number, frame in enumerate(frames.astype(np.uint8)):
            write_png(folder / f"image_{number:04d}.png", frame)
        write_index(workspace.index_file(name), index_of_folder(folder))
    save_ground_truth(workspace.ground_truth_file(DATASET, CAMERA, REFERENCE, QUERY), np.eye(places))
    return workspace


def reference_of(workspace: Workspace) -> ReferenceSelection:
    """The reference traverse of a small workspace."""
    return ReferenceSelection(data_dir=workspace.data_dir, dataset=DATASET, camera=CAMERA, reference=REFERENCE)
