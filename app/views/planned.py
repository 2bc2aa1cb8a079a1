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


class PlannedTraining(PlannedView):
    """Until app/views/training.py is there."""

    name, title, icon = "training", "Training", "training"
    summary = "Teach a network the places of a reference traverse."
    purpose = "Here you will train the spiking network on a reference traverse and watch it learn."
    will = (
        ("Settings", "Every parameter with its unit, its bounds and a sentence of help; presets for the settings of LENS."),
        ("Progress", "Firing rates, weights and thresholds while it learns; stop early and keep what it has, or cancel."),
        ("Compare", "Runs beside each other, each with its full settings, its data and its seed; sweeps over several."),
    )
    today = "From a shell, revisit-cli train does it today."
    guide = "how-lens-learns"
