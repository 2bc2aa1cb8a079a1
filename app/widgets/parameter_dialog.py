"""A dialog around a parameter model: what will be done, the form, and a button that begins it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.forms import ParameterForm
from app.widgets.editors import TextEditor
from engine.parameters import Parameters

P = TypeVar("P", bound=Parameters)


class ParameterDialog(QDialog, Generic[P]):
    """Not blocking: `confirmed` hands over the checked model, and the dialog closes."""

    confirmed = Signal(object)  # P

    def __init__(
        self,
        parent: QWidget,
        title: str,
        text: str,
        model: type[P],
        *,
        start: str,
        values: Mapping[str, Any] | None = None,
        skip: Sequence[str] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
        also: Callable[[dict[str, Any]], Mapping[str, str]] | None = None,
        command: str = "",
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{model.__name__}Dialog")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = QLabel(text)
        words.setObjectName("dialogText")
        words.setWordWrap(True)
        self.form: ParameterForm[P] = ParameterForm(model, skip=skip, groups=groups, also=also, command=command)
        self.form.set_values(dict(values or {}))
        if model.model_fields.get("name") is not None and model.model_fields["name"].get_default() == "":
            name = self.form.editor("name")
            if isinstance(name, TextEditor):
                name.setPlaceholderText("left empty: named by itself" if "left empty" in (name.toolTip()) else "")
        area = QScrollArea()
        area.setObjectName("dialogArea")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        padded = QVBoxLayout(inner)
        padded.setContentsMargins(0, 0, 8, 0)
        padded.addWidget(self.form)
        area.setWidget(inner)
        self.start = QPushButton(start)
        self.start.setObjectName("dialogStart")
        self.start.setProperty("role", "primary")
        self.start.setDefault(True)
        self.start.clicked.connect(self._on_start)
        cancel = QPushButton("Cancel")
        cancel.setObjectName("dialogCancel")
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(14)
        layout.addWidget(words)
        layout.addWidget(area, 1)
        layout.addLayout(buttons)
        self.form.validityChanged.connect(self.start.setEnabled)
        self.start.setEnabled(self.form.valid)
        wanted = inner.sizeHint().height() + words.sizeHint().height() + 120
        room = parent.window().height() - 60
        self.resize(520, min(max(wanted, 220), max(room, 320)))

    def _on_start(self) -> None:
        parameters = self.form.parameters()
        if parameters is not None:
            self.confirmed.emit(parameters)
            self.accept()
