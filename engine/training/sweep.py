"""A sweep: work on an Optuna study of which parameters recognise a validation query best.

The parent asks Optuna for parameters and tells it the outcome; networks are trained by children, one a core.
"""

import os
import socket
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Metric, Notice, Progress
from engine.parameters import Parameters, parameter
from engine.places.lock import alive
from engine.places.workspace import Workspace
from engine.training.kinds import KINDS
from engine.training.run import RunParameters, TrainRequest
from engine.training.sweep_pool import Pool, cores
from engine.training.sweep_space import Varied, distributions
from engine.training.sweep_study import (
    OUTCOME,
    SPEC,
    SweepSpec,
    SweepState,
    drop_unused,
    make_sweep,
    optuna_for,
    read_sweep,
    shown_url,
    stored_spec,
    stored_study,
)
from engine.training.sweep_worker import mean_of
from engine.training.validation import METRICS, RECALL_AREA

_PRUNE_REPORTS = 4
_LOOK_SECONDS = 0.1

Objective = Literal[
    "recall_area", "recall_at_1", "recall_at_5", "recall_at_10", "recall_at_15", "recall_at_20", "recall_at_25", "auc_pr",
    "recall_at_100_precision",
]  # fmt: skip


class SweepParameters(Parameters):
    """How a sweep searches."""

    study: str = parameter("sweep", "Name of the study; one that is there already is joined.", min_length=1, max_length=200)
    storage: str = parameter(
        "", "Where the study is kept, as an Optuna URL that several machines can share (left out: sweeps.db in the workspace)."
    )
    objective: Objective = parameter(
        RECALL_AREA,
        "What is to be large: recall_area is the area under Recall@N for N from 1 to 25, as in LENS's optimizer.",
    )
    trials: int = parameter(50, "Trials to run now, by all processes together.", ge=1, le=1_000_000)
    processes: int = parameter(0, "Processes, each on one core; 0: one for each core.", ge=0, le=1024)
    networks: int = parameter(
        1, "Networks a trial, from as many seeds; their mean counts, which tells luck from merit.", ge=1, le=100
    )
    sampler: Literal["tpe", "random"] = parameter(
        "tpe", "How parameters are chosen: by what did well so far (tpe), or at random as in LENS's optimizer."
    )
    pruning: bool = parameter(True, "Give a trial up when it stands worse than the median of the earlier ones.")
    sweep_seed: int = parameter(0, "Seed of the search.", ge=0, lt=2**31)


def begin_sweep(
    url: str, parameters: SweepParameters, spec: SweepSpec, workspace: Workspace, emit: Emit, cancel: CancelToken
) -> SweepState:
    """Make a study and work on it; where no trial can begin, none is left: its name would stay taken by what does not work.

    Args:
        spec: what it is about.
        url, parameters, workspace, emit, cancel: as in run_sweep.

    Raises:
        BadInput: what is varied is wrong, or as in run_sweep.
        JobCancelled: stopped.
    """
    make_sweep(url, parameters.study, spec)
    try:
        return run_sweep(url, parameters, workspace, emit, cancel)
    except BadInput:
        drop_unused(url, parameters.study)
        raise


def run_sweep(url: str, parameters: SweepParameters, workspace: Workspace, emit: Emit, cancel: CancelToken) -> SweepState:
    """Work on a study that is there: run some trials, on as many cores as asked for.

    Args:
        url: of the storage.
        parameters: which study, how many trials, how many processes, sampler and seed; the rest is in the study.
        workspace: has the traverses.
        emit: hears Progress in trials, and a Metric "trial" for each that ends (state, value, chosen).
        cancel: stops within half a second; trials under way count as failed, and the study is whole.

    Raises:
        BadInput: the data is not what the study was begun on, or cannot be read.
        JobCancelled: stopped.
    """
    with optuna_for(url) as optuna:
        study = stored_study(optuna, url, parameters.study)
        if study is None:
            raise BadInput(f"There is no study {parameters.study!r} in {shown_url(url)}: check its name.")
        spec = stored_spec(study, parameters.study)
        study.sampler = _sampler(optuna, parameters)
        study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5) if spec.pruning else optuna.pruners.NopPruner()
        _bury(optuna, study, emit)
        emit(Notice(f"The networks are judged on {spec.validation.validation_query}: report the final figures on another query."))
        setup = {**spec.as_json(), "data_dir": str(workspace.data_dir.absolute())}
        wanted = min(parameters.processes or cores(), parameters.trials)
        with Pool(setup, wanted, cancel) as pool:
            _check_data(study, spec, pool.data_hash(), parameters.study)
            _work(optuna, study, spec, parameters, pool, emit, cancel)
    return read_sweep(url, parameters.study)


def _sampler(optuna: Any, parameters: SweepParameters) -> Any:
    """Draws each trial from a seed of its own, made of the sweep's and the trial's number, which the storage gives out once.

    So workers never draw the same numbers, even if they began together; and a study is the same, all at once or bit by bit.
    """
    make = optuna.samplers.RandomSampler if parameters.sampler == "random" else optuna.samplers.TPESampler

    class ByTrial(optuna.samplers.BaseSampler):  # type: ignore[misc]
        def before_trial(self, study: Any, trial: Any) -> None:
            seed = np.random.SeedSequence([parameters.sweep_seed, trial.number]).generate_state(1)[0]
            self._own = make(seed=int(seed))

        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return self._own.infer_relative_search_space(study, trial)

        def sample_relative(self, *given: Any) -> Any:
            return self._own.sample_relative(*given)

        def sample_independent(self, *given: Any) -> Any:
            return self._own.sample_independent(*given)

    return ByTrial()


def _check_data(study: Any, spec: SweepSpec, data_hash: str, name: str) -> None:
    try:
        known = study.user_attrs[SPEC].get("data_hash", "")
    except KeyError:
        raise BadInput(f"The study {name} was removed while the processes started: begin it anew.") from None
    if not known:
        study.set_user_attr(SPEC, {**spec.as_json(), "data_hash": data_hash})
    elif known != data_hash:
        raise BadInput(
            f"The study {name} was begun on other frames or another ground truth than this workspace has: "
            "give the same data_dir content, or another study."
        )


def worker_name() -> str:
    """Who works: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _bury(optuna: Any, study: Any, emit: Emit) -> None:
    """Trials that a killed process of this host left running have failed."""
    dead = 0
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        host, _, process = str(trial.user_attrs.get("worker", "")).rpartition(":")
        if host == socket.gethostname() and process.isdigit() and not alive(int(process)):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            dead += 1
    if dead:
        emit(Notice(f"{dead} trial{'s' if dead > 1 else ''} of a process that is gone {'are' if dead > 1 else 'is'} given up."))


def _work(
    optuna: Any, study: Any, spec: SweepSpec, parameters: SweepParameters, pool: Pool, emit: Emit, cancel: CancelToken
) -> None:
    varied, states = distributions(optuna, spec.kind, spec.varied), optuna.trial.TrialState
    epochs = int(getattr(spec.training, "epoch_out", 0))
    judge_every = max(1, -(-epochs // _PRUNE_REPORTS)) if spec.pruning and epochs else 0
    first_seed = int(getattr(spec.training, "seed", 0))
    running: dict[int, Any] = {}
    begun = ended = 0
    emit(Progress("Trials", 0, parameters.trials, "trials"))
    try:
        while ended < parameters.trials:
            cancel.check()
            for child in pool.idle():
                if begun == parameters.trials:
                    break
                trial = study.ask(varied)
                trial.set_user_attr("worker", worker_name())
                running[child] = trial
                seeds = [first_seed + number for number in range(spec.networks)]
                settings = {"inputs": spec.inputs_of(trial.params), "trial": spec.training_of(trial.params)}
                pool.send(child, {**settings, "seeds": seeds, "judge_every": judge_every})
                begun += 1
            for child, message in pool.receive(_LOOK_SECONDS):
                trial = running[child]
                if "report" in message:
                    trial.report(float(message["report"]), int(message["step"]))
                    pool.send(child, {"prune": bool(trial.should_prune())})
                    continue
                del running[child]
                ended += 1
                _tell(study, states, trial, message, spec, emit)
                emit(Progress("Trials", ended, parameters.trials, "trials"))
    finally:
        for trial in running.values():
            trial.set_user_attr(OUTCOME, {"problem": "Cancelled."})
            study.tell(trial, state=states.FAIL)


def _tell(study: Any, states: Any, trial: Any, message: Mapping[str, Any], spec: SweepSpec, emit: Emit) -> None:
    value, state = None, "failed"
    if "done" in message:
        done = message["done"]
        values, state = done["values"], "done"
        value = mean_of(values, spec.objective)
        outcome = {"seconds": done["seconds"], "threads": done["threads"], "values": [one[spec.objective] for one in values]}
        trial.set_user_attr(OUTCOME, {**outcome, "figures": {name: mean_of(values, name) for name in METRICS}})
        study.tell(trial, value)
    elif "pruned" in message:
        state = "pruned"
        trial.set_user_attr(OUTCOME, {"seconds": message["seconds"]})
        study.tell(trial, state=states.PRUNED)
    else:
        trial.set_user_attr(OUTCOME, {"problem": message["bad"]})
        study.tell(trial, state=states.FAIL)
    emit(Metric("trial", trial.number, {"state": state, "value": value, "chosen": dict(trial.params)}))


def request_for(
    state: SweepState, workspace: Workspace, trial: int | None = None, run: RunParameters | None = None
) -> TrainRequest:
    """What trains a trial's network as a run, the best one's by default; the run notes what it was tuned on.

    Raises:
        BadInput: no trial is done, or there is none of that number.
    """
    chosen = state.best if trial is None else next((one for one in state.trials if one.number == trial), None)
    if chosen is None:
        raise BadInput(
            f"The study {state.study} has no such trial." if trial is not None else f"No trial of {state.study} is done."
        )
    spec = state.spec
    training = KINDS[spec.kind].parameters.check(spec.training_of(chosen.chosen))
    run = run or RunParameters(seeds=spec.networks)
    if not run.name:
        run = run.model_copy(update={"name": f"{state.study}, trial {chosen.number}"})
    return TrainRequest(
        selection=spec.selection.model_copy(update={"data_dir": workspace.data_dir}),
        kind=spec.kind,
        inputs=InputParameters.check(spec.inputs_of(chosen.chosen)),
        training=training,
        validation=spec.validation,
        run=run,
        tuned_on=(spec.validation.validation_query,),
        sweep={"study": state.study, "storage": shown_url(state.storage), "trial": chosen.number, "trials": len(state.trials)},
    )


def spec_of(request: TrainRequest, parameters: SweepParameters, varied: Mapping[str, Varied]) -> SweepSpec:
    """A new study's content out of what would be trained without one.

    Raises:
        BadInput: there is no query to judge on.
    """
    if not request.validation.validation_query:
        raise BadInput("A sweep needs a query to judge its networks on: name it with validation_query.")
    return SweepSpec(
        request.selection,
        request.kind,
        request.inputs,
        request.training if request.training is not None else KINDS[request.kind].parameters(),
        request.validation,
        varied,
        parameters.objective,
        parameters.networks,
        parameters.pruning,
    )
