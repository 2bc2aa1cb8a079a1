"""The Deploy panel: a network live on a source, checked before it starts, watched while it runs, kept for evaluation."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QWidget

from app.deploy_boards import BoardControl
from app.deploy_checks import CheckControl
from app.deploy_network import NetworkControl
from app.deploy_runner import DeployRunner, Ended, capture_parameters
from app.deploy_screen import RunScreen
from app.deploy_source import SourceControl
from app.frames_cache import FrameCache
from app.pieces import Pieces
from app.report import Fault
from app.views.base import Command, Tools, View
from app.widgets.demo_screen import DemoScreen
from app.widgets.deploy_layout import DeployLayout
from app.widgets.deploy_options import DeployOptions
from app.widgets.source_bar import Chosen
from engine.errors import BadInput
from engine.events.sources import SourceState
from engine.live import LiveParameters
from engine.parameters import problems

_PAINT_MS = 150  # after which the panel is painted: its turn comes when the window has nothing else to do


class DeployView(View):
    """Mirrors a source and a live run on it; whatever is set here is a LiveParameters that the engine has accepted."""

    name, title, guide = "deploy", "Deploy", "deploy"
    summary = "Run a network live: on this computer, on a virtual Speck, or on the chip."
    Options = DeployOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._saved = tools.settings.options(self.name, DeployOptions)
        self.parameters: LiveParameters = self._saved.live
        self._run_when_ready = self._demo_when_ready = False
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
        self.source = SourceControl(self)
        self.networks = NetworkControl(self)
        self.add_to_header(self.parts.demo_button)
        self.add_to_header(self.parts.run_button)
        self.await_content()
        yield
        self._show_saved()
        self._connect()
        self.networks.begin()
        self.source.show_state(SourceState.IDLE, "")
        QTimer.singleShot(_PAINT_MS, self, self.runner.note_painted)

    # -- what the window asks

    def commands(self) -> list[Command]:
        """For the palette and the Panel menu."""
        return [
            Command("deploy_run", "Start or stop the run", self._on_run, "Ctrl+Return", "Recognise places, or end it"),
            Command("deploy_demo", "Demo mode", self.start_demo, "Ctrl+F11", "Fill the screen; Esc leaves"),
            Command("deploy_browse", "Choose a recording…", self.source.browse, "", "Choose a recording to run on"),
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
        parts, runner, session = self.parts, self.runner, self.tools.session
        parts.run_button.clicked.connect(self._on_run)
        parts.demo_button.clicked.connect(self.start_demo)
        parts.remember.clicked.connect(lambda: runner.live.remember() if runner.live is not None else None)
        parts.setup.edited.connect(self._on_edited)
        parts.filters.edited.connect(self._on_edited)
        parts.session.evaluateRequested.connect(self._on_evaluate)
        parts.session.folderRequested.connect(lambda folder: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        runner.runStarted.connect(self._on_started)
        runner.runFailed.connect(self._on_run_failed)
        runner.runEnded.connect(self._on_ended)
        session.writableChanged.connect(lambda writable: self.show_run())

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
            self.source.open(self.parts.source.chosen)
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
        self.show_run()

    def _on_run_failed(self, sentence: str) -> None:
        self.parts.notice.tell([sentence], problem=True)
        self.parts.setup.lock(False)
        self.parts.filters.setEnabled(True)
        self.show_run()

    def _on_ended(self, ended: Ended) -> None:
        parts = self.parts
        self.networks.offer(ended.live if ended.remembered else None)
        parts.session.show_remembered(ended.remembered if self.tools.session.writable else 0)
        parts.remember.hide()
        parts.session.show_totals(ended.totals, self.screen_.right_share)
        parts.session.show_ended(ended.session, ended.problem, ended.totals.places > 0)
        if ended.session is not None:
            parts.show_tab("Session")
            self.tools.session.note_content_changed()
        parts.setup.lock(False)
        parts.filters.setEnabled(True)
        self.show_run()

    def _on_evaluate(self, folder: Path) -> None:
        self.tools.session.show_result(folder)
        self.panelRequested.emit("evaluation")

    def show_run(self) -> None:
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

    def go_on(self) -> None:
        """The network is open: do what was wished for meanwhile."""
        demo, run = self._demo_when_ready, self._run_when_ready
        self.forget_wishes()
        if demo:
            self.start_demo()
        elif run:
            self._on_run()

    def forget_wishes(self) -> None:
        """There is no network to do it with."""
        self._run_when_ready = self._demo_when_ready = False

    # -- demo mode

    def start_demo(self) -> None:
        """Fill the screen; without a network train one first, without a source play a recording in a loop."""
        if self.demo is not None or self.tools.session.workspace is None:
            return
        if self.runner.model is None:
            self._demo_when_ready = True
            if self.parts.setup.path is None:
                self.networks.train_one()
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
            kind = (
                Chosen("recording", path=self.networks.suggested) if self.networks.suggested is not None else Chosen("synthetic")
            )
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
            self.networks.open(self.parts.setup.path)
        self.apply()
        self.save()

    def set_parameters(self, parameters: LiveParameters) -> None:
        """Take these over, and show them."""
        self.parameters = parameters
        self.parts.setup.show_parameters(parameters)
        self.parts.filters.show_filters(parameters.filters)
        self.apply()

    def apply(self) -> None:
        """The source is watched with what holds now, and the picture shows it."""
        model = self.runner.model
        wanted = capture_parameters(self.parameters, model, self.source.sensor)
        try:
            self.runner.capture.set_parameters(wanted)
        except BadInput as wrong:
            self.notify(str(wrong))
        picture = self.parts.live.picture
        picture.show_region(wanted.region if wanted.region is None or wanted.region[2:] != self.source.sensor else None)
        picture.show_hot(self.checks.hot_pixels)
        self.checks.show()

    def notify(self, sentence: str) -> None:
        """Tell the person without blocking."""
        self.notified.emit(Fault(sentence, level="warning"))

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
