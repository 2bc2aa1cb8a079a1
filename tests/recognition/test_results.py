"""What an evaluation leaves in its folder can be opened again, and what is damaged is told."""

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.recognition.evaluate import Evaluation
from engine.recognition.figures import figures_of
from engine.recognition.matches import PairFacts
from engine.recognition.metrics import RECALL_KS
from engine.recognition.report import MethodResult
from engine.recognition.results import glance, open_result, results_of, write_evaluation
from engine.recognition.scoring import ScoringParameters, score, unscored

PLACES, QUERIES = 30, 40
PAIR = {"dataset": "straße", "camera": "dvs", "reference": "morning", "query": "evening", "filter": 1}


def made(scored=True, sequence="none"):
    rng = np.random.default_rng(0)
    truth = np.eye(PLACES, QUERIES)
    mask = np.zeros(QUERIES, bool)
    mask[[3, 7]] = True
    xy = np.stack([np.arange(QUERIES) * 2.0, np.zeros(QUERIES)], axis=1)
    facts = PairFacts(mask, xy[:PLACES], xy, 0.5)
    parameters = ScoringParameters.check({"sequence": sequence, "GT_tolerance": 1, "resamples": 50})
    results = []
    for name in ("sad", "Nétz <b>&.pth"):
        similarity = rng.random((PLACES, QUERIES)).astype(np.float32) + 0.4 * truth
        scores = score(similarity, truth, parameters, facts=facts) if scored else None
        alone = None if scored else unscored(similarity, parameters, facts)
        results.append(MethodResult(name, similarity, scores, 0.5, 1234.0 if name != "sad" else None, unscored=alone))
    names = (tuple(f"r{n}.png" for n in range(PLACES)), tuple(f"q{n}.png" for n in range(QUERIES)))
    return Evaluation(
        results=results,
        truth=truth.astype(np.uint8) if scored else None,
        model=None,
        record=None,
        inputs=InputParameters(),
        places=PLACES,
        queries=QUERIES,
        facts=facts if scored else PairFacts(),
        names=names,
        hashes={"frames of evening": "0" * 64},
    )


@pytest.fixture
def stored(tmp_path):
    write_evaluation(tmp_path / "output" / "2026-01-02_03-04-05", made(), {"PairSelection": PAIR}, ["A notice."])
    return tmp_path / "output" / "2026-01-02_03-04-05"


@pytest.mark.parametrize("sequence", ["none", "filter"])
def test_what_is_written_is_read_back(tmp_path, sequence):
    evaluation = made(sequence=sequence)
    write_evaluation(tmp_path / "a", evaluation, {"PairSelection": PAIR})
    result = open_result(tmp_path / "a")
    assert (result.kind, result.shape, result.pair) == ("evaluation", (PLACES, QUERIES), PAIR)
    assert "evening in morning" in result.title and result.created
    np.testing.assert_array_equal(result.truth, evaluation.truth)
    np.testing.assert_array_equal(result.mask, evaluation.facts.mask)
    for method, original in zip(result.methods, evaluation.results, strict=True):
        assert (method.name, method.seconds, method.synops_per_query) == (
            original.name, original.seconds, original.synops_per_query,
        )  # fmt: skip
        np.testing.assert_array_equal(method.similarity(), original.similarity)
        assert method.scores.to_json() == original.scores.to_json()
        for name in ("place", "value", "correct", "true_place", "error_frames", "error_m", "scored", "lost"):
            np.testing.assert_array_equal(getattr(method.matches, name), getattr(original.scores.matches, name))
        assert method.scores.curve_json() == original.scores.curve_json()
    assert (result.methods[0].scores.calibration is not None) == (sequence == "filter")
    assert (result.methods[0].scores.lost is not None) == (sequence == "filter")
    assert (tmp_path / "a/calibration.svg").exists() == (sequence == "filter")
    again = figures_of([(method.name, method.scores) for method in result.methods])
    assert again == {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "a").glob("*.svg")}


def test_matches_of_a_report_that_did_not_say_who_was_lost_are_read(tmp_path):
    write_evaluation(tmp_path / "a", made(sequence="filter"), {})
    table = tmp_path / "a/matches.csv"
    lines = [line.rpartition(",")[0] for line in table.read_text(encoding="utf-8").splitlines()]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    matches = open_result(tmp_path / "a").methods[0].matches
    assert matches.lost is None and (matches.place >= 0).all()


def test_without_a_ground_truth_there_are_matrices_and_best_matches(tmp_path):
    write_evaluation(tmp_path / "a", made(scored=False), {})
    result = open_result(tmp_path / "a")
    assert result.truth is None and result.mask is None
    assert result.methods[0].scores is None
    best = result.methods[0].similarity().argmax(axis=0)
    np.testing.assert_array_equal(result.methods[0].matches.place, best)
    assert (result.methods[0].matches.true_place == -1).all() and not result.methods[0].matches.scored.any()


def test_the_page_needs_no_other_file_and_says_what_it_is_about(stored):
    page = (stored / "report.html").read_text(encoding="utf-8")
    assert "evening recognised against morning" in page and "straße" in page
    assert "Nétz &lt;b&gt;&amp;.pth" in page and "<b>&.pth" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page) and "<script" not in page and "url(" not in page
    for words in (
        "0" * 64,
        "A notice.",
        "AUC-PR",
        "2 queries are masked",
        "tolerance 1 frames",
        "filter",
        "Queries that are furthest off",
    ):
        assert words in page, words
    assert page.count("<svg") == len(list(stored.glob("*.svg"))) == 5
    assert page.count("data:image/png;base64,") == 2
    for drawing in stored.glob("*.svg"):
        ElementTree.parse(drawing)


def test_the_tables_have_the_figures(stored):
    evaluation = made()
    with (stored / "scores.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line, result in zip(lines, evaluation.results, strict=True):
        assert line["method"] == result.name
        for k in RECALL_KS:
            assert float(line[f"recall_at_{k}"]) == result.scores.recall_at[k]
            assert float(line[f"recall_at_{k}_low"]) == result.scores.intervals.recall_at[k][0]
        assert float(line["auc_pr"]) == result.scores.auc_pr
        assert float(line["error_m_p95"]) == result.scores.error_m.p95
        assert line["queries_masked"] == "2"
    assert (lines[0]["synops_per_query"], lines[1]["synops_per_query"]) == ("", "1234")
    with (stored / "matches.csv").open(encoding="utf-8", newline="") as file:
        matches = list(csv.DictReader(file))
    assert len(matches) == 2 * QUERIES
    assert (matches[5]["query_frame"], matches[5]["place_frame"]) == ("q5.png", f"r{matches[5]['place']}.png")
    assert matches[3]["scored"] == "0" and matches[35]["true_place"] == ""


def test_results_are_listed_newest_first(stored):
    write_evaluation(stored.parent / "2026-05-06_07-08-09", made(scored=False), {})
    (stored.parent / "empty").mkdir()
    assert [folder.name for folder in results_of(stored.parent)] == ["2026-05-06_07-08-09", "2026-01-02_03-04-05"]
    assert results_of(stored.parent / "none") == []
    assert glance(stored) == "evening in morning: sad, Nétz <b>&.pth"
    assert glance(stored.parent / "2026-05-06_07-08-09") == ""


def test_a_result_of_the_first_layout_is_opened(stored):
    """Those have no ground truth beside them, and fewer figures."""
    content = json.loads((stored / "report.json").read_text(encoding="utf-8"))
    for name in ("ground_truth", "masked_queries", "created", "settings"):
        content.pop(name)
    (stored / "matches.csv").unlink()
    (stored / "report.json").write_text(json.dumps({**content, "schema": 1}), encoding="utf-8")
    result = open_result(stored)
    assert result.truth is None and result.methods[0].matches is None
    assert result.methods[0].scores.recall_at[1] == content["methods"][0]["recall_at"]["1"]
    assert set(figures_of([("old", result.methods[0].scores)])) >= {"recall.svg", "precision_recall.svg"}
    assert result.title == stored.name


def edited(change):
    def apply(folder: Path) -> None:
        content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        change(content)
        (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")

    return apply


def objects(folder: Path) -> None:
    np.save(folder / "sad_similarity.npy", np.array([[{}]], dtype=object), allow_pickle=True)


def claims_much(folder: Path) -> None:
    header = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    words = b"{'descr': '<f8', 'fortran_order': False, 'shape': (900000, 900000), }"
    (folder / "sad_similarity.npy").write_bytes(header + words.ljust(117) + b"\n")


def short_matches(folder: Path) -> None:
    lines = (folder / "matches.csv").read_text(encoding="utf-8").splitlines()
    (folder / "matches.csv").write_text("\n".join(lines[:-3]), encoding="utf-8")


def wild_matches(folder: Path) -> None:
    text = (folder / "matches.csv").read_text(encoding="utf-8").splitlines()
    text[1] = text[1].replace("sad,0,q0.png,", "sad,0,q0.png,9")
    (folder / "matches.csv").write_text("\n".join(text), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "report.json").unlink(), "holds no report"),
        (lambda folder: (folder / "report.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "report.json").write_text("[]"), "is not a report of an evaluation"),
        (edited(lambda content: content.update(methods=[])), "is not a report of an evaluation"),
        (edited(lambda content: content["methods"][0].update(similarity="../../x.npy")), "is not a report of an evaluation"),
        (edited(lambda content: content["methods"][0].pop("auc_pr")), "is damaged .KeyError in 'sad'"),
        (edited(lambda content: content["methods"][0]["precision_recall"].update(recall=[None])), "is damaged"),
        (edited(lambda content: content.update(schema=99)), "written by a newer Revisit"),
        (lambda folder: (folder / "sad_similarity.npy").unlink(), "sad_similarity.npy is missing"),
        (objects, "sad_similarity.npy cannot be read as a NumPy array"),
        (claims_much, "sad_similarity.npy cannot be read as a NumPy array"),
        (lambda folder: np.save(folder / "sad_similarity.npy", np.zeros((3, 4))), "another size than the first"),
        (lambda folder: np.save(folder / "sad_similarity.npy", np.zeros(4)), "should hold one matrix"),
        (lambda folder: np.save(folder / "ground_truth.npy", np.zeros((3, 4))), "the ground truth has another size"),
        (short_matches, "matches.csv cannot be read"),
        (wild_matches, "matches.csv cannot be read"),
        (lambda folder: (folder / "matches.csv").write_text("a,b\n1,2\n"), "matches.csv has other columns"),
    ],
)
def test_what_is_damaged_is_told(stored, damage, words):
    damage(stored)
    with pytest.raises(BadInput, match=words):
        open_result(stored)


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    matrix = np.random.default_rng(0).random((6, 9)).astype(np.float32)
    np.save(folder / "similarity.npy", matrix)
    np.save(folder / "spikes.npy", matrix)
    lines = [f"{n},{n * 1000},{n % 6},0.5000,0,1.0,1.0,10," for n in range(9)]
    header = "window,time_us,place,confidence,lost,latency_ms,seen,events,synops"
    (folder / "places.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    (folder / "parameters.json").write_text('{"schema_version": 1}', encoding="utf-8")
    return folder


def test_a_live_session_is_opened(session):
    result = open_result(session)
    assert (result.kind, result.shape, result.truth) == ("session", (6, 9), None)
    assert result.methods[0].matches.place.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert len(result.methods) == 2 and result.methods[0].scores is None
    assert results_of(session.parent) == [session] and glance(session) == "live session"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "parameters.json").write_text("[]"), "should be a JSON object"),
        (lambda folder: (folder / "places.csv").unlink(), "cannot be read as a session's places"),
        (lambda folder: (folder / "places.csv").write_text("window,place,confidence\n0,99,1\n"), "does not fit the 6 places"),
        (lambda folder: np.save(folder / "similarity.npy", np.zeros((6, 0))), "should hold one matrix"),
    ],
)
def test_a_damaged_session_is_told(session, damage, words):
    damage(session)
    with pytest.raises(BadInput, match=words):
        open_result(session)
