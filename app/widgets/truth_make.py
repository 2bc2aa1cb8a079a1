"""The tab "Make": the ways to make a ground truth, each with its parameters; the result is a proposal."""

from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QLabel, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.forms import ParameterForm
from app.icons import set_icon
from app.widgets.editors import NumberBox
from engine.parameters import Parameters
from engine.places.truth.alignment import AlignTruthParameters
from engine.places.truth.imported import ImportTruthParameters
from engine.places.truth.jobs import MakeParameters
from engine.places.truth.make import AnchorsTruthParameters, IdentityTruthParameters, PosesTruthParameters

WAYS: tuple[tuple[str, str, type[MakeParameters], str, tuple[str, ...]], ...] = (
    ("poses", "From poses", PosesTruthParameters, "Frames that were taken near each other match (GPS or odometry).", ()),
    (
        "anchors",
        "From anchors",
        AnchorsTruthParameters,
        "Straight lines between the pairs of frames that you set with the tool Anchor.",
        ("anchors",),
    ),
    ("identity", "By numbers", IdentityTruthParameters, "Frames of equal number match, or in proportion.", ()),
    (
        "align",
        "By alignment",
        AlignTruthParameters,
        "The most similar way along the reference, by dynamic time warping on the background's similarity.",
        ("method",),
    ),
    ("import", "From a file", ImportTruthParameters, "A .npy file of 0 and 1, of either orientation.", ("method",)),
)


class _Pages(QStackedWidget):
    """As high as the page that is seen, in the width that there is."""

    def sizeHint(self) -> QSize:
        """Of the page that is seen."""
        page = self.currentWidget()
        return QSize() if page is None else QSize(page.sizeHint().width(), self._height(page.sizeHint().height()))

    def minimumSizeHint(self) -> QSize:
        """Of the page that is seen."""
        page = self.currentWidget()
        return QSize() if page is None else QSize(page.minimumSizeHint().width(), self._height(page.minimumSizeHint().height()))

    def hasHeightForWidth(self) -> bool:
        """No: Qt would take the highest of all pages."""
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Sentences break elsewhere."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def _height(self, usual: int) -> int:
        page = self.currentWidget()
        return page.heightForWidth(self.width()) if page is not None and page.hasHeightForWidth() else usual


class TruthMake(QWidget):
    """Only asks; the view starts the job and shows what it proposes."""

    makeRequested = Signal(str)  # the way
    copyRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("truthMake")
        self._editable, self._busy = False, False
        self.way = QComboBox()
        self.way.setObjectName("truthWay")
        self.way.setAccessibleName("Way")
        self.way.setToolTip("How the ground truth is made")
        self.way.setMinimumHeight(self.way.fontMetrics().height() + 11)
        self.pages = _Pages()
        self.forms: dict[str, ParameterForm[Parameters]] = {}
        self.anchors = QLabel()
        self.anchors.setObjectName("truthAnchorCount")
        self.anchors.setWordWrap(True)
        for name, title, model, text, skip in WAYS:
            self.way.addItem(title, name)
            form: ParameterForm[Parameters] = ParameterForm(model, skip=skip, part=True)
            form.setObjectName(f"truthForm_{name}")
            if name == "poses":
                heading = form.editor("heading_deg")
                if isinstance(heading, NumberBox):
                    heading.lineEdit().setPlaceholderText("any direction")
            form.validityChanged.connect(lambda valid: self._show_button())
            self.forms[name] = form
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(8)
            note = QLabel(text)
            note.setProperty("role", "muted")
            note.setWordWrap(True)
            column.addWidget(note)
            if name == "anchors":
                column.addWidget(self.anchors)
            column.addWidget(form)
            column.addStretch(1)
            self.pages.addWidget(page)
        self.keep = QCheckBox("Leave confirmed queries as they are")
        self.keep.setObjectName("truthKeep")
        self.keep.setToolTip("What a person has confirmed is not replaced by the proposal")
        self.keep.setChecked(True)
        self.make = QPushButton("Propose")
        self.make.setObjectName("truthPropose")
        self.make.setProperty("role", "primary")
        self.make.setToolTip("Make a proposal and show it in orange; nothing is replaced until you use it")
        self.make.clicked.connect(self._on_make)
        set_icon(self.make, "ground_truth")
        self.copy = QPushButton("Copy as command line")
        self.copy.setObjectName("truthCopyCommand")
        self.copy.setToolTip("The same from a shell")
        self.copy.clicked.connect(self.copyRequested)
        set_icon(self.copy, "copy")
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(10)
        layout.addWidget(self.way)
        layout.addWidget(self.pages)
        layout.addWidget(self.keep)
        layout.addWidget(self.make)
        layout.addWidget(self.copy)
        layout.addStretch(1)
        area = QScrollArea()
        area.setObjectName("truthMakeArea")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        self.way.currentIndexChanged.connect(self._on_way)
        self._anchors: tuple[tuple[int, int], ...] = ()
        self.show_anchors(())
        self._on_way(0)

    def show_anchors(self, anchors: tuple[tuple[int, int], ...]) -> None:
        """The anchors that are set."""
        self._anchors = anchors
        count = len(anchors)
        if count < 2:
            text = "No anchor is set." if not count else "One anchor is set."
            text += " Set at least two: choose the tool Anchor (A) and click cells whose frames show one place."
        else:
            text = f"{count} anchors are set, from query {anchors[0][1]} to query {anchors[-1][1]}."
        self.anchors.setText(text)
        self._show_button()

    def show_state(self, editable: bool, busy: bool) -> None:
        """Whether a proposal could be used, and whether one is being made."""
        self._editable, self._busy = editable, busy
        self.make.setText(" Working…" if busy else " Propose")
        self._show_button()

    def choose(self, name: str) -> None:
        """Show a way."""
        self.way.setCurrentIndex(self.way.findData(name))

    def parameters(self, method: str, base: Path | None) -> MakeParameters | None:
        """What is asked for; None where a value is wrong. Relative paths are of the folder `base`."""
        name = self.way.currentData()
        form = self.forms[name]
        given = form.parameters()
        if given is None:
            return None
        if isinstance(given, AnchorsTruthParameters):
            return given.model_copy(update={"anchors": self._anchors})
        if isinstance(given, AlignTruthParameters):
            return given.model_copy(update={"method": method})
        if isinstance(given, ImportTruthParameters):
            path = given.file.expanduser() if given.file is not None else None
            return given.model_copy(update={"method": method, "file": path if base is None or path is None else base / path})
        return given if isinstance(given, PosesTruthParameters | IdentityTruthParameters) else None

    def _on_way(self, index: int) -> None:
        self.pages.setCurrentIndex(index)
        self.pages.updateGeometry()
        self._show_button()

    def _on_make(self) -> None:
        self.makeRequested.emit(self.way.currentData())

    def _show_button(self) -> None:
        name = self.way.currentData()
        ready = name != "anchors" or len(self._anchors) >= 2
        self.make.setEnabled(self._editable and not self._busy and ready and self.forms[name].valid)
        self.copy.setEnabled(ready and self.forms[name].valid)
