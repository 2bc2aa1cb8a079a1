"""Colour maps for pictures of events, made of the theme's colours: told apart with every kind of colour vision."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app.theme import Colours

LEVELS = 16
"""A polarity index is off * LEVELS + on, each a level of 0 to LEVELS - 1."""

Map = NDArray[np.uint8]


def polarity_map(colours: Colours) -> Map:
    """(256, 3): the ground, towards the ON colour with ON events, towards the OFF colour with OFF events, mixed with both."""
    ground, on, off = _rgb(colours.base), _rgb(colours.on_event), _rgb(colours.off_event)
    # One event must be seen: the first level is strong, the others fill the rest.
    strength = np.concatenate([[0.0], np.linspace(0.7, 1.0, LEVELS - 1)])
    off_level, on_level = np.divmod(np.arange(256), LEVELS)
    a, b = strength[on_level][:, None], strength[off_level][:, None]
    total = np.maximum(a + b, 1e-9)
    mixed = (a * on + b * off) / total
    weight = np.maximum(a, b)
    table: Map = np.rint(ground * (1 - weight) + mixed * weight).astype(np.uint8)
    return table


def counts_map(colours: Colours) -> Map:
    """(256, 3): from the ground through the ON colour to the theme's strongest contrast; its lightness never turns back."""
    stops = (colours.base, "#1f4e79", "#2f8fb5", "#8fd0c0", "#fdf3c4") if colours.dark else (
        colours.base, "#bfe0ea", "#5aa9cf", "#1b6ca8", "#0a2540",
    )  # fmt: skip
    at = np.linspace(0, 255, len(stops))
    colours_at = np.array([_rgb(stop) for stop in stops])
    channels = [np.interp(np.arange(256), at, colours_at[:, channel]) for channel in range(3)]
    table: Map = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return table


def series_colours(colours: Colours) -> tuple[str, ...]:
    """Colours of lines that are told apart by them: Okabe and Ito's, in an order that suits the ground."""
    if colours.dark:
        return ("#56b4e9", "#e69f00", "#00b386", "#cc79a7", "#f0e442", "#d55e00", "#9ba5b0")
    return ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#b8860b", "#56b4e9", "#5c6670")


def _rgb(name: str) -> NDArray[np.float64]:
    colour = QColor(name)
    return np.array([colour.red(), colour.green(), colour.blue()], np.float64)
