"""The window's actions and menus, as data. A new action is one line here and one handler in the window."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from app.icons import set_icon
from app.panels import PANELS


@dataclass(frozen=True)
class ActionSpec:
    """One thing that the window can do."""

    name: str
    text: str
    tip: str
    shortcut: str = ""
    icon: str = ""
    checkable: bool = False


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open_workspace", "Open workspace…", "Open a folder of datasets, also LENS's own", "Ctrl+O", "folder"),
    ActionSpec("new_workspace", "New workspace…", "Make a folder for traverses, recordings and models", "Ctrl+N", "new_folder"),
    ActionSpec("open_recording", "Open recording…", "Show a recording of events in the Capture panel", "Ctrl+R", "recording"),
    ActionSpec("open_demo", "Open the demo workspace", "Synthetic traverses of one street, made on this computer", "", "demo"),
    ActionSpec("clear_recent", "Clear this list", "Forget the workspaces opened lately"),
    ActionSpec("show_folder", "Show workspace folder", "Show the workspace in the file manager", "", "folder"),
    ActionSpec(
        "try_writing", "Try to open for writing", "Become the writer of a workspace that was opened read-only", "", "lock"
    ),
    ActionSpec("close_workspace", "Close workspace", "Close the workspace and show the start page", "Ctrl+W"),
    ActionSpec("quit", "Quit", "Close Revisit", "Ctrl+Q"),
    *(ActionSpec(f"go_{p.name}", p.title, p.tip, p.shortcut, p.icon) for p in PANELS),
    ActionSpec("go_start", "Start page", "Workspaces opened lately and the demo", "Ctrl+0", "revisit"),
    ActionSpec("command_palette", "Command palette…", "Find any command by a few of its letters", "Ctrl+Shift+P", "search"),
    ActionSpec("toggle_jobs", "Jobs", "What runs and what has ended: progress, log, errors", "Ctrl+J", "jobs", True),
    ActionSpec("toggle_guide", "Guide", "The guide page of this panel, beside your work", "F1", "guide", True),
    ActionSpec("toggle_navigation", "Icons only", "Narrow the navigation to its icons", "Ctrl+B", "", True),
    ActionSpec("full_screen", "Full screen", "Give the whole screen to Revisit", "F11", "", True),
    ActionSpec("reset_layout", "Reset layout", "Put all docks back to where they were first; dividers follow at the next start"),
    ActionSpec("theme_system", "As the system", "Light or dark as the desktop says", "", "", True),
    ActionSpec("theme_light", "Light", "Dark text on a light ground", "", "", True),
    ActionSpec("theme_dark", "Dark", "Light text on a dark ground", "", "", True),
    ActionSpec("larger_text", "Larger text", "Make all text one point larger", "Ctrl++"),
    ActionSpec("smaller_text", "Smaller text", "Make all text one point smaller", "Ctrl+-"),
    ActionSpec("normal_text", "Normal text size", "Back to the usual size of text"),
    ActionSpec("cancel_jobs", "Cancel all jobs", "Ask every running job to stop; what is finished stays", "", "stop"),
    ActionSpec("clear_jobs", "Clear ended jobs", "Take the jobs that have ended off the list"),
    ActionSpec("first_steps", "First steps", "The guide page for a new user", "", "guide"),
    ActionSpec("about", "About Revisit", "Versions, and which compiled loops are active", "", "info"),
)

SEPARATOR = "-"
Entry = str | tuple[str, tuple[str, ...]]
MENUS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "&File",
        (
            "open_workspace", "new_workspace", ("Open &recent", ()), "open_demo", SEPARATOR, "open_recording", SEPARATOR,
            "show_folder", "try_writing", "close_workspace", SEPARATOR, "quit",
        ),
    ),
    ("&Go", (*(f"go_{p.name}" for p in PANELS), SEPARATOR, "go_start", "command_palette")),
    (
        "&View",
        (
            "toggle_jobs", "toggle_guide", "toggle_navigation", "full_screen", SEPARATOR,
            ("&Theme", ("theme_system", "theme_light", "theme_dark")), "larger_text", "smaller_text", "normal_text", SEPARATOR,
            "reset_layout",
        ),
    ),
    ("&Jobs", ("toggle_jobs", SEPARATOR, "cancel_jobs", "clear_jobs")),
    ("&Help", ("toggle_guide", "first_steps", SEPARATOR, "about")),
)  # fmt: skip


def make_actions(window: QMainWindow, handlers: Mapping[str, Callable[[], object]]) -> dict[str, QAction]:
    """An action for every entry of the table, with its handler."""
    made = {}
    for spec in ACTIONS:
        action = QAction(spec.text, window)
        action.setObjectName(spec.name)
        action.setToolTip(f"{spec.tip} ({spec.shortcut})" if spec.shortcut else spec.tip)
        action.setStatusTip(spec.tip)
        action.setCheckable(spec.checkable)
        if spec.shortcut:
            # On most keyboards plus is a shifted key, and equals is what a person presses.
            keys = [spec.shortcut, "Ctrl+="] if spec.shortcut == "Ctrl++" else [spec.shortcut]
            action.setShortcuts([QKeySequence(key) for key in keys])
        if spec.icon:
            set_icon(action, spec.icon)
        handler = handlers[spec.name]
        action.triggered.connect(lambda checked=False, run=handler: run())
        window.addAction(action)
        made[spec.name] = action
    return made


def fill_menus(window: QMainWindow, actions: Mapping[str, QAction]) -> dict[str, QMenu]:
    """The menu bar out of the table; returns the menus by their names without "&"."""
    menus: dict[str, QMenu] = {}
    for title, entries in MENUS:
        menu = window.menuBar().addMenu(title)
        _fill(menu, entries, actions, menus)
        _keep(menus, title, menu)
    return menus


def _fill(menu: QMenu, entries: Iterable[Entry], actions: Mapping[str, QAction], menus: dict[str, QMenu]) -> None:
    for entry in entries:
        if isinstance(entry, tuple):
            inner = menu.addMenu(entry[0])
            _fill(inner, entry[1], actions, menus)
            _keep(menus, entry[0], inner)
        elif entry == SEPARATOR:
            menu.addSeparator()
        else:
            menu.addAction(actions[entry])


def _keep(menus: dict[str, QMenu], title: str, menu: QMenu) -> None:
    name = title.replace("&", "")
    menu.setObjectName(f"menu{name.replace(' ', '')}")
    menus[name] = menu
