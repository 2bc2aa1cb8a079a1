"""What the chip's integers cost in recall: measured by a job when a person asks, kept for the network that is open."""

from PySide6.QtCore import QObject, Signal

from app.jobs import Job, JobRunner, State
from app.session import Session
from engine.chip.quantise import ChipParameters
from engine.live import LiveModel
from engine.live.recall import recall_on_chip, scored_queries


class RecallMeter(QObject):
    """Whether it can be measured, and what was measured."""

    changed = Signal()

    def __init__(self, jobs: JobRunner, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs, self._session = jobs, session
        self._model: LiveModel | None = None
        self.measurable = False
        self.told = ""

    def look_at(self, model: LiveModel) -> None:
        """Begin anew with a network."""
        workspace = self._session.workspace
        self._model, self.told = model, ""
        self.measurable = workspace is not None and bool(scored_queries(workspace, model))

    def measure(self, chip: ChipParameters | None) -> None:
        """Start the job."""
        workspace, model = self._session.workspace, self._model
        if workspace is None or model is None:
            return
        self.measurable = False  # while it is measured
        self.changed.emit()
        job = self._jobs.start(
            "Measure recall in the chip's integers",
            lambda emit, cancel: recall_on_chip(workspace, model, chip, emit, cancel),
        )
        job.ended.connect(lambda state: self._on_ended(job, model))

    def _on_ended(self, job: Job, model: LiveModel) -> None:
        if model is self._model:
            self.told = str(job.result) if job.state is State.FINISHED else job.error or ""
            self.measurable = not self.told
            self.changed.emit()
