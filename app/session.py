"""The open workspace, the selection and the live figures: all that the views share."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.errors import BadInput
from engine.places.lock import Held, WorkspaceLock
from engine.places.workspace import Workspace


@dataclass(frozen=True)
class Selection:
    """Which traverses the person works on; "" where none is chosen."""

    dataset: str = ""
    camera: str = ""
    reference: str = ""
    query: str = ""


@dataclass(frozen=True)
class Live:
    """What a running source does now; None where none runs."""

    events_per_second: float | None = None
    frames_dropped: int | None = None


class Session(QObject):
    """The only state that views share. It announces facts; it draws nothing and computes nothing."""

    workspaceOpened = Signal(object)  # Workspace
    workspaceClosed = Signal()
    writableChanged = Signal(bool)
    selectionChanged = Signal(object)  # Selection
    contentChanged = Signal()  # something in the workspace's folders was added, changed or removed
    liveChanged = Signal(object)  # Live
    resultChosen = Signal(object)  # Path of a folder under output: what the Evaluation panel should show

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("session")
        self._workspace: Workspace | None = None
        self._lock: WorkspaceLock | None = None
        self._selection = Selection()
        self._live = Live()
        self._result: Path | None = None
        self.read_only_reason = ""

    @property
    def workspace(self) -> Workspace | None:
        """The open workspace."""
        return self._workspace

    @property
    def writable(self) -> bool:
        """Whether this window is the open workspace's writer; read_only_reason says why not."""
        return self._lock is not None

    @property
    def selection(self) -> Selection:
        """The chosen traverses."""
        return self._selection

    @property
    def live(self) -> Live:
        """What a running source does now."""
        return self._live

    @property
    def result(self) -> Path | None:
        """The folder of the evaluation or live session that was chosen last."""
        return self._result

    def open(self, folder: Path) -> None:
        """Open a workspace in place of the present one; read-only where another window writes to it.

        Raises:
            BadInput: there is no such folder, or it cannot be listed; the present workspace stays open.
        """
        try:
            workspace = Workspace.open(folder.absolute())
            next(workspace.root.iterdir(), None)
        except OSError as error:
            raise BadInput(f"{folder} cannot be opened ({error.strerror}): check its permissions.") from None
        if self._workspace is not None and workspace.root == self._workspace.root:
            self.try_writing()
            return
        self.close()
        self._workspace = workspace
        self._take(workspace)
        self.workspaceOpened.emit(workspace)
        self.writableChanged.emit(self.writable)

    def try_writing(self) -> bool:
        """Become the workspace's writer if nobody else is any more."""
        if self._workspace is not None and self._lock is None and self._take(self._workspace):
            self.writableChanged.emit(True)
        return self.writable

    def close(self) -> None:
        """Close the workspace and give its lock back."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self.read_only_reason = ""
        if self._workspace is not None:
            self._workspace = None
            self._result = None
            self.select()
            self.workspaceClosed.emit()

    def select(self, **names: str) -> None:
        """Choose traverses by name (dataset, camera, reference, query); nothing given chooses none."""
        chosen = replace(self._selection, **names) if names else Selection()
        if chosen != self._selection:
            self._selection = chosen
            self.selectionChanged.emit(chosen)

    def show_result(self, folder: Path) -> None:
        """Choose the folder of an evaluation or of a live session: the Evaluation panel shows it, now or when it is opened."""
        self._result = folder
        self.resultChosen.emit(folder)

    def note_content_changed(self) -> None:
        """Tell all views that the workspace's files have changed."""
        self.contentChanged.emit()

    def report_live(self, **figures: Any) -> None:
        """Tell what a running source does (events_per_second, frames_dropped); nothing given: none runs."""
        live = replace(self._live, **figures) if figures else Live()
        if live != self._live:
            self._live = live
            self.liveChanged.emit(live)

    def _take(self, workspace: Workspace) -> bool:
        try:
            self._lock = WorkspaceLock.take(workspace.root)
            self.read_only_reason = ""
        except Held as held:
            self.read_only_reason = str(held)
        return self._lock is not None
