"""What is painted on the boards that stand across the route."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.simulation.textures import Floats, RipMap, sprite_map

SIZE = 64


def _grid() -> tuple[Floats, Floats]:
    at = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE * 2 - 1
    return np.asarray(at[:, None], np.float32), np.asarray(at[None], np.float32)


def _shape(value: NDArray[Any], inside: NDArray[np.bool_]) -> Floats:
    opacity = inside.astype(np.float32)
    return np.stack([np.asarray(value, np.float32) * opacity, opacity])


def sprites() -> dict[str, RipMap]:
    """Every sprite by its name: value (premultiplied) and opacity, -1..1 across and from its foot to its top."""
    u, v = _grid()
    random = np.random.default_rng(7)
    everywhere = np.ones((SIZE, SIZE), bool)
    radius = np.hypot(u, v)
    leaves = np.kron(random.random((16, 16), np.float32), np.ones((4, 4), np.float32))
    boughs = np.kron(random.random((32, 16), np.float32), np.ones((2, 4), np.float32))
    ring = np.where(radius < 0.72, 0.8, 0.25).astype(np.float32)
    bar = np.where((np.abs(v) < 0.18) & (np.abs(u) < 0.6), 0.1, 1.0).astype(np.float32)
    slope = np.abs(u) < (1 - v) / 2
    inner = np.abs(u) < (0.62 - v) / 2 * (v > -0.75)
    window = (np.abs(u) < 0.72) & (v > 0.25) & (v < 0.85)
    light = (np.abs(np.abs(u) - 0.78) < 0.14) & (np.abs(v + 0.1) < 0.12)
    car = np.where(window, 0.12, np.where(light, 0.9, 0.8)) * np.where(v < -0.6, 0.4, 1.0)
    body = (np.abs(u) < np.where(v > 0.2, 0.95 - 0.25 * (v - 0.2), 0.97)) & ((v > -0.8) | (np.abs(np.abs(u) - 0.75) < 0.18))
    return {
        name: sprite_map(values)
        for name, values in {
            "pole": _shape(np.full((SIZE, SIZE), 0.3, np.float32), everywhere),
            "lamp": _shape(np.ones((SIZE, SIZE), np.float32), radius < 0.95),
            "trunk": _shape(np.broadcast_to(0.12 + 0.06 * u, (SIZE, SIZE)), everywhere),
            "crown": _shape(0.06 + 0.22 * leaves * (1.2 + 0.6 * v), (radius < 0.75 + 0.22 * leaves) & (leaves > 0.16)),
            "bare": _shape(np.full((SIZE, SIZE), 0.12, np.float32), (radius < 0.95) & (boughs > 0.72)),
            "disc": _shape(ring * bar, radius < 0.97),
            "triangle": _shape(np.where(inner, 0.85, 0.2), slope),
            "square": _shape(np.where(np.maximum(np.abs(u), np.abs(v)) < 0.75, 0.2 + 0.6 * (np.abs(v) < 0.3), 0.85), everywhere),
            "stripes": _shape(np.broadcast_to(np.where(np.floor(v * 3) % 2 == 0, 0.75, 0.1), (SIZE, SIZE)), everywhere),
            "car": _shape(car, body),
        }.items()
    }
