"""The job runner: progress, cancel, failure, two at once, a flood, and the drawer that shows them."""

import threading
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.jobs import Job, JobRunner, State, duration
from app.theme import Theme
from app.widgets.job_drawer import JOB_ROLE, JobDrawer, progress_text, time_text
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Metric, Notice, Progress
from tests.waiting import PATIENCE_S


@pytest.fixture
def runner(qapp: object, qtbot: QtBot) -> JobRunner:
    made = JobRunner()
    yield made
    made.cancel_all()
    qtbot.waitUntil(lambda: not made.running)
    made.deleteLater()


@pytest.fixture
def drawer(runner: JobRunner, theme: Theme, qtbot: QtBot) -> JobDrawer:
    made = JobDrawer(runner, theme)
    qtbot.addWidget(made)
    made.resize(900, 240)
    made.show()
    return made


def until_cancelled(emit: Emit, cancel: CancelToken) -> None:
    step = 0
    while True:
        cancel.check()
        step += 1
        emit(Progress("Counting", step, 10_000))
        time.sleep(0.005)


def test_a_job_reports_and_returns(runner: JobRunner, qtbot: QtBot) -> None:
    seen: list[object] = []

    def work(emit: Emit, cancel: CancelToken) -> int:
        emit(Progress("Reading", 1, 4))
        emit(Notice("Three gaps."))
        emit(Metric("loss", 7, {"value": 0.5}))
        emit(Progress("Writing", 4, 4))
        return threading.get_ident()

    job = runner.start("Bin", work)
    job.metricReported.connect(seen.append)
    job.noticed.connect(seen.append)
    with qtbot.waitSignal(job.ended):
        pass
    assert job.state is State.FINISHED and job.fraction == 1.0
    assert job.result not in (None, threading.get_ident()), "it ran in a thread of its own"
    assert [type(event) for event in seen] == [Notice, Metric]
    assert [line.split("  ")[1] for line in job.log] == ["Reading", "Three gaps.", "Writing", "Finished."]
    assert not runner._timer.isActive(), "an idle runner costs nothing"


def test_cancel_ends_a_job_without_anything_else_happening(runner: JobRunner, qtbot: QtBot) -> None:
    job = runner.start("Count", until_cancelled)
    qtbot.waitUntil(lambda: job.progress is not None)
    job.cancel()
    assert job.state is State.STOPPING
    assert job._thread is not None
    job._thread.join(PATIENCE_S)  # the window does nothing meanwhile
    job._drain()
    assert job.state is State.CANCELLED


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BadInput("night.aedat4 is cut off: copy it again."), "night.aedat4 is cut off: copy it again."),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (SystemExit(), "SystemExit"),
    ],
)
def test_a_failure_has_a_sentence_and_a_report(runner: JobRunner, qtbot: QtBot, error: BaseException, sentence: str) -> None:
    def work(emit: Emit, cancel: CancelToken) -> None:
        raise error

    job = runner.start("Read night", work)
    with qtbot.waitSignal(job.ended):
        pass
    assert job.state is State.FAILED and job.error == sentence
    assert "Read night" in job.report and type(error).__name__ in job.report and "numpy: " in job.report
    assert job.log[-1].endswith(sentence)


def test_two_jobs_at_once_and_all_ended_once(runner: JobRunner, qtbot: QtBot) -> None:
    ends: list[int] = []
    runner.allEnded.connect(lambda: ends.append(len(runner.running)))
    first, second = runner.start("One", until_cancelled), runner.start("Two", until_cancelled)
    qtbot.waitUntil(lambda: first.progress is not None and second.progress is not None)
    with qtbot.waitSignal(first.ended):
        first.cancel()
    assert second.state is State.RUNNING and ends == []
    with qtbot.waitSignal(runner.allEnded):
        runner.cancel_all()
    assert ends == [0] and second.state is State.CANCELLED


def test_a_flood_of_events_does_not_hold_the_window(runner: JobRunner, qtbot: QtBot) -> None:
    many = 60_000

    def flood(emit: Emit, cancel: CancelToken) -> None:
        for step in range(many):
            emit(Progress("Flooding", step + 1, many))

    job = runner.start("Flood", flood)
    assert job._thread is not None
    job._thread.join()
    began = time.thread_time()
    job._drain()
    assert time.thread_time() - began < 0.1  # of the processor's time
    assert job.state is State.RUNNING
    qtbot.waitUntil(lambda: job.state.ended)
    assert job.progress == Progress("Flooding", many, many)


def test_time_left_follows_the_present_stage(runner: JobRunner, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.jobs.time.monotonic", lambda: now[0])
    job = Job(1, "Train", runner)
    job._events.put(Progress("Feature layer", 0, 100))
    job._drain()
    assert job.remaining_s is None
    now[0] = 110.0
    job._events.put(Progress("Feature layer", 20, 100))
    job._drain()
    assert job.remaining_s == pytest.approx(40.0)
    assert time_text(job) == "40 s left" and progress_text(job) == "20 %  Feature layer"
    job._events.put(Progress("Output layer", 0, 50))
    job._drain()
    assert job.remaining_s is None and job.elapsed_s == pytest.approx(10.0)


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_drawer_by_clicks(drawer: JobDrawer, runner: JobRunner, qtbot: QtBot) -> None:
    assert drawer.empty.isVisible() and not drawer.cancel.isEnabled()
    job = runner.start("Count", until_cancelled)
    assert drawer.job is job and drawer.table.isVisible() and not drawer.empty.isVisible()
    qtbot.waitUntil(lambda: "Counting" in drawer.log.toPlainText())
    with qtbot.waitSignal(job.ended):
        qtbot.mouseClick(drawer.cancel, Qt.MouseButton.LeftButton)
    assert "Cancelled." in drawer.log.toPlainText()

    def fails(emit: Emit, cancel: CancelToken) -> None:
        raise BadInput("The disk is full: free some space.")

    failed = runner.start("Write", fails)
    with qtbot.waitSignal(failed.ended):
        pass
    assert drawer.job is failed and drawer.error.text() == "The disk is full: free some space."
    qtbot.mouseClick(drawer.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == failed.report
    row = drawer.model.index(1, 0)
    assert row.data(JOB_ROLE) is job and row.data() == "Count"
    qtbot.mouseClick(drawer.table.viewport(), Qt.MouseButton.LeftButton, pos=drawer.table.visualRect(row).center())
    assert drawer.job is job and not drawer.copy.isVisible() and not drawer.error.isVisible()
    qtbot.mouseClick(drawer.clear, Qt.MouseButton.LeftButton)
    assert runner.jobs == () and drawer.empty.isVisible() and drawer.job is None


def test_the_log_keeps_up_beyond_its_length(drawer: JobDrawer, runner: JobRunner, qtbot: QtBot) -> None:
    def talks(emit: Emit, cancel: CancelToken) -> None:
        for number in range(5000):
            emit(Notice(f"line {number}"))

    job = runner.start("Talk", talks)
    with qtbot.waitSignal(job.ended):
        pass
    lines = drawer.log.toPlainText().splitlines()
    assert len(job.log) == 2000 and len(lines) == 2000
    assert lines[-1].endswith("Finished.") and lines[-2].endswith("line 4999")


def test_reading_another_log_is_not_disturbed_by_a_new_job(drawer: JobDrawer, runner: JobRunner) -> None:
    first = runner.start("One", until_cancelled)
    runner.start("Two", until_cancelled)
    assert drawer.job is first
