"""Hot pixels: found in noise and edges, and listed in a text file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.hot_pixels import (
    HotPixelSearch,
    PixelCounter,
    busiest_neighbour,
    find_hot_pixels,
    read_hot_pixels,
    write_hot_pixels,
)
from tests.events.streams import cuts, make_events, random_events, streams

SIZE = (64, 48)


def scene(rng, duration_us, hot_hz=(1000, 4000), hot=20, pairs=False):
    """A moving edge and noise with hot pixels in it, alone or in pairs; returns the events and the true mask."""
    noise = random_events(rng, duration_us // 100, SIZE, duration_us)
    t = np.sort(rng.integers(0, duration_us, duration_us // 20))
    edge = make_events(t, (t // 3000 + rng.integers(0, 3, t.size)) % SIZE[0], rng.integers(0, SIZE[1], t.size), np.ones(t.size))
    mask = np.zeros(SIZE[::-1], bool)
    coarse = rng.permutation(12 * 16)[: hot // 2 if pairs else hot]
    mask[coarse // 16 * 4, coarse % 16 * 4] = True
    if pairs:
        mask[coarse // 16 * 4 + rng.integers(0, 2, coarse.size), coarse % 16 * 4 + 1] = True
    parts = [noise, edge]
    for y, x in np.argwhere(mask).tolist():
        times = rng.integers(0, duration_us, int(rng.uniform(*hot_hz) * duration_us / 1e6))
        parts.append(make_events(times, np.full(times.size, x), np.full(times.size, y), np.ones(times.size)))
    events = np.concatenate(parts)
    return events[np.argsort(events["timestamp"], kind="stable")], mask


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("duration_us", [500_000, 3_000_000])
@pytest.mark.parametrize(("pairs", "touching"), [(False, 0), (False, 1), (True, 1)])
def test_finds_hot_pixels_only(seed, duration_us, pairs, touching):
    events, mask = scene(np.random.default_rng(seed), duration_us, pairs=pairs)
    found = find_hot_pixels(events, SIZE, HotPixelSearch(touching=touching))
    assert np.count_nonzero(found & mask) == 20
    assert np.count_nonzero(found & ~mask) == 0


def test_a_busy_moment_is_not_hot():
    events, _ = scene(np.random.default_rng(5), 1_000_000, hot=0)
    burst = make_events(np.arange(500_000, 540_000, 20), np.full(2000, 9), np.full(2000, 9), np.ones(2000))
    events = np.concatenate([events, burst])
    events = events[np.argsort(events["timestamp"], kind="stable")]
    assert not find_hot_pixels(events, SIZE).any()
    assert find_hot_pixels(events, SIZE, HotPixelSearch(parts=1))[9, 9]


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_chunks_find_the_same(data):
    events = data.draw(streams(most=400))
    if len(events) == 0:
        return
    search = HotPixelSearch(parts=data.draw(st.integers(1, 6)), margin=0, ratio=1.1)
    time_range = (int(events["timestamp"].min()), int(events["timestamp"].max()))
    whole = find_hot_pixels(events, (7, 5), search)
    assert np.array_equal(find_hot_pixels(iter(data.draw(cuts(events))), (7, 5), search, time_range), whole)


def test_no_events_no_hot_pixels():
    assert not find_hot_pixels(make_events([], [], [], []), SIZE).any()


def test_counter_passes_sixteen_bits():
    counter = PixelCounter((3, 2))
    counter.add(make_events(np.zeros(200_000), np.full(200_000, 2), np.ones(200_000), np.ones(200_000)))
    counter.add(make_events([0, 0], [3, -1], [0, 0], [1, 1]))
    assert (counter.counts[1, 2], counter.counts.sum(), counter.out_of_range) == (200_000, 200_000, 2)


def test_busiest_neighbour():
    counts = np.random.default_rng(7).integers(0, 50, (3, 4))
    for but in (0, 1, 2):
        got = busiest_neighbour(counts, but)
        for y in range(3):
            for x in range(4):
                around = [
                    counts[v, u] for v in range(3) for u in range(4) if (u, v) != (x, y) and abs(u - x) < 2 and abs(v - y) < 2
                ]
                assert got[y, x] == sorted(around)[-1 - but]


def test_file_round_trip(tmp_path):
    mask = np.random.default_rng(6).random(SIZE[::-1]) < 0.01
    write_hot_pixels(tmp_path / "hot.txt", mask)
    assert np.array_equal(read_hot_pixels(tmp_path / "hot.txt", SIZE), mask)


def test_reads_the_list_of_a_speck(shared_data):
    mask = read_hot_pixels(shared_data / "speck" / "hot_pixels.txt", (128, 128))
    lines = (shared_data / "speck" / "hot_pixels.txt").read_text().split()
    assert np.count_nonzero(mask) == len(set(lines))
    assert mask[10, 9]


def test_comments_and_blank_lines_are_passed_over(tmp_path):
    (tmp_path / "hot.txt").write_text("# mine\n\n 3 , 4 \n")
    assert np.argwhere(read_hot_pixels(tmp_path / "hot.txt", SIZE)).tolist() == [[4, 3]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1,2\n3;4\n", "line 2: '3;4' is not a pixel"),
        ("64,0\n", "line 1: pixel 64,0 lies off"),
        ("1,2,3\n", "line 1"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_bad_files(tmp_path, content, words):
    path = tmp_path / "hot.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=words):
        read_hot_pixels(path, SIZE)
