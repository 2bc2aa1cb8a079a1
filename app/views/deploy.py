"""The Deploy panel: a network live on a source, checked before it starts, watched while it runs, kept for evaluation."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from app.deploy_boards import BoardControl
from app.deploy_checks import CheckControl
from app.deploy_runner import DeployRunner, Ended, OpenedModel, capture_parameters
from app.deploy_screen import RunScreen
from app.frames_cache import FrameCache
from app.jobs import Job, State
from app.pieces import Pieces
from app.report import Fault
from app.views.base import Command, Tools, View
from app.widgets.capture_pictures import indices_of, live_note
from app.widgets.demo_screen import DemoScreen
from app.widgets.deploy_layout import DeployLayout
from app.widgets.deploy_options import DeployOptions
from app.widgets.source_bar import Chosen
from engine.capture import CaptureSnapshot, RateTimeline
from engine.errors import BadInput
from engine.events.sources import FoundCamera, SourceState
from engine.jobs import CancelToken, Emit
from engine.live import LiveParameters, LivePipeline
from engine.live.first_network import train_first_network
from engine.networks.library import networks_of
from engine.parameters import problems

_WORDS_EVERY, _CHECKS_EVERY = 6, 12  # pictures


class DeployView(View):
    """Mirrors a source and a live run on it; whatever is set here is a LiveParameters that the engine has accepted."""

    name, title, guide = "deploy", "Deploy", "deploy"
    summary = "Run a network live: on this computer, on a virtual Speck, or on the chip."
    Options = DeployOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._saved = tools.settings.options(self.name, DeployOptions)
        self.parameters: LiveParameters = self._saved.live
        self.sensor: tuple[int, int] | None = None
        self._chosen: Chosen | None = None
        self._run_when_ready = self._demo_when_ready = False
        self._pictures = 0
        self._suggested: Path | None = None  # a recording that suits the network
        self._ended_run: LivePipeline | None = None
        self.demo: DemoScreen | None = None
        self.runner = DeployRunner(self)
        self.frames = FrameCache(self)

    def fill(self) -> Pieces[None]:
        """Parts, then what listens to them."""
        self.parts = DeployLayout()
        self.content.addWidget(self.parts)
        yield from self.parts.fill(self.tools.theme)
        yield
        self.screen_ = RunScreen(self)
        self.boards = BoardControl(self)
        self.checks = CheckControl(self)
        self.add_to_header(self.parts.demo_button)
        self.add_to_header(self.parts.run_button)
        self.await_content()
        yield
        self._show_saved()
        self._connect()
        self._on_workspace()
        self._on_state(SourceState.IDLE, "")

    # -- what the window asks

    def commands(self) -> list[Command]:
        """For the palette and the Panel menu."""
        return [
            Command("deploy_run", "Start or stop the run", self._on_run, "Ctrl+Return", "Recognise places, or end it"),
            Command("deploy_demo", "Demo mode", self.start_demo, "Ctrl+F11", "Fill the screen; Esc leaves"),
            Command("deploy_browse", "Choose a recording…", self._on_browse, "", "Choose a recording to run on"),
            Command("deploy_retry", "Start the source again", self.runner.capture.retry, "", "After it has ended or failed"),
        ]

    def open_recording(self, path: Path) -> bool:
        """Choose a recording that was dropped or chosen."""
        self.parts.source.choose(Chosen("recording", path=path))
        return True

    def unsaved(self) -> str:
        """What closing would cut short."""
        return "a live run" if self.runner.running else ""

    def stop(self) -> None:
        """The window closes: the run and its session are finished first."""
        self.leave_demo()
        self.runner.stop()
        self.frames.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no button or line has used."""
        if event.key() == Qt.Key.Key_R and not event.modifiers() and self.parts.remember.isVisible():
            self.parts.remember.click()
        elif event.key() == Qt.Key.Key_Space and not event.modifiers() and self.runner.capture.paced is not None:
            self.runner.capture.play(not self.parts.play.playing)
        else:
            super().keyPressEvent(event)

    # -- assembly

    def _show_saved(self) -> None:
        saved, parts = self._saved, self.parts
        parts.source.choose(
            Chosen(saved.source, Path(saved.path) if saved.path else None, None, "", saved.address, saved.protocol)
        )
        parts.setup.show_parameters(saved.live)
        parts.setup.show_outputs(saved.write_session, saved.keep_events, saved.publish, saved.publish_at)
        parts.filters.show_filters(saved.live.filters)
        parts.remember.hide()

    def _connect(self) -> None:
        parts, runner, capture, session = self.parts, self.runner, self.runner.capture, self.tools.session
        parts.run_button.clicked.connect(self._on_run)
        parts.demo_button.clicked.connect(self.start_demo)
        parts.source.openRequested.connect(self._on_open)
        parts.source.closeRequested.connect(self._on_close)
        parts.source.browseRequested.connect(self._on_browse)
        parts.source.refreshRequested.connect(self._on_refresh)
        parts.remember.clicked.connect(lambda: runner.live.remember() if runner.live is not None else None)
        parts.session.saveRequested.connect(self._on_save_network)
        parts.setup.networkChosen.connect(self._on_network)
        parts.setup.trainRequested.connect(self.train_one)
        parts.setup.refresh.clicked.connect(self._list_networks)
        parts.setup.edited.connect(self._on_edited)
        parts.filters.edited.connect(self._on_edited)
        parts.live.actionRequested.connect(lambda action: self._on_retry())
        parts.session.evaluateRequested.connect(self._on_evaluate)
        parts.session.folderRequested.connect(lambda folder: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        parts.play.playRequested.connect(capture.play)
        parts.play.stepRequested.connect(lambda: capture.step(self.parameters.step_us))
        parts.play.speedRequested.connect(capture.set_speed)
        parts.play.seekRequested.connect(capture.seek)
        parts.play.loopRequested.connect(capture.set_loop)
        capture.camerasFound.connect(self._on_cameras)
        capture.camerasFailed.connect(lambda sentence: parts.source.show_cameras([], problem=sentence))
        capture.snapshotArrived.connect(self._on_snapshot)
        capture.rested.connect(self._say)
        capture.stateChanged.connect(self._on_state)
        capture.rateTimelineArrived.connect(self._on_timeline)
        capture.failed.connect(lambda sentence: self._on_state(SourceState.FAILED, sentence))
        runner.modelOpened.connect(self._on_model)
        runner.modelFailed.connect(self._on_model_failed)
        runner.runStarted.connect(self._on_started)
        runner.runFailed.connect(self._on_run_failed)
        runner.runEnded.connect(self._on_ended)
        session.workspaceOpened.connect(lambda workspace: self._on_workspace())
        session.workspaceClosed.connect(self._on_workspace)
        session.writableChanged.connect(lambda writable: self._show_run())
        session.contentChanged.connect(self._list_networks)

    # -- the network

    def _on_workspace(self) -> None:
        if self.runner.running:
            self.runner.stop_run()
        self.runner.forget_model()
        self._list_networks()

    def _list_networks(self) -> None:
        workspace, setup = self.tools.session.workspace, self.parts.setup
        entries = networks_of(workspace) if workspace is not None else []
        chosen = self.runner.model.path if self.runner.model is not None else self.parameters.model
        setup.show_networks(entries, chosen)
        if workspace is None:
            setup.train.hide()
            setup.tell_network("No workspace is open.")
        if setup.path is not None and (self.runner.model is None or setup.path != self.runner.model.path):
            if not self.runner.running:
                self._on_network(setup.path)
        elif setup.path is None:
            self.runner.forget_model()
            self.screen_.show_model(None)
            self.content_arrived()
        self._show_run()

    def _on_network(self, path: Path) -> None:
        workspace = self.tools.session.workspace
        if workspace is not None:
            self.parts.setup.tell_network("Opening the network…")
            self.runner.open_model(path, workspace, self.parameters.seed)
            self._show_run()

    def _on_model(self, opened: OpenedModel) -> None:
        model, parts = opened.model, self.parts
        self.parameters = self.parameters.model_copy(update={"model": model.path})
        about = f"{model.runner.kind}, {model.places} places of {model.reference_name}"
        parts.setup.tell_network(" ".join([f"{about}.", *opened.notices]))
        self.screen_.show_model(model)
        chosen = parts.source.chosen
        if opened.recording is not None and chosen.kind == "recording" and (chosen.path is None or not chosen.path.exists()):
            parts.source.choose(Chosen("recording", path=opened.recording))
        self.checks.recall.look_at(model)
        self._suggested = opened.recording
        self._apply()
        self._show_run()
        self.content_arrived()
        run, self._run_when_ready = self._run_when_ready, False
        if self._demo_when_ready:
            self._demo_when_ready = False
            self.start_demo()
        elif run:
            self._on_run()

    def _on_model_failed(self, sentence: str) -> None:
        self._run_when_ready = self._demo_when_ready = False
        self.parts.setup.tell_network(sentence, problem=True)
        self.screen_.show_model(None)
        self._show_run()
        self.content_arrived()

    def train_one(self) -> None:
        """Train a network for a workspace that has none: it is chosen once it is there."""
        workspace = self.tools.session.workspace
        if workspace is None or not self.tools.session.writable:
            return

        def work(emit: Emit, cancel: CancelToken) -> Path:
            return train_first_network(workspace, emit, cancel)

        self.parts.setup.train.setEnabled(False)
        self.parts.setup.tell_network("Training a network…")
        job = self.tools.jobs.start("Train a network", work)
        job.ended.connect(lambda state: self._on_trained(job))

    def _on_trained(self, job: Job) -> None:
        self.parts.setup.train.setEnabled(True)
        if job.state is State.FINISHED:
            self.tools.session.note_content_changed()
        else:
            self._demo_when_ready = False
            self.parts.setup.tell_network(job.error or "The training was cancelled.", problem=job.state is State.FAILED)

    # -- the source

    def _on_open(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self.sensor = None
        self.checks.begin_source()
        self.parts.live.picture.clear()
        self.parts.play.timeline.show_rates(())
        parameters = capture_parameters(self.parameters, self.runner.model, None)
        if self.boards.own_camera:
            camera = self.boards.open_camera()
            if camera is not None:
                self.runner.capture.open_source(camera, parameters, self._root())
        else:
            speed, loop = float(self.parts.play.speed.currentData()), self.parts.play.loop.isChecked()
            self.runner.capture.open(chosen, parameters, self._root(), speed, loop)
        self.save()

    def _on_close(self) -> None:
        self.runner.close_source()
        self.parts.live.picture.clear()
        self.tools.session.report_live()
        self.checks.end_source()

    def _on_retry(self) -> None:
        if self.runner.capture.pipeline is None and self._chosen is not None:
            self._on_open(self._chosen)
        else:
            self.runner.capture.retry()

    def _on_browse(self) -> None:
        workspace = self.tools.session.workspace
        start = self.parts.source.path.text() or str(workspace.recordings if workspace is not None else Path.home())
        chosen = QFileDialog.getOpenFileName(self, "Open a recording", start)[0]
        if chosen:
            self.open_recording(Path(chosen))

    def _on_refresh(self) -> None:
        self.parts.source.show_cameras([], looking=True)
        self.runner.capture.look_for_cameras()

    def _on_cameras(self, cameras: list[FoundCamera]) -> None:
        self.parts.source.show_cameras([(camera.model, camera.serial) for camera in cameras])

    def _on_timeline(self, timeline: RateTimeline) -> None:
        self.parts.play.timeline.show_rates(timeline.rates)

    def _on_state(self, state: SourceState, message: str) -> None:
        parts, capture = self.parts, self.runner.capture
        opened = capture.pipeline is not None
        parts.source.show_running(opened and state is not SourceState.FAILED)
        card = parts.live.card
        if state is SourceState.FAILED:
            card.show_message("warning", message or "The source has failed.", "Retry", "retry")
        elif state is SourceState.ENDED:
            card.show_message("info", message or "The source has ended.", "Start again", "retry")
        elif not opened:
            card.show_message("deploy", "Choose a source above and press Start.")
        else:
            card.show_message("deploy", "Starting…" if state is SourceState.STARTING else "")
        if not opened:
            self.screen_.say_idle()
        self._show_play()
        self._show_run()

    def _show_play(self) -> None:
        capture = self.runner.capture
        paced, replay = capture.paced, capture.replay
        playing = paced is not None and capture.state in (SourceState.RUNNING, SourceState.STARTING)
        time_range = replay.time_range if replay is not None else None
        self.parts.play.setVisible(paced is not None)
        usable = paced is not None and capture.state is not SourceState.FAILED
        self.parts.play.show_state(usable, playing, time_range, replay.position_us if replay is not None else None)

    def _on_snapshot(self, snapshot: CaptureSnapshot) -> None:
        if snapshot.size != self.sensor:
            self._on_sensor(snapshot.size)
        picture = self.parts.live.picture
        if picture.isVisible():
            picture.show_indices(*indices_of(snapshot, self.parameters.polarity))
        if self.demo is not None:
            self.demo.show_events(*indices_of(snapshot, self.parameters.polarity))
        self._pictures += 1
        if self._pictures % _WORDS_EVERY == 0:
            self._say(snapshot)
        if self._pictures % _CHECKS_EVERY == 0:
            self.checks.show(snapshot)
        self.checks.look_for_hot_pixels()

    def _on_sensor(self, size: tuple[int, int]) -> None:
        self.sensor = size
        self.runner.look_up_route(self.tools.session.workspace, self._chosen.path if self._chosen is not None else None)
        self.checks.mask_hot_pixels()
        self._apply()

    def _say(self, snapshot: CaptureSnapshot) -> None:
        statistics = snapshot.statistics
        self.parts.filters.show_shares(dict(statistics.removed))
        if self.parts.rates.isVisible():
            self.parts.rates.show_rates(statistics.rate_history, 10.0)
        self._show_play()
        self.screen_.say_source(live_note(snapshot, self.runner.capture.state), statistics)
        self.tools.session.report_live(events_per_second=statistics.events_per_s, frames_dropped=statistics.undrawn)

    # -- the run

    def _on_run(self) -> None:
        if self.runner.running:
            self.runner.stop_run()
            return
        if not self.parts.run_button.isEnabled():
            return
        if self.runner.opening:  # torch alone takes a second or two to load: the wish is kept
            self._run_when_ready = True
            self.parts.place.show_nothing("Opening the network…")
            return
        if self.runner.capture.pipeline is None or not self.runner.capture.state.active:
            self._on_open(self.parts.source.chosen)
        if self.runner.capture.pipeline is not None:
            self._start()

    def _start(self) -> None:
        setup, session = self.parts.setup, self.tools.session
        folder = session.workspace.new_output() if session.workspace is not None and session.writable else None
        self.boards.prepare()
        self.runner.start(
            self.parameters,
            folder if setup.session.isChecked() and self.demo is None else None,
            setup.events.isChecked(),
            setup.address.text().strip() if setup.publish.isChecked() else "",
        )

    def _on_started(self) -> None:
        live = self.runner.live
        self.screen_.begin()
        self.parts.session.show_running(live.session.folder if live is not None and live.session is not None else None)
        self.parts.setup.lock(True)
        self.parts.filters.setEnabled(False)
        self._show_run()

    def _on_run_failed(self, sentence: str) -> None:
        self.parts.notice.tell([sentence], problem=True)
        self.parts.setup.lock(False)
        self.parts.filters.setEnabled(True)
        self._show_run()

    def _on_ended(self, ended: Ended) -> None:
        parts = self.parts
        self._ended_run = ended.live if ended.remembered else None
        parts.session.show_remembered(ended.remembered if self.tools.session.writable else 0)
        parts.remember.hide()
        parts.session.show_totals(ended.totals, self.screen_.right_share)
        parts.session.show_ended(ended.session, ended.problem, ended.totals.places > 0)
        if ended.session is not None:
            parts.show_tab("Session")
            self.tools.session.note_content_changed()
        parts.setup.lock(False)
        parts.filters.setEnabled(True)
        self._show_run()

    def _on_save_network(self) -> None:
        """Write the network with the places that were remembered under a new name, and choose it."""
        live, workspace = self._ended_run, self.tools.session.workspace
        if live is None or workspace is None:
            return
        stem = live.model.path.stem
        path = workspace.models / f"{stem}-{live.places}places.pth"
        number = 2
        while path.exists():
            path, number = workspace.models / f"{stem}-{live.places}places-{number}.pth", number + 1
        self.parts.session.save.setEnabled(False)
        self.runner.in_background("Save the network", lambda cancel: live.save_network(path), self._on_saved, self.notify)

    def _on_saved(self, nothing: object) -> None:
        self.parts.session.show_remembered(0)
        self.notify("The network was saved with its new places; it is in the list of networks.")
        self.tools.session.note_content_changed()

    def _on_evaluate(self, folder: Path) -> None:
        self.tools.session.show_result(folder)
        self.panelRequested.emit("evaluation")

    def _show_run(self) -> None:
        """The button, and why it cannot be pressed."""
        button, running = self.parts.run_button, self.runner.running
        why = ""
        if self.tools.session.workspace is None:
            why = "Open a workspace first."
        elif self.runner.model is None and not self.runner.opening:
            why = "Choose a network first."
        button.setEnabled(running or not why)
        button.setText("Stop" if running else "Start")
        button.setProperty("role", "" if running else "primary")
        button.style().unpolish(button)
        button.style().polish(button)
        button.setToolTip("End the run (Ctrl+Return)" if running else why or "Recognise places on this source (Ctrl+Return)")
        self.parts.demo_button.setEnabled(self.tools.session.workspace is not None)
        self.checks.show()

    # -- demo mode

    def start_demo(self) -> None:
        """Fill the screen; without a network train one first, without a source play a recording in a loop."""
        if self.demo is not None or self.tools.session.workspace is None:
            return
        if self.runner.model is None:
            self._demo_when_ready = True
            if self.parts.setup.path is None:
                self.train_one()
            return
        self.demo = DemoScreen(self.tools.theme, self.window())
        self.demo.left.connect(self.leave_demo)
        self.screen_.show_demo(self.demo)
        if not self.runner.running:
            if self.runner.capture.pipeline is None:
                self.parts.play.loop.setChecked(True)
                self._choose_for_demo()
            self.runner.capture.set_loop(True)
            self._on_run()
        self.demo.showFullScreen()

    def _choose_for_demo(self) -> None:
        """Where the chosen source is not there (no camera, no such file), a recording of the route, or the synthetic camera."""
        source = self.parts.source
        chosen = source.chosen
        there = source.open.isEnabled() and (chosen.kind != "recording" or (chosen.path is not None and chosen.path.is_file()))
        if not there:
            kind = Chosen("recording", path=self._suggested) if self._suggested is not None else Chosen("synthetic")
            source.choose(kind)

    def leave_demo(self) -> None:
        """Back to the panel; the run goes on."""
        demo, self.demo = self.demo, None
        if demo is not None:
            self.screen_.show_demo(None)
            demo.close()
            demo.deleteLater()

    # -- what is set

    def _on_edited(self) -> None:
        """Take over what the forms say, if the engine accepts it; the forms show what it has against it."""
        values = {
            **self.parameters.model_dump(),
            **self.parts.setup.values(),
            "filters": self.parts.filters.values(),
        }
        if problems(LiveParameters, values):
            return
        seed = self.parameters.seed
        self.parameters = LiveParameters(**values)
        self.boards.show()
        if self.parameters.seed != seed and self.parts.setup.path is not None and not self.runner.running:
            self._on_network(self.parts.setup.path)
        self._apply()
        self.save()

    def set_parameters(self, parameters: LiveParameters) -> None:
        """Take these over, and show them."""
        self.parameters = parameters
        self.parts.setup.show_parameters(parameters)
        self.parts.filters.show_filters(parameters.filters)
        self._apply()

    def _apply(self) -> None:
        """The source is watched with what holds now, and the picture shows it."""
        model = self.runner.model
        wanted = capture_parameters(self.parameters, model, self.sensor)
        try:
            self.runner.capture.set_parameters(wanted)
        except BadInput as wrong:
            self.notify(str(wrong))
        picture = self.parts.live.picture
        picture.show_region(wanted.region if wanted.region is None or wanted.region[2:] != self.sensor else None)
        picture.show_hot(self.checks.hot_pixels)
        self.checks.show()

    def notify(self, sentence: str) -> None:
        """Tell the person without blocking."""
        self.notified.emit(Fault(sentence, level="warning"))

    def _root(self) -> Path | None:
        workspace = self.tools.session.workspace
        return workspace.root if workspace is not None else None

    def save(self) -> None:
        """Keep the settings for the next start."""
        setup, chosen = self.parts.setup, self.parts.source.chosen
        self._saved = DeployOptions(
            source=chosen.kind,
            path=str(chosen.path or self._saved.path),
            address=chosen.address or self._saved.address,
            protocol=chosen.protocol if chosen.protocol == "dv" else "revisit",
            live=self.parameters,
            write_session=setup.session.isChecked(),
            keep_events=setup.events.isChecked(),
            publish=setup.publish.isChecked(),
            publish_at=setup.address.text().strip(),
        )
        self.save_options(self._saved)
