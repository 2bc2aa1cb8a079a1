"""The reference and the query traverse, in a line over the panel, with the button that evaluates them and its progress."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QStackedWidget, QWidget

from app.widgets.elided import Elided

Traverses = Sequence[tuple[str, str, str]]  # dataset, camera, traverse


class PairBar(QWidget):
    """Only asks; the traverses and what runs are told to it."""

    pairChosen = Signal(str, str, str, str)  # dataset, camera, reference, query: by the person
    runRequested = Signal()
    cancelRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pairBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._traverses: list[tuple[str, str, str]] = []
        self.dataset = _box("pairDataset", "Dataset", "Dataset and camera of both traverses")
        self.reference = _box("pairReference", "Reference", "The traverse with the known places")
        self.query = _box("pairQuery", "Query", "The traverse whose places are to be recognised")
        self.dataset.activated.connect(self._on_dataset)
        for box in (self.reference, self.query):
            box.activated.connect(self._tell)
        self.run = QPushButton("Evaluate")
        self.run.setObjectName("evaluate")
        self.run.setProperty("role", "primary")
        self.run.setToolTip("Run the checked methods on these traverses and score them (Ctrl+Return)")
        self.run.clicked.connect(self.runRequested)
        self.cancel = QPushButton("Cancel")
        self.cancel.setObjectName("evaluateCancel")
        self.cancel.setToolTip("Stop the evaluation; nothing is written")
        self.cancel.clicked.connect(self.cancelRequested)
        self._buttons = QStackedWidget()
        self._buttons.addWidget(self.run)
        self._buttons.addWidget(self.cancel)
        self._buttons.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.stage = Elided(" ", "evaluateStage", "muted")
        self.stage.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.progress = QProgressBar()
        self.progress.setObjectName("evaluateProgress")
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(QSize(90, 6))
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 10, 16, 10)
        line.setSpacing(8)
        for text, box in (("Dataset", self.dataset), ("Reference", self.reference), ("Query", self.query)):
            label = QLabel(text)
            label.setProperty("role", "muted")
            label.setBuddy(box)
            line.addWidget(label)
            line.addWidget(box)
            line.addSpacing(4)
        line.addWidget(self.stage, 1)
        line.addWidget(self.progress)
        line.addWidget(self._buttons)
        self.set_traverses(())
        self.show_progress(False)

    def set_traverses(self, traverses: Traverses) -> None:
        """The traverses of the workspace; what was chosen stays chosen where it is still there."""
        chosen = self.pair
        self._traverses = list(traverses)
        places = list(dict.fromkeys((dataset, camera) for dataset, camera, _ in traverses))
        self.dataset.clear()
        for dataset, camera in places:
            self.dataset.addItem(f"{dataset} / {camera}", (dataset, camera))
        self.dataset.setEnabled(bool(places))
        self.choose(*chosen)

    def choose(self, dataset: str, camera: str, reference: str, query: str) -> None:
        """Show a pair; a name that is not there leaves what fits best."""
        index = next((i for i in range(self.dataset.count()) if self.dataset.itemData(i) == (dataset, camera)), -1)
        if index < 0:
            index = next((i for i in range(self.dataset.count()) if len(self._names(i)) > 1), 0)
        self.dataset.setCurrentIndex(index)
        self._fill(reference, query)

    @property
    def pair(self) -> tuple[str, str, str, str]:
        """(dataset, camera, reference, query) as they are shown; "" where there is none."""
        dataset, camera = self.dataset.currentData() or ("", "")
        return dataset, camera, self.reference.currentText(), self.query.currentText()

    def show_progress(self, running: bool, stage: str = "", fraction: float | None = None) -> None:
        """An evaluation runs, or none does."""
        self._buttons.setCurrentWidget(self.cancel if running else self.run)
        self.stage.say(stage or " ")
        self.progress.setVisible(running)
        # An unknown share is drawn as nothing done: an animated bar would keep a timer alive.
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * (fraction or 0)))

    def show_ready(self, ready: bool, why: str) -> None:
        """Whether there is something to evaluate, and why not."""
        self.run.setEnabled(ready)
        self.run.setToolTip("Run the checked methods on these traverses and score them (Ctrl+Return)" if ready else why)

    def _names(self, index: int) -> list[str]:
        place = self.dataset.itemData(index)
        return [name for dataset, camera, name in self._traverses if (dataset, camera) == place]

    def _fill(self, reference: str, query: str) -> None:
        names = self._names(self.dataset.currentIndex())
        for box, wanted, otherwise in ((self.reference, reference, 0), (self.query, query, 1)):
            box.clear()
            box.addItems(names)
            box.setEnabled(bool(names))
            index = box.findText(wanted) if wanted else -1
            box.setCurrentIndex(index if index >= 0 else min(otherwise, len(names) - 1))

    def _on_dataset(self) -> None:
        self._fill(self.reference.currentText(), self.query.currentText())
        self._tell()

    def _tell(self) -> None:
        self.pairChosen.emit(*self.pair)


def _box(name: str, label: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    box.setToolTip(tip)
    box.setMinimumContentsLength(9)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumHeight(box.fontMetrics().height() + 11)
    box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return box
