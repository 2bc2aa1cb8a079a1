"""One way to run a network of any kind: query frames in, a similarity column a frame out, for whole traverses and live.

The network's run record says what it was trained to see, and wins over the options; a network without one is LENS's own.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.compat import habits
from engine.errors import BadInput
from engine.frames.inputs import InputParameters, query_inputs
from engine.jobs import CancelToken, Emit, Notice, ignore
from engine.networks.open import Network, open_network
from engine.networks.record import RunRecord, read_record
from engine.recognition.encoding import Selection, SpikingParameters
from engine.recognition.spiking import SpikingResult, prepare, similarity, simulate

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


class NetworkRunner:
    """A network made ready to recognise frames.

    `similarity` is for whole traverses and starts from rest each time; `step` is for live frames, one after another, and goes
    on from the frames before. The columns are the same: `reset`, then a `step` a frame, gives those of `similarity`.

    Attributes:
        network: the weights.
        record: the network's run record, or None.
        inputs: what the network sees of a frame.
        spiking: the simulation.
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
        name: str = "The network",
        emit: Emit = ignore,
    ) -> None:
        """Settle what the network sees.

        Args:
            network: the network.
            record: how it was trained; it wins over `inputs` but for the encoding of queries.
            inputs: what the network sees of a frame, where no record says it.
            spiking: the simulation.
            ties: what tells places with equal spike counts apart.
            name: how messages call the network (its file's name).
            emit: hears a Notice where the record and `inputs` differ.

        Raises:
            BadInput: the inputs do not fit the network.
        """
        self.network, self.record = network, record
        self.inputs = settled_inputs(network, record, inputs or InputParameters(), name, emit)
        self.spiking = spiking or SpikingParameters()
        self._ties = ties
        self._prepared = prepare(network)
        self._steps = 0
        self.step_spikes: dict[str, int] = {}
        self.step_synops = 0

    @classmethod
    def open(
        cls,
        path: Path,
        inputs: InputParameters | None = None,
        spiking: SpikingParameters | None = None,
        *,
        ties: Ties = "membrane",
        emit: Emit = ignore,
    ) -> "NetworkRunner":
        """The same for a network file and the run record beside it.

        Raises:
            BadInput: the file cannot be read as a network, or the inputs do not fit.
        """
        return cls(open_network(path), read_record(path), inputs, spiking, ties=ties, name=path.name, emit=emit)

    @property
    def kind(self) -> str:
        """Kind of the network: "lens"."""
        return "lens"

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
        spikes = self._simulate(frames, 0, emit, cancel, threads)
        columns = similarity(spikes, self._ties)
        return NetworkResult(
            similarity=columns,
            seconds=time.perf_counter() - begun,
            synops_per_query=_mean(spikes.synops),
            spikes_per_query={layer: _mean(values) for layer, values in _layers(spikes).items()},
            readouts={"spikes": columns},
        )

    def step(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Recognise the next live frame, on one core: (height, width) uint8 event counts to a column (places,)."""
        spikes = self._simulate(frame[None], self._steps, ignore, None, 1)
        self._steps += 1
        self.step_spikes = {layer: int(values[0]) for layer, values in _layers(spikes).items()}
        self.step_synops = int(spikes.synops[0])
        return similarity(spikes, self._ties)[:, 0]

    def reset(self) -> None:
        """Begin anew: the next frame is the first one."""
        self._steps = 0

    def _simulate(
        self, frames: NDArray[np.uint8], first: int, emit: Emit, cancel: CancelToken | None, threads: int
    ) -> SpikingResult:
        settled = self.inputs.for_frames((frames.shape[1], frames.shape[2]))
        return simulate(
            self._prepared,
            query_inputs(frames, settled),
            self.spiking,
            emit,
            cancel,
            selection=_selection(settled),
            first_frame=first,
            threads=threads,
        )


def settled_inputs(
    network: Network, record: RunRecord | None, asked: InputParameters, name: str, emit: Emit = ignore
) -> InputParameters:
    """What the network was trained to see: its run record wins over the options, and says so where they differ.

    A network without a record is LENS's own, which selected one pixel a cell and trained with gamma.

    Raises:
        BadInput: the number of inputs is not the network's.
    """
    if record is None:
        given = {field: getattr(asked, field) for field in asked.model_fields_set}
        settled = asked.model_copy(update={**habits("lens-0.1.5", ("cell", "encoding")), **given})
        if "cell" not in given:
            emit(Notice(f"{name} has no run record: it is taken to see what LENS 0.1.5 does; for one of LENS 0.1.1 pass compat."))
    else:
        trained = InputParameters.read(record.inputs, f"the run record of {name}")
        ours = asked.model_fields_set - {"query_encoding"}
        ignored = sorted(field for field in ours if getattr(asked, field) not in (None, getattr(trained, field)))
        settled = trained
        if "query_encoding" in asked.model_fields_set:
            settled = trained.model_copy(update={"query_encoding": asked.query_encoding})
        if ignored:
            emit(Notice(f"{', '.join(ignored)}: the network's run record says otherwise and is followed.", "warning"))
    if settled.inputs != network.inputs:
        raise BadInput(
            f"{name} has {network.inputs} inputs, but dims {settled.dims[0]}x{settled.dims[1]} makes {settled.inputs}: "
            "give the dims that it was trained with."
        )
    return settled


def _selection(inputs: InputParameters) -> Selection | None:
    """The pixels of LENS's shared random field; cell means are no pixels and have none."""
    if inputs.cell == "mean" or inputs.roi_dim is None:
        return None
    return Selection(inputs.selected_pixels(), inputs.roi_dim[0] * inputs.roi_dim[1])


def _layers(spikes: SpikingResult) -> dict[str, NDArray[np.int64]]:
    """(queries,) spikes of each layer by its name."""
    return {"input": spikes.input_spikes, "feature": spikes.feature_spikes, "output": spikes.output_spikes}


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else 0.0
