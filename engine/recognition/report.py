"""What an evaluation leaves behind: JSON, one HTML page, CSV tables, the similarity matrices, and the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine import __version__
from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.recognition.figures import figures_of
from engine.recognition.matches import Matches, PairFacts
from engine.recognition.matrix_image import similarity_image
from engine.recognition.metrics import RECALL_KS
from engine.recognition.report_html import report_html
from engine.recognition.report_tables import Names, matches_csv, scores_csv
from engine.recognition.scores import Scores
from engine.storage import replacing, write_json

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 2
_SHORT = 5  # letters of names beside which the terminal has room for every K
TRUTH_FILE = "ground_truth.npy"


@dataclass(frozen=True)
class MethodResult:
    """One method of an evaluation.

    similarity: (references, queries) before sequence matching. scores: None without a ground truth. seconds: from frames to the
    similarity matrix, all queries. synops_per_query: mean synaptic operations, for spiking networks. spikes_per_query: the mean
    of each layer's, likewise. method: the word by which it was asked for. kind: of a network; "" for a baseline. unscored: best
    matches where there is no ground truth. network: what a network sees and how it was trained, of its record.
    """

    name: str
    similarity: NDArray[Any]
    scores: Scores | None
    seconds: float
    synops_per_query: float | None = None
    spikes_per_query: Mapping[str, float] | None = None
    method: str = ""
    kind: str = ""
    unscored: Matches | None = None
    network: Mapping[str, Any] | None = None

    @property
    def matches(self) -> Matches | None:
        """The best match of each query, scored or not."""
        return self.unscored if self.scores is None else self.scores.matches

    def to_json(self) -> dict[str, Any]:
        """The scores with the method's name and cost, plain numbers only."""
        scores = {} if self.scores is None else self.scores.to_json()
        content: dict[str, Any] = {
            "name": self.name,
            "method": self.method or self.name,
            **scores,
            "seconds": float(self.seconds),
        }
        if self.kind:
            content["kind"] = self.kind
        if self.network is not None:
            content["network"] = dict(self.network)
        if self.synops_per_query is not None:
            content["synops_per_query"] = float(self.synops_per_query)
        if self.spikes_per_query is not None:
            content["spikes_per_query"] = dict(self.spikes_per_query)
        return content


def write_report(
    folder: Path,
    results: Sequence[MethodResult],
    *,
    truth: NDArray[np.generic] | None = None,
    facts: PairFacts | None = None,
    names: Names = ((), ()),
    extra: Mapping[str, Any] | None = None,
    cancel: CancelToken | None = None,
) -> list[Path]:
    """Write report.json, report.html, scores.csv, each method's matrix as .npy and .png, and of what is scored matches.csv, the
    ground truth and the figures as SVG.

    Args:
        folder: made where it is missing; files of these names are replaced, each whole or not at all.
        results: one a method, in the order in which they are shown.
        truth: (references, queries), outlined in the pictures of the matrices.
        facts: the mask goes into report.json.
        names: files of the reference and of the query frames, for matches.csv.
        extra: goes into report.json and report.html as it is (parameters, hashes, names of the traverses).
        cancel: checked between the files.

    Returns:
        The files written.

    Raises:
        BadInput: no result, or two of one name.
    """
    stems = _stems(results)
    content = {"schema": SCHEMA, "revisit": __version__, **(extra or {})}
    if truth is not None:
        content["ground_truth"] = TRUTH_FILE
    if facts is not None and facts.mask is not None:
        content["masked_queries"] = np.flatnonzero(facts.mask).tolist()
    content["methods"] = [
        {
            **result.to_json(),
            "similarity": f"{stem}_similarity.npy",
            **({} if result.scores is None else {"precision_recall": result.scores.curve_json()}),
        }
        for result, stem in zip(results, stems, strict=True)
    ]
    files: dict[str, NDArray[Any] | bytes | str] = {}
    for result, stem in zip(results, stems, strict=True):
        _heed(cancel)
        files[f"{stem}_similarity.npy"] = result.similarity
        files[f"{stem}_similarity.png"] = similarity_image(result.similarity, truth)
    figures = figures_of([(result.name, scores) for result, scores in scored(results)])
    files |= figures
    if truth is not None:
        files[TRUTH_FILE] = (np.asarray(truth) != 0).astype(np.uint8)
    if any(result.matches is not None for result in results):
        files["matches.csv"] = matches_csv(results, names)
    files["scores.csv"] = scores_csv(results)
    files["report.html"] = report_html(content, results, figures, truth, names, lambda: _heed(cancel))
    for name, part in files.items():
        _heed(cancel)
        _write(folder / name, part)
    write_json(folder / "report.json", content)  # the last one: where it is, the report is whole
    return [*(folder / name for name in files), folder / "report.json"]


def _heed(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.check()


def _write(path: Path, content: NDArray[Any] | bytes | str) -> None:
    with replacing(path) as part:
        if isinstance(content, str):
            part.write_text(content, encoding="utf-8")
        elif isinstance(content, bytes):
            part.write_bytes(content)
        else:
            with part.open("wb") as file:
                np.save(file, content, allow_pickle=False)


def scored(results: Sequence[MethodResult]) -> list[tuple[MethodResult, Scores]]:
    """The methods that were scored, with their scores."""
    return [(result, result.scores) for result in results if result.scores is not None]


def _stems(results: Sequence[MethodResult]) -> list[str]:
    """File names made of the methods' names: letters and digits, lower case, dashes between."""
    if not results:
        raise BadInput("There is no result to report: evaluate at least one method.")
    stems: list[str] = []
    for result in results:
        words = "".join(letter if letter.isalnum() else " " for letter in result.name.lower()).split()
        stem = "-".join(words)[:80] or "method"
        if result.name in [other.name for other in results[: len(stems)]]:
            raise BadInput(f"Two methods are called {result.name!r}: give each a name of its own.")
        number = 2
        unique = stem
        while unique in stems:
            unique, number = f"{stem}-{number}", number + 1
        stems.append(unique)
    return stems


def terminal_table(results: Sequence[MethodResult]) -> "Table":
    """The scores of all methods as a table for rich, which fits 80 columns; Recall@1 and the area with their 95 % intervals."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    spiking = any(result.synops_per_query is not None for result in results)
    table = Table(title=_title(results), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    longest = max((len(result.name) for result in results), default=0)
    shown = RECALL_KS if longest <= _SHORT else tuple(k for k in RECALL_KS if k not in (15, 20))  # room for the names
    table.add_column("Method", overflow="fold", min_width=min(longest, 16) if longest > _SHORT else 5, max_width=20)
    for k in shown:
        table.add_column(f"R@{k}", justify="right", no_wrap=True)
    for heading in ("AUC-PR", "R@\n100P", "time", *(("SynOps\n/query",) if spiking else ())):
        table.add_column(heading, justify="right", no_wrap=True)
    for result, scores in scored(results):
        intervals = scores.intervals
        first = _with_interval(scores.recall_at[1], intervals.recall_at[1] if intervals else None)
        area = _with_interval(scores.auc_pr, intervals.auc_pr if intervals else None)
        row = [first, *(f"{scores.recall_at[k]:.2f}" for k in shown[1:]), area]
        row += [f"{scores.recall_at_100_precision:.2f}", _time(result.seconds)]
        if spiking:
            row.append("" if result.synops_per_query is None else _compact(result.synops_per_query))
        table.add_row(Text(result.name), *row)  # Text: a name in brackets is no markup
    return table


def told_of_lost(results: Sequence[MethodResult]) -> list[str]:
    """A sentence for each method that says when it is lost."""
    return [f"{result.name}: {scores.lost.text}." for result, scores in scored(results) if scores.lost is not None]


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return f"{value:.2f}"
    low, high = (f"{bound:.2f}".removeprefix("0") for bound in interval)
    return f"{value:.2f}\n{low}-{high}"


def _compact(count: float) -> str:
    """A count in three digits or so: 843, 348k, 15.4M."""
    if count < 999.5:
        return f"{count:.0f}"
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:,.1f}M"


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 0.995 else f"{seconds:,.1f} s"


def _title(results: Sequence[MethodResult]) -> str:
    if not scored(results):
        return "No method was scored"
    scores = scored(results)[0][1]
    parameters = scores.parameters
    without = f", {scores.queries_without_match} without a match" if scores.queries_without_match else ""
    without += f", {scores.queries_masked} masked" if scores.queries_masked else ""
    scoring = "" if parameters.compat == "revisit" else f", scored as {parameters.compat}"
    return f"{scores.queries} queries{without}, {parameters.matching}, tolerance {parameters.tolerance}{scoring}"
