"""Settings of what of the sensor is used: the region of interest, the network's grid over it, and the hot pixels."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.forms import ParameterForm
from app.widgets.editors import NumberBox
from app.widgets.region import LENS_SIZES, Region, centred
from engine.errors import BadInput
from engine.frames.inputs import InputParameters

WHOLE, OWN = "Whole sensor", "Own size"


class RegionPanel(QWidget):
    """Region and grid; what it shows and what the picture shows are kept the same by the view."""

    regionChanged = Signal(object)  # Region, or None for the whole sensor
    squareChanged = Signal(bool)
    gridChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("regionPanel")
        self._sensor: tuple[int, int] | None = None
        self._region: Region | None = None
        self.size_box = QComboBox()
        self.size_box.setObjectName("regionSize")
        self.size_box.setAccessibleName("Size of the region")
        self.size_box.setToolTip("A region of this size in the middle of the sensor; drag it on the picture with the region tool")
        self.size_box.activated.connect(self._on_size)
        self.square = QCheckBox("Square")
        self.square.setObjectName("regionSquare")
        self.square.setToolTip("Keep both sides the same while dragging")
        self.square.clicked.connect(self._on_square)
        self.boxes: list[NumberBox] = []
        values = QHBoxLayout()
        values.setSpacing(6)
        for name, short in (("Left", "left"), ("Top", "top"), ("Width", "width"), ("Height", "height")):
            box = NumberBox(int)
            box.setObjectName(f"region{name}")
            box.setAccessibleName(f"{name} of the region in pixels")
            box.setToolTip(f"The region's {short}{' edge' if short in ('left', 'top') else ''}, in pixels")
            box.setButtonSymbols(NumberBox.ButtonSymbols.NoButtons)
            box.setMinimumWidth(box.fontMetrics().horizontalAdvance("0000") + 14)
            box.editingFinished.connect(self._on_typed)
            column = QVBoxLayout()
            column.setSpacing(2)
            label = QLabel(name)
            label.setProperty("role", "muted")
            column.addWidget(label)
            column.addWidget(box)
            values.addLayout(column, 1)
            self.boxes.append(box)
        self.problem = _sentence("regionProblem", "error")
        self.show_grid = QCheckBox("Show on the picture")
        self.show_grid.setObjectName("showGrid")
        self.show_grid.setToolTip("Draw the grid of the network's inputs over the region")
        self.show_grid.setChecked(True)
        self.show_grid.clicked.connect(lambda: self.gridChanged.emit())
        self.grid = ParameterForm(
            InputParameters, skip=("roi_dim", "encoding", "query_encoding", "windows", "normalise"), part=True
        )
        self.grid.setObjectName("gridForm")
        self.grid.edited.connect(self._on_grid)
        self.grid_note = _sentence("gridNote", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(9)
        layout.addWidget(heading("Region of interest"))
        first = QHBoxLayout()
        first.addWidget(self.size_box, 1)
        first.addWidget(self.square)
        layout.addLayout(first)
        layout.addLayout(values)
        layout.addWidget(self.problem)
        layout.addSpacing(8)
        layout.addWidget(heading("Grid of the network's inputs"))
        layout.addWidget(self.show_grid)
        layout.addWidget(self.grid)
        layout.addWidget(self.grid_note)
        layout.addSpacing(8)
        self.hot = HotPixelBox()
        layout.addWidget(self.hot)
        layout.addStretch(1)
        self.show_sensor(None)

    # -- mirrors

    def show_sensor(self, size: tuple[int, int] | None) -> None:
        """The sensor's (width, height); None while no source is open."""
        self._sensor = size
        self.size_box.clear()
        self.size_box.addItem(WHOLE if size is None else f"{WHOLE} ({size[0]} × {size[1]})", None)
        for side in LENS_SIZES:
            if size is not None and side <= min(size):
                self.size_box.addItem(f"{side} × {side} (LENS)", side)
        self.size_box.addItem(OWN, OWN)
        for widget in (self.size_box, self.square, *self.boxes):
            widget.setEnabled(size is not None)
        self.show_region(self._region if size is not None else None)

    def show_region(self, region: Region | None) -> None:
        """Show a region that was dragged or set; None is the whole sensor."""
        self._region = region
        shown = region or ((0, 0, *self._sensor) if self._sensor else None)
        for number, box in enumerate(self.boxes):
            box.set_value(None if shown is None else shown[number])
        if region is None:
            index = 0
        else:
            side = region[2] if region[2] == region[3] else None
            index = next((i for i in range(1, self.size_box.count()) if self.size_box.itemData(i) == side), -1)
        self.size_box.setCurrentIndex(index if index >= 0 else self.size_box.count() - 1)
        self._tell("")
        self._check_grid()

    @property
    def region(self) -> Region | None:
        """The region; None is the whole sensor."""
        return self._region

    @property
    def inputs(self) -> InputParameters | None:
        """The grid, settled for the region; None where it does not divide the region, or there is no sensor."""
        shown = self._shown()
        values = self.grid.parameters()
        if shown is None or values is None:
            return None
        try:
            return values.for_frames((shown[3], shown[2]))
        except BadInput:
            return None

    # -- handlers

    def _shown(self) -> Region | None:
        return self._region or ((0, 0, *self._sensor) if self._sensor else None)

    def _on_size(self, index: int) -> None:
        side = self.size_box.itemData(index)
        if self._sensor is None or side == OWN:
            self.show_region(self._region)
            if side == OWN:
                self.boxes[2].setFocus()
            return
        self._choose(None if side is None else centred((side, side), self._sensor))

    def _on_typed(self) -> None:
        values = [box.value() for box in self.boxes]
        if self._sensor is None or tuple(values) == self._shown():
            return
        if not all(isinstance(value, int) for value in values):
            self._tell("The region's four values should be whole numbers of pixels.")
            return
        left, top, width, height = values
        if left < 0 or top < 0 or width < 1 or height < 1 or left + width > self._sensor[0] or top + height > self._sensor[1]:
            self._tell(f"The region should lie on the sensor of {self._sensor[0]} × {self._sensor[1]} pixels.")
            return
        self._choose((left, top, width, height))

    def _on_square(self, on: bool) -> None:
        self.squareChanged.emit(on)
        shown = self._shown()
        if on and shown is not None and shown[2] != shown[3]:
            side = min(shown[2], shown[3])
            self._choose((shown[0], shown[1], side, side))

    def _choose(self, region: Region | None) -> None:
        whole = self._sensor is not None and region == (0, 0, *self._sensor)
        self.show_region(None if whole else region)
        self.regionChanged.emit(self._region)

    def _on_grid(self) -> None:
        self._check_grid()
        self.gridChanged.emit()

    def _check_grid(self) -> None:
        shown, values = self._shown(), self.grid.parameters()
        text, role = "", "muted"
        if shown is not None and values is not None:
            try:
                settled = values.for_frames((shown[3], shown[2]))
                rows, columns = settled.cell_size
                text = f"{settled.inputs} inputs, each from {columns} × {rows} pixels."
            except BadInput as error:
                text, role = str(error), "error"
        if text != self.grid_note.text():
            self.grid_note.setProperty("role", role)
            self.grid_note.style().unpolish(self.grid_note)
            self.grid_note.style().polish(self.grid_note)
            self.grid_note.setText(text)

    def _tell(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence) and self.problem.parent() is not None)


class HotPixelBox(QWidget):
    """Hot pixels: how many, and what can be done about them."""

    findRequested = Signal()
    clearRequested = Signal()
    loadRequested = Signal()
    saveRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("hotPixelBox")
        self.note = _sentence("hotNote", "muted")
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        self.buttons: dict[str, QPushButton] = {}
        for name, text, tip, signal in (
            ("Find", "Find", "Find the pixels that fire without light in what was just seen", self.findRequested),
            ("Load", "Load…", 'Read a text file of hot pixels, one "x,y" a line', self.loadRequested),
            ("Save", "Save…", 'Write a text file of hot pixels, one "x,y" a line', self.saveRequested),
            ("Clear", "Clear", "Forget all hot pixels", self.clearRequested),
        ):
            button = QPushButton(text)
            button.setObjectName(f"hot{name}")
            button.setToolTip(tip)
            button.setProperty("compact", True)
            button.clicked.connect(signal)
            buttons.addWidget(button, 1)
            self.buttons[name] = button
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(9)
        layout.addWidget(heading("Hot pixels"))
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        self.show_pixels((), False)

    def show_pixels(self, pixels: Sequence[tuple[int, int]], active: bool) -> None:
        """How many there are; `active`: whether a source is open."""
        if pixels:
            self.note.setText(
                f"{len(pixels)} pixel{'s' if len(pixels) > 1 else ''} left out. Click with the hot-pixel tool to change."
            )
        else:
            self.note.setText("None. Find them, or click them with the hot-pixel tool.")
        self.buttons["Find"].setEnabled(active)
        self.buttons["Load"].setEnabled(active)
        self.buttons["Save"].setEnabled(bool(pixels))
        self.buttons["Clear"].setEnabled(bool(pixels))


def heading(text: str) -> QLabel:
    """A heading within a tab."""
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def _sentence(name: str, role: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    return label
