"""One frozen model a step: unit, bounds, default and a sentence of help, declared once.

The form, the command line, the run record and the error message all come from these declarations.
"""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import BadInput

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def parameter(default: Any, text: str, *, unit: str = "", **bounds: Any) -> Any:
    """Declare a field of Parameters: its default, its help (one sentence), its unit and pydantic's bounds (ge, gt, le, lt)."""
    return Field(default, description=text, json_schema_extra={"unit": unit} if unit else None, **bounds)


class UnknownParameter(UserWarning):
    """A file names a parameter that this version does not know; it is passed over."""


class Parameters(BaseModel):
    """Base of every parameter model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str) -> Self:
        """Build from a mapping out of a file; unknown keys warn.

        Args:
            values: the parameters by name.
            source: the file or place they come from, for messages.

        Raises:
            BadInput: a value is missing or out of bounds; the sentence names source, field and bound.
        """
        known = {key: value for key, value in values.items() if key in cls.model_fields}
        for key in values.keys() - known.keys():
            warnings.warn(f"{source}: unknown parameter {key!r} is passed over.", UnknownParameter, stacklevel=2)
        return cls.check(known, source)

    @classmethod
    def check(cls, values: Mapping[str, Any], source: str = "") -> Self:
        """Build from a mapping, with a validation error told as one sentence (BadInput)."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise BadInput(_sentence(error, source)) from None


def unit_of(model: type[Parameters], name: str) -> str:
    """The declared unit of a field, or ""."""
    extra = model.model_fields[name].json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def problems(model: type[Parameters], values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with values for a model: one sentence a field, under "" what concerns several; empty where all is well."""
    try:
        model(**values)
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for problem in error.errors():
            place = str(problem["loc"][0]) if problem["loc"] else ""
            found.setdefault(place, []).append(_clause(problem))
        return {place: "; ".join(dict.fromkeys(clauses)) + "." for place, clauses in found.items()}
    return {}


def _sentence(error: ValidationError, source: str) -> str:
    prefix = f"{source}: " if source else ""
    return prefix + "; ".join(dict.fromkeys(_clause(problem) for problem in error.errors())) + "."


def _clause(problem: "ErrorDetails") -> str:
    name = ".".join(str(part) for part in problem["loc"] if isinstance(part, str) and part.isidentifier())
    if name and problem["type"] == "missing" and isinstance(problem["loc"][-1], int):
        return f"{name} has too few values"
    if name and problem["type"] == "too_long":
        return f"{name} should have at most {problem['ctx']['max_length']} values, but has {problem['ctx']['actual_length']}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ").partition(", unable to parse")[0]
    message = message[:1].lower() + message[1:]
    given = f", but is {problem['input']!r}" if problem["type"] not in ("missing", "value_error") else ""
    return f"{name} {message}{given}" if name else message
