"""Ground truth by alignment: the most similar way of passing along the reference once, by dynamic time warping."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress, Throttle, ignore
from engine.parameters import Parameters, parameter
from engine.places.truth.proposal import Proposal, check_size, matrix_of_rows
from engine.places.truth.standard import standardised

_COLUMNS = 64  # queries between two looks at the token


class AlignTruthParameters(Parameters):
    """Ground truth by dynamic time warping on the similarity matrix."""

    method: str = parameter("log-zscore", "The baseline whose similarity is aligned.")
    direction: Literal["forward", "backward", "either"] = parameter(
        "forward", "Whether the query drives along the reference, against it, or whichever fits better."
    )
    ends: Literal["open", "fixed"] = parameter(
        "open",
        "Open: the query may begin and end anywhere along the reference; fixed: it begins and ends where the reference does.",
    )
    fastest: int = parameter(4, "The most references that one query may advance.", unit="frames", ge=1, le=255)
    stiffness: float = parameter(
        0.4,
        "How much a query's advance by other than the usual number of references costs, in standard deviations of similarity a "
        "frame.",
        ge=0,
        le=100,
    )


def truth_by_alignment(
    similarity: NDArray[np.generic], parameters: AlignTruthParameters, emit: Emit = ignore, cancel: CancelToken | None = None
) -> Proposal:
    """Align two traverses; each query gets one match. The path is a proposal: look at it before you trust it.

    Dynamic time warping with an asymmetric step pattern (each query is used once; the reference advances 0 to `fastest` frames),
    after Sakoe and Chiba (1978), on the similarity in standard deviations of each query's own values.

    Args:
        similarity: (references, queries), finite, higher is more alike.
        parameters: direction, ends, steps. `method` is for whoever computes the similarity.
        emit: hears Progress in queries.
        cancel: checked several times a second.

    Raises:
        BadInput: similarity that is not finite, or too many references to reach the end with the fastest step.
        JobCancelled: asked to stop.
    """
    references, queries = similarity.shape
    check_size(references, queries)
    scores = standardised(similarity, cancel)
    if parameters.ends == "fixed" and references - 1 > parameters.fastest * (queries - 1):
        raise BadInput(
            f"{queries} queries that advance at most {parameters.fastest} references each do not reach the end of {references}: "
            "give a larger fastest, or open ends."
        )
    tried: list[tuple[float, bool, NDArray[np.int64]]] = []
    for backward in {"forward": (False,), "backward": (True,), "either": (False, True)}[parameters.direction]:
        rows = best_path(scores[::-1] if backward else scores, parameters, emit, cancel)
        rows = references - 1 - rows if backward else rows
        tried.append((float(scores[rows, np.arange(queries)].mean()), backward, rows))
    support, backward, rows = max(tried, key=lambda found: found[0])
    notes = [
        f"The path passes references {int(rows.min())} to {int(rows.max())}"
        + (" backwards" if backward else "")
        + f", {support:.1f} standard deviations above the usual similarity: look at it before you use it."
    ]
    if support < 1:
        notes.append(
            "The similarity along the path is weak: the traverses may not share a route, or the path is wrong in places."
        )
    made = {"made": "align", "parameters": parameters.model_dump(mode="json"), "support": round(support, 3), "backward": backward}
    return Proposal(matrix_of_rows(rows, references, queries), np.zeros(queries, bool), made, (), tuple(notes))


def best_path(
    scores: NDArray[np.float32], parameters: AlignTruthParameters, emit: Emit = ignore, cancel: CancelToken | None = None
) -> NDArray[np.int64]:
    """The row of each column (queries,) on the path with the largest sum of scores less the costs of its steps.

    The row never decreases. Of equal steps the smallest is taken, of equal ends the first.
    """
    references, queries = scores.shape
    fixed = parameters.ends == "fixed"
    usual = (references - 1) / max(queries - 1, 1) if fixed else 1.0
    costs = (parameters.stiffness * np.abs(np.arange(parameters.fastest + 1) - usual)).astype(np.float32)
    steps = np.zeros((queries, references), np.uint8)
    total = np.full(references, -np.inf, np.float32)
    total[: 1 if fixed else references] = scores[: 1 if fixed else references, 0]
    columns = np.empty((0, references), np.float32)
    best, candidate = np.empty_like(total), np.empty_like(total)
    better = np.empty(references, bool)
    throttle = Throttle()
    for query in range(1, queries):
        place = (query - 1) % _COLUMNS
        if place == 0:
            if cancel is not None:
                cancel.check()
            columns = np.ascontiguousarray(scores[:, query : query + _COLUMNS].T)
            if throttle.ready():
                emit(Progress("Aligning", query, queries, "queries"))
        np.subtract(total, costs[0], out=best)
        step = steps[query]
        for advance in range(1, min(parameters.fastest, references - 1) + 1):
            moved = candidate[advance:]
            np.subtract(total[:-advance], costs[advance], out=moved)
            ahead = better[advance:]
            np.greater(moved, best[advance:], out=ahead)
            np.copyto(step[advance:], np.uint8(advance), where=ahead)
            np.maximum(best[advance:], moved, out=best[advance:])
        np.add(best, columns[place], out=total)
    emit(Progress("Aligning", queries, queries, "queries"))
    rows = np.empty(queries, np.int64)
    rows[-1] = references - 1 if fixed else int(total.argmax())
    for query in range(queries - 1, 0, -1):
        rows[query - 1] = rows[query] - steps[query, rows[query]]
    return rows
