"""How often plots are drawn beside a training: by a share of the time, and never not at all."""

import pytest

from app.widgets import training_live
from app.widgets.training_live import DrawingCredit


class Clock:
    """A clock, and the work of this thread, that stand until they are moved."""

    def __init__(self) -> None:
        self.now = self.worked = 0.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.worked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(training_live, "time", clock)
    return clock


def drawn_in(clock: Clock, seconds: float, plot_s: float, other_share: float = 0.0) -> float:
    """How many plots are drawn, where each takes its time and the thread is busy otherwise for a share of it."""
    credit, drawn = DrawingCredit(), 0
    for _ in range(round(seconds / 0.1)):
        clock.now += 0.1
        clock.worked += 0.1 * other_share
        if credit.allows():
            drawn += 1
            clock.worked += plot_s
    return drawn


def test_drawing_takes_its_share_of_the_time(clock: Clock) -> None:
    drawn = drawn_in(clock, 100, 0.004)
    assert 0.9 <= drawn * 0.004 / 100 / training_live._SHARE <= 1.01


def test_what_else_the_window_works_counts(clock: Clock) -> None:
    drawn = drawn_in(clock, 100, 0.004, other_share=0.6 * training_live._SHARE)
    assert 0.35 <= drawn * 0.004 / 100 / training_live._SHARE <= 0.45


def test_a_busy_window_still_draws_once_a_second(clock: Clock) -> None:
    assert 90 <= drawn_in(clock, 100, 0.004, other_share=0.5) <= 110


def test_work_before_a_training_is_forgotten(clock: Clock) -> None:
    credit = DrawingCredit()
    clock.now, clock.worked = 10.0, 9.0
    credit.restart()
    clock.now = 10.1
    assert credit.allows()
