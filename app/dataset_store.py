"""What the Dataset panel knows of the workspace: traverses, figures, positions and links, all fetched off the UI thread."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.background import Background, Question
from app.widgets.compare_pane import LinkedFrames
from engine.errors import BadInput
from engine.jobs import CancelToken, ignore
from engine.places.catalogue import CatalogueEntry, catalogue
from engine.places.facts import TraverseFacts, check_traverse
from engine.places.ground_truth import load_ground_truth
from engine.places.links import link_by_number, link_by_place, link_by_share, link_by_truth
from engine.places.making import TraverseName
from engine.places.positions import Positions, positions_of
from engine.places.workspace import Workspace

SAMPLE = 200
"""Frames of a traverse that the panel looks into by itself."""


class DatasetStore(QObject):
    """Fetches one thing of each kind at a time; a newer wish replaces the older one."""

    entriesArrived = Signal()
    factsArrived = Signal()
    positionsArrived = Signal()
    linkArrived = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("datasetStore")
        self._background = Background(self)
        self._asked = {kind: Question(self._background, kind) for kind in ("catalogue", "positions", "link", "facts")}
        self._workspace: Workspace | None = None
        self._measured: dict[tuple[TraverseName, tuple[int, ...]], TraverseFacts] = {}
        self._failed: set[tuple[TraverseName, tuple[int, ...]]] = set()
        self.entries: list[CatalogueEntry] = []
        self.positions: dict[str, Positions] = {}
        self.problem = ""  # why the positions are not there
        self.linked = LinkedFrames()
        self.link_problem = ""  # why two traverses cannot be linked as was wished

    @property
    def reading(self) -> bool:
        """Whether the folders are being looked at."""
        return self._asked["catalogue"].open

    def open(self, workspace: Workspace | None) -> None:
        """Another workspace, or none."""
        self.stop_running()
        self._workspace, self.entries, self.positions, self.linked = workspace, [], {}, LinkedFrames()
        self._measured.clear()
        self._failed.clear()
        if workspace is not None:
            self.reload()
        else:
            self.entriesArrived.emit()

    def reload(self) -> None:
        """Look at the workspace's folders again."""
        workspace = self._workspace
        if workspace is not None:
            self._run("catalogue", lambda cancel: catalogue(workspace, cancel), self._on_entries)

    def entry(self, name: TraverseName | None) -> CatalogueEntry | None:
        """What the catalogue says of a traverse."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def facts(self, name: TraverseName | None) -> TraverseFacts | None:
        """The figures of a traverse, once they are there."""
        entry = self.entry(name)
        return None if entry is None else self._measured.get((entry.name, entry.changed))

    @property
    def all_facts(self) -> list[TraverseFacts]:
        """The figures that are there, in the catalogue's order."""
        return [facts for entry in self.entries if (facts := self._measured.get((entry.name, entry.changed))) is not None]

    def take_facts(self, facts: TraverseFacts) -> None:
        """Figures that a job has measured, of all frames."""
        entry = self.entry(facts.name)
        if entry is not None:
            self._measured[entry.name, entry.changed] = facts
            self.factsArrived.emit()

    def locate(self, names: Sequence[TraverseName]) -> None:
        """Fetch the positions of traverses of one camera; those of the first alone where they have no frame in common."""
        workspace = self._workspace
        if workspace is None or not names:
            self.positions, self.problem = {}, ""
            self.positionsArrived.emit()
            return
        first, wanted = names[0], [name.traverse for name in names]

        def look(cancel: CancelToken) -> tuple[dict[str, Positions], str]:
            try:
                return positions_of(workspace, first.dataset, first.camera, wanted), ""
            except BadInput as wrong:
                if len(wanted) == 1:
                    return {}, str(wrong)
                said = str(wrong)
            try:
                return positions_of(workspace, first.dataset, first.camera, wanted[:1]), said
            except BadInput as wrong:
                return {}, str(wrong)

        self._run("positions", look, self._on_positions)

    def link(self, left: CatalogueEntry, right: CatalogueEntry, by: str) -> None:
        """Fetch the tables that lead from each traverse's frames to the other's."""
        workspace = self._workspace
        if workspace is None or by == "none":
            self._on_linked(LinkedFrames())
            return

        def look(cancel: CancelToken) -> LinkedFrames:
            return _linked(workspace, left, right, by)

        self._run("link", look, self._on_linked, self._on_unlinked)

    def stop_running(self) -> None:
        """Stop looking; nothing is told any more."""
        for question in self._asked.values():
            question.give_up()

    def stop(self) -> None:
        """The window closes."""
        self._background.stop()

    def _run(
        self,
        kind: str,
        function: Callable[[CancelToken], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None] | None = None,
    ) -> None:
        self._asked[kind].ask(function, done, failed or self.failed.emit)

    def _on_entries(self, entries: list[CatalogueEntry]) -> None:
        self.entries = entries
        self.entriesArrived.emit()
        self.factsArrived.emit()
        self._measure()

    def _measure(self) -> None:
        """Look into the next traverse that nobody has looked into since it changed."""
        workspace = self._workspace
        done = self._measured.keys() | self._failed
        entry = next((e for e in self.entries if e.traverse is not None and (e.name, e.changed) not in done), None)
        if workspace is None or entry is None or self._asked["facts"].open:
            return
        name, key = entry.name, (entry.name, entry.changed)

        def arrived(facts: TraverseFacts) -> None:
            self._measured[key] = facts
            self.factsArrived.emit()
            self._measure()

        def refused(sentence: str) -> None:
            self._failed.add(key)
            self._measure()

        self._run("facts", lambda cancel: check_traverse(workspace, name, ignore, cancel, SAMPLE), arrived, refused)

    def _on_positions(self, found: tuple[dict[str, Positions], str]) -> None:
        self.positions, self.problem = found
        self.positionsArrived.emit()

    def _on_linked(self, linked: LinkedFrames) -> None:
        self.linked, self.link_problem = linked, ""
        self.linkArrived.emit()

    def _on_unlinked(self, sentence: str) -> None:
        self.linked, self.link_problem = LinkedFrames(), sentence
        self.linkArrived.emit()


def _linked(workspace: Workspace, left: CatalogueEntry, right: CatalogueEntry, by: str) -> LinkedFrames:
    if by == "number":
        return LinkedFrames(by, link_by_number(left.frames, right.frames), link_by_number(right.frames, left.frames))
    if by == "share":
        return LinkedFrames(by, link_by_share(left.frames, right.frames), link_by_share(right.frames, left.frames))
    if by == "place":
        names = [left.name.traverse, right.name.traverse]
        found = positions_of(workspace, left.name.dataset, left.name.camera, names)
        for name in names:
            if not found[name].known.any():
                raise BadInput(f"{name} has no poses: attach a log, or link the two in another way.")
        one, other = found[names[0]], found[names[1]]
        return LinkedFrames(by, link_by_place(one, other), link_by_place(other, one))
    names = [left.name.traverse, right.name.traverse]
    for reference, query, turned in ((left, right, False), (right, left, True)):
        path = workspace.ground_truth_file(left.name.dataset, left.name.camera, reference.name.traverse, query.name.traverse)
        if path.exists():
            counts = ((reference.frames, reference.frames), (query.frames, query.frames))
            to_query, to_reference = link_by_truth(load_ground_truth(path, *counts).matrix)
            return LinkedFrames(by, to_reference, to_query) if turned else LinkedFrames(by, to_query, to_reference)
    raise BadInput(f"There is no ground truth of {names[0]} and {names[1]}: make one in the Ground truth panel.")
