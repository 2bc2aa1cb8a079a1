"""The list of a workspace's networks: from models/ and from runs, by records and names alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.networks.library import networks_of
from engine.places.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "lab")


def put(path: Path, content: Any = None, size: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    if content is not None:
        path.with_suffix(".json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def record(**changed: Any) -> dict[str, Any]:
    made = {"kind": "lens", "created": "2026-11-20T10:00:00Z", "references": ["monday"], "places": 12, "seed": 0}
    return {**made, "inputs": {"dims": [8, 8]}, **changed}


def test_an_empty_workspace_has_none(workspace: Workspace) -> None:
    assert networks_of(workspace) == []


def test_a_file_of_lens_is_known_by_its_name(workspace: Workspace) -> None:
    put(workspace.models / "example-reference_LENS_IN100_FN200_DB90.pth")
    put(workspace.models / "mine.pth")
    put(workspace.models / ".half.pth.123.part.pth")
    found = {entry.name: entry for entry in networks_of(workspace)}
    lens = found["example-reference_LENS_IN100_FN200_DB90"]
    assert (lens.kind, lens.reference, lens.inputs, lens.places, lens.run) == ("lens", "example-reference", 100, 90, None)
    assert (found["mine"].reference, found["mine"].places, found["mine"].inputs) == ("", None, None)
    assert len(found) == 2


def test_a_record_says_more_than_the_name(workspace: Workspace) -> None:
    put(workspace.models / "a.pth", record(kind="prototype", references=["monday", "tuesday"]))
    (entry,) = networks_of(workspace)
    assert (entry.kind, entry.reference, entry.places, entry.inputs) == ("prototype", "monday + tuesday", 12, 64)
    assert entry.created == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_runs_are_listed_and_a_network_placed_in_models_only_once(workspace: Workspace) -> None:
    first, second = workspace.root / "runs" / "2026-11-20_10-00-00_a", workspace.root / "runs" / "2026-11-21_10-00-00_b"
    put(first / "monday_LENS_IN64_FN128_DB12.pth", record())
    put(workspace.models / "monday_LENS_IN64_FN128_DB12.pth", record())
    put(second / "monday_LENS_IN64_FN128_DB12.pth", record(created="2026-11-21T10:00:00Z", seed=1))
    (second / "run.json").write_text("{}")
    found = networks_of(workspace)
    assert [(entry.path.parent, entry.run) for entry in found] == [(second, second), (workspace.models, first)]


def test_networks_are_called_by_the_names_of_their_runs(workspace: Workspace) -> None:
    runs = workspace.root / "runs"
    for folder, name, day in (("a", "dusk, seed 0", 20), ("b", "dusk, seed 1", 21), ("c", "again", 22), ("d", "again", 23)):
        put(runs / folder / "monday_LENS_IN64_FN128_DB12.pth", record(created=f"2026-11-{day}T10:00:00Z", seed=day))
        (runs / folder / "run.json").write_text(json.dumps({"name": name}))
    put(runs / "e" / "monday_LENS_IN64_FN128_DB12.pth", record(created="2026-11-24T10:00:00Z"))
    (runs / "e" / "run.json").write_text("{")
    put(workspace.models / "mine.pth", record(created="2026-11-25T10:00:00Z"))
    titles = [entry.title for entry in networks_of(workspace)]
    assert titles[0] == "mine" and titles[1] == "monday_LENS_IN64_FN128_DB12"
    assert titles[2].startswith("again (2026-11-23 ") and titles[3].startswith("again (2026-11-22 ")
    assert titles[4:] == ["dusk, seed 1", "dusk, seed 0"]


def test_networks_without_a_record_in_two_places_are_two(workspace: Workspace) -> None:
    put(workspace.root / "runs" / "r" / "x_LENS_IN4_FN8_DB2.pth")
    put(workspace.models / "x_LENS_IN4_FN8_DB2.pth")
    assert len(networks_of(workspace)) == 2


@pytest.mark.parametrize(
    "content", ["{", "[]", '"text"', json.dumps(record(places="many", created="soon", references=3, inputs=[1], kind="other"))]
)
def test_a_broken_record_does_not_hide_the_others(workspace: Workspace, content: str) -> None:
    put(workspace.models / "monday_LENS_IN64_FN128_DB12.pth", content)
    put(workspace.models / "good.pth", record())
    found = {entry.name: entry for entry in networks_of(workspace)}
    broken = found["monday_LENS_IN64_FN128_DB12"]
    assert (broken.kind, broken.places, broken.inputs, broken.reference) == ("lens", 12, 64, "monday")
    assert found["good"].problem == ""
    assert bool(broken.problem) == (not content.startswith('{"'))


def test_listing_imports_no_torch(workspace: Workspace) -> None:
    put(workspace.models / "good.pth", record())
    code = (
        "import sys\nfrom pathlib import Path\nfrom engine.networks.library import networks_of\n"
        "from engine.places.workspace import Workspace\n"
        f"print(len(networks_of(Workspace.open(Path({str(workspace.root)!r})))), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["1", "False"]
