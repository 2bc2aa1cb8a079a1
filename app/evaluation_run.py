"""Runs an evaluation as a job, from what the panel's forms say."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from app.forms import ParameterForm
from app.jobs import Job, State
from engine.cli.options import command_line
from engine.compat import habits
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.parameters import Parameters
from engine.places.selection import PairSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.evaluate import EvaluationParameters
from engine.recognition.results import run_evaluation
from engine.recognition.scores import ScoringParameters

if TYPE_CHECKING:
    from app.views.evaluation import EvaluationView

P = TypeVar("P", bound=Parameters)
Models = tuple[PairSelection, InputParameters, SpikingParameters, ScoringParameters, EvaluationParameters]


class RunControl(QObject):
    """At most one evaluation of this panel at a time."""

    finished = Signal(object)  # Path of the new result

    def __init__(self, view: "EvaluationView") -> None:
        super().__init__(view)
        self.setObjectName("evaluationRun")
        self._view = view
        self.job: Job | None = None

    @property
    def running(self) -> bool:
        """Whether one runs."""
        return self.job is not None

    def problem(self) -> str:
        """Why nothing can be evaluated now; "" where it can."""
        view = self._view
        dataset, _, reference, query = view.parts.bar.pair
        if view.tools.session.workspace is None:
            return "Open a workspace first"
        if not view.tools.session.writable:
            return "Another window writes to this workspace"
        if not (dataset and reference and query):
            return "The workspace has no traverses yet: record or bin some in the Capture panel"
        if not view.parts.methods.chosen:
            return "Check at least one method"
        return "" if all(form.valid for form in view.parts.forms) else "A setting is wrong: see Settings"

    def scoring(self) -> ScoringParameters | None:
        """Matching and scoring with the forward filter's settings; None where one is wrong."""
        scoring, forward = self._view.parts.scoring.parameters(), self._view.parts.forward.parameters()
        return None if scoring is None or forward is None else scoring.model_copy(update={"forward": forward})

    def models(self) -> Models:
        """What the forms say, as the engine's parameters.

        A LENS version's scoring takes that version's other habits along, as --compat does on the command line; what the person
        changed wins.

        Raises:
            BadInput: a value is wrong.
        """
        parts, workspace = self._view.parts, self._view.tools.session.workspace
        scoring, frames = self.scoring(), parts.frames.parameters()
        if scoring is None or frames is None or workspace is None:
            raise BadInput("A setting is wrong: see Settings.")
        compat = None if scoring.compat == "revisit" else scoring.compat
        dataset, camera, reference, query = parts.bar.pair
        used = {name: getattr(frames, name) for name in ("reference_places", "query_places", "filter")}
        pair = PairSelection(
            data_dir=workspace.data_dir, dataset=dataset, camera=camera, reference=reference, query=query, **used
        )
        inputs = InputParameters.check(
            {**habits(compat, InputParameters.model_fields), **_changed(parts.inputs, InputParameters)}
        )
        spiking = SpikingParameters.check(
            {**habits(compat, SpikingParameters.model_fields), **_changed(parts.spiking, SpikingParameters)}
        )
        ties = "index" if compat is not None and frames.ties == "membrane" else frames.ties
        parameters = EvaluationParameters(
            methods=parts.methods.chosen, gt_file=parts.methods.gt_file.value(), ties=ties, threads=frames.threads
        )
        return pair, inputs, spiking, scoring, parameters

    def command(self) -> str:
        """The same from a shell; "" where a setting is wrong."""
        try:
            pair, inputs, spiking, scoring, parameters = self.models()
        except BadInput:
            return ""
        return command_line("revisit-cli evaluate", pair, parameters, inputs, spiking, scoring)

    def start(self) -> None:
        """Evaluate."""
        why = self.problem()
        if why or self.running:
            if why:
                self._view.notify(f"{why}.")
            return
        try:
            pair, inputs, spiking, scoring, parameters = self.models()
        except BadInput as error:
            self._view.notify(str(error))
            return
        function = partial(run_evaluation, pair, inputs, spiking, scoring, parameters)
        job = self._view.tools.jobs.start(f"Evaluate {pair.query} in {pair.reference}", function)
        self.job = job
        job.progressed.connect(self._on_progressed)
        job.ended.connect(self._on_ended)
        self._on_progressed()

    def cancel(self) -> None:
        """Stop it."""
        if self.job is not None:
            self.job.cancel()

    def _on_progressed(self) -> None:
        job, bar = self.job, self._view.parts.bar
        if job is None:
            return
        stopping = job.state is State.STOPPING
        stage = "Stopping…" if stopping else "Starting…" if job.progress is None else job.progress.stage
        bar.show_progress(True, stage, job.fraction)

    def _on_ended(self, state: State) -> None:
        job, self.job = self.job, None
        self._view.parts.bar.show_progress(False, "Cancelled" if state is State.CANCELLED else "")
        self._view.on_ran()
        if job is not None and state is State.FINISHED and isinstance(job.result, Path):
            self.finished.emit(job.result)


def _changed(form: ParameterForm[P], model: type[P]) -> dict[str, object]:
    """The values of a form that are not the defaults: a run record and a LENS version's habits win over the others."""
    values = form.parameters()
    if values is None:
        raise BadInput("A setting is wrong: see Settings.")
    return {
        name: getattr(values, name) for name, field in model.model_fields.items() if getattr(values, name) != field.get_default()
    }
