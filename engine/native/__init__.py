"""The compiled loops, or their NumPy twins where no compiler was there.

This is the only module that imports the extension. REVISIT_NATIVE=off forces the twins; baseline or avx2 forces a
vector variant (otherwise the best one that the processor has is taken when the module loads).
"""

import os
import warnings
from types import ModuleType
from typing import Any

from engine.native.twins import recordings as _recordings

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


decode_evt2 = _pick("decode_evt2", _recordings.decode_evt2)
decode_evt3 = _pick("decode_evt3", _recordings.decode_evt3)
parse_events = _pick("parse_events", _recordings.parse_events)
format_events = _pick("format_events", _recordings.format_events)
check_events = _pick("check_events", _recordings.check_events)
