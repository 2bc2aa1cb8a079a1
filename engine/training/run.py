"""Training as runs: from a reference traverse to run folders, one a seed, each with its network; and going on with one."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import native
from engine.compat import Compat
from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Notice
from engine.networks.library import NetworkKind
from engine.networks.open import Network, fitting_record
from engine.networks.record import RunRecord, record_path
from engine.parameters import Parameters, parameter
from engine.places.lock import Held, WorkspaceLock
from engine.places.selection import ReferenceSelection, TrainingSelection
from engine.places.workspace import Workspace
from engine.storage import in_the_way, replacing
from engine.training.control import TrainingControl
from engine.training.curves import CurveRecorder
from engine.training.job import Places, check_target, read_places
from engine.training.kinds import KINDS, Kind, Teaching
from engine.training.live import SHARE
from engine.training.runs import (
    CHECKPOINT,
    CURVES,
    Run,
    RunInfo,
    change_run,
    code_digest,
    new_run_folder,
    read_run,
    remove_run,
    runs_folder,
    write_run,
)
from engine.training.trackers import check_trackers, tracking
from engine.training.validation import Validation, ValidationParameters, read_validation


class RunParameters(Parameters):
    """How a training is carried out, and what is kept of it."""

    name: str = parameter("", "Name of the run (left out: the reference traverse's).", max_length=200)
    seeds: int = parameter(
        1, "Networks to train, one after another, from this many seeds, counted up from the first.", ge=1, le=1000
    )
    place: bool = parameter(
        False, "Also put the network of the first seed into the workspace's folder models, under LENS's name."
    )
    overwrite: bool = parameter(False, "Replace a network that is there already.")
    checkpoint: bool = parameter(True, "Keep the run's state on disk every few seconds, so that it can go on where it was cut.")
    threads: int = parameter(0, "Threads to train with; 0: all cores (the result is the same).", ge=0, le=1024)
    plots_share: float = parameter(
        SHARE, "Share of the time that live plots and validations may take; 1: as often as they are asked for.", ge=0, le=1
    )
    tensorboard: bool = parameter(False, "Also write a TensorBoard log into the run's folder.")
    wandb: bool = parameter(False, "Also log to Weights & Biases (offline, unless WANDB_MODE says otherwise).")


@dataclass(frozen=True)
class TrainRequest:
    """All that a training needs.

    Attributes:
        selection: the reference traverse.
        kind: of network.
        inputs: what it sees of a frame.
        training: its training parameters (KINDS[kind].parameters).
        validation: what it is judged on.
        run: how it is carried out.
        compat: version of LENS whose ways are followed, noted in the records.
        model: file that the first seed's network is put into besides; None: only where run.place says so.
        tuned_on, sweep: where the parameters come from, noted in the records.
    """

    selection: ReferenceSelection
    kind: NetworkKind = "lens"
    inputs: InputParameters = field(default_factory=InputParameters)
    training: Parameters | None = None
    validation: ValidationParameters = field(default_factory=ValidationParameters)
    run: RunParameters = field(default_factory=RunParameters)
    compat: Compat | None = None
    model: Path | None = None
    tuned_on: tuple[str, ...] = ()
    sweep: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run that has ended with a network."""

    run: Run
    network: Network
    record: RunRecord
    path: Path
    seconds: float


def train_runs(
    request: TrainRequest, emit: Emit, cancel: CancelToken, control: TrainingControl | None = None
) -> list[TrainedRun]:
    """Train a network for each seed, each in a run folder of its own.

    Args:
        request: what to train.
        emit: hears progress, and the metrics that LiveMetrics describes.
        cancel: stops within half a second; the run can go on from its checkpoint, unless control.discard.
        control: pauses, or stops early.

    Raises:
        BadInput: an input is wrong; no run is begun.
        JobCancelled: stopped.
    """
    control = control or TrainingControl()
    kind = KINDS[request.kind]
    check_trackers(request.run.tensorboard, request.run.wandb)
    training = request.training if request.training is not None else kind.parameters()
    request = replace(request, training=training)
    workspace = request.selection.workspace()
    places = read_places(request.selection, request.inputs, emit, cancel, request.kind)
    features = kind.features(places.inputs, training)
    file_name = kind.file_name(request.selection.label, places.inputs.inputs, features, places.count)
    target = request.model or (workspace.models / file_name if request.run.place else None)
    if target is not None:
        check_target(target, request.run.overwrite)
    validation = read_validation(request.validation, request.selection, places.several, emit, cancel)
    root = _writable(runs_folder(workspace), target)
    seeds, done = _seeds(training, request.run.seeds), []
    group = secrets.token_hex(6) if len(seeds) > 1 else ""
    for number, seed in enumerate(seeds):
        if len(seeds) > 1:
            emit(Notice(f"Seed {seed} ({number + 1} of {len(seeds)})."))
        settings = training.model_copy(update={"seed": seed})
        run = _begin(root, request, settings, places, file_name, group)
        done.append(_train(run, kind, settings, places, validation, request.run, emit, cancel, control, resume=False))
        if number == 0 and target is not None:
            done[0] = _place(done[0], target, request.run.overwrite, emit)
            if len(seeds) > 1 and done[0].path == target:
                emit(Notice(f"{target.name} is the network of seed {seed}; the others are in their runs."))
        if control.stopped:
            break
    return done


def resume_run(
    workspace: Workspace,
    folder: Path,
    emit: Emit,
    cancel: CancelToken,
    control: TrainingControl | None = None,
    run_parameters: RunParameters | None = None,
) -> TrainedRun:
    """Go on with a run that was interrupted or stopped early, to the same bits as if it had never been.

    Args:
        workspace: that the run is in.
        folder: of the run.
        emit, cancel, control: as in train_runs.
        run_parameters: threads and plots; its other fields do not matter.

    Raises:
        BadInput: there is nothing to go on from, or its frames have changed.
    """
    run = read_run(folder)
    if not run.resumable:
        raise BadInput(f"The run {run.info.name} has no checkpoint to go on from: train again with its parameters.")
    info, kind = run.info, KINDS[run.info.kind]
    where = str(folder)
    selection = TrainingSelection.read({**info.selection, "data_dir": workspace.data_dir}, where)
    training = kind.parameters.read(info.training, where)
    places = read_places(selection, InputParameters.read(info.inputs, where), emit, cancel, info.kind)
    if places.data_hash != info.data_hash:
        what = "frames" if len(selection.names) == 1 else "frames, or the places they show,"
        raise BadInput(f"The {what} of {selection.label} have changed since the run {info.name} began: train it again.")
    wanted = ValidationParameters.read(info.validation, where)
    validation = read_validation(wanted, selection, places.several, emit, cancel)
    control = control or TrainingControl()
    done = _train(run, kind, training, places, validation, run_parameters or RunParameters(), emit, cancel, control, resume=True)
    if info.placed and not control.ended_early:
        done = _place(done, Path(info.placed), False, emit)
    return done


def unfinished_run(workspace: Workspace, target: Path, roots: tuple[Path, ...] = ()) -> Run | None:
    """The newest run that was to put its network into `target` and can go on."""
    found = []
    for root in (runs_folder(workspace), *roots):
        for path in root.glob("*/run.json"):
            with contextlib.suppress(BadInput):
                run = read_run(path.parent)
                if run.resumable and run.info.placed and Path(run.info.placed) == target.absolute():
                    found.append(run)
    return max(found, key=lambda run: run.folder.name, default=None)


def _seeds(training: Parameters, count: int) -> list[int]:
    first = int(getattr(training, "seed", 0))
    return [first + number for number in range(count)]


def _writable(root: Path, target: Path | None) -> Path:
    """The folder of runs: the workspace's, or beside the network where the workspace cannot be written."""
    for folder in (root, *([target.parent / root.name] if target is not None else [])):
        if in_the_way(folder) is None:
            return folder
    raise BadInput(f"{root} cannot be written to: give yourself write permission, or name a file with model.")


def _begin(root: Path, request: TrainRequest, training: Parameters, places: Places, file_name: str, group: str) -> Run:
    seed = int(getattr(training, "seed", 0))
    base = request.run.name.strip() or request.selection.label
    name = f"{base}, seed {seed}" if group else base
    workspace = request.selection.workspace()
    target = request.model or (workspace.models / file_name if request.run.place else None)
    first = seed == int(getattr(request.training, "seed", 0))
    info = RunInfo(
        name=name,
        kind=request.kind,
        code=code_digest(),
        native=native.variant(),
        seed=seed,
        group=group,
        selection={**request.selection.model_dump(mode="json"), "data_dir": None},
        places=places.count,
        samples=len(places.frames),
        inputs=places.inputs.model_dump(mode="json"),
        training=training.model_dump(mode="json"),
        validation=request.validation.model_dump(mode="json"),
        compat=request.compat,
        data_hash=places.data_hash,
        network=file_name,
        placed=str(target.absolute()) if target is not None and first else "",
        tuned_on=request.tuned_on,
        sweep=request.sweep,
    )
    run = Run(new_run_folder(root, name), info)
    write_run(run)
    return run


@contextlib.contextmanager
def _locked(run: Run) -> Iterator[None]:
    try:
        lock = WorkspaceLock.take(run.folder)
    except Held:
        raise BadInput(f"The run {run.info.name} is training already, in another window or shell.") from None
    try:
        yield
    finally:
        lock.release()


def _train(
    run: Run,
    kind: Kind,
    training: Parameters,
    places: Places,
    validation: Validation | None,
    parameters: RunParameters,
    emit: Emit,
    cancel: CancelToken,
    control: TrainingControl,
    *,
    resume: bool,
) -> TrainedRun:
    info = run.info
    record = places.record(info.kind, training, data_hash=info.data_hash, compat=info.compat, tuned_on=info.tuned_on)
    checkpoint = run.folder / CHECKPOINT
    with _locked(run), tracking(parameters.tensorboard, parameters.wandb, run, emit) as tracked:
        change_run(run, status="training", note="")
        recorder = CurveRecorder(tracked, run.folder / CURVES)
        teaching = Teaching(
            recorder,
            cancel,
            control,
            checkpoint if kind.resumable and (parameters.checkpoint or resume) else None,
            resume,
            parameters.threads,
            parameters.plots_share,
            None if validation is None else lambda network: validation.judge(network, record, cancel, parameters.threads),
            validation.parameters.validate_every if validation is not None else 1,
            len(validation.frames) if validation is not None else 0,
        )
        try:
            begun = time.perf_counter()
            taught = kind.teach(training, places, teaching)
            seconds = time.perf_counter() - begun
            taught.tell_final()
            recorder.save()
        except JobCancelled:
            _leave(run, recorder, control, resumed=resume)
            raise
        except BadInput as error:
            change_run(run, status="failed", note=str(error))
            raise
        ended = RunRecord.model_fields["created"].get_default(call_default_factory=True)
        record = fitting_record(record, taught.network).model_copy(update={"created": ended})
        path = run.folder / run.info.network
        kind.save(path, taught.network, record)
        status = "stopped" if control.ended_early else "finished"
        scores = recorder.curves().last.get("validation", {})
        run = change_run(
            run,
            status=status,
            seconds=seconds,
            scores={key: float(value) for key, value in scores.items() if isinstance(value, int | float | np.floating)},
            note="Stopped before its output layer had learned all." if control.ended_early else "",
        )
        with contextlib.suppress(JobCancelled):  # what was learned is finished, and stays
            taught.tell_late()
        recorder.save()
    return TrainedRun(run, taught.network, record, path, seconds)


def _leave(run: Run, recorder: CurveRecorder, control: TrainingControl, *, resumed: bool) -> None:
    """A cancelled run keeps what it can go on from, or nothing; one that was resumed is what it was before, never less."""
    if resumed and control.discard:
        recorder.save()
        change_run(run, status=run.info.status, note=run.info.note)
    elif control.discard or not (run.folder / CHECKPOINT).exists():
        remove_run(run)
    else:
        recorder.save()
        change_run(run, status="interrupted")


def _place(done: TrainedRun, target: Path, overwrite: bool, emit: Emit) -> TrainedRun:
    """Put a run's network and record where they are asked for besides; the record goes first, as in save_network.

    What has come to be there meanwhile (another training's) is replaced only where that was asked for.
    """
    if target.exists() and not overwrite:
        emit(Notice(f"{target.name} is there already and is not replaced: the network is in its run.", "warning"))
        return done
    record_path(target).unlink(missing_ok=True)
    for source, goal in ((done.path, target), (record_path(done.path), record_path(target))):
        with replacing(goal) as part:
            shutil.copyfile(source, part)
    return replace(done, path=target)
