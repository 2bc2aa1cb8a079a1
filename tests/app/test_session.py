"""The session: one workspace, its writer, the selection, the live figures."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.session import Live, Selection, Session
from engine.errors import BadInput
from engine.places.lock import NAME, WorkspaceLock


@pytest.fixture
def session(qapp: object) -> Session:
    made = Session()
    yield made
    made.close()
    made.deleteLater()


def test_opening_takes_the_lock_and_closing_gives_it_back(session: Session, workspace: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignals([session.workspaceOpened, session.writableChanged]):
        session.open(workspace)
    assert session.writable and (workspace / NAME).exists()
    session.select(dataset="street", reference="day")
    with qtbot.waitSignals([session.workspaceClosed, session.selectionChanged]):
        session.close()
    assert not (workspace / NAME).exists() and session.selection == Selection()


def test_the_second_window_reads_only_until_the_first_is_closed(session: Session, workspace: Path, qtbot: QtBot) -> None:
    first = WorkspaceLock.take(workspace)
    session.open(workspace)
    assert not session.writable and "process" in session.read_only_reason
    assert not session.try_writing()
    first.release()
    with qtbot.waitSignal(session.writableChanged):
        assert session.try_writing()
    assert session.read_only_reason == ""


def test_the_folder_of_datasets_opens_the_same_workspace_and_keeps_the_lock(
    session: Session, workspace: Path, qtbot: QtBot
) -> None:
    session.open(workspace)
    with qtbot.assertNotEmitted(session.workspaceClosed):
        session.open(workspace / "dataset")
    assert session.writable


def test_a_wrong_folder_leaves_the_open_workspace(session: Session, workspace: Path) -> None:
    session.open(workspace)
    with pytest.raises(BadInput, match="is not a folder"):
        session.open(workspace / "missing")
    assert session.workspace is not None and session.workspace.root == workspace and session.writable


def test_facts_are_told_once(session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.liveChanged) as live:
        session.report_live(events_per_second=1e6, frames_dropped=2)
    assert live.args == [Live(1e6, 2)]
    with qtbot.assertNotEmitted(session.liveChanged):
        session.report_live(frames_dropped=2)
    with qtbot.waitSignal(session.liveChanged) as live:
        session.report_live()
    assert live.args == [Live()]
    with qtbot.waitSignal(session.selectionChanged):
        session.select(query="night")
    with qtbot.assertNotEmitted(session.selectionChanged):
        session.select(query="night")


def test_a_result_is_chosen_for_the_evaluation_panel_and_forgotten_with_its_workspace(
    session: Session, workspace: Path, qtbot: QtBot
) -> None:
    session.open(workspace)
    assert session.result is None
    with qtbot.waitSignal(session.resultChosen) as heard:
        session.show_result(workspace / "output" / "now")
    assert heard.args == [workspace / "output" / "now"] and session.result == workspace / "output" / "now"
    session.close()
    assert session.result is None
