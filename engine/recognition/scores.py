"""How a similarity matrix is scored, as parameters, and what comes of it."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import model_validator

from engine.parameters import Parameters, parameter
from engine.recognition.calibration import Calibration, LostSummary
from engine.recognition.cold_start import ColdStart
from engine.recognition.forward_filter import ForwardFilterParameters
from engine.recognition.matches import ErrorSummary, Matches
from engine.recognition.metrics import Intervals, PrecisionRecall

Compat = Literal["revisit", "lens-0.1.1", "lens-0.1.5"]
Sequence = Literal["none", "diagonal", "filter"]
_FILTER_BLOCK = 10
"""Queries over which answers of the forward filter hang together, for the bootstrap."""
_MOTION = {"speed", "speed_spread", "follow_speed", "stop"}


class ScoringParameters(Parameters):
    """How a similarity matrix is matched and scored."""

    sequence: Sequence = parameter(
        "diagonal",
        "How queries are matched together: none (each by itself), diagonal (mean along the diagonal, over sequence_length; "
        "diagonal:4 sets both) or filter (forward filter over all queries so far).",
    )
    sequence_length: int = parameter(
        2,
        "Consecutive queries that are matched together along the diagonal; 0 or 1: each by itself.",
        unit="frames",
        ge=0,
        le=100_000,
    )
    GT_tolerance: int = parameter(
        3, "How far from a true place a match may be and still count as right.", unit="frames", ge=0, le=100_000
    )
    tolerance_m: float | None = parameter(
        None, "The same in metres along the reference route, in place of frames; needs poses.", unit="m", ge=0, le=1_000_000
    )
    compat: Compat = parameter(
        "revisit",
        "Whose scoring: Revisit's, or that of a LENS version with its edges, tolerance, ties and thresholds, to compare figures.",
    )
    forward: ForwardFilterParameters = parameter(
        ForwardFilterParameters(), "The forward filter: how the robot may move (its tolerance is that of the scoring)."
    )
    resamples: int = parameter(2000, "Bootstrap resamples for the intervals; 0: no intervals.", ge=0, le=1_000_000)
    cold_starts: int = parameter(
        50, "Queries from which the time to the first right match is measured; 0: not measured.", ge=0, le=100_000
    )
    seed: int = parameter(0, "Seed of the bootstrap.", ge=0, lt=2**63)

    @model_validator(mode="before")
    @classmethod
    def _read_sequence(cls, values: Any) -> Any:
        """diagonal:4 is diagonal with a sequence_length of 4."""
        given = values.get("sequence") if isinstance(values, dict) else None
        if not isinstance(given, str) or ":" not in given:
            return values
        kind, _, length = given.partition(":")
        if kind != "diagonal" or not length.isdecimal():
            raise ValueError(
                f"sequence should be none, diagonal, diagonal:L with a length such as diagonal:4, or filter, but is {given!r}"
            )
        if str(values.get("sequence_length", length)) != length:
            raise ValueError(f"sequence {given} and sequence_length {values['sequence_length']} contradict: give one of them")
        return {**values, "sequence": kind, "sequence_length": int(length)}

    @model_validator(mode="after")
    def _check_compat(self) -> "ScoringParameters":
        if self.compat != "revisit" and self.tolerance_m is not None:
            raise ValueError(f"tolerance_m is no part of the scoring of {self.compat}: give GT_tolerance, or leave compat out")
        if self.compat != "revisit" and self.sequence == "filter":
            raise ValueError(f"sequence filter is no part of the scoring of {self.compat}: give diagonal:L, or leave compat out")
        return self

    @property
    def block(self) -> int:
        """Consecutive queries that the bootstrap draws together."""
        return _FILTER_BLOCK if self.sequence == "filter" else max(1, self.length)

    @property
    def length(self) -> int:
        """Length of the diagonal, 0 where each query stands by itself."""
        return self.sequence_length if self.sequence == "diagonal" else 0

    @property
    def matching(self) -> str:
        """The sequence matching in words."""
        if self.sequence == "filter":
            return "forward filter"
        return f"sequence of {self.length}" if self.length > 1 else "single frames"

    @property
    def tolerance(self) -> str:
        """The tolerance in words."""
        return f"{self.GT_tolerance} frames" if self.tolerance_m is None else f"{self.tolerance_m:g} m"


@dataclass(frozen=True)
class AsPrinted:
    """The figures as that LENS version itself shows them, defects included (see scoring.score)."""

    recall_at: dict[int, float]
    auc_pr: float
    recall_at_100_precision: float


@dataclass(frozen=True)
class Scores:
    """What a similarity matrix is worth against a ground truth.

    Attributes:
        queries: those with a match, over which recall is.
        queries_without_match: those whose place is not on the reference route; any match of theirs is a false positive.
        queries_masked: those that cannot be scored and are left out of everything.
        matches: the best match of each query.
        error_frames, error_m: how far the best matches are off.
        cold_start: time to the first right match; None where not measured.
        calibration: only of methods that state a probability.
        lost: only of methods that say when they are lost.
        motion: only of the forward filter: how the robot was taken to move, what was learned of the reference filled in.
        as_printed: only with a LENS scoring, and only where that version would not have stopped with an error.
    """

    recall_at: dict[int, float]
    auc_pr: float
    recall_at_100_precision: float
    queries: int
    queries_without_match: int
    curve: PrecisionRecall
    parameters: ScoringParameters
    matches: Matches
    queries_masked: int = 0
    intervals: Intervals | None = None
    error_frames: ErrorSummary | None = None
    error_m: ErrorSummary | None = None
    cold_start: ColdStart | None = None
    calibration: Calibration | None = None
    lost: LostSummary | None = None
    motion: ForwardFilterParameters | None = None
    as_printed: AsPrinted | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, with the K as string keys; without the curve (see curve_json) and the single matches."""
        content: dict[str, Any] = {
            "recall_at": _by_text(self.recall_at),
            "auc_pr": self.auc_pr,
            "recall_at_100_precision": self.recall_at_100_precision,
            "queries": self.queries,
            "queries_without_match": self.queries_without_match,
            "queries_masked": self.queries_masked,
            "scoring": self.parameters.model_dump(mode="json"),
        }
        if self.intervals is not None:
            content["intervals"] = {
                "recall_at": {str(k): list(pair) for k, pair in self.intervals.recall_at.items()},
                "auc_pr": list(self.intervals.auc_pr),
                "recall_at_100_precision": list(self.intervals.recall_at_100_precision),
                "level": self.intervals.level,
                "resamples": self.intervals.resamples,
                "block": self.intervals.block,
            }
        errors = {"frames": self.error_frames, "metres": self.error_m}
        content["error"] = {unit: summary.to_json() for unit, summary in errors.items() if summary is not None}
        if self.cold_start is not None:
            content["cold_start"] = self.cold_start.to_json()
        if self.calibration is not None:
            content["calibration"] = self.calibration.to_json()
        if self.lost is not None:
            content["lost"] = self.lost.to_json()
        if self.motion is not None:
            content["motion"] = self.motion.model_dump(mode="json", include=_MOTION)
        if self.as_printed is not None:
            content["as_printed"] = {
                "recall_at": _by_text(self.as_printed.recall_at),
                "auc_pr": self.as_printed.auc_pr,
                "recall_at_100_precision": self.as_printed.recall_at_100_precision,
            }
        return content

    def curve_json(self) -> dict[str, list[float]]:
        """The precision-recall curve as lists."""
        return {
            "threshold": self.curve.threshold.astype(float).tolist(),
            "precision": self.curve.precision.tolist(),
            "recall": self.curve.recall.tolist(),
        }


def _by_text(recall_at: dict[int, float]) -> dict[str, float]:
    return {str(k): value for k, value in recall_at.items()}
