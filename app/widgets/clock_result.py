"""What the estimate of a clock offset has found: a sentence, the curve that was searched, and a button that sets it."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.theme import Theme
from app.widgets.curves import drawable
from app.widgets.live_plots import Plot
from engine.places.clock import OffsetEstimate


class ClockPlot(Plot):
    """Distance of frames that look alike over the offset, with the present and the new one marked."""

    def __init__(self, theme: Theme) -> None:
        title = "Distance of frames that look alike (m), over the offset"
        super().__init__(theme, title, "clockPlot", lambda value: f"{value:g} s", lambda value: f"{value:g}")
        self._curve = pg.PlotCurveItem(connect="finite", skipFiniteCheck=False)
        self._present, self._found = (pg.InfiniteLine(angle=90) for _ in range(2))
        for item in (self._curve, self._present, self._found):
            self.box.addItem(item)
        self.paint_lines()

    def show_estimate(self, found: OffsetEstimate) -> None:
        """Draw it."""
        offsets, costs = drawable(found.offsets_s, found.costs_m)
        self._curve.setData(offsets, costs)
        self._present.setValue(found.present_s)
        self._found.setValue(found.offset_s)
        low, high = float(found.offsets_s[0]), float(found.offsets_s[-1])
        self.box.setXRange(low, high, padding=0.02)
        self.box.setYRange(0, float(np.nanmax(costs)) if len(costs) else 1.0, padding=0.05)

    def paint_lines(self) -> None:
        """The theme's colours: the curve, the present offset dashed, the new one full."""
        if hasattr(self, "_found"):
            colours = self.theme.colours
            self._curve.setPen(pg.mkPen(colours.accent, width=1))
            self._present.setPen(pg.mkPen(QColor(colours.muted), width=1, style=Qt.PenStyle.DashLine))
            self._found.setPen(pg.mkPen(QColor(colours.good), width=1))


class ClockResult(QDialog):
    """Shows an estimate; `accepted` asks to set it."""

    setRequested = Signal()

    def __init__(self, parent: QWidget, theme: Theme, found: OffsetEstimate) -> None:
        super().__init__(parent)
        self.setObjectName("clockResult")
        self.setWindowTitle("Clock offset")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = QLabel(found.text)
        words.setObjectName("clockText")
        words.setWordWrap(True)
        plot = ClockPlot(theme)
        plot.setMinimumHeight(220)
        plot.show_estimate(found)
        note = QLabel("Dashed: the present offset. Green: the one that was found.")
        note.setProperty("role", "muted")
        take = QPushButton(f"Set {found.offset_s:.2f} s")
        take.setObjectName("clockSet")
        take.setToolTip("Correct the clock of the log of poses by this offset")
        take.clicked.connect(self._on_set)
        leave = QPushButton("Leave it")
        leave.setObjectName("clockLeave")
        leave.clicked.connect(self.reject)
        (take if found.better else leave).setDefault(True)
        take.setProperty("role", "primary" if found.better else "")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(leave)
        buttons.addWidget(take)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(words)
        layout.addWidget(plot, 1)
        layout.addWidget(note)
        layout.addLayout(buttons)
        self.resize(560, 420)

    def _on_set(self) -> None:
        self.setRequested.emit()
        self.accept()
