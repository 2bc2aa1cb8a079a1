"""Live events to a picture, event frames and recordings: the engine side of the Capture panel (no Qt)."""

from engine.capture.hot_pixels import RecentCounts
from engine.capture.open import (
    CameraRequest,
    DvStreamRequest,
    RateTimeline,
    RecordingRequest,
    SourceRequest,
    StreamRequest,
    SyntheticRequest,
    list_cameras,
    open_source,
    rate_timeline,
)
from engine.capture.parameters import EVENTS_PER_PIXEL, CaptureFilters, CaptureParameters, RecordingParameters, check_names
from engine.capture.pipeline import CapturePipeline
from engine.capture.rebin import BinRecordings, bin_recordings
from engine.capture.recorder import RecordingResult, RecordingStatistics, disk_space
from engine.capture.snapshot import CaptureSnapshot, CaptureStatistics, PreviewFrame, SuggestedWindow
from engine.capture.unfinished import UnfinishedRecording, adopt, discard, unfinished_recordings

__all__ = [
    "EVENTS_PER_PIXEL",
    "BinRecordings",
    "CameraRequest",
    "CaptureFilters",
    "CaptureParameters",
    "CapturePipeline",
    "CaptureSnapshot",
    "CaptureStatistics",
    "DvStreamRequest",
    "PreviewFrame",
    "RateTimeline",
    "RecentCounts",
    "RecordingParameters",
    "RecordingRequest",
    "RecordingResult",
    "RecordingStatistics",
    "SourceRequest",
    "StreamRequest",
    "SuggestedWindow",
    "SyntheticRequest",
    "UnfinishedRecording",
    "adopt",
    "bin_recordings",
    "check_names",
    "discard",
    "disk_space",
    "list_cameras",
    "open_source",
    "rate_timeline",
    "unfinished_recordings",
]
