"""Pictures of the Training panel's plots, and that what is told of in words can be seen."""

from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.views.training import TrainingView
from app.widgets.plot_pictures import KINDS, save_plot
from app.window import MainWindow
from tests.app.training_help import LEFT, export_plots, open_training, set_short_lens, show_tab, train, until
from tests.training.helpers import small_workspace


@pytest.fixture
def view(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> TrainingView:
    made = open_training(qtbot, window, small_workspace(tmp_path / "lab", places=20))
    set_short_lens(qtbot, made)
    return made


def test_every_plot_is_a_drawing_with_its_title_and_a_picture(
    window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(qtbot, window, view)
    export_plots(qtbot, window, view, tmp_path / "plots", monkeypatch)
    for plot in view.parts.live.plots:
        drawing = (tmp_path / "plots" / f"{plot.objectName()}.svg").read_text(encoding="utf-8")
        assert QSvgRenderer(drawing.encode()).isValid()
        assert plot.title in drawing.split("<text", 1)[1] and "<path" in drawing
        picture = QImage(str(tmp_path / "plots" / f"{plot.objectName()}.png"))
        assert picture.width() == 2 * plot.width() * window.devicePixelRatio()


def test_the_target_is_in_view_and_the_figures_have_the_colours_of_their_curves(
    window: MainWindow, view: TrainingView, qtbot: QtBot
) -> None:
    train(qtbot, window, view)
    by_name = {plot.objectName(): plot for plot in view.parts.live.plots}
    rates, spread = by_name["ratesSorted"].box, by_name["rateSpread"].box
    until(qtbot, lambda: rates.viewRect().top() <= 0.5 <= rates.viewRect().bottom())
    until(qtbot, lambda: spread.viewRect().left() <= 0.5 <= spread.viewRect().right())
    validation = by_name["validationPlot"]
    colours = view.tools.theme.colours
    assert [shade.name() for _, shade in validation.legend()] == [colours.on_event.lower(), colours.off_event.lower()]
    until(qtbot, lambda: validation.note.text().startswith("R@1 "))
    image = validation.note.grab().toImage()
    found = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert len(found) > 4


def test_the_curves_of_runs_are_saved_by_their_own_button(
    window: MainWindow, view: TrainingView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(qtbot, window, view)
    show_tab(qtbot, window, "trainingTabs", "Runs")
    view.parts.runs.choose({run.folder})
    overlay = view.parts.runs.overlay
    until(qtbot, lambda: overlay.legend())
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *asked: (str(tmp_path / "curves"), ""))
    with qtbot.waitSignal(view.notified) as told:
        qtbot.mouseClick(overlay.save, LEFT)
    assert "curves.svg was written" in told.args[0].sentence
    assert run.info.name in (tmp_path / "curves.svg").read_text(encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *asked: (str(tmp_path / "curves.svg" / "curves.png"), ""))
    with qtbot.waitSignal(view.notified) as told:
        qtbot.mouseClick(overlay.save, LEFT)
    assert "cannot be written" in told.args[0].sentence


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_plot_is_a_picture_too(view: TrainingView, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"importance.{kind}"
    save_plot(view.parts.sweep.importance, path)
    assert path.stat().st_size > 300
