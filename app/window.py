"""The main window: puts navigation, panels, docks, menus and status bar together, and does nothing else."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.actions import fill_menus, make_actions
from app.building import Building, Frame, Imports
from app.closing import Closing
from app.demo import MakeDemo, demo_folder, demo_job, make_demo
from app.icons import icon, refresh
from app.jobs import Job, JobRunner, State
from app.panels import PANELS, Panel, panel
from app.pieces import at_once
from app.report import Fault
from app.session import Session
from app.settings import Settings
from app.theme import CHOICES, FONT_SIZE, Choice, Theme
from app.views.base import Tools, View
from app.widgets import guide
from app.widgets.about import About
from app.widgets.banner import Banner
from app.widgets.dock import Dock
from app.widgets.job_drawer import JobDrawer
from app.widgets.navigation import Navigation
from app.widgets.palette import Choice as PaletteChoice
from app.widgets.palette import CommandPalette, menu_choices
from app.widgets.start_page import StartPage
from app.widgets.status import StatusBar
from app.widgets.toasts import Toasts
from engine.errors import BadInput
from engine.places.workspace import Workspace


class MainWindow(QMainWindow):
    """Revisit's window."""

    panelPainted = Signal(str)  # a panel's name, once it has painted its real content

    def __init__(self, settings: Settings, theme: Theme, demo: MakeDemo = make_demo) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Revisit")
        self.setWindowIcon(icon("revisit"))
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self.setMinimumSize(860, 540)
        self.settings, self.theme, self._demo = settings, theme, demo
        self.session, self.jobs = Session(self), JobRunner(self)
        self._tools = Tools(self.session, self.jobs, settings, theme)
        self._views: dict[str, View] = {}
        self._buildings: dict[str, Building] = {}
        self._imports = Imports(self)
        self._closing = Closing(self, self.jobs)
        self.actions_by_name = make_actions(self, self._handlers())
        self.menus = fill_menus(self, self.actions_by_name)
        self._panel_menu = self.menuBar().addMenu("&Panel")
        self.menuBar().insertMenu(self.menus["Jobs"].menuAction(), self._panel_menu)
        self.navigation = Navigation(self.actions_by_name, theme)
        self.start_page = StartPage(self.actions_by_name, settings, theme)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start_page)
        self._assemble()
        self.status = StatusBar(self.session, self.jobs, theme)
        self.setStatusBar(self.status)
        self.drawer, self.guide = JobDrawer(self.jobs, theme), guide.Guide(theme, read_last=settings.guide_page)
        self._jobs_dock = self._dock("jobsDock", "Jobs", self.drawer, Qt.DockWidgetArea.BottomDockWidgetArea, "toggle_jobs")
        self._guide_dock = self._dock("guideDock", "Guide", self.guide, Qt.DockWidgetArea.RightDockWidgetArea, "toggle_guide")
        self._first_state = self.saveState()
        self.toasts = Toasts(self.centralWidget())
        self.palette_popup = CommandPalette(self)
        theme.dress(self)
        self._connect()
        self.show_panel("")
        self._on_workspace_changed()
        self._on_theme()

    # -- what others ask of the window

    def open_workspace(self, folder: Path) -> bool:
        """Open a workspace; a notice says why not."""
        try:
            self.session.open(folder)
        except BadInput as error:
            self.toasts.show(Fault(str(error)))
            return False
        return True

    def open_recording(self, path: Path) -> None:
        """Show a recording in the Capture panel."""
        self.show_panel("capture")
        view = self._views["capture"]
        if not view.open_recording(path):
            self.toasts.show(
                Fault(f"{path.name} cannot be shown: the {view.title} panel does not open recordings yet.", level="warning")
            )

    def show_panel(self, name: str) -> None:
        """Show a panel by name, whole, when this returns; "" shows the start page. Clicks go_to_panel."""
        entry = panel(name)
        self._leave_panel()
        if entry is None:
            self.start_page.refresh()
            self.stack.setCurrentWidget(self.start_page)
            self.start_page.open.setFocus()
        else:
            if entry.name not in self._views:
                building = self._buildings.get(entry.name)
                self._add_view(
                    entry.name, building.finish() if building is not None else at_once(entry.assemble(self._tools, self.stack))
                )
            self.stack.setCurrentWidget(self._views[entry.name])
            self._views[entry.name].setFocus()
            self.settings.restore_layout(self, self._views[entry.name])
            self._drop(entry.name)
        self._tell_panel()

    def go_to_panel(self, name: str) -> None:
        """Show a panel by name: where it is not built yet its frame at once, and the rest without holding the window up."""
        entry = panel(name)
        if entry is None or entry.name in self._views:
            self.show_panel(name)
            return
        self._leave_panel()
        frame = self._building(entry).frame
        self.stack.setCurrentWidget(frame)
        frame.setFocus()
        self.settings.restore_layout(self, frame)
        self._tell_panel()

    def start_first_time(self) -> Job | None:
        """Make and open the demo workspace, or open it where it is there already."""
        folder = demo_folder()
        if folder.is_dir() and any(folder.iterdir()):
            self.open_workspace(folder)
            return None
        if any(job.title == _DEMO for job in self.jobs.running):
            return None
        job = self.jobs.start(_DEMO, demo_job(folder, self._demo))
        job.ended.connect(lambda state: self._on_demo_ended(job))
        self.start_page.show_demo_job(job)
        self.show_panel("")
        return job

    @property
    def current_view(self) -> View | None:
        """The open panel's view, built to the end if it was not yet; None on the start page."""
        if isinstance(self.stack.currentWidget(), Frame):
            self.show_panel(self._panel_name)
        return self._seen_view

    @property
    def _seen_view(self) -> View | None:
        view = self.stack.currentWidget()
        return view if isinstance(view, View) else None

    @property
    def _panel_name(self) -> str:
        seen = self.stack.currentWidget()
        return seen.name if isinstance(seen, View) else seen.entry.name if isinstance(seen, Frame) else ""

    def warm_up(self) -> None:
        """Import what the panels need, in a thread, now that the window is on the screen."""
        self._imports.warm_up(PANELS)

    def stop_and_close(self) -> None:
        """Close without a question: cancel what runs, join it, close."""
        self._closing.stop()

    def show_fault(self, fault: Fault) -> None:
        """Tell the person without blocking."""
        self.toasts.show(fault)

    def open_guide(self, name: str = "") -> None:
        """Show a guide page beside the work."""
        self._guide_dock.show()
        self.guide.open(name)

    # -- assembly

    def _assemble(self) -> None:
        self.banner = Banner(self.actions_by_name["try_writing"], self.theme)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.stack, 1)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.navigation)
        row.addWidget(middle, 1)
        self.setCentralWidget(whole)

    def _dock(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea, action: str) -> QDockWidget:
        dock = Dock(name, title, widget, self)
        self.addDockWidget(area, dock)
        dock.hide()
        dock.visibilityChanged.connect(lambda seen: self.actions_by_name[action].setChecked(not dock.isHidden()))
        return dock

    def _connect(self) -> None:
        self.session.workspaceOpened.connect(self._on_workspace_opened)
        self.session.workspaceClosed.connect(self._on_workspace_changed)
        self.session.writableChanged.connect(self._on_workspace_changed)
        self.start_page.workspaceRequested.connect(self.open_workspace)
        self.status.jobsRequested.connect(self._jobs_dock.show)
        self.jobs.jobEnded.connect(self._on_job_ended)
        self.theme.changed.connect(self._on_theme)
        self._closing.ready.connect(self.close)
        self.menus["Open recent"].aboutToShow.connect(self._fill_recent)

    def _handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "open_workspace": self._on_open_workspace,
            "new_workspace": self._on_new_workspace,
            "open_recording": self._on_open_recording,
            "open_demo": self.start_first_time,
            "clear_recent": self._on_clear_recent,
            "show_folder": self._on_show_folder,
            "try_writing": self._on_try_writing,
            "close_workspace": self.session.close,
            "quit": self.close,
            **{f"go_{entry.name}": partial(self.go_to_panel, entry.name) for entry in PANELS},
            "go_start": lambda: self.show_panel(""),
            "command_palette": self._on_command_palette,
            "toggle_jobs": lambda: self._jobs_dock.setVisible(self._jobs_dock.isHidden()),
            "toggle_guide": self._on_toggle_guide,
            "toggle_navigation": self._on_toggle_navigation,
            "full_screen": lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen),
            "reset_layout": self._on_reset_layout,
            **{f"theme_{choice}": partial(self._on_theme_chosen, choice) for choice in CHOICES},
            "larger_text": lambda: self._on_font_size(self.theme.font_size + 1),
            "smaller_text": lambda: self._on_font_size(self.theme.font_size - 1),
            "normal_text": lambda: self._on_font_size(FONT_SIZE),
            "cancel_jobs": self.jobs.cancel_all,
            "clear_jobs": self.jobs.clear_ended,
            "first_steps": lambda: self.open_guide(guide.FIRST),
            "about": lambda: About(self).show(),
        }

    def _add_view(self, name: str, view: View) -> None:
        view.painted.connect(lambda: self.panelPainted.emit(name))
        view.guideRequested.connect(self.open_guide)
        view.panelRequested.connect(self.go_to_panel)
        view.notified.connect(self.show_fault)
        view.add_commands()
        self._views[name] = view
        self.stack.addWidget(view)

    def _building(self, entry: Panel) -> Building:
        """What builds this panel, begun if it was not yet."""
        if entry.name not in self._buildings:
            made = self._buildings[entry.name] = Building(entry, self._tools, self._imports, self.stack, self)
            made.built.connect(partial(self._on_built, entry.name))
            made.failed.connect(partial(self._on_build_failed, entry.name))
            self.stack.addWidget(made.frame)
            made.start()
        return self._buildings[entry.name]

    def _on_built(self, name: str, view: View) -> None:
        self._add_view(name, view)
        QTimer.singleShot(0, self, partial(self._show_built, name))

    def _show_built(self, name: str) -> None:
        """Put the view where its frame is, if it still is what is looked at."""
        building = self._buildings.get(name)
        if building is not None and self.stack.currentWidget() is building.frame:
            view, focus = self._views[name], building.frame.hasFocus() or self.focusWidget() is None
            self.stack.setCurrentWidget(view)
            self.settings.restore_parts(self, view)
            if focus:
                view.setFocus()
            self._tell_panel()
        self._drop(name)

    def _on_build_failed(self, name: str, sentence: str) -> None:
        if sentence:
            self.toasts.show(Fault(sentence))
        if self._panel_name == name:
            self.show_panel("")
        self._drop(name)

    def _drop(self, name: str) -> None:
        """Let go of what built a panel, and of the frame that stood in its place."""
        building = self._buildings.pop(name, None)
        if building is not None:
            building.stop()
            self.stack.removeWidget(building.frame)
            building.frame.deleteLater()
            building.deleteLater()

    def _leave_panel(self) -> None:
        if self._seen_view is not None:
            self.settings.save_layout(self, self._seen_view)

    def _tell_panel(self) -> None:
        self._fill_panel_menu()
        self.navigation.show_current(self._panel_name)

    def _fill_panel_menu(self) -> None:
        for action in self._panel_menu.actions():  # clear() would delete them, and a panel's shortcuts with them
            self._panel_menu.removeAction(action)
        commands = self._seen_view.actions() if self._seen_view is not None else []
        self._panel_menu.addActions(commands)
        self._panel_menu.menuAction().setVisible(bool(commands))

    def _fill_recent(self) -> None:
        menu = self.menus["Open recent"]
        menu.clear()
        for folder in self.settings.recent:
            action = menu.addAction(str(folder), partial(self.open_workspace, folder))
            action.setEnabled(folder.is_dir())
        if menu.isEmpty():
            menu.addAction("None yet").setEnabled(False)
        else:
            menu.addSeparator()
            menu.addAction(self.actions_by_name["clear_recent"])

    # -- handlers

    def _on_open_workspace(self) -> None:
        start = self.session.workspace.root if self.session.workspace is not None else Path.home()
        chosen = QFileDialog.getExistingDirectory(self, "Open a workspace", str(start))
        if chosen:
            self.open_workspace(Path(chosen))

    def _on_new_workspace(self) -> None:
        chosen = QFileDialog.getSaveFileName(self, "Name the new workspace", str(Path.home() / "workspace"))[0]
        if chosen:
            try:
                self.open_workspace(Workspace.create(Path(chosen)).root)
            except BadInput as error:
                self.toasts.show(Fault(str(error)))

    def _on_open_recording(self) -> None:
        start = self.session.workspace.recordings if self.session.workspace is not None else Path.home()
        chosen = QFileDialog.getOpenFileName(self, "Open a recording", str(start))[0]
        if chosen:
            self.open_recording(Path(chosen))

    def _on_clear_recent(self) -> None:
        self.settings.clear_recent()
        self.start_page.refresh()

    def _on_show_folder(self) -> None:
        if self.session.workspace is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.workspace.root)))

    def _on_try_writing(self) -> None:
        if not self.session.try_writing():
            self.toasts.show(Fault(self.session.read_only_reason, level="warning"))

    def _on_command_palette(self) -> None:
        choices = menu_choices(self.menus, skip=("Jobs", "Open recent"))
        choices += menu_choices({"Panel": self._panel_menu})
        for folder in self.settings.recent:
            if folder.is_dir():
                run = partial(self.open_workspace, folder)
                choices.append(PaletteChoice(f"Open {folder.name}", run, "Recent", "", icon("folder")))
        for page in self.guide.pages:
            choices.append(PaletteChoice(page.title, partial(self.open_guide, page.name), "Guide", "", icon("guide")))
        self.palette_popup.open(choices)

    def _on_toggle_guide(self) -> None:
        if self._guide_dock.isHidden():
            view = self.current_view
            self._guide_dock.show()
            self.guide.open_for(self._panel_name, view.guide if view is not None else guide.FIRST)
        else:
            self._guide_dock.hide()

    def _on_toggle_navigation(self) -> None:
        self.settings.compact = not self.settings.compact
        self._on_theme()

    def _on_reset_layout(self) -> None:
        self.settings.forget_layouts()
        self.restoreState(self._first_state)

    def _on_theme_chosen(self, choice: Choice) -> None:
        self.settings.theme = choice
        self.theme.choose(choice)
        self._on_theme()

    def _on_font_size(self, points: int) -> None:
        self.theme.set_font_size(points)
        self.settings.font_size = self.theme.font_size

    def _on_theme(self) -> None:
        refresh(self)
        self.navigation.set_compact(self.settings.compact)
        self.actions_by_name["toggle_navigation"].setChecked(self.settings.compact)
        for choice in CHOICES:
            self.actions_by_name[f"theme_{choice}"].setChecked(choice == self.theme.choice)

    def _on_workspace_opened(self, workspace: Workspace) -> None:
        self.settings.add_recent(workspace.root)
        self._on_workspace_changed()
        if self.stack.currentWidget() is self.start_page:
            self.go_to_panel(self.settings.panel or PANELS[0].name)

    def _on_workspace_changed(self) -> None:
        workspace = self.session.workspace
        for name in ("show_folder", "close_workspace"):
            self.actions_by_name[name].setEnabled(workspace is not None)
        read_only = workspace is not None and not self.session.writable
        self.actions_by_name["try_writing"].setEnabled(read_only)
        self.banner.tell(self.session.read_only_reason)
        self.setWindowTitle("Revisit" if workspace is None else f"{workspace.root.name} – Revisit")
        if workspace is None:
            self.show_panel("")

    def _on_demo_ended(self, job: Job) -> None:
        if job.state is State.FINISHED and self.session.workspace is None:
            self.open_workspace(job.result)

    def _on_job_ended(self, job: Job) -> None:
        if job.state is State.FAILED and not self._closing.stopping:
            self.toasts.show(Fault(f"{job.title}: {job.error}", job.report), ("Show", lambda: self._show_job(job)))

    def _show_job(self, job: Job) -> None:
        self._jobs_dock.show()
        self.drawer.choose(job)

    # -- drag and drop, closing

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _local_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """A folder is a workspace, a file is a recording."""
        path = _local_paths(event.mimeData())[0]
        event.acceptProposedAction()
        if path.is_dir():
            self.open_workspace(path)
        else:
            self.open_recording(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask where something runs; else keep the layout, stop the views, give the workspace back."""
        running = [job.title for job in self.jobs.running]
        running += [view.unsaved() for view in self._views.values() if view.unsaved()]
        if running and not self._closing.stopping:
            self._closing.ask(running)
            event.ignore()
            return
        self._leave_panel()
        self.settings.panel = self._panel_name
        self.settings.save_window(self)
        if self.guide.page is not None:
            self.settings.guide_page = self.guide.page.name
        for building in self._buildings.values():
            building.stop()
        self._imports.stop()
        for view in self._views.values():
            view.stop()
        self.session.close()
        event.accept()


_DEMO = "Demo workspace"


def _local_paths(data: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
