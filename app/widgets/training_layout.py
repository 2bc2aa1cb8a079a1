"""Where the Training panel's parts stand. They are filled and listened to by the view."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QTabWidget, QVBoxLayout, QWidget

from app.icons import set_icon
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.training_live import LivePlots
from app.widgets.training_runs import RunsTab
from app.widgets.training_setup import WIDTH, TrainingSetup
from app.widgets.training_sweep import SweepTab

LIVE, RUNS, SWEEP = "Live", "Runs", "Sweep"


class TrainingLayout(QWidget):
    """Settings on the left; plots, runs and sweeps on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("trainingLayout")

    def fill(self, theme: Theme) -> Pieces[None]:
        """Make the parts one by one, each in its place at once: there are many, and a place for them all takes long to find."""
        self.tabs = QTabWidget()
        self.tabs.setObjectName("trainingTabs")
        self.tabs.setDocumentMode(True)
        self.setup = TrainingSetup()
        main = QSplitter(Qt.Orientation.Horizontal)
        main.setObjectName("trainingMain")
        main.setHandleWidth(1)
        main.setChildrenCollapsible(False)
        main.addWidget(self.setup)
        main.addWidget(self.tabs)
        main.setStretchFactor(0, 0)
        main.setStretchFactor(1, 1)
        main.setSizes([WIDTH, 800])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(main)
        yield from self.setup.fill(theme)
        yield
        self.live = LivePlots()
        self.tabs.addTab(self.live, LIVE)
        yield from self.live.fill(theme)
        yield
        self.runs = RunsTab(theme)
        self.tabs.addTab(self.runs, RUNS)
        yield
        self.sweep = SweepTab(theme)
        self.tabs.addTab(self.sweep, SWEEP)
        self.buttons = TrainingButtons()

    def show_tab(self, title: str) -> None:
        """Bring a tab of the right side to the front."""
        for index in range(self.tabs.count()):
            if self.tabs.tabText(index) == title:
                self.tabs.setCurrentIndex(index)


class TrainingButtons(QWidget):
    """Start, pause, stop early, cancel: in the panel's header."""

    startRequested = Signal()
    pauseRequested = Signal(bool)  # True pauses, False goes on
    stopRequested = Signal()
    cancelRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("trainingButtons")
        self._paused = False
        self.start = self._button("trainStart", "play", "Start", "primary")
        self.pause = self._button("trainPause", "pause", "Pause")
        self.stop = self._button("trainStop", "done", "Stop early")
        self.cancel = self._button("trainCancel", "stop", "Cancel")
        self.stop.setToolTip("End now and keep the network so far; it can still go on later")
        self.cancel.setToolTip("End now and keep nothing of this run")
        self.start.clicked.connect(self.startRequested)
        self.pause.clicked.connect(lambda: self.pauseRequested.emit(not self._paused))
        self.stop.clicked.connect(self.stopRequested)
        self.cancel.clicked.connect(self.cancelRequested)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        for button in (self.start, self.pause, self.stop, self.cancel):
            line.addWidget(button)
        self.show_state(False, False, "")

    def show_state(self, running: bool, paused: bool, why_not: str, stopping: bool = False) -> None:
        """What can be asked for: `why_not` says why nothing can be started."""
        self._paused = paused
        held = self.window().focusWidget() in (self, self.start, self.pause, self.stop, self.cancel)
        self.start.setEnabled(not running and not why_not)
        self.start.setToolTip(why_not or "Train with these settings (Ctrl+Return)")
        self.pause.setText(" Go on" if paused else " Pause")
        set_icon(self.pause, "play" if paused else "pause")
        self.pause.setToolTip("Go on with the training" if paused else "Hold the training, with its state on the disk")
        for button in (self.pause, self.stop, self.cancel):
            button.setEnabled(running and not stopping)
        # A button that is disabled under the hand gives the focus to the next one in the window, which would be the navigation's.
        # While a training ends none of them can be pressed: the focus rests here meanwhile.
        if held:
            next((button for button in (self.pause, self.start) if button.isEnabled()), self).setFocus()

    def _button(self, name: str, icon: str, text: str, role: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setProperty("role", role)
        set_icon(button, icon)
        return button
