"""revisit-cli groundtruth: make and check the ground truth of two traverses."""

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.places.selection import PairSelection
from engine.places.truth.alignment import AlignTruthParameters
from engine.places.truth.check import CheckParameters
from engine.places.truth.imported import ImportTruthParameters
from engine.places.truth.jobs import MakeParameters, TruthOutput
from engine.places.truth.make import AnchorsTruthParameters, IdentityTruthParameters, PosesTruthParameters

if TYPE_CHECKING:
    from engine.places.truth.jobs import Pair

_EXAMPLES = """examples:
  revisit-cli groundtruth from-poses --data_dir lab --dataset street --camera dvs --reference monday --query tuesday --radius_m 15
  revisit-cli groundtruth from-anchors --data_dir lab ... --anchor 0:0 --anchor 140:122 --anchor 300:262
  revisit-cli groundtruth align --data_dir lab ... --method log-zscore
  revisit-cli groundtruth check --data_dir lens/dataset --json - | jq .offset

Each way writes <reference>_<query>_GT.npy, as LENS reads it, and a .json beside it with the mask and how it was made."""

_WAYS: tuple[tuple[str, type[MakeParameters], str], ...] = (
    ("from-poses", PosesTruthParameters, "match frames that were taken near each other"),
    ("from-anchors", AnchorsTruthParameters, "match along straight lines between pairs of frames that you name"),
    ("identity", IdentityTruthParameters, "match frames by their numbers"),
    ("align", AlignTruthParameters, "match by aligning how the frames look; look at the result before you trust it"),
    ("import", ImportTruthParameters, "take a .npy file of 0 and 1, of either orientation"),
)


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "groundtruth",
        help="make and check the ground truth of two traverses",
        description="Say which places each query matches (from poses, anchors, frame numbers, by alignment), or check it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    ways = parser.add_subparsers(title="ways", dest="way", required=True, metavar="WAY", parser_class=type(parser))
    for name, model, text in _WAYS:
        way = _way(ways, name, text)
        add_options(way, model, "how", skip=("anchors", "file"))
        if model is AnchorsTruthParameters:
            way.add_argument(
                "--anchor", action="append", default=[], metavar="R:Q", help="a pair of frame numbers, reference:query; repeat"
            )
            way.add_argument(
                "--anchors", type=Path, metavar="FILE", help="a CSV file of such pairs, with the columns reference,query"
            )
        if model is ImportTruthParameters:
            way.add_argument("file", type=Path, metavar="FILE", help="the .npy file")
        add_options(way, TruthOutput, "output")
        way.set_defaults(run=run_make, model=model)
    way = _way(ways, "check", "look for what is wrong with a ground truth")
    add_options(way, CheckParameters, "how")
    way.add_argument("--gt_file", type=Path, metavar="FILE", help="the ground truth (default <reference>_<query>_GT.npy)")
    way.set_defaults(run=run_check)


def _way(ways: Any, name: str, text: str) -> argparse.ArgumentParser:
    way: argparse.ArgumentParser = ways.add_parser(
        name, help=text, description=f"{text[:1].upper()}{text[1:]}.", allow_abbrev=False
    )
    add_options(way, PairSelection, "traverses")
    way.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
    return way


def run_make(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Make a ground truth and write it."""
    from engine.places.truth.jobs import make_truth, open_pair, target_of, write_proposal
    from engine.places.truth.proposal import many

    selection = from_options(arguments, PairSelection)
    output: TruthOutput = from_options(arguments, TruthOutput)
    fixed: dict[str, Any] = {"anchors": _anchors(arguments)} if arguments.model is AnchorsTruthParameters else {}
    if arguments.model is ImportTruthParameters:
        fixed = {"file": arguments.file}
    parameters = from_options(arguments, arguments.model, fixed=fixed)
    pair = open_pair(selection)
    target = target_of(pair, output)
    with console.progress():
        proposal = make_truth(pair, parameters, console.emit, cancel)
    cancel.check()
    write_proposal(target, proposal)
    counts = proposal.counts()
    matched, without = (
        many(counts[name], "query has", "queries have") for name in ("queries_with_match", "queries_without_match")
    )
    console.say(
        f"{target}: {counts['references']} x {counts['queries']}; {matched} a match, {without} none, {counts['masked']} masked."
    )
    write_result(arguments.json, {"file": str(target), **counts, "made": proposal.made, "notices": console.notices})


def _anchors(arguments: argparse.Namespace) -> list[list[int]]:
    pairs = [_pair(text, "--anchor") for text in arguments.anchor]
    if arguments.anchors is not None:
        pairs += read_anchors(arguments.anchors)
    return pairs


def _pair(text: str, where: str) -> list[int]:
    parts = text.split(":")
    try:
        reference, query = (int(part) for part in parts)
    except ValueError:
        raise BadInput(f"{where} should be two frame numbers as in 120:105 (reference:query), but is {text!r}.") from None
    return [reference, query]


def read_anchors(path: Path) -> list[list[int]]:
    """Read pairs of frame numbers out of a CSV file with the columns reference and query.

    Raises:
        BadInput: missing, not a text, without the columns, or a row that cannot be read; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise BadInput(f"{path} cannot be read ({reason}): give a CSV file with the columns reference,query.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"reference", "query"} <= set(reader.fieldnames or []):
        raise BadInput(
            f"{path} needs the columns reference and query, but its first line is {','.join(reader.fieldnames or [])!r}."
        )
    pairs = []
    for row in reader:
        pairs.append(_pair(f"{row['reference']}:{row['query']}", f"{path}, line {reader.line_num}"))
    return pairs


def run_check(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    """Check a ground truth."""
    from engine.places.ground_truth import load_ground_truth, read_matrix
    from engine.places.truth.check import Finding, TruthCheck, shape_sentence
    from engine.places.truth.jobs import check_pair, open_pair

    parameters: CheckParameters = from_options(arguments, CheckParameters)
    selection = from_options(arguments, PairSelection)
    pair = open_pair(selection)
    path = arguments.gt_file or selection.workspace().ground_truth_file(
        selection.dataset, selection.camera, selection.reference, selection.query
    )
    whole = (len(pair.reference), len(pair.query))
    used = (pair.references, pair.queries)
    stored = read_matrix(path)
    if stored.shape not in (whole, used, whole[::-1], used[::-1]):
        sentence = shape_sentence(stored.shape, used)
        found = TruthCheck((Finding("shape", "warning", sentence),))
        write_result(arguments.json, _result(path, pair, found, console))
        raise BadInput(f"{path}: {sentence}")
    truth = load_ground_truth(path, (whole[0], used[0]), (whole[1], used[1]), selection.filter, scored=False)
    notes = [Finding("orientation", "info", note) for note in truth.notes if "turned" in note]  # a square one is judged below
    with console.progress():
        check = check_pair(pair, truth.matrix, truth.mask, parameters, console.emit, cancel)
    check = TruthCheck((*notes, *check.findings), check.offsets, check.suspicious)
    for finding in check.findings:
        console.say(finding.text, "yellow" if finding.level == "warning" else "")
    for suspicion in check.suspicious[:10]:
        console.say(
            f"  query {suspicion.query}: match {suspicion.reference}, most alike {suspicion.better} ({suspicion.gap:.1f} "
            "standard deviations more)"
        )
    write_result(arguments.json, _result(path, pair, check, console))


def _result(path: Path, pair: "Pair", check: Any, console: Console) -> dict[str, Any]:
    fine = not any(finding.level == "warning" for finding in check.findings)
    return {
        "file": str(path),
        "references": pair.references,
        "queries": pair.queries,
        "fine": fine,
        **check.to_json(),
        "notices": console.notices,
    }
