"""The settings of the Training panel: which traverses there are, presets, what will be built, the request that comes of it."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMessageBox

from app.background import Question
from app.session import Selection
from app.widgets.training_setup import Triple
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.jobs import CancelToken
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.places.selection import TrainingSelection
from engine.places.workspace import Workspace
from engine.training.kinds import KINDS
from engine.training.plan import NetworkPlan, ReferenceSize, fitting_grid, fitting_grids, plan_network, reference_size
from engine.training.presets import Preset, presets_of, remove_preset, save_preset
from engine.training.run import TrainRequest
from engine.training.runs import Run
from engine.training.validation import ValidationParameters

if TYPE_CHECKING:
    from app.views.training import TrainingView

_PLAN_AFTER_MS = 120


class SetupControl(QObject):
    """Keeps the forms, the session's selection and the drawing of the plan in step."""

    def __init__(self, view: "TrainingView") -> None:
        super().__init__(view)
        self.setObjectName("trainingSetupControl")
        self._view, self._setup = view, view.parts.setup
        self._traverses: list[Triple] = []
        self._query = ""
        self._traverses_asked = Question(view.background, "Look for traverses")
        self._plan_asked = Question(view.background, "Plan the network")
        self._grid_is_ours = True
        self._own_preset = ""  # the one that was chosen or kept last: the name that is offered for the next
        self.plan: NetworkPlan | None = None
        self.problem = ""
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_PLAN_AFTER_MS)
        self._later.timeout.connect(self.make_plan)
        setup = self._setup
        setup.edited.connect(self._on_edited)
        setup.inputs_form.edited.connect(self._on_inputs)
        setup.referenceChosen.connect(self._on_reference)
        setup.furtherChosen.connect(self._on_further)
        setup.queryChosen.connect(self._on_query)
        setup.presetChosen.connect(self._on_preset)
        setup.savePresetRequested.connect(self._on_save_preset)
        setup.removePresetRequested.connect(self._on_remove_preset)
        setup.truthRequested.connect(lambda: view.panelRequested.emit("ground_truth"))

    @property
    def workspace(self) -> Workspace | None:
        """The open workspace."""
        return self._view.tools.session.workspace

    @property
    def selection(self) -> Selection:
        """The chosen traverses."""
        return self._view.tools.session.selection

    # -- what there is

    def refresh(self) -> None:
        """Look which traverses the workspace has."""
        workspace = self.workspace
        self._traverses_asked.give_up()
        if workspace is None:
            self._on_traverses([])
            return
        self._traverses_asked.ask(lambda cancel: workspace.traverses(), self._on_traverses, self._view.say)
        self.refresh_presets()

    def refresh_presets(self, chosen: str = "") -> None:
        """Read the presets of the chosen kind."""
        presets, problems = presets_of(self._setup.chosen_kind, self.workspace)
        self._setup.set_presets(presets, chosen)
        self._setup.match_preset()
        for sentence in problems:
            self._view.notify(sentence, "warning")

    def _on_traverses(self, traverses: list[Triple]) -> None:
        self._traverses = traverses
        self._setup.references.set_traverses(traverses)
        if traverses and self._chosen() not in traverses:
            # The first pair of one camera is a better start than nothing.
            dataset, camera, name = traverses[0]
            others = [t[2] for t in traverses if t[:2] == (dataset, camera) and t[2] != name]
            first = next((n for n in (name, *others) if "ref" in n.lower()), name)
            rest = [n for n in (name, *others) if n != first]
            query = next((n for n in rest if "quer" in n.lower()), rest[0] if rest else "")
            self._view.tools.session.select(dataset=dataset, camera=camera, reference=first, query=query)
        self.follow_selection()
        if not traverses:
            self._view.content_arrived()  # else with the plan of what is chosen

    def follow_selection(self) -> None:
        """Show what the session has chosen."""
        chosen = self.selection
        self._setup.references.choose_first(self._chosen())
        learned = (chosen.reference, *self._setup.references.further)
        names = [t[2] for t in self._traverses if t[:2] == (chosen.dataset, chosen.camera) and t[2] not in learned]
        if chosen.query and chosen.query in names:
            self._query = chosen.query
        elif self._query not in names:
            self._query = ""
        self._setup.set_queries(names, self._query)
        self._setup.references.avoid = self._query
        self._show_truth()
        self.plan_later()

    def _chosen(self) -> Triple:
        chosen = self.selection
        return chosen.dataset, chosen.camera, chosen.reference

    def _show_truth(self) -> None:
        workspace, chosen = self.workspace, self.selection
        if workspace is None or not self._query or not chosen.reference:
            self._setup.show_truth("", False)
            return
        own = self._setup.validation_form.values()["validation_gt"]
        if own is not None:
            self._setup.show_truth("", False)
            return
        # Along the same route the places are the first traverse's; one after another each brings its own.
        references = self._setup.references
        after = references.further if references.chosen_route == "after" else ()
        paths = {
            name: workspace.ground_truth_file(chosen.dataset, chosen.camera, name, self._query)
            for name in (chosen.reference, *after)
        }
        there = [path.name for path in paths.values() if path.exists()]
        without = ", ".join(name for name, path in paths.items() if not path.exists())
        if not there:
            self._setup.show_truth(f"There is no ground truth of {' or '.join(paths)} and {self._query} yet.", True)
        elif without:
            told = f"Ground truth: {', '.join(there)}; none with {without}: {self._query} is taken not to pass there."
            self._setup.show_truth(told, False)
        else:
            self._setup.show_truth(f"Ground truth: {', '.join(there)}", False)

    # -- what is asked for

    def request(self) -> TrainRequest | None:
        """What would be trained; None where something is wrong or missing."""
        setup, workspace, chosen = self._setup, self.workspace, self.selection
        if workspace is None or not chosen.reference or not setup.valid:
            return None
        selection = setup.selection_form.values()
        names = {"data_dir": workspace.data_dir, "dataset": chosen.dataset, "camera": chosen.camera}
        inputs, training, run = setup.inputs_form.parameters(), setup.training_form.parameters(), setup.run_form.parameters()
        if inputs is None or training is None or run is None:
            return None
        return TrainRequest(
            selection=TrainingSelection(**{**selection, **names, **self._of_list(), "reference": chosen.reference}),
            kind=setup.chosen_kind,
            inputs=inputs,
            training=training,
            validation=ValidationParameters(**{**setup.validation_form.values(), "validation_query": self._query}),
            run=run,
        )

    def _of_list(self) -> dict[str, Any]:
        """Further reference traverses; what is set for them does not matter where there are none."""
        references = self._setup.references
        if not references.further:
            return {"further": (), "route": "same", "radius_m": None}
        radius = references.radius_form.values()["radius_m"]
        return {"further": references.further, "route": references.chosen_route, "radius_m": radius}

    def why_not(self) -> str:
        """Why nothing can be trained; "" where it can."""
        session = self._view.tools.session
        if session.workspace is None:
            return "Open a workspace first"
        if not session.writable:
            return session.read_only_reason or "The workspace is open read-only"
        if not self.selection.reference or self._chosen() not in self._traverses:
            return "Choose a reference traverse first"
        if not self._setup.valid:
            return "A setting is wrong: see the red sentence beside it"
        return self.problem

    def show_run(self, run: Run) -> None:
        """Take a run's settings into the forms: train again with..."""
        info, setup = run.info, self._setup
        where = str(run.folder)
        try:
            kind = KINDS[info.kind]
            training = kind.parameters.read(info.training, where)
            inputs = InputParameters.read(info.inputs, where).model_copy(update={"roi_dim": None})
            selection = TrainingSelection.read({**info.selection, "data_dir": None}, where)
            validation = ValidationParameters.read(info.validation, where)
        except BadInput as error:
            self._view.notify(str(error), "warning")
            return
        setup.choose_kind(info.kind)
        setup.selection_form.set_parameters(selection)
        setup.validation_form.set_parameters(validation)
        setup.show_training(inputs.model_dump(), training)
        setup.run_form.set_values({"name": f"{info.name} again"})
        self._query = validation.validation_query
        self._view.tools.session.select(
            dataset=selection.dataset, camera=selection.camera, reference=selection.reference, query=self._query
        )
        setup.references.choose_first(self._chosen())
        setup.references.set_further(selection.further, selection.route, selection.radius_m)
        missing = [name for name in selection.further if name not in setup.references.further]
        if missing:
            self._view.notify(f"{', '.join(missing)} is not in this workspace any more and is left out.", "warning")
        self.follow_selection()
        setup.show_tab("Network")
        self._view.on_settings()

    def show_settings(
        self, kind: NetworkKind, inputs: InputParameters, training: Parameters, validation: ValidationParameters
    ) -> None:
        """Show what was kept from the last start."""
        self._setup.choose_kind(kind)
        self._setup.validation_form.set_parameters(validation)
        self.refresh_presets()
        self._setup.show_training(inputs.model_dump(), training)

    # -- what will be built

    def plan_later(self) -> None:
        """Draw the plan anew once the typing rests."""
        self._later.start()

    def make_plan(self) -> None:
        """Ask the engine what would be built."""
        self._plan_asked.give_up()
        setup, request = self._setup, self.request()
        if request is None or request.training is None:
            self._show_plan(None, self.why_not() or "Choose a reference traverse.")
            return
        selection, kind, inputs, training = request.selection, request.kind, request.inputs, request.training

        def work(cancel: CancelToken) -> tuple[ReferenceSize, NetworkPlan | str]:
            size = reference_size(selection, cancel)
            try:
                return size, plan_network(kind, size.frame, size.places, inputs, training, size.looks)
            except BadInput as error:
                return size, str(error)

        self._plan_asked.ask(work, self._on_plan, lambda sentence: self._show_plan(None, sentence))
        self.problem = ""
        setup.picture.setToolTip("")

    def _on_plan(self, found: tuple[ReferenceSize, NetworkPlan | str]) -> None:
        size, plan = found
        self._view.parts.sweep.varied.offer("dims", tuple(f"{rows} {columns}" for rows, columns in fitting_grids(size.frame)))
        self._setup.references.show_notes(size.notes)
        if isinstance(plan, NetworkPlan):
            self._show_plan(plan, "")
            return
        frame, sentence = size.frame, plan
        dims = tuple(self._setup.inputs_form.values()["dims"])
        grid = fitting_grid(frame, (int(dims[0]), int(dims[1])))
        if self._grid_is_ours and grid != dims:
            # Nobody has chosen a grid yet: one that does not divide these frames is no start.
            self._setup.inputs_form.set_values({"dims": grid})
            self._setup.match_preset()
            shown = " × ".join(map(str, grid))
            self._view.notify(
                f"The grid is {shown} now: {dims[0]} × {dims[1]} does not divide frames of {frame[0]} × {frame[1]}.", "info"
            )
            self.make_plan()
        else:
            self._show_plan(None, sentence)

    def _show_plan(self, plan: NetworkPlan | None, sentence: str) -> None:
        self.plan = plan
        self.problem = sentence if plan is None and self.request() is not None else ""
        self._setup.picture.show_plan(plan, sentence)
        self._view.show_buttons()
        if self._traverses:
            self._view.content_arrived()

    # -- handlers

    def _on_edited(self) -> None:
        self._show_truth()
        self._setup.match_preset()
        if self._setup.chosen_kind != self._view.parts.sweep.varied.kind:
            self.refresh_presets()
        self.plan_later()
        self._view.on_settings()

    def _on_inputs(self) -> None:
        self._grid_is_ours = False

    def _on_reference(self, triple: Triple) -> None:
        dataset, camera, name = triple
        query = self._query if self._query != name else ""
        self._view.tools.session.select(dataset=dataset, camera=camera, reference=name, query=query)

    def _on_further(self) -> None:
        self.follow_selection()
        self._view.on_settings()

    def _on_query(self, name: str) -> None:
        self._query = self._setup.references.avoid = name
        if name:
            self._view.tools.session.select(query=name)
        self._show_truth()
        self._view.on_settings()

    def _on_preset(self, preset: Preset) -> None:
        seed = self._setup.training_form.values().get("seed")
        self._grid_is_ours = False
        self._own_preset = preset.name if preset.path is not None else self._own_preset
        self._setup.show_training(preset.inputs, preset.training)
        if seed is not None:
            self._setup.training_form.set_values({"seed": seed})
        self.plan_later()
        self._view.on_settings()

    def _on_save_preset(self) -> None:
        setup, workspace = self._setup, self.workspace
        inputs, training = setup.inputs_form.parameters(), setup.training_form.parameters()
        if workspace is None or inputs is None or training is None or not self._view.tools.session.writable:
            self._view.notify("A preset is kept in a workspace that can be written, and of settings that are right.", "warning")
            return
        name, problem = self._own_preset, ""
        while True:  # a name that cannot be taken is asked for again, with what was typed
            asked = f"{problem}\nName of the preset:".strip()
            name, accepted = QInputDialog.getText(self._view, "Save preset", asked, QLineEdit.EchoMode.Normal, name)
            if not accepted:
                return
            taken = any(preset.path is not None and preset.name == name.strip() for preset in setup.presets)
            if taken and not self._agreed_to_replace(name.strip()):
                continue
            try:
                save_preset(workspace, name, setup.chosen_kind, inputs, training, overwrite=taken)
                break
            except BadInput as error:
                problem = str(error)
        self._own_preset = name.strip()
        self.refresh_presets(name.strip())

    def _agreed_to_replace(self, name: str) -> bool:
        words = f"There is a preset {name} already. Replace its settings by these?"
        return QMessageBox.question(self._view, "Save preset", words) == QMessageBox.StandardButton.Yes

    def _on_remove_preset(self, preset: Any) -> None:
        if isinstance(preset, Preset):
            remove_preset(preset)
            self.refresh_presets()
