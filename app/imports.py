"""What a panel's module needs, found without importing it: a thread imports what is not Qt's, the window's own thread the rest.

A class of Qt's that is made in a thread crashes the window now and then: Qt asks for an object's class without Python's lock, and
PySide looks it up in a table while a new one is entered there (PySide 6.10: MetaObjectBuilder::update without an object).
"""

import dis
import importlib.util
import sys
from collections.abc import Iterator
from types import CodeType

QT = ("PySide6", "shiboken6", "pyqtgraph")
"""Packages with classes of Qt's."""


def needs_of(module: str) -> tuple[list[str], list[str]]:
    """What is imported when a module of the app is.

    Args:
        module: its name.

    Returns:
        Modules that are neither the app's nor Qt's, and modules of the app that are not there yet, each after those that it
        needs, `module` last.

    Raises:
        ModuleNotFoundError: there is no such module of the app.
    """
    others: dict[str, None] = {}
    ours: dict[str, None] = {}
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen or name in sys.modules:
            return
        seen.add(name)
        for imported in _imported(_code(name)):
            top = imported.partition(".")[0]
            if top == "app":
                visit(imported)
            elif top not in QT:
                others[imported] = None
        ours[name] = None

    visit(module)
    return list(others), list(ours)


def _code(module: str) -> CodeType:
    spec = importlib.util.find_spec(module)
    code = getattr(spec.loader, "get_code", lambda name: None)(module) if spec is not None else None
    if not isinstance(code, CodeType):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    return code


def _imported(code: CodeType) -> Iterator[str]:
    """The modules that a module's own lines name; what only its functions import is not among them."""
    return (str(line.argval) for line in dis.get_instructions(code) if line.opname == "IMPORT_NAME")
