"""Two training runs of prototypes along the same route made one map, as a run of its own."""

import time
from collections.abc import Sequence

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice
from engine.networks.prototype import prototype_name
from engine.networks.record import RunRecord
from engine.places.selection import TrainingSelection
from engine.places.several import Several, open_several
from engine.places.workspace import Workspace
from engine.recognition.run_network import NetworkRunner
from engine.training.runs import Run, RunInfo, code_digest, new_run_folder, remove_run, runs_folder, write_run
from engine.training.validation import ValidationParameters, read_validation


def why_not_merged(runs: Sequence[Run]) -> str:
    """Why these runs cannot become one map; "" where it can be tried."""
    if len(runs) != 2:
        return "Choose two runs of prototypes along the same route to merge them"
    if any(run.info.kind != "prototype" or run.network is None for run in runs):
        return "Only networks of the kind prototype merge; train LENS anew from both traverses"
    where = [tuple(run.info.selection.get(field) for field in ("dataset", "camera")) for run in runs]
    if where[0] != where[1]:
        return "The two networks are of different datasets or cameras"
    names = [set(run.reference.split(" + ")) for run in runs]
    if names[0] & names[1]:
        return f"Both networks know {' and '.join(sorted(names[0] & names[1]))}: choose two of different traverses"
    return ""


def merge_runs(workspace: Workspace, first: Run, second: Run, name: str, emit: Emit, cancel: CancelToken) -> Run:
    """Make one map of two prototype networks of the same route, as a new run; both old ones stay as they are.

    The places are those of the first. Which of them a frame of the second shows is found as in a training from several traverses
    (engine.places.several). The map is judged on the first run's validation query, where it has one.

    Args:
        workspace: that both are in.
        first, second: with networks of the kind prototype.
        name: of the new run; "" makes one of the traverses' names.
        emit: hears notices.
        cancel: stops it; nothing is left.

    Raises:
        BadInput: they do not fit each other, or nothing says which places belong together.
        JobCancelled: stopped.
    """
    problem = why_not_merged((first, second))
    if problem:
        raise BadInput(f"{problem}.")
    begun = time.perf_counter()
    ours, theirs = (
        TrainingSelection.read({**run.info.selection, "data_dir": workspace.data_dir}, str(run.folder)) for run in (first, second)
    )
    if ours.filter != theirs.filter:
        raise BadInput("The two networks were trained with another filter each: train them alike to merge them.")
    assert first.network is not None and second.network is not None  # why_not_merged has looked
    runner, other = NetworkRunner.open(first.network, emit=emit), NetworkRunner.open(second.network, emit=emit)
    # The two traverses whose places the maps have; further looks go along with these.
    shown = open_several(ours.model_copy(update={"further": (theirs.reference,), "route": "same"}), emit, cancel)
    numbers = shown.parts[1].where[: other.places]
    if shown.places != runner.places or len(numbers) != other.places:
        raise BadInput(
            f"The networks know {runner.places} and {other.places} places, but their traverses have {shown.places} and "
            f"{len(shown.parts[1].where)} frames: merge maps that were changed with `revisit-cli places`."
        )
    runner.merge(other, numbers)
    record = runner.record
    assert record is not None  # prototypes have one
    whole = ours.model_copy(update={"further": record.references[1:], "route": "same"})
    scores = _judged(runner, record, first, whole, shown, emit, cancel)
    label = name.strip() or f"{whole.label} merged"
    info = first.info.model_copy(
        update={
            "name": label,
            "status": "finished",
            "star": False,
            "created": RunInfo.model_fields["created"].get_default(call_default_factory=True),
            "code": code_digest(),
            "native": native.variant(),
            "group": "",
            "selection": {**whole.model_dump(mode="json"), "data_dir": None},
            "samples": len(getattr(runner.network, "weights", ())),
            "data_hash": record.data_hash,
            "network": prototype_name(whole.label, runner.network.inputs, runner.places),
            "placed": "",
            "seconds": time.perf_counter() - begun,
            "scores": scores,
            "tuned_on": tuple(dict.fromkeys((*first.info.tuned_on, *second.info.tuned_on))),
            "sweep": {},
            "note": f"Merged from the runs {first.info.name} and {second.info.name}.",
        }
    )
    runner.record = record.model_copy(update={"created": info.created, "tuned_on": info.tuned_on})
    cancel.check()
    run = Run(new_run_folder(runs_folder(workspace), label), info)
    try:
        runner.save(run.folder / info.network)
        write_run(run)
    except BaseException:
        remove_run(run)
        raise
    return run


def _judged(
    runner: NetworkRunner,
    record: RunRecord,
    first: Run,
    whole: TrainingSelection,
    shown: Several,
    emit: Emit,
    cancel: CancelToken,
) -> dict[str, float]:
    """Figures on the first run's query; where it cannot be read any more, it is said and the map is not judged."""
    try:
        wanted = ValidationParameters.read(first.info.validation, str(first.folder))
        validation = read_validation(wanted, whole, shown, emit, cancel)
    except BadInput as error:
        emit(Notice(f"The merged map is not judged: {error}", "warning"))
        return {}
    return {} if validation is None else validation.judge(runner.network, record, cancel)
