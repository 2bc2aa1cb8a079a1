"""What the distances of a baseline become in the one similarity layout."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput


def negative_distance(distances: NDArray[np.generic]) -> NDArray[np.float64]:
    """Turn distances (SAD, say) into a similarity: higher is more alike.

    Any falling function ranks single frames alike; this one, being linear, also leaves a sequence's mean similarity the
    sequence's mean distance, as SeqSLAM adds it (Milford and Wyeth 2012). `score` undoes it where LENS takes the reciprocal.

    Args:
        distances: (references, queries), finite, at least 0.

    Raises:
        BadInput: a distance is negative or not a number.
    """
    values = np.asarray(distances, np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise BadInput("A distance between frames is negative or not a number: compute the distances again.")
    return 0.0 - values  # not -values, which would write the distance 0 as -0.0
