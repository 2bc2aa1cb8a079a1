"""The habits of LENS's two published versions, by which its own figures are reproduced."""

from collections.abc import Iterable
from typing import Any, Literal

Compat = Literal["lens-0.1.1", "lens-0.1.5"]

_COMMON = {
    "encoding": "gamma",
    "query_encoding": "raw",
    "threshold_rule": "published",
    "field": "lens",
    "ties": "index",
}
_HABITS: dict[Compat, dict[str, Any]] = {
    "lens-0.1.1": {**_COMMON, "cell": "before_centre"},
    "lens-0.1.5": {**_COMMON, "cell": "centre"},
}


def habits(compat: Compat | None, names: Iterable[str]) -> dict[str, Any]:
    """The parameter values that a version implies, of the parameters named.

    Args:
        compat: the version, or None for Revisit's own (no value).
        names: the names to keep, such as a model's fields.
    """
    kept = set(names)
    return {name: value for name, value in _HABITS[compat].items() if name in kept} if compat else {}
