"""Event frames of traverses, read off the UI thread and kept as long as there is room."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.errors import BadInput
from engine.frames.png import read_frame
from engine.places.traverse import Traverse

log = logging.getLogger(__name__)

Frame = NDArray[np.uint8]
Key = tuple[str, str]  # folder, file
_WAITING = 2048
_LIMIT_MIB = 192


class FrameCache(QObject):
    """Asks for frames by traverse and number; what is not there yet is read in a thread, the newest wish first.

    The thread ends when nothing is left to read, so a cache that rests costs nothing. Wishes beyond the newest 2,048 are
    forgotten: whoever still needs them asks again. `prepare`, if given, turns each frame in the thread into what is kept, such
    as a thumbnail. `close` when the view stops.
    """

    frameReady = Signal(str, int)  # the traverse's folder, the frame's number in its index
    frameFailed = Signal(str, int, str)  # the same, and a sentence

    _arrived = Signal()

    def __init__(
        self,
        parent: QObject | None = None,
        limit_mib: float = _LIMIT_MIB,
        prepare: Callable[[Frame], Frame] | None = None,
    ) -> None:
        super().__init__(parent)
        self._prepare = prepare
        self.setObjectName("frameCache")
        self._limit = int(limit_mib * 2**20)
        self._frames: OrderedDict[Key, Frame] = OrderedDict()
        self._problems: dict[Key, str] = {}
        self._bytes = 0
        self._lock = threading.Lock()
        self._wishes: OrderedDict[Key, tuple[Traverse, int]] = OrderedDict()
        self._results: deque[tuple[Key, int, Frame | str]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._epoch = 0
        self._arrived.connect(self._on_arrived)

    def frame(self, traverse: Traverse, number: int) -> Frame | None:
        """The (height, width) uint8 frame; None where it is not there yet, then frameReady or frameFailed follows."""
        key = _key(traverse, number)
        found = self._frames.get(key)
        if found is not None:
            self._frames.move_to_end(key)
            return found
        if key not in self._problems:
            self._ask(key, traverse, number)
        return None

    def problem(self, traverse: Traverse, number: int) -> str:
        """Why a frame cannot be read; "" while nothing is known against it."""
        return self._problems.get(_key(traverse, number), "")

    @property
    def used_bytes(self) -> int:
        """Memory that the kept frames take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._frames)

    def forget(self) -> None:
        """Read everything anew when it is asked for: the files may have changed."""
        with self._lock:
            self._wishes.clear()
            self._results.clear()
            self._epoch += 1
        self._frames.clear()
        self._problems.clear()
        self._bytes = 0

    def close(self) -> None:
        """Stop reading; nothing is told any more."""
        with self._lock:
            self._closed = True
            self._wishes.clear()
            thread = self._thread
        if thread is not None:
            thread.join()
        self.forget()

    def _ask(self, key: Key, traverse: Traverse, number: int) -> None:
        with self._lock:
            if self._closed:
                return
            self._wishes[key] = (traverse, number)
            self._wishes.move_to_end(key)
            while len(self._wishes) > _WAITING:
                self._wishes.popitem(last=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._read, name="frames", daemon=True)
                self._thread.start()

    def _read(self) -> None:
        while True:
            with self._lock:
                if not self._wishes:
                    self._thread = None
                    return
                key, (traverse, number) = self._wishes.popitem()
                epoch = self._epoch
            result: Frame | str
            try:
                result = read_frame(traverse.folder / key[1])
                if self._prepare is not None:
                    result = self._prepare(result)
            except BadInput as error:
                result = str(error)
            except Exception as error:  # told in the view, as any frame that cannot be read
                log.exception("%s cannot be read", key)
                result = f"{key[1]} cannot be read ({type(error).__name__}: {error})."
            with self._lock:
                if self._closed or epoch != self._epoch:
                    continue
                first = not self._results
                self._results.append((key, number, result))
            if first:
                try:
                    self._arrived.emit()
                except RuntimeError:  # the window is gone
                    return

    def _on_arrived(self) -> None:
        with self._lock:
            arrived = list(self._results)
            self._results.clear()
        for key, _, result in arrived:
            if isinstance(result, str):
                self._problems[key] = result
            else:
                self._keep(key, result)
        for key, number, result in arrived:
            if isinstance(result, str):
                self.frameFailed.emit(key[0], number, result)
            else:
                self.frameReady.emit(key[0], number)

    def _keep(self, key: Key, frame: Frame) -> None:
        old: Any = self._frames.pop(key, None)
        self._bytes += frame.nbytes - (0 if old is None else old.nbytes)
        self._frames[key] = frame
        while self._bytes > self._limit and len(self._frames) > 1:
            _, dropped = self._frames.popitem(last=False)
            self._bytes -= dropped.nbytes


def _key(traverse: Traverse, number: int) -> Key:
    return str(traverse.folder), traverse.rows[number].image
