"""Sweeps in the Training panel: begun, joined, watched, and their best trial trained as a run."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.background import Question
from app.jobs import Job, State
from app.widgets.training_layout import SWEEP
from app.widgets.training_sweep import RESULTS, SETTINGS
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Metric, Notice
from engine.training.run import RunParameters
from engine.training.sweep import SweepParameters, begin_sweep, request_for, run_sweep, spec_of
from engine.training.sweep_space import check_varied
from engine.training.sweep_study import SweepSpec, SweepState, list_sweeps, read_sweep, storage_url

if TYPE_CHECKING:
    from app.views.training import TrainingView

_REFRESH_S = 1.5


class SweepControl(QObject):
    """Does what the Sweep tab asks for."""

    def __init__(self, view: "TrainingView") -> None:
        super().__init__(view)
        self.setObjectName("trainingSweepControl")
        self._view, self._tab = view, view.parts.sweep
        self._job: Job | None = None
        self._state: SweepState | None = None
        self._study_asked = Question(view.background, "Read the study")
        self._next = 0.0
        self._listed = ""  # the storage whose studies can be chosen
        self._listing = ""  # the storage that is being looked through
        self._studies_asked = Question(view.background, "Look for sweeps")
        tab = self._tab
        tab.edited.connect(self._on_edited)
        tab.studyChosen.connect(self._on_study)
        tab.startRequested.connect(self.start)
        tab.cancelRequested.connect(self.cancel)
        tab.bestRequested.connect(self.train_best)
        tab.refreshRequested.connect(self._on_refresh)
        tab.storageTyped.connect(self._on_storage)

    @property
    def running(self) -> bool:
        """Whether a sweep runs."""
        return self._job is not None

    def refresh(self) -> None:
        """The workspace has changed: which studies does it have."""
        url = self._url()
        self._state = None
        self._study_asked.give_up()
        self._tab.show_state(None)
        if not url:
            self._studies_asked.give_up()
            self._listed = self._listing = ""
            self._tab.set_studies([], "")
            return
        self._list(url, lambda: self._tab.chosen_study)

    def _list(self, url: str, chosen: Callable[[], str]) -> None:
        """Look which studies a storage has. What was asked for before and comes later would show another storage's."""

        def listed(names: list[str]) -> None:
            self._listed, self._listing = url, ""
            self._tab.show_place(url)
            self._tab.set_studies(names, chosen())
            self._view.show_buttons()

        def failed(sentence: str) -> None:
            self._listing = ""
            self._view.say(sentence)

        self._listing = url
        self._studies_asked.ask(lambda cancel: list_sweeps(url), listed, failed)

    def check(self) -> str:
        """Why no sweep can be started; "" where one can. A wrong range is shown beside the table."""
        parameters = self._tab.form.parameters()
        self._tab.show_problem("")
        if parameters is None:
            return "A setting of the sweep is wrong: see the red sentence beside it"
        try:
            storage_url(parameters.storage, self._view.setup.workspace)
        except BadInput as error:
            self._tab.show_problem(str(error))
            return str(error)
        if self._tab.chosen_study:
            return ""
        request = self._view.setup.request()
        if request is None or request.training is None:
            return self._view.setup.why_not() or "A setting is wrong"
        varied = self._tab.varied.varied()
        try:
            if parameters.study in self._tab.studies and self._listed == self._url():
                raise BadInput(_taken(parameters.study))
            for over in varied.values():
                if isinstance(over, str):
                    raise BadInput(over)
            check_varied(request.kind, {name: over for name, over in varied.items() if not isinstance(over, str)})
            if not request.validation.validation_query:
                raise BadInput("Choose a validation query in the Data tab: the networks of a sweep are judged on it.")
        except BadInput as error:
            self._tab.show_problem(str(error))
            return str(error)
        return ""

    def start(self) -> None:
        """Begin a study, or add trials to the one that is shown."""
        workspace, parameters, url = self._view.setup.workspace, self._tab.form.parameters(), self._url()
        if workspace is None or parameters is None or not url or self.check():
            return
        joined = self._tab.chosen_study
        spec: SweepSpec | None = None
        if joined:
            parameters = parameters.model_copy(update={"study": joined})
        else:
            request = self._view.setup.request()
            if request is None:
                return
            varied = {name: over for name, over in self._tab.varied.varied().items() if not isinstance(over, str)}
            spec = spec_of(request, parameters, varied)
        settings: SweepParameters = parameters

        def work(emit: Emit, cancel: CancelToken) -> SweepState:
            if spec is not None:
                if settings.study in list_sweeps(url):
                    raise BadInput(_taken(settings.study))
                return begin_sweep(url, settings, spec, workspace, emit, cancel)
            return run_sweep(url, settings, workspace, emit, cancel)

        self._next = 0.0
        job = self._view.tools.jobs.start(f"Sweep {settings.study}", work)
        job.metricReported.connect(lambda metric: self._on_metric(metric, settings.study))
        job.noticed.connect(self._on_notice)
        job.progressed.connect(self._on_progress)
        job.ended.connect(lambda state: self._on_ended(state, settings.study))
        self._job = job
        self._tab.words.say(f"Sweep {settings.study}: starting the processes…")
        self._view.parts.show_tab(SWEEP)
        self._tab.show_page(RESULTS)
        self._view.show_buttons()

    def cancel(self) -> None:
        """Stop the trials under way."""
        if self._job is not None:
            self._job.cancel()

    def train_best(self, trial: int | None) -> None:
        """Train the best trial's network, or the chosen one's, as a run."""
        workspace = self._view.setup.workspace
        if self._state is None or workspace is None or self._view.training.running:
            return
        try:
            run = self._view.parts.setup.run_form.parameters() or RunParameters()
            seeds = self._state.spec.networks
            asked = run.model_copy(update={"name": "", "seeds": seeds, "place": False})
            self._view.training.start(request_for(self._state, workspace, trial, asked))
        except BadInput as error:
            self._view.notify(str(error), "warning")

    def read(self, study: str) -> None:
        """Show a study as it stands; what other machines have done is in it."""
        url = self._url()
        if not url or not study:
            return
        if self._state is None and not self.running:
            self._tab.words.say(f"Reading {study}…")
        self._study_asked.ask(lambda cancel: read_sweep(url, study), self._on_state, self._view.say)

    def _shown_study(self) -> str:
        return self._state.study if self._state is not None else self._tab.chosen_study

    def _url(self) -> str:
        try:
            return storage_url(str(self._tab.form.values()["storage"] or ""), self._view.setup.workspace)
        except BadInput:
            return ""

    # -- handlers

    def _on_edited(self) -> None:
        self._view.show_buttons()

    def _on_refresh(self) -> None:
        """Others may have begun studies, and done trials."""
        if self._url() and not self.running:
            self._list(self._url(), lambda: self._tab.chosen_study)
        self.read(self._shown_study())

    def _on_storage(self) -> None:
        """Another storage has other studies to join."""
        url = self._url()
        if url and url != (self._listing or self._listed) and not self.running:
            self._list(url, lambda: "")

    def _on_study(self, name: str) -> None:
        self._tab.show_page(RESULTS if name else SETTINGS)
        if name:
            self.read(name)
        else:
            self._state = None
            self._tab.show_state(None)
            self._tab.name_anew()
            self._tab.varied.kind = None
            self._tab.varied.show_kind(self._view.parts.setup.chosen_kind)
        self._tab.show_busy(self.running, self._view.why_no_sweep())

    def _on_state(self, state: SweepState) -> None:
        self._state = state
        self._tab.show_state(state)
        if self._tab.chosen_study == state.study:
            self._tab.varied.show_kind(state.spec.kind)
            self._tab.varied.show_varied(state.spec.varied)
            known: dict[str, Any] = {"study": state.study, "objective": state.spec.objective}
            self._tab.form.set_values({**known, "networks": state.spec.networks, "pruning": state.spec.pruning})

    def _on_metric(self, metric: Metric, study: str) -> None:
        if metric.name == "trial" and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REFRESH_S
            self.read(study)

    def _on_notice(self, notice: Notice) -> None:
        if notice.level == "warning":
            self._view.notify(notice.text, "warning")

    def _on_progress(self) -> None:
        job = self._job
        if job is not None and job.progress is not None and job.progress.unit == "trials":
            best = "" if self._state is None or self._state.best is None else f"  ·  best {self._state.best.value:.3f}"
            self._tab.words.say(f"{job.title}: {job.progress.done} of {job.progress.total} trials{best}")

    def _on_ended(self, state: State, study: str) -> None:
        job, self._job = self._job, None
        if job is None:
            return
        url = self._url()
        self._study_asked.give_up()  # what was asked while it ran is older than its end
        if state is State.FINISHED:
            self._on_state(job.result)
        else:
            self._tab.words.say(f"{job.title}: " + ("cancelled; the trials that are done stay." if not job.error else job.error))
            if state is State.CANCELLED:
                self.read(study)
        if url:
            self._list(url, lambda: study)
        self._view.show_buttons()


def _taken(study: str) -> str:
    return f"There is a study {study} already: choose it in the list to add trials, or another name."
