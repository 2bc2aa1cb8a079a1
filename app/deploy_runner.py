"""A live run on behalf of the Deploy panel: network, source and targets, drained 30 times a second, ended without waiting."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.background import Background, Question
from app.capture_runner import TICK_MS, CaptureRunner
from engine.capture import CaptureParameters
from engine.errors import BadInput
from engine.events.sources import ReplaySource
from engine.jobs import CancelToken, noting
from engine.live import Answer, LiveModel, LiveParameters, LivePipeline, LiveTotals, make_target, open_model
from engine.live.known import KnownRoute, known_route, recording_for
from engine.live.targets import MakeLiveTarget
from engine.places.workspace import Workspace

_FIGURES_EVERY = 6  # ticks
_LONGEST_WAIT_S = 2.0  # for a panel that is not painted, because nobody looks at it


@dataclass(frozen=True)
class OpenedModel:
    """A network that was opened, what was said about it, and a recording that suits it."""

    model: LiveModel
    notices: tuple[str, ...]
    recording: Path | None


@dataclass(frozen=True)
class Ended:
    """A run that is over: its figures, and the session's folder if one was written."""

    totals: LiveTotals
    session: Path | None
    problem: str
    remembered: int  # places that were added to the network
    live: LivePipeline


class DeployRunner(QObject):
    """Owns a CaptureRunner for the source, and at most one live run on it. Everything that may wait is in the background."""

    modelOpened = Signal(object)  # OpenedModel
    modelFailed = Signal(str)
    runStarted = Signal()
    runFailed = Signal(str)  # it could not begin
    runEnded = Signal(object)  # Ended
    answersArrived = Signal(object)  # list of Answer of the first target, oldest first
    figuresArrived = Signal(object, object)  # LiveTotals, list of sentences (problems first)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("deployRunner")
        self.capture = CaptureRunner(self)
        self._background = Background(self)
        self._model_asked = Question(self._background, "Open the network")
        self._painted = threading.Event()
        self.model: LiveModel | None = None
        self.live: LivePipeline | None = None
        self.known: KnownRoute | None = None
        self.make: MakeLiveTarget = make_target  # a board's own, once one was found
        self._last_us: int | None = None
        self._ticks = 0
        self._ending = False
        self._timer = QTimer(self)
        self._timer.setObjectName("deployTick")
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def opening(self) -> bool:
        """Whether a network is being opened."""
        return self._model_asked.open

    @property
    def running(self) -> bool:
        """Whether a run is on, or about to end."""
        return self.live is not None

    # -- the network

    def open_model(self, path: Path, workspace: Workspace, seed: int) -> None:
        """Open a network once the panel is painted; modelOpened or modelFailed follows. An older wish is forgotten."""
        self.model = None

        def work(cancel: CancelToken) -> OpenedModel:
            notices: list[str] = []
            self._painted.wait(_LONGEST_WAIT_S)
            model = open_model(path, workspace, seed, noting(notices), cancel)
            cancel.check()
            return OpenedModel(model, tuple(notices), recording_for(workspace, model))

        self._model_asked.ask(work, self._on_opened, self.modelFailed.emit)

    def note_painted(self) -> None:
        """The panel is on the screen.

        While torch's library is loaded the system's loader is locked, and a window that needs a plugin or a font for its first
        paint would stand still for a quarter of a second.
        """
        self._painted.set()

    def forget_model(self) -> None:
        """No network is chosen."""
        self._model_asked.give_up()
        self.model = None
        self.known = None

    def look_up_route(self, workspace: Workspace | None, recording: Path | None) -> None:
        """Find out where a recording truly is; `known` is there soon, if anybody knows."""
        self.known = None
        model = self.model
        if workspace is not None and recording is not None and model is not None:
            place = recording
            self._background.run(
                "Look up the route", lambda cancel: known_route(workspace, model, place), self._on_known, lambda sentence: None
            )

    # -- the run

    def start(self, parameters: LiveParameters, session: Path | None, keep_events: bool, publish: str) -> None:
        """Recognise on the open source; runStarted or runFailed follows at once."""
        pipeline, model = self.capture.pipeline, self.model
        if pipeline is None or model is None or self.live is not None:
            return
        try:
            live = LivePipeline(
                pipeline, model, parameters, session=session, keep_events=keep_events, publish=publish, make=self.make
            )
        except BadInput as wrong:
            self.runFailed.emit(str(wrong))
            return
        self.live, self._last_us, self._ticks, self._ending = live, None, 0, False
        live.start()
        self._timer.start()
        self.runStarted.emit()

    def stop_run(self) -> None:
        """End the run; runEnded follows."""
        live = self.live
        if live is None or self._ending:
            return
        self._ending = True
        self._background.run("End the run", lambda cancel: _ended(live), self._on_ended, self._on_end_failed)

    def close_source(self) -> None:
        """End the run and close the source."""
        self.stop_run()
        self.capture.close()

    def stop(self) -> None:
        """The window closes: finish and join everything."""
        self._timer.stop()
        self._painted.set()
        live, self.live = self.live, None
        if live is not None:
            live.stop()
        self.capture.stop()
        self._background.stop(timeout_s=20.0)

    def in_background(self, name: str, function: Any, done: Any, failed: Any) -> None:
        """Run something that waits (a driver, a disk); done(result) or failed(sentence) follows."""
        self._background.run(name, function, done, failed)

    # -- 30 times a second

    def tick(self) -> None:
        """Hand on what is new."""
        live = self.live
        if live is None:
            return
        answers: list[Answer] = live.answers_since(self._last_us)
        if answers:
            self._last_us = answers[-1].end_us
            self.answersArrived.emit(answers)
        if self._ticks % _FIGURES_EVERY == 0:
            self.figuresArrived.emit(live.totals(), [live.problem, *live.notes] if live.problem else live.notes)
        self._ticks += 1

    # -- handlers

    def _on_opened(self, opened: OpenedModel) -> None:
        self.model = opened.model
        self.modelOpened.emit(opened)

    def _on_known(self, route: KnownRoute | None) -> None:
        replay = self.capture.replay
        if route is not None and isinstance(replay, ReplaySource) and replay.time_range is not None:
            route = KnownRoute(route.query, route.starts_us, route.window_us, route.first, route.last, replay.time_range)
        self.known = route

    def _on_ended(self, ended: Ended) -> None:
        self.tick()  # what was said until the end
        self._timer.stop()
        self.live = None
        self.runEnded.emit(ended)

    def _on_end_failed(self, sentence: str) -> None:
        self._timer.stop()
        self.live = None
        self.runFailed.emit(sentence)


def _ended(live: LivePipeline) -> Ended:
    totals = live.stop()
    problems = [kept.problem for kept in (live.session, live.events) if kept is not None and kept.problem]
    folder = live.session.folder if live.session is not None else None
    return Ended(totals, folder, live.problem or " ".join(problems), len(live.remembered), live)


def capture_parameters(parameters: LiveParameters, model: LiveModel | None, size: tuple[int, int] | None) -> CaptureParameters:
    """What the source is watched with: the run's filters and polarity, its window, and its region once the sensor is known."""
    window_us = model.window_us(parameters.window_ms) if model is not None else 1_000_000
    region = None
    if model is not None and size is not None:
        try:
            region = model.region_on(size, parameters.region)
        except BadInput:  # the pre-flight list says so
            region = None
    return parameters.capture(window_us, region)
