"""The Dataset panel in its states, in both themes and two sizes. REVISIT_ARTEFACTS keeps the pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.views.dataset import DatasetView
from app.widgets.colour_maps import counts_map, series_colours
from app.window import MainWindow
from engine.jobs import CancelToken, ignore
from engine.places.pose_logs import AttachParameters, attach_poses
from tests.app.conftest import Picture, colours_of
from tests.app.dataset_help import dialog_of, make_workspace, name_of, open_dataset, press, wait

THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def has(image: QImage, names: set[str]) -> set[str]:
    """Which of these colours the picture has."""
    wanted, found = {QColor(name).rgb() for name in names}, set()
    for y in range(image.height()):
        for x in range(image.width()):
            if image.pixel(x, y) in wanted:
                found.add(QColor(image.pixel(x, y)).name())
    return found


def within(part: QWidget, window: MainWindow) -> bool:
    """Whether all of a part lies in the window."""
    corner = part.mapTo(window, part.rect().bottomRight())
    return bool(corner.x() < window.width() and corner.y() < window.height())


@THEMES
@pytest.mark.parametrize("size", [(1280, 800), (1000, 640)], ids=["1280", "1000"])
def test_frames_comparison_and_figures(
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
    place = make_workspace(tmp_path / "work")
    log = AttachParameters(log=place.recordings / "monday.nmea")
    attach_poses(place, name_of("monday"), log, ignore, CancelToken())
    window = open_window(size=size)
    view = open_dataset(qtbot, window, place)
    window.session.select(dataset="street", camera="dvs", reference="monday", query="tuesday")
    view.frames.go(9)
    parts = view.parts
    parts.inspector.set_inputs(parts.inspector.inputs.model_copy(update={"dims": (8, 8), "cell": "centre"}), True)
    wait(qtbot, lambda: "monday" in parts.map.routes and parts.inspector.view.caption.text().startswith("image_0009"))
    wait(qtbot, lambda: parts.grid.painted_frames >= len(parts.grid.visible_frames()))
    image = picture(window, f"dataset-frames-{name}")
    found = colours_of(image)
    assert max(found, key=lambda colour: found[colour]) in (colours.window, colours.base, colours.rail, colours.alternate)
    brightest = QColor(*(int(part) for part in counts_map(colours)[255])).name()
    assert has(parts.grid.grab().toImage(), {brightest, colours.accent}) == {brightest, QColor(colours.accent).name()}
    assert has(parts.map.grab().toImage(), {series_colours(colours)[0]})
    for part in (parts.grid, parts.film, parts.map, parts.inspector, parts.more, parts.tree):
        assert within(part, window), part.objectName()
    # Nothing lies over something else, also where the window is small.
    inspector = parts.inspector
    assert inspector.view.geometry().bottom() <= inspector.show_grid.geometry().top() <= inspector.row.geometry().top()
    parts.show_tab("Compare")
    wait(qtbot, lambda: parts.compare.right.frame is not None and parts.compare.left.frame is not None)
    picture(window, f"dataset-compare-{name}")
    assert within(parts.compare.right_slider, window) and within(parts.map, window)
    parts.show_tab("Figures")
    picture(window, f"dataset-figures-{name}")
    assert within(parts.facts.warnings, window)
    assert (window.width(), window.height()) == size


@THEMES
def test_an_empty_workspace_and_dialogs(
    window: MainWindow, theme: Theme, qtbot: QtBot, picture: Picture, workspace: Path, tmp_path: Path, colours: Colours
) -> None:
    name = "dark" if colours.dark else "light"
    theme.choose(name)
    window.open_workspace(workspace)
    window.show_panel("dataset")
    view = window.current_view
    assert isinstance(view, DatasetView)
    wait(qtbot, lambda: "no traverses" in view.parts.card.text.text())
    image = picture(window, f"dataset-empty-{name}")
    assert has(view.parts.card.grab().toImage(), {colours.text}) and colours_of(image)
    view = open_dataset(qtbot, window, make_workspace(tmp_path / "work"))
    for operation in ("rename", "crop", "attach", "rebin"):
        view.run(operation)
        dialog = dialog_of(view)
        picture(dialog, f"dataset-{operation}-{name}")
        assert dialog.height() <= window.height()
        press(qtbot, dialog, "dialogCancel")
