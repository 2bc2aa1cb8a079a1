"""How a recording is played: start and pause, step, speed, and the time line."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from app.icons import set_icon
from app.theme import Theme
from app.widgets.timeline import Timeline, clock

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class PlayBar(QWidget):
    """Only asks; `show_state` says what the source does."""

    playRequested = Signal(bool)  # True plays, False pauses
    stepRequested = Signal()
    speedRequested = Signal(float)
    seekRequested = Signal(int)  # us
    loopRequested = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("playBar")
        self._playing = False
        self._range: tuple[int, int] | None = None
        self.play = tool_button("play", "play", "Play")
        self.play.clicked.connect(lambda: self.playRequested.emit(not self._playing))
        self.step = tool_button("step", "step", "Show the next time window, and stay paused")
        self.step.clicked.connect(self.stepRequested)
        self.speed = QComboBox()
        self.speed.setObjectName("speed")
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("How fast time passes")
        for factor in SPEEDS:
            self.speed.addItem(f"{factor:g}×", factor)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.activated.connect(lambda index: self.speedRequested.emit(float(self.speed.itemData(index))))
        self.loop = tool_button("loop", "loop", "Begin anew at the end", checkable=True)
        self.loop.clicked.connect(self.loopRequested)
        self.timeline = Timeline(theme)
        self.timeline.seekRequested.connect(self._on_seek)
        self.time = QLabel()
        self.time.setObjectName("playTime")
        self.time.setProperty("role", "muted")
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        for widget in (self.play, self.step, self.loop, self.speed):
            line.addWidget(widget)
        line.addWidget(self.timeline, 1)
        line.addWidget(self.time)
        theme.changed.connect(self._set_width)
        self._set_width()
        self.show_state(False, False, None, None)

    def show_state(self, pausable: bool, playing: bool, time_range: tuple[int, int] | None, position_us: int | None) -> None:
        """Mirror the source.

        Args:
            pausable: whether time can be held at all (a recording, the synthetic camera).
            playing: whether time passes.
            time_range: the recording's first and last time (us), None where it has none to go to.
            position_us: where playing is.
        """
        if playing != self._playing or not self.play.toolTip():
            self._playing = playing
            set_icon(self.play, "pause" if playing else "play")
            self.play.setToolTip("Pause (Space)" if playing else "Play (Space)")
            self.play.setAccessibleName("Pause" if playing else "Play")
        for widget in (self.play, self.step, self.speed):
            widget.setEnabled(pausable)
        self.loop.setEnabled(time_range is not None)
        self._range = time_range
        self.timeline.show_range(time_range)
        self.timeline.show_position(position_us)
        self._show_time(self.timeline.position_us if time_range is not None else None)

    @property
    def playing(self) -> bool:
        """What the play button shows."""
        return self._playing

    def _on_seek(self, event_us: int) -> None:
        self._show_time(event_us)
        self.seekRequested.emit(event_us)

    def _show_time(self, position_us: int | None) -> None:
        text = ""
        if self._range is not None and position_us is not None:
            first, last = self._range
            text = f"{clock(position_us - first)} / {clock(last - first)}"
        if text != self.time.text():
            self.time.setText(text)

    def _set_width(self) -> None:
        self.time.setMinimumWidth(self.time.fontMetrics().horizontalAdvance("00:00.0 / 00:00.0") + 4)


def tool_button(name: str, icon: str, tip: str, checkable: bool = False, text: str = "") -> QToolButton:
    """A flat button of an icon, with its words beside it where there are any."""
    button = QToolButton()
    button.setObjectName(name)
    button.setProperty("role", "quiet")
    button.setToolTip(tip)
    button.setAccessibleName(text or tip)
    button.setCheckable(checkable)
    button.setIconSize(QSize(20, 20))
    if text:
        button.setText(f" {text}")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    set_icon(button, icon)
    return button
