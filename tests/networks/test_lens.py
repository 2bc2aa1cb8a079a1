"""LENS's .pth files, both ways, and what is refused."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import BadInput
from engine.networks.lens import LensNetwork, initial_network, load_network, network_name, save_network
from engine.networks.record import RunRecord, hash_arrays, read_record, record_path
from engine.parameters import UnknownParameter
from engine.training.parameters import LensTrainingParameters

SHIPPED = "example-reference_LENS_IN100_FN200_DB100.pth"


def network(inputs: int = 6, places: int = 5, **options: Any) -> LensNetwork:
    return initial_network(inputs, LensTrainingParameters(**options), places, np.random.default_rng(0))


def record(**changes: Any) -> RunRecord:
    values = {
        "native": "avx512",
        "seed": 3,
        "inputs": {"dims": [10, 10]},
        "training": LensTrainingParameters(seed=3).model_dump(mode="json"),
        "data_hash": hash_arrays(np.arange(4)),
        "references": ("morning",),
        "places": 5,
    }
    return RunRecord(**(values | changes))


def state_dict() -> dict[str, Any]:
    shapes = {
        "feature_layer.thr": (1, 4),
        "feature_layer.w.weight": (4, 3),
        "output_layer.thr": (1, 2),
        "output_layer.w.weight": (2, 4),
    }
    return {key: torch.zeros(shape) for key, shape in shapes.items()}


def test_the_shipped_network_is_read(shared_data: Path) -> None:
    path = shared_data / "lens-example" / "models" / SHIPPED
    shipped = load_network(path)
    assert (shipped.inputs, shipped.features, shipped.places) == (100, 200, 100)
    assert shipped.parameter_count == 100 * 200 + 200 + 200 * 100 + 100
    assert shipped.memory_kb == pytest.approx(157.4, abs=0.1)
    assert network_name("example-reference", shipped.inputs, shipped.features, shipped.places) == SHIPPED
    assert read_record(path) is None


def test_what_is_written_has_exactly_the_keys_shapes_and_dtypes_of_the_shipped_file(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "lens-example" / "models" / SHIPPED
    save_network(tmp_path / "copy.pth", load_network(source))
    ours, theirs = (torch.load(path, weights_only=True) for path in (tmp_path / "copy.pth", source))
    assert list(ours) == list(theirs)
    for key, tensor in theirs.items():
        assert ours[key].dtype == tensor.dtype
        assert torch.equal(ours[key], tensor)


def test_network_and_record_come_back(tmp_path: Path) -> None:
    path, written = tmp_path / "new" / "a.pth", network()
    save_network(path, written, record())
    read = load_network(path)
    for name in ("feature_weights", "feature_thresholds", "output_weights", "output_thresholds"):
        assert getattr(read, name).tobytes() == getattr(written, name).tobytes()
    assert read_record(path) == record(created=read_record(path).created)
    assert sorted(item.name for item in path.parent.iterdir()) == ["a.json", "a.pth"]
    save_network(path, written)
    assert read_record(path) is None, "the record of another network must not stay"


def test_a_record_of_a_newer_version_warns_of_unknown_keys_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    save_network(path, network(), record())
    text = record_path(path).read_text()
    record_path(path).write_text(text.replace('"kind"', '"moon_phase": 3, "kind"'))
    with pytest.warns(UnknownParameter, match="moon_phase"):
        assert read_record(path) is not None
    record_path(path).write_text(text.replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.warns(UnknownParameter, match="newer"):
        read_record(path)
    for broken, sentence in (("[1]", "not a run record"), ("{", "JSON"), (text.replace('"seed": 3', '"seed": "x"'), "seed")):
        record_path(path).write_text(broken)
        with pytest.raises(BadInput, match=sentence):
            read_record(path)


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("hacked"),))


def changed(**changes: Any) -> dict[str, Any]:
    return state_dict() | {key.replace("__", "."): value for key, value in changes.items()}


BAD: dict[str, tuple[Any, str]] = {
    "code": (changed(feature_layer__thr=Malicious()), "Python code"),
    "no dict": (torch.zeros(3), "not a network"),
    "missing key": ({k: v for k, v in state_dict().items() if k != "output_layer.thr"}, "must hold exactly"),
    "extra key": (changed(extra=torch.zeros(1)), "extra"),
    "number": (changed(feature_layer__thr=1.0), "float32 tensor"),
    "double": (changed(feature_layer__thr=torch.zeros(1, 4, dtype=torch.float64)), "float32"),
    "sparse": (changed(feature_layer__thr=torch.zeros(1, 4).to_sparse()), "float32"),
    "one axis": (changed(feature_layer__thr=torch.zeros(4)), "matrix"),
    "thresholds": (changed(feature_layer__thr=torch.zeros(1, 5)), "thr"),
    "layers": (changed(output_layer__w__weight=torch.zeros(2, 5)), "do not fit"),
    "empty": (changed(feature_layer__w__weight=torch.zeros(4, 0)), "do not fit"),
    "NaN": (changed(output_layer__w__weight=torch.full((2, 4), float("nan"))), "NaN"),
    "huge": (changed(feature_layer__w__weight=torch.zeros(1).expand(1 << 20, 1 << 20)), "no larger than its file"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_one_sentence(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content, sentence = BAD[case]
    path = tmp_path / "bad.pth"
    torch.save(content, path)
    with pytest.raises(BadInput, match=sentence) as error, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_network(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path("hacked").exists()


def test_files_that_are_no_archive_or_swell_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with pytest.raises(BadInput, match="does not exist"):
        load_network(path)
    with pytest.raises(BadInput, match="not a file"):
        load_network(tmp_path)
    for content in (b"", b"hello", pickle.dumps({"a": 1})):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="not a PyTorch file"):
            load_network(path)
    buffer = io.BytesIO()
    torch.save(state_dict(), buffer)
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(BadInput, match="cut short"):
        load_network(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(BadInput, match="compressed"):
        load_network(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", b"hello")
    with pytest.raises(BadInput, match="cannot be read as a network"):
        load_network(path)


def test_initial_weights_follow_their_distribution() -> None:
    drawn = network(400, 50, threshold_rule="published", f_exc=0.35, f_inh=0.75)
    w = drawn.feature_weights
    # With both kinds kept independently, an entry is absent with (1 - .35)(1 - .75).
    assert np.mean(w == 0) == pytest.approx(0.65 * 0.25, abs=0.005)
    # Each kind is scaled to an L1 norm of 1 in the last row, which is one draw: rows are balanced roughly.
    assert abs(w.sum(axis=1).mean()) < 0.25
    assert abs(w[-1].sum()) < 1e-5
    assert drawn.feature_thresholds.min() >= 0
    assert drawn.feature_thresholds.mean() == pytest.approx(0.375, abs=0.03)
    assert drawn.output_weights.shape == (50, 800)
    mean_scaled = network(400, 50, threshold_rule="corrected").feature_weights
    assert abs(mean_scaled.sum(axis=1).mean()) < 1e-5


def test_a_layer_whose_last_row_is_empty_still_gets_finite_weights() -> None:
    for seed in range(30):
        for rule in ("published", "corrected"):
            drawn = initial_network(
                3, LensTrainingParameters(f_exc=0.05, f_inh=0.0, threshold_rule=rule), 2, np.random.default_rng(seed)
            )
            assert np.isfinite(drawn.feature_weights).all()
            assert np.abs(drawn.feature_weights).max() <= 6


def test_sizes_that_make_no_network_are_refused() -> None:
    with pytest.raises(BadInput, match="feature_multiplier"):
        network(3, feature_multiplier=0.1)
    with pytest.raises(BadInput, match=r"2\^31"):
        network(100_000)
    with pytest.raises(ValueError, match="float32"):
        LensNetwork(np.zeros((2, 2)), np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    small = network()
    with pytest.raises(ValueError, match="do not fit"):
        LensNetwork(small.feature_weights, small.feature_thresholds, small.feature_weights, small.output_thresholds)
