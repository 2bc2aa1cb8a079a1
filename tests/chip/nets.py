"""Random networks in the chip's integers, and events for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events.array import empty_events
from engine.networks.lens import LensNetwork


def random_layers(rng: np.random.Generator, layers: int = 3, dense: float = 0.8) -> tuple[list[Any], int]:
    """A chain of layers as VirtualChip takes them, and the camera's pool."""
    shape = (int(rng.integers(1, 3)), int(rng.integers(6, 14)), int(rng.integers(6, 14)))
    given = []
    for number in range(layers):
        channels, rows, columns = shape
        kernel = int(rng.integers(1, min(rows, columns, 5) + 1))
        stride = rng.choice((1, 2), 2)
        padding = rng.integers(0, 3, 2)
        features = int(rng.choice((1, 3, 70)) if number else rng.choice((1, 4)))
        weights = rng.integers(-128, 128, (channels, kernel, kernel, features)) * (
            rng.random((channels, kernel, kernel, features)) < dense
        )
        out = [(size + 2 * pad - kernel) // step + 1 for size, pad, step in zip(shape[1:], padding, stride, strict=True)]
        pool = 2 if number + 1 < layers and min(out) >= 2 and rng.random() < 0.4 else 1
        threshold = int(rng.integers(20, 400))
        lowest = -threshold if rng.random() < 0.7 else -32768
        given.append((weights.astype(np.int8), shape, tuple(map(int, stride)), tuple(map(int, padding)), pool, threshold, lowest))
        shape = (features, out[0] // pool, out[1] // pool)
    return given, 1


def random_events(rng: np.random.Generator, count: int, width: int, height: int, margin: int = 1) -> Any:
    """Events over a map and `margin` pixels beyond it, a few out of order."""
    events = empty_events(count)
    times = np.sort(rng.integers(0, 1_000_000, count))
    swapped = rng.integers(0, max(count - 1, 1), count // 20)
    times[swapped] += 500
    events["timestamp"] = times
    events["x"] = rng.integers(-margin, width + margin, count)
    events["y"] = rng.integers(-margin, height + margin, count)
    events["polarity"] = rng.integers(0, 2, count)
    return events


def random_network(rng: np.random.Generator, inputs: int, features: int, places: int) -> LensNetwork:
    """A LENS network of random weights, partly empty, whose neurons all fire now and then."""

    def layer(rows: int, columns: int) -> NDArray[np.float32]:
        weights = rng.normal(0.03, 0.2, (rows, columns)) * (rng.random((rows, columns)) < 0.7)
        return weights.astype(np.float32)

    return LensNetwork(
        layer(features, inputs), np.zeros(features, np.float32), layer(places, features), np.zeros(places, np.float32)
    )
