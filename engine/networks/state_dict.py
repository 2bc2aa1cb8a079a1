"""Network files: PyTorch files of tensors, written whole or not at all and read without running anything in them."""

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.loading import load_torch
from engine.networks.record import RunRecord, record_path, write_record
from engine.storage import replacing

MAX_FILE_BYTES = 4 * 1024**3


def write_network(path: Path, arrays: Mapping[str, NDArray[Any]], record: RunRecord | None) -> None:
    """Write a state dict, and the run record beside it (same name, .json).

    Without a record one that lies there is removed: it would tell of another network.
    """
    torch = load_torch()
    buffer = io.BytesIO()
    torch.save({key: torch.from_numpy(np.array(value)) for key, value in arrays.items()}, buffer)
    # The old record goes first: a cut between the writes leaves a network without a record, never with a wrong one.
    record_path(path).unlink(missing_ok=True)
    with replacing(path) as part:
        part.write_bytes(buffer.getbuffer())
    if record is not None:
        write_record(path, record)


def read_state_dict(path: Path) -> tuple[dict[str, Any], int]:
    """A state dict, whatever its keys, and the size of its file.

    Raises:
        BadInput: the file is missing, broken, holds more than tensors, or is no state dict.
    """
    size = _checked_size(path)
    torch = load_torch()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise BadInput(f"{path} holds Python code or objects, which are never run: save the state dict alone.") from None
    except Exception as error:  # torch raises errors of many kinds for a broken file
        raise BadInput(f"{path} cannot be read as a network ({type(error).__name__}): copy it again from its source.") from None
    if not isinstance(state, dict):
        raise BadInput(f"{path} is not a network: it must hold a state dict, but holds {type(state).__name__}.")
    return state, size


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
