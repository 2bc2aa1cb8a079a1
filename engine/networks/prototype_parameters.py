"""The options of a prototype network: how it is made, and how it is run."""

from collections.abc import Mapping
from typing import Literal

from engine.parameters import Parameters, parameter

Readout = Literal["spikes", "membrane"]


class PrototypeParameters(Parameters):
    """How prototypes are learned, and what a query is shown to them as."""

    timebin: int = parameter(32, "Steps of the simulation that each query is shown for.", unit="steps", ge=1, le=100_000)
    spikes: Literal["regular", "random"] = parameter(
        "regular",
        "How an input becomes spikes: evenly spaced from a random phase on, as a neuron fires that is driven by it (regular), or "
        "each step by itself with the input's value as the probability (random), which needs more steps for the same precision.",
    )
    threshold: float = parameter(
        0.5,
        "Threshold of the neurons, in units of what one receives in a step of its own reference: the lower, the more spikes.",
        gt=0,
        le=100,
    )
    readout: Readout = parameter(
        "spikes",
        "What a place answers with: its spikes, equal counts told apart by what is left on the membrane (spikes), or all that "
        "its membrane received, as a neuron without a threshold adds it up (membrane).",
    )
    seed: int = parameter(0, "Seed of the phases or of the random spikes.", ge=0, le=2**63 - 1)


PROTOTYPE_PRESETS: Mapping[str, PrototypeParameters] = {
    "regular": PrototypeParameters(),
    "random": PrototypeParameters(spikes="random", timebin=100),
}
"""Named sets of prototype options."""
