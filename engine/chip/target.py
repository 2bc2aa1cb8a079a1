"""What runs a network on events: the virtual chip, the chip itself, or the CPU, behind one interface.

A target is fed with events in the order of their time stamps and asked now and then for the window that ends at a time: which
output neurons fired how often in the last `window_us`. Windows may overlap: asking every 100 ms for 1 s slides.

Coordinates: a target is fed with events in the coordinates of the region, x and y from 0 at its top left pixel, as the region
filter gives them. Events off the region are dropped and counted, never an error.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engine.chip.limits import RAILS
from engine.events.array import EventArray

DEFAULT_WINDOW_US = 1_000_000
TargetKind = Literal["cpu", "virtual", "speck"]


@dataclass(frozen=True)
class LayerActivity:
    """How much a layer fired in a window.

    Attributes:
        name: "inputs", "features" or "places".
        core: the core that it is on, or None on the CPU.
        neurons: of the layer.
        spikes: in the window.
        rate_hz: spikes a neuron and second.
    """

    name: str
    core: int | None
    neurons: int
    spikes: int
    rate_hz: float


@dataclass(frozen=True)
class PowerReading:
    """Power over a window.

    Attributes:
        watts: (5,) mean of each rail, in the order of engine.chip.limits.RAILS.
        measured: by the board's monitor; else estimated with the constants of engine.chip.power.
        seconds: that it is the mean over.
    """

    watts: NDArray[np.float64]
    measured: bool
    seconds: float

    @property
    def total_w(self) -> float:
        """All rails together."""
        return float(self.watts.sum())

    @property
    def energy_j(self) -> float:
        """Energy of the window."""
        return self.total_w * self.seconds

    @property
    def label(self) -> str:
        """What a plot must say beside it."""
        return "measured" if self.measured else "estimated"

    def by_rail(self) -> dict[str, float]:
        """Watts by the rail's name."""
        return dict(zip(RAILS, map(float, self.watts), strict=True))


def _no_times() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


def _no_places() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True)
class WindowSpikes:
    """What a target gave in one window.

    Attributes:
        end_us: end of the window; an event at this time belongs to the next one.
        window_us: its length.
        counts: (places,) float32: output spikes of each place in [end - window, end), higher is more alike. A target that
            reads membranes too may add a part below one spike to tell equal counts apart.
        input_events: events that the target took in the window.
        layers: activity by layer, of those that can be seen.
        synops: synaptic operations in the window; None where they cannot be counted.
        power: None where nothing is known.
        spike_times, spike_places: (n,) output spikes since the window asked for before, for the raster; int64 us and int32.
        notes: what a person should know of this window (states that reached their end, spikes lost).
    """

    end_us: int
    window_us: int
    counts: NDArray[np.float32]
    input_events: int
    layers: tuple[LayerActivity, ...] = ()
    synops: int | None = None
    power: PowerReading | None = None
    spike_times: NDArray[np.int64] = field(default_factory=_no_times)
    spike_places: NDArray[np.int32] = field(default_factory=_no_places)
    notes: tuple[str, ...] = ()


@runtime_checkable
class Target(Protocol):
    """What the live pipeline drives; one thread at a time.

    start(), then feed() and window() in any order, then stop(), which may be called twice; start() begins anew after stop().
    A device that fails raises engine.chip.target.TargetFailed from any of them, with one sentence.
    """

    @property
    def name(self) -> str:
        """For a person: "Virtual Speck", "CPU", "Speck 2f dev kit"."""

    @property
    def kind(self) -> TargetKind:
        """As named on the command line."""

    @property
    def places(self) -> int:
        """Output neurons."""

    @property
    def window_us(self) -> int:
        """Length of every window."""

    @property
    def takes_events(self) -> bool:
        """Whether feed() is how it sees; False for a chip that looks through its own camera."""

    def start(self) -> None:
        """Get ready: states at rest, nothing counted."""

    def feed(self, events: EventArray) -> None:
        """Take events of the region (engine.events.array.EVENT_DTYPE), none earlier than those before.

        Polarity makes no difference: the chip merges ON and OFF. An event earlier than one before it is taken as happening at
        the latest time so far.
        """

    def window(self, end_us: int) -> WindowSpikes:
        """The window that ends at end_us; ends never go back."""

    def reset(self) -> None:
        """Put every state at rest and forget all spikes, without stopping."""

    def stop(self) -> None:
        """Give the device or the memory back."""


class TargetFailed(Exception):  # noqa: N818  (like BadInput)
    """A target cannot go on (unplugged, driver missing): one sentence for a person, which becomes a state on screen."""
