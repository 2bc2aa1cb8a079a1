"""Which pairs of traverses of a workspace have a ground truth."""

from collections.abc import Sequence

from engine.places.workspace import Workspace

Pair = tuple[str, str, str, str]  # dataset, camera, reference, query


def pairs_with_truth(workspace: Workspace, traverses: Sequence[tuple[str, str, str]]) -> list[Pair]:
    """Pairs of different traverses with a ground truth beside them under LENS's name, sorted.

    Args:
        workspace: where they are.
        traverses: (dataset, camera, traverse), as Workspace.traverses gives them.
    """
    found = []
    for dataset, camera in sorted({(dataset, camera) for dataset, camera, _ in traverses}):
        folder = workspace.frames_folder(dataset, camera, "x").parent
        files = {path.name for path in folder.glob("*_GT.npy")}
        names = [name for other_dataset, other_camera, name in traverses if (other_dataset, other_camera) == (dataset, camera)]
        for file in sorted(files):
            stem = file.removesuffix("_GT.npy")
            for reference in names:
                query = stem.removeprefix(f"{reference}_")
                if query != stem and query != reference and query in names:
                    found.append((dataset, camera, reference, query))
    return found
