"""A small network with its reference in a workspace, events that show a place, and targets that a test steers."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.capture import CapturePipeline
from engine.chip.target import TargetFailed, WindowSpikes
from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources import EventSource
from engine.frames.inputs import InputParameters, training_inputs
from engine.live import Answer, LiveModel, LiveParameters, LivePipeline, open_model
from engine.networks.lens import LensNetwork, save_network
from engine.networks.record import RunRecord, hash_arrays
from engine.places.ground_truth import save_ground_truth
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.workspace import Workspace

SENSOR = (64, 48)
REGION = (8, 4, 32, 32)
PLACES = 6
WINDOW_US = 100_000
INPUTS = InputParameters(dims=(4, 4))


def reference_frames(places: int = PLACES) -> NDArray[np.uint8]:
    """(places, 32, 32): each place has three bright cells of the grid of its own, on a dim ground."""
    rng = np.random.default_rng(7)
    frames = rng.poisson(1.0, (places, 32, 32)).astype(np.uint8)
    cells = rng.permutation(16)
    for place in range(places):
        for cell in cells[(np.arange(3) + 3 * place) % 16]:
            row, column = divmod(int(cell), 4)
            frames[place, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += rng.poisson(12, (8, 8)).astype(np.uint8)
    return frames


def matching_network(frames: NDArray[np.uint8]) -> LensNetwork:
    """A network that needs no training: features pass the inputs on, and each output weighs them as its frame does."""
    inputs = training_inputs(frames, INPUTS)
    patterns = inputs - inputs.mean(axis=1, keepdims=True)
    weights = patterns / np.abs(patterns).sum(axis=1, keepdims=True)
    features = inputs.shape[1]
    return LensNetwork(
        np.eye(features, dtype=np.float32),
        np.zeros(features, np.float32),
        weights.astype(np.float32),
        np.zeros(len(frames), np.float32),
    )


def make_workspace(folder: Path, places: int = PLACES) -> tuple[Workspace, Path]:
    """A workspace with the reference "walk" of dataset "lab" and camera "hand", and its network; returns both."""
    workspace = Workspace.create(folder / "workspace")
    frames = reference_frames(places)
    info = TraverseInfo(sensor=SENSOR, region=REGION, window_ms=WINDOW_US / 1000)
    write_traverse(workspace.frames_folder("lab", "hand", "walk"), workspace.index_file("walk"), frames, info)
    record = RunRecord(
        native="numpy",
        seed=0,
        inputs=INPUTS.for_frames((32, 32)).model_dump(mode="json"),
        training={},
        data_hash=hash_arrays(frames),
        references=("walk",),
        places=places,
    )
    path = workspace.models / f"walk_LENS_IN16_FN16_DB{places}.pth"
    save_network(path, matching_network(frames), record)
    return workspace, path


def make_model(folder: Path) -> LiveModel:
    """The network of make_workspace, opened."""
    workspace, path = make_workspace(folder)
    return open_model(path, workspace)


def place_events(place: int, start_us: int, windows: int = 1, seed: int = 0) -> EventArray:
    """Events of whole windows at one place, over the sensor's region, in order of time."""
    frame = reference_frames()[place]
    rng = np.random.default_rng(seed + place)
    parts = []
    for window in range(windows):
        counts = rng.poisson(frame)
        pixels = rng.permutation(np.repeat(np.arange(frame.size), counts.reshape(-1)))
        events = np.zeros(len(pixels), EVENT_DTYPE)
        begin = start_us + window * WINDOW_US
        events["timestamp"] = begin + np.sort(rng.integers(0, WINDOW_US, len(pixels)))
        events["timestamp"][:1] = begin
        events["y"], events["x"] = np.divmod(pixels, 32)
        events["x"] += REGION[0]
        events["y"] += REGION[1]
        events["polarity"] = rng.integers(0, 2, len(pixels))
        parts.append(events)
    return np.concatenate(parts)


def route_events(start_us: int = 1_000_000, windows: int = 4) -> EventArray:
    """All places one after another, `windows` each."""
    parts = [place_events(place, start_us + place * windows * WINDOW_US, windows) for place in range(PLACES)]
    return np.concatenate(parts)


class HandTarget:
    """A target that a test steers: it answers what it is told, and waits or fails when asked to."""

    def __init__(self, places: int = PLACES, window_us: int = WINDOW_US) -> None:
        self.name, self.kind, self.places, self.window_us, self.takes_events = "Hand", "virtual", places, window_us, True
        self.go = threading.Event()
        self.go.set()
        self.asked = threading.Event()
        self.fed: list[EventArray] = []
        self.ends: list[int] = []
        self.resets = self.stops = 0
        self.failure = ""
        self.answer: Callable[[int], NDArray[np.float32]] = lambda end: np.arange(places, dtype=np.float32)
        self.extra: dict[str, Any] = {}

    def start(self) -> None:
        if self.failure == "start":
            raise TargetFailed("The hand cannot be opened: plug it in.")

    def feed(self, events: EventArray) -> None:
        self.fed.append(events.copy())

    def window(self, end_us: int) -> WindowSpikes:
        self.asked.set()
        self.go.wait()
        if self.failure:
            raise TargetFailed("The hand was unplugged: plug it in and start again.")
        self.ends.append(end_us)
        seen = sum(len(part) for part in self.fed)
        return WindowSpikes(end_us, self.window_us, self.answer(end_us), seen, **self.extra)

    def reset(self) -> None:
        self.resets += 1

    def stop(self) -> None:
        self.stops += 1


def live_on(
    source: EventSource, model: LiveModel, parameters: LiveParameters | None = None, *, keep_all: bool = True, **options: Any
) -> tuple[CapturePipeline, LivePipeline]:
    """A live pipeline on a source, not started."""
    live = parameters or LiveParameters(step_ms=25, sequence="none")
    capture = CapturePipeline(
        source, live.capture(model.window_us(live.window_ms), live.region), pictures=False, keep_all=keep_all
    )
    return capture, LivePipeline(capture, model, live, **options)


def answers_of(
    source: EventSource, model: LiveModel, parameters: LiveParameters | None = None, **options: Any
) -> tuple[list[Answer], LivePipeline]:
    """Every answer of a source that ends, nothing passed over."""
    found: list[Answer] = []
    capture, live = live_on(source, model, parameters, listener=found.append, **options)
    live.start()
    capture.start()
    try:
        assert all(worker.ended.wait(30) for worker in live.workers)
    finally:
        capture.stop()
        live.stop()
    return found, live


def add_query(workspace: Workspace, name: str = "again", places: int = PLACES) -> None:
    """A query traverse of the same route, noisier than the reference, with its ground truth."""
    rng = np.random.default_rng(11)
    frames = rng.poisson(reference_frames(places) * 0.9 + 0.2).clip(0, 255).astype(np.uint8)
    write_traverse(workspace.frames_folder("lab", "hand", name), workspace.index_file(name), frames, TraverseInfo(sensor=SENSOR))
    save_ground_truth(workspace.ground_truth_file("lab", "hand", "walk", name), np.eye(places))
