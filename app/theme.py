"""How Revisit looks: Fusion, an explicit palette, a few lines of style sheet. No other file sets colours or style sheets."""

import weakref
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from shiboken6 import isValid

from engine.resource_files import resource

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = ("system", "light", "dark")
FONT_SIZES = (8, 20)
FONT_SIZE = 10


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, for the palette, the style sheet and the plots."""

    dark: bool
    window: str
    rail: str  # the navigation and the status bar
    base: str
    alternate: str
    button: str
    text: str
    muted: str
    border: str
    accent: str
    on_accent: str
    hover: str
    chosen: str
    good: str
    warning: str
    error: str
    # Blue and orange of Okabe and Ito's palette: told apart with every kind of colour vision.
    on_event: str
    off_event: str


LIGHT = Colours(
    dark=False, window="#f7f8fa", rail="#eceff2", base="#ffffff", alternate="#f2f4f7", button="#ffffff", text="#1c2127",
    muted="#5c6670", border="#d2d8df", accent="#1b6ca8", on_accent="#ffffff", hover="#e2e7ec", chosen="#d7e6f2",
    good="#2a7a3b", warning="#8a5a00", error="#b3261e", on_event="#0072b2", off_event="#d55e00",
)  # fmt: skip
DARK = Colours(
    dark=True, window="#1c1f24", rail="#16191d", base="#262b32", alternate="#2a3038", button="#2d333b", text="#e4e7eb",
    muted="#9ba5b0", border="#363d47", accent="#58a6d8", on_accent="#0d1419", hover="#262b32", chosen="#213547",
    good="#7cc48a", warning="#e3b355", error="#f28b82", on_event="#56b4e9", off_event="#e69f00",
)  # fmt: skip

_SHEET = """
QToolTip {{ color: {text}; background: {base}; border: 1px solid {border}; padding: 5px; }}
QStatusBar, #navigation {{ background: {rail}; }}
#navigation {{ border: none; border-right: 1px solid {border}; }}
QStatusBar {{ border-top: 1px solid {border}; }}
QStatusBar::item {{ border: none; }}
QMenuBar {{ background: {rail}; padding: 2px 6px; }}
QMenuBar::item:selected, QMenuBar::item:pressed {{ background: {hover}; color: {text}; border-radius: 4px; }}
QMenu {{ background: {base}; border: 1px solid {border}; padding: 5px; }}
QMenu::item {{ padding: 6px 26px 6px 10px; border-radius: 4px; }}
QMenu::item:selected {{ background: {chosen}; color: {text}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::icon {{ padding-left: 10px; }}
QMenu::separator {{ height: 1px; background: {border}; margin: 5px 8px; }}
#navigation QToolButton {{ border: none; border-radius: 6px; padding: 0 10px; text-align: left; color: {text}; }}
#navigation QToolButton:hover {{ background: {hover}; }}
#navigation QToolButton:checked {{ background: {chosen}; color: {text}; }}
#navigation QToolButton:focus {{ border: 1px solid {accent}; }}
QPushButton {{ background: {button}; border: 1px solid {border}; border-radius: 5px; padding: 5px 14px; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:pressed, QPushButton:checked {{ background: {chosen}; }}
QPushButton:disabled {{ color: {muted}; background: {window}; }}
QPushButton[role="primary"] {{ background: {accent}; color: {on_accent}; border-color: {accent}; }}
QPushButton[role="primary"]:disabled {{ background: {chosen}; color: {muted}; border-color: {border}; }}
QToolButton[role="quiet"] {{ border: none; border-radius: 4px; padding: 3px; }}
QToolButton[role="quiet"]:hover, QToolButton[role="quiet"]:focus {{ background: {hover}; }}
QToolButton[role="quiet"]:checked {{ background: {chosen}; }}
QPushButton[compact="true"] {{ padding: 3px 8px; }}
QPushButton[role="record"] {{ background: {error}; color: {window}; border-color: {error}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {border}; }}
QTabBar {{ background: {window}; }}
QTabBar::tab {{ background: transparent; color: {muted}; border: none; border-bottom: 2px solid transparent; padding: 8px 8px; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}
QTabBar::tab:focus {{ color: {text}; background: {hover}; }}
#sourceBar, #pairBar, #unfinished {{ border: none; border-bottom: 1px solid {border}; }}
#truthBar {{ border: none; border-bottom: 1px solid {border}; }}
QFrame[role="notice"] {{ border: none; border-bottom: 1px solid {border}; background: {chosen}; }}
#liveCard {{ background: {base}; border: 1px solid {border}; border-radius: 8px; }}
#rule {{ background: {border}; }}
QLabel[role="title"] {{ font-size: {title}pt; font-weight: 600; }}
QLabel[role="heading"] {{ font-weight: 600; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="error"] {{ color: {error}; }}
QLabel[role="warning"] {{ color: {warning}; }}
QLabel[role="good"] {{ color: {good}; }}
#panelHeader {{ border: none; border-bottom: 1px solid {border}; }}
#dockTitle {{ background: {rail}; border-bottom: 1px solid {border}; }}
QHeaderView::section {{ background: {window}; color: {muted}; border: none; padding: 6px 11px; }}
QHeaderView {{ border: none; border-bottom: 1px solid {border}; }}
QMainWindow::separator {{ background: {border}; width: 1px; height: 1px; }}
QSplitter::handle {{ background: {border}; }}
QListView, QTreeView, QTableView, QTextBrowser, QPlainTextEdit {{ border: 1px solid {border}; border-radius: 4px; }}
#guidePage, #paletteList, QScrollArea {{ border: none; }}
QListView::item, QTreeView::item {{ padding: 6px 8px; border: none; }}
QListView::item:hover, QTreeView::item:hover {{ background: {hover}; }}
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {{ background: {chosen}; color: {text}; }}
#paletteLine, #guideSearch {{ padding: 5px 8px; border: 1px solid {border}; border-radius: 5px; background: {base}; }}
#paletteLine:focus, #guideSearch:focus {{ border-color: {accent}; }}
QCheckBox::indicator, QAbstractItemView::indicator {{ width: 15px; height: 15px; border: 1px solid {muted}; border-radius: 4px; }}
QCheckBox::indicator, QAbstractItemView::indicator {{ background: {base}; }}
QCheckBox::indicator:hover, QCheckBox::indicator:focus, QAbstractItemView::indicator:hover {{ border-color: {accent}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{ background: {accent}; border-color: {accent}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{ image: url("{check}"); }}
QCheckBox::indicator:disabled, QAbstractItemView::indicator:disabled {{ background: {window}; border-color: {border}; }}
QCheckBox::indicator:checked:disabled, QAbstractItemView::indicator:checked:disabled {{ background: {muted}; }}
QCheckBox::indicator:checked:disabled, QAbstractItemView::indicator:checked:disabled {{ border-color: {muted}; }}
QProgressBar {{ border: none; border-radius: 3px; background: {border}; }}
QProgressBar::chunk {{ border-radius: 3px; background: {accent}; }}
QScrollBar {{ background: transparent; width: 10px; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {border}; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
#palette {{ background: {base}; border: 1px solid {border}; }}
#toast, #banner {{ background: {base}; border: 1px solid {border}; border-radius: 8px; }}
#toast[level="error"] {{ border-left: 4px solid {error}; }}
#toast[level="warning"] {{ border-left: 4px solid {warning}; }}
#toast[level="info"] {{ border-left: 4px solid {accent}; }}
#banner {{ border-radius: 0; border: none; border-bottom: 1px solid {border}; background: {chosen}; }}
"""


def palette(colours: Colours) -> QPalette:
    """The Qt palette of a theme."""
    result = QPalette()
    role = QPalette.ColorRole
    for name, value in {
        role.Window: colours.window, role.WindowText: colours.text, role.Base: colours.base, role.Text: colours.text,
        role.AlternateBase: colours.alternate, role.Button: colours.button, role.ButtonText: colours.text,
        role.BrightText: colours.error, role.ToolTipBase: colours.base, role.ToolTipText: colours.text,
        role.PlaceholderText: colours.muted, role.Highlight: colours.accent, role.HighlightedText: colours.on_accent,
        role.Link: colours.accent, role.LinkVisited: colours.accent, role.Mid: colours.border, role.Accent: colours.accent,
        role.Light: colours.hover, role.Midlight: colours.hover, role.Dark: colours.border,
    }.items():  # fmt: skip
        result.setColor(name, QColor(value))
    for name in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, name, QColor(colours.muted))
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(colours.border))
    return result


class Theme(QObject):
    """The theme of the running application: a choice, a font size, and the colours that follow."""

    changed = Signal()

    def __init__(self, application: QApplication, choice: Choice = "system", font_size: int = FONT_SIZE) -> None:
        super().__init__(application)
        self._application = application
        self._choice = choice
        self._font_size = font_size
        self._sheet = ""
        self._dressed: weakref.WeakSet[QWidget] = weakref.WeakSet()
        self.setObjectName("theme")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        application.setStyle("Fusion")
        self._apply()

    @property
    def choice(self) -> Choice:
        """What the person chose."""
        return self._choice

    @property
    def font_size(self) -> int:
        """In points."""
        return self._font_size

    @property
    def colours(self) -> Colours:
        """The colours that are shown now."""
        dark = self._choice == "dark" or (
            self._choice == "system" and QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        )
        return DARK if dark else LIGHT

    def dress(self, window: QWidget) -> None:
        """Give a window the style sheet, now and after every change.

        It is the window's and not the application's: with an application's sheet Qt works out the style of a whole branch of
        widgets anew each time that it is put into another widget, which took two thirds of the time that a panel was built in.
        """
        self._dressed.add(window)
        window.setStyleSheet(self._sheet)

    def choose(self, choice: Choice) -> None:
        """Change the theme."""
        if choice != self._choice:
            self._choice = choice
            self._apply()

    def set_font_size(self, points: int) -> None:
        """Change the size of all text, within FONT_SIZES."""
        points = min(max(points, FONT_SIZES[0]), FONT_SIZES[1])
        if points != self._font_size:
            self._font_size = points
            self._apply()

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self._apply()

    def _apply(self) -> None:
        colours = self.colours
        font = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
        font.setPointSize(self._font_size)
        self._application.setFont(font)
        self._application.setPalette(palette(colours))
        QToolTip.setPalette(palette(colours))
        names = {name: getattr(colours, name) for name in Colours.__dataclass_fields__}
        check = resource("icons/check_on_dark.svg" if colours.dark else "icons/check_on_light.svg").as_posix()
        self._sheet = _SHEET.format(**names, title=round(self._font_size * 1.45), check=check)
        for window in list(self._dressed):
            if isValid(window):
                window.setStyleSheet(self._sheet)
        self.changed.emit()


def fixed_font() -> QFont:
    """The fixed-width font, in the size of the application's text."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(QApplication.font().pointSizeF() * 0.95)
    return font
