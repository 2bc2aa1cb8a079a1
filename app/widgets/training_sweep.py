"""The Sweep tab: what is varied and how it is searched, the trials, and what they say."""

import itertools
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTabWidget,
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
from app.widgets.splitting import scrolled
from app.widgets.sweep_plots import ImportancePlot, ParallelPlot
from app.widgets.sweep_varied import VariedTable
from engine.training.sweep import SweepParameters
from engine.training.sweep_space import shown
from engine.training.sweep_study import SweepState, SweepTrial, shown_url

NEW = "New study"
SETTINGS, RESULTS = "Settings", "Results"
_PLOTS_BESIDE, _SETTINGS_BESIDE = 560, 660  # widths from which two columns have room side by side
_NUMBER_ROLE = Qt.ItemDataRole.UserRole


class SweepTab(QWidget):
    """Only shows and asks."""

    edited = Signal()
    studyChosen = Signal(str)  # "" for a new one
    startRequested = Signal()
    cancelRequested = Signal()
    bestRequested = Signal(object)  # a trial's number, or None for the best
    refreshRequested = Signal()
    storageTyped = Signal()

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
        storage = self.form.editor("storage")
        assert isinstance(storage, QLineEdit)
        storage.setPlaceholderText("sweeps.db of the workspace")
        storage.editingFinished.connect(self.storageTyped)
        self.varied = VariedTable()
        self.varied.edited.connect(self.edited)
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
        self.table.setMinimumHeight(132)
        self.pages = QTabWidget()
        self.pages.setObjectName("sweepPages")
        self.pages.setDocumentMode(True)
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

    @property
    def studies(self) -> list[str]:
        """Those that are there."""
        return [str(self.study.itemData(index)) for index in range(1, self.study.count())]

    def name_anew(self) -> None:
        """Offer a name that no study has: "sweep 2" after "sweep"."""
        name = str(self.form.values()["study"])
        plain, _, number = name.rpartition(" ")
        plain = plain if plain and number.isdigit() else name
        names = itertools.chain((name,), (f"{plain} {number}" for number in itertools.count(2)))
        self.form.set_values({"study": next(name for name in names if name not in self.studies)})

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
            self.words.say(words or "No sweep is shown: choose what is varied, and start one.")
            self.tuned.hide()
        else:
            self._fill(state)
            done = sum(trial.state == "done" for trial in state.trials)
            self.importance.show_importance(state.importance, done)
            self.parallel.show_trials(state.trials, state.spec.varied, state.best, state.spec.objective)
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
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.study, 2)
        head.addWidget(self.words, 3)
        head.addWidget(self.refresh)
        varied = QWidget()
        column = QVBoxLayout(varied)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(heading("What is varied"))
        column.addWidget(self.varied, 1)
        search = QWidget()
        column = QVBoxLayout(search)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        column.addStretch(1)
        settings, self._settings = _page(varied, search)
        below = QHBoxLayout()
        below.addWidget(self.best)
        below.addStretch(1)
        found = QWidget()
        column = QVBoxLayout(found)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addLayout(below)
        plots = QWidget()
        self._plots = QHBoxLayout(plots)
        self._plots.setContentsMargins(0, 0, 0, 0)
        self._plots.setSpacing(14)
        self._plots.addWidget(self.importance, 2)
        self._plots.addWidget(self.parallel, 4)
        results, _ = _page(found, plots)
        self.pages.addTab(scrolled(settings, "sweepSettings"), SETTINGS)
        told = QWidget()
        column = QVBoxLayout(told)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tuned)
        column.addWidget(scrolled(results, "sweepResults"), 1)
        self.pages.addTab(told, RESULTS)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 24, 10)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.problem)
        layout.addLayout(buttons)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else one over the other."""
        super().resizeEvent(event)
        for parts, least in ((self._settings, _SETTINGS_BESIDE), (self._plots, _PLOTS_BESIDE)):
            beside = self.width() >= least
            parts.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)

    def show_page(self, title: str) -> None:
        """Bring the settings or the results to the front."""
        self.pages.setCurrentIndex((SETTINGS, RESULTS).index(title))

    def _fill(self, state: SweepState) -> None:
        chosen = self.chosen
        names = list(state.spec.varied)
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
        self.varied.freeze(joined or running, joined)
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
        cells += [shown(trial.chosen[name]) if name in trial.chosen else "" for name in names]
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
        return _sort_key(self.text(column)) < _sort_key(other.text(column))


def _sort_key(text: str) -> tuple[bool, float, str]:
    """Numbers by their size, what is missing first; then words."""
    try:
        return False, float(text.removesuffix(" s") or "-inf"), ""
    except ValueError:
        return True, 0.0, text


def _page(first: QWidget, second: QWidget) -> tuple[QWidget, QBoxLayout]:
    """Two parts one over the other, as high as they need to be."""
    page = QWidget()
    parts = QBoxLayout(QBoxLayout.Direction.TopToBottom, page)
    parts.setContentsMargins(0, 10, 10, 0)
    parts.setSpacing(10)
    parts.addWidget(first, 1)
    parts.addWidget(second, 1)
    return page, parts


def _summary(state: SweepState) -> str:
    counts = {name: sum(trial.state == name for trial in state.trials) for name in ("done", "pruned", "failed", "running")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    best = "" if state.best is None else f"  ·  best {state.best.value:.3f} (trial {state.best.number})"
    return f"{state.study}: {told or 'no trial yet'}{best}"
