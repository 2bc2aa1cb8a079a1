"""Prototypes in the Training panel: chosen, planned, trained and drawn by the same plots as LENS."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.window import MainWindow
from engine.networks.library import networks_of
from tests.app.capture_help import choose
from tests.app.training_help import open_training, train, until
from tests.training.helpers import small_workspace


def test_prototypes_are_trained_by_clicks_and_drawn(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    lab = small_workspace(tmp_path / "lab", places=20)
    view = open_training(qtbot, window, lab)
    setup = view.parts.setup
    choose(qtbot, setup.kind, "Prototypes: one layer of references")
    assert setup.chosen_kind == "prototype"
    setup.inputs_form.set_values({"dims": (8, 8)})
    setup.edited.emit()
    until(qtbot, lambda: view.setup.plan is not None and view.setup.plan.kind == "prototype")
    run = train(qtbot, window, view)
    assert (run.info.kind, run.info.status) == ("prototype", "finished")
    until(qtbot, lambda: {"output layer", "output weights", "spikes"} <= view.parts.live.curves.last.keys())
    view.parts.live.draw()
    assert [entry.kind for entry in networks_of(lab)] == ["prototype"]
