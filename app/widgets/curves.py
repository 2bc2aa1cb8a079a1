"""What pyqtgraph's curves can be given without harm."""

import numpy as np
from numpy.typing import NDArray


def drawable(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points of a curve with connect="finite", gaps and all; none where no point is finite.

    A path of nothing but NaN has no bounds, and the scene crashes over it.
    """
    return (x, y) if (np.isfinite(x) & np.isfinite(y)).any() else (x[:0], y[:0])
