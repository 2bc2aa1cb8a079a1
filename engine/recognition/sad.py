"""Sum of absolute differences (SAD) between frames: the baseline that every place recogniser is held against."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, ignore
from engine.recognition.pacing import in_chunks

Distances = NDArray[np.int32] | NDArray[np.float32]

_FIRST = 1 << 27  # pixels compared in the first call: a tenth of a second at worst
_LONGEST = 1 << 23  # pixels whose differences still fit an int32


def sad_distances(
    references: NDArray[Any], queries: NDArray[Any], emit: Emit = ignore, cancel: CancelToken | None = None, threads: int = 0
) -> Distances:
    """Distances between every reference and every query: sum over pixels of |reference - query|; lower is more alike.

    Args:
        references: (references, ...) uint8 frames, or float32 frames or descriptors; all further axes are summed over.
        queries: (queries, ...), of the same type and shape a frame.
        emit: hears Progress in references.
        cancel: checked about ten times a second.
        threads: how many to use; 0 for all cores.

    Returns:
        (references, queries): int32, exact, for uint8; float32 for float32, summed in an order that does not depend on the
        processor.

    Raises:
        BadInput: frames of different or unsupported types or shapes, or values that are not finite.
        JobCancelled: the job was asked to stop.
    """
    references, queries = np.asarray(references), np.asarray(queries)
    if references.ndim < 2 or references.shape[1:] != queries.shape[1:]:
        raise BadInput(
            f"Reference and query frames must have one size, but are {_size(references)} and {_size(queries)}: "
            "use one region of interest."
        )
    if references.dtype != queries.dtype or references.dtype not in (np.uint8, np.float32):
        raise BadInput(f"Frames must be all uint8 or all float32, but are {references.dtype} and {queries.dtype}: convert them.")
    floats = references.dtype == np.float32
    if floats and not (np.isfinite(references).all() and np.isfinite(queries).all()):
        raise BadInput("Frames hold values that are not finite: check how they were normalised.")
    length = int(np.prod(references.shape[1:]))
    if length > _LONGEST:
        raise BadInput(f"Frames of {length} pixels are too large to compare: {_LONGEST} is the most.")
    compare, multiple = (native.sad_floats, 16) if floats else (native.sad_bytes, 64)
    shape = (len(references), len(queries))
    result: Distances = np.zeros(shape, np.float32) if floats else np.zeros(shape, np.int32)
    if length == 0 or len(queries) == 0:
        return result
    rows = _rows(queries, length, multiple)

    def work(start: int, stop: int) -> None:
        result[start:stop] = compare(_rows(references[start:stop], length, multiple), rows, threads)

    in_chunks(len(references), work, "Comparing frames", "references", emit, cancel, first=_FIRST // (len(queries) * length))
    return result


def _rows(frames: NDArray[Any], length: int, multiple: int) -> NDArray[Any]:
    """Frames as rows padded with zeros to `multiple` values, 64-byte aligned; copied only where they are not so already."""
    flat = frames.reshape(len(frames), length)
    padded = (length + multiple - 1) // multiple * multiple
    if padded == length and flat.flags.c_contiguous and flat.ctypes.data % 64 == 0:
        return flat
    size = len(frames) * padded * flat.itemsize
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    rows = raw[start : start + size].view(flat.dtype).reshape(len(frames), padded)
    rows[:, :length] = flat
    rows[:, length:] = 0
    return rows


def _size(frames: NDArray[Any]) -> str:
    return " x ".join(map(str, frames.shape[1:])) or "single values"
