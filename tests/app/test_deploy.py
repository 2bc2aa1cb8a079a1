"""The Deploy panel, driven by clicks and keys as a person drives it."""

import errno
import itertools
import json
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from app.theme import Theme
from app.views.deploy import DeployView
from app.widgets.demo_screen import DemoScreen
from app.window import MainWindow
from engine.events.sources import Address, ReplaySource, SourceState, StreamServer, parse_address
from engine.jobs import CancelToken, Throttle, ignore
from engine.live import open_model
from engine.live.speck import SpeckCamera
from engine.places.selection import ReferenceSelection
from engine.places.workspace import Workspace
from engine.training.job import TrainingOutput
from engine.training.prototype import PrototypeParameters, train_prototype
from tests.app.capture_help import choose, retype, wait_for
from tests.app.conftest import Picture
from tests.app.deploy_help import answered, click, make_lab, open_panel, part
from tests.chip.fake_driver import Board, modules
from tests.chip.stand_in import driver
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import INPUTS, PLACES, SENSOR, add_query, route_events

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def lab(tmp_path: Path) -> tuple[Path, Path, Path]:
    return make_lab(tmp_path)


@pytest.fixture(autouse=True)
def ended(open_window: Callable[..., MainWindow], qtbot: QtBot) -> Iterator[None]:
    """A run that a test leaves on is ended: closing would ask."""
    yield
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, MainWindow) and widget.isVisible():
            widget.stop_and_close()
            qtbot.waitUntil(lambda widget=widget: not widget.isVisible())


def tab(qtbot: QtBot, window: MainWindow, bar_of: str, title: str) -> None:
    bar = part(window, bar_of).findChild(QTabBar)
    assert isinstance(bar, QTabBar)
    index = next(i for i in range(bar.count()) if bar.tabText(i).startswith(title))
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())


def text(window: MainWindow, name: str) -> str:
    label = part(window, name)
    assert isinstance(label, QLabel)
    return label.text()


def test_a_run_from_start_to_evaluation(window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]) -> None:
    root, model, recording = lab
    view = open_panel(qtbot, window, root)
    assert view.parts.setup.path == model
    assert view.parts.source.chosen.path == recording  # the panel suggests a recording of the route
    assert text(window, "deployNetworkAbout") == f"lens, {PLACES} places of walk."
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: answered(view, 12) and view.parts.history.filled >= 12)
    assert view.parts.place.place is not None and 0 <= view.parts.place.place < PLACES
    assert view.parts.now.frame is not None
    wait_for(qtbot, lambda: view.parts.match.frame is not None)
    assert view.parts.live.picture.drawn > 0
    assert view.parts.layers.layers[0].trained_hz is not None
    wait_for(qtbot, lambda: " ms, p95 " in text(window, "deployFigures"))
    assert not view.parts.setup.network.isEnabled()
    assert view.unsaved() == "a live run"
    for title in ("Spikes", "Layers", "Power", "Ghost", "Events", "Map"):
        tab(qtbot, window, "deployPlots", title)
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: not view.runner.running)
    assert part(window, "sessionPanel").isVisible()
    folder = view.parts.session.folder
    assert folder is not None and folder.parent == root / "output"
    told = json.loads((folder / "session.json").read_text())
    assert told["complete"] and str(told["totals"]["places"]) == text(window, "session_places")
    assert np.load(folder / "spikes.npy", allow_pickle=False).shape == (PLACES, told["windows"])
    assert (folder / "events.aedat4").exists()
    assert view.unsaved() == ""
    with qtbot.waitSignal(window.session.resultChosen) as chosen:
        click(qtbot, window, "sessionEvaluate")
    assert chosen.args == [folder]
    assert window.current_view is not None and window.current_view.name == "evaluation"


def test_the_map_says_that_there_are_no_poses_once_that_is_known(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window.show_panel("deploy")
    view = window.current_view
    assert isinstance(view, DeployView) and view.parts.map.empty == ""
    release = threading.Event()

    def slow(*arguments: Any, **rest: Any) -> Any:
        release.wait(60)
        return open_model(*arguments, **rest)

    monkeypatch.setattr("app.deploy_runner.open_model", slow)
    window.open_workspace(lab[0])
    assert view.runner.opening and view.parts.map.empty == ""
    release.set()
    wait_for(qtbot, lambda: view.runner.model is not None)
    assert view.parts.map.empty == "The reference has no poses" and not view.parts.map.routes


def test_a_start_while_the_network_is_opened_is_kept(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import app.deploy_runner
    from engine.live import open_model

    go = threading.Event()

    def slow(*arguments: object) -> object:
        go.wait()
        return open_model(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(app.deploy_runner, "open_model", slow)
    window.open_workspace(lab[0])
    window.show_panel("deploy")
    view = window.current_view
    click(qtbot, window, "deployRun")
    assert not view.runner.running  # type: ignore[union-attr]
    go.set()
    wait_for(qtbot, lambda: view.runner.running and answered(view, 2))  # type: ignore[union-attr,arg-type]


def test_watching_fills_the_check_list_and_its_buttons_mend(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]
) -> None:
    view = open_panel(qtbot, window, lab[0])
    tab(qtbot, window, "deployTabs", "Checks")
    assert text(window, "checkRegionText").startswith("The network takes 32 × 32 pixels")
    click(qtbot, window, "sourceOpen")
    wait_for(qtbot, lambda: "as when trained" in text(window, "checkRegionText"))
    wait_for(qtbot, lambda: "events per pixel now" in text(window, "checkEventsText"))
    wait_for(qtbot, lambda: text(window, "checkHotpixelsText") == "None.")
    assert not view.runner.running
    tab(qtbot, window, "deployTabs", "Run")
    retype(qtbot, view.parts.setup.form.editor("window_ms"), "200")
    tab(qtbot, window, "deployTabs", "Checks")
    assert "trained with 100 ms" in text(window, "checkWindowText")
    assert view.parts.tabs.tabText(1) == "Checks (1)"
    click(qtbot, window, "checkWindowMend")
    assert "as when trained" in text(window, "checkWindowText")
    assert view.parameters.window_ms is None
    assert view.parts.tabs.tabText(1) == "Checks"
    click(qtbot, window, "sourceClose")
    assert view.runner.capture.state is SourceState.IDLE
    assert text(window, "checkRegionText").startswith("The network takes 32 × 32 pixels")


def test_the_virtual_speck_with_the_cpu_as_its_ghost(window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]) -> None:
    view = open_panel(qtbot, window, lab[0])
    choose(qtbot, view.parts.setup.target, "Virtual Speck")
    choose(qtbot, view.parts.setup.ghost, "CPU")
    choose(qtbot, view.parts.setup.sequence, "None")
    assert (view.parameters.target, view.parameters.ghost, view.parameters.sequence) == ("virtual", "cpu", "none")
    tab(qtbot, window, "deployPlots", "Ghost")
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: view.runner.capture.replay is not None)
    view.runner.capture.replay.loop = True  # type: ignore[union-attr]  # the recording ends before a slow machine has drawn it
    wait_for(qtbot, lambda: answered(view, 8))
    wait_for(qtbot, lambda: "Same place in" in text(window, "ghostWords"))
    tab(qtbot, window, "deployPlots", "Power")
    wait_for(qtbot, lambda: "estimated" in text(window, "deployEnergy"))
    wait_for(qtbot, lambda: "estimated" in text(window, "powerLegend") or "estimated" in view.parts.power.title)
    assert {layer.where for layer in view.parts.layers.layers} != {"CPU"}
    click(qtbot, window, "sourceClose")  # ends the run with the source
    wait_for(qtbot, lambda: not view.runner.running)
    assert "estimated" in text(window, "session_energy")


def test_recall_in_the_chips_integers_is_measured_by_a_button(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]
) -> None:
    root, _, _ = lab
    add_query(Workspace.open(root))
    view = open_panel(qtbot, window, root)
    choose(qtbot, view.parts.setup.target, "Virtual Speck")
    tab(qtbot, window, "deployTabs", "Checks")
    wait_for(
        qtbot, lambda: view.findChild(QWidget, "checkIntegersMend") is not None and part(window, "checkIntegersMend").isVisible()
    )
    click(qtbot, window, "checkIntegersMend")
    wait_for(qtbot, lambda: "in integers (6 queries" in text(window, "checkIntegersText"))
    assert not part(window, "checkIntegersMend").isVisible()


def test_a_workspace_without_a_network_trains_one(window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]) -> None:
    root, model, _ = lab
    model.unlink()
    window.open_workspace(root)
    window.show_panel("deploy")
    view = window.current_view
    assert not view.parts.run_button.isEnabled()  # type: ignore[union-attr]
    assert view.parts.run_button.toolTip() == "Choose a network first."  # type: ignore[union-attr]
    click(qtbot, window, "deployTrain")
    wait_for(qtbot, lambda: view.runner.model is not None)  # type: ignore[union-attr]
    assert view.parts.run_button.isEnabled()  # type: ignore[union-attr]
    assert not part(window, "deployTrain").isVisible()


def test_a_broken_network_is_a_sentence_and_nothing_starts(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]
) -> None:
    root, model, _ = lab
    model.write_bytes(b"PK\x03\x04 this is no network")
    window.open_workspace(root)
    window.show_panel("deploy")
    view = window.current_view
    wait_for(qtbot, lambda: "is not a PyTorch file" in text(window, "deployNetworkAbout"))
    assert part(window, "deployNetworkAbout").property("role") == "error"
    assert not view.parts.run_button.isEnabled()  # type: ignore[union-attr]


def test_a_source_that_fails_says_so_and_can_be_tried_again(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    view = open_panel(qtbot, window, lab[0])
    retype(qtbot, view.parts.source.path, str(tmp_path / "nothing.aedat4"))
    wait_for(qtbot, lambda: view.runner.capture.state is SourceState.FAILED)
    assert part(window, "liveCard").isVisible()
    assert "is not a file" in text(window, "liveCardText").replace("\u200b", "")
    click(qtbot, window, "liveCardButton")
    wait_for(qtbot, lambda: view.runner.capture.state is SourceState.FAILED)
    retype(qtbot, view.parts.source.path, str(lab[2]))
    wait_for(qtbot, lambda: view.runner.capture.state is SourceState.RUNNING)


def test_a_stream_that_is_cut_comes_back_by_retry(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    view = open_panel(qtbot, window, lab[0])
    address = parse_address("127.0.0.1:0")

    def serve(at: Address) -> StreamServer:
        events = route_events(windows=40)
        return StreamServer(ReplaySource(lambda: FakeReader(events, SENSOR, 500), factor=1.0), at, wait_for_client=True)

    first = serve(address)
    first.start()
    address = first.address
    choose(qtbot, view.parts.source.kind, "Network stream")
    retype(qtbot, view.parts.source.address, str(address))
    wait_for(qtbot, lambda: view.runner.capture.state is SourceState.RUNNING)
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: answered(view, 3))
    first.stop()
    wait_for(qtbot, lambda: part(window, "liveCardButton").isVisible())
    assert view.runner.running  # the run waits for its source
    live = view.runner.live
    assert live is not None
    before = live.totals().places
    second = serve(address)
    second.start()
    try:
        click(qtbot, window, "liveCardButton")
        wait_for(qtbot, lambda: live.totals().places > before + 3)
        assert not part(window, "liveCard").isVisible()
    finally:
        second.stop()


def test_a_full_disk_is_told_while_the_run_goes_on(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_panel(qtbot, window, lab[0])

    def full(self: object, column: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("engine.live.growing.GrowingMatrix.append", full)
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: "No space left on device" in text(window, "deployNotice"))
    places = view.runner.live.totals().places  # type: ignore[union-attr]
    wait_for(qtbot, lambda: answered(view, places + 3))
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: not view.runner.running)
    assert "make room; the windows before are whole" in text(window, "sessionState")


def test_a_sensor_that_does_not_fit_says_so_in_the_list_and_while_it_runs(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    view = open_panel(qtbot, window, lab[0])
    view.parts.source.sensor.setText("20 × 20")
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: "the sensor has only 20x20" in text(window, "deployNotice"))
    assert part(window, "deployNotice").isVisible()
    assert view.parts.checks.worst == "bad"
    assert "the sensor has only 20x20" in text(window, "checkRegionText")
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: not view.runner.running)


def test_a_speck_begins_with_a_sentence_about_its_driver(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_panel(qtbot, window, lab[0])
    monkeypatch.setattr("app.deploy_boards.driver_state", lambda: "missing")
    choose(qtbot, view.parts.setup.target, "Speck dev kit")
    assert "The Speck's driver (samna) is not here" in text(window, "deployBoardNote")
    assert not part(window, "deployBoardLook").isVisible()
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: "No Speck board was opened" in text(window, "deployNotice"))
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: not view.runner.running)
    tab(qtbot, window, "deployTabs", "Run")
    monkeypatch.setattr("app.deploy_boards.driver_state", lambda: "installer")
    choose(qtbot, view.parts.setup.target, "CPU")
    choose(qtbot, view.parts.setup.target, "Speck dev kit")
    assert "downloads it now by its own installer" in text(window, "deployBoardNote")
    from engine.chip.target import TargetFailed

    def refuse(confirm: Callable[[str], bool]) -> object:
        raise TargetFailed("The driver could not be installed: this is a test.")

    monkeypatch.setattr("app.deploy_boards.load_driver", refuse)
    click(qtbot, window, "deployBoardLook")
    wait_for(qtbot, lambda: "this is a test" in text(window, "deployBoardNote"))


def test_a_board_by_a_fake_of_its_driver_looks_through_its_own_camera_or_is_sent_events(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A labelled FAKE of the driver: nothing here is hardware."""
    pytest.importorskip("sinabs")
    view = open_panel(qtbot, window, lab[0])
    board = Board()
    with driver(modules({"Speck2fDevKit": [board]})) as fake, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sinabs.backend.dynapcnn.dynapcnn_network as network_module

        monkeypatch.setattr(network_module, "time", types.SimpleNamespace(sleep=lambda seconds: None))
        monkeypatch.setattr("app.deploy_boards.driver_state", lambda: "installed")
        monkeypatch.setattr("app.deploy_boards.load_driver", lambda confirm: fake)
        monkeypatch.setattr("engine.chip.speck._SILENCE_S", 1e6)  # the fake's arithmetic takes longer than a chip may be silent
        monkeypatch.setattr("engine.live.worker.LATE_S", 1e6)  # and longer than its events may wait
        choose(qtbot, view.parts.setup.target, "Speck dev kit")
        click(qtbot, window, "deployBoardLook")
        wait_for(qtbot, lambda: view.parts.setup.board.isVisible())
        assert view.parts.setup.board.currentText() == "Speck 2f dev kit  (speck2fdevkit:0)"
        click(qtbot, window, "deployRun")
        wait_for(qtbot, lambda: view.runner.capture.state is SourceState.RUNNING)
        assert isinstance(view.runner.capture.source, SpeckCamera)
        events, again = route_events(0, 2), Throttle(1.0)
        span = int(events["timestamp"][-1]) + 1000
        turns = itertools.count()

        def sees_until_answered() -> bool:
            # A camera goes on seeing: what it saw before the network listened is gone.
            if not answered(view, 1) and again.ready():
                board.see(events["timestamp"] + next(turns) * span, events["x"] - 8 + 23, events["y"] - 4)
            return answered(view, 1)

        wait_for(qtbot, sees_until_answered)
        wait_for(qtbot, lambda: view.source.sensor == (32, 32))
        click(qtbot, window, "sourceClose")
        wait_for(qtbot, lambda: not view.runner.running and board.closed)
        tab(qtbot, window, "deployTabs", "Run")
        click(qtbot, window, "deployOwnCamera")
        board.closed = False
        click(qtbot, window, "deployRun")
        wait_for(qtbot, lambda: answered(view, 1))
        assert not isinstance(view.runner.capture.source, SpeckCamera)
        click(qtbot, window, "deployRun")
        wait_for(qtbot, lambda: not view.runner.running and board.closed)
    assert "samna" not in sys.modules


def test_a_place_is_remembered_by_a_key_and_the_network_saved(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]
) -> None:
    root, model, _ = lab
    model.unlink()
    selection = ReferenceSelection(data_dir=root / "dataset", dataset="lab", camera="hand", reference="walk")
    inputs = INPUTS.model_copy(update={"windows": (1,), "normalise": "none"})
    train_prototype(selection, inputs, PrototypeParameters(), TrainingOutput(checkpoint=False), ignore, CancelToken())
    view = open_panel(qtbot, window, root)
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: answered(view, 4))
    assert part(window, "deployRemember").isVisible()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_R)
    wait_for(qtbot, lambda: view.runner.live is not None and view.runner.live.remembered)
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: not view.runner.running)
    assert view.parts.session.save.text() == "Save the network with 1 new place"
    before = set((root / "models").glob("*.pth"))
    click(qtbot, window, "sessionSave")
    wait_for(qtbot, lambda: not view.parts.session.save.isVisible())
    (new,) = set((root / "models").glob("*.pth")) - before
    assert new.stem.endswith(f"-{PLACES + 1}places")


def test_demo_mode_fills_the_screen_and_escape_leaves(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path], picture: Picture
) -> None:
    view = open_panel(qtbot, window, lab[0])
    choose(qtbot, view.parts.source.kind, "Camera")  # none is attached: the recording of the route stands in
    click(qtbot, window, "deployDemo")
    demo = view.demo
    assert isinstance(demo, DemoScreen) and demo.isVisible() and demo.isFullScreen()
    wait_for(qtbot, lambda: demo.place.place is not None and demo.history.filled > 4)
    assert view.runner.capture.replay is not None and view.runner.capture.replay.loop
    assert view.runner.live is not None and view.runner.live.session is None  # a demo leaves nothing on the disk
    demo.resize(1280, 720)
    QApplication.processEvents()
    image = picture(demo, "deploy-demo")
    assert (image.width(), image.height()) == (1280, 720)
    qtbot.keyClick(demo, Qt.Key.Key_Escape)
    assert view.demo is None
    assert view.runner.running  # the run goes on in the panel
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: not view.runner.running)


def test_demo_mode_trains_a_network_first_where_there_is_none(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]
) -> None:
    root, model, _ = lab
    model.unlink()
    window.open_workspace(root)
    window.show_panel("deploy")
    view = window.current_view
    click(qtbot, window, "deployDemo")
    wait_for(qtbot, lambda: view.demo is not None and view.demo.place.place is not None)  # type: ignore[union-attr]
    qtbot.mouseDClick(view.demo, LEFT)  # type: ignore[union-attr]
    assert view.demo is None  # type: ignore[union-attr]


def test_settings_are_kept(open_window: Callable[..., MainWindow], qtbot: QtBot, lab: tuple[Path, Path, Path]) -> None:
    first = open_window()
    view = open_panel(qtbot, first, lab[0])
    choose(qtbot, view.parts.setup.target, "Virtual Speck")
    click(qtbot, first, "deploySession")
    click(qtbot, first, "deployPublish")
    retype(qtbot, view.parts.setup.address, "tcp://127.0.0.1:0")
    view.parts.setup.address.editingFinished.emit()
    first.close()
    again = open_panel(qtbot, open_window(), lab[0])
    assert again.parameters.target == "virtual"
    assert not again.parts.setup.session.isChecked()
    assert again.parts.setup.publish.isChecked()
    assert again.parts.setup.address.text() == "tcp://127.0.0.1:0"


def test_an_address_that_is_taken_is_a_sentence(window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]) -> None:
    view = open_panel(qtbot, window, lab[0])
    click(qtbot, window, "deployPublish")
    retype(qtbot, view.parts.setup.address, "nowhere")
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: "cannot be published at 'nowhere'" in text(window, "deployNotice"))
    assert not view.runner.running
    click(qtbot, window, "deployNoticeClose")
    assert not part(window, "deployNotice").isVisible()


def test_closing_while_it_runs_asks_and_leaves_a_whole_session(
    window: MainWindow, qtbot: QtBot, lab: tuple[Path, Path, Path]
) -> None:
    view = open_panel(qtbot, window, lab[0])
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: answered(view, 3))
    assert view.runner.live is not None and view.runner.live.session is not None
    folder = view.runner.live.session.folder
    window.stop_and_close()
    wait_for(qtbot, lambda: not window.isVisible())
    assert json.loads((folder / "session.json").read_text())["complete"]


@pytest.mark.parametrize("size", [(1280, 800), (1000, 640), (1700, 1050)], ids=["1280", "1000", "1700"])
@pytest.mark.parametrize("name", ["light", "dark"])
def test_pictures(
    open_window: Callable[..., MainWindow],
    theme: Theme,
    qtbot: QtBot,
    picture: Picture,
    lab: tuple[Path, Path, Path],
    name: str,
    size: tuple[int, int],
) -> None:
    theme.choose(name)  # type: ignore[arg-type]
    window = open_window(size=size)
    view = open_panel(qtbot, window, lab[0])
    picture(window, f"deploy-idle-{name}-{size[0]}")
    choose(qtbot, view.parts.setup.target, "Virtual Speck")
    click(qtbot, window, "deployRun")
    wait_for(qtbot, lambda: answered(view, 6) and view.parts.match.frame is not None)
    for title in ("Run", "Checks", "Session"):
        tab(qtbot, window, "deployTabs", title)
        picture(window, f"deploy-{title.lower()}-{name}-{size[0]}")
    # Nothing is cut off: every part of the panel lies within the window.
    for widget in (view.parts.tabs, view.parts.plots, view.parts.history, view.parts.run_button, view.parts.place):
        corner = widget.mapTo(window, widget.rect().bottomRight())
        assert corner.x() < size[0] and corner.y() < size[1]
    assert (window.width(), window.height()) == size
