"""Pixel values to spikes: every step, an input fires with the probability that its value says (Bernoulli rate coding).

Draws and probabilities are integers, so that the compiled loops and their twin agree bit for bit: an input of probability p
fires where a draw u of k random bits is less than ceil(p 2^k); p = 1 always fires and p = 0 never.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.parameters import Parameters, parameter

LENS_SEED = 50
_OWN_BITS, _LENS_BITS = 32, 24
_CHUNK = 1 << 22  # draws of the shared field made at once


class SpikingParameters(Parameters):
    """How frames become spikes."""

    timebin: int = parameter(250, "Steps of the simulation that each query is shown for.", unit="steps", ge=1, le=100_000)
    field: Literal["own", "lens"] = parameter(
        "own", 'Random draws: "own" gives every frame its own, "lens" shows all frames through the one field that LENS uses.'
    )
    seed: int = parameter(0, "Seed of the draws of the own field.", ge=0, le=2**64 - 1)


@dataclass(frozen=True)
class Selection:
    """Which pixels of the region the inputs are: what LENS's shared field needs, as it covers the whole region.

    Attributes:
        pixels: (inputs,) indices into the flattened region, row by row.
        region: pixels in the whole region (height times width).
    """

    pixels: NDArray[np.int64]
    region: int


def encode(
    rates: NDArray[Any], parameters: SpikingParameters, selection: Selection | None = None, *, first_frame: int = 0
) -> NDArray[np.bool_]:
    """Spike rasters of frames, the very bits that `simulate` shows to the network.

    Args:
        rates: (frames, inputs) uint8 pixel values, 255 firing at every step, or float32 or float64 probabilities in [0, 1].
        parameters: steps, random field and seed.
        selection: the inputs' pixels; needed for the field "lens".
        first_frame: number of the first frame: the own field is drawn by the frame's number, the input's and the step's.

    Returns:
        (frames, timebin, inputs) bool.

    Raises:
        BadInput: rates out of [0, 1] or of another type, or no selection where the field needs one.
    """
    thresholds = firing_thresholds(rates, parameters.field)
    field = draw_field(parameters, thresholds.shape[1], selection)
    words = native.encode_spikes(thresholds, field, parameters.seed, first_frame, parameters.timebin)
    bits = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), axis=2, bitorder="little")
    return bits[:, :, : parameters.timebin].transpose(0, 2, 1).astype(np.bool_)


def firing_thresholds(rates: NDArray[Any], field: str) -> NDArray[np.uint64]:
    """Integer firing thresholds (frames, inputs): a draw below fires; 0 to 2^32, or to 2^24 for LENS's field.

    Raises:
        BadInput: rates that are not two-dimensional, of another type, NaN, or out of [0, 1].
    """
    rates = np.asarray(rates, order="C")
    if rates.ndim != 2:
        raise BadInput(f"Rates must be frames x inputs, but have {rates.ndim} dimension(s): flatten every frame to one row.")
    table = _LENS_TABLE if field == "lens" else _OWN_TABLE
    if rates.dtype == np.uint8:
        return np.asarray(table[rates])
    if rates.dtype not in (np.float32, np.float64):
        raise BadInput(f"Rates must be uint8 pixel values or float probabilities, but are {rates.dtype}: convert them.")
    if not bool(((rates >= 0) & (rates <= 1)).all()):  # a NaN fails both
        raise BadInput("Rates must be probabilities between 0 and 1, but some are not: scale them, or give uint8 pixel values.")
    bits = _LENS_BITS if field == "lens" else _OWN_BITS
    return np.ceil(np.ldexp(rates.astype(np.float64), bits)).astype(np.uint64)


def draw_field(
    parameters: SpikingParameters, inputs: int, selection: Selection | None, cancel: CancelToken | None = None
) -> NDArray[np.uint32]:
    """The shared field's draws (inputs, steps rounded up to 64), or an empty array where every frame has its own.

    Raises:
        BadInput: the field "lens" without a selection, or with one that does not fit.
        JobCancelled: the job was asked to stop.
    """
    if parameters.field != "lens":
        return np.empty((0, 0), np.uint32)
    if selection is None:
        raise BadInput('The field "lens" needs to know which pixels the inputs are: choose the field "own" for other inputs.')
    pixels = np.ascontiguousarray(selection.pixels, np.int64)
    if pixels.shape != (inputs,):
        raise BadInput(f"The selection has {pixels.size} pixels, but there are {inputs} inputs: they must be the same.")
    if inputs and not 0 <= int(pixels.min()) <= int(pixels.max()) < selection.region:
        raise BadInput(f"The selection has pixels outside its region of {selection.region} pixels: check the region of interest.")
    key = (parameters.timebin, selection.region, pixels.tobytes())
    if _kept.get("key") != key:
        _kept.update(key=key, field=_lens_field(parameters.timebin, pixels, selection.region, cancel))
    field: NDArray[np.uint32] = _kept["field"]
    return field


def _lens_field(timebin: int, pixels: NDArray[np.int64], region: int, cancel: CancelToken | None) -> NDArray[np.uint32]:
    """The selected columns of torch.manual_seed(50); torch.rand(timebin, region), times 2^24.

    torch's CPU generator is MT19937, its uniform float32 the low 24 bits of each output (torch, "TransformationHelper.h").
    """
    field = np.zeros((len(pixels), (timebin + 63) // 64 * 64), np.uint32)
    generator = np.random.RandomState(LENS_SEED)  # the legacy generator: its stream is torch's
    rows = max(1, _CHUNK // region)
    for first in range(0, timebin, rows):
        if cancel is not None:
            cancel.check()
        count = min(rows, timebin - first)
        draws = generator.randint(0, 2**32, (count, region), np.uint32)
        field[:, first : first + count] = draws[:, pixels].T & 0xFFFFFF
    field.setflags(write=False)
    return field


def _table(bits: int) -> NDArray[np.uint64]:
    # In float32, as LENS divides: a pixel value fires in the same steps as the float32 probability that it stands for.
    shares = np.arange(256, dtype=np.float32) / np.float32(255)
    return np.ceil(np.ldexp(shares.astype(np.float64), bits)).astype(np.uint64)


_OWN_TABLE, _LENS_TABLE = _table(_OWN_BITS), _table(_LENS_BITS)
_kept: dict[str, Any] = {}  # the last shared field: one workspace asks for the same again and again
