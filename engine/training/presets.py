"""Named sets of settings: LENS's own for its published experiments, and a person's, as files in the workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.places.workspace import Workspace
from engine.storage import read_json, write_json
from engine.training.kinds import KINDS
from engine.training.runs import file_name_of

FOLDER = "presets"
SCHEMA = 1
_INPUTS: Mapping[str, dict[str, Any]] = {
    "LENS": {"dims": (10, 10)},
    "Brisbane": {"dims": (7, 7)},
    "indoor": {"dims": (10, 10)},
}
"""What LENS's experiments set besides the learning rule; sequence length and time bin belong to recognition."""


@dataclass(frozen=True)
class Preset:
    """Settings under a name.

    Attributes:
        name: of the preset.
        kind: of network.
        inputs: values of InputParameters; what is not named stays as it is.
        training: all training parameters.
        path: its file; None for those that Revisit brings.
    """

    name: str
    kind: NetworkKind
    inputs: Mapping[str, Any]
    training: Parameters
    path: Path | None = None


def presets_of(kind: NetworkKind, workspace: Workspace | None) -> tuple[list[Preset], list[str]]:
    """The presets of a kind of network, Revisit's first, and a sentence for each file that cannot be read."""
    found = [Preset(name, kind, _INPUTS.get(name, {}), training) for name, training in KINDS[kind].presets.items()]
    own, problems = [], []
    for path in sorted((workspace.root / FOLDER).glob("*.json")) if workspace is not None else []:
        try:
            preset = _read(path)
        except BadInput as error:
            problems.append(str(error))
            continue
        if preset.kind == kind:
            own.append(preset)
    return found + own, problems


def preset_named(name: str, kind: NetworkKind, workspace: Workspace | None) -> Preset:
    """The preset of a name and kind, as the Training panel lists them.

    Raises:
        BadInput: there is none; the sentence names those that there are.
    """
    found, problems = presets_of(kind, workspace)
    preset = next((one for one in found if one.name == name), None)
    if preset is not None:
        return preset
    others = [other for other in KINDS if other != kind and any(one.name == name for one in presets_of(other, workspace)[0])]
    if others:
        raise BadInput(f"The preset {name} belongs to another kind of network ({', '.join(others)}): leave --preset out.")
    known = ", ".join(one.name for one in found)
    broken = f" {problems[0]}" if problems else ""
    raise BadInput(f"There is no preset {name!r} of the kind {kind}: choose one of {known}.{broken}")


def _read(path: Path) -> Preset:
    content, where = read_json(path), str(path)
    try:
        kind = content["kind"]
        model = KINDS[kind].parameters
        inputs = InputParameters.read(content["inputs"], where)
        return Preset(str(content["name"]), kind, inputs.model_dump(), model.read(content["training"], where), path)
    except (KeyError, TypeError, AttributeError):
        raise BadInput(f"{path} is not a preset of this version: remove it, or save it anew.") from None


def save_preset(
    workspace: Workspace, name: str, kind: NetworkKind, inputs: InputParameters, training: Parameters, *, overwrite: bool = False
) -> Preset:
    """Keep settings under a name.

    Raises:
        BadInput: the name is empty, one of Revisit's own, or taken.
    """
    name = name.strip()
    if not name or len(name) > 80 or any(ord(sign) < 32 for sign in name):
        raise BadInput("A preset's name must have one to 80 characters on one line.")
    if name in KINDS[kind].presets:
        raise BadInput(f"{name} is a preset that Revisit brings: choose another name.")
    path = workspace.root / FOLDER / f"{file_name_of(f'{kind}-{name}')}.json"
    if path.exists() and not overwrite:
        raise BadInput(f"There is a preset {name} already: choose another name.")
    content = {"schema": SCHEMA, "name": name, "kind": kind, "inputs": inputs.model_dump(mode="json")}
    write_json(path, {**content, "training": training.model_dump(mode="json")})
    return Preset(name, kind, inputs.model_dump(), training, path)


def remove_preset(preset: Preset) -> None:
    """Forget a person's preset.

    Raises:
        BadInput: it is one of Revisit's own.
    """
    if preset.path is None:
        raise BadInput(f"{preset.name} is a preset that Revisit brings: it stays.")
    preset.path.unlink(missing_ok=True)
