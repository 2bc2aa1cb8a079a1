"""Event frames made small to look at: a single event stays to be seen."""

import numpy as np
from numpy.typing import NDArray

LEAST_TOP = 8
"""Frames with fewer events a pixel than this are not stretched to the strongest colour: noise would look like a scene."""


def brightest(frame: NDArray[np.uint8]) -> int:
    """The count that gets the strongest colour: that of the brightest pixels, but not of a few hot ones."""
    counts = np.bincount(frame.ravel(), minlength=256)
    above = np.cumsum(counts[::-1])[::-1]  # pixels with at least so many events
    allowed = max(frame.size // 500, 1)
    return max(int(np.flatnonzero(above >= allowed)[-1]), LEAST_TOP)


def thumbnail(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A frame of counts as a picture of at most `side` x `side` pixels: 0 is no event, 255 the brightest; never enlarged.

    The counts are stretched before pixels are averaged, so that sparse frames do not fade to nothing.

    Args:
        frame: (height, width) uint8 counts.
        side: of the square that it fits into, in pixels.
    """
    import cv2

    shades = np.minimum(np.arange(256) * 255 // brightest(frame), 255).astype(np.uint8)
    picture = shades[frame]
    height, width = frame.shape
    factor = side / max(height, width)
    if factor >= 1:
        return np.ascontiguousarray(picture)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
