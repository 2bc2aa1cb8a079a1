"""Event filters: against their plain twins, however the stream is cut, and on streams whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.errors import BadInput
from engine.events.filters import (
    KINDS,
    BackgroundActivityParameters,
    DownsampleParameters,
    FilterChain,
    FlickerParameters,
    HotPixelParameters,
    PolarityParameters,
    RefractoryParameters,
    RegionParameters,
    build_filter,
    parse_filter,
    read_filters,
)
from engine.native.twins import filters as twins
from tests.events.streams import cuts, make_events, random_events, streams

SIZE = (7, 5)
FILTERS = [
    HotPixelParameters(pixels=((3, 2), (0, 0))),
    BackgroundActivityParameters(window_ms=0.05),
    BackgroundActivityParameters(window_ms=2, supporters=2),
    RefractoryParameters(period_us=40),
    RefractoryParameters(period_us=3000),
    FlickerParameters(min_events=2, coherence=0.7, memory_ms=30, frequencies_hz=(50, 100, 333)),
    FlickerParameters(min_events=3, coherence=0.3, memory_ms=300),
    PolarityParameters(keep="on"),
    PolarityParameters(keep="off"),
    RegionParameters(x=2, y=1, width=4, height=3),
    DownsampleParameters(factor=2),
    DownsampleParameters(factor=3, interval_us=60),
]
NAMES = [f"{parameters.kind}-{number}" for number, parameters in enumerate(FILTERS)]


def twin_of(monkeypatch):
    """Make the filters run on the plain twins."""
    for name in dir(twins):
        if name.startswith("filter_"):
            monkeypatch.setattr(native, name, getattr(twins, name))


@pytest.mark.parametrize("parameters", FILTERS, ids=NAMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_compiled_filter_is_its_twin(parameters, data):
    events = data.draw(streams())
    compiled, plain = build_filter(parameters, SIZE), build_filter(parameters, SIZE)
    got = compiled.process(events)
    with pytest.MonkeyPatch.context() as patch:
        twin_of(patch)
        wanted = plain.process(events)
    assert np.array_equal(got, wanted)
    assert (compiled.seen, compiled.removed, compiled.out_of_range, compiled.out_of_order) == (
        plain.seen,
        plain.removed,
        plain.out_of_range,
        plain.out_of_order,
    )


@pytest.mark.parametrize("parameters", FILTERS, ids=NAMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_cuts_make_no_difference(parameters, data):
    events = data.draw(streams())
    chunks = data.draw(cuts(events))
    whole, cut = build_filter(parameters, SIZE), build_filter(parameters, SIZE)
    wanted = whole.process(events)
    got = np.concatenate([cut.process(chunk) for chunk in chunks] + [cut.flush()])
    assert np.array_equal(got, wanted)
    assert (cut.seen, cut.removed, cut.out_of_range, cut.out_of_order) == (
        whole.seen,
        whole.removed,
        whole.out_of_range,
        whole.out_of_order,
    )


@given(data=st.data(), order=st.permutations(range(len(FILTERS))), length=st.integers(0, 4))
@settings(max_examples=80, deadline=None)
def test_chain_is_its_filters_one_after_the_other(data, order, length):
    chain_parameters = []
    size = SIZE
    for number in order[:length]:
        try:
            size = build_filter(FILTERS[number], size).size_out
        except BadInput:  # e.g. a region that the sensor before it is too small for
            continue
        chain_parameters.append(FILTERS[number])
    chain = FilterChain(chain_parameters, SIZE)
    events = data.draw(streams())
    got = np.concatenate([chain.process(chunk) for chunk in data.draw(cuts(events))])
    wanted, at = events, SIZE
    for parameters in chain_parameters:
        step = build_filter(parameters, at)
        wanted, at = step.process(wanted), step.size_out
    assert np.array_equal(got, wanted)
    assert chain.size_out == at
    assert (chain.seen, chain.seen - chain.removed) == (len(events), len(wanted))


@pytest.mark.parametrize("parameters", FILTERS, ids=NAMES)
def test_reset_forgets(parameters):
    events = random_events(np.random.default_rng(1), 500, SIZE, 20_000)
    step = build_filter(parameters, SIZE)
    first = step.process(events)
    assert step.seen == 500
    step.reset()
    assert (step.seen, step.removed, step.out_of_range, step.out_of_order) == (0, 0, 0, 0)
    assert np.array_equal(step.process(events), first)


@pytest.mark.parametrize("parameters", FILTERS, ids=NAMES)
def test_events_off_the_sensor_are_dropped_and_counted(parameters):
    corners = np.array([-32768, -1, 7, 32767])
    events = make_events(np.arange(32), np.repeat(np.tile(corners, 4), 2), np.tile([0, 4], 16), np.ones(32))
    events["y"][16:] = np.repeat([-32768, -1, 5, 32767], 4)
    step = build_filter(parameters, SIZE)
    assert len(step.process(events)) == 0
    assert (step.out_of_range, step.removed, step.share_removed) == (32, 32, 1.0)


@pytest.mark.parametrize("parameters", FILTERS, ids=NAMES)
def test_extreme_times_are_taken(parameters):
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    t = np.array([low, low, low + 1, low + 2, -1, 0, 1, high - 1, high, high, low], np.int64)
    events = make_events(t, np.full(11, 3), np.full(11, 1), np.ones(11))
    step, plain = build_filter(parameters, SIZE), build_filter(parameters, SIZE)
    got = step.process(events)
    with pytest.MonkeyPatch.context() as patch:
        twin_of(patch)
        assert np.array_equal(got, plain.process(events))
    assert len(step.process(events[:0])) == 0


def test_input_is_left_alone_and_views_are_taken():
    events = random_events(np.random.default_rng(2), 1000, SIZE)
    before = events.copy()
    step = build_filter(RegionParameters(x=1, y=1, width=3, height=3), SIZE)
    every_other = step.process(events[::2])
    assert np.array_equal(events, before)
    step.reset()
    assert np.array_equal(every_other, step.process(events[::2].copy()))


def test_background_activity_needs_a_recent_neighbour():
    #                    lone    neighbour in time / too late / itself only
    events = make_events([0, 1000, 20_000, 20_500, 40_000, 51_000], [1, 1, 3, 3, 5, 6], [1, 2, 1, 1, 4, 4], np.ones(6))
    kept = build_filter(BackgroundActivityParameters(window_ms=10), SIZE).process(events)
    assert kept["timestamp"].tolist() == [1000]


def test_background_activity_separates_an_edge_from_noise():
    rng = np.random.default_rng(3)
    size, duration = (128, 96), 1_000_000
    noise = random_events(rng, 20_000, size, duration)  # about 1.6 Hz a pixel
    t = np.sort(rng.integers(0, duration, 60_000))
    edge = make_events(
        t, np.minimum(t * 128 // duration + rng.integers(0, 2, t.size), 127), rng.integers(0, 96, t.size), np.ones(t.size)
    )
    events = np.concatenate([noise, edge])
    labels = np.repeat([0, 1], [noise.size, edge.size])
    order = np.argsort(events["timestamp"], kind="stable")
    events, labels = events[order].copy(), labels[order]
    step = build_filter(BackgroundActivityParameters(window_ms=5), size)
    events["polarity"] = labels  # a label that the filter does not look at
    kept = step.process(events)["polarity"]
    assert np.count_nonzero(kept == 1) / edge.size > 0.95
    assert np.count_nonzero(kept == 0) / noise.size < 0.25


def test_refractory_keeps_one_event_a_period():
    events = make_events(np.arange(0, 10_000, 10), np.zeros(1000), np.zeros(1000), np.ones(1000))
    kept = build_filter(RefractoryParameters(period_us=100), SIZE).process(events)
    assert kept["timestamp"].tolist() == list(range(0, 10_000, 100))


@given(data=st.data(), period=st.integers(1, 5000))
@settings(max_examples=50, deadline=None)
def test_refractory_leaves_no_short_interval(data, period):
    events = data.draw(streams(backwards=False, strays=False))
    kept = build_filter(RefractoryParameters(period_us=period), SIZE).process(events)
    for pixel in np.unique(kept[["x", "y"]]):
        times = kept["timestamp"][kept[["x", "y"]] == pixel]
        assert np.all(np.diff(times) >= period)


def flicker_scene(rng, size=(32, 24), duration_us=2_000_000):
    """Lamps of 50, 60, 100 and 120 Hz in a scene of random events and bursts of passing edges; returns events and lamp pixels."""
    lamps, parts = {}, []
    for number, frequency in enumerate([50, 60, 100, 120] * 5):
        x, y = int(rng.integers(0, size[0])), number % size[1]
        lamps[(x, y)] = frequency
        period = 1e6 / frequency
        starts = np.arange(0, duration_us, period)
        on = starts + rng.normal(0.2 * period, 0.06 * period, starts.size)
        off = starts + rng.normal(0.7 * period, 0.06 * period, starts.size)
        for times, polarity in ((on, 1), (off, 0)):
            parts.append(
                make_events(times.astype(np.int64), np.full(times.size, x), np.full(times.size, y), np.full(times.size, polarity))
            )
    for x in range(size[0]):
        for y in range(size[1]):
            if (x, y) in lamps:
                continue
            edges = rng.uniform(0, duration_us, rng.poisson(duration_us * 15e-6))  # 15 edges/s, each a burst of events in 3 ms
            bursts = (edges[:, None] + np.sort(rng.uniform(0, 3000, (edges.size, 4)), axis=1)).ravel()
            noise = rng.uniform(0, duration_us, rng.poisson(duration_us * 10e-6))
            times = np.concatenate([bursts, noise]).astype(np.int64)
            parts.append(make_events(times, np.full(times.size, x), np.full(times.size, y), rng.integers(0, 2, times.size)))
    events = np.concatenate(parts)
    return events[np.argsort(events["timestamp"], kind="stable")], set(lamps)


def test_flicker_finds_the_lamps():
    size = (32, 24)
    events, lamps = flicker_scene(np.random.default_rng(4), size)
    step = build_filter(FlickerParameters(), size)
    step.process(events[events["timestamp"] < 1_000_000])
    kept = step.process(events[events["timestamp"] >= 1_000_000])
    ys, xs = np.nonzero(step.flickering())
    found = set(zip(xs.tolist(), ys.tolist(), strict=True))
    assert found >= lamps
    assert len(found - lamps) <= 2
    late = events[events["timestamp"] >= 1_000_000]
    of_lamp = np.array([(x, y) in lamps for x, y in zip(late["x"].tolist(), late["y"].tolist(), strict=True)])
    kept_of_lamp = np.array([(x, y) in lamps for x, y in zip(kept["x"].tolist(), kept["y"].tolist(), strict=True)])
    removed = len(late) - len(kept)
    lamp_removed = np.count_nonzero(of_lamp) - np.count_nonzero(kept_of_lamp)
    assert lamp_removed / np.count_nonzero(of_lamp) > 0.99  # recall, once it is sure
    assert lamp_removed / removed > 0.95  # precision


def test_flicker_leaves_other_rhythms_alone():
    times = np.arange(0, 2_000_000, 1e6 / 77).astype(np.int64)
    events = make_events(times, np.full(times.size, 2), np.full(times.size, 2), np.arange(times.size) % 2)
    assert build_filter(FlickerParameters(), SIZE).process(events).size == times.size
    lamp = make_events(np.arange(0, 2_000_000, 10_000), np.full(200, 2), np.full(200, 2), np.ones(200))
    decay = np.exp(-10 / 500)
    weights = np.cumsum(decay ** np.arange(200))  # events in memory after each one
    assert build_filter(FlickerParameters(), SIZE).process(lamp).size == np.count_nonzero(weights < 20)


def test_flicker_sums_fit_their_sixteen_bits():
    longest = FlickerParameters(memory_ms=3916, min_events=150)
    times = np.arange(0, 60_000_000, longest.dead_time_us)  # in step with 480 Hz, and thereby with 120
    lamp = make_events(times[times % 25_000 < 24_000], 0, 0, 1)
    for parameters in (longest, FlickerParameters(memory_ms=979, frequencies_hz=(480,))):
        step = build_filter(parameters, (1, 1))
        step.process(lamp)
        memory = step._memory[0, 0]
        assert np.hypot(*memory["sums"].astype(float).T).max() <= memory["weight"] + 500 <= 32_700


def test_region_moves_the_origin():
    step = build_filter(RegionParameters(x=2, y=1, width=4, height=3), SIZE)
    kept = step.process(make_events([0, 1, 2, 3], [2, 5, 6, 1], [1, 3, 2, 1], [1, 0, 1, 1]))
    assert step.size_out == (4, 3)
    assert kept[["x", "y", "polarity"]].tolist() == [(0, 0, 1), (3, 2, 0)]


@given(factor=st.integers(1, 1024), x=st.integers(0, 32766))
def test_downsample_divides(factor, x):
    step = build_filter(DownsampleParameters(factor=factor), (32767, 2))
    kept = step.process(make_events([0], [x], [1], [1]))
    assert kept["x"].tolist() == [x // factor]
    assert step.size_out == (-(-32767 // factor), -(-2 // factor))


def test_downsample_merges_a_cell():
    events = make_events([0, 10, 20, 60, 60], [0, 1, 1, 0, 2], [0, 0, 1, 0, 0], [1, 1, 0, 1, 1])
    kept = build_filter(DownsampleParameters(factor=2, interval_us=50), SIZE).process(events)
    assert kept[["timestamp", "x", "polarity"]].tolist() == [(0, 0, 1), (20, 0, 0), (60, 0, 1), (60, 1, 1)]


def test_shares_of_a_chain():
    chain = FilterChain([PolarityParameters(keep="on"), RegionParameters(x=0, y=0, width=1, height=5)], SIZE)
    chain.process(make_events([0, 1, 2, 3], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]))
    assert chain.shares() == [("polarity", 0.25), ("region", pytest.approx(1 / 3))]
    assert (chain.seen, chain.removed, chain.share_removed) == (4, 2, 0.5)
    chain.reset()
    assert chain.seen == 0


@pytest.mark.parametrize("parameters", FILTERS, ids=NAMES)
def test_declaration_round_trip(parameters):
    assert read_filters([parameters.model_dump(mode="json")], "traverse.json") == [parameters]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("refractory", RefractoryParameters()),
        ("refractory:period_us=200", RefractoryParameters(period_us=200)),
        ("flicker:frequencies_hz=50/100,min_events=9", FlickerParameters(frequencies_hz=(50, 100), min_events=9)),
        ("hot_pixels:pixels=3x4/5x6", HotPixelParameters(pixels=((3, 4), (5, 6)))),
        ("background_activity:window_ms=5,supporters=2", BackgroundActivityParameters(window_ms=5, supporters=2)),
    ],
)
def test_parse_filter(text, wanted):
    assert parse_filter(text) == wanted


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: parse_filter("blur"), "'blur' is unknown"),
        (lambda: parse_filter("refractory:period=3"), "has no 'period=3'"),
        (lambda: parse_filter("refractory:period_us=0"), "period_us should be greater than or equal to 1"),
        (lambda: parse_filter("flicker:memory_ms=50"), "lengthen the memory"),
        (lambda: parse_filter("flicker:memory_ms=5000"), "is too long beside 120 Hz: shorten it to 3916 ms or less"),
        (lambda: parse_filter("flicker:frequencies_hz=5000"), "between 0.1 and 1000"),
        (lambda: read_filters([{"kind": "blur"}], "a.json"), "a.json: filter 1 has the kind 'blur'"),
        (lambda: read_filters([{}], "a.json"), "a.json: filter 1"),
        (lambda: build_filter(RegionParameters(x=5, y=0, width=3, height=1), SIZE), "does not lie on the sensor of 7x5"),
        (lambda: build_filter(HotPixelParameters(pixels=((7, 0),)), SIZE), "7,0 lies off the sensor"),
        (lambda: build_filter(HotPixelParameters(file="/nowhere/hot.txt"), SIZE), "does not exist"),
        (lambda: build_filter(RefractoryParameters(), (0, 5)), "0x5"),
        (lambda: build_filter(RefractoryParameters(), (40_000, 5)), "40000x5"),
    ],
)
def test_bad_input_is_one_sentence(make, words):
    with pytest.raises(BadInput) as caught:
        make()
    assert words in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_every_kind_has_help():
    for model in KINDS.values():
        assert all(field.description for name, field in model.model_fields.items() if name != "kind")
        assert model.__doc__
