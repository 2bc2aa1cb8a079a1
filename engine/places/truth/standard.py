"""Similarity in standard deviations: comparable from query to query, whatever method it came from."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken

_COLUMNS = 512


def standardised(similarity: NDArray[np.generic], cancel: CancelToken | None = None) -> NDArray[np.float32]:
    """Each query's similarity less its mean over the references, in standard deviations; 0 where all are equal.

    Args:
        similarity: (references, queries).
        cancel: checked several times a second.

    Raises:
        BadInput: a value is not finite.
    """
    result = np.empty(similarity.shape, np.float32)
    for first in range(0, similarity.shape[1], _COLUMNS):
        if cancel is not None:
            cancel.check()
        part = similarity[:, first : first + _COLUMNS].astype(np.float64)
        if not np.isfinite(part).all():
            raise BadInput("The similarity matrix has values that are not finite numbers: compute it again.")
        part -= part.mean(axis=0)
        spread = np.sqrt((part * part).mean(axis=0))
        part *= np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
        result[:, first : first + _COLUMNS] = part
    return result
