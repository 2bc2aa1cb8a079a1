"""One event frame, crisp, with a line of words under it; a sentence where there is none."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.event_image import EventImage
from engine.frames.thumbnails import brightest


class FrameView(QWidget):
    """Draws a frame of event counts. `picture` is the image itself, for grids and marks over it."""

    def __init__(self, theme: Theme, name: str, empty: str = "No frame") -> None:
        super().__init__()
        self.setObjectName(name)
        self._empty = empty
        self.frame: NDArray[np.uint8] | None = None
        self.picture = EventImage(theme, f"{name}Picture")
        self.picture.setAccessibleName("Event frame")
        self.message = QLabel(empty)
        self.message.setObjectName(f"{name}Message")
        self.message.setProperty("role", "muted")
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.setMargin(12)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.message)
        self._pages.addWidget(self.picture)
        self.caption = Elided("", f"{name}Caption", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.caption)

    def show_frame(self, frame: NDArray[np.uint8] | None, caption: str = "", *, top: int | None = None, empty: str = "") -> None:
        """Show (height, width) uint8 counts; None shows why there is none.

        Args:
            frame: the counts, or None.
            caption: the line under it.
            top: the count of the strongest colour; None takes the frame's own brightest pixels.
            empty: the sentence in place of a frame, where the usual one does not do.
        """
        self.frame = frame
        self.caption.say(caption)
        if frame is None or frame.size == 0:
            self.message.setText(empty or self._empty)
            self._pages.setCurrentWidget(self.message)
            return
        self._pages.setCurrentWidget(self.picture)
        self.picture.show_indices(frame, "counts", top if top is not None else brightest(frame))
