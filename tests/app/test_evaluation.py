"""The Evaluation panel by clicks and keys: evaluating, looking at matches, laying results over each other, saving."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.jobs import State
from app.theme import Theme
from app.views.evaluation import EvaluationView
from app.window import MainWindow
from engine.cli import build_parser
from engine.cli.evaluate import parameters_of
from engine.places.lock import WorkspaceLock
from tests.app.capture_help import LEFT, choose, click, part, retype, wait_for
from tests.app.conftest import Picture, colours_of
from tests.app.evaluation_help import (
    PLACES,
    QUERIES,
    checked,
    click_check,
    evaluate_into,
    make_workspace,
    open_panel,
    show_result,
    show_tab,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A workspace with two results, for copying."""
    root = make_workspace(tmp_path_factory.mktemp("made") / "lab")
    first = evaluate_into(root)
    second = evaluate_into(root, ("log-zscore",), sequence="filter")
    return root, first, second


@pytest.fixture
def lab(tmp_path: Path, made: tuple[Path, Path, Path]) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "lab"))


@pytest.fixture
def first(lab: Path, made: tuple[Path, Path, Path]) -> Path:
    return lab / "output" / made[1].name


@pytest.fixture
def second(lab: Path, made: tuple[Path, Path, Path]) -> Path:
    return lab / "output" / made[2].name


@pytest.fixture
def view(window: MainWindow, lab: Path, qtbot: QtBot) -> EvaluationView:
    return open_panel(window, lab, qtbot)


# -- evaluating


def test_two_traverses_are_evaluated_by_clicks(window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path) -> None:
    assert view.parts.bar.pair == ("street", "dvs", "day", "night")  # the pair that has a ground truth
    assert "day_night_GT.npy is used" in view.parts.methods.truth.text()
    assert checked(view.parts.methods.list) == ["SAD", "SAD, pooled", "Log + z-score"]
    click_check(qtbot, view.parts.methods.list, 1)
    click_check(qtbot, view.parts.methods.list, 2)
    before = set((lab / "output").iterdir())
    click(qtbot, window, "evaluate")
    assert part(window, "evaluateCancel").isVisible()
    wait_for(qtbot, lambda: not view.run.running)
    wait_for(qtbot, lambda: len(view.parts.table.methods) == 3)
    (folder,) = set((lab / "output").iterdir()) - before
    assert view.tools.session.result == folder and part(window, "evaluate").isVisible()
    content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert [method["name"] for method in content["methods"]] == ["sad", "correlation", "log-zscore"]
    rows = [shown.method for shown in view.parts.table.methods]
    assert [row.scores.recall_at[1] for row in rows] == [method["recall_at"]["1"] for method in content["methods"]]
    wait_for(qtbot, lambda: view.parts.matrix.view.coloured)
    np.testing.assert_array_equal(view.parts.matrix.view.matrix, np.load(folder / "sad_similarity.npy"))
    wait_for(qtbot, lambda: folder in view.parts.results.shown)


def test_without_a_method_nothing_can_be_evaluated(window: MainWindow, view: EvaluationView, qtbot: QtBot) -> None:
    for row in (0, 1, 4):
        click_check(qtbot, view.parts.methods.list, row)
    assert checked(view.parts.methods.list) == []
    button = part(window, "evaluate")
    assert not button.isEnabled() and button.toolTip() == "Check at least one method"


def test_a_run_is_cancelled_and_leaves_nothing(
    window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine.recognition.evaluate as module

    def slow(name: str, references: object, queries: object, emit: object, cancel: object, threads: int) -> None:
        while True:
            cancel.check()  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "baseline_similarity", slow)
    before = set((lab / "output").iterdir())
    qtbot.keyClick(view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    wait_for(qtbot, lambda: view.run.running)
    click(qtbot, window, "evaluateCancel")
    wait_for(qtbot, lambda: not view.run.running)
    assert window.jobs.jobs[-1].state is State.CANCELLED
    assert set((lab / "output").iterdir()) == before and part(window, "evaluate").isEnabled()
    assert view.parts.bar.stage.text() == "Cancelled"


def test_a_run_that_fails_says_why(window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path) -> None:
    (lab / "dataset/street/dvs/night/image_03.png").unlink()
    click(qtbot, window, "evaluate")
    wait_for(qtbot, lambda: not view.run.running)
    job = window.jobs.jobs[-1]
    assert job.state is State.FAILED and "image_03.png" in job.error
    assert part(window, "evaluate").isEnabled()


def test_without_a_ground_truth_matrices_are_made_and_the_way_to_one_is_shown(
    window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path
) -> None:
    choose(qtbot, view.parts.bar.reference, "night")
    choose(qtbot, view.parts.bar.query, "day")
    assert view.tools.session.selection.reference == "night" and view.tools.session.selection.query == "day"
    assert "There is no night_day_GT.npy" in view.parts.methods.truth.text()
    click(qtbot, window, "evaluate")
    wait_for(qtbot, lambda: len(view.parts.table.methods) == 3)
    assert view.parts.table.methods[0].method.scores is None
    wait_for(qtbot, lambda: view.parts.matrix.view.matrix is not None)
    assert view.parts.matrix.view.matrix.shape == (QUERIES, PLACES)
    assert view.parts.inspector.words.text().startswith("Place ")
    show_tab(qtbot, window, "evaluationTabs", "Worst queries")
    assert "Without a ground truth" in part(window, "worstNote").text()  # type: ignore[attr-defined]
    click(qtbot, window, "makeTruth")
    assert window.current_view is not view


def test_another_ground_truth_is_taken(window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path) -> None:
    np.save(lab / "other.npy", np.eye(PLACES, QUERIES, -1))
    retype(qtbot, view.parts.methods.gt_file.line, str(lab / "gone.npy"))
    assert "gone.npy is not there" in view.parts.methods.truth.text()
    retype(qtbot, view.parts.methods.gt_file.line, str(lab / "other.npy"))
    assert "other.npy is used" in view.parts.methods.truth.text()
    show_tab(qtbot, window, "evaluationSide", "Settings")
    retype(qtbot, view.parts.scoring.editor("GT_tolerance"), "0")
    click(qtbot, window, "evaluate")
    wait_for(qtbot, lambda: len(view.parts.table.methods) == 3)
    assert view.parts.table.methods[0].method.scores.recall_at[1] < 0.2  # one frame beside what is seen


def test_a_network_is_offered_and_evaluated(window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path) -> None:
    from engine.cli import main

    where = ["--data_dir", str(lab), "--dataset", "street", "--camera", "dvs", "--reference", "day"]
    assert main(["train", *where, "--dims", "6", "8", "--epoch_feat", "8", "--epoch_out", "8"]) == 0
    view.tools.session.note_content_changed()
    wait_for(qtbot, lambda: view.parts.methods.list.count() == 7)
    click_check(qtbot, view.parts.methods.list, 6)
    click(qtbot, window, "evaluate")
    wait_for(qtbot, lambda: len(view.parts.table.methods) == 4)
    assert view.parts.table.methods[3].method.synops_per_query
    assert not view.parts.table.isColumnHidden(11)


def test_a_wrong_setting_is_told_and_stops_the_run(window: MainWindow, view: EvaluationView, qtbot: QtBot) -> None:
    show_tab(qtbot, window, "evaluationSide", "Settings")
    choose(qtbot, view.parts.scoring.editor("compat"), "lens-0.1.1")
    choose(qtbot, view.parts.scoring.editor("sequence"), "filter")
    button = part(window, "evaluate")
    assert not button.isEnabled() and "Settings" in button.toolTip()
    assert not view.parts.forward.isHidden() and view.parts.forward.isEnabled()
    choose(qtbot, view.parts.scoring.editor("compat"), "revisit")
    assert button.isEnabled()


def test_the_command_line_is_the_same_evaluation(window: MainWindow, view: EvaluationView, qtbot: QtBot, lab: Path) -> None:
    show_tab(qtbot, window, "evaluationSide", "Settings")
    choose(qtbot, view.parts.scoring.editor("sequence"), "filter")
    retype(qtbot, view.parts.forward.editor("jump"), "0.05")
    retype(qtbot, view.parts.spiking.editor("timebin"), "100")
    retype(qtbot, view.parts.frames.editor("query_places"), "15")
    show_tab(qtbot, window, "evaluationSide", "Methods")
    click(qtbot, window, "copyEvaluation")
    import shlex

    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["revisit-cli", "evaluate"]
    models = parameters_of(build_parser().parse_args(words[1:]))
    for ours, theirs in zip(view.run.models(), models, strict=True):
        assert ours == theirs


def test_a_lens_versions_scoring_takes_its_habits_along(window: MainWindow, view: EvaluationView, qtbot: QtBot) -> None:
    show_tab(qtbot, window, "evaluationSide", "Settings")
    choose(qtbot, view.parts.scoring.editor("compat"), "lens-0.1.1")
    _, inputs, spiking, scoring, parameters = view.run.models()
    assert (inputs.cell, spiking.field, scoring.compat, parameters.ties) == ("before_centre", "lens", "lens-0.1.1", "index")


def test_a_workspace_of_another_window_is_looked_at_only(window: MainWindow, lab: Path, first: Path, qtbot: QtBot) -> None:
    lock = WorkspaceLock.take(lab)
    try:
        view = open_panel(window, lab, qtbot)
        button = part(window, "evaluate")
        assert not button.isEnabled() and "Another window" in button.toolTip()
        show_result(view, first, qtbot)
    finally:
        lock.release()


# -- looking


def test_a_click_in_the_matrix_shows_the_pair(window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot) -> None:
    show_result(view, first, qtbot)
    matrix = view.parts.matrix.view
    qtbot.mouseClick(matrix, LEFT, pos=matrix.place_of(17, 9))
    assert view.results.query == 9 and view.parts.inspector.number.value() == 9
    assert "Wrong: place 0 is 11 frames from 11" in view.parts.inspector.words.text()
    wait_for(qtbot, lambda: view.parts.inspector.match.caption.text() == "pointed at 17")
    wait_for(qtbot, lambda: view.parts.inspector.true.frame is not None)
    assert view.parts.inspector.true.caption.text() == "true place 11"
    qtbot.keyClick(matrix, Qt.Key.Key_Right)
    assert view.results.query == 10


def test_keys_and_buttons_step_through_the_wrong_matches(
    window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot
) -> None:
    show_result(view, first, qtbot)
    assert view.results.query == 5  # the first wrong one
    qtbot.keyClick(view, Qt.Key.Key_N)
    assert view.results.query == 9
    click(qtbot, window, "inspectorNext")
    click(qtbot, window, "inspectorNext")
    assert view.results.query == 5
    qtbot.keyClick(view, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert view.results.query == 14
    retype(qtbot, view.parts.inspector.number, "3")
    assert view.results.query == 3 and "Right: place 5" in view.parts.inspector.words.text()
    assert view.parts.matrix.view.cursor_cell == (5, 3)


def test_the_gallery_shows_the_worst_first_and_a_click_leads_to_them(
    window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot
) -> None:
    show_result(view, first, qtbot)
    show_tab(qtbot, window, "evaluationTabs", "Worst queries")
    gallery = view.parts.worst
    assert [row.query for row in gallery.rows] == [5, 9, 14]
    assert "3 of 20 queries are matched wrongly by SAD" in view.parts.worst_note.text()
    assert "13 frames off, 1" in gallery.rows[0].words and gallery.rows[0].words.endswith(" m")
    rect = gallery.visualRect(gallery.model().index(1, 0))
    qtbot.mouseClick(gallery.viewport(), LEFT, pos=rect.center())
    assert view.results.query == 9 and view.parts.matrix.view.cursor_cell == (0, 9)
    # The pictures are drawn once the frames are read: more than ground, text and border.
    wait_for(qtbot, lambda: len(colours_of(gallery.viewport().grab().toImage(), 3)) > 30)


def test_the_route_is_clicked(window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot) -> None:
    show_result(view, first, qtbot)
    show_tab(qtbot, window, "evaluationTabs", "Along the route")
    wait_for(qtbot, lambda: set(view.parts.map.routes) == {"day", "night"})
    assert "in metres" in view.parts.route._title.text()
    qtbot.mouseClick(view.parts.route.viewport, LEFT, pos=view.parts.route.place_of(14).toPoint())
    assert view.results.query == 14
    assert view.parts.map.marks[("night", "query")] == 14 and view.parts.map.marks[("day", "true")] == 16
    place = view.parts.map.place_of("night", 7)
    qtbot.mouseClick(view.parts.map.viewport(), LEFT, pos=place)
    # Both routes lie over each other: either the query is chosen, or its place on the reference is pointed at.
    assert view.results.query == 7 or view.parts.inspector.match.caption.text() == "pointed at 9"


def test_another_method_is_chosen_in_the_table(window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot) -> None:
    show_result(view, first, qtbot)
    table = view.parts.table
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualRect(table.model().index(1, 2)).center())
    wait_for(qtbot, lambda: view.results.method.method.name == "correlation")
    wait_for(qtbot, lambda: np.array_equal(view.parts.matrix.view.matrix, np.load(first / "correlation_similarity.npy")))
    header = table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(1) + 20, header.height() // 2)
    qtbot.mouseClick(header.viewport(), LEFT, pos=place)
    values = [float(table.model().index(row, 1).data()) for row in range(2)]
    assert values == sorted(values)
    assert view.results.method.method.name == "correlation"  # sorting changes no choice


def test_what_is_drawn_over_the_matrix_is_chosen(window: MainWindow, view: EvaluationView, second: Path, qtbot: QtBot) -> None:
    show_result(view, second, qtbot)
    matrix = view.parts.matrix.view
    assert matrix.canvas.marks.truth is not None and matrix.canvas.marks.tolerance == 1
    click(qtbot, window, "showTruth")
    assert matrix.canvas.marks.truth is None
    click(qtbot, window, "showMatches")
    assert matrix.canvas.marks.flags is None
    before = matrix.matrix
    choose(qtbot, view.parts.matrix.stage, "After sequence matching")
    wait_for(qtbot, lambda: matrix.matrix is not before)
    np.testing.assert_allclose(matrix.matrix.sum(axis=0), 1, atol=0.5)  # probabilities: what is missing is off the map
    assert "after sequence matching" in view.parts.matrix.note.text()


# -- results


def test_results_are_laid_over_each_other(
    window: MainWindow, view: EvaluationView, first: Path, second: Path, qtbot: QtBot
) -> None:
    show_tab(qtbot, window, "evaluationSide", "Results")
    box = view.parts.results.list
    wait_for(qtbot, lambda: box.count() == 2 and "night in day" in box.item(0).text())
    click_check(qtbot, box, 1)
    wait_for(qtbot, lambda: len(view.parts.table.methods) == 2)
    click_check(qtbot, box, 0)
    wait_for(qtbot, lambda: len(view.parts.table.methods) == 3)
    assert {shown.result.folder for shown in view.parts.table.methods} == {first, second}
    assert len({shown.label for shown in view.parts.table.methods}) == 3
    show_tab(qtbot, window, "evaluationTabs", "Curves")
    assert view.parts.curves.lines == 3
    for text, lines in (("Cold start", 3), ("Reliability (forward filter)", 2), ("Error of the best match", 3)):
        choose(qtbot, view.parts.curves.figure, text)
        assert view.parts.curves.lines == lines  # the filter's run alone states probabilities, beside the line of "as stated"
    click_check(qtbot, box, 0)
    click_check(qtbot, box, 1)
    assert view.parts.table.methods == [] and part(window, "evaluationEmpty").isVisible()
    qtbot.mouseClick(box.viewport(), LEFT, pos=box.visualItemRect(box.item(0)).center())
    qtbot.mouseDClick(box.viewport(), LEFT, pos=box.visualItemRect(box.item(0)).center())
    wait_for(qtbot, lambda: [shown.result.folder for shown in view.parts.table.methods] == [second])


def test_a_result_chosen_elsewhere_is_shown_when_the_panel_opens(
    window: MainWindow, lab: Path, first: Path, qtbot: QtBot
) -> None:
    window.open_workspace(lab)
    window.session.show_result(first)
    view = open_panel(window, lab, qtbot)
    wait_for(qtbot, lambda: [shown.result.folder for shown in view.parts.table.methods] == [first, first])


def test_a_damaged_result_is_told_and_left_out(window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot) -> None:
    (first / "sad_similarity.npy").write_bytes(b"nothing")
    with qtbot.waitSignal(view.notified, timeout=30_000) as told:
        view.tools.session.show_result(first)
    assert "sad_similarity.npy cannot be read" in told.args[0].sentence
    assert view.parts.results.shown == [] and view.parts.table.methods == []


def test_a_result_whose_traverses_are_gone_shows_its_figures(
    window: MainWindow, view: EvaluationView, lab: Path, first: Path, qtbot: QtBot
) -> None:
    shutil.rmtree(lab / "dataset" / "street" / "dvs" / "night")
    view.tools.session.show_result(first)
    wait_for(qtbot, lambda: "not in this workspace" in view.parts.inspector.query.message.text())
    wait_for(qtbot, lambda: view.parts.matrix.view.coloured)
    assert view.parts.table.methods[0].method.scores is not None and view.parts.inspector.query.frame is None


def test_a_live_session_is_shown(window: MainWindow, view: EvaluationView, lab: Path, qtbot: QtBot) -> None:
    folder = lab / "output" / "2026-01-01_00-00-00"
    folder.mkdir()
    matrix = np.random.default_rng(0).random((6, 9)).astype(np.float32)
    np.save(folder / "similarity.npy", matrix)
    lines = [f"{n},{n},{n % 6},0.5,{n % 2}" for n in range(9)]
    (folder / "places.csv").write_text("\n".join(["window,time_us,place,confidence,lost", *lines]) + "\n", encoding="utf-8")
    (folder / "parameters.json").write_text("{}", encoding="utf-8")
    view.tools.session.show_result(folder)
    wait_for(qtbot, lambda: view.parts.matrix.view.coloured)
    view.results.show_query(4)
    assert view.parts.inspector.words.text() == "Place 4. Confidence 0.50"
    view.results.show_query(5)
    assert view.parts.inspector.words.text() == "Place 5. Lost, confidence 0.50"
    wait_for(qtbot, lambda: "keeps events" in view.parts.inspector.query.message.text())


def test_closing_the_workspace_empties_the_panel(window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot) -> None:
    show_result(view, first, qtbot)
    window.session.close()
    window.show_panel("evaluation")
    assert view.parts.table.methods == [] and view.parts.bar.pair[2] == ""
    assert "Open a workspace" in part(window, "evaluate").toolTip()


def test_settings_are_kept(window: MainWindow, view: EvaluationView, qtbot: QtBot) -> None:
    click_check(qtbot, view.parts.methods.list, 2)
    show_tab(qtbot, window, "evaluationSide", "Settings")
    choose(qtbot, view.parts.scoring.editor("sequence"), "diagonal")
    kept = window.settings.options("evaluation", type(view).Options)
    assert kept.scoring.sequence == "diagonal" and "correlation" in kept.methods


# -- saving


def save_as(monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *ignored: (str(target), ""))


def trigger(view: EvaluationView, name: str) -> None:
    menu = view.parts.export.menu()
    next(action for action in menu.actions() if action.objectName() == name).trigger()


@pytest.mark.parametrize("name", ["report.html", "report.json", "scores.csv", "matches.csv"])
def test_the_report_and_the_tables_are_saved(
    window: MainWindow,
    view: EvaluationView,
    first: Path,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    show_result(view, first, qtbot)
    save_as(monkeypatch, tmp_path / "mine")
    trigger(view, f"export_{name.replace('.', '_')}")
    assert (tmp_path / "mine").read_bytes() == (first / name).read_bytes()


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_figures_are_saved_for_a_paper(
    window: MainWindow,
    view: EvaluationView,
    second: Path,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    show_result(view, second, qtbot)
    save_as(monkeypatch, tmp_path / "figures")
    trigger(view, f"export_{kind}")
    names = ("recall", "precision_recall", "error", "along_route", "cold_start", "calibration")
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {f"{name}.{kind}" for name in names}
    content = (tmp_path / "figures" / f"recall.{kind}").read_bytes()
    if kind == "svg":
        assert b"Log + z-score (R@1" in content
    elif kind == "pdf":
        assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF") and b"/Font" in content
    else:
        image = QImage.fromData(content)
        assert image.size().width() > 1500 and len(colours_of(image)) > 5
    with qtbot.waitSignal(view.notified) as told:  # never over what is there
        trigger(view, f"export_{kind}")
    assert "exists already" in told.args[0].sentence


# -- looks


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_it_is_drawn_in_both_themes(
    window: MainWindow, view: EvaluationView, theme: Theme, first: Path, qtbot: QtBot, picture: Picture, choice: str
) -> None:
    theme.choose(choice)  # type: ignore[arg-type]
    show_result(view, first, qtbot)
    colours = theme.colours
    for title in ("Matrix", "Curves", "Worst queries", "Along the route"):
        show_tab(qtbot, window, "evaluationTabs", title)
        image = picture(window, f"evaluation-{choice}-{title.lower().replace(' ', '-')}")
        found = colours_of(image)
        assert found.get(colours.window, 0) > 200 and len(found) > 30
    assert image.size() == QSize(1280, 800) * window.devicePixelRatio()


def test_a_narrow_window_leaves_out_the_pair(window: MainWindow, view: EvaluationView, first: Path, qtbot: QtBot) -> None:
    show_result(view, first, qtbot)
    assert view.parts.inspector.isVisible()
    window.resize(860, 560)
    wait_for(qtbot, lambda: not view.parts.inspector.isVisible())
    window.resize(1280, 800)
    wait_for(qtbot, lambda: view.parts.inspector.isVisible())
