"""The panels, in order: the one table that navigation, menus, shortcuts and the command line read."""

import importlib
import sys
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from app.pieces import Pieces
from app.views.base import Tools, View


@dataclass(frozen=True)
class Panel:
    """A panel by name; its class is imported when it is first shown."""

    name: str
    title: str
    shortcut: str
    tip: str
    view: str  # "module:class" under app.views

    @property
    def icon(self) -> str:
        """An icon in resources/icons of the panel's own name."""
        return self.name

    @property
    def module(self) -> str:
        """The module of the panel's view."""
        return f"app.views.{self.view.partition(':')[0]}"

    @property
    def loaded(self) -> bool:
        """Whether the view's class is there without an import that takes time."""
        return hasattr(sys.modules.get(self.module), self.view.partition(":")[2])

    @property
    def view_class(self) -> type[View]:
        """The view's class."""
        found = getattr(importlib.import_module(self.module), self.view.partition(":")[2])
        if not (isinstance(found, type) and issubclass(found, View)):
            raise TypeError(f"{self.view} is not a View")
        return found

    def assemble(self, tools: Tools, parent: QWidget) -> Pieces[View]:
        """Build the view in pieces, for a place under `parent`."""
        return (yield from self.view_class.assemble(tools, parent))


PANELS = (
    Panel("capture", "Capture", "Ctrl+1", "Watch a camera or a recording, and record", "capture:CaptureView"),
    Panel("dataset", "Dataset", "Ctrl+2", "Look through traverses and repair them", "dataset:DatasetView"),
    Panel("ground_truth", "Ground truth", "Ctrl+3", "Say which query belongs to which place", "ground_truth:GroundTruthView"),
    Panel("training", "Training", "Ctrl+4", "Teach a network the places of a traverse", "training:TrainingView"),
    Panel("evaluation", "Evaluation", "Ctrl+5", "Measure how well places are recognised", "evaluation:EvaluationView"),
    Panel("deploy", "Deploy", "Ctrl+6", "Run a network live, in simulation or on the chip", "deploy:DeployView"),
)


def panel(name: str) -> Panel | None:
    """The panel of this name; "ground truth" and "ground-truth" are fine too."""
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    return next((entry for entry in PANELS if entry.name == wanted), None)
