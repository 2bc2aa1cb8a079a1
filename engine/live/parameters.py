"""What can be set about running a network live."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from engine.capture.parameters import CaptureFilters, CaptureParameters
from engine.chip.quantise import ChipParameters
from engine.parameters import Parameters, parameter
from engine.recognition.forward_filter import ForwardFilterParameters

TargetKind = Literal["cpu", "virtual", "speck"]
Stage = Literal["none", "diagonal", "filter"]
MOST_STEPS = 100
"""A window is at most so many steps long."""


class LiveParameters(Parameters):
    """How live events become places."""

    model: Path = parameter(Path("network.pth"), "File of the network.")
    target: TargetKind = parameter("cpu", "What runs the network: this computer (cpu), the virtual Speck, or a Speck.")
    ghost: Literal["none", "cpu", "virtual", "speck"] = parameter(
        "none", "A second target that runs on the same events, to compare with; none: no ghost."
    )
    window_ms: float | None = parameter(
        None, "Time window of an event frame; left out: as the reference's frames.", unit="ms", ge=1, le=600_000
    )
    step_ms: float = parameter(100.0, "Time from one answer to the next; it divides the window.", unit="ms", ge=1, le=600_000)
    region: tuple[int, int, int, int] | None = parameter(
        None, "Region of interest: left, top, width, height; left out: as the reference's frames.", unit="pixels"
    )
    polarity: Literal["both", "on", "off"] = parameter("both", "Which events count: both, ON or OFF.")
    filters: CaptureFilters = parameter(CaptureFilters(), "The event filters.")
    sequence: Stage = parameter(
        "filter", "What follows the network: nothing, LENS's diagonal over a sequence, or the forward filter."
    )
    sequence_length: int = parameter(4, "Windows in a sequence of the diagonal.", ge=1, le=1000)
    lost_below: float = parameter(
        0.1, "Without the filter: a place that stands out by less than this share is told as lost.", ge=0, le=1
    )
    forward: ForwardFilterParameters = parameter(ForwardFilterParameters(), "The forward filter: how the robot may move.")
    learn_motion: bool = parameter(True, "Take the filter's motion from the reference's poses, where it has some.")
    chip: ChipParameters | None = parameter(
        None, "Thresholds of the network on a chip; left out: those that suit the events that it was trained on."
    )
    seed: int = parameter(0, "Seed of the spikes' random draws.", ge=0, le=2**64 - 1)

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.window_ms is not None:
            steps_in(round(1000 * self.window_ms), self.step_us)
        return self

    @property
    def step_us(self) -> int:
        """From one answer to the next, in whole microseconds."""
        return max(round(1000 * self.step_ms), 1)

    def capture(self, window_us: int, region: tuple[int, int, int, int] | None) -> CaptureParameters:
        """The same as the capture pipeline wants it, which filters and draws."""
        return CaptureParameters(
            region=region, polarity=self.polarity, window_ms=window_us / 1000, filters=self.filters, representation="polarity"
        )


def steps_in(window_us: int, step_us: int) -> int:
    """How many steps a window has.

    Raises:
        ValueError: not a whole number, or too many.
    """
    if window_us % step_us or not 1 <= window_us // step_us <= MOST_STEPS:
        raise ValueError(
            f"step_ms {step_us / 1000:g} must divide the window of {window_us / 1000:g} ms into at most {MOST_STEPS} steps: "
            f"choose {window_us / 10_000:g}, {window_us / 4000:g} or {window_us / 1000:g}"
        )
    return window_us // step_us
