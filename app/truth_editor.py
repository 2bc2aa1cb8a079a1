"""A ground truth under editing: the document, its undo stack and its journal, kept in step."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.errors import BadInput
from engine.places.truth.change import Change
from engine.places.truth.document import TruthDocument
from engine.places.truth.journal import Journal, Unsaved, recover


class TruthEditor(QObject):
    """Every edit goes through `do`, or is begun with `stroke` and ended with `end_stroke`; each is one step of undo."""

    changed = Signal(object, object)  # Change, rectangle of the matrix or None
    dirtyChanged = Signal(bool)
    stepped = Signal()  # an edit was done, undone or forgotten
    failed = Signal(str)  # the journal cannot be written

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("truthEditor")
        self.document: TruthDocument | None = None
        self.path: Path | None = None
        self.stack = QUndoStack(self)
        self.stack.setObjectName("truthUndo")
        # By way of this object: a stack that is deleted tells so, when the panel's parts are gone already.
        self.stack.cleanChanged.connect(self._on_clean)
        self.stack.indexChanged.connect(self._on_index)
        self.frozen = False
        self._journal: Journal | None = None
        self._stroke: Change | None = None

    # -- what is open

    def open(self, path: Path, document: TruthDocument) -> None:
        """Edit a document as it is on the disk."""
        self.close()
        self.path, self.document = path, document
        self._journal = Journal(path, document)

    def recover(self, unsaved: Unsaved) -> None:
        """Do what a journal kept, as one step that can be undone; the journal goes on.

        Raises:
            BadInput: the edits do not fit.
        """
        if self.document is not None and self._journal is not None:
            change = recover(unsaved, self.document)
            self._journal.resume(len(unsaved.changes))
            if change:
                self._push(change, kept=True)

    def close(self) -> None:
        """Leave the document; unsaved edits stay in the journal."""
        self.end_stroke()
        if self._journal is not None:
            self._journal.close()
        self._journal = None
        self.document = self.path = None
        self.frozen = False
        self.stack.clear()

    @property
    def dirty(self) -> bool:
        """Whether there is anything that a save would keep."""
        return not self.stack.isClean()

    @property
    def editable(self) -> bool:
        """Whether edits are taken now."""
        return self.document is not None and not self.frozen

    # -- edits

    def do(self, change: Change) -> bool:
        """Do a change as one step; False where it changes nothing or nothing can be changed."""
        if not self.editable or not change:
            return False
        self.end_stroke()
        self._push(change)
        return True

    def stroke(self, change: Change) -> None:
        """Do a part of a stroke: seen at once, kept and undone with the whole stroke."""
        if self.document is None or not self.editable:
            return
        if change:
            self._stroke = change if self._stroke is None else self._stroke.then(change)
            self.changed.emit(change, self.document.apply(change))

    def end_stroke(self) -> None:
        """The stroke is whole."""
        stroke, self._stroke = self._stroke, None
        if stroke:
            self._push(stroke, applied=True)

    def cancel_stroke(self) -> None:
        """Take back what was done of a stroke."""
        stroke, self._stroke = self._stroke, None
        if stroke and self.document is not None:
            undone = stroke.undone()
            self.changed.emit(undone, self.document.apply(undone))

    def note_saved(self) -> None:
        """The document is on the disk as it is now."""
        if self.document is not None and self._journal is not None:
            self._journal.begin_again(self.document)
        self.stack.setClean()

    def _push(self, change: Change, applied: bool = False, kept: bool = False) -> None:
        self.stack.push(_Command(self, change, applied, kept))

    def _apply(self, change: Change, applied: bool, kept: bool) -> None:
        if self.document is None:
            return
        if not applied:
            self.changed.emit(change, self.document.apply(change))
        if not kept and self._journal is not None:
            try:
                self._journal.append(change)
            except BadInput as error:
                self.failed.emit(str(error))

    def _on_index(self, index: int) -> None:
        self.stepped.emit()

    def _on_clean(self, clean: bool) -> None:
        if clean and self.document is not None and self._journal is not None:
            try:  # undone back to what is on the disk: there is nothing to recover
                self._journal.begin_again(self.document)
            except OSError as error:
                self.failed.emit(f"The journal {self._journal.path} cannot be removed ({error.strerror}).")
        self.dirtyChanged.emit(not clean)


class _Command(QUndoCommand):
    """One step. `applied`: it was seen while it was made; `kept`: the journal has it already."""

    def __init__(self, editor: TruthEditor, change: Change, applied: bool, kept: bool) -> None:
        super().__init__(change.text)
        self._editor, self._change = editor, change
        self._applied, self._kept = applied, kept

    def redo(self) -> None:
        """Do it; the first time it may be done already."""
        self._editor._apply(self._change, self._applied, self._kept)
        self._applied = self._kept = False

    def undo(self) -> None:
        """Take it back."""
        self._editor._apply(self._change.undone(), False, False)
