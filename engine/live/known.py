"""What a workspace knows of a recording that is played: the places where it truly is, moment by moment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.live.model import LiveModel
from engine.places.ground_truth import load_ground_truth
from engine.places.selection import PairSelection
from engine.places.several import truth_of_joined
from engine.places.traverse import Traverse
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
    dataset, camera, _ = model.names
    for name in _binned_from(workspace, (dataset, camera), recording):
        traverse = workspace.traverse(dataset, camera, name)
        info = traverse.info()
        if info is None or len(info.window_starts_us) != len(traverse) or not info.window_ms:
            continue
        try:
            matrix = truth_of(workspace, model, traverse)
        except BadInput:  # of other traverses, or broken: the run does without
            continue
        if matrix is None:
            continue
        some = matrix.any(axis=0)
        first = np.where(some, matrix.argmax(axis=0), -1)
        last = np.where(some, len(matrix) - 1 - matrix[::-1].argmax(axis=0), -1)
        starts = np.array(info.window_starts_us, np.int64)
        return KnownRoute(name, starts, round(1000 * info.window_ms), first, last)
    return None


def truth_of(workspace: Workspace, model: LiveModel, query: Traverse) -> NDArray[np.uint8] | None:
    """(places, queries) of 0 and 1: the true places of a traverse's frames; None where there is no ground truth.

    Raises:
        BadInput: it cannot be read, or is of other traverses.
    """
    assert model.names is not None and model.reference is not None
    dataset, camera, reference = model.names
    whole = workspace.traverse(*model.names)
    parts, begun = model.parts or ((whole, model.places),), 0
    for traverse, count in parts:
        if traverse.name == query.name:
            matrix = np.zeros((model.places, len(query)), np.uint8)
            shown = _places_shown(len(query), count, model.filter)
            matrix[begun + shown, np.arange(len(shown))] = 1
            return matrix
        begun += count
    frames = len(query), len(query)
    if model.filter > 1:
        paths = [workspace.ground_truth_file(dataset, camera, traverse.name, query.name) for traverse, _ in parts]
        blocks = [np.zeros((count, len(query)), np.uint8) for _, count in parts]
        for number, (path, (traverse, count)) in enumerate(zip(paths, parts, strict=True)):
            if path.exists():
                every_frame = load_ground_truth(path, (len(traverse), len(traverse)), frames, scored=False).matrix
                blocks[number] = _of_places(every_frame, count, model.filter)
        return np.concatenate(blocks) if any(path.exists() for path in paths) else None
    if model.parts:
        chosen = PairSelection(data_dir=workspace.data_dir, dataset=dataset, camera=camera, reference=reference, query=query.name)
        found = truth_of_joined(workspace, chosen, model.parts, frames, scored=False)
        return None if found is None else found[0].matrix
    path = workspace.ground_truth_file(dataset, camera, reference, query.name)
    if not path.exists():
        return None
    return load_ground_truth(path, (len(whole), model.places), frames, scored=False).matrix


def _of_places(truth: NDArray[np.uint8], places: int, every: int) -> NDArray[np.uint8]:
    """Of a truth of all frames (frames, queries) that of places that are every so-many-th."""
    shown = _places_shown(len(truth), places, every)
    matrix: NDArray[np.uint8] = np.maximum.reduceat(truth[: len(shown)], np.searchsorted(shown, np.arange(places)), axis=0)
    return matrix


def _places_shown(frames: int, places: int, every: int) -> NDArray[np.int64]:
    """The nearest of places that are every so-many-th frame, for each frame up to the last that shows one."""
    place = (np.arange(frames) + every // 2) // every
    return place[place < places]


def recording_for(workspace: Workspace, model: LiveModel) -> Path | None:
    """A recording to show a network with: of another traverse of its route where there is one, else any that is there."""
    if model.names is not None:
        dataset, camera, reference = model.names
        own = [traverse.name for traverse, _ in model.parts] or [reference]
        others = [names[2] for names in workspace.traverses() if names[:2] == (dataset, camera) and names[2] not in ("", *own)]
        with_truth = [
            name for name in others if any(workspace.ground_truth_file(dataset, camera, one, name).exists() for one in own)
        ]
        for name in [*with_truth, *others, *own]:
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
