"""Dialogs that lead to jobs: a form out of an engine's parameters or a question, then the job, then what follows from it."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QMessageBox

from app.jobs import Job, State
from app.views.base import View
from app.widgets.parameter_dialog import ParameterDialog
from engine.jobs import CancelToken, Emit
from engine.parameters import Parameters

Check = Callable[[dict[str, Any]], Mapping[str, str]]


class DialogJobs:
    """Opens dialogs of a view, one at a time and without blocking, and starts its jobs."""

    def __init__(self, view: View) -> None:
        self._host = view
        self.dialog: Any = None

    def ask(
        self,
        title: str,
        text: str,
        model: type[Parameters],
        start: str,
        values: Mapping[str, Any],
        then: Callable[[Any], object],
        also: Check | None = None,
    ) -> None:
        """Show a model's form; `then` gets the checked model."""
        dialog: ParameterDialog[Any] = ParameterDialog(self._host, title, text, model, start=start, values=values, also=also)
        dialog.confirmed.connect(then)
        self.open(dialog)

    def confirm(self, title: str, text: str, yes: str, then: Callable[[], object]) -> None:
        """Ask a question; `then` is called for yes."""
        box = QMessageBox(QMessageBox.Icon.Question, title, text, parent=self._host)
        box.setObjectName("confirmBox")
        accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        accept.setObjectName("confirmYes")
        leave = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        leave.setObjectName("confirmNo")
        box.setDefaultButton(leave)
        box.setEscapeButton(leave)
        box.finished.connect(lambda result: then() if box.clickedButton() is accept else None)
        self.open(box)

    def open(self, dialog: Any) -> None:
        """Show a dialog without blocking, and forget it when it is closed."""
        self.dialog = dialog
        dialog.finished.connect(lambda result: self._forget(dialog))
        dialog.open()

    def start(
        self,
        title: str,
        function: Callable[[Emit, CancelToken], Any],
        done: Callable[[Any], object] | None = None,
        changes: bool = True,
    ) -> Job:
        """Run a job; `done` gets its result. `changes`: the workspace's content may be another one afterwards."""
        job = self._host.tools.jobs.start(title, function)
        job.ended.connect(lambda state: self._on_ended(job, done, changes))
        return job

    def _forget(self, dialog: Any) -> None:
        if self.dialog is dialog:
            self.dialog = None
        dialog.deleteLater()

    def _on_ended(self, job: Job, done: Callable[[Any], object] | None, changes: bool) -> None:
        if job.state is State.FINISHED and done is not None:
            done(job.result)
        if changes:
            self._host.tools.session.note_content_changed()
