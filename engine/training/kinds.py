"""The kinds of network that can be trained: one entry of a table each. Command line, panel and sweeps read the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken, Emit, Metric
from engine.networks.ensemble import LensEnsemble, save_lens
from engine.networks.lens import LensNetwork, network_name
from engine.networks.library import NetworkKind
from engine.networks.open import Network
from engine.networks.prototype import PrototypeNetwork, prototype_name, save_prototypes
from engine.networks.record import RunRecord
from engine.parameters import Parameters
from engine.training.control import TrainingControl
from engine.training.job import Places
from engine.training.lens import train_lens
from engine.training.live import SHARE, VALIDATION, LiveMetrics
from engine.training.parameters import PRESETS, LensTrainingParameters
from engine.training.prototype import PROTOTYPE_PRESETS, PrototypeParameters, teach_places, tell_prototypes

Judge = Callable[[Network], Mapping[str, Any]]


@dataclass(frozen=True)
class Teaching:
    """How one training is carried out, whatever the kind.

    Attributes:
        emit: hears progress, metrics and notices.
        cancel: stops it within half a second.
        control: pauses it, or ends it early.
        checkpoint: where its state is kept; None: nowhere.
        resume: go on from there.
        threads: 0 takes all cores.
        share: of its time that plots may take.
        judge: gives the figures of a validation; None where there is none.
        judge_every: epochs between two of them.
        queries: that are judged.
        details: whether weights and spikes are told of.
    """

    emit: Emit
    cancel: CancelToken
    control: TrainingControl = field(default_factory=TrainingControl)
    checkpoint: Path | None = None
    resume: bool = False
    threads: int = 0
    share: float = SHARE
    judge: Judge | None = None
    judge_every: int = 1
    queries: int = 0
    details: bool = True


class Teach(Protocol):
    """Trains a network of one kind."""

    def __call__(self, parameters: Any, places: Places, teaching: Teaching) -> "Taught":
        """Learn the places."""


@dataclass(frozen=True, eq=False)
class Taught:
    """A network, and what is to be shown of it once its time is taken.

    Attributes:
        network: as it is kept.
        tell_final: emits the last state of the costly plots, and the last validation's figures.
        tell_late: emits the validations that there was no time for, once the network is safe.
    """

    network: Network
    tell_final: Callable[[], None]
    tell_late: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class SweepRange:
    """The range of a parameter that a sweep offers first."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Attributes:
        name: as in run records and on the command line.
        title: for people.
        parameters: the model of its training parameters; has a field `seed`.
        presets: named sets of them.
        groups: headings of the form, with the fields under each.
        features: (inputs, parameters) -> neurons of the feature layer (of all networks that there is one in), None where there is
            no such layer.
        networks: (inputs, parameters) -> networks of which it is made, whose similarity columns are added up.
        file_name: (reference, inputs, features, places) -> the network's file.
        teach: trains.
        save: writes network and record.
        resumable: it can be paused and go on from a checkpoint.
        sweeps: what LENS's optimizer and its like vary.
    """

    name: NetworkKind
    title: str
    parameters: type[Parameters]
    presets: Mapping[str, Parameters]
    groups: Mapping[str, tuple[str, ...]]
    features: Callable[[InputParameters, Any], int | None]
    networks: Callable[[InputParameters, Any], int]
    file_name: Callable[[str, int, int | None, int], str]
    teach: Teach
    save: Callable[[Path, Any, RunRecord], None]
    resumable: bool
    sweeps: Mapping[str, SweepRange]


def _teach_lens(parameters: LensTrainingParameters, places: Places, teaching: Teaching) -> Taught:
    rates = places.rates
    live = LiveMetrics(
        teaching.emit,
        parameters.seed,
        rates,
        teaching.share,
        teaching.judge,
        teaching.judge_every,
        teaching.queries,
        place_of=places.place_of,
    )
    network = train_lens(
        parameters,
        rates,
        teaching.emit,
        teaching.cancel,
        checkpoint=teaching.checkpoint,
        resume=teaching.resume,
        threads=teaching.threads,
        control=teaching.control,
        live=live,
        place_of=places.place_of,
        windows=places.inputs.window_count,
    )
    return Taught(network, lambda: live.tell_final(network), lambda: live.judge_late(lambda: not teaching.control.stopped))


def _save_lens(path: Path, network: LensNetwork | LensEnsemble, record: RunRecord) -> None:
    save_lens(path, network, record)


def _teach_prototypes(parameters: PrototypeParameters, places: Places, teaching: Teaching) -> Taught:
    network = teach_places(parameters, places, teaching.emit, teaching.cancel)

    def tell_final() -> None:
        if teaching.details:
            tell_prototypes(network, places.rates, parameters, teaching.emit)
        if teaching.judge is not None:
            teaching.emit(Metric(VALIDATION, network.places, {"epoch": 1.0, **teaching.judge(network)}))

    return Taught(network, tell_final)


def _save_prototypes(path: Path, network: PrototypeNetwork, record: RunRecord) -> None:
    save_prototypes(path, network, record)


KINDS: Mapping[NetworkKind, Kind] = {
    "lens": Kind(
        name="lens",
        title="LENS: two layers, learned with STDP",
        parameters=LensTrainingParameters,
        presets=PRESETS,
        groups={
            "Size and time": ("feature_multiplier", "epoch_feat", "epoch_out", "seed", "threshold_rule", "join_windows"),
            "Feature layer": (
                "fire_l_feat", "fire_h_feat", "thr_l_feat", "thr_h_feat", "stdp_rate_feat", "ip_rate_feat", "f_exc", "f_inh",
            ),
            "Output layer": (
                "fire_l_out", "fire_h_out", "thr_l_out", "thr_h_out", "stdp_rate_out", "ip_rate_out", "o_exc", "o_inh",
            ),
        },
        features=lambda inputs, parameters: parameters.features(inputs.inputs, inputs.window_count),
        networks=lambda inputs, parameters: parameters.networks(inputs.window_count),
        file_name=lambda reference, inputs, features, places: network_name(reference, inputs, features or 0, places),
        teach=_teach_lens,
        save=_save_lens,
        resumable=True,
        sweeps={
            "fire_l_feat": SweepRange(0.1, 0.49),
            "fire_h_feat": SweepRange(0.5, 1.0),
            "thr_h_feat": SweepRange(0.1, 0.5),
        },
    ),
    "prototype": Kind(
        name="prototype",
        title="Prototypes: one layer of references",
        parameters=PrototypeParameters,
        presets=PROTOTYPE_PRESETS,
        groups={
            "Input spikes": ("spikes", "timebin", "seed"),
            "Neurons": ("threshold", "readout"),
        },
        features=lambda inputs, parameters: None,
        networks=lambda inputs, parameters: 1,
        file_name=lambda reference, inputs, features, places: prototype_name(reference, inputs, places),
        teach=_teach_prototypes,
        save=_save_prototypes,
        resumable=False,
        sweeps={
            "threshold": SweepRange(0.1, 2.0, log=True),
            "timebin": SweepRange(8, 256, log=True),
        },
    ),
}  # fmt: skip
