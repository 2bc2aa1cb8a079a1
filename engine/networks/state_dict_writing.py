"""Writes network files: PyTorch files of tensors, without PyTorch, whose import takes seconds and holds a window up."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.networks.record import RunRecord, record_path, write_record
from engine.storage import replacing

_STORAGES = {"float32": "FloatStorage", "int8": "CharStorage", "int32": "IntStorage"}
_VERSION = b"3\n"  # of the archive's form, which every PyTorch since 1.6 reads
_FOLDER = "archive"


def write_network(path: Path, arrays: Mapping[str, NDArray[Any]], record: RunRecord | None) -> None:
    """Write a state dict, and the run record beside it (same name, .json).

    Without a record one that lies there is removed: it would tell of another network.
    """
    content = state_dict_bytes(arrays)
    # The old record goes first: a cut between the writes leaves a network without a record, never with a wrong one.
    record_path(path).unlink(missing_ok=True)
    with replacing(path) as part:
        part.write_bytes(content)
    if record is not None:
        write_record(path, record)


def state_dict_bytes(state: Mapping[str, NDArray[Any]]) -> bytes:
    """What torch.save would write of a dict of tensors of float32, int8 and int32: the same tensors are read from it.

    The same arrays give the same bytes.
    """
    arrays = {key: np.array(array, array.dtype.newbyteorder("<"), order="C") for key, array in state.items()}
    entries = b"".join(_text(key) + _tensor(number, array) for number, (key, array) in enumerate(arrays.items()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, "data.pkl", b"\x80\x02}(" + entries + b"u.")  # protocol 2, a dict of what follows
        _add(archive, "byteorder", b"little")
        for number, array in enumerate(arrays.values()):
            _add(archive, f"data/{number}", array.tobytes())
        _add(archive, "version", _VERSION)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(f"{_FOLDER}/{name}"), content)  # a ZipInfo of its own has no time of day


def _tensor(number: int, array: NDArray[Any]) -> bytes:
    """torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks) in pickle's instructions."""
    storage = _tuple(
        (_text("storage"), _global("torch", _STORAGES[array.dtype.name]), _text(str(number)), _text("cpu"), _number(array.size))
    )
    shape = _tuple(_number(length) for length in array.shape)
    strides = _tuple(_number(stride // array.itemsize) for stride in array.strides)
    hooks = _global("collections", "OrderedDict") + b")R"
    return (
        _global("torch._utils", "_rebuild_tensor_v2")
        + _tuple((storage + b"Q", _number(0), shape, strides, b"\x89", hooks))
        + b"R"
    )


def _tuple(entries: Iterable[bytes]) -> bytes:
    return b"(" + b"".join(entries) + b"t"


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode("ascii")


def _text(words: str) -> bytes:
    content = words.encode()
    return b"X" + len(content).to_bytes(4, "little") + content


def _number(value: int) -> bytes:
    if value < 2**31:
        return b"J" + value.to_bytes(4, "little")
    return b"\x8a\x08" + value.to_bytes(8, "little")
