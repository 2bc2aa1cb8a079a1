"""Events that a program makes, in real time: the simulated camera behind the interface of a real one."""

from collections.abc import Callable, Iterator

from engine.events.array import EventArray
from engine.events.sources.buffer import DEFAULT_CAPACITY, Policy
from engine.events.sources.paced import PacedSource


class SyntheticSource(PacedSource):
    """Plays chunks of events as their time stamps fall due.

    Args:
        make_chunks: called in the feeder's thread at each start (and each loop); gives chunks in order of time. Each should
            take less than 0.5 s to make, since stop() waits for it.
        size: (width, height) of the sensor in pixels.
        name, factor, loop, capacity, policy: see PacedSource.
    """

    def __init__(
        self,
        make_chunks: Callable[[], Iterator[EventArray]],
        size: tuple[int, int],
        *,
        name: str = "The synthetic camera",
        factor: float | None = 1.0,
        loop: bool = False,
        capacity: int = DEFAULT_CAPACITY,
        policy: Policy = "block",
    ) -> None:
        super().__init__(name, factor=factor, loop=loop, capacity=capacity, policy=policy)
        self._make_chunks = make_chunks
        self._size = size

    def _open(self) -> tuple[int, int]:
        return self._size

    def _chunks(self, start_us: int | None) -> Iterator[EventArray]:
        return self._make_chunks()
