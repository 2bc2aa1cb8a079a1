"""The Ground truth panel: see, make, check and correct which reference places each query matches."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from app.pieces import Pieces
from app.report import Fault
from app.session import Selection
from app.truth_editor import TruthEditor
from app.truth_loader import Listing, TruthLoader
from app.truth_proposals import TruthProposals
from app.truth_review import TruthReview
from app.truth_saving import TruthSaving
from app.truth_tools import TOOLS, ToolName, TruthTools
from app.views.base import Command, Tools, View
from app.widgets.truth_layout import TruthLayout
from app.widgets.truth_make import WAYS
from engine.parameters import Parameters, parameter
from engine.places.selection import PairSelection
from engine.places.truth.change import Change
from engine.places.truth.document import Rectangle
from engine.places.truth.opening import Opened, print_of_frames
from engine.recognition.matrix_marks import Neighbours
from engine.recognition.methods import BASELINES

_DRAW_KEYS = {Qt.Key[f"Key_{spec.key}"]: spec.name for spec in TOOLS}

_TOLD_BY_CHECK = ("masked", "no match", "is square")


class TruthOptions(Parameters):
    """What the panel remembers between two starts."""

    method: str = parameter("log-zscore", "The background.")
    contrast: str = parameter("query", "The range of its colours.")
    tolerance: int = parameter(3, "The halo.", unit="frames", ge=0, le=999)


class GroundTruthView(View):
    """Mirrors a TruthDocument of the engine; every edit is the engine's, undone by its own stack and kept in a journal."""

    name, title, guide = "ground_truth", "Ground truth", "ground-truth"
    summary = "Say which query belongs to which reference place, and check it by eye."
    Options = TruthOptions

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        saved = tools.settings.options(self.name, TruthOptions)
        self.method = saved.method
        self.opened: Opened | None = None
        self.similarity: NDArray[Any] | None = None
        self._tolerance, self._contrast = saved.tolerance, saved.contrast

    def fill(self) -> Pieces[None]:
        """Parts, then what listens to them."""
        tools = self.tools
        self.parts = TruthLayout()
        self.content.addWidget(self.parts)
        yield from self.parts.fill(tools.theme)
        yield
        self.add_to_header(self.parts.save)
        self.editor = TruthEditor(self)
        self.loader = TruthLoader(tools.jobs, self)
        self.drawing = TruthTools(self.parts.matrix, self.editor, self)
        self.review = TruthReview(self)
        self.proposals = TruthProposals(self)
        self.saving = TruthSaving(self)
        self._listing: Listing | None = None
        self._shown: Selection | None = None
        self._stale = True
        self._left: set[str] = set()  # ground truths of this window with unsaved edits
        yield
        self.parts.foot.tolerance.setValue(self._tolerance)
        self.parts.bar.contrast.setCurrentIndex(max(self.parts.bar.contrast.findData(self._contrast), 0))
        self.parts.matrix.set_contrast(self.parts.bar.contrast.currentData())
        self._connect()
        self._clear("")
        if tools.session.workspace is not None:
            self.await_content()

    # -- what the window asks

    def commands(self) -> list[Command]:
        """For the palette and the Panel menu."""
        review, proposals = self.review, self.proposals
        made = [
            Command("truth_save", "Save the ground truth", self.saving.save, "Ctrl+S", "LENS's .npy, mask and anchors beside it"),
            Command("truth_save_as", "Save as LENS .npy…", self.saving.save_as, "", "A copy of the matrix alone, 0 and 1"),
            Command("truth_undo", "Undo", self.undo, "Ctrl+Z", "Take the last edit back"),
            Command("truth_redo", "Redo", self.redo, "Ctrl+Shift+Z", "Do again what was taken back"),
            Command("truth_next", "Next query", lambda: review.step(1), "", "Go to the match of the next query (N)"),
            Command("truth_previous", "Query before", lambda: review.step(-1), "", "Go to the match of the query before (P)"),
            Command("truth_suspicious", "Next suspicious match", review.next_suspicious, "", "The next one not dealt with (G)"),
            Command("truth_confirm", "Confirm the match", review.confirm, "", "The match is right (C)"),
            Command("truth_reject", "Reject the match", review.reject, "", "The match is wrong (X)"),
            Command("truth_up", "Move the match up", lambda: review.move(-1), "Ctrl+Up", "One reference earlier"),
            Command("truth_down", "Move the match down", lambda: review.move(1), "Ctrl+Down", "One reference later"),
            Command("truth_check", "Check the ground truth", self._on_check, "", "Compare it with how alike the frames look"),
            Command("truth_use", "Use the proposal", proposals.take, "", "Replace the ground truth by it (U)"),
        ]
        for name, title, _, text, _ in WAYS:
            made.append(Command(f"truth_make_{name}", f"Make {title[:1].lower()}{title[1:]}…", self._make_way(name), "", text))
        return made

    def unsaved(self) -> str:
        """What closing would leave in the journal."""
        count = int(self.editor.dirty) + len(self._left)
        return "edits of a ground truth that are not saved (they can be recovered)" if count else ""

    def stop(self) -> None:
        """The window closes; unsaved edits stay in the journal."""
        self.loader.stop()
        self.review.stop()
        self.parts.matrix.stop()
        self.editor.close()

    def showEvent(self, event: QShowEvent) -> None:
        """What was chosen meanwhile is opened now."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no button, line or matrix has used."""
        key, review = Qt.Key(event.key()), self.review
        runs: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_N: lambda: review.step(1),
            Qt.Key.Key_P: lambda: review.step(-1),
            Qt.Key.Key_C: review.confirm,
            Qt.Key.Key_X: review.reject,
            Qt.Key.Key_G: review.next_suspicious,
            Qt.Key.Key_U: self.proposals.take,
            Qt.Key.Key_Space: self.drawing.use_at_cursor,
            Qt.Key.Key_Escape: self._on_escape,
            Qt.Key.Key_BracketLeft: lambda: self.parts.strip.width_box.stepDown(),
            Qt.Key.Key_BracketRight: lambda: self.parts.strip.width_box.stepUp(),
        }
        run = runs.get(key)
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif run is not None:
            run()
        elif key in _DRAW_KEYS:
            self.choose_tool(_DRAW_KEYS[key])
        else:
            super().keyPressEvent(event)

    # -- assembly

    def _connect(self) -> None:
        parts, session = self.parts, self.tools.session
        session.workspaceOpened.connect(lambda workspace: self._on_workspace())
        session.workspaceClosed.connect(self._on_workspace)
        session.selectionChanged.connect(self._on_selection)
        session.contentChanged.connect(self._on_content)
        session.writableChanged.connect(lambda writable: self.show_state())
        parts.bar.pairRequested.connect(
            lambda dataset, camera, reference, query: session.select(
                dataset=dataset, camera=camera, reference=reference, query=query
            )
        )
        parts.bar.backgroundRequested.connect(self.choose_background)
        parts.bar.contrastRequested.connect(self._on_contrast)
        self.loader.listed.connect(self._on_listed)
        self.loader.opened.connect(self._on_opened)
        self.loader.failed.connect(self._on_failed)
        self.loader.similarityReady.connect(self._on_similarity)
        self.loader.similarityFailed.connect(self._on_no_similarity)
        parts.problem.answered.connect(self._on_problem)
        parts.strip.toolChosen.connect(self.choose_tool)
        parts.strip.widthChanged.connect(self._on_width)
        parts.strip.aloneChanged.connect(self._on_alone)
        parts.foot.toleranceChanged.connect(self._on_tolerance)
        parts.strip.undo.clicked.connect(self.undo)
        parts.strip.redo.clicked.connect(self.redo)
        parts.strip.fit.clicked.connect(parts.matrix.fit)
        parts.save.saveRequested.connect(self.saving.save)
        parts.matrix.pictureReady.connect(self._on_picture)
        self.editor.changed.connect(self._on_changed)
        self.editor.dirtyChanged.connect(self.show_state)
        self.editor.failed.connect(self.notify)
        self.editor.stepped.connect(self.show_state)

    # -- which pair

    @property
    def writable(self) -> bool:
        """Whether this window may change the workspace."""
        return self.tools.session.writable

    def refresh(self) -> None:
        """Look what there is, and open the pair that is chosen."""
        workspace = self.tools.session.workspace
        if workspace is None:
            self._clear("Open a workspace to see its traverses.")
            return
        self._stale = False
        self.loader.list(workspace)

    def _on_workspace(self) -> None:
        self._leave()
        self._listing, self._shown, self._left = None, None, set()
        self._clear("")
        self._later()

    def _on_content(self) -> None:
        self._later()

    def _on_selection(self, selection: Selection) -> None:
        if selection != self._shown:
            self._later()

    def _later(self) -> None:
        self._stale = True
        if self.isVisible():
            self.refresh()

    def _on_listed(self, listing: Listing) -> None:
        session, bar = self.tools.session, self.parts.bar
        self._listing = listing
        bar.show_traverses(listing.traverses)
        chosen = session.selection
        wanted = (chosen.dataset, chosen.camera, chosen.reference, chosen.query)
        known = all((chosen.dataset, chosen.camera, name) in listing.traverses for name in (chosen.reference, chosen.query))
        if not known and listing.likely is not None and not any(wanted):
            session.select(**dict(zip(("dataset", "camera", "reference", "query"), listing.likely, strict=True)))
            return  # the selection's change opens it
        bar.show_pair(*wanted)
        if not known:
            self._leave()
            few = len(listing.traverses) < 2
            self._clear(
                "The workspace needs two traverses of one dataset and camera: record them in the Capture panel, or import them "
                "in the Dataset panel."
                if few
                else "Choose a reference and a query above."
            )
            self.content_arrived()
            return
        if self.opened is None or chosen != self._shown or self._files_changed():
            self._open()
        else:
            self._show_methods()

    def _files_changed(self) -> bool:
        """Whether frames or ground truth are others than those that are shown; unsaved edits are not thrown away for it."""
        if self.opened is None:
            return False
        frames = print_of_frames(self.opened.pair) != self.opened.frames_print
        if frames:
            self.loader.forget_matrices()
            self.review.frames.forget()
        return not self.editor.dirty and not self.saving.busy and (frames or self.saving.changed_outside)

    def _open(self, anew: bool = False) -> None:
        """Open what is chosen; `anew`: leave its file aside."""
        workspace, chosen = self.tools.session.workspace, self.tools.session.selection
        if workspace is None:
            return
        self._leave()
        self._clear("Opening…")
        self._shown = chosen
        self.loader.open(
            PairSelection(
                data_dir=workspace.data_dir,
                dataset=chosen.dataset,
                camera=chosen.camera,
                reference=chosen.reference,
                query=chosen.query,
            ),
            anew,
        )

    def _leave(self) -> None:
        """Close what is open; its unsaved edits stay in its journal."""
        self.drawing.leave()
        self.loader.forget_wishes()
        self.proposals.leave()
        if self.editor.path is not None and self.editor.dirty:
            self._left.add(str(self.editor.path))
        self.editor.close()
        self.opened = self.similarity = None

    def _clear(self, text: str) -> None:
        parts = self.parts
        parts.problem.tell("")
        parts.matrix.set_matrix(None)
        parts.matrix.set_empty_text(text)
        parts.pair.show_nothing()
        parts.map.set_routes({})
        self.review.forget_check()
        self.show_state()

    def _on_failed(self, sentence: str) -> None:
        self._clear("")
        self.parts.problem.tell(sentence, "again")
        self.content_arrived()

    def _on_opened(self, opened: Opened) -> None:
        parts, document = self.parts, opened.document
        self.opened = opened
        self.saving.note_print(opened.truth_print)
        self.editor.open(opened.path, document)
        parts.problem.tell(opened.problem, "again", "anew")
        parts.foot.show_metres(opened.positions is not None and bool(opened.positions[0].known.any()))
        if document.tolerance and not parts.foot.metres:
            parts.foot.tolerance.setValue(document.tolerance)
        # A view of one number, which takes no memory: the ground truth is seen at once, the background when it is computed.
        parts.matrix.set_matrix(np.broadcast_to(np.float32(0), document.shape))
        self._show_document()
        if opened.positions is not None:
            names = (opened.pair.reference.name, opened.pair.query.name)
            parts.map.set_routes(dict(zip(names, opened.positions, strict=True)))
        if opened.position_problem:
            self.notify(opened.position_problem)
        ours = str(opened.path) in self._left
        self._left.discard(str(opened.path))
        self._show_methods()
        self.proposals.offer(opened.unsaved, ours)
        self.review.go_to_query(0)
        if not document.matrix.any():
            self.parts.show_tab("Make")
            self.parts.findings.say("There is no match yet: make a ground truth in the tab Make, or draw one.")
        self.show_state()
        self._show_background()
        for note in document.notes if not opened.problem else ():
            if not any(word in note for word in _TOLD_BY_CHECK):
                self.notify(note, "info")

    def _show_document(self) -> None:
        document, parts = self.editor.document, self.parts
        if document is not None:
            self._show_truth()
            parts.matrix.set_points(document.anchors)
            parts.make.show_anchors(document.anchors)
            self.review.show_states()

    def _on_problem(self, answer: str) -> None:
        self.parts.problem.tell("")
        if answer == "replace":
            self.saving.write()
        else:
            self._open(answer == "anew")

    # -- the background

    def _show_methods(self) -> None:
        methods = [(name, baseline.title, baseline.text) for name, baseline in BASELINES.items() if not name.endswith("-causal")]
        if self._listing is not None and self.opened is not None:
            for path, name, reference in self._listing.networks:
                if reference in ("", self.opened.pair.reference.name):
                    methods.append((path, name, f"The network {name}, as spikes"))
        if self.method not in [value for value, _, _ in methods]:
            self.method = TruthOptions().method
        self.parts.bar.show_methods(methods, self.method)

    def choose_background(self, method: str) -> None:
        """Show another baseline's or network's similarity behind the ground truth."""
        self.method = method
        self.save_view_options()
        self._show_background()

    def _show_background(self) -> None:
        if self.opened is None:
            return
        matrix = self.loader.similarity(self.opened.pair, self.method)
        if matrix is None:
            self.parts.strip.note.say("Comparing the frames…")
        else:
            self._on_similarity(matrix)

    def _on_similarity(self, matrix: NDArray[Any]) -> None:
        if self.editor.document is None or matrix.shape != self.editor.document.shape:
            return
        self.similarity = matrix
        self.parts.matrix.set_matrix(matrix, keep_view=True)
        self._show_note()
        self.review.check_quietly()

    def _on_no_similarity(self, sentence: str) -> None:
        self.similarity = None
        self._show_note()
        self.notify(sentence)
        self.content_arrived()

    def _on_picture(self) -> None:
        if self.similarity is not None:
            self.content_arrived()

    def _on_contrast(self, contrast: Any) -> None:
        self.parts.matrix.set_contrast(contrast)
        self.save_view_options()

    # -- edits

    def choose_tool(self, name: ToolName) -> None:
        """Take a tool."""
        if name != "look" and not self.may_edit:
            return
        self.parts.strip.show_tool(name)
        self.drawing.choose(name)
        self.parts.strip.width_box.setEnabled(name in ("pencil", "band", "eraser"))
        self.parts.strip.width_label.setEnabled(name in ("pencil", "band", "eraser"))
        if name == "band" and self.parts.strip.width_box.value() == 1:
            self.parts.strip.width_box.setValue(2 * (3 if self.parts.foot.metres else self.parts.foot.tolerance.value()) + 1)
        self.parts.matrix.setFocus()

    def undo(self) -> None:
        """Take the last edit back."""
        if self.may_edit:
            self.drawing.leave()
            self.editor.stack.undo()

    def redo(self) -> None:
        """Do the edit again that was taken back last."""
        if self.may_edit:
            self.drawing.leave()
            self.editor.stack.redo()

    @property
    def may_edit(self) -> bool:
        """Whether edits are taken now."""
        return self.writable and self.editor.editable

    def _on_changed(self, change: Change, where: Rectangle | None) -> None:
        matrix, document = self.parts.matrix, self.editor.document
        if document is None:
            return
        if where is not None:
            matrix.truth_changed(where, change.cells)
        if len(change.masked):
            matrix.set_mask(document.mask)
        if change.anchors is not None:
            matrix.set_points(document.anchors)
            self.parts.make.show_anchors(document.anchors)
        self.review.note_change(change)
        self.review.refresh_cell(change)

    def _on_width(self, width: int) -> None:
        self.drawing.width = width

    def _on_alone(self, on: bool) -> None:
        self.drawing.alone = on

    def _on_tolerance(self) -> None:
        document, foot = self.editor.document, self.parts.foot
        if document is not None:
            if not foot.metres:
                document.tolerance = foot.tolerance.value()  # how it is looked at: kept with the next save, and no edit
            self._show_truth()
        self.save_view_options()

    def _show_truth(self) -> None:
        document, foot, near = self.editor.document, self.parts.foot, None
        if document is None:
            return
        if foot.metres and self.opened is not None and self.opened.positions is not None:
            near = Neighbours(self.opened.positions[0].xy, float(foot.tolerance.value()))
        self.parts.matrix.set_truth(document.matrix, document.mask, foot.tolerance.value(), near)

    def _on_escape(self) -> None:
        if self.drawing.begun:
            self.drawing.leave()
        elif self.proposals.proposal is not None:
            self.proposals.show(None)
        else:
            self.choose_tool("look")

    def _on_check(self) -> None:
        self.parts.show_tab("Check")
        self.review.start_check()

    def _make_way(self, name: str) -> Any:
        def show() -> None:
            self.parts.show_tab("Make")
            self.parts.make.choose(name)
            self.parts.make.way.setFocus()

        return show

    # -- telling

    def show_state(self, *ignored: object) -> None:
        """Mirror what can be done now, and whether there is anything to save."""
        parts, document = self.parts, self.editor.document
        waiting = self.proposals.waiting
        self.editor.frozen = self.saving.busy or waiting or not self.writable
        editable = document is not None and not self.editor.frozen
        why = ""
        if document is not None and not self.writable:
            why = "Read-only: another window writes to this workspace, so the ground truth can only be looked at"
        elif waiting:
            why = "Answer the question above first: recover the edits, or move them to the trash"
        parts.strip.show_editable(editable, why)
        if not editable and self.drawing.tool != "look" and not self.saving.busy:
            self.drawing.choose("look")
            parts.strip.show_tool("look")
        elif document is None:
            parts.strip.show_tool("look")
        wide = self.drawing.tool in ("pencil", "band", "eraser")
        parts.strip.width_box.setEnabled(editable and wide)
        parts.strip.width_label.setEnabled(editable and wide)
        parts.pair.show_editable(editable)
        for button in (parts.pair.previous, parts.pair.next, parts.strip.fit):
            button.setEnabled(document is not None)
        parts.strip.undo.setEnabled(editable and self.editor.stack.canUndo())
        parts.strip.redo.setEnabled(editable and self.editor.stack.canRedo())
        for button, text, key in (
            (parts.strip.undo, self.editor.stack.undoText(), "Undo{} (Ctrl+Z)"),
            (parts.strip.redo, self.editor.stack.redoText(), "Redo{} (Ctrl+Shift+Z)"),
        ):
            button.setToolTip(key.format(f": {text[:1].lower()}{text[1:]}" if text else ""))
        parts.make.show_state(editable, self.proposals.busy)
        parts.findings.check.setEnabled(document is not None)
        parts.proposal.buttons["use"].setEnabled(editable)
        self._show_saved(document is not None)
        self._show_note()

    def _show_saved(self, opened: bool) -> None:
        there = self.editor.path is not None and self.editor.path.exists()
        if not opened:
            text = ""
        elif not self.writable:
            text = "read-only"
        elif self.saving.busy:
            text = "saving…"
        elif self.editor.dirty:
            text = "● not saved"
        else:
            text = "saved" if there else "no file yet"
        savable = opened and self.writable and not self.saving.busy and (self.editor.dirty or not there)
        self.parts.save.show_state(text, savable and not self.proposals.waiting)

    def _show_note(self) -> None:
        document = self.editor.document
        if document is None:
            self.parts.strip.note.say(" ")
        elif self.similarity is None and self.loader.busy:
            self.parts.strip.note.say("Comparing the frames…")
        else:
            matched = int((document.matrix.any(axis=0) & ~document.mask).sum())
            masked = int(document.mask.sum())
            extra = f", {masked} masked" if masked else ""
            self.parts.strip.note.say(f"{matched} of {document.shape[1]} matched{extra}")

    def notify(self, sentence: str, level: str = "warning") -> None:
        """Tell the person without blocking."""
        self.notified.emit(Fault(sentence, level=level))

    def save_view_options(self) -> None:
        """Keep the settings for the next start."""
        self.save_options(
            TruthOptions(
                method=self.method if self.method in BASELINES else TruthOptions().method,
                contrast=self.parts.bar.contrast.currentData(),
                tolerance=self.parts.foot.tolerance.value(),
            )
        )
