"""The Capture panel in its states, in both themes and sizes. REVISIT_ARTEFACTS keeps the pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.views.capture import CaptureView
from app.window import MainWindow
from engine.events.sources import SourceState
from tests.app.capture_help import click, open_and_run, show_tab, wait_for, write_recording
from tests.app.conftest import Picture, colours_of

THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
SIZES = pytest.mark.parametrize("size", [(1280, 800), (1000, 640)], ids=["1280", "1000"])


def near(image: QImage, name: str, reach: int = 24) -> int:
    """How many of the picture's pixels have nearly this colour."""
    wanted, found = QColor(name), 0
    for y in range(0, image.height(), 2):
        for x in range(0, image.width(), 2):
            pixel = image.pixelColor(x, y)
            apart = max(abs(pixel.red() - wanted.red()), abs(pixel.green() - wanted.green()), abs(pixel.blue() - wanted.blue()))
            found += apart <= reach
    return found


@THEMES
@SIZES
def test_a_running_source(
    open_window: Callable[..., MainWindow],
    theme: Theme,
    qtbot: QtBot,
    picture: Picture,
    workspace: Path,
    tmp_path: Path,
    colours: Colours,
    size: tuple[int, int],
) -> None:
    name = f"{'dark' if colours.dark else 'light'}-{size[0]}"
    theme.choose("dark" if colours.dark else "light")
    window = open_window(size=size)
    window.open_workspace(workspace)
    view = open_and_run(qtbot, window, write_recording(tmp_path / "walk.aedat4"))
    view.region.choose((24, 8, 80, 80))
    view.parts.window_form.set_values({"window_ms": 300.0, "compare_window_ms": 150.0})
    view.take_edits()
    wait_for(qtbot, lambda: view.parts.preview.gauge.value and view.parts.compare.gauge.value)
    for title in ("Window", "Region", "Filters", "Record", "Bin"):
        show_tab(qtbot, window, title)
        picture(window, f"capture-{title.lower()}-{name}")
    image = view.parts.live.picture.grab().toImage()
    assert near(image, colours.on_event, 85) > 20 and near(image, colours.off_event, 85) > 20
    # Nothing is cut off: every part of the panel lies within the window, at both sizes.
    for part in (view.parts.tabs, view.parts.play, view.parts.rates, view.parts.histogram, view.parts.record_button):
        corner = part.mapTo(window, part.rect().bottomRight())
        assert corner.x() < size[0] and corner.y() < size[1]
    assert (window.width(), window.height()) == size


@THEMES
def test_no_source_a_failed_one_and_a_recording(
    window: MainWindow, theme: Theme, qtbot: QtBot, picture: Picture, workspace: Path, tmp_path: Path, colours: Colours
) -> None:
    name = "dark" if colours.dark else "light"
    theme.choose("dark" if colours.dark else "light")
    window.open_workspace(workspace)
    window.show_panel("capture")
    view = window.current_view
    assert isinstance(view, CaptureView)
    empty = picture(window, f"capture-empty-{name}")
    found = colours_of(empty)
    assert max(found, key=lambda colour: found[colour]) in (colours.window, colours.rail, colours.alternate)
    assert view.open_recording(tmp_path / "nothing.aedat4")
    wait_for(qtbot, lambda: view.runner.state is SourceState.FAILED)
    picture(window, f"capture-failed-{name}")
    card = view.parts.live.card.grab().toImage()
    assert near(card, colours.text, 40) > 50 and near(card, colours.base, 4) > 500
    text = view.parts.live.card.text
    assert text.height() >= text.heightForWidth(text.width())  # the whole sentence is seen
    view = open_and_run(qtbot, window, write_recording(tmp_path / "walk.aedat4"))
    click(qtbot, window, "record")
    wait_for(qtbot, lambda: "MB/s" in view.parts.record_button.figures.text())
    image = picture(window, f"capture-recording-{name}")
    assert near(image, colours.error, 6) > 300
    with qtbot.waitSignal(view.notified):
        click(qtbot, window, "record")


def test_the_theme_may_change_while_a_source_runs(
    window: MainWindow, theme: Theme, qtbot: QtBot, picture: Picture, workspace: Path, tmp_path: Path
) -> None:
    theme.choose("light")
    window.open_workspace(workspace)
    view = open_and_run(qtbot, window, write_recording(tmp_path / "walk.aedat4"))
    for choice, colours, other in (("dark", DARK, LIGHT), ("light", LIGHT, DARK)):
        window.actions_by_name[f"theme_{choice}"].trigger()
        drawn = view.parts.live.picture.drawn
        wait_for(qtbot, lambda drawn=drawn: view.parts.live.picture.drawn > drawn)
        image = picture(window, f"capture-changed-to-{choice}")
        assert near(image, other.window, 4) < 3000  # the other one's text may be nearly as dark
        for part in (view.parts.rates, view.parts.histogram, view.parts.tabs):
            found = colours_of(part.grab().toImage(), 4)
            assert max(found, key=lambda name: found[name]) == colours.window
