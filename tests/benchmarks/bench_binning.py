"""Binning against dv-processing's EdgeMapAccumulator and np.bincount, in one run: python -m tests.benchmarks.bench_binning.

20 million events of a 346x260 sensor, windows of 25 ms, a region of 256x256, hot pixels masked, clipped to uint8, one thread.
The share of memory bandwidth is taken of what a summing pass over the same array reads a second. dv gets 4 million of the events
(its only way in is push_back), and neither region nor mask. It and np.bincount believe
that events are in order, so we are asked to as well where nothing else is said.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine import native
from engine.events.array import EVENT_DTYPE, EventArray
from engine.frames.binner import Binner
from engine.frames.binning import BinningParameters, bin_columns, bin_events

SIZE = (346, 260)
REGION = (45, 2, 256, 256)
WINDOW_MS = 25


def best(run: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def scene(count: int, kind: str) -> EventArray:
    """Events at 2 million a second: "random" places, or "edges" that move over the sensor (like a camera's)."""
    rng = np.random.default_rng(1)
    events = np.zeros(count, EVENT_DTYPE)
    events["timestamp"] = np.sort(rng.integers(0, count // 2, count))
    events["polarity"] = rng.integers(0, 2, count)
    events["y"] = rng.integers(0, SIZE[1], count)
    if kind == "random":
        events["x"] = rng.integers(0, SIZE[0], count)
    else:
        edge = rng.integers(0, 30, count)
        events["x"] = (edge * 41 + events["timestamp"] // 3000 + rng.integers(0, 3, count)) % SIZE[0]
    return events


def bincount(events: EventArray, mask: np.ndarray) -> np.ndarray:
    """The same frames by np.bincount, one a window."""
    x, y, width, height = REGION
    t = np.ascontiguousarray(events["timestamp"])
    edges = np.searchsorted(t, np.arange(t[0], t[-1] + 1, 1000 * WINDOW_MS))
    frames = np.empty((len(edges) - 1, height, width), np.uint8)
    for k in range(len(frames)):
        part = events[edges[k] : edges[k + 1]]
        counts = np.bincount(part["y"].astype(np.int32) * SIZE[0] + part["x"], minlength=SIZE[0] * SIZE[1]).reshape(SIZE[::-1])
        counts[mask] = 0
        frames[k] = np.minimum(counts[y : y + height, x : x + width], 255)
    return frames


def dv_child(shared: str, count: int, answer: multiprocessing.SimpleQueue) -> None:
    """Time dv-processing in a process of its own: it holds the GIL, and could crash."""
    from datetime import timedelta
    from multiprocessing.shared_memory import SharedMemory

    import dv_processing as dv

    memory = SharedMemory(shared)
    events = np.ndarray(count, EVENT_DTYPE, memory.buf)
    store = dv.EventStore()
    for t, x, y, p in zip(*(events[name].tolist() for name in EVENT_DTYPE.names), strict=True):
        store.push_back(t, x, y, bool(p))
    seconds, frames = [], 0
    for _ in range(3):
        accumulator = dv.EdgeMapAccumulator(SIZE, 1.0 / 255.0)
        slicer = dv.EventStreamSlicer()
        frames = 0

        def slice_done(part: object, accumulator: object = accumulator) -> None:
            nonlocal frames
            accumulator.accept(part)
            accumulator.generateFrame()
            frames += 1

        slicer.doEveryTimeInterval(timedelta(milliseconds=WINDOW_MS), slice_done)
        begin = time.perf_counter()
        slicer.accept(store)
        seconds.append(time.perf_counter() - begin)
    answer.put((count / min(seconds) / 1e6, frames))
    del events
    memory.close()


def dv_speed(events: EventArray) -> float:
    """Million events a second of dv's slicer and EdgeMapAccumulator (no region, no mask), on at most 4 million of the events."""
    from multiprocessing.shared_memory import SharedMemory

    events = events[:4_000_000]
    memory = SharedMemory(create=True, size=events.nbytes)
    try:
        np.ndarray(len(events), EVENT_DTYPE, memory.buf)[:] = events
        context = multiprocessing.get_context("spawn")
        answer = context.SimpleQueue()
        child = context.Process(target=dv_child, args=(memory.name, len(events), answer))
        child.start()
        child.join(timeout=120)
        if child.exitcode != 0:
            child.kill()
            return float("nan")
        return float(answer.get()[0])
    finally:
        memory.close()
        memory.unlink()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    parameters = BinningParameters(window_ms=WINDOW_MS, roi=REGION)
    separate = parameters.model_copy(update={"polarity": "separate"})
    mask = np.zeros(SIZE[::-1], bool)
    mask.reshape(-1)[np.random.default_rng(2).choice(mask.size, 50, replace=False)] = True
    report: dict[str, object] = {"variant": native.variant(), "events": arguments.events}
    print(
        f"variant {native.variant()}, {arguments.events / 1e6:g} M events, {SIZE[0]}x{SIZE[1]}, {WINDOW_MS} ms, "
        f"region {REGION[2]}x{REGION[3]}"
    )
    for kind in ("random", "edges"):
        events = scene(arguments.events, kind)
        columns = [np.ascontiguousarray(events[name]) for name in EVENT_DTYPE.names]
        words = np.ascontiguousarray(events).view(np.int64)
        bandwidth = events.nbytes / best(lambda words=words: words.sum(), arguments.repeats) / 1e9
        wanted = bincount(events, mask)
        assert np.array_equal(bin_events(events, SIZE, parameters, mask).images, wanted[: len(wanted)])

        def stream(events: EventArray = events) -> int:
            binner = Binner(SIZE, parameters, mask, in_order=True)
            return sum(len(binner.push(events[first : first + 65536])) for first in range(0, len(events), 65536))

        runs: dict[str, tuple[Callable[[], object], float]] = {
            "ours, columns": (lambda columns=columns: bin_columns(*columns, SIZE, parameters, mask, in_order=True), 4),
            "ours, columns, order checked": (lambda columns=columns: bin_columns(*columns, SIZE, parameters, mask), 12),
            "ours, 16-byte records": (lambda events=events: bin_events(events, SIZE, parameters, mask, in_order=True), 16),
            "ours, records, order checked": (lambda events=events: bin_events(events, SIZE, parameters, mask), 16),
            "ours, records in chunks of 65536": (stream, 16),
            "ours, records, ON and OFF separate": (
                lambda events=events: bin_events(events, SIZE, separate, mask, in_order=True),
                16,
            ),
            "np.bincount": (lambda events=events: bincount(events, mask), 16),
        }
        speeds = {name: arguments.events / best(run, arguments.repeats) / 1e6 for name, (run, _) in runs.items()}
        dv = dv_speed(events)
        print(f"\n{kind} events; reading memory runs at {bandwidth:.1f} GB/s")
        print(f"{'':<34}{'M events/s':>11}{'x dv':>8}{'x bincount':>12}{'of bandwidth':>14}")
        for name, (_, size) in runs.items():
            share = speeds[name] * size / 1000 / bandwidth
            speed, plain = speeds[name], speeds["np.bincount"]
            print(f"{name:<34}{speed:>11.0f}{speed / dv:>8.2f}{speed / plain:>12.2f}{share:>14.0%}")
        print(f"{'dv slicer + EdgeMapAccumulator':<34}{dv:>11.0f}")
        report[kind] = {**speeds, "dv": dv, "read_gb_s": bandwidth}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
