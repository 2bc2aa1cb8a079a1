"""Where the Evaluation panel's parts stand. They are filled and listened to by the view."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.icons import set_icon
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.editors import NumberBox
from app.widgets.evaluation_options import UsedFrames
from app.widgets.evaluation_plots import CurvesPlot, RecallBars, RoutePlot
from app.widgets.matrix_pane import MatrixPane
from app.widgets.method_table import MethodTable
from app.widgets.methods_panel import MethodsPanel
from app.widgets.pair_bar import PairBar
from app.widgets.pair_inspector import PairInspector
from app.widgets.results_panel import ResultsPanel
from app.widgets.route_map import RouteMap
from app.widgets.splitting import scrolled, splitter
from app.widgets.worst_queries import WorstQueries
from engine.frames.inputs import InputParameters
from engine.recognition.encoding import SpikingParameters
from engine.recognition.forward_filter import ForwardFilterParameters
from engine.recognition.scores import ScoringParameters

SIDE_WIDTH = 304
_NARROW = 520


class EvaluationLayout(QWidget):
    """Traverses over all; the table of methods and its pictures on the left; methods, settings and results on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("evaluationLayout")

    def fill(self, theme: Theme, frame_of: Callable[[str, int], NDArray[np.uint8] | None]) -> Pieces[None]:
        """Make the parts one by one."""
        self.bar = PairBar()
        self.table = MethodTable(theme)
        self.inspector = PairInspector(theme)
        self.tabs = _tabs("evaluationTabs")
        self.side = _tabs("evaluationSide")
        self.side.tabBar().setExpanding(True)
        self.side.setUsesScrollButtons(False)
        self.side.setMinimumWidth(SIDE_WIDTH)
        self._assemble()
        yield
        self.matrix = MatrixPane(theme)
        self.tabs.addTab(self.matrix, "Matrix")
        yield
        self.bars, self.curves = RecallBars(theme), CurvesPlot(theme)
        yield
        self.worst = WorstQueries(theme, frame_of)
        self.worst_note = QLabel()
        self.worst_note.setObjectName("worstNote")
        self.worst_note.setProperty("role", "muted")
        self.worst_note.setWordWrap(True)
        self.route = RoutePlot(theme)
        self.map = RouteMap(theme, "evaluationMap", "The traverses have no positions: attach poses in the Dataset panel.")
        for title, widget in (("Curves", self._curves()), ("Worst queries", self._gallery()), ("Along the route", self._along())):
            self.tabs.addTab(widget, title)
        yield
        self.methods, self.results = MethodsPanel(), ResultsPanel()
        yield
        self.scoring = ParameterForm(
            ScoringParameters,
            skip=("seed", "forward"),
            groups={
                "Sequence matching": ("sequence", "sequence_length"),
                "What counts as right": ("GT_tolerance", "tolerance_m"),
                "Scoring": ("compat", "resamples", "cold_starts"),
            },
            part=True,
        )
        metres = self.scoring.editor("tolerance_m")
        if isinstance(metres, NumberBox):
            metres.lineEdit().setPlaceholderText("none, in m")
        yield
        self.forward = ParameterForm(
            ForwardFilterParameters,
            skip=("tolerance",),
            groups={
                "Forward filter": ("jump", "leave", "come_back", "speed", "follow_speed", "speed_spread", "stop", "lost_below")
            },
            part=True,
        )
        yield
        self.frames = ParameterForm(UsedFrames, groups={"Frames": ("reference_places", "query_places", "filter")}, part=True)
        self.spiking = ParameterForm(SpikingParameters, groups={"Spikes": ("timebin", "field", "seed")}, part=True)
        self.inputs = ParameterForm(
            InputParameters,
            groups={"Networks without a run record": ("dims", "roi_dim", "cell", "encoding", "query_encoding")},
            part=True,
        )
        yield
        self.export = QPushButton("Export")
        self.export.setObjectName("exportResult")
        self.export.setToolTip("Save the report, the tables or the figures of what is shown")
        set_icon(self.export, "export_report")
        for title, widget in (
            ("Methods", self.methods),
            ("Settings", self._settings()),
            ("Results", self.results),
        ):
            self.side.addTab(scrolled(widget, f"evaluationSide{title}"), title)
            yield

    @property
    def forms(self) -> tuple[ParameterForm[Any], ...]:
        """All settings, in their order."""
        return self.scoring, self.forward, self.frames, self.spiking, self.inputs

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window leaves the frames of the pair out: the gallery has them too."""
        super().resizeEvent(event)
        self._pair.setVisible(self.width() - self.side.width() >= _NARROW)

    def show_tab(self, title: str) -> None:
        """Bring a tab of the pictures or of the side to the front."""
        for tabs in (self.tabs, self.side):
            for index in range(tabs.count()):
                if tabs.tabText(index) == title:
                    tabs.setCurrentIndex(index)

    def show_empty(self, sentence: str) -> None:
        """A sentence in place of table and pictures; "" shows those."""
        self._empty.setText(sentence)
        self._pages.setCurrentIndex(0 if sentence else 1)

    def _curves(self) -> QWidget:
        page = QWidget()
        line = QHBoxLayout(page)
        line.setContentsMargins(0, 10, 0, 0)
        line.setSpacing(16)
        line.addWidget(self.bars, 1)
        line.addWidget(self.curves, 1)
        return page

    def _gallery(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 10, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.worst_note)
        column.addWidget(self.worst, 1)
        return page

    def _along(self) -> QWidget:
        split = splitter("evaluationAlong", Qt.Orientation.Vertical, (self.route, 1), (self.map, 2))
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 10, 0, 0)
        column.addWidget(split)
        return page

    def _settings(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(14)
        for form in self.forms:
            column.addWidget(form)
        column.addStretch(1)
        return page

    def _assemble(self) -> None:
        inspector = QWidget()
        line = QHBoxLayout(inspector)
        line.setContentsMargins(12, 10, 0, 0)
        line.addWidget(self.inspector)
        self._pair = inspector
        pictures = splitter("evaluationPictures", Qt.Orientation.Horizontal, (self.tabs, 1), (inspector, 0))
        pictures.setSizes([560, 210])
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 6, 0, 0)
        column.addWidget(pictures)
        left = splitter("evaluationLeft", Qt.Orientation.Vertical, (self.table, 0), (below, 1))
        left.setSizes([190, 460])
        self._empty = QLabel()
        self._empty.setObjectName("evaluationEmpty")
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMargin(60)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(left)
        around = QWidget()
        column = QVBoxLayout(around)
        column.setContentsMargins(24, 12, 16, 12)
        column.addWidget(self._pages)
        main = splitter("evaluationMain", Qt.Orientation.Horizontal, (around, 1), (self.side, 0))
        main.setSizes([1000, SIDE_WIDTH])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(main, 1)


def _tabs(name: str) -> QTabWidget:
    made = QTabWidget()
    made.setObjectName(name)
    made.setDocumentMode(True)
    made.setIconSize(QSize(16, 16))
    return made
