"""The runs of the workspace in the Training panel: listed, compared, marked, renamed, moved to the trash, and undone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoStack
from PySide6.QtWidgets import QInputDialog

from app.background import Question
from app.widgets.run_differences import SHOWN
from engine.errors import BadInput
from engine.jobs import CancelToken, noting
from engine.places.workspace import Workspace
from engine.training.curves import Curves, read_curves
from engine.training.merge_runs import merge_runs
from engine.training.runs import CURVES, Run, list_runs, read_run, rename_run, restore_run, star_run, trash_run

if TYPE_CHECKING:
    from app.views.training import TrainingView


class RunsControl(QObject):
    """Does what the Runs tab asks for."""

    def __init__(self, view: "TrainingView") -> None:
        super().__init__(view)
        self.setObjectName("trainingRunsControl")
        self._view, self._tab = view, view.parts.runs
        self.undo_stack = QUndoStack(self)
        self._runs_asked = Question(view.background, "Read the runs")
        self._curves_asked = Question(view.background, "Read curves")
        self._choose: set[Path] = set()
        tab = self._tab
        tab.selectionChanged.connect(self._on_selection)
        tab.model.starRequested.connect(self._on_star)
        tab.model.renameRequested.connect(self._on_rename)
        tab.mergeRequested.connect(self._on_merge)
        tab.trashRequested.connect(self._on_trash)
        tab.undoRequested.connect(self.undo_stack.undo)
        self.undo_stack.indexChanged.connect(lambda index: self._show_undo())
        self._show_undo()

    def refresh(self, choose: set[Path] | None = None) -> None:
        """Read the runs again; `choose` names folders to choose then."""
        workspace = self._view.tools.session.workspace
        self._choose |= choose or set()
        self._runs_asked.give_up()
        if workspace is None:
            self._tab.set_runs([])
            self.undo_stack.clear()
            return
        self._runs_asked.ask(lambda cancel: list_runs(workspace), self._on_runs, self._view.say)

    def _on_runs(self, found: tuple[list[Run], list[str]]) -> None:
        runs, problems = found
        self._tab.set_runs(runs)
        if self._choose:
            self._tab.choose(self._choose)
            self._choose = set()
        for sentence in problems:
            self._view.notify(sentence, "warning")
        self._view.show_buttons()

    def _on_selection(self) -> None:
        chosen = self._tab.chosen
        self._tab.show_differences(chosen)
        self._view.show_buttons()

        def read(cancel: CancelToken) -> list[Curves | None]:
            found: list[Curves | None] = []
            for run in chosen[:SHOWN]:  # of hundreds no more are drawn
                cancel.check()
                try:
                    found.append(read_curves(run.folder / CURVES))
                except BadInput:  # a run that has only begun has none; a broken file shows no curve
                    found.append(None)
            return found

        self._curves_asked.ask(read, self._tab.show_overlay)

    # -- edits

    def _on_star(self, run: Run, on: bool) -> None:
        self._push(_Star(self, run.folder, on))

    def _on_rename(self, run: Run, name: str) -> None:
        self._push(_Rename(self, run.folder, run.info.name, name))

    def _on_trash(self, runs: list[Run]) -> None:
        workspace = self._view.tools.session.workspace
        if runs and workspace is not None:
            self._push(_Trash(self, workspace, [run.folder for run in runs]))

    def _on_merge(self, runs: list[Run]) -> None:
        """Ask whose places the map shall have, then merge."""
        workspace = self._view.tools.session.workspace
        if workspace is None or len(runs) != 2:
            return
        runs = sorted(runs, key=lambda run: run.info.created)
        # The older network's places are offered first: it is the map that there was.
        items = [f"{run.reference}: {run.info.places} places ({run.info.name})" for run in runs]
        text, accepted = QInputDialog.getItem(
            self._view, "Merge two maps", "Whose places shall the map have? The other one adds looks at them.", items, 0, False
        )
        if not accepted:
            return
        first, second = runs if text == items[0] else reversed(runs)
        told: list[str] = []

        def done(run: Run | None) -> None:
            if run is None:
                return
            self.refresh({run.folder})
            self._view.tools.session.note_content_changed()
            words = f"{run.info.name}: {run.info.places} places with {run.info.samples} looks at them. {' '.join(told)}"
            self._view.notify(words.strip(), "info")

        self._view.background.run(
            "Merge two maps", lambda cancel: merge_runs(workspace, first, second, "", noting(told), cancel), done, self._view.say
        )

    def _push(self, command: QUndoCommand) -> None:
        if not self._view.tools.session.writable:
            self._view.notify(self._view.tools.session.read_only_reason, "warning")
            return
        self.undo_stack.push(command)

    def attempt(self, command: QUndoCommand, work: Callable[[], set[Path]]) -> bool:
        """Do an edit; one that the engine refuses is said and forgotten."""
        try:
            chosen = work()
        except BadInput as error:
            self._view.notify(str(error), "warning")
            command.setObsolete(True)
            self.refresh()
            return False
        self.refresh(chosen)
        self._view.tools.session.note_content_changed()
        return True

    def _show_undo(self) -> None:
        text = self.undo_stack.undoText()
        self._tab.undo.setEnabled(self.undo_stack.canUndo())
        self._tab.undo.setToolTip(f"Undo: {text} (Ctrl+Z)" if text else "Nothing to undo")


class _Star(QUndoCommand):
    def __init__(self, control: RunsControl, folder: Path, on: bool) -> None:
        super().__init__("mark a run" if on else "take a run's mark away")
        self._control, self._folder, self._on = control, folder, on

    def redo(self) -> None:
        self._set(self._on)

    def undo(self) -> None:
        self._set(not self._on)

    def _set(self, on: bool) -> None:
        self._control.attempt(self, lambda: {star_run(read_run(self._folder), on).folder})


class _Rename(QUndoCommand):
    def __init__(self, control: RunsControl, folder: Path, old: str, new: str) -> None:
        super().__init__(f"rename {old}")
        self._control, self._folder, self._old, self._new = control, folder, old, new

    def redo(self) -> None:
        self._set(self._new)

    def undo(self) -> None:
        self._set(self._old)

    def _set(self, name: str) -> None:
        def work() -> set[Path]:
            self._folder = rename_run(read_run(self._folder), name).folder
            return {self._folder}

        self._control.attempt(self, work)


class _Trash(QUndoCommand):
    def __init__(self, control: RunsControl, workspace: Workspace, folders: list[Path]) -> None:
        super().__init__(f"move {len(folders)} run{'s' if len(folders) > 1 else ''} to the trash")
        self._control, self._workspace, self._folders = control, workspace, folders
        self._trashed: list[Path] = []

    def redo(self) -> None:
        def work() -> set[Path]:
            self._trashed = [trash_run(read_run(folder), self._workspace) for folder in self._folders]
            return set()

        self._control.attempt(self, work)

    def undo(self) -> None:
        def work() -> set[Path]:
            self._folders = [restore_run(path, self._workspace) for path in self._trashed]
            return set(self._folders)

        self._control.attempt(self, work)
