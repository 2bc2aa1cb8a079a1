"""The line over every panel: its title, a sentence, its controls, and the question mark that opens the guide."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from app.icons import set_icon
from app.widgets.elided import Elided


class PanelHeader(QWidget):
    """Also what stands over the empty room while a panel is built, so that nothing moves when it is there."""

    guideRequested = Signal()

    def __init__(self, title: str, summary: str, guide: bool) -> None:
        super().__init__()
        self.setObjectName("panelHeader")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        words = QLabel(title)
        words.setObjectName("panelTitle")
        words.setProperty("role", "title")
        sentence = Elided(summary, "panelSummary", "muted")
        sentence.setToolTip(summary)
        ask = QToolButton()
        ask.setObjectName("panelHelp")
        ask.setProperty("role", "quiet")
        ask.setToolTip(f"Read the guide on {title}")
        ask.setAccessibleName(ask.toolTip())
        ask.clicked.connect(self.guideRequested)
        if not guide:  # never setVisible(True) before there is a parent: that opens a window
            ask.hide()
        set_icon(ask, "help")
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(24, 14, 16, 14)
        self._line.setSpacing(16)
        self._line.addWidget(words)
        self._line.addWidget(sentence, 1)
        self._line.addWidget(ask)

    def add(self, widget: QWidget) -> None:
        """Put a control left of the question mark."""
        self._line.insertWidget(self._line.count() - 1, widget, 0, Qt.AlignmentFlag.AlignVCenter)
