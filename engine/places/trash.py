"""Renaming and deleting traverses with all that belongs to them; what is deleted goes to the trash and can come back."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice
from engine.parameters import Parameters, parameter
from engine.places.making import TraverseName
from engine.places.workspace import Workspace
from engine.storage import read_json, write_json

TRASH = ".trash"  # as what Capture, Ground truth and Training throw away
_LIST = "trash.json"
Move = tuple[Path, Path]


class RenameParameters(Parameters):
    """Rename a traverse; its index and the ground truths that name it go along, trained networks and runs stay as they are."""

    name: str = parameter("", "The traverse's new name.")


@dataclass(frozen=True)
class TrashEntry:
    """What one deletion moved to the trash.

    Attributes:
        folder: in the trash.
        what: the traverse's name, or a sentence.
        when: date and time, as in the folder's name.
        paths: the files and folders, relative to the workspace.
    """

    folder: Path
    what: str
    when: str
    paths: tuple[str, ...]


def rename_traverse(
    workspace: Workspace, source: TraverseName, parameters: RenameParameters, emit: Emit, cancel: CancelToken
) -> TraverseName:
    """Give a traverse another name: its folder, its index file, and the ground truths that name it.

    Raises:
        BadInput: the new name is taken or unfit, or something cannot be moved; then nothing has changed.
    """
    target = source.beside(parameters.name.strip())
    source.open(workspace)
    target.refuse_existing(workspace)
    cancel.check()
    index = workspace.index_file(source.traverse)
    moves: list[Move] = [(source.folder(workspace), target.folder(workspace))]
    copied: Path | None = None
    if index.exists() and _namesakes(workspace, source):
        copied = workspace.index_file(target.traverse)
        emit(Notice(f"{index.name} stays for the other traverse of this name; {copied.name} is a copy of it."))
    elif index.exists():
        moves.append((index, workspace.index_file(target.traverse)))
    moves += [(path, path.with_name(new)) for path, new in _truths(workspace, source, target.traverse)]
    for _, new in moves[1:]:
        if new.exists():
            raise BadInput(f"{new} exists already: choose another name for the traverse, or move it away.")
    _move_all(moves)
    if copied is not None:
        shutil.copyfile(index, copied)
    return target


def delete_traverses(workspace: Workspace, sources: Sequence[TraverseName], emit: Emit, cancel: CancelToken) -> TrashEntry:
    """Move traverses to `<workspace>/.trash/<date-time>`, with their index files and the ground truths that name them.

    Raises:
        BadInput: one is not there, or something cannot be moved; then nothing has changed.
    """
    if not sources:
        raise BadInput("Choose at least one traverse to delete.")
    cancel.check()
    paths: list[Path] = []
    for source in sources:
        if not source.folder(workspace).is_dir():
            raise BadInput(f"{source.folder(workspace)} is not there: look at the workspace again.")
        paths.append(source.folder(workspace))
        index = workspace.index_file(source.traverse)
        if index.exists() and not _namesakes(workspace, source, sources):
            paths.append(index)
        paths += [path for path, _ in _truths(workspace, source, source.traverse)]
    entry = move_to_trash(workspace, list(dict.fromkeys(paths)), ", ".join(source.traverse for source in sources))
    truths = sum(path.endswith("_GT.npy") for path in entry.paths)
    if truths:
        emit(Notice(f"{truths} ground truth{'s' if truths > 1 else ''} of {entry.what} went to the trash with it."))
    return entry


def move_to_trash(workspace: Workspace, paths: Sequence[Path], what: str) -> TrashEntry:
    """Move files and folders of the workspace to its trash, all or none.

    Raises:
        BadInput: something cannot be moved.
    """
    root = workspace.root.absolute()
    folder = root / TRASH / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    number, first = 2, folder.name
    while folder.exists():
        folder, number = folder.with_name(f"{first}_{number}"), number + 1
    relative = [path.absolute().relative_to(root) for path in paths]
    entry = TrashEntry(folder, what, first, tuple(PurePosixPath(path).as_posix() for path in relative))
    try:
        folder.mkdir(parents=True)
        write_json(folder / _LIST, {"schema_number": 1, "what": what, "when": first, "paths": list(entry.paths)})
    except OSError as error:
        raise BadInput(f"{folder} cannot be made ({error.strerror}): check the workspace's permissions.") from None
    try:
        _move_all([(path, folder / short) for path, short in zip(paths, relative, strict=True)])
    except BadInput:
        shutil.rmtree(folder, ignore_errors=True)  # only the list and empty folders are left in it
        raise
    return entry


def list_trash(workspace: Workspace) -> list[TrashEntry]:
    """What is in the trash, the newest first; folders that no deletion made are passed over."""
    folder = workspace.root / TRASH
    entries = []
    for path in sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []:
        if (path / _LIST).is_file():
            try:
                entries.append(_read(path))
            except BadInput:
                continue
    return entries


def restore(workspace: Workspace, folder: Path, emit: Emit, cancel: CancelToken) -> TrashEntry:
    """Move everything of one deletion back to where it was.

    Args:
        folder: of the trash, by its path or its name.

    Raises:
        BadInput: there is no such deletion, or something is in a file's old place; then nothing has changed.
    """
    place = workspace.root.absolute() / TRASH / folder.name
    if not (place / _LIST).is_file():
        raise BadInput(f"{place} holds nothing that was deleted: see what is in the trash first.")
    cancel.check()
    entry = _read(place)
    moves = []
    for path in entry.paths:
        target = workspace.root.absolute() / path
        if target.exists():
            raise BadInput(f"{target} is there again: rename it before you restore {entry.what}.")
        moves.append((place / path, target))
    _move_all(moves)
    shutil.rmtree(place)
    return entry


def _read(folder: Path) -> TrashEntry:
    content = read_json(folder / _LIST)
    paths = content.get("paths") if isinstance(content, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise BadInput(f"{folder / _LIST} is no list of a deletion: move its files back by hand.")
    for path in paths:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise BadInput(f"{folder / _LIST} names {path!r}, which lies outside the workspace: it is not restored.")
    return TrashEntry(folder, str(content.get("what", "")), str(content.get("when", folder.name)), tuple(paths))


def _namesakes(workspace: Workspace, source: TraverseName, leaving: Sequence[TraverseName] = ()) -> bool:
    """Whether a traverse of another dataset or camera has the same name, and so shares the index file."""
    gone = {source, *leaving}
    return any(TraverseName(*names) not in gone for names in workspace.traverses() if names[2] == source.traverse)


def _truths(workspace: Workspace, source: TraverseName, new: str) -> list[tuple[Path, str]]:
    """The ground truths that name a traverse, with what belongs to each, and their names with the new one in it."""
    folder = source.folder(workspace).parent
    others = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    found: dict[Path, str] = {}
    for other in sorted(others):
        pairs = {(source.traverse, other): (new, other), (other, source.traverse): (other, new)}
        if other == source.traverse:
            pairs = {(other, other): (new, new)}
        for (reference, query), renamed in pairs.items():
            stem = workspace.ground_truth_file(source.dataset, source.camera, reference, query).stem
            for path in folder.iterdir():
                if path.is_file() and path.name.lstrip(".").startswith(f"{stem}."):
                    found[path] = path.name.replace(stem, f"{renamed[0]}_{renamed[1]}_GT", 1)
    return sorted(found.items())


def _move_all(moves: Sequence[Move]) -> None:
    """Move files and folders, all or none."""
    done: list[Move] = []
    try:
        for old, new in moves:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)
            done.append((old, new))
    except OSError as error:
        for old, new in reversed(done):
            new.rename(old)
        raise BadInput(f"{moves[len(done)][0]} cannot be moved ({error.strerror}): check the workspace's permissions.") from None
