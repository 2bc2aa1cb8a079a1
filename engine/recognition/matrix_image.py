"""A similarity matrix as a colour picture, with the ground truth outlined."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.frames.png import encode_png

# Our own scale from dark to light: CIE L* rises evenly from 8 to 94 (so equal steps look equal, also in grey and to colour-blind
# eyes) while the hue turns from blue over green to yellow at the chroma that sRGB has room for. (L*, chroma, hue in degrees.)
_ANCHORS = ((8, 28, 300), (29, 44, 285), (50, 36, 220), (72, 50, 160), (94, 62, 105))
_OUTLINE = (255, 60, 60)
_SIDE = 900
_WHITE = np.array([0.95047, 1.0, 1.08883])
_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


@cache
def colour_scale() -> NDArray[np.uint8]:
    """(256, 3) uint8 sRGB, from the smallest to the largest value."""
    place = np.linspace(0, 1, 256)
    lightness, chroma, hue = (np.interp(place, np.linspace(0, 1, len(_ANCHORS)), column) for column in np.transpose(_ANCHORS))
    a, b = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    f = (lightness + 16) / 116
    xyz = np.stack([f + a / 500, f, f - b / 200], axis=1)
    xyz = np.where(xyz > 6 / 29, xyz**3, (xyz - 4 / 29) * 3 * (6 / 29) ** 2) * _WHITE
    linear = np.clip(xyz @ _TO_RGB.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    scale: NDArray[np.uint8] = np.round(255 * encoded).astype(np.uint8)
    return scale


def similarity_image(similarity: NDArray[Any], truth: NDArray[np.generic] | None = None, side: int = _SIDE) -> bytes:
    """Draw a similarity matrix as an 8-bit colour PNG: references downwards, queries to the right, light is alike.

    A small matrix is enlarged by a whole number, so that its cells are seen; a large one is thinned to twice `side`,
    each pixel being the largest similarity in its cell, so that the thin line of true matches does not vanish.

    Args:
        similarity: (references, queries), finite.
        truth: of the same shape; its matches are outlined in red.
        side: about how many pixels a small matrix is enlarged to; a large one has twice as many at most.
    """
    step = max(1, -(-max(similarity.shape) // (2 * side)))
    values = _block_max(np.asarray(similarity, np.float64), step, -np.inf)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    picture = colour_scale()[np.round(scaled).astype(np.uint8)]
    zoom = max(1, side // max(values.shape))
    picture = picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
    if truth is not None:
        marked = _block_max(np.asarray(truth) != 0, step, False).repeat(zoom, axis=0).repeat(zoom, axis=1)
        picture[_outline(marked)] = _OUTLINE
    return encode_png(picture)


def _block_max(matrix: NDArray[Any], step: int, nothing: Any) -> NDArray[Any]:
    """The largest value of each step x step block."""
    if step == 1:
        return matrix
    rows, columns = matrix.shape
    padded = np.pad(matrix, ((0, -rows % step), (0, -columns % step)), constant_values=nothing)
    blocks: NDArray[Any] = padded.reshape(-(-rows // step), step, -(-columns // step), step).max(axis=(1, 3))
    return blocks


def _outline(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a region that touch its outside."""
    inside = np.pad(marked, 1)
    surrounded = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return marked & ~surrounded
