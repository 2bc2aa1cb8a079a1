"""What Revisit remembers between starts: theme, recent workspaces, the layout of each panel. Broken values count as unset."""

from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QDockWidget, QHeaderView, QMainWindow, QSplitter, QWidget

from app.theme import CHOICES, FONT_SIZE, FONT_SIZES, Choice
from engine.parameters import Parameters

LAYOUT_VERSION = 1  # raise it when docks or splitters change their meaning: older layouts are then passed over
_RECENT = 10
P = TypeVar("P", bound=Parameters)


def user_settings() -> QSettings:
    """This person's settings."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "revisit", "revisit")


class Settings:
    """Typed access to a QSettings, which tests inject."""

    def __init__(self, store: QSettings | None = None) -> None:
        self.store = store if store is not None else user_settings()

    @property
    def theme(self) -> Choice:
        """The chosen theme."""
        value = self.store.value("look/theme")
        return next((choice for choice in CHOICES if choice == value), "system")

    @theme.setter
    def theme(self, choice: Choice) -> None:
        self.store.setValue("look/theme", choice)

    @property
    def font_size(self) -> int:
        """In points."""
        size = self._int("look/font_size", FONT_SIZE)
        return min(max(size, FONT_SIZES[0]), FONT_SIZES[1])

    @font_size.setter
    def font_size(self, points: int) -> None:
        self.store.setValue("look/font_size", points)

    @property
    def panel(self) -> str:
        """The panel that was open last."""
        return self._text("panel")

    @panel.setter
    def panel(self, name: str) -> None:
        self.store.setValue("panel", name)

    @property
    def guide_page(self) -> str:
        """The guide page that was read last."""
        return self._text("guide")

    @guide_page.setter
    def guide_page(self, name: str) -> None:
        self.store.setValue("guide", name)

    @property
    def compact(self) -> bool:
        """Whether the navigation shows icons only."""
        return self._int("look/compact", 0) == 1

    @compact.setter
    def compact(self, on: bool) -> None:
        self.store.setValue("look/compact", int(on))

    @property
    def recent(self) -> list[Path]:
        """Workspaces opened lately, newest first."""
        value = self.store.value("recent/workspaces")
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [Path(name) for name in names if isinstance(name, str) and name][:_RECENT]

    def add_recent(self, folder: Path) -> None:
        """Put a workspace first in the list."""
        self._set_recent([folder, *(other for other in self.recent if other != folder)])

    def remove_recent(self, folder: Path) -> None:
        """Forget a workspace."""
        self._set_recent([other for other in self.recent if other != folder])

    def clear_recent(self) -> None:
        """Forget all."""
        self._set_recent([])

    def save_window(self, window: QMainWindow) -> None:
        """Remember where the window is and how large."""
        self.store.setValue("window/geometry", window.saveGeometry())

    def restore_window(self, window: QMainWindow) -> bool:
        """Put the window where it was."""
        value = self.store.value("window/geometry")
        return isinstance(value, QByteArray) and window.restoreGeometry(value)

    def save_layout(self, window: QMainWindow, panel: QWidget) -> None:
        """Remember the docks, and the splitters and table columns in panel and docks, by their object names."""
        group = self._layout_group(panel)
        self.store.setValue(f"{group}/docks", window.saveState(LAYOUT_VERSION))
        for part in _adjustable(window, panel):
            self.store.setValue(f"{group}/parts/{part.objectName()}", part.saveState())

    def restore_layout(self, window: QMainWindow, panel: QWidget) -> None:
        """Bring back what save_layout remembered; what is missing or of another version stays as it is."""
        group = self._layout_group(panel)
        docks = self.store.value(f"{group}/docks")
        if isinstance(docks, QByteArray):
            window.restoreState(docks, LAYOUT_VERSION)
        self.restore_parts(window, panel)

    def restore_parts(self, window: QMainWindow, panel: QWidget) -> None:
        """The same without the docks, for a panel that came into being while its docks were there already."""
        group = self._layout_group(panel)
        for part in _adjustable(window, panel):
            value = self.store.value(f"{group}/parts/{part.objectName()}")
            if isinstance(value, QByteArray):
                part.restoreState(value)

    def forget_layouts(self) -> None:
        """Let every panel start from its own layout again."""
        self.store.remove("layout")

    def options(self, name: str, model: type[P]) -> P:
        """A view's settings as it saved them, or its defaults."""
        value = self.store.value(f"options/{name}")
        if not isinstance(value, str):
            return model()
        try:
            return model.model_validate_json(value)
        except ValueError:  # an older version wrote them: what no longer fits is not worth a question
            return model()

    def save_options(self, name: str, options: Parameters) -> None:
        """Remember a view's settings."""
        self.store.setValue(f"options/{name}", options.model_dump_json())

    def _layout_group(self, panel: QWidget) -> str:
        return f"layout/{LAYOUT_VERSION}/{panel.objectName()}"

    def _set_recent(self, folders: list[Path]) -> None:
        self.store.setValue("recent/workspaces", [str(folder) for folder in folders[:_RECENT]])

    def _text(self, key: str) -> str:
        value: Any = self.store.value(key)
        return value if isinstance(value, str) else ""

    def _int(self, key: str, default: int) -> int:
        try:
            return int(str(self.store.value(key, default)))
        except ValueError:
            return default


def _adjustable(window: QMainWindow, panel: QWidget) -> list[QSplitter | QHeaderView]:
    found: list[QSplitter | QHeaderView] = []
    for root in (panel, *window.findChildren(QDockWidget)):
        found += [*root.findChildren(QSplitter), *root.findChildren(QHeaderView)]
    return [part for part in found if part.objectName() and not part.objectName().startswith("qt_")]
