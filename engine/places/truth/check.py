"""Looks for what is wrong with a ground truth: by itself, and against how alike the frames look."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress, ignore
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import ones_of
from engine.places.truth.proposal import many, spans
from engine.places.truth.standard import standardised

Kind = Literal["shape", "no_match", "unused_references", "masked", "offset", "orientation", "suspicious", "jump", "fine"]
Level = Literal["info", "warning"]

_BLOCK = 5  # queries whose differences are taken as one: neighbours are not independent
_SURE = 2.5  # standard errors by which another offset must fit better
_TURNED = 0.25  # standard deviations of similarity by which one orientation must fit better
_GOOD = 0.5  # of the best place's similarity: less does not count as visually good


class CheckParameters(Parameters):
    """How a ground truth is checked against the similarity of the frames."""

    method: str = parameter("log-zscore", "The baseline whose similarity it is checked against.")
    largest_offset: int = parameter(10, "The largest shift along the reference axis that is tried.", unit="frames", ge=1, le=1000)
    sequence: int = parameter(
        5, "Queries whose similarity is averaged along the diagonal before single places are judged.", unit="frames", ge=1, le=101
    )
    candidates: int = parameter(5, "The most similar places of a query that count as visually good.", ge=1, le=100)
    reach: int = parameter(
        5, "A match farther than this from every visually good place is suspicious.", unit="frames", ge=0, le=10_000
    )
    longest_jump: int = parameter(
        20, "A step of the match from one query to the next that is longer is pointed out.", unit="frames", ge=1, le=100_000
    )


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know; `queries` and `references` are where to look."""

    kind: Kind
    level: Level
    text: str
    queries: tuple[int, ...] = ()
    references: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "kind": self.kind, "level": self.level, "text": self.text,
            "queries": list(self.queries), "references": list(self.references),
        }  # fmt: skip


@dataclass(frozen=True)
class Offsets:
    """How well the ground truth fits when it is shifted along the reference axis (positive: later references).

    shifts: those tried. similarity: the mean of its places, in standard deviations. rank: their mean rank among all references,
    0 the most alike. best: the shift that fits best. sure: whether it is clearly better than none.
    """

    shifts: tuple[int, ...]
    similarity: tuple[float, ...]
    rank: tuple[float, ...]
    best: int
    sure: bool


@dataclass(frozen=True)
class Suspicion:
    """A query whose match is far from every place that looks alike.

    query: its number. reference: its match. better: the most alike place. gap: how many standard deviations more alike that is.
    """

    query: int
    reference: int
    better: int
    gap: float


@dataclass(frozen=True)
class TruthCheck:
    """What was found. `suspicious` is in order of the gap, the largest first."""

    findings: tuple[Finding, ...]
    offsets: Offsets | None = None
    suspicious: tuple[Suspicion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        content: dict[str, Any] = {"findings": [finding.to_json() for finding in self.findings]}
        if self.offsets is not None:
            content["offset"] = {
                "best": self.offsets.best,
                "sure": self.offsets.sure,
                "shifts": list(self.offsets.shifts),
                "mean_similarity": [_rounded(value, 4) for value in self.offsets.similarity],
                "mean_rank": [_rounded(value, 2) for value in self.offsets.rank],
            }
        content["suspicious"] = [
            {"query": s.query, "reference": s.reference, "better": s.better, "gap": round(s.gap, 3)} for s in self.suspicious
        ]
        return content


def check_truth(
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    similarity: NDArray[np.generic] | None,
    parameters: CheckParameters,
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
) -> TruthCheck:
    """Check a ground truth.

    Args:
        truth: (references, queries) of 0 and 1.
        mask: (queries,) True where a query is not scored.
        similarity: (references, queries) of the same frames, higher is more alike; None leaves out what needs it.
        parameters: how far and how strictly.
        emit: hears Progress.
        cancel: checked several times a second.

    Raises:
        BadInput: sizes that differ, or similarity that is not finite.
        JobCancelled: asked to stop.
    """
    if mask.shape != (truth.shape[1],):
        raise BadInput(f"The mask is of {len(mask)} queries, but the ground truth has {truth.shape[1]}.")
    if similarity is not None and similarity.shape != truth.shape:
        raise BadInput(shape_sentence(truth.shape, similarity.shape))
    emit(Progress("Checking", 0, 4))
    findings = _by_itself(truth, mask, parameters)
    offsets: Offsets | None = None
    suspicious: tuple[Suspicion, ...] = ()
    if similarity is not None and (truth.any(axis=0) & ~mask).any():
        scores = standardised(similarity, cancel)
        emit(Progress("Checking", 1, 4))
        offsets = find_offset(truth, mask, scores, parameters.largest_offset, cancel)
        findings += _on_offset(offsets)
        findings += _on_orientation(truth, mask, scores)
        emit(Progress("Checking", 2, 4))
        suspicious = find_suspicious(truth, mask, scores, parameters, cancel)
        findings += _on_suspicious(suspicious, int((truth.any(axis=0) & ~mask).sum()))
    findings.sort(key=lambda finding: finding.level != "warning")  # what wants an answer first; else as they were found
    if not any(finding.level == "warning" for finding in findings):
        what = "nothing wrong was found" if similarity is not None else "nothing is wrong with the matrix by itself"
        findings.insert(0, Finding("fine", "info", f"{many(int((~mask).sum()), 'query', 'queries')} checked: {what}."))
    emit(Progress("Checking", 4, 4))
    return TruthCheck(tuple(findings), offsets, suspicious)


def _rounded(value: float, digits: int) -> float | None:
    """For JSON, which has no infinity: None where a shift leaves no place within the matrix."""
    return round(value, digits) if np.isfinite(value) else None


def shape_sentence(truth: tuple[int, ...], frames: tuple[int, ...]) -> str:
    """What to say of a ground truth that does not fit the traverses."""
    turned = truth == frames[::-1] and truth != frames
    cure = "turn it (query x reference was stored)" if turned else "make it anew for these traverses"
    sizes = f"{truth[0]} x {truth[1]}, but there are {frames[0]} reference frames and {frames[1]} query frames"
    return f"The ground truth is {sizes}: {cure}."


# -- by itself


def _by_itself(truth: NDArray[np.uint8], mask: NDArray[np.bool_], parameters: CheckParameters) -> list[Finding]:
    findings = []
    matched = truth.any(axis=0)
    without = np.flatnonzero(~matched & ~mask)
    if len(without):
        text = (
            f"{many(len(without), 'query has', 'queries have')} no match ({spans(without)}): recognising any place there "
            "counts as wrong; mask them if nobody knows where they are."
        )
        findings.append(Finding("no_match", "warning", text, tuple(without.tolist())))
    masked = np.flatnonzero(mask)
    if len(masked):
        text = f"{many(len(masked), 'query is', 'queries are')} masked and not scored ({spans(masked)})."
        findings.append(Finding("masked", "info", text, tuple(masked.tolist())))
    unused = np.flatnonzero(~truth.any(axis=1))
    if len(unused):
        text = f"{many(len(unused), 'reference is', 'references are')} no query's match ({spans(unused)})."
        findings.append(Finding("unused_references", "info", text, (), tuple(unused.tolist())))
    return findings + _jumps(truth, mask, parameters.longest_jump)


def _jumps(truth: NDArray[np.uint8], mask: NDArray[np.bool_], longest: int) -> list[Finding]:
    """Where every match of a query is far from every match of the query before it."""
    usable = np.flatnonzero(truth.any(axis=0) & ~mask)
    pairs = usable[1:][np.diff(usable) == 1]
    first = truth.argmax(axis=0)
    last = truth.shape[0] - 1 - truth[::-1].argmax(axis=0)
    apart = np.maximum(first[pairs] - last[pairs - 1], first[pairs - 1] - last[pairs])
    far = pairs[apart > longest]
    if not len(far):
        return []
    query = int(far[0])
    text = (
        f"The match jumps by more than {longest} references in {many(len(far), 'place')}, first from reference "
        f"{first[query - 1]} to {first[query]} at query {query}."
    )
    return [Finding("jump", "warning", text, tuple(far.tolist()))]


# -- against the similarity


def find_offset(
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    scores: NDArray[np.float32],
    largest: int,
    cancel: CancelToken | None = None,
) -> Offsets:
    """How well a ground truth fits when shifted along the reference axis.

    For each shift, the mean standardised similarity and the mean rank of the shifted places, over the queries that have a place
    within the matrix both ways. The best shift is `sure` where its gain over no shift, averaged in blocks of five neighbouring
    queries, is more than 2.5 standard errors, and its mean rank is no worse.

    Args:
        truth, mask: see check_truth.
        scores: (references, queries) standardised similarity.
        largest: shifts from -largest to largest are tried.
        cancel: checked for each shift.
    """
    rows, queries = ones_of(truth)
    order = np.argsort(queries, kind="stable")
    order = order[~mask[queries[order]]]
    rows, queries = rows[order], queries[order]
    shifts, means, ranks = range(-largest, largest + 1), [], []
    gains: dict[int, NDArray[np.float64]] = {}
    ordered = _sorted_columns(scores, np.unique(queries))
    place = np.searchsorted(np.unique(queries), queries)
    for shift in shifts:
        if cancel is not None:
            cancel.check()
        inside = (rows + shift >= 0) & (rows + shift < truth.shape[0])
        if not inside.any():
            means.append(-np.inf)
            ranks.append(np.inf)
            continue
        moved = scores[rows[inside] + shift, queries[inside]].astype(np.float64)
        means.append(float(moved.mean()))
        ranks.append(float(_ranks(ordered, place[inside], moved).mean()))
        gain = moved - scores[rows[inside], queries[inside]]
        begins = np.flatnonzero(np.concatenate([[True], np.diff(queries[inside]) != 0]))
        gains[shift] = np.add.reduceat(gain, begins) / np.diff(np.append(begins, len(gain)))
    best = max(gains, key=lambda shift: (float(gains[shift].mean()), -abs(shift)))
    sure = best != 0 and _is_sure(gains[best]) and ranks[best + largest] <= ranks[largest]
    return Offsets(tuple(shifts), tuple(means), tuple(ranks), best, sure)


def _is_sure(gain: NDArray[np.float64]) -> bool:
    whole = len(gain) // _BLOCK * _BLOCK
    if whole < 4 * _BLOCK:
        return False
    blocks = gain[:whole].reshape(-1, _BLOCK).mean(axis=1)
    return bool(blocks.mean() > _SURE * blocks.std(ddof=1) / np.sqrt(len(blocks)))


def _sorted_columns(scores: NDArray[np.float32], queries: NDArray[np.integer]) -> NDArray[np.float32]:
    """(queries, references): each query's values in order."""
    return np.sort(scores[:, queries].T, axis=1)


def _ranks(ordered: NDArray[np.float32], place: NDArray[np.integer], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many references are more alike than each value."""
    ranks = np.empty(len(values))
    for number, (row, value) in enumerate(zip(place.tolist(), values.astype(np.float32), strict=True)):
        ranks[number] = ordered.shape[1] - ordered[row].searchsorted(value, side="right")
    return ranks


def _on_offset(offsets: Offsets) -> list[Finding]:
    if not offsets.sure:
        return []
    here, best = offsets.shifts.index(0), offsets.shifts.index(offsets.best)
    size = abs(offsets.best)
    way = "earlier" if offsets.best < 0 else "later"
    text = (
        f"The match seems to be {many(size, 'frame')} {way} along the reference: shifted by {offsets.best:+d} the frames are "
        f"more alike (mean rank {offsets.rank[best]:.1f} instead of {offsets.rank[here]:.1f})."
    )
    return [Finding("offset", "warning", text)]


def _on_orientation(truth: NDArray[np.uint8], mask: NDArray[np.bool_], scores: NDArray[np.float32]) -> list[Finding]:
    """A square matrix that fits better turned was probably stored query x reference."""
    if truth.shape[0] != truth.shape[1] or mask.any():
        return []
    fit = orientation_fit(truth, scores)
    if not (fit.clear and fit.turned > fit.as_it_is):
        return []
    text = (
        f"The ground truth fits the frames better turned ({fit.turned:.2f} instead of {fit.as_it_is:.2f} standard deviations of "
        "similarity): it may have been stored query x reference."
    )
    return [Finding("orientation", "warning", text)]


@dataclass(frozen=True)
class OrientationFit:
    """Mean standardised similarity of the places of a square matrix as it is and turned, and whether the difference is clear."""

    as_it_is: float
    turned: float
    clear: bool


def orientation_fit(truth: NDArray[np.uint8], scores: NDArray[np.float32]) -> OrientationFit:
    """How well a square ground truth fits the frames both ways.

    Clear is a difference of a quarter of a standard deviation and of three standard errors.
    """
    rows, queries = np.nonzero(truth)
    if not len(rows):
        return OrientationFit(0.0, 0.0, False)
    one, other = scores[rows, queries].astype(np.float64), scores[queries, rows].astype(np.float64)
    error = float(np.sqrt((one.var() + other.var()) / len(rows)))
    apart = abs(float(one.mean() - other.mean()))
    return OrientationFit(float(one.mean()), float(other.mean()), apart >= max(_TURNED, 3 * error))


def find_suspicious(
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    scores: NDArray[np.float32],
    parameters: CheckParameters,
    cancel: CancelToken | None = None,
) -> tuple[Suspicion, ...]:
    """The queries whose every match is farther than `reach` from each of the `candidates` most alike places.

    The similarity is first averaged along the diagonal, either way from each query, so that one odd frame raises no alarm.
    Candidates are at least `reach` apart and at least half as far above the query's mean similarity as its most alike place.
    """
    if _runs_backwards(truth):  # a query that drives against the reference is alike along the other diagonal
        smooth = _along_the_diagonal(scores[::-1], parameters.sequence)[::-1]
    else:
        smooth = _along_the_diagonal(scores, parameters.sequence)
    references, queries = smooth.shape
    reach = min(parameters.reach, references - 1)
    numbers = np.arange(queries)
    left = smooth.copy()
    near_any = np.zeros(queries, bool)
    best = left.argmax(axis=0)
    for _ in range(parameters.candidates):
        if cancel is not None:
            cancel.check()
        peak = left.argmax(axis=0)
        usable = np.isfinite(left[peak, numbers]) & (left[peak, numbers] >= _GOOD * smooth[best, numbers])
        for shift in range(-reach, reach + 1):
            row = peak + shift
            inside = (row >= 0) & (row < references) & usable
            near_any[inside] |= truth[row[inside], numbers[inside]] != 0
            left[row[inside], numbers[inside]] = -np.inf
    doubtful = np.flatnonzero(truth.any(axis=0) & ~mask & ~near_any)
    found = []
    for query in doubtful.tolist():
        rows = np.flatnonzero(truth[:, query])
        own = rows[smooth[rows, query].argmax()]
        gap = float(smooth[best[query], query] - smooth[own, query])
        found.append(Suspicion(query, int(own), int(best[query]), gap))
    return tuple(sorted(found, key=lambda suspicion: (-suspicion.gap, suspicion.query)))


def _runs_backwards(truth: NDArray[np.uint8]) -> bool:
    """Whether the match goes down from query to query more often than up."""
    steps = np.diff(truth.argmax(axis=0)[truth.any(axis=0)])
    return bool((steps < 0).sum() > (steps > 0).sum())


def _along_the_diagonal(scores: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The mean over up to `length` entries along the diagonal, centred; at the edges over those that there are."""
    half = (length - 1) // 2
    total, count = scores.copy(), np.ones(scores.shape, np.uint8)
    for shift in range(1, min(half, min(scores.shape) - 1) + 1):
        total[shift:, shift:] += scores[:-shift, :-shift]
        count[shift:, shift:] += 1
        total[:-shift, :-shift] += scores[shift:, shift:]
        count[:-shift, :-shift] += 1
    total /= count
    return total


def _on_suspicious(suspicious: tuple[Suspicion, ...], scored: int) -> list[Finding]:
    if not suspicious:
        return []
    first, count = suspicious[0], len(suspicious)
    text = (
        f"{many(count, 'match is', 'matches are')} far from every place that looks alike ({count} of {scored} queries): first "
        f"query {first.query}, whose match is reference {first.reference} while {first.better} looks most alike."
    )
    return [Finding("suspicious", "warning", text, tuple(sorted(suspicion.query for suspicion in suspicious)))]
