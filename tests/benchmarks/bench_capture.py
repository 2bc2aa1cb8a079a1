"""The Capture panel's engine under load: a loopback stream, region and two filters on, pictures taken as a view would.

    python -m tests.benchmarks.bench_capture [--rate 10] [--seconds 30] [--record none|events|both]... [--tick 30]

The stream is bench_live's server in a process of its own (346 x 260 pixels, uniformly random events, the worst case for caches,
looped). A thread of the client asks for the newest picture thirty times a second, as a view's timer does, and notes how late it
woke (the stand-in for the window's tick; drawing is measured in the app's benchmark). Server, client and everything else share
the machine's cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.capture import CaptureFilters, CaptureParameters, CapturePipeline, RecordingParameters
from engine.events.recording import open_recording
from engine.events.sources import StreamSource
from engine.places.workspace import Workspace
from tests.benchmarks.bench_live import make_recording, resident_mib

WARM_UP_S = 3.0


def count_events(path: Path) -> int:
    """The events that a recording holds, read from its beginning to its end."""
    with open_recording(path) as reader:
        return sum(len(chunk) for chunk in reader.chunks())


def measure(path: Path, seconds: float, record: str, compression: str, ticks_per_s: float, folder: Path) -> dict[str, Any]:
    """One run against a server of its own."""
    parameters = CaptureParameters(
        region=(45, 2, 256, 256),
        window_ms=100,
        filters=CaptureFilters(refractory_on=True, background_activity_on=True),
    )
    workspace = Workspace.create(folder / "workspace")
    command = [sys.executable, "-m", "tests.benchmarks.bench_live", "--serve", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        pipeline = CapturePipeline(StreamSource(address, policy="block"), parameters, workspace.root)
        pipeline.start()
        while pipeline.snapshot() is None:
            time.sleep(0.01)
            if pipeline.message:
                raise RuntimeError(pipeline.message)
        if record != "none":
            pipeline.start_recording(RecordingParameters.check({"record_frames": record == "both", "compression": compression}))
        begin = time.monotonic()
        cpu, delivered = time.process_time(), pipeline.source.statistics().delivered
        late, ages, memory, numbers = [], [], [], []
        tick, due, look = 1 / ticks_per_s, begin, begin + WARM_UP_S
        while (now := time.monotonic()) < begin + seconds:
            snapshot = pipeline.snapshot()
            if snapshot is not None and now > begin + WARM_UP_S:
                numbers.append(snapshot.number)
                late.append(now - due)
                ages.append(snapshot.statistics.latency_ms)
            if now > look:
                memory.append(resident_mib())
                look += 1.0
            due = max(due + tick, now)
            time.sleep(max(due - time.monotonic(), 0))
        took = time.monotonic() - begin
        cpu = time.process_time() - cpu
        counts = pipeline.source.statistics()
        last = pipeline.snapshot()
        assert last is not None
        result = pipeline.stop_recording() if record != "none" else None
        pipeline.close()
        process.stdin.close()
        process.stdout.read()
    recorded = "-"
    if result is not None and result.events_path is not None:
        found = count_events(result.events_path)
        same = "all that were taken" if found == result.events else f"NOT the {result.events} that were taken"
        recorded = f"{found / 1e6:.1f} M events, {same}; {result.frames} frames; {result.message or 'nothing lost'}"
    return {
        "rate": (counts.delivered - delivered) / took / 1e6,
        "drawn": len(set(numbers)) / max(took - WARM_UP_S, 1e-9),
        "made": (numbers[-1] - numbers[0]) / max(took - WARM_UP_S, 1e-9),
        "dropped": counts.dropped + counts.dropped_upstream,
        "picture_drops": last.statistics.picture_drops,
        "late": np.percentile(np.array(late) * 1e3, [50, 99, 100]),
        "latency": np.percentile(ages, [50, 99]),
        "memory": (memory[0], memory[len(memory) // 2], memory[-1]),
        "cpu": cpu / took,
        "removed": ", ".join(f"{kind} {share:.0%}" for kind, share in last.statistics.removed),
        "recorded": recorded,
    }


def main() -> None:
    """Print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10, help="million events a second")
    parser.add_argument("--seconds", type=float, default=30, help="length of a run; 300 for the five minutes of flat memory")
    parser.add_argument("--record", choices=("none", "events", "both"), action="append", help="default: none, then both")
    parser.add_argument("--compression", choices=("none", "lz4"), default="lz4", help="of the recorded events")
    parser.add_argument("--tick", type=float, default=30, help="pictures asked for a second")
    parser.add_argument("--folder", type=Path, help="where recordings go (default: the system's temporary folder)")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {arguments.rate:g} Mev/s wanted for {arguments.seconds:g} s")
    for record in arguments.record or ("none", "both"):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            path = Path(folder) / "random.npy"
            make_recording(path, arguments.rate * 1e6)
            r = measure(path, arguments.seconds, record, arguments.compression, arguments.tick, Path(folder))
        print(f"\nrecording {record}; filters: {r['removed']}")
        print(f"  events/s sustained        {r['rate']:.2f} M")
        print(f"  pictures/s taken, made    {r['drawn']:.1f}, {r['made']:.1f}")
        print(f"  events dropped            {r['dropped']} by source or sender, {r['picture_drops']} by the picture only")
        print(f"  tick late (ms)            p50 {r['late'][0]:.1f}, p99 {r['late'][1]:.1f}, max {r['late'][2]:.1f}")
        print(f"  event to picture (ms)     p50 {r['latency'][0]:.0f}, p99 {r['latency'][1]:.0f} (the longest of each second)")
        print(f"  memory (MiB)              {r['memory'][0]:.0f} -> {r['memory'][1]:.0f} -> {r['memory'][2]:.0f}")
        print(f"  cores used                {r['cpu']:.2f}")
        print(f"  recorded                  {r['recorded']}", flush=True)


if __name__ == "__main__":
    main()
