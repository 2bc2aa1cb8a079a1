"""revisit-cli chip: what it prints and how it ends."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.frames.png import write_png
from engine.networks.lens import save_network
from engine.places.ground_truth import save_ground_truth
from tests.chip.fake_driver import Board, modules
from tests.chip.nets import random_network
from tests.chip.stand_in import driver


def run(*words: object) -> int:
    try:
        return main([str(word) for word in words])
    except SystemExit as stopped:  # argparse
        return int(stopped.code or 0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "monday_LENS_IN25_FN40_DB12.pth"
    save_network(path, random_network(np.random.default_rng(1), 25, 40, 12))
    return path


def test_a_model_is_checked_core_by_core(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("chip", "check", "--model", model, "--dims", 5, "--roi_dim", 40, "--json", "-") == 0
    out, err = capfd.readouterr()
    result = json.loads(out)
    assert result["fits"] is True
    assert [layer["layer"] for layer in result["layers"]] == ["inputs", "features", "places"]
    assert len({layer["core"] for layer in result["layers"]}) == 3
    assert [layer["layer"] for layer in result["quantised"]] == ["inputs", "features", "places"]
    assert result["quantised"][1]["clipped"] == 0
    assert "Fits the chip on the cores" in err
    assert "of the weights clipped" in err
    assert "samna" not in sys.modules


def test_what_does_not_fit_is_a_result_and_not_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("chip", "check", "--dims", 10, "--features", 100, "--places", 641, "--json", "-") == 0
    out, err = capfd.readouterr()
    result = json.loads(out)
    assert result["fits"] is False
    assert result["help"] == "use 8x8 inputs or 512 places or 64 features"
    assert "641 outputs need 36 KB more than core 5 has" in err
    assert run("chip", "check", "--dims", 7, "--features", 0, "--places", 641, "--json", "-") == 0
    assert json.loads(capfd.readouterr().out)["fits"] is True


def test_a_model_that_cannot_be_laid_out_still_has_its_check(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("chip", "check", "--model", model, "--dims", 5, "--roi_dim", 15, "--json", "-") == 0
    result = json.loads(capfd.readouterr().out)
    assert result["fits"] is False
    assert "quantised" not in result
    assert "Cells of 3x3 pixels" in result["sentence"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--places", "5"], "Give a model, or sizes"),
        (["--places", "0", "--features", "5"], "places must be at least 1"),
        (["--places", "5", "--features", "5", "--recall"], "recall needs a model"),
        (["--model", "none.pth"], "none.pth does not exist"),
        (["--places", "5", "--features", "5", "--dims", "7", "--roi_dim", "80"], "does not divide the region"),
        (["--places", "5", "--features", "5", "--clip", "2"], "clip should be less than or equal to 0.2"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("chip", "check", *words) == 2
    assert said in capfd.readouterr().err


def test_sizes_beside_a_model_are_refused(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("chip", "check", "--model", model, "--places", 5) == 2
    assert "places and features are the model's own" in capfd.readouterr().err


def test_recall_before_and_after_is_measured_on_queries(model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    data = tmp_path / "dataset"
    words = [
        "chip",
        "check",
        "--model",
        model,
        "--dims",
        5,
        "--recall",
        "--data_dir",
        data,
        "--dataset",
        "street",
        "--camera",
        "dvs",
    ]
    words += ["--reference", "monday", "--query", "tuesday", "--sequence", "none", "--GT_tolerance", 0, "--json", "-"]
    for name in ("monday", "tuesday"):
        for number in range(12):
            frame = rng.integers(0, 256, (40, 40)).astype(np.uint8)
            write_png(data / "street" / "dvs" / name / f"image_{number:02d}.png", frame)
    assert run(*words) == 2
    assert "recall needs a ground truth" in capfd.readouterr().err
    save_ground_truth(data / "street" / "dvs" / "monday_tuesday_GT.npy", np.eye(12))
    assert run(*words) == 0
    out, err = capfd.readouterr()
    recall = json.loads(out)["recall"]
    assert recall["queries"] == 12
    assert set(recall["recall_at_before"]) == set(recall["recall_at_after"])
    assert recall["past_16_bits"] == 0
    assert "in the chip's integers" in err


def test_kits_are_listed_without_importing_the_driver(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("chip", "list", "--json", "-") == 0
    result = json.loads(capfd.readouterr().out)
    assert [kit["id"] for kit in result["kits"]] == ["speck2edevkit", "speck2fmodule", "speck2fdevkit"]
    assert result["driver"] in ("missing", "installer", "installed")
    assert result["attached"] is None
    assert "samna" not in sys.modules


def test_attached_kits_are_listed_by_name_with_a_driver(capfd: pytest.CaptureFixture[str]) -> None:
    """The driver is a labelled FAKE (tests/chip/fake_driver.py)."""
    with driver(modules({"Speck2fModuleDevKit": [Board(), Board()]})):
        assert run("chip", "list", "--import_driver", "--json", "-") == 0
    out, err = capfd.readouterr()
    assert [kit["id"] for kit in json.loads(out)["attached"]] == ["speck2fmodule:0", "speck2fmodule:1"]
    assert "Attached: Speck 2f module" in err
    with driver(modules({})):
        assert run("chip", "list", "--import_driver", "--json", "-") == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["attached"] == []
    assert "No Speck board is attached" in err


def test_a_missing_driver_offers_the_virtual_chip(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for where in ("engine.chip.speck.driver_state", "engine.cli.chip.driver_state"):
        monkeypatch.setattr(where, lambda: "missing")
    assert run("chip", "list", "--import_driver") == 2
    assert "or choose the virtual chip" in capfd.readouterr().err
    assert run("chip", "list") == 0
    assert "or choose the virtual chip" in capfd.readouterr().err
