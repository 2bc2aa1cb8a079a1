"""What the Capture panel remembers between two starts."""

from typing import Literal

from engine.capture import CaptureParameters, RecordingParameters
from engine.frames.inputs import InputParameters
from engine.parameters import Parameters, parameter


class CaptureOptions(Parameters):
    """The panel's settings."""

    source: Literal["recording", "camera", "stream", "synthetic"] = parameter("synthetic", "Which kind of source was chosen.")
    path: str = parameter("", "The recording that was chosen.")
    address: str = parameter("127.0.0.1:7777", "The stream that was chosen.")
    protocol: Literal["revisit", "dv"] = parameter("revisit", "What the stream speaks.")
    capture: CaptureParameters = parameter(CaptureParameters(), "How events are shown and binned.")
    recording: RecordingParameters = parameter(RecordingParameters(), "What is recorded.")
    inputs: InputParameters = parameter(InputParameters(), "The grid that is drawn.")
    show_grid: bool = parameter(True, "Whether the grid is drawn.")
    square: bool = parameter(False, "Whether a dragged region is square.")
