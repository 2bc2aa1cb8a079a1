"""The Training panel in its states, in both themes and sizes. REVISIT_ARTEFACTS keeps the pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.window import MainWindow
from tests.app.conftest import Picture, colours_of
from tests.app.test_capture_pictures import near
from tests.app.training_help import click, open_training, set_short_lens, show_tab, train, until
from tests.training.helpers import small_workspace


@pytest.mark.parametrize(("colours", "size"), [(LIGHT, (1280, 800)), (DARK, (1000, 640))], ids=["light", "dark-small"])
def test_every_tab(
    open_window: Callable[..., MainWindow],
    theme: Theme,
    qtbot: QtBot,
    picture: Picture,
    tmp_path: Path,
    colours: Colours,
    size: tuple[int, int],
) -> None:
    name = f"{'dark' if colours.dark else 'light'}-{size[0]}"
    theme.choose("dark" if colours.dark else "light")
    window = open_window(size=size)
    view = open_training(qtbot, window, small_workspace(tmp_path / "lab", places=20))
    set_short_lens(qtbot, view)
    picture(window, f"training-empty-{name}")
    drawing = view.parts.setup.picture.grab().toImage()
    assert near(drawing, colours.accent, 6) > 50 and near(drawing, colours.off_event, 6) > 50
    train(qtbot, window, view)
    for title in ("Data", "Network", "Run"):
        show_tab(qtbot, window, "trainingSetupTabs", title)
        picture(window, f"training-{title.lower()}-{name}")
    shown = {plot.objectName(): plot.grab().toImage() for plot in view.parts.live.plots}
    assert near(shown["weightSpread"], colours.accent, 30) > 20
    assert near(shown["weightPicture"], colours.on_event, 110) > 10 and near(shown["weightPicture"], colours.off_event, 110) > 10
    assert near(shown["spikePicture"], colours.on_event, 60) > 4
    train(qtbot, window, view)
    show_tab(qtbot, window, "trainingTabs", "Runs")
    view.parts.runs.table.selectAll()
    until(qtbot, lambda: len(view.parts.runs.overlay._items) == 2)
    found = colours_of(picture(window, f"training-runs-{name}"))
    assert max(found, key=lambda colour: found[colour]) in (colours.window, colours.base)
    show_tab(qtbot, window, "trainingTabs", "Sweep")
    view.parts.sweep.form.set_values({"trials": 9, "processes": 1, "pruning": False})
    until(qtbot, lambda: view.parts.sweep.start.isEnabled())
    click(qtbot, window, "sweepStart")
    until(qtbot, lambda: not view.sweep.running)
    picture(window, f"training-sweep-{name}")
    assert near(view.parts.sweep.parallel.grab().toImage(), colours.off_event, 60) > 10
    # Nothing is cut off: every part lies within the window, which keeps its size, or is scrolled there.
    area = view.parts.sweep.findChild(QScrollArea, "sweepResults")
    assert isinstance(area, QScrollArea)
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    picture(window, f"training-sweep-below-{name}")
    assert (window.width(), window.height()) == size
    for part in (view.parts.buttons, view.parts.setup.picture, view.parts.sweep.start, view.parts.sweep.parallel):
        corner = part.mapTo(window, part.rect().bottomRight())
        assert corner.x() < size[0] and corner.y() < size[1], part.objectName()
