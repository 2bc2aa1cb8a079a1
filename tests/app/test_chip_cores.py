"""The nine cores, drawn."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF
from PySide6.QtGui import QColor, QHelpEvent, QImage
from PySide6.QtWidgets import QLabel, QToolTip
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.widgets.check_list import CheckList
from app.widgets.chip_cores import ChipCores
from engine.chip.check import check_network
from engine.frames.inputs import InputParameters
from engine.live.preflight import Check
from tests.app.conftest import Picture


def cores(qtbot: QtBot, theme: Theme) -> ChipCores:
    made = ChipCores(theme)
    qtbot.addWidget(made)
    made.resize(360, made.sizeHint().height())
    with qtbot.waitExposed(made):
        made.show()
    return made


def found(image: QImage, name: str) -> int:
    wanted = QColor(name).rgb()
    return sum(image.pixel(x, y) == wanted for y in range(0, image.height(), 2) for x in range(0, image.width(), 2))


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_a_network_that_fits_and_one_that_does_not(qtbot: QtBot, theme: Theme, picture: Picture, colours: Colours) -> None:
    widget = cores(qtbot, theme)
    name = "dark" if colours.dark else "light"
    theme.choose(name)
    fits = check_network(InputParameters(dims=(10, 10), roi_dim=(80, 80)), 200, 100)
    widget.show_check(fits)
    image = picture(widget, f"chip-cores-{name}")
    assert found(image, colours.accent) > 30
    assert found(image, colours.error) == 0
    on = {layer.core: layer.layer for layer in fits.layers}
    assert {core: widget.layer_on(core).layer for core in on} == on
    assert widget.layer_on(0) is None
    widget.show_check(check_network(InputParameters(dims=(10, 10)), 100, 641))
    image = picture(widget, f"chip-cores-too-large-{name}")
    assert found(image, colours.error) > 30
    widget.show_check(None)
    assert found(widget.grab().toImage(), colours.accent) == 0


def test_each_core_says_what_it_holds(qtbot: QtBot, theme: Theme) -> None:
    widget = cores(qtbot, theme)
    assert widget.text_of(5) == "Core 5: empty; it has 64 KB of weights and 16 Ki states."
    fits = check_network(InputParameters(dims=(10, 10), roi_dim=(80, 80)), 200, 100)
    widget.show_check(fits)
    features = fits.layers[1].core
    assert widget.text_of(features).startswith(
        f"Core {features} holds the features: 200 neurons of 100 weights each; 32.0 of 32 KB"
    )
    assert widget.accessibleDescription() == fits.sentence
    widget.show_check(check_network(InputParameters(dims=(10, 10)), 100, 641))
    assert "641 outputs need 36 KB more" in widget.text_of(5)
    where = QPoint(round(widget.width() / 2), round(widget.height() / 2))
    event = QHelpEvent(QEvent.Type.ToolTip, where, widget.mapToGlobal(where))
    assert widget.event(event)
    qtbot.waitUntil(lambda: QToolTip.text() == widget.text_of(4))
    QToolTip.hideText()
    assert not widget._box(4).contains(QPointF(0, 0))


def test_the_check_list_draws_the_cores_where_a_run_needs_the_chip(qtbot: QtBot, theme: Theme) -> None:
    checks = CheckList(theme)
    qtbot.addWidget(checks)
    checks.resize(300, 600)
    with qtbot.waitExposed(checks):
        checks.show()
    fits = check_network(InputParameters(dims=(10, 10), roi_dim=(80, 80)), 200, 100)
    checks.show_checks([Check("Chip", "good", "The CPU runs any network.")])
    assert checks.findChild(ChipCores) is None
    checks.show_checks([Check("Chip", "good", fits.sentence, chip=fits)])
    drawn = checks.findChild(ChipCores)
    assert drawn.isVisible()
    assert drawn.check == fits
    checks.show_checks([Check("Chip", "good", "The CPU runs any network.")])
    assert not drawn.isVisible()
    stray = check_network(InputParameters(dims=(10, 10), roi_dim=(100, 100)), 200, 100)  # no layer of it can be laid out
    checks.show_checks([Check("Chip", "bad", stray.sentence, chip=stray)])
    assert not drawn.isVisible()


def test_points_that_come_later_take_their_place_in_the_list(qtbot: QtBot, theme: Theme) -> None:
    checks = CheckList(theme)
    qtbot.addWidget(checks)
    checks.resize(300, 600)
    with qtbot.waitExposed(checks):
        checks.show()
    first, second, third = (Check(name, "good", f"{name}.") for name in ("Chip", "Integers", "Region"))

    def order() -> list[str]:
        rows = [checks.findChild(QLabel, f"check{name}Text") for name in ("Chip", "Integers", "Region")]
        shown = sorted(
            (row for row in rows if row is not None and row.isVisible()), key=lambda row: row.mapTo(checks, QPoint()).y()
        )
        return [row.text() for row in shown]

    checks.show_checks([first, third])
    checks.show_checks([first, second, third])
    qtbot.waitUntil(lambda: order() == ["Chip.", "Integers.", "Region."])
    checks.show_checks([first, third])
    qtbot.waitUntil(lambda: order() == ["Chip.", "Region."])
    checks.show_checks([first, second, third])
    qtbot.waitUntil(lambda: order() == ["Chip.", "Integers.", "Region."])
