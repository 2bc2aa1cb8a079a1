"""The similarity matrix of the chosen method, with what is drawn over it to choose."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.matrix_view import MatrixView
from app.widgets.play_bar import tool_button

STAGES = (("similarity", "Similarity"), ("matched", "After sequence matching"))
CONTRASTS = (("matrix", "One contrast"), ("query", "Contrast by query"))


class MatrixPane(QWidget):
    """The matrix under a strip of choices; `marksChanged` and `stageChanged` tell what the person chose."""

    stageChanged = Signal()
    marksChanged = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("matrixPane")
        self.view = MatrixView(theme, "evaluationMatrix")
        self.view.set_empty_text("Evaluate, or open a result, to see its similarity matrix.")
        self.stage = _choice("matrixStage", STAGES, "Matrix", "Before or after sequence matching")
        self.stage.activated.connect(lambda index: self.stageChanged.emit())
        self.contrast = _choice(
            "matrixContrast", CONTRASTS, "Contrast", "Colours by the values of the whole matrix, or of each query by itself"
        )
        self.contrast.activated.connect(lambda index: self.view.set_contrast(self.contrast.currentData()))
        self.truth = _switch("showTruth", "Truth", "Draw the ground truth, with its tolerance, in pink")
        self.matches = _switch("showMatches", "Matches", "Draw the best match of each query: right ones white, wrong ones red")
        for switch in (self.truth, self.matches):
            switch.toggled.connect(lambda on: self.marksChanged.emit())
        fit = tool_button("matrixFit", "fit", "Show the whole matrix (F)")
        fit.clicked.connect(self.view.fit)
        strip = QHBoxLayout()
        strip.setSpacing(8)
        for widget in (self.stage, self.contrast, self.truth, self.matches):
            strip.addWidget(widget)
        strip.addWidget(fit)
        strip.addStretch(1)
        self.note = Elided(" ", "matrixNote", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(strip)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.note)


def _choice(name: str, entries: tuple[tuple[str, str], ...], label: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    box.setToolTip(tip)
    box.setMinimumContentsLength(9)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for value, text in entries:
        box.addItem(text, value)
    return box


def _switch(name: str, text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setObjectName(name)
    box.setToolTip(tip)
    box.setChecked(True)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return box
