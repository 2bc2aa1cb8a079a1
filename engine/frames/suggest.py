"""Suggestions for binning: the time window that gives a pixel the events that place recognition wants."""

from dataclasses import dataclass

from engine.errors import BadInput
from engine.events.density import EventDensity
from engine.parameters import Parameters, parameter

_SHORTEST_MS, _LONGEST_MS = 1.0, 3.6e6


class WindowWish(Parameters):
    """What a frame should hold. LENS was trained on 1 s windows with 50 to 100 events a pixel."""

    events_per_pixel: float = parameter(75.0, "Events that an average pixel of the region should have in a window.", gt=0)
    roi: tuple[int, int, int, int] | None = parameter(
        None, "Region of interest: left, top, width, height; default: the whole sensor.", unit="pixels"
    )


@dataclass(frozen=True)
class WindowSuggestion:
    """A window, and why.

    Attributes:
        window_ms: rounded to two digits.
        events_per_pixel: what an average pixel then has.
        frames: how many windows the recording gives.
        text: a sentence for a person.
    """

    window_ms: float
    events_per_pixel: float
    frames: int
    text: str


def suggest_window(measured: EventDensity, wish: WindowWish | None = None) -> WindowSuggestion:
    """The time window that gives the wanted number of events per pixel at the recording's mean rate.

    Raises:
        BadInput: the recording has no events there, or no duration.
    """
    wish = wish or WindowWish()
    rate = measured.per_pixel_s(wish.roi)
    if rate == 0:
        raise BadInput(
            "The recording has no events in this region, or all at one time: check the region and the recording's clock."
        )
    window_ms = min(max(float(f"{1000 * wish.events_per_pixel / rate:.2g}"), _SHORTEST_MS), _LONGEST_MS)
    events = rate * window_ms / 1000
    frames = int(measured.duration_s * 1000 // window_ms)
    text = f"A window of {window_ms:g} ms gives {events:.3g} events per pixel ({rate:.3g} a second) and {frames} frames."
    if frames == 0:
        text += f" The recording is shorter, {measured.duration_s:.3g} s: ask for fewer events per pixel, or record for longer."
    elif events < 0.9 * wish.events_per_pixel or events > 1.1 * wish.events_per_pixel:
        text += f" {wish.events_per_pixel:g} would need a window out of bounds."
    return WindowSuggestion(window_ms, events, frames, text)
