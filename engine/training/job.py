"""The training job: from a reference traverse on disk to a network on disk, with its run record."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.compat import Compat
from engine.errors import BadInput
from engine.frames.encoder import InputStatistics, reference_inputs
from engine.frames.inputs import InputParameters, NetworkKind
from engine.jobs import CancelToken, Emit, Notice
from engine.networks.lens import network_name, save_network
from engine.networks.open import Network
from engine.networks.record import RunRecord, hash_arrays
from engine.parameters import Parameters, parameter
from engine.places.selection import ReferenceSelection
from engine.places.traverse import Traverse
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
    """What a network learns.

    Attributes:
        traverse: where it is from.
        frames: (places, height, width) uint8.
        inputs: settled for their size.
        rates: (places, inputs) float32, what the network sees of them (engine.frames.encoder.reference_inputs).
        statistics: of the inputs, where pixels are normalised.
    """

    traverse: Traverse
    frames: NDArray[np.uint8]
    inputs: InputParameters
    rates: NDArray[np.float32]
    statistics: InputStatistics | None = None


def read_places(
    selection: ReferenceSelection, inputs: InputParameters, emit: Emit, cancel: CancelToken, kind: NetworkKind = "lens"
) -> Places:
    """Read a reference traverse and make the inputs of its frames for a kind of network.

    Raises:
        BadInput: the traverse or the grid is wrong.
        JobCancelled: stopped.
    """
    traverse = selection.workspace().traverse(selection.dataset, selection.camera, selection.reference)
    if not traverse.indexed:
        emit(Notice(f"{traverse.name} has no index file: its frames are taken in natural order."))
    frames = traverse.frames_for_job(selection.reference_places, selection.filter, emit, cancel)
    settled = inputs.for_kind(kind).for_frames((frames.shape[1], frames.shape[2]))
    rates, statistics = reference_inputs(frames, settled, kind)
    warn_about_dark_frames(frames, selection.reference, emit)
    return Places(traverse, frames, settled, rates, statistics)


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
    frames, settled, rates = places.frames, places.inputs, places.rates
    features = int(settled.inputs * training.feature_multiplier)
    name = network_name(selection.reference, settled.inputs, features, len(frames))
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
    )
    seconds = time.perf_counter() - begun
    record = RunRecord(
        native=native.variant(),
        seed=training.seed,
        inputs=settled.model_dump(mode="json"),
        training=training.model_dump(mode="json"),
        data_hash=hash_arrays(frames),
        references=(selection.reference,),
        places=len(frames),
        statistics=None if places.statistics is None else places.statistics.as_json(),
        compat=compat,
    )
    save_network(target, network, record)
    checkpoint.unlink(missing_ok=True)
    return TrainedNetwork(network, record, target, seconds)


def check_target(target: Path, overwrite: bool) -> None:
    """Refuse a target that is there already or cannot be written, before the work and not after it.

    Raises:
        BadInput: says which file and what to do.
    """
    if target.suffix != ".pth":
        raise BadInput(f"A network's file ends in .pth, but model is {target}.")
    if target.exists() and not overwrite:
        raise BadInput(f"{target} exists already: pass overwrite to replace it, or name another file with model.")
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise BadInput(f"{folder} cannot be written to: name another file with model.")


def warn_about_dark_frames(frames: NDArray[np.uint8], name: str, emit: Emit) -> None:
    """Say how many frames have next to no events: they look alike, whatever was in view."""
    dark = int((frames.reshape(len(frames), -1).mean(axis=1, dtype=np.float64) < 0.05).sum())
    if dark:
        emit(Notice(f"{dark} of {len(frames)} frames of {name} have next to no events (stops of the robot?).", "warning"))
