"""Where the guide pages and the demo's settings are, in a checkout and once installed."""

from pathlib import Path

from engine.errors import BadInput


def resource(name: str) -> Path:
    """The path of a file in resources/, such as "guide/command-line.md".

    Raises:
        BadInput: the installation lacks it.
    """
    engine = Path(__file__).resolve().parent
    for folder in (engine / "resources", engine.parent / "resources"):
        if (folder / name).exists():
            return folder / name
    raise BadInput(f"The file {name} is missing from this installation of Revisit: install it again.")
