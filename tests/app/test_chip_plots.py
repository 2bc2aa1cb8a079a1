"""The plots of a chip at work: power by rail and the output raster, in both themes."""

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, Colours, Theme
from app.widgets.colour_maps import series_colours
from app.widgets.power_plot import PowerPlot
from app.widgets.raster import RasterPlot
from tests.app.conftest import Picture


def shown(qtbot: QtBot, *parts: QWidget) -> QWidget:
    box = QWidget()
    box.setObjectName("plots")
    column = QVBoxLayout(box)
    for part in parts:
        column.addWidget(part)
    box.resize(420, 420)
    qtbot.addWidget(box)
    with qtbot.waitExposed(box):
        box.show()
    return box


def holds(image: QImage, name: str, reach: int = 30) -> int:
    wanted = QColor(name)
    found = 0
    for y in range(0, image.height(), 2):
        for x in range(0, image.width(), 2):
            pixel = image.pixelColor(x, y)
            apart = (pixel.red() - wanted.red(), pixel.green() - wanted.green(), pixel.blue() - wanted.blue())
            found += max(map(abs, apart)) <= reach
    return found


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_power_and_raster_are_drawn_in_both_themes(qtbot: QtBot, theme: Theme, picture: Picture, colours: Colours) -> None:
    power, raster = PowerPlot(theme), RasterPlot(theme, 50)
    box = shown(qtbot, power, raster)
    theme.choose("dark" if colours.dark else "light")
    rng = np.random.default_rng(0)
    seconds = np.arange(0, 40, 0.05)
    watts = np.array([5e-5, 6e-4, 1.3e-3, 8e-5, 6.3e-4]) * rng.uniform(0.8, 1.2, (len(seconds), 5))
    power.show_power(seconds, watts, "measured")
    for end in range(100_000, 8_000_001, 100_000):
        times = np.sort(rng.integers(end - 100_000, end, 40))
        raster.show_spikes(times, (end // 160_000 + rng.normal(0, 2, 40)).astype(np.int32), end)
    image = picture(box, f"chip-plots-{'dark' if colours.dark else 'light'}")
    for colour in series_colours(colours)[1:3]:
        assert holds(image, colour) > 10
    assert image.pixelColor(200, 100) != QColor(colours.window)
    assert power.title.endswith("mW, measured")
    assert 2.4 < float(power.title.split(":")[1].split()[0]) < 2.9
    assert "logic&nbsp;1." in power.legend


def test_an_estimate_is_called_one(qtbot: QtBot, theme: Theme) -> None:
    power = PowerPlot(theme)
    _box = shown(qtbot, power)
    power.show_power(np.array([0.0, 1.0]), np.full((2, 5), 1e-3), "estimated")
    assert power.title == "Power by rail: 5.00 mW, estimated"
    power.clear()
    assert power.title == "Power by rail"
    power.show_power(np.zeros(0), np.zeros((0, 5)), "measured")
    assert power.title == "Power by rail"


def test_power_is_averaged_and_only_the_last_minute_is_drawn(qtbot: QtBot, theme: Theme) -> None:
    power = PowerPlot(theme)
    _box = shown(qtbot, power)
    seconds = np.arange(0, 200, 0.05)
    watts = np.full((len(seconds), 5), 1e-3)
    watts[seconds < 100] = 5e-3
    power.show_power(seconds, watts, "measured")
    at, sums = power._areas[0].getData()
    assert at[-1] == 0
    assert at[0] >= -60
    assert len(at) <= 121
    np.testing.assert_allclose(sums, 5.0)


def test_spikes_lie_where_they_were_and_leave_on_the_left(qtbot: QtBot, theme: Theme) -> None:
    raster = RasterPlot(theme, 4, span_s=10)
    _box = shown(qtbot, raster)
    none = (np.zeros(0, np.int64), np.zeros(0, np.int32))
    raster.show_spikes(np.array([1_000_000, 1_000_000, 1_990_000]), np.array([1, 1, 3], np.int32), 2_000_000)
    assert raster.counts.sum() == 3
    assert raster.counts[1, -41] == 2  # a bin is 25 ms
    assert raster.counts[3, -2] == 1
    raster.show_spikes(*none, 3_000_000)
    assert raster.counts[1, -81] == 2
    raster.show_spikes(*none, 11_500_000)
    assert raster.counts.sum() == 1
    raster.show_spikes(np.array([11_600_000]), np.array([9], np.int32), 11_700_000)  # no such place
    assert raster.counts.sum() == 1
    raster.show_spikes(*none, 40_000_000)
    assert raster.counts.sum() == 0
    raster.show_spikes(np.array([900_000]), np.array([0], np.int32), 1_000_000)  # time begins anew
    assert raster.counts.sum() == 1
    raster.set_places(8)
    assert raster.counts.shape[0] == 8
    assert raster.counts.sum() == 0
