"""The report as one HTML page that needs no other file: figures as SVG, matrices as pictures, parameters and hashes as tables."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.recognition.calibration import LostSummary
from engine.recognition.matrix_image import similarity_image
from engine.recognition.metrics import RECALL_KS
from engine.recognition.report_tables import Names

if TYPE_CHECKING:
    from engine.recognition.report import MethodResult

_PICTURE_SIDE = 360  # pixels; a large matrix has twice as many
_WORST = 10
_CAPTIONS = {
    "recall.svg": "Share of the queries with a true place among the K most similar ones; bars are the intervals.",
    "precision_recall.svg": "Of the single best match, at every threshold. Recall ends at Recall@1, not at 1.",
    "error.svg": "Share of the queries whose best match lies within so many frames of a true place.",
    "along_route.svg": "Where on the traverse the best matches are right.",
    "cold_start.svg": "Matching is started anew at many queries; share that has come to a right match by then.",
    "calibration.svg": "On the line, a method is as often right as it says.",
}
_STYLE = """
body { font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1c2127; background: #fff; margin: 0 auto;
       padding: 32px 24px 64px; max-width: 1080px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 10px; }
p, figcaption { color: #48525c; max-width: 72ch; } figcaption { font-size: 13px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid #e1e5ea; vertical-align: top; white-space: nowrap; }
th { color: #48525c; font-weight: 600; } td:first-child, th:first-child { text-align: left; }
td small { display: block; color: #5c6670; font-size: 11px; }
.words td { text-align: left; white-space: normal; word-break: break-word; }
.words td:first-child { white-space: nowrap; color: #48525c; }
figure { margin: 0 0 28px; } figure svg { max-width: 100%; height: auto; }
.matrices { display: flex; flex-wrap: wrap; gap: 24px; }
.matrices figure { width: 320px; } .matrices img { width: 320px; image-rendering: pixelated; border: 1px solid #d2d8df; }
code { font-size: 12px; word-break: break-all; }
@media print { h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


def report_html(
    content: Mapping[str, Any],
    results: Sequence["MethodResult"],
    figures: Mapping[str, str],
    truth: NDArray[np.generic] | None,
    names: Names,
    heed: Callable[[], None] = lambda: None,
) -> str:
    """The page.

    Args:
        content: what report.json holds.
        results: one a method.
        figures: SVG by file name.
        truth: (references, queries), outlined in the pictures.
        names: files of the reference and of the query frames.
        heed: called before each picture; may raise to stop.
    """
    title = _title(content)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_subtitle(content, results))}</p>",
        "<h2>Methods</h2>",
        _methods(results),
        f"<p>{escape(_reading(results))}</p>",
    ]
    for name, figure in figures.items():
        drawing = re.sub(r"^<\?xml[^>]*>", "", figure)
        parts.append(f"<figure>{drawing}<figcaption>{escape(_CAPTIONS.get(name, ''))}</figcaption></figure>")
    parts += ["<h2>Similarity matrices</h2>", _matrices(results, truth, heed)]
    worst = _worst(results, names)
    if worst:
        parts += ["<h2>Queries that are furthest off</h2>", worst]
    parts += _settings(content)
    parts.append("</body></html>\n")
    return "\n".join(parts)


def _title(content: Mapping[str, Any]) -> str:
    pair = _pair(content)
    if not pair:
        return "Evaluation"
    return f"{pair.get('query', '')} recognised against {pair.get('reference', '')}"


def _pair(content: Mapping[str, Any]) -> Mapping[str, Any]:
    settings = content.get("settings")
    pair = settings.get("PairSelection") if isinstance(settings, Mapping) else None
    return pair if isinstance(pair, Mapping) else {}


def _subtitle(content: Mapping[str, Any], results: Sequence["MethodResult"]) -> str:
    pair = _pair(content)
    places, queries = results[0].similarity.shape
    where = f"Dataset {pair['dataset']}, camera {pair['camera']}. " if pair else ""
    when = f"Evaluated {content['created']} with" if "created" in content else "With"
    return f"{where}{places} reference places, {queries} queries. {when} Revisit {content['revisit']}."


def _reading(results: Sequence["MethodResult"]) -> str:
    """What the figures are over, once for all methods: they are scored alike."""
    scores = next((result.scores for result in results if result.scores is not None), None)
    if scores is None:
        return "Nothing was scored: there is no ground truth."
    parameters = scores.parameters
    said = [f"Recall is over the {scores.queries} queries with a match; {parameters.matching}, tolerance {parameters.tolerance}."]
    if scores.queries_without_match:
        said.append(f"{scores.queries_without_match} queries have no match: whatever is recognised there is a false positive.")
    if scores.queries_masked:
        said.append(f"{scores.queries_masked} queries are masked and left out of every figure.")
    if scores.intervals is not None:
        share, block = round(100 * scores.intervals.level), scores.intervals.block
        drawn = "queries" if block == 1 else f"runs of {block} queries"
        said.append(f"Small figures: {share} % intervals by a bootstrap over {drawn}.")
    if scores.cold_start is not None:
        said.append(f"Cold start: queries until the first right match, from {len(scores.cold_start.frames)} starts.")
    if scores.lost is not None:
        said.append("Lost: queries at which a method said that it is lost; below it how often it was right all the same.")
    if parameters.compat != "revisit":
        said.append(f"Scored as {parameters.compat} does.")
    return " ".join(said)


def _methods(results: Sequence["MethodResult"]) -> str:
    metres = any(result.scores is not None and result.scores.error_m is not None for result in results)
    heads = ["Method", *(f"R@{k}" for k in RECALL_KS), "AUC-PR", "R@100P", "Error, frames"]
    heads += ["Error, m"] if metres else []
    says = any(result.scores is not None and result.scores.lost is not None for result in results)
    heads += ["Cold start", *(["Lost"] if says else []), "Time", "SynOps a query"]
    lines = []
    for result in results:
        scores = result.scores
        cells = [escape(result.name)]
        if scores is None:
            cells += [""] * (len(heads) - 3)
        else:
            intervals = scores.intervals
            cells += [_share(scores.recall_at[k], intervals.recall_at[k] if intervals else None) for k in RECALL_KS]
            cells.append(_share(scores.auc_pr, intervals.auc_pr if intervals else None))
            cells.append(_share(scores.recall_at_100_precision, intervals.recall_at_100_precision if intervals else None))
            for error in (scores.error_frames, *((scores.error_m,) if metres else ())):
                cells.append("" if error is None else f"{_figure(error.median)}<small>95 %: {_figure(error.p95)}</small>")
            start = scores.cold_start
            cells.append(
                "" if start is None else f"{_count(start.percentile(50))}<small>95 %: {_count(start.percentile(95))}</small>"
            )
            if says:
                cells.append(_lost(scores.lost))
        cells.append(f"{result.seconds:.3g} s")
        cells.append("" if result.synops_per_query is None else f"{result.synops_per_query:,.0f}")
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _share(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.3f}" + ("" if interval is None else f"<small>{interval[0]:.2f} to {interval[1]:.2f}</small>")


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _lost(lost: LostSummary | None) -> str:
    if lost is None:
        return ""
    right = "" if lost.right_when_lost is None else f"<small>right: {lost.right_when_lost:.2f}</small>"
    return f"{lost.queries}{right}"


def _count(value: float | None) -> str:
    return "never" if value is None else f"{value:g}"


def _matrices(results: Sequence["MethodResult"], truth: NDArray[np.generic] | None, heed: Callable[[], None]) -> str:
    parts = []
    for result in results:
        heed()
        picture = base64.b64encode(similarity_image(result.similarity, truth, _PICTURE_SIDE)).decode("ascii")
        name = escape(result.name)
        drawn = f'<img src="data:image/png;base64,{picture}" alt="Similarity matrix of {name}">'
        parts.append(f"<figure>{drawn}<figcaption>{name}</figcaption></figure>")
    outlined = " The ground truth is outlined in red." if truth is not None else ""
    note = f"<p>Reference places downwards, queries to the right, before sequence matching; light is alike.{outlined}</p>"
    return f'{note}<div class="matrices">{"".join(parts)}</div>'


def _worst(results: Sequence["MethodResult"], names: Names) -> str:
    """Of the first scored method: the queries whose best match is furthest from a true place."""
    result = next((result for result in results if result.scores is not None), None)
    if result is None or result.scores is None:
        return ""
    matches = result.scores.matches
    errors = np.where(matches.scored & (matches.true_place >= 0) & np.isfinite(matches.error_frames), matches.error_frames, -1.0)
    order = [query for query in np.argsort(-errors, kind="stable")[:_WORST] if errors[query] > 0]
    if not order:
        return ""
    references, queries = names
    metres = bool(np.isfinite(matches.error_m[order]).any())
    lines = []
    for query in order:
        cells = [
            _frame(queries, query),
            _frame(references, int(matches.place[query])),
            _frame(references, int(matches.true_place[query])),
            f"{errors[query]:g}",
            *([f"{matches.error_m[query]:.1f}" if np.isfinite(matches.error_m[query]) else ""] if metres else []),
        ]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = ["Query", "Best match", "True place", "Frames off", *(["Metres off"] if metres else [])]
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f'<p>Of {escape(result.name)}.</p><div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _frame(names: Sequence[str], number: int) -> str:
    name = f"<small>{escape(names[number])}</small>" if 0 <= number < len(names) else ""
    return f"{number}{name}"


def _settings(content: Mapping[str, Any]) -> list[str]:
    """Parameters, hashes, notices: whatever report.json says beyond the methods."""
    parts = []
    settings = content.get("settings")
    if isinstance(settings, Mapping):
        parts.append("<h2>Parameters</h2>")
        for model, values in settings.items():
            if isinstance(values, Mapping):
                parts += [f"<p><b>{escape(str(model))}</b></p>", _words(values)]
    hashes = content.get("hashes")
    if isinstance(hashes, Mapping) and hashes:
        parts += [
            "<h2>What was read (SHA-256)</h2>",
            _words({name: f"<code>{escape(str(value))}</code>" for name, value in hashes.items()}, raw=True),
        ]
    notices = content.get("notices")
    if isinstance(notices, Sequence) and not isinstance(notices, str) and notices:
        parts += ["<h2>Notices</h2>", *(f"<p>{escape(str(notice))}</p>" for notice in notices)]
    return parts


def _words(values: Mapping[str, Any], raw: bool = False) -> str:
    lines = [
        f"<tr><td>{escape(str(name))}</td><td>{value if raw else escape(_shown(value))}</td></tr>"
        for name, value in values.items()
    ]
    return f'<table class="words">{"".join(lines)}</table>'


def _shown(value: Any) -> str:
    if value is None:
        return "left out"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)
