"""Painting in metres on a block of a plane along the route."""

import numpy as np
from numpy.typing import NDArray

from engine.simulation.textures import Floats

BLOCK_M = 16.0
"""Length of the blocks that are painted ahead of the camera."""

# What a random generator is for: kept apart so that one more window does not move the trees.
FACADE, LOT, GROUND, THING, PARKED, CEILING, CATALOGUE = range(7)


def generator(*key: int) -> np.random.Generator:
    """The generator of one thing at one position: what stands there does not depend on what was made before."""
    return np.random.default_rng([part & 0xFFFFFFFF for part in key])


class Canvas:
    """Reflectance (u, v) of the block that starts at `start` metres, with v from `origin` metres; and its opacity."""

    def __init__(
        self, start: float, density: tuple[float, float], size_v: int, origin: float, value: float = 0.0, opacity: float = 1.0
    ) -> None:
        self.start, self.density, self.origin = start, density, origin
        self.value: Floats = np.full((round(BLOCK_M * density[0]), size_v), value, np.float32)
        self.opacity: Floats = np.full_like(self.value, opacity)

    @property
    def along(self) -> NDArray[np.float64]:
        """Metres along the route at the texels' centres, as a column."""
        return np.asarray((self.start + (np.arange(self.value.shape[0]) + 0.5) / self.density[0])[:, None], np.float64)

    @property
    def across(self) -> NDArray[np.float64]:
        """Metres up (or to the left, on the ground) at the texels' centres, as a row."""
        return np.asarray((self.origin + (np.arange(self.value.shape[1]) + 0.5) / self.density[1])[None], np.float64)

    def _window(self, u0: float, u1: float, v0: float, v1: float) -> tuple[slice, slice]:
        def texels(low: float, high: float, zero: float, density: float, size: int) -> slice:
            first, last = round((low - zero) * density), round((high - zero) * density)
            return slice(min(max(first, 0), size), min(max(last, 0), size))

        shape = self.value.shape
        return texels(u0, u1, self.start, self.density[0], shape[0]), texels(v0, v1, self.origin, self.density[1], shape[1])

    def rect(self, u0: float, u1: float, v0: float, v1: float, value: float, opacity: float = 1.0) -> None:
        """Fill from u0 to u1 along and v0 to v1 across; what lies outside the block is cut off."""
        window = self._window(u0, u1, v0, v1)
        self.value[window] = value
        self.opacity[window] = opacity

    def scale(self, u0: float, u1: float, v0: float, v1: float, factor: float) -> None:
        """Multiply what is painted there."""
        self.value[self._window(u0, u1, v0, v1)] *= factor

    def frame(self, u0: float, u1: float, v0: float, v1: float, value: float, edge: float, width: float) -> None:
        """A filled rectangle with an edge of another tone."""
        self.rect(u0, u1, v0, v1, edge)
        self.rect(u0 + width, u1 - width, v0 + width, v1 - width, value)

    def ellipse(self, u: float, v: float, radius_u: float, radius_v: float, value: float) -> None:
        """Fill an ellipse."""
        inside = ((self.along - u) / radius_u) ** 2 + ((self.across - v) / radius_v) ** 2 < 1
        self.value[inside] = value
        self.opacity[inside] = 1.0

    def grain(self, random: np.random.Generator, fine: float, coarse: float) -> None:
        """Multiply by a random texture of two sizes of grain; the arguments are its relative contrasts."""
        shape = self.value.shape
        blots = random.standard_normal((shape[0] // 8, shape[1] // 8), np.float32)
        blots = np.repeat(np.repeat(blots, 8, 0), 8, 1)
        pattern = fine * random.standard_normal(shape, np.float32) + coarse * blots
        self.value *= np.clip(1 + pattern, 0.3, 1.9)

    def tone(self, contrast: float) -> None:
        """Raise every ratio of two tones to the power `contrast`, about a light grey."""
        self.value = np.asarray(0.5 * (self.value / np.float32(0.5)) ** np.float32(contrast), np.float32)

    def premultiplied(self) -> Floats:
        """(2, u, v): value times opacity, and opacity."""
        return np.stack([self.value * self.opacity, self.opacity])


def lots(start: float, seed: int, side: int, length: float) -> list[tuple[int, float, float]]:
    """The lots that overlap the block at `start`: number, first and last metre.

    Their borders are jittered around multiples of `length`.
    """

    def border(number: int) -> float:
        return length * (number + 0.5 * generator(seed, LOT, side, number).uniform(-0.5, 0.5))

    first = int(np.floor(start / length)) - 1
    last = int(np.floor((start + BLOCK_M) / length)) + 1
    borders = [border(number) for number in range(first, last + 2)]
    return [
        (number, low, high)
        for number, low, high in zip(range(first, last + 1), borders, borders[1:], strict=False)
        if high > start and low < start + BLOCK_M
    ]
