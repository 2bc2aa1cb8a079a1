"""One trial of a sweep after another, on one core: in a child process that is told by lines of JSON and answers so.

    to the child:    {"setup": {...}}                       reads the frames; once
                     {"inputs": {...}, "trial": {...training...}, "seeds": [...], "judge_every": n or 0}
                     {"prune": true or false}               the answer to a report
    to the parent:   {"ready": {"data_hash": ...}}
                     {"report": value, "step": epoch}       while it trains
                     {"done": {"values": [{...}, ...], "seconds": s, "threads": n}}
                     {"pruned": epoch}
                     {"bad": sentence}                      this trial's, or the setup's

The child ends when its parent closes the pipe or dies.
"""

import json
import os
import statistics
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from engine.errors import BadInput, JobCancelled
from engine.frames.inputs import InputParameters, NetworkKind
from engine.jobs import CancelToken, ignore
from engine.networks.ensemble import LensEnsemble
from engine.networks.open import Network
from engine.networks.record import hash_arrays
from engine.places.selection import TrainingSelection
from engine.training.job import Places, read_references
from engine.training.kinds import KINDS, Kind, Teaching
from engine.training.sweep_space import SweepChoice, Varied, split_chosen, variables, varied_from_json
from engine.training.validation import Validation, ValidationParameters, read_validation

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Environment of a child: its libraries take one core each, as the compiled loops do."""

THREADS = 1
_MADE_BYTES = 1 << 26  # of inputs that are kept, so that a trial with inputs that an earlier one had begins at once
_NICE = 5  # the window stays quick while all cores are at work

Report = Callable[[float, int], bool]
"""(value, epoch) -> whether to give the trial up."""


class Pruned(Exception):  # noqa: N818
    """The trial is not worth going on with."""


class TrialRunner:
    """Trains and judges networks on what it has read once.

    Args:
        setup: data_dir and the models' values: kind, selection, inputs, validation, objective.
        cancel: stops a trial within half a second.

    Raises:
        BadInput: the traverses or the ground truth cannot be read.
    """

    def __init__(self, setup: Mapping[str, Any], cancel: CancelToken) -> None:
        self._cancel = cancel
        self.kind: Kind = KINDS[setup["kind"]]
        self.objective = str(setup["objective"])
        where = "the sweep"
        selection = TrainingSelection.read({**setup["selection"], "data_dir": Path(setup["data_dir"])}, where)
        self._references = read_references(selection, ignore, cancel)
        self._made: OrderedDict[InputParameters, Places] = OrderedDict()
        inputs = InputParameters.read(setup["inputs"], where)
        varied = varied_from_json(setup, self.kind.name, where)
        if any(variables(self.kind.name)[name].model is InputParameters for name in varied):
            for grid in _grids(inputs, varied, self.kind.name):  # each fits, whatever else the inputs will be
                inputs.model_copy(update={"dims": grid}).for_kind(self.kind.name).for_frames(self._references.size)
        else:
            self.places_of(inputs)
        several = self._references.several
        wanted = ValidationParameters.read(setup["validation"], where)
        validation = read_validation(wanted, selection, several, ignore, cancel)
        if validation is None:
            raise BadInput("A sweep needs a query with a ground truth to judge its networks on: name it with validation_query.")
        self.validation: Validation = validation
        further = [part.where for part in several.parts] if len(several.parts) > 1 else []
        self.data_hash = hash_arrays(self._references.frames, *further, validation.frames, validation.truth)

    def places_of(self, inputs: InputParameters) -> Places:
        """The references as a network with such inputs sees them; those that were made last are kept.

        Raises:
            BadInput: the inputs do not fit the frames, or each other.
        """
        settled = inputs.for_kind(self.kind.name).for_frames(self._references.size)
        places = self._made.pop(settled, None) or self._references.places(settled, self.kind.name)
        self._made[settled] = places
        while len(self._made) > 1 and sum(made.rates.nbytes for made in self._made.values()) > _MADE_BYTES:
            self._made.popitem(last=False)
        return places

    def run(
        self, inputs: Mapping[str, Any], training: Mapping[str, Any], seeds: list[int], judge_every: int, report: Report
    ) -> list[dict[str, float]]:
        """Train a network a seed; the figures of each.

        Args:
            inputs: what the network sees.
            training: the training parameters.
            seeds: one network each.
            judge_every: epochs between two reports of the first network; 0: none.
            report: hears the objective, and says whether to give up.

        Raises:
            BadInput: the parameters do not fit together, or the weights overflow.
            Pruned: report said so.
        """
        places = self.places_of(InputParameters.check(inputs))
        return [self._one(places, training, seed, judge_every if number == 0 else 0, report) for number, seed in enumerate(seeds)]

    def _one(self, places: Places, training: Mapping[str, Any], seed: int, judge_every: int, report: Report) -> dict[str, float]:
        parameters = self.kind.parameters.check({**training, "seed": seed})
        record = places.record(self.kind.name, parameters, data_hash=self._references.data_hash)
        epochs, wanted = [0], self.kind.networks(places.inputs, parameters)

        def judge(network: Network) -> dict[str, float]:
            # An ensemble that lacks windows yet is worse than it will be: it is compared from its last network on.
            if (len(network.members) if isinstance(network, LensEnsemble) else 1) < wanted:
                return {}
            found = self.validation.judge(network, record, self._cancel, THREADS)
            epochs[0] += judge_every
            if report(found[self.objective], epochs[0]):
                raise Pruned
            return found

        teaching = Teaching(
            ignore,
            self._cancel,
            threads=THREADS,
            share=1.0,
            judge=judge if judge_every else None,
            judge_every=max(judge_every, 1),
            details=False,
        )
        taught = self.kind.teach(parameters, places, teaching)
        return self.validation.judge(taught.network, record, self._cancel, THREADS)


def _grids(inputs: InputParameters, varied: Mapping[str, Varied], kind: NetworkKind) -> list[tuple[int, int]]:
    over = varied.get("dims")
    if not isinstance(over, SweepChoice):
        return [inputs.dims]
    return [InputParameters.check(split_chosen(kind, {"dims": value})[0]).dims for value in over.values]


def mean_of(values: list[dict[str, float]], name: str) -> float:
    """The mean of a figure over a trial's networks."""
    return statistics.fmean(one[name] for one in values)


def answers(runner: TrialRunner, request: Mapping[str, Any], report: Report) -> Iterator[dict[str, Any]]:
    """What one request comes to."""
    begun = time.perf_counter()
    try:
        seeds = [int(seed) for seed in request["seeds"]]
        values = runner.run(request["inputs"], request["trial"], seeds, int(request["judge_every"]), report)
    except Pruned:
        yield {"pruned": True, "seconds": time.perf_counter() - begun}
    except BadInput as error:
        yield {"bad": str(error)}
    else:
        yield {"done": {"values": values, "seconds": time.perf_counter() - begun, "threads": threads_now()}}


def threads_now() -> int:
    """Threads of this process, the compiled loops' and the libraries' included; 0 where the system does not tell."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else 0


def serve() -> None:
    """The child: answer requests on standard input until it closes."""
    lines, out = os.fdopen(0, "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints does not get between the answers
    if hasattr(os, "nice"):
        os.nice(_NICE)
    cancel = CancelToken()
    try:
        runner = TrialRunner(json.loads(lines.readline())["setup"], cancel)
    except BadInput as error:
        _say(out, {"bad": str(error)})
        return

    def report(value: float, step: int) -> bool:
        _say(out, {"report": value, "step": step})
        answer = lines.readline()
        if not answer:
            raise JobCancelled("the parent is gone")
        return bool(json.loads(answer)["prune"])

    _say(out, {"ready": {"data_hash": runner.data_hash}})
    try:
        while line := lines.readline():
            for answer in answers(runner, json.loads(line), report):
                _say(out, answer)
    except (JobCancelled, BrokenPipeError):
        return


def _say(out: IO[str], message: Mapping[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()
