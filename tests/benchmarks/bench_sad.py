"""SAD between frames against what the processor's own instruction allows: python -m tests.benchmarks.bench_sad [FRAMES]."""

import sys
import time
from collections.abc import Callable

import numpy as np

from engine import native
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


def main(frames: int) -> None:
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (frames, 80, 80), np.uint8) for _ in range(2))
    work = frames * frames * 6400
    limit = work / peak()
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


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
