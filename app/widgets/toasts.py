"""Notices that do not block: small cards over the lower right corner, which move nothing under them."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.icons import set_icon
from app.report import Fault

_INFO_MS = 8000
_MOST = 4
_WIDTH = 400
_GAP = 12


class Toast(QFrame):
    """One notice: information goes by itself, warnings and errors stay until they are closed."""

    def __init__(self, fault: Fault, parent: QWidget, act: tuple[str, Callable[[], object]] | None = None) -> None:
        super().__init__(parent)
        self.fault = fault
        self.setObjectName("toast")
        self.setProperty("level", fault.level)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(fault.sentence)
        words = QLabel(fault.sentence)
        words.setObjectName("toastText")
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton()
        close.setObjectName("toastClose")
        close.setProperty("role", "quiet")
        close.setToolTip("Close this notice")
        close.setAccessibleName("Close this notice")
        set_icon(close, "close")
        close.clicked.connect(self.dismiss)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(words, 1)
        top.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 10, 12)
        layout.setSpacing(10)
        layout.addLayout(top)
        buttons = QHBoxLayout()
        if act is not None:
            buttons.addWidget(self._button("toastAct", act[0], act[1]))
        if fault.report:
            buttons.addWidget(self._button("toastCopy", "Copy report", self._on_copy))
        if buttons.count():
            buttons.addStretch(1)
            layout.addLayout(buttons)
        if fault.level == "info":
            QTimer.singleShot(_INFO_MS, self, self.dismiss)

    def dismiss(self) -> None:
        """Take it away."""
        self.hide()
        self.deleteLater()

    def _button(self, name: str, text: str, run: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.clicked.connect(lambda: run())
        return button

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.fault.report)


class Toasts(QObject):
    """Stacks notices over the lower right corner of a widget, the newest lowest."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("toasts")
        self._over = over
        self._shown: list[Toast] = []
        over.installEventFilter(self)

    @property
    def shown(self) -> tuple[Toast, ...]:
        """The notices on the screen, oldest first."""
        return tuple(self._shown)

    def show(self, fault: Fault, act: tuple[str, Callable[[], object]] | None = None) -> None:
        """Show a notice, with a button beside it if `act` names one; the same sentence is not shown twice."""
        if any(toast.fault.sentence == fault.sentence for toast in self._shown):
            return
        toast = Toast(fault, self._over, act)
        toast.installEventFilter(self)
        self._shown.append(toast)
        toast.show()
        for old in self._shown[:-_MOST]:
            old.dismiss()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size and the size of the text, and close the gap that a notice leaves."""
        grown = event.type() == QEvent.Type.LayoutRequest and watched in self._shown
        if grown or (watched is self._over and event.type() == QEvent.Type.Resize):
            self._place()
        elif event.type() == QEvent.Type.Hide and isinstance(watched, Toast) and watched in self._shown and watched.isHidden():
            self._shown.remove(watched)
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        bottom = self._over.height() - _GAP
        width = min(_WIDTH, self._over.width() - 2 * _GAP)
        for toast in reversed(self._shown):
            toast.setFixedWidth(width)
            height = toast.heightForWidth(width)
            toast.setGeometry(self._over.width() - width - _GAP, bottom - height, width, height)
            toast.raise_()
            bottom -= height + _GAP
