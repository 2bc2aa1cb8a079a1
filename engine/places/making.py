"""New traverses out of encoded frames: written whole or not at all, never over something that is there."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress, Throttle
from engine.places.index import Coordinate, IndexRow, write_index
from engine.places.traverse import Traverse, TraverseInfo
from engine.places.workspace import Workspace
from engine.storage import new_folder, write_json


@dataclass(frozen=True, order=True)
class TraverseName:
    """A traverse of a workspace by its names."""

    dataset: str
    camera: str
    traverse: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.camera}/{self.traverse}"

    def beside(self, traverse: str) -> "TraverseName":
        """A traverse of another name by the same camera."""
        return TraverseName(self.dataset, self.camera, traverse)

    def open(self, workspace: Workspace) -> Traverse:
        """Open it.

        Raises:
            BadInput: it is not there, or its index file cannot be read.
        """
        return workspace.traverse(self.dataset, self.camera, self.traverse)

    def folder(self, workspace: Workspace) -> Path:
        """Where its frames are, or would be."""
        return workspace.frames_folder(self.dataset, self.camera, self.traverse)

    def refuse_existing(self, workspace: Workspace) -> None:
        """Refuse a name for a new traverse.

        Raises:
            BadInput: a part of the name is no folder's, or the traverse or its index file is there already.
        """
        for field, value in (("dataset", self.dataset), ("camera", self.camera), ("traverse", self.traverse)):
            check_part(field, value)
        folder, index = self.folder(workspace), workspace.index_file(self.traverse)
        if index.exists():
            raise BadInput(f"{index} exists already: choose another name for the traverse.")
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise BadInput(f"{folder} exists already: choose another name for the traverse.")


def check_part(field: str, value: str) -> None:
    """Refuse a name that is no single folder's."""
    if not value.strip() or value.startswith(".") or any(sign in value for sign in "/\\\0\n"):
        raise BadInput(f"The {field} should have a folder's name, but is called {value!r}: leave out slashes and a leading dot.")
    if len(value.encode()) > 200:
        raise BadInput(f"The name of the {field} has {len(value.encode())} bytes: 200 are the most.")


def write_new_traverse(
    workspace: Workspace,
    name: TraverseName,
    frames: Iterable[bytes],
    total: int,
    info: TraverseInfo,
    emit: Emit,
    cancel: CancelToken,
    *,
    coordinates: Sequence[Coordinate | None] | None = None,
    beside: Mapping[str, Path | bytes] | None = None,
) -> Traverse:
    """Write a traverse of encoded frames: the PNGs, traverse.json, what belongs beside them, and the index in LENS's form.

    Args:
        workspace, name: where; must not be there yet.
        frames: PNG bytes, in order; may be a generator.
        total: how many, for the progress.
        info: what traverse.json says.
        emit, cancel: see engine.jobs; when it is cancelled nothing is left.
        coordinates: latitude and longitude of each frame.
        beside: files (by name) to copy or write into the folder.

    Raises:
        BadInput: the name is taken or unfit, or there is no frame.
    """
    name.refuse_existing(workspace)
    folder, throttle, stage = name.folder(workspace), Throttle(), f"Writing {name.traverse}"
    count = 0
    with new_folder(folder) as part:
        for count, content in enumerate(frames, start=1):
            cancel.check()
            (part / f"image_{count - 1:04d}.png").write_bytes(content)
            if count == total or throttle.ready():
                emit(Progress(stage, count, total, "frames"))
        if count == 0:
            raise BadInput(f"No frame is left for {name.traverse}: choose a larger part.")
        for file, source in (beside or {}).items():
            if isinstance(source, bytes):
                (part / file).write_bytes(source)
            else:
                shutil.copyfile(source, part / file)
        write_json(part / "traverse.json", info.model_dump(mode="json"))
    places = list(coordinates) if coordinates is not None else [None] * count
    rows = [IndexRow(f"image_{number:04d}.png", number, places[number]) for number in range(count)]
    try:
        write_index(workspace.index_file(name.traverse), rows)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Traverse(name.traverse, folder, rows, indexed=True)
