"""The Training panel: choose what is learned and how, watch it, compare runs, search for better parameters."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from app.background import Background
from app.pieces import Pieces
from app.report import Fault
from app.session import Selection
from app.training_control import TrainingRun
from app.training_runs import RunsControl
from app.training_setup import SetupControl
from app.training_sweep import SweepControl
from app.views.base import Command, Tools, View
from app.widgets.plot_pictures import save_plot
from app.widgets.training_layout import RUNS, TrainingLayout
from app.widgets.training_plots import TrainingPlot
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.networks.library import NetworkKind
from engine.parameters import Parameters, parameter
from engine.training.kinds import KINDS
from engine.training.runs import Run
from engine.training.validation import ValidationParameters


class TrainingOptions(Parameters):
    """The settings of the last start."""

    kind: NetworkKind = parameter("lens", "Kind of network.")
    inputs: InputParameters = parameter(InputParameters(), "What the network sees.")
    training: dict[str, Any] = parameter({}, "Training parameters of each kind.")
    validation: ValidationParameters = parameter(ValidationParameters(), "What it is judged on.")


class TrainingView(View):
    """Puts settings, plots, runs and sweeps together; each has a control of its own."""

    name, title, guide = "training", "Training", "training"
    summary = "Teach a network the places of a reference traverse, and choose the best."
    Options = TrainingOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.await_content()
        self.background = Background(self)
        self._saved = tools.settings.options(self.name, TrainingOptions)

    def fill(self) -> Pieces[None]:
        """Parts, then what listens to them."""
        self.parts = TrainingLayout()
        self.content.addWidget(self.parts)
        yield from self.parts.fill(self.tools.theme)
        yield
        self.add_to_header(self.parts.buttons)
        self.setup = SetupControl(self)
        self.training = TrainingRun(self)
        self.runs = RunsControl(self)
        self.sweep = SweepControl(self)
        self._show_saved()
        self._connect()
        self._on_workspace()

    # -- what the window asks

    def commands(self) -> list[Command]:
        """For the palette and the Panel menu."""
        return [
            Command("training_start", "Start training", self._on_start, "Ctrl+Return", "Train with the settings that are shown"),
            Command("training_pause", "Pause or go on training", self._toggle_pause, "", "Hold the training, or let it go on"),
            Command("training_stop", "Stop training early", self.training.stop_early, "", "End now and keep the network so far"),
            Command("training_cancel", "Cancel training", self.training.cancel, "", "End now and keep nothing"),
            Command("training_sweep", "Start sweep", self.sweep.start, "", "Search for better parameters"),
            Command("training_export", "Export plots…", self._on_export, "", "Write the plots and their values"),
            Command("runs_undo", "Undo the last change of runs", self.runs.undo_stack.undo, "Ctrl+Z", "Marks, names, trash"),
            Command(
                "runs_redo", "Redo the last change of runs", self.runs.undo_stack.redo, "Ctrl+Shift+Z", "Marks, names, trash"
            ),
        ]

    def unsaved(self) -> str:
        """A training is a job, which the window asks about by itself; it can go on from its checkpoint."""
        return ""

    def stop(self) -> None:
        """The window closes."""
        self.background.stop()

    # -- what its controls share

    def say(self, sentence: str) -> None:
        """Something that was looked for in the background went wrong."""
        self.notify(sentence, "warning")

    def notify(self, sentence: str, level: str = "error") -> None:
        """Tell the person without blocking."""
        self.notified.emit(Fault(sentence, level=level))

    def why_no_sweep(self) -> str:
        """Why no sweep can be started now."""
        session = self.tools.session
        if session.workspace is None:
            return "Open a workspace first"
        if not session.writable:
            return session.read_only_reason or "The workspace is open read-only"
        if self.training.running:
            return "A training runs: its cores are taken"
        return self.sweep.check()

    def show_buttons(self) -> None:
        """What can be asked for now."""
        training, busy = self.training, self.sweep.running
        why_not = "A sweep runs: its cores are taken" if busy else self.setup.why_not()
        self.parts.buttons.show_state(training.running, training.paused, why_not, training.stopping)
        self.parts.runs.show_writable(self.tools.session.writable, training.running or busy)
        self.parts.sweep.show_busy(busy, self.why_no_sweep())
        if training.running:
            self.parts.sweep.best.setEnabled(False)

    def on_settings(self) -> None:
        """A setting was changed: keep it for the next start."""
        setup = self.parts.setup
        self.parts.sweep.varied.show_kind(setup.chosen_kind)
        inputs, training = setup.inputs_form.parameters(), setup.training_form.parameters()
        validation = setup.validation_form.parameters()
        if inputs is not None and training is not None and validation is not None:
            kept = {**self._saved.training, setup.chosen_kind: training.model_dump(mode="json")}
            self._saved = TrainingOptions(kind=setup.chosen_kind, inputs=inputs, training=kept, validation=validation)
            self.save_options(self._saved)
        self.show_buttons()

    def on_training_ended(self, runs: list[Run]) -> None:
        """A training has ended, however."""
        self.runs.refresh({run.folder for run in runs})
        if runs:
            self.tools.session.note_content_changed()
        self.show_buttons()

    # -- assembly

    def _show_saved(self) -> None:
        saved = self._saved
        kind = KINDS.get(saved.kind, KINDS["lens"])
        try:
            training = kind.parameters.check(saved.training.get(kind.name, {}))
        except BadInput:  # an older version wrote it
            training = kind.parameters()
        self.setup.show_settings(kind.name, saved.inputs, training, saved.validation)
        self.parts.sweep.varied.show_kind(kind.name)

    def _connect(self) -> None:
        parts, session = self.parts, self.tools.session
        session.workspaceOpened.connect(self._on_workspace)
        session.workspaceClosed.connect(self._on_workspace)
        session.writableChanged.connect(lambda on: self.show_buttons())
        session.selectionChanged.connect(self._on_selection)
        session.contentChanged.connect(self._on_content)
        parts.buttons.startRequested.connect(self._on_start)
        parts.buttons.pauseRequested.connect(self.training.pause)
        parts.buttons.stopRequested.connect(self.training.stop_early)
        parts.buttons.cancelRequested.connect(self.training.cancel)
        parts.live.exportRequested.connect(self._on_export)
        for plot in (parts.runs.overlay, parts.sweep.importance, parts.sweep.parallel):
            plot.saveRequested.connect(self._on_save)
        parts.runs.showRequested.connect(self.training.show_run)
        parts.runs.againRequested.connect(self._on_again)
        parts.runs.resumeRequested.connect(self.training.resume)

    # -- handlers

    def _on_workspace(self, *given: Any) -> None:
        self.setup.refresh()
        self.runs.refresh()
        self.sweep.refresh()
        self.training.forget_wishes()
        self.show_buttons()

    def _on_content(self) -> None:
        self.setup.refresh()
        self.runs.refresh()

    def _on_selection(self, selection: Selection) -> None:
        self.setup.follow_selection()
        self.show_buttons()

    def _on_start(self) -> None:
        request = self.setup.request()
        if self.training.running or self.sweep.running or request is None or self.setup.why_not():
            return
        self.training.start(request)

    def _toggle_pause(self) -> None:
        self.training.pause(not self.training.paused)

    def _on_again(self, run: Run) -> None:
        self.setup.show_run(run)
        self.notify(f"The settings are those of {run.info.name}: change what you like, then press Start.", "info")

    def _on_export(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export the plots to a folder", str(self._output()))
        if not chosen:
            return
        self._go_on_exporting(self.parts.live.export_to(Path(chosen)), Path(chosen), 0)

    def _go_on_exporting(self, files: Iterator[Path], folder: Path, count: int) -> None:
        try:
            written = next(files, None)
        except BadInput as error:
            self.notify(str(error))
            return
        if written is None:
            self.notify(f"{count} files were written to {folder}.", "info")
        else:
            QTimer.singleShot(0, self, lambda: self._go_on_exporting(files, folder, count + 1))

    def _on_save(self, plot: TrainingPlot) -> None:
        start = self._output() / f"{plot.objectName()}.svg"
        chosen, _ = QFileDialog.getSaveFileName(self, f"Save “{plot.title}”", str(start), "Pictures (*.svg *.png)")
        if not chosen:
            return
        path = Path(chosen)
        if path.suffix.lower() not in (".svg", ".png"):
            path = path.with_name(f"{path.name}.svg")
        try:
            save_plot(plot, path)
        except OSError as error:
            self.notify(f"{path} cannot be written ({error.strerror or error}): choose another place.")
            return
        self.notify(f"{path.name} was written to {path.parent}.", "info")

    def _output(self) -> Path:
        workspace = self.tools.session.workspace
        return workspace.root / "output" if workspace is not None and (workspace.root / "output").is_dir() else Path.home()

    def show_runs(self) -> None:
        """Bring the runs to the front."""
        self.parts.show_tab(RUNS)
