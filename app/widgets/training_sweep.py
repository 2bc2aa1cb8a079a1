"""The Sweep tab: what is varied and how it is searched, the trials, and what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.icons import set_icon
from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.play_bar import tool_button
from app.widgets.region_panel import heading
from app.widgets.sweep_plots import ImportancePlot, ParallelPlot
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.training.kinds import KINDS, SweepRange
from engine.training.sweep import SweepParameters, SweepState, SweepTrial, shown_url

NEW = "New study"
_BESIDE = 620  # width from which the two plots have room side by side
_NUMBER_ROLE = Qt.ItemDataRole.UserRole


class RangesTable(QTreeWidget):
    """A row a number of the network: whether it is varied, from where to where, and whether on a logarithmic scale."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sweepRanges")
        self.setRootIsDecorated(False)
        self.setHeaderLabels(["Vary", "From", "To", "Log"])
        self.setToolTip("Tick what is varied; double click a number to change it")
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        header = self.header()
        header.setObjectName("sweepRangesHeader")
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 52), (2, 52), (3, 44)):
            header.resizeSection(column, width)
        self.setMinimumHeight(190)
        self.itemChanged.connect(lambda item, column: self.edited.emit())
        self.kind: NetworkKind | None = None

    def show_kind(self, kind: NetworkKind) -> None:
        """Offer a kind's numbers, its usual ranges ticked."""
        if kind == self.kind:
            return
        self.kind = kind
        entry = KINDS[kind]
        self.blockSignals(True)
        self.clear()
        names = list(entry.sweeps) + [name for name in entry.parameters.model_fields if name not in entry.sweeps]
        for name in names:
            default = entry.parameters.model_fields[name].get_default()
            if name == "seed" or isinstance(default, bool) or not isinstance(default, int | float):
                continue
            r = entry.sweeps.get(name) or _usual(entry.parameters, name, default)
            item = QTreeWidgetItem([name, f"{r.low:g}", f"{r.high:g}", ""])
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Checked if name in entry.sweeps else Qt.CheckState.Unchecked)
            item.setCheckState(3, Qt.CheckState.Checked if r.log else Qt.CheckState.Unchecked)
            item.setToolTip(0, f"{name}: {entry.parameters.model_fields[name].description or ''}")
            self.addTopLevelItem(item)
        self.blockSignals(False)

    def ranges(self) -> dict[str, SweepRange | str]:
        """What is ticked; a sentence in place of a range whose numbers are none."""
        found: dict[str, SweepRange | str] = {}
        for row in range(self.topLevelItemCount()):
            item = self.topLevelItem(row)
            if item is None or item.checkState(0) is not Qt.CheckState.Checked:
                continue
            name = item.text(0)
            try:
                low, high = float(item.text(1)), float(item.text(2))
                found[name] = SweepRange(low, high, item.checkState(3) is Qt.CheckState.Checked)
            except ValueError:
                found[name] = f"The range of {name} should be two numbers, but is {item.text(1)!r} to {item.text(2)!r}."
        return found

    def show_ranges(self, ranges: Mapping[str, SweepRange]) -> None:
        """Show a study's own."""
        self.blockSignals(True)
        for row in range(self.topLevelItemCount()):
            item = self.topLevelItem(row)
            if item is None:
                continue
            r = ranges.get(item.text(0))
            item.setCheckState(0, Qt.CheckState.Checked if r is not None else Qt.CheckState.Unchecked)
            if r is not None:
                item.setText(1, f"{r.low:g}")
                item.setText(2, f"{r.high:g}")
                item.setCheckState(3, Qt.CheckState.Checked if r.log else Qt.CheckState.Unchecked)
        self.blockSignals(False)

    def edit(self, index: Any, *rest: Any) -> Any:
        """Only the numbers can be typed."""
        return super().edit(index, *rest) if index.column() in (1, 2) else False


def _usual(model: type[Parameters], name: str, default: float) -> SweepRange:
    """From half to double the default, within the declared bounds."""
    low, high = (default / 2, default * 2) if default else (0.0, 1.0)
    whole = isinstance(default, int)
    for bound in model.model_fields[name].metadata:
        if isinstance(bound, Ge | Gt):
            low = max(low, float(bound.ge if isinstance(bound, Ge) else bound.gt))  # type: ignore[arg-type]
        elif isinstance(bound, Le | Lt):
            high = min(high, float(bound.le if isinstance(bound, Le) else bound.lt))  # type: ignore[arg-type]
    return SweepRange(float(round(low)), float(round(high))) if whole else SweepRange(float(f"{low:.4g}"), float(f"{high:.4g}"))


class SweepTab(QWidget):
    """Only shows and asks."""

    edited = Signal()
    studyChosen = Signal(str)  # "" for a new one
    startRequested = Signal()
    cancelRequested = Signal()
    bestRequested = Signal(object)  # a trial's number, or None for the best
    refreshRequested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("trainingSweep")
        self.study = QComboBox()
        self.study.setObjectName("sweepStudy")
        self.study.setAccessibleName("Study")
        self.study.setToolTip("A new study, or one that is there: it is shown, and more trials can be added")
        self.study.setMinimumHeight(self.study.fontMetrics().height() + 11)
        self.study.addItem(NEW, "")
        self.study.activated.connect(lambda index: self.studyChosen.emit(self.study.itemData(index)))
        self.form = ParameterForm(
            SweepParameters,
            groups={
                "Study": ("study", "storage"),
                "Search": ("objective", "trials", "processes", "networks", "sampler", "pruning", "sweep_seed"),
            },
            part=True,
        )
        self.form.setObjectName("sweepForm")
        self.form.edited.connect(self.edited)
        self.ranges = RangesTable()
        self.ranges.edited.connect(self.edited)
        self.problem = QLabel()
        self.problem.setObjectName("sweepProblem")
        self.problem.setProperty("role", "error")
        self.problem.setWordWrap(True)
        self.start = QPushButton("Start sweep")
        self.start.setObjectName("sweepStart")
        self.start.setProperty("role", "primary")
        set_icon(self.start, "play")
        self.start.clicked.connect(self.startRequested)
        self.cancel = QPushButton("Cancel")
        self.cancel.setObjectName("sweepCancel")
        self.cancel.setToolTip("Stop the trials under way; those that are done stay in the study")
        self.cancel.clicked.connect(self.cancelRequested)
        self.words = Elided("No sweep is shown.", "sweepWords")
        self.tuned = QLabel()
        self.tuned.setObjectName("sweepTuned")
        self.tuned.setProperty("role", "warning")
        self.tuned.setWordWrap(True)
        self.table = QTreeWidget()
        self.table.setObjectName("sweepTable")
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setSortingEnabled(True)
        self.table.setToolTip("The trials of the study; choose one to train its network as a run")
        self.table.header().setObjectName("sweepTableHeader")
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.best = QPushButton("Train the best")
        self.best.setObjectName("sweepBest")
        self.best.setToolTip("Train the network of the best trial, or of the chosen one, and keep it as a run")
        set_icon(self.best, "training")
        self.best.clicked.connect(lambda: self.bestRequested.emit(self.chosen))
        self.refresh = tool_button("sweepRefresh", "refresh", "Look again: other machines may work on the study, too")
        self.refresh.clicked.connect(self.refreshRequested)
        self.importance, self.parallel = ImportancePlot(theme), ParallelPlot(theme)
        self.importance.setMinimumWidth(118)
        self.parallel.setMinimumWidth(110)
        self._state: SweepState | None = None
        self._assemble()
        self.show_busy(False, "")
        self.show_state(None)

    # -- what is shown

    @property
    def chosen(self) -> int | None:
        """Number of the chosen trial; None where none is."""
        items = self.table.selectedItems()
        return int(items[0].data(0, _NUMBER_ROLE)) if items else None

    @property
    def chosen_study(self) -> str:
        """The study that is shown; "" for a new one."""
        return str(self.study.currentData() or "")

    def set_studies(self, names: Sequence[str], chosen: str) -> None:
        """What can be chosen."""
        self.study.clear()
        self.study.addItem(NEW, "")
        for name in names:
            self.study.addItem(name, name)
        self.study.setCurrentIndex(max(0, self.study.findData(chosen)))
        self._show_joined()

    def show_busy(self, running: bool, why_not: str) -> None:
        """Whether a sweep runs, and why none can be started."""
        self.cancel.setEnabled(running)
        self.start.setEnabled(not running and not why_not)
        self.start.setToolTip(why_not or "Run the trials, one process a core, as a job")
        self.form.setEnabled(not running)
        self.study.setEnabled(not running)
        self._show_joined(running)

    def show_problem(self, sentence: str) -> None:
        """What stands against starting."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def show_state(self, state: SweepState | None, words: str = "") -> None:
        """Show a study as it stands."""
        self._state = state
        if state is None:
            self.table.clear()
            self.table.setHeaderLabels(["Trial", "State", "Objective"])
            self.importance.clear()
            self.parallel.clear()
            self.words.say(words or "No sweep is shown: choose what is varied on the left, and start one.")
            self.tuned.hide()
        else:
            self._fill(state)
            done = sum(trial.state == "done" for trial in state.trials)
            self.importance.show_importance(state.importance, done)
            self.parallel.show_trials(state.trials, state.spec.ranges, state.best, state.spec.objective)
            self.words.say(words or _summary(state))
            self.tuned.setText(
                f"Tuned on {state.spec.validation.validation_query}: a figure on the same query is too good. "
                "Report the final one on a query that no choice was made on."
            )
            self.tuned.show()
        self.best.setEnabled(state is not None and state.best is not None)

    def show_place(self, storage: str) -> None:
        """Where the study is kept."""
        self.study.setToolTip(f"A new study, or one of those in {shown_url(storage)}")

    # -- assembly

    def _assemble(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 14, 0)
        column.setSpacing(8)
        column.addWidget(self.study)
        column.addWidget(heading("What is varied"))
        column.addWidget(self.ranges)
        column.addWidget(self.form)
        column.addStretch(1)
        area = QScrollArea()
        area.setObjectName("sweepSettings")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.cancel)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addWidget(area, 1)
        column.addWidget(self.problem)
        column.addLayout(buttons)
        left.setMinimumWidth(272)
        plots = QWidget()
        self._plots = QHBoxLayout(plots)
        self._plots.setContentsMargins(0, 8, 0, 0)
        self._plots.setSpacing(14)
        self._plots.addWidget(self.importance, 2)
        self._plots.addWidget(self.parallel, 3)
        tools = QHBoxLayout()
        tools.addWidget(self.best)
        tools.addStretch(1)
        tools.addWidget(self.refresh)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.tuned)
        column.addWidget(self.table, 1)
        column.addLayout(tools)
        right = QSplitter(Qt.Orientation.Vertical)
        right.setObjectName("sweepResults")
        whole = QSplitter(Qt.Orientation.Horizontal)
        whole.setObjectName("sweepSplit")
        for splitter, parts in ((right, (upper, plots)), (whole, (left, right))):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
            for part in parts:
                splitter.addWidget(part)
        right.setContentsMargins(8, 0, 0, 0)
        right.setSizes([330, 240])
        whole.setSizes([340, 420])
        whole.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 24, 10)
        layout.addWidget(whole)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else one over the other."""
        super().resizeEvent(event)
        beside = self.width() >= _BESIDE
        self._plots.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)

    def _fill(self, state: SweepState) -> None:
        chosen = self.chosen
        names = list(state.spec.ranges)
        header = self.table.header()
        column, order = header.sortIndicatorSection(), header.sortIndicatorOrder()
        self.table.setSortingEnabled(False)
        self.table.clear()
        self.table.setHeaderLabels(["Trial", "State", state.spec.objective, *names, "Time"])
        for trial in state.trials:
            item = _TrialItem(trial, names)
            self.table.addTopLevelItem(item)
            if trial.number == chosen:
                item.setSelected(True)
            if state.best is not None and trial.number == state.best.number:
                font = item.font(0)
                font.setBold(True)
                for at in range(item.columnCount()):
                    item.setFont(at, font)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(min(column, len(names) + 3), order)
        for at in range(len(names) + 4):
            self.table.resizeColumnToContents(at)

    def _show_joined(self, running: bool = False) -> None:
        """What a study holds is its own: it is not typed again."""
        joined = bool(self.chosen_study)
        self.ranges.setEnabled(not joined and not running)
        for name in ("study", "storage", "objective", "networks", "pruning"):
            self.form.editor(name).setEnabled(not joined)

    def _on_selection(self) -> None:
        chosen = self.chosen
        self.best.setText(" Train the best" if chosen is None else f" Train trial {chosen}")


class _TrialItem(QTreeWidgetItem):
    """A trial as a row, sorted by its numbers."""

    def __init__(self, trial: SweepTrial, names: Sequence[str]) -> None:
        value = "" if trial.value is None else f"{trial.value:.4f}"
        cells = [str(trial.number), trial.state, value]
        cells += [f"{trial.chosen[name]:.4g}" if name in trial.chosen else "" for name in names]
        super().__init__([*cells, "" if trial.seconds is None else f"{trial.seconds:.2f} s"])
        self.setData(0, _NUMBER_ROLE, trial.number)
        tip = trial.problem or f"By {trial.worker}" + (
            f"; networks: {', '.join(f'{value:.3f}' for value in trial.values)}" if len(trial.values) > 1 else ""
        )
        for column in range(self.columnCount()):
            self.setToolTip(column, tip)

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        column = tree.sortColumn() if tree is not None else 0
        mine, theirs = (item.text(column).removesuffix(" s") for item in (self, other))
        try:
            return float(mine or "-inf") < float(theirs or "-inf")
        except ValueError:
            return mine < theirs


def _summary(state: SweepState) -> str:
    counts = {name: sum(trial.state == name for trial in state.trials) for name in ("done", "pruned", "failed", "running")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    best = "" if state.best is None else f"  ·  best {state.best.value:.3f} (trial {state.best.number})"
    return f"{state.study}: {told or 'no trial yet'}{best}"
