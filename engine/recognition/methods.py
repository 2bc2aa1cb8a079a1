"""Baselines by name: from reference and query frames to a similarity matrix, with nothing learned.

Each is a pure function of the frames. Rows are reference places, columns are queries, higher is more alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress, Throttle, ignore
from engine.recognition.baselines import negative_distance
from engine.recognition.sad import Distances, sad_distances

Frames = NDArray[np.uint8]
Rows = NDArray[np.float32]
Similarity = NDArray[np.float64] | NDArray[np.float32]

PATCH = 8  # pixels a side
_POOLED_SIDE = 10  # cells along the shorter side of a pooled frame: LENS's grid on its own example
_STEP = 16  # grey values a standard deviation: the most that a pixel of an 8x8 patch can differ, sqrt(63), then just fits 8 bits
_BLOCK_BYTES = 1 << 24  # of frames turned to floats at once
_BLOCK_FLOPS = 1e10  # of one matrix product: a tenth of a second or so; smaller ones leave the BLAS waiting for its threads


@dataclass(frozen=True)
class Baseline:
    """A method that compares frames as they are.

    name: on the command line. title: for people. text: one sentence. of_distances: the similarity is minus a distance, which
    LENS's scorings turn into a reciprocal (see scoring.score). batch: it needs the whole query traverse before its first answer.
    """

    name: str
    title: str
    text: str
    of_distances: bool
    batch: bool
    compare: Callable[[Frames, Frames, Emit, CancelToken | None, int], Similarity]


def baseline_similarity(
    name: str,
    references: NDArray[Any],
    queries: NDArray[Any],
    emit: Emit = ignore,
    cancel: CancelToken | None = None,
    threads: int = 0,
) -> Similarity:
    """Similarity of every reference place and every query, by a baseline.

    Args:
        name: one of BASELINES.
        references: (references, height, width) uint8 event frames.
        queries: (queries, height, width) uint8, of the same size.
        emit: hears Progress.
        cancel: checked several times a second.
        threads: of the loops of SAD; 0 for all cores. Matrix products use as many as the BLAS library was given.

    Returns:
        (references, queries), finite, higher is more alike: float32, or float64 where sums of SAD
        need it to be exact. The same frames give the same values on one computer; matrix products may differ in their last
        bits from one processor to another.

    Raises:
        BadInput: an unknown name, frames that are not uint8 images of one size, or too few of them.
        JobCancelled: the job was asked to stop.
    """
    baseline = BASELINES.get(name)
    if baseline is None:
        raise BadInput(f"There is no method called {name!r}: choose one of {', '.join(BASELINES)}, or name a network's .pth.")
    references, queries = np.asarray(references), np.asarray(queries)
    _check(references, queries)
    return baseline.compare(references, queries, emit, cancel, threads)


def _check(references: NDArray[Any], queries: NDArray[Any]) -> None:
    if references.ndim != 3 or queries.ndim != 3 or references.dtype != np.uint8 or queries.dtype != np.uint8:
        raise BadInput("Event frames should be images of 8-bit counts, frames x height x width: bin the traverses again.")
    if references.shape[1:] != queries.shape[1:]:
        (a, b), (c, d) = references.shape[1:], queries.shape[1:]
        raise BadInput(f"Reference frames are {a}x{b} and query frames {c}x{d} (rows x columns): use one region for both.")
    if 0 in references.shape or 0 in queries.shape:
        raise BadInput("There is no frame to compare: the reference and the query traverse need at least one each.")


# -- sums of absolute differences


def _sad(references: Frames, queries: Frames, emit: Emit, cancel: CancelToken | None, threads: int) -> Similarity:
    return _negative(sad_distances(references, queries, emit, cancel, threads))


def _negative(distances: Distances) -> Similarity:
    """Minus the distances in the narrowest type that holds them exactly: a matrix of 5,000 x 5,000 takes 100 MB a method."""
    exact = distances.dtype == np.float32 or distances.size == 0 or int(distances.max()) <= 1 << 24
    return (0 - distances).astype(np.float32) if exact else negative_distance(distances)


def _sad_pooled(references: Frames, queries: Frames, emit: Emit, cancel: CancelToken | None, threads: int) -> Similarity:
    return _negative(sad_distances(pooled(references, cancel), pooled(queries, cancel), emit, cancel, threads))


def pooled(frames: Frames, cancel: CancelToken | None = None) -> Rows:
    """Means of square cells, about ten along the shorter side: (frames, rows, columns) float32.

    Where the cell does not divide the frame, the last cells of a row or column are smaller.
    """
    count, height, width = frames.shape
    side = max(1, round(min(height, width) / _POOLED_SIDE))
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    sizes = np.outer(np.diff(np.append(rows, height)), np.diff(np.append(columns, width))).astype(np.float32)
    result = np.empty((count, len(rows), len(columns)), np.float32)
    for part in _blocks(frames, cancel):
        sums = np.add.reduceat(np.add.reduceat(frames[part], rows, axis=1, dtype=np.int64), columns, axis=2)
        result[part] = sums / sizes
    return result


def _patch_sad(references: Frames, queries: Frames, emit: Emit, cancel: CancelToken | None, threads: int) -> Similarity:
    return _negative(
        sad_distances(patch_normalised(references, cancel), patch_normalised(queries, cancel), emit, cancel, threads)
    )


def patch_normalised(frames: Frames, cancel: CancelToken | None = None) -> Frames:
    """Frames with the mean 0 and the standard deviation 1 in every patch of 8x8 pixels, as 8-bit numbers.

    A pixel becomes round(128 + 16 z), where z is its deviation from its patch's mean in standard deviations; a patch without
    contrast becomes 128. Eight bits hold every z of a patch of 64 pixels, so nothing is clipped. Patches at the edges are
    smaller where 8 does not divide the frame. Source: Milford and Wyeth, SeqSLAM (ICRA 2012), with patches of 8.
    """
    _, height, width = frames.shape
    rows, columns = np.arange(0, height, PATCH), np.arange(0, width, PATCH)
    tall, wide = np.diff(np.append(rows, height)), np.diff(np.append(columns, width))
    pixels = np.outer(tall, wide)
    result = np.empty_like(frames, order="C")
    for part in _blocks(frames, cancel):
        values = frames[part].astype(np.float32)
        sums, squares = (
            np.add.reduceat(np.add.reduceat(each, rows, axis=1), columns, axis=2).astype(np.float64)
            for each in (values, values * values)  # sums of at most 64 squares of 8 bits are exact in float32
        )
        means = sums / pixels
        deviations = np.sqrt(np.maximum(squares / pixels - means * means, 0))
        scale = np.divide(_STEP, deviations, out=np.zeros_like(deviations), where=deviations > 1e-6)
        means, scale = (each.astype(np.float32).repeat(tall, axis=1).repeat(wide, axis=2) for each in (means, scale))
        values -= means
        values *= scale
        values += 128
        result[part] = np.rint(values, out=values).clip(0, 255)
    return result


# -- correlations


def _correlation(references: Frames, queries: Frames, emit: Emit, cancel: CancelToken | None, threads: int) -> Similarity:
    def rows(frames: Frames) -> Rows:
        result = _floats(frames, cancel)
        for part in _blocks(frames, cancel):
            result[part] -= result[part].mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
        return result

    return _cosines(rows(references), rows(queries), emit, cancel)


def _log_zscore(references: Frames, queries: Frames, emit: Emit, cancel: CancelToken | None, threads: int) -> Similarity:
    return _cosines(log_zscores(references, cancel), log_zscores(queries, cancel), emit, cancel)


def _log_zscore_causal(references: Frames, queries: Frames, emit: Emit, cancel: CancelToken | None, threads: int) -> Similarity:
    return _cosines(log_zscores(references, cancel), log_zscores(queries, cancel, causal=True), emit, cancel)


def log_zscores(frames: Frames, cancel: CancelToken | None = None, *, causal: bool = False) -> Rows:
    """ln(1 + count), then every pixel's deviation from its mean over the traverse in standard deviations.

    The mean and the deviation are the traverse's own, so they need the whole of it: a method for traverses, not for a robot on
    its way. With `causal` a frame is judged by the frames up to itself alone, as a robot could; the first frame is then 0
    everywhere. A pixel that does not change is 0.

    Returns:
        (frames, height * width) float32.

    Raises:
        BadInput: a single frame, which has no deviation (not with causal).
    """
    if len(frames) < 2 and not causal:
        raise BadInput(
            "The method log-zscore compares each pixel with its own spread over the traverse: it needs at least two frames of "
            "each traverse; use another method."
        )
    rows = _floats(frames, cancel, np.log1p(np.arange(256, dtype=np.float32)))
    sums, squares = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    if causal:
        for number in range(len(rows)):
            _heed(cancel)
            sums += rows[number]
            squares += rows[number].astype(np.float64) ** 2
            _standardise(rows[number : number + 1], sums, squares, number + 1)
        return rows
    for part in _blocks(frames, cancel):
        block = rows[part].astype(np.float64)
        sums += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
    for part in _blocks(frames, cancel):
        _standardise(rows[part], sums, squares, len(rows))
    return rows


def _standardise(rows: Rows, sums: NDArray[np.float64], squares: NDArray[np.float64], count: int) -> None:
    """In place, from the sums over `count` frames."""
    means = sums / count
    variances = squares / count - means * means
    # A pixel that does not change has a variance of a few rounding errors.
    scale = np.where(variances > 1e-9 * np.maximum(squares / count, 1e-12), 1 / np.sqrt(np.maximum(variances, 1e-30)), 0.0)
    rows -= means.astype(np.float32)
    rows *= scale.astype(np.float32)


def _floats(frames: Frames, cancel: CancelToken | None, table: Rows | None = None) -> Rows:
    """Frames as float32 rows, each count looked up in the table where there is one."""
    rows = np.empty((len(frames), frames.shape[1] * frames.shape[2]), np.float32)
    for part in _blocks(frames, cancel):
        flat = frames[part].reshape(-1, rows.shape[1])
        rows[part] = flat if table is None else table[flat]
    return rows


def _cosines(references: Rows, queries: Rows, emit: Emit, cancel: CancelToken | None) -> NDArray[np.float32]:
    """Cosine of the angle between every two rows; 0 where a row is all 0. The rows are changed.

    The blocks are of a fixed size, not of a measured one as elsewhere: how a product is cut decides its last bits.
    """
    for rows in (references, queries):
        step = max(1, _BLOCK_BYTES // (4 * rows.shape[1]))
        for start in range(0, len(rows), step):
            _heed(cancel)
            part = rows[start : start + step]
            norms = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
            part *= np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0).astype(np.float32)[:, None]
    result = np.empty((len(references), len(queries)), np.float32)
    step = max(1, min(1024, round(_BLOCK_FLOPS / (2 * queries.size))))
    throttle = Throttle()
    for start in range(0, len(references), step):
        _heed(cancel)
        np.matmul(references[start : start + step], queries.T, out=result[start : start + step])
        done = min(start + step, len(references))
        if done == len(references) or throttle.ready():
            emit(Progress("Comparing frames", done, len(references), "references"))
    return result


def _blocks(frames: Frames, cancel: CancelToken | None) -> Iterator[slice]:
    """Slices of some frames each; cancel is heard before each."""
    step = max(1, _BLOCK_BYTES // (4 * frames.shape[1] * frames.shape[2]))
    for start in range(0, len(frames), step):
        _heed(cancel)
        yield slice(start, start + step)


def _heed(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.check()


BASELINES: dict[str, Baseline] = {
    baseline.name: baseline
    for baseline in (
        Baseline("sad", "SAD", "Sum of absolute differences of whole frames.", True, False, _sad),
        Baseline(
            "sad-pooled",
            "SAD, pooled",
            "SAD on the means of square cells, ten along the shorter side.",
            True,
            False,
            _sad_pooled,
        ),
        Baseline("correlation", "Correlation", "Correlation of the pixels of whole frames.", False, False, _correlation),
        Baseline(
            "patch-sad",
            "Patch-normalised SAD",
            "SAD after giving every patch of 8x8 pixels the mean 0 and the deviation 1, as SeqSLAM does.",
            True,
            False,
            _patch_sad,
        ),
        Baseline(
            "log-zscore",
            "Log + z-score",
            "Cosine of log counts, each pixel in deviations from its mean over its traverse, which has to be there as a whole.",
            False,
            True,
            _log_zscore,
        ),
        Baseline(
            "log-zscore-causal",
            "Log + z-score, causal",
            "The same with the query's mean and deviation up to each frame alone, as a robot on its way could compute it.",
            False,
            False,
            _log_zscore_causal,
        ),
    )
}
