"""Panels that are built in pieces while the window goes on answering."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app import deploy_runner
from app.building import Building, Frame
from app.imports import needs_of
from app.panels import PANELS, Panel
from app.pieces import Pieces, at_once
from app.views.base import Command, View
from app.views.dataset import DatasetView
from app.widgets.panel_header import PanelHeader
from app.window import MainWindow
from engine.errors import BadInput
from engine.loading import load, load_torch
from engine.places.workspace import Workspace
from tests.app.alone import WINDOW, run_alone

_MANY = 8


class Slow(View):
    name, title, summary, guide = "dataset", "Dataset", "Built in two pieces.", "your-data"
    stopped = False

    def fill(self) -> Pieces[None]:
        yield
        yield

    def commands(self) -> list[Command]:
        return [Command("slow_run", "Run it", lambda: None, "Ctrl+E")]

    def stop(self) -> None:
        self.stopped = True


class Broken(View):
    name, title, summary = "dataset", "Dataset", "Cannot be built."

    def fill(self) -> Pieces[None]:
        yield
        raise ValueError("broken")


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[View]], None]:
    def put(view: type[View]) -> None:
        monkeypatch.setattr(Panel, "view_class", property(lambda entry: view))
        monkeypatch.setattr(Panel, "loaded", property(lambda entry: True))

    return put


def go(window: MainWindow, name: str) -> None:
    window.actions_by_name[f"go_{name}"].trigger()


def test_a_click_shows_the_frame_at_once_and_the_panel_in_its_place(
    window: MainWindow, qtbot: QtBot, give: Callable[[type[View]], None]
) -> None:
    give(Slow)
    go(window, "dataset")
    frame = window.stack.currentWidget()
    assert isinstance(frame, Frame) and frame.hasFocus()
    assert [label.text() for label in frame.findChildren(QLabel)] == ["Dataset", "Built in two pieces."]
    assert window.navigation.buttons["dataset"].isChecked()
    assert not window._panel_menu.menuAction().isVisible()
    with qtbot.waitSignal(window.panelPainted):
        pass
    view = window.stack.currentWidget()
    assert isinstance(view, Slow) and view.hasFocus() and window.stack.count() == 2
    assert window._panel_menu.menuAction().isVisible()


@pytest.mark.parametrize("entry", PANELS, ids=lambda entry: entry.name)
def test_the_header_does_not_move_when_the_panel_comes(window: MainWindow, qtbot: QtBot, entry: Panel) -> None:
    go(window, entry.name)
    frame = window.stack.currentWidget()
    assert isinstance(frame, Frame)
    window.grab()
    header = frame.findChild(PanelHeader)
    assert header is not None
    room = header.geometry()
    view = window.current_view
    assert view is not None
    window.grab()
    assert view.header.geometry() == room


def test_who_asks_for_the_view_gets_it_whole(window: MainWindow, give: Callable[[type[View]], None]) -> None:
    give(Slow)
    go(window, "dataset")
    assert isinstance(window.current_view, Slow)
    assert window.stack.currentWidget() is window.current_view and window.stack.count() == 2
    window.show_panel("dataset")
    assert window.stack.count() == 2


def test_another_panel_asked_for_meanwhile_is_the_one_that_is_seen(
    window: MainWindow, qtbot: QtBot, give: Callable[[type[View]], None]
) -> None:
    give(Slow)
    go(window, "dataset")
    go(window, "start")
    qtbot.waitUntil(lambda: not window._buildings)
    assert window.stack.currentWidget() is window.start_page and window.stack.count() == 2
    go(window, "dataset")
    assert isinstance(window.stack.currentWidget(), Slow), "built meanwhile"


def test_the_focus_stays_where_the_person_took_it(window: MainWindow, qtbot: QtBot, give: Callable[[type[View]], None]) -> None:
    give(Slow)
    window.open_guide()
    go(window, "dataset")
    window.guide.search.setFocus()
    with qtbot.waitSignal(window.panelPainted):
        pass
    assert window.guide.search.hasFocus()


def test_closing_meanwhile_leaves_nothing(window: MainWindow, give: Callable[[type[View]], None]) -> None:
    give(Slow)
    go(window, "dataset")
    assert window.close() and window.settings.panel == "dataset"
    assert not window._views


def test_closing_when_the_view_is_whole_but_not_in_its_place_stops_it(
    window: MainWindow, give: Callable[[type[View]], None]
) -> None:
    stopped: list[bool] = []

    class Busy(Slow):
        def stop(self) -> None:
            stopped.append(True)

    give(Busy)
    go(window, "dataset")
    building = window._buildings["dataset"]
    while building._view is None:
        building._step()
    assert window.close() and stopped == [True] and not window._views


@pytest.mark.parametrize("entry", PANELS, ids=lambda entry: entry.name)
def test_a_panel_comes_in_many_pieces_and_can_be_left_half_way(window: MainWindow, qtbot: QtBot, entry: Panel) -> None:
    assert entry.view_class.name == entry.name  # its module is there
    for steps in (_MANY, _MANY // 2):  # one piece would hold the window up for 100 ms and more
        building = Building(entry, window._tools, window._imports, window.stack, window)
        for _ in range(steps):
            building._step()
        assert building._view is None
        building.stop()
        building.frame.deleteLater()
    qtbot.waitUntil(lambda: not window.stack.findChildren(View))
    assert not window._imports._held and not window.jobs.running


def test_a_panel_that_cannot_be_built_leads_to_the_start_page(
    window: MainWindow, qtbot: QtBot, give: Callable[[type[View]], None]
) -> None:
    give(Broken)
    with qtbot.captureExceptions() as told:
        go(window, "dataset")
        qtbot.waitUntil(lambda: window.stack.currentWidget() is window.start_page)
    assert [str(error[1]) for error in told] == ["broken"]
    assert not window._buildings and window.stack.count() == 1


def test_a_module_that_cannot_be_imported_is_told(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Panel, "loaded", property(lambda entry: False))
    monkeypatch.setattr(Panel, "module", property(lambda entry: "app.views.missing"))
    go(window, "dataset")
    qtbot.waitUntil(lambda: window.stack.currentWidget() is window.start_page)
    assert "Import Dataset failed (ModuleNotFoundError" in window.toasts.shown[0].fault.sentence


def test_a_panel_waits_for_an_import_under_way(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    began, release = threading.Event(), threading.Event()

    def hold(module: str) -> tuple[list[str], list[str]]:
        began.set()
        release.wait(60)
        return [], []

    monkeypatch.setattr("app.building.needs_of", hold)
    window._imports.load(PANELS[0], lambda: None, lambda sentence: None)
    began.wait(60)
    go(window, "dataset")
    qtbot.wait(30)
    assert isinstance(window.stack.currentWidget(), Frame)
    release.set()
    qtbot.waitUntil(lambda: isinstance(window.stack.currentWidget(), DatasetView))


def test_warming_imports_what_is_not_there_yet_and_never_while_a_panel_is_built(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []
    monkeypatch.setattr("app.building.needs_of", lambda module: (imported.append(module) or [], []))
    monkeypatch.setattr(Panel, "loaded", property(lambda entry: entry.module in imported or entry.name == "capture"))
    window._imports.hold()
    window.warm_up()
    assert not window._imports.busy
    window._imports.release()
    qtbot.waitUntil(lambda: len(imported) == len(PANELS) - 1 and not window._imports.busy)
    assert imported == [entry.module for entry in PANELS[1:]]


def test_classes_of_qts_are_made_in_the_windows_thread_and_the_rest_of_a_panel_in_another(tmp_path: Path) -> None:
    """In a process of its own, where no panel is imported yet."""
    code = WINDOW + (
        "import threading, builtins, time\nfrom app.panels import PANELS\n"
        "make, here, wrong, right, engine = builtins.__build_class__, threading.get_ident(), [], [], []\n"
        "def made(body, name, *bases, **more):\n"
        "    found = make(body, name, *bases, **more)\n"
        "    if threading.get_ident() == here:\n"
        "        right.append(name)\n"
        "        if found.__module__.startswith('engine.'): engine.append(found.__module__)\n"
        "    elif issubclass(found, QObject): wrong.append(name)\n"
        "    return found\n"
        "builtins.__build_class__ = made\n"
        "window.warm_up()\n"
        "end = time.monotonic() + 120\n"
        "while not all(entry.loaded for entry in PANELS) and time.monotonic() < end:\n"
        "    application.processEvents()\n"
        "print(all(entry.loaded for entry in PANELS), wrong, 'TrainingView' in right, engine)\n"
        "window.stop_and_close()\n"
    )
    done = run_alone(code, tmp_path / "settings.ini")
    assert done.stdout.strip() == "True [] True []", done.stderr


def test_needs_are_found_without_an_import() -> None:
    code = (
        "import sys\nfrom app.imports import needs_of\nothers, ours = needs_of('app.views.training')\n"
        "print('app.views.training' in sys.modules, ours[-1], 'engine.training.run' in others, 'pyqtgraph' in others)\n"
        "print([name for name in ours if name.partition('.')[0] != 'app'], ours.index('app.pieces') < len(ours) - 1)\n"
    )
    done = run_alone(code)
    assert done.stdout.split("\n")[:2] == ["False app.views.training True False", "[] True"], done.stdout + done.stderr
    with pytest.raises(ModuleNotFoundError, match=r"app\.views\.missing"):
        needs_of("app.views.missing")


def test_pieces_at_once() -> None:
    done: list[int] = []

    def pieces() -> Pieces[str]:
        for number in range(3):
            done.append(number)
            yield
        return "whole"

    assert at_once(pieces()) == "whole" and done == [0, 1, 2]


def test_loading_in_a_thread_leaves_the_threads_turns_as_they_were() -> None:
    turns, found = sys.getswitchinterval(), []
    thread = threading.Thread(target=lambda: found.extend([load("json"), load_torch()]))
    thread.start()
    thread.join()
    assert [module.__name__ for module in found] == ["json", "torch"]
    assert sys.getswitchinterval() == turns


def test_a_network_is_opened_after_the_first_paint(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's library locks the system's loader, which a first paint needs, too."""
    opened: list[Path] = []

    def never(path: Path, *rest: object) -> None:
        opened.append(path)
        raise BadInput("There is none.")

    monkeypatch.setattr(deploy_runner, "open_model", never)
    runner = deploy_runner.DeployRunner()
    told: list[str] = []
    runner.modelFailed.connect(told.append)
    runner.open_model(tmp_path / "a.pth", Workspace.create(tmp_path / "lab"), 0)
    assert runner.opening
    qtbot.wait(50)
    assert not opened and runner.opening
    runner.note_painted()
    qtbot.waitUntil(lambda: told == ["There is none."])
    assert opened == [tmp_path / "a.pth"] and not runner.opening
    runner.open_model(tmp_path / "b.pth", Workspace.create(tmp_path / "lab2"), 0)
    qtbot.waitUntil(lambda: len(told) == 2)
    runner.stop()
