"""revisit-cli evaluate with methods: the JSON that scripts read, ground truths either way round, and each mistake's sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.frames.png import write_png
from engine.places.ground_truth import save_ground_truth, save_truth
from engine.places.index import index_of_folder, write_index
from engine.places.truth_details import TruthDetails
from engine.recognition.results import open_result

PLACES, QUERIES = 14, 11
BASELINES = ["sad", "sad-pooled", "correlation", "patch-sad", "log-zscore"]


def write_frames(workspace: Path, name: str, frames: np.ndarray, coordinates: bool = False) -> None:
    folder = workspace / "dataset" / "street" / "dvs" / name
    for number, frame in enumerate(frames):
        write_png(folder / f"image_{number}.png", frame)
    rows = index_of_folder(folder)
    if coordinates:  # ten metres and a bit from one to the next, northwards
        rows = [type(row)(row.image, row.index, (47.0 + row.index * 1e-4, 8.0)) for row in rows]
    write_index(workspace / "dataset" / f"{name}.csv", rows)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Random places; the queries are noisy views of places 2, 3, 4, ..."""
    rng = np.random.default_rng(5)
    root = tmp_path / "wörk"
    references = rng.poisson(rng.gamma(0.6, 12, (PLACES, 8, 10)).repeat(2, 1).repeat(2, 2)).clip(0, 255).astype(np.uint8)
    queries = rng.poisson(references[2 : 2 + QUERIES] * 0.9 + 0.2).clip(0, 255).astype(np.uint8)
    write_frames(root, "früh", references, coordinates=True)
    write_frames(root, "spät", queries, coordinates=True)
    save_ground_truth(root / "truth.npy", truth())
    return root


def truth() -> np.ndarray:
    return np.eye(PLACES, QUERIES, -2, dtype=np.uint8)


def evaluate(workspace: Path, *options: str) -> int:
    place = ["--data_dir", str(workspace), "--dataset", "street", "--camera", "dvs", "--reference", "früh", "--query", "spät"]
    return main(["evaluate", *place, *options])


def result_of(capsys: pytest.CaptureFixture[str], workspace: Path, *options: str) -> dict:
    capsys.readouterr()
    assert evaluate(workspace, *options, "--json", "-") == 0
    return json.loads(capsys.readouterr().out)


def train(workspace: Path, path: Path) -> None:
    place = ["--data_dir", str(workspace), "--dataset", "street", "--camera", "dvs", "--reference", "früh"]
    assert main(["train", *place, "--dims", "4", "5", "--model", str(path)]) == 0


@pytest.mark.parametrize("sequence", ["none", "diagonal:4", "filter"])
def test_one_entry_a_method_with_every_figure(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sequence: str
) -> None:
    network = tmp_path / "street.pth"
    train(workspace, network)
    methods = ",".join([*BASELINES, str(network)])
    options = ["--methods", methods, "--gt_file", str(workspace / "truth.npy"), "--tolerance", "1", "--sequence", sequence]
    result = result_of(capsys, workspace, *options)
    assert [method["name"] for method in result["methods"]] == [*BASELINES, "street.pth"]
    assert [method["method"] for method in result["methods"]] == [*BASELINES, str(network)]
    for method in result["methods"]:
        assert list(method["recall_at"]) == ["1", "5", "10", "15", "20", "25"]
        assert 0 <= method["auc_pr"] <= 1 and 0 <= method["recall_at_100_precision"] <= 1
        assert method["queries"] == QUERIES
        low, high = method["intervals"]["recall_at"]["1"]
        assert low <= method["recall_at"]["1"] <= high
        assert {"auc_pr", "recall_at_100_precision", "level", "resamples"} <= set(method["intervals"])
        assert set(method["error"]) == {"frames", "metres"} and set(method["error"]["frames"]) == {"median", "p95", "queries"}
        assert {"starts", "horizon", "found", "median_frames", "p95_frames"} <= set(method["cold_start"])
        assert method["scoring"]["GT_tolerance"] == 1 and method["scoring"]["sequence"] == sequence.split(":")[0]
        assert ("calibration" in method) == ("lost" in method) == ("motion" in method) == (sequence == "filter")
        if sequence == "filter":
            assert method["lost"]["counted"] == QUERIES and 0 <= method["lost"]["queries"] <= QUERIES
            assert method["motion"]["speed_spread"] >= 0.7 and method["motion"]["follow_speed"] is True
        assert ("network" in method) == method["method"].endswith(".pth")
    network_entry = result["methods"][-1]
    assert network_entry["network"]["inputs"]["dims"] == [4, 5] and network_entry["network"]["inputs"]["encoding"] == "log"
    assert network_entry["network"]["training"]["epoch_out"] > 0
    assert network_entry["kind"] == "lens" and network_entry["synops_per_query"] > 0
    assert result["model"] == str(network) and result["ground_truth"] == str(workspace / "truth.npy")
    assert len(result["hashes"]) == 5  # two traverses' frames, the network, its record, the ground truth
    if sequence != "filter":
        assert result["methods"][0]["recall_at"]["1"] == 1.0
    assert not (workspace / "output").exists()


def test_without_a_network_none_is_needed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(capsys, workspace, "--methods", "sad", "log-zscore-causal", "--gt_file", str(workspace / "truth.npy"))
    assert result["model"] is None and [method["name"] for method in result["methods"]] == ["sad", "log-zscore-causal"]
    assert result["recall_at"] == result["methods"][0]["recall_at"]


def test_the_default_network_is_asked_for_by_its_word_and_one_in_models_by_its_name(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    standard = workspace / "models" / f"früh_LENS_IN20_FN40_DB{PLACES}.pth"
    train(workspace, standard)
    by_word = result_of(
        capsys, workspace, "--methods", "network,sad", "--dims", "4", "5", "--gt_file", str(workspace / "truth.npy")
    )
    by_name = result_of(capsys, workspace, "--methods", f"sad,{standard.name}", "--gt_file", str(workspace / "truth.npy"))
    assert by_word["methods"][0]["recall_at"] == by_name["methods"][1]["recall_at"]
    assert by_word["model"] == by_name["model"] == str(standard)


def test_networks_of_one_file_name_are_told_apart_by_their_runs(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs that differ in their seed have networks of one name: their folders say the time and the run's name."""
    words = []
    for number in range(2):
        path = workspace / "runs" / f"2026-11-2{number}_10-00-00_dusk" / "früh_LENS_IN20_FN40_DB14.pth"
        train(workspace, path)
        words.append(str(path))
    result = result_of(capsys, workspace, "--methods", ",".join(words), "--gt_file", str(workspace / "truth.npy"))
    assert [method["name"] for method in result["methods"]] == ["2026-11-20_10-00-00_dusk", "2026-11-21_10-00-00_dusk"]
    for number, word in enumerate(words):  # as the panel calls them
        (Path(word).parent / "run.json").write_text(json.dumps({"name": f"dusk, seed {number}"}))
    result = result_of(capsys, workspace, "--methods", ",".join(words), "--gt_file", str(workspace / "truth.npy"))
    assert [method["name"] for method in result["methods"]] == ["dusk, seed 0", "dusk, seed 1"]


def test_a_ground_truth_of_either_orientation_is_taken_right(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = tmp_path / "turned.npy"
    np.save(turned, truth().T)
    options = ["--methods", "sad", "--tolerance", "0", "--sequence", "none", "--gt_file"]
    straight = result_of(capsys, workspace, *options, str(workspace / "truth.npy"))
    other = result_of(capsys, workspace, *options, str(turned))
    assert straight["recall_at"] == other["recall_at"] and straight["recall_at"]["1"] == 1.0
    assert any("was turned" in notice for notice in other["notices"])
    assert not any("turned" in notice for notice in straight["notices"])


def test_a_square_ground_truth_that_is_ambiguous_is_said(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = tmp_path / "square.npy"
    np.save(square, np.eye(QUERIES, QUERIES, -2, dtype=np.uint8))
    options = ["--methods", "sad", "--reference_places", str(QUERIES), "--gt_file", str(square)]
    assert any("does not tell its orientation" in notice for notice in result_of(capsys, workspace, *options)["notices"])


def test_a_tolerance_in_metres(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shifted = tmp_path / "shifted.npy"
    np.save(shifted, np.eye(PLACES, QUERIES, -3, dtype=np.uint8))  # one place, about 11 m, beside what is seen
    options = ["--methods", "sad", "--sequence", "none", "--gt_file", str(shifted)]
    for metres, expected in (("11", 0.0), ("12", 1.0)):
        assert result_of(capsys, workspace, *options, "--tolerance_m", metres)["recall_at"]["1"] == expected
    error = result_of(capsys, workspace, *options)["error"]
    assert error["frames"]["median"] == 1
    assert error["metres"]["median"] == pytest.approx(22.2, abs=0.2)  # the query's own coordinates are two places behind


def test_masked_queries_are_left_out(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_truth(workspace / "truth.npy", truth(), TruthDetails(references=PLACES, queries=QUERIES, masked=(0, 4, 10)))
    options = ["--methods", "sad,correlation", "--gt_file", str(workspace / "truth.npy"), "--sequence", "none"]
    result = result_of(capsys, workspace, *options)
    assert (result["queries"], result["queries_masked"]) == (QUERIES - 3, 3)
    assert any("3 of 11 queries are masked" in notice for notice in result["notices"])
    assert evaluate(workspace, *options, "--out", str(workspace / "report")) == 0
    stored = open_result(workspace / "report")
    assert stored.mask is not None and np.flatnonzero(stored.mask).tolist() == [0, 4, 10]
    assert not stored.methods[0].matches.scored[[0, 4, 10]].any()


def test_the_older_options_do_as_before(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--methods", "sad", "--gt_file", str(workspace / "truth.npy")]
    old = result_of(capsys, workspace, *common, "--sequence_length", "4", "--GT_tolerance", "1")
    new = result_of(capsys, workspace, *common, "--sequence", "diagonal:4", "--tolerance", "1")
    assert old["methods"][0]["recall_at"] == new["methods"][0]["recall_at"]
    assert old["methods"][0]["scoring"] == new["methods"][0]["scoring"]
    lens = result_of(capsys, workspace, *common, "--compat", "lens-0.1.1", "--sequence", "diagonal:4")
    assert "as_printed" in lens["methods"][0]


def test_a_report_is_one_page_with_tables_and_figures(workspace: Path) -> None:
    assert (
        evaluate(workspace, "--methods", "sad,correlation", "--gt_file", str(workspace / "truth.npy"), "--sequence", "filter")
        == 0
    )
    (report,) = (workspace / "output").iterdir()
    names = {path.name for path in report.iterdir()}
    assert {"report.html", "report.json", "scores.csv", "matches.csv", "ground_truth.npy", "sad_similarity.npy"} <= names
    assert {"recall.svg", "precision_recall.svg", "error.svg", "along_route.svg", "cold_start.svg", "calibration.svg"} <= names
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "spät recognised against früh" in page and str(workspace / "truth.npy") in page


def damage_index(workspace: Path) -> None:
    path = workspace / "dataset" / "spät.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("image_3.png", "image_99.png"), encoding="utf-8")


def other_sizes(workspace: Path) -> None:
    write_png(workspace / "dataset/street/dvs/spät/image_3.png", np.zeros((16, 16), np.uint8))


def other_region(workspace: Path) -> None:
    for path in (workspace / "dataset/street/dvs/spät").glob("*.png"):
        write_png(path, np.zeros((8, 8), np.uint8))


def empty_traverse(workspace: Path) -> None:
    for path in (workspace / "dataset/street/dvs/spät").glob("*.png"):
        path.unlink()
    (workspace / "dataset" / "spät.csv").unlink()


def one_frame(workspace: Path) -> None:
    for path in (workspace / "dataset/street/dvs/spät").glob("*.png"):
        if path.name != "image_0.png":
            path.unlink()
    (workspace / "dataset" / "spät.csv").unlink()
    save_ground_truth(workspace / "truth.npy", truth()[:, :1])


def object_truth(workspace: Path) -> None:
    np.save(workspace / "truth.npy", np.array([[{}]], dtype=object), allow_pickle=True)


def nan_truth(workspace: Path) -> None:
    np.save(workspace / "truth.npy", np.where(truth() > 0, np.nan, 0))


def wrong_shape(workspace: Path) -> None:
    np.save(workspace / "truth.npy", np.eye(PLACES + 1, QUERIES))


def no_match(workspace: Path) -> None:
    np.save(workspace / "truth.npy", np.zeros((PLACES, QUERIES)))


def no_poses(workspace: Path) -> None:
    for name in ("früh", "spät"):
        write_index(workspace / "dataset" / f"{name}.csv", index_of_folder(workspace / "dataset/street/dvs" / name))


@pytest.mark.parametrize(
    ("damage", "options", "words"),
    [
        (None, ["--methods", "ssd"], "methods names 'ssd', which is no method: choose among sad, "),
        (None, ["--methods", "sad,sad"], "methods names 'sad' twice"),
        (None, ["--methods", "nowhere.pth"], "nowhere.pth does not exist"),
        (None, ["--sequence", "diagonal:0x"], "sequence should be none"),
        (None, ["--sequence", "backwards"], "sequence should be"),
        (None, ["--sequence", "filter", "--compat", "lens-0.1.1"], "sequence filter is no part of the scoring of lens-0.1.1"),
        (None, ["--tolerance", "-1"], "GT_tolerance should be greater"),
        (None, ["--tolerance_m", "nan"], "tolerance_m should be a finite number"),
        (None, ["--jump", "2"], "jump should be less"),
        (None, ["--gt_file", "nothing.npy"], "nothing.npy does not exist"),
        (no_poses, ["--tolerance_m", "5"], "tolerance_m needs poses"),
        (damage_index, [], "names image_99.png, which"),
        (other_sizes, [], "image_3.png is 16x16"),
        (other_region, [], "Reference frames are 16x20 and query frames 8x8"),
        (empty_traverse, [], "spät has no PNG frames"),
        (one_frame, ["--methods", "log-zscore"], "at least two frames"),
        (object_truth, [], "truth.npy cannot be read as a NumPy array"),
        (nan_truth, [], "truth.npy should hold 0 and 1 only"),
        (wrong_shape, [], "is 15 x 11, but there are 14 reference places and 11 queries"),
        (no_match, [], "gives no query any match"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_written(
    workspace: Path, capsys: pytest.CaptureFixture[str], damage: object, options: list[str], words: str
) -> None:
    if callable(damage):
        damage(workspace)
    before = sorted(workspace.rglob("*"))
    given = ["--methods", "sad"] * ("--methods" not in options) + ["--gt_file", str(workspace / "truth.npy")] * (
        "--gt_file" not in options
    )
    assert evaluate(workspace, *given, *options) == 2
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in complaint and "Traceback" not in complaint
    assert sorted(workspace.rglob("*")) == before


def test_a_traverse_of_one_frame_is_evaluated(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_frame(workspace)
    result = result_of(capsys, workspace, "--methods", "sad,correlation", "--gt_file", str(workspace / "truth.npy"))
    assert result["queries"] == 1 and result["recall_at"]["1"] == 1.0


def test_a_query_that_the_network_has_learned_is_told_of(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = workspace / "network.pth"
    train(workspace, path)
    asked = ("--gt_file", str(workspace / "itself.npy"), "--query", "früh", "--model", str(path))
    save_ground_truth(workspace / "itself.npy", np.eye(PLACES, dtype=np.uint8))
    notices = result_of(capsys, workspace, *asked)["notices"]
    assert "network.pth has learned früh: it looks good on what it learned, so use another query." in notices
    other = result_of(capsys, workspace, "--gt_file", str(workspace / "truth.npy"), "--model", str(path))["notices"]
    assert not any("has learned" in text for text in other)
