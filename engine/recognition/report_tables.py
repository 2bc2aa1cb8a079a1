"""The tables of an evaluation as CSV: a line a method, and a line a query of each method."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.recognition.metrics import RECALL_KS

if TYPE_CHECKING:
    from engine.recognition.report import MethodResult

Names = tuple[Sequence[str], Sequence[str]]
MATCH_COLUMNS = (
    "method", "query", "query_frame", "place", "place_frame", "similarity", "correct", "true_place", "error_frames",
    "error_m", "scored", "lost",
)  # fmt: skip


def scores_csv(results: Sequence["MethodResult"]) -> str:
    """A line a method: every figure with the bounds of its interval, empty where there is none."""
    columns = ["method"]
    for k in RECALL_KS:
        columns += [f"recall_at_{k}", f"recall_at_{k}_low", f"recall_at_{k}_high"]
    for name in ("auc_pr", "recall_at_100_precision"):
        columns += [name, f"{name}_low", f"{name}_high"]
    columns += ["queries", "queries_without_match", "queries_masked"]
    columns += [f"error_{unit}_{part}" for unit in ("frames", "m") for part in ("median", "p95")]
    columns += ["cold_start_found", "cold_start_median_frames", "cold_start_p95_frames"]
    columns += ["lost_queries", "right_when_lost", "right_otherwise", "seconds", "synops_per_query"]
    lines: list[list[Any]] = [columns]
    for result in results:
        lines.append(_figures(result))
    return _csv(lines)


def _figures(result: "MethodResult") -> list[Any]:
    scores = result.scores
    if scores is None:
        return [result.name, *[None] * (3 * len(RECALL_KS) + 19), result.seconds, result.synops_per_query]
    intervals = scores.intervals
    line: list[Any] = [result.name]
    for k in RECALL_KS:
        line += [scores.recall_at[k], *(intervals.recall_at[k] if intervals else (None, None))]
    line += [scores.auc_pr, *(intervals.auc_pr if intervals else (None, None))]
    line += [scores.recall_at_100_precision, *(intervals.recall_at_100_precision if intervals else (None, None))]
    line += [scores.queries, scores.queries_without_match, scores.queries_masked]
    for error in (scores.error_frames, scores.error_m):
        line += [None, None] if error is None else [error.median, error.p95]
    start = scores.cold_start
    line += [None] * 3 if start is None else [start.found, start.percentile(50), start.percentile(95)]
    lost = scores.lost
    line += [None] * 3 if lost is None else [lost.queries, lost.right_when_lost, lost.right_otherwise]
    return [*line, result.seconds, result.synops_per_query]


def matches_csv(results: Sequence["MethodResult"], names: Names) -> str:
    """A line a query of each method (MATCH_COLUMNS): frames by number and by file, counted from 0.

    correct is 0 or 1, or the chance of it where several places tie; true_place is the true one next to the match;
    lost is 1 where the method said that it is lost, and empty of one that never says so.
    """
    references, queries = names
    lines: list[list[Any]] = [list(MATCH_COLUMNS)]
    for result in results:
        matches = result.matches
        if matches is None:
            continue
        for query, (place, true) in enumerate(zip(matches.place.tolist(), matches.true_place.tolist(), strict=True)):
            line = [
                result.name,
                query,
                _name(queries, query),
                _number(place),
                _name(references, place),
                matches.value[query],
                matches.correct[query],
                _number(true),
                matches.error_frames[query],
                matches.error_m[query],
                int(matches.scored[query]),
                None if matches.lost is None else int(matches.lost[query]),
            ]
            lines.append(line)
    return _csv(lines)


def _name(names: Sequence[str], number: int) -> str | None:
    return names[number] if 0 <= number < len(names) else None


def _number(value: int) -> int | None:
    return value if value >= 0 else None


def _csv(lines: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[_cell(value) for value in line] for line in lines])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A number as short as it can be read back; NaN and None are empty."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, float):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return value
