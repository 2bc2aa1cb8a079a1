"""A dock with a title that suits the theme: a name and a button that closes it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QLabel, QMainWindow, QToolButton, QWidget

from app.icons import set_icon


class Dock(QDockWidget):
    """Can be moved, floated by a double click on its title, and closed."""

    def __init__(self, name: str, title: str, content: QWidget, window: QMainWindow) -> None:
        super().__init__(title, window)
        self.setObjectName(name)
        self.setWidget(content)
        bar = QFrame()
        bar.setObjectName("dockTitle")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        words = QLabel(title)
        words.setProperty("role", "heading")
        close = QToolButton()
        close.setObjectName(f"{name}Close")
        close.setProperty("role", "quiet")
        close.setToolTip(f"Close {title}")
        close.setAccessibleName(close.toolTip())
        set_icon(close, "close")
        close.clicked.connect(self.close)
        line = QHBoxLayout(bar)
        line.setContentsMargins(14, 5, 8, 5)
        line.addWidget(words, 1)
        line.addWidget(close)
        self.setTitleBarWidget(bar)
