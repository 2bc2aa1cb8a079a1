"""A sweep: an Optuna study of which parameters recognise a validation query best.

What a sweep is (parameters, what is varied, data, objective) is written into the study itself, so that another machine can join
with the storage's URL and the study's name alone. The parent asks Optuna for parameters and tells it the outcome; networks are
trained by children, one a core.
"""

import contextlib
import os
import re
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Metric, Notice, Progress
from engine.networks.library import NetworkKind
from engine.parameters import Parameters, parameter
from engine.places.lock import alive
from engine.places.selection import ReferenceSelection, TrainingSelection
from engine.places.workspace import Workspace
from engine.training.kinds import KINDS
from engine.training.run import RunParameters, TrainRequest
from engine.training.sweep_pool import Pool, cores
from engine.training.sweep_space import Varied, check_varied, distributions, split_chosen, varied_as_json, varied_from_json
from engine.training.sweep_worker import mean_of
from engine.training.validation import METRICS, RECALL_AREA, ValidationParameters

SCHEMA = 2
_WITHOUT_CHOICES = 1  # what only varies numbers is written as before, so that older versions can join it
DATABASE = "sweeps.db"
_SPEC = "revisit"
_OUTCOME = "outcome"  # one attribute for all of it: each is a write to the disk
_PRUNE_REPORTS = 4
_LOOK_SECONDS = 0.1
_MAKING_SECONDS = 3.0  # that another worker may take to make the database, or a study in it

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


@dataclass(frozen=True)
class SweepSpec:
    """What a study is about: the same for all who work on it.

    Attributes:
        selection: the reference traverse; data_dir is each machine's own.
        kind, inputs, training: the network, with the values of what is not varied.
        validation: what it is judged on.
        varied: what is varied, of inputs and training.
        objective: a name of METRICS.
        networks: a trial.
        pruning: whether trials are given up early.
        data_hash: of frames, queries and ground truth; "" before they were read.
    """

    selection: ReferenceSelection
    kind: NetworkKind
    inputs: InputParameters
    training: Parameters
    validation: ValidationParameters
    varied: Mapping[str, Varied]
    objective: str = RECALL_AREA
    networks: int = 1
    pruning: bool = True
    data_hash: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the study's attributes."""
        varied = varied_as_json(self.varied)
        return {
            "schema": SCHEMA if "choices" in varied else _WITHOUT_CHOICES,
            "kind": self.kind,
            "selection": {**self.selection.model_dump(mode="json"), "data_dir": None},
            "inputs": self.inputs.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
            "validation": self.validation.model_dump(mode="json"),
            **varied,
            "objective": self.objective,
            "networks": self.networks,
            "pruning": self.pruning,
            "data_hash": self.data_hash,
        }

    @classmethod
    def read(cls, content: Any, where: str) -> "SweepSpec":
        """The reverse.

        Raises:
            BadInput: it is none of ours.
        """
        try:
            if content["schema"] > SCHEMA:
                raise BadInput(f"{where} was made by a newer Revisit: update this one.")
            kind = content["kind"]
            return cls(
                TrainingSelection.read(content["selection"], where),
                kind,
                InputParameters.read(content["inputs"], where),
                KINDS[kind].parameters.read(content["training"], where),
                ValidationParameters.read(content["validation"], where),
                varied_from_json(content, kind, where),
                str(content["objective"]),
                int(content["networks"]),
                bool(content["pruning"]),
                str(content["data_hash"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"{where} is not a sweep of Revisit's: choose another name for the study.") from None

    def inputs_of(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """What the network of a trial sees."""
        return {**self.inputs.model_dump(mode="json"), **split_chosen(self.kind, chosen)[0]}

    def training_of(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """The training parameters of a trial."""
        return {**self.training.model_dump(mode="json"), **split_chosen(self.kind, chosen)[1]}


@dataclass(frozen=True)
class SweepTrial:
    """One trial as the study has it.

    Attributes:
        number: in the study.
        state: "running", "done", "pruned" or "failed".
        value: of the objective; None where there is none.
        chosen: the varied parameters.
        figures: the mean of every figure over its networks.
        values: the objective of each of its networks.
        seconds: that it took.
        worker: host and process.
        problem: why it failed.
    """

    number: int
    state: str
    value: float | None
    chosen: dict[str, Any]
    figures: dict[str, float]
    values: tuple[float, ...]
    seconds: float | None
    worker: str
    problem: str


@dataclass(frozen=True)
class SweepState:
    """A study as it stands.

    Attributes:
        spec: what it is about.
        trials: in order.
        best: of the trials that are done; None where none is.
        importance: of each varied parameter for the objective, adding up to 1; empty while too few trials are done.
    """

    study: str
    storage: str
    spec: SweepSpec
    trials: tuple[SweepTrial, ...]
    best: SweepTrial | None
    importance: dict[str, float]


def storage_url(storage: str, workspace: Workspace | None) -> str:
    """The storage's URL; a database in the workspace where none is named.

    Raises:
        BadInput: neither is there, or it is no URL.
    """
    if storage:
        if "://" not in storage:
            raise BadInput(f"The storage should be an URL such as sqlite:///sweeps.db, but is {shown_url(storage)!r}.")
        return storage
    if workspace is None:
        raise BadInput("Say where the study is kept with storage, or where the workspace is with data_dir.")
    return f"sqlite:///{workspace.root.absolute() / DATABASE}"


def shown_url(url: str) -> str:
    """An URL without its password."""
    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1:***@", url)


@contextlib.contextmanager
def _optuna(url: str) -> Iterator[Any]:
    """Optuna without its chatter; what goes wrong with a storage is one sentence."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    try:
        yield optuna
    except ImportError as error:
        missing = f"the package {error.name}" if error.name else "a database driver"
        raise BadInput(f"The storage {shown_url(url)} needs {missing}, which is not installed: install it with pip.") from None
    except Exception as error:
        if not type(error).__module__.startswith(("sqlalchemy", "optuna", "alembic", "sqlite3")):
            raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"The storage {shown_url(url)} cannot be used ({shown_url(first)}): check its URL.") from None


def _storage(optuna: Any, url: str) -> Any:
    options: dict[str, Any] = {}
    if url.startswith("sqlite:///"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        if not folder.is_dir():
            raise BadInput(f"{folder} is not a folder: make it, or name another storage.")
        options = {"engine_kwargs": {"connect_args": {"timeout": 60}}}
    end = time.monotonic() + _MAKING_SECONDS
    while True:
        try:
            return optuna.storages.RDBStorage(url, **options)
        except Exception as error:
            # Workers that start together each find no tables and make them: all but the first fail, and find them next time.
            if not re.search("already exists|unique|duplicate", str(error), re.IGNORECASE) or time.monotonic() > end:
                raise
            time.sleep(_LOOK_SECONDS)


def _study(optuna: Any, url: str, name: str) -> Any | None:
    storage = _storage(optuna, url)
    if name not in {summary.study_name for summary in optuna.get_all_study_summaries(storage)}:
        return None
    return optuna.load_study(study_name=name, storage=storage)


def sweep_spec(url: str, study: str) -> SweepSpec | None:
    """What a study is about; None where there is no such study.

    Raises:
        BadInput: the storage cannot be used, or the study is none of ours.
    """
    with _optuna(url) as optuna:
        found = _study(optuna, url, study)
        return None if found is None else _spec_of(found, study)


def _spec_of(study: Any, name: str) -> SweepSpec:
    content, end = study.user_attrs.get(_SPEC), time.monotonic() + _MAKING_SECONDS
    # Who makes a study names it first and says what it is about then.
    while content is None and not study.get_trials(deepcopy=False) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        content = study.user_attrs.get(_SPEC)
    return SweepSpec.read(content, f"The study {name}")


def list_sweeps(url: str) -> list[str]:
    """Names of the sweeps in a storage; a database that is not there has none, and is not made.

    Raises:
        BadInput: the storage cannot be used.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        return []
    with _optuna(url) as optuna:
        return sorted(s.study_name for s in optuna.get_all_study_summaries(_storage(optuna, url)) if _SPEC in s.user_attrs)


def read_sweep(url: str, study: str) -> SweepState:
    """A study as it stands.

    Raises:
        BadInput: there is no such study, or the storage cannot be used.
    """
    with _optuna(url) as optuna:
        found = _study(optuna, url, study)
        if found is None:
            raise BadInput(f"There is no study {study!r} in {shown_url(url)}: check its name.")
        spec = _spec_of(found, study)
        trials = tuple(_trial(trial, spec) for trial in found.get_trials(deepcopy=False))
        done = [trial for trial in trials if trial.state == "done" and trial.value is not None]
        best = max(done, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)
        return SweepState(study, url, spec, trials, best, _importance(optuna, found, done))


def _trial(trial: Any, spec: SweepSpec) -> SweepTrial:
    states = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}
    outcome = trial.user_attrs.get(_OUTCOME, {})
    value = trial.value
    if value is None and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    return SweepTrial(
        trial.number,
        states.get(trial.state.name, "running"),
        None if value is None else float(value),
        {name: trial.params[name] for name in spec.varied if name in trial.params},
        {str(name): float(number) for name, number in outcome.get("figures", {}).items()},
        tuple(float(number) for number in outcome.get("values", ())),
        outcome.get("seconds"),
        str(trial.user_attrs.get("worker", "")),
        str(outcome.get("problem", "")),
    )


def _importance(optuna: Any, study: Any, done: list[SweepTrial]) -> dict[str, float]:
    """PED-ANOVA's: it needs no package besides. One parameter is all there is; equal values tell nothing."""
    if len(done) < 8 or len({trial.value for trial in done}) < 2:
        return {}
    names = sorted({name for trial in done for name in trial.chosen})
    if len(names) < 2:
        return dict.fromkeys(names, 1.0)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {str(name): float(value) for name, value in found.items()}


def make_sweep(url: str, study: str, spec: SweepSpec) -> SweepSpec:
    """Begin a study, or take up the one of that name; returns what it is about.

    Raises:
        BadInput: what is varied is wrong, or the storage cannot be used.
    """
    with _optuna(url) as optuna:
        found = _study(optuna, url, study)
        if found is not None:
            return _spec_of(found, study)
        check_varied(spec.kind, spec.varied)
        if spec.objective not in METRICS:
            raise BadInput(f"The objective should be one of {', '.join(METRICS)}, but is {spec.objective!r}.")
        try:
            made = optuna.create_study(study_name=study, storage=_storage(optuna, url), direction="maximize")
        except optuna.exceptions.DuplicatedStudyError:  # another worker was quicker
            return _spec_of(_study(optuna, url, study), study)
        made.set_user_attr(_SPEC, spec.as_json())
        return spec


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
        with _optuna(url) as optuna:
            made = _study(optuna, url, parameters.study)
            if made is not None and not made.get_trials(deepcopy=False) and not _spec_of(made, parameters.study).data_hash:
                optuna.delete_study(study_name=parameters.study, storage=_storage(optuna, url))
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
    with _optuna(url) as optuna:
        study = _study(optuna, url, parameters.study)
        if study is None:
            raise BadInput(f"There is no study {parameters.study!r} in {shown_url(url)}: check its name.")
        spec = _spec_of(study, parameters.study)
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
        known = study.user_attrs[_SPEC].get("data_hash", "")
    except KeyError:
        raise BadInput(f"The study {name} was removed while the processes started: begin it anew.") from None
    if not known:
        study.set_user_attr(_SPEC, {**spec.as_json(), "data_hash": data_hash})
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
            trial.set_user_attr(_OUTCOME, {"problem": "Cancelled."})
            study.tell(trial, state=states.FAIL)


def _tell(study: Any, states: Any, trial: Any, message: Mapping[str, Any], spec: SweepSpec, emit: Emit) -> None:
    value, state = None, "failed"
    if "done" in message:
        done = message["done"]
        values, state = done["values"], "done"
        value = mean_of(values, spec.objective)
        outcome = {"seconds": done["seconds"], "threads": done["threads"], "values": [one[spec.objective] for one in values]}
        trial.set_user_attr(_OUTCOME, {**outcome, "figures": {name: mean_of(values, name) for name in METRICS}})
        study.tell(trial, value)
    elif "pruned" in message:
        state = "pruned"
        trial.set_user_attr(_OUTCOME, {"seconds": message["seconds"]})
        study.tell(trial, state=states.PRUNED)
    else:
        trial.set_user_attr(_OUTCOME, {"problem": message["bad"]})
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
