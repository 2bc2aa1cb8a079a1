"""Help > About: versions, and which compiled loops are active."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.icons import pixmap, set_icon
from app.report import versions


def native_facts() -> dict[str, str]:
    """Which build of the loops runs, and how many of them are compiled."""
    import engine.native

    names = {"avx512": "compiled, AVX-512", "avx2": "compiled, AVX2", "baseline": "compiled", "numpy": "NumPy (not compiled)"}
    loops = {
        name: getattr(engine.native, name)
        for name in dir(engine.native)
        if not name.startswith("_") and name != "variant" and callable(getattr(engine.native, name))
    }
    twins = [name for name, loop in loops.items() if str(getattr(loop, "__module__", "")).startswith("engine.native.twins")]
    running = engine.native.variant()
    facts = {"Native loops": names.get(running, running)}
    if loops:
        facts["Compiled"] = f"{len(loops) - len(twins)} of {len(loops)}"
    return facts


class About(QDialog):
    """Versions as a table that can be copied."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle("About Revisit")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        facts = {**versions(), **native_facts()}
        self.text = "\n".join(f"{name}: {value}" for name, value in facts.items())
        mark = QLabel()
        mark.setPixmap(pixmap("revisit", self.palette().color(QPalette.ColorRole.Accent), 44))
        title = QLabel(f"Revisit {facts['Revisit']}")
        title.setProperty("role", "title")
        words = QLabel("Teaches a robot to recognise places from an event camera. Apache-2.0.")
        words.setProperty("role", "muted")
        words.setWordWrap(True)
        side = QVBoxLayout()
        side.setSpacing(4)
        side.addWidget(title)
        side.addWidget(words)
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(side, 1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        for row, (name, value) in enumerate(facts.items()):
            left = QLabel(name)
            left.setProperty("role", "muted")
            right = QLabel(value)
            right.setObjectName(f"about{row}")
            right.setWordWrap(True)
            right.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(left, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(right, row, 1)
        copy = QPushButton("Copy")
        copy.setObjectName("aboutCopy")
        copy.setToolTip("Copy all versions, for a bug report")
        set_icon(copy, "copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text))
        close = QPushButton("Close")
        close.setObjectName("aboutClose")
        close.setDefault(True)
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addWidget(copy)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 18)
        layout.setSpacing(20)
        layout.addLayout(top)
        layout.addLayout(grid)
        layout.addLayout(buttons)
        self.setMinimumWidth(480)
