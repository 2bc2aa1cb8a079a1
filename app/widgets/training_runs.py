"""The Runs tab: a table of the runs, what the chosen ones differ in, and their curves over each other."""

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.icons import set_icon
from app.jobs import duration
from app.theme import Theme
from app.widgets.run_differences import SHADES, SHOWN, RunDifferences, names_of
from app.widgets.splitting import splitter
from app.widgets.training_plots import RECALL_ROOM, TrainingPlot, anchor, finite, hold_from_zero
from engine.training.curves import Curves
from engine.training.live import VALIDATION
from engine.training.merge_runs import why_not_merged
from engine.training.runs import CURVES, Run, Spread, group_spreads
from engine.training.validation import RECALL_AREA

RUN_ROLE = Qt.ItemDataRole.UserRole
_SORT_ROLE = Qt.ItemDataRole.UserRole + 1
COLUMNS = ("★", "Name", "State", "R@1", "R@1 over seeds", "Area", "Seed", "Time", "Begun", "Reference", "Kind")
STAR, NAME, BEGUN = 0, 1, 8
_NUMBERS = (3, 4, 5, 6, 7)
_STATES = {"stopped": "stopped early"}
_CURVES = (
    ("R@1 on the validation query", "validation", "recall_at_1"),
    ("Area under Recall@N", "validation", "recall_area"),
    ("Feature layer: median firing rate", "feature layer", "rate_50"),
    ("Feature layer: dead neurons", "feature layer", "dead"),
    ("Output layer: median firing rate", "output layer", "rate_50"),
    ("Output layer: dead neurons", "output layer", "dead"),
)
Index = QModelIndex | QPersistentModelIndex


class RunsModel(QAbstractTableModel):
    """The runs as rows."""

    renameRequested = Signal(object, str)  # Run, its new name
    starRequested = Signal(object, bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.runs: list[Run] = []
        self._cells: list[tuple[str, ...]] = []
        self._keys: list[tuple[Any, ...]] = []

    def set_runs(self, runs: Sequence[Run]) -> None:
        """Show these."""
        self.beginResetModel()
        self.runs = list(runs)
        # Made once: sorting hundreds of runs asks for each cell many times.
        over = group_spreads(self.runs, "recall_at_1")
        self._cells = [_cells_of(run, one) for run, one in zip(self.runs, over, strict=True)]
        self._keys = [_keys_of(run, one, cells) for run, one, cells in zip(self.runs, over, self._cells, strict=True)]
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Runs."""
        return 0 if parent.isValid() else len(self.runs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """See COLUMNS."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Column titles."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Names can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """A new name was typed: it is asked for, not set."""
        if role != Qt.ItemDataRole.EditRole or index.column() != NAME:
            return False
        run = self.runs[index.row()]
        if value != run.info.name:
            self.renameRequested.emit(run, str(value))
        return True

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell, the Run itself under RUN_ROLE."""
        run, column = self.runs[index.row()], index.column()
        if role == RUN_ROLE:
            return run
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._cells[index.row()][column]
        if role == _SORT_ROLE:
            return self._keys[index.row()][column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return run.info.note or _tip(run)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (STAR, *_NUMBERS):
            return int(
                Qt.AlignmentFlag.AlignCenter if column == STAR else Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
        return None


def _cells_of(run: Run, over: Spread | None) -> tuple[str, ...]:
    """What stands in each column."""
    info = run.info
    recall, area = info.scores.get("recall_at_1"), info.scores.get(RECALL_AREA)
    return (
        "★" if info.star else "☆",
        info.name,
        _STATES.get(info.status, info.status),
        "" if recall is None else _figure(recall),
        "" if over is None else over.text,
        "" if area is None else _figure(area),
        str(info.seed),
        "" if info.seconds is None else seconds_text(info.seconds).replace("under", "<"),
        info.created.astimezone().strftime("%Y-%m-%d %H:%M"),
        run.reference,
        info.kind,
    )


def _keys_of(run: Run, over: Spread | None, cells: tuple[str, ...]) -> tuple[Any, ...]:
    """What each column is sorted by: figures by their size, what is missing first; words without regard to case."""
    info = run.info
    figures = {
        STAR: int(info.star),
        3: info.scores.get("recall_at_1", -1.0),
        4: over.mean if over is not None else -1.0,
        5: info.scores.get(RECALL_AREA, -1.0),
        6: info.seed,
        7: info.seconds or 0.0,
        BEGUN: f"{info.created.timestamp():020.3f} {run.folder.name}",
    }
    return tuple(figures.get(column, text.lower()) for column, text in enumerate(cells))


def _ranges(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Rising rows as the first and the last of those that follow each other."""
    known = set(rows)
    starts = [row for row in rows if row - 1 not in known]
    return list(zip(starts, [row for row in rows if row + 1 not in known], strict=True))


def seconds_text(seconds: float) -> str:
    """A training's time: "2 ms", "0.05 s", "3 min 05 s"."""
    if seconds < 0.001:
        return "under 1 ms"
    if seconds < 0.01:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else duration(seconds)


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _tip(run: Run) -> str:
    tuned = f"; its parameters were chosen by a sweep on {', '.join(run.info.tuned_on)}" if run.info.tuned_on else ""
    return f"{run.folder.name}: {run.info.places} places, Revisit {run.info.revisit} ({run.info.code}){tuned}"


class _Filter(QSortFilterProxyModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setSortRole(_SORT_ROLE)
        self.text, self.starred = "", False

    def look(self, text: str, starred: bool) -> None:
        if hasattr(self, "beginFilterChange"):  # from Qt 6.9 on, where the old way becomes deprecated
            self.beginFilterChange()
            self.text, self.starred = text.lower(), starred
            self.endFilterChange()
        else:
            self.text, self.starred = text.lower(), starred
            self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        model = self.sourceModel()
        assert isinstance(model, RunsModel)
        run = model.runs[row]
        words = " ".join((run.info.name, run.info.status, run.reference, run.info.kind, str(run.info.seed))).lower()
        return (run.info.star or not self.starred) and all(part in words for part in self.text.split())


class OverlayPlot(TrainingPlot):
    """One curve of several runs."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Curves over each other", "runsOverlay")
        self.stand_alone()
        self._items: list[pg.PlotDataItem] = []
        self._named: list[tuple[str, QColor]] = []
        self._anchor = anchor()
        self.box.addItem(self._anchor)

    def show_runs(self, curves: Sequence[Curves | None], metric: str, key: str, names: Sequence[str] = ()) -> None:
        """Draw a column of each; the colours are those of the list of differences, the names go into pictures."""
        for item in self._items:
            self.box.removeItem(item)
        self._items, self._named = [], []
        drawn, furthest, level = 0, 0.0, None
        for number, one in enumerate(curves[:SHOWN]):
            columns = one.series.get(metric, {}) if one is not None else {}
            if key not in columns:
                continue
            x, y = finite(columns.get("epoch", columns["step"]), columns[key])
            if not len(x):
                continue
            item = pg.PlotDataItem(x, y, pen=pg.mkPen(SHADES[number], width=1))
            item.setSymbol("o")
            item.setSymbolSize(5)
            item.setSymbolBrush(QColor(SHADES[number]))
            item.setSymbolPen(None)
            self.box.addItem(item)
            self._items.append(item)
            if number < len(names):
                self._named.append((names[number], QColor(SHADES[number])))
            drawn += 1
            furthest, level = max(furthest, float(x[-1])), float(y[0])
        hold_from_zero(self._anchor, furthest, level)
        recall = metric == VALIDATION
        self.box.setLimits(yMin=-RECALL_ROOM if recall else None, yMax=1 + RECALL_ROOM if recall else None)
        self.fit()
        self.say(f"{drawn} of {len(curves)} runs have it" if drawn < len(curves) else "")

    def legend(self) -> list[tuple[str, QColor]]:
        return self._named

    def clear(self) -> None:
        self.show_runs([], "", "")

    def show_curves(self, curves: Any, layer: int) -> None:
        """A plot of several runs follows no running one."""


class RunsTab(QWidget):
    """Only shows and asks; the view's control does what is asked."""

    selectionChanged = Signal()
    showRequested = Signal(object)  # Run
    againRequested = Signal(object)
    resumeRequested = Signal(object)
    mergeRequested = Signal(object)  # list of two Runs
    trashRequested = Signal(object)  # list of Run
    undoRequested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("trainingRuns")
        self.model = RunsModel(self)
        self.proxy = _Filter(self)
        self.proxy.setSourceModel(self.model)
        self.filter = QLineEdit()
        self.filter.setObjectName("runsFilter")
        self.filter.setPlaceholderText("Filter by name, state, reference, kind or seed")
        self.filter.setClearButtonEnabled(True)
        self.filter.setToolTip("Runs with all of these words")
        self.filter.textChanged.connect(self._on_filter)
        self.starred = QCheckBox("Starred only")
        self.starred.setObjectName("runsStarred")
        self.starred.setToolTip("Only the runs with a star")
        self.starred.toggled.connect(self._on_filter)
        self.table = QTreeView()
        self.table.setObjectName("runsTable")
        self.table.setModel(self.proxy)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAllColumnsShowFocus(True)
        self.table.setSortingEnabled(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.setToolTip("Choose one run for its plots, several to compare them; F2 renames, the star marks")
        self.table.sortByColumn(BEGUN, Qt.SortOrder.DescendingOrder)
        header = self.table.header()
        header.setObjectName("runsHeader")
        header.setStretchLastSection(False)
        for column, width in zip(range(len(COLUMNS)), (36, 168, 116, 66, 132, 66, 54, 76, 150, 130, 86), strict=True):
            header.resizeSection(column, width)
        header.setMinimumSectionSize(30)
        self.table.clicked.connect(self._on_clicked)
        self.table.doubleClicked.connect(self._on_double_clicked)
        self._choosing = False
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.empty = QLabel("No run yet. Each training that you start is kept here, with its parameters, curves and network.")
        self.empty.setObjectName("runsEmpty")
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.show_plots = self._button("runShow", "", "Plots", "Show this run's last state in the Live tab")
        self.again = self._button(
            "runAgain", "", "Again…", "Train again with: take this run's settings into the forms, to change them"
        )
        self.resume = self._button("runResume", "", "Resume", "Go on where this run was cut short or stopped early")
        self.rename = self._button("runRename", "", "Rename", "Give this run another name (F2)")
        self.merge = self._button("runMerge", "", "Merge…", "")
        self.trash = self._button("runTrash", "trash", "", "Move the chosen runs to the folder .trash of the workspace")
        self.undo = self._button("runUndo", "undo", "", "Undo the last change of runs (Ctrl+Z)")
        self.show_plots.clicked.connect(lambda: self._ask(self.showRequested))
        self.again.clicked.connect(lambda: self._ask(self.againRequested))
        self.resume.clicked.connect(lambda: self._ask(self.resumeRequested))
        self.rename.clicked.connect(self._on_rename)
        self.merge.clicked.connect(lambda: self.mergeRequested.emit(self.chosen))
        self.trash.clicked.connect(lambda: self.trashRequested.emit(self.chosen))
        self.undo.clicked.connect(self.undoRequested)
        self.differing = RunDifferences()
        self.compared = QLabel()
        self.compared.setObjectName("runsCompared")
        self.compared.setWordWrap(True)
        self.compared.setProperty("role", "muted")
        self.overlay = OverlayPlot(theme)
        self.curve = QComboBox()
        self.curve.setObjectName("runsCurve")
        self.curve.setAccessibleName("Curve to compare")
        self.curve.setToolTip("Which curve of the chosen runs is drawn")
        for words, metric, key in _CURVES:
            self.curve.addItem(words, (metric, key))
        self.curve.activated.connect(lambda index: self._draw())
        self._curves: list[Curves | None] = []
        self._assemble()
        self.show_writable(True, False)

    # -- what is shown

    @property
    def chosen(self) -> list[Run]:
        """The chosen runs, as the table has them in order."""
        rows = sorted(self.table.selectionModel().selectedRows(NAME), key=lambda index: index.row())
        return [index.data(RUN_ROLE) for index in rows]

    def set_runs(self, runs: Sequence[Run]) -> None:
        """Show the runs; those that were chosen stay so, and the table stays where it was scrolled to."""
        before, bar = {run.folder for run in self.chosen}, self.table.verticalScrollBar()
        at = bar.value()
        self.model.set_runs(runs)
        self.table.setVisible(bool(runs))
        self.empty.setVisible(not runs)
        self.table.doItemsLayout()
        bar.setValue(at)
        self.choose(before)

    def choose(self, folders: set[Any]) -> None:
        """Choose runs by their folders; all at once, since each change is compared and drawn."""
        proxy, selection = self.proxy, QItemSelection()
        rows = [row for row in range(proxy.rowCount()) if proxy.index(row, NAME).data(RUN_ROLE).folder in folders]
        for first, last in _ranges(rows):  # as Qt works through a choice range by range
            selection.select(proxy.index(first, 0), proxy.index(last, len(COLUMNS) - 1))
        self._choosing = True
        self.table.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._choosing = False
        if rows:
            self.table.scrollTo(proxy.index(rows[0], NAME))
        self.selectionChanged.emit()

    def show_writable(self, writable: bool, busy: bool) -> None:
        """What can be asked for, given what is chosen."""
        chosen = self.chosen
        one = chosen[0] if len(chosen) == 1 else None
        resting = all(run.info.status != "training" for run in chosen)
        # A merged map was not trained and has no curves.
        self.show_plots.setEnabled(one is not None and (one.info.status != "finished" or (one.folder / CURVES).is_file()))
        self.again.setEnabled(one is not None)
        self.resume.setEnabled(one is not None and one.resumable and writable and not busy)
        self.rename.setEnabled(one is not None and writable and resting)
        self.trash.setEnabled(bool(chosen) and writable and resting)
        why_not = why_not_merged(chosen)
        self.merge.setEnabled(not why_not and writable and not busy)
        self.merge.setToolTip(why_not or "Make one map of both, as a new run: each place then answers with the best of its looks")

    def show_differences(self, runs: Sequence[Run]) -> None:
        """What the chosen runs differ in and how they were judged; of one run its own words, too."""
        found = self.differing.show_runs(runs, self.model.runs)
        if not runs:
            words = "Choose several runs to compare them (Ctrl or Shift and click)."
        elif len(runs) == 1:
            words = _describe(runs[0])
        elif not found:
            words = f"The {len(runs)} chosen runs have the same parameters."
        else:
            words = f"{len(runs)} runs differ in {found} parameter{'s' if found > 1 else ''}."
            if len(runs) > SHOWN:
                words += f" The first {SHOWN} are shown."
        self.compared.setText(words)

    def show_overlay(self, curves: Sequence[Curves | None]) -> None:
        """Draw the chosen runs' curves."""
        self._curves = list(curves)
        self._draw()

    # -- assembly

    def _assemble(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.filter, 1)
        top.addWidget(self.starred)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for widget in (self.show_plots, self.again, self.resume, self.rename, self.merge, self.trash):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(self.undo)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.empty, 1)
        column.addLayout(buttons)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 8, 8, 0)
        column.setSpacing(6)
        column.addWidget(self.compared)
        column.addWidget(self.differing, 1)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(8, 8, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.curve)
        column.addWidget(self.overlay, 1)
        lower = splitter("runsCompare", Qt.Orientation.Horizontal, (left, 0), (right, 0))
        whole = splitter("runsSplit", Qt.Orientation.Vertical, (upper, 0), (lower, 0))
        whole.setSizes([340, 260])
        lower.setSizes([360, 360])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 24, 10)
        layout.addWidget(whole)

    def _button(self, name: str, icon: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setProperty("compact", "true")
        button.setToolTip(tip)
        if icon:
            set_icon(button, icon)
        if not text:  # in a small window seven words have no room
            button.setAccessibleName(tip)
        return button

    # -- handlers

    def _ask(self, signal: Any) -> None:
        if self.chosen:
            signal.emit(self.chosen[0])

    def _draw(self) -> None:
        metric, key = self.curve.currentData()
        self.overlay.show_runs(self._curves, metric, key, names_of(self.chosen))

    def _on_filter(self, *given: Any) -> None:
        self.proxy.look(self.filter.text(), self.starred.isChecked())

    def _on_clicked(self, index: QModelIndex) -> None:
        if index.column() == STAR:
            run = index.data(RUN_ROLE)
            self.model.starRequested.emit(run, not run.info.star)

    def _on_double_clicked(self, index: QModelIndex) -> None:
        if index.column() != STAR:
            self.showRequested.emit(index.data(RUN_ROLE))

    def _on_selection_changed(self, *given: Any) -> None:
        if not self._choosing:
            self.selectionChanged.emit()

    def _on_rename(self) -> None:
        rows = self.table.selectionModel().selectedRows(NAME)
        if rows:
            self.table.edit(rows[0])


def _describe(run: Run) -> str:
    info = run.info
    looks = f" ({info.samples} frames)" if info.samples > info.places else ""
    parts = [f"{info.name}: {info.places} places of {run.reference}{looks}, seed {info.seed}."]
    if info.note:
        parts.append(info.note)
    if info.scores:
        judged = f"On {info.validation.get('validation_query', '')}: "
        parts.append(judged + ", ".join(f"R@{k} {_figure(info.scores[f'recall_at_{k}'])}" for k in (1, 5, 10, 25)) + ".")
    if info.tuned_on:
        parts.append(f"A sweep chose its parameters on {', '.join(info.tuned_on)}: judge it on another query.")
    return " ".join(parts)
