"""The Deploy panel's network: chosen from the workspace, opened in the background, trained where there is none, saved."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.deploy_runner import OpenedModel
from app.jobs import Job, State
from app.widgets.source_bar import Chosen
from engine.jobs import CancelToken, Emit
from engine.live import LivePipeline
from engine.live.first_network import train_first_network
from engine.networks.library import networks_of

if TYPE_CHECKING:
    from app.views.deploy import DeployView


class NetworkControl(QObject):
    """Keeps the list of networks and the one that is open."""

    def __init__(self, view: "DeployView") -> None:
        super().__init__(view)
        self.setObjectName("networkControl")
        self._view = view
        self.suggested: Path | None = None
        """A recording that suits the network."""
        self._ended_run: LivePipeline | None = None
        setup, runner, session = view.parts.setup, view.runner, view.tools.session
        setup.networkChosen.connect(self.open)
        setup.trainRequested.connect(self.train_one)
        setup.refresh.clicked.connect(self.list)
        view.parts.session.saveRequested.connect(self._on_save)
        runner.modelOpened.connect(self._on_opened)
        runner.modelFailed.connect(self._on_failed)
        session.workspaceOpened.connect(lambda workspace: self.begin())
        session.workspaceClosed.connect(self.begin)
        session.contentChanged.connect(self.list)

    def begin(self) -> None:
        """With the workspace that is open now."""
        if self._view.runner.running:
            self._view.runner.stop_run()
        self._view.runner.forget_model()
        self.list()

    def list(self) -> None:
        """Look up the workspace's networks, and open the chosen one if it is not."""
        view, runner, setup = self._view, self._view.runner, self._view.parts.setup
        workspace = view.tools.session.workspace
        entries = networks_of(workspace) if workspace is not None else []
        setup.show_networks(entries, runner.model.path if runner.model is not None else view.parameters.model)
        if workspace is None:
            setup.train.hide()
            setup.tell_network("No workspace is open.")
        if setup.path is not None and (runner.model is None or setup.path != runner.model.path):
            if not runner.running:
                self.open(setup.path)
        elif setup.path is None:
            runner.forget_model()
            view.screen_.show_model(None)
            view.content_arrived()
        view.show_run()

    def open(self, path: Path) -> None:
        """Open a network of the workspace."""
        view, workspace = self._view, self._view.tools.session.workspace
        if workspace is not None:
            view.parts.setup.tell_network("Opening the network…")
            view.runner.open_model(path, workspace, view.parameters.seed)
            view.show_run()

    def train_one(self) -> None:
        """Train a network for a workspace that has none: it is chosen once it is there."""
        view, workspace = self._view, self._view.tools.session.workspace
        if workspace is None or not view.tools.session.writable:
            return

        def work(emit: Emit, cancel: CancelToken) -> Path:
            return train_first_network(workspace, emit, cancel)

        view.parts.setup.train.setEnabled(False)
        view.parts.setup.tell_network("Training a network…")
        job = view.tools.jobs.start("Train a network", work)
        job.ended.connect(lambda state: self._on_trained(job))

    def offer(self, live: LivePipeline | None) -> None:
        """A run has ended that has remembered places, which can be saved; or None."""
        self._ended_run = live

    # -- handlers

    def _on_opened(self, opened: OpenedModel) -> None:
        view, model, parts = self._view, opened.model, self._view.parts
        view.parameters = view.parameters.model_copy(update={"model": model.path})
        about = f"{model.runner.kind}, {model.places} places of {model.reference_name}"
        parts.setup.tell_network(" ".join([f"{about}.", *opened.notices]))
        view.screen_.show_model(model)
        chosen = parts.source.chosen
        if opened.recording is not None and chosen.kind == "recording" and (chosen.path is None or not chosen.path.exists()):
            parts.source.choose(Chosen("recording", path=opened.recording))
        view.checks.recall.look_at(model)
        self.suggested = opened.recording
        view.apply()
        view.show_run()
        view.content_arrived()
        view.go_on()

    def _on_failed(self, sentence: str) -> None:
        view = self._view
        view.forget_wishes()
        view.parts.setup.tell_network(sentence, problem=True)
        view.screen_.show_model(None)
        view.show_run()
        view.content_arrived()

    def _on_trained(self, job: Job) -> None:
        setup = self._view.parts.setup
        setup.train.setEnabled(True)
        if job.state is State.FINISHED:
            self._view.tools.session.note_content_changed()
        else:
            self._view.forget_wishes()
            setup.tell_network(job.error or "The training was cancelled.", problem=job.state is State.FAILED)

    def _on_save(self) -> None:
        """Write the network with the places that were remembered under a new name, and choose it."""
        view, live, workspace = self._view, self._ended_run, self._view.tools.session.workspace
        if live is None or workspace is None:
            return
        stem = live.model.path.stem
        path = workspace.models / f"{stem}-{live.places}places.pth"
        number = 2
        while path.exists():
            path, number = workspace.models / f"{stem}-{live.places}places-{number}.pth", number + 1
        view.parts.session.save.setEnabled(False)
        view.runner.in_background("Save the network", lambda cancel: live.save_network(path), self._on_saved, view.notify)

    def _on_saved(self, nothing: object) -> None:
        self._view.parts.session.show_remembered(0)
        self._view.notify("The network was saved with its new places; it is in the list of networks.")
        self._view.tools.session.note_content_changed()
