"""The deploy job: a source through a network to places, until the source ends, a time has passed, or somebody stops it."""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.capture.pipeline import CapturePipeline
from engine.events.hot_pixels import read_hot_pixels
from engine.events.sources import EventSource, PacedSource
from engine.events.sources.source import SourceState
from engine.jobs import CancelToken, Emit, Notice
from engine.live.answer import Answer, LiveTotals
from engine.live.ghost import GhostFigures
from engine.live.model import LiveModel
from engine.live.parameters import LiveParameters
from engine.live.pipeline import LivePipeline
from engine.live.targets import MakeLiveTarget, make_target
from engine.parameters import Parameters, parameter

_LINES = 1000
_LOOK_S = 0.05
_RETRY_S = 1.0


class DeployParameters(Parameters):
    """How long a live run goes on, and where its answers go."""

    duration_s: float | None = parameter(
        None, "How long to run, in the events' time; left out: until the source ends or Ctrl-C.", unit="s", gt=0, le=1e8
    )
    publish: str = parameter("", "Also publish the places over ZeroMQ at this address, such as tcp://127.0.0.1:7780.")
    session: Path | None = parameter(None, "Write the session (events, spikes, places) to this new folder.")
    keep_events: bool = parameter(True, "The session holds the raw events too.")
    hot_pixels: Path | None = parameter(None, "Text file of hot pixels, one 'x,y' a line, that are left out.")
    retry: bool = parameter(False, "Start a source that was cut once more, every second, instead of ending with it.")


@dataclass(frozen=True)
class Deployed:
    """How a run ended: its totals, a sentence where it was cut short, and how a ghost compared."""

    totals: LiveTotals
    problem: str
    ghost: GhostFigures | None = None


def deploy(
    source: EventSource,
    model: LiveModel,
    live: LiveParameters,
    parameters: DeployParameters,
    on_place: Callable[[Answer], None],
    emit: Emit,
    cancel: CancelToken,
    make: MakeLiveTarget = make_target,
) -> Deployed:
    """Run a network live.

    Args:
        source: not started. A recording that plays as fast as it is read loses nothing: it waits for the network.
        model: the network.
        live: how events become places.
        parameters: how long, and where else the answers go.
        on_place: gets each place, in this thread. If it is too slow, places are left out and counted, or (see source) wait.
        emit: gets notices.
        cancel: ends the run; what there was is returned.
        make: makes targets.

    Raises:
        BadInput: a parameter does not fit, or a file cannot be read.
    """
    keep_all = isinstance(source, PacedSource) and source.factor is None
    lines: queue.Queue[Answer] = queue.Queue(_LINES)
    left_out = 0
    stopped = False

    def listen(answer: Answer) -> None:
        nonlocal left_out
        while True:
            try:
                lines.put(answer, timeout=_LOOK_S if keep_all else 0.001)
                return
            except queue.Full:
                if stopped or not keep_all:
                    left_out += 1
                    return

    window_us = model.window_us(live.window_ms)
    capture = CapturePipeline(source, live.capture(window_us, live.region), pictures=False, keep_all=keep_all)
    pipeline = LivePipeline(
        capture,
        model,
        live,
        session=parameters.session,
        keep_events=parameters.keep_events,
        publish=parameters.publish,
        duration_s=parameters.duration_s,
        listener=listen,
        make=make,
    )
    if pipeline.publisher is not None:
        emit(Notice(f"Publishing at {pipeline.publisher.address}."))
    begun = False
    try:
        pipeline.start()
        if parameters.hot_pixels is not None:
            _mark_hot_pixels(capture, parameters.hot_pixels, cancel)
        capture.start()
        problem = _watch(capture, pipeline, parameters, lines, on_place, emit, cancel)
        begun = True
    finally:
        stopped = True
        capture.stop()
        totals = pipeline.stop()
    while not lines.empty():
        on_place(lines.get_nowait())
    if begun and pipeline.session is not None:
        emit(Notice(f"Session: {pipeline.session.folder}"))
    if left_out:
        emit(Notice(f"{left_out} places were not printed, because whoever reads them is too slow.", "warning"))
    return Deployed(totals, problem, pipeline.ghost()[0])


def _watch(
    capture: CapturePipeline,
    pipeline: LivePipeline,
    parameters: DeployParameters,
    lines: "queue.Queue[Answer]",
    on_place: Callable[[Answer], None],
    emit: Emit,
    cancel: CancelToken,
) -> str:
    """Hand places on until the run is over; returns why it was cut short, or ""."""
    told: set[str] = set()
    next_try = 0.0
    while True:
        over = pipeline.finished  # before the lines are taken: what was said by then is there
        try:
            while True:
                on_place(lines.get(timeout=_LOOK_S) if not over else lines.get_nowait())
                if cancel.cancelled:
                    return ""
        except queue.Empty:
            pass
        if cancel.cancelled:
            return ""
        for note in [pipeline.problem, *pipeline.notes]:
            kind = note.translate(_NO_DIGITS)
            if note and kind not in told:
                told.add(kind)
                emit(Notice(note, "warning"))
        state = capture.state
        if parameters.retry and capture.size is not None and state is SourceState.FAILED and not pipeline.workers[0].failed:
            if over and time.monotonic() >= next_try:
                next_try = time.monotonic() + _RETRY_S
                emit(Notice(f"{capture.message} Trying again.", "warning"))
                pipeline.expect_more()
                capture.retry()
            continue
        if pipeline.workers[0].failed or (pipeline.problem and pipeline.workers[0].target is None):
            return pipeline.problem
        if over or (not state.active and capture.size is None):
            return capture.message if state is SourceState.FAILED else pipeline.problem


def _mark_hot_pixels(capture: CapturePipeline, path: Path, cancel: CancelToken) -> None:
    """Before the first event is filtered; a source that does not come to run tells so later."""
    capture.source.start()
    while capture.source.state is SourceState.STARTING and not cancel.cancelled:
        capture.source.wait(SourceState.RUNNING, SourceState.FAILED, SourceState.ENDED, timeout_s=_LOOK_S)
    if capture.size is not None:
        mask = read_hot_pixels(path, capture.size)
        capture.hot_pixels = frozenset((int(x), int(y)) for y, x in zip(*mask.nonzero(), strict=True))


_NO_DIGITS = str.maketrans("", "", "0123456789")
