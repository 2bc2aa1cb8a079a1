"""The line over the panels of a workspace that was opened read-only."""

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from app.icons import pixmap
from app.theme import Theme


class Banner(QFrame):
    """Says why nothing can be changed, and offers to try again."""

    def __init__(self, again: QAction, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("banner")
        self._icon, self.text = QLabel(), QLabel()
        self.text.setObjectName("bannerText")
        self.text.setWordWrap(True)
        button = QPushButton("Try again")
        button.setObjectName("bannerAgain")
        button.setToolTip(again.toolTip())
        button.clicked.connect(again.trigger)
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 8, 16, 8)
        line.setSpacing(12)
        line.addWidget(self._icon)
        line.addWidget(self.text, 1)
        line.addWidget(button)
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def tell(self, reason: str) -> None:
        """Show why; "" hides the line."""
        self.text.setText(f"Read-only. {reason}" if reason else "")
        self.setVisible(bool(reason))

    def _on_theme(self) -> None:
        self._icon.setPixmap(pixmap("lock", self.palette().windowText().color(), 20))
