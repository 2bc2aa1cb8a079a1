"""Targets by name, made for a sensor and a network."""

from engine.chip.quantise import ChipParameters, QuantisedNetwork, quantise
from engine.chip.target import Target, TargetFailed
from engine.chip.virtual import VirtualSpeck
from engine.live.cpu import CpuTarget
from engine.live.model import LiveModel
from engine.live.parameters import LiveParameters, TargetKind
from engine.live.worker import Fit

TARGETS: dict[TargetKind, str] = {"cpu": "CPU", "virtual": "Virtual Speck", "speck": "Speck"}
"""Targets by what they are called on the screen."""


def make_target(kind: TargetKind, model: LiveModel, fit: Fit, parameters: LiveParameters) -> Target:
    """A target that is not started yet.

    Raises:
        BadInput: the network does not fit it.
        TargetFailed: it is not there (no driver, no chip).
    """
    width, height = fit.region[2:]
    if kind == "cpu":
        return CpuTarget(model.new_runner(), (width, height), fit.window_us, fit.steps)
    network = quantised(model, (height, width), parameters.chip)
    if kind == "virtual":
        return VirtualSpeck(network, fit.window_us)
    raise TargetFailed("no")


def quantised(model: LiveModel, region: tuple[int, int], parameters: ChipParameters | None) -> QuantisedNetwork:
    """The network in the chip's integers, with thresholds as given, or as suit the events that it was trained on."""
    runner = model.runner
    return quantise(runner.network, runner.inputs.for_frames(region), parameters or ChipParameters(), region)
