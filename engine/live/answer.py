"""What a live run says of one window, and the figures that it keeps."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.chip.target import WindowSpikes

_LATENCIES = 1000
"""Windows over which latencies are told: 100 s at ten answers a second."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One window, recognised.

    Attributes:
        target: number of the target in the run: 0, or 1 for the ghost.
        number: of the window in this run, from 0; skipped ones are counted too.
        start_us, end_us: of the window.
        place, confidence, lost: see engine.live.matching.Match.
        latency_s: from the reading of the window's last event to this answer.
        seen: share of the window's time in which no event was lost on the way.
        spikes: what the target gave.
        scores: (places,) what the place was chosen by.
        frame: (height, width) uint8 event frame of the window, as this computer counted it.
    """

    target: int
    number: int
    start_us: int
    end_us: int
    place: int
    confidence: float
    lost: bool
    latency_s: float
    seen: float
    spikes: WindowSpikes
    scores: NDArray[np.float32]
    frame: NDArray[np.uint8]

    def line(self) -> dict[str, Any]:
        """For a robot: one line of JSON."""
        return {
            "time_us": self.end_us,
            "place": self.place,
            "confidence": round(self.confidence, 4),
            "lost": self.lost,
            "latency_ms": round(1000 * self.latency_s, 3),
        }


@dataclass(frozen=True)
class LiveTotals:
    """A run in figures, so far or at its end; the last line of `revisit-cli deploy`.

    Attributes:
        places: answers given; lost: of these, those told as lost.
        skipped: windows passed over because this computer was too slow.
        events: that reached the network; missed: lost on the way to it; late: that came out of order or after their step.
        seconds: of the events' time.
        latency_ms_p50, latency_ms_p95: None before the first answer.
        synops_per_place, energy_uj_per_place: means; None where the target cannot tell; energy_measured: or estimated.
        behind: how often a subscriber fell so far behind that lines were dropped for it.
    """

    places: int = 0
    lost: int = 0
    skipped: int = 0
    events: int = 0
    missed: int = 0
    late: int = 0
    seconds: float = 0.0
    latency_ms_p50: float | None = None
    latency_ms_p95: float | None = None
    synops_per_place: float | None = None
    energy_uj_per_place: float | None = None
    energy_measured: bool = False
    behind: int = 0


class Tally:
    """Keeps the figures of one target's answers. Not locked: one thread adds, others may read `totals` and be a window behind."""

    def __init__(self) -> None:
        self.places = self.lost = 0
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._synops = self._energy_j = 0.0
        self._with_synops = self._with_energy = 0
        self._measured = False

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        self.places += 1
        self.lost += answer.lost
        self._latencies.append(answer.latency_s)
        if answer.spikes.synops is not None:
            self._synops += answer.spikes.synops
            self._with_synops += 1
        power = answer.spikes.power
        if power is not None:
            self._energy_j += power.energy_j
            self._with_energy += 1
            self._measured = power.measured

    def totals(self) -> dict[str, Any]:
        """The fields of LiveTotals that follow from the answers."""
        latencies = np.array(self._latencies, np.float64)
        return {
            "places": self.places,
            "lost": self.lost,
            "latency_ms_p50": round(1000 * float(np.percentile(latencies, 50)), 3) if len(latencies) else None,
            "latency_ms_p95": round(1000 * float(np.percentile(latencies, 95)), 3) if len(latencies) else None,
            "synops_per_place": self._synops / self._with_synops if self._with_synops else None,
            "energy_uj_per_place": 1e6 * self._energy_j / self._with_energy if self._with_energy else None,
            "energy_measured": self._measured,
        }
