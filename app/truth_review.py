"""Going through matches one by one: the frames of a cell, confirming and rejecting, checks and suspicious places."""

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject

from app.background import Question
from app.frames_cache import FrameCache
from app.jobs import Job, State
from app.widgets.matrix_axes import STATES
from app.widgets.truth_findings import states_text
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit
from engine.places.truth.change import Change
from engine.places.truth.check import CheckParameters, Finding, Suspicion, TruthCheck, check_truth
from engine.places.truth.opening import Opened

if TYPE_CHECKING:
    from app.views.ground_truth import GroundTruthView

_AT_ONCE = 4_000_000  # cells that are checked unasked when a pair is opened
_CONFIRMED, _SUSPICIOUS, _REJECTED, _MASKED = (STATES.index(name) for name in STATES[1:])


class TruthReview(QObject):
    """Works on the view's parts and editor."""

    def __init__(self, view: "GroundTruthView") -> None:
        super().__init__(view)
        self.setObjectName("truthReview")
        self._view = view
        self.frames = FrameCache(self)
        self.check: TruthCheck | None = None
        self._fresh = True
        self._checking: Job | None = None
        self._quiet = Question(view.loader.background, "Check the ground truth")
        parts = view.parts
        self.frames.frameReady.connect(lambda folder, number: self._show_frames())
        self.frames.frameFailed.connect(lambda folder, number, sentence: self._show_frames())
        parts.matrix.cursorMoved.connect(self.show_cell)
        parts.pair.stepRequested.connect(self.step)
        parts.pair.moveRequested.connect(self.move)
        parts.pair.confirmRequested.connect(self.confirm)
        parts.pair.rejectRequested.connect(self.reject)
        parts.map.frameClicked.connect(self._on_map)
        parts.findings.checkRequested.connect(self.start_check)
        parts.findings.findingActivated.connect(self._on_finding)
        parts.findings.actionRequested.connect(self._on_action)
        parts.findings.suspicionActivated.connect(lambda row: self.go_to_query(row.query))

    # -- where one is

    def go_to_query(self, query: int, row: int | None = None) -> None:
        """Put the cursor on a query's match (the one nearest to `row`), or on its row where it has none."""
        document, matrix = self._view.editor.document, self._view.parts.matrix
        if document is None:
            return
        query = min(max(query, 0), document.shape[1] - 1)
        here = matrix.cursor_cell
        wanted = row if row is not None else (here[0] if here is not None else 0)
        near = self._nearest(wanted, query)
        found = wanted if near is None else near
        matrix.set_cursor(found, query)
        matrix.forget_mouse()
        self.show_cell(found, query)

    def step(self, by: int) -> None:
        """The match of the next query, or of the one before."""
        cell = self._view.parts.matrix.cursor_cell
        self.go_to_query((cell[1] + by) if cell is not None else 0)

    def show_cell(self, reference: int, query: int) -> None:
        """Show the frames of a cell, its words and its points on the map."""
        view = self._view
        document, opened = view.editor.document, view.opened
        if document is None or opened is None:
            return
        view.parts.pair.title.say(self._words(reference, query))
        self._show_frames()
        marks, names = view.parts.map, (opened.pair.reference.name, opened.pair.query.name)
        marks.mark(names[1], query, "query")
        marks.mark(names[0], reference, "match")
        marks.mark(names[0], self._nearest(reference, query), "true")
        view.parts.findings.select(query)

    def refresh_cell(self, change: Change) -> None:
        """The ground truth has changed: say so of the cell that is shown, if it concerns its query."""
        cell, document, opened = self._view.parts.matrix.cursor_cell, self._view.editor.document, self._view.opened
        if cell is None or document is None or opened is None:
            return
        columns = change.cells % document.shape[1]
        flags = (change.masked, change.confirmed, change.rejected)
        if bool((columns == cell[1]).any()) or any(bool((part == cell[1]).any()) for part in flags):
            self._view.parts.pair.title.say(self._words(*cell))
            self._view.parts.map.mark(opened.pair.reference.name, self._nearest(*cell), "true")

    def _nearest(self, reference: int, query: int) -> int | None:
        """The match of a query that is nearest to a reference."""
        document = self._view.editor.document
        matches = document.matches(query) if document is not None else np.empty(0, int)
        return int(matches[np.abs(matches - reference).argmin()]) if len(matches) else None

    def _words(self, reference: int, query: int) -> str:
        document = self._view.editor.document
        if document is None:
            return ""
        matches = document.matches(query)
        if reference in matches:
            words = "a match"
        elif (near := self._nearest(reference, query)) is not None:
            words = f"{abs(reference - near)} off (match {near})"
        else:
            words = "no match"
        states = ((document.rejected, "rejected"), (document.mask, "masked"), (document.confirmed, "confirmed"))
        state = next((f", {word}" for flags, word in states if flags[query]), "")
        return f"Query {query}, reference {reference}: {words}{state}"

    def _show_frames(self) -> None:
        view, cell = self._view, self._view.parts.matrix.cursor_cell
        if view.opened is None or cell is None:
            view.parts.pair.show_nothing()
            return
        pair, (reference, query) = view.opened.pair, cell
        one, other = self.frames.frame(pair.query, query), self.frames.frame(pair.reference, reference)
        problem = self.frames.problem(pair.query, query) or self.frames.problem(pair.reference, reference)
        captions = (f"{query}  ·  {pair.query.rows[query].image}", f"{reference}  ·  {pair.reference.rows[reference].image}")
        view.parts.pair.show_frames(one, other, captions, problem)

    def _on_map(self, name: str, frame: int) -> None:
        view = self._view
        if view.opened is None:
            return
        cell = view.parts.matrix.cursor_cell
        if name == view.opened.pair.query.name:
            self.go_to_query(frame)
        else:
            view.parts.matrix.set_cursor(frame, cell[1] if cell is not None else 0)
            self.show_cell(frame, cell[1] if cell is not None else 0)

    # -- judging

    def confirm(self) -> None:
        """The match under the cursor is right; go on with the next query."""
        self._judge(lambda document, query: document.confirm([query]))

    def reject(self) -> None:
        """The match under the cursor is wrong; go on with the next query."""
        self._judge(lambda document, query: document.reject(query))

    def _judge(self, change: Any) -> None:
        editor, cell = self._view.editor, self._view.parts.matrix.cursor_cell
        if editor.document is None or cell is None or not editor.editable:
            return
        editor.do(change(editor.document, cell[1]))
        if self._in_list(cell[1]):
            self.next_suspicious()
        else:
            self.step(1)

    def move(self, by: int) -> None:
        """Move the match of the query under the cursor."""
        editor, cell = self._view.editor, self._view.parts.matrix.cursor_cell
        if editor.document is not None and cell is not None and editor.do(editor.document.move_match(cell[1], by)):
            self.go_to_query(cell[1], cell[0] + by)

    # -- checks

    def start_check(self) -> None:
        """Check as a job."""
        view = self._view
        parameters = view.parts.findings.parameters
        if view.editor.document is None or parameters is None or self._checking is not None:
            return
        self._quiet.give_up()
        asked, document, similarity = view.opened, view.editor.document.copy(), view.similarity

        def work(emit: Emit, cancel: CancelToken) -> TruthCheck:
            return check_truth(document.matrix, document.mask, similarity, parameters, emit, cancel)

        job = view.tools.jobs.start("Check the ground truth", work)
        self._checking = job
        view.parts.findings.check.setEnabled(False)
        view.parts.findings.say("Checking…")
        job.ended.connect(lambda state: self._on_checked(job, state, asked))

    def check_quietly(self) -> None:
        """Check a small matrix unasked, off the UI thread."""
        view = self._view
        document, similarity = view.editor.document, view.similarity
        if document is None or similarity is None or document.matrix.size > _AT_ONCE or not document.matrix.any():
            return
        copy, parameters = document.copy(), view.parts.findings.parameters or CheckParameters()
        self.leave_check()
        self._quiet.ask(
            lambda cancel: check_truth(copy.matrix, copy.mask, similarity, parameters, cancel=cancel),
            self._take_check,
            view.parts.findings.say,
        )

    def leave_check(self) -> None:
        """Nobody waits for a check any more."""
        self._quiet.give_up()
        if self._checking is not None:
            self._checking.cancel()

    def forget_check(self) -> None:
        """Another ground truth is open."""
        self.leave_check()
        self.check = None
        self._view.parts.findings.show_check(None, "Not checked yet.")
        self.show_states()

    def _on_checked(self, job: Job, state: State, asked: Opened | None) -> None:
        if self._checking is job:
            self._checking = None
        self._view.parts.findings.check.setEnabled(self._view.editor.document is not None)
        if self._view.opened is not asked:
            return
        if state is State.FINISHED:
            self._take_check(job.result)
        else:
            self._view.parts.findings.say(job.error if state is State.FAILED else "The check was cancelled.")

    def _take_check(self, check: TruthCheck | None) -> None:
        document = self._view.editor.document
        if check is None or document is None:
            return
        self.check, self._fresh = check, True
        what = "" if self._view.similarity is not None else " Without a background the frames were not looked at."
        count = sum(finding.level == "warning" for finding in check.findings)
        said = f"{count} thing{'s' * (count != 1)} to look at." if count else "Nothing wrong was found."
        self._view.parts.findings.show_check(check, said + what, self._view.writable)
        self.show_states()

    def note_change(self, change: Change) -> None:
        """The ground truth was changed: what was found is older than it."""
        if self.check is not None and self._fresh and (len(change.cells) or len(change.masked)):
            self._fresh = False
            self._view.parts.findings.say("Changed since the check: check again.")
        if len(change.masked) or len(change.confirmed) or len(change.rejected) or len(change.cells):
            self.show_states()

    def show_states(self) -> None:
        """The strip over the matrix, and what became of the suspicious matches."""
        document, parts = self._view.editor.document, self._view.parts
        if document is None:
            return
        states = np.zeros(document.shape[1], np.uint8)
        rows = self.check.suspicious if self.check is not None else ()
        told = {}
        for row in rows:
            query = row.query
            moved = not document.matrix[row.reference, query]
            told[query] = states_text(
                bool(document.confirmed[query]), bool(document.rejected[query]), bool(document.mask[query]), moved
            )
            if not told[query]:
                states[query] = _SUSPICIOUS
        states[document.confirmed] = _CONFIRMED
        states[document.mask] = _MASKED
        states[document.rejected] = _REJECTED
        parts.findings.model.set_states(told)
        parts.matrix.set_states(states)

    def next_suspicious(self) -> None:
        """Go to the next suspicious match that nothing was done about."""
        rows: tuple[Suspicion, ...] = self.check.suspicious if self.check is not None else ()
        cell = self._view.parts.matrix.cursor_cell
        states = self._view.parts.findings.model.states
        order = [row.query for row in rows]
        start = order.index(cell[1]) + 1 if cell is not None and cell[1] in order else 0
        for query in order[start:] + order[:start]:
            if not states.get(query):
                self.go_to_query(query)
                return

    def _in_list(self, query: int) -> bool:
        return self.check is not None and any(row.query == query for row in self.check.suspicious)

    def _on_finding(self, finding: Finding) -> None:
        if finding.queries:
            self.go_to_query(finding.queries[0])
        elif finding.references:
            cell = self._view.parts.matrix.cursor_cell
            self._view.parts.matrix.set_cursor(finding.references[0], cell[1] if cell is not None else 0)
            self.show_cell(finding.references[0], cell[1] if cell is not None else 0)
        self._view.parts.matrix.setFocus()

    def _on_action(self, finding: Finding) -> None:
        editor = self._view.editor
        if editor.document is None or not editor.editable:
            return
        if finding.kind == "offset" and self.check is not None and self.check.offsets is not None:
            editor.do(editor.document.shift(self.check.offsets.best))
        elif finding.kind == "no_match":
            editor.do(editor.document.set_mask(finding.queries, True))
        elif finding.kind == "orientation":
            try:
                editor.do(editor.document.turn())
            except BadInput as error:
                self._view.notify(str(error))
        self.check_quietly()

    def stop(self) -> None:
        """The window closes."""
        self.leave_check()
        self.frames.close()
