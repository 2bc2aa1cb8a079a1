"""What a sweep can vary: numbers within a range, and choices among some of their values.

All of it is read off the parameter models: the training parameters of a kind of network, and what the network sees of a frame
(InputParameters). A field whose type is a Literal or a bool is a choice, and so is a set of numbers of which the declaration
gives examples (windows); a field with a number as its default is a number.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.networks.library import NetworkKind
from engine.parameters import Parameters, problems
from engine.training.kinds import KINDS, SweepRange

Value = str | bool | int | float
"""A value as a study keeps it; a set of numbers is its text, such as "1 2 4"."""


@dataclass(frozen=True)
class SweepChoice:
    """Values that a sweep chooses among."""

    values: tuple[Value, ...]


Varied = SweepRange | SweepChoice


@dataclass(frozen=True)
class Variable:
    """A parameter that a sweep can vary.

    Attributes:
        name: of the field.
        model: that declares it.
        text: its help.
        usual: what is offered first; whether it is a choice or a number.
        several: it is a set of numbers, so that there are more values than those that are offered.
        whole: it is a whole number.
    """

    name: str
    model: type[Parameters]
    text: str
    usual: Varied
    several: bool = False
    whole: bool = False


@cache
def variables(kind: NetworkKind) -> Mapping[str, Variable]:
    """What can be varied for a kind of network: the kind's usual ones first, then choices, then the other numbers."""
    entry = KINDS[kind]
    found: dict[str, Variable] = {}
    for model in (entry.parameters, InputParameters):
        for name, field in model.model_fields.items():
            if name == "seed" or name in found:
                continue
            values, several = _choices(field.annotation, field.examples)
            default = field.get_default()
            if values:
                usual: Varied = SweepChoice(values)
            elif isinstance(default, int | float):
                usual = entry.sweeps.get(name) or _usual(model, name, default)
            else:
                continue
            found[name] = Variable(name, model, field.description or "", usual, several, isinstance(default, int) and not values)

    first = list(entry.sweeps)

    def rank(variable: Variable) -> tuple[int, bool, bool]:
        # Of the choices those of the inputs come first: every kind of network has them.
        place = first.index(variable.name) if variable.name in first else len(first)
        return place, isinstance(variable.usual, SweepRange), variable.model is not InputParameters

    return {variable.name: variable for variable in sorted(found.values(), key=rank)}


def _choices(annotation: Any, examples: list[Any] | None) -> tuple[tuple[Value, ...], bool]:
    """The values of a choice, and whether there are others, too; none for a type that is no choice."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _choices(parts[0], examples)
    if origin in (typing.Union, types.UnionType):
        rest = [part for part in parts if part is not type(None)]
        return _choices(rest[0], examples) if len(rest) == 1 else ((), False)
    if origin is Literal:
        return tuple(parts), False
    if annotation is bool:
        return (False, True), False
    if origin is tuple and examples:
        return tuple(" ".join(map(str, example)) for example in examples), True
    return (), False


def _usual(model: type[Parameters], name: str, default: float) -> SweepRange:
    """From half to double the default, within the declared bounds."""
    low, high = (default / 2, default * 2) if default else (0.0, 1.0)
    for bound in model.model_fields[name].metadata:
        if isinstance(bound, Ge | Gt):
            low = max(low, float(bound.ge if isinstance(bound, Ge) else bound.gt))  # type: ignore[arg-type]
        elif isinstance(bound, Le | Lt):
            high = min(high, float(bound.le if isinstance(bound, Le) else bound.lt))  # type: ignore[arg-type]
    if isinstance(default, int):
        return SweepRange(float(round(low)), float(round(high)))
    return SweepRange(float(f"{low:.4g}"), float(f"{high:.4g}"))


def shown(value: Value) -> str:
    """A value in few characters, a choice as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:.4g}"


def parameter_value(variable: Variable, value: Value) -> Any:
    """What a study's value is for the model: the numbers of a set, else the value itself."""
    if not variable.several:
        return value
    return [int(part) if part.isdecimal() else part for part in str(value).split()]


def split_chosen(kind: NetworkKind, chosen: Mapping[str, Value]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A trial's values as those of the inputs and those of the training."""
    inputs: dict[str, Any] = {}
    training: dict[str, Any] = {}
    for name, value in chosen.items():
        variable = variables(kind)[name]
        (inputs if variable.model is InputParameters else training)[name] = parameter_value(variable, value)
    return inputs, training


# -- as it is typed


def read_varied(kind: NetworkKind, words: list[str]) -> dict[str, Varied]:
    """What is to be varied: NAME=LOW:HIGH, NAME=LOW:HIGH:log, NAME=VALUE,VALUE, or NAME alone for all values of a choice.

    Raises:
        BadInput: a word is none of these, names what cannot be varied, or is the second of its name.
    """
    found: dict[str, Varied] = {}
    for word in words:
        name, sign, values = (part.strip() for part in word.partition("="))
        variable = variables(kind).get(name)
        if name in found:
            raise BadInput(f"--vary names {name} twice: give it once, with all its values.")
        if variable is None:
            raise _unknown(kind, name)
        if isinstance(variable.usual, SweepChoice):
            found[name] = _read_choice(variable, values, word) if sign else variable.usual
        else:
            found[name] = _read_range(values, word)
    return found


def _unknown(kind: NetworkKind, name: str) -> BadInput:
    names = ", ".join(variables(kind))
    return BadInput(f"{name} is no parameter of a network of the kind {kind} that could be varied: choose among {names}.")


def _read_choice(variable: Variable, values: str, word: str) -> SweepChoice:
    offered = variable.usual.values if isinstance(variable.usual, SweepChoice) else ()
    if ":" in values or not values:
        some = ",".join(map(shown, offered[:2]))
        raise BadInput(f"{variable.name} has no range: give --vary {variable.name}={some}, and not {word!r}.")
    known = {shown(value): value for value in offered}
    parts = [" ".join(part.split()) for part in values.split(",")]
    return SweepChoice(tuple(known.get(part, part) for part in parts))


def _read_range(values: str, word: str) -> SweepRange:
    parts = values.split(":")
    try:
        low, high = float(parts[0]), float(parts[1])
        if len(parts) > 3 or (len(parts) == 3 and parts[2] != "log"):
            raise ValueError
    except (ValueError, IndexError):
        raise BadInput(
            f"--vary should be given as NAME=LOW:HIGH or NAME=LOW:HIGH:log, or for a choice as NAME=VALUE,VALUE, but is {word!r}."
        ) from None
    return SweepRange(low, high, len(parts) == 3)


# -- checks


def check_varied(kind: NetworkKind, varied: Mapping[str, Varied]) -> None:
    """See whether what is varied is what the parameters may be.

    Raises:
        BadInput: which parameter, and what is wrong.
    """
    if not varied:
        raise BadInput("A sweep varies at least one parameter: choose one, and its range or its values.")
    for name, over in varied.items():
        variable = variables(kind).get(name)
        if variable is None:
            raise _unknown(kind, name)
        if isinstance(variable.usual, SweepChoice) and isinstance(over, SweepRange):
            raise BadInput(f"{name} has no range: choose among {', '.join(map(shown, variable.usual.values))}.")
        if isinstance(over, SweepChoice):
            _check_choice(variable, over)
        else:
            _check_range(variable, over)


def _check_choice(variable: Variable, over: SweepChoice) -> None:
    name = variable.name
    if isinstance(variable.usual, SweepRange):
        raise BadInput(f"{name} is a number: give a range from a lower to a higher one.")
    for value in over.values:
        # With the defaults beside it what is wrong with the model is this value's fault; where no set is, only the field counts.
        found = problems(variable.model, {name: parameter_value(variable, value)})
        sentence = found.get(name) or (found.get("") if variable.several else None)
        if sentence:
            raise BadInput(f"What {name} is varied over: {sentence}")
    if len(over.values) < 2 or len(set(over.values)) < len(over.values):
        told = ", ".join(map(shown, over.values)) or "nothing"
        raise BadInput(f"{name} should be varied over two different values or more, but is over {told}.")


def _check_range(variable: Variable, over: SweepRange) -> None:
    name, whole = variable.name, variable.whole
    if not over.low < over.high:
        raise BadInput(f"The range of {name} should go from a lower to a higher number, but is {over.low:g} to {over.high:g}.")
    if over.log and over.low <= 0:
        raise BadInput(f"The range of {name} is logarithmic, so it should begin above 0, but begins at {over.low:g}.")
    if whole and not (float(over.low).is_integer() and float(over.high).is_integer()):
        raise BadInput(f"{name} is a whole number, so its range should be one of whole numbers.")
    for end in (over.low, over.high):
        # The declared bounds hold at the ends; rules over several parameters are each trial's own affair.
        sentence = problems(variable.model, {name: int(end) if whole else end}).get(name)
        if sentence:
            raise BadInput(f"The range of {name}: {sentence}")


# -- in the study


def distributions(optuna: Any, kind: NetworkKind, varied: Mapping[str, Varied]) -> dict[str, Any]:
    """Optuna's, by name."""
    made: dict[str, Any] = {}
    for name, over in varied.items():
        if isinstance(over, SweepChoice):
            made[name] = optuna.distributions.CategoricalDistribution(over.values)
        elif variables(kind)[name].whole:
            made[name] = optuna.distributions.IntDistribution(int(over.low), int(over.high), log=over.log)
        else:
            made[name] = optuna.distributions.FloatDistribution(over.low, over.high, log=over.log)
    return made


def varied_as_json(varied: Mapping[str, Varied]) -> dict[str, Any]:
    """For a study's content; "choices" only where there are some."""
    ranges = {name: [r.low, r.high, r.log] for name, r in varied.items() if isinstance(r, SweepRange)}
    choices = {name: list(c.values) for name, c in varied.items() if isinstance(c, SweepChoice)}
    return {"ranges": ranges, **({"choices": choices} if choices else {})}


def varied_from_json(content: Mapping[str, Any], kind: NetworkKind, where: str) -> dict[str, Varied]:
    """The reverse.

    Raises:
        BadInput: it varies what is not known here.
        KeyError, TypeError, ValueError, IndexError: it is none of ours.
    """
    varied: dict[str, Varied] = {
        str(name): SweepRange(float(r[0]), float(r[1]), bool(r[2])) for name, r in content["ranges"].items()
    }
    for name, values in dict(content.get("choices", {})).items():
        if not isinstance(values, list) or not all(isinstance(value, Value) for value in values):
            raise ValueError("no list of values")
        varied[str(name)] = SweepChoice(tuple(values))
    unknown = [name for name in varied if name not in variables(kind)]
    if unknown:
        raise BadInput(f"{where} varies {', '.join(unknown)}, which is not known here: use the version of Revisit that made it.")
    return varied
