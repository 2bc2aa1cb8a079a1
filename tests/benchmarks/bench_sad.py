"""SAD between frames against what the processor's own instruction allows, and against torch.cdist in the same run.

python -m tests.benchmarks.bench_sad [FRAMES [FRAMES OF CDIST]]        (5000 and 1000)

torch.cdist takes minutes for 5,000 x 5,000 frames, so it is measured on fewer and held against ours on the same ones. The other
baselines are measured on the full size.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from engine import native
from engine.recognition.methods import BASELINES, baseline_similarity
from engine.recognition.sad import sad_distances


def best(call: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def peak() -> float:
    """Bytes a second that one core compares and adds up without ever leaving its registers."""
    rounds = 2_000_000
    compared = native.sad_probe(rounds)
    return compared / best(lambda: native.sad_probe(rounds), 5) if compared else float("nan")


def cdist(a: np.ndarray, b: np.ndarray, some: int, limit_rate: float) -> None:
    """Ours and torch.cdist with p = 1 on the same frames, one thread and two; they must agree."""
    import torch

    x, y = (torch.from_numpy(frames[:some].reshape(some, -1).astype(np.float32)) for frames in (a, b))
    work = some * some * a[0].size
    limit = work / limit_rate
    print(f"SAD, {some} x {some} frames of 80x80: ours against torch.cdist(p=1), the limit on one core {limit:.3f} s")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        theirs = best(lambda: torch.cdist(x, y, p=1), 1)
        ours = best(lambda threads=threads: sad_distances(a[:some], b[:some], threads=threads), 3)  # type: ignore[misc]
        words = f"  {threads} thread{'s' * (threads > 1)}: torch.cdist {theirs:8.3f} s   ours {ours:8.4f} s"
        print(f"{words}   {theirs / ours:6.0f} x as fast   {ours * threads / limit:5.2f} x the limit")
    apart = np.abs(torch.cdist(x[:50], y[:50], p=1).numpy() - sad_distances(a[:50], b[:50])).max()
    print(f"  largest difference between the two: {apart:g} of {sad_distances(a[:50], b[:50]).max()}")
    torch.set_num_threads(1)


def baselines(a: np.ndarray, b: np.ndarray) -> None:
    """Every baseline at the full size, all cores, with what it took a pair."""
    print(f"Baselines, {len(a)} x {len(b)} frames of 80x80, all cores")
    for name in BASELINES:
        took = best(lambda name=name: baseline_similarity(name, a, b), 1)  # type: ignore[misc]
        print(f"  {name:<20} {took:8.3f} s   {took / len(a) / len(b) * 1e9:6.1f} ns a pair")


def main(frames: int, some: int) -> None:
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (frames, 80, 80), np.uint8) for _ in range(2))
    work = frames * frames * 6400
    rate = peak()
    limit = work / rate
    one = best(lambda: sad_distances(a, b, threads=1), 3)
    two = best(lambda: sad_distances(a, b, threads=2), 3)
    small = 100
    ours = best(lambda: sad_distances(a[:small], b[:small], threads=1), 20)
    x, y = (torch.from_numpy(frames[:small].reshape(small, -1).astype(np.float32)) for frames in (a, b))
    loop = best(lambda: [(x - query).abs().sum(dim=1) for query in y], 3)
    print(f"SAD, {frames} x {frames} frames of 80x80 uint8, variant {native.variant()}")
    print(f"  limit: compare and add in registers, one core   {limit:8.3f} s   {work / limit / 1e9:6.1f} GB/s")
    print(f"  one thread                                      {one:8.3f} s   {one / limit:6.2f} x the limit")
    print(f"  two threads                                     {two:8.3f} s   {one / two:6.2f} x as fast as one")
    print(f"SAD, {small} x {small} frames, one thread")
    print(f"  torch, a loop over queries                      {loop / small * 1e3:8.3f} ms a query")
    print(f"  ours                                            {ours / small * 1e3:8.3f} ms a query, {loop / ours:.0f} x as fast")
    u, v = (rng.random((frames, 100), np.float32) for _ in range(2))
    floats = best(lambda: sad_distances(u, v, threads=1), 3)
    print(f"SAD, {frames} x {frames} float32 descriptors of 100, one thread")
    print(f"  ours                                            {floats:8.3f} s   {floats / frames**2 * 1e9:6.1f} ns a pair")
    cdist(a, b, min(some, frames), rate)
    baselines(a, b)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000, int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
