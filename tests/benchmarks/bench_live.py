"""Live events over loopback: `revisit-cli stream`'s job in one process; stream, two filters and event frames in another.

    python -m tests.benchmarks.bench_live [--rates 10 20 40] [--seconds 60 10 10]

The recording is 346 x 260 pixels of uniformly random events (the worst case for caches), looped. The added latency of a frame
is from the moment at which the last instant of its window was due, by the server's clock, to the frame being there: pacing,
sockets, filters and binning. Both processes, and everything else on the machine, share its cores.
"""

import argparse
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.events.array import EVENT_DTYPE
from engine.events.filters import BackgroundActivityParameters, FilterChain, RefractoryParameters
from engine.events.sources import SourceState, StreamSource
from engine.events.sources.serve import ServeParameters, serve_recording
from engine.frames.binner import Binner
from engine.frames.binning import BinningParameters
from engine.jobs import CancelToken, JobEvent, Metric, Notice

SIZE = (346, 260)
RECORDED_EVENTS = 10_000_000
WINDOW_MS = 25.0
WARM_UP_S = 2.0


def make_recording(path: Path, rate: float) -> None:
    """Write RECORDED_EVENTS random events that last RECORDED_EVENTS / rate seconds."""
    generator = np.random.default_rng(1)
    events = np.zeros(RECORDED_EVENTS, EVENT_DTYPE)
    events["timestamp"] = (np.arange(RECORDED_EVENTS) * (1e6 / rate)).astype(np.int64)
    events["x"] = generator.integers(0, SIZE[0], RECORDED_EVENTS, np.int16)
    events["y"] = generator.integers(0, SIZE[1], RECORDED_EVENTS, np.int16)
    events["polarity"] = generator.integers(0, 2, RECORDED_EVENTS, np.int8)
    np.save(path, events)


def serve(path: Path) -> None:
    """The server's process: one JSON line an event of the job, until standard input closes."""
    cancel = CancelToken()

    def emit(event: JobEvent) -> None:
        if isinstance(event, Notice) and event.text.startswith("Serving"):
            print(json.dumps({"address": event.text.split(" at ")[1].rstrip(".")}), flush=True)
        elif isinstance(event, Metric) and event.values["clock_origin_s"] is not None:
            print(json.dumps(event.values), flush=True)

    threading.Thread(target=lambda: (sys.stdin.read(), cancel.cancel()), daemon=True).start()
    parameters = ServeParameters(port=0, loop=True, sensor_width=SIZE[0], sensor_height=SIZE[1])
    print(json.dumps(serve_recording(parameters, path, emit, cancel) | {"cpu_s": time.process_time()}), flush=True)


def resident_mib() -> float:
    """This process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class _MallocInfo(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd")),
        *((name, ctypes.c_size_t) for name in ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")),
    )


def in_use_mib() -> float:
    """What this process holds of the memory that the C library's allocator gave out, large arrays included; NaN without glibc.

    Resident memory also counts what was given back: a backlog of events, bounded as every queue is, leaves its room behind in the
    allocator's heaps, for the next one.
    """
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (AttributeError, TypeError):
        return float("nan")
    ask.restype = _MallocInfo
    found = ask()
    return float(found.uordblks + found.hblkhd) / 2**20


def measure(path: Path, seconds: float) -> dict[str, Any]:
    """One run against a server of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_live", "--serve", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        chain = FilterChain([RefractoryParameters(), BackgroundActivityParameters()], SIZE)
        binner = Binner(SIZE, BinningParameters(window_ms=WINDOW_MS))
        frames: list[tuple[float, int]] = []  # the moment at which it was there, and its window's end
        memory: list[float] = []
        backlog = 0
        with StreamSource(address) as source:
            if not source.wait(SourceState.RUNNING, timeout_s=10):
                raise RuntimeError(source.message)
            begin = time.monotonic()
            cpu = time.process_time()
            next_look = begin + WARM_UP_S
            while (now := time.monotonic()) < begin + seconds:
                events = source.read(0.1)
                if len(events):
                    for frame in binner.push(chain.process(events)):
                        frames.append((time.monotonic(), frame.end_us))
                if now > next_look:
                    memory.append(resident_mib())
                    backlog = max(backlog, source.statistics().buffered)
                    next_look = now + 1.0
            took = time.monotonic() - begin
            cpu = time.process_time() - cpu
            counts = source.statistics()
        process.stdin.close()
        lines = [json.loads(line) for line in process.stdout]
    origins = [line["clock_origin_s"] for line in lines if "clock_origin_s" in line]
    total = lines[-1]
    late = np.array([at - (origins[0] + end_us / 1e6) for at, end_us in frames if at > begin + WARM_UP_S]) * 1e3
    return {
        "rate": counts.delivered / took / 1e6,
        "dropped": counts.dropped + counts.dropped_upstream,
        "slipped_s": total["slipped_s"],
        "frames": len(frames),
        "p50": float(np.percentile(late, 50)) if len(late) else float("nan"),
        "p99": float(np.percentile(late, 99)) if len(late) else float("nan"),
        "max": float(late.max()) if len(late) else float("nan"),
        "memory": (memory[0], memory[-1]) if memory else (float("nan"),) * 2,
        "backlog": backlog,
        "cpu": cpu / took,
        "server_cpu": total["cpu_s"] / took,
        "removed": chain.share_removed,
    }


def main() -> None:
    """Print a line a rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[10, 20, 40], help="million events a second")
    parser.add_argument("--seconds", type=float, nargs="+", default=[60, 10, 10], help="duration of each")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        with contextlib.suppress(KeyboardInterrupt):
            serve(arguments.serve)
        return
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; refractory and background activity, frames of {WINDOW_MS:g} ms"
    )
    print("wanted  reached  dropped  slipped  added latency (ms)     memory (MiB)     cores used       removed  frames")
    print("Mev/s   Mev/s    events   s        p50    p99    max      first -> last    client server    by filters")
    for rate, seconds in zip(arguments.rates, arguments.seconds, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "random.npy"
            make_recording(path, rate * 1e6)
            r = measure(path, seconds)
        print(
            f"{rate:<7g} {r['rate']:<8.2f} {r['dropped']:<8d} {r['slipped_s']:<8.2f} "
            f"{r['p50']:<6.1f} {r['p99']:<6.1f} {r['max']:<8.1f} {r['memory'][0]:.0f} -> {r['memory'][1]:<10.0f} "
            f"{r['cpu']:<6.2f} {r['server_cpu']:<9.2f} {r['removed']:<11.0%} {r['frames']}",
            flush=True,
        )


if __name__ == "__main__":
    main()
