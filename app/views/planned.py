"""The page of a panel that is not there yet: what it will be for, what does the same today, and nothing that pretends to work."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.icons import pixmap, set_icon
from app.views.base import Tools, View

_COLUMN = 620


class PlannedView(View):
    """A page in place of a panel; subclasses fill in the words."""

    icon: str
    purpose: str
    will: Sequence[tuple[str, str]]  # (short name, sentence)
    today: str = ""  # what does it now, from a shell

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._picture = QLabel()
        self._picture.setObjectName("plannedIcon")
        purpose = self._text(self.purpose, "plannedPurpose")
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        for row, (short, sentence) in enumerate(self.will):
            name = QLabel(short)
            name.setProperty("role", "heading")
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self._text(sentence, f"planned{row}"), row, 1)
        self.state = self._text(
            f"This panel is not part of Revisit {_version()} yet. {self.today}".strip(), "plannedState", "muted"
        )
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        rule = QFrame()
        rule.setFrameShape(QFrame.Shape.HLine)
        rule.setFrameShadow(QFrame.Shadow.Plain)
        rule.setForegroundRole(QPalette.ColorRole.Mid)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(18)
        column.addWidget(self._picture)
        column.addWidget(purpose)
        column.addLayout(grid)
        column.addSpacing(6)
        column.addWidget(rule)
        column.addWidget(self.state)
        if self.guide:
            column.addWidget(self._guide_button(), 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        page = QWidget()
        inner = QWidget()
        inner.setMaximumWidth(_COLUMN)
        inner.setLayout(column)
        line = QHBoxLayout(page)
        line.setContentsMargins(24, 28, 24, 24)
        line.addWidget(inner, 1, Qt.AlignmentFlag.AlignTop)
        line.addStretch(0)
        line.setAlignment(inner, Qt.AlignmentFlag.AlignTop)
        area = QScrollArea()
        area.setObjectName("plannedArea")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(page)
        self.content.addWidget(area)
        tools.theme.changed.connect(self._on_theme)
        self._on_theme()

    def _guide_button(self) -> QPushButton:
        button = QPushButton("Read the guide")
        button.setObjectName("plannedGuide")
        set_icon(button, "guide")
        button.clicked.connect(lambda: self.guideRequested.emit(self.guide))
        return button

    def _on_theme(self) -> None:
        self._picture.setPixmap(pixmap(self.icon, self.palette().color(QPalette.ColorRole.Accent), 56))

    @staticmethod
    def _text(words: str, name: str, role: str = "") -> QLabel:
        label = QLabel(words)
        label.setObjectName(name)
        label.setWordWrap(True)
        label.setProperty("role", role)
        return label


def _version() -> str:
    from engine import __version__

    return __version__


class PlannedDataset(PlannedView):
    """Until app/views/dataset.py is there."""

    name, title, icon = "dataset", "Dataset", "dataset"
    summary = "Look through traverses, repair them, and choose reference and query."
    purpose = "Here you will see every traverse of the workspace, frame by frame, and choose the reference and the query."
    will = (
        ("Browse", "Frames side by side along the route, with their time, place and event count."),
        ("Curate", "Cut, drop and reorder frames, each step undoable; the files on disk change only when you save."),
        ("Poses", "Attach GPS or odometry and see the route on a map."),
    )
    today = "From a shell, revisit-cli index writes the index file of a traverse today."


class PlannedGroundTruth(PlannedView):
    """Until app/views/ground_truth.py is there."""

    name, title, icon = "ground_truth", "Ground truth", "ground_truth"
    summary = "Say which query belongs to which reference place, and check it by eye."
    purpose = "Here you will paint, generate and check the ground truth: which reference places count as right for each query."
    will = (
        ("Generate", "From poses within a tolerance in metres, or from matching indices within a tolerance in frames."),
        ("Paint", "Draw on the matrix, with both frames of the cell under the cursor beside it."),
        ("Check", "Walk along the doubtful pairs, and compare two versions of the truth."),
    )


class PlannedEvaluation(PlannedView):
    """Until app/views/evaluation.py is there."""

    name, title, icon = "evaluation", "Evaluation", "evaluation"
    summary = "Measure how well a network recognises the places of a query traverse."
    purpose = "Here you will run a trained network over a query traverse and see where it is right, where it is wrong, and why."
    will = (
        ("Matrix", "The similarity matrix; a click shows the query, the place that was chosen and the place that was right."),
        ("Figures", "Recall@K, precision-recall and R@100P, with intervals, against sum-of-absolute-differences as baseline."),
        ("Report", "Matrices, plots and a table that can go straight into a paper."),
    )
    today = "From a shell, revisit-cli evaluate does it today."


class PlannedDeploy(PlannedView):
    """Until app/views/deploy.py is there."""

    name, title, icon = "deploy", "Deploy", "deploy"
    summary = "Run a network live: simulated, on a virtual Speck, or on the chip."
    purpose = "Here you will bring a trained network to the robot and watch it recognise places as they come."
    will = (
        ("Check", "Whether the network fits the chip: cores, memory, weights in 8 bits, and what quantising costs."),
        ("Live", "Camera, network and sequence matching as one pipeline, with the place that it recognises now."),
        ("Power", "What each rail of the chip draws, beside the synaptic operations that explain it."),
    )
