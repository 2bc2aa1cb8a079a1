"""Several reference traverses in the Training panel: choosing them, the plan, training, taking up again, merging two runs."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QInputDialog, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from app.views.training import TrainingView
from app.window import MainWindow
from engine.places.ground_truth import save_ground_truth
from engine.places.workspace import Workspace
from tests.app.capture_help import choose
from tests.app.training_help import CONTROL, LEFT, at_row, click, open_training, part, show_tab, train, until
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, small_workspace
from tests.training.test_several import THIRD, film, frames_of, noisy


@pytest.fixture
def lab(tmp_path: Path) -> Workspace:
    """monday, tuesday (with a ground truth), and wednesday of 15 frames, of whose places nothing is known."""
    made = small_workspace(tmp_path / "lab", places=20)
    film(made, THIRD, noisy(frames_of(made, REFERENCE), 7)[:15])
    return made


@pytest.fixture
def view(window: MainWindow, lab: Workspace, qtbot: QtBot) -> TrainingView:
    made = open_training(qtbot, window, lab)
    setup = made.parts.setup
    setup.choose_kind("prototype")
    setup.inputs_form.set_values({"dims": (8, 8)})
    setup.edited.emit()
    until(qtbot, lambda: made.setup.plan is not None and made.setup.plan.kind == "prototype")
    return made


def text(window: MainWindow, name: str) -> str:
    label = part(window, name)
    assert isinstance(label, QLabel)
    return label.text()


def last_layer(view: TrainingView) -> tuple[int, int] | None:
    plan = view.setup.plan
    return None if plan is None else (plan.places, plan.layers[-1].neurons)


def test_one_traverse_is_as_simple_as_ever_and_a_button_adds_another(
    window: MainWindow, view: TrainingView, qtbot: QtBot
) -> None:
    references = view.parts.setup.references
    assert not references.route.isVisible() and not references.radius_form.isVisible() and not references.boxes
    choose(qtbot, view.parts.setup.query, THIRD)
    click(qtbot, window, "referenceAdd")
    assert references.further == (QUERY,), "the validation query is offered last"
    assert view.parts.setup.query.currentText() == THIRD and view.parts.setup.query.findText(QUERY) < 0
    assert references.route.isVisible() and references.radius_form.isVisible()
    until(qtbot, lambda: last_layer(view) == (20, 40))
    assert "by monday_tuesday_GT.npy" in text(window, "referenceNotes")
    click(qtbot, window, "referenceAdd")
    assert references.further == (QUERY, THIRD) and not part(window, "referenceAdd").isEnabled()
    until(qtbot, lambda: "make a ground truth with monday as reference and wednesday" in view.setup.problem)
    assert not view.parts.buttons.start.isEnabled(), "nothing is trained on a guess"
    choose(qtbot, references.route, "One after another")
    until(qtbot, lambda: last_layer(view) == (55, 55))
    assert not references.radius_form.isVisible()
    choose(qtbot, references.boxes[1], THIRD)
    removed = window.findChild(QToolButton, "furtherRemove1")
    assert removed is not None
    qtbot.mouseClick(removed, LEFT)
    assert references.further == (QUERY,) and references.boxes[0].currentText() == QUERY
    until(qtbot, lambda: last_layer(view) == (40, 40))


def test_the_panel_says_which_ground_truths_judge_a_map_of_stretches(
    window: MainWindow, view: TrainingView, lab: Workspace, qtbot: QtBot
) -> None:
    choose(qtbot, view.parts.setup.query, THIRD)
    click(qtbot, window, "referenceAdd")
    choose(qtbot, view.parts.setup.references.route, "One after another")
    assert "no ground truth of monday or tuesday and wednesday" in text(window, "validationTruth")
    save_ground_truth(lab.ground_truth_file(DATASET, CAMERA, QUERY, THIRD), np.eye(20, 15))
    window.session.note_content_changed()
    until(qtbot, lambda: "tuesday_wednesday_GT.npy; none with monday" in text(window, "validationTruth"))


def test_a_run_of_two_is_taken_up_again_with_both(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    references = view.parts.setup.references
    click(qtbot, window, "referenceAdd")
    choose(qtbot, references.boxes[0], QUERY)
    until(qtbot, lambda: last_layer(view) == (20, 40))
    run = train(qtbot, window, view)
    assert run.info.selection["further"] == [QUERY] and run.info.samples == 40 and run.info.name == "monday+tuesday"
    removed = window.findChild(QToolButton, "furtherRemove0")
    assert removed is not None
    show_tab(qtbot, window, "trainingSetupTabs", "Data")
    qtbot.mouseClick(removed, LEFT)
    assert references.further == ()
    show_tab(qtbot, window, "trainingTabs", "Runs")
    qtbot.mouseClick(view.parts.runs.table.viewport(), LEFT, pos=at_row(view, 0))
    assert "20 places of monday + tuesday (40 frames)" in text(window, "runsCompared")
    click(qtbot, window, "runAgain")
    assert references.further == (QUERY,) and references.chosen_route == "same"


def test_two_runs_become_one_map(window: MainWindow, view: TrainingView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    merge = window.findChild(QPushButton, "runMerge")
    assert merge is not None
    train(qtbot, window, view)
    choose(qtbot, view.parts.setup.reference, QUERY)
    until(qtbot, lambda: view.setup.plan is not None and view.parts.buttons.start.isEnabled())
    train(qtbot, window, view)
    show_tab(qtbot, window, "trainingTabs", "Runs")
    table = view.parts.runs.table.viewport()
    qtbot.mouseClick(table, LEFT, pos=at_row(view, 0))
    assert not merge.isEnabled() and "Choose two runs" in merge.toolTip()
    qtbot.mouseClick(table, LEFT, CONTROL, at_row(view, 1))
    assert merge.isEnabled()
    asked: list[list[str]] = []
    monkeypatch.setattr(QInputDialog, "getItem", lambda *given: (asked.append(given[3]), (given[3][0], True))[1])
    qtbot.mouseClick(merge, LEFT)
    until(qtbot, lambda: len(view.parts.runs.model.runs) == 3)
    assert {item.partition(":")[0] for item in asked[0]} == {REFERENCE, QUERY}
    until(qtbot, lambda: [run.reference for run in view.parts.runs.chosen] in (["monday + tuesday"], ["tuesday + monday"]))
    (made,) = view.parts.runs.chosen
    assert (made.info.places, made.info.samples) == (20, 40) and made.network is not None
    until(qtbot, lambda: not view.parts.runs.show_plots.isEnabled())  # it was not trained and has no curves
