"""Renaming, deleting and restoring traverses: everything goes along or nothing does."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.jobs import CancelToken, ignore
from engine.places.ground_truth import save_ground_truth
from engine.places.making import TraverseName
from engine.places.trash import RenameParameters, delete_traverses, list_trash, rename_traverse, restore
from engine.places.workspace import Workspace
from tests.places.made import Said, fill, numbers, tree, workspace_at


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = workspace_at(tmp_path / "work")
    for name in ("monday", "monday_b", "tuesday"):
        fill(made, name)
    for reference, query in (("monday", "tuesday"), ("tuesday", "monday_b"), ("monday", "monday")):
        path = made.ground_truth_file("street", "dvs", reference, query)
        save_ground_truth(path, np.eye(6))
        path.with_suffix(".json").write_text("{}")
    (made.models / "monday_LENS_IN1_FN2_DB6.pth").write_bytes(b"a network")
    return made


MONDAY = TraverseName("street", "dvs", "monday")


def names(workspace: Workspace) -> list[str]:
    return [name for _, _, name in workspace.traverses()]


def truths(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in (workspace.data_dir / "street/dvs").iterdir() if path.is_file())


def test_a_renamed_traverse_takes_its_index_and_its_ground_truths_along(workspace: Workspace) -> None:
    before = numbers(workspace, MONDAY)
    new = rename_traverse(workspace, MONDAY, RenameParameters(name="früh"), ignore, CancelToken())
    assert new.traverse == "früh" and set(names(workspace)) == {"früh", "monday_b", "tuesday"}
    assert numbers(workspace, new) == before and new.open(workspace).indexed
    assert not workspace.index_file("monday").exists()
    assert truths(workspace) == sorted(
        f"{stem}_GT.{suffix}" for stem in ("früh_früh", "früh_tuesday", "tuesday_monday_b") for suffix in ("npy", "json")
    )
    assert (workspace.models / "monday_LENS_IN1_FN2_DB6.pth").read_bytes() == b"a network"


def test_a_name_that_is_taken_changes_nothing(workspace: Workspace) -> None:
    before = tree(workspace.root)
    for name, sentence in (("tuesday", "exists already"), ("a/b", "folder's name"), ("", "folder's name")):
        with pytest.raises(BadInput, match=sentence):
            rename_traverse(workspace, MONDAY, RenameParameters(name=name), ignore, CancelToken())
    (workspace.data_dir / "street/dvs/wednesday_tuesday_GT.npy").write_bytes(b"of an older wednesday")
    with pytest.raises(BadInput, match="wednesday_tuesday_GT"):
        rename_traverse(workspace, MONDAY, RenameParameters(name="wednesday"), ignore, CancelToken())
    (workspace.data_dir / "street/dvs/wednesday_tuesday_GT.npy").unlink()
    assert tree(workspace.root) == before


def test_a_move_that_fails_is_undone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before, rename = tree(workspace.root), Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".csv":
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(BadInput, match=r"monday\.csv cannot be moved \(Permission denied\)"):
        rename_traverse(workspace, MONDAY, RenameParameters(name="früh"), ignore, CancelToken())
    with pytest.raises(BadInput, match="cannot be moved"):
        delete_traverses(workspace, [MONDAY], ignore, CancelToken())
    monkeypatch.undo()
    assert tree(workspace.root) == before


def test_an_index_that_two_traverses_share_stays_for_the_other(workspace: Workspace) -> None:
    twin = TraverseName("street", "second", "monday")
    twin.folder(workspace).parent.mkdir(parents=True)
    (MONDAY.folder(workspace)).rename(twin.folder(workspace))
    shutil.copytree(twin.folder(workspace), MONDAY.folder(workspace))
    said = Said()
    new = rename_traverse(workspace, MONDAY, RenameParameters(name="early"), said, CancelToken())
    assert workspace.index_file("monday").exists() and new.open(workspace).indexed and "a copy of it" in said.notices
    delete_traverses(workspace, [twin], ignore, CancelToken())
    assert not workspace.index_file("monday").exists()


def test_what_is_deleted_lies_in_the_trash_and_comes_back(workspace: Workspace) -> None:
    before, said = tree(workspace.root), Said()
    entry = delete_traverses(workspace, [MONDAY], said, CancelToken())
    assert "monday" not in names(workspace) and not workspace.index_file("monday").exists()
    assert truths(workspace) == ["tuesday_monday_b_GT.json", "tuesday_monday_b_GT.npy"]
    assert "2 ground truths" in said.notices
    assert (entry.folder / "dataset/street/dvs/monday/image_0003.png").is_file()
    assert entry.folder.parent == workspace.root / ".trash"
    assert [found.what for found in list_trash(workspace)] == ["monday"]
    restore(workspace, entry.folder, ignore, CancelToken())
    assert tree(workspace.root) == before and list_trash(workspace) == []


def test_several_at_once_are_one_deletion(workspace: Workspace) -> None:
    before = tree(workspace.root)
    entry = delete_traverses(workspace, [MONDAY, MONDAY.beside("tuesday")], ignore, CancelToken())
    assert names(workspace) == ["monday_b"] and truths(workspace) == []
    second = delete_traverses(workspace, [MONDAY.beside("monday_b")], ignore, CancelToken())
    assert entry.folder != second.folder
    assert [found.what for found in list_trash(workspace)] == ["monday_b", "monday, tuesday"]
    restore(workspace, Path(second.folder.name), ignore, CancelToken())
    restore(workspace, Path(entry.folder.name), ignore, CancelToken())
    assert tree(workspace.root) == before


def test_nothing_is_restored_over_something(workspace: Workspace) -> None:
    entry = delete_traverses(workspace, [MONDAY], ignore, CancelToken())
    fill(workspace, "monday", 2)
    before = tree(workspace.root)
    with pytest.raises(BadInput, match="is there again"):
        restore(workspace, entry.folder, ignore, CancelToken())
    assert tree(workspace.root) == before


def test_a_list_in_the_trash_leads_nowhere_else(workspace: Workspace) -> None:
    entry = delete_traverses(workspace, [MONDAY], ignore, CancelToken())
    for path in ("../../etc", "/etc/passwd"):
        (entry.folder / "trash.json").write_text(json.dumps({"paths": [path]}))
        with pytest.raises(BadInput, match="outside the workspace"):
            restore(workspace, entry.folder, ignore, CancelToken())
    (entry.folder / "trash.json").write_text("[]")
    with pytest.raises(BadInput, match="no list of a deletion"):
        restore(workspace, entry.folder, ignore, CancelToken())
    assert list_trash(workspace) == []


def test_what_is_not_there_cannot_be_deleted_or_restored(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="is not there"):
        delete_traverses(workspace, [MONDAY.beside("sunday")], ignore, CancelToken())
    with pytest.raises(BadInput, match="nothing that was deleted"):
        restore(workspace, Path("2026-01-01_00-00-00"), ignore, CancelToken())
