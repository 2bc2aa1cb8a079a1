"""What a workspace knows of a recording that is played: the places where it truly is, moment by moment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.live.model import LiveModel
from engine.places.ground_truth import load_ground_truth
from engine.places.workspace import Workspace

_LOOP_GAP_US = 1000  # as engine.events.sources.paced has it


@dataclass(frozen=True, eq=False)
class KnownRoute:
    """True places over the time of a recording.

    Attributes:
        query: name of the traverse that was binned from it.
        starts_us: (frames,) start of each frame's window, rising; window_us: its length.
        first, last: (frames,) first and last true place of each, -1 where there is none.
        range_us: first and last time of the recording, by which a replay that loops is followed.
    """

    query: str
    starts_us: NDArray[np.int64]
    window_us: int
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    range_us: tuple[int, int] | None = None

    def at(self, start_us: int, end_us: int) -> tuple[int, int] | None:
        """First and last true place of a window; None where nobody knows. A window between two frames has those of both."""
        if self.range_us is not None:
            begin, end = self.range_us
            length = end - begin + _LOOP_GAP_US
            back = (start_us - begin) // length * length if length > 0 else 0
            start_us, end_us = start_us - back, end_us - back
        middle = (start_us + end_us) // 2
        near = np.flatnonzero(np.abs(self.starts_us + self.window_us // 2 - middle) < max(self.window_us, end_us - start_us))
        near = near[self.first[near] >= 0]
        if not len(near):
            return None
        order = np.argsort(np.abs(self.starts_us[near] + self.window_us // 2 - middle), kind="stable")[:2]
        chosen = near[order]
        return int(self.first[chosen].min()), int(self.last[chosen].max())


def known_route(workspace: Workspace, model: LiveModel, recording: Path) -> KnownRoute | None:
    """The true places of a recording, where a traverse of the reference's dataset was binned from it and has a ground truth.

    The reference's own recording needs none: each frame is its own place.
    """
    if model.names is None or model.reference is None:
        return None
    dataset, camera, reference = model.names
    for name in _binned_from(workspace, (dataset, camera), recording):
        traverse = workspace.traverse(dataset, camera, name)
        info = traverse.info()
        if info is None or len(info.window_starts_us) != len(traverse) or not info.window_ms:
            continue
        if name == reference:
            matrix: NDArray[np.uint8] = np.eye(len(traverse), dtype=np.uint8)[: model.places]
        else:
            path = workspace.ground_truth_file(dataset, camera, reference, name)
            if not path.exists():
                continue
            size = len(model.reference), model.places
            try:
                matrix = load_ground_truth(path, size, (len(traverse), len(traverse)), scored=False).matrix
            except BadInput:  # of other traverses, or broken: the run does without
                continue
        some = matrix.any(axis=0)
        first = np.where(some, matrix.argmax(axis=0), -1)
        last = np.where(some, len(matrix) - 1 - matrix[::-1].argmax(axis=0), -1)
        starts = np.array(info.window_starts_us, np.int64)
        return KnownRoute(name, starts, round(1000 * info.window_ms), first, last)
    return None


def recording_for(workspace: Workspace, model: LiveModel) -> Path | None:
    """A recording to show a network with: of another traverse of its route where there is one, else any that is there."""
    if model.names is not None:
        dataset, camera, reference = model.names
        others = [
            names[2] for names in workspace.traverses() if names[:2] == (dataset, camera) and names[2] not in ("", reference)
        ]
        with_truth = [name for name in others if workspace.ground_truth_file(dataset, camera, reference, name).exists()]
        for name in [*with_truth, *others, reference]:
            try:
                info = workspace.traverse(dataset, camera, name).info()
            except BadInput:
                continue
            if info is not None and info.source and (workspace.recordings / info.source).is_file():
                return workspace.recordings / info.source
    return next(iter(sorted(workspace.recordings.glob("*.aedat4"))), None)


def _binned_from(workspace: Workspace, where: tuple[str, str], recording: Path) -> list[str]:
    found = []
    for dataset, camera, name in workspace.traverses():
        if (dataset, camera) != where:
            continue
        try:
            info = workspace.traverse(dataset, camera, name).info()
        except BadInput:
            continue
        if info is not None and info.source and Path(info.source).name == recording.name:
            found.append(name)
    return found
