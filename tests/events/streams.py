"""Streams of events for tests, and cuts of them."""

import numpy as np
from hypothesis import strategies as st

from engine.events.array import EVENT_DTYPE, EventArray


def make_events(t, x, y, p) -> EventArray:
    """An event array out of four columns."""
    events = np.zeros(len(t), EVENT_DTYPE)
    events["timestamp"], events["x"], events["y"], events["polarity"] = t, x, y, p
    return events


def random_events(rng, count, size=(346, 260), duration_us=1_000_000) -> EventArray:
    """Events at random places, in order of time."""
    t = np.sort(rng.integers(0, duration_us, count))
    return make_events(t, rng.integers(0, size[0], count), rng.integers(0, size[1], count), rng.integers(0, 2, count))


@st.composite
def streams(draw, width=7, height=5, most=120, longest_gap=4000, backwards=True, strays=True):
    """A short stream on a small sensor: repeated times, gaps, and a few events off the sensor or back in time."""
    count = draw(st.integers(0, most))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scale = draw(st.sampled_from([1, 30, longest_gap]))
    steps = rng.integers(0, scale + 1, count)
    if backwards and draw(st.booleans()):
        steps[rng.random(count) < 0.1] *= -2
    t = draw(st.sampled_from([0, -50_000, 10**15])) + np.cumsum(steps)
    x, y = rng.integers(0, width, count), rng.integers(0, height, count)
    if strays and draw(st.booleans()):
        astray = rng.random(count) < 0.1
        x[astray] = rng.choice([-32768, -1, width, 32767], np.count_nonzero(astray))
        astray = rng.random(count) < 0.05
        y[astray] = rng.choice([-32768, -1, height, 32767], np.count_nonzero(astray))
    return make_events(t, x, y, rng.choice([0, 1, -1], count))


@st.composite
def cuts(draw, events: EventArray) -> list[EventArray]:
    """The stream in chunks, some of them empty."""
    edges = sorted(draw(st.lists(st.integers(0, len(events)), max_size=6)))
    return np.split(events, edges)
