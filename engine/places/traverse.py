"""A traverse: one pass along a route, as a folder of event frames with an index."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from engine.errors import BadInput
from engine.frames.png import encode_png, read_frames
from engine.jobs import CancelToken, Emit, Progress, Throttle
from engine.parameters import Parameters, parameter
from engine.places.index import Coordinate, IndexRow, index_of_folder, read_index, write_index
from engine.storage import new_folder, read_json, write_json


class PoseLog(Parameters):
    """A log of poses that was attached to a traverse."""

    file: str = parameter("", "The log, a copy beside the frames.")
    shift_s: float = parameter(
        0.0, "What takes the events' clock to the log's: 0 where they agree, else what puts both starts together.", unit="s"
    )
    offset_s: float = parameter(0.0, "Correction on top of it, set by hand or estimated.", unit="s", ge=-86_400, le=86_400)
    longest_gap_s: float = parameter(
        10.0, "Between fixes further apart in time than this, frames have no pose.", unit="s", gt=0, le=86_400
    )

    @field_validator("file")
    @classmethod
    def _beside(cls, file: str) -> str:
        if "/" in file or "\\" in file or file in (".", ".."):
            raise ValueError(f"file should be a name beside the frames, but is {file!r}")
        return file


class TraverseInfo(Parameters):
    """How a traverse came about: traverse.json beside its frames. Everything works without it."""

    schema_number: int = parameter(1, "Version of this file's layout.", ge=1)
    sensor: tuple[int, int] | None = parameter(None, "Width and height of the camera.", unit="pixels")
    region: tuple[int, int, int, int] | None = parameter(None, "Region of interest: left, top, width, height.", unit="pixels")
    window_ms: float | None = parameter(None, "Time window of a frame (left out for windows of a fixed count).", unit="ms", gt=0)
    binning: dict[str, Any] = parameter({}, "All binning parameters.")
    filters: list[dict[str, Any]] = parameter([], "The event filters, in order, with their parameters.")
    source: str = parameter("", "The recording or camera that the frames were binned from.")
    start_us: int | None = parameter(None, "Time stamp of the first window's start.", unit="us")
    clock: str = parameter("camera", "The clock of the time stamps.")
    window_starts_us: list[int] = parameter([], "Start of each frame's window.", unit="us")
    window_ends_us: list[int] = parameter(
        [], "End of each frame's window, where neither window_ms nor the next start says it.", unit="us"
    )
    poses: str = parameter("", "File with the poses, beside this one or relative to it.")
    made_from: str = parameter("", "The traverses and the part of them that this one was made from, or the images.")
    pose_log: PoseLog | None = parameter(None, "The log of poses that was attached; it goes before `poses`.")
    simulation: dict[str, Any] = parameter({}, "Parameters of the synthetic world, where the traverse was simulated.")


@dataclass(frozen=True)
class Traverse:
    """One traverse on disk.

    Attributes:
        name: of the traverse.
        folder: of its frames.
        rows: its frames in order, as the index file or the folder gives them.
        indexed: whether an index file was there.
    """

    name: str
    folder: Path
    rows: Sequence[IndexRow]
    indexed: bool

    def __len__(self) -> int:
        return len(self.rows)

    def rows_used(self, places: int | None = None, every: int = 1) -> list[IndexRow]:
        """Every `every`-th row from the first on, `places` of them (all if None).

        Raises:
            BadInput: there are fewer.
        """
        rows = list(self.rows[::every])
        if places is None:
            return rows
        if len(rows) < places:
            sparse = f" with filter {every}" if every > 1 else ""
            raise BadInput(
                f"The traverse {self.name} has {len(rows)} frames{sparse}, fewer than the {places} places asked for: "
                f"ask for {len(rows)} at most."
            )
        return rows[:places]

    def frames(self, places: int | None = None, every: int = 1, each: Callable[[int], None] | None = None) -> NDArray[np.uint8]:
        """Read event frames: (places, height, width) uint8.

        Args:
            places: how many (all if None).
            every: take every n-th frame (LENS's filter).
            each: called with the number of frames read so far; may raise to stop.

        Raises:
            BadInput: too few frames, files that the index names and the folder lacks, or a frame that cannot be read.
        """
        rows = self.rows_used(places, every)
        missing = [row.image for row in rows if not (self.folder / row.image).is_file()]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise BadInput(
                f"The index of {self.name} names {missing[0]}{more}, which {self.folder} does not have: "
                "make the index anew with `revisit-cli index`, or restore the files."
            )
        return read_frames((self.folder / row.image for row in rows), each)

    def frames_for_job(self, places: int | None, every: int, emit: Emit, cancel: CancelToken) -> NDArray[np.uint8]:
        """Read event frames as `frames` does, telling how far it is and heeding cancel."""
        total, throttle = len(self.rows_used(places, every)), Throttle()

        def each(done: int) -> None:
            cancel.check()
            if done == total or throttle.ready():
                emit(Progress(f"Reading {self.name}", done, total, "frames"))

        return self.frames(places, every, each)

    def coordinates(self) -> NDArray[np.float64] | None:
        """(frames, 2) latitude and longitude in degrees, NaN where a frame has none; None if no frame has any."""
        if all(row.coordinate is None for row in self.rows):
            return None
        return np.array([row.coordinate or (np.nan, np.nan) for row in self.rows], np.float64)

    def info(self) -> TraverseInfo | None:
        """What traverse.json says, or None without one."""
        path = self.folder / "traverse.json"
        if not path.exists():
            return None
        content = read_json(path)
        if not isinstance(content, dict):
            raise BadInput(f"{path} should be a JSON object: delete it (everything works without it) or restore it.")
        return TraverseInfo.read(content, str(path))


def open_traverse(folder: Path, index: Path, name: str) -> Traverse:
    """Open a traverse; without an index file its PNGs are taken in natural order.

    Raises:
        BadInput: the folder is missing or empty, or the index file cannot be read.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder: check data_dir, dataset, camera and the traverse's name {name!r}.")
    if index.exists():
        return Traverse(name, folder, read_index(index), indexed=True)
    return Traverse(name, folder, index_of_folder(folder), indexed=False)


def write_traverse(
    folder: Path,
    index: Path,
    frames: Iterable[NDArray[np.uint8]],
    info: TraverseInfo,
    coordinates: Sequence[Coordinate | None] | None = None,
) -> Traverse:
    """Write a new traverse, whole or not at all: its frames, traverse.json and the index file.

    Args:
        folder: of the frames; must not exist, or be empty.
        index: the index file.
        frames: (height, width) uint8 each; may be a generator.
        info: how the traverse came about.
        coordinates: latitude and longitude of each frame.

    Raises:
        BadInput: the folder or the index file is there already, or there is no frame.
    """
    if index.exists():
        raise BadInput(f"{index} exists already: choose another name for the traverse, or move the old one away.")
    with new_folder(folder) as part:
        count = 0
        for count, frame in enumerate(frames, start=1):
            (part / f"image_{count - 1:04d}.png").write_bytes(encode_png(frame))
        if count == 0:
            raise BadInput(f"No frame came out for {folder.name}: the recording is shorter than one window.")
        write_json(part / "traverse.json", info.model_dump(mode="json"))
    places = list(coordinates) if coordinates is not None else [None] * count
    rows = [IndexRow(f"image_{number:04d}.png", number, places[number]) for number in range(count)]
    write_index(index, rows)
    return Traverse(folder.name, folder, rows, indexed=True)
