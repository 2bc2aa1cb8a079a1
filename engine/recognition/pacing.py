"""Long work in short calls: a job that answers to cancel and tells how far it is."""

import time
from collections.abc import Callable

from engine.jobs import CancelToken, Emit, Progress, Throttle

_TARGET = 0.08  # seconds a call; a job must answer within 0.3 s
_GROWTH = 8


def in_chunks(
    total: int, work: Callable[[int, int], None], stage: str, unit: str, emit: Emit, cancel: CancelToken | None, *, first: int = 1
) -> None:
    """Call work(start, stop) over [0, total) in chunks of about 0.08 s.

    Args:
        total: how many units there are.
        work: does units [start, stop); its results must not depend on how they are cut.
        stage: name of the stage, for Progress.
        unit: name of the units, for Progress.
        emit: hears Progress, ten times a second at most, and once at the end.
        cancel: checked before every chunk.
        first: size of the first chunk; later ones follow the time that it took.

    Raises:
        JobCancelled: the job was asked to stop.
    """
    throttle = Throttle()
    start, size = 0, max(1, first)
    while start < total:
        if cancel is not None:
            cancel.check()
        stop = min(start + size, total)
        began = time.perf_counter()
        work(start, stop)
        taken = max(time.perf_counter() - began, 1e-6)
        size = max(1, min(int((stop - start) * _TARGET / taken), _GROWTH * (stop - start)))
        start = stop
        if start < total and throttle.ready():
            emit(Progress(stage, start, total, unit))
    emit(Progress(stage, total, total, unit))
