"""What a sweep varies, as a table: a row a parameter; under a choice that is varied, its values to tick."""

from collections.abc import Iterator, Mapping
from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from engine.networks.library import NetworkKind
from engine.training.kinds import KINDS, SweepRange
from engine.training.sweep_space import SweepChoice, Value, Varied, shown, variables

_VALUE_ROLE = Qt.ItemDataRole.UserRole
_OTHER = "other numbers…"
_CHECKED, _UNCHECKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked


class _TypeSome(QStyledItemDelegate):
    """An editor only where something can be typed; a box is clicked everywhere."""

    def __init__(self, table: "VariedTable") -> None:
        super().__init__(table)
        self._table = table

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QWidget:
        """As usual, or none, which Qt allows though its stubs do not say so."""
        return super().createEditor(parent, option, index) if self._table.can_type(index) else cast(QWidget, None)


class VariedTable(QTreeWidget):
    """Numbers with a range and whether it is logarithmic; choices with their values, which show once the choice is ticked."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sweepVaried")
        self.setRootIsDecorated(False)
        self.setIndentation(22)
        self.setHeaderLabels(["Vary", "From", "To", "Log"])
        self.setToolTip("Tick what is varied; double click a number to change it")
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        header = self.header()
        header.setObjectName("sweepVariedHeader")
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 64), (2, 56), (3, 46)):
            header.resizeSection(column, width)
        self.setMinimumHeight(230)
        self.setItemDelegate(_TypeSome(self))
        self.itemChanged.connect(self._on_changed)
        self.kind: NetworkKind | None = None
        self._offered: dict[str, tuple[Value, ...]] = {}
        self.frozen = self._only_varied = False

    def show_kind(self, kind: NetworkKind) -> None:
        """Offer what can be varied of a kind, its usual ranges ticked."""
        if kind == self.kind:
            return
        self.kind = kind
        self.blockSignals(True)
        self.clear()
        for name, variable in variables(kind).items():
            usual = variable.usual
            numbers = [f"{usual.low:g}", f"{usual.high:g}"] if isinstance(usual, SweepRange) else []
            item = QTreeWidgetItem([name, *numbers])
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setToolTip(0, f"{name}: {variable.text}")
            self.addTopLevelItem(item)
            if isinstance(usual, SweepRange):
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setCheckState(3, _CHECKED if usual.log else _UNCHECKED)
            else:
                item.setFirstColumnSpanned(True)
                _fill(item, self._offered.get(name, usual.values), variable.several)
            self._tick(item, name in KINDS[kind].sweeps)
        self._show_frozen()
        self.blockSignals(False)

    def offer(self, name: str, values: tuple[Value, ...]) -> None:
        """Other values of a choice than the usual ones: those that the data at hand allows."""
        if self._offered.get(name) == values:
            return
        self._offered[name] = values
        for item in self._rows():
            if item.text(0) == name and not self.frozen:
                blocked = self.blockSignals(True)
                item.takeChildren()
                _fill(item, values, True)
                self._tick(item, item.checkState(0) is _CHECKED)
                self.blockSignals(blocked)

    def varied(self) -> dict[str, Varied | str]:
        """What is ticked; a sentence in place of a range whose numbers are none."""
        found: dict[str, Varied | str] = {}
        for item in self._rows():
            if item.checkState(0) is not _CHECKED:
                continue
            name = item.text(0)
            if item.childCount():
                values = (child for child in _children(item) if child.checkState(0) is _CHECKED)
                found[name] = SweepChoice(tuple(child.data(0, _VALUE_ROLE) for child in values))
                continue
            try:
                low, high = float(item.text(1)), float(item.text(2))
                found[name] = SweepRange(low, high, item.checkState(3) is _CHECKED)
            except ValueError:
                found[name] = f"The range of {name} should be two numbers, but is {item.text(1)!r} to {item.text(2)!r}."
        return found

    def show_varied(self, varied: Mapping[str, Varied]) -> None:
        """Show a study's own."""
        self.blockSignals(True)
        for item in self._rows():
            over = varied.get(item.text(0))
            self._tick(item, over is not None)
            if isinstance(over, SweepRange):
                item.setText(1, f"{over.low:g}")
                item.setText(2, f"{over.high:g}")
                item.setCheckState(3, _CHECKED if over.log else _UNCHECKED)
            elif over is not None:
                known = [child.data(0, _VALUE_ROLE) for child in _children(item)]
                for value in over.values:
                    if value not in known:
                        _add_value(item, value)
                for child in _children(item):
                    if _is_value(child):
                        child.setCheckState(0, _CHECKED if child.data(0, _VALUE_ROLE) in over.values else _UNCHECKED)
        self._show_frozen()
        self.blockSignals(False)

    def freeze(self, frozen: bool, only_varied: bool) -> None:
        """Whether nothing can be altered, and whether what is not varied is hidden; it can be scrolled all the same."""
        self.frozen, self._only_varied = frozen, only_varied
        self._show_frozen()

    def can_type(self, index: QModelIndex | QPersistentModelIndex) -> bool:
        """Only the numbers of a range, and another set of numbers under those that are offered."""
        if index.parent().isValid():
            return index.data(_VALUE_ROLE) is None
        return index.column() in (1, 2)

    def _rows(self) -> Iterator[QTreeWidgetItem]:
        for row in range(self.topLevelItemCount()):
            item = self.topLevelItem(row)
            assert item is not None
            yield item

    def _show_frozen(self) -> None:
        blocked = self.blockSignals(True)
        for item in self._rows():
            for part in (item, *_children(item)):
                part.setDisabled(self.frozen)
                part.setHidden(self._only_varied and part.checkState(0) is not _CHECKED)
        self.blockSignals(blocked)

    def _tick(self, item: QTreeWidgetItem, on: bool) -> None:
        item.setCheckState(0, _CHECKED if on else _UNCHECKED)
        if item.childCount():
            item.setExpanded(on)
            for child in _children(item):
                child.setFirstColumnSpanned(True)

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        self.blockSignals(True)
        if item.childCount():
            self._tick(item, item.checkState(0) is _CHECKED)
        elif self.indexOfTopLevelItem(item) < 0 and not _is_value(item):
            typed, parent = " ".join(item.text(0).replace(",", " ").split()), item.parent()
            item.setText(0, _OTHER)
            if typed and typed != _OTHER and typed not in [child.data(0, _VALUE_ROLE) for child in _children(parent)]:
                _add_value(parent, typed)
                self._tick(parent, True)
        self.blockSignals(False)
        self.edited.emit()


def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    return [item.child(at) for at in range(item.childCount())]


def _is_value(item: QTreeWidgetItem) -> bool:
    return item.data(0, _VALUE_ROLE) is not None


def _fill(parent: QTreeWidgetItem, values: tuple[Value, ...], several: bool) -> None:
    """The values of a choice; of one that has several numbers a place to type others, too."""
    for value in values:
        _add_value(parent, value)
    if several:
        _add_other(parent, shown(values[-1]))


def _add_value(parent: QTreeWidgetItem, value: Value) -> None:
    """A value to tick, before the place where another one is typed."""
    child = QTreeWidgetItem([shown(value)])
    child.setFlags(child.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    child.setData(0, _VALUE_ROLE, value)
    child.setCheckState(0, _CHECKED)
    child.setToolTip(0, parent.toolTip(0))
    last = parent.child(parent.childCount() - 1) if parent.childCount() else None
    parent.insertChild(parent.childCount() - (last is not None and not _is_value(last)), child)


def _add_other(parent: QTreeWidgetItem, example: str) -> None:
    child = QTreeWidgetItem([_OTHER])
    child.setFlags((child.flags() | Qt.ItemFlag.ItemIsEditable) & ~Qt.ItemFlag.ItemIsUserCheckable)
    child.setToolTip(0, f"Double click and type other numbers, such as {example}")
    parent.addChild(child)
