"""The evaluation job: query frames by networks and baselines, matched against the reference places and scored."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, JobEvent, Notice, Progress
from engine.networks.lens import feature_count, network_name
from engine.networks.library import run_name
from engine.networks.prototype import prototype_name
from engine.networks.record import RunRecord, hash_arrays, record_path
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import GroundTruth, load_ground_truth
from engine.places.positions import Positions, positions_of
from engine.places.selection import PairSelection
from engine.places.traverse import Traverse
from engine.places.workspace import Workspace
from engine.recognition.encoding import SpikingParameters
from engine.recognition.matches import PairFacts
from engine.recognition.methods import BASELINES, baseline_similarity
from engine.recognition.report import MethodResult
from engine.recognition.run_network import NetworkRunner, rows_of
from engine.recognition.scoring import ScoringParameters, score, unscored, widened

DEFAULT_NETWORK = "network"
"""The word for the network that model names, or that has LENS's or the prototypes' name in the workspace's folder models."""

_STAGE_NAME = 20  # letters of a method's name beside its progress
_TITLES = {"lens": "LENS", "prototype": "Prototype"}


def _words(value: Any) -> Any:
    """sad,network and [sad, network] mean the same; a file whose name has a comma is one word."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        return value
    words: list[Any] = []
    for part in value:
        whole = not isinstance(part, str) or ("," in part and Path(part).is_file())
        words += [part] if whole else [word.strip() for word in part.split(",") if word.strip()]
    return tuple(words)


class EvaluationParameters(Parameters):
    """What is evaluated, and how it is carried out."""

    methods: Annotated[tuple[str, ...], BeforeValidator(_words)] = parameter(
        (),
        f"What recognises, by commas: {', '.join(BASELINES)}, a network's .pth, or network for the one that model names "
        "(left out: network).",
    )
    model: Path | None = parameter(
        None, "File of the network (left out: LENS's name in the workspace's folder models, or else the prototypes' name there)."
    )
    feature_multiplier: float = parameter(
        2.0, "Features an input of the network that is looked for where model is left out.", gt=0, le=1000
    )
    ties: Literal["membrane", "index"] = parameter(
        "membrane",
        "What tells places with equal spike counts apart: the residual membrane potential, or only their index (LENS).",
    )
    sad: bool = parameter(False, "Also match by the sum of absolute differences (SAD) of whole frames, as a baseline.")
    gt_file: Path | None = parameter(None, "Ground truth (left out: <reference>_<query>_GT.npy beside the traverses).")
    threads: int = parameter(0, "Threads to simulate with; 0: all cores (the result is the same).", ge=0, le=1024)

    @property
    def words(self) -> tuple[str, ...]:
        """The methods, the defaults filled in."""
        return self.methods or (DEFAULT_NETWORK, *(("sad",) if self.sad else ()))


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gave.

    Attributes:
        results: one a method, in the order asked for; a network of prototypes has one for each of its read-outs.
        truth: (references, queries) without tolerance; None where there is none.
        facts: the mask, positions and times of the traverses.
        model: file of the first network; None where there is none among the methods.
        record: its run record.
        inputs: what it sees of a frame.
        places, queries: numbers of them.
        names: files of the reference and of the query frames used.
        hashes: SHA-256 of every file that was read, and of both traverses' frames.
        gt_file: the ground truth.
    """

    results: list[MethodResult]
    truth: NDArray[np.uint8] | None
    model: Path | None
    record: RunRecord | None
    inputs: InputParameters
    places: int
    queries: int
    facts: PairFacts = field(default_factory=PairFacts)
    names: tuple[Sequence[str], Sequence[str]] = ((), ())
    hashes: dict[str, str] = field(default_factory=dict)
    gt_file: Path | None = None


@dataclass(frozen=True)
class _Pair:
    """The two traverses, opened."""

    selection: PairSelection
    workspace: Workspace
    reference: Traverse
    query: Traverse
    places: int
    queries: int

    @classmethod
    def open(cls, selection: PairSelection) -> "_Pair":
        workspace = selection.workspace()
        reference = workspace.traverse(selection.dataset, selection.camera, selection.reference)
        query = workspace.traverse(selection.dataset, selection.camera, selection.query)
        places = len(reference.rows_used(selection.reference_places, selection.filter))
        queries = len(query.rows_used(selection.query_places, selection.filter))
        return cls(selection, workspace, reference, query, places, queries)


@dataclass(frozen=True)
class _Method:
    """A method asked for: its name in the report, and its network where it is no baseline."""

    word: str
    name: str
    network: NetworkRunner | None = None
    path: Path | None = None
    rows: slice | None = None  # of the network's answer, that are the reference's places


def evaluate(
    pair: PairSelection,
    inputs: InputParameters,
    spiking: SpikingParameters,
    scoring: ScoringParameters,
    parameters: EvaluationParameters,
    emit: Emit,
    cancel: CancelToken,
) -> Evaluation:
    """Recognise the places of a query traverse with networks and baselines, and score each.

    Args:
        pair: the reference and the query traverse.
        inputs: what a network sees of a frame, where no run record says it.
        spiking: the simulation.
        scoring: sequence matching, tolerance, whose scoring.
        parameters: methods, the network's file, ground truth.
        emit: gets progress and notices.
        cancel: stops it within half a second; nothing is written by this job.

    Raises:
        BadInput: a file or a parameter is wrong; one sentence.
    """
    opened = _Pair.open(pair)
    methods = _methods(opened, inputs, spiking, parameters, emit)
    gt_file = _gt_file(opened, parameters, emit)
    truth = None if gt_file is None else _truth(opened, gt_file, emit)
    facts = _facts(opened, truth, emit)
    if truth is not None and scoring.tolerance_m is not None:
        widened(truth.matrix[:, :1], scoring, facts)  # says that poses are missing before the long work
    queries = opened.query.frames_for_job(pair.query_places, pair.filter, emit, cancel)
    references = None
    if any(method.network is None for method in methods):
        references = opened.reference.frames_for_job(pair.reference_places, pair.filter, emit, cancel)
    results = [
        result
        for method in methods
        for result in _run(
            method, references, queries, truth, facts, scoring, parameters, _named(emit, method, len(methods)), cancel
        )
    ]
    first = next((method for method in methods if method.network is not None), None)
    used = inputs
    if first is not None and first.network is not None:
        used = first.network.inputs.for_frames((queries.shape[1], queries.shape[2]))
    frames = {pair.query: queries} | ({} if references is None else {pair.reference: references})
    files = [method.path for method in methods if method.path is not None] + ([gt_file] if gt_file is not None else [])
    return Evaluation(
        results=results,
        truth=None if truth is None else truth.matrix,
        model=None if first is None else first.path,
        record=None if first is None or first.network is None else first.network.record,
        inputs=used,
        places=opened.places,
        queries=opened.queries,
        facts=facts,
        names=(
            _names(opened.reference, pair.reference_places, pair.filter),
            _names(opened.query, pair.query_places, pair.filter),
        ),
        hashes={**{f"frames of {name}": hash_arrays(each) for name, each in frames.items()}, **_file_hashes(files, cancel)},
        gt_file=gt_file,
    )


# -- what is asked for


def _methods(
    opened: _Pair, inputs: InputParameters, spiking: SpikingParameters, parameters: EvaluationParameters, emit: Emit
) -> list[_Method]:
    """Every method, its network opened, before any long work."""
    words = parameters.words
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        raise BadInput(f"methods names {twice!r} twice: name each method once.")
    paths = {word: _network_path(word, opened, inputs, parameters) for word in words if word not in BASELINES}
    names = _names_of(list(paths.values()))
    methods = []
    for word in words:
        if word not in paths:
            # Without methods the table is of today's two, and its names are LENS's.
            methods.append(_Method(word, word if parameters.methods else "SAD"))
            continue
        path = paths[word]
        runner = NetworkRunner.open(path, inputs, spiking, ties=parameters.ties, emit=emit)
        rows = rows_of(runner, opened.selection.reference, opened.places, path.name, emit)
        if runner.record is not None and opened.selection.query in runner.record.tuned_on:
            query = opened.selection.query
            text = f"{path.name}: a sweep chose its parameters on {query}, so its figures on it are too good: use another query."
            emit(Notice(text, "warning"))
        if runner.record is not None and opened.selection.query in runner.record.references:
            text = f"{names[path]} has learned {opened.selection.query}: it looks good on what it learned, so use another query."
            emit(Notice(text, "warning"))
        title = names[path] if parameters.methods else _TITLES.get(runner.kind, runner.kind)
        methods.append(_Method(word, title, runner, path, rows))
    return methods


def _names_of(paths: list[Path]) -> dict[Path, str]:
    """A network of a training run is called as the run, any other one as its file; those that share that as their folders.

    Networks of one size have one file name, whatever their seeds. The folders of runs begin with their time.
    """
    names = [run_name(path.parent) or path.name for path in paths]
    folders = [(path.parent.name, path.name) for path in paths]
    return {
        path: name
        if names.count(name) == 1
        else (path.parent.name if folders.count((path.parent.name, path.name)) == 1 else str(path))
        for path, name in zip(paths, names, strict=True)
    }


def _network_path(word: str, opened: _Pair, inputs: InputParameters, parameters: EvaluationParameters) -> Path:
    if word == DEFAULT_NETWORK:
        if parameters.model is not None:
            return parameters.model
        models, name, windows = opened.workspace.models, opened.selection.reference, inputs.window_count
        prototypes = models / prototype_name(name, inputs.for_kind("prototype").inputs, opened.places)
        counts = (feature_count(inputs.inputs, parameters.feature_multiplier, networks) for networks in (1, windows))
        standard, columns = (models / network_name(name, inputs.inputs, count, opened.places) for count in counts)
        return next((path for path in (standard, columns, prototypes) if path.exists()), standard)
    if Path(word).suffix != ".pth":
        known = ", ".join((*BASELINES, DEFAULT_NETWORK))
        raise BadInput(f"methods names {word!r}, which is no method: choose among {known}, or name a network's .pth file.")
    path = Path(word)
    if not path.exists() and not path.is_absolute() and (opened.workspace.models / path).exists():
        return opened.workspace.models / path
    return path


def _gt_file(opened: _Pair, parameters: EvaluationParameters, emit: Emit) -> Path | None:
    pair = opened.selection
    standard = opened.workspace.ground_truth_file(pair.dataset, pair.camera, pair.reference, pair.query)
    if parameters.gt_file is None and not standard.exists():
        emit(Notice(f"There is no ground truth {standard.name}: the similarity matrix is made, but not scored.", "warning"))
        return None
    return parameters.gt_file or standard


def _truth(opened: _Pair, path: Path, emit: Emit) -> GroundTruth:
    sizes = (len(opened.reference), opened.places), (len(opened.query), opened.queries)
    truth = load_ground_truth(path, *sizes, opened.selection.filter)
    for note in truth.notes:
        emit(Notice(note, "warning"))
    return truth


def _facts(opened: _Pair, truth: GroundTruth | None, emit: Emit) -> PairFacts:
    """Mask, positions and times; poses that cannot be read are said and done without."""
    pair = opened.selection
    mask = None if truth is None or not truth.mask.any() else truth.mask
    try:
        found = positions_of(opened.workspace, pair.dataset, pair.camera, [pair.reference, pair.query])
        reference, query = found[pair.reference], found[pair.query]
    except BadInput as error:
        emit(Notice(f"Errors are not given in metres: {error}", "warning"))
        return PairFacts(mask)
    cut = slice(None, None, pair.filter)
    return PairFacts(
        mask,
        _known(reference.xy[cut][: opened.places]),
        _known(query.xy[cut][: opened.queries]),
        _seconds(query, pair.filter),
    )


def _known(xy: NDArray[np.float64]) -> NDArray[np.float64] | None:
    return xy if np.isfinite(xy).any() else None


def _seconds(query: Positions, every: int) -> float | None:
    """Typical time from one query to the next."""
    if query.times_us is None or len(query.times_us) < 2:
        return None
    step = float(np.median(np.diff(query.times_us))) * every / 1e6
    return step if step > 0 else None


# -- carrying out


def _named(emit: Emit, method: _Method, methods: int) -> Emit:
    """Tell of which of several methods the progress is."""
    if methods == 1:
        return emit

    name = method.name if len(method.name) <= _STAGE_NAME else f"{method.name[: _STAGE_NAME - 9]}…{method.name[-8:]}"

    def tell(event: JobEvent) -> None:
        emit(replace(event, stage=f"{name}: {event.stage.lower()}") if isinstance(event, Progress) else event)

    return tell


def _run(
    method: _Method,
    references: NDArray[np.uint8] | None,
    queries: NDArray[np.uint8],
    truth: GroundTruth | None,
    facts: PairFacts,
    scoring: ScoringParameters,
    parameters: EvaluationParameters,
    emit: Emit,
    cancel: CancelToken,
) -> list[MethodResult]:
    """What a method gave: one result, and one more for each further read-out of its network."""
    if method.network is None:
        assert references is not None  # read wherever a baseline is asked for
        begun = time.perf_counter()
        similar = baseline_similarity(method.word, references, queries, emit, cancel, parameters.threads)
        found = [MethodResult(method.name, similar, None, time.perf_counter() - begun, method=method.word)]
    else:
        ran = method.network.similarity(queries, emit, cancel, parameters.threads)
        main = method.network.readout
        found = [
            MethodResult(
                name=method.name if readout == main else f"{method.name}, {readout}",
                similarity=ran.readouts[readout] if method.rows is None else ran.readouts[readout][method.rows],
                scores=None,
                seconds=ran.seconds,
                synops_per_query=ran.synops_per_query,
                spikes_per_query=ran.spikes_per_query,
                method=method.word if readout == main else f"{method.word}, {readout}",
                kind=method.network.kind,
                network=_told_of(method.network, readout),
            )
            for readout in (main, *(name for name in ran.readouts if name != main))
        ]
    if truth is None:
        return [replace(result, unscored=unscored(result.similarity, scoring, facts, emit, cancel)) for result in found]
    of_distances = method.network is None and BASELINES[method.word].of_distances
    return [
        replace(
            result,
            scores=score(
                result.similarity, truth.matrix, scoring, of_distances=of_distances, facts=facts, emit=emit, cancel=cancel
            ),
        )
        for result in found
    ]


def _told_of(network: NetworkRunner, readout: str) -> dict[str, Any]:
    """What the network sees and how it was trained, for the report."""
    record = network.record
    told: dict[str, Any] = {"inputs": network.inputs.model_dump(mode="json")}
    if network.kind == "prototype":
        told["readout"] = readout
    if record is not None:
        told |= {"training": record.training, "references": list(record.references), "tuned_on": list(record.tuned_on)}
    return told


def _names(traverse: Traverse, places: int | None, every: int) -> tuple[str, ...]:
    return tuple(row.image for row in traverse.rows_used(places, every))


def _file_hashes(paths: Sequence[Path], cancel: CancelToken) -> dict[str, str]:
    """SHA-256 of files by their path, a network's run record and a ground truth's details too."""
    hashes = {}
    for path in dict.fromkeys(part for each in paths for part in (each, record_path(each))):
        if not path.is_file():
            continue
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                cancel.check()
                digest.update(block)
        hashes[str(path)] = digest.hexdigest()
    return hashes
