"""revisit-cli info: what a path is, or what this installation is."""

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.errors import BadInput
from engine.events.convert import describe_recording
from engine.jobs import CancelToken
from engine.places.index import index_of_folder
from engine.places.workspace import Workspace

_PACKAGES = ("numpy", "torch", "opencv-python-headless", "pydantic", "sinabs")


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "info",
        help="say what a workspace, a network or a recording holds, or what is installed",
        description="Describe a workspace, a folder of frames, a network (.pth) or a recording (read whole, to count its events "
        "and what is wrong with them); without a path, this installation.",
        allow_abbrev=False,
    )
    parser.add_argument("path", nargs="?", type=Path, help="a workspace, a folder of event frames, a network or a recording")
    parser.add_argument("--size", metavar="WxH", help="size of a recording's sensor, where the file does not say it")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Run the command."""
    path: Path | None = arguments.path
    if path is None:
        found = _installation()
    elif path.is_dir():
        found = _folder(path)
    elif path.suffix == ".pth":
        found = _network(path)
    elif path.exists():
        with console.progress():
            recording = describe_recording(path, console.emit, cancel, size=_size(arguments.size))
        found = recording.as_json()
    else:
        raise BadInput(f"{path} does not exist: check the path.")
    for line in _lines(found):
        console.say(line)
    write_result(arguments.json, found)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise BadInput(f"--size must be given as in 346x260, but is {text!r}.")
    return int(width), int(height)


def _lines(found: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in found.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{key}:")
            lines += [f"{indent}  " + ", ".join(f"{name} {part}" for name, part in entry.items()) for entry in value]
        elif isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value):
            lines += [f"{indent}{key}:", *(f"{indent}  {entry}" for entry in value)] if value else [f"{indent}{key}: none"]
        elif isinstance(value, list | tuple) and all(isinstance(entry, int) for entry in value):
            lines.append(f"{indent}{key}: " + " x ".join(map(str, value)))
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines


def _installation() -> dict[str, Any]:
    from engine import __version__, native

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "revisit": __version__,
        "compiled loops": native.variant(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": packages,
    }


def _folder(path: Path) -> dict[str, Any]:
    if any(path.glob("*.png")):
        from engine.frames.png import read_frame

        rows = index_of_folder(path)
        height, width = read_frame(path / rows[0].image).shape
        return {"kind": "folder of event frames", "frames": len(rows), "size": [width, height]}
    workspace = Workspace.open(path)
    traverses = []
    for dataset, camera, name in workspace.traverses():
        traverse = workspace.traverse(dataset, camera, name)
        traverses.append(
            {"dataset": dataset, "camera": camera, "traverse": name, "frames": len(traverse), "indexed": traverse.indexed}
        )
    return {
        "kind": "workspace",
        "data_dir": str(workspace.data_dir),
        "traverses": traverses,
        "ground_truths": sorted(str(found.relative_to(workspace.data_dir)) for found in workspace.data_dir.glob("*/*/*_GT.npy")),
        "networks": sorted(found.name for found in workspace.models.glob("*.pth")),
    }


def _network(path: Path) -> dict[str, Any]:
    from engine.networks.lens import load_network
    from engine.networks.record import read_record

    network, record = load_network(path), read_record(path)
    return {
        "kind": "LENS network",
        "inputs": network.inputs,
        "features": network.features,
        "places": network.places,
        "parameters": network.parameter_count,
        "kilobytes": network.memory_kb,
        "record": None if record is None else record.model_dump(mode="json"),
    }
