"""The event frame that a window gives, with how full it is against LENS's guideline, and a window that would suit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.event_image import EventImage
from app.widgets.gauge import Gauge

GUIDELINE = (50.0, 100.0)  # LENS's documentation: events a pixel in a window of 1 s


@dataclass(frozen=True)
class Filling:
    """What an event frame holds, as the engine says it."""

    window: str  # "1000 ms", "50 000 events"
    mean: float | None = None  # events per pixel
    saturated: float | None = None  # share of the pixels, 0 to 1
    silent: float | None = None
    suggested: float | None = None  # ms, or events of a frame of fixed count
    suggestion: str = ""  # a sentence
    progress: float = 0.0  # share of the first window that has passed; 0 afterwards


class BinPreview(QWidget):
    """One window's frame. `suggested` asks for the suggested window."""

    suggestionAccepted = Signal(float)  # ms, or events

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._filling: Filling | None = None
        self.title = Elided("Event frame", f"{name}Title", "heading")
        self.picture = EventImage(theme, f"{name}Picture")
        self.picture.setMinimumSize(90, 70)
        self.gauge = Gauge(theme, GUIDELINE, "events per pixel", f"{name}Gauge")
        self.gauge.setToolTip("Mean events per pixel of the frame; LENS's guideline of 50 to 100 is marked")
        self.mean = Elided("", f"{name}Mean")
        self.shares = Elided("", f"{name}Shares", "muted")
        self.shares.setToolTip("Pixels at the largest value that a frame can hold, and pixels without any event")
        self.suggestion = Elided("", f"{name}Suggestion", "muted")
        self.use = QPushButton("Use")
        self.use.setObjectName(f"{name}Use")
        self.use.setToolTip("Take the suggested window")
        self.use.setProperty("compact", True)
        self.use.clicked.connect(self._on_use)
        policy = self.use.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing moves when a suggestion comes or goes
        self.use.setSizePolicy(policy)
        self.use.hide()
        figures = QGridLayout()
        figures.setHorizontalSpacing(6)
        figures.setVerticalSpacing(4)
        figures.setColumnStretch(0, 1)
        figures.addWidget(self.mean, 0, 0, 1, 2)
        figures.addWidget(self.shares, 1, 0, 1, 2)
        figures.addWidget(self.suggestion, 2, 0)
        figures.addWidget(self.use, 2, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.picture, 1)
        layout.addWidget(self.gauge)
        layout.addLayout(figures)
        self.show_filling(None)

    def show_frame(self, image: NDArray[np.uint8], top: int) -> None:
        """Draw the newest frame; `top` events have the strongest colour."""
        self.picture.show_indices(image, "counts", top)

    def show_filling(self, filling: Filling | None) -> None:
        """Show the figures; None while there is no frame yet."""
        if filling == self._filling and self.mean.text():
            return
        self._filling = filling
        self.title.say("Event frame" if filling is None else f"Frame of {filling.window}")
        self.gauge.show_value(None if filling is None else filling.mean)
        if filling is None or filling.mean is None:
            self.mean.say(
                "No source is running." if filling is None else f"First window: {100 * filling.progress:.0f} % of it so far"
            )
            self.shares.setText(" ")
        else:
            self.mean.say(f"{filling.mean:.3g} per pixel{_judged(filling.mean)}")
            self.shares.setText(f"{_percent(filling.silent)} silent · {_percent(filling.saturated)} saturated")
        text = "" if filling is None else filling.suggestion
        self.suggestion.say(text or " ")
        self.use.setVisible(filling is not None and filling.suggested is not None and self.use.parent() is not None)

    def clear(self) -> None:
        """No source runs."""
        self.picture.clear()
        self.show_filling(None)

    def _on_use(self) -> None:
        if self._filling is not None and self._filling.suggested is not None:
            self.suggestionAccepted.emit(self._filling.suggested)


def _judged(mean: float) -> str:
    return ": too few" if mean < GUIDELINE[0] else ": too many" if mean > GUIDELINE[1] else ": good"


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"
