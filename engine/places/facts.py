"""What a traverse holds and what is wrong with it: figures for a table, and a sentence for each thing to look at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.errors import BadInput
from engine.frames.png import read_frame
from engine.jobs import CancelToken, Emit, Progress, Throttle
from engine.places.making import TraverseName
from engine.places.natural import natural_key
from engine.places.poses import counted
from engine.places.positions import frame_starts, positions_of
from engine.places.workspace import Workspace

FEW, MANY = 50.0, 100.0
"""Events per pixel in a frame of 1 s that LENS's documentation recommends."""
_SILENT = 0.001
"""A frame with fewer events per pixel than this shows nothing."""
_SATURATED = 0.01
"""A frame with more of its pixels at 255 than this hides the scene."""
_NAMED = 3


@dataclass(frozen=True)
class TraverseFacts:
    """Figures of a traverse.

    Attributes:
        frames: that its index names. measured: how many of them were looked into.
        size: (width, height) of the frames; None where none could be read.
        window_ms, duration_s, frame_rate: from traverse.json; None without time stamps.
        events_per_pixel: mean over the measured frames. event_rate: events a second in a frame's whole area; None without window.
        silent_share, saturated_share: of all pixels, those at 0 and at 255.
        silent_frames, saturated_frames: numbers of measured frames that show nothing, or have more than 1 % of pixels at 255.
        with_pose: frames that have a position; None where the traverse has no poses at all.
        warnings: a sentence each.
    """

    name: TraverseName
    frames: int = 0
    measured: int = 0
    size: tuple[int, int] | None = None
    window_ms: float | None = None
    duration_s: float | None = None
    frame_rate: float | None = None
    events_per_pixel: float | None = None
    event_rate: float | None = None
    silent_share: float | None = None
    saturated_share: float | None = None
    silent_frames: tuple[int, ...] = ()
    saturated_frames: tuple[int, ...] = ()
    with_pose: int | None = None
    source: str = ""
    warnings: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {
            "dataset": self.name.dataset,
            "camera": self.name.camera,
            "traverse": self.name.traverse,
            "frames": self.frames,
            "measured": self.measured,
            "size": None if self.size is None else list(self.size),
            "window_ms": self.window_ms,
            "duration_s": self.duration_s,
            "frame_rate": self.frame_rate,
            "events_per_pixel": self.events_per_pixel,
            "event_rate": self.event_rate,
            "silent_share": self.silent_share,
            "saturated_share": self.saturated_share,
            "silent_frames": list(self.silent_frames),
            "saturated_frames": list(self.saturated_frames),
            "with_pose": self.with_pose,
            "source": self.source,
            "warnings": list(self.warnings),
        }


def check_traverse(
    workspace: Workspace, name: TraverseName, emit: Emit, cancel: CancelToken, sample: int | None = None
) -> TraverseFacts:
    """Look through a traverse: its index against its folder, its frames, its poses.

    Args:
        workspace, name: which one.
        emit, cancel: see engine.jobs.
        sample: look into so many frames, spread evenly, instead of all.

    Raises:
        BadInput: the folder is missing, or its index file cannot be read at all.
        JobCancelled: stopped.
    """
    traverse = name.open(workspace)
    files = [path.name for path in traverse.folder.iterdir() if path.suffix.lower() == ".png" and path.is_file()]
    images, numbers = [row.image for row in traverse.rows], [row.index for row in traverse.rows]
    warnings = _index_warnings(images, numbers, files, traverse.indexed)
    there = set(files)
    readable = [number for number, image in enumerate(images) if image in there]
    chosen = readable
    if sample is not None and len(readable) > sample:
        chosen = [readable[round(at)] for at in np.linspace(0, len(readable) - 1, sample)]
    measured = _measure([(number, traverse.folder / images[number]) for number in chosen], name.traverse, emit, cancel)
    try:
        info = traverse.info()
    except BadInput as wrong:
        info = None
        warnings.append(str(wrong))
    starts = frame_starts(traverse, info)
    window_ms = info.window_ms if info is not None else None
    facts: dict[str, Any] = {}
    if starts is not None and len(starts) > 1 and int(starts.max()) > int(starts.min()):
        facts["duration_s"] = (int(starts.max()) - int(starts.min())) / 1e6 + (window_ms or 0.0) / 1e3
        facts["frame_rate"] = (len(starts) - 1) / ((int(starts.max()) - int(starts.min())) / 1e6)
        warnings += _time_warnings(starts)
    elif info is None or not info.window_starts_us:
        warnings.append("The frames have no time stamps: a log of poses cannot be attached.")
    elif starts is None:
        warnings.append("traverse.json has another number of windows than the folder has frames: their times are unknown.")
    facts["with_pose"], said = _poses(workspace, name)
    warnings += said + measured.warnings(window_ms)
    log = info.pose_log if info is not None else None
    if log is not None and log.shift_s != 0 and log.offset_s == 0:
        warnings.append(
            "The clock of the log of poses is not the events' clock: its first pose was put at the start of the first frame. "
            "Check the offset, or have it estimated."
        )
    if len(images) == 1:
        warnings.append("The traverse has a single frame: there is no route to recognise.")
    return TraverseFacts(
        name=name,
        frames=len(images),
        measured=len(measured.means),
        size=measured.size,
        window_ms=window_ms,
        events_per_pixel=measured.mean,
        event_rate=measured.rate(window_ms),
        silent_share=measured.share(measured.silent),
        saturated_share=measured.share(measured.saturated),
        silent_frames=measured.silent_frames,
        saturated_frames=measured.saturated_frames,
        source=info.source or info.made_from if info is not None else "",
        warnings=tuple(warnings),
        **facts,
    )


@dataclass
class _Measured:
    """Sums over the frames that were read."""

    means: list[tuple[int, float]] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    firsts: dict[tuple[int, int], str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    pixels: int = 0
    silent: int = 0
    saturated: int = 0
    full: list[int] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int] | None:
        return self.sizes.most_common(1)[0][0] if self.sizes else None

    @property
    def mean(self) -> float | None:
        return float(np.mean([mean for _, mean in self.means])) if self.means else None

    @property
    def silent_frames(self) -> tuple[int, ...]:
        return tuple(number for number, mean in self.means if mean < _SILENT)

    @property
    def saturated_frames(self) -> tuple[int, ...]:
        return tuple(self.full)

    def share(self, count: int) -> float | None:
        return count / self.pixels if self.pixels else None

    def rate(self, window_ms: float | None) -> float | None:
        if self.mean is None or self.size is None or not window_ms:
            return None
        return self.mean * self.size[0] * self.size[1] / (window_ms / 1e3)

    def warnings(self, window_ms: float | None) -> list[str]:
        said = []
        if self.broken:
            more = f" {len(self.broken) - 1} more cannot be read either." if len(self.broken) > 1 else ""
            said.append(self.broken[0] + more)
        if len(self.sizes) > 1:
            told = ", ".join(f"{count} of {w}x{h} (such as {self.firsts[w, h]})" for (w, h), count in self.sizes.most_common())
            said.append(f"The frames have unequal sizes: {told}. Import them anew with one size.")
        if self.silent_frames:
            said.append(
                f"{counted(len(self.silent_frames), 'frame')} without anything to see ({_named(self.silent_frames)}): "
                "crop them away, or bin with a longer window."
            )
        if self.full:
            said.append(
                f"{counted(len(self.full), 'frame')} with more than 1 % of the pixels at 255 ({_named(self.full)}): "
                "mask hot pixels, or bin with a shorter window."
            )
        mean = self.mean
        if mean is not None and window_ms and not FEW <= mean <= MANY and len(self.silent_frames) < len(self.means):
            which, wish = ("few", "longer") if mean < FEW else ("many", "shorter")
            said.append(
                f"{mean:.3g} events per pixel are {which} beside the {FEW:g} to {MANY:g} that LENS's guideline names: "
                f"a window of about {rounded(window_ms * (FEW + MANY) / 2 / mean)} ms would suit ({wish})."
            )
        return said


def _measure(frames: Sequence[tuple[int, Any]], name: str, emit: Emit, cancel: CancelToken) -> _Measured:
    found, throttle = _Measured(), Throttle()
    for done, (number, path) in enumerate(frames, start=1):
        cancel.check()
        try:
            frame = read_frame(path)
        except BadInput as wrong:
            found.broken.append(str(wrong))
            continue
        size = (frame.shape[1], frame.shape[0])
        found.sizes[size] += 1
        found.firsts.setdefault(size, path.name)
        saturated = int(np.count_nonzero(frame == 255))
        found.means.append((number, float(frame.mean())))
        found.pixels += frame.size
        found.silent += frame.size - int(np.count_nonzero(frame))
        found.saturated += saturated
        if saturated > _SATURATED * frame.size:
            found.full.append(number)
        if done == len(frames) or throttle.ready():
            emit(Progress(f"Checking {name}", done, len(frames), "frames"))
    return found


def _index_warnings(images: Sequence[str], numbers: Sequence[int], files: Sequence[str], indexed: bool) -> list[str]:
    said = []
    if not indexed:
        said.append("There is no index file: frames are taken in natural order of their names (`revisit-cli index` writes one).")
    there = set(files)
    missing = [image for image in images if image not in there]
    if missing:
        said.append(f"The index names {counted(len(missing), 'file')} that the folder does not have ({_named(missing)}).")
    extra = sorted(there - set(images), key=natural_key)
    if extra:
        said.append(f"The folder has {counted(len(extra), 'frame')} that the index does not name ({_named(extra)}): not used.")
    twice = [image for image, count in Counter(images).items() if count > 1]
    if twice:
        said.append(f"The index names {counted(len(twice), 'file')} more than once ({_named(twice)}).")
    same = [number for number, count in Counter(numbers).items() if count > 1]
    if same:
        said.append(f"The index has {counted(len(same), 'number')} more than once ({_named(same)}).")
    steps = np.diff(np.array(numbers, np.int64))
    if (steps < 0).any():
        said.append(f"The index is not in order: number {numbers[int(np.argmax(steps < 0)) + 1]} comes after a larger one.")
    values, often = np.unique(steps[steps > 0], return_counts=True)
    usual = int(values[int(np.argmax(often))]) if len(values) else 1
    gaps = np.flatnonzero(steps > usual)
    if len(gaps):
        first = int(gaps[0])
        said.append(f"The numbering has {counted(len(gaps), 'gap')}: after {numbers[first]} comes {numbers[first + 1]}.")
    return said


def _time_warnings(starts: Any) -> list[str]:
    steps = np.diff(starts)
    said = []
    if (steps <= 0).any():
        said.append(f"The time stamps do not ascend: frame {int(np.argmax(steps <= 0)) + 1} is not later than the one before it.")
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > 3 * max(usual, 1.0))
    if len(gaps):
        longest = int(gaps[np.argmax(steps[gaps])])
        said.append(
            f"{counted(len(gaps), 'gap')} in time; the longest, {steps[longest] / 1e6:.3g} s, comes after frame {longest}."
        )
    return said


def _poses(workspace: Workspace, name: TraverseName) -> tuple[int | None, list[str]]:
    try:
        found = positions_of(workspace, name.dataset, name.camera, [name.traverse])[name.traverse]
    except BadInput as wrong:
        return None, [str(wrong)]
    if not found.source:
        return None, []
    count = int(found.known.sum())
    if count == len(found):
        return count, []
    return count, [f"{len(found) - count} of {len(found)} frames have no pose: {found.source} does not cover them."]


def rounded(value: float) -> str:
    """Three digits that count, never as a power of ten."""
    text = f"{value:.3g}"
    return f"{float(text):.0f}" if "e+" in text else text


def _named(things: Sequence[Any]) -> str:
    more = ", …" if len(things) > _NAMED else ""
    return ", ".join(str(thing) for thing in things[:_NAMED]) + more
