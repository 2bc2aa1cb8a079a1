"""The compiled loops, or their NumPy twins where no compiler was there.

This is the only module that imports the extension. REVISIT_NATIVE=off forces the twins; baseline or avx2 forces a
vector variant (otherwise the best one that the processor has is taken when the module loads).
"""

import os
import warnings
from types import ModuleType
from typing import Any

from engine.native.twins import (
    binning,
    chip,
    event_camera,
    filters,
    prototype,
    ranks,
    recordings,
    sad,
    spiking,
    training,
    world_view,
)

_native: ModuleType | None
_missing: str
if os.environ.get("REVISIT_NATIVE") == "off":
    _native, _missing = None, "REVISIT_NATIVE=off"
else:
    try:
        from engine.native import _native
    except ImportError as error:
        _native, _missing = None, str(error)
if _native is None:
    warnings.warn(
        f"Revisit runs WITHOUT its compiled loops ({_missing}): the NumPy twins take over, which give the same results "
        "hundreds of times slower; install Revisit where a C++ compiler is present to get them back.",
        RuntimeWarning,
        stacklevel=2,
    )


def variant() -> str:
    """Which build of the loops runs: "avx512", "avx2", "baseline", or "numpy" for the twins."""
    return "numpy" if _native is None else str(_native.variant())


def _pick(name: str, twin: Any) -> Any:
    """The compiled function of this name, or its NumPy twin."""
    return twin if _native is None else getattr(_native, name)


simulate_spiking = _pick("simulate_spiking", spiking.simulate_spiking)
simulate_prototypes = _pick("simulate_prototypes", prototype.simulate_prototypes)
regular_spikes = _pick("regular_spikes", prototype.regular_spikes)
prototype_readouts = _pick("prototype_readouts", prototype.prototype_readouts)
rank_scores = _pick("rank_scores", ranks.rank_scores)
encode_spikes = _pick("encode_spikes", spiking.encode_spikes)
sad_bytes = _pick("sad_bytes", sad.sad_bytes)
sad_floats = _pick("sad_floats", sad.sad_floats)
sad_probe = _pick("sad_probe", sad.sad_probe)
TrainingLayer = _pick("TrainingLayer", training.TrainingLayer)
training_operation_seconds = _pick("training_operation_seconds", training.training_operation_seconds)
camera_events = _pick("camera_events", event_camera.camera_events)
render_frames = _pick("render_frames", world_view.render_frames)
VirtualChip = _pick("VirtualChip", chip.VirtualChip)
count_slices = _pick("count_slices", binning.count_slices)
accumulate_counts = _pick("accumulate_counts", binning.accumulate_counts)
finish_counts = _pick("finish_counts", binning.finish_counts)
lower_bounds = _pick("lower_bounds", binning.lower_bounds)
count_backwards = _pick("count_backwards", binning.count_backwards)
update_surface = _pick("update_surface", binning.update_surface)
filter_mask = _pick("filter_mask", filters.filter_mask)
filter_polarity = _pick("filter_polarity", filters.filter_polarity)
filter_region = _pick("filter_region", filters.filter_region)
filter_refractory = _pick("filter_refractory", filters.filter_refractory)
filter_background = _pick("filter_background", filters.filter_background)
filter_flicker = _pick("filter_flicker", filters.filter_flicker)
filter_downsample = _pick("filter_downsample", filters.filter_downsample)
decode_evt2 = _pick("decode_evt2", recordings.decode_evt2)
decode_evt3 = _pick("decode_evt3", recordings.decode_evt3)
parse_events = _pick("parse_events", recordings.parse_events)
format_events = _pick("format_events", recordings.format_events)
check_events = _pick("check_events", recordings.check_events)
