"""Live recognition: events from a source, through a network on a target, to places that a robot can use (no Qt)."""

from engine.live.answer import Answer, LiveTotals
from engine.live.ghost import GhostFigures
from engine.live.model import LiveModel, Trained, open_model
from engine.live.parameters import LiveParameters, TargetKind
from engine.live.pipeline import LivePipeline
from engine.live.targets import TARGETS, make_target

__all__ = [
    "TARGETS",
    "Answer",
    "GhostFigures",
    "LiveModel",
    "LiveParameters",
    "LivePipeline",
    "LiveTotals",
    "TargetKind",
    "Trained",
    "make_target",
    "open_model",
]
