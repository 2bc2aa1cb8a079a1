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
        return "ns" if len(sample) and float(np.median(sample)) > 1e17 else "us"
    values = sample[np.isfinite(sample)]
    if not len(values):
        return "us"
    usual = float(np.median(np.abs(values)))
    if usual > 1e17:
        return "ns"
    return "s" if np.any(values != np.rint(values)) and usual < 1e11 else "us"


def column_order(sample: NDArray[np.float64]) -> str:
    """The order (a key of ORDERS) of the columns of an (n, 4) sample.

    The polarity is where most values are -1, 0 or 1. It is "t x y p" where that fits, unless, in 20 rows or more, the first
    column does not rise as times do and that of another order does.

    Raises:
        Damaged: no order fits.
    """
    rises = {}
    for name, (t, x, y, p) in ORDERS.items():
        signs = np.isin(sample[:, p], (-1, 0, 1)).mean()
        pixels = (sample[:, (x, y)] == np.floor(sample[:, (x, y)])).mean()
        if signs > 0.5 and pixels > 0.9:
            changes = len(sample) > 1 and np.ptp(sample[:, t]) > 0  # a constant column is no time
            rises[name] = float((np.diff(sample[:, t]) >= 0).mean()) if changes else 0.0
    if not rises:
        raise Damaged("its columns are not four of time, x, y and polarity (0 or 1, or -1 or 1)")
    usual, likeliest = next(iter(ORDERS)), max(rises, key=lambda name: rises[name])
    if usual in rises and (rises[usual] > 0.8 or rises[likeliest] < 0.95 or len(sample) < 20):
        return usual
    return likeliest
