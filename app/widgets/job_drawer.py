"""The drawer of jobs: what runs and what has ended, with progress, time left, log, and the error's report."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QHideEvent, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.icons import set_icon
from app.jobs import Job, JobRunner, State, duration
from app.theme import Theme, fixed_font

_COLUMNS = ("Job", "Progress", "Time")
_WORDS = {
    State.RUNNING: "running",
    State.STOPPING: "stopping…",
    State.FINISHED: "finished",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
Index = QModelIndex | QPersistentModelIndex
JOB_ROLE = Qt.ItemDataRole.UserRole


def progress_text(job: Job) -> str:
    """Where a job stands, in a few words."""
    if job.state is not State.RUNNING or job.progress is None:
        return _WORDS[job.state]
    share = f"{round(100 * job.fraction)} %" if job.fraction is not None else ""
    return "  ".join(part for part in (share, job.progress.stage) if part)


def time_text(job: Job) -> str:
    """How long it still needs, or how long it took."""
    left = job.remaining_s
    if left is not None:
        return f"{duration(left)} left"
    return duration(job.elapsed_s)


class JobsModel(QAbstractTableModel):
    """The runner's jobs, newest first."""

    def __init__(self, runner: JobRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._runner, self._watched = runner, False
        self._jobs = list(reversed(runner.jobs))
        runner.jobStarted.connect(self._on_started)
        runner.jobChanged.connect(self._on_changed)
        runner.jobsCleared.connect(self._on_cleared)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Jobs."""
        return 0 if parent.isValid() else len(self._jobs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Title, progress, time."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Column titles."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell, or the Job itself under JOB_ROLE."""
        job = self._jobs[index.row()]
        if role == JOB_ROLE:
            return job
        if role == Qt.ItemDataRole.DisplayRole:
            return (job.title, progress_text(job), time_text(job))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return job.error or f"{job.title}: {progress_text(job)}"
        return None

    def watch(self, on: bool) -> None:
        """Whether anybody sees how far the jobs are: a table that is hidden measures its rows anew at each word all the same."""
        self._watched = on
        self.refresh_times()

    def refresh_times(self) -> None:
        """Let the running clocks go on."""
        if self._watched and self._jobs:
            self.dataChanged.emit(self.index(0, 1), self.index(len(self._jobs) - 1, 2))

    def _on_started(self, job: Job) -> None:
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._jobs.insert(0, job)
        self.endInsertRows()

    def _on_changed(self, job: Job) -> None:
        if not self._watched:
            return
        row = self._jobs.index(job)
        self.dataChanged.emit(self.index(row, 0), self.index(row, 2))

    def _on_cleared(self) -> None:
        self.beginResetModel()
        self._jobs = list(reversed(self._runner.jobs))
        self.endResetModel()


class _ProgressDelegate(QStyledItemDelegate):
    """A thin bar under the words."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.displayAlignment = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(0, 6)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        job, colours = index.data(JOB_ROLE), self._theme.colours
        rect = option.rect.adjusted(11, option.rect.height() - 7, -16, -4)
        shade = {State.FAILED: colours.error, State.FINISHED: colours.good, State.CANCELLED: colours.muted}.get(
            job.state, colours.accent
        )
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.border))
        painter.drawRoundedRect(rect, 1.5, 1.5)
        painter.setBrush(QColor(shade))
        rect.setWidth(round(rect.width() * (1.0 if job.state.ended and job.fraction is None else job.fraction or 0.0)))
        painter.drawRoundedRect(rect, 1.5, 1.5)
        painter.restore()


class JobDrawer(QWidget):
    """The list of jobs beside the log of the chosen one."""

    chosen = Signal(object)  # Job or None

    def __init__(self, runner: JobRunner, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("jobDrawer")
        self._runner = runner
        self._job: Job | None = None
        self._lines = 0
        self.model = JobsModel(runner, self)
        self.table = QTreeView()
        self.table.setObjectName("jobTable")
        self.table.setModel(self.model)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAllColumnsShowFocus(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setItemDelegateForColumn(1, _ProgressDelegate(theme, self))
        header = self.table.header()
        header.setObjectName("jobHeader")
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(1, 200)
        header.resizeSection(2, 110)
        self.empty = QLabel("No jobs yet. What takes long runs here while you go on working.")
        self.empty.setObjectName("jobsEmpty")
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.error = QLabel()
        self.error.setObjectName("jobError")
        self.error.setProperty("role", "error")
        self.error.setWordWrap(True)
        self.error.setTextFormat(Qt.TextFormat.PlainText)
        self.error.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log = QPlainTextEdit()
        self.log.setObjectName("jobLog")
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(2000)
        self.cancel = self._button("jobCancel", "Cancel", "Ask this job to stop; what is finished stays", "stop")
        self.copy = self._button("jobCopy", "Copy report", "Copy what went wrong, with all versions, for a bug report", "copy")
        self.clear = self._button("jobClear", "Clear ended", "Take the jobs that have ended off the list", "close")
        self.cancel.clicked.connect(self._on_cancel)
        self.copy.clicked.connect(self._on_copy)
        self.clear.clicked.connect(runner.clear_ended)
        self._arrange()
        self.table.selectionModel().currentChanged.connect(lambda now, before: self._show(now.data(JOB_ROLE)))
        runner.jobStarted.connect(self._on_started)
        runner.jobChanged.connect(self._on_changed)
        runner.jobsCleared.connect(self._on_cleared)
        theme.changed.connect(self._on_theme)
        self._clock = QTimer(self)
        self._clock.setInterval(500)
        self._clock.timeout.connect(self.model.refresh_times)
        runner.allEnded.connect(self._clock.stop)
        self._on_theme()
        self._on_cleared()

    @property
    def job(self) -> Job | None:
        """The chosen job."""
        return self._job

    def showEvent(self, event: QShowEvent) -> None:
        """What happened meanwhile is shown."""
        super().showEvent(event)
        self.model.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        super().hideEvent(event)
        self.model.watch(False)

    def choose(self, job: Job) -> None:
        """Show a job's log."""
        for row in range(self.model.rowCount()):
            if self.model.index(row, 0).data(JOB_ROLE) is job:
                self.table.setCurrentIndex(self.model.index(row, 0))

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.copy)
        buttons.addStretch(1)
        buttons.addWidget(self.clear)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(8, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.error)
        column.addWidget(self.log, 1)
        column.addLayout(buttons)
        left = QWidget()
        stack = QVBoxLayout(left)
        stack.setContentsMargins(0, 0, 8, 0)
        stack.addWidget(self.table, 1)
        stack.addWidget(self.empty, 1)
        splitter = QSplitter()
        splitter.setObjectName("jobSplitter")
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.addWidget(splitter)

    def _button(self, name: str, text: str, tip: str, icon: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        set_icon(button, icon)
        return button

    def _on_started(self, job: Job) -> None:
        self._clock.start()
        self.table.show()
        self.empty.hide()
        if self._job is None or self._job.state.ended:
            self.choose(job)

    def _on_changed(self, job: Job) -> None:
        if job is self._job:
            self._show(job)
        self.clear.setEnabled(any(other.state.ended for other in self._runner.jobs))

    def _on_cleared(self) -> None:
        jobs = self._runner.jobs
        self.table.setVisible(bool(jobs))
        self.empty.setVisible(not jobs)
        self.clear.setEnabled(any(job.state.ended for job in jobs))
        if jobs:
            self.choose(jobs[-1])
        else:
            self._show(None)

    def _show(self, job: Job | None) -> None:
        if job is not self._job:
            self._job, self._lines = job, 0
            self.log.clear()
            self.chosen.emit(job)
        self.cancel.setEnabled(job is not None and job.state is State.RUNNING)
        self.copy.setVisible(job is not None and bool(job.report))
        self.error.setVisible(job is not None and bool(job.error))
        self.error.setText("" if job is None else job.error)
        if job is not None and job.lines_said > self._lines:
            new = min(job.lines_said - self._lines, len(job.log))
            self.log.appendPlainText("\n".join(list(job.log)[-new:]))
            self._lines = job.lines_said

    def _on_cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _on_copy(self) -> None:
        if self._job is not None:
            QGuiApplication.clipboard().setText(self._job.report)

    def _on_theme(self) -> None:
        self.log.setFont(fixed_font())
