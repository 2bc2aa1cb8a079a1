"""The line that every traverse of a world follows."""

import math

import numpy as np
from numpy.typing import NDArray

from engine.simulation.parameters import WorldParameters

SECTION_M = 0.5
"""Distance between two stored cross-sections of the route."""
_BLOCK = 128  # sections integrated at a time


class Route:
    """A smooth planar curve, generated lazily from its start at (0, 0).

    The heading is a sum of sines with amplitudes that add up to less than 90 degrees: x grows all the way, so that no
    place is passed twice. Memory grows by two numbers every 64 m.
    """

    def __init__(self, parameters: WorldParameters) -> None:
        generator = np.random.default_rng([parameters.seed, 0x5EED])
        # A corridor's bends are tighter than a street's.
        scale = 0.6 if parameters.kind == "corridor" else 1.0
        self._omega = 2 * math.pi / (scale * np.array([310.0, 131.0, 67.0]) * generator.uniform(0.85, 1.15, 3))
        self._amplitude = parameters.curviness * np.radians([42.0, 24.0, 9.0])
        self._phase = generator.uniform(0, 2 * math.pi, 3)
        self._starts = np.zeros((1, 2))  # position at the start of every block, as far as it was integrated

    def heading(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Direction of travel in radians, counter-clockwise from east, at distances in metres from the start."""
        angle = np.multiply.outer(np.asarray(distance, np.float64), self._omega) + self._phase
        return np.asarray(np.sin(angle) @ self._amplitude, np.float64)

    def _block(self, index: int) -> NDArray[np.float64]:
        """Positions of the sections of a block and of the first one after it, relative to the block's first."""
        # Two-point Gauss-Legendre on every section: the error over a kilometre stays under a millimetre.
        first = np.asarray((index * _BLOCK + np.arange(_BLOCK)) * SECTION_M, np.float64)
        step = np.zeros((_BLOCK + 1, 2))
        for node in (-1, 1):
            angle = self.heading(first + SECTION_M * (0.5 + node / math.sqrt(12)))
            step[1:] += 0.5 * SECTION_M * np.stack([np.cos(angle), np.sin(angle)], 1)
        return np.cumsum(step, 0)

    def sections(self, first: int, count: int) -> NDArray[np.float64]:
        """Positions (count, 2) in metres of the cross-sections `first` (>= 0), first + 1, ... every SECTION_M metres."""
        last_block = (first + count) // _BLOCK
        while len(self._starts) <= last_block:
            end = self._starts[-1] + self._block(len(self._starts) - 1)[-1]
            self._starts = np.concatenate([self._starts, end[None]])
        blocks = range(first // _BLOCK, last_block + 1)
        points = np.concatenate([self._starts[block] + self._block(block)[:-1] for block in blocks])
        offset = first - blocks[0] * _BLOCK
        return points[offset : offset + count]

    def position(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions (n, 2) in metres, east and north of the start, at distances (n) >= 0 along the route."""
        distance = np.asarray(distance, float)
        if distance.size == 0:
            return np.zeros((0, 2))
        index = np.floor(distance / SECTION_M).astype(np.int64)
        first = int(index.min())
        start = self.sections(first, int(index.max()) - first + 1)[index - first]
        within = distance - index * SECTION_M
        angle = self.heading(distance - within / 2)  # midpoint rule: the section is short
        return np.asarray(start + within[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1))

    def place(self, distance: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions (n, 2) of points `left` metres to the left of the route at `distance`."""
        angle = self.heading(distance)
        return np.asarray(self.position(distance) + np.asarray(left)[:, None] * np.stack([-np.sin(angle), np.cos(angle)], -1))
