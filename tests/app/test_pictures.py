"""Every page in both themes: not blank, of the asked size, in the theme's own colours. REVISIT_ARTEFACTS keeps the pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.forms import ParameterForm
from app.jobs import State
from app.panels import PANELS
from app.report import Fault
from app.theme import DARK, LIGHT, Colours, Theme
from app.widgets.about import About
from app.window import MainWindow
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Notice, Progress
from tests.app.conftest import Picture, colours_of
from tests.app.test_forms import Everything

THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def name_of(colours: Colours) -> str:
    return "dark" if colours.dark else "light"


def looks_right(image: object, colours: Colours, size: tuple[int, int] = (1280, 800)) -> None:
    assert (image.width(), image.height()) == size  # type: ignore[attr-defined]
    found = colours_of(image)  # type: ignore[arg-type]
    assert len(found) > 10
    assert max(found, key=lambda name: found[name]) in (colours.window, colours.base)
    assert found.get(colours.rail, 0) > 100


@THEMES
@pytest.mark.parametrize("panel", [entry.name for entry in PANELS])
def test_each_panel(window: MainWindow, theme: Theme, qtbot: QtBot, picture: Picture, panel: str, colours: Colours) -> None:
    theme.choose("dark" if colours.dark else "light")
    with qtbot.waitSignal(window.panelPainted):
        window.show_panel(panel)
    looks_right(picture(window, f"{panel}-{name_of(colours)}"), colours)


@THEMES
def test_the_start_page_while_the_demo_is_made(
    open_window: Callable[..., MainWindow], theme: Theme, qtbot: QtBot, picture: Picture, colours: Colours, workspace: Path
) -> None:
    def slow(folder: Path, emit: Emit, cancel: CancelToken) -> None:
        emit(Progress("Rendering the street", 42, 100, "frames"))
        while not cancel.cancelled:
            cancel._asked.wait(0.02)
        cancel.check()

    theme.choose("dark" if colours.dark else "light")
    window = open_window(slow)
    window.settings.add_recent(workspace.parent / "gone")
    window.settings.add_recent(workspace)
    job = window.start_first_time()
    assert job is not None
    qtbot.waitUntil(lambda: job.progress is not None)
    looks_right(picture(window, f"start-{name_of(colours)}"), colours)
    with qtbot.waitSignal(job.ended):
        window.start_page.cancel.click()
    assert job.state is State.CANCELLED


@THEMES
def test_a_small_window_with_all_docks_and_notices(
    open_window: Callable[..., MainWindow], theme: Theme, qtbot: QtBot, picture: Picture, colours: Colours
) -> None:
    theme.choose("dark" if colours.dark else "light")
    window = open_window(size=(1000, 640))
    window.show_panel("training")

    def fails(emit: Emit, cancel: CancelToken) -> None:
        emit(Notice("The recording has 3 gaps.", "warning"))
        emit(Progress("Reading events", 30, 100))
        raise BadInput("night.aedat4 ends in the middle of a packet: copy it again from the camera's computer.")

    for title, work in (
        ("Bin day.aedat4", lambda emit, cancel: emit(Progress("Writing frames", 10, 10))),
        ("Bin night.aedat4", fails),
    ):
        with qtbot.waitSignal(window.jobs.start(title, work).ended):
            pass
    window.actions_by_name["toggle_jobs"].trigger()
    window.open_guide("how-lens-learns")
    window.show_fault(Fault("The camera was unplugged. What was recorded is whole.", level="warning"))
    qtbot.wait(200)
    looks_right(picture(window, f"small-{name_of(colours)}"), colours, (1000, 640))


@THEMES
def test_a_form_with_errors(window: MainWindow, theme: Theme, qtbot: QtBot, picture: Picture, colours: Colours) -> None:
    theme.choose("dark" if colours.dark else "light")
    panel = QWidget()
    qtbot.addWidget(panel)
    theme.dress(panel)
    panel.setAutoFillBackground(True)
    form = ParameterForm(
        Everything, command="revisit-cli bin", groups={"Window": ("window_ms", "step_ms"), "Files": ("data_dir", "file")}
    )
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(20, 20, 20, 20)
    layout.addWidget(form)
    form.set_values({"count": 500, "loop": True, "step_ms": 2000.0})
    panel.resize(440, 860)
    panel.show()
    found = colours_of(picture(panel, f"form-{name_of(colours)}"), 1)
    assert found.get(colours.window, 0) > 100_000 and found.get(colours.error, 0) > 10


@THEMES
def test_palette_and_about(window: MainWindow, theme: Theme, qtbot: QtBot, picture: Picture, colours: Colours) -> None:
    theme.choose("dark" if colours.dark else "light")
    window.actions_by_name["command_palette"].trigger()
    window.palette_popup.line.setText("tr")
    assert colours_of(picture(window.palette_popup, f"palette-{name_of(colours)}")).get(colours.base, 0) > 100
    window.palette_popup.hide()
    window.actions_by_name["about"].trigger()
    about = window.findChild(About)
    assert isinstance(about, About)
    with qtbot.waitExposed(about):
        pass
    assert len(colours_of(picture(about, f"about-{name_of(colours)}"))) > 5
    with qtbot.waitSignal(about.destroyed):
        about.close()
