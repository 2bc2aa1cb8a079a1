"""Short work off the UI thread that is no job: looking for cameras, closing a source. Its end comes back as a signal."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken

log = logging.getLogger(__name__)


def failure(name: str, error: Exception) -> str:
    """What is told of an error; one that is no BadInput's, and so is not the user's to mend, goes into the log as well."""
    if isinstance(error, BadInput):
        return str(error)
    log.error("%s failed", name, exc_info=error)
    return f"{name} failed ({type(error).__name__}: {error})."


class Background(QObject):
    """Runs functions in threads of their own, and says what became of each in the UI thread."""

    _ended = Signal(object, object)  # the call, its result or its exception

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("background")
        self._running: dict[
            object, tuple[threading.Thread, CancelToken, Callable[[Any], None] | None, Callable[[str], None] | None]
        ] = {}
        self._ended.connect(self._on_ended)

    def run(
        self,
        name: str,
        function: Callable[[CancelToken], Any],
        done: Callable[[Any], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> CancelToken:
        """Call function(cancel) in a thread; then done(result) or failed(sentence) in this one, unless it was cancelled."""
        key, cancel = object(), CancelToken()

        def work() -> None:
            try:
                result = function(cancel)
            except JobCancelled:
                result = None
            except Exception as error:
                result = error
            try:
                self._ended.emit(key, result)
            except RuntimeError:  # the window is gone
                log.debug("%s ended after its window", name)

        thread = threading.Thread(target=work, name=name, daemon=True)
        self._running[key] = (thread, cancel, done, failed)
        thread.start()
        return cancel

    def stop(self, timeout_s: float = 5.0) -> None:
        """Cancel and join everything; nothing is told any more."""
        running, self._running = self._running, {}
        for _, cancel, _, _ in running.values():
            cancel.cancel()
        for thread, _, _, _ in running.values():
            thread.join(timeout_s)

    def _on_ended(self, key: object, result: Any) -> None:
        entry = self._running.pop(key, None)
        if entry is None:
            return
        thread, cancel, done, failed = entry
        thread.join()
        if cancel.cancelled:
            return
        if isinstance(result, Exception):
            sentence = failure(thread.name, result)
            if failed is not None:
                failed(sentence)
        elif done is not None:
            done(result)


class Question:
    """Something to find out off the UI thread, of which only the newest asking counts: it gives up those before it."""

    def __init__(self, background: Background, name: str) -> None:
        self._background, self._name = background, name
        self._cancel: CancelToken | None = None

    @property
    def open(self) -> bool:
        """Whether an answer is awaited."""
        return self._cancel is not None

    def ask(
        self,
        function: Callable[[CancelToken], Any],
        done: Callable[[Any], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """As Background.run; the question is open until done or failed is called."""
        self.give_up()

        def answered(tell: Callable[[Any], None] | None) -> Callable[[Any], None]:
            def end(answer: Any) -> None:
                self._cancel = None
                if tell is not None:
                    tell(answer)

            return end

        self._cancel = self._background.run(self._name, function, answered(done), answered(failed))

    def give_up(self) -> None:
        """Nobody waits for the answer any more."""
        if self._cancel is not None:
            self._cancel.cancel()
            self._cancel = None
