"""Over the matrix: which two traverses, what is seen behind the ground truth, the tools, and notices that can be answered."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app.icons import set_icon
from app.truth_tools import TOOLS, ToolName
from app.widgets.elided import Elided
from app.widgets.play_bar import tool_button

CONTRASTS = (("query", "Each query"), ("matrix", "Whole matrix"))


class TruthBar(QWidget):
    """Reference, query and background; it only asks."""

    pairRequested = Signal(str, str, str, str)  # dataset, camera, reference, query
    backgroundRequested = Signal(str)  # a method's name or a network's path
    contrastRequested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("truthBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.place = _combo("truthPlace", "Dataset and camera", "Dataset and camera of the traverses")
        self.reference = _combo("truthReference", "Reference", "The traverse whose places are recognised")
        self.query = _combo("truthQuery", "Query", "The traverse that is compared with the reference")
        self.background = _combo(
            "truthBackground", "Background", "How alike the frames look: the picture behind the ground truth"
        )
        self.contrast = _combo("truthContrast", "Contrast", "Colours over the range of each query, or of the whole matrix")
        for value, text in CONTRASTS:
            self.contrast.addItem(text, value)
        self.place.activated.connect(self._on_place)
        for box in (self.reference, self.query):
            box.activated.connect(lambda index: self._ask())
        self.background.activated.connect(lambda index: self.backgroundRequested.emit(self.background.currentData()))
        self.contrast.activated.connect(lambda index: self.contrastRequested.emit(self.contrast.currentData()))
        self._traverses: dict[tuple[str, str], list[str]] = {}
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 10, 16, 10)
        line.setSpacing(6)
        for label, box, stretch in (
            ("", self.place, 3),
            ("Reference", self.reference, 3),
            ("Query", self.query, 3),
            ("Background", self.background, 2),
            ("Contrast", self.contrast, 1),
        ):
            if label:
                line.addSpacing(6)
                line.addWidget(word(label))
            line.addWidget(box, stretch)

    def show_traverses(self, traverses: Sequence[tuple[str, str, str]]) -> None:
        """What there is to choose from, as (dataset, camera, traverse)."""
        self._traverses = {}
        for dataset, camera, name in traverses:
            self._traverses.setdefault((dataset, camera), []).append(name)
        chosen = self.chosen
        self.place.clear()
        for dataset, camera in self._traverses:
            self.place.addItem(f"{dataset} / {camera}", f"{dataset}/{camera}")
        self.show_pair(*chosen)

    def show_pair(self, dataset: str, camera: str, reference: str, query: str) -> None:
        """Show a choice; what is not there is not chosen."""
        self.place.setCurrentIndex(self.place.findData(f"{dataset}/{camera}"))
        names = self._traverses.get((dataset, camera), [])
        for box, name in ((self.reference, reference), (self.query, query)):
            if [box.itemData(index) for index in range(box.count())] != names:
                box.clear()
                for entry in names:
                    box.addItem(entry, entry)
            box.setCurrentIndex(box.findData(name))
        for box in (self.reference, self.query):
            box.setEnabled(bool(names))
        self.place.setEnabled(bool(self._traverses))

    def show_methods(self, methods: Sequence[tuple[str, str, str]], chosen: str) -> None:
        """What can be seen behind the ground truth, as (value, text, tip)."""
        self.background.clear()
        for value, text, tip in methods:
            self.background.addItem(text, value)
            self.background.setItemData(self.background.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.background.setCurrentIndex(self.background.findData(chosen))

    @property
    def chosen(self) -> tuple[str, str, str, str]:
        """Dataset, camera, reference and query as they are shown; "" for what is not chosen."""
        dataset, _, camera = (self.place.currentData() or "").partition("/")
        return dataset, camera, self.reference.currentData() or "", self.query.currentData() or ""

    def _on_place(self, index: int) -> None:
        dataset, _, camera = self.place.itemData(index).partition("/")
        names = self._traverses[dataset, camera]
        self.show_pair(dataset, camera, names[0], names[min(1, len(names) - 1)])
        self._ask()

    def _ask(self) -> None:
        if all(self.chosen):
            self.pairRequested.emit(*self.chosen)


class ToolStrip(QWidget):
    """The tools, undo and redo."""

    toolChosen = Signal(str)
    widthChanged = Signal(int)
    aloneChanged = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("truthToolStrip")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        self.tools: dict[ToolName, QToolButton] = {}
        group = QButtonGroup(self)
        for spec in TOOLS:
            button = tool_button(f"tool_{spec.name}", spec.name, f"{spec.tip} ({spec.key})", checkable=True)
            button.setAccessibleName(spec.text)
            button.clicked.connect(lambda checked=False, name=spec.name: self.toolChosen.emit(name))
            group.addButton(button)
            self.tools[spec.name] = button
            line.addWidget(button)
        line.addSpacing(8)
        self.width_label, self.width_box = word("Width"), spin("truthWidth", 1, 999, "Width")
        self.width_box.setToolTip("References that the band, the pencil and the eraser cover")
        self.width_box.valueChanged.connect(self.widthChanged)
        self.alone = tool_button(
            "truthAlone",
            "single",
            "One match a query: drawing takes a query's other matches away; off: revisits get several matches",
            checkable=True,
        )
        self.alone.setChecked(True)
        self.alone.toggled.connect(self.aloneChanged)
        self.undo = tool_button("truthUndo", "undo", "Undo (Ctrl+Z)")
        self.redo = tool_button("truthRedo", "redo", "Redo (Ctrl+Shift+Z)")
        self.fit = tool_button("truthFit", "fit", "Show the whole matrix (F)")
        line.addWidget(self.alone)
        line.addSpacing(8)
        line.addWidget(self.width_label)
        line.addSpacing(2)
        line.addWidget(self.width_box)
        self.note = Elided(" ", "truthNote", "muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addSpacing(8)
        line.addWidget(self.note, 1)
        line.addSpacing(6)
        for widget in (self.undo, self.redo, self.fit):
            line.addWidget(widget)

    def show_tool(self, name: ToolName) -> None:
        """Mark a tool as the chosen one."""
        self.tools[name].setChecked(True)

    def show_editable(self, editable: bool, why: str) -> None:
        """Where nothing can be changed only looking is left; `why` says so."""
        for spec in TOOLS:
            button = self.tools[spec.name]
            button.setEnabled(editable or spec.name == "look")
            button.setToolTip(f"{spec.tip} ({spec.key})" if button.isEnabled() or not why else why)
        for widget in (self.width_box, self.alone):
            widget.setEnabled(editable)


class NoticeStrip(QFrame):
    """A sentence over the matrix with up to three answers; it stays until it is answered."""

    answered = Signal(str)

    def __init__(self, name: str, answers: Sequence[tuple[str, str, str]]) -> None:
        """`answers`: (value, text, tip), the first one is the usual answer."""
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", "notice")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.text = QLabel()
        self.text.setObjectName(f"{name}Text")
        self.text.setWordWrap(True)
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 8, 16, 8)
        line.setSpacing(8)
        line.addWidget(self.text, 1)
        self.buttons: dict[str, QPushButton] = {}
        for value, text, tip in answers:
            button = QPushButton(text)
            button.setObjectName(f"{name}_{value}")
            button.setToolTip(tip)
            button.clicked.connect(lambda checked=False, value=value: self.answered.emit(value))
            if not self.buttons:
                button.setProperty("role", "primary")
            self.buttons[value] = button
            line.addWidget(button)
        self.hide()

    def tell(self, sentence: str, *answers: str) -> None:
        """Show a sentence and only these answers (all, if none is named); "" hides the strip."""
        self.text.setText(sentence)
        for value, button in self.buttons.items():
            button.setVisible(not answers or value in answers)
        self.setVisible(bool(sentence))


class SaveButton(QWidget):
    """Saves, and says whether there is anything to save."""

    saveRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.state = QLabel()
        self.state.setObjectName("truthState")
        self.state.setProperty("role", "muted")
        self.button = QPushButton("Save")
        self.button.setObjectName("truthSave")
        self.button.setToolTip("Write LENS's .npy and the mask and anchors beside it (Ctrl+S)")
        self.button.clicked.connect(self.saveRequested)
        set_icon(self.button, "save")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(10)
        line.addWidget(self.state)
        line.addWidget(self.button)

    def show_state(self, text: str, savable: bool) -> None:
        """What the file's state is, and whether it can be saved now."""
        self.state.setText(text)
        self.button.setEnabled(savable)


def _combo(name: str, label: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    box.setToolTip(tip)
    box.setMinimumHeight(box.fontMetrics().height() + 11)
    box.setMinimumContentsLength(6)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def spin(name: str, low: int, high: int, label: str) -> QSpinBox:
    box = QSpinBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    box.setRange(low, high)
    box.setMinimumHeight(box.fontMetrics().height() + 11)
    return box


def word(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    return label
