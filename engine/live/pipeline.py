"""Live recognition: a capture pipeline's filtered events, through one or two targets, to places; and where they go.

    capture = CapturePipeline(source, ...)
    live = LivePipeline(capture, model, parameters, session=folder)
    live.start(); capture.start()
    ...
    for answer in live.answers_since(last): ...
    totals = live.stop()

Threads: the capture pipeline's two, one a target, one for the session's windows and one for its events. Every queue between
them is bounded; a target that is too slow skips windows and says so.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.capture.pipeline import CapturePipeline
from engine.errors import BadInput
from engine.events.checks import Size
from engine.events.sources.source import SourceState
from engine.live.answer import Answer, LiveTotals
from engine.live.cpu import CpuTarget
from engine.live.ghost import GhostComparison, GhostFigures
from engine.live.keeper import EventsKeeper
from engine.live.matching import Matcher, make_matcher
from engine.live.model import LiveModel
from engine.live.parameters import LiveParameters, TargetKind, steps_in
from engine.live.publish import Publisher
from engine.live.session import SessionWriter
from engine.live.targets import MakeLiveTarget, make_target
from engine.live.worker import Fit, Remembered, TargetWorker
from engine.recognition.forward_filter import learn_motion
from engine.recognition.run_network import NetworkRunner

_KEPT_ANSWERS = 600
_KEPT_BYTES = 64 << 20
_SLOW_S = 3.0
"""Skipped windows are news for so long."""


class LivePipeline:
    """Runs from start() to stop(), once.

    Args:
        capture: filters the events; started and stopped by whoever made it.
        model: the network.
        parameters: see LiveParameters.
        session: a folder to write the session to, made at start(); None writes none.
        keep_events: the session holds the raw events too.
        publish: an address to publish answers at over ZeroMQ; "" publishes none.
        duration_s: of events, after which it has finished.
        listener: called with each answer of the first target, in its thread; it must not wait, unless nothing may be passed over.
        make: makes targets by their kind; a Speck board brings its own (engine.live.speck).

    Raises:
        BadInput: the step does not divide the window, the session's folder cannot be made, the address cannot be bound.
    """

    def __init__(
        self,
        capture: CapturePipeline,
        model: LiveModel,
        parameters: LiveParameters,
        *,
        session: Path | None = None,
        keep_events: bool = True,
        publish: str = "",
        duration_s: float | None = None,
        listener: Callable[[Answer], None] | None = None,
        make: MakeLiveTarget = make_target,
    ) -> None:
        self.capture, self.model, self.parameters = capture, model, parameters
        self.window_us = model.window_us(parameters.window_ms)
        try:
            self.steps = steps_in(self.window_us, parameters.step_us)
        except ValueError as wrong:
            raise BadInput(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from None
        self._make, self._listener, self._duration_s = make, listener, duration_s
        self._lock, self._stopping = threading.Lock(), threading.Lock()
        room = _KEPT_BYTES // (8 * model.places)
        self._answers: deque[Answer] = deque(maxlen=max(min(_KEPT_ANSWERS, room), 20))
        self._last: dict[int, Answer] = {}
        self._ghost = GhostComparison()
        self._skips: deque[tuple[float, int, int]] = deque()
        self._totals: LiveTotals | None = None
        self._grown: NetworkRunner | None = None
        self.publisher = Publisher(publish) if publish else None
        self.session: SessionWriter | None = None
        self.events: EventsKeeper | None = None
        try:
            if session is not None:
                self._open_session(session, keep_events)
        except (OSError, BadInput) as error:
            if self.publisher is not None:
                self.publisher.close()
            if isinstance(error, BadInput):
                raise
            reason = "it is there already" if isinstance(error, FileExistsError) else error.strerror
            raise BadInput(f"The session {session} cannot be made ({reason}): name another folder.") from None
        kinds: list[TargetKind] = [parameters.target]
        if parameters.ghost != "none":
            kinds.append(parameters.ghost)
        self.workers = [self._worker(index, kind) for index, kind in enumerate(kinds)]

    # life

    def start(self) -> None:
        """Listen to the capture pipeline and recognise."""
        for worker in self.workers:
            worker.start()
            self.capture.listen(worker.offer)
        if self.events is not None:
            self.capture.listen_raw(self.events.put)

    def stop(self) -> LiveTotals:
        """End, finish the session, and say what there was; safe to call twice, and from two threads."""
        with self._stopping:
            if self._totals is None:
                self._totals = self._finish()
            return self._totals

    def _finish(self) -> LiveTotals:
        if self.events is not None:
            self.capture.unlisten_raw(self.events.put)
        for worker in self.workers:
            self.capture.unlisten(worker.offer)
        for worker in self.workers:
            worker.stop()
        target = self.workers[0].target
        if self.workers[0].remembered and isinstance(target, CpuTarget):
            self._grown = target.runner
        if self.events is not None:
            self.events.finish()
        totals = self.totals()
        if self.session is not None:
            self.session.finish({**vars(totals), **self._ghost_totals()})
        if self.publisher is not None:
            self.publisher.close()
        return totals

    @property
    def can_remember(self) -> bool:
        """Whether places can be added while it runs: a prototype network on the CPU."""
        return self.model.runner.kind == "prototype" and self.workers[0].kind == "cpu"

    def remember(self) -> None:
        """Add the present view to the network as a new place, at the end of the next window; `remembered` tells of it."""
        self.workers[0].remember()

    @property
    def places(self) -> int:
        """Places that the network has now."""
        return self.model.places + len(self.workers[0].remembered)

    @property
    def remembered(self) -> list[Remembered]:
        """The places that were added, oldest first."""
        return list(self.workers[0].remembered)

    def save_network(self, path: Path) -> None:
        """Write the network with the places that were added; after stop().

        Raises:
            BadInput: the network is not of prototypes, or nothing ran.
        """
        if self._grown is None:
            raise BadInput("No place was added to this network in this run.")
        self._grown.save(path)

    @property
    def running(self) -> bool:
        """Whether a target is at work."""
        return any(worker.running for worker in self.workers)

    @property
    def finished(self) -> bool:
        """Whether all that the source gave has been recognised and it gives no more, or the first target cannot go on."""
        return all(worker.ended.is_set() for worker in self.workers) or self.workers[0].failed

    def expect_more(self) -> None:
        """Said once it has finished, before the source is started again: `finished` then waits for the end of that."""
        for worker in self.workers:
            if not worker.failed:
                worker.ended.clear()

    # what there is to see

    @property
    def problem(self) -> str:
        """Why the first target gives no answers: a sentence, or ""."""
        return self.workers[0].problem

    @property
    def notes(self) -> list[str]:
        """What else a person should know now, a sentence each."""
        found = [f"Ghost: {worker.problem}" for worker in self.workers[1:] if worker.problem]
        found += [worker.note for worker in self.workers if worker.note]
        found += [kept.problem for kept in (self.session, self.events) if kept is not None and kept.problem]
        windows, skipped = self._recent_skips()
        if skipped:
            found.append(f"This computer is too slow for this: {skipped} of the last {windows} windows were skipped.")
        with self._lock:
            last = list(self._last.values())
        found += [note for answer in last for note in answer.spikes.notes]
        return found

    def answers_since(self, end_us: int | None, target: int = 0) -> list[Answer]:
        """The kept answers of a target after the one whose window ended at `end_us` (None: all), oldest first."""
        with self._lock:
            kept = [answer for answer in self._answers if answer.target == target]
        if end_us is None:
            return kept
        for back, answer in enumerate(reversed(kept)):
            if answer.end_us == end_us:
                return kept[len(kept) - back :]
        return kept

    def last(self, target: int = 0) -> Answer | None:
        """The newest answer of a target."""
        return self._last.get(target)

    def ghost(self) -> tuple[GhostFigures | None, NDArray[np.float64]]:
        """How the two targets compare: figures, and their history (see GhostComparison.history)."""
        with self._lock:
            return self._ghost.figures(), self._ghost.history()

    def totals(self) -> LiveTotals:
        """The run in figures, so far."""
        worker = self.workers[0]
        return LiveTotals(
            **worker.tally.totals(),
            skipped=worker.skipped,
            events=worker.events,
            missed=worker.missed,
            late=worker.late,
            seconds=round(worker.seconds, 6),
            behind=0 if self.publisher is None else self.publisher.behind,
        )

    # inside

    def _worker(self, index: int, kind: TargetKind) -> TargetWorker:
        return TargetWorker(
            index,
            kind,
            self.parameters,
            self._fit,
            lambda fit: self._make(kind, self.model, fit, self.parameters),
            self._matcher,
            self._on_answer,
            self._pace,
            keep_all=self.capture.keep_all,
            duration_s=self._duration_s,
        )

    def _fit(self, size: Size) -> Fit:
        return Fit(size, self.model.region_on(size, self.parameters.region), self.window_us, self.steps)

    def _matcher(self, places: int, steps: int) -> Matcher:
        known, forward = self.model.positions if self.parameters.learn_motion else None, self.parameters.forward
        if known is not None:
            forward = learn_motion(known.xy[:places], forward)
        return make_matcher(self.parameters, places, steps, forward, self.model.filter)

    def _pace(self) -> float | None:
        source = self.capture.source
        if source.state is not SourceState.RUNNING:
            return None
        pace: float | None = getattr(source, "factor", 1.0)
        return pace

    def _on_answer(self, answer: Answer) -> None:
        with self._lock:
            self._answers.append(answer)
            self._last[answer.target] = answer
            if len(self.workers) > 1:
                self._ghost.add(answer)
        if answer.target:
            return
        if self.session is not None:
            self.session.put(answer)
        if self.publisher is not None:
            self.publisher.send({**answer.line(), "window": answer.number})
        if self._listener is not None:
            self._listener(answer)

    def _open_session(self, folder: Path, keep_events: bool) -> None:
        content = {
            "parameters": self.parameters.model_dump(mode="json"),
            "window_us": self.window_us,
            "step_us": self.parameters.step_us,
            "places": self.model.places,
            "reference": self.model.reference_name,
            "reference_traverse": list(self.model.names) if self.model.names else None,
            "filter": self.model.filter,
            "inputs": self.model.runner.inputs.model_dump(mode="json"),
            "source": self.capture.source.name,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        self.session = SessionWriter(folder, self.model.places, content)
        if keep_events:
            self.events = EventsKeeper(folder, self.capture.source.name, wait=self.capture.keep_all)

    def _ghost_totals(self) -> dict[str, Any]:
        figures = self._ghost.figures()
        return {} if figures is None else {"ghost": vars(figures)}

    def _recent_skips(self) -> tuple[int, int]:
        """Windows of the last seconds, and how many of them were skipped."""
        worker, now = self.workers[0], time.monotonic()
        self._skips.append((now, worker.windows, worker.skipped))
        while len(self._skips) > 2 and now - self._skips[1][0] > _SLOW_S:
            self._skips.popleft()
        _, windows, skipped = self._skips[0]
        return worker.windows - windows, worker.skipped - skipped
