"""Proposals and recovered edits: shown first, taken only when a person says so."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from app.jobs import Job, State
from engine.cli.options import command_line
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit
from engine.places.truth.alignment import AlignTruthParameters
from engine.places.truth.imported import ImportTruthParameters
from engine.places.truth.jobs import make_truth
from engine.places.truth.journal import Unsaved, discard
from engine.places.truth.make import AnchorsTruthParameters, IdentityTruthParameters, PosesTruthParameters
from engine.places.truth.opening import Opened
from engine.places.truth.proposal import Proposal, many

if TYPE_CHECKING:
    from app.views.ground_truth import GroundTruthView

TRASH = ".trash"
COMMANDS = {
    PosesTruthParameters: "from-poses",
    AnchorsTruthParameters: "from-anchors",
    IdentityTruthParameters: "identity",
    AlignTruthParameters: "align",
    ImportTruthParameters: "import",
}


class TruthProposals(QObject):
    """Works on the view's parts and editor."""

    def __init__(self, view: "GroundTruthView") -> None:
        super().__init__(view)
        self.setObjectName("truthProposals")
        self._view = view
        self.proposal: Proposal | None = None
        self._unsaved: Unsaved | None = None
        self._job: Job | None = None
        parts = view.parts
        parts.make.makeRequested.connect(lambda way: self.start())
        parts.make.copyRequested.connect(lambda: QGuiApplication.clipboard().setText(self.command()))
        parts.proposal.answered.connect(self._on_proposal)
        parts.recovery.answered.connect(self._on_recovery)

    # -- proposals

    @property
    def busy(self) -> bool:
        """Whether a proposal is being made."""
        return self._job is not None

    def start(self) -> None:
        """Make a proposal as a job."""
        view = self._view
        workspace = view.tools.session.workspace
        if view.opened is None or self._job is not None or not view.editor.editable:
            return
        parameters = view.parts.make.parameters(view.method, workspace.root if workspace is not None else None)
        if parameters is None:
            return
        asked, similarity = view.opened, view.similarity

        def work(emit: Emit, cancel: CancelToken) -> Proposal:
            return make_truth(asked.pair, parameters, emit, cancel, similarity)

        way = view.parts.make.way.currentText()
        job = view.tools.jobs.start(f"Ground truth {way[:1].lower()}{way[1:]}", work)
        self._job = job
        job.ended.connect(lambda state: self._on_made(job, state, way, asked))
        view.show_state()

    def command(self) -> str:
        """The way that is chosen, from a shell; "" where a value is wrong."""
        view = self._view
        workspace = view.tools.session.workspace
        parameters = view.parts.make.parameters(view.method, workspace.root if workspace is not None else None)
        if view.opened is None or parameters is None:
            return ""
        way = COMMANDS[type(parameters)]
        words = [command_line(f"revisit-cli groundtruth {way}", view.opened.pair.selection)]
        if isinstance(parameters, AnchorsTruthParameters):
            words += [f"--anchor {reference}:{query}" for reference, query in parameters.anchors]
            parameters = parameters.model_copy(update={"anchors": ()})
        elif isinstance(parameters, ImportTruthParameters):
            words.insert(1, shlex.quote(str(parameters.file or "FILE")))
            parameters = parameters.model_copy(update={"file": None})
        return " ".join(word for word in (*words, command_line("", parameters)) if word)

    def show(self, proposal: Proposal | None, way: str = "") -> None:
        """Draw a proposal and ask; None takes it away."""
        self.proposal = proposal
        self._view.parts.matrix.set_proposal(proposal.matrix if proposal is not None else None)
        if proposal is None:
            self._view.parts.proposal.tell("")
            return
        counts = proposal.counts()
        parts = [f"{many(counts['queries_with_match'], 'query has', 'queries have')} a match"]
        if counts["queries_without_match"]:
            parts.append(f"{counts['queries_without_match']} none")
        if counts["masked"]:
            parts.append(f"{counts['masked']} masked")
        said = f"Proposal {way[:1].lower()}{way[1:]}, in orange: {', '.join(parts)}."
        self._view.parts.proposal.tell(" ".join([said, *proposal.notes]))

    def take(self) -> None:
        """Replace the ground truth by the proposal."""
        editor, proposal = self._view.editor, self.proposal
        if proposal is None or editor.document is None or not editor.editable:
            return
        try:
            change = editor.document.replace(proposal, self._view.parts.make.keep.isChecked())
        except BadInput as error:
            self._view.notify(str(error))
            return
        self.show(None)
        if not editor.do(change):
            self._view.notify("The ground truth is so already.", "info")
        self._view.review.go_to_query(self._query())
        self._view.review.check_quietly()

    def leave(self) -> None:
        """Another pair is opened."""
        if self._job is not None:
            self._job.cancel()
        self.show(None)
        self._unsaved = None
        self._view.parts.recovery.tell("")

    def _query(self) -> int:
        cell = self._view.parts.matrix.cursor_cell
        return cell[1] if cell is not None else 0

    def _on_made(self, job: Job, state: State, way: str, asked: Opened) -> None:
        if self._job is job:
            self._job = None
        self._view.show_state()
        made = job.result
        job.result = None  # its matrix lives as long as the proposal, not as long as the list of jobs
        if state is State.FINISHED and self._view.opened is asked:
            self.show(made, way)

    def _on_proposal(self, answer: str) -> None:
        if answer == "use":
            self.take()
        else:
            self.show(None)
        self._view.parts.matrix.setFocus()

    # -- recovered edits

    def offer(self, unsaved: Unsaved | None, ours: bool) -> None:
        """Edits were found that were never saved; those of this window (`ours`) are simply done again."""
        self._unsaved = unsaved
        if unsaved is None:
            self._view.parts.recovery.tell("")
        elif ours and unsaved.fits:
            self._recover()
        elif not self._view.writable:
            self._view.parts.recovery.tell("")
        elif unsaved.fits and unsaved.changes:
            extra = " The last one is incomplete and is left out." if unsaved.damaged else ""
            self._view.parts.recovery.tell(unsaved.text() + extra)
        else:
            self._view.parts.recovery.tell(unsaved.text(), "discard")

    @property
    def waiting(self) -> bool:
        """Whether edits wait for an answer; new ones would overwrite their journal."""
        return self._unsaved is not None

    def _recover(self) -> None:
        unsaved, self._unsaved = self._unsaved, None
        if unsaved is None:
            return
        try:
            self._view.editor.recover(unsaved)
        except BadInput as error:
            self._view.notify(str(error))
            return
        self._view.notify(f"{many(len(unsaved.changes), 'unsaved edit is', 'unsaved edits are')} there again.", "info")

    def _on_recovery(self, answer: str) -> None:
        view = self._view
        if answer == "recover":
            self._recover()
        elif answer == "discard" and self._unsaved is not None:
            workspace = view.tools.session.workspace
            root: Path = workspace.root if workspace is not None else self._unsaved.path.parent
            try:
                discard(self._unsaved, root / TRASH)
            except BadInput as error:
                view.notify(str(error))
                return
            self._unsaved = None
        view.parts.recovery.tell("")
        view.show_state()
        view.parts.matrix.setFocus()
