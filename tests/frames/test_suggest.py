"""Event density and the window that it suggests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.density import density, hot_pixels_of
from engine.frames.binning import BinningParameters, bin_events
from engine.frames.suggest import WindowWish, suggest_window
from tests.events.streams import cuts, make_events, random_events, streams

SIZE = (32, 24)


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_density_counts_what_is_there(data):
    events = data.draw(streams())
    got = density(iter(data.draw(cuts(events))), (7, 5))
    inside = (events["x"] >= 0) & (events["x"] < 7) & (events["y"] >= 0) & (events["y"] < 5)
    counts = np.zeros((5, 7), np.int64)
    np.add.at(counts, (events["y"][inside], events["x"][inside]), 1)
    assert np.array_equal(got.counts, counts)
    assert (got.events, got.out_of_range) == (np.count_nonzero(inside), np.count_nonzero(~inside))
    assert got.on == np.count_nonzero(events["polarity"][inside] > 0)
    assert got.active_pixels == np.count_nonzero(counts)
    if len(events):
        t = events["timestamp"]
        assert (got.t_first_us, got.t_last_us) == (t.min(), t.max())
        assert got.out_of_order == np.count_nonzero(t < np.maximum.accumulate(t))
        assert got.duration_s == (int(t.max()) - int(t.min())) / 1e6


def test_density_in_numbers():
    events = make_events([0, 500_000, 1_000_000, 2_000_000], [0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 1])
    got = density(events, (4, 2))
    assert (got.rate, got.on_share, got.per_pixel_s(), got.per_pixel_s((0, 0, 1, 1))) == (2.0, 0.75, 0.25, 1.0)
    assert (got.busiest_share(1), got.busiest_share(100)) == (0.5, 1.0)


@pytest.mark.parametrize("wanted", [0.5, 20, 75])
def test_suggested_window_gives_what_was_asked_for(wanted):
    events = random_events(np.random.default_rng(1), 400_000, SIZE, 5_000_000)
    suggestion = suggest_window(density(events, SIZE), WindowWish(events_per_pixel=wanted))
    frames = bin_events(events, SIZE, BinningParameters(window_ms=suggestion.window_ms, dtype="uint16"))
    assert frames.images.mean() == pytest.approx(wanted, rel=0.06)
    assert len(frames) == suggestion.frames
    assert f"{suggestion.window_ms:g} ms" in suggestion.text


def test_a_short_recording_is_told():
    events = random_events(np.random.default_rng(1), 1000, SIZE, 100_000)
    assert "is shorter" in suggest_window(density(events, SIZE)).text


def test_nothing_to_suggest_from():
    none = make_events([], [], [], [])
    got = density(none, SIZE)
    assert (got.rate, got.on_share, got.busiest_share(), got.per_pixel_s(), got.t_first_us) == (0, 0, 0, 0, None)
    with pytest.raises(BadInput, match="no events"):
        suggest_window(got)
    with pytest.raises(BadInput, match="does not lie on the sensor"):
        suggest_window(density(random_events(np.random.default_rng(1), 10, SIZE), SIZE), WindowWish(roi=(30, 0, 5, 5)))
    with pytest.raises(BadInput, match="no events"):
        hot_pixels_of(none, SIZE)


def test_hot_pixels_of():
    events = random_events(np.random.default_rng(2), 3000, SIZE)
    hot = make_events(np.arange(0, 1_000_000, 500), np.full(2000, 5), np.full(2000, 7), np.ones(2000))
    events = np.concatenate([events, hot])
    assert hot_pixels_of(events[np.argsort(events["timestamp"], kind="stable")], SIZE) == [(5, 7)]
