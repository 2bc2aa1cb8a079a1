"""A training under way: started, paused, stopped, cancelled, resumed, and what it tells brought to the plots."""

import threading
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from app.background import Question
from app.jobs import Job, State
from app.widgets.training_layout import LIVE
from app.widgets.training_runs import seconds_text
from engine.jobs import CancelToken, Emit, Metric, Notice
from engine.training.control import TrainingControl
from engine.training.curves import CurveCollector, Curves, read_curves
from engine.training.live import LAYERS
from engine.training.run import TrainedRun, TrainRequest, resume_run, train_runs
from engine.training.runs import CURVES, Run, spread

if TYPE_CHECKING:
    from app.views.training import TrainingView

_PAINTING_S = 0.2  # that a training waits for the panel to show its start at most: painting takes a core from it


_ARRIVED_MS = 150  # after which what was told before a pause is here


class TrainingRun(QObject):
    """At most one training of this panel runs at a time."""

    def __init__(self, view: "TrainingView") -> None:
        super().__init__(view)
        self.setObjectName("trainingRun")
        self._view, self._live = view, view.parts.live
        self._curves_asked = Question(view.background, "Read the curves")
        self._job: Job | None = None
        self._control = TrainingControl()
        self._title = ""
        self._seed = ""
        self._resumed = False

    @property
    def running(self) -> bool:
        """Whether a training runs, or is paused."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return self._job is not None and self._control.paused

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end and has not yet."""
        return self._job is not None and (self._control.stopped or self._job.state is State.STOPPING)

    def start(self, request: TrainRequest) -> None:
        """Train what the settings say."""
        control = TrainingControl()
        name = request.run.name or request.selection.label
        self._begin(name, control, CurveCollector(), lambda emit, cancel: train_runs(request, emit, cancel, control))

    def resume(self, run: Run) -> None:
        """Go on with a run."""
        workspace = self._view.tools.session.workspace
        if workspace is None or self.running:
            return
        control, parameters = TrainingControl(), self._view.parts.setup.run_form.parameters()

        def work(emit: Any, cancel: Any) -> list[TrainedRun]:
            return [resume_run(workspace, run.folder, emit, cancel, control, parameters)]

        def go_on(curves: Curves | None) -> None:
            if not self.running:
                self._begin(run.info.name, control, CurveCollector(curves), work)
                self._resumed = True

        self._curves_asked.ask(lambda cancel: read_curves(run.folder / CURVES), go_on, lambda sentence: go_on(None))

    def show_run(self, run: Run) -> None:
        """Show the last state of a run that has ended."""
        if self.running:
            self._view.notify("The plots show the training that runs: wait for it, or stop it.", "info")
            return

        def show(curves: Curves) -> None:
            if not self.running:
                self._live.begin(CurveCollector(curves), f"{run.info.name}: {told_of([run])}")
                self._live.bar.setValue(1000 if run.info.status == "finished" else 0)
                self._view.parts.show_tab(LIVE)

        self._curves_asked.ask(
            lambda cancel: read_curves(run.folder / CURVES), show, lambda sentence: self._view.notify(sentence)
        )

    def forget_wishes(self) -> None:
        """Another workspace is open: a run of the one before is neither shown nor gone on with any more."""
        self._curves_asked.give_up()

    def pause(self, on: bool) -> None:
        """Hold, or go on."""
        if self._job is None:
            return
        if on:
            self._control.pause()
            self._live.tell(f"{self._title}: paused. Its state is on the disk.")
            QTimer.singleShot(_ARRIVED_MS, self, self._draw_paused)
        else:
            self._control.go_on()
        self._view.show_buttons()

    def _draw_paused(self) -> None:
        """Nothing is held up now: everything that was told is drawn, however little time there was for it before."""
        if self.paused:
            self._live.draw()

    def stop_early(self) -> None:
        """End now and keep the network so far."""
        if self._job is not None:
            self._control.stop()
            self._view.show_buttons()

    def cancel(self) -> None:
        """End now and keep nothing."""
        if self._job is not None:
            self._control.discard = True
            self._job.cancel()
            self._view.show_buttons()

    def _begin(self, title: str, control: TrainingControl, curves: CurveCollector, work: Any) -> None:
        self._control, self._title, self._seed, self._resumed = control, title, "", False
        self._live.begin(curves, f"{title}: starting…")
        self._live.bar.setValue(0)
        self._view.parts.show_tab(LIVE)
        painted = threading.Event()

        def after_painting(emit: Emit, cancel: CancelToken) -> Any:
            painted.wait(_PAINTING_S)
            return work(emit, cancel)

        job = self._view.tools.jobs.start(f"Train {title}", after_painting)
        QTimer.singleShot(0, painted.set)
        job.metricReported.connect(self._on_metric)
        job.noticed.connect(self._on_notice)
        job.progressed.connect(self._on_progress)
        job.ended.connect(self._on_ended)
        self._job = job
        self._view.show_buttons()

    # -- what it tells

    def _on_metric(self, metric: Metric) -> None:
        self._live.curves.take(metric)
        self._live.note_news()

    def _on_notice(self, notice: Notice) -> None:
        if notice.text.startswith("Seed "):
            self._seed = f", {notice.text.rstrip('.').lower()}"
        elif notice.level == "warning":
            self._view.notify(notice.text, "warning")

    def _on_progress(self) -> None:
        job = self._job
        if job is None or job.progress is None or self._control.paused:
            return
        progress = job.progress
        if progress.stage in LAYERS:
            self._live.show_progress(f"{self._title}{self._seed}", progress.stage, progress.done, progress.total)
        else:
            self._live.tell(f"{self._title}: {progress.stage[:1].lower()}{progress.stage[1:]}…")

    def _on_ended(self, state: State) -> None:
        job, self._job = self._job, None
        if job is None:
            return
        if state is State.FINISHED:
            done: list[TrainedRun] = job.result
            self._live.tell(f"{self._title}: {told_of([one.run for one in done])}")
            if all(one.run.info.status == "finished" for one in done):  # else it shows how far they came
                self._live.bar.setValue(1000)
        elif state is State.CANCELLED:
            kept = "nothing of it was kept" if self._control.discard else "it can go on from its checkpoint, in the Runs tab"
            if self._resumed:
                kept = "the run is what it was before, and can go on"
            self._live.tell(f"{self._title}: cancelled; {kept}.")
            self._live.bar.setValue(0)
        else:
            self._live.tell(f"{self._title}: {job.error}")
        self._view.on_training_ended([one.run for one in job.result] if state is State.FINISHED else [])
        self._live.draw()


def told_of(runs: list[Run]) -> str:
    """What came of runs, in a sentence."""
    first = runs[0].info
    word = {"finished": "trained", "stopped": "stopped early"}.get(first.status, first.status)
    seconds = spread(run.info.seconds for run in runs if run.info.seconds is not None)
    time = f" in {seconds_text(seconds.mean)}" + (" each" if len(runs) > 1 else "") if seconds is not None else ""
    recall = spread(run.info.scores["recall_at_1"] for run in runs if "recall_at_1" in run.info.scores)
    query = first.validation.get("validation_query", "")
    judged = f"; R@1 {recall.text} on {query}" if recall is not None else ""  # where there is little room the figure is in it
    count = f"{len(runs)} networks " if len(runs) > 1 else ""
    return f"{count}{word}{time}{judged}."
