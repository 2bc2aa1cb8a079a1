"""What a check found, as sentences that lead to the place, and the list of suspicious matches to work through."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.icons import pixmap
from app.theme import Theme
from app.widgets.play_bar import tool_button
from engine.places.truth.check import CheckParameters, Finding, Suspicion, TruthCheck

_COLUMNS = ("Query", "Match", "Alike", "Gap", "State")
_ROWS_SEEN = 8
_ROOT = QModelIndex()
_Index = QModelIndex | QPersistentModelIndex


class SuspicionTable(QAbstractTableModel):
    """The suspicious matches, the doubtful first; the state says what a person did with each."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.rows: tuple[Suspicion, ...] = ()
        self.states: dict[int, str] = {}

    def show_rows(self, rows: tuple[Suspicion, ...]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows, self.states = rows, {}
        self.endResetModel()

    def set_states(self, states: dict[int, str]) -> None:
        """What became of queries; "" for nothing yet."""
        if states != self.states:
            self.states = states
            last = self.index(max(len(self.rows) - 1, 0), len(_COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """As Qt asks."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """As Qt asks."""
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell."""
        row = self.rows[index.row()]
        state = self.states.get(row.query, "")
        if role == Qt.ItemDataRole.DisplayRole:
            return (str(row.query), str(row.reference), str(row.better), f"{row.gap:.1f}", state or "open")[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and state:
            return QColor(self._theme.colours.muted)
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"Query {row.query} matches reference {row.reference}, but reference {row.better} looks more alike, by "
                f"{row.gap:.1f} standard deviations of similarity"
            )
        return None


class TruthFindings(QWidget):
    """The tab "Check"."""

    checkRequested = Signal()
    findingActivated = Signal(object)  # Finding: go there
    actionRequested = Signal(object)  # Finding: do what its button says
    suspicionActivated = Signal(object)  # Suspicion

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("truthFindings")
        self._theme = theme
        self._findings: tuple[Finding, ...] = ()
        self._writable = True
        self.check = QPushButton("Check")
        self.check.setObjectName("truthCheck")
        self.check.setToolTip("Compare the ground truth with how alike the frames look")
        self.check.clicked.connect(self.checkRequested)
        self.state = QLabel()
        self.state.setObjectName("truthCheckState")
        self.state.setProperty("role", "muted")
        self.state.setWordWrap(True)
        self.more: QToolButton = tool_button(
            "truthCheckMore", "settings", "How far and how strictly it is checked", checkable=True
        )
        self.form = ParameterForm(CheckParameters, skip=("method",), part=True)
        self.form.setObjectName("truthCheckForm")
        self.form.hide()
        self.more.toggled.connect(self.form.setVisible)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.check)
        head.addWidget(self.state, 1)
        head.addWidget(self.more)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(4)
        self.model = SuspicionTable(theme, self)
        self.table = QTableView()
        self.table.setObjectName("truthSuspicious")
        self.table.setAccessibleName("Suspicious matches")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + 8)
        header = self.table.horizontalHeader()
        header.setObjectName("truthSuspiciousHeader")
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.table.hide()
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.form)
        column.addLayout(self._list)
        column.addWidget(self.table, 1)
        column.addStretch(0)
        area = QScrollArea()
        area.setObjectName("truthCheckArea")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        theme.changed.connect(self._show_findings)
        self.show_check(None, "")

    @property
    def parameters(self) -> CheckParameters | None:
        """How it is checked; None where a value is wrong."""
        return self.form.parameters()

    def show_check(self, check: TruthCheck | None, state: str, writable: bool = True) -> None:
        """Show what was found; None: nothing was checked yet."""
        self._findings = check.findings if check is not None else ()
        self._writable = writable
        self.say(state)
        self._show_findings()
        rows = check.suspicious if check is not None else ()
        if rows != self.model.rows:
            self.table.selectionModel().blockSignals(True)
            self.model.show_rows(rows)
            self.table.selectionModel().blockSignals(False)
        self.table.setVisible(bool(rows))
        line = self.table.verticalHeader().defaultSectionSize()
        self.table.setMinimumHeight(self.table.horizontalHeader().sizeHint().height() + min(len(rows), _ROWS_SEEN) * line + 6)

    def say(self, state: str) -> None:
        """What the check's state is."""
        self.state.setText(state)

    def select(self, query: int) -> None:
        """Mark the row of a query, without going there."""
        for number, row in enumerate(self.model.rows):
            if row.query == query:
                model = self.table.selectionModel()
                model.blockSignals(True)
                self.table.selectRow(number)
                model.blockSignals(False)
                self.table.viewport().update()
                return

    def _on_row(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self.suspicionActivated.emit(self.model.rows[now.row()])

    def _show_findings(self) -> None:
        while self._list.count():
            item = self._list.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        for number, finding in enumerate(self._findings):
            row = _FindingRow(finding, number, self._theme, self._writable)
            row.activated.connect(self.findingActivated)
            row.actionRequested.connect(self.actionRequested)
            self._list.addWidget(row)
            row.show()


class _FindingRow(QFrame):
    """One sentence; a click goes to its place, a button does something about it."""

    activated = Signal(object)
    actionRequested = Signal(object)

    def __init__(self, finding: Finding, number: int, theme: Theme, writable: bool) -> None:
        super().__init__()
        self.setObjectName(f"truthFinding{number}")
        self.finding = finding
        colours = theme.colours
        icon, colour = {"warning": ("warning", colours.warning), "info": ("info", colours.muted)}[finding.level]
        if finding.kind == "fine":
            icon, colour = "done", colours.good
        picture = QLabel()
        picture.setPixmap(pixmap(icon, QColor(colour), 18))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        leads = bool(finding.queries or finding.references)
        self.text = QLabel(finding.text)
        self.text.setObjectName(f"truthFinding{number}Text")
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 4, 0, 4)
        line.setSpacing(8)
        line.addWidget(picture)
        line.addWidget(self.text, 1)
        if leads:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setToolTip("Go there")
            go = _small(f"truthFinding{number}Go", "Show", "Go to the first place")
            go.clicked.connect(lambda: self.activated.emit(self.finding))
            line.addWidget(go, 0, Qt.AlignmentFlag.AlignTop)
        action = action_of(finding)
        if action and writable:
            button = _small(f"truthFinding{number}Action", *action)
            button.clicked.connect(lambda: self.actionRequested.emit(self.finding))
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def mouseReleaseEvent(self, event: Any) -> None:
        """A click anywhere on the sentence leads there."""
        super().mouseReleaseEvent(event)
        if self.finding.queries or self.finding.references:
            self.activated.emit(self.finding)


def action_of(finding: Finding) -> tuple[str, str] | None:
    """What a button can do about a finding: its words and its tip."""
    return {
        "offset": ("Shift", "Shift every match by this offset; undo takes it back"),
        "orientation": ("Turn", "Turn the matrix round; undo takes it back"),
        "no_match": ("Mask", "Mask these queries: they are then not scored"),
    }.get(finding.kind)


def _small(name: str, text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setProperty("compact", True)
    button.setToolTip(tip)
    return button


def states_text(confirmed: bool, rejected: bool, masked: bool, moved: bool) -> str:
    """What a person did with a suspicious match."""
    words: Sequence[tuple[bool, str]] = ((rejected, "rejected"), (confirmed, "confirmed"), (masked, "masked"), (moved, "changed"))
    return next((word for done, word in words if done), "")
