"""Where the Ground truth panel's parts stand. They are filled and listened to by the view."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QSplitter, QTabWidget, QVBoxLayout, QWidget

from app.pieces import Pieces
from app.theme import Theme
from app.widgets.matrix_axes import state_colours
from app.widgets.matrix_canvas import PROPOSED_COLOUR, TRUTH_COLOUR
from app.widgets.matrix_view import MatrixView
from app.widgets.route_map import RouteMap
from app.widgets.truth_bar import NoticeStrip, SaveButton, ToolStrip, TruthBar, spin, word
from app.widgets.truth_findings import TruthFindings
from app.widgets.truth_make import TruthMake
from app.widgets.truth_pair import TruthPair

SIDE_WIDTH = 392


class TruthLayout(QWidget):
    """The choice over all; the matrix with its tools on the left; frames, check, make and map on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("truthLayout")

    def fill(self, theme: Theme) -> Pieces[None]:
        """Make the parts one by one."""
        self.save = SaveButton()
        self.bar = TruthBar()
        self.recovery = NoticeStrip(
            "truthRecovery",
            (
                ("recover", "Recover", "Do the edits again; undo takes them back"),
                ("discard", "Move to trash", "Move them to the folder .trash of the workspace"),
            ),
        )
        self.proposal = NoticeStrip(
            "truthProposal",
            (
                ("use", "Use it", "Replace the ground truth by the proposal (U); undo takes it back"),
                ("drop", "Drop it", "Leave the ground truth as it is (Esc)"),
            ),
        )
        self.problem = NoticeStrip(
            "truthProblem",
            (
                ("again", "Try again", "Read the files again"),
                ("replace", "Save anyway", "Replace the file by what is shown here"),
                ("anew", "Start with an empty one", "Leave the file as it is until you save over it"),
            ),
        )
        yield
        self.strip = ToolStrip()
        yield
        self.matrix = MatrixView(theme, "truthMatrix")
        self.foot = Foot(theme)
        self.pair = TruthPair(theme)
        yield
        self.findings = TruthFindings(theme)
        yield
        self.make = TruthMake()
        yield
        self.map = RouteMap(theme, "truthMap", "Neither traverse has poses. Attach GPS or odometry logs in the Dataset panel.")
        self.tabs = QTabWidget()
        self.tabs.setObjectName("truthTabs")
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.tabBar().setExpanding(True)
        for title, widget in (("Check", self.findings), ("Make", self.make), ("Map", self.map)):
            self.tabs.addTab(widget, title)
        yield
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(24, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(self.strip)
        column.addWidget(self.matrix, 1)
        column.addWidget(self.foot)
        right = QSplitter(Qt.Orientation.Vertical)
        right.setObjectName("truthSide")
        main = QSplitter(Qt.Orientation.Horizontal)
        main.setObjectName("truthMain")
        for splitter, parts in ((right, (self.pair, self.tabs)), (main, (left, right))):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
            for part in parts:
                splitter.addWidget(part)
        right.setMinimumWidth(300)
        right.setStretchFactor(0, 1)
        right.setStretchFactor(1, 1)
        right.setSizes([290, 300])
        main.setStretchFactor(0, 3)
        main.setStretchFactor(1, 2)  # on a large screen the frames grow too
        main.setSizes([640, SIDE_WIDTH])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for strip in (self.bar, self.problem, self.recovery, self.proposal):
            layout.addWidget(strip)
        layout.addWidget(main, 1)

    def show_tab(self, title: str) -> None:
        """Bring a tab to the front."""
        for index in range(self.tabs.count()):
            if self.tabs.tabText(index) == title:
                self.tabs.setCurrentIndex(index)


class Foot(QWidget):
    """Under the matrix: what the colours mean, and the tolerance."""

    toleranceChanged = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("truthFoot")
        self.legend = Legend(theme)
        self.tolerance = spin("truthTolerance", 0, 999, "Tolerance")
        self.tolerance.setPrefix("± ")
        self.tolerance.setToolTip("How far from a match still counts as right: the halo around the matches")
        self.tolerance.valueChanged.connect(lambda value: self.toleranceChanged.emit())
        self.unit = QComboBox()
        self.unit.setObjectName("truthToleranceUnit")
        self.unit.setAccessibleName("Unit of the tolerance")
        self.unit.setToolTip("Frames along the reference, or metres where the reference has poses")
        self.unit.setMinimumHeight(self.unit.fontMetrics().height() + 11)
        for value, text in (("frames", "frames"), ("m", "m")):
            self.unit.addItem(text, value)
        self.unit.activated.connect(lambda index: self.toleranceChanged.emit())
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.legend, 1)
        line.addWidget(word("Tolerance"))
        line.addWidget(self.tolerance)
        line.addWidget(self.unit)

    @property
    def metres(self) -> bool:
        """Whether the tolerance is in metres."""
        return bool(self.unit.currentData() == "m")

    def show_metres(self, possible: bool) -> None:
        """Whether there are poses to measure metres with."""
        self.unit.setEnabled(possible)
        if not possible:
            self.unit.setCurrentIndex(0)


class Legend(QWidget):
    """What the colours on the matrix mean, as far as there is room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("truthLegend")
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.fontMetrics().height() + 4)
        theme.changed.connect(self.update)

    def entries(self) -> list[tuple[str, str]]:
        """Colours and words."""
        states = state_colours(self._theme.colours)
        return [
            (TRUTH_COLOUR, "match"),
            (PROPOSED_COLOUR, "proposal"),
            (states["confirmed"], "confirmed"),
            (states["suspicious"], "suspicious"),
            (states["rejected"], "rejected"),
            (states["masked"], "masked"),
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        """A square and a word each."""
        painter, metrics = QPainter(self), self.fontMetrics()
        x, size = 0, 9
        for colour, text in self.entries():
            width = size + 5 + metrics.horizontalAdvance(text)
            if x + width > self.width():
                break
            painter.fillRect(x, (self.height() - size) // 2, size, size, QColor(colour))
            painter.setPen(QColor(self._theme.colours.muted))
            painter.drawText(x + size + 5, (self.height() + metrics.ascent() - metrics.descent()) // 2, text)
            x += width + 16
        painter.end()
