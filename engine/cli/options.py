"""Command-line options out of parameter models: one declaration, also for the shell."""

import argparse
import shlex
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

from engine.parameters import Parameters, unit_of

Model = TypeVar("Model", bound=Parameters)


def add_options(parser: argparse.ArgumentParser, model: type[Parameters], title: str, skip: Iterable[str] = ()) -> None:
    """Add `--name` for every field of a model; only options that are given appear in the namespace."""
    group = parser.add_argument_group(title)
    for name, field in model.model_fields.items():
        if name in set(skip):
            continue
        unit, default = unit_of(model, name), field.get_default()
        notes = [f"in {unit}"] if unit else []
        if default not in (None, "", ()) and not isinstance(default, bool):
            notes.append(f"default {' '.join(map(str, default)) if isinstance(default, tuple) else default}")
        text = (field.description or "").rstrip(".") + (f" ({'; '.join(notes)})" if notes else "")
        shape = option_shape(field.annotation)
        group.add_argument(f"--{name}", dest=name, default=argparse.SUPPRESS, help=text.replace("%", "%%"), **shape)


def given(arguments: argparse.Namespace, model: type[Parameters]) -> dict[str, Any]:
    """The options of a model that were given on the command line."""
    return {name: getattr(arguments, name) for name in model.model_fields if hasattr(arguments, name)}


def from_options(
    arguments: argparse.Namespace,
    model: type[Model],
    defaults: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Model:
    """Build the model from the given options over `defaults` and under `fixed`; a wrong value is one sentence (BadInput)."""
    return model.check({**(defaults or {}), **given(arguments, model), **(fixed or {})}, "")


def option_shape(annotation: Any) -> dict[str, Any]:
    """argparse's keywords for a type; values stay text, so that the model itself checks them and words the error."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return option_shape(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return option_shape(next(part for part in typing.get_args(annotation) if part is not type(None)))
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if origin is tuple:
        return {"nargs": "+", "metavar": "NAME" if str in typing.get_args(annotation) else "N"}
    if origin is Literal:
        return {"metavar": "{" + ",".join(map(str, typing.get_args(annotation))) + "}"}
    return {"metavar": {int: "N", float: "X"}.get(annotation, "TEXT" if annotation is str else "PATH")}


def command_line(command: str, *parameters: Parameters) -> str:
    """The command with an option for every value that is not its default, quoted for a shell: the reverse of from_options."""
    words = [command] if command else []
    for model in parameters:
        for name, field in type(model).model_fields.items():
            value = getattr(model, name)
            if value != field.get_default() and value is not None:
                words.append(command_line("", value) if isinstance(value, Parameters) else _option(name, value))
    return " ".join(words)


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    if isinstance(value, tuple):
        return f"--{name} {' '.join(shlex.quote(str(part)) for part in value)}"
    text = shlex.quote(str(value))
    return f"--{name}={text}" if text.startswith("-") else f"--{name} {text}"
