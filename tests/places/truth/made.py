"""Traverses of a small made-up route, for the ground truth's tests."""

from pathlib import Path

import numpy as np

from engine.places.positions import Positions
from engine.places.selection import PairSelection
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace


def route_frames(places: np.ndarray, seed: int = 0, noise: float = 0.15) -> np.ndarray:
    """Event frames (n, 20, 20) seen at these places (any numbers) of a made-up street that differs everywhere."""
    street = np.random.default_rng(99).gamma(1.0, 14.0, (400, 20, 20))
    low = np.floor(places).astype(int)
    share = (places - low)[:, None, None]
    seen = street[low] * (1 - share) + street[low + 1] * share
    rng = np.random.default_rng(seed)
    return np.clip(rng.poisson(seen * rng.uniform(1 - noise, 1 + noise, seen.shape)), 0, 255).astype(np.uint8)


def write_pair(root: Path, reference: np.ndarray, query: np.ndarray, located: bool = False) -> PairSelection:
    """A workspace of two traverses that see these places; 10 m apart, with coordinates in their index where `located`."""
    (root / "dataset").mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(root)
    for name, places, seed in (("monday", reference, 1), ("tuesday", query, 2)):
        coordinates = [(-27.5 + float(place) * 10 / 110_574, 153.0) for place in places] if located else None
        write_traverse(
            workspace.frames_folder("street", "dvs", name),
            workspace.index_file(name),
            route_frames(places, seed),
            TraverseInfo(window_ms=1000, source="made up"),
            coordinates,
        )
    return PairSelection(data_dir=root, dataset="street", camera="dvs", reference="monday", query="tuesday")


def positions(xy: np.ndarray, heading: np.ndarray | None = None) -> Positions:
    """Positions without times."""
    return Positions(np.asarray(xy, float), np.full(len(xy), np.nan) if heading is None else np.asarray(heading, float))


def similarity_of(truth: np.ndarray, seed: int = 0, noise: float = 0.5) -> np.ndarray:
    """A similarity matrix that is high where this ground truth is, and a little beside it."""
    rng = np.random.default_rng(seed)
    near = truth.astype(float)
    near[1:] += 0.5 * truth[:-1]
    near[:-1] += 0.5 * truth[1:]
    return 3 * near + noise * rng.normal(size=truth.shape)
