"""How much of a training's time watching it may take."""

import time
from collections.abc import Callable

FIRST_GUESS = 0.02  # seconds of a costly work before it was done once


class Budget:
    """Lets costly work through while all of it together stays under a share of the time that has passed."""

    def __init__(self, share: float) -> None:
        self._share, self._spent, self._began = share, 0.0, time.monotonic()
        self._costs: dict[str, float] = {}

    @property
    def elapsed_s(self) -> float:
        """The time that has passed."""
        return time.monotonic() - self._began

    def run(self, name: str, work: Callable[[], None], guess: float = FIRST_GUESS) -> bool:
        """Do the work unless that would exceed the budget; whether it was done. A share of 1 lets everything through.

        Before it was done once, it is expected to take the seconds of `guess`.
        """
        expected = self._costs.get(name, guess)
        if self._share < 1 and self._spent + expected > self._share * self.elapsed_s:
            return False
        begun = time.perf_counter()
        work()
        self._costs[name] = time.perf_counter() - begun
        self._spent += self._costs[name]
        return True
