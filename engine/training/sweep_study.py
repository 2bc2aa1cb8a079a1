"""Studies of sweeps: what each is about, how it stands, and the storage that keeps it.

What a sweep is (parameters, what is varied, data, objective) is written into the study itself, so that another machine can join
with the storage's URL and the study's name alone.
"""

import contextlib
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.places.selection import ReferenceSelection, TrainingSelection
from engine.places.workspace import Workspace
from engine.training.kinds import KINDS
from engine.training.sweep_space import Varied, check_varied, split_chosen, varied_as_json, varied_from_json
from engine.training.validation import METRICS, RECALL_AREA, ValidationParameters

SCHEMA = 2
_WITHOUT_CHOICES = 1  # what only varies numbers is written as before, so that older versions can join it
DATABASE = "sweeps.db"
SPEC = "revisit"
OUTCOME = "outcome"  # one attribute for all of it: each is a write to the disk
_LOOK_SECONDS = 0.1
_MAKING_SECONDS = 3.0  # that another worker may take to make the database, or a study in it


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
def optuna_for(url: str) -> Iterator[Any]:
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


def stored_study(optuna: Any, url: str, name: str) -> Any | None:
    storage = _storage(optuna, url)
    if name not in {summary.study_name for summary in optuna.get_all_study_summaries(storage)}:
        return None
    return optuna.load_study(study_name=name, storage=storage)


def sweep_spec(url: str, study: str) -> SweepSpec | None:
    """What a study is about; None where there is no such study.

    Raises:
        BadInput: the storage cannot be used, or the study is none of ours.
    """
    with optuna_for(url) as optuna:
        found = stored_study(optuna, url, study)
        return None if found is None else stored_spec(found, study)


def stored_spec(study: Any, name: str) -> SweepSpec:
    content, end = study.user_attrs.get(SPEC), time.monotonic() + _MAKING_SECONDS
    # Who makes a study names it first and says what it is about then.
    while content is None and not study.get_trials(deepcopy=False) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        content = study.user_attrs.get(SPEC)
    return SweepSpec.read(content, f"The study {name}")


def list_sweeps(url: str) -> list[str]:
    """Names of the sweeps in a storage; a database that is not there has none, and is not made.

    Raises:
        BadInput: the storage cannot be used.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        return []
    with optuna_for(url) as optuna:
        return sorted(s.study_name for s in optuna.get_all_study_summaries(_storage(optuna, url)) if SPEC in s.user_attrs)


def read_sweep(url: str, study: str) -> SweepState:
    """A study as it stands.

    Raises:
        BadInput: there is no such study, or the storage cannot be used.
    """
    with optuna_for(url) as optuna:
        found = stored_study(optuna, url, study)
        if found is None:
            raise BadInput(f"There is no study {study!r} in {shown_url(url)}: check its name.")
        spec = stored_spec(found, study)
        trials = tuple(_trial(trial, spec) for trial in found.get_trials(deepcopy=False))
        done = [trial for trial in trials if trial.state == "done" and trial.value is not None]
        best = max(done, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)
        return SweepState(study, url, spec, trials, best, _importance(optuna, found, done))


def _trial(trial: Any, spec: SweepSpec) -> SweepTrial:
    states = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}
    outcome = trial.user_attrs.get(OUTCOME, {})
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
    with optuna_for(url) as optuna:
        found = stored_study(optuna, url, study)
        if found is not None:
            return stored_spec(found, study)
        check_varied(spec.kind, spec.varied)
        if spec.objective not in METRICS:
            raise BadInput(f"The objective should be one of {', '.join(METRICS)}, but is {spec.objective!r}.")
        try:
            made = optuna.create_study(study_name=study, storage=_storage(optuna, url), direction="maximize")
        except optuna.exceptions.DuplicatedStudyError:  # another worker was quicker
            return stored_spec(stored_study(optuna, url, study), study)
        made.set_user_attr(SPEC, spec.as_json())
        return spec


def drop_unused(url: str, study: str) -> None:
    """Remove a study on which no work was begun: its name would stay taken by what does not work."""
    with optuna_for(url) as optuna:
        made = stored_study(optuna, url, study)
        if made is not None and not made.get_trials(deepcopy=False) and not stored_spec(made, study).data_hash:
            optuna.delete_study(study_name=study, storage=_storage(optuna, url))
