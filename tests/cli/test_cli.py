"""The commands as a person runs them: results, exit codes, and one sentence for each mistake."""

import json
import os
import pickle
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.cli import main
from engine.frames.png import write_png
from engine.places.ground_truth import save_ground_truth
from engine.places.index import index_of_folder, write_index
from tests.waiting import PATIENCE_S

PLACES = 12


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A small workspace: random places, and queries that are the references with some noise."""
    rng = np.random.default_rng(5)
    references = rng.poisson(rng.gamma(0.6, 12, (PLACES, 8, 8)).repeat(2, 1).repeat(2, 2)).clip(0, 255).astype(np.uint8)
    queries = rng.poisson(references * 0.9 + 0.2).clip(0, 255).astype(np.uint8)
    data = tmp_path / "work" / "dataset"
    for name, frames in (("monday", references), ("tuesday", queries)):
        folder = data / "street" / "dvs" / name
        for number, frame in enumerate(frames):
            write_png(folder / f"image_{number}.png", frame)
        write_index(data / f"{name}.csv", index_of_folder(folder))
    save_ground_truth(data / "street" / "dvs" / "monday_tuesday_GT.npy", np.eye(PLACES))
    return tmp_path / "work"


def where(workspace: Path) -> list[str]:
    return ["--data_dir", str(workspace), "--dataset", "street", "--camera", "dvs", "--reference", "monday"]


def train(workspace: Path, *options: str) -> int:
    return main(["train", *where(workspace), "--dims", "8", *options])


def evaluate(workspace: Path, *options: str) -> int:
    return main(["evaluate", *where(workspace), "--query", "tuesday", "--dims", "8", "--sequence_length", "0", *options])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_train_then_evaluate(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(workspace) == 0
    model = workspace / "models" / f"monday_LENS_IN64_FN128_DB{PLACES}.pth"
    assert sorted(path.name for path in model.parent.iterdir()) == [model.with_suffix(".json").name, model.name]
    capsys.readouterr()
    assert evaluate(workspace, "--sad", "--json", "-", "--GT_tolerance", "0") == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["recall_at"]) == {"1", "5", "10", "15", "20", "25"}
    assert result["queries"] == PLACES
    assert result["synops_per_query"] > 0
    assert [method["name"] for method in result["methods"]] == ["LENS", "SAD"]
    assert result["methods"][1]["recall_at"]["1"] == 1.0  # the queries are noisy copies: SAD finds them all
    assert result["recall_at"]["1"] > 0.5  # chance is 1 / 12
    assert not (workspace / "output").exists()  # with --json alone nothing else is written


def test_evaluate_writes_a_report_in_the_workspace(workspace: Path) -> None:
    assert train(workspace) == 0
    assert evaluate(workspace, "--sad") == 0
    (report,) = (workspace / "output").iterdir()
    names = {path.name for path in report.iterdir()}
    assert {"report.json", "precision_recall.svg", "recall.svg", "lens_similarity.npy", "lens_similarity.png"} <= names
    assert np.load(report / "lens_similarity.npy").shape == (PLACES, PLACES)
    assert evaluate(workspace, "--sad", "--out", str(report)) == 2  # never into a folder that has something


def test_the_run_record_wins_over_the_options(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(workspace, "--encoding", "sqrt") == 0
    capsys.readouterr()
    assert evaluate(workspace, "--encoding", "raw", "--cell", "centre", "--json", "-") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["settings"]["InputParameters"]["encoding"] == "sqrt"
    assert any("run record says otherwise" in notice and "cell, encoding" in notice for notice in result["notices"])


def test_compat_takes_the_versions_habits(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(workspace, "--compat", "lens-0.1.1", "--json", "-") == 0
    record = json.loads(capsys.readouterr().out)["record"]
    assert record["compat"] == "lens-0.1.1"
    assert record["training"]["threshold_rule"] == "published"
    assert (record["inputs"]["cell"], record["inputs"]["encoding"]) == ("before_centre", "gamma")
    assert evaluate(workspace, "--compat", "lens-0.1.1", "--json", "-") == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["SpikingParameters"]["field"] == "lens"
    assert settings["EvaluationParameters"]["ties"] == "index"
    assert settings["ScoringParameters"]["compat"] == "lens-0.1.1"
    assert settings["InputParameters"]["query_encoding"] == "raw"


def test_the_same_seed_gives_the_same_network(workspace: Path, tmp_path: Path) -> None:
    models = [tmp_path / f"{name}.pth" for name in "abc"]
    for model, seed, threads in zip(models, ("4", "4", "5"), ("1", "2", "1"), strict=True):
        assert train(workspace, "--seed", seed, "--threads", threads, "--model", str(model)) == 0
    assert models[0].read_bytes() == models[1].read_bytes()
    assert models[0].read_bytes() != models[2].read_bytes()


def test_without_ground_truth_there_is_a_matrix_and_a_word(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(workspace) == 0
    (workspace / "dataset/street/dvs/monday_tuesday_GT.npy").unlink()
    assert evaluate(workspace) == 0
    assert "no ground truth" in capsys.readouterr().err
    (report,) = (workspace / "output").iterdir()
    names = {path.name for path in report.iterdir()}
    assert names == {"report.json", "report.html", "scores.csv", "matches.csv", "lens_similarity.npy", "lens_similarity.png"}
    assert evaluate(workspace, "--matching") == 2


def test_options_of_lens_that_a_command_has_no_use_for_are_taken_and_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(workspace, "--train_model", "--query", "tuesday", "--timebin", "250", "--GT_tolerance", "3", "--PR_curve") == 0
    said = capsys.readouterr().err
    assert "--GT_tolerance, --query: of no use" in said
    assert "--timebin: of no use to a network of the kind lens" in said
    assert evaluate(workspace, "--epoch_feat", "128", "--f_exc", "0.35", "--sim_mat", "--json", "-") == 0
    assert "--epoch_feat, --f_exc: of no use" in json.loads(capsys.readouterr().out)["notices"][0]


def test_index_and_info(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--data_dir", str(workspace), "--dataset", "street", "--camera", "dvs", "--traverse", "monday"]
    assert main(["index", *place]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert main(["index", *place, "--overwrite", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == PLACES
    assert train(workspace) == 0
    capsys.readouterr()
    assert main(["info", str(workspace), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["traverse"] for entry in found["traverses"]] == ["monday", "tuesday"]
    assert main(["info", str(workspace / "models" / found["networks"][0]), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["places"] == PLACES
    assert main(["info", "--json", "-"]) == 0
    assert "numpy" in json.loads(capsys.readouterr().out)["packages"]


def no_traverse(workspace: Path) -> None:
    shutil.rmtree(workspace / "dataset/street/dvs/monday")


def colour(workspace: Path) -> None:
    cv2.imwrite(str(workspace / "dataset/street/dvs/monday/image_3.png"), np.zeros((16, 16, 3), np.uint8))


def sixteen_bit(workspace: Path) -> None:
    cv2.imwrite(str(workspace / "dataset/street/dvs/monday/image_3.png"), np.zeros((16, 16), np.uint16))


def broken(workspace: Path) -> None:
    path = workspace / "dataset/street/dvs/monday/image_3.png"
    path.write_bytes(path.read_bytes()[:60])


def other_size(workspace: Path) -> None:
    write_png(workspace / "dataset/street/dvs/monday/image_3.png", np.zeros((16, 20), np.uint8))


def missing_file(workspace: Path) -> None:
    (workspace / "dataset/street/dvs/monday/image_3.png").unlink()


@pytest.mark.parametrize(
    ("damage", "options", "words"),
    [
        (no_traverse, [], "monday is not a folder"),
        (colour, [], "image_3.png is 8-bit colour"),
        (sixteen_bit, [], "image_3.png is 16-bit"),
        (broken, [], "image_3.png is broken"),
        (other_size, [], "image_3.png is 20x16 pixels"),
        (missing_file, [], "names image_3.png, which"),
        (None, ["--reference_places", "13"], "12 frames, fewer than the 13 places"),
        (None, ["--dims", "5"], "dims 5x5 does not divide the region of 16x16"),
        (None, ["--roi_dim", "80"], "roi_dim is 80x80"),
        (None, ["--thr_h_feat", "nan"], "thr_h_feat should be a finite number"),
        (None, ["--epoch_feat", "0"], "epoch_feat should be greater than or equal to 1"),
        (None, ["--fire_l_feat", "0.9"], "fire_l_feat (0.9) must not be above fire_h_feat"),
        (None, ["--seed", "-1"], "seed should be greater"),
        (None, ["--seed", "1.5"], "seed should be a valid integer"),
        (None, ["--dims", "1", "2", "3"], "dims"),
        (None, ["--cell", "corner"], "cell should be"),
        (None, ["--dataset", "../street"], "dataset should be the name of a folder"),
        (None, ["--model", "network.txt"], "ends in .pth"),
        (None, ["--collect_data"], "--collect_data"),
        (None, ["--no_such_option", "1"], "unrecognized arguments"),
    ],
)
def test_bad_training_input_is_one_sentence_and_nothing_written(
    workspace: Path, capsys: pytest.CaptureFixture[str], damage: object, options: list[str], words: str
) -> None:
    if callable(damage):
        damage(workspace)
    before = files(workspace)
    try:
        code: object = train(workspace, *options)
    except SystemExit as stop:  # argparse's own way out
        code = stop.code
    assert code == 2
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in complaint
    assert "Traceback" not in complaint
    assert files(workspace) == before


class Evil:
    """What a malicious file would run."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch evil-was-here",))


def pickled_code(workspace: Path) -> None:
    (workspace / "network.pth").write_bytes(pickle.dumps(Evil()))


def torch_code(workspace: Path) -> None:
    import torch

    torch.save({"feature_layer.thr": Evil()}, workspace / "network.pth")


def wrong_shapes(workspace: Path) -> None:
    import torch

    state = {"feature_layer.thr": torch.zeros(1, 7), "feature_layer.w.weight": torch.zeros(8, 16)}
    state |= {"output_layer.thr": torch.zeros(1, 12), "output_layer.w.weight": torch.zeros(12, 8)}
    torch.save(state, workspace / "network.pth")


def not_a_network(workspace: Path) -> None:
    (workspace / "network.pth").write_bytes(b"PK\x03\x04 and nothing else")


def wrong_truth(workspace: Path) -> None:
    np.save(workspace / "dataset/street/dvs/monday_tuesday_GT.npy", np.eye(7))
    trained(workspace)


def trained(workspace: Path) -> None:
    assert train(workspace, "--model", str(workspace / "network.pth")) == 0


@pytest.mark.parametrize(
    ("damage", "options", "words"),
    [
        (None, [], "network.pth does not exist"),
        (pickled_code, [], "network.pth"),
        (torch_code, [], "never run"),
        (wrong_shapes, [], "thr must have the shape"),
        (not_a_network, [], "network.pth"),
        (wrong_truth, [], "is 7 x 7, but there are 12 reference places"),
        (trained, ["--reference_places", "10"], "knows 12 places, but 10 reference frames"),
        (trained, ["--query", "wednesday"], "wednesday is not a folder"),
        (trained, ["--query_places", "13"], "fewer than the 13 places"),
        (trained, ["--timebin", "0"], "timebin should be greater"),
        (trained, ["--GT_tolerance", "-1"], "GT_tolerance should be"),
        (trained, ["--gt_file", "none.npy"], "none.npy does not exist"),
        (trained, ["--event_driven"], "--event_driven"),
    ],
)
def test_bad_evaluation_input_is_one_sentence_and_nothing_written(
    workspace: Path, capsys: pytest.CaptureFixture[str], damage: object, options: list[str], words: str
) -> None:
    if callable(damage):
        damage(workspace)
    before = files(workspace)
    capsys.readouterr()
    assert evaluate(workspace, "--model", str(workspace / "network.pth"), *options) == 2
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in complaint
    assert files(workspace) == before
    assert not Path("evil-was-here").exists()


def test_a_network_is_not_replaced_unasked(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(workspace) == 0
    before = files(workspace)
    assert train(workspace, "--seed", "9") == 2
    assert "pass overwrite" in capsys.readouterr().err
    assert files(workspace) == before
    assert train(workspace, "--seed", "9", "--overwrite") == 0
    assert files(workspace) != before


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor so far; 0 where the system does not say."""
    path = Path(f"/proc/{pid}/stat")
    ticks = path.read_text().rpartition(")")[2].split()[11:13] if path.exists() else []
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def test_ctrl_c_ends_within_a_second_and_the_run_goes_on_to_the_same_bits(workspace: Path, tmp_path: Path) -> None:
    model, whole = tmp_path / "cut.pth", tmp_path / "whole.pth"
    options = ["train", *where(workspace), "--dims", "8", "--feature_multiplier", "16", "--epoch_feat", "20000"]
    command = [sys.executable, "-m", "engine", *options, "--model", str(model)]
    ours, theirs = pty.openpty()  # progress is drawn on a terminal only
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(command, stderr=theirs, cwd=Path(__file__).parents[2], env=environment) as process:
        os.close(theirs)
        try:
            seen = b""
            while b"Feature layer" not in seen:
                seen += os.read(ours, 4096)
            used = processor_seconds(process.pid)
            process.send_signal(signal.SIGINT)
            while b"left half-written" not in seen:
                used_then = processor_seconds(process.pid)
                seen += os.read(ours, 4096)
            assert process.wait(timeout=PATIENCE_S) == 130
        finally:
            process.kill()
            os.close(ours)
    # Of the processor's time, with two threads at work: on a machine that others keep busy the clock on the wall tells of them.
    assert used_then - used < 2.0
    assert not [path.name for path in tmp_path.iterdir() if path.is_file()]
    assert len(list((workspace / "runs").glob("*/checkpoint.npz"))) == 1
    assert main([*options, "--model", str(model), "--resume"]) == 0
    assert not list((workspace / "runs").glob("*/checkpoint.npz"))
    assert main([*options, "--model", str(whole)]) == 0
    assert model.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("target", "words"), [(".", "is a folder: name a file with --json"), ("a-file/result.json", "cannot be written to")]
)
def test_a_result_that_could_not_be_written_is_refused_before_the_work(
    workspace: Path, capsys: pytest.CaptureFixture[str], target: str, words: str
) -> None:
    (workspace / "a-file").write_text("no folder")
    before = files(workspace)
    assert train(workspace, "--json", str(workspace / target)) == 2
    assert words in capsys.readouterr().err
    assert files(workspace) == before
