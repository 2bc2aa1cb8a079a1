"""How fast the simulator is, and how much its events look like real ones.

Run as `python -m tests.benchmarks.bench_simulation [--fast]`; --fast leaves out the timing of whole pairs.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from engine import native
from engine.events.array import EVENT_DTYPE, EventArray
from engine.native.twins import event_camera as camera_twin
from engine.native.twins import world_view as view_twin
from engine.simulation.motion import Trajectory
from engine.simulation.pair import PairParameters, simulate_pair, write_pair
from engine.simulation.parameters import PRESETS, CameraParameters, TraverseConditions, WorldParameters
from engine.simulation.traverse import simulate_traverse
from engine.simulation.world import World

CONSOLE = Console(width=150)
DATA = Path(os.environ.get("REVISIT_SHARED", Path(__file__).resolve().parents[2].parent / "shared")) / "data"
WINDOW_S = 0.05


def best(run: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def speed() -> None:
    """Nanoseconds a pixel and step of the two loops, against their twins."""
    table = Table(
        "loop", "threads", "ns a pixel and step", "NumPy twin", "ratio", title=f"Loops at 128x128, variant {native.variant()}"
    )
    camera = CameraParameters()
    for kind in ("street", "corridor"):
        world = World(WorldParameters(kind=kind), TraverseConditions(), camera)
        motion = Trajectory(TraverseConditions()).at(np.arange(1, 49) * 10_000)
        arguments = world.arguments(motion)
        frames = world.render(motion)
        pixels = frames.size
        slow = best(lambda arguments=arguments: view_twin.render_frames(arguments[0][:2], *arguments[1:]), 2) / (2 * 128 * 128)
        for threads in (1, os.cpu_count() or 1):
            fast = best(lambda arguments=arguments, threads=threads: native.render_frames(*arguments, threads), 8) / pixels
            table.add_row(f"render a {kind}", str(threads), f"{fast * 1e9:.1f}", f"{slow * 1e9:.0f}", f"{slow / fast:.0f}")

        def film(loop: Callable[..., object], count: int, threads: int, frames: np.ndarray = frames) -> None:
            pattern = np.stack([np.full(128 * 128, 0.2)] * 2 + [np.full(128 * 128, 2e-8)]).astype(np.float32)
            level = camera_twin.log_of(frames[0].reshape(-1) + np.float32(0.004))
            state = np.stack([level, 0 * level, 0 * level])
            steps = np.full(count, 10_000), np.arange(count, dtype=np.uint32)
            loop(frames[:count].reshape(count, -1), *steps, state, pattern, 0, 128, 0.004, 1.9e-3, 3e-7, 500.0, threads)

        slow = best(lambda film=film: film(camera_twin.camera_events, 8, 1), 2) / (8 * 128 * 128)
        for threads in (1, os.cpu_count() or 1):
            fast = best(lambda film=film, threads=threads: film(native.camera_events, 48, threads), 8) / pixels
            table.add_row(f"pixels in a {kind}", str(threads), f"{fast * 1e9:.1f}", f"{slow * 1e9:.0f}", f"{slow / fast:.0f}")
    CONSOLE.print(table)


def pairs() -> None:
    """Seconds for a pair of 100 places, everything included."""
    table = Table(
        "pair of 100 + 100 places, 128x128", "seconds", "aim", "events", "M events/s", title="A whole pair, in memory and written"
    )
    for kind in ("street", "corridor"):
        parameters = PairParameters(world=WorldParameters(kind=kind))
        start = time.perf_counter()
        pair = simulate_pair(parameters)
        seconds = time.perf_counter() - start
        events = sum(traverse.event_count for traverse in pair.traverses)
        table.add_row(f"{kind}, in memory", f"{seconds:.1f}", "20", f"{events:,}", f"{events / seconds / 1e6:.2f}")
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            write_pair(parameters, Path(folder) / "pair")
            seconds = time.perf_counter() - start
        table.add_row(f"{kind}, with all files", f"{seconds:.1f}", "20", f"{events:,}", f"{events / seconds / 1e6:.2f}")
    CONSOLE.print(table)


def real_recordings() -> dict[str, tuple[EventArray, int, int]]:
    """The real recordings that can be read here: events, width, height."""
    found: dict[str, tuple[EventArray, int, int]] = {}
    folder = DATA / "recordings"
    if (path := folder / "prophesee_evt3_decoded.npy").is_file():
        raw = np.load(path, allow_pickle=False)
        events = np.zeros(len(raw), EVENT_DTYPE)
        for ours, theirs in (("timestamp", "t"), ("x", "x"), ("y", "y"), ("polarity", "p")):
            events[ours] = raw[theirs]
        found["Prophesee EVT3, 1280x720"] = (events, 1280, 720)
    if (path := folder / "prophesee_ncars.dat").is_file():
        data = path.read_bytes()
        start = 0
        while data[start : start + 1] == b"%":
            start = data.index(b"\n", start) + 1
        words = np.frombuffer(data, "<u4", offset=start + 2).reshape(-1, 2)
        events = np.zeros(len(words), EVENT_DTYPE)
        events["timestamp"], events["x"] = words[:, 0], words[:, 1] & 0x3FFF
        events["y"], events["polarity"] = (words[:, 1] >> 14) & 0x3FFF, (words[:, 1] >> 28) & 1
        found["N-CARS, 78x42 of a car"] = (events, int(events["x"].max()) + 1, int(events["y"].max()) + 1)
    try:
        import dv_processing as dv
    except ImportError:
        CONSOLE.print("dv_processing is not installed: the DVXplorer recording is left out.")
    else:
        if (path := folder / "dvxplorer.aedat4").is_file():
            recording, parts = dv.io.MonoCameraRecording(str(path)), []
            while (batch := recording.getNextEventBatch()) is not None:
                parts.append(batch.numpy())
            raw = np.concatenate(parts)
            events = np.zeros(len(raw), EVENT_DTYPE)
            for name in ("timestamp", "x", "y", "polarity"):
                events[name] = raw[name]
            found["DVXplorer, 320x240"] = (events, 320, 240)
    return found


def synthetic(kind: str, preset: str, seconds: float, **changes: float) -> tuple[EventArray, int, int]:
    """A stretch of a synthetic drive that starts in the second second."""
    camera, conditions = CameraParameters(), PRESETS[preset].model_copy(update=changes)
    kept = []
    for chunk in simulate_traverse(WorldParameters(kind=kind), camera, conditions):
        kept.append(chunk.events[chunk.events["timestamp"] >= 1_000_000])
        if chunk.end_us > 1_000_000 * (1 + seconds):
            break
    events = np.concatenate(kept)
    return events[events["timestamp"] < 1_000_000 * (1 + seconds)], camera.width, camera.height


def statistics(events: EventArray, width: int, height: int) -> list[str]:
    """What the table of looks shows of a stream."""
    times = events["timestamp"] - events["timestamp"][0]
    seconds = float(times[-1]) * 1e-6
    pixel = events["y"].astype(np.int64) * width + events["x"]
    active = []
    for start in np.arange(0, max(seconds - WINDOW_S, 1e-9), WINDOW_S):
        inside = (times >= start * 1e6) & (times < (start + WINDOW_S) * 1e6)
        active.append(len(np.unique(pixel[inside])) / (width * height))
    order = np.lexsort((times, pixel))
    same = np.diff(pixel[order]) == 0
    gaps = np.diff(times[order])[same] * 1e-3
    ordered = events["polarity"][order]
    alike = (ordered[1:] == ordered[:-1])[same].mean()
    # The variation within single pixels that fired often enough, so that busy and quiet pixels are not mixed.
    counts = np.bincount(pixel, minlength=width * height)
    own = pixel[order][1:][same]
    variations = []
    for busy in np.flatnonzero(counts >= 8):
        mine = gaps[np.searchsorted(own, busy) : np.searchsorted(own, busy, side="right")]
        variations.append(mine.std() / max(mine.mean(), 1e-9))
    return [
        f"{seconds:.2f}",
        f"{len(events) / seconds / (width * height):.2f}",
        f"{(events['polarity'] > 0).mean():.2f}",
        f"{100 * float(np.median(active)):.1f}",
        f"{np.percentile(gaps, 10):.1f} / {np.median(gaps):.1f} / {np.percentile(gaps, 90):.0f}",
        f"{gaps.std() / gaps.mean():.2f}",
        f"{np.median(variations):.2f}" if variations else "-",
        f"{alike:.2f}",
    ]


def looks() -> None:
    """Synthetic streams beside real ones."""
    table = Table(
        "stream", "s", "events/px/s", "ON share", f"px active in {WINDOW_S * 1000:.0f} ms, %",
        "gap in a pixel p10 / median / p90, ms", "gap CV, all", "gap CV, a pixel", "same sign twice", title="Streams",
    )  # fmt: skip
    for name, (events, width, height) in real_recordings().items():
        table.add_row(name, *statistics(events, width, height))
    table.add_section()
    for kind, preset, changes in (
        ("street", "reference", {}),
        ("street", "reference", {"speed_m_s": 10.0}),
        ("street", "dusk", {}),
        ("corridor", "reference", {}),
    ):
        stretch = synthetic(kind, preset, 0.6, **changes)
        speed_text = f", {changes['speed_m_s']:.0f} m/s" if changes else ""
        table.add_row(f"synthetic {kind}, {preset}{speed_text}", *statistics(*stretch))
    CONSOLE.print(table)


def frames() -> None:
    """Event frames of one second beside LENS's own."""
    table = Table("frames", "mean", "% zero", "median", "p75", "p90", "p95", "p99", title="Counts a pixel in an event frame")

    def row(name: str, stack: np.ndarray) -> None:
        percentiles = [f"{value:.0f}" for value in np.percentile(stack, [50, 75, 90, 95, 99])]
        table.add_row(name, f"{stack.mean():.2f}", f"{100 * (stack == 0).mean():.1f}", *percentiles)

    example = sorted((DATA / "lens-example/example/davis128/example-reference").glob("*.png"))
    if example:
        import cv2

        row("LENS's example, 100 x 80x80", np.stack([cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in example]))
    for kind in ("street", "corridor"):
        pair = simulate_pair(PairParameters(world=WorldParameters(kind=kind), places=30, query_places=30))
        row(f"synthetic {kind}, reference, 30 x 128x128", pair.traverses[0].frames)
    CONSOLE.print(table)


def recall() -> None:
    """How hard the pairs are for the sum of absolute differences."""
    presets = [name for name in PRESETS if name != "reference"]
    table = Table(
        "R@1 within one frame of the truth", *presets, title="How hard the presets are: SAD, single frames, 60 + 60 places"
    )
    for kind in ("street", "corridor"):
        pair = simulate_pair(
            PairParameters(
                world=WorldParameters(kind=kind), places=60, query_places=60, traverses={name: PRESETS[name] for name in PRESETS}
            )
        )
        reference = pair.traverses[0].frames
        for name, change in (
            ("SAD", lambda f: f),
            ("SAD, square root, 8x8 means", lambda f: np.sqrt(f).reshape(-1, 16, 8, 16, 8).mean((2, 4))),
        ):
            shares = []
            for query in pair.traverses[1:]:
                a, b = (change(stack.astype(np.float32)).reshape(len(stack), -1) for stack in (reference, query.frames))
                found = np.array([np.abs(a - one).sum(1).argmin() for one in b])
                truth = pair.ground_truth[query.name]
                scored = truth.any(0)
                shares.append(f"{(np.abs(found - truth.argmax(0))[scored] <= 1).mean():.2f}")
            table.add_row(f"{kind}, {name}", *shares)
    CONSOLE.print(table)


if __name__ == "__main__":
    speed()
    if "--fast" not in sys.argv:
        pairs()
    looks()
    frames()
    recall()
