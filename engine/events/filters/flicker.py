"""The flicker filter: lamps on the mains blink at 100 or 120 Hz, screens at 50 or 60 Hz, and their pixels fire in step with it.

Estimator. For each pixel and each frequency f a phasor z = sum of w_i s_i exp(-2 pi i f t_i) runs along, where s is +1 for ON
and -1 for OFF (one half of a period brightens, the other darkens, so both add up), and w = exp(-age / memory) forgets. With
n = sum of w_i, |z| / n is 1 for events in perfect step, 2 / pi for events spread over the right half of each period, and about
1 / sqrt(n) for events at random. A pixel flickers while n reaches min_events and |z| / n reaches the coherence at any frequency.
An event joins the sum only if the pixel's last sample is a quarter of the shortest period ago: the burst of one passing edge
counts once and must not look coherent. It is causal: nothing is delayed, and a lamp's first events pass until its pixel is sure.

Whole numbers throughout (phase in 1/256 of a period, ages in steps of 64 us, sums of 16 bits), so that every build gives the same
bits, and two pixels share a cache line.
"""

from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from engine import native
from engine.events.array import EventArray
from engine.events.checks import Size
from engine.events.filters.base import EventFilter
from engine.parameters import Parameters, parameter

_TICK_US = 64
_TONES = 4
_ONE = 1 << 15  # decays, in fixed point
_LEAST_UNIT = 16  # an event in the sums of 16 bits, at its coarsest
_PHASOR = np.dtype([("last", "<i8"), ("weight", "<i4"), ("flickers", "<i4"), ("sums", "<i2", (_TONES, 2))])


class FlickerParameters(Parameters):
    """Drop the events of pixels that blink with lamps or screens."""

    kind: Literal["flicker"] = "flicker"
    frequencies_hz: tuple[float, ...] = parameter(
        (50.0, 60.0, 100.0, 120.0), "Frequencies looked for, 4 at most.", unit="Hz", min_length=1, max_length=4
    )
    coherence: float = parameter(0.5, "Phase coherence from which a pixel flickers: 0 (random) to 1 (in step).", gt=0, le=1)
    min_events: int = parameter(
        20, "Events (periods, mostly) that a pixel must have in memory before it is judged.", ge=2, le=10_000
    )
    memory_ms: float = parameter(500.0, "Time in which a pixel forgets to 37 %.", unit="ms", ge=1, le=10_000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not all(0.1 <= frequency <= 1000 for frequency in self.frequencies_hz):
            raise ValueError(f"frequencies_hz {self.frequencies_hz} must lie between 0.1 and 1000 Hz")
        period_ms = 1000 / min(self.frequencies_hz)
        reached = 1 / -np.expm1(-period_ms / self.memory_ms)
        if self.min_events > reached:
            raise ValueError(
                f"memory_ms {self.memory_ms:g} holds only {int(reached)} periods of {min(self.frequencies_hz):g} Hz, fewer than "
                f"the {self.min_events} of min_events: lengthen the memory or ask for fewer events"
            )
        if self.unit < _LEAST_UNIT:
            raise ValueError(
                f"memory_ms {self.memory_ms:g} is too long beside {max(self.frequencies_hz):g} Hz: "
                f"shorten it to {int(1880 * self.dead_time_us / 1000)} ms or less"
            )
        return self

    @property
    def dead_time_us(self) -> int:
        """Least time between two samples of a pixel: a quarter of the shortest period."""
        return max(round(1e6 / max(self.frequencies_hz) / 4), 1)

    @property
    def unit(self) -> int:
        """What one event adds to the sums: the largest power of two with which the fullest memory fits 16 bits."""
        fullest = 1 / -np.expm1(-self.dead_time_us / (1000 * self.memory_ms))
        return 1 << max(int(np.log2(32_000 / fullest - 1)), 0)


class FlickerFilter(EventFilter):
    """Drops events while their pixel is in phase with one of the frequencies; the module's text says how that is told."""

    def __init__(self, parameters: FlickerParameters, size: Size) -> None:
        angle = 2 * np.pi * np.arange(256) / 256
        on = np.rint(parameters.unit * np.stack([np.cos(angle), -np.sin(angle)], axis=1)).astype(np.int16)
        self._wave = np.stack([-on, on])
        steps = [round(f * 2.0**64 / 1e6) for f in parameters.frequencies_hz]
        self._steps = np.array([*steps, *[steps[0]] * (_TONES - len(steps))], np.uint64)
        ticks = parameters.memory_ms * 1000 / _TICK_US
        self._fine = np.rint(_ONE * np.exp(-np.arange(64) / ticks)).astype(np.int32)
        self._coarse = np.rint(_ONE * np.exp(-64 * np.arange(int(11 * ticks / 64) + 1) / ticks)).astype(np.int32)
        self._dead_time_us, self._unit = parameters.dead_time_us, parameters.unit
        self._least_weight = parameters.min_events * parameters.unit
        self._coherence = round(4096 * parameters.coherence)
        super().__init__(parameters, size)

    def _forget(self) -> None:
        width, height = self.size
        # Two pixels a cache line: NumPy aligns to 16 bytes, so the first line may begin a little later.
        room = np.zeros(width * height * _PHASOR.itemsize + 64, np.uint8)
        shift = -room.ctypes.data % 64
        self._memory = room[shift : shift + width * height * _PHASOR.itemsize].view(_PHASOR).reshape(height, width)
        self._memory["last"] = np.iinfo(np.int64).min

    def _apply(self, events: EventArray, kept: EventArray, book: Any) -> int:
        return int(
            native.filter_flicker(
                events, kept, book, self._memory, self._dead_time_us, self._steps, self._wave, self._fine, self._coarse,
                self._unit, self._least_weight, self._coherence,
            )
        )  # fmt: skip

    def flickering(self) -> Any:
        """(height, width) bool: the pixels that flicker now."""
        return self._memory["flickers"] != 0
