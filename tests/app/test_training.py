"""The Training panel by clicks and keys: settings, plan, presets, starting, pausing, stopping, plots, runs, sweeps."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMessageBox, QTreeWidgetItem
from pytestqt.qtbot import QtBot

import app.training_sweep as sweep_module
from app.pieces import at_once
from app.theme import Theme
from app.views.training import TrainingView
from app.widgets.run_differences import SHOWN
from app.widgets.training_plots import HistoryPlot, SortedPlot
from app.widgets.training_runs import NAME, RUN_ROLE, STAR, seconds_text
from app.widgets.training_sweep import NEW, SweepTab
from app.window import MainWindow
from engine.networks.library import networks_of
from engine.places.workspace import Workspace
from engine.training import lens as lens_training
from engine.training.kinds import SweepRange
from engine.training.runs import CHECKPOINT, Run, list_runs
from engine.training.sweep import SweepParameters, spec_of
from engine.training.sweep_space import SweepChoice
from engine.training.sweep_study import SweepState, list_sweeps, make_sweep, read_sweep
from tests.app.capture_help import choose, retype
from tests.app.training_help import (
    CONTROL,
    LEFT,
    at_row,
    chosen_rows,
    click,
    export_plots,
    open_training,
    part,
    set_short_lens,
    show_tab,
    train,
    until,
)
from tests.training.helpers import CAMERA, DATASET, QUERY, REFERENCE, small_workspace
from tests.waiting import PATIENCE_S


@pytest.fixture
def lab(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "lab", places=20)


@pytest.fixture
def view(window: MainWindow, lab: Workspace, qtbot: QtBot) -> TrainingView:
    made = open_training(qtbot, window, lab)
    set_short_lens(qtbot, made)
    return made


def long_training(view: TrainingView) -> None:
    """Settings with which a training runs until it is stopped: the better part of a minute on the quickest core."""
    view.parts.setup.training_form.set_values({"epoch_feat": 200_000, "feature_multiplier": 16})
    view.parts.setup.run_form.set_values({"threads": 1})
    view.parts.setup.edited.emit()


# -- settings


def test_without_a_workspace_the_panel_says_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.panelPainted, timeout=60_000):
        window.show_panel("training")
    for name in ("trainStart", "trainPause", "trainStop", "trainCancel", "runShow", "runTrash"):
        assert not part_of(window, name).isEnabled()
    assert part(window, "trainStart").toolTip() == "Open a workspace first"
    assert part(window, "plotsEmpty").isVisible()


def part_of(window: MainWindow, name: str):  # type: ignore[no-untyped-def]
    """A button of a tab that may be hidden."""
    from PySide6.QtWidgets import QPushButton

    found = window.findChild(QPushButton, name)
    assert found is not None, name
    return found


def test_reference_and_query_follow_the_session_and_lead_it(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    selection = window.session.selection
    assert (selection.dataset, selection.camera, selection.reference, selection.query) == (DATASET, CAMERA, REFERENCE, QUERY)
    assert view.parts.setup.reference.currentText() == REFERENCE and view.parts.setup.query.currentText() == QUERY
    assert "monday_tuesday_GT.npy" in part(window, "validationTruth").text()  # type: ignore[attr-defined]
    choose(qtbot, view.parts.setup.reference, QUERY)
    assert window.session.selection.reference == QUERY
    choose(qtbot, view.parts.setup.query, REFERENCE)
    assert window.session.selection.query == REFERENCE
    assert "no ground truth of tuesday and monday" in part(window, "validationTruth").text()  # type: ignore[attr-defined]
    asked: list[str] = []
    view.panelRequested.disconnect(window.go_to_panel)
    view.panelRequested.connect(asked.append)
    click(qtbot, window, "makeTruth")
    assert asked == ["ground_truth"]
    window.session.select(reference=REFERENCE, query=QUERY)
    assert view.parts.setup.reference.currentText() == REFERENCE and view.parts.setup.query.currentText() == QUERY


def test_what_will_be_built_is_drawn_before_it_is_trained(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    words = part(window, "networkWords")
    assert "2 layers, 148 neurons, 10,900 parameters" in words.text()  # type: ignore[attr-defined]
    assert part(window, "networkChip").text().startswith("Fits a Speck")  # type: ignore[attr-defined]
    show_tab(qtbot, window, "trainingSetupTabs", "Network")
    box = view.parts.setup.training_form.editor("feature_multiplier")
    retype(qtbot, box, "20")
    until(qtbot, lambda: "1,300 neurons" in words.text())  # type: ignore[attr-defined]
    assert part(window, "networkChip").text().startswith("Does not fit a Speck.")  # type: ignore[attr-defined]
    retype(qtbot, box, "-1")
    until(qtbot, lambda: not view.parts.buttons.start.isEnabled())
    assert "red sentence" in view.parts.buttons.start.toolTip()
    retype(qtbot, box, "2")
    for line in view.parts.setup.inputs_form.editor("dims")._parts:  # type: ignore[union-attr]
        retype(qtbot, line, "7")
    until(qtbot, lambda: "does not divide" in words.text())  # type: ignore[attr-defined]
    until(qtbot, lambda: not view.parts.buttons.start.isEnabled())


def test_a_grid_that_nobody_chose_fits_the_frames(window: MainWindow, qtbot: QtBot, lab: Workspace) -> None:
    window.open_workspace(lab.root)
    window.show_panel("training")
    view = window.current_view
    assert isinstance(view, TrainingView)
    with qtbot.waitSignal(view.notified, timeout=60_000) as told:  # 10 x 10 does not divide frames of 16 x 16
        pass
    assert "The grid is 8 × 8 now" in told.args[0].sentence
    until(qtbot, lambda: view.setup.plan is not None and view.parts.buttons.start.isEnabled())
    assert view.parts.setup.inputs_form.values()["dims"] == (8, 8)


def test_presets_fill_the_forms_and_own_ones_are_kept(
    window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = view.parts.setup
    show_tab(qtbot, window, "trainingSetupTabs", "Network")
    assert setup.preset.currentText() == "own settings"
    choose_preset(qtbot, setup.preset, "Brisbane")
    assert setup.training_form.values()["feature_multiplier"] == 1.3 and setup.inputs_form.values()["dims"] == (7, 7)
    assert setup.preset.currentText() == "Brisbane" and not part(window, "presetRemove").isEnabled()
    retype(qtbot, setup.training_form.editor("f_exc"), ".2")
    assert setup.preset.currentText() == "own settings"
    monkeypatch.setattr(QInputDialog, "getText", lambda *asked: ("night", True))
    click(qtbot, window, "presetSave")
    assert setup.preset.currentText() == "night" and (lab.root / "presets" / "lens-night.json").is_file()
    choose_preset(qtbot, setup.preset, "LENS")
    assert setup.training_form.values()["f_exc"] == 0.35
    choose_preset(qtbot, setup.preset, "night")
    assert setup.training_form.values()["f_exc"] == 0.2
    # A name that is taken is asked for again, with the sentence; one's own can be replaced.
    asked: list[tuple[str, str]] = []
    typed = iter((("LENS", True), ("night", True), ("", False)))

    def ask(*given: Any) -> tuple[str, bool]:
        asked.append((given[2], given[4]))
        return next(typed)

    monkeypatch.setattr(QInputDialog, "getText", ask)
    monkeypatch.setattr(QMessageBox, "question", lambda *given: QMessageBox.StandardButton.No)
    retype(qtbot, setup.training_form.editor("f_exc"), ".3")
    click(qtbot, window, "presetSave")
    assert [name for _, name in asked] == ["night", "LENS", "night"] and "choose another name" in asked[1][0]
    assert setup.preset.currentText() == "own settings" and setup.training_form.values()["f_exc"] == 0.3
    monkeypatch.setattr(QInputDialog, "getText", lambda *given: ("night", True))
    monkeypatch.setattr(QMessageBox, "question", lambda *given: QMessageBox.StandardButton.Yes)
    click(qtbot, window, "presetSave")
    assert setup.preset.currentText() == "night"
    choose_preset(qtbot, setup.preset, "LENS")
    choose_preset(qtbot, setup.preset, "night")
    assert setup.training_form.values()["f_exc"] == 0.3
    click(qtbot, window, "presetRemove")
    assert setup.preset.findText("night") < 0 and not (lab.root / "presets" / "lens-night.json").exists()


def choose_preset(qtbot: QtBot, box: object, text: str) -> None:
    choose(qtbot, box, text)  # type: ignore[arg-type]


def test_settings_are_kept_over_starts(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    show_tab(qtbot, window, "trainingSetupTabs", "Network")
    retype(qtbot, view.parts.setup.training_form.editor("fire_h_feat"), ".9")
    again = at_once(TrainingView.assemble(view.tools))
    qtbot.addWidget(again)
    assert again.parts.setup.training_form.values()["fire_h_feat"] == 0.9
    assert again.parts.setup.inputs_form.values()["dims"] == (8, 8)
    again.stop()


# -- training


def test_the_focus_stays_with_the_training_when_its_buttons_change(window: MainWindow, view: TrainingView) -> None:
    buttons = view.parts.buttons
    buttons.show_state(False, False, "")
    buttons.start.setFocus()
    buttons.show_state(True, False, "")
    assert window.focusWidget() is buttons.pause
    buttons.show_state(True, False, "", stopping=True)  # nothing can be pressed, and the navigation does not get it either
    assert window.focusWidget() is buttons
    buttons.show_state(False, False, "")
    assert window.focusWidget() is buttons.start


def test_a_training_by_one_click_ends_in_plots_and_a_run(
    window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace
) -> None:
    run = train(qtbot, window, view)
    assert run.info.status == "finished" and run.info.scores["recall_at_1"] > 0.3
    live = view.parts.live
    assert "monday: trained in" in live.words.text() and f" on {QUERY}." in live.words.text() and live.bar.value() == 1000
    drawn = {plot.objectName(): plot for plot in live.plots}
    rates = drawn["ratesSorted"]
    assert isinstance(rates, SortedPlot)
    x, y = rates._curve.getData()
    assert len(x) == 20 and np.all(np.diff(y) <= 0)  # the output layer's neurons, the largest first
    click(qtbot, window, "layer0")
    assert len(rates._curve.getData()[0]) == 128 and rates._band.isVisible()
    assert drawn["weightPicture"]._image.image.shape == (128, 64)
    assert drawn["spikePicture"]._image.image.shape == (64 + 128 + 20, 100)
    assert "clipped" in drawn["weightSpread"].note.text() and "place 20" in drawn["spikePicture"].note.text()
    history = drawn["validationPlot"]
    assert isinstance(history, HistoryPlot) and "R@1" in history.note.text()
    assert [entry.run for entry in networks_of(lab)] == [run.folder]
    assert not (lab.root / "models").is_dir() or not list((lab.root / "models").iterdir())


def test_several_seeds_show_mean_and_spread(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    show_tab(qtbot, window, "trainingSetupTabs", "Run")
    retype(qtbot, view.parts.setup.run_form.editor("seeds"), "3")
    train(qtbot, window, view)
    until(qtbot, lambda: len(view.parts.runs.model.runs) == 3)
    assert "3 networks trained" in view.parts.live.words.text() and "±" in view.parts.live.words.text()
    model = view.parts.runs.model
    assert {model.index(row, 4).data() for row in range(3)} == {model.index(0, 4).data()}
    assert "±" in model.index(0, 4).data() and "(3)" in model.index(0, 4).data()
    assert {run.folder for run in view.parts.runs.chosen} == {run.folder for run in model.runs}
    tree = view.parts.runs.differing
    told = {item.text(0): item.text(1) for item in map(tree.topLevelItem, range(tree.topLevelItemCount())) if item is not None}
    assert "seed" in told and {"Area R@1–25", "R@1", "R@25", "AUC-PR", "R@100P"} <= told.keys()
    assert all("±" in told[name] and "(3)" in told[name] for name in ("Area R@1–25", "R@1", "AUC-PR"))


def test_the_network_goes_into_models_where_that_is_asked(
    window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace
) -> None:
    show_tab(qtbot, window, "trainingSetupTabs", "Run")
    place = view.parts.setup.run_form.editor("place")
    qtbot.mouseClick(place, LEFT, pos=place.rect().center().__class__(8, place.height() // 2))
    assert view.parts.setup.run_form.values()["place"] is True
    train(qtbot, window, view)
    assert len(list(lab.models.glob("*.pth"))) == 1
    click(qtbot, window, "trainStart")
    until(qtbot, lambda: not view.training.running)
    assert "exists already" in view.parts.live.words.text()


def test_a_network_of_one_layer_is_trained_and_shown(
    window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace
) -> None:
    setup = view.parts.setup
    show_tab(qtbot, window, "trainingSetupTabs", "Network")
    choose(qtbot, setup.kind, setup.kind.itemText(1))
    assert setup.chosen_kind == "prototype" and setup.preset.itemText(0) == "regular"
    until(qtbot, lambda: "1 layer, 20 neurons" in part(window, "networkWords").text())  # type: ignore[attr-defined]
    assert view.parts.sweep.varied.varied().keys() == {"threshold", "timebin"}
    run = train(qtbot, window, view)
    assert run.info.kind == "prototype" and run.info.scores["recall_at_1"] > 0.3 and run.info.seconds is not None
    assert f"trained in {seconds_text(run.info.seconds)}; R@1 " in view.parts.live.words.text()
    drawn = {plot.objectName(): plot for plot in view.parts.live.plots}
    assert drawn["learningRates"].note.text() == "not with this kind of network"
    assert len(drawn["ratesSorted"]._curve.getData()[0]) == 20 and not drawn["ratesSorted"]._band.isVisible()
    assert not part(window, "layer0").isEnabled() and part(window, "layer1").isEnabled()
    assert [entry.kind for entry in networks_of(lab)] == ["prototype"]


def test_pause_go_on_and_stop_early(window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace) -> None:
    long_training(view)
    until(qtbot, lambda: view.parts.buttons.start.isEnabled() and view.setup.plan is not None)
    click(qtbot, window, "trainStart")
    until(qtbot, lambda: "steps/s" in view.parts.live.words.text())
    assert not part(window, "trainStart").isEnabled() and "left" in view.parts.live.words.text()
    click(qtbot, window, "trainPause")
    assert "paused" in view.parts.live.words.text() and part(window, "trainPause").text().strip() == "Go on"
    until(qtbot, lambda: list(lab.root.glob(f"runs/*/{CHECKPOINT}")))
    rates = next(plot for plot in view.parts.live.plots if plot.objectName() == "rateHistory")
    until(qtbot, lambda: "half" in rates.note.text())  # what it has told so far is drawn: it slows nothing down now
    held = view.parts.live.curves.steps("feature layer")[-1]
    click(qtbot, window, "trainPause")
    until(qtbot, lambda: view.parts.live.curves.steps("feature layer")[-1] > held)
    drawn = view.parts.live.drawn
    until(qtbot, lambda: view.parts.live.drawn > drawn)
    click(qtbot, window, "plotsHold")
    drawn, steps = view.parts.live.drawn, view.parts.live.curves.steps("feature layer")[-1]
    until(qtbot, lambda: view.parts.live.curves.steps("feature layer")[-1] > steps)
    assert view.parts.live.drawn == drawn
    click(qtbot, window, "plotsHold")
    click(qtbot, window, "trainStop")
    until(qtbot, lambda: not view.training.running)
    assert "stopped early" in view.parts.live.words.text() and view.parts.live.bar.value() < 1000
    (run,) = list_runs(lab)[0]
    assert run.info.status == "stopped" and run.network is not None and run.resumable


def test_cancel_keeps_nothing(window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace) -> None:
    long_training(view)
    until(qtbot, lambda: view.parts.buttons.start.isEnabled() and view.setup.plan is not None)
    click(qtbot, window, "trainStart")
    until(qtbot, lambda: "steps/s" in view.parts.live.words.text())
    click(qtbot, window, "trainCancel")
    until(qtbot, lambda: not view.training.running)
    assert "nothing of it was kept" in view.parts.live.words.text() and list_runs(lab)[0] == []


def test_a_job_that_is_cancelled_elsewhere_can_be_resumed(
    window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As closing the window does: the run is interrupted, and Resume ends it."""
    view.parts.setup.training_form.set_values({"epoch_feat": 15_000, "feature_multiplier": 16})
    view.parts.setup.run_form.set_values({"threads": 1})
    view.parts.setup.edited.emit()
    until(qtbot, lambda: view.parts.buttons.start.isEnabled() and view.setup.plan is not None)
    click(qtbot, window, "trainStart")
    until(qtbot, lambda: "steps/s" in view.parts.live.words.text())
    window.jobs.cancel_all()
    until(qtbot, lambda: not view.training.running)
    assert "can go on from its checkpoint" in view.parts.live.words.text()
    show_tab(qtbot, window, "trainingTabs", "Runs")
    until(qtbot, lambda: view.parts.runs.proxy.rowCount() == 1)
    assert [run.info.status for run in view.parts.runs.model.runs] == ["interrupted"]
    qtbot.mouseClick(view.parts.runs.table.viewport(), LEFT, pos=at_row(view, 0))
    monkeypatch.setattr(lens_training, "CHUNK_SECONDS", 0.2)
    click(qtbot, window, "runResume")
    until(qtbot, lambda: view.training.running)
    until(qtbot, lambda: not view.training.running)
    until(qtbot, lambda: [run.info.status for run in view.parts.runs.model.runs] == ["finished"])
    assert view.parts.live.curves.steps("output layer")[-1] == 16 * 20


def test_a_read_only_workspace_trains_nothing(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    session = window.session
    assert session._lock is not None
    session._lock.release()
    session._lock = None
    session.read_only_reason = "Somebody else writes."
    session.writableChanged.emit(False)
    assert not view.parts.buttons.start.isEnabled() and view.parts.buttons.start.toolTip() == "Somebody else writes."


# -- plots


def test_a_plot_is_enlarged_zoomed_and_fitted(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    train(qtbot, window, view)
    live = view.parts.live
    plot = next(plot for plot in live.plots if plot.objectName() == "weightSpread")
    width = plot.width()
    qtbot.mouseClick(plot.enlarge, LEFT)
    assert sum(other.isVisible() for other in live.plots) == 1
    until(qtbot, lambda: plot.width() > 2 * width)
    before = plot.box.viewRect().width()
    plot.box.scaleBy((0.25, 0.25))
    assert plot.box.viewRect().width() < before / 3
    qtbot.mouseDClick(plot._view.viewport(), LEFT, pos=plot._view.viewport().rect().center())
    until(qtbot, lambda: plot.box.viewRect().width() > before / 2)
    qtbot.mouseClick(plot.enlarge, LEFT)
    assert all(other.isVisible() for other in live.plots)
    plot.box.scaleBy((0.25, 0.25))
    click(qtbot, window, "plotsFit")
    until(qtbot, lambda: plot.box.viewRect().width() > before / 2)


def test_plots_and_values_are_exported(
    window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(qtbot, window, view)
    export_plots(qtbot, window, view, tmp_path / "plots", monkeypatch)
    written = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"ratesSorted.png", "validationPlot.png", "feature_layer.csv", "validation.csv"} <= written and len(written) >= 14
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *asked: str(tmp_path / "file"))
    with qtbot.waitSignal(view.notified) as told:
        click(qtbot, window, "plotsExport")
    assert "cannot take" in told.args[0].sentence


# -- runs


@pytest.fixture
def two_runs(window: MainWindow, view: TrainingView, qtbot: QtBot) -> TrainingView:
    train(qtbot, window, view)
    show_tab(qtbot, window, "trainingSetupTabs", "Network")
    retype(qtbot, view.parts.setup.training_form.editor("fire_h_feat"), ".8")
    show_tab(qtbot, window, "trainingSetupTabs", "Run")
    name = view.parts.setup.run_form.editor("name")
    assert isinstance(name, QLineEdit)
    retype(qtbot, name, "wide")
    train(qtbot, window, view)
    show_tab(qtbot, window, "trainingTabs", "Runs")
    until(qtbot, lambda: len(view.parts.runs.model.runs) == 2)
    return view


def test_runs_are_sorted_filtered_and_compared(window: MainWindow, two_runs: TrainingView, qtbot: QtBot) -> None:
    view, table = two_runs, two_runs.parts.runs.table
    assert chosen_rows(view) == ["wide", "monday"]  # the newest first
    header = table.header()
    for names in (["monday", "wide"], ["wide", "monday"]):
        at = header.sectionViewportPosition(1) + 30
        qtbot.mouseClick(header.viewport(), LEFT, pos=header.viewport().rect().topLeft().__class__(at, header.height() // 2))
        assert chosen_rows(view) == names
    qtbot.keyClicks(part(window, "runsFilter"), "WID fin")
    assert chosen_rows(view) == ["wide"]
    part(window, "runsFilter").clear()  # type: ignore[attr-defined]
    qtbot.mouseClick(table.viewport(), LEFT, pos=at_row(view, 0))
    assert "places of monday" in part(window, "runsCompared").text()  # type: ignore[attr-defined]
    assert view.parts.runs.differing.columnCount() == 2
    qtbot.mouseClick(table.viewport(), LEFT, CONTROL, pos=at_row(view, 1))
    tree = view.parts.runs.differing
    item = tree.topLevelItem(0)
    assert item is not None and [item.text(column) for column in range(3)] == ["fire_h_feat", "0.8", "0.6"]
    until(qtbot, lambda: len(view.parts.runs.overlay._items) == 2)
    choose(qtbot, view.parts.runs.curve, "Feature layer: median firing rate")
    assert len(view.parts.runs.overlay._items) == 2 and SHOWN == 8


def test_a_table_of_many_runs_is_compared_and_drawn_once(window: MainWindow, two_runs: TrainingView, qtbot: QtBot) -> None:
    """As often as runs are chosen, it took seconds with some hundreds of them."""
    tab = two_runs.parts.runs
    first = tab.model.runs[0]
    many = [Run(first.folder.with_name(f"run {number:03}"), first.info) for number in range(60)]
    tab.set_runs(many)
    told: list[int] = []
    tab.selectionChanged.connect(lambda: told.append(len(tab.chosen)))
    wanted = {run.folder for run in many if run.folder.name[-1] in "2357"}
    tab.choose(wanted)
    assert told == [24] and {run.folder for run in tab.chosen} == wanted
    bar = tab.table.verticalScrollBar()
    tab.choose({tab.proxy.index(55, NAME).data(RUN_ROLE).folder})
    assert bar.value() > 0
    at = bar.value()
    tab.set_runs(many)
    assert bar.value() == at and len(tab.chosen) == 1 and told == [24, 1, 1]


def test_star_rename_trash_and_undo(window: MainWindow, two_runs: TrainingView, qtbot: QtBot, lab: Workspace) -> None:
    view, table = two_runs, two_runs.parts.runs.table

    def names() -> list[tuple[str, bool]]:
        return [(run.info.name, run.info.star) for run in list_runs(lab)[0]]

    qtbot.mouseClick(table.viewport(), LEFT, pos=at_row(view, 0, STAR))
    until(qtbot, lambda: names() == [("wide", True), ("monday", False)])
    until(qtbot, lambda: view.parts.runs.model.runs[0].info.star)
    click(qtbot, window, "runsStarred")
    assert chosen_rows(view) == ["wide"]
    click(qtbot, window, "runsStarred")
    qtbot.mouseClick(table.viewport(), LEFT, pos=at_row(view, 0))
    click(qtbot, window, "runRename")
    editor = table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    qtbot.keyClick(editor, Qt.Key.Key_A, CONTROL)
    qtbot.keyClicks(editor, "wide open")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    until(qtbot, lambda: names()[0][0] == "wide open")
    until(qtbot, lambda: [run.info.name for run in view.parts.runs.chosen] == ["wide open"])
    click(qtbot, window, "runTrash")
    until(qtbot, lambda: names() == [("monday", False)] and chosen_rows(view) == ["monday"])
    for left in (
        [("wide open", True), ("monday", False)],
        [("wide", True), ("monday", False)],
        [("wide", False), ("monday", False)],
    ):
        until(qtbot, lambda: part(window, "runUndo").isEnabled())
        click(qtbot, window, "runUndo")
        until(qtbot, lambda left=left: names() == left)
    assert not part(window, "runUndo").isEnabled()
    view.runs.undo_stack.redo()
    until(qtbot, lambda: names()[0] == ("wide", True))


def test_a_name_that_cannot_be_is_said(window: MainWindow, two_runs: TrainingView, qtbot: QtBot) -> None:
    view = two_runs
    qtbot.mouseClick(view.parts.runs.table.viewport(), LEFT, pos=at_row(view, 0))
    click(qtbot, window, "runRename")
    editor = view.parts.runs.table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    qtbot.keyClick(editor, Qt.Key.Key_A, CONTROL)
    qtbot.keyClick(editor, Qt.Key.Key_Space)
    with qtbot.waitSignal(view.notified) as told:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert "one to 200 characters" in told.args[0].sentence
    assert not view.runs.undo_stack.canUndo()


def test_a_runs_plots_and_settings_come_back(window: MainWindow, two_runs: TrainingView, qtbot: QtBot) -> None:
    view = two_runs
    row = chosen_rows(view).index("monday")
    qtbot.mouseClick(view.parts.runs.table.viewport(), LEFT, pos=at_row(view, row))
    qtbot.mouseDClick(view.parts.runs.table.viewport(), LEFT, pos=at_row(view, row))
    until(qtbot, lambda: view.parts.live.isVisible() and view.parts.live.words.text().startswith("monday: trained"))
    show_tab(qtbot, window, "trainingTabs", "Runs")
    qtbot.mouseClick(view.parts.runs.table.viewport(), LEFT, pos=at_row(view, row))
    with qtbot.waitSignal(view.notified):
        click(qtbot, window, "runAgain")
    assert view.parts.setup.training_form.values()["fire_h_feat"] == 0.6
    assert view.parts.setup.run_form.values()["name"] == "monday again"
    assert train(qtbot, window, view).info.name == "monday again"


# -- sweeps


def test_a_sweep_by_clicks_and_its_best_trial_as_a_run(
    window: MainWindow, view: TrainingView, qtbot: QtBot, lab: Workspace
) -> None:
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    tab = view.parts.sweep
    tab.form.set_values({"trials": 4, "processes": 1})
    tab.edited.emit()
    assert tab.varied.varied().keys() == {"fire_l_feat", "fire_h_feat", "thr_h_feat"}
    item = tab.varied.topLevelItem(0)
    assert item is not None
    item.setText(1, "0.9")
    assert "lower to a higher" in tab.problem.text() and not tab.start.isEnabled()
    item.setText(1, "many")
    assert "two numbers" in tab.problem.text()
    item.setText(1, "0.2")
    assert tab.problem.text() == ""
    until(qtbot, lambda: tab.start.isEnabled())
    click(qtbot, window, "sweepStart")
    assert not view.parts.buttons.start.isEnabled()  # its cores are taken
    until(qtbot, lambda: not view.sweep.running)
    assert tab.table.topLevelItemCount() == 4 and "4 done" in tab.words.text()
    assert QUERY in tab.tuned.text() and tab.tuned.isVisible()
    until(qtbot, lambda: tab.chosen_study == "sweep")
    assert tab.parallel._items and tab.varied.frozen
    click(qtbot, window, "sweepBest")
    until(qtbot, lambda: not view.training.running and view.parts.runs.model.runs)
    run = view.parts.runs.model.runs[0]
    assert run.info.tuned_on == (QUERY,) and run.info.name.startswith("sweep, trial ")
    state = view.sweep._state
    assert state is not None and state.best is not None
    assert run.info.scores["recall_area"] == pytest.approx(state.best.value)
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    until(qtbot, lambda: tab.start.isEnabled())
    click(qtbot, window, "sweepStart")
    until(qtbot, lambda: not view.sweep.running)
    assert tab.table.topLevelItemCount() == 8
    # A new one needs a name of its own, which is offered; one that is taken is said before anything is begun.
    choose(qtbot, tab.study, NEW)
    assert tab.form.values()["study"] == "sweep 2" and tab.problem.text() == ""
    retype(qtbot, tab.form.editor("study"), "sweep")
    assert "There is a study sweep already" in tab.problem.text() and not tab.start.isEnabled()


def test_studies_of_another_storage_are_listed(
    window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab, url = view.parts.sweep, f"sqlite:///{tmp_path / 'shared.db'}"
    request = view.setup.request()
    assert request is not None
    make_sweep(url, "night", spec_of(request, SweepParameters(study="night"), {"fire_l_feat": SweepRange(0.1, 0.4)}))
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    retype(qtbot, tab.form.editor("storage"), "shared.db")
    assert "should be an URL" in tab.problem.text() and not tab.start.isEnabled()
    looked: list[str] = []
    monkeypatch.setattr(sweep_module, "list_sweeps", lambda asked: looked.append(asked) or list_sweeps(asked))
    qtbot.keyClick(tab.form.editor("storage"), Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(tab.form.editor("storage"), url)
    assert tab.problem.text() == ""
    assert not looked  # an address that is half typed is not looked up
    for _ in range(2):  # the second time it is being looked through already
        qtbot.keyClick(tab.form.editor("storage"), Qt.Key.Key_Return)
    until(qtbot, lambda: tab.studies == ["night"])
    choose(qtbot, tab.study, "night")
    until(qtbot, lambda: "night: no trial yet" in tab.words.text())
    assert tab.varied.varied() == {"fire_l_feat": SweepRange(0.1, 0.4)}
    assert looked == [url]


def test_a_storage_that_is_slow_to_answer_does_not_take_the_place_of_the_next(
    window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab, slow, quick = view.parts.sweep, f"sqlite:///{tmp_path / 'slow.db'}", f"sqlite:///{tmp_path / 'quick.db'}"
    answer, answered = threading.Event(), threading.Event()

    def listing(asked: str) -> list[str]:
        if asked == quick:
            return ["quick"]
        answer.wait(PATIENCE_S)
        answered.set()
        return ["slow"]

    monkeypatch.setattr(sweep_module, "list_sweeps", listing)
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    retype(qtbot, tab.form.editor("storage"), slow)
    retype(qtbot, tab.form.editor("storage"), quick)
    until(qtbot, lambda: tab.studies == ["quick"])
    answer.set()
    until(qtbot, answered.is_set)
    until(qtbot, lambda: not any(thread.name == "Look for sweeps" for thread in threading.enumerate()))
    assert tab.studies == ["quick"]


def test_what_was_read_while_a_sweep_ran_is_not_shown_after_its_end(
    window: MainWindow, view: TrainingView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab, asked, ended = view.parts.sweep, threading.Event(), threading.Event()

    def reading(url: str, study: str) -> SweepState:
        state = read_sweep(url, study)
        asked.set()
        ended.wait(PATIENCE_S)
        return state

    show_tab(qtbot, window, "trainingTabs", "Sweep")
    tab.form.set_values({"trials": 2, "processes": 1})
    tab.edited.emit()
    until(qtbot, lambda: tab.start.isEnabled())
    monkeypatch.setattr(sweep_module, "read_sweep", reading)
    monkeypatch.setattr(view.sweep, "_list", lambda url, chosen: None)  # it would have the study read again
    click(qtbot, window, "sweepStart")
    until(qtbot, lambda: not view.sweep.running)
    assert asked.is_set() and "2 done" in tab.words.text()
    ended.set()
    until(qtbot, lambda: not any(thread.name == "Read the study" for thread in threading.enumerate()))
    assert "2 done" in tab.words.text() and "running" not in tab.words.text()


def test_a_study_that_is_read_when_another_workspace_is_opened_is_not_shown_there(
    window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer, request = threading.Event(), threading.Event(), view.setup.request()
    assert request is not None
    url = view.sweep._url()
    make_sweep(url, "night", spec_of(request, SweepParameters(study="night"), {"fire_l_feat": SweepRange(0.1, 0.4)}))
    state = read_sweep(url, "night")

    def reading(url: str, study: str) -> SweepState:
        asked.set()
        answer.wait(PATIENCE_S)
        return state

    monkeypatch.setattr(sweep_module, "read_sweep", reading)
    view.sweep.read("night")
    until(qtbot, asked.is_set)
    window.open_workspace(small_workspace(tmp_path / "other", places=4).root)
    answer.set()
    until(qtbot, lambda: not any(thread.name == "Read the study" for thread in threading.enumerate()))
    assert view.sweep._state is None


def named(tab: SweepTab, name: str) -> QTreeWidgetItem:
    """The row of a parameter."""
    (item,) = tab.varied.findItems(name, Qt.MatchFlag.MatchExactly)
    return item


def tick(qtbot: QtBot, tab: SweepTab, item: QTreeWidgetItem) -> None:
    """Click an item's box."""
    tab.varied.scrollToItem(item)
    rect = tab.varied.visualItemRect(item)
    indent = tab.varied.indentation() if tab.varied.indexOfTopLevelItem(item) < 0 else 0
    qtbot.mouseClick(tab.varied.viewport(), LEFT, pos=QPoint(indent + 20, rect.center().y()))


def test_a_sweep_over_choices_by_clicks(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    choose(qtbot, view.parts.setup.kind, view.parts.setup.kind.itemText(1))
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    tab = view.parts.sweep
    tab.form.set_values({"trials": 10, "processes": 1})
    for name in ("threshold", "timebin", "encoding", "windows", "readout"):
        tick(qtbot, tab, named(tab, name))
    assert tab.varied.varied() == {
        "encoding": SweepChoice(("gamma", "raw", "sqrt", "log")),
        "windows": SweepChoice(("1", "1 2", "1 2 4")),
        "readout": SweepChoice(("spikes", "membrane")),
    }
    encoding = named(tab, "encoding")
    assert encoding.isExpanded() and not named(tab, "normalise").isExpanded()
    for at in range(3):
        tick(qtbot, tab, encoding.child(at))
    assert tab.problem.text() == "encoding should be varied over two different values or more, but is over log."
    assert not tab.start.isEnabled()
    tick(qtbot, tab, encoding.child(1))
    windows = named(tab, "windows")
    tab.varied.scrollToItem(windows.child(3))
    tab.varied.editItem(windows.child(3), 0)
    line = tab.varied.viewport().findChild(QLineEdit)
    assert line is not None
    line.selectAll()
    qtbot.keyClicks(line, "1, 3")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    until(qtbot, lambda: windows.childCount() == 5)
    assert [windows.child(at).text(0) for at in range(5)] == ["1", "1 2", "1 2 4", "1 3", "other numbers…"]
    tick(qtbot, tab, windows.child(2))
    varied = {
        "encoding": SweepChoice(("raw", "log")),
        "windows": SweepChoice(("1", "1 2", "1 3")),
        "readout": SweepChoice(("spikes", "membrane")),
    }
    assert tab.varied.varied() == varied and tab.problem.text() == ""
    until(qtbot, lambda: tab.start.isEnabled())
    click(qtbot, window, "sweepStart")
    until(qtbot, lambda: not view.sweep.running)
    until(qtbot, lambda: tab.chosen_study == "sweep")
    state = view.sweep._state
    assert state is not None and state.spec.varied == varied and {trial.state for trial in state.trials} == {"done"}
    assert [tab.table.headerItem().text(at) for at in range(3, 6)] == ["encoding", "windows", "readout"]
    assert {tab.table.topLevelItem(at).text(5) for at in range(10)} <= {"spikes", "membrane"}  # type: ignore[union-attr]
    written = [item.toPlainText() for item in tab.parallel._ticks]
    assert written[:7] == ["raw", "log", "1", "1 2", "1 3", "spikes", "membrane"]
    tab.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    sorted_windows = [tab.table.topLevelItem(at).text(4) for at in range(10)]  # type: ignore[union-attr]
    assert sorted_windows == sorted(sorted_windows)
    click(qtbot, window, "sweepBest")
    until(qtbot, lambda: not view.training.running and view.parts.runs.model.runs)
    run = view.parts.runs.model.runs[0]
    assert state.best is not None and run.info.scores["recall_area"] == pytest.approx(state.best.value)
    assert run.info.inputs["encoding"] == state.best.chosen["encoding"]
    # The study, chosen from the list, shows what it varies, and nothing else.
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    choose(qtbot, tab.study, "New study")
    assert tab.varied.varied().keys() == {"threshold", "timebin"} and not named(tab, "cell").isHidden()
    choose(qtbot, tab.study, "sweep")
    until(qtbot, lambda: tab.varied.varied() == varied)
    assert named(tab, "cell").isHidden() and not named(tab, "windows").isHidden()
    tick(qtbot, tab, named(tab, "encoding").child(1))  # a study stays what it is
    assert tab.varied.varied() == varied
    assert named(tab, "encoding").child(0).isHidden() and not named(tab, "encoding").child(1).isHidden()


def test_a_sweep_offers_grids_that_fit_the_frames(window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path) -> None:
    tab = view.parts.sweep
    show_tab(qtbot, window, "trainingTabs", "Sweep")

    def offered() -> list[str]:
        return [named(tab, "dims").child(at).text(0) for at in range(named(tab, "dims").childCount())]

    until(qtbot, lambda: offered() == ["4 4", "8 8", "16 16", "other numbers…"])
    tick(qtbot, tab, named(tab, "dims"))
    tick(qtbot, tab, named(tab, "dims").child(2))
    assert tab.varied.varied()["dims"] == SweepChoice(("4 4", "8 8"))
    choose(qtbot, view.parts.setup.kind, view.parts.setup.kind.itemText(1))  # another kind sees the same frames
    assert offered() == ["4 4", "8 8", "16 16", "other numbers…"] and "dims" not in tab.varied.varied()
    assert named(tab, "dims").child(3).toolTip(0).endswith("such as 16 16")


def test_a_sweep_is_cancelled_and_the_study_is_whole(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    long_training(view)
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    view.parts.sweep.form.set_values({"processes": 1})
    until(qtbot, lambda: view.parts.sweep.start.isEnabled())
    click(qtbot, window, "sweepStart")
    until(qtbot, lambda: "0 of 50 trials" in view.parts.sweep.words.text())
    click(qtbot, window, "sweepCancel")
    until(qtbot, lambda: not view.sweep.running)
    until(qtbot, lambda: view.parts.sweep.chosen_study == "sweep")
    until(qtbot, lambda: view.sweep._state is not None)
    assert {trial.state for trial in view.sweep._state.trials} <= {"failed"}  # type: ignore[union-attr]


def test_a_sweep_needs_a_query(window: MainWindow, view: TrainingView, qtbot: QtBot) -> None:
    choose(qtbot, view.parts.setup.query, "None")
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    assert not view.parts.sweep.start.isEnabled() and "validation query" in view.parts.sweep.problem.text()


def test_the_theme_changes_under_it(window: MainWindow, view: TrainingView, qtbot: QtBot, theme: Theme) -> None:
    train(qtbot, window, view)
    theme.choose("dark")
    view.parts.live.draw()
    assert view.parts.live.plots[0]._curve.opts["pen"].color().name() == theme.colours.accent
