"""Where the Dataset panel's parts stand. They are filled and listened to by the view."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.dataset_operations import IMPORTS
from app.icons import pixmap, set_icon
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.compare_pane import ComparePane
from app.widgets.elided import Elided
from app.widgets.facts_table import FactsTable
from app.widgets.film_bar import FilmBar
from app.widgets.frame_grid import SIDES, FrameGrid
from app.widgets.frame_inspector import FrameInspector
from app.widgets.play_bar import tool_button
from app.widgets.route_map import RouteMap
from app.widgets.traverse_tree import TraverseTree
from app.widgets.undo_strip import UndoStrip

TABS = ("Frames", "Compare", "Figures")


class DatasetLayout(QWidget):
    """The tree on the left; thumbnails, comparison and figures in the middle; frame and map on the right."""

    warningsRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("datasetLayout")

    def fill(self, theme: Theme) -> Pieces[None]:
        """Make the parts one by one."""
        self.undo = UndoStrip()
        self.tree = TraverseTree(theme)
        self.title = Elided("", "traverseTitle", "heading")
        self.summary = Elided("", "traverseSummary", "muted")
        self.warnings = QToolButton()
        self.warnings.setObjectName("traverseWarnings")
        self.warnings.setProperty("role", "quiet")
        self.warnings.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.warnings.setIconSize(QSize(16, 16))
        set_icon(self.warnings, "warning")
        self.warnings.clicked.connect(self.warningsRequested)
        self.use_reference = _button("useReference", "Use as reference")
        self.use_query = _button("useQuery", "Use as query")
        self.more = QToolButton()
        self.more.setObjectName("traverseActions")
        self.more.setProperty("role", "quiet")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setToolTip("What can be done with the chosen traverses")
        self.more.setAccessibleName("Actions")
        self.more.setIconSize(QSize(20, 20))
        set_icon(self.more, "menu")
        yield
        self.grid = FrameGrid(theme)
        self.smaller = tool_button("thumbnailsSmaller", "zoom_out", "Smaller thumbnails (Ctrl and the wheel)")
        self.larger = tool_button("thumbnailsLarger", "zoom_in", "Larger thumbnails (Ctrl and the wheel)")
        self.smaller.clicked.connect(lambda: self._resize(-1))
        self.larger.clicked.connect(lambda: self._resize(1))
        self.range = Elided("", "frameRange", "muted")
        self.crop = _button("cropChosen", "Cut out…")
        yield
        self.compare, self.facts = ComparePane(theme), FactsTable(theme)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("datasetTabs")
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self._compared = QSplitter(Qt.Orientation.Vertical)
        self._compared.setObjectName("datasetCompared")
        self._compared.setHandleWidth(1)
        self._compared.setChildrenCollapsible(False)
        self._compared.addWidget(self.compare)
        for title, widget in zip(TABS, (self._frames(), self._compared, self.facts), strict=True):
            page = QWidget()
            around = QVBoxLayout(page)
            around.setContentsMargins(0, 10, 0, 0)
            around.addWidget(widget)
            self.tabs.addTab(page, title)
        yield
        self.inspector = FrameInspector(theme)
        self.map = RouteMap(theme, "datasetMap", "No positions: attach a GPS log or poses to see the route.")
        self.map_note = Elided("", "mapNote", "muted")
        yield
        self.film = FilmBar()
        self.card = EmptyCard(theme, [*((o.name, o.text, o.icon) for o in IMPORTS), ("capture", "Go to Capture", "capture")])
        self.pages = QStackedWidget()
        yield
        self._assemble()

    def show_tab(self, title: str) -> None:
        """Bring a tab to the front."""
        self.tabs.setCurrentIndex(TABS.index(title))

    @property
    def tab(self) -> str:
        """The tab in front."""
        return TABS[self.tabs.currentIndex()]

    def fit_side(self) -> None:
        """Frame and film belong to the thumbnails; the map stands beside them, or under the two that are compared."""
        frames = self.tab == "Frames"
        if not frames and self._map_part.parent() is not self._compared:
            self._compared.addWidget(self._map_part)
            self._compared.setSizes([330, 200])
        elif frames and self._map_part.parent() is not self._side:
            self._side.addWidget(self._map_part)
            self._side.setSizes([400, 210])
        self._aside.setVisible(frames)
        self._beside.setContentsMargins(0, 0, 14 if frames else 0, 0)
        self.film.setVisible(frames)

    def _frames(self) -> QWidget:
        page = QWidget()
        tools = QHBoxLayout()
        tools.setSpacing(4)
        tools.addWidget(self.smaller)
        tools.addWidget(self.larger)
        tools.addSpacing(8)
        tools.addWidget(self.range, 1)
        tools.addWidget(self.crop)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(tools)
        layout.addWidget(self.grid, 1)
        return page

    def _assemble(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(self.title)
        names.addWidget(self.summary)
        head.addLayout(names, 1)
        head.addWidget(self.warnings)
        head.addWidget(self.use_reference)
        head.addWidget(self.use_query)
        head.addWidget(self.more)
        self._map_part = QWidget()
        column = QVBoxLayout(self._map_part)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.map, 1)
        column.addWidget(self.map_note)
        self._side = QSplitter(Qt.Orientation.Vertical)
        self._side.setObjectName("datasetSide")
        self._side.setHandleWidth(1)
        self._side.setChildrenCollapsible(False)
        self._side.addWidget(self.inspector)
        self._side.addWidget(self._map_part)
        self._side.setStretchFactor(0, 3)
        self._side.setStretchFactor(1, 2)
        self._side.setSizes([400, 210])
        self._aside = side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(14, 0, 0, 0)
        column.addWidget(self._side)
        self.tabs.setMinimumWidth(216)
        self._side.setMinimumWidth(150)
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.setObjectName("datasetMiddle")
        middle.setHandleWidth(1)
        middle.setChildrenCollapsible(False)
        left = QWidget()
        self._beside = QVBoxLayout(left)
        self._beside.setContentsMargins(0, 0, 14, 0)
        self._beside.addWidget(self.tabs)
        middle.addWidget(left)
        middle.addWidget(side)
        middle.setStretchFactor(0, 1)
        middle.setStretchFactor(1, 0)
        middle.setSizes([560, 300])
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(16, 12, 16, 10)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(middle, 1)
        column.addWidget(self.film)
        self.pages.addWidget(self.card)
        self.pages.addWidget(work)
        shelf = QWidget()
        column = QVBoxLayout(shelf)
        column.setContentsMargins(24, 12, 12, 10)
        column.addWidget(self.tree)
        shelf.setMinimumWidth(200)
        main = QSplitter(Qt.Orientation.Horizontal)
        main.setObjectName("datasetMain")
        main.setHandleWidth(1)
        main.setChildrenCollapsible(False)
        main.addWidget(shelf)
        main.addWidget(self.pages)
        main.setStretchFactor(0, 0)
        main.setStretchFactor(1, 1)
        main.setSizes([250, 846])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.undo)
        layout.addWidget(main, 1)

    def _resize(self, steps: int) -> None:
        at = SIDES.index(self.grid.side) + steps
        self.grid.set_side(SIDES[min(max(at, 0), len(SIDES) - 1)])


class EmptyCard(QWidget):
    """What to do where there is nothing to see yet: a sentence, and a button for each action (name, words, icon)."""

    actionRequested = Signal(str)

    def __init__(self, theme: Theme, actions: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.setObjectName("datasetCard")
        self._theme = theme
        self.picture = QLabel()
        self.picture.setObjectName("datasetCardIcon")
        self.text = QLabel()
        self.text.setObjectName("datasetCardText")
        self.text.setWordWrap(True)
        self.text.setFixedWidth(440)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.buttons = QWidget()
        line = QHBoxLayout(self.buttons)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        for name, words, icon in actions:
            button = QPushButton(words)
            button.setObjectName(f"card_{name}")
            button.setToolTip(words)
            set_icon(button, icon)
            button.clicked.connect(lambda checked=False, name=name: self.actionRequested.emit(name))
            line.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(40, 20, 40, 40)
        column.setSpacing(14)
        column.addStretch(2)
        for widget in (self.picture, self.text, self.buttons):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def tell(self, text: str, buttons: bool) -> None:
        """Show a sentence, with or without the buttons."""
        self.text.setText(text)
        self.text.setFixedHeight(self.text.heightForWidth(self.text.width()))
        self.buttons.setVisible(buttons)

    def _on_theme(self) -> None:
        self.picture.setPixmap(pixmap("dataset", self.palette().windowText().color(), 48))


def _button(name: str, text: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setProperty("compact", True)
    return button
