"""The window by clicks and keys, as a person uses it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.forms import ParameterForm
from app.jobs import State
from app.panels import PANELS, panel
from app.report import Fault
from app.settings import Settings
from app.theme import DARK, LIGHT, Theme
from app.views.base import Command, View
from app.views.capture import CaptureView
from app.widgets.palette import score
from app.window import MainWindow
from engine.errors import BadInput
from engine.jobs import CancelToken, Emit, Progress
from engine.parameters import Parameters, parameter
from engine.places.lock import NAME, WorkspaceLock
from tests.waiting import PATIENCE_S

LEFT = Qt.MouseButton.LeftButton


def endless(emit: Emit, cancel: CancelToken) -> None:
    while not cancel.cancelled:
        time.sleep(0.005)
    cancel.check()


def click(qtbot: QtBot, window: MainWindow, name: str) -> None:
    button = next(widget for widget in QApplication.allWidgets() if widget.objectName() == name and widget.window() is window)
    assert button.isVisible(), name
    qtbot.mouseClick(button, LEFT)


# -- navigation


@pytest.mark.parametrize("entry", PANELS, ids=lambda entry: entry.name)
def test_each_panel_by_click_and_by_key(window: MainWindow, qtbot: QtBot, entry: object) -> None:
    click(qtbot, window, f"nav_go_{entry.name}")  # type: ignore[attr-defined]
    assert window.current_view is not None and window.current_view.name == entry.name  # type: ignore[attr-defined]
    assert [name for name, button in window.navigation.buttons.items() if button.isChecked()] == [entry.name]  # type: ignore[attr-defined]
    qtbot.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert window.current_view is None
    assert not any(button.isChecked() for button in window.navigation.buttons.values())
    key = Qt.Key(Qt.Key.Key_0 + int(entry.shortcut[-1]))  # type: ignore[attr-defined]
    qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
    assert window.current_view is not None and window.current_view.name == entry.name  # type: ignore[attr-defined]


def test_a_panels_question_mark_opens_its_guide_page(window: MainWindow, qtbot: QtBot) -> None:
    window.show_panel("training")
    click(qtbot, window, "panelHelp")
    assert window.guide.isVisible() and window.guide.page is not None and window.guide.page.name == "training"
    click(qtbot, window, "guideDockClose")
    assert not window.guide.isVisible()
    click(qtbot, window, "panelHelp")
    assert window.guide.isVisible()


def test_the_guides_key_opens_the_page_of_the_panel(window: MainWindow, qtbot: QtBot) -> None:
    def page() -> str:
        assert window.guide.isVisible() and window.guide.page is not None
        return window.guide.page.name

    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert page() == "first-steps"
    qtbot.keyClick(window, Qt.Key.Key_F1)
    window.show_panel("dataset")
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert page() == "your-data"
    window.open_guide("recordings")
    for _ in range(2):  # away and back: one goes on where one was
        qtbot.keyClick(window, Qt.Key.Key_F1)
    assert page() == "recordings"
    qtbot.keyClick(window, Qt.Key.Key_F1)
    window.show_panel("evaluation")
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert page() == "evaluation"


def test_panel_names_are_read_kindly() -> None:
    assert panel("Ground truth") is panel("ground-truth") is PANELS[2]
    assert panel("ground") is None


def test_every_action_has_a_tip_and_shortcuts_are_unique(window: MainWindow) -> None:
    keys = [key.toString() for action in window.actions_by_name.values() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    assert all(action.toolTip() and action.objectName() for action in window.actions_by_name.values())
    for button in window.findChildren(QPushButton):
        assert button.objectName()


def test_docks_and_narrow_navigation_by_keys(window: MainWindow, qtbot: QtBot) -> None:
    for key, widget, button in ((Qt.Key.Key_J, window.drawer, "toggle_jobs"), (Qt.Key.Key_F1, window.guide, "toggle_guide")):
        modifier = Qt.KeyboardModifier.ControlModifier if key is Qt.Key.Key_J else Qt.KeyboardModifier.NoModifier
        qtbot.keyClick(window, key, modifier)
        assert widget.isVisible() and window.navigation.buttons[button].isChecked()
        click(qtbot, window, f"nav_{button}")
        assert not widget.isVisible() and not window.navigation.buttons[button].isChecked()
    wide = window.navigation.width()
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert window.navigation.width() < wide / 2 and window.settings.compact
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert window.navigation.width() == wide


def test_full_screen_and_back(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert not window.isFullScreen()


class Shows(QObject):
    """Notes every window that appears."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.seen.append(watched.objectName())
        return False


def test_no_other_window_flashes_up(open_window: Callable[..., MainWindow], qapp: QApplication) -> None:
    shows = Shows()
    qapp.installEventFilter(shows)
    try:
        window = open_window()
        for entry in PANELS:
            window.show_panel(entry.name)
        form = ParameterForm(Options, command="revisit-cli", parent=window)
        window.show_fault(Fault("A notice.", "A report."))
        window.open_guide()
    finally:
        qapp.removeEventFilter(shows)
    assert form.parameters() == Options()
    assert shows.seen == ["mainWindow"]


# -- theme and text


def test_the_theme_switches_at_once_and_is_kept(window: MainWindow, theme: Theme, settings: Settings, qtbot: QtBot) -> None:
    for choice, colours in (("dark", DARK), ("light", LIGHT)):
        with qtbot.waitSignal(theme.changed):
            window.actions_by_name[f"theme_{choice}"].trigger()
        assert QApplication.palette().window().color().name() == colours.window
        assert settings.theme == choice
        assert [window.actions_by_name[f"theme_{c}"].isChecked() for c in ("system", "light", "dark")].count(True) == 1
        assert window.actions_by_name[f"theme_{choice}"].isChecked()


def test_icons_follow_the_theme(window: MainWindow, theme: Theme) -> None:
    def shade() -> int:
        image = window.navigation.buttons["capture"].icon().pixmap(20, 20).toImage()
        pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        return max(pixels, key=lambda pixel: pixel.alpha()).lightness()

    theme.choose("light")
    dark_lines = shade()
    theme.choose("dark")
    assert dark_lines < 80 and shade() > 180


def test_the_size_of_text_by_keys(window: MainWindow, theme: Theme, settings: Settings, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_Equal, Qt.KeyboardModifier.ControlModifier)
    assert theme.font_size == 12 == settings.font_size == QApplication.font().pointSize()
    for _ in range(10):
        qtbot.keyClick(window, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    assert theme.font_size == 8
    window.actions_by_name["normal_text"].trigger()
    assert theme.font_size == 10


# -- command palette


def test_the_palette_finds_and_runs_by_keys(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    popup = window.palette_popup
    assert popup.isVisible() and popup.list.topLevelItemCount() > 20
    qtbot.keyClicks(popup.line, "gtr")
    assert popup.list.currentItem().text(0) == "Ground truth"
    qtbot.keyClick(popup.line, Qt.Key.Key_Return)
    assert not popup.isVisible()
    assert window.current_view is not None and window.current_view.name == "ground_truth"


def test_the_palette_by_arrows_click_and_escape(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_by_name["command_palette"].trigger()
    popup = window.palette_popup
    qtbot.keyClicks(popup.line, "theme dark")
    assert popup.list.currentItem().text(0) == "Theme: Dark"
    popup.line.clear()
    first = popup.list.currentItem().text(0)
    qtbot.keyClick(popup.line, Qt.Key.Key_Down)
    assert popup.list.currentItem().text(0) != first
    qtbot.keyClick(popup.line, Qt.Key.Key_Up)
    assert popup.list.currentItem().text(0) == first
    qtbot.keyClicks(popup.line, "zzzz")
    assert popup.list.topLevelItemCount() == 0
    qtbot.keyClick(popup.line, Qt.Key.Key_Return)
    assert popup.isVisible()
    popup.line.setText("deploy")
    qtbot.mouseClick(popup.list.viewport(), LEFT, pos=popup.list.visualItemRect(popup.list.topLevelItem(0)).center())
    assert window.current_view is not None and window.current_view.name == "deploy"
    window.actions_by_name["command_palette"].trigger()
    qtbot.keyClick(popup, Qt.Key.Key_Escape)
    assert not popup.isVisible()


def test_letters_at_the_beginnings_of_words_win() -> None:
    texts = ["Open recording…", "Close workspace", "Open workspace…", "Show workspace folder"]
    assert max(texts, key=lambda text: score("ow", text) or -9) == "Open workspace…"
    assert score("xyz", "Open") is None and score("", "Open") == 0.0
    whole, scattered = score("open", "reopen"), score("open", "rope seen")
    assert whole is not None and scattered is not None and whole > scattered


# -- workspaces


def test_open_new_recent_and_close(window: MainWindow, workspace: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *rest: str(workspace))
    click(qtbot, window, "startOpen")
    assert window.session.workspace is not None and window.session.workspace.root == workspace
    assert window.current_view is not None and window.current_view.name == "capture"
    assert window.windowTitle().startswith("route-a") and window.status.workspace.text() == "route-a"
    new = workspace.parent / "route-b"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *rest: (str(new), ""))
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert window.session.workspace.root == new and (new / "recordings").is_dir()
    assert not (workspace / NAME).exists()
    window.menus["Open recent"].aboutToShow.emit()
    entries = [action.text() for action in window.menus["Open recent"].actions()]
    assert entries[:2] == [str(new), str(workspace)]
    qtbot.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert window.session.workspace is None and window.current_view is None
    page = window.start_page.recent
    qtbot.mouseClick(page.viewport(), LEFT, pos=page.visualItemRect(page.item(1)).center())
    assert window.session.workspace is not None and window.session.workspace.root == workspace
    window.actions_by_name["clear_recent"].trigger()
    assert window.settings.recent == []


def test_a_new_workspace_overwrites_nothing(window: MainWindow, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *rest: (str(workspace), ""))
    window.actions_by_name["new_workspace"].trigger()
    assert window.session.workspace is None
    assert "holds something already" in window.toasts.shown[0].fault.sentence


def test_a_second_window_reads_only_says_why_and_takes_over(window: MainWindow, workspace: Path, qtbot: QtBot) -> None:
    other = WorkspaceLock.take(workspace)
    window.open_workspace(workspace)
    assert window.banner.isVisible() and "Another window of Revisit has this workspace open" in window.banner.text.text()
    assert "read-only" in window.status.workspace.text()
    click(qtbot, window, "bannerAgain")
    assert len(window.toasts.shown) == 1 and window.banner.isVisible()
    other.release()
    click(qtbot, window, "bannerAgain")
    assert not window.banner.isVisible() and window.session.writable
    assert window.status.workspace.text() == "route-a"


def drop(window: MainWindow, path: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    where, keys = QPoint(300, 300), Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where, Qt.DropAction.CopyAction, data, LEFT, keys)
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(where), Qt.DropAction.CopyAction, data, LEFT, keys))
    return enter.isAccepted()


def test_a_folder_is_dropped(window: MainWindow, workspace: Path) -> None:
    assert drop(window, workspace)
    assert window.session.workspace is not None and window.session.workspace.root == workspace


def test_a_recording_is_dropped(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = tmp_path / "night.aedat4"
    recording.write_bytes(b"#!AER-DAT4.0")
    shown: list[Path] = []
    window.show_panel("capture")
    monkeypatch.setattr(CaptureView, "open_recording", lambda self, path: bool(shown.append(path)) or True)
    window.show_panel("deploy")
    assert drop(window, recording)
    assert shown == [recording] and window.current_view is not None and window.current_view.name == "capture"
    assert window.toasts.shown == ()


def test_a_view_that_shows_no_recordings_says_so(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CaptureView, "open_recording", lambda self, path: False)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *rest: (str(tmp_path / "a.aedat4"), ""))
    window.actions_by_name["open_recording"].trigger()
    assert "a.aedat4 cannot be shown" in window.toasts.shown[0].fault.sentence


def test_text_is_not_dropped(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("hello")
    enter = QDragEnterEvent(QPoint(1, 1), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted()


# -- the demo


def test_a_first_start_makes_the_demo_and_opens_it(window: MainWindow, home: Path, qtbot: QtBot) -> None:
    click(qtbot, window, "startDemo")
    qtbot.waitUntil(lambda: window.session.workspace is not None)
    assert window.session.workspace is not None and window.session.workspace.root == home / "demo"
    assert window.current_view is not None
    window.session.close()
    click(qtbot, window, "startDemo")
    assert len(window.jobs.jobs) == 1, "it is there already"
    assert window.session.workspace is not None


def test_the_demos_progress_and_its_failure(open_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    def fails(folder: Path, emit: Emit, cancel: CancelToken) -> None:
        emit(Progress("Rendering", 3, 10))
        raise BadInput("The disk is full: free some space.")

    window = open_window(fails)
    job = window.start_first_time()
    assert job is not None and window.start_page.making.isVisible() and not window.start_page.demo.isEnabled()
    assert window.start_first_time() is None, "never twice at once"
    with qtbot.waitSignal(job.ended):
        pass
    assert not window.start_page.making.isVisible() and window.start_page.demo.isEnabled()
    assert window.toasts.shown[0].fault.sentence == "Demo workspace: The disk is full: free some space."
    click(qtbot, window, "toastAct")
    assert window.drawer.isVisible() and window.drawer.job is job
    click(qtbot, window, "toastCopy")
    assert QGuiApplication.clipboard().text() == job.report


def test_without_the_engines_demo_a_sentence(
    qtbot: QtBot, open_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import demo

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(demo.importlib, "import_module", missing)
    window = open_window(demo.make_demo)
    job = window.start_first_time()
    assert job is not None
    with qtbot.waitSignal(job.ended):
        pass
    assert job.error == "This installation has no demo: open a workspace or a LENS folder instead."


def test_the_demo_is_the_engines_own_with_its_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import engine.demo
    import engine.live.first_network
    from app.demo import make_demo
    from engine.jobs import ignore
    from engine.places.workspace import Workspace

    made: list[tuple[object, ...]] = []
    workspace = Workspace(tmp_path / "demo" / "dataset")

    def create(*arguments: object) -> Workspace:
        made.append(arguments)
        return workspace

    monkeypatch.setattr(engine.demo, "create_demo_workspace", create)
    monkeypatch.setattr(engine.live.first_network, "train_first_network", lambda *arguments: made.append(arguments))
    token = CancelToken()
    make_demo(tmp_path / "demo", ignore, token)
    assert made == [(tmp_path / "demo", engine.demo.demo_parameters(), ignore, token), (workspace, ignore, token)]


# -- notices and status bar


def test_notices_stack_and_go(window: MainWindow, qtbot: QtBot) -> None:
    for number in range(6):
        window.show_fault(Fault(f"Notice {number}.", level="warning"))
    window.show_fault(Fault("Notice 5.", level="warning"))
    assert [toast.fault.sentence for toast in window.toasts.shown] == [f"Notice {n}." for n in (2, 3, 4, 5)]
    boxes = [toast.geometry() for toast in window.toasts.shown]
    assert all(not a.intersects(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    window.resize(1000, 640)
    inside = window.centralWidget().rect()
    assert all(inside.contains(toast.geometry()) for toast in window.toasts.shown)
    close = window.toasts.shown[0].findChild(type(window.navigation.buttons["capture"]), "toastClose")
    qtbot.mouseClick(close, LEFT)
    assert len(window.toasts.shown) == 3


def test_the_status_bar_shows_the_live_figures(window: MainWindow, qtbot: QtBot) -> None:
    status = window.status
    assert (status.rate.text(), status.dropped.text()) == ("– events/s", "– dropped")
    window.session.report_live(events_per_second=12_340_000.0, frames_dropped=3)
    assert (status.rate.text(), status.dropped.text()) == ("12.3 M events/s", "3 dropped")
    assert int(status.memory.text().removesuffix(" MB")) > 20
    job = window.jobs.start("Bin day", endless)
    assert not status.job.isVisible()  # one that is over at once does not flash
    qtbot.waitUntil(lambda: status.job.isVisible() and status.bar.isVisible())
    qtbot.mouseClick(status.job, LEFT)
    assert window.drawer.isVisible()
    with qtbot.waitSignal(job.ended):
        window.actions_by_name["cancel_jobs"].trigger()
    assert not status.job.isVisible()
    window.actions_by_name["clear_jobs"].trigger()
    assert window.jobs.jobs == ()


# -- layout


def test_the_layout_is_kept_per_panel_and_over_starts(
    open_window: Callable[..., MainWindow], settings: Settings, workspace: Path
) -> None:
    window = open_window()
    window.open_workspace(workspace)
    window.show_panel("dataset")
    window.actions_by_name["toggle_jobs"].trigger()
    window.show_panel("training")
    window.actions_by_name["toggle_jobs"].trigger()
    window.actions_by_name["toggle_guide"].trigger()
    window.open_guide("how-lens-learns")
    window.show_panel("dataset")
    assert window.drawer.isVisible() and not window.guide.isVisible()
    window.show_panel("training")
    assert not window.drawer.isVisible() and window.guide.isVisible()
    window.close()
    again = open_window()
    assert settings.panel == "training"
    again.open_workspace(workspace)
    assert again.current_view is not None and again.current_view.name == "training"
    assert again.guide.isVisible() and not again.drawer.isVisible()
    assert again.guide.page is not None and again.guide.list.count() > 3, "a restored guide shows a page"
    assert again.guide.page.name == "how-lens-learns", "the one that was read last"
    again.actions_by_name["reset_layout"].trigger()
    assert not again.guide.isVisible()


def test_a_layout_of_another_version_is_passed_over(open_window: Callable[..., MainWindow], settings: Settings) -> None:
    window = open_window()
    window.show_panel("dataset")
    settings.store.setValue("layout/1/datasetPanel/docks", window.saveState(99))
    window.show_panel("dataset")
    assert not window.drawer.isVisible()
    for key in ("look/theme", "look/font_size", "look/compact", "recent/workspaces", "panel"):
        settings.store.setValue(key, "nonsense")
    settings.store.setValue("look/theme", 5)
    assert (settings.theme, settings.font_size, settings.compact) == ("system", 10, False)


def test_the_window_comes_back_where_it_was(open_window: Callable[..., MainWindow], settings: Settings) -> None:
    assert not settings.restore_window(open_window())
    window = open_window(size=(900, 650))
    window.close()
    again = open_window(size=(900, 600))
    assert settings.restore_window(again) and again.height() == 650


# -- views


class Options(Parameters):
    window_ms: float = parameter(66.0, "Window.", unit="ms", gt=0)


class Probe(View):
    name, title, summary, guide = "deploy", "Probe", "A view for this test.", "how-lens-learns"
    Options = Options
    stopped = False
    busy = ""

    def commands(self) -> list[Command]:
        return [Command("probe_run", "Run the probe", lambda: self.notified.emit(Fault("Ran.", level="info")), "Ctrl+E")]

    def unsaved(self) -> str:
        return self.busy

    def stop(self) -> None:
        self.stopped = True


def test_a_view_brings_commands_options_and_word_of_its_paint(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Probe(window._tools)
    probe.await_content()
    window._add_view("deploy", probe)
    with qtbot.assertNotEmitted(window.panelPainted, wait=50):
        window.show_panel("deploy")
    with qtbot.waitSignal(window.panelPainted) as painted:
        probe.content_arrived()
    assert painted.args == ["deploy"]
    assert window._panel_menu.menuAction().isVisible()
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert window.toasts.shown[0].fault.sentence == "Ran."
    window.show_panel("capture")
    probe.save_options(Options(window_ms=100))
    assert Probe(window._tools, probe).options == Options(window_ms=100)
    window.settings.store.setValue("options/deploy", '{"window_ms": -1}')
    assert Probe(window._tools, probe).options == Options()


# -- closing


def test_closing_an_idle_window_asks_nothing(window: MainWindow, workspace: Path) -> None:
    window.open_workspace(workspace)
    assert window.close() and not (workspace / NAME).exists()


def test_closing_with_a_job_asks_and_staying_changes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    job = window.jobs.start("Bin day", endless)
    assert not window.close()
    box = window._closing.box
    assert box is not None and "Bin day" in box.informativeText()
    assert not window.close() and window._closing.box is box, "asked once"
    qtbot.mouseClick(box.findChild(QPushButton, "closeStay"), LEFT)
    assert window.isVisible() and window._closing.box is None and job.state is State.RUNNING


def test_closing_with_two_jobs_cancels_joins_and_closes(window: MainWindow, workspace: Path, qtbot: QtBot) -> None:
    window.open_workspace(workspace)
    jobs = [window.jobs.start(title, endless) for title in ("One", "Two")]
    window.close()
    box = window._closing.box
    assert box is not None
    window._closing._patience.setInterval(round(1000 * PATIENCE_S))  # it is not patience running out that closes
    qtbot.mouseClick(box.findChild(QPushButton, "closeStop"), LEFT)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert [job.state for job in jobs] == [State.CANCELLED] * 2
    assert all(job._thread is not None and not job._thread.is_alive() for job in jobs)
    assert not (workspace / NAME).exists()


def test_a_view_with_a_running_recording_is_asked_about_and_stopped(window: MainWindow, qtbot: QtBot) -> None:
    probe = Probe(window._tools)
    probe.busy = "A recording is being written."
    window._add_view("deploy", probe)
    assert not window.close()
    box = window._closing.box
    assert box is not None and probe.busy in box.informativeText()
    qtbot.mouseClick(box.findChild(QPushButton, "closeStop"), LEFT)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert probe.stopped


def test_a_job_that_hangs_does_not_hold_the_window_for_ever(window: MainWindow, qtbot: QtBot) -> None:
    import threading

    release = threading.Event()
    job = window.jobs.start("Hang", lambda emit, cancel: release.wait(PATIENCE_S))
    window._closing._patience.setInterval(50)
    window.close()
    box = window._closing.box
    assert box is not None
    qtbot.mouseClick(box.findChild(QPushButton, "closeStop"), LEFT)
    qtbot.waitUntil(lambda: not window.isVisible())
    release.set()
    qtbot.waitUntil(lambda: job.state.ended)
