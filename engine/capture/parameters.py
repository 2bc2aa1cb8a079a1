"""What can be set about watching and recording live events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from engine.events.filters import BackgroundActivityParameters, FilterParameters, FlickerParameters, RefractoryParameters
from engine.frames.binning import BinningParameters
from engine.frames.inputs import RowsColumns
from engine.parameters import Parameters, parameter, problems
from engine.places.workspace import Workspace

EVENTS_PER_PIXEL = (50.0, 100.0)
"""LENS's guideline: mean events per pixel of an event frame."""

_LONGEST_NAME = 100
_FORBIDDEN = '/\\:*?"<>|'


class CaptureFilters(Parameters):
    """The event filters of a live view, in the order in which they run, each on or off."""

    hot_pixels_on: bool = parameter(True, "Leave out the events of the pixels marked as hot.")
    refractory_on: bool = parameter(False, "Give every pixel a dead time after an event.")
    refractory: RefractoryParameters = parameter(RefractoryParameters(), "The dead time.")
    background_activity_on: bool = parameter(False, "Leave out events that no neighbour supports.")
    background_activity: BackgroundActivityParameters = parameter(BackgroundActivityParameters(), "What counts as support.")
    flicker_on: bool = parameter(False, "Leave out the events of lamps and screens.")
    flicker: FlickerParameters = parameter(FlickerParameters(), "What counts as flicker.")

    def steps(self) -> list[FilterParameters]:
        """The filters that are on, in order, without the hot pixels (which are the pipeline's)."""
        chain: list[FilterParameters] = []
        if self.refractory_on:
            chain.append(self.refractory)
        if self.background_activity_on:
            chain.append(self.background_activity)
        if self.flicker_on:
            chain.append(self.flicker)
        return chain


class CaptureParameters(Parameters):
    """How live events are shown and binned."""

    polarity: Literal["both", "on", "off"] = parameter("both", "Which events count: both, ON or OFF.")
    region: tuple[int, int, int, int] | None = parameter(
        None, "Region of interest: left, top, width, height; left out: the whole sensor.", unit="pixels"
    )
    dims: RowsColumns = parameter((10, 10), "Grid of the network's inputs: rows and columns, or one number for both.")
    mode: Literal["time", "count"] = parameter("time", "Event frames of a fixed time, or of a fixed number of events.")
    window_ms: float = parameter(1000.0, "Time window of an event frame.", unit="ms", ge=1, le=600_000)
    events_per_frame: int = parameter(50_000, "Events in a frame of fixed count, on the whole sensor.", ge=1, le=1_000_000_000)
    compare_window_ms: float | None = parameter(
        None, "A second time window, shown beside the first; left out: none.", unit="ms", ge=1, le=600_000
    )
    representation: Literal["polarity", "count", "time_surface"] = parameter(
        "polarity", "The live picture: ON and OFF in colours, events counted, or how recent each pixel's last event is."
    )
    display_window_ms: float = parameter(33.0, "Events that the live picture shows: the last so many.", unit="ms", ge=1, le=2000)
    tau_ms: float = parameter(50.0, "Decay time of the time surface.", unit="ms", ge=1, le=10_000)
    filters: CaptureFilters = parameter(CaptureFilters(), "The event filters.")

    def binning(self, window_ms: float | None = None) -> BinningParameters:
        """The parameters that bin a recording into the frames that are shown; `window_ms` takes another time window."""
        return BinningParameters(
            mode="time" if window_ms is not None else self.mode,
            window_ms=self.window_ms if window_ms is None else window_ms,
            events_per_frame=self.events_per_frame,
            roi=self.region,
            polarity=self.polarity,
        )


class RecordingParameters(Parameters):
    """What is recorded, under which names, and for how long."""

    record_events: bool = parameter(True, "Record the raw events, unfiltered, to an AEDAT4 file.")
    events_name: str = parameter("recording", "Name of the recording, without .aedat4.")
    record_frames: bool = parameter(False, "Record the event frames, filtered and cut as shown, to a traverse.")
    dataset: str = parameter("example", "Name of the dataset.")
    camera: str = parameter("camera", "Name of the camera.")
    traverse: str = parameter("traverse", "Name of the traverse.")
    duration_s: float | None = parameter(
        None, "How long to record, in the events' time; left out: until stopped.", unit="s", gt=0, le=1e6
    )
    compression: Literal["none", "lz4"] = parameter(
        "lz4", "LZ4 halves the file; none takes twice the disk and a third of the work."
    )
    workspace: Path | None = parameter(None, "The workspace that takes it; left out: the one that is open.")


def check_names(
    values: Mapping[str, Any] | RecordingParameters, workspace: Path | None, frames_size: tuple[int, int] | None = None
) -> dict[str, str]:
    """What is wrong with a recording's names and choices, to be shown while they are typed.

    Args:
        values: the fields of RecordingParameters; those missing take their defaults.
        workspace: the workspace's folder, where the values do not name one.
        frames_size: (width, height) of the event frames, if known.

    Returns:
        One sentence by field; under "" what concerns no single field. Empty where a recording can begin.
    """
    if not isinstance(values, RecordingParameters):
        found = problems(RecordingParameters, values)
        if found:
            return found
        values = RecordingParameters(**values)
    root = values.workspace or workspace
    if not (values.record_events or values.record_frames):
        return {"": "Nothing would be recorded: choose raw events, event frames, or both."}
    if root is None:
        return {"": "No workspace is open: open or make one to record into."}
    if not root.is_dir():
        return {"workspace": f"{root} is not a folder: open another workspace."}
    found = {}
    place = Workspace.open(root)
    if values.record_events:
        _check_name(found, "events_name", values.events_name, "recording")
        if not found and events_path(place, values).exists():
            found["events_name"] = f"A recording {values.events_name!r} exists already: choose another name."
    if values.record_frames:
        for field in ("dataset", "camera", "traverse"):
            _check_name(found, field, getattr(values, field), field)
        if frames_size is not None and max(frames_size) > 8192:
            found[""] = f"Event frames of {frames_size[0]}x{frames_size[1]} pixels are too large: choose a region of interest."
        if not found.keys() & {"dataset", "camera", "traverse"}:
            folder = place.frames_folder(values.dataset, values.camera, values.traverse)
            if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
                found["traverse"] = f"A traverse {values.traverse!r} exists already in this dataset: choose another name."
            elif place.index_file(values.traverse).exists():
                found["traverse"] = (
                    f"{place.index_file(values.traverse).name} exists already, for a traverse of this name in another dataset: "
                    "choose another name."
                )
    return found


def events_path(workspace: Workspace, parameters: RecordingParameters) -> Path:
    """The file of raw events."""
    return workspace.recordings / f"{parameters.events_name}.aedat4"


def _check_name(found: dict[str, str], field: str, name: str, what: str) -> None:
    bad = [sign for sign in name if sign in _FORBIDDEN or ord(sign) < 32]
    if not name.strip():
        found[field] = f"The {what} needs a name."
    elif bad:
        found[field] = f"A {what}'s name cannot hold {bad[0]!r}: use letters, digits, - and _."
    elif name != name.strip() or name.startswith(".") or name.endswith("."):
        found[field] = f"A {what}'s name cannot begin or end with a space or a full stop."
    elif len(name.encode()) > _LONGEST_NAME:
        found[field] = f"This name is too long: use {_LONGEST_NAME} characters at most."
