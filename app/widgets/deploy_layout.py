"""Where the Deploy panel's parts stand. They are filled and listened to by the view."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QTabWidget, QVBoxLayout, QWidget

from app.icons import set_icon
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.capture_layout import TABS_WIDTH
from app.widgets.check_list import CheckList
from app.widgets.deploy_setup import DeploySetup
from app.widgets.elided import Elided
from app.widgets.filter_list import FilterList
from app.widgets.frame_view import FrameView
from app.widgets.ghost_plot import GhostPlot
from app.widgets.history_view import HistoryView
from app.widgets.layer_bars import LayerBars
from app.widgets.live_pane import LivePane
from app.widgets.live_plots import RatePlot
from app.widgets.place_display import PlaceDisplay
from app.widgets.play_bar import PlayBar, tool_button
from app.widgets.power_plot import PowerPlot
from app.widgets.raster import RasterPlot
from app.widgets.route_map import RouteMap
from app.widgets.session_panel import SessionPanel
from app.widgets.source_bar import SourceBar
from app.widgets.splitting import scrolled, splitter
from engine.capture import CaptureFilters


class DeployLayout(QWidget):
    """Source over all; place, pictures and plots on the left; the settings' tabs on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("deployLayout")

    def fill(self, theme: Theme) -> Pieces[None]:
        """Make the parts one by one."""
        self.run_button = QPushButton("Start")
        self.run_button.setObjectName("deployRun")
        self.run_button.setProperty("role", "primary")
        self.run_button.setMinimumWidth(96)
        self.demo_button = QPushButton("Demo mode")
        self.demo_button.setObjectName("deployDemo")
        self.demo_button.setToolTip("Fill the screen with what the camera sees and where the network is (Ctrl+F11)")
        set_icon(self.demo_button, "demo")
        self.source = SourceBar()
        self.source.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.source.open.setText("Watch")
        self.source.open.setProperty("role", "")
        self.source.close_button.setText("Close")
        self.source.open.setToolTip("Open the source and show its events, without recognising places yet")
        self.notice = NoticeStrip()
        self.place = PlaceDisplay(theme)
        self.figures = QLabel()
        self.figures.setObjectName("deployFigures")
        self.figures.setProperty("role", "muted")
        self.figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.remember = QPushButton("Remember this place")
        self.remember.setObjectName("deployRemember")
        self.remember.setToolTip("Add the present view to the network as a new place (R)")
        yield
        self.live = LivePane(theme)
        self.live.strip.setParent(self.live)  # its tools are Capture's; here the picture is only looked at
        self.live.strip.hide()
        self.now = FrameView(theme, "deployNow", "The event frame of the window")
        self.match = FrameView(theme, "deployMatch", "The reference's picture of the place")
        yield
        self.history = HistoryView(theme)
        self.map = RouteMap(theme, "deployMap", "")
        self.raster = RasterPlot(theme)
        yield
        self.layers = LayerBars(theme)
        self.power = PowerPlot(theme)
        self.energy = Elided("", "deployEnergy", "muted")
        yield
        self.ghost = GhostPlot(theme)
        self.rates = RatePlot(theme)
        yield
        self.play = PlayBar(theme)
        self.setup = DeploySetup()
        self.checks = CheckList(theme)
        yield
        self.filters = FilterList(CaptureFilters)
        self.session = SessionPanel()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("deployTabs")
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.tabBar().setExpanding(True)
        self.tabs.setMinimumWidth(TABS_WIDTH)
        for title, widget in (
            ("Run", self.setup),
            ("Checks", self.checks),
            ("Filters", self.filters),
            ("Session", self.session),
        ):
            self.tabs.addTab(scrolled(widget, f"deployTab{title}"), title)
        yield
        self.plots = QTabWidget()
        self.plots.setObjectName("deployPlots")
        self.plots.setDocumentMode(True)
        self.plots.setUsesScrollButtons(True)  # six of them do not fit a small window
        self.plots.tabBar().setExpanding(True)
        for title, part in (
            ("Map", self.map),
            ("Spikes", self.raster),
            ("Layers", self.layers),
            ("Power", self._power_page()),
            ("Ghost", self.ghost),
            ("Events", self.rates),
        ):
            self.plots.addTab(_framed(part), title)
        yield
        self._assemble()

    def show_tab(self, title: str) -> None:
        """Bring one of the settings' tabs to the front."""
        for index in range(self.tabs.count()):
            if self.tabs.tabText(index).startswith(title):
                self.tabs.setCurrentIndex(index)

    def _power_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.power, 1)
        column.addWidget(self.energy)
        return page

    def _assemble(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.place, 1)
        top.addWidget(self.remember)
        top.addWidget(self.figures)
        pictures = QWidget()
        grid = QGridLayout(pictures)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self.live.setMinimumWidth(150)
        titles = (self.live.title, _title("Event frame now", "deployNowTitle"), _title("Best match", "deployMatchTitle"))
        self.now_title, self.match_title = titles[1], titles[2]
        for place, (title, widget) in enumerate(zip(titles, (self.live, self.now, self.match), strict=True)):
            grid.addWidget(title, 0, place)
            grid.addWidget(widget, 1, place)
            grid.setColumnStretch(place, 1)
        grid.setRowStretch(1, 1)
        history = QWidget()
        column = QVBoxLayout(history)
        column.setContentsMargins(0, 8, 12, 0)
        column.setSpacing(4)
        column.addWidget(_title("Similarity over the last windows", "deployHistoryTitle"))
        column.addWidget(self.history, 1)
        lower = splitter("deployLower", Qt.Orientation.Horizontal, (history, 1), (self.plots, 1))
        lower.setSizes([500, 500])
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(pictures, 1)
        column.addWidget(self.play)
        left = splitter("deployLeft", Qt.Orientation.Vertical, (upper, 3), (lower, 2))
        left.setSizes([400, 230])
        around = QWidget()
        column = QVBoxLayout(around)
        column.setContentsMargins(24, 10, 16, 10)
        column.addWidget(left)
        main = splitter("deployMain", Qt.Orientation.Horizontal, (around, 1), (self.tabs, 0))
        main.setSizes([1000, TABS_WIDTH])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.source)
        layout.addWidget(self.notice)
        layout.addWidget(main, 1)


class NoticeStrip(QFrame):
    """What a person should know of the run: a problem, or that this computer is too slow."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.text = QLabel()
        self.text.setObjectName("deployNotice")
        self.text.setWordWrap(True)
        self.close_button = tool_button("deployNoticeClose", "close", "Take this line away")
        self.close_button.setIconSize(QSize(16, 16))
        self.close_button.clicked.connect(self._on_closed)
        self._closed = ""
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 7, 16, 7)
        line.addWidget(self.text, 1)
        line.addWidget(self.close_button)
        self.hide()

    def tell(self, sentences: list[str], problem: bool = False) -> None:
        """Show sentences; none hides the strip, and those that were taken away stay away."""
        words = " ".join(sentences)
        kind = words.translate(_NO_DIGITS)
        if not words:
            self._closed = ""
        if words != self.text.text():
            self.text.setText(words)
            role = "error" if problem else ""
            if self.text.property("role") != role:
                self.text.setProperty("role", role)
                self.text.style().unpolish(self.text)
                self.text.style().polish(self.text)
        self.setVisible(bool(words) and kind != self._closed)

    def _on_closed(self) -> None:
        self._closed = self.text.text().translate(_NO_DIGITS)
        self.hide()


_NO_DIGITS = str.maketrans("", "", "0123456789")


def _title(words: str, name: str) -> Elided:
    return Elided(words, name, "heading")


def _framed(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(12, 8, 0, 0)
    layout.addWidget(widget)
    return page
