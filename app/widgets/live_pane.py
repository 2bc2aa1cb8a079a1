"""The live picture, a strip with its tools and what the source does, and a card on it where there is nothing to see."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import pixmap
from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.event_image import EventImage, Tool
from app.widgets.play_bar import tool_button

PICTURES = (("polarity", "ON and OFF"), ("count", "Counts"), ("time_surface", "Time surface"))
POLARITIES = (("both", "Both"), ("on", "ON only"), ("off", "OFF only"))
_TOOLS: tuple[tuple[Tool, str, str], ...] = (
    ("look", "look", "Look around: drag to move, wheel to zoom, double click to fit"),
    ("region", "region", "Region: drag a new one, drag its edges or its middle"),
    ("hot", "hot_pixel", "Hot pixels: click a pixel to add or remove it"),
)


_WIDEST, _AROUND = 330, 24


class LivePane(QWidget):
    """Picture, tools and card; the view's layout places `strip` over all pictures."""

    viewChanged = Signal()  # which picture, which polarity
    actionRequested = Signal(str)  # the card's button

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("livePane")
        self.setMinimumWidth(226)
        self._theme = theme
        self.picture = EventImage(theme, "livePicture")
        self.tools: dict[str, QWidget] = {}
        group = QButtonGroup(self)
        self.title = Elided("Live picture", "liveTitle", "heading")
        self.strip = QWidget()
        strip = QHBoxLayout(self.strip)
        strip.setContentsMargins(0, 0, 0, 0)
        strip.setSpacing(2)
        for tool, icon, tip in _TOOLS:
            button = tool_button(f"tool_{tool}", icon, tip, checkable=True)
            button.setChecked(tool == "look")
            button.clicked.connect(lambda checked=False, tool=tool: self.picture.set_tool(tool))
            group.addButton(button)
            self.tools[tool] = button
            strip.addWidget(button)
        strip.addSpacing(6)
        self.shown = _choice("pictureKind", PICTURES, "Picture", "What the picture shows")
        self.polarity = _choice("polarity", POLARITIES, "Polarity", "Which events are shown and binned")
        for box in (self.shown, self.polarity):
            box.activated.connect(lambda index: self.viewChanged.emit())
            strip.addWidget(box)
            strip.addSpacing(4)
        self.fit = tool_button("fit", "fit", "Show the whole sensor (F)")
        self.fit.clicked.connect(self.picture.fit)
        strip.addWidget(self.fit)
        self.note = Elided(" ", "liveNote", "muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        strip.addSpacing(10)
        strip.addWidget(self.note, 1)
        self.card = _Card(theme)
        self.card.button.clicked.connect(lambda: self.actionRequested.emit(self.card.action))
        stack = QGridLayout()
        stack.setContentsMargins(0, 0, 0, 0)
        stack.addWidget(self.picture, 0, 0)
        stack.addWidget(self.card, 0, 0, Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addLayout(stack, 1)

    def set_tool(self, tool: Tool) -> None:
        """Choose a tool."""
        self.tools[tool].setChecked(True)  # type: ignore[attr-defined]
        self.picture.set_tool(tool)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The card fits on the picture."""
        super().resizeEvent(event)
        self.card.fit_in(self.picture.width())

    def tell(self, sentence: str) -> None:
        """What the source does, in the strip."""
        self.note.say(sentence or " ")


class _Card(QFrame):
    """A sentence in the middle of the picture, and what can be done."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("liveCard")
        self._theme = theme
        self._icon_name = "capture"
        self.action = ""
        self._icon = QLabel()
        self.text = QLabel()
        self.text.setObjectName("liveCardText")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton()
        self.button.setObjectName("liveCardButton")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.text)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.fit_in(206)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def show_message(self, icon: str, sentence: str, button: str = "", action: str = "") -> None:
        """Show it; "" as a sentence takes it away."""
        self.action = action
        self._icon_name = icon
        self.text.setText(_breakable(sentence))
        self.setAccessibleDescription(sentence)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.setVisible(bool(sentence))
        self._on_theme()
        self.fit_in(self.width() + _AROUND)

    def fit_in(self, width: int) -> None:
        """Take what room a picture of this width has, and as many lines as the sentence needs."""
        own = max(min(width - _AROUND, _WIDEST), 120)
        margins = self.layout().contentsMargins()  # type: ignore[union-attr]
        self.setFixedWidth(own)
        self.text.setFixedHeight(max(self.text.heightForWidth(own - margins.left() - margins.right()), 0))

    def _on_theme(self) -> None:
        colours = self._theme.colours
        colour = QColor(colours.error if self._icon_name == "warning" else colours.accent)
        self._icon.setPixmap(pixmap(self._icon_name, colour, 30))


def _breakable(sentence: str) -> str:
    """Long paths may be broken after each of their folders."""
    return sentence.replace("/", "/\u200b").replace("_", "_\u200b")


def _choice(name: str, entries: tuple[tuple[str, str], ...], label: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    box.setToolTip(tip)
    for value, text in entries:
        box.addItem(text, value)
    return box
