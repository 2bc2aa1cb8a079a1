"""The two frames of a cell, large, and what a person says about the match."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.icons import set_icon
from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.frame_view import FrameView
from app.widgets.play_bar import tool_button


class TruthPair(QWidget):
    """Query and reference beside each other; it only asks."""

    stepRequested = Signal(int)  # queries
    moveRequested = Signal(int)  # references
    confirmRequested = Signal()
    rejectRequested = Signal()
    truthRequested = Signal()  # go to the match of this query
    nextRequested = Signal()  # the next suspicious query

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("truthPair")
        self.title = Elided("", "truthPairTitle", "heading")
        self.query = FrameView(theme, "truthQueryFrame", "Click a cell of the matrix to see its frames.")
        self.reference = FrameView(theme, "truthReferenceFrame", "")
        for view in (self.query, self.reference):
            view.setMinimumHeight(130)
            view.picture.setMinimumSize(90, 80)
        frames = QGridLayout()
        frames.setContentsMargins(0, 0, 0, 0)
        frames.setHorizontalSpacing(10)
        for column, (word, view) in enumerate((("Query", self.query), ("Reference", self.reference))):
            label = QLabel(word)
            label.setProperty("role", "muted")
            frames.addWidget(label, 0, column)
            frames.addWidget(view, 1, column)
            frames.setColumnStretch(column, 1)
        frames.setRowStretch(1, 1)
        self.previous = tool_button("truthPrevious", "left", "The match of the query before (P)")
        self.next = tool_button("truthNext", "right", "The match of the next query (N)")
        self.up = tool_button("truthUp", "up", "Move the match one reference earlier (Ctrl+Up)")
        self.down = tool_button("truthDown", "down", "Move the match one reference later (Ctrl+Down)")
        self.confirm = _button("truthConfirm", "Confirm", "done", "The match is right: mark it so and go to the next query (C)")
        self.reject = _button("truthReject", "Reject", "close", "The match is wrong: take it away and mask the query (X)")
        self.previous.clicked.connect(lambda: self.stepRequested.emit(-1))
        self.next.clicked.connect(lambda: self.stepRequested.emit(1))
        self.up.clicked.connect(lambda: self.moveRequested.emit(-1))
        self.down.clicked.connect(lambda: self.moveRequested.emit(1))
        self.confirm.clicked.connect(self.confirmRequested)
        self.reject.clicked.connect(self.rejectRequested)
        head, buttons = QHBoxLayout(), QHBoxLayout()
        for line in (head, buttons):
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(4)
        head.addWidget(self.title, 1)
        head.addWidget(self.previous)
        head.addWidget(self.next)
        buttons.addWidget(self.confirm)
        buttons.addWidget(self.reject)
        buttons.addStretch(1)
        buttons.addWidget(self.up)
        buttons.addWidget(self.down)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 16, 8)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(frames, 1)
        layout.addLayout(buttons)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.show_editable(False)

    def show_frames(
        self, query: NDArray[np.uint8] | None, reference: NDArray[np.uint8] | None, captions: tuple[str, str], problem: str = ""
    ) -> None:
        """Show both frames, each in its own range of counts; None where one is not read yet."""
        for view, frame, caption in zip((self.query, self.reference), (query, reference), captions, strict=True):
            view.show_frame(frame, caption, empty=problem or "Reading…")

    def show_nothing(self) -> None:
        """No cell is chosen."""
        self.title.say("")
        self.query.show_frame(None)
        self.reference.show_frame(None)

    def show_editable(self, on: bool) -> None:
        """Whether matches can be judged and moved."""
        for button in (self.up, self.down, self.confirm, self.reject):
            button.setEnabled(on)


def _button(name: str, text: str, icon: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setProperty("compact", True)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard to the matrix
    set_icon(button, icon)
    return button
