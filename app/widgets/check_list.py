"""The pre-flight list: each point with how it stands, a sentence, and a button that mends it where one can."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.chip_cores import ChipCores
from engine.live.preflight import Check, Level

_WORDS: dict[Level, str] = {"good": "good", "doubtful": "doubtful", "bad": "bad", "unknown": "not known yet"}


class Lamp(QWidget):
    """A round light: green, amber, red, or only a ring. Its shape tells too: full, half, a bar, a ring."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.level: Level = "unknown"
        self.setFixedSize(16, 18)
        theme.changed.connect(self.update)

    def show_level(self, level: Level) -> None:
        """Light it."""
        self.level = level
        self.setToolTip(_WORDS[level].capitalize())
        self.setAccessibleName(_WORDS[level])
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A disc in the level's colour, told apart without colour by its cut."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = self._theme.colours
        name = {"good": colours.good, "doubtful": colours.warning, "bad": colours.error, "unknown": colours.muted}[self.level]
        colour = QColor(name)
        painter.setPen(colour)
        ring = self.rect().adjusted(2, 3, -3, -4)
        painter.setBrush(Qt.BrushStyle.NoBrush if self.level in ("unknown", "doubtful") else colour)
        painter.drawEllipse(ring)
        if self.level == "doubtful":
            painter.setBrush(colour)
            painter.drawPie(ring, 90 * 16, 180 * 16)
        elif self.level == "bad":
            painter.fillRect(ring.center().x() - 3, ring.center().y(), 7, 2, QColor(colours.window))


class _Row(QWidget):
    """One point."""

    mendRequested = Signal(str)

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        key = name.replace(" ", "")
        self.setObjectName(f"check{key}")
        self.mend = ""
        self.lamp = Lamp(theme)
        self.lamp.setObjectName(f"check{key}Lamp")
        title = QLabel(name)
        title.setProperty("role", "heading")
        self.text = QLabel()
        self.text.setObjectName(f"check{key}Text")
        self.text.setWordWrap(True)
        self.button = QPushButton()
        self.button.setObjectName(f"check{key}Mend")
        self.button.setProperty("compact", True)
        self.button.clicked.connect(lambda: self.mendRequested.emit(self.mend))
        head = QHBoxLayout()
        head.setSpacing(7)
        head.addWidget(self.lamp)
        head.addWidget(title, 1)
        head.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(self.text)
        self._theme, self._layout = theme, layout
        self.cores: ChipCores | None = None

    def show_check(self, check: Check) -> None:
        """Show how it stands."""
        self.mend = check.mend
        self.lamp.show_level(check.level)
        if self.text.text() != check.sentence:
            self.text.setText(check.sentence)
        self.button.setText(check.mend_text)
        self.button.setToolTip(check.mend_text)
        self.button.setVisible(bool(check.mend))
        drawn = check.chip is not None and bool(check.chip.layers)
        if drawn and self.cores is None:
            self.cores = ChipCores(self._theme)
            self._layout.addSpacing(4)
            self._layout.addWidget(self.cores)
        if self.cores is not None:
            self.cores.show_check(check.chip)
            self.cores.setVisible(drawn)


class CheckList(QWidget):
    """The points in their order."""

    mendRequested = Signal(str)  # engine.live.preflight.Mend

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("checkList")
        self._theme = theme
        self._rows: dict[str, _Row] = {}
        self.checks: tuple[Check, ...] = ()
        self._empty = QLabel("Choose a network to see what a run needs.")
        self._empty.setObjectName("checkEmpty")
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 14, 16, 14)
        self._layout.setSpacing(14)
        self._layout.addWidget(self._empty)
        self._layout.addStretch(1)

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Show the list; points keep their place while it changes."""
        if tuple(checks) == self.checks:
            return
        self.checks = tuple(checks)
        self._empty.setVisible(not checks)
        for place, check in enumerate(checks, start=1):  # after the word for an empty list
            if check.name not in self._rows:
                row = _Row(self._theme, check.name)
                row.mendRequested.connect(self.mendRequested)
                self._rows[check.name] = row
            if self._layout.indexOf(self._rows[check.name]) != place:
                self._layout.insertWidget(place, self._rows[check.name])
            self._rows[check.name].show_check(check)
        named = {check.name for check in checks}
        for name, row in self._rows.items():
            row.setVisible(name in named)

    @property
    def worst(self) -> Level:
        """The worst level of the list."""
        order: tuple[Level, ...] = ("bad", "doubtful", "unknown", "good")
        return next((level for level in order if any(check.level == level for check in self.checks)), "good")
