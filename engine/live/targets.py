"""Targets by name, made for a sensor and a network."""

from engine.chip.target import Target, TargetFailed
from engine.live.cpu import CpuTarget
from engine.live.model import LiveModel
from engine.live.parameters import TargetKind
from engine.live.worker import Fit

TARGETS: dict[TargetKind, str] = {"cpu": "CPU", "virtual": "Virtual Speck", "speck": "Speck"}
"""Targets by what they are called on the screen."""


def make_target(kind: TargetKind, model: LiveModel, fit: Fit) -> Target:
    """A target that is not started yet.

    Raises:
        BadInput: the network does not fit it.
        TargetFailed: it is not there (no driver, no chip).
    """
    width, height = fit.region[2:]
    if kind == "cpu":
        return CpuTarget(model.new_runner(), (width, height), fit.window_us, fit.steps)
    raise TargetFailed(f"The target {TARGETS[kind]} is not part of this installation.")
