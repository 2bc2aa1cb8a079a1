"""The command palette: every command by a few of its letters."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QIcon, QKeyEvent, QPixmap
from PySide6.QtWidgets import QFrame, QLineEdit, QMenu, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

_ROWS = 12


@dataclass(frozen=True)
class Choice:
    """One line of the palette."""

    text: str
    run: Callable[[], object]
    detail: str = ""  # the menu that it is in
    shortcut: str = ""
    icon: QIcon | None = None


def score(query: str, text: str) -> float | None:
    """How well the letters of `query` are found in order in `text`; None where they are not.

    Beginnings of words and runs of letters count more, letters left over between count less.
    """
    wanted, words = query.lower().replace(" ", ""), text.lower()
    if not wanted:
        return 0.0
    best: float | None = None
    start = words.find(wanted[0])
    while start >= 0:
        total, place, previous = 0.0, start, -2
        for letter in wanted:
            place = words.find(letter, place)
            if place < 0:
                break
            first = place == 0 or not words[place - 1].isalnum()
            total += 3.0 if first else 2.0 if place == previous + 1 else 0.5
            previous, place = place, place + 1
        else:
            total -= 0.05 * (previous - start) + 0.01 * len(words)
            best = total if best is None else max(best, total)
        start = words.find(wanted[0], start + 1)
    return best


def menu_choices(menus: Mapping[str, QMenu], skip: Container[str] = ()) -> list[Choice]:
    """Every action of these menus that can be used now."""
    found = []
    for name, menu in menus.items():
        prefix = f"{name}: " if isinstance(menu.parent(), QMenu) else ""  # "Light" alone says too little
        for action in menu.actions() if name not in skip else ():
            if action.isEnabled() and not action.isSeparator() and action.menu() is None:
                text, keys = prefix + action.text().rstrip("…"), action.shortcut().toString()
                found.append(Choice(text, action.trigger, name, keys, action.icon()))
    return found


class CommandPalette(QFrame):
    """A search line over a list, in the middle of the window's top; Escape or a click beside it closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self._window = parent
        self._choices: Sequence[Choice] = ()
        empty = QPixmap(16, 16)
        empty.fill(Qt.GlobalColor.transparent)
        self._blank = QIcon(empty)  # so that all names begin in one line
        self.line = QLineEdit()
        self.line.setObjectName("paletteLine")
        self.line.setPlaceholderText("Type a few letters of a command")
        self.line.setClearButtonEnabled(True)
        self.list = QTreeWidget()
        self.list.setObjectName("paletteList")
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(8)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda item: self._run(item))

    def open(self, choices: Sequence[Choice]) -> None:
        """Show these commands and take the keyboard."""
        self._choices = choices
        self.line.clear()
        self._fill("")
        window = self._window
        width = min(620, window.width() - 80)
        self.setFixedWidth(width)
        self.move(window.mapToGlobal(QPoint((window.width() - width) // 2, 60)))
        self.show()
        self.line.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up, down and Enter in the search line work on the list."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -8, Qt.Key.Key_PageDown: 8}.get(Qt.Key(event.key()))
            if step is not None and self.list.topLevelItemCount():
                row = self.list.currentIndex().row() + step
                row = max(0, min(row, self.list.topLevelItemCount() - 1))
                self.list.setCurrentIndex(self.list.model().index(row, 0))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _fill(self, query: str) -> None:
        self.list.clear()
        found = []
        for number, choice in enumerate(self._choices):
            points = score(query, choice.text)
            if points is None and " " in query.strip():
                points = score(query, f"{choice.detail} {choice.text}")
            if points is not None:
                found.append((-points, number, choice))
        found.sort(key=lambda entry: entry[:2])
        worst = found[0][0] / 3 if found else 0.0  # letters scattered over a name are noise beside a good match
        for _, number, choice in [entry for entry in found if entry[0] <= worst]:
            item = QTreeWidgetItem([f"{choice.text}", choice.shortcut or choice.detail])
            item.setData(0, Qt.ItemDataRole.UserRole, number)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setForeground(1, self.palette().placeholderText())
            item.setIcon(0, choice.icon if choice.icon is not None and not choice.icon.isNull() else self._blank)
            self.list.addTopLevelItem(item)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, self.list.header().ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, self.list.header().ResizeMode.ResizeToContents)
        rows = self.list.topLevelItemCount()
        if rows:
            self.list.setCurrentIndex(self.list.model().index(0, 0))
        height = self.list.sizeHintForRow(0) if rows else 0
        self.list.setFixedHeight(min(max(rows, 1), _ROWS) * max(height, self.fontMetrics().height() + 12))
        self.adjustSize()

    def _run(self, item: QTreeWidgetItem | None) -> None:
        if item is None:
            return
        self.hide()
        self._choices[int(item.data(0, Qt.ItemDataRole.UserRole))].run()
