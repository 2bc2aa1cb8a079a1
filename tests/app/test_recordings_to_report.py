"""From two recordings and two NMEA logs to a checked ground truth and an evaluation's report, by clicks alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.views.dataset import DatasetView
from app.views.evaluation import EvaluationView
from app.views.ground_truth import GroundTruthView
from app.window import MainWindow
from engine.places.workspace import Workspace
from engine.simulation.logs import write_nmea
from engine.simulation.pair import PairParameters, simulate_pair
from engine.simulation.parameters import CameraParameters
from tests.app.capture_help import LEFT, choose, click, part, wait_for
from tests.app.dataset_help import click_traverse, confirm, dialog_of, name_of, traverses

PLACES = 16


@pytest.fixture
def drives(tmp_path: Path) -> list[Path]:
    """Two drives along one street, each a recording and the log of its GPS beside it."""
    parameters = PairParameters(camera=CameraParameters(width=48, height=32), places=PLACES, query_places=0)
    folder = tmp_path / "drives"
    folder.mkdir()
    pair = simulate_pair(parameters, folder)
    for traverse in pair.traverses:
        write_nmea(folder / f"{traverse.name}.nmea", traverse.poses, parameters.gps)
    return [path for traverse in pair.traverses if (path := traverse.events_path) is not None]


def test_two_recordings_and_two_logs_become_a_report(
    window: MainWindow, drives: list[Path], tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.create(tmp_path / "lab")
    window.open_workspace(workspace.root)

    # The recordings become traverses with poses.
    window.show_panel("dataset")
    dataset = window.current_view
    assert isinstance(dataset, DatasetView)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *rest: ([str(path) for path in drives], ""))
    dataset.run("import_recordings")
    form = dialog_of(dataset).form  # type: ignore[attr-defined]
    form.set_values({"dataset": "street", "camera": "dvs"})
    confirm(qtbot, dataset)
    wait_for(qtbot, lambda: {"reference", "query"} <= set(traverses(dataset)) and not window.jobs.running)
    for name, button in (("reference", "useReference"), ("query", "useQuery")):
        click_traverse(qtbot, dataset, name)
        wait_for(qtbot, lambda name=name: dataset.current == name_of(name))
        click(qtbot, window, button)
    assert (window.session.selection.reference, window.session.selection.query) == ("reference", "query")

    # The poses give the ground truth, and the check finds nothing wrong with it.
    window.show_panel("ground_truth")
    truth = window.current_view
    assert isinstance(truth, GroundTruthView)
    wait_for(qtbot, lambda: truth.similarity is not None and truth.parts.matrix.coloured)
    truth.parts.show_tab("Make")
    choose(qtbot, truth.parts.make.way, "From poses")
    truth.parts.make.forms["poses"].set_values({"radius_m": 5.0})
    click(qtbot, window, "truthPropose")
    wait_for(qtbot, lambda: truth.parts.proposal.isVisible() and not truth.proposals.busy)
    click(qtbot, window, "truthProposal_use")
    click(qtbot, window, "truthSave")
    wait_for(qtbot, lambda: not truth.editor.dirty and not window.jobs.running)
    file = workspace.ground_truth_file("street", "dvs", "reference", "query")
    matrix = np.load(file)
    assert matrix.any(axis=0).mean() > 0.9

    # And both are evaluated against it.
    window.show_panel("evaluation")
    view = window.current_view
    assert isinstance(view, EvaluationView)
    wait_for(qtbot, lambda: view.parts.bar.pair == ("street", "dvs", "reference", "query"))
    wait_for(qtbot, lambda: f"{file.name} is used" in view.parts.methods.truth.text())
    qtbot.mouseClick(part(window, "evaluate"), LEFT)
    wait_for(qtbot, lambda: not view.run.running and len(view.parts.table.methods) == 3)
    (report,) = (workspace.root / "output").iterdir()
    content = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert (report / "report.html").stat().st_size > 10_000
    for method in content["methods"]:
        assert method["recall_at"]["1"] > 0.5 and method["error"]["metres"]["queries"] == method["queries"]
    assert content["gt_file"] == str(file)
