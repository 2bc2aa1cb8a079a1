"""The network of a live run with what it was trained on: which part of the sensor it saw, how long, and how much."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.events.checks import Size, check_region
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Notice, ignore
from engine.networks.library import RUNS
from engine.networks.open import open_network
from engine.networks.record import read_record
from engine.places.positions import Positions, positions_of
from engine.places.several import joined, joined_positions
from engine.places.traverse import Traverse, TraverseInfo
from engine.places.workspace import Workspace
from engine.recognition.encoding import SpikingParameters
from engine.recognition.run_network import NetworkRunner

Region = tuple[int, int, int, int]
_SAMPLE = 64
"""Reference frames that are looked at for what training saw."""


@dataclass(frozen=True)
class Trained:
    """What the network saw when it was trained; None where the workspace no longer knows.

    Attributes:
        events_per_pixel: mean of the reference's frames.
        layers: spikes of each layer in a window, over frames of the reference.
        frame_size: (height, width) of the reference's frames.
        sensor, region, window_ms, polarity: of the reference's frames.
    """

    events_per_pixel: float | None = None
    layers: dict[str, float] | None = None
    frame_size: tuple[int, int] | None = None
    sensor: Size | None = None
    region: Region | None = None
    window_ms: float | None = None
    polarity: str = "both"


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A network file, its runner, and its reference traverse where the workspace has it."""

    path: Path
    runner: NetworkRunner
    reference: Traverse | None
    reference_name: str
    names: tuple[str, str, str] | None  # dataset, camera, traverse of the reference
    trained: Trained
    positions: Positions | None = None  # of the reference's frames, where they have poses
    parts: tuple[tuple[Traverse, int], ...] = ()  # of a map of traverses that follow one another: each, and its places

    @property
    def places(self) -> int:
        """Number of places."""
        return self.runner.places

    @property
    def filter(self) -> int:
        """Its places are every so-many-th frame of the reference, as `reference` and `positions` are already."""
        return _filter_of(self.runner)

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """(height, width) of the event frames that it takes; None: any that its grid divides."""
        return self.runner.inputs.roi_dim or self.trained.frame_size

    def new_runner(self, steps_per_window: int = 1) -> NetworkRunner:
        """A runner of its own for a target: its random draws go on from window to window.

        Longer windows look back from place to place, as they did along the frames that were learned.
        """
        own, steps = self.runner, steps_per_window * self.filter
        return NetworkRunner(own.network, own.record, own.inputs, own.spiking, steps_per_window=steps, name=self.path.name)

    def window_us(self, window_ms: float | None) -> int:
        """The time window: as asked, else the reference's, else 1 s."""
        return max(round(1000 * (window_ms or self.trained.window_ms or 1000.0)), 1)

    def region_on(self, size: Size, asked: Region | None) -> Region:
        """The region of interest on a sensor of (width, height): as asked, else the reference's, else the middle.

        Raises:
            BadInput: it does not lie on the sensor, or is not what the network takes.
        """
        wanted = self.frame_size
        if asked is None:
            asked = self._own_region(size, wanted)
        region = check_region(asked, size, "The region of interest")
        if wanted is not None and (region[3], region[2]) != wanted:
            raise BadInput(
                f"{self.path.name} was trained on {wanted[1]}x{wanted[0]} pixels, but the region of interest has "
                f"{region[2]}x{region[3]}: choose a region of that size."
            )
        if wanted is None:
            self.runner.inputs.for_frames((region[3], region[2]))
        return region

    def _own_region(self, size: Size, wanted: tuple[int, int] | None) -> Region:
        trained = self.trained.region
        if trained is not None and self.trained.sensor in (None, size):
            return trained
        if wanted is None:
            return (0, 0, *size)
        height, width = wanted
        if width > size[0] or height > size[1]:
            raise BadInput(
                f"{self.path.name} was trained on {width}x{height} pixels, but the sensor has only {size[0]}x{size[1]}: "
                "take the camera that it was trained with, or train a network for this one."
            )
        return ((size[0] - width) // 2, (size[1] - height) // 2, width, height)

    def reference_frame(self, place: int) -> NDArray[np.uint8] | None:
        """The event frame that a place was learned from, (height, width); None where the workspace lacks it."""
        if self.reference is None or not 0 <= place < len(self.reference.rows):
            return None
        from engine.frames.png import read_frames

        frame: NDArray[np.uint8] = read_frames([self.reference.folder / self.reference.rows[place].image])[0]
        return frame


def open_model(
    path: Path,
    workspace: Workspace | None,
    seed: int = 0,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    inputs: InputParameters | None = None,
) -> LiveModel:
    """Open a network and find what it was trained on.

    Args:
        path: the network's file.
        workspace: where its reference traverse lies; a missing one only costs the pictures and comparisons.
        seed: of the spikes' draws.
        emit: gets notices.
        cancel: stops it.
        inputs: what a network without a run record sees of a frame; left out: LENS 0.1.5's ways, and a square grid.

    Raises:
        BadInput: the file is no network.
    """
    network, record = open_network(path), read_record(path)
    asked = inputs or InputParameters()
    side = math.isqrt(network.inputs)
    if record is None and "dims" not in asked.model_fields_set and side * side == network.inputs:
        asked = InputParameters(**{**asked.model_dump(exclude_unset=True), "dims": (side, side)})
    runner = NetworkRunner(network, record, asked, SpikingParameters(seed=seed), name=path.name, emit=emit)
    names = _reference_of(path, runner, workspace)
    if workspace is None or names is None:
        return LiveModel(path, runner, None, _reference_name(path, runner), None, Trained())
    try:
        parts = _parts(runner, workspace, names)
        every = _filter_of(runner)
        reference = workspace.traverse(*names)
        if parts or every > 1:
            reference = joined(parts or ((reference, runner.places),), every)
        info = reference.info()
        frames = _sample(reference, runner.places)
    except BadInput as error:
        emit(Notice(f"The reference of {path.name} cannot be read, so its pictures are missing: {error}", "warning"))
        return LiveModel(path, runner, None, names[2], None, Trained())
    if cancel is not None:
        cancel.check()
    trained, positions = _trained(runner, frames, info), _positions(workspace, names, parts, every, emit)
    return LiveModel(path, runner, reference, reference.name, names, trained, positions, parts)


def _filter_of(runner: NetworkRunner) -> int:
    return runner.record.filter if runner.record is not None else 1


def workspace_of(model: Path) -> Workspace | None:
    """The workspace that a network lies in: above its folder models, or above the folder of its training run."""
    folder = model.absolute().parent
    root = folder.parent if folder.name == "models" else folder.parent.parent if folder.parent.name == RUNS else None
    return Workspace.open(root) if root is not None and (root / "dataset").is_dir() else None


def _parts(runner: NetworkRunner, workspace: Workspace, names: tuple[str, str, str]) -> tuple[tuple[Traverse, int], ...]:
    """The traverses of a map that follow one another, with the places of each; () where it has those of one."""
    record = runner.record
    if record is None or record.route != "after" or sum(record.part_places) != runner.places:
        return ()
    counts = zip(record.references, record.part_places, strict=False)
    return tuple((workspace.traverse(names[0], names[1], name), count) for name, count in counts)


def _positions(
    workspace: Workspace, names: tuple[str, str, str], parts: tuple[tuple[Traverse, int], ...], every: int, emit: Emit
) -> Positions | None:
    try:
        if parts:
            traverses, counts = [traverse.name for traverse, _ in parts], [count for _, count in parts]
            together = joined_positions(workspace, names[0], names[1], traverses, counts, every)
            return together if together.known.any() else None
        found = positions_of(workspace, names[0], names[1], [names[2]])[names[2]]
    except BadInput as error:
        emit(Notice(f"The poses of {names[2]} cannot be read, so there is no map: {error}", "warning"))
        return None
    if every > 1:
        times = None if found.times_us is None else found.times_us[::every]
        found = replace(found, xy=found.xy[::every], heading=found.heading[::every], times_us=times)
    return found if found.known.any() else None


def _trained(runner: NetworkRunner, frames: NDArray[np.uint8], info: TraverseInfo | None) -> Trained:
    height, width = frames.shape[1:]
    layers: dict[str, float] | None
    try:
        layers = runner.similarity(frames, threads=1).spikes_per_query
    except BadInput:  # a folder of frames that the network was not trained on after all
        layers = None
    frame_size, events = (height, width), float(frames.mean())
    if info is None:
        return Trained(events, layers, frame_size)
    region = info.region if info.region is not None and info.region[2:] == (width, height) else None
    polarity = str(info.binning.get("polarity", "both"))
    return Trained(events, layers, frame_size, info.sensor, region, info.window_ms, polarity)


def _sample(reference: Traverse, places: int) -> NDArray[np.uint8]:
    from engine.frames.png import read_frames

    rows = reference.rows_used()[:places]
    every = max(len(rows) // _SAMPLE, 1)
    return read_frames(reference.folder / row.image for row in rows[::every][:_SAMPLE])


def _reference_name(path: Path, runner: NetworkRunner) -> str:
    if runner.record is not None:
        return runner.record.references[0]
    return path.stem.partition("_LENS_")[0]


def _reference_of(path: Path, runner: NetworkRunner, workspace: Workspace | None) -> tuple[str, str, str] | None:
    """The traverse of the reference's name in the workspace; of several in different datasets the one of fitting length."""
    if workspace is None:
        return None
    wanted = _reference_name(path, runner)
    found: list[tuple[str, str, str]] = [names for names in workspace.traverses() if names[2] == wanted]
    record, every = runner.record, _filter_of(runner)
    if record is not None and record.route == "after" and record.part_places:
        counts = dict(zip(record.references, record.part_places, strict=False))
        fitting: list[Any] = [
            names
            for names in found
            if all(_frames_in(workspace, (*names[:2], name), every) >= count for name, count in counts.items())
        ]
    else:
        fitting = [names for names in found if _frames_in(workspace, names, every) >= runner.places]
    return fitting[0] if fitting else None


def _frames_in(workspace: Workspace, names: tuple[str, str, str], every: int) -> int:
    try:
        return len(workspace.traverse(*names).rows_used(None, every))
    except BadInput:
        return 0
