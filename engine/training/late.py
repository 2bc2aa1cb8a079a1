"""Validations that would hold a training up, made after it: networks as they were at the epochs that were due."""

import time
from collections.abc import Callable

from engine.jobs import Emit, Progress
from engine.networks.ensemble import LensEnsemble, together
from engine.networks.lens import LensNetwork
from engine.training.budget import Budget

LATE = "Judging epochs in between"
"""Stage of the Progress of validations that are made when the training is over."""

_SECONDS_A_BYTE = 1e-9  # of keeping a network
_FREE_TO_KEEP, _MOST_KEPT = 1 << 20, 256 << 20  # bytes of networks that take no time worth counting; and at most
_SHARE, _SECONDS = 0.1, (2.0, 10.0)  # of the training's time that judging them may take after it, within bounds


class LateValidations:
    """Keeps networks while a training runs, as far as its budget has time for it, and has them judged afterwards."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._kept: list[tuple[int, tuple[LensNetwork, ...]]] = []  # by steps

    def keep(self, step: int, size: int, networks: Callable[[], tuple[LensNetwork, ...]]) -> None:
        """Keep a network if there is time; where there are too many already, every other one goes.

        Args:
            step: that it has learned, larger than those before.
            size: bytes of the part of it that is copied.
            networks: makes the copy; several where windows have networks of their own.
        """
        if len(self._kept) * size > _MOST_KEPT:
            del self._kept[1::2]

        def keep() -> None:
            self._kept.append((step, networks()))

        if (len(self._kept) + 1) * size <= _FREE_TO_KEEP:
            keep()
        else:
            self._budget.run("network kept", keep, _SECONDS_A_BYTE * size)

    def drop(self, step: int) -> bool:
        """Leave the last one out if it is of this step, since it is judged otherwise; whether it was."""
        found = bool(self._kept) and self._kept[-1][0] == step
        if found:
            self._kept.pop()
        return found

    def judge(self, judge: Callable[[LensNetwork | LensEnsemble, int], None], emit: Emit, go_on: Callable[[], bool]) -> None:
        """Have those that were kept judged, once, in an order in which any number of them lies evenly over the training.

        It takes a tenth of the training's time, 2 to 10 seconds.

        Args:
            judge: is given a network and its step.
            emit: hears Progress (stage LATE, in validations).
            go_on: asked before each; one that says no ends it.
        """
        low, high = _SECONDS
        until = time.monotonic() + min(max(_SHARE * self._budget.elapsed_s, low), high)
        kept, self._kept, made = self._kept, [], 0
        for at in _spread_out(len(kept)):
            if not go_on() or time.monotonic() > until:
                break
            emit(Progress(LATE, made, len(kept), "validations"))
            step, networks = kept[at]
            judge(together(networks), step)
            made += 1
        if kept:
            emit(Progress(LATE, made, made, "validations"))


def _spread_out(count: int) -> list[int]:
    """The numbers below a count in van der Corput's order: 0, a half, a quarter, three quarters, ..."""
    bits = max(1, (count - 1).bit_length())
    order = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [number for number in order if number < count]
