"""What lies in the workspace's trash, and a button that brings it back."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from engine.places.trash import TrashEntry


class TrashDialog(QDialog):
    """A list, the newest first."""

    restoreRequested = Signal(object)  # TrashEntry

    def __init__(self, parent: QWidget, entries: Sequence[TrashEntry]) -> None:
        super().__init__(parent)
        self.setObjectName("trashDialog")
        self.setWindowTitle("Trash")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = QLabel(
            "What was deleted can be brought back. To free the disk, delete the workspace's folder .trash."
            if entries
            else "The trash is empty."
        )
        words.setObjectName("trashText")
        words.setWordWrap(True)
        self.list = QListWidget()
        self.list.setObjectName("trashList")
        self.list.setAccessibleName("What is in the trash")
        for entry in entries:
            day, _, clock = entry.when.partition("_")
            item = QListWidgetItem(f"{entry.what}\n{day} {clock.replace('-', ':')[:8]}, {len(entry.paths)} files and folders")
            item.setToolTip("\n".join(entry.paths))
            item.setData(Qt.ItemDataRole.UserRole, entry)
            self.list.addItem(item)
        self.restore = QPushButton("Restore")
        self.restore.setObjectName("trashRestore")
        self.restore.setProperty("role", "primary")
        self.restore.setToolTip("Move it back to where it was")
        self.restore.clicked.connect(self._on_restore)
        close = QPushButton("Close")
        close.setObjectName("trashClose")
        close.clicked.connect(self.reject)
        self.list.itemSelectionChanged.connect(lambda: self.restore.setEnabled(bool(self.list.selectedItems())))
        self.list.itemDoubleClicked.connect(lambda item: self._on_restore())
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.restore)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(words)
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)
        self.resize(460, 340)
        if entries:
            self.list.setCurrentRow(0)
        self.restore.setEnabled(bool(entries))

    def _on_restore(self) -> None:
        chosen = self.list.selectedItems()
        if chosen:
            self.restoreRequested.emit(chosen[0].data(Qt.ItemDataRole.UserRole))
            self.accept()
