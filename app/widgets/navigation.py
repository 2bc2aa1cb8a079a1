"""The navigation on the left: the panels, and the drawers of jobs and guide."""

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout

from app.icons import pixmap, set_icon
from app.panels import PANELS
from app.theme import Theme


class Navigation(QFrame):
    """Buttons of the window's own actions, so that menu, shortcut and button are one thing."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme) -> None:
        super().__init__()
        self.setObjectName("navigation")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._actions = actions
        self._mark = QLabel()
        self._word = QLabel("Revisit")
        self._word.setObjectName("wordMark")
        self._word.setProperty("role", "title")
        brand = QHBoxLayout()
        brand.setContentsMargins(8, 6, 6, 14)
        brand.setSpacing(10)
        brand.addWidget(self._mark)
        brand.addWidget(self._word, 1)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(10, 12, 10, 10)
        self._layout.setSpacing(3)
        self._layout.addLayout(brand)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        for panel in PANELS:
            button = self._add(f"go_{panel.name}", panel.title, f"{panel.tip} ({panel.shortcut})")
            button.setCheckable(True)
            self._group.addButton(button)
            self.buttons[panel.name] = button
        self._layout.addStretch(1)
        for name in ("toggle_jobs", "toggle_guide"):
            action = actions[name]
            button = self._add(name, action.text(), action.toolTip())
            button.setCheckable(True)
            action.toggled.connect(button.setChecked)
            self.buttons[name] = button
        theme.changed.connect(self._on_theme)
        self._compact = False
        self._on_theme()

    def show_current(self, panel: str) -> None:
        """Mark a panel as the open one; "" marks none."""
        self._group.setExclusive(False)
        for entry in PANELS:
            self.buttons[entry.name].setChecked(entry.name == panel)
        self._group.setExclusive(bool(panel))

    def set_compact(self, on: bool) -> None:
        """Icons only."""
        self._compact = on
        self._word.setVisible(not on)
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if on else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for button in self.buttons.values():
            button.setToolButtonStyle(style)
        metrics = self.fontMetrics()
        self.setFixedWidth(64 if on else 76 + metrics.horizontalAdvance("Ground truth") + 24)

    def _add(self, action: str, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"nav_{action}")
        button.setText(f"  {text}")
        button.setToolTip(tip)
        button.setAccessibleName(text)
        set_icon(button, str(self._actions[action].property("iconName")))
        button.setIconSize(QSize(20, 20))
        button.setMinimumHeight(38)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard to the panel
        button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
        button.clicked.connect(self._actions[action].trigger)
        self._layout.addWidget(button)
        return button

    def _on_theme(self) -> None:
        palette = self.palette()
        self._mark.setPixmap(pixmap("revisit", palette.color(QPalette.ColorRole.Accent), 26))
        self.set_compact(self._compact)
