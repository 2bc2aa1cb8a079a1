"""Which column is which, and what a time counts, where a file does not say."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.events.formats._shared import Column, Damaged

NAMES = {
    "t": ("t", "ts", "time", "timestamp", "timestamps", "time_us", "t_us"),
    "x": ("x", "x_coordinate", "x_coordinates", "xs"),
    "y": ("y", "y_coordinate", "y_coordinates", "ys"),
    "p": ("p", "pol", "polarity", "polarities", "on", "ps"),
}
"""Names under which t, x, y, p go."""

SCALES = {"us": 1.0, "s": 1e6, "ns": 1e-3, "ms": 1e3}
"""us in one unit of time."""

ORDERS = {"t x y p": (0, 1, 2, 3), "x y t p": (2, 0, 1, 3), "x y p t": (3, 0, 1, 2)}
"""Orders of the four columns that are in use, and where t, x, y, p are in each."""


def named_columns(names: Sequence[str]) -> dict[str, str] | None:
    """The names of t, x, y, p among the names of a file, None where one is missing."""
    found = {}
    for column, known in NAMES.items():
        for name in names:
            if name.strip().lower() in known and column not in found:
                found[column] = name
    return found if len(found) == 4 else None


def time_unit(sample: Column) -> str:
    """What the times in a sample count: "us", "s", or "ns".

    Numbers with decimals are seconds, as LENS and the rosbag tools write them, unless they are too large for that (more than
    3000 years); whole numbers are us, or ns where they are as large as the ns since 1970.
    """
    if sample.dtype.kind in "iu":
        return "ns" if len(sample) and bool(sample.max() > 10**17) else "us"
    values = sample[np.isfinite(sample)]
    if not len(values):
        return "us"
    if float(np.abs(values).max()) > 1e17:
        return "ns"
    return "s" if np.any(values != np.rint(values)) and float(np.abs(values).max()) < 1e11 else "us"


def column_order(sample: NDArray[np.float64]) -> str:
    """The order (a key of ORDERS) of the columns of an (n, 4) sample.

    The polarity is where all values are -1, 0 or 1, the time is where the values rise; "t x y p" where both fit several.

    Raises:
        Damaged: no order fits.
    """
    scores = {}
    for name, (t, x, y, p) in ORDERS.items():
        signs = np.isin(sample[:, p], (-1, 0, 1)).mean()
        pixels = ((sample[:, (x, y)] >= 0) & (sample[:, (x, y)] == np.floor(sample[:, (x, y)]))).mean()
        rises = (np.diff(sample[:, t]) >= 0).mean() if len(sample) > 1 else 1.0
        if signs > 0.9 and pixels > 0.9:
            scores[name] = rises
    if not scores:
        raise Damaged("its columns are not four of time, x, y and polarity (0 or 1, or -1 or 1)")
    return max(scores, key=lambda name: scores[name])
