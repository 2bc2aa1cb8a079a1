"""Two traverses side by side: scrubbing one moves the other to the frame that belongs to it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.frame_view import FrameView
from engine.places.links import Link
from engine.places.making import TraverseName

LINKS: tuple[tuple[str, str], ...] = (
    ("share", "share of the way"),
    ("number", "number"),
    ("place", "position"),
    ("truth", "ground truth"),
    ("none", "not linked"),
)


class ComparePane(QWidget):
    """Left the panel's own frame, right a frame of another traverse. It shows what it is given, and asks for frames by number."""

    otherChosen = Signal(object)  # TraverseName, or None
    linkChosen = Signal(str)
    leftRequested = Signal(int)
    rightRequested = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("comparePane")
        self.left = FrameView(theme, "compareLeft", "Choose a traverse")
        self.right = FrameView(theme, "compareRight", "Choose a traverse to compare with")
        self.left_name = Elided("", "compareLeftName", "heading")
        self.other = QComboBox()
        self.other.setObjectName("compareOther")
        self.other.setAccessibleName("The other traverse")
        self.other.setToolTip("The traverse on the right, of the same camera")
        self.other.setMinimumContentsLength(10)
        self.other.activated.connect(lambda index: self.otherChosen.emit(self.other.currentData()))
        self.link = QComboBox()
        self.link.setObjectName("compareLink")
        self.link.setAccessibleName("Linked by")
        self.link.setToolTip("How the right frame follows the left one, and the left the right")
        for value, text in LINKS:
            self.link.addItem(text, value)
        self.link.activated.connect(lambda index: self.linkChosen.emit(str(self.link.currentData())))
        self.note = Elided(" ", "compareNote", "muted")
        self.left_slider = _slider("compareLeftSlider", "Frame of the left traverse")
        self.right_slider = _slider("compareRightSlider", "Frame of the right traverse")
        self.left_slider.valueChanged.connect(self.leftRequested)
        self.right_slider.valueChanged.connect(self.rightRequested)
        top = QHBoxLayout()
        top.addWidget(QLabel("Linked by"))
        top.addWidget(self.link)
        top.addSpacing(12)
        top.addWidget(self.note, 1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        for column, widgets in enumerate(
            ((self.left_name, self.left, self.left_slider), (self.other, self.right, self.right_slider))
        ):
            grid.setColumnStretch(column, 1)
            for row, widget in enumerate(widgets):
                grid.addWidget(widget, row, column)
        grid.setRowStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(top)
        layout.addLayout(grid, 1)

    def show_left(self, name: TraverseName | None, count: int) -> None:
        """The panel's own traverse."""
        self.left_name.say("" if name is None else name.traverse)
        _set_range(self.left_slider, count)
        if name is None:
            self.left.show_frame(None)

    def show_others(self, names: Sequence[TraverseName], chosen: TraverseName | None) -> None:
        """What can be compared with, and what is."""
        self.other.clear()
        for name in names:
            self.other.addItem(name.traverse, name)
        self.other.setCurrentIndex(next((i for i, name in enumerate(names) if name == chosen), -1))
        self.other.setEnabled(bool(names))

    def show_right_count(self, count: int) -> None:
        """How long the other traverse is."""
        _set_range(self.right_slider, count)
        if count == 0:
            self.right.show_frame(None)

    def show_link(self, link: str) -> None:
        """How the two are linked."""
        self.link.setCurrentIndex(next((i for i in range(self.link.count()) if self.link.itemData(i) == link), 0))

    def show_left_frame(self, number: int, frame: NDArray[np.uint8] | None, caption: str, empty: str = "") -> None:
        """The left frame."""
        _set_value(self.left_slider, number)
        self.left.show_frame(frame, caption, empty=empty)

    def show_right_frame(self, number: int, frame: NDArray[np.uint8] | None, caption: str, empty: str = "") -> None:
        """The right frame."""
        _set_value(self.right_slider, number)
        self.right.show_frame(frame, caption, empty=empty)


class LinkedFrames:
    """The tables that lead from each traverse's frames to the other's; an empty one leads nowhere."""

    def __init__(
        self, link: Link | str = "none", forth: NDArray[np.int64] | None = None, back: NDArray[np.int64] | None = None
    ) -> None:
        self.link = link
        nothing = np.zeros(0, np.int64)
        self._forth, self._back = nothing if forth is None else forth, nothing if back is None else back

    def right_of(self, left: int) -> int | None:
        """The right frame that belongs to a left one."""
        return int(self._forth[left]) if 0 <= left < len(self._forth) and self._forth[left] >= 0 else None

    def left_of(self, right: int) -> int | None:
        """The left frame that belongs to a right one."""
        return int(self._back[right]) if 0 <= right < len(self._back) and self._back[right] >= 0 else None


def _slider(name: str, text: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setObjectName(name)
    slider.setAccessibleName(text)
    slider.setToolTip(text)
    return slider


def _set_range(slider: QSlider, count: int) -> None:
    slider.blockSignals(True)
    slider.setRange(0, max(count - 1, 0))
    slider.setPageStep(max(count // 20, 1))
    slider.setValue(0)
    slider.setEnabled(count > 1)
    slider.blockSignals(False)


def _set_value(slider: QSlider, number: int) -> None:
    slider.blockSignals(True)
    slider.setValue(number)
    slider.blockSignals(False)
