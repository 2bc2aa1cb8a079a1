"""Binning: against plain NumPy, against tonic and spikingjelly, in one go or cut anyhow."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine import native
from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE
from engine.frames.binner import Binner
from engine.frames.binning import BinningParameters, bin_columns, bin_events, bin_slices
from engine.frames.windows import split_by_duration, split_by_number, split_by_time
from engine.native.twins import binning as twins
from tests.events.streams import cuts, make_events, random_events, streams

SIZE = (7, 5)


@st.composite
def binnings(draw):
    """Any parameters for short streams on the small sensor."""
    mode = draw(st.sampled_from(["time", "count"]))
    window, count = draw(st.integers(1, 3000)), draw(st.integers(1, 40))
    x, y = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    roi = (x, y, draw(st.integers(1, 7 - x)), draw(st.integers(1, 5 - y)))
    return BinningParameters(
        mode=mode,
        window_ms=window / 1000,
        step_ms=draw(st.sampled_from([None, max(window // 2, 1) / 1000, max(window // 7, 1) / 1000])),
        events_per_frame=count,
        step_count=draw(st.sampled_from([None, max(count // 3, 1)])),
        remainder=draw(st.sampled_from(["keep", "drop"])),
        start_us=draw(st.sampled_from([None, None, 37])),
        dtype=draw(st.sampled_from(["uint8", "uint16"])),
        roi=draw(st.sampled_from([None, roi])),
        polarity=draw(st.sampled_from(["both", "on", "off", "separate"])),
        representation=draw(st.sampled_from(["count", "binary", "time_surface"])),
        tau_ms=0.5,
    )


def plain(events, p, mask=None):
    """One event and one window at a time: (images, starts, ends, events a window)."""
    t = np.maximum.accumulate(events["timestamp"])
    width, height = SIZE
    windows = []
    if len(t) and p.mode == "time":
        start = int(t[0]) if p.start_us is None else p.start_us
        while start + p.window_us <= t[-1]:
            windows.append((start, start + p.window_us))
            start += p.step_us
        if p.remainder == "keep" and start <= t[-1]:
            windows.append((start, start + p.window_us))
        members = [np.flatnonzero((t >= a) & (t < b)) for a, b in windows]
    else:
        members, first = [], 0
        while first + p.events_per_frame <= len(t):
            members.append(np.arange(first, first + p.events_per_frame))
            first += p.step_events
        covered = members[-1][-1] + 1 if members else 0
        if p.remainder == "keep" and covered < len(t):
            members.append(np.arange(first, len(t)))
        windows = [(int(t[k[0]]), int(t[k[-1]]) + 1) for k in members]
    images = []
    full = np.iinfo(p.dtype).max
    for (_, end), inside in zip(windows, members, strict=True):
        image = np.zeros((p.planes, height, width))
        chosen = (
            range(inside[-1] + 1 if len(inside) else np.count_nonzero(t < end)) if p.representation == "time_surface" else inside
        )
        for k in chosen:
            x, y, on = int(events["x"][k]), int(events["y"][k]), events["polarity"][k] > 0
            if not (0 <= x < width and 0 <= y < height) or (p.polarity == "on" and not on) or (p.polarity == "off" and on):
                continue
            plane = int(on) if p.polarity == "separate" else 0
            if p.representation == "time_surface":
                image[plane, y, x] = round(full * math.exp(-(end - int(t[k])) / (1000 * p.tau_ms)))
            elif p.representation == "binary":
                image[plane, y, x] = full
            else:
                image[plane, y, x] = min(image[plane, y, x] + 1, full)
        if mask is not None:
            image[:, mask] = 0
        left, top, wide, high = p.roi or (0, 0, width, height)
        image = image[:, top : top + high, left : left + wide]
        images.append(image if p.polarity == "separate" else image[0])
    return images, [a for a, _ in windows], [b for _, b in windows], [len(k) for k in members]


@given(events=streams(longest_gap=300), p=binnings(), masked=st.booleans())
@settings(max_examples=150, deadline=None)
def test_binning_is_the_plain_one(events, p, masked):
    mask = np.random.default_rng(len(events)).random((5, 7)) < 0.3 if masked else None
    if p.start_us is not None:
        events["timestamp"] %= 100_000
    got = bin_events(events, SIZE, p, mask)
    images, starts, ends, members = plain(events, p, mask)
    assert len(got) == len(images)
    assert got.images.dtype == p.dtype
    for a, b in zip(got.images, images, strict=True):
        assert np.array_equal(a, b)
    assert (got.start_us.tolist(), got.end_us.tolist(), got.events.tolist()) == (starts, ends, members)
    assert (
        got.out_of_order == np.count_nonzero(events["timestamp"] < np.maximum.accumulate(events["timestamp"]))
        if len(events)
        else True
    )
    columns = bin_columns(*(events[name].astype(int) for name in EVENT_DTYPE.names), SIZE, p, mask)
    assert np.array_equal(columns.images, got.images)


@given(data=st.data(), events=streams(longest_gap=300), p=binnings())
@settings(max_examples=150, deadline=None)
def test_cuts_make_no_difference(data, events, p):
    if p.start_us is not None:
        events["timestamp"] %= 100_000
    whole = bin_events(events, SIZE, p)
    binner = Binner(SIZE, p)
    frames = [frame for chunk in data.draw(cuts(events)) for frame in binner.push(chunk)]
    assert all(frame.complete for frame in frames)
    assert len(frames) == whole.complete
    frames += binner.flush()
    assert len(frames) == len(whole)
    for k, frame in enumerate(frames):
        assert np.array_equal(frame.image, whole.images[k])
        told = (frame.index, frame.start_us, frame.end_us, frame.events, frame.binned, frame.out_of_range, frame.saturated)
        assert told == (
            k,
            whole.start_us[k],
            whole.end_us[k],
            whole.events[k],
            whole.binned[k],
            whole.out_of_range[k],
            whole.saturated[k],
        )
    assert (binner.events, binner.out_of_order) == (len(events), whole.out_of_order)
    assert binner.push(events[:0]) == [] and binner.flush() == []


@given(events=streams(longest_gap=300), p=binnings())
@settings(max_examples=80, deadline=None)
def test_compiled_binning_is_its_twin(events, p):
    if p.start_us is not None:
        events["timestamp"] %= 100_000
    compiled = bin_events(events, SIZE, p)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("count_slices", "accumulate_counts", "finish_counts", "lower_bounds", "count_backwards", "update_surface"):
            patch.setattr(native, name, getattr(twins, name))
        twin = bin_events(events, SIZE, p)
    for name in ("images", "start_us", "end_us", "events", "binned", "out_of_range", "saturated"):
        assert np.array_equal(getattr(compiled, name), getattr(twin, name)), name
    assert (compiled.complete, compiled.out_of_order) == (twin.complete, twin.out_of_order)


@given(data=st.data(), events=streams(backwards=False, longest_gap=300), p=binnings())
@settings(max_examples=60, deadline=None)
def test_events_known_to_be_in_order(data, events, p):
    if p.start_us is not None:
        events["timestamp"] -= events["timestamp"][:1]
    wanted = bin_events(events, SIZE, p)
    assert np.array_equal(bin_events(events, SIZE, p, in_order=True).images, wanted.images)
    columns = [np.ascontiguousarray(events[name]) for name in EVENT_DTYPE.names]
    assert np.array_equal(bin_columns(*columns, SIZE, p, in_order=True).images, wanted.images)
    binner = Binner(SIZE, p, in_order=True)
    frames = [frame for chunk in data.draw(cuts(events)) for frame in binner.push(chunk)] + binner.flush()
    assert [frame.image.tolist() for frame in frames] == wanted.images.tolist()


def test_order_that_was_promised_and_is_not_there_does_no_harm():
    rng = np.random.default_rng(1)
    events = random_events(rng, 1000, SIZE)
    rng.shuffle(events["timestamp"])
    for p in (BinningParameters(window_ms=50, step_ms=20), BinningParameters(mode="count", events_per_frame=30)):
        assert np.all(bin_events(events, SIZE, p, in_order=True).events >= 0)
        binner = Binner(SIZE, p, in_order=True)
        assert all(frame.events >= 0 for chunk in np.array_split(events, 7) for frame in binner.push(chunk))


def test_counts_saturate_and_never_wrap():
    pixels = 200_001
    events = make_events(np.zeros(pixels), np.full(pixels, 3), np.full(pixels, 2), np.ones(pixels))
    events["timestamp"][-1] = 5000
    for dtype, most in (("uint8", 255), ("uint16", 65535)):
        p = BinningParameters(window_ms=5, dtype=dtype)
        frames = bin_events(events, SIZE, p)
        assert frames.images[0, 2, 3] == most
        assert frames.images.sum() == most
        assert frames.saturated.tolist() == [1]
        binner = Binner(SIZE, p)
        pieces = [frame for chunk in np.array_split(events, 9) for frame in binner.push(chunk)]
        assert np.array_equal(pieces[0].image, frames.images[0])
    p = BinningParameters(window_ms=5, polarity="separate", dtype="uint16")
    assert bin_events(events, SIZE, p).images[0, :, 2, 3].tolist() == [0, 65535]
    p = BinningParameters(window_ms=5, polarity="off", dtype="uint16")
    assert bin_events(events, SIZE, p).images.sum() == 0


def test_long_windows_are_counted_in_pieces(monkeypatch):
    monkeypatch.setattr("engine.frames.binning._EVENTS_PER_CALL", 1000)
    monkeypatch.setattr("engine.frames.binner._EVENTS_PER_CALL", 300)
    events = random_events(np.random.default_rng(1), 20_000, SIZE)
    events["x"][::97] = -1
    p = BinningParameters(window_ms=400, remainder="keep")
    got = bin_events(events, SIZE, p)
    assert [image.tolist() for image in got.images] == [image.tolist() for image in plain(events, p)[0]]
    assert got.out_of_range.sum() == np.count_nonzero(events["x"] < 0)
    binner = Binner(SIZE, p)
    frames = binner.push(events) + binner.flush()
    assert np.array_equal([frame.image for frame in frames], got.images)
    events["timestamp"][15_000] -= 5000  # disorder inside a long window is noticed
    assert bin_events(events, SIZE, p).out_of_order == 1


@given(count=st.integers(2, 300), disorder=st.data())
@settings(max_examples=100, deadline=None)
def test_disorder_is_noticed_wherever_it_is(count, disorder):
    events = make_events(np.arange(count) * 10, np.zeros(count), np.zeros(count), np.ones(count))
    at = disorder.draw(st.integers(1, count - 1))
    events["timestamp"][at] -= disorder.draw(st.integers(11, 5000))
    p = BinningParameters(
        window_ms=disorder.draw(st.sampled_from([0.05, 0.5, 100])), start_us=disorder.draw(st.sampled_from([None, 700]))
    )
    assert bin_events(events, SIZE, p).out_of_order == 1


def test_a_frame_tells_what_went_into_it():
    events = make_events([0, 1, 2, 3, 4, 100], [0, 1, 6, 9, 1, 0], [0, 1, 4, 0, 1, 0], [1, 1, 1, 1, 0, 1])
    mask = np.zeros((5, 7), bool)
    mask[0, 0] = True
    frames = bin_events(events, SIZE, BinningParameters(window_ms=0.1, roi=(0, 0, 3, 3)), mask)
    assert (frames.events.tolist(), frames.binned.tolist(), frames.out_of_range.tolist()) == ([5], [2], [1])
    assert (frames.total, frames.complete, frames.start_us.tolist(), frames.end_us.tolist()) == (6, 1, [0], [100])


def test_time_surface_decays_as_published():
    events = make_events([0, 50_000, 100_000], [1, 2, 3], [1, 1, 1], [1, 1, 1])
    p = BinningParameters(window_ms=100, tau_ms=50, representation="time_surface", dtype="uint16")
    surface = bin_events(events, SIZE, p).images[0]
    assert surface[1, 1] == round(65535 * math.exp(-2))  # 100 ms ago, tau 50 ms
    assert surface[1, 2] == round(65535 * math.exp(-1))
    assert np.count_nonzero(surface) == 2


def test_a_long_gap_gives_blank_frames():
    events = make_events([0, 10_000_000], [0, 0], [0, 0], [1, 1])
    p = BinningParameters(window_ms=10)
    binner = Binner((346, 260), p)
    frames = binner.push(events)
    assert len(frames) == 1000
    assert [frame.image.sum() for frame in frames] == [1] + [0] * 999
    assert frames[1].image is not frames[0].image and frames[1].image.base is frames[2].image.base


def test_no_events():
    none = make_events([], [], [], [])
    for p in (
        BinningParameters(remainder="keep"),
        BinningParameters(mode="count", remainder="keep"),
        BinningParameters(start_us=5),
    ):
        frames = bin_events(none, SIZE, p)
        assert frames.images.shape == (0, 5, 7)
        assert Binner(SIZE, p).flush() == []


# --- the rules of others ---


def spikingjelly_edges(t, split_by, frames):
    """spikingjelly's fixed numbers of frames, from its formulas: M slices, the last one takes the rest."""
    if split_by == "number":
        d = len(t) // frames
        return [(k * d, len(t) if k == frames - 1 else (k + 1) * d) for k in range(frames)]
    dt = (t[-1] - t[0]) // frames
    edges = []
    for k in range(frames):
        inside = np.flatnonzero((t >= t[0] + k * dt) & (t < t[0] + (k + 1) * dt))
        edges.append((inside[0], len(t) if k == frames - 1 else inside[-1] + 1))
    return edges


def frames_of(events, edges):
    """OFF and ON counts of each slice, by np.add.at."""
    frames = np.zeros((len(edges), 2, SIZE[1], SIZE[0]), np.int64)
    for k, (a, b) in enumerate(edges):
        part = events[a:b]
        np.add.at(frames[k], ((part["polarity"] > 0).astype(int), part["y"], part["x"]), 1)
    return frames


@given(seed=st.integers(0, 1000), frames=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_spikingjelly_fixed_numbers(seed, frames):
    rng = np.random.default_rng(seed)
    events = random_events(rng, int(rng.integers(100, 400)), SIZE, 50_000)
    t = events["timestamp"]
    p = BinningParameters(polarity="separate", dtype="uint16")
    for split_by, slices in (("number", split_by_number(len(t), frames)), ("time", split_by_time(t, frames))):
        assert np.array_equal(
            bin_slices(events, SIZE, slices, p).images, frames_of(events, spikingjelly_edges(t, split_by, frames))
        )


@given(seed=st.integers(0, 1000), duration=st.integers(1, 60_000))
@settings(max_examples=60, deadline=None)
def test_spikingjelly_fixed_duration(seed, duration):
    rng = np.random.default_rng(seed)
    events = random_events(rng, int(rng.integers(2, 300)), SIZE, 50_000)
    t = events["timestamp"] - events["timestamp"][0]
    assume(t[-1] > 0)
    frames = math.ceil(t[-1] / duration)
    number = np.minimum(t // duration, frames - 1)
    edges = [(np.count_nonzero(number < k), np.count_nonzero(number <= k)) for k in range(frames)]
    p = BinningParameters(polarity="separate", dtype="uint16")
    assert np.array_equal(
        bin_slices(events, SIZE, split_by_duration(events["timestamp"], duration), p).images, frames_of(events, edges)
    )


def test_spikingjelly_itself():
    spikingjelly = pytest.importorskip("spikingjelly.datasets")
    events = random_events(np.random.default_rng(1), 5000, SIZE)
    theirs = {"t": events["timestamp"], "x": events["x"], "y": events["y"], "p": events["polarity"]}
    p = BinningParameters(polarity="separate", dtype="uint16")
    for split_by, slices in (("number", split_by_number(5000, 7)), ("time", split_by_time(events["timestamp"], 7))):
        wanted = spikingjelly.integrate_events_by_fixed_frames_number(theirs, split_by, 7, SIZE[1], SIZE[0])
        assert np.array_equal(bin_slices(events, SIZE, slices, p).images, wanted)


def tonic_frames(events, **how):
    functional = pytest.importorskip("tonic.functional")
    theirs = np.zeros(len(events), [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "i1")])
    for ours, name in (("timestamp", "t"), ("x", "x"), ("y", "y"), ("polarity", "p")):
        theirs[name] = events[ours]
    return functional.to_frame_numpy(theirs, (*SIZE, 2), **how)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step_ms", [None, 5, 1])
def test_tonic_time_windows(seed, step_ms):
    events = random_events(np.random.default_rng(seed), 3000, SIZE, 98_765)
    for remainder in ("drop", "keep"):
        p = BinningParameters(window_ms=10, step_ms=step_ms, polarity="separate", dtype="uint16", remainder=remainder)
        overlap = 0 if step_ms is None else 10_000 - 1000 * step_ms
        wanted = tonic_frames(events, time_window=10_000, overlap=overlap, include_incomplete=remainder == "keep")
        assert np.array_equal(bin_events(events, SIZE, p).images, wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [3000, 2999, 2901])
@pytest.mark.parametrize("step_count", [None, 25, 99])
def test_tonic_event_counts(count, step_count):
    events = random_events(np.random.default_rng(count), count, SIZE)
    p = BinningParameters(mode="count", events_per_frame=100, step_count=step_count, polarity="separate", dtype="uint16")
    wanted = tonic_frames(events, event_count=100, overlap=0 if step_count is None else 100 - step_count)
    assert np.array_equal(bin_events(events, SIZE, p).images, wanted)


# --- bad input ---


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"window_ms": 0}, "window_ms should be greater"),
        ({"window_ms": float("nan")}, "window_ms"),
        ({"window_ms": 5, "step_ms": 6}, "step_ms 6.0 is longer than window_ms 5.0"),
        ({"events_per_frame": 0}, "events_per_frame should be greater"),
        ({"mode": "count", "events_per_frame": 5, "step_count": 6}, "step_count 6 is larger"),
        ({"window_ms": 100, "step_ms": 1}, "step_ms is too small"),
        ({"dtype": "float32"}, "dtype should be 'uint8' or 'uint16'"),
        ({"roi": (1, 2, 3)}, "roi"),
        ({"polarity": "all"}, "polarity should be"),
    ],
)
def test_bad_parameters(values, words):
    with pytest.raises(BadInput) as caught:
        BinningParameters.check(values)
    assert words in str(caught.value)


@pytest.mark.parametrize("roi", [(0, 0, 8, 5), (-1, 0, 2, 2), (7, 0, 1, 1), (0, 0, 0, 1), (0, 3, 1, 3), (2**40, 0, 1, 1)])
def test_region_off_the_sensor(roi):
    events = make_events([0], [0], [0], [1])
    with pytest.raises(BadInput, match="does not lie on the sensor of 7x5"):
        bin_events(events, SIZE, BinningParameters(roi=roi))
    with pytest.raises(BadInput, match="does not lie on the sensor"):
        Binner(SIZE, BinningParameters(roi=roi))


def test_other_bad_input(tmp_path):
    events = make_events([0, 2**61], [0, 0], [0, 0], [1, 1])
    with pytest.raises(BadInput, match="clock is broken"):
        bin_events(events, SIZE, BinningParameters())
    with pytest.raises(BadInput, match="clock is broken"):
        Binner(SIZE, BinningParameters()).push(events)
    events["timestamp"][1] = 900_000_000
    with pytest.raises(BadInput, match="more than 8 GiB"):
        bin_events(events, (640, 480), BinningParameters(window_ms=1))
    with pytest.raises(BadInput, match="mask is 4x4"):
        bin_events(events, SIZE, BinningParameters(), np.zeros((4, 4), bool))
    with pytest.raises(BadInput, match="does not exist"):
        Binner(SIZE, BinningParameters(mask_file=str(tmp_path / "none.txt")))
    with pytest.raises(BadInput, match="must have the same number"):
        bin_columns([1, 2], [1], [1], [1], SIZE, BinningParameters())
    with pytest.raises(BadInput, match="do not fit 16 bits"):
        bin_columns([1], [70_000], [1], [1], SIZE, BinningParameters())
    with pytest.raises(BadInput, match="outside the 2 events"):
        bin_slices(events, SIZE, (np.array([0]), np.array([3])), BinningParameters())
    with pytest.raises(BadInput, match="at least 1"):
        split_by_number(5, 0)
    with pytest.raises(TypeError, match="EVENT_DTYPE"):
        bin_events(np.zeros(3), SIZE, BinningParameters())


def test_mask_file(tmp_path):
    (tmp_path / "hot.txt").write_text("1,1\n")
    events = make_events([0, 1, 2, 2_000_000], [1, 1, 2, 0], [1, 1, 1, 0], [1, 1, 1, 1])
    frames = bin_events(events, SIZE, BinningParameters(mask_file=str(tmp_path / "hot.txt")))
    assert frames.images[0].sum() == 1
    assert frames.images[0, 1, 2] == 1


@pytest.mark.parametrize("polarity", ["both", "on", "off", "separate"])
@pytest.mark.parametrize("records", [True, False])
def test_blocks_of_events_are_counted_as_one_by_one(polarity, records):
    rng = np.random.default_rng(5)
    for count in (1, 2, 64, 65, 66, 128, 129, 1000):
        for outside, backwards, full in itertools.product((0, 3), (False, True), (False, True)):
            events = make_events(
                np.arange(count), rng.integers(0, 7, count), rng.integers(0, 5, count), rng.integers(0, 2, count)
            )
            for field, value in (("x", 7), ("x", -1), ("y", 5))[:outside]:
                events[field][rng.integers(0, count)] = value
            if backwards:
                events["timestamp"][rng.integers(1, count + 1) - 1 :] -= count
            columns = [events[name] if records else np.ascontiguousarray(events[name]) for name in EVENT_DTYPE.names]
            before = np.full((2 if polarity == "separate" else 1, 5, 7), 65_500 if full else 0, np.uint16)
            ours, theirs = before.copy(), before.copy()
            held = 65_535 if full else 0
            said = native.accumulate_counts(*columns, held, polarity, ours, True)
            assert said == twins.accumulate_counts(*columns, held, polarity, theirs, True)
            assert np.array_equal(ours, theirs)


def test_records_of_another_layout_are_refused():
    if native.variant() == "numpy":
        pytest.skip("the twins are in use")
    other = np.zeros(70, np.dtype([("x", "<i2"), ("y", "<i2"), ("p", "i1"), ("pad", "V3"), ("t", "<i8")]))
    with pytest.raises(ValueError, match="records"):
        native.accumulate_counts(other["t"], other["x"], other["y"], other["p"], 0, "both", np.zeros((1, 5, 7), np.uint16), True)


def test_native_refuses_what_would_crash():
    if native.variant() == "numpy":
        pytest.skip("the twins are in use")
    events = make_events([0], [0], [0], [1])
    t, x, y, p = (events[name] for name in EVENT_DTYPE.names)
    counts, frames, tally = np.zeros((1, 5, 7), np.uint16), np.zeros((1, 1, 5, 7), np.uint8), np.zeros((1, 3), np.int64)
    zero, one = np.array([0]), np.array([1])
    good = (t, x, y, p, zero, one, "both", counts, (0, 0, 7, 5), None, False, frames, tally, True)
    assert native.count_slices(*good)
    for place, wrong in (
        (1, x.astype(np.int32)),
        (1, np.zeros(2, np.int16)),
        (4, np.array([-1])),
        (5, np.array([2])),
        (6, "neither"),
        (7, counts[0]),
        (7, np.zeros((2, 5, 7), np.uint16)),
        (8, (0, 0, 8, 5)),
        (8, (2**62, 0, 2**62, 5)),
        (9, np.zeros((4, 7), bool)),
        (11, np.zeros((1, 1, 4, 7), np.uint8)),
        (11, np.zeros((1, 1, 5, 7), np.float32)),
        (11, np.zeros((1, 1, 5, 7), np.int8)),
        (12, np.zeros((1, 2), np.int64)),
    ):
        arguments = list(good)
        arguments[place] = wrong
        with pytest.raises((ValueError, TypeError)):
            native.count_slices(*arguments)
