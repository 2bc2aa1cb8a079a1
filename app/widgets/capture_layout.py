"""Where the Capture panel's parts stand. They are filled and listened to by the view."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.bin_panel import BinPanel
from app.widgets.bin_preview import BinPreview
from app.widgets.editors import NumberBox
from app.widgets.filter_list import FilterList
from app.widgets.live_pane import LivePane
from app.widgets.live_plots import RateHistogram, RatePlot
from app.widgets.play_bar import PlayBar, tool_button
from app.widgets.record_panel import RecordButton, RecordPanel
from app.widgets.region_panel import RegionPanel
from app.widgets.source_bar import SourceBar
from app.widgets.splitting import scrolled, splitter
from engine.capture import CaptureFilters, CaptureParameters

TABS_WIDTH = 304


class CaptureLayout(QWidget):
    """Source over all; pictures, time line and plots on the left; the settings' tabs on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("captureLayout")

    def fill(
        self,
        theme: Theme,
        check_names: Callable[[dict[str, Any]], Mapping[str, str]],
        check_traverse: Callable[[str, str, str], str],
    ) -> Pieces[None]:
        """Make the parts one by one."""
        self.source = SourceBar()
        self.source.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.unfinished = UnfinishedStrip()
        self.live = LivePane(theme)
        yield
        self.preview, self.compare = BinPreview(theme, "preview"), BinPreview(theme, "compare")
        self.preview.setMinimumWidth(110)
        self.compare.setMinimumWidth(110)
        self.compare.hide()
        self.play = PlayBar(theme)
        yield
        self.rates, self.histogram = RatePlot(theme), RateHistogram(theme)
        yield
        self.window_form = ParameterForm(
            CaptureParameters,
            skip=("polarity", "region", "dims", "representation", "filters"),
            groups={
                "Event frames": ("mode", "window_ms", "events_per_frame"),
                "Second window": ("compare_window_ms",),
                "Live picture": ("display_window_ms", "tau_ms"),
            },
            part=True,
        )
        self.window_form.setObjectName("windowForm")
        compare = self.window_form.editor("compare_window_ms")
        if isinstance(compare, NumberBox):
            compare.lineEdit().setPlaceholderText("none")
        self.region = RegionPanel()
        yield
        self.filters = FilterList(CaptureFilters)
        yield
        self.record = RecordPanel(check_names)
        duration = self.record.form.editor("duration_s")
        if isinstance(duration, NumberBox):
            duration.lineEdit().setPlaceholderText("until stopped")
        self.bin = BinPanel(check_traverse)
        self.record_button = RecordButton()
        yield
        self.tabs = QTabWidget()
        self.tabs.setObjectName("captureTabs")
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.tabBar().setExpanding(True)
        self.tabs.setMinimumWidth(TABS_WIDTH)
        for title, widget in (
            ("Window", _padded(self.window_form)),
            ("Region", self.region),
            ("Filters", self.filters),
            ("Record", self.record),
            ("Bin", self.bin),
        ):
            self.tabs.addTab(scrolled(widget, f"captureTab{title}"), title)
        yield
        self._assemble()

    def show_tab(self, title: str) -> None:
        """Bring a tab to the front."""
        for index in range(self.tabs.count()):
            if self.tabs.tabText(index) == title:
                self.tabs.setCurrentIndex(index)

    def show_compare(self, on: bool) -> None:
        """Show the second window's frame, and give both frames room."""
        if self.compare.isHidden() == on:
            self.compare.setVisible(on)
            whole = sum(self._pictures.sizes())
            if whole:
                self._pictures.setSizes([round(whole * (0.42 if on else 0.6)), round(whole * (0.58 if on else 0.4))])

    def show_frames_fixed(self, fixed: bool) -> None:
        """While event frames are recorded they all have to be alike: what makes them rests."""
        if self.filters.isEnabled() == fixed:
            for widget in (self.window_form, self.region, self.filters, self.live.polarity):
                widget.setEnabled(not fixed)
            for name in ("region", "hot"):
                self.live.tools[name].setEnabled(not fixed)
            for preview in (self.preview, self.compare):
                preview.use.setEnabled(not fixed)
            if fixed:
                self.live.set_tool("look")
            tip = "Event frames are being recorded: they all have to be alike" if fixed else ""
            for index in range(3):
                self.tabs.setTabToolTip(index, tip)

    def _assemble(self) -> None:
        previews = QWidget()
        line = QHBoxLayout(previews)
        line.setContentsMargins(10, 0, 0, 0)
        line.setSpacing(10)
        line.addWidget(self.preview, 1)
        line.addWidget(self.compare, 1)
        self.live.layout().setContentsMargins(0, 0, 10, 0)  # type: ignore[union-attr]
        self._pictures = splitter("capturePictures", Qt.Orientation.Horizontal, (self.live, 3), (previews, 2))
        plots = QWidget()
        line = QHBoxLayout(plots)
        line.setContentsMargins(0, 8, 0, 0)
        line.setSpacing(16)
        line.addWidget(self.rates, 3)
        line.addWidget(self.histogram, 2)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addWidget(self.live.strip)
        column.addWidget(self._pictures, 1)
        column.addWidget(self.play)
        left = splitter("captureLeft", Qt.Orientation.Vertical, (upper, 4), (plots, 1))
        left.setSizes([560, 130])
        around = QWidget()
        column = QVBoxLayout(around)
        column.setContentsMargins(24, 12, 16, 10)
        column.addWidget(left)
        main = splitter("captureMain", Qt.Orientation.Horizontal, (around, 1), (self.tabs, 0))
        main.setSizes([1000, TABS_WIDTH])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.source)
        layout.addWidget(self.unfinished)
        layout.addWidget(main, 1)


class UnfinishedStrip(QFrame):
    """Says that something was recorded when Revisit last ended, and offers it."""

    openRequested = Signal()
    keepRequested = Signal()
    discardRequested = Signal()
    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("unfinished")
        self.text = QLabel()
        self.text.setObjectName("unfinishedText")
        self.text.setWordWrap(True)
        self.open = QPushButton("Open the recording")
        self.open.setObjectName("unfinishedOpen")
        self.open.setToolTip("Show what was recorded up to the end")
        self.open.clicked.connect(self.openRequested)
        self.keep = QPushButton("Finish it")
        self.keep.setObjectName("unfinishedKeep")
        self.keep.setToolTip("Give the recording its table and the traverse its index, as if it had been stopped there")
        self.keep.clicked.connect(self.keepRequested)
        self.discard = QPushButton("Move to trash")
        self.discard.setObjectName("unfinishedDiscard")
        self.discard.setToolTip("Move it to the folder .trash of the workspace")
        self.discard.clicked.connect(self.discardRequested)
        close = tool_button("unfinishedClose", "close", "Not now: Revisit says so again at its next start")
        close.setIconSize(QSize(16, 16))
        close.clicked.connect(self.dismissed)
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 8, 16, 8)
        line.setSpacing(8)
        line.addWidget(self.text, 1)
        for widget in (self.open, self.keep, self.discard, close):
            line.addWidget(widget)
        self.hide()

    def tell(self, sentence: str, opens: bool = False) -> None:
        """Show what was found; "" hides the strip. `opens`: there are raw events to show."""
        self.text.setText(sentence)
        self.open.setVisible(opens)
        self.setVisible(bool(sentence))


def _padded(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(16, 14, 16, 14)
    layout.addWidget(widget)
    layout.addStretch(1)
    return page
