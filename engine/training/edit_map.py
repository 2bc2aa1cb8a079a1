"""A map of prototypes changed after its training: another traverse of the route taken in, places added and removed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from engine.errors import BadInput
from engine.frames.png import read_frames
from engine.jobs import CancelToken, Emit, Notice, Progress
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import load_ground_truth, places_of
from engine.recognition.run_network import NetworkRunner
from engine.training.job import check_target


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, int | str | Path) and not isinstance(value, bool) else value


class MapEditParameters(Parameters):
    """What is changed of a prototype network: first it merges, then it forgets, then it learns."""

    model: Path = parameter(Path("network.pth"), "The network that is changed.")
    out: Path = parameter(Path("changed.pth"), "File of the changed network; the run record goes beside it.")
    overwrite: bool = parameter(False, "Replace a network that is there already.")
    merge: Path | None = parameter(None, "Network of another traverse of the same route, taken into the map.")
    gt_file: Path | None = parameter(
        None,
        "Ground truth of the two traverses (the merged one as the query), which says where its places are in the map (left out: "
        "place by place, for networks of as many places).",
    )
    remove: Annotated[tuple[int, ...], BeforeValidator(_several)] = parameter(
        (), "Places to forget, by their numbers from 0 in the map as it is after merging."
    )
    add: Annotated[tuple[Path, ...], BeforeValidator(_several)] = parameter(
        (), "Event frames to remember, each as a new place at the end: PNG files, in the order in which the robot saw them."
    )


@dataclass(frozen=True)
class EditedMap:
    """What became of a map.

    Attributes:
        path: of the changed network.
        places, neurons: that it has now.
        merged: places of the other network that were taken in.
        added: numbers of the new places.
        removed: how many were forgotten.
    """

    path: Path
    places: int
    neurons: int
    merged: int
    added: tuple[int, ...]
    removed: int


def edit_map(parameters: MapEditParameters, emit: Emit, cancel: CancelToken) -> EditedMap:
    """Change a prototype network and write it under another name; the answers of places that stay do not change.

    Args:
        parameters: what to change.
        emit: hears notices, and Progress in frames.
        cancel: stops it within half a second; nothing is written.

    Raises:
        BadInput: a file is wrong, the networks do not fit each other, a place is not there, or nothing is asked for.
        JobCancelled: stopped.
    """
    if parameters.merge is None and not parameters.remove and not parameters.add:
        raise BadInput("Nothing is to be changed: give merge, remove or add.")
    if parameters.gt_file is not None and parameters.merge is None:
        raise BadInput("gt_file says where the places of a merged network are: give merge too, or leave it out.")
    check_target(parameters.out, parameters.overwrite, "out")
    runner = NetworkRunner.open(parameters.model, emit=emit)
    merged = 0 if parameters.merge is None else _merge(runner, parameters.merge, parameters.gt_file, emit)
    if len(set(parameters.remove)) < len(parameters.remove):
        raise BadInput("remove names a place twice: name each place once.")
    for place in sorted(parameters.remove, reverse=True):
        runner.remove_place(place)
    added = _add(runner, parameters.add, emit, cancel) if parameters.add else ()
    cancel.check()
    runner.save(parameters.out)
    neurons = len(getattr(runner.network, "weights", ()))
    return EditedMap(parameters.out, runner.places, neurons, merged, added, len(parameters.remove))


def _merge(runner: NetworkRunner, path: Path, gt_file: Path | None, emit: Emit) -> int:
    other = NetworkRunner.open(path, emit=emit)
    if gt_file is None:
        runner.merge(other)
        return other.places
    truth = load_ground_truth(gt_file, (runner.places, runner.places), (other.places, other.places), scored=False)
    for note in truth.notes:
        emit(Notice(note, "warning"))
    where = places_of(truth.matrix, truth.mask)
    runner.merge(other, where)
    return int(np.count_nonzero(where >= 0))


def _add(runner: NetworkRunner, paths: tuple[Path, ...], emit: Emit, cancel: CancelToken) -> tuple[int, ...]:
    frames = read_frames(paths, each=lambda count: cancel.check())
    added = []
    for number, frame in enumerate(frames, 1):
        cancel.check()
        runner.see(frame)
        added.append(runner.add_place())
        emit(Progress("Remembering places", number, len(frames), "frames"))
    return tuple(added)
