"""Writing a ground truth: as a job, never over what somebody else wrote, and counted as saved only when it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.jobs import Job, State
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit
from engine.places.ground_truth import save_ground_truth
from engine.places.truth.opening import Print, print_of_truth

if TYPE_CHECKING:
    from app.views.ground_truth import GroundTruthView


class TruthSaving(QObject):
    """Works on the view's editor."""

    def __init__(self, view: "GroundTruthView") -> None:
        super().__init__(view)
        self.setObjectName("truthSaving")
        self._view = view
        self._print: Print = ()
        self.busy = False

    def note_print(self, found: Print) -> None:
        """What the files on the disk look like that the document is of."""
        self._print = found

    @property
    def changed_outside(self) -> bool:
        """Whether another program has changed the ground truth since."""
        path = self._view.editor.path
        return path is not None and print_of_truth(path) != self._print

    def save(self) -> None:
        """Write the ground truth; asks where another program has changed it."""
        view = self._view
        if not view.may_edit or self.busy or view.editor.path is None:
            return
        if self.changed_outside:
            view.parts.problem.tell(
                f"{view.editor.path.name} was changed by another program since it was opened: saving would replace what is "
                "there now.",
                "replace",
                "again",
            )
        else:
            self.write()

    def write(self) -> None:
        """Write the ground truth over whatever is there."""
        view = self._view
        if not view.may_edit or self.busy or view.editor.document is None or view.editor.path is None:
            return
        view.drawing.leave()
        document, path = view.editor.document.copy(), view.editor.path

        def work(emit: Emit, cancel: CancelToken) -> None:
            document.save(path)

        self.busy = True
        job = view.tools.jobs.start(f"Save {path.name}", work)
        job.ended.connect(lambda state: self._on_saved(job, state))
        view.show_state()

    def _on_saved(self, job: Job, state: State) -> None:
        view = self._view
        self.busy = False
        if state is State.FINISHED:
            try:
                view.editor.note_saved()
            except OSError as error:
                view.notify(f"The ground truth is saved, but its journal cannot be removed ({error.strerror}).")
            view.parts.problem.tell("")
            if view.editor.path is not None:
                self.note_print(print_of_truth(view.editor.path))
        view.show_state()
        if state is State.FINISHED:
            view.tools.session.note_content_changed()

    def save_as(self) -> None:
        """Write a copy of the matrix alone, as LENS reads it."""
        view, document, path = self._view, self._view.editor.document, self._view.editor.path
        if document is None or path is None:
            return
        chosen = QFileDialog.getSaveFileName(view, "Save a copy as LENS .npy", str(path), "NumPy (*.npy)")[0]
        if not chosen:
            return
        target = Path(chosen) if chosen.endswith(".npy") else Path(f"{chosen}.npy")
        if target == path:
            self.save()
            return
        matrix = document.matrix.copy()

        def work(emit: Emit, cancel: CancelToken) -> None:
            try:
                save_ground_truth(target, matrix)
            except OSError as error:
                raise BadInput(f"{target} cannot be written ({error.strerror or error}): choose another place.") from None

        view.tools.jobs.start(f"Save {target.name}", work)
