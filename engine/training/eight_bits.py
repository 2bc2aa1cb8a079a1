"""What 8-bit weights would cost: the shares that are clipped and that vanish."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127
_CANDIDATES = np.linspace(0.1, 1.0, 19)


@dataclass(frozen=True)
class EightBits:
    """8-bit integers at the scale that changes the weights least (smallest squared error).

    Attributes:
        limit: weights beyond +-limit are clipped to it.
        clipped: share of the weights beyond it.
        zeroed: share of the weights, other than 0, that round to 0.
    """

    limit: float
    clipped: float
    zeroed: float


def eight_bits(weights: NDArray[np.floating]) -> EightBits:
    """Try the limits from a tenth of the largest weight up to the largest, and say what the best one does.

    Args:
        weights: any shape, finite; the present ones (other than 0) count.
    """
    present = np.abs(weights[weights != 0]).astype(np.float64).ravel()
    if not present.size:
        return EightBits(0.0, 0.0, 0.0)
    best, least = float(present.max()), np.inf
    for limit in present.max() * _CANDIDATES:
        unit = limit / _LARGEST
        error = np.square(np.minimum(np.rint(present / unit), _LARGEST) * unit - present).sum()
        if error < least:
            best, least = float(limit), error
    unit = best / _LARGEST
    return EightBits(best, float(np.mean(present > best + unit / 2)), float(np.mean(present < unit / 2)))
