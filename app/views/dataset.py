"""The Dataset panel: a workspace's traverses, frame by frame, with their figures, poses and everything that is done with them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from app.dataset_actions import DatasetActions
from app.dataset_frames import DatasetFrames
from app.dataset_operations import ALL, IMPORTS, OPERATIONS, SEPARATED, TRASH, USE, Operation
from app.dataset_store import DatasetStore
from app.icons import icon, set_icon
from app.pieces import Pieces
from app.report import Fault
from app.views.base import Command, Tools, View
from app.widgets.dataset_layout import TABS, DatasetLayout
from app.widgets.frame_grid import SIDES, FrameGrid
from app.widgets.undo_strip import UndoStrip
from engine.frames.inputs import InputParameters
from engine.parameters import Parameters, parameter
from engine.places.catalogue import CatalogueEntry
from engine.places.making import TraverseName


class DatasetOptions(Parameters):
    """What the panel keeps for the next start."""

    side: int = parameter(SIDES[1], "Size of the thumbnails.", unit="pixels", ge=SIDES[0], le=SIDES[-1])
    link: str = parameter("share", "How compared traverses are linked.")
    show_grid: bool = parameter(False, "Whether the grid of a network's inputs is drawn.")
    inputs: InputParameters = parameter(InputParameters(), "That grid.")
    dataset: str = parameter("", "The traverse that was looked at last.")
    camera: str = parameter("", "Its camera.")
    traverse: str = parameter("", "Its name.")


class DatasetView(View):
    """Mirrors the workspace's catalogue; every change of it is an engine's job."""

    name, title, guide = "dataset", "Dataset", "your-data"
    summary = "Look through traverses, repair them, give them poses, and choose reference and query."
    Options = DatasetOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._saved = tools.settings.options(self.name, DatasetOptions)
        self._later: TraverseName | None = None

    def fill(self) -> Pieces[None]:
        """Parts, then what listens to them."""
        self.parts = DatasetLayout()
        self.content.addWidget(self.parts)
        yield from self.parts.fill(self.tools.theme)
        yield
        self.store = DatasetStore(self)
        self.frames = DatasetFrames(self)
        self.actions_runner = DatasetActions(self)
        self.import_button = QPushButton("Import")
        self.import_button.setObjectName("datasetImport")
        self.import_button.setToolTip("Bring images, LENS's datasets or recordings into the workspace; or drop them on the panel")
        set_icon(self.import_button, "import")
        self._import_menu = self._menu(IMPORTS, "datasetImportMenu")
        self.import_button.setMenu(self._import_menu)
        self.add_to_header(self.import_button)
        self._menu_of_chosen = self._menu((*USE, *OPERATIONS, TRASH), "traverseMenu")
        self.parts.more.setMenu(self._menu_of_chosen)
        self.setAcceptDrops(True)
        yield
        self._connect()
        self.frames.begin(self._saved)
        self.parts.tree.model.set_selection(self.tools.session.selection)
        self.store.open(self.tools.session.workspace)
        self._show_buttons()

    # -- what the window asks

    def commands(self) -> Sequence[Command]:
        """For the palette and the Panel menu."""
        made = [Command(f"dataset_{o.name}", o.text, partial(self.run, o.name), o.shortcut, o.tip) for o in ALL]
        film = self.parts.film
        return [
            *made,
            Command("dataset_play", "Play or pause the film", film.toggle, "", "Show frame after frame (Space)"),
            Command("dataset_undo", "Undo", self.undo.undo, "Ctrl+Z", "Take back what was done last with a traverse"),
            Command("dataset_reload", "Look at the workspace again", self.store.reload, "F5", "After other programs changed it"),
            *(
                Command(f"dataset_tab_{title.lower()}", f"Show {title.lower()}", partial(self.parts.show_tab, title), "", "")
                for title in TABS
            ),
        ]

    def stop(self) -> None:
        """The window closes."""
        self._save()
        self.frames.stop()
        self.store.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no button or list has used."""
        film = self.parts.film
        run: Callable[[], None] | None = {
            Qt.Key.Key_Space: film.toggle,
            Qt.Key.Key_Period: lambda: film.step(1),
            Qt.Key.Key_Comma: lambda: film.step(-1),
            Qt.Key.Key_Plus: lambda: film.change_speed(1),
            Qt.Key.Key_Minus: lambda: film.change_speed(-1),
        }.get(Qt.Key(event.key()))
        if run is None or event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier):
            super().keyPressEvent(event)
        else:
            run()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Folders and recordings can be dropped."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Import what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.actions_runner.import_paths(paths)

    # -- what the actions ask

    @property
    def undo(self) -> UndoStrip:
        """What was done last, and the way back."""
        return self.parts.undo

    @property
    def grid(self) -> FrameGrid:
        """The thumbnails."""
        return self.parts.grid

    @property
    def current(self) -> TraverseName | None:
        """The traverse that is looked at."""
        entry = self.frames.entry
        return None if entry is None else entry.name

    @property
    def chosen(self) -> list[TraverseName]:
        """The traverses that an operation works on."""
        return self.parts.tree.chosen or ([self.current] if self.current is not None else [])

    def run(self, name: str) -> None:
        """Do an operation by its name."""
        self.actions_runner.run(name)

    def show_later(self, name: TraverseName) -> None:
        """Show a traverse once the catalogue has it."""
        self._later = name

    def notify(self, sentence: str, level: str = "error") -> None:
        """Tell the person."""
        self.notified.emit(Fault(sentence, level=level))

    # -- assembly

    def _connect(self) -> None:
        parts, session, store = self.parts, self.tools.session, self.store
        session.workspaceOpened.connect(self._on_workspace)
        session.workspaceClosed.connect(self._on_workspace)
        session.writableChanged.connect(lambda on: self._show_buttons())
        session.contentChanged.connect(store.reload)
        session.selectionChanged.connect(self._on_selection)
        store.entriesArrived.connect(self._on_entries)
        store.factsArrived.connect(self._on_facts)
        store.failed.connect(lambda sentence: self.notify(sentence, "warning"))
        parts.tree.currentChanged.connect(self._on_current)
        parts.tree.chosenChanged.connect(self._show_buttons)
        parts.tree.menuRequested.connect(self._on_menu)
        parts.tree.deleteRequested.connect(lambda: self.run("delete"))
        parts.facts.traverseChosen.connect(lambda name: parts.tree.choose(name))
        parts.facts.checkRequested.connect(lambda: self.run("check"))
        parts.use_reference.clicked.connect(lambda: self.run("use_reference"))
        parts.use_query.clicked.connect(lambda: self.run("use_query"))
        parts.crop.clicked.connect(lambda: self.run("crop"))
        parts.warningsRequested.connect(lambda: parts.show_tab("Figures"))
        parts.card.actionRequested.connect(self._on_card)

    def _menu(self, operations: Sequence[Operation], name: str) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName(name)
        menu.setToolTipsVisible(True)
        for operation in operations:
            if operation.name in SEPARATED:
                menu.addSeparator()
            action = QAction(operation.text, menu)
            action.setObjectName(f"{name}_{operation.name}")
            action.triggered.connect(lambda checked=False, name=operation.name: self.run(name))
            action.setData(operation)
            menu.addAction(action)
        menu.aboutToShow.connect(lambda: self._fit_menu(menu))
        return menu

    def _fit_menu(self, menu: QMenu) -> None:
        for action in menu.actions():
            operation = action.data()
            if isinstance(operation, Operation):
                reason = self.actions_runner.against(operation)
                action.setEnabled(not reason)
                action.setToolTip(reason or operation.tip)
                if operation.icon:
                    action.setIcon(icon(operation.icon))

    # -- what the workspace says

    def _on_workspace(self, workspace: object = None) -> None:
        self.undo.clear()
        self.store.open(self.tools.session.workspace)

    def _on_entries(self) -> None:
        entries, tree = self.store.entries, self.parts.tree
        tree.show_entries(entries)
        wanted = self._wanted(entries)
        if wanted is not None and (tree.current == wanted or tree.choose(wanted)):
            self._on_current(wanted)
        else:
            self._on_current(None)
        self._later = None
        self._tell_empty()
        self._show_buttons()

    def _wanted(self, entries: Sequence[CatalogueEntry]) -> TraverseName | None:
        """The traverse to show: the one just made, else the present one, else the one of last time, else the first."""
        saved, chosen = self._saved, self.tools.session.selection
        wishes = (
            self._later,
            self.parts.tree.current or self.current,
            TraverseName(chosen.dataset, chosen.camera, chosen.reference),
            TraverseName(saved.dataset, saved.camera, saved.traverse),
        )
        there = {entry.name for entry in entries}
        return next((wish for wish in wishes if wish in there), entries[0].name if entries else None)

    def _tell_empty(self) -> None:
        session, card = self.tools.session, self.parts.card
        if session.workspace is None:
            card.tell("Open a workspace to see its traverses.", buttons=False)
        elif not self.store.entries:
            card.tell(
                "There are no traverses in this workspace yet. Import images, LENS datasets or recordings, or drop them here; "
                "or record in the Capture panel.",
                buttons=True,
            )
        self.parts.pages.setCurrentIndex(1 if self.store.entries else 0)

    def _on_card(self, action: str) -> None:
        if action == "capture":
            self.panelRequested.emit("capture")
        else:
            self.run(action)

    def _on_current(self, name: TraverseName | None) -> None:
        self.frames.show(self.store.entry(name))
        self.parts.facts.show_traverse(name)
        self._show_head()
        self._show_buttons()

    def _on_facts(self) -> None:
        self.parts.facts.show_facts(self.store.all_facts)
        self.frames.show_facts()
        self._show_head()

    def _on_selection(self, selection: object) -> None:
        self.parts.tree.model.set_selection(self.tools.session.selection)
        self.frames.locate()
        self._show_buttons()

    def _show_head(self) -> None:
        parts, entry = self.parts, self.frames.entry
        facts = None if entry is None else self.store.facts(entry.name)
        parts.title.say("" if entry is None else entry.name.traverse)
        words = [] if entry is None else [f"{entry.frames} frames"]
        if facts is not None:
            words += [f"{facts.size[0]} × {facts.size[1]} px"] if facts.size is not None else []
            words += [f"{facts.window_ms:g} ms"] if facts.window_ms is not None else []
            words += [f"{facts.events_per_pixel:.3g} events/px"] if facts.events_per_pixel is not None else []
        if entry is not None and entry.poses:
            words.append(entry.poses if entry.poses != "index" else "coordinates in the index")
        parts.summary.say("  ·  ".join(words) if entry is None or not entry.problem else entry.problem)
        count = 0 if facts is None else len(facts.warnings)
        parts.warnings.setVisible(count > 0 and parts.warnings.parent() is not None)
        parts.warnings.setText(f" {count}")
        parts.warnings.setToolTip("\n".join(facts.warnings) if facts is not None else "")
        parts.warnings.setAccessibleName(f"{count} warnings")

    def _show_buttons(self) -> None:
        parts, runner = self.parts, self.actions_runner
        operations = {o.name: o for o in ALL}
        buttons = {"use_reference": parts.use_reference, "use_query": parts.use_query, "crop": parts.crop}
        for name, button in buttons.items():
            reason = runner.against(operations[name])
            button.setEnabled(not reason)
            button.setToolTip(reason or operations[name].tip)
        selection, current = self.tools.session.selection, self.current
        for role, button in (("reference", parts.use_reference), ("query", parts.use_query)):
            used = current is not None and current == TraverseName(selection.dataset, selection.camera, getattr(selection, role))
            button.setText(f"Is the {role}" if used else f"Use as {role}")
            if used:
                button.setEnabled(False)
        reason = runner.against(IMPORTS[0])
        self.import_button.setEnabled(not reason)

    def _on_menu(self, at: QPoint) -> None:
        self._menu_of_chosen.popup(at)

    def _save(self) -> None:
        current = self.current
        self._saved = DatasetOptions(
            side=self.grid.side,
            link=self.frames.link,
            show_grid=self.parts.inspector.show_grid.isChecked(),
            inputs=self.parts.inspector.inputs,
            dataset=current.dataset if current is not None else "",
            camera=current.camera if current is not None else "",
            traverse=current.traverse if current is not None else "",
        )
        self.save_options(self._saved)
