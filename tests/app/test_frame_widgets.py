"""Frames and routes on the screen: the cache that reads off the UI thread, one frame large, and the map."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.frames_cache import FrameCache
from app.theme import DARK, LIGHT, Colours, Theme
from app.widgets.clock_result import ClockResult
from app.widgets.colour_maps import series_colours
from app.widgets.curves import drawable
from app.widgets.frame_view import FrameView
from app.widgets.route_map import RouteMap
from engine.frames.png import read_frame, write_png
from engine.places.clock import OffsetEstimate
from engine.places.making import TraverseName
from engine.places.positions import Positions
from engine.places.traverse import Traverse, open_traverse
from tests.app.conftest import Picture

LEFT = Qt.MouseButton.LeftButton
WAIT_MS = 30_000


def traverse_of(folder: Path, count: int, size: int = 16) -> Traverse:
    for number in range(count):
        write_png(folder / f"image_{number}.png", np.full((size, size), number % 256, np.uint8))
    return open_traverse(folder, folder.parent / "none.csv", folder.name)


# -- the cache


def test_a_frame_comes_later_and_then_stays(qtbot: QtBot, tmp_path: Path) -> None:
    traverse, cache = traverse_of(tmp_path / "a", 5), FrameCache()
    with qtbot.waitSignal(cache.frameReady, timeout=WAIT_MS) as ready:
        assert cache.frame(traverse, 3) is None
    assert ready.args == [str(tmp_path / "a"), 3]
    found = cache.frame(traverse, 3)
    assert found is not None and (found == 3).all()
    cache.close()


def test_the_newest_wish_is_read_first(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traverse, cache, all_asked = traverse_of(tmp_path / "a", 100), FrameCache(), threading.Event()

    def patient(path: Path) -> np.ndarray:
        all_asked.wait(30)
        return read_frame(path)

    monkeypatch.setattr("app.frames_cache.read_frame", patient)
    order: list[int] = []
    cache.frameReady.connect(lambda folder, number: order.append(number))
    for number in range(100):
        cache.frame(traverse, number)
    all_asked.set()
    qtbot.waitUntil(lambda: len(order) == 100, timeout=WAIT_MS)
    # One was taken before the others were asked for; the rest came newest first.
    assert sorted(order) == list(range(100)) and order[1:] == sorted(order[1:], reverse=True)
    cache.close()


def test_memory_is_bounded_and_the_least_used_goes_first(qtbot: QtBot, tmp_path: Path) -> None:
    traverse, cache = traverse_of(tmp_path / "a", 20, 32), FrameCache(limit_mib=10 * 1024 / 2**20)
    ready: list[int] = []
    cache.frameReady.connect(lambda folder, number: ready.append(number))
    for number in range(20):
        cache.frame(traverse, number)
        qtbot.waitUntil(lambda number=number: number in ready, timeout=WAIT_MS)
        cache.frame(traverse, 0)  # used again and again, so it stays
    assert len(cache) == 10 and cache.used_bytes == 10 * 1024
    assert cache.frame(traverse, 0) is not None and cache.frame(traverse, 19) is not None
    cache.close()


def test_a_broken_frame_is_a_sentence_and_is_not_read_again(qtbot: QtBot, tmp_path: Path) -> None:
    traverse, cache = traverse_of(tmp_path / "a", 3), FrameCache()
    (tmp_path / "a" / "image_1.png").write_bytes(b"no picture")
    with qtbot.waitSignal(cache.frameFailed, timeout=WAIT_MS) as failed:
        cache.frame(traverse, 1)
    assert failed.args is not None and "is not a PNG file" in failed.args[2]
    assert "is not a PNG file" in cache.problem(traverse, 1)
    with qtbot.assertNotEmitted(cache.frameFailed, wait=50):
        assert cache.frame(traverse, 1) is None
    cache.forget()
    assert cache.problem(traverse, 1) == ""
    cache.close()


def test_frames_can_be_prepared_in_the_thread(qtbot: QtBot, tmp_path: Path) -> None:
    traverse, cache = traverse_of(tmp_path / "a", 3), FrameCache(prepare=lambda frame: frame[:2, :2] + 1)
    with qtbot.waitSignal(cache.frameReady, timeout=WAIT_MS):
        cache.frame(traverse, 1)
    found = cache.frame(traverse, 1)
    assert found is not None and found.tolist() == [[2, 2], [2, 2]] and cache.used_bytes == 4
    cache.close()


def test_a_closed_cache_reads_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    traverse, cache = traverse_of(tmp_path / "a", 50), FrameCache()
    for number in range(50):
        cache.frame(traverse, number)
    cache.close()
    with qtbot.assertNotEmitted(cache.frameReady, wait=50):
        assert cache.frame(traverse, 7) is None


# -- one frame


def test_a_frame_with_its_caption_and_none(qtbot: QtBot, theme: Theme) -> None:
    view = FrameView(theme, "frame", "Choose a traverse")
    qtbot.addWidget(view)
    view.resize(200, 200)
    view.show()
    assert view.message.isVisible() and view.message.text() == "Choose a traverse"
    view.show_frame(np.eye(20, dtype=np.uint8) * 50, "image_3.png")
    assert view.picture.isVisible() and view.picture.size_shown == (20, 20) and view.caption.text() == "image_3.png"
    view.show_frame(None, "image_4.png", empty="It is broken.")
    assert view.message.isVisible() and view.message.text() == "It is broken." and not view.picture.isVisible()
    theme.changed.disconnect(view.picture._on_theme)


# -- the map


def circle(radius: float = 50, count: int = 100, missing: int = 0) -> Positions:
    angle = np.linspace(0, 1.5 * np.pi, count)
    xy = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    xy[count - missing :] = np.nan
    return Positions(xy, np.zeros(count), None, "circle", (51.0, 0.0))


@pytest.fixture
def route_map(qtbot: QtBot, theme: Theme) -> RouteMap:
    made = RouteMap(theme, empty="No poses yet")
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.show()
    return made


def test_a_click_names_the_nearest_frame(route_map: RouteMap, qtbot: QtBot) -> None:
    route_map.set_routes({"monday": circle(), "tuesday": circle(60)})
    qtbot.wait(20)
    with qtbot.waitSignal(route_map.frameClicked, timeout=WAIT_MS) as clicked:
        qtbot.mouseClick(route_map.viewport(), LEFT, pos=route_map.place_of("tuesday", 40))
    assert clicked.args is not None and clicked.args[0] == "tuesday" and abs(clicked.args[1] - 40) <= 2
    with qtbot.assertNotEmitted(route_map.frameClicked, wait=20):  # the middle of the circle is near to nothing
        qtbot.mouseClick(route_map.viewport(), LEFT, pos=route_map.viewport().rect().center() + QPoint(3, -3))


def test_a_drag_moves_the_map_and_a_double_click_fits_it(route_map: RouteMap, qtbot: QtBot) -> None:
    route_map.set_routes({"monday": circle()})
    qtbot.wait(20)
    before = route_map.place_of("monday", 0)
    view, start = route_map.viewport(), route_map.place_of("monday", 10)
    with qtbot.assertNotEmitted(route_map.frameClicked, wait=20):
        qtbot.mousePress(view, LEFT, pos=start)
        for step in (10, 20, 40):
            qtbot.mouseMove(view, start - QPoint(step, 0))
        qtbot.mouseRelease(view, LEFT, pos=start - QPoint(40, 0))
    assert route_map.place_of("monday", 0) != before
    qtbot.mouseDClick(view, LEFT, pos=start)
    assert (route_map.place_of("monday", 0) - before).manhattanLength() <= 2


def test_both_ways_have_one_scale(route_map: RouteMap) -> None:
    route_map.set_routes({"monday": circle()})
    across, up = route_map.view.viewPixelSize()
    assert across == pytest.approx(up, rel=1e-3)


def test_marks_come_and_go_and_frames_without_a_pose_have_none(route_map: RouteMap) -> None:
    route_map.set_routes({"monday": circle(missing=20)})
    for role in ("query", "match", "true"):
        route_map.mark("monday", 10, role)  # type: ignore[arg-type]
        assert len(route_map._points[role].points()) == 1  # type: ignore[index]
    route_map.mark("monday", 95, "query")
    assert len(route_map._points["query"].points()) == 0
    route_map.mark("monday", None, "match")
    assert set(route_map.marks) == {("monday", "query"), ("monday", "true")}
    route_map.set_routes({"monday": circle()})
    assert not route_map.marks


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_map_in_both_themes(route_map: RouteMap, theme: Theme, picture: Picture, qtbot: QtBot, colours: Colours) -> None:
    theme.choose("dark" if colours.dark else "light")
    route_map.set_routes({})
    picture(route_map, f"map-empty-{'dark' if colours.dark else 'light'}")
    route_map.set_routes({"monday": circle(missing=12), "tuesday": circle(56)})
    for name, frame, role in (("monday", 20, "match"), ("tuesday", 22, "query"), ("monday", 25, "true")):
        route_map.mark(name, frame, role)  # type: ignore[arg-type]
    qtbot.wait(20)
    image = picture(route_map, f"map-{'dark' if colours.dark else 'light'}")
    found = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert {QColor(name).name() for name in series_colours(colours)[:2]} <= found


def test_a_very_long_route_is_thinned(route_map: RouteMap) -> None:
    route_map.set_routes({"monday": circle(count=30_000)})
    assert len(route_map._lines["monday"].xData) <= 8000
    assert len(route_map.routes["monday"]) == 30_000


# -- curves


@pytest.mark.parametrize("costs", [[np.nan] * 4, [np.nan, 2.0, np.nan, 3.0], [1.0, 2.0, 3.0, 4.0]])
def test_a_clocks_curve_is_drawn_whatever_is_known_of_it(theme: Theme, qtbot: QtBot, costs: list[float]) -> None:
    name = TraverseName("walk", "dvs", "monday")
    found = OffsetEstimate(
        reference=name, query=name, offset_s=1.0, present_s=0.0, before_m=5.0, after_m=1.0, matches=4, certain=True, better=True,
        offsets_s=np.array([-1.0, 0.0, 1.0, 2.0]), costs_m=np.array(costs), text="Found.",
    )  # fmt: skip
    owner = QWidget()
    qtbot.addWidget(owner)
    dialog = ClockResult(owner, theme, found)
    dialog.show()
    image = dialog.grab().toImage()
    assert not image.isNull()
    assert len(drawable(found.offsets_s, found.costs_m)[0]) == (4 if np.isfinite(costs).any() else 0)
