"""What the Evaluation panel remembers between two starts."""

from typing import Literal

from engine.frames.inputs import InputParameters
from engine.parameters import Parameters, parameter
from engine.recognition.encoding import SpikingParameters
from engine.recognition.scores import ScoringParameters


class UsedFrames(Parameters):
    """Which frames are used, and how the computer is."""

    reference_places: int | None = parameter(None, "Number of reference places (left out: all frames).", ge=1, le=1_000_000)
    query_places: int | None = parameter(None, "Number of queries (left out: all frames).", ge=1, le=1_000_000)
    filter: int = parameter(1, "Take every n-th frame of both traverses.", ge=1, le=1_000_000)
    ties: Literal["membrane", "index"] = parameter(
        "membrane",
        "What tells places with equal spike counts apart: the residual membrane potential, or only their index (LENS).",
    )
    threads: int = parameter(0, "Threads to compute with; 0: all cores (the result is the same).", ge=0, le=1024)


class EvaluationOptions(Parameters):
    """The panel's settings."""

    methods: tuple[str, ...] = parameter(("sad", "sad-pooled", "log-zscore"), "The methods that are checked.")
    scoring: ScoringParameters = parameter(ScoringParameters(sequence="none", GT_tolerance=1), "Matching and scoring.")
    frames: UsedFrames = parameter(UsedFrames(), "Which frames are used.")
    spiking: SpikingParameters = parameter(SpikingParameters(), "The simulation of spiking networks.")
    inputs: InputParameters = parameter(InputParameters(), "What a network without a run record sees.")
