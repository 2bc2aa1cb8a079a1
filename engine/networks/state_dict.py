"""Reads a PyTorch file of tensors without PyTorch, and without running anything in it.

torch.save writes an archive: `data.pkl` tells in pickle's instructions how the tensors are put together, `data/0`, `data/1`, ...
are their values. The instructions are read here, never executed: those that make dicts, numbers, names and plain tensors are
known, and a file with any other is refused. So no network brings a library of half a gigabyte into the program that opens it.
"""

import pickletools
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput

MAX_FILE_BYTES = 4 * 1024**3

_STORAGES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
_TENSOR, _PARAMETER, _DICT = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "collections.OrderedDict"
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE")
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NOTHING = ("PROTO", "FRAME", "STOP")
_BROKEN = (ValueError, LookupError, TypeError, OverflowError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Other:
    """Something of PyTorch's that is no plain tensor (a sparse one, bfloat16): known by name, never made."""

    def __init__(self, name: str) -> None:
        self.name = name


class _CodeError(Exception):
    """An instruction that PyTorch does not write for tensors."""


def read_state_dict(path: Path) -> tuple[dict[str, Any], int]:
    """A state dict, whatever its keys, and the size of its file.

    Each tensor is an array, perhaps a view with strides of 0: check its size before it is copied. What is of PyTorch's but no
    plain tensor is an `Other`.

    Raises:
        BadInput: the file is missing, broken, holds more than tensors, or is no state dict.
    """
    size = _checked_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            state = _Instructions(archive).follow()
    except _CodeError:
        raise BadInput(f"{path} holds Python code or objects, which are never run: save the state dict alone.") from None
    except _BROKEN as error:
        raise BadInput(f"{path} cannot be read as a network ({type(error).__name__}): copy it again from its source.") from None
    if not isinstance(state, dict):
        raise BadInput(f"{path} is not a network: it must hold a state dict, but holds {kind_of(state)}.")
    return state, size


def kind_of(value: Any) -> str:
    """What an entry of a state dict is, for a sentence: the type of a tensor's values, or else its own."""
    if isinstance(value, np.ndarray):
        return f"a tensor of {value.dtype.name}"
    return value.name if isinstance(value, Other) else type(value).__name__


class _Instructions:
    """The stack machine of pickle, with what torch.save uses for a state dict of tensors and nothing else."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        names = [name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(names) != 1:
            raise KeyError("data.pkl")
        self._folder = names[0].partition("/")[0]
        self._order: Literal["<", ">"] = ">" if self._text("byteorder") == "big" else "<"
        self._storages: dict[str, NDArray[Any]] = {}
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def follow(self) -> Any:
        """What the instructions put together."""
        for opcode, value, _ in pickletools.genops(self._archive.read(f"{self._folder}/data.pkl")):
            self._step(opcode.name, value)
        return self._stack.pop()

    def _step(self, name: str, value: Any) -> None:
        stack = self._stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _NUMBERS or name in _TEXTS:
            stack.append(value)
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append({} if name == "EMPTY_DICT" else [] if name == "EMPTY_LIST" else ())
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name in _TUPLES:
            stack.append(tuple(self._last(_TUPLES[name])))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[value] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[value])
        elif name == "GLOBAL":
            stack.append(_named(value.replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            stack.append(_named(".".join(self._last(2))))
        elif name == "BINPERSID":
            stack.append(self._storage(*self._last(1)))
        elif name == "REDUCE":
            stack.append(_made(*self._last(2)))
        elif name == "SETITEM":
            self._fill(self._last(2))
        elif name == "SETITEMS":
            self._fill(self._since_mark())
        elif name == "APPEND":
            self._lengthen(self._last(1))
        elif name == "APPENDS":
            self._lengthen(self._since_mark())
        elif name == "BUILD":
            self._last(1)  # an OrderedDict's own attributes: which versions its modules had
        elif name not in _NOTHING:
            raise _CodeError(name)

    def _last(self, number: int) -> list[Any]:
        if len(self._stack) < number:
            raise IndexError("the stack is empty")
        taken = self._stack[-number:]
        del self._stack[-number:]
        return taken

    def _since_mark(self) -> list[Any]:
        mark = self._marks.pop()
        taken = self._stack[mark:]
        del self._stack[mark:]
        return taken

    def _fill(self, entries: list[Any]) -> None:
        target = self._stack[-1]
        keys = entries[::2]
        if not isinstance(target, dict) or len(entries) % 2 or not all(isinstance(key, str) for key in keys):
            raise TypeError("no dict of names")
        target.update(zip(keys, entries[1::2], strict=True))

    def _lengthen(self, entries: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError("no list")
        target.extend(entries)

    def _storage(self, told: Any) -> Any:
        """The values ("storage", type, key, device, number) tells of; the device does not matter."""
        word, kind, key, _, number = told
        if word != "storage" or not isinstance(kind, Other) or not isinstance(key, str):
            raise TypeError("no storage")
        if kind.name not in _STORAGES:
            return kind
        if key not in self._storages:
            values = self._archive.read(f"{self._folder}/data/{key}")
            self._storages[key] = np.frombuffer(values, np.dtype(_STORAGES[kind.name]).newbyteorder(self._order))
        if self._storages[key].size != number:
            raise ValueError("cut short")
        return self._storages[key]

    def _text(self, name: str) -> str:
        whole = f"{self._folder}/{name}"
        return self._archive.read(whole).decode("ascii") if whole in self._archive.namelist() else ""


def _named(name: str) -> Other:
    if name != _DICT and not name.startswith("torch."):
        raise _CodeError(name)
    return Other(name)


def _made(what: Any, arguments: Any) -> Any:
    if not isinstance(what, Other) or not isinstance(arguments, tuple):
        raise TypeError("nothing that can be made")
    if what.name == _DICT and not arguments:
        return {}
    if what.name == _PARAMETER:
        return arguments[0]
    if what.name == _TENSOR:
        return _tensor(*arguments[:4])
    return Other(what.name)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Any:
    """A view of the storage (elements, not bytes), no larger than it is."""
    if isinstance(storage, Other):
        return storage
    if not isinstance(storage, np.ndarray):
        raise TypeError("no storage")
    for number in (offset, *shape, *strides):
        if type(number) is not int or number < 0:
            raise ValueError("no shape")
    if len(shape) != len(strides):
        raise ValueError("no shape")
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if 0 in shape:
        return np.zeros(shape, storage.dtype)
    if last >= storage.size:
        raise ValueError("larger than its values")
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [stride * storage.itemsize for stride in strides], writeable=False
    )


def _checked_size(path: Path) -> int:
    """The file's size, after making sure that reading it takes about as much memory."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BadInput(f"{path} is not a file: name the network's .pth.")
        if size > MAX_FILE_BYTES:
            raise BadInput(f"{path} has {size} bytes, more than the {MAX_FILE_BYTES} that a network may have.")
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > size:
                raise BadInput(f"{path} is compressed, which PyTorch never does: copy it again from its source.")
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: check the path, or train a network first.") from None
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path} is not a PyTorch file, or is cut short: copy it again from its source.") from None
    return size
