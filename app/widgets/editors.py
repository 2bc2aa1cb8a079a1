"""One small editor a type of parameter. What was typed goes to the engine as it is: its sentence is what people read."""

import json
import math
import types
import typing
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.icons import set_icon

UNSET = "automatic"  # shown where an optional value is left out


class NumberBox(QAbstractSpinBox):
    """A number of any size, with its unit behind it.

    Unlike Qt's own boxes it keeps what was typed when it is out of bounds (so that the engine can say so, and nothing is changed
    unasked), takes 1e-4 and 64-bit seeds, and is empty where the value is left out. The arrows stay within the bounds.
    """

    edited = Signal()

    def __init__(self, kind: type, unit: str = "", bounds: Sequence[Any] = (), optional: bool = False) -> None:
        super().__init__()
        self._kind, self._suffix, self._optional = kind, f" {unit}" if unit else "", optional
        tiny = 1 if kind is int else 1e-9
        self._low, self._high = -math.inf, math.inf
        for bound in bounds:
            if isinstance(bound, Ge | Gt):
                self._low = float(bound.ge) if isinstance(bound, Ge) else float(bound.gt) + tiny  # type: ignore[arg-type]
            elif isinstance(bound, Le | Lt):
                self._high = float(bound.le) if isinstance(bound, Le) else float(bound.lt) - tiny  # type: ignore[arg-type]
        self.lineEdit().setPlaceholderText(UNSET if optional else "")
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("0000000000") + 40)
        self.setMinimumHeight(_height(self))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().textEdited.connect(lambda text: self.edited.emit())
        self.editingFinished.connect(self._tidy)

    def value(self) -> Any:
        """The number; the text itself where it is none; None where it is left out."""
        text = self._bare()
        if not text and self._optional:
            return None
        return _read(text, self._kind)

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self.lineEdit().setText("" if value is None else _number_text(value) + self._suffix)

    def stepBy(self, steps: int) -> None:
        """An arrow: one tenth of the value's magnitude, at least one for whole numbers, within the bounds."""
        value = self.value()
        if not isinstance(value, int | float):
            value = 0 if math.isinf(self._low) else self._low
            steps = 0 if value == self._low else steps
        magnitude = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else (1.0 if self._kind is int else 0.1)
        step = max(1, int(magnitude)) if self._kind is int else magnitude
        new = value + steps * step
        if self._kind is int:
            new = int(max(min(new, self._high), self._low))
        else:
            new = max(min(round(new / step) * step, self._high), self._low)
            new = float(f"{new:.10g}")
        self.set_value(new)
        self.selectAll()
        self.edited.emit()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        """Which arrows still lead somewhere."""
        value, flag = self.value(), QAbstractSpinBox.StepEnabledFlag
        if not isinstance(value, int | float):
            return flag.StepUpEnabled | flag.StepDownEnabled
        up = flag.StepUpEnabled if value < self._high else flag.StepNone
        return up | (flag.StepDownEnabled if value > self._low else flag.StepNone)

    def validate(self, text: str, position: int) -> object:
        """Everything may be typed; the engine judges it."""
        return QValidator.State.Acceptable, text, position

    def clear(self) -> None:
        """Leave the value out."""
        self.lineEdit().clear()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select the number without its unit."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.lineEdit().setSelection(0, len(self._bare()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turning the wheel over a form scrolls it; only a box in focus changes."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _bare(self) -> str:
        text = self.lineEdit().text().strip()
        return text.removesuffix(self._suffix.strip()).strip() if self._suffix else text

    def _tidy(self) -> None:
        value = self.value()
        if isinstance(value, int | float):
            self.set_value(value)


class TextEditor(QLineEdit):
    """A text; left out where it is empty and may be."""

    edited = Signal()

    def __init__(self, optional: bool = False) -> None:
        super().__init__()
        self._optional = optional
        self.setMinimumHeight(_height(self))
        self.setPlaceholderText(UNSET if optional else "")
        self.textEdited.connect(lambda text: self.edited.emit())

    def value(self) -> Any:
        """The text."""
        return None if self._optional and not self.text() else self.text()

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self.setText("" if value is None else str(value))
        self.setCursorPosition(0)


class JsonEditor(TextEditor):
    """A value of any other shape, as JSON or as plain text."""

    def value(self) -> Any:
        """What the text means in JSON; the text itself where it is none."""
        text = self.text().strip()
        if self._optional and not text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return text

    def set_value(self, value: Any) -> None:
        """Show a value."""
        text = as_json(value)
        plain = json.loads(text)  # a date and the like are words in JSON, and are shown without its quotes
        super().set_value(None if value is None else plain if isinstance(plain, str) else text)


class ListEditor(TextEditor):
    """Any number of values, parted by commas or blanks."""

    def __init__(self, kind: type, optional: bool = False) -> None:
        super().__init__(optional)
        self._kind = kind

    def value(self) -> Any:
        """The parts; one that is no number stays as it was typed."""
        parts = self.text().replace(",", " ").split()
        return None if self._optional and not parts else tuple(_read(part, self._kind) for part in parts)

    def set_value(self, value: Any) -> None:
        """Show a value."""
        super().set_value(None if value is None else ", ".join(_number_text(part) for part in value))


class SwitchEditor(QCheckBox):
    """On or off."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.clicked.connect(lambda on: self.edited.emit())

    def value(self) -> Any:
        """Whether it is on."""
        return self.isChecked()

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self.setChecked(bool(value))


class ChoiceEditor(QComboBox):
    """One of a few values."""

    edited = Signal()

    def __init__(self, choices: Sequence[Any], optional: bool = False) -> None:
        super().__init__()
        if optional:
            self.addItem(UNSET, None)
        for choice in choices:
            self.addItem(str(choice.value if isinstance(choice, Enum) else choice).replace("_", " "), choice)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(6)
        self.setMinimumHeight(_height(self))
        self.activated.connect(lambda index: self.edited.emit())

    def value(self) -> Any:
        """The chosen value."""
        return self.currentData()

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self.setCurrentIndex(next((i for i in range(self.count()) if self.itemData(i) == value), 0))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turning the wheel over a form scrolls it; only a box in focus changes."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class PathEditor(QWidget):
    """A file or a folder, typed or chosen."""

    edited = Signal()

    def __init__(self, folder: bool, optional: bool = False) -> None:
        super().__init__()
        self._folder, self._optional = folder, optional
        self.line = TextEditor(optional)
        self.line.setObjectName("pathText")
        self.browse = QToolButton()
        self.browse.setObjectName("browse")
        self.browse.setProperty("role", "quiet")
        self.browse.setToolTip("Choose a folder" if folder else "Choose a file")
        self.browse.setAccessibleName(self.browse.toolTip())
        set_icon(self.browse, "folder")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.browse)
        self.setFocusProxy(self.line)
        self.line.edited.connect(self.edited)
        self.browse.clicked.connect(self._on_browse)

    def value(self) -> Any:
        """The path."""
        text = self.line.text().strip()
        return None if self._optional and not text else Path(text)

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self.line.set_value(value)

    def _on_browse(self) -> None:
        start = self.line.text()
        if self._folder:
            chosen = QFileDialog.getExistingDirectory(self, "Choose a folder", start)
        else:
            chosen = QFileDialog.getOpenFileName(self, "Choose a file", start)[0]
        if chosen:
            self.line.set_value(chosen)
            self.edited.emit()


class TupleEditor(QWidget):
    """A few values side by side; all empty means left out where that may be."""

    edited = Signal()

    def __init__(self, parts: Sequence["Editor"], unit: str = "", optional: bool = False) -> None:
        super().__init__()
        self._parts, self._optional = list(parts), optional
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for number, part in enumerate(self._parts):
            part.setObjectName(f"part{number}")
            if isinstance(part, NumberBox):
                part.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
                part.setMinimumWidth(part.fontMetrics().horizontalAdvance("0000") + 16)
                part.lineEdit().setPlaceholderText("–" if optional else "")
            layout.addWidget(part, 1)
            part.edited.connect(self.edited)
        if unit:
            label = QLabel(unit)
            label.setProperty("role", "muted")
            layout.addWidget(label)
        self.setFocusProxy(self._parts[0])

    def value(self) -> Any:
        """The values as a tuple."""
        values = tuple(part.value() for part in self._parts)
        return None if self._optional and all(value in (None, "") for value in values) else values

    def set_value(self, value: Any) -> None:
        """Show a value."""
        for number, part in enumerate(self._parts):
            part.set_value(None if value is None else value[number])


Editor = NumberBox | TextEditor | SwitchEditor | ChoiceEditor | PathEditor | TupleEditor


def editor_for(annotation: Any, unit: str = "", bounds: Sequence[Any] = (), name: str = "", optional: bool = False) -> Editor:
    """The editor for a field of this type."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return editor_for(arguments[0], unit, (*bounds, *arguments[1:]), name, optional)
    if origin in (typing.Union, types.UnionType):
        rest = [part for part in arguments if part is not type(None)]
        optional = optional or len(rest) < len(arguments)
        return editor_for(rest[0], unit, bounds, name, optional) if len(rest) == 1 else JsonEditor(optional)
    if origin is Literal:
        return ChoiceEditor(arguments, optional)
    if annotation is bool:
        return ChoiceEditor((True, False), optional) if optional else SwitchEditor()
    if annotation in (int, float):
        return NumberBox(annotation, unit, bounds, optional)
    if annotation is str:
        return TextEditor(optional)
    if annotation is Path:
        return PathEditor(name.endswith(("dir", "folder")), optional)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ChoiceEditor(list(annotation), optional)
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return TupleEditor([editor_for(part, optional=optional) for part in arguments], unit, optional)
    if origin is tuple and arguments and arguments[0] in (int, float, str):
        return ListEditor(arguments[0], optional)
    return JsonEditor(optional)


def as_json(value: Any) -> str:
    """A value of any shape as JSON; models inside it as their fields."""
    return json.dumps(value, default=lambda part: part.model_dump(mode="json") if isinstance(part, BaseModel) else str(part))


def _height(widget: QWidget) -> int:
    return widget.fontMetrics().height() + 11  # one height for all editors, whatever Fusion gives each


def _read(text: str, kind: type) -> Any:
    """The number that a text means; the text itself where it means none."""
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text


def _number_text(value: Any) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
