"""The first page: open, make or fetch a workspace; the demo's progress while it is made."""

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.icons import icon, pixmap, set_icon
from app.jobs import Job, duration
from app.settings import Settings
from app.theme import Theme

_COLUMN = 560


class StartPage(QWidget):
    """Shown while no workspace is open."""

    workspaceRequested = Signal(object)  # Path

    def __init__(self, actions: Mapping[str, QAction], settings: Settings, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self._settings = settings
        self._job: Job | None = None
        self._mark = QLabel()
        title = QLabel("Revisit")
        title.setProperty("role", "title")
        about = QLabel("Teach a robot to recognise places from an event camera.")
        about.setProperty("role", "muted")
        about.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(title)
        words.addWidget(about)
        top = QHBoxLayout()
        top.setSpacing(18)
        top.addWidget(self._mark)
        top.addLayout(words, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        self.open = self._button("startOpen", "Open a workspace…", actions["open_workspace"], plain=True)
        self.open.setProperty("role", "primary")
        self.new = self._button("startNew", "New workspace…", actions["new_workspace"])
        self.demo = self._button("startDemo", "Open the demo", actions["open_demo"])
        for button in (self.open, self.new, self.demo):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.stage = QLabel()
        self.stage.setObjectName("demoStage")
        self.stage.setProperty("role", "muted")
        self.bar = QProgressBar()
        self.bar.setObjectName("demoProgress")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.cancel = QPushButton("Cancel")
        self.cancel.setObjectName("demoCancel")
        self.cancel.clicked.connect(self._on_cancel)
        making = QHBoxLayout()
        making.setContentsMargins(0, 0, 0, 0)
        making.setSpacing(14)
        bars = QVBoxLayout()
        bars.setSpacing(6)
        bars.addWidget(self.stage)
        bars.addWidget(self.bar)
        making.addLayout(bars, 1)
        making.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignBottom)
        self.making = QWidget()
        self.making.setObjectName("demoMaking")
        self.making.setLayout(making)
        policy = self.making.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.making.setSizePolicy(policy)
        self.making.hide()
        self.heading = QLabel("Opened lately")
        self.heading.setProperty("role", "heading")
        self.recent = QListWidget()
        self.recent.setObjectName("recentList")
        self.recent.setIconSize(QSize(20, 20))
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.recent.itemActivated.connect(self._on_recent)
        self.recent.itemClicked.connect(self._on_recent)
        hint = QLabel("Or drop a folder or a recording anywhere on this window.")
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        column = QVBoxLayout()
        column.setSpacing(16)
        column.addStretch(1)
        column.addLayout(top)
        column.addSpacing(8)
        column.addLayout(buttons)
        column.addWidget(self.making)
        column.addWidget(self.heading)
        column.addWidget(self.recent)
        column.addWidget(hint)
        column.addStretch(2)
        inner = QWidget()
        inner.setLayout(column)
        inner.setMaximumWidth(_COLUMN)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(32, 24, 32, 24)
        layout.addStretch(1)
        layout.addWidget(inner, 100)
        layout.addStretch(1)
        theme.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Read the list of workspaces anew."""
        self._mark.setPixmap(pixmap("revisit", self.palette().color(QPalette.ColorRole.Accent), 52))
        self.recent.clear()
        folders, height = self._settings.recent, self.fontMetrics().height() + 18
        for folder in folders:
            item = QListWidgetItem(icon("folder"), f"{folder.name}    {_short(folder)}")
            item.setData(Qt.ItemDataRole.UserRole, folder)
            item.setToolTip(str(folder))
            item.setSizeHint(QSize(0, height))
            if not folder.is_dir():
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(f"{folder} is not there at the moment")
            self.recent.addItem(item)
        self.heading.setVisible(bool(folders))
        self.recent.setVisible(bool(folders))
        self.recent.setFixedHeight(min(len(folders), 5) * height + 4)

    def show_demo_job(self, job: Job) -> None:
        """Show how far the demo workspace is."""
        self._job = job
        self.demo.setEnabled(False)
        self.making.show()
        job.progressed.connect(self._on_progress)
        job.ended.connect(self._on_ended)
        self._on_progress()

    def _button(self, name: str, text: str, action: QAction, plain: bool = False) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(action.toolTip())
        if not plain:
            set_icon(button, str(action.property("iconName")))
        button.clicked.connect(action.trigger)
        return button

    def _on_progress(self) -> None:
        if self._job is None:
            return
        left = self._job.remaining_s
        stage = self._job.progress.stage if self._job.progress is not None else "Starting"
        self.stage.setText(f"Making the demo workspace: {stage}{f', {duration(left)} left' if left is not None else ''}")
        share = self._job.fraction
        self.bar.setRange(0, 0 if share is None else 1000)
        self.bar.setValue(0 if share is None else round(1000 * share))

    def _on_ended(self) -> None:
        self._job = None
        self.making.hide()
        self.demo.setEnabled(True)

    def _on_cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _on_recent(self, item: QListWidgetItem) -> None:
        self.workspaceRequested.emit(item.data(Qt.ItemDataRole.UserRole))


def _short(folder: Path) -> str:
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
