"""The Evaluation panel: run networks and baselines on two traverses, and see where they are right, where wrong, and how far."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.background import Background, Question
from app.evaluation_export import FILES, FORMATS, copy_file, save_figures
from app.evaluation_results import ResultsControl
from app.evaluation_run import RunControl
from app.pieces import Pieces
from app.report import Fault
from app.session import Selection
from app.views.base import Command, Tools, View
from app.widgets.evaluation_layout import EvaluationLayout
from app.widgets.evaluation_options import EvaluationOptions
from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.networks.library import NetworkEntry, networks_of
from engine.places.truth.opening import Names, likely_pair
from engine.places.workspace import Workspace
from engine.recognition.figures import figures_of

_NOTHING = "Check methods on the right and press Evaluate, or open an earlier result in the tab Results."


@dataclass(frozen=True)
class _Looked:
    """What a workspace has to choose from."""

    traverses: list[tuple[str, str, str]]
    likely: Names | None
    networks: list[NetworkEntry]


class EvaluationView(View):
    """Starts evaluations as jobs and shows their results; reads the selection and the results' folder from the session."""

    name, title, guide = "evaluation", "Evaluation", "evaluation"
    summary = "Measure how well networks and baselines recognise the places of a query traverse."
    Options = EvaluationOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._saved = tools.settings.options(self.name, EvaluationOptions)
        self._background = Background(self)
        self._listing_asked = Question(self._background, "look through the workspace")
        self._stale = True
        self._awaiting = tools.session.workspace is not None
        if self._awaiting:
            self.await_content()
        self.results = ResultsControl(self)
        self.run = RunControl(self)

    def fill(self) -> Pieces[None]:
        """Parts, then what listens to them."""
        tools = self.tools
        self.parts = EvaluationLayout()
        self.content.addWidget(self.parts)
        yield from self.parts.fill(tools.theme, self.results.frame_of)
        yield
        self.add_to_header(self.parts.export)
        self._make_export_menu()
        self._show_saved()
        yield
        self._connect()
        self.on_results()
        self.refresh()
        if tools.session.result is not None:
            self.results.show([tools.session.result])

    # -- what the window asks

    def commands(self) -> list[Command]:
        """For the palette and the Panel menu."""
        return [
            Command(
                "evaluation_run", "Evaluate", self.run.start, "Ctrl+Return", "Run the checked methods on the chosen traverses"
            ),
            Command("evaluation_cancel", "Cancel the evaluation", self.run.cancel, "", "Stop it; nothing is written"),
            Command("evaluation_next", "Next wrong match", lambda: self.results.step_wrong(1), "", "Also by the key N"),
            Command("evaluation_previous", "Previous wrong match", lambda: self.results.step_wrong(-1), "", "Also by Shift+N"),
            Command("evaluation_copy", "Copy as command line", self._on_copy, "", "The same evaluation from a shell"),
            Command("evaluation_fit", "Show the whole matrix", self.parts.matrix.view.fit, "", "Undo zooming and moving (F)"),
        ]

    def stop(self) -> None:
        """The window closes."""
        self._save()
        self._background.stop()
        self.results.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no line or list has used."""
        shift = event.modifiers() == Qt.KeyboardModifier.ShiftModifier
        if event.key() == Qt.Key.Key_N and (shift or not event.modifiers()):
            self.results.step_wrong(-1 if shift else 1)
        elif event.key() == Qt.Key.Key_F and not event.modifiers():
            self.parts.matrix.view.fit()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """What changed while another panel was open is looked up again."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    # -- assembly

    def _show_saved(self) -> None:
        parts, saved = self.parts, self._saved
        parts.scoring.set_parameters(saved.scoring)
        parts.forward.set_parameters(saved.scoring.forward)
        parts.frames.set_parameters(saved.frames)
        parts.spiking.set_parameters(saved.spiking)
        parts.inputs.set_parameters(saved.inputs)
        parts.methods.set_chosen(saved.methods)

    def _connect(self) -> None:
        parts, session = self.parts, self.tools.session
        session.workspaceOpened.connect(self._begin_anew)
        session.workspaceClosed.connect(self._begin_anew)
        session.writableChanged.connect(lambda on: self._check())
        session.selectionChanged.connect(self._on_selection)
        session.contentChanged.connect(self._on_content)
        session.resultChosen.connect(lambda folder: self.results.show([folder]))
        parts.bar.pairChosen.connect(self._on_pair)
        parts.bar.runRequested.connect(self.run.start)
        parts.bar.cancelRequested.connect(self.run.cancel)
        parts.methods.edited.connect(self._check)
        parts.methods.truthPanelRequested.connect(lambda: self.panelRequested.emit("ground_truth"))
        parts.methods.copyRequested.connect(self._on_copy)
        for form in parts.forms:
            form.edited.connect(self._check)
        self.run.finished.connect(self._on_finished)
        self.results.connect_parts()

    def _make_export_menu(self) -> None:
        menu = QMenu(self.parts.export)
        menu.setObjectName("exportMenu")
        for name, text in FILES.items():
            action = menu.addAction(f"{text}…", lambda name=name: self._on_export_file(name))
            action.setObjectName(f"export_{name.replace('.', '_')}")
        menu.addSeparator()
        for kind in FORMATS:
            action = menu.addAction(f"Figures ({kind.upper()})…", lambda kind=kind: self._on_export_figures(kind))
            action.setObjectName(f"export_{kind}")
        self.parts.export.setMenu(menu)

    # -- workspace and selection

    def refresh(self) -> None:
        """Look for traverses, networks and results again."""
        workspace = self.tools.session.workspace
        self._stale = False
        self._listing_asked.give_up()
        self.results.list_folders()
        if workspace is None:
            self.parts.bar.set_traverses(())
            self._check()
            self._arrive()
            return

        def look(cancel: CancelToken) -> _Looked:
            traverses = workspace.traverses()
            cancel.check()
            return _Looked(traverses, likely_pair(workspace, traverses), networks_of(workspace))

        self._listing_asked.ask(look, self._on_looked, self.notify)

    def _on_looked(self, found: "_Looked") -> None:
        chosen, bar = self.tools.session.selection, self.parts.bar
        first = not bar.pair[0]
        bar.set_traverses(found.traverses)
        if chosen != Selection():
            self._on_selection(chosen)
        elif first and found.likely is not None:
            bar.choose(*found.likely)
        self.parts.methods.set_networks(found.networks)
        self._check()
        self._arrive()

    def _arrive(self) -> None:
        if self._awaiting:
            self._awaiting = False
            self.content_arrived()

    def _begin_anew(self, workspace: Workspace | None = None) -> None:
        """Another workspace is open, or none."""
        self.parts.methods.forget()
        self.results.forget()
        self.refresh()

    def _on_content(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True

    def _on_selection(self, selection: Selection) -> None:
        dataset, camera, reference, query = self.parts.bar.pair
        self.parts.bar.choose(
            selection.dataset or dataset, selection.camera or camera, selection.reference or reference, selection.query or query
        )
        self._check()

    def _on_pair(self, dataset: str, camera: str, reference: str, query: str) -> None:
        self.tools.session.select(dataset=dataset, camera=camera, reference=reference, query=query)
        self._check()

    # -- running

    def _check(self) -> None:
        why = self.run.problem()
        self.parts.bar.show_ready(not why, why)
        self.parts.methods.copy.setEnabled(not why)
        self.parts.forward.setEnabled(self.parts.scoring.values()["sequence"] == "filter")
        self._show_truth()
        self._save()

    def _show_truth(self) -> None:
        workspace = self.tools.session.workspace
        dataset, camera, reference, query = self.parts.bar.pair
        given = self.parts.methods.gt_file.value()
        if workspace is None or not (dataset and reference and query):
            self.parts.methods.show_truth(" ", False)
        elif given is not None:
            there = Path(given).is_file()
            self.parts.methods.show_truth(f"{Path(given).name} is {'used' if there else 'not there'}.", False)
        else:
            file = workspace.ground_truth_file(dataset, camera, reference, query)
            there = file.is_file()
            sentence = f"{file.name} is used." if there else f"There is no {file.name}: matrices are made, but not scored."
            self.parts.methods.show_truth(sentence, not there)

    def _on_finished(self, folder: Path) -> None:
        workspace = self.tools.session.workspace
        if workspace is not None and folder.is_relative_to(workspace.root):
            self.tools.session.show_result(folder)
            self.tools.session.note_content_changed()

    def on_ran(self) -> None:
        """The run has ended."""
        self._check()

    def on_results(self) -> None:
        """Other results are shown."""
        shown = self.results.shown
        self.parts.export.setEnabled(bool(shown))
        self.parts.show_empty("" if shown else _NOTHING)

    # -- export

    def _on_export_file(self, name: str) -> None:
        chosen = self.results.method
        if chosen is None:
            return
        start = Path.home() / f"{chosen.result.folder.name}_{name}"
        target = QFileDialog.getSaveFileName(self, f"Save {FILES[name]}", str(start))[0]
        if target:
            self._tell(lambda: copy_file(chosen.result.folder / name, Path(target)), Path(target))

    def _on_export_figures(self, kind: str) -> None:
        scored = [(shown.label, scores) for shown in self.parts.table.methods if (scores := shown.method.scores) is not None]
        start = Path.home() / "figures"
        target = QFileDialog.getSaveFileName(self, f"Name a new folder for the figures ({kind.upper()})", str(start))[0]
        if target:
            self._tell(lambda: save_figures(Path(target), figures_of(scored), kind), Path(target))

    def _tell(self, work: object, target: Path) -> None:
        try:
            work()  # type: ignore[operator]
        except BadInput as error:
            self.notified.emit(Fault(str(error)))
        else:
            self.notified.emit(Fault(f"Saved: {target}", level="info"))

    # -- telling and keeping

    def notify(self, sentence: str) -> None:
        """Tell the person without blocking."""
        self.notified.emit(Fault(sentence, level="warning"))

    def _on_copy(self) -> None:
        command = self.run.command()
        if command:
            self.parts.methods.copy_text(command)
            self.notified.emit(Fault("The command line is on the clipboard.", level="info"))

    def _save(self) -> None:
        parts = self.parts
        models = {
            "scoring": self.run.scoring(),
            "frames": parts.frames.parameters(),
            "spiking": parts.spiking.parameters(),
            "inputs": parts.inputs.parameters(),
        }
        known = {name: model for name, model in models.items() if model is not None}
        self._saved = self._saved.model_copy(update={**known, "methods": parts.methods.remembered})
        self.save_options(self._saved)
