"""A parameter model as a form: labels, units, bounds, help and errors all come from the engine's declaration."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Generic, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.icons import set_icon
from app.widgets.editors import Editor, as_json, editor_for
from engine.cli.options import command_line
from engine.parameters import Parameters, problems, unit_of

P = TypeVar("P", bound=Parameters)


class _Row(QWidget):
    """An editor, its reset button, and the engine's sentence under both."""

    def __init__(self, name: str, editor: Editor) -> None:
        super().__init__()
        self.setObjectName(f"{name}Row")
        self.editor = editor
        self.reset = QToolButton()
        self.reset.setObjectName(f"{name}Reset")
        self.reset.setProperty("role", "quiet")
        self.reset.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        set_icon(self.reset, "reset")
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves when a value leaves its default
        self.reset.setSizePolicy(policy)
        self.error = QLabel()
        self.error.setObjectName(f"{name}Error")
        self.error.setProperty("role", "error")
        self.error.setWordWrap(True)
        self.error.hide()
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(editor, 1)
        line.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(line)
        layout.addWidget(self.error)

    def show_error(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        self.editor.setAccessibleDescription(sentence)


class ParameterForm(QWidget, Generic[P]):
    """Edits one parameter model.

    `command`, such as "revisit-cli train", gives "copy as command line"; `skip` names fields that the view sets itself;
    `groups` gives headings, each with its fields in order (fields in no group come first, without a heading). A field that is
    a model itself becomes a form within the form (`part`), under its own heading. `also` is what the engine has to say
    about values beyond the model (a name that is taken): sentences by field, "" for what concerns several.
    """

    edited = Signal()  # by the person; not by set_values or set_parameters
    validityChanged = Signal(bool)

    def __init__(
        self,
        model: type[P],
        *,
        skip: Sequence[str] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
        command: str = "",
        part: bool = False,
        also: Callable[[dict[str, Any]], Mapping[str, str]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{model.__name__}Form")
        self._model, self._command, self._also = model, command, also
        self._kept: dict[str, Any] = {name: field.get_default() for name, field in model.model_fields.items()}
        self._rows: dict[str, _Row] = {}
        self._parts: dict[str, ParameterForm[Any]] = {}
        self._valid = True
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        shown = [name for name in model.model_fields if name not in skip]
        grouped = {name for names in (groups or {}).values() for name in names}
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(7)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        layout.addLayout(form)
        self._add_group(form, "", [name for name in shown if name not in grouped])
        for title, names in (groups or {}).items():
            self._add_group(form, title, [name for name in names if name in shown])
        self._general = QLabel()
        self._general.setObjectName("formError")
        self._general.setProperty("role", "error")
        self._general.setWordWrap(True)
        self._general.hide()
        layout.addWidget(self._general)
        self._make_buttons()
        if part:
            self.copy.hide()
            self.reset_all.hide()
        else:
            footer = QHBoxLayout()
            footer.addStretch(1)
            footer.addWidget(self.copy)
            footer.addWidget(self.reset_all)
            layout.addLayout(footer)
            layout.addStretch(1)
        self.set_values(dict(self._kept))

    def values(self) -> dict[str, Any]:
        """What the form holds, unchecked; skipped fields keep what was set last."""
        parts = {name: part.values() for name, part in self._parts.items()}
        return {**self._kept, **parts, **{name: row.editor.value() for name, row in self._rows.items()}}

    def parameters(self) -> P | None:
        """The checked model; None where a value is wrong, which the form then shows beside it."""
        return self._model(**self.values()) if self.check() else None

    def set_parameters(self, parameters: P) -> None:
        """Show a model's values."""
        self.set_values({name: getattr(parameters, name) for name in self._model.model_fields})

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show these values; fields that are not named keep theirs."""
        for name in self._model.model_fields:
            if name in values:
                self._kept[name] = values[name]
                if name in self._rows:
                    self._rows[name].editor.set_value(values[name])
                elif name in self._parts:
                    value = values[name]
                    self._parts[name].set_values(dict(value) if isinstance(value, Parameters) else value)
        self.check()

    def reset(self, name: str | None = None) -> None:
        """Give a field, or all shown ones, their defaults back."""
        for field in [name] if name is not None else list(self._rows):
            self._rows[field].editor.set_value(self._model.model_fields[field].get_default())
        if name is None:
            for part in self._parts.values():
                part.reset()
        self._on_edited()

    def check(self) -> bool:
        """Ask the engine; its sentences are shown beside the fields that they are about."""
        found = problems(self._model, self.values())
        if not found and self._also is not None:
            found = dict(self._also(self.values()))
        for name in list(found):
            # A rule over several fields begins with the field that it is mostly about.
            first = found[name].split(" ", 1)[0]
            if name not in self._rows and first in self._rows and first not in found:
                found[first] = found.pop(name)
        for name, row in self._rows.items():
            row.show_error(found.get(name, ""))
            row.reset.setVisible(not self._is_default(name))
        told = {name for name, part in self._parts.items() if not part.check()}
        general = " ".join(sentence for name, sentence in found.items() if name not in self._rows and name not in told)
        self._general.setText(general)
        self._general.setVisible(bool(general))
        if self._valid != (not found):
            self._valid = not found
            self.validityChanged.emit(self._valid)
        self.copy.setEnabled(self._valid)
        return self._valid

    @property
    def valid(self) -> bool:
        """Whether the engine accepts what the form holds."""
        return self._valid

    def command_line(self) -> str:
        """The same from a shell: the command with every value that is not the default; "" where a value is wrong."""
        parameters = self.parameters()
        return "" if parameters is None else command_line(self._command, parameters)

    def editor(self, name: str) -> Editor:
        """The editor of a field."""
        return self._rows[name].editor

    def _add_group(self, form: QFormLayout, title: str, names: Sequence[str]) -> None:
        if title and names:
            heading = QLabel(title)
            heading.setProperty("role", "heading")
            heading.setContentsMargins(0, 10 if form.rowCount() else 0, 0, 2)
            form.addRow(heading)
        for name in names:
            kind = self._model.model_fields[name].annotation
            if isinstance(kind, type) and issubclass(kind, Parameters):
                self._add_part(form, name, kind)
            else:
                form.addRow(*self._row(name))

    def _add_part(self, form: QFormLayout, name: str, kind: type[Parameters]) -> None:
        part = ParameterForm(kind, part=True)
        part.setObjectName(name)
        part.edited.connect(self._on_edited)
        self._parts[name] = part
        heading = QLabel(label_of(name))
        heading.setProperty("role", "heading")
        heading.setToolTip(self._model.model_fields[name].description or "")
        heading.setContentsMargins(0, 10 if form.rowCount() else 0, 0, 2)
        form.addRow(heading)
        form.addRow(part)

    def _row(self, name: str) -> tuple[QLabel, _Row]:
        field, unit = self._model.model_fields[name], unit_of(self._model, name)
        editor = editor_for(field.annotation, unit, field.metadata, name)
        editor.setObjectName(name)
        help_text = self._help(name)
        editor.setToolTip(help_text)
        editor.setAccessibleName(label_of(name, unit))
        row = _Row(name, editor)
        row.reset.setToolTip(f"Back to the default ({_shown(field.get_default())})")
        row.reset.setAccessibleName(f"Reset {label_of(name, unit)}")
        row.reset.clicked.connect(lambda: self.reset(name))
        editor.edited.connect(self._on_edited)
        label = QLabel(label_of(name, unit))
        label.setToolTip(help_text)
        label.setBuddy(editor)
        label.setMinimumHeight(editor.sizeHint().height())
        self._rows[name] = row
        return label, row

    def _make_buttons(self) -> None:
        self.reset_all = self._button("resetAll", "reset", "Reset all", "Give all values their defaults back")
        self.reset_all.clicked.connect(lambda: self.reset())
        self.copy = self._button("copyCommand", "copy", "Copy as command line", "The same from a shell")
        self.copy.clicked.connect(self._on_copy)
        if not self._command:
            self.copy.hide()

    def _button(self, name: str, icon: str, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(f" {text}")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setObjectName(name)
        button.setProperty("role", "quiet")
        button.setToolTip(tip)
        button.setAccessibleName(text)
        set_icon(button, icon)
        return button

    def _help(self, name: str) -> str:
        field, unit = self._model.model_fields[name], unit_of(self._model, name)
        facts = [part for part in (_bounds(field.metadata, unit), f"default {_shown(field.get_default())}") if part]
        return f"<p><b>{escape(name)}</b></p><p>{escape(field.description or '')}</p><p><i>{escape('; '.join(facts))}</i></p>"

    def _is_default(self, name: str) -> bool:
        default, value = self._model.model_fields[name].get_default(), self._rows[name].editor.value()
        return value in (default, str(default)) or as_json(value) == as_json(default)

    def _on_edited(self) -> None:
        self.check()
        self.edited.emit()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.command_line())


_SPELT = {"gt": "GT", "roi": "ROI", "tensorboard": "TensorBoard", "wandb": "Weights and Biases"}


def label_of(name: str, unit: str = "") -> str:
    """A field's name for people: "window_ms" in ms becomes "Window"."""
    words = name.split("_")
    tail = {"°": "deg", "µs": "us", "pixels": "px", "m/s": "m_s"}.get(unit, unit).lower().split("_")
    if unit and len(words) > len(tail) and words[-len(tail) :] == tail:
        words = words[: -len(tail)]
    text = " ".join(_SPELT.get(word, word) for word in words)
    return text[:1].upper() + text[1:]


def _shown(value: Any) -> str:
    if value is None:
        return "left out"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return str(value) if value != "" else "empty"


def _bounds(metadata: Sequence[Any], unit: str) -> str:
    low = next((f"from {b.ge}" if isinstance(b, Ge) else f"above {b.gt}" for b in metadata if isinstance(b, Ge | Gt)), "")
    high = next((f"to {b.le}" if isinstance(b, Le) else f"below {b.lt}" for b in metadata if isinstance(b, Le | Lt)), "")
    return " ".join(part for part in (low, high, unit) if part) if low or high else (f"in {unit}" if unit else "")
