"""The training job: from a reference traverse on disk to a network on disk, with its run record."""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.compat import Compat
from engine.errors import BadInput
from engine.frames.encoder import InputStatistics, reference_inputs, shown_references
from engine.frames.inputs import InputParameters, NetworkKind, training_inputs
from engine.jobs import CancelToken, Emit, Notice
from engine.networks.ensemble import save_lens
from engine.networks.lens import network_name
from engine.networks.open import Network
from engine.networks.record import RunRecord, hash_arrays
from engine.parameters import Parameters, parameter
from engine.places.selection import ReferenceSelection
from engine.places.several import Several, open_several
from engine.places.traverse import Traverse
from engine.storage import check_can_be_made
from engine.training.lens import train_lens
from engine.training.parameters import LensTrainingParameters


class TrainingOutput(Parameters):
    """Where a training run goes, and how it is carried out."""

    model: Path | None = parameter(None, "File of the network (left out: LENS's name in the workspace's folder models).")
    overwrite: bool = parameter(False, "Replace a network that is there already.")
    resume: bool = parameter(False, "Go on from the checkpoint beside the network, bit for bit as if it had never stopped.")
    checkpoint: bool = parameter(True, "Write a checkpoint beside the network every few seconds while it trains.")
    threads: int = parameter(0, "Threads to train with; 0: all cores (the result is the same).", ge=0, le=1024)


@dataclass(frozen=True)
class TrainedNetwork:
    """What a training run made."""

    network: Network
    record: RunRecord
    path: Path
    seconds: float


@dataclass(frozen=True, eq=False)
class Places:
    """What a network learns: frames (samples) that show places. Of one traverse each frame is a place.

    Attributes:
        several: the traverses they are from.
        frames: (samples, height, width) uint8, traverse by traverse.
        inputs: settled for their size.
        rates: (samples, inputs) float32, what the network sees of them (engine.frames.encoder.reference_inputs).
        statistics: of the inputs, where pixels are normalised; what a query's own start from.
        place_of: (samples,) the place that each sample shows; None where each has its own.
        looks: of several traverses along the same places: the samples of each, with the statistics by which they are normalised.
    """

    several: Several
    frames: NDArray[np.uint8]
    inputs: InputParameters
    rates: NDArray[np.float32]
    statistics: InputStatistics | None = None
    place_of: NDArray[np.int64] | None = None
    looks: tuple[tuple[slice, InputStatistics | None], ...] = ()

    @property
    def count(self) -> int:
        """Number of places."""
        return self.several.places

    @property
    def traverse(self) -> Traverse:
        """The first traverse, whose places those of the map are, or begin with."""
        return self.several.parts[0].traverse

    @cached_property
    def data_hash(self) -> str:
        """Of the frames, and of what place each shows where that is not its number."""
        return _hash_of(self.several, self.frames)

    def record(self, kind: NetworkKind, training: Parameters, *, data_hash: str = "", **more: Any) -> RunRecord:
        """The record of a network that learns these places.

        Args:
            kind: of network.
            training: its parameters, with a field `seed`.
            data_hash: where it is known already.
            more: further fields of the record.
        """
        return RunRecord(
            kind=kind,
            native=native.variant(),
            seed=int(getattr(training, "seed", 0)),
            inputs=self.inputs.model_dump(mode="json"),
            training=training.model_dump(mode="json"),
            references=tuple(part.traverse.name for part in self.several.parts),
            route=self.several.route,
            part_places=self.several.part_places,
            places=self.count,
            filter=self.several.every,
            statistics=None if self.statistics is None else self.statistics.as_json(),
            data_hash=data_hash or self.data_hash,
            **more,
        )


@dataclass(frozen=True, eq=False)
class References:
    """What was read of the reference traverses, out of which the inputs of any network are made.

    Attributes:
        several: the traverses.
        parts: (frames, height, width) uint8 of each.
    """

    several: Several
    parts: tuple[NDArray[np.uint8], ...]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return self.parts[0].shape[1], self.parts[0].shape[2]

    @cached_property
    def frames(self) -> NDArray[np.uint8]:
        """Those that show places: (samples, height, width), traverse by traverse."""
        if len(self.parts) == 1:
            return self.parts[0]
        return np.concatenate([each[part.where >= 0] for each, part in zip(self.parts, self.several.parts, strict=True)])

    @cached_property
    def data_hash(self) -> str:
        """As of all places that are made of them."""
        return _hash_of(self.several, self.frames)

    def places(self, inputs: InputParameters, kind: NetworkKind) -> Places:
        """The inputs of their frames for a kind of network.

        Of several traverses along the same places each is normalised by its own statistics, as if it had been learned alone, and
        the first one's are kept. But LENS with pixels normalised by the reference's statistics is shown queries by one set of
        them, and so are places that follow one another in one map: there they are of all frames. Longer windows never reach
        from one traverse into the next.

        Raises:
            BadInput: the grid is wrong, or a single frame is to be normalised.
        """
        settled = inputs.for_kind(kind).for_frames(self.size)
        several, parts = self.several, self.parts
        if len(parts) == 1:
            rates, statistics = reference_inputs(parts[0], settled, kind)
            return Places(several, parts[0], settled, rates, statistics)
        kept = [part.where >= 0 for part in several.parts]
        where = np.concatenate([part.where[some] for part, some in zip(several.parts, kept, strict=True)])
        looks: list[tuple[slice, InputStatistics | None]] = []
        if several.route == "after" or (kind == "lens" and settled.normalise == "reference"):
            encoded = np.concatenate([training_inputs(each, settled)[some] for each, some in zip(parts, kept, strict=True)])
            rates, statistics = shown_references(encoded, settled, kind)
            if several.route == "after":
                return Places(several, self.frames, settled, rates, statistics)
        else:
            shown, begun = [], 0
            for each, some in zip(parts, kept, strict=True):
                own, its_statistics = reference_inputs(each, settled, kind)
                shown.append(own[some])
                looks.append((slice(begun, begun + len(shown[-1])), its_statistics))
                begun += len(shown[-1])
            rates, statistics = np.concatenate(shown), looks[0][1]
        return Places(several, self.frames, settled, rates, statistics, where, tuple(looks))


def _hash_of(several: Several, frames: NDArray[np.uint8]) -> str:
    if len(several.parts) == 1:
        return hash_arrays(frames)
    return hash_arrays(frames, *(part.where for part in several.parts))


def read_places(
    selection: ReferenceSelection, inputs: InputParameters, emit: Emit, cancel: CancelToken, kind: NetworkKind = "lens"
) -> Places:
    """Read the reference traverses and make the inputs of their frames for a kind of network (References.places).

    Raises:
        BadInput: a traverse or the grid is wrong, frames differ in size, or nothing says which places belong together.
        JobCancelled: stopped.
    """
    return read_references(selection, emit, cancel).places(inputs, kind)


def read_references(selection: ReferenceSelection, emit: Emit, cancel: CancelToken) -> References:
    """Read the reference traverses.

    Raises:
        BadInput: a traverse is wrong, frames differ in size, or nothing says which places belong together.
        JobCancelled: stopped.
    """
    several = open_several(selection, emit, cancel)
    parts: list[NDArray[np.uint8]] = []
    for number, part in enumerate(several.parts):
        traverse = part.traverse
        if not traverse.indexed:
            emit(Notice(f"{traverse.name} has no index file: its frames are taken in natural order."))
        all_of_it = number > 0 and several.route == "same"
        frames = traverse.frames_for_job(None if all_of_it else selection.reference_places, selection.filter, emit, cancel)
        if parts and frames.shape[1:] != parts[0].shape[1:]:
            sizes = [" x ".join(map(str, each.shape[1:])) for each in (frames, parts[0])]
            raise BadInput(
                f"The frames of {traverse.name} are {sizes[0]} and those of {selection.reference} {sizes[1]} (rows x columns): "
                "bin them with one region."
            )
        warn_about_dark_frames(frames, traverse.name, emit)
        parts.append(frames)
    return References(several, tuple(parts))


def train_network(
    selection: ReferenceSelection,
    inputs: InputParameters,
    training: LensTrainingParameters,
    output: TrainingOutput,
    emit: Emit,
    cancel: CancelToken,
    compat: Compat | None = None,
) -> TrainedNetwork:
    """Train LENS on a reference traverse and write the network and its run record, whole or not at all.

    Args:
        selection: the reference traverse.
        inputs: what the network sees of its frames.
        training: the learning rule.
        output: where the network goes.
        emit: gets progress, and metrics for plots.
        cancel: stops it within half a second; the checkpoint stays.
        compat: noted in the run record.

    Raises:
        BadInput: the traverse or a parameter is wrong, or a network is there already; nothing is written.
        JobCancelled: stopped; only the checkpoint is written.
    """
    places = read_places(selection, inputs, emit, cancel)
    settled, rates = places.inputs, places.rates
    features = training.features(settled.inputs, settled.window_count)
    name = network_name(selection.label, settled.inputs, features, places.count)
    target = output.model or selection.workspace().models / name
    check_target(target, output.overwrite)
    checkpoint = target.with_suffix(".checkpoint.npz")
    if output.resume and not checkpoint.exists():
        raise BadInput(f"There is no checkpoint {checkpoint} to go on from: train without resume.")

    begun = time.perf_counter()
    network = train_lens(
        training,
        rates,
        emit,
        cancel,
        checkpoint=checkpoint if output.checkpoint or output.resume else None,
        resume=output.resume,
        threads=output.threads,
        place_of=places.place_of,
        windows=settled.window_count,
    )
    seconds = time.perf_counter() - begun
    record = places.record("lens", training, compat=compat)
    save_lens(target, network, record)
    checkpoint.unlink(missing_ok=True)
    return TrainedNetwork(network, record, target, seconds)


def check_target(target: Path, overwrite: bool, option: str = "model") -> None:
    """Refuse a target that is there already or cannot be written, before the work and not after it.

    Args:
        target: the network's file.
        overwrite: whether one that is there may be replaced.
        option: that names it, for the message.

    Raises:
        BadInput: says which file and what to do.
    """
    if target.suffix != ".pth":
        raise BadInput(f"A network's file ends in .pth, but {option} is {target}.")
    if target.exists() and not overwrite:
        raise BadInput(f"{target} exists already: pass overwrite to replace it, or name another file with {option}.")
    check_can_be_made(target, option)


def warn_about_dark_frames(frames: NDArray[np.uint8], name: str, emit: Emit) -> None:
    """Say how many frames have next to no events: they look alike, whatever was in view."""
    dark = int((frames.reshape(len(frames), -1).mean(axis=1, dtype=np.float64) < 0.05).sum())
    if dark:
        emit(Notice(f"{dark} of {len(frames)} frames of {name} have next to no events (stops of the robot?).", "warning"))
