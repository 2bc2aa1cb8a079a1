"""Training runs on disk: a folder each, with parameters, seed, code version, data hash, curves and the network.

<workspace>/runs/<date-time>_<name>/run.json          what it is and where it stands
                                    curves.npz        what it told of itself
                                    <network>.pth     and its record, <network>.json
                                    checkpoint.npz    while it is not finished
"""

import functools
import hashlib
import re
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from engine import __version__
from engine.errors import BadInput
from engine.networks.library import RUNS, NetworkKind
from engine.parameters import Parameters
from engine.places.lock import held
from engine.places.workspace import Workspace
from engine.storage import read_json, write_json

TRASH = ".trash"
INFO, CURVES, CHECKPOINT = "run.json", "curves.npz", "checkpoint.npz"
SCHEMA = 1

Status = Literal["training", "finished", "stopped", "interrupted", "failed"]
"""stopped: ended early, with the network so far. interrupted: cut short, can go on from its checkpoint."""

_NAME = re.compile(r"[^\w.+-]+")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class RunInfo(Parameters):
    """What run.json says."""

    schema_number: int = Field(SCHEMA, ge=1, description="Number of this file's layout.")
    name: str = Field(description="Its name, for people.")
    kind: NetworkKind = Field("lens", description="Kind of network.")
    status: Status = Field("training", description="Where it stands.")
    star: bool = Field(False, description="Marked by a person.")
    created: AwareDatetime = Field(default_factory=_now, description="When it began, UTC.")
    revisit: str = Field(__version__, description="Version of Revisit.")
    code: str = Field("", description="Digest of the engine's source, as code_digest gives it.")
    native: str = Field("", description="Build of the compiled loops.")
    seed: int = Field(description="Seed of the one random generator.")
    group: str = Field("", description="The same for runs that differ in their seed alone and were started together.")
    selection: dict[str, Any] = Field(description="The reference traverses: the TrainingSelection.")
    places: int = Field(0, ge=0, description="Number of places.")
    samples: int = Field(0, ge=0, description="Number of frames learned; 0 in older files, where it is that of the places.")
    inputs: dict[str, Any] = Field(description="How frames became inputs: the InputParameters.")
    training: dict[str, Any] = Field(description="The training parameters.")
    validation: dict[str, Any] = Field({}, description="What it was judged on: the ValidationParameters.")
    compat: str | None = Field(None, description="Version of LENS whose ways were followed, if any.")
    data_hash: str = Field("", description="SHA-256 over the frames it learned from.")
    network: str = Field("", description="File of the network in the folder.")
    placed: str = Field("", description="Where the network was put besides.")
    seconds: float | None = Field(None, ge=0, description="Seconds that training took, since it was last begun.")
    scores: dict[str, float] = Field({}, description="The last validation's figures.")
    tuned_on: tuple[str, ...] = Field((), description="Query traverses by which its parameters were chosen in a sweep.")
    sweep: dict[str, Any] = Field({}, description="Study and trial that its parameters come from.")
    note: str = Field("", description="Why it failed, or what should be known.")


@dataclass(frozen=True)
class Run:
    """A run's folder and what it says of itself."""

    folder: Path
    info: RunInfo

    @property
    def network(self) -> Path | None:
        """The network's file, where there is one."""
        path = self.folder / self.info.network
        return path if self.info.network and path.is_file() else None

    @property
    def resumable(self) -> bool:
        """Whether it can go on."""
        return self.info.status in ("interrupted", "stopped") and (self.folder / CHECKPOINT).is_file()

    @property
    def reference(self) -> str:
        """Names of the reference traverses, joined by " + " as in the list of networks."""
        further = self.info.selection.get("further") or ()
        return " + ".join(map(str, (self.info.selection.get("reference", ""), *further)))


@functools.cache
def code_digest() -> str:
    """The first 12 hexadecimal digits of the SHA-256 over the engine's Python files: two versions of one number differ in it.

    Empty in a bundle, where there are no such files.
    """
    digest, root = hashlib.sha256(), Path(__file__).resolve().parents[1]
    files = sorted(root.rglob("*.py"))
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()};".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12] if files else ""


def runs_folder(workspace: Workspace) -> Path:
    """Where a workspace's runs are."""
    return workspace.root / RUNS


def new_run_folder(root: Path, name: str, moment: datetime | None = None) -> Path:
    """Make a folder of `root` for a run: date, time and name, so that names sort. No two trainings get the same one."""
    stamp = (moment or datetime.now()).strftime("%Y-%m-%d_%H-%M-%S")
    base = f"{stamp}_{file_name_of(name)}"
    root.mkdir(parents=True, exist_ok=True)
    folder, number = root / base, 2
    while True:
        try:
            folder.mkdir()
        except FileExistsError:  # of a training that began in the same second
            folder, number = root / f"{base}_{number}", number + 1
        else:
            return folder


def file_name_of(name: str) -> str:
    """A name as part of a file's name."""
    return _NAME.sub("-", name).strip("-.")[:80] or "run"


def write_run(run: Run) -> None:
    """Write run.json, whole or not at all."""
    write_json(run.folder / INFO, run.info.model_dump(mode="json"))


def read_run(folder: Path) -> Run:
    """Read one run; one whose process is gone is interrupted.

    Raises:
        BadInput: there is no run.json, or it is broken.
    """
    content = read_json(folder / INFO)
    if not isinstance(content, Mapping):
        raise BadInput(f"{folder / INFO} is not a run: it must be a JSON object.")
    info = RunInfo.read(content, str(folder / INFO))
    if Path(info.network).name != info.network:
        raise BadInput(f"{folder / INFO} names a network outside its folder ({info.network!r}).")
    if info.status == "training" and not held(folder):
        info = info.model_copy(update={"status": "interrupted"})
    return Run(folder, info)


def list_runs(workspace: Workspace) -> tuple[list[Run], list[str]]:
    """All runs of a workspace, newest first, and a sentence for each folder that cannot be read as one."""
    runs, problems = [], []
    for path in sorted(runs_folder(workspace).glob(f"*/{INFO}")):
        if path.parent.name.startswith("."):
            continue
        try:
            runs.append(read_run(path.parent))
        except BadInput as error:
            problems.append(str(error))
    return sorted(runs, key=lambda run: (run.info.created, run.folder.name), reverse=True), problems


def change_run(run: Run, **changed: Any) -> Run:
    """The run with other values in run.json; what is there now is read first, so that nothing else is lost."""
    now = read_run(run.folder)
    new = Run(run.folder, RunInfo.check({**now.info.model_dump(), **changed}, str(run.folder / INFO)))
    write_run(new)
    return new


def star_run(run: Run, on: bool) -> Run:
    """Mark a run, or take the mark away."""
    return change_run(run, star=on)


def rename_run(run: Run, name: str) -> Run:
    """Give a run another name; its folder keeps the date and follows.

    Raises:
        BadInput: the name is empty, or the run is training.
    """
    name = name.strip()
    if not name or len(name) > 200 or any(ord(sign) < 32 for sign in name):
        raise BadInput("A run's name must have one to 200 characters on one line.")
    _refuse_training(run, "renamed")
    stamp = re.match(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", run.folder.name)
    wanted = f"{stamp.group()}_{file_name_of(name)}" if stamp else file_name_of(name)
    folder, number = run.folder.with_name(wanted), 2
    while folder != run.folder and folder.exists():
        folder, number = run.folder.with_name(f"{wanted}_{number}"), number + 1
    renamed = change_run(run, name=name)
    if folder != run.folder:
        try:
            run.folder.rename(folder)
        except OSError as error:
            raise BadInput(f"{run.folder} cannot be renamed ({error.strerror}): check the workspace's permissions.") from None
    return Run(folder, renamed.info)


def trash_run(run: Run, workspace: Workspace) -> Path:
    """Move a run to the workspace's trash; returns where it is now.

    Raises:
        BadInput: it is training, or cannot be moved.
    """
    _refuse_training(run, "moved to the trash")
    target = workspace.root / TRASH / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f") / run.folder.name
    try:
        target.parent.mkdir(parents=True)
        run.folder.rename(target)
    except OSError as error:
        raise BadInput(f"{target} cannot take the run ({error.strerror}): check the workspace's permissions.") from None
    return target


def restore_run(trashed: Path, workspace: Workspace) -> Path:
    """Move a run back from the trash; returns its folder.

    Raises:
        BadInput: its place is taken, or it cannot be moved.
    """
    target = runs_folder(workspace) / trashed.name
    if target.exists():
        raise BadInput(f"{target} exists already: rename that run first.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        trashed.rename(target)
        trashed.parent.rmdir()
    except OSError as error:
        raise BadInput(f"{trashed} cannot be moved back ({error.strerror}).") from None
    return target


def remove_run(run: Run) -> None:
    """Remove a run that was cancelled: nothing is kept."""
    shutil.rmtree(run.folder, ignore_errors=True)


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The parameters in which runs differ: by name ("training.seed"), each run's value, None where it has none."""
    flat = [_flat(run.info) for run in runs]
    names = dict.fromkeys(name for values in flat for name in values)
    found = {name: [values.get(name) for values in flat] for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def _flat(info: RunInfo) -> dict[str, Any]:
    flat: dict[str, Any] = {"kind": info.kind, "places": info.places, "compat": info.compat, "data": info.data_hash[:12]}
    flat |= {"code": info.code, "native": info.native}
    for part in ("selection", "inputs", "training", "validation"):
        flat |= {f"{part}.{name}": value for name, value in getattr(info, part).items() if name != "data_dir"}
    return flat


@dataclass(frozen=True)
class Spread:
    """A figure over runs that differ in their seed alone: mean, standard deviation (over n - 1; NaN for one), and n."""

    mean: float
    deviation: float
    count: int

    @property
    def text(self) -> str:
        """For people: ".620 ± .039 (5)"."""
        mean = f"{self.mean:.3f}".removeprefix("0")
        if self.count < 2:
            return f"{mean} (1 seed)"
        return f"{mean} ± {self.deviation:.3f}".replace(" 0.", " .") + f" ({self.count})"


def spread(values: Iterable[float]) -> Spread | None:
    """Mean and spread of a few numbers; None where there is none."""
    numbers = list(values)
    if not numbers:
        return None
    return Spread(statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else float("nan"), len(numbers))


def group_spread(run: Run, runs: Iterable[Run], metric: str) -> Spread | None:
    """Mean and spread of a figure over the run's group, or of the run alone."""
    members = [other for other in runs if run.info.group and other.info.group == run.info.group] or [run]
    return spread(member.info.scores[metric] for member in members if metric in member.info.scores)


def group_spreads(runs: Sequence[Run], metric: str) -> list[Spread | None]:
    """`group_spread` of each of the runs, in one pass over them: a table of hundreds asks for it at once."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.info.group, []).append(run)
    over = {group: group_spread(members[0], members, metric) for group, members in groups.items() if group}
    return [over[run.info.group] if run.info.group else group_spread(run, (), metric) for run in runs]


def _refuse_training(run: Run, what: str) -> None:
    if read_run(run.folder).info.status == "training":
        raise BadInput(f"{run.info.name} is training: it can be {what} when it has ended.")
