"""From an event frame to a network's input: one value a grid cell, then an encoding of the counts."""

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator

from engine.errors import BadInput
from engine.parameters import Parameters, parameter

Cell = Literal["centre", "before_centre", "mean"]
Encoding = Literal["gamma", "raw", "sqrt", "log"]
Normalise = Literal["none", "reference", "causal", "two-pass"]
NetworkKind = Literal["lens", "prototype"]

_LONGEST_WINDOW = 64


def _pair(value: Any) -> Any:
    """10, [10] and [10, 10] all mean rows 10 and columns 10."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if isinstance(value, list | tuple) and len(value) == 1:
        return (value[0], value[0])
    return value


def _several(value: Any) -> Any:
    """4 and [4] both mean a single window of 4 frames."""
    return (value,) if isinstance(value, int | str) and not isinstance(value, bool) else value


RowsColumns = Annotated[tuple[int, int], BeforeValidator(_pair)]
WindowLengths = Annotated[tuple[int, ...], BeforeValidator(_several)]


class InputParameters(Parameters):
    """What a network sees of an event frame."""

    dims: RowsColumns = parameter(
        (10, 10),
        "Grid of the network's inputs: rows and columns, or one number for both.",
        examples=[(5, 5), (7, 7), (10, 10), (14, 14), (20, 20)],  # what a sweep offers to choose among
    )
    roi_dim: RowsColumns | None = parameter(
        None, "Size of the event frames: rows and columns, or one number for both (left out: as the frames are).", unit="pixels"
    )
    cell: Cell = parameter(
        "mean",
        "What stands for a grid cell of k x k pixels: the mean of all (mean), the pixel at k//2 (centre, LENS 0.1.5), "
        "or the one at k//2 - 1 (before_centre, LENS 0.1.1).",
    )
    encoding: Encoding | None = parameter(
        None,
        "How event counts become training inputs: log, sqrt, raw, or gamma (LENS: mean brightness made 0.5; left out: log for "
        "LENS, sqrt for prototypes).",
    )
    query_encoding: Literal["same", "gamma", "raw", "sqrt", "log"] = parameter(
        "same", "How event counts become query inputs: same as in training, or another encoding (LENS: raw)."
    )

    windows: WindowLengths | None = parameter(
        None,
        "Lengths of the windows that are shown side by side, each the mean of the frames up to now: 1 2 4 adds up what the last "
        "frame, the last 2 and the last 4 say (left out: 1 for LENS, 1 2 4 for prototypes).",
        unit="frames",
        examples=[(1,), (1, 2), (1, 2, 4)],
    )
    normalise: Normalise | None = parameter(
        None,
        "Take each pixel in deviations from its mean: that of the query so far (causal), of the whole query, for which it has to "
        "be there (two-pass), or of the reference (reference), or do not (none; left out: none for LENS, causal for prototypes).",
    )

    @model_validator(mode="after")
    def _check(self) -> "InputParameters":
        for name in ("dims", "roi_dim"):
            value = getattr(self, name)
            if value is not None and not all(1 <= side <= 8192 for side in value):
                raise ValueError(f"{name} should be one or two numbers from 1 to 8192, but is {value[0]} {value[1]}")
        if self.windows is not None:
            given = " ".join(map(str, self.windows))
            if not self.windows or len(set(self.windows)) < len(self.windows):
                raise ValueError(f"windows should be different numbers of frames, such as 1 2 4, but is {given or 'nothing'}")
            if not all(1 <= window <= _LONGEST_WINDOW for window in self.windows):
                raise ValueError(f"windows should be numbers from 1 to {_LONGEST_WINDOW}, but is {given}")
        return self

    @property
    def inputs(self) -> int:
        """Number of network inputs: one a grid cell and window."""
        return self.dims[0] * self.dims[1] * self.window_count

    @property
    def window_count(self) -> int:
        """Number of windows."""
        return len(self.windows or (1,))

    def for_kind(self, kind: NetworkKind) -> "InputParameters":
        """The same with what is left to the kind of network settled: encoding, windows, and how pixels are normalised."""
        prototype = kind == "prototype"
        encoding = self.encoding or ("sqrt" if prototype else "log")
        windows = self.windows or ((1, 2, 4) if prototype else (1,))
        normalise = self.normalise or ("causal" if prototype else "none")
        return self.model_copy(update={"encoding": encoding, "windows": windows, "normalise": normalise})

    def for_frames(self, size: tuple[int, int]) -> "InputParameters":
        """The same with roi_dim settled to frames of (height, width) pixels.

        Raises:
            BadInput: the frames are of another size, or dims does not divide it.
        """
        if self.roi_dim is not None and self.roi_dim != size:
            raise BadInput(
                f"roi_dim is {_text(self.roi_dim)}, but the event frames are {_text(size)} (rows x columns): "
                "give the frames' size, or leave roi_dim out."
            )
        settled = self.model_copy(update={"roi_dim": size})
        settled.cell_size  # noqa: B018  (checks that dims divides the region)
        return settled

    @property
    def cell_size(self) -> tuple[int, int]:
        """Rows and columns of pixels in one grid cell."""
        if self.roi_dim is None:
            raise ValueError("roi_dim is not settled yet: call for_frames first")
        if self.roi_dim[0] % self.dims[0] or self.roi_dim[1] % self.dims[1]:
            raise BadInput(
                f"dims {_text(self.dims)} does not divide the region of {_text(self.roi_dim)} pixels (rows x columns): "
                f"choose divisors of {self.roi_dim[0]} and {self.roi_dim[1]}."
            )
        return self.roi_dim[0] // self.dims[0], self.roi_dim[1] // self.dims[1]

    def selected_pixels(self) -> NDArray[np.int64]:
        """Flat row-major indices, within the region, of the pixel that stands for each cell: (inputs,)."""
        height, width = self.cell_size
        back = 0 if self.cell == "centre" else 1
        rows = np.arange(self.dims[0]) * height + max(height // 2 - back, 0)
        columns = np.arange(self.dims[1]) * width + max(width // 2 - back, 0)
        region = self.roi_dim or self.dims
        return (rows[:, None] * region[1] + columns).reshape(-1)


def _text(pair: tuple[int, int]) -> str:
    return f"{pair[0]}x{pair[1]}"


def select(frames: NDArray[np.uint8], parameters: InputParameters) -> NDArray[np.float32]:
    """One count a grid cell of each frame.

    Args:
        frames: (frames, height, width) uint8.
        parameters: settled for this size (InputParameters.for_frames).

    Returns:
        (frames, inputs) float32 in 0..255.

    Raises:
        BadInput: dims does not divide the region.
    """
    count, height, width = frames.shape
    settled = parameters.for_frames((height, width))
    if settled.cell != "mean":
        return frames.reshape(count, -1)[:, settled.selected_pixels()].astype(np.float32)
    rows, columns = settled.cell_size
    cells = frames.reshape(count, settled.dims[0], rows, settled.dims[1], columns)
    sums = cells.sum(axis=(2, 4), dtype=np.uint32)
    return np.asarray(sums / np.float32(rows * columns), np.float32).reshape(count, -1)


def encode(counts: NDArray[np.float32], encoding: Encoding) -> NDArray[np.float32]:
    """Event counts as network inputs in [0, 1], frame by frame.

    gamma is LENS's training transform, x^g clipped to 255 with g = ln(127.5) / ln(mean(x)); it is left out where the mean
    is at most 1, where g would be undefined or negative and invert the frame. sqrt and log compress the counts:
    sqrt(x / 255) and ln(1 + x) / ln(256).

    Args:
        counts: (frames, inputs) float32 in 0..255.
        encoding: the transform.

    Returns:
        (frames, inputs) float32 in [0, 1].
    """
    if encoding == "sqrt":
        return np.asarray(np.sqrt(counts / np.float32(255)), np.float32)
    if encoding == "log":
        return (np.log1p(counts) / np.float32(math.log(256))).astype(np.float32)
    if encoding == "gamma":
        means = counts.mean(axis=1, dtype=np.float64)
        bright = means > 1
        gamma = np.ones_like(means)
        gamma[bright] = math.log(127.5) / np.log(means[bright])
        with np.errstate(over="ignore"):  # a mean just over 1 gives a huge power, and what overflows is clipped
            counts = np.clip(counts ** gamma[:, None].astype(np.float32), 0, 255)
    return np.asarray(counts / np.float32(255), np.float32)


def trailing_means(counts: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The mean of each frame and the length - 1 before it, of those that there are: (frames, ...) to (frames, ...)."""
    total = counts.copy()
    for back in range(1, min(length, len(counts))):
        total[back:] += counts[:-back]
    held = np.minimum(np.arange(1, len(counts) + 1), length).astype(np.float32)
    return np.asarray(total / held.reshape(-1, *[1] * (counts.ndim - 1)), np.float32)


def windowed_inputs(frames: NDArray[np.uint8], parameters: InputParameters, encoding: Encoding) -> NDArray[np.float32]:
    """Encoded frames, one window after the other side by side: (frames, inputs) float32 in [0, 1]."""
    counts = select(frames, parameters)
    parts = [encode(counts if window == 1 else trailing_means(counts, window), encoding) for window in parameters.windows or (1,)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def training_inputs(frames: NDArray[np.uint8], parameters: InputParameters) -> NDArray[np.float32]:
    """Reference frames as encoded inputs: (frames, inputs) float32 in [0, 1], not yet normalised (see engine.frames.encoder)."""
    return windowed_inputs(frames, parameters, parameters.encoding or "log")


def query_inputs(frames: NDArray[np.uint8], parameters: InputParameters) -> NDArray[np.float32]:
    """Query frames as encoded inputs: (frames, inputs) float32 in [0, 1], not yet normalised (see engine.frames.encoder)."""
    return windowed_inputs(frames, parameters, query_encoding(parameters))


def query_encoding(parameters: InputParameters) -> Encoding:
    """How query frames are encoded."""
    return (parameters.encoding or "log") if parameters.query_encoding == "same" else parameters.query_encoding
