"""What a chip's power would be, from what it does; and recorded rails.

The model has a floor for each rail, and energies for each event that the camera gives the first core and for each synaptic
operation behind it. Where the constants come from, and what is only assumed, is said beside them: the recording that they
rest on has no record of the events that were seen, so that its mean is matched by construction and proves nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.chip.limits import RAILS
from engine.chip.target import PowerReading
from engine.errors import BadInput

FLOOR_W = (45e-6, 48e-6, 295e-6, 44e-6, 626e-6)
"""Each rail at rest (io, ram, logic, vddd, vdda). Fitted: the mean of 17 s of LENS's published recording of a Speck that stands
still. Memory and logic together, 0.34 mW, can be compared with 0.42 mW, the processor's resting power as Yao et al. publish it
(Nature Communications 15, 4464, 2024)."""

SHARES = (0.009, 0.347, 0.610, 0.026, 0.008)
"""How what is above the floor spreads over the rails. Fitted: the mean of the same recording's 105 s in motion."""

SYNOP_J = 25e-12
"""One synaptic operation. Assumed: the vendor publishes no figure; chips of its kind are published with 23.6 pJ (Loihi, Davies
et al. 2018) and 26 pJ (TrueNorth, Merolla et al. 2014)."""

EVENT_J = 3.9e-9
"""One event of the camera, with its way to the first core and through it. Fitted under an assumption: what the recording has
above the floor, 1.87 mW, at 75 events a pixel and second over 80x80 pixels, the middle of the 50 to 100 that LENS's
documentation advises; with 50 or 100 it would be 5.9 or 2.9 nJ."""

UNCERTAINTY = 1.5
"""The factor by which an estimate may be off for that assumption alone."""


def estimate(events: int, synops: int, seconds: float) -> PowerReading:
    """The mean power of each rail over a window.

    Args:
        events: of the camera that reached the first core.
        synops: synaptic operations of all cores.
        seconds: length of the window, above 0.
    """
    above = (events * EVENT_J + synops * SYNOP_J) / seconds
    return PowerReading(np.array(FLOOR_W) + above * np.array(SHARES), measured=False, seconds=seconds)


@dataclass(frozen=True)
class RecordedRails:
    """Measured power over time.

    Attributes:
        seconds: (samples,) since the first sample.
        watts: (samples, 5) in the order of engine.chip.limits.RAILS.
    """

    seconds: NDArray[np.float64]
    watts: NDArray[np.float64]


def read_rails(path: Path) -> RecordedRails:
    """Read rails as LENS records them: a .npy of (5 rails, samples, 2), each sample a time in us and watts.

    The rails are sampled one after another, a few ms apart; the first one's times are taken for all.

    Raises:
        BadInput: the file is missing or holds something else.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as recorded rails ({type(error).__name__}): give LENS's .npy.") from None
    if array.ndim != 3 or array.shape[0] != len(RAILS) or array.shape[2] != 2 or not np.isfinite(array).all() or not array.size:
        raise BadInput(
            f"{path} should hold {len(RAILS)} rails x samples x (us, W), but its shape is {'x'.join(map(str, array.shape))} "
            f"of {array.dtype}: give LENS's .npy."
        )
    times = array[0, :, 0].astype(np.float64)
    return RecordedRails((times - times[0]) / 1e6, np.ascontiguousarray(array[:, :, 1].T, np.float64))
