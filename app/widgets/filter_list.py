"""The event filters of a running source: each on or off, its parameters, and the share of events that it removes."""

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.forms import ParameterForm
from engine.parameters import Parameters


class FilterRow(QWidget):
    """One filter."""

    edited = Signal()

    def __init__(self, kind: str, text: str, model: type[Parameters] | None) -> None:
        super().__init__()
        self.setObjectName(f"filter_{kind}")
        self.switch = QCheckBox(kind.replace("_", " ").capitalize())
        self.switch.setObjectName(f"filter_{kind}_on")
        self.switch.setToolTip(text)
        self.share = QLabel()
        self.share.setObjectName(f"filter_{kind}_share")
        self.share.setProperty("role", "muted")
        self.share.setToolTip("Share of the events that reach this filter which it removes")
        self.share.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        note = QLabel(text)
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        self.form: ParameterForm[Any] | None = None
        head = QHBoxLayout()
        head.addWidget(self.switch, 1)
        head.addWidget(self.share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(7)
        layout.addLayout(head)
        layout.addWidget(note)
        self.switch.clicked.connect(self._on_switched)
        if model is not None:
            self.form = ParameterForm(model, skip=("kind",), part=True)
            self.form.setObjectName(f"filter_{kind}_form")
            self.form.hide()
            self.form.edited.connect(self.edited)
            layout.addWidget(self.form)

    @property
    def on(self) -> bool:
        """Whether the filter is on."""
        return self.switch.isChecked()

    def show_filter(self, on: bool, parameters: Parameters | None) -> None:
        """Show whether it is on, and its parameters."""
        self.switch.setChecked(on)
        if self.form is not None and parameters is not None:
            self.form.set_parameters(parameters)
        self._show_form()

    def show_share(self, share: float | None) -> None:
        """The share removed, 0 to 1; None while there is nothing to say."""
        text = "" if share is None or not self.switch.isChecked() else f"removes {100 * share:.1f} %"
        if text != self.share.text():
            self.share.setText(text)

    def _on_switched(self) -> None:
        self._show_form()
        self.edited.emit()

    def _show_form(self) -> None:
        if self.form is not None:
            self.form.setVisible(self.switch.isChecked())
        if not self.switch.isChecked():
            self.share.clear()


class FilterList(QWidget):
    """The filters of a model with a switch `<kind>_on` and, where it has any, parameters `<kind>` a filter, in their order."""

    edited = Signal()

    def __init__(self, model: type[Parameters]) -> None:
        super().__init__()
        self.setObjectName("filterList")
        self._model = model
        self.rows: dict[str, FilterRow] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(12)
        for name, field in model.model_fields.items():
            if not name.endswith("_on"):
                continue
            kind = name.removesuffix("_on")
            part = model.model_fields.get(kind)
            if self.rows:
                rule = QFrame()
                rule.setObjectName("rule")
                rule.setFixedHeight(1)
                layout.addWidget(rule)
            settings = part.annotation if part is not None else None
            known = settings if isinstance(settings, type) and issubclass(settings, Parameters) else None
            row = FilterRow(kind, field.description or "", known)
            row.edited.connect(self.edited)
            self.rows[kind] = row
            layout.addWidget(row)
        layout.addStretch(1)

    def values(self) -> dict[str, Any]:
        """The model's fields as they are shown, unchecked."""
        values: dict[str, Any] = {}
        for kind, row in self.rows.items():
            values[f"{kind}_on"] = row.on
            if row.form is not None:
                values[kind] = row.form.values()
        return values

    def show_filters(self, parameters: Parameters) -> None:
        """Show the model's values."""
        for kind, row in self.rows.items():
            row.show_filter(getattr(parameters, f"{kind}_on"), getattr(parameters, kind, None))

    @property
    def valid(self) -> bool:
        """Whether the engine accepts what is shown."""
        return all(row.form is None or row.form.valid for row in self.rows.values())

    def show_shares(self, shares: dict[str, float]) -> None:
        """The share that each removes."""
        for kind, row in self.rows.items():
            row.show_share(shares.get(kind))
