"""The evaluations and live sessions of the workspace: check several to lay them over each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import set_icon
from app.widgets.region_panel import heading

_FOLDER = Qt.ItemDataRole.UserRole


class ResultsPanel(QWidget):
    """Only asks; the folders are told to it."""

    shownChanged = Signal()  # by the person
    openRequested = Signal(object)  # Path

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("resultsPanel")
        self._folders: list[Path] = []
        self._shown: list[Path] = []
        self._words: dict[Path, str] = {}
        note = QLabel("Check several results to lay them over each other.")
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        self.list = QListWidget()
        self.list.setObjectName("resultList")
        self.list.setAccessibleName("Results")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMinimumHeight(150)
        self.list.itemChanged.connect(self._on_changed)
        self.list.itemDoubleClicked.connect(self._on_double)
        self.open = QPushButton("Open a folder…")
        self.open.setObjectName("openResult")
        self.open.setToolTip("Show an evaluation or a live session from anywhere")
        self.open.clicked.connect(self._on_open)
        set_icon(self.open, "folder")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(8)
        layout.addWidget(heading("Results"))
        layout.addWidget(note)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.open)

    def set_folders(self, folders: Sequence[Path], words: Mapping[Path, str]) -> None:
        """The folders to choose from, newest first, and what each is."""
        self._folders, self._words = list(folders), dict(words)
        self._fill()

    def set_shown(self, folders: Sequence[Path]) -> None:
        """Which ones are shown."""
        self._shown = list(folders)
        self._fill()

    @property
    def shown(self) -> list[Path]:
        """The checked folders, in the order of the list."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [Path(item.data(_FOLDER)) for item in items if item.checkState() == Qt.CheckState.Checked]

    def _fill(self) -> None:
        self.list.blockSignals(True)
        place = self.list.verticalScrollBar().value()
        self.list.clear()
        for folder in [*(path for path in self._shown if path not in self._folders), *self._folders]:
            words = self._words.get(folder, "")
            item = QListWidgetItem(f"{folder.name}\n{words or ' '}")
            item.setData(_FOLDER, str(folder))
            item.setToolTip(f"{folder}\n{words}")
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
            item.setCheckState(Qt.CheckState.Checked if folder in self._shown else Qt.CheckState.Unchecked)
            item.setSizeHint(QSize(0, 2 * self.list.fontMetrics().height() + 14))
            self.list.addItem(item)
        self.list.verticalScrollBar().setValue(place)
        self.list.blockSignals(False)

    def _on_changed(self, item: QListWidgetItem) -> None:
        self._shown = self.shown
        self.shownChanged.emit()

    def _on_double(self, item: QListWidgetItem) -> None:
        self.openRequested.emit(Path(item.data(_FOLDER)))

    def _on_open(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open a result", str(self._folders[0].parent) if self._folders else "")
        if chosen:
            self.openRequested.emit(Path(chosen))
