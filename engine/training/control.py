"""What a person may ask of a running training besides cancelling it: to pause, to go on, to stop early."""

import threading

from engine.jobs import CancelToken

_LOOK_SECONDS = 0.05


class TrainingControl:
    """Set by the one who watches, heeded by the training between chunks of some hundredths of a second.

    Pausing holds the run where it is, with its state on disk. Stopping early ends it and keeps the network so far. Whoever
    cancels instead may say with `discard` that nothing shall be kept.

    Attributes:
        discard: what a cancelled run leaves behind is removed (else it can go on from its checkpoint). A run that was resumed
            stays as it was before.
        ended_early: the training heeded `stop` before its last step.
    """

    def __init__(self) -> None:
        self._going, self._stop = threading.Event(), threading.Event()
        self._going.set()
        self.discard = False
        self.ended_early = False

    @property
    def paused(self) -> bool:
        """Whether the training is to hold."""
        return not self._going.is_set()

    @property
    def stopped(self) -> bool:
        """Whether the training is to end and keep what it has."""
        return self._stop.is_set()

    def pause(self) -> None:
        """Hold at the end of the present chunk."""
        self._going.clear()

    def go_on(self) -> None:
        """End a pause."""
        self._going.set()

    def stop(self) -> None:
        """End now and keep the network so far."""
        self._stop.set()

    def wait(self, cancel: CancelToken) -> None:
        """Return when the pause ends, or the run is to stop or is cancelled."""
        while not (self._going.wait(_LOOK_SECONDS) or self._stop.is_set() or cancel.cancelled):
            pass
