"""Targets by name, made for a sensor and a network."""

from collections.abc import Callable

from engine.chip.limits import STATE_MAX
from engine.chip.quantise import ChipParameters, QuantisedNetwork, quantise
from engine.chip.target import Target, TargetFailed
from engine.chip.virtual import VirtualSpeck
from engine.live.cpu import CpuTarget
from engine.live.model import LiveModel
from engine.live.parameters import LiveParameters, TargetKind
from engine.live.worker import Fit

TARGETS: dict[TargetKind, str] = {"cpu": "CPU", "virtual": "Virtual Speck", "speck": "Speck"}
"""Targets by what they are called on the screen."""

MakeLiveTarget = Callable[[TargetKind, LiveModel, Fit, LiveParameters], Target]
"""Makes a target that is not started yet; raises BadInput or TargetFailed where it cannot."""


def make_target(kind: TargetKind, model: LiveModel, fit: Fit, parameters: LiveParameters) -> Target:
    """A target that needs no hardware, not started yet.

    Raises:
        BadInput: the network does not fit it.
        TargetFailed: it needs a board (see engine.live.speck).
    """
    width, height = fit.region[2:]
    if kind == "cpu":
        return CpuTarget(model.new_runner(fit.steps), (width, height), fit.window_us, fit.steps)
    if kind == "virtual":
        return VirtualSpeck(quantised(model, (height, width), parameters.chip), fit.window_us)
    raise TargetFailed("No Speck board was opened: choose one, or the virtual Speck, which needs none.")


def quantised(model: LiveModel, region: tuple[int, int], parameters: ChipParameters | None) -> QuantisedNetwork:
    """The network in the chip's integers, with thresholds as given, or as suit the events that it was trained on.

    Raises:
        BadInput: its layers cannot be made on the chip.
    """
    runner = model.runner
    seen = model.trained.events_per_pixel
    return quantise(runner.network, runner.inputs.for_frames(region), parameters or suited(model, region), region, seen)


def suited(model: LiveModel, region: tuple[int, int]) -> ChipParameters:
    """Thresholds with which the inputs fire on the chip as often as they did in training, where the reference is known.

    A chip counts events; the simulation draws spikes from a frame's counts. The input threshold makes both as many on the
    reference's frames. Without the reference, LENS's own thresholds.

    Args:
        model: the network.
        region: (rows, columns) of the event frames.
    """
    trained = model.trained
    if not trained.events_per_pixel or not trained.layers or not trained.layers.get("input"):
        return ChipParameters()
    inputs = model.runner.inputs.for_frames(region)
    spikes_an_input = trained.layers["input"] / inputs.inputs
    pixels = inputs.cell_size[0] * inputs.cell_size[1] if inputs.cell == "mean" else 1
    # At least one event a spike, and a threshold that a state of 16 bits holds.
    threshold = min(max(trained.events_per_pixel / spikes_an_input, 1 / pixels), STATE_MAX / pixels, 512.0)
    return ChipParameters(input_threshold=threshold)
