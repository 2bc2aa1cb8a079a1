"""The traverses' figures side by side, with what is wrong with each in sentences below."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QLabel, QPushButton, QTableView, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.status import count
from engine.places.facts import TraverseFacts, rounded
from engine.places.making import TraverseName

Index = QModelIndex | QPersistentModelIndex
SORT = int(Qt.ItemDataRole.UserRole)
Value = float | int | str | None


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{rounded(value)}{unit}"


_COLUMNS: tuple[tuple[str, str, Callable[[TraverseFacts], Value], Callable[[TraverseFacts], str]], ...] = (
    ("Traverse", "Its name", lambda f: f.name.traverse, lambda f: f.name.traverse),
    ("Warnings", "Things to look at; a click shows them", lambda f: len(f.warnings), lambda f: str(len(f.warnings) or "")),
    ("Frames", "Frames in its index", lambda f: f.frames, lambda f: str(f.frames)),
    (
        "Size", "Width and height of the frames, in pixels", lambda f: f.size[0] * f.size[1] if f.size else None,
        lambda f: f"{f.size[0]} × {f.size[1]}" if f.size else "–",
    ),
    ("Window", "Time window of a frame", lambda f: f.window_ms, lambda f: _number(f.window_ms, " ms")),
    ("Frames/s", "Frames a second", lambda f: f.frame_rate, lambda f: _number(f.frame_rate)),
    ("Events/px", "Mean events per pixel of a frame", lambda f: f.events_per_pixel, lambda f: _number(f.events_per_pixel)),
    (
        "Events/s", "Events a second in the whole frame", lambda f: f.event_rate,
        lambda f: "–" if f.event_rate is None else count(f.event_rate),
    ),
    ("Silent", "Share of the pixels with no event", lambda f: f.silent_share, lambda f: _percent(f.silent_share)),
    ("Saturated", "Share of the pixels at 255", lambda f: f.saturated_share, lambda f: _percent(f.saturated_share)),
    ("Poses", "Frames with a position", lambda f: f.with_pose, lambda f: "–" if f.with_pose is None else str(f.with_pose)),
)  # fmt: skip


class FactsModel(QAbstractTableModel):
    """A row a traverse."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._facts: list[TraverseFacts] = []

    def set_facts(self, facts: Sequence[TraverseFacts]) -> None:
        """Show these."""
        self.beginResetModel()
        self._facts = list(facts)
        self.endResetModel()

    def facts(self, row: int) -> TraverseFacts:
        """What a row shows."""
        return self._facts[row]

    @property
    def all_facts(self) -> list[TraverseFacts]:
        """What is shown."""
        return list(self._facts)

    def row_of(self, name: TraverseName) -> int:
        """The row of a traverse; -1 where it has none."""
        return next((row for row, facts in enumerate(self._facts) if facts.name == name), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Traverses."""
        return 0 if parent.isValid() else len(self._facts)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Figures."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """The figures' names and what they mean."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section][0]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == 0 else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _COLUMNS[section][1]
        return None

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """A figure for people; SORT gives the number."""
        facts, column = self._facts[index.row()], _COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column[3](facts)
        if role == SORT:
            value = column[2](facts)
            return -1.0 if value is None else value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if index.column() == 0 else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and column[0] == "Warnings":
            return QColor(self._theme.colours.warning)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(facts.warnings) or f"{facts.measured} of {facts.frames} frames were looked into."
        return None


class FactsTable(QWidget):
    """The table, and under it the sentences on the chosen traverse."""

    traverseChosen = Signal(object)  # TraverseName
    checkRequested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("factsPart")
        self._name: TraverseName | None = None
        self._quiet = False
        self.model = FactsModel(theme, self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT)
        self.table = QTableView()
        self.table.setObjectName("factsTable")
        self.table.setAccessibleName("Figures of the traverses")
        self.table.setModel(self.proxy)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setObjectName("factsHeader")
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.title = QLabel()
        self.title.setObjectName("factsTitle")
        self.title.setProperty("role", "heading")
        self.warnings = QLabel()
        self.warnings.setObjectName("factsWarnings")
        self.warnings.setWordWrap(True)
        self.warnings.setTextFormat(Qt.TextFormat.PlainText)
        self.warnings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.warnings.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.measured = QLabel()
        self.measured.setObjectName("factsMeasured")
        self.measured.setProperty("role", "muted")
        self.check = QPushButton("Check all frames")
        self.check.setObjectName("factsCheck")
        self.check.setToolTip("Look into every frame of this traverse, as a job")
        self.check.setProperty("compact", True)
        self.check.clicked.connect(self.checkRequested)
        line = QHBoxLayout()
        line.addWidget(self.title)
        line.addWidget(self.measured, 1)
        line.addWidget(self.check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.table, 1)
        layout.addLayout(line)
        layout.addWidget(self.warnings)

    def show_facts(self, facts: Sequence[TraverseFacts]) -> None:
        """Show the figures of these traverses; those that are still measured follow later."""
        self._quiet = True
        self.model.set_facts(facts)
        self._quiet = False
        self._fit_columns()
        self.show_traverse(self._name)

    def show_traverse(self, name: TraverseName | None) -> None:
        """Say what is wrong with a traverse, and choose its row."""
        self._name = name
        row = -1 if name is None else self.model.row_of(name)
        self._quiet = True
        if row >= 0:
            self.table.selectRow(self.proxy.mapFromSource(self.model.index(row, 0)).row())
        else:
            self.table.clearSelection()
        self._quiet = False
        self.check.setEnabled(name is not None)
        self.title.setText("" if name is None else name.traverse)
        if row < 0:
            self.measured.setText("" if name is None else "Looking into it…")
            self.warnings.setText("")
            return
        facts = self.model.facts(row)
        self.measured.setText(f"{facts.measured} of {facts.frames} frames looked into")
        self.warnings.setText("\n".join(f"• {text}" for text in facts.warnings) or "Nothing is wrong with it.")

    def _fit_columns(self) -> None:
        """As wide as what they hold: Qt would leave room for an arrow in every header."""
        measure = self.fontMetrics().horizontalAdvance
        for column, (title, _, _, text) in enumerate(_COLUMNS):
            wide = max([measure(title) + 6, *(measure(text(facts)) for facts in self.model.all_facts[:200])])
            self.table.setColumnWidth(column, min(wide, 320) + (34 if column == 0 else 20))

    def _on_row(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid() and not self._quiet:
            facts = self.model.facts(self.proxy.mapToSource(now).row())
            if facts.name != self._name:
                self.traverseChosen.emit(facts.name)
