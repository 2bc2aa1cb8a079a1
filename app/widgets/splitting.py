"""How panels are divided: splitters with a thin line, and pages that scroll."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QWidget


def splitter(name: str, way: Qt.Orientation, *parts: tuple[QWidget, int]) -> QSplitter:
    """A splitter of (part, stretch), each as small as its own minimum at the least."""
    made = QSplitter(way)
    made.setObjectName(name)
    made.setHandleWidth(1)
    made.setChildrenCollapsible(False)
    for number, (widget, stretch) in enumerate(parts):
        made.addWidget(widget)
        made.setStretchFactor(number, stretch)
    return made


def scrolled(widget: QWidget, name: str) -> QScrollArea:
    """A page that scrolls up and down where it is higher than its room."""
    area = QScrollArea()
    area.setObjectName(name)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area
