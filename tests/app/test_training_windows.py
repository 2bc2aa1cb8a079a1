"""LENS with a network a window in the Training panel: planned, drawn and trained; and axes that have room for their numbers."""

import threading
from pathlib import Path

import pytest
from PySide6.QtGui import QFont, QFontMetricsF
from pytestqt.qtbot import QtBot

from app import training_control
from app.theme import Theme
from app.widgets.live_plots import Plot
from app.widgets.status import count
from app.window import MainWindow
from engine.jobs import CancelToken, Emit, JobEvent, Progress
from engine.networks.ensemble import LensEnsemble
from engine.networks.open import open_network
from engine.training.control import TrainingControl
from engine.training.run import TrainedRun, TrainRequest, train_runs
from tests.app.training_help import open_training, set_short_lens, train, until
from tests.training.helpers import small_workspace


def test_networks_of_three_windows_are_planned_and_trained_by_clicks(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_training(qtbot, window, small_workspace(tmp_path / "lab", places=20))
    set_short_lens(qtbot, view)
    view.parts.setup.inputs_form.set_values({"windows": (1, 2, 4)})
    view.parts.setup.training_form.set_values({"join_windows": "columns"})
    view.parts.setup.edited.emit()
    until(qtbot, lambda: view.setup.plan is not None and view.setup.plan.networks == 3)
    words = view.parts.setup.picture.words.text()
    assert words.startswith("3 networks, a window each, of 2 layers, 444 neurons, ")
    assert "one window at a time" in view.parts.setup.picture.chip.text()
    live, said = view.parts.live, threading.Event()
    shown = live.show_progress

    def show_progress(title: str, layer: str, done: int, total: int) -> None:
        shown(title, layer, done, total)
        if "network 3 of 3, output layer" in live.words.text():
            said.set()

    def train_patiently(request: TrainRequest, emit: Emit, cancel: CancelToken, control: TrainingControl) -> list[TrainedRun]:
        """These networks learn in less time than passes between two looks of the window: their end waits for it."""

        def tell(event: JobEvent) -> None:
            emit(event)
            if isinstance(event, Progress) and event.stage == "output layer" and event.done == event.total:
                assert said.wait(60)

        return train_runs(request, tell, cancel, control)

    monkeypatch.setattr(live, "show_progress", show_progress)
    monkeypatch.setattr(training_control, "train_runs", train_patiently)
    run = train(qtbot, window, view)
    assert said.is_set() and run.info.status == "finished"
    network = open_network(run.folder / run.info.network)
    assert isinstance(network, LensEnsemble)
    assert network.parameter_count == view.setup.plan.parameters
    assert live.curves.learning == 1 and max(live.curves.steps("output layer")) == 3 * 16 * 20


@pytest.mark.parametrize("width", [60, 110, 400])
def test_numbers_along_an_axis_do_not_touch(qtbot: QtBot, theme: Theme, width: int) -> None:
    plot = Plot(theme, "Title", "plot", count, count)
    qtbot.addWidget(plot)
    letters = QFontMetricsF(plot.bottom.style["tickFont"] or QFont())
    for end in (99.0, 3_600.0, 380_000.0, 2.5e8):
        spacing, _ = plot.bottom.tickSpacing(0.0, end, float(width))[0]
        labels = [count(number * spacing) for number in range(int(end / spacing) + 1)]
        widest = max(letters.horizontalAdvance(label) for label in labels)
        assert spacing >= end or widest < width * spacing / end, (width, end, labels)
