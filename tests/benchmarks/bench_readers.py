"""How fast recordings are read: python -m tests.benchmarks.bench_readers [million events].

Millions of events a second, the best of a few runs, one thread. dv-processing runs in a child, on the same files.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine import native
from engine.events.array import EventArray, empty_events
from engine.events.exports import NpzWriter, TextWriter
from engine.events.recording import open_recording
from engine.events.writer import EventWriter
from engine.native.twins.recordings import evt_state

DV = """
import sys, time, dv_processing as dv
best = 1e9
for _ in range(4):
    start = time.perf_counter()
    reader, count = dv.io.MonoCameraRecording(sys.argv[1]), 0
    while (batch := reader.getNextEventBatch()) is not None:
        count += len(batch.numpy()) if sys.argv[2] == "numpy" else batch.size()
    best = min(best, time.perf_counter() - start)
print(count / best / 1e6)
"""


def street(count: int, seed: int = 0) -> EventArray:
    """Events as a moving camera gives them: bursts along rows, 1280 x 720, about 10 M events a second."""
    rng = np.random.default_rng(seed)
    events = empty_events(count)
    bursts = rng.integers(0, count, count // 4)
    bursts.sort()
    burst = np.searchsorted(bursts, np.arange(count), side="right")
    within = np.arange(count) - np.concatenate(([0], bursts))[burst]
    events["timestamp"] = np.concatenate(([0], bursts))[burst] // 10
    events["x"] = (rng.integers(0, 1280, len(bursts) + 1)[burst] + within) % 1280
    events["y"] = rng.integers(0, 720, len(bursts) + 1)[burst]
    events["polarity"] = rng.integers(0, 2, len(bursts) + 1)[burst]
    return events


def evt2_words(events: EventArray) -> np.ndarray:
    """EVT 2.0 words of the events."""
    t = events["timestamp"]
    words = (
        events["polarity"].astype(np.uint32) << 28
        | (t & 0x3F).astype(np.uint32) << 22
        | events["x"].astype(np.uint32) << 11
        | events["y"].astype(np.uint32)
    )
    new = np.flatnonzero(np.diff(t >> 6, prepend=-1))
    return np.insert(words, new, 0x80000000 | (t[new] >> 6).astype(np.uint32))


def evt3_words(events: EventArray, vectors: bool) -> np.ndarray:
    """EVT 3.0 words: single events, or rows of 12 and 8 neighbours as vectors (20 events in three words)."""
    if vectors:
        rows = len(events) // 20
        t = events["timestamp"][: rows * 20 : 20]
        words = np.empty((rows, 6), np.uint16)
        words[:, 0] = 0x8000 | (t >> 12 & 0xFFF)
        words[:, 1] = 0x6000 | (t & 0xFFF)
        words[:, 2] = events["y"][: rows * 20 : 20]
        words[:, 3] = 0x3000 | events["x"][: rows * 20 : 20]
        words[:, 4], words[:, 5] = 0x4FFF, 0x50FF
        return words.reshape(-1)
    t, y = events["timestamp"], events["y"]
    columns = np.stack(
        [
            0x8000 | (t >> 12 & 0xFFF),
            0x6000 | (t & 0xFFF),
            y.astype(np.int64),
            0x2000 | events["polarity"].astype(np.int64) << 11 | events["x"],
        ],
        1,
    ).astype(np.uint16)
    wanted = np.ones(columns.shape, bool)
    for at, value in enumerate((t >> 12, t, y)):
        wanted[:, at] = np.diff(value, prepend=-1) != 0
    return columns[wanted]


def best(run: Callable[[], int], repeats: int = 4) -> float:
    """Millions of events a second."""
    rate = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        count = run()
        rate = max(rate, count / (time.perf_counter() - start) / 1e6)
    return rate


def decode(name: str, words: np.ndarray) -> int:
    """Decode in blocks, as the readers do."""
    function, state, out, at, events = getattr(native, name), evt_state(), empty_events((1 << 18) + 12), 0, 0
    while at < len(words):
        taken, written = function(words[at : at + (1 << 18)], state, out)
        at, events = at + taken, events + written
    return events


def read(path: Path) -> int:
    """Read a recording to its end."""
    with open_recording(path) as reader:
        return sum(len(events) for events in reader.chunks())


def dv(path: Path, what: str) -> float | None:
    """dv-processing's rate on a file, None where it is not installed."""
    done = subprocess.run([sys.executable, "-c", DV, str(path), what], capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def main() -> None:
    """Print the table."""
    count = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 4_000_000
    events = street(count)
    print(f"{count / 1e6:g} M events of 1280 x 720, loops: {native.variant()}; M events/s")
    print(f"{'what':34} {'ours':>8} {'dv (count)':>11} {'dv (numpy)':>11} {'ratio':>6}")

    def row(what: str, ours: float, *others: float | None) -> None:
        cells = "".join(f" {other:11.0f}" if other else f" {'':11}" for other in (*others, None, None)[:2])
        ratio = f" {ours / others[-1]:6.2f}" if others and others[-1] else ""
        print(f"{what:34} {ours:8.0f}{cells}{ratio}", flush=True)

    words2, single, vector = evt2_words(events), evt3_words(events, False), evt3_words(events, True)
    row("EVT 2 decoding", best(lambda: decode("decode_evt2", words2)))
    row("EVT 3 decoding, single events", best(lambda: decode("decode_evt3", single)))
    row("EVT 3 decoding, vectors", best(lambda: decode("decode_evt3", vector)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "evt2").write_bytes(b"% evt 2.0\n% geometry 1280x720\n% end\n" + words2.tobytes())
        (folder / "evt3").write_bytes(b"% evt 3.0\n% geometry 1280x720\n% end\n" + single.tobytes())
        row("EVT 2 file to checked chunks", best(lambda: read(folder / "evt2")))
        row("EVT 3 file to checked chunks", best(lambda: read(folder / "evt3")))
        for compression in ("none", "lz4", "zstd"):
            path = folder / f"{compression}.aedat4"

            def write(path: Path = path, compression: str = compression) -> int:
                path.unlink(missing_ok=True)
                with EventWriter(path, (1280, 720), compression=compression, flush_ms=None) as writer:  # type: ignore[arg-type]
                    for first in range(0, count, 1 << 17):
                        writer.write(events[first : first + (1 << 17)])
                return count

            row(f"AEDAT4 {compression} writing", best(write, 2))
            row(f"AEDAT4 {compression} reading", best(lambda path=path: read(path)), dv(path, "count"), dv(path, "numpy"))  # type: ignore[misc]
        for writer in (NpzWriter(folder / "a.npz", (1280, 720)), TextWriter(folder / "a.txt", (1280, 720))):
            writer.write(events)
            writer.close()
        np.save(folder / "a.npy", events)
        for name in ("a.npy", "a.npz", "a.txt"):
            row(f"{name[2:]} reading", best(lambda name=name: read(folder / name), 2))  # type: ignore[misc]


if __name__ == "__main__":
    main()
