"""The reference traverses of a training: one, as a list to choose from, and further ones under it where they are asked for."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.forms import ParameterForm
from app.widgets.play_bar import tool_button
from engine.places.selection import Route, TrainingSelection

Triple = tuple[str, str, str]
"""dataset, camera, traverse"""

_ROUTES: tuple[tuple[Route, str, str], ...] = (
    ("same", "The same route again", "The places are those of the first traverse; each has a look from every traverse"),
    ("after", "One after another", "The places of each traverse follow those of the one before"),
)


class ReferenceList(QWidget):
    """Only shows and asks: the first traverse is the session's, the further ones are kept here."""

    firstChosen = Signal(object)  # Triple
    edited = Signal()  # further traverses, or how they belong together; by the person

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("referenceList")
        self._traverses: list[Triple] = []
        self._further: list[str] = []
        self.avoid = ""  # the traverse that is offered last: the validation query
        self.first = combo("reference", "Reference traverse: the network learns its places")
        self.first.activated.connect(lambda index: self.firstChosen.emit(self.first.itemData(index)))
        self.add = QPushButton("+ Another traverse")
        self.add.setObjectName("referenceAdd")
        self.add.setProperty("compact", "true")
        self.add.clicked.connect(self._on_add)
        self.route = combo("referenceRoute", "How the traverses belong together")
        for route, title, tip in _ROUTES:
            self.route.addItem(title, route)
            self.route.setItemData(self.route.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.route.activated.connect(lambda index: self._on_edited())
        skipped = [name for name in TrainingSelection.model_fields if name != "radius_m"]
        self.radius_form = ParameterForm(TrainingSelection, skip=skipped, part=True)
        self.radius_form.setObjectName("radiusForm")
        self.radius_form.edited.connect(self.edited)
        self.notes = QLabel()
        self.notes.setObjectName("referenceNotes")
        self.notes.setWordWrap(True)
        self.notes.setProperty("role", "muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.first)
        layout.addLayout(self._rows)
        layout.addWidget(self.route)
        layout.addWidget(self.radius_form)
        layout.addWidget(self.notes)
        layout.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        self._show()

    # -- values

    @property
    def further(self) -> tuple[str, ...]:
        """The traverses after the first."""
        return tuple(self._further)

    @property
    def chosen_route(self) -> Route:
        """How they belong together."""
        route: Route = self.route.currentData()
        return route

    @property
    def boxes(self) -> list[QComboBox]:
        """The boxes of the further traverses."""
        return [box for box in self.findChildren(QComboBox) if box.objectName().startswith("furtherReference")]

    def set_traverses(self, traverses: Sequence[Triple]) -> None:
        """What can be chosen."""
        self._traverses = list(traverses)
        now = self.first.currentData()
        self.first.clear()
        several = len({triple[:2] for triple in traverses}) > 1
        for triple in traverses:
            self.first.addItem(" / ".join(triple) if several else triple[2], triple)
            self.first.setItemData(self.first.count() - 1, " / ".join(triple), Qt.ItemDataRole.ToolTipRole)
        self.first.setEnabled(bool(traverses))
        self.choose_first(now)

    def choose_first(self, triple: Triple | None) -> None:
        """Show which one is the first; further ones of another camera go."""
        self.first.setCurrentIndex(next((i for i in range(self.first.count()) if self.first.itemData(i) == triple), -1))
        self._further = [name for name in self._further if name in self._others()]
        self._show()

    def set_further(self, names: Sequence[str], route: Route, radius_m: float | None) -> None:
        """Show a training's choice."""
        self._further = [name for name in names if name in self._others()]
        self.route.setCurrentIndex(self.route.findData(route))
        self.radius_form.set_values({"radius_m": radius_m})
        self._show()

    def show_notes(self, notes: Sequence[str]) -> None:
        """How the places of the further traverses were found."""
        self.notes.setText(" ".join(notes))
        self.notes.setVisible(bool(notes) and bool(self._further))

    # -- inside

    def _others(self) -> list[str]:
        """The traverses of the first one's camera, without it."""
        first = self.first.currentData()
        return [t[2] for t in self._traverses if first is not None and t[:2] == tuple(first)[:2] and t[2] != first[2]]

    def _free(self) -> list[str]:
        return [name for name in self._others() if name not in self._further]

    def _show(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            row = item.widget()
            if row is not None:
                row.hide()
                row.setObjectName("")  # a box that is on its way out is none of ours any more
                for box in row.findChildren(QComboBox):
                    box.setObjectName("")
                row.deleteLater()
        for number, name in enumerate(self._further):
            self._rows.addWidget(self._row(number, name))
        several, free = bool(self._further), self._free()
        self.route.setVisible(several)
        self.radius_form.setVisible(several and self.chosen_route == "same")
        self.notes.setVisible(several and bool(self.notes.text()))
        self.add.setEnabled(bool(free))
        self.add.setToolTip(
            "Also learn from a further traverse: the same route again, or the one that comes after"
            if free
            else "This camera has no further traverse to learn from"
        )

    def _row(self, number: int, chosen: str) -> QWidget:
        row = QWidget()
        box = combo(f"furtherReference{number}", f"Reference traverse {number + 2}")
        for name in self._others():
            if name == chosen or name not in self._further:
                box.addItem(name, name)
        box.setCurrentIndex(box.findData(chosen))
        box.activated.connect(lambda index: self._on_chosen(number, box.itemData(index)))
        remove = tool_button(f"furtherRemove{number}", "close", f"Leave {chosen} out")
        remove.clicked.connect(lambda: self._on_remove(number))
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(box, 1)
        line.addWidget(remove)
        return row

    def _on_add(self) -> None:
        if self._free():
            self._further.append(min(self._free(), key=lambda name: name == self.avoid))
            self._on_edited()

    def _on_chosen(self, number: int, name: str) -> None:
        self._further[number] = name
        self._on_edited()

    def _on_remove(self, number: int) -> None:
        del self._further[number]
        self._on_edited()

    def _on_edited(self) -> None:
        self.notes.setText("")
        self._show()
        self.edited.emit()


def combo(name: str, tip: str) -> QComboBox:
    """A box of a setting as wide as its column."""
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(tip.partition(":")[0])
    box.setToolTip(tip)
    box.setMinimumContentsLength(8)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumHeight(box.fontMetrics().height() + 11)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return box
