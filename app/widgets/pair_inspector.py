"""A query large, with the place that was chosen and the place that is true beside it, and a step to the next query."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.frame_view import FrameView
from app.widgets.play_bar import tool_button


class PairInspector(QWidget):
    """Shows frames and only asks for others: `queryRequested` names a query, `wrongRequested` the way to the next wrong one."""

    queryRequested = Signal(int)
    wrongRequested = Signal(int)  # +1 or -1

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("pairInspector")
        self.setMinimumWidth(170)
        self.number = QSpinBox()
        self.number.setObjectName("inspectorQuery")
        self.number.setAccessibleName("Query")
        self.number.setToolTip("The query that is shown, counted from 0")
        self.number.setKeyboardTracking(False)
        self.number.setMinimumHeight(self.number.fontMetrics().height() + 11)
        self.number.valueChanged.connect(self._on_number)
        self.previous = tool_button("inspectorPrevious", "previous_wrong", "To the last wrong match before this one (Shift+N)")
        self.next = tool_button("inspectorNext", "next_wrong", "To the next wrong match (N)")
        self.previous.clicked.connect(lambda: self.wrongRequested.emit(-1))
        self.next.clicked.connect(lambda: self.wrongRequested.emit(1))
        self.words = QLabel(" ")
        self.words.setObjectName("inspectorWords")
        self.words.setWordWrap(True)
        self.words.setMinimumHeight(2 * self.words.fontMetrics().lineSpacing())
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.query = FrameView(theme, "inspectorQueryFrame", "No query is chosen")
        self.match = FrameView(theme, "inspectorMatchFrame", " ")
        self.true = FrameView(theme, "inspectorTrueFrame", " ")
        for view in (self.query, self.match, self.true):
            view.setMinimumHeight(70)
        line = QHBoxLayout()
        line.setSpacing(4)
        label = QLabel("Query")
        label.setProperty("role", "heading")
        line.addWidget(label)
        line.addWidget(self.number, 1)
        line.addWidget(self.previous)
        line.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(line)
        layout.addWidget(self.words)
        layout.addWidget(self.query, 1)
        layout.addWidget(self.match, 1)
        layout.addWidget(self.true, 1)
        self.show_range(0)

    def show_range(self, queries: int) -> None:
        """How many queries there are."""
        self.number.blockSignals(True)
        self.number.setRange(0, max(0, queries - 1))
        self.number.blockSignals(False)
        for widget in (self.number, self.previous, self.next):
            widget.setEnabled(queries > 0)

    def show_query(self, query: int, words: str, role: str) -> None:
        """Which query it is, and what to say of its match."""
        self.number.blockSignals(True)
        self.number.setValue(query)
        self.number.blockSignals(False)
        self.words.setText(words)
        if self.words.property("role") != role:
            self.words.setProperty("role", role)
            self.words.style().unpolish(self.words)
            self.words.style().polish(self.words)

    def clear(self) -> None:
        """Nothing is shown."""
        self.show_range(0)
        self.show_query(0, " ", "")
        for view in (self.query, self.match, self.true):
            view.show_frame(None)

    def _on_number(self, value: int) -> None:
        self.queryRequested.emit(value)
