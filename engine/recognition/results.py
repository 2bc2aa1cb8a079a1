"""What evaluations and live sessions leave in a workspace's folder output: written, listed, and opened again."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Progress, noting
from engine.places.selection import PairSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.evaluate import Evaluation, EvaluationParameters, evaluate
from engine.recognition.matches import Matches
from engine.recognition.read_scores import no_matches, read_scores
from engine.recognition.report import SCHEMA, write_report
from engine.recognition.report_tables import MATCH_COLUMNS
from engine.recognition.scores import Scores, ScoringParameters
from engine.storage import new_folder, read_json

_REPORT, _SESSION = "report.json", "parameters.json"
_COSTS = ("seconds", "synops_per_query")
_LARGEST_SIDE = 200_000
_LARGEST_REPORT = 512 * 1024 * 1024


def write_evaluation(
    folder: Path,
    evaluation: Evaluation,
    settings: Mapping[str, Any],
    notices: Sequence[str] = (),
    cancel: CancelToken | None = None,
) -> list[Path]:
    """Write an evaluation's report (see report.write_report) with its parameters, hashes and notices.

    Args:
        folder: of the report; a new one.
        evaluation: what is reported.
        settings: parameters by the name of their model.
        notices: what was said on the way.
        cancel: checked between the files.
    """
    extra = {
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "model": None if evaluation.model is None else str(evaluation.model),
        "gt_file": None if evaluation.gt_file is None else str(evaluation.gt_file),
        "places": evaluation.places,
        "queries": evaluation.queries,
        "settings": dict(settings),
        "hashes": evaluation.hashes,
        "notices": list(notices),
    }
    return write_report(
        folder,
        evaluation.results,
        truth=evaluation.truth,
        facts=evaluation.facts,
        names=evaluation.names,
        extra=extra,
        cancel=cancel,
    )


def run_evaluation(
    pair: PairSelection,
    inputs: InputParameters,
    spiking: SpikingParameters,
    scoring: ScoringParameters,
    parameters: EvaluationParameters,
    emit: Emit,
    cancel: CancelToken,
) -> Path:
    """Evaluate, and write the report into a new folder of the workspace's output: the job of the window.

    Returns:
        The folder.

    Raises:
        BadInput: as evaluate.
    """
    notices: list[str] = []
    evaluation = evaluate(pair, inputs, spiking, scoring, parameters, noting(notices, emit), cancel)
    emit(Progress("Writing the report", 0, 1))
    models = (pair, evaluation.inputs, spiking, scoring, parameters)
    settings = {type(model).__name__: model.model_dump(mode="json") for model in models}
    folder = pair.workspace().new_output()
    with new_folder(folder) as part:
        write_evaluation(part, evaluation, settings, notices, cancel)
    emit(Progress("Writing the report", 1, 1))
    return folder


@dataclass(frozen=True)
class StoredMethod:
    """One method of a stored result.

    Attributes:
        name: of the method.
        file: of its similarity matrix.
        seconds: from frames to the matrix; None of a session.
        scores: None where there was no ground truth.
        matches: the best match of each query; None where it is not known.
        synops_per_query: of spiking networks.
    """

    name: str
    file: Path
    seconds: float | None = None
    scores: Scores | None = None
    matches: Matches | None = None
    synops_per_query: float | None = None

    def similarity(self) -> NDArray[Any]:
        """(references, queries), read from its file.

        Raises:
            BadInput: the file is gone or is no such matrix.
        """
        return _matrix(self.file)


@dataclass(frozen=True)
class StoredResult:
    """An evaluation, or a live session, as it was stored.

    Attributes:
        kind: "evaluation" or "session".
        folder: where it lies.
        created: when it was made, as text; "" where nothing says it.
        pair: dataset, camera, reference, query, filter and numbers of frames used, as far as they are known.
        methods: in their order.
        truth: (references, queries) uint8 without tolerance; None without one.
        mask: (queries,) True where a query cannot be scored; None where there is none.
        settings: parameters by the name of their model.
    """

    folder: Path
    created: str
    pair: Mapping[str, Any]
    methods: tuple[StoredMethod, ...]
    truth: NDArray[np.uint8] | None
    mask: NDArray[np.bool_] | None
    settings: Mapping[str, Any]
    kind: str = "evaluation"

    @property
    def title(self) -> str:
        """For people: when, and what was recognised."""
        pair = f"{self.pair['query']} in {self.pair['reference']}" if {"query", "reference"} <= set(self.pair) else ""
        return "  ".join(part for part in (self.folder.name, pair) if part)

    @property
    def shape(self) -> tuple[int, int]:
        """Places and queries."""
        places, queries = _matrix(self.methods[0].file, header_only=True).shape
        return places, queries


def results_of(output: Path) -> list[Path]:
    """Folders in `output` that open_result opens, the newest first."""
    if not output.is_dir():
        return []
    found = {path.parent for name in (_REPORT, _SESSION) for path in output.glob(f"*/{name}")}
    found = {folder for folder in found if not folder.name.startswith(".")}
    return sorted(found, key=lambda folder: folder.name, reverse=True)


def glance(folder: Path) -> str:
    """What a result is, in a few words, without its matrices; "" where that cannot be read."""
    if not (folder / _REPORT).exists():
        return "live session"
    try:
        content = read_json(folder / _REPORT, _LARGEST_REPORT)
        pair = content["settings"]["PairSelection"]
        names = [entry["name"] for entry in content["methods"]]
        return f"{pair['query']} in {pair['reference']}: {', '.join(names)}"
    except (BadInput, KeyError, TypeError):
        return ""


def open_result(folder: Path) -> StoredResult:
    """Open the folder of an evaluation or of a live session; matrices are read when they are asked for.

    Raises:
        BadInput: it holds neither, or is damaged or of a newer version.
    """
    source = folder / _REPORT
    if not source.exists() and (folder / _SESSION).exists():
        return _open_session(folder)
    if not source.exists():
        raise BadInput(f"{folder} holds no report: choose a folder that an evaluation or a live session wrote.")
    content = read_json(source, _LARGEST_REPORT)
    entries = content.get("methods") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(_is_entry(entry) for entry in entries):
        raise BadInput(f"{source} is not a report of an evaluation: choose another folder, or evaluate again.")
    number = content.get("schema", 1)
    if isinstance(number, int) and number > SCHEMA:
        raise BadInput(f"{source} was written by a newer Revisit ({content.get('revisit', 'unknown')}): update this one.")
    shapes = {entry["name"]: _matrix(folder / entry["similarity"], header_only=True).shape for entry in entries}
    shape = next(iter(shapes.values()))
    odd = next((name for name, other in shapes.items() if other != shape), None)
    if odd is not None:
        raise BadInput(f"{source}: the matrix of {odd} has another size than the first one: evaluate again.")
    truth = None
    if isinstance(content.get("ground_truth"), str):
        truth = (np.asarray(_matrix(folder / content["ground_truth"])) != 0).astype(np.uint8)
        if truth.shape != shape:
            raise BadInput(f"{folder}: the ground truth has another size than the matrices: evaluate again.")
    matches = _read_matches(folder / "matches.csv", shape)
    methods = []
    for entry in entries:
        found = matches.get(entry["name"])
        scores = read_scores(entry, found, shape[1], str(source))
        seconds, synops = (float(value) if isinstance(value, int | float) else None for value in map(entry.get, _COSTS))
        methods.append(StoredMethod(entry["name"], folder / entry["similarity"], seconds, scores, found, synops))
    settings = content.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    pair = settings.get("PairSelection")
    masked = [query for query in content.get("masked_queries", []) if isinstance(query, int) and 0 <= query < shape[1]]
    mask = np.zeros(shape[1], bool)
    mask[masked] = True
    return StoredResult(
        folder=folder,
        created=str(content.get("created", "")),
        pair=pair if isinstance(pair, dict) else {},
        methods=tuple(methods),
        truth=truth,
        mask=mask if masked else None,
        settings=settings,
    )


def _open_session(folder: Path) -> StoredResult:
    """What a live run wrote: the network's answers, and what the places were chosen by after the sequence stage."""
    settings = read_json(folder / _SESSION)
    if not isinstance(settings, dict):
        raise BadInput(f"{folder / _SESSION} should be a JSON object: choose another session.")
    chosen = folder / "similarity.npy"
    places, windows = _matrix(chosen, header_only=True).shape
    table = folder / "places.csv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))[:windows]
        place = np.array([int(line["place"]) for line in lines], np.int64)
        value = np.array([float(line["confidence"]) for line in lines])
        told = [line.get("lost") for line in lines]
        lost = None if None in told else np.array([word != "0" for word in told], np.bool_)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{table} cannot be read as a session's places ({type(error).__name__}): choose another session."
        ) from None
    if not windows:
        raise BadInput(f"{folder.name} is a session without a single window: choose another one.")
    if len(lines) != windows or not (-1 <= place.min() <= place.max() < places):
        raise BadInput(
            f"{table} does not fit the {places} places and {windows} windows of {chosen.name}: choose another session."
        )
    matches = replace(no_matches(windows), place=place, value=value, lost=lost)
    methods = [StoredMethod("after matching", chosen, matches=matches)]
    if (folder / "spikes.npy").exists() and _matrix(folder / "spikes.npy", header_only=True).shape == (places, windows):
        methods.append(StoredMethod("as the network answered", folder / "spikes.npy", matches=matches))
    return StoredResult(folder, "", {}, tuple(methods), None, None, settings, "session")


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get("similarity"), str):
        return False
    return bool(Path(entry["similarity"]).name == entry["similarity"])  # a name in the folder, not a way out of it


def _matrix(path: Path, header_only: bool = False) -> NDArray[Any]:
    try:
        # A memory map reads the header alone: a file that claims a huge shape costs nothing.
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise BadInput(f"{path} is missing: evaluate again.") from None
    except (ValueError, OSError, EOFError):
        raise BadInput(f"{path} cannot be read as a NumPy array: evaluate again.") from None
    if not isinstance(stored, np.ndarray) or stored.ndim != 2 or stored.dtype.kind not in "biuf" or 0 in stored.shape:
        raise BadInput(f"{path} should hold one matrix of numbers, references x queries.")
    if max(stored.shape) > _LARGEST_SIDE:
        raise BadInput(f"{path} is {stored.shape[0]} x {stored.shape[1]}: sides of 1 to {_LARGEST_SIDE} are read.")
    return stored if header_only else np.array(stored)


def _read_matches(path: Path, shape: tuple[int, ...]) -> dict[str, Matches]:
    """The best matches by method, as matches_csv wrote them."""
    if not path.exists():
        return {}
    columns: dict[str, list[list[str]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            heads = tuple(next(lines, ()))
            if heads not in (MATCH_COLUMNS, MATCH_COLUMNS[:-1]):  # the last one was added later
                raise BadInput(f"{path} has other columns than Revisit writes: evaluate again.")
            for line in lines:
                columns.setdefault(line[0], []).append(line)
        return {name: _matches(rows, heads, shape) for name, rows in columns.items()}
    except (ValueError, IndexError, OSError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path} cannot be read ({type(error).__name__}): evaluate again.") from None


def _matches(rows: list[list[str]], heads: tuple[str, ...], shape: tuple[int, ...]) -> Matches:
    if len(rows) != shape[1]:
        raise ValueError("a line a query")
    column = dict(zip(heads, zip(*rows, strict=True), strict=True))

    def numbers(name: str) -> NDArray[np.float64]:
        return np.array([float(text) if text else np.nan for text in column[name]])

    def places(name: str) -> NDArray[np.int64]:
        found = np.array([int(text) if text else -1 for text in column[name]], np.int64)
        if found.max(initial=-1) >= shape[0] or found.min(initial=0) < -1:
            raise ValueError("a place that is not there")
        return found

    return Matches(
        place=places("place"),
        value=numbers("similarity"),
        correct=numbers("correct"),
        true_place=places("true_place"),
        error_frames=numbers("error_frames"),
        error_m=numbers("error_m"),
        scored=numbers("scored") == 1,
        lost=numbers("lost") == 1 if any(column.get("lost", ())) else None,
    )
