"""One frame in detail: large, its counts as a histogram, the pixel under the mouse, and what a network would see of it."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.forms import label_of
from app.theme import Theme
from app.widgets.counts_histogram import CountsHistogram
from app.widgets.editors import editor_for
from app.widgets.elided import Elided
from app.widgets.frame_view import FrameView
from engine.errors import BadInput
from engine.frames.inputs import InputParameters


class FrameInspector(QWidget):
    """Shows what it is given; `edited` tells that the grid was changed."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("frameInspector")
        self._caption = ""
        self.view = FrameView(theme, "inspectedFrame", "Choose a traverse to look at its frames")
        self.view.picture.setMinimumSize(90, 60)
        self.view.picture.pointed.connect(self._on_pointed)
        self.show_grid = QCheckBox("What a network sees")
        self.show_grid.setObjectName("inspectorGrid")
        self.show_grid.setToolTip("Draw the grid of a network's inputs over the frame, with the pixels that stand for its cells")
        self.show_grid.clicked.connect(self._on_grid)
        self._inputs = InputParameters()
        fields = InputParameters.model_fields
        self.dims, self.cell = (editor_for(fields[name].annotation, "", fields[name].metadata) for name in ("dims", "cell"))
        for name, editor in (("dims", self.dims), ("cell", self.cell)):
            editor.setObjectName(f"inspector_{name}")
            editor.setToolTip(fields[name].description or "")
            editor.setAccessibleName(label_of(name))
            editor.edited.connect(self._on_edited)
        self.row = QWidget()
        line = QHBoxLayout(self.row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.dims, 3)
        line.addWidget(self.cell, 4)
        self.problem = Elided("", "inspectorProblem", "error")
        self.histogram = CountsHistogram(theme, "inspectorHistogram")
        self.histogram.setMinimumHeight(76)
        upper, lower = QWidget(), QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(4)
        column.addWidget(self.view, 1)
        column.addWidget(self.show_grid)
        column.addWidget(self.row)
        column.addWidget(self.problem)
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 6, 0, 0)
        column.addWidget(self.histogram)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setObjectName("inspectorSplit")
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(upper)
        splitter.addWidget(lower)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 0)
        splitter.setSizes([320, 104])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)
        self.row.hide()
        self.problem.hide()

    def show_frame(self, frame: NDArray[np.uint8] | None, caption: str, empty: str = "") -> None:
        """Show a frame, or a sentence in its place."""
        self.view.show_frame(frame, caption, empty=empty)
        self.histogram.show_frame(frame)
        self._caption = caption
        self._draw_grid()

    @property
    def inputs(self) -> InputParameters:
        """The grid, as it was valid last."""
        return self._inputs

    def set_inputs(self, inputs: InputParameters, shown: bool) -> None:
        """Show a grid, as it was saved."""
        self._inputs = inputs
        self.dims.set_value(inputs.dims)
        self.cell.set_value(inputs.cell)
        self.show_grid.setChecked(shown)
        self._on_grid(tell=False)

    def _on_grid(self, checked: bool = False, tell: bool = True) -> None:
        frame = self.view.frame
        if tell and self.show_grid.isChecked() and frame is not None:  # begin with a grid that fits these frames
            rows, columns = self._inputs.dims
            self.dims.set_value((_divisor(frame.shape[0], rows), _divisor(frame.shape[1], columns)))
        self.row.setVisible(self.show_grid.isChecked())
        self._draw_grid()
        if tell:
            self.edited.emit()

    def _on_edited(self) -> None:
        self._draw_grid()
        self.edited.emit()

    def _draw_grid(self) -> None:
        frame, picture, said = self.view.frame, self.view.picture, ""
        picture.show_grid(None, (1, 1), (), False)
        if self.show_grid.isChecked():
            try:
                self._inputs = InputParameters.check({"dims": self.dims.value(), "cell": self.cell.value()})
                if frame is not None:
                    self._draw_cells(frame.shape[0], frame.shape[1])
            except BadInput as wrong:
                said = str(wrong)
        self.problem.say(said)
        self.problem.setVisible(bool(said))

    def _draw_cells(self, height: int, width: int) -> None:
        settled = self._inputs.for_frames((height, width))
        mean = settled.cell == "mean"
        pixels = [] if mean else [(int(flat) % width, int(flat) // width) for flat in settled.selected_pixels()]
        self.view.picture.show_grid((0, 0, width, height), settled.dims, pixels, cells=mean)

    def _on_pointed(self, pixel: tuple[int, int] | None) -> None:
        """The pixel under the mouse, in the caption's place."""
        frame = self.view.frame
        if pixel is None or frame is None or pixel[1] >= frame.shape[0] or pixel[0] >= frame.shape[1]:
            self.view.caption.say(self._caption)
        else:
            count = int(frame[pixel[1], pixel[0]])
            self.view.caption.say(f"x {pixel[0]}, y {pixel[1]}: {count} event{'' if count == 1 else 's'}")


def _divisor(side: int, wanted: int) -> int:
    """The divisor of a side that is nearest to what is wanted, the larger of two."""
    return min((d for d in range(1, side + 1) if side % d == 0), key=lambda d: (abs(d - wanted), -d))
