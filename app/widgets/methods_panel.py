"""Which methods are evaluated, against which ground truth."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from app.icons import set_icon
from app.widgets.editors import PathEditor
from app.widgets.region_panel import heading
from engine.networks.library import NetworkEntry
from engine.recognition.methods import BASELINES

_WORD = Qt.ItemDataRole.UserRole


class MethodsPanel(QWidget):
    """A check list of baselines and networks, and the file of the ground truth."""

    edited = Signal()
    truthPanelRequested = Signal()
    copyRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("methodsPanel")
        self._networks: list[NetworkEntry] = []
        self._added: list[Path] = []
        self._wanted: set[str] = set()
        self.list = QListWidget()
        self.list.setObjectName("methodList")
        self.list.setAccessibleName("Methods")
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMinimumHeight(150)
        self.list.itemChanged.connect(self._on_changed)
        self.add = QPushButton("Add a network file…")
        self.add.setObjectName("addNetwork")
        self.add.setToolTip("Choose a network (.pth) from anywhere")
        self.add.clicked.connect(self._on_add)
        self.gt_file = PathEditor(folder=False, optional=True)
        self.gt_file.setObjectName("gtFile")
        self.gt_file.line.setPlaceholderText("beside the traverses")
        self.gt_file.setToolTip("Ground truth of another name or place (.npy of 0 and 1)")
        self.gt_file.edited.connect(self.edited)
        self.truth = QLabel()
        self.truth.setObjectName("truthNote")
        self.truth.setWordWrap(True)
        self.truth.setProperty("role", "muted")
        self.truth.setMinimumHeight(3 * self.truth.fontMetrics().lineSpacing())  # so that the list does not jump
        self.truth.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.make = QPushButton("Make the ground truth")
        self.make.setObjectName("makeTruth")
        self.make.setToolTip("Go to the Ground truth panel")
        self.make.clicked.connect(self.truthPanelRequested)
        self.copy = QPushButton("Copy as command line")
        self.copy.setObjectName("copyEvaluation")
        self.copy.setToolTip("The same evaluation from a shell, with every setting that is not the default")
        self.copy.clicked.connect(self.copyRequested)
        set_icon(self.copy, "copy")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(8)
        layout.addWidget(heading("Methods"))
        layout.addWidget(self.list, 1)
        layout.addWidget(self.add)
        layout.addSpacing(6)
        layout.addWidget(heading("Ground truth"))
        layout.addWidget(self.gt_file)
        layout.addWidget(self.truth)
        line = QHBoxLayout()
        line.addWidget(self.make)
        line.addStretch(1)
        layout.addLayout(line)
        layout.addWidget(self.copy)
        self._fill()

    def set_networks(self, networks: Sequence[NetworkEntry]) -> None:
        """The networks of the workspace."""
        self._networks = list(networks)
        self._fill()

    def forget(self) -> None:
        """Another workspace: files that were added belong to the one before."""
        self._added.clear()
        self.gt_file.set_value(None)
        self.set_networks(())

    def set_chosen(self, words: Sequence[str]) -> None:
        """Check these methods; a network that is not there yet is checked when it comes."""
        self._wanted = set(words)
        self._fill()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The checked methods as the engine calls them."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return tuple(str(item.data(_WORD)) for item in items if item.checkState() == Qt.CheckState.Checked)

    @property
    def remembered(self) -> tuple[str, ...]:
        """What to keep for the next start: also what is checked and not there now."""
        return tuple(sorted(self._wanted))

    def show_truth(self, sentence: str, makes: bool) -> None:
        """What is known of the ground truth; `makes`: there is none."""
        self.truth.setText(sentence)
        self.make.setVisible(makes and self.make.parent() is not None)

    def _fill(self) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for baseline in BASELINES.values():
            self._item(baseline.name, baseline.title, baseline.text)
        known = {entry.path for entry in self._networks}
        for entry in self._networks:
            places = f", {entry.places} places" if entry.places is not None else ""
            trained = f" of {entry.reference}" if entry.reference else ""
            tip = entry.problem or f"{entry.path}\n{entry.kind}{places}{trained}"
            self._item(str(entry.path), entry.title, tip)
        for path in self._added:
            if path not in known:
                self._item(str(path), path.stem, str(path))
        self.list.blockSignals(False)
        self.edited.emit()

    def _item(self, word: str, title: str, tip: str) -> None:
        item = QListWidgetItem(title)
        item.setData(_WORD, word)
        item.setToolTip(tip)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
        item.setCheckState(Qt.CheckState.Checked if word in self._wanted else Qt.CheckState.Unchecked)
        item.setSizeHint(QSize(0, self.list.fontMetrics().height() + 12))
        self.list.addItem(item)

    def _on_changed(self, item: QListWidgetItem) -> None:
        word = str(item.data(_WORD))
        if item.checkState() == Qt.CheckState.Checked:
            self._wanted.add(word)
        else:
            self._wanted.discard(word)
        self.edited.emit()

    def _on_add(self) -> None:
        chosen = QFileDialog.getOpenFileNames(self, "Choose networks", "", "Networks (*.pth)")[0]
        for path in map(Path, chosen):
            if path not in self._added:
                self._added.append(path)
            self._wanted.add(str(path))
        if chosen:
            self._fill()

    def copy_text(self, text: str) -> None:
        """Put a command line on the clipboard."""
        QGuiApplication.clipboard().setText(text)
