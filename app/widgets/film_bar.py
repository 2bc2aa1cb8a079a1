"""Frames as a film: play, step, speed, and a slider over all of them."""

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QWidget

from app.icons import set_icon
from app.widgets.play_bar import tool_button

SPEEDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # frames a second


class FilmBar(QWidget):
    """Says which frame to show; whoever shows it calls `show_frame`, so that a film waits for frames that are read slowly."""

    frameRequested = Signal(int)
    playingChanged = Signal(bool)

    def __init__(self, name: str = "filmBar") -> None:
        super().__init__()
        self.setObjectName(name)
        self._count, self._current, self._waiting = 0, -1, False
        self.play = tool_button(f"{name}Play", "play", "Play as a film (Space)")
        self.play.clicked.connect(self.toggle)
        self.back = tool_button(f"{name}Back", "step_back", "The frame before (comma)")
        self.back.clicked.connect(lambda: self.step(-1))
        self.forth = tool_button(f"{name}Step", "step", "The next frame (full stop)")
        self.forth.clicked.connect(lambda: self.step(1))
        self.speed = QComboBox()
        self.speed.setObjectName(f"{name}Speed")
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Frames a second (+ and -)")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g} /s", speed)
        self.speed.setCurrentIndex(SPEEDS.index(10.0))
        self.speed.activated.connect(lambda index: self._set_speed())
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{name}Slider")
        self.slider.setAccessibleName("Frame")
        self.slider.setToolTip("Drag to any frame")
        self.slider.valueChanged.connect(self._on_slider)
        self.place = QLabel()
        self.place.setObjectName(f"{name}Place")
        self.place.setProperty("role", "muted")
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        for widget in (self.back, self.play, self.forth, self.speed):
            line.addWidget(widget)
        line.addWidget(self.slider, 1)
        line.addWidget(self.place)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_tick)
        self._set_speed()
        self.set_count(0)

    def sizeHint(self) -> QSize:
        """One line of controls."""
        return QSize(300, super().sizeHint().height())

    def set_count(self, count: int) -> None:
        """Another traverse: so many frames, the first one shown."""
        self.pause()
        self._count, self._current, self._waiting = count, (0 if count else -1), False
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(count - 1, 0))
        self.slider.setPageStep(max(count // 20, 1))
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        for widget in (self.play, self.back, self.forth, self.speed, self.slider):
            widget.setEnabled(count > 1)
        self.place.setMinimumWidth(self.place.fontMetrics().horizontalAdvance(f"{count} / {count}") + 4)
        self._tell()

    def show_frame(self, number: int) -> None:
        """This frame is on the screen now."""
        self._waiting = False
        if number != self._current:
            self._current = number
            self.slider.blockSignals(True)
            self.slider.setValue(number)
            self.slider.blockSignals(False)
            self._tell()

    @property
    def playing(self) -> bool:
        """Whether the film runs."""
        return self._timer.isActive()

    def toggle(self) -> None:
        """Play or pause; at the end the film begins anew."""
        if self.playing:
            self.pause()
        elif self._count > 1:
            if self._current >= self._count - 1:
                self._ask(0)
            self._waiting = False
            self._timer.start()
            set_icon(self.play, "pause")
            self.play.setToolTip("Pause (Space)")
            self.playingChanged.emit(True)

    def pause(self) -> None:
        """Hold the film."""
        if self.playing:
            self._timer.stop()
            set_icon(self.play, "play")
            self.play.setToolTip("Play as a film (Space)")
            self.playingChanged.emit(False)

    def step(self, frames: int) -> None:
        """Go some frames on, and hold."""
        self.pause()
        self._ask(min(max(self._current + frames, 0), self._count - 1))

    def change_speed(self, steps: int) -> None:
        """Faster or slower."""
        self.speed.setCurrentIndex(min(max(self.speed.currentIndex() + steps, 0), self.speed.count() - 1))
        self._set_speed()

    def _set_speed(self) -> None:
        self._timer.setInterval(round(1000 / float(self.speed.currentData())))

    def _on_tick(self) -> None:
        if self._waiting:  # the frame asked for last is still being read
            return
        if self._current >= self._count - 1:
            self.pause()
        else:
            self._waiting = True
            self._ask(self._current + 1)

    def _on_slider(self, number: int) -> None:
        self.pause()
        self._ask(number)

    def _ask(self, number: int) -> None:
        if 0 <= number < self._count:
            self.frameRequested.emit(number)

    def _tell(self) -> None:
        self.place.setText(f"{self._current} / {self._count - 1}" if self._count else "")
