"""Sequence matching: evidence added along the diagonal, as a robot that moves like the reference traverse gathers it."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput

Edges = Literal["causal", "valid"]


def match_sequences(similarity: NDArray[np.generic], length: int, edges: Edges = "causal") -> NDArray[np.float64]:
    """Average the similarity over `length` entries along the diagonal.

    Args:
        similarity: (references, queries), higher is more alike, finite.
        length: L, in frames; 0 and 1 leave the matrix as it is.
        edges: what happens where a sequence would start before the first frame.
            "causal" (ours): entry (r, q) is the mean of the entries (r - k, q - k), k = 0 .. L - 1, so a query uses only itself
            and what came before it. The first queries use the queries that there are. Where the sequence would start before the
            first reference place there is no evidence for or against, and the query's mean over all places stands in: the
            scores of one query then stay comparable from place to place (a shorter mean would let the first places win by
            their larger variance, or whenever the latest frame is quieter than those before). Every query has a column, also
            the first ones, so that figures for several L are over the same queries and the cold start counts.
            "valid" (LENS): complete sequences only; entry (i, j) starts at frames i and j.

    Returns:
        float64: (references, queries), or (references - L + 1, queries - L + 1) for "valid".

    Raises:
        BadInput: the sequence is longer than a traverse ("valid").
    """
    matrix = np.asarray(similarity, np.float64)
    if length <= 1:
        return matrix
    if edges == "causal":
        return _causal(matrix, length)
    return _complete(matrix, length)


def _causal(matrix: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    queries = matrix.shape[1]
    length = min(length, queries)
    total, _ = _window(matrix, matrix.mean(axis=0), length)
    return total / np.minimum(np.arange(1, queries + 1), length)


def _window(
    matrix: NDArray[np.float64], means: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over `length` entries back along the diagonal; also for a place before the first one, whose entries are `means`.

    By halves: log2(length) passes, and no cancellation, which a difference of running sums would have.
    """
    if length == 1:
        return matrix, means
    half, half_means = _window(matrix, means, length // 2)
    total, total_means = _later(half, half_means, half, half_means, length // 2)
    return _later(matrix, means, total, total_means, 1) if length % 2 else (total, total_means)


def _later(
    first: NDArray[np.float64],
    first_means: NDArray[np.float64],
    second: NDArray[np.float64],
    second_means: NDArray[np.float64],
    shift: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add to each entry of `first` that of `second` which lies `shift` frames before it on the diagonal."""
    total, means = first.copy(), first_means.copy()
    means[shift:] += second_means[:-shift]
    total[shift:, shift:] += second[:-shift, :-shift]
    total[:shift, shift:] += second_means[:-shift]
    return total, means


def _complete(matrix: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    references, queries = matrix.shape
    if length > min(references, queries):
        raise BadInput(
            f"sequence_length is {length}, but there are only {references} reference places and {queries} queries: "
            "take a shorter sequence, or the scoring of Revisit, which uses the frames there are."
        )
    rows, columns = references - length + 1, queries - length + 1
    total = matrix[:rows, :columns].copy()
    for k in range(1, length):
        total += matrix[k : k + rows, k : k + columns]
    total /= length
    return total


def zero_edges(complete: NDArray[np.float32], shape: tuple[int, ...], length: int) -> NDArray[np.float32]:
    """Put the matrix of complete sequences back among zeros to its old size, (L - 1) // 2 of them before (LENS v0.1.5)."""
    if length <= 1:
        return complete
    padded = np.zeros(shape, complete.dtype)
    before = (length - 1) // 2
    padded[before : before + complete.shape[0], before : before + complete.shape[1]] = complete
    return padded
