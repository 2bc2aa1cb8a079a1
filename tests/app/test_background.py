"""Short work in the background: its answers and failures come back, and of a question only the newest asking counts."""

import threading
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.background import Background, Question
from engine.errors import BadInput
from engine.jobs import CancelToken
from tests.waiting import PATIENCE_S


@pytest.fixture
def background(qapp: object) -> Iterator[Background]:
    parent = QObject()
    made = Background(parent)
    yield made
    made.stop()
    parent.deleteLater()


def raising(error: Exception) -> Callable[[CancelToken], None]:
    def work(cancel: CancelToken) -> None:
        raise error

    return work


def test_answers_come_back_in_the_windows_thread(background: Background, qtbot: QtBot) -> None:
    heard: list[tuple[object, int]] = []
    background.run("Ask", lambda cancel: threading.get_ident(), lambda found: heard.append((found, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(heard))
    ((worked, told),) = heard
    assert told == threading.get_ident() != worked


def test_failures_are_sentences(background: Background, qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    background.run("Read", raising(BadInput("a.txt is empty: choose another file.")), failed=said.append)
    qtbot.waitUntil(lambda: len(said) == 1)
    assert not caplog.records  # it is the user's to mend
    background.run("Read", raising(ValueError("seven")), failed=said.append)
    qtbot.waitUntil(lambda: len(said) == 2)
    assert said == ["a.txt is empty: choose another file.", "Read failed (ValueError: seven)."]
    assert [record.getMessage() for record in caplog.records] == ["Read failed"]


def test_only_the_newest_asking_counts(background: Background, qtbot: QtBot) -> None:
    question, heard, go_on = Question(background, "Look"), [], threading.Event()
    tokens: list[CancelToken] = []

    def slow(cancel: CancelToken) -> str:
        tokens.append(cancel)
        go_on.wait(PATIENCE_S)
        return "old"

    question.ask(slow, heard.append, heard.append)
    qtbot.waitUntil(lambda: bool(tokens))
    question.ask(lambda cancel: "new", heard.append)
    assert tokens[0].cancelled and question.open
    qtbot.waitUntil(lambda: heard == ["new"])
    assert not question.open
    go_on.set()
    qtbot.waitUntil(lambda: not background._running)
    assert heard == ["new"]


def test_a_question_that_is_given_up_is_not_answered(background: Background, qtbot: QtBot) -> None:
    question, heard = Question(background, "Look"), []
    question.give_up()  # nothing was asked
    question.ask(raising(BadInput("Too late.")), heard.append, heard.append)
    question.give_up()
    assert not question.open
    qtbot.waitUntil(lambda: not background._running)
    assert heard == []


def test_a_question_is_closed_when_its_answer_is_told_and_may_be_asked_again_there(background: Background, qtbot: QtBot) -> None:
    question, heard = Question(background, "Look"), []

    def answered(found: int) -> None:
        heard.append((found, question.open))
        if found < 3:
            question.ask(lambda cancel: found + 1, answered)

    question.ask(lambda cancel: 1, answered)
    qtbot.waitUntil(lambda: len(heard) == 3 and not background._running)
    assert heard == [(1, False), (2, False), (3, False)] and not question.open
