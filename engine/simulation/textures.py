"""Textures that can be filtered by another amount along than across: rip maps, of an endless plane or of a sprite."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
TextureData = tuple[Floats, tuple[int, int, int, int, bool], tuple[float, float, float]]
"""What engine.native.render_frames takes as a texture."""


def _halved(values: Floats, axis: int) -> Floats:
    if axis == 1:
        return np.asarray(0.5 * (values[:, 0::2] + values[:, 1::2]), np.float32)
    return np.asarray(0.5 * (values[:, :, 0::2] + values[:, :, 1::2]), np.float32)


class RipMap:
    """A texture (channels, size_u, size_v) with all its halvings; sizes are powers of two.

    With `wraps` the first axis is a ring: a plane along the route, painted block by block ahead of the camera.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        levels: tuple[int, int],
        density: tuple[float, float] = (1.0, 1.0),
        origin: float = 0.0,
        wraps: bool = False,
    ) -> None:
        self.size, self.levels, self.density, self.origin, self.wraps = size, levels, density, origin, wraps
        along = sum(size[0] >> i for i in range(levels[0]))
        across = sum(size[1] >> j for j in range(levels[1]))
        self._values = np.zeros((channels, along * across), np.float32)
        self._views: dict[tuple[int, int], Floats] = {}
        start = 0
        for i in range(levels[0]):
            for j in range(levels[1]):
                shape = (size[0] >> i, size[1] >> j)
                stop = start + shape[0] * shape[1]
                self._views[i, j] = self._values[:, start:stop].reshape(channels, *shape)
                start = stop

    def paint(self, start: int, values: Floats) -> None:
        """Put values (channels, n, size_v) at texel `start`; both are multiples of the coarsest level's texel."""
        row = np.asarray(values, np.float32)
        for i in range(self.levels[0]):
            if i:
                row = _halved(row, 1)
            ring = self.size[0] >> i
            first = (start >> i) % ring
            level = row
            for j in range(self.levels[1]):
                if j:
                    level = _halved(level, 2)
                self._views[i, j][:, first : first + level.shape[1]] = level

    def data(self) -> TextureData:
        """The tuple that the renderer takes; the values are shared, not copied."""
        return self._values, (*self.levels, *self.size, self.wraps), (*self.density, self.origin)


def sprite_map(values: Floats) -> RipMap:
    """The rip map of a sprite: value (premultiplied) and opacity, (2, width, height), its first row at the bottom."""
    size = (values.shape[1], values.shape[2])
    levels = (size[0].bit_length() - 2, size[1].bit_length() - 2)
    made = RipMap(2, size, levels)
    made.paint(0, values)
    return made
