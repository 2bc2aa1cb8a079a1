"""Ranks of values: what the compiled loop gives, bit for bit."""

import numpy as np
from numpy.typing import NDArray


def rank_scores(values: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """An entry of a table for each value, by its rank.

    Args:
        values: (n,), none of them NaN.
        table: (2 n - 1,): entry i + j is for values that share the ranks i to j (from 0), the smallest first.
    """
    order = np.argsort(values)
    ordered = values[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(first, len(values)))
    scores = np.empty_like(values)
    scores[order] = np.repeat(table[2 * first + sizes - 1], sizes)
    return scores
