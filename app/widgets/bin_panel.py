"""Bin recordings to traverses: which recordings, under which names."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.icons import set_icon
from app.widgets.region_panel import heading
from engine.frames.make_traverse import TraverseParameters


class BinPanel(QWidget):
    """A list of recordings, each with the name of its traverse, and where the traverses go."""

    addRequested = Signal()
    binRequested = Signal()

    def __init__(self, check: Callable[[str, str, str], str]) -> None:
        super().__init__()
        self.setObjectName("binPanel")
        self._check = check
        self._paths: list[Path] = []
        note = QLabel("Window, region, polarity and filters are taken as they are shown.")
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        self.table = QTableWidget(0, 2)
        self.table.setObjectName("binTable")
        self.table.setHorizontalHeaderLabels(["Recording", "Traverse"])
        header = self.table.horizontalHeader()
        header.setObjectName("binHeader")
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setMinimumHeight(120)
        self.table.setToolTip("Double click a traverse's name to change it")
        self.table.itemChanged.connect(lambda item: self.check())
        self.add = QPushButton("Add recordings…")
        self.add.setObjectName("binAdd")
        self.add.setToolTip("Choose one or many recordings")
        self.add.clicked.connect(self.addRequested)
        self.remove = QPushButton("Remove")
        self.remove.setObjectName("binRemove")
        self.remove.setToolTip("Take the chosen recordings off the list; the files stay")
        self.remove.clicked.connect(self._on_remove)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add, 1)
        buttons.addWidget(self.remove)
        self.form = ParameterForm(TraverseParameters, skip=("data_dir",), part=True)
        self.form.setObjectName("binForm")
        self.form.edited.connect(self.check)
        self.problem = QLabel()
        self.problem.setObjectName("binProblem")
        self.problem.setProperty("role", "error")
        self.problem.setWordWrap(True)
        self.problem.setMinimumHeight(3 * self.problem.fontMetrics().lineSpacing())  # so that the button below does not jump
        self.problem.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.start = QPushButton("Bin recordings to traverses")
        self.start.setObjectName("binStart")
        self.start.setProperty("role", "primary")
        self.start.setToolTip("Make a traverse of each recording, as a job")
        self.start.clicked.connect(self.binRequested)
        set_icon(self.start, "bin")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(10)
        layout.addWidget(heading("Bin recordings to traverses"))
        layout.addWidget(note)
        layout.addWidget(self.table)
        layout.addLayout(buttons)
        layout.addWidget(self.form)
        layout.addWidget(self.problem)
        layout.addWidget(self.start)
        layout.addStretch(1)
        self.check()

    def add_recordings(self, paths: Sequence[Path]) -> None:
        """Put recordings on the list; one that is there already is not put there again."""
        for path in paths:
            if path in self._paths:
                continue
            self._paths.append(path)
            row = self.table.rowCount()
            self.table.blockSignals(True)
            self.table.insertRow(row)
            name = QTableWidgetItem(path.name)
            name.setToolTip(str(path))
            name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(row, 0, name)
            self.table.setItem(row, 1, QTableWidgetItem(path.stem.split(".")[0]))
            self.table.blockSignals(False)
        self.check()

    @property
    def recordings(self) -> list[tuple[Path, str]]:
        """Each recording with the name of its traverse."""
        cells = [self.table.item(row, 1) for row in range(len(self._paths))]
        return [(path, cell.text().strip()) for path, cell in zip(self._paths, cells, strict=True) if cell is not None]

    @property
    def parameters(self) -> TraverseParameters | None:
        """Where the traverses go; None where a value is wrong."""
        return self.form.parameters()

    def take_off(self, paths: Sequence[Path]) -> None:
        """Take recordings off the list."""
        for row in range(len(self._paths) - 1, -1, -1):
            if self._paths[row] in paths:
                del self._paths[row]
                self.table.removeRow(row)
        self.check()

    def check(self) -> bool:
        """Ask the engine about the names; its first sentence is shown."""
        values: Mapping[str, Any] = self.form.values()
        said = ""
        names = [name for _, name in self.recordings]
        for name in names:
            said = said or self._check(str(values["dataset"]), str(values["camera"]), name)
            if names.count(name) > 1:
                said = said or f"Two recordings would become the traverse {name!r}: give them different names."
        if self.problem.text() != said:
            self.problem.setText(said)
        ready = bool(names) and not said and self.form.valid
        self.start.setEnabled(ready)
        self.remove.setEnabled(bool(names))
        return ready

    def _on_remove(self) -> None:
        rows = {index.row() for index in self.table.selectedIndexes()} or set(range(len(self._paths)))
        self.take_off([self._paths[row] for row in rows])
