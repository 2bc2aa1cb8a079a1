"""Reading PyTorch's files without PyTorch: the same tensors as torch.load gives, and nothing of what else a file can hold."""

import io
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import BadInput
from engine.networks.state_dict import Other, read_state_dict
from engine.networks.state_dict_writing import state_dict_bytes

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


def module() -> dict[str, Any]:
    """An OrderedDict with attributes of its own."""
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict()


def views() -> dict[str, Any]:
    whole = torch.arange(60, dtype=torch.float32).reshape(6, 10)
    return {
        "whole": whole,
        "transposed": whole.T,
        "part": whole[1:4, 2:9:3],
        "column": whole[:, 9],
        "repeated": whole[0].expand(4, 10),
        "number": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(whole),
    }


STATES: dict[str, Callable[[], dict[str, Any]]] = {
    "module": module,
    "views": views,
    "types": lambda: {name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in DTYPES},
    "nothing": dict,
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("case", STATES)
def test_tensors_are_those_that_pytorch_reads(case: str, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(STATES[case](), path, pickle_protocol=protocol)
    ours, size = read_state_dict(path)
    theirs = torch.load(path, weights_only=False)  # the safe one warns of protocol 4
    assert size == path.stat().st_size and list(ours) == list(theirs)
    for key, tensor in theirs.items():
        assert ours[key].dtype == tensor.detach().numpy().dtype
        np.testing.assert_array_equal(ours[key], tensor.detach().numpy())
        assert ours[key].shape == tuple(tensor.shape)


def test_what_is_no_plain_tensor_is_known_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"sparse": torch.eye(3).to_sparse(), "short": torch.zeros(2, dtype=torch.bfloat16), "list": [1, 2.5, "a"]}, path)
    state, _ = read_state_dict(path)
    assert isinstance(state["sparse"], Other) and state["sparse"].name == "torch._utils._rebuild_sparse_tensor"
    assert isinstance(state["short"], Other) and state["short"].name == "torch.BFloat16Storage"
    assert state["list"] == [1, 2.5, "a"]


def test_a_file_of_a_computer_of_the_other_byte_order(tmp_path: Path) -> None:
    source, path = tmp_path / "little.pth", tmp_path / "big.pth"
    torch.save({"a": torch.tensor([1.0, 2.0])}, source)
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(path, "w") as written:
        for name in read.namelist():
            content = read.read(name)
            if name.endswith("/byteorder"):
                content = b"big"
            elif name.endswith("/data/0"):
                content = np.frombuffer(content, "<f4").astype(">f4").tobytes()
            written.writestr(name, content)
    assert read_state_dict(path)[0]["a"].tolist() == [1.0, 2.0]


def archive(path: Path, instructions: bytes, values: bytes = b"\0" * 16) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", instructions)
        file.writestr("archive/data/0", values)
    return path


def tensor(offset: str, shape: str, strides: str, number: int = 4) -> bytes:
    """{"a": a tensor of data/0}; offset, shape and strides as instructions."""
    storage = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK" + chr(number) + "tQ"
    return f"\x80\x02}}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n({storage}{offset}{shape}{strides}tRs.".encode(
        "latin-1"
    )


def test_a_tensor_stays_within_its_values(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    assert read_state_dict(archive(path, tensor("K\x00", "(K\x02K\x02t", "(K\x02K\x01t")))[0]["a"].shape == (2, 2)
    for offset, shape, strides in (
        ("K\x01", "(K\x02K\x02t", "(K\x02K\x01t"),  # one too far
        ("K\x00", "(K\x02K\x02t", "(K\x03K\x01t"),
        ("J\xff\xff\xff\xff", "(K\x01t", "(K\x01t"),  # -1
        ("K\x00", "(K\x02t", "(J\xff\xff\xff\xfft"),
        ("K\x00", "(K\x02t", "(K\x01K\x01t"),
        ("K\x00", "(G\x40\x00\x00\x00\x00\x00\x00\x00t", "(K\x01t"),  # 2.0
        ("K\x00", "(\x88t", "(K\x01t"),  # True
        ("K\x00", "(J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7ft", "(K\x00K\x00K\x00t"),
    ):
        with pytest.raises(BadInput, match="cannot be read as a network"):
            read_state_dict(archive(path, tensor(offset, shape, strides)))
    with pytest.raises(BadInput, match="cannot be read as a network"):
        read_state_dict(archive(path, tensor("K\x00", "(K\x02K\x02t", "(K\x02K\x01t"), b"\0" * 12))


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("hacked"),))


CODE = {
    "global": b"\x80\x02}X\x01\x00\x00\x00acos\nsystem\nX\x02\x00\x00\x00ls\x85Rs.",
    "object": pickle.dumps({"a": Runs()}, 2),
    "newer": pickle.dumps({"a": Runs()}, 5),
    "instance": b"(X\x02\x00\x00\x00lsios\nsystem\n.",
    "extension": b"\x80\x02\x82\x01.",
    "class": pickle.dumps({"a": Path("a")}, 2),
}


@pytest.mark.parametrize("case", CODE)
def test_code_is_refused_and_not_run(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="never run"):
        read_state_dict(archive(tmp_path / "a.pth", CODE[case]))
    assert not Path("hacked").exists()


BROKEN = {
    "empty": b"",
    "no end": b"\x80\x02}",
    "underflow": b"\x80\x02s.",
    "no mark": b"\x80\x02t.",
    "no memo": b"\x80\x02h\x07.",
    "no dict": b"\x80\x02K\x01X\x01\x00\x00\x00aK\x01s.",
    "no list": b"\x80\x02K\x01K\x01a.",
    "odd": b"\x80\x02}(X\x01\x00\x00\x00au.",
    "number as key": b"\x80\x02}K\x01K\x01s.",
    "nothing to make": b"\x80\x02}K\x01K\x01Rs.",
    "tensor of nothing": b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n(K\x00K\x00))tRs.",
    "no storage": b"\x80\x02}X\x01\x00\x00\x00aK\x01Qs.",
    "unknown": b"\x80\x02\xff.",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_instructions_are_one_sentence(case: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read as a network"):
        read_state_dict(archive(tmp_path / "a.pth", BROKEN[case]))


def test_any_byte_that_is_wrong_gives_a_sentence_or_a_dict(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(module(), buffer)
    with zipfile.ZipFile(buffer) as file:
        instructions = file.read("archive/data.pkl")
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(instructions)
        for place in rng.integers(0, len(changed), 2):
            changed[place] = rng.integers(256)
        try:
            state, _ = read_state_dict(archive(tmp_path / "a.pth", bytes(changed), b"\0" * 48))
        except BadInput:
            continue
        assert isinstance(state, dict)


def test_pytorch_reads_what_is_written_and_the_same_bytes_come_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    state = {
        "a": rng.normal(size=(3, 4)).astype(np.float32),
        "ü.turned": rng.integers(-127, 127, (5, 2)).astype(np.int8).T,
        "c": np.array([7, -(2**31)], np.int32),
        "none": np.zeros(0, np.float32),
        "number": np.array(2, np.int32),
    }
    content = state_dict_bytes(state)
    assert content == state_dict_bytes(state)
    theirs = torch.load(io.BytesIO(content), weights_only=True)
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    ours, _ = read_state_dict(path)
    assert list(theirs) == list(ours) == list(state)
    for key, array in state.items():
        for read in (theirs[key].numpy(), ours[key]):
            assert read.dtype == array.dtype and read.shape == array.shape
            np.testing.assert_array_equal(read, array)


def test_opening_and_writing_a_network_imports_no_torch(shared_data: Path, tmp_path: Path) -> None:
    path = next((shared_data / "lens-example" / "models").glob("*.pth"))
    code = (
        "import sys\nfrom pathlib import Path\nfrom engine.networks.lens import save_network\n"
        f"from engine.networks.open import open_network\nnetwork = open_network(Path({str(path)!r}))\n"
        f"save_network(Path({str(tmp_path / 'a.pth')!r}), network)\nprint(network.places, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["100", "False"]
