"""One way to run a network of any kind: query frames in, a similarity column a frame out, for whole traverses and live.

The network's run record says what it was trained to see, and wins over the options; a network without one is LENS's own.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.compat import habits
from engine.errors import BadInput
from engine.frames.encoder import InputEncoder, InputStatistics
from engine.frames.inputs import InputParameters, NetworkKind
from engine.jobs import CancelToken, Emit, JobEvent, Notice, Progress, ignore
from engine.networks.ensemble import LensEnsemble, members_of
from engine.networks.lens import LensNetwork
from engine.networks.open import Network, open_network
from engine.networks.prototype import PrototypeNetwork, PrototypeRule, add_place, merge, remove_place, save_prototypes
from engine.networks.prototype_parameters import PrototypeParameters, Readout
from engine.networks.record import RunRecord, hash_arrays, read_record
from engine.recognition.encoding import Selection, SpikingParameters
from engine.recognition.prototype_spiking import prepare_prototypes, readouts, simulate_prototypes
from engine.recognition.spiking import prepare, similarity, simulate

Ties = Literal["membrane", "index"]


@dataclass(frozen=True)
class NetworkResult:
    """What a network answered to queries.

    Attributes:
        similarity: (places, queries) float32, higher is more alike.
        seconds: time that it took, encoding included.
        synops_per_query: synaptic operations, the mean over the queries.
        spikes_per_query: spikes of each layer by its name, the mean over the queries.
        readouts: every read-out of the network by name, (places, queries) each; `similarity` is one of them.
    """

    similarity: NDArray[np.float32]
    seconds: float
    synops_per_query: float
    spikes_per_query: dict[str, float]
    readouts: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Ran:
    """Columns by read-out, and what they cost, query by query."""

    readouts: dict[str, NDArray[np.float32]]
    synops: NDArray[np.int64]
    spikes: tuple[NDArray[np.int64], ...]


class _LensLayers:
    """A LENS network's part of a run; of an ensemble's members each is shown its own window, and their columns are added up."""

    layers = ("input", "feature", "output")

    def __init__(self, network: LensNetwork | LensEnsemble, spiking: SpikingParameters, ties: Ties) -> None:
        self._members = [prepare(member) for member in members_of(network)]
        self._spiking, self._ties = spiking, ties

    def run(
        self,
        shown: NDArray[np.float32],
        first: int,
        emit: Emit,
        cancel: CancelToken | None,
        threads: int,
        settled: InputParameters,
    ) -> _Ran:
        ran, count = [], len(self._members)
        selection = _selection(settled if count == 1 else settled.model_copy(update={"windows": None}))
        for number, member in enumerate(self._members):
            spikes = simulate(
                member,
                np.ascontiguousarray(shown[:, number * member.inputs : (number + 1) * member.inputs]),
                self._spiking,
                _part(emit, number, count),
                cancel,
                selection=selection,
                first_frame=first,
                threads=threads,
            )
            counted = (spikes.input_spikes, spikes.feature_spikes, spikes.output_spikes)
            ran.append(_Ran({"spikes": similarity(spikes, self._ties)}, spikes.synops, counted))
        return ran[0] if count == 1 else _added(ran)


def _added(ran: Sequence[_Ran]) -> _Ran:
    columns = np.asarray(np.sum([each.readouts["spikes"] for each in ran], axis=0), np.float32)
    counted = tuple(np.sum(layer, axis=0) for layer in zip(*(each.spikes for each in ran), strict=True))
    return _Ran({"spikes": columns}, np.sum([each.synops for each in ran], axis=0), counted)


def _part(emit: Emit, number: int, count: int) -> Emit:
    """An `emit` for one of several simulations of the same queries: their progress together never goes back."""

    def onward(event: JobEvent) -> None:
        if isinstance(event, Progress):
            event = replace(event, done=(number * event.total + event.done) // count)
        emit(event)

    return onward if count > 1 else emit


class _PrototypeLayer:
    """A prototype network's part of a run."""

    layers = ("input", "output")

    def __init__(self, network: PrototypeNetwork, parameters: PrototypeParameters, ties: Ties) -> None:
        self._prepared, self._parameters, self._ties = prepare_prototypes(network), parameters, ties

    def run(
        self,
        shown: NDArray[np.float32],
        first: int,
        emit: Emit,
        cancel: CancelToken | None,
        threads: int,
        settled: InputParameters,
    ) -> _Ran:
        spikes = simulate_prototypes(self._prepared, shown, self._parameters, emit, cancel, first_frame=first, threads=threads)
        columns = readouts(self._prepared, spikes, self._ties)
        return _Ran(columns, spikes.synops, (spikes.input_spikes, spikes.output_spikes))


class NetworkRunner:
    """A network made ready to recognise frames.

    `similarity` is for whole traverses and starts from rest each time; `step` is for live frames, one after another, and goes
    on from the frames before. The columns are the same: `reset`, then a `step` a frame, gives those of `similarity`.

    Attributes:
        network: the weights; of prototypes, with the places that were added and without those removed.
        record: the network's run record, or None.
        inputs: what the network sees of a frame.
        readout: which of the network's read-outs is its similarity.
        spiking: the simulation asked for.
        step_spikes: spikes of each layer by its name in the last `step`; step_synops: its synaptic operations.
    """

    def __init__(
        self,
        network: Network,
        record: RunRecord | None = None,
        inputs: InputParameters | None = None,
        spiking: SpikingParameters | None = None,
        *,
        ties: Ties = "membrane",
        readout: Readout | None = None,
        steps_per_window: int = 1,
        name: str = "The network",
        emit: Emit = ignore,
    ) -> None:
        """Settle what the network sees.

        Args:
            network: the network.
            record: how it was trained; it wins over `inputs` but for the encoding of queries.
            inputs: what the network sees of a frame, where no record says it.
            spiking: the simulation; prototypes take from it only a timebin and a seed that were given, else the record's.
            ties: what tells places with equal spike counts apart.
            readout: of prototypes; left out: what the record says.
            steps_per_window: of live frames that overlap, how many come while one window passes (see InputEncoder).
            name: how messages call the network (its file's name).
            emit: hears a Notice where the record and `inputs` differ.

        Raises:
            BadInput: the inputs do not fit the network, or a prototype network has no record.
        """
        self.network, self.record = network, record
        self.inputs = settled_inputs(network, record, inputs or InputParameters(), name, emit)
        self.spiking, self._ties = spiking or SpikingParameters(), ties
        self._steps = 0
        self.step_spikes: dict[str, int] = {}
        self.step_synops = 0
        self._last: NDArray[np.float32] | None = None
        self.readout: Readout = "spikes"
        self._parameters = PrototypeParameters()
        statistics = None
        if isinstance(network, PrototypeNetwork):
            assert record is not None  # settled_inputs has made sure of it
            self._parameters = _prototype_parameters(record, self.spiking, name)
            self.readout = readout or self._parameters.readout
            statistics = network.statistics
        elif readout == "membrane":
            raise BadInput(f"{name} is a LENS network, which is read out by its spikes: leave the membrane read-out out.")
        elif record is not None and record.statistics is not None:
            statistics = InputStatistics.from_json(record.statistics, network.inputs, f"the run record of {name}")
        self._statistics = statistics
        self._encoder = InputEncoder(self.inputs, statistics, self.kind, steps_per_window)
        self._prepare()

    @classmethod
    def open(
        cls,
        path: Path,
        inputs: InputParameters | None = None,
        spiking: SpikingParameters | None = None,
        *,
        ties: Ties = "membrane",
        readout: Readout | None = None,
        emit: Emit = ignore,
    ) -> "NetworkRunner":
        """The same for a network file and the run record beside it.

        Raises:
            BadInput: the file cannot be read as a network, or the inputs do not fit.
        """
        network, record = open_network(path), read_record(path)
        return cls(network, record, inputs, spiking, ties=ties, readout=readout, name=path.name, emit=emit)

    @property
    def kind(self) -> NetworkKind:
        """Kind of the network: "lens" or "prototype"."""
        return "prototype" if isinstance(self.network, PrototypeNetwork) else "lens"

    @property
    def places(self) -> int:
        """Number of places, the rows of every similarity matrix."""
        return self.network.places

    def similarity(
        self, frames: NDArray[np.uint8], emit: Emit = ignore, cancel: CancelToken | None = None, threads: int = 0
    ) -> NetworkResult:
        """Recognise the frames of a traverse, from rest.

        Args:
            frames: (queries, height, width) uint8 event counts, in order of time.
            emit: hears Progress in queries.
            cancel: stops it within half a second.
            threads: 0 takes all cores; the result is the same.

        Raises:
            BadInput: the frames have another size than the network was trained on.
            JobCancelled: the job was asked to stop.
        """
        begun = time.perf_counter()
        settled = self.inputs.for_frames((frames.shape[1], frames.shape[2]))
        encoder = InputEncoder(settled, self._statistics, self.kind)
        ran = self._layers.run(encoder.batch(frames, cancel), 0, emit, cancel, threads, settled)
        return NetworkResult(
            similarity=ran.readouts[self.readout],
            seconds=time.perf_counter() - begun,
            synops_per_query=_mean(ran.synops),
            spikes_per_query={layer: _mean(spikes) for layer, spikes in zip(self._layers.layers, ran.spikes, strict=True)},
            readouts=ran.readouts,
        )

    def step(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Recognise the next live frame, on one core: (height, width) uint8 event counts to a column (places,).

        Raises:
            BadInput: another size of frame, or a network that needs the whole query (normalise two-pass).
        """
        settled = self.inputs.for_frames((frame.shape[0], frame.shape[1]))
        self._last = self._encoder.step(frame)
        ran = self._layers.run(self._last[None], self._steps, ignore, None, 1, settled)
        self._steps += 1
        counted = zip(self._layers.layers, ran.spikes, strict=True)
        self.step_spikes = {layer: int(values[0]) for layer, values in counted}
        self.step_synops = int(ran.synops[0])
        column: NDArray[np.float32] = ran.readouts[self.readout][:, 0]
        return column

    def see(self, frame: NDArray[np.uint8]) -> None:
        """Take a live frame in without recognising it: longer windows and causal statistics go on, at next to no cost."""
        self.inputs.for_frames((frame.shape[0], frame.shape[1]))
        self._last = self._encoder.step(frame)

    def reset(self) -> None:
        """Begin anew: the next frame is the first one."""
        self._steps, self._last = 0, None
        self._encoder.reset()

    def add_place(self, place: int | None = None) -> int:
        """Remember what the last `step` saw as a new place (or as another look of `place`); the others' answers stay as they are.

        Returns:
            The number of the place.

        Raises:
            BadInput: the network is not of prototypes, no frame was seen yet, or it was empty.
        """
        network = self._prototypes()
        if self._last is None or not self._last.any():
            raise BadInput("There is nothing to remember: show a frame with events first.")
        self.network = add_place(network, self._last, self._rule(), place)
        self._prepare()
        return self.places - 1 if place is None else place

    def remove_place(self, place: int) -> None:
        """Forget a place; those after it move up by one.

        Raises:
            BadInput: the network is not of prototypes, or there is no such place, or it is the only one.
        """
        self.network = remove_place(self._prototypes(), place)
        self._prepare()

    def merge(self, other: "NetworkRunner", places: NDArray[np.integer] | None = None) -> None:
        """Take the map of another traverse of the same route in (engine.networks.prototype.merge).

        Raises:
            BadInput: one of the networks is not of prototypes, or they do not fit each other.
        """
        if self.inputs != other.inputs:
            raise BadInput("The networks see frames in different ways: merge networks that were trained with the same inputs.")
        mine, theirs = self._prototypes(), other._prototypes()
        ours, others = self.record, other.record
        assert ours is not None and others is not None  # prototypes have one
        for record in (ours, others):
            if record.route == "after" and len(record.references) > 1:
                raise BadInput(
                    f"One map holds {' + '.join(record.references)} one after another, and only maps of one route merge: train a "
                    "network of all traverses anew instead."
                )
        self.network = merge(mine, theirs, places)
        new = tuple(name for name in others.references if name not in ours.references)
        learned = [np.frombuffer(bytes.fromhex(record.data_hash), np.uint8) for record in (ours, others)]
        self.record = ours.model_copy(update={"references": ours.references + new, "data_hash": hash_arrays(*learned)})
        self._prepare()

    def save(self, path: Path) -> None:
        """Write the network as it is now, and its record, under another name or the same.

        Raises:
            BadInput: the network is not of prototypes.
        """
        network = self._prototypes()
        assert self.record is not None
        save_prototypes(path, network, self.record.model_copy(update={"places": network.places}))

    def _prototypes(self) -> PrototypeNetwork:
        if not isinstance(self.network, PrototypeNetwork):
            raise BadInput("Only prototype networks learn, forget and merge places one by one: train one of the kind prototype.")
        return self.network

    def _rule(self) -> PrototypeRule:
        return PrototypeRule(self.inputs.normalise or "none", self.inputs.window_count)

    def _prepare(self) -> None:
        self._layers: _LensLayers | _PrototypeLayer
        if isinstance(self.network, PrototypeNetwork):
            self._layers = _PrototypeLayer(self.network, self._parameters, self._ties)
        else:
            self._layers = _LensLayers(self.network, self.spiking, self._ties)


def _prototype_parameters(record: RunRecord, spiking: SpikingParameters, name: str) -> PrototypeParameters:
    trained = PrototypeParameters.read(record.training, f"the run record of {name}")
    given: dict[str, int] = {}
    for field in ("timebin", "seed"):
        if field in spiking.model_fields_set:
            given[field] = getattr(spiking, field)
    return PrototypeParameters.check({**trained.model_dump(), **given}, name)


def rows_of(runner: NetworkRunner, reference: str, places: int, name: str, emit: Emit = ignore) -> slice:
    """The rows of a network's answer that are the places of a reference traverse.

    A map of traverses that follow one another holds those of each in turn; only they then compete, and a Notice says so. A map of
    several traverses along the same places has the places of the first.

    Args:
        runner: the network.
        reference: name of the traverse.
        places: frames of it that are used.
        name: of the network, for messages.
        emit: hears the Notice.

    Raises:
        BadInput: the network does not know these places.
    """
    record = runner.record
    names = () if record is None else record.references
    if record is not None and record.route == "after" and reference in names and len(names) > 1:
        counts, at = record.part_places, names.index(reference)
        if len(counts) != len(names) or sum(counts) != runner.places:
            raise BadInput(f"Places of {name} were added or removed, so that nobody knows which are those of {reference}.")
        if counts[at] != places:
            raise BadInput(
                f"{name} knows {counts[at]} places of {reference}, but {places} of its frames are used: give reference_places "
                f"{counts[at]} and the filter that it was trained with."
            )
        begun = sum(counts[:at])
        emit(
            Notice(
                f"{name} knows {runner.places} places of {' + '.join(names)}; only the {places} of {reference} compete here, as "
                "if it were known that the robot is on that stretch.",
                "warning",
            )
        )
        return slice(begun, begun + places)
    if record is not None and record.route == "same" and reference in names[1:]:
        raise BadInput(
            f"The places of {name} are those of {names[0]}; {reference} was learned as another look at them: choose {names[0]} "
            "as the reference."
        )
    if runner.places != places:
        raise BadInput(
            f"{name} knows {runner.places} places, but {places} reference frames of {reference} are used: give reference_places "
            f"{runner.places}{_with_filter(record)}, or the network of this traverse."
        )
    return slice(0, places)


def _with_filter(record: RunRecord | None) -> str:
    return f" and filter {record.filter}" if record is not None and record.filter > 1 else ""


def settled_inputs(
    network: Network, record: RunRecord | None, asked: InputParameters, name: str, emit: Emit = ignore
) -> InputParameters:
    """What the network was trained to see: its run record wins over the options, and says so where they differ.

    A network without a record is LENS's own, which selected one pixel a cell and trained with gamma.

    Raises:
        BadInput: the number of inputs is not the network's, a prototype network has no record, or the record is of another kind.
    """
    kind: NetworkKind = "prototype" if isinstance(network, PrototypeNetwork) else "lens"
    if record is None and kind == "prototype":
        raise BadInput(f"{name} has no run record, which says what its prototypes are shown: keep the .json beside the .pth.")
    if record is not None and record.kind != kind:
        raise BadInput(
            f"The run record of {name} is of a {record.kind} network, the file of a {kind}: they do not belong together."
        )
    if record is None:
        given = {field: getattr(asked, field) for field in asked.model_fields_set if getattr(asked, field) is not None}
        settled = asked.model_copy(update={**habits("lens-0.1.5", ("cell", "encoding")), **given}).for_kind(kind)
        if "cell" not in given:
            emit(Notice(f"{name} has no run record: it is taken to see what LENS 0.1.5 does; for one of LENS 0.1.1 pass compat."))
    else:
        trained = InputParameters.read(record.inputs, f"the run record of {name}")
        ours = asked.model_fields_set - {"query_encoding"}
        ignored = sorted(field for field in ours if getattr(asked, field) not in (None, getattr(trained, field)))
        settled = trained.for_kind(kind)
        if "query_encoding" in asked.model_fields_set:
            settled = settled.model_copy(update={"query_encoding": asked.query_encoding})
        if ignored:
            emit(Notice(f"{', '.join(ignored)}: the network's run record says otherwise and is followed.", "warning"))
    if settled.inputs != network.inputs:
        raise BadInput(
            f"{name} has {network.inputs} inputs, but dims {settled.dims[0]}x{settled.dims[1]} makes {settled.inputs}: "
            "give the dims and windows that it was trained with."
        )
    if isinstance(network, LensEnsemble) and len(network.members) != settled.window_count:
        raise BadInput(
            f"{name} has networks of {len(network.members)} windows, but windows names {settled.window_count}: give those "
            "that it was trained with."
        )
    return settled


def _selection(inputs: InputParameters) -> Selection | None:
    """The pixels of LENS's shared random field; cell means and several windows are no pixels and have none."""
    if inputs.cell == "mean" or inputs.roi_dim is None or inputs.window_count > 1:
        return None
    return Selection(inputs.selected_pixels(), inputs.roi_dim[0] * inputs.roi_dim[1])


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else 0.0
