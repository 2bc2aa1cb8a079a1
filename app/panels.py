"""The panels, in order: the one table that navigation, menus, shortcuts and the command line read."""

import importlib
from dataclasses import dataclass

from app.views.base import Tools, View


@dataclass(frozen=True)
class Panel:
    """A panel by name; its class is imported when it is first shown."""

    name: str
    title: str
    icon: str
    shortcut: str
    tip: str
    view: str  # "module:class"

    def make(self, tools: Tools) -> View:
        """Build the view."""
        module, _, name = self.view.partition(":")
        made = getattr(importlib.import_module(module), name)(tools)
        if not isinstance(made, View):
            raise TypeError(f"{self.view} is not a View")
        return made


_PLANNED = "app.views.planned:Planned"
PANELS = (
    Panel("capture", "Capture", "capture", "Ctrl+1", "Watch a camera or a recording, and record", f"{_PLANNED}Capture"),
    Panel("dataset", "Dataset", "dataset", "Ctrl+2", "Look through traverses and repair them", f"{_PLANNED}Dataset"),
    Panel(
        "ground_truth",
        "Ground truth",
        "ground_truth",
        "Ctrl+3",
        "Say which query belongs to which place",
        f"{_PLANNED}GroundTruth",
    ),
    Panel("training", "Training", "training", "Ctrl+4", "Teach a network the places of a traverse", f"{_PLANNED}Training"),
    Panel("evaluation", "Evaluation", "evaluation", "Ctrl+5", "Measure how well places are recognised", f"{_PLANNED}Evaluation"),
    Panel("deploy", "Deploy", "deploy", "Ctrl+6", "Run a network live, in simulation or on the chip", f"{_PLANNED}Deploy"),
)


def panel(name: str) -> Panel | None:
    """The panel of this name; "ground truth" and "ground-truth" are fine too."""
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    return next((entry for entry in PANELS if entry.name == wanted), None)
