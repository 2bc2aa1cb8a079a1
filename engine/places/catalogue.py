"""All traverses of a workspace at a glance: what costs no look into the frames."""

from dataclasses import dataclass

from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.places.making import TraverseName
from engine.places.traverse import Traverse, TraverseInfo
from engine.places.workspace import Workspace


@dataclass(frozen=True)
class CatalogueEntry:
    """A traverse of the catalogue.

    Attributes:
        name: which one.
        traverse, info: opened; None where `problem` says why not.
        changed: times of change of its folder, index and traverse.json: other figures mean other content.
        problem: why it cannot be opened, or "".
    """

    name: TraverseName
    traverse: Traverse | None
    info: TraverseInfo | None
    changed: tuple[int, ...] = ()
    problem: str = ""

    @property
    def frames(self) -> int:
        """How many its index names."""
        return 0 if self.traverse is None else len(self.traverse)

    @property
    def poses(self) -> str:
        """The file that locates its frames: a log, or "index" for coordinates there; "" without any."""
        if self.info is not None and self.info.pose_log is not None:
            return self.info.pose_log.file
        if self.info is not None and self.info.poses:
            return self.info.poses
        located = self.traverse is not None and any(row.coordinate is not None for row in self.traverse.rows)
        return "index" if located else ""


def catalogue(workspace: Workspace, cancel: CancelToken) -> list[CatalogueEntry]:
    """Every traverse of a workspace, sorted by dataset, camera and name; one that cannot be opened says why.

    Raises:
        JobCancelled: stopped.
    """
    entries = []
    for names in workspace.traverses():
        cancel.check()
        name = TraverseName(*names)
        folder, index = name.folder(workspace), workspace.index_file(name.traverse)
        files = (folder, index, folder / "traverse.json")
        changed = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
        try:
            traverse = name.open(workspace)
        except BadInput as wrong:
            entries.append(CatalogueEntry(name, None, None, changed, str(wrong)))
            continue
        try:
            info, problem = traverse.info(), ""
        except BadInput as wrong:  # its frames can still be looked at
            info, problem = None, str(wrong)
        entries.append(CatalogueEntry(name, traverse, info, changed, problem))
    return entries
