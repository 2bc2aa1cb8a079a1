"""Demo mode: the whole screen for what the camera sees, what the network remembers, and where it is."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QFont, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.icons import pixmap
from app.theme import Theme
from app.widgets.event_image import EventImage
from app.widgets.history_view import HistoryView
from app.widgets.place_display import PlaceDisplay
from app.widgets.route_map import RouteMap
from app.widgets.session_panel import energy_text
from engine.frames.thumbnails import brightest
from engine.live import Answer, LiveModel, LiveTotals


class DemoScreen(QWidget):
    """A window of its own over everything; Esc, F11 or a double click leaves it."""

    left = Signal()

    def __init__(self, theme: Theme, owner: QWidget) -> None:
        super().__init__(owner, Qt.WindowType.Window)
        self.setObjectName("demoScreen")
        self.setWindowTitle("Revisit: demo mode")
        self._theme = theme
        self._model: LiveModel | None = None
        self.logo = QLabel()
        self.brand = _label("Revisit", "demoBrand")
        self.told = _label("", "demoTold", "muted")
        self.told.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.now_title = _label("What the camera sees now", "demoNowTitle")
        self.match_title = _label("What the network remembers", "demoMatchTitle")
        self.now, self.match = EventImage(theme, "demoNow"), EventImage(theme, "demoMatch")
        self.events = EventImage(theme, "demoEvents")
        self.place = PlaceDisplay(theme, "demoPlace", tall=True)
        self.place.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.history = HistoryView(theme, "demoHistory")
        self.history.show_profile(False)
        self.map = RouteMap(theme, "demoMap", "")
        self.figures = _label("", "demoFigures", "muted")
        self.hint = _label("Esc leaves", "demoHint", "muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._assemble()
        theme.changed.connect(self._on_theme)
        self._on_theme()

    # -- what is shown

    def show_model(self, model: LiveModel, target: str) -> None:
        """Get ready for a network."""
        self._model = model
        self.told.setText(f"{model.runner.kind} network · {model.places} places · {target}")
        self.place.show_nothing("Looking around…")
        self.history.set_places(model.places)
        self.map.setVisible(model.positions is not None)
        if model.positions is not None:
            self.map.set_routes({model.reference_name: model.positions})

    def show_events(self, picture: NDArray[np.uint8], lookup: str, top: int) -> None:
        """The running events."""
        self.events.show_indices(picture, "polarity" if lookup == "polarity" else "counts", top)

    def show_match(self, frame: NDArray[np.uint8]) -> None:
        """The picture of the best match."""
        self.match.show_indices(frame, "counts", brightest(frame))

    def add(self, answer: Answer, truth: tuple[int, int] | None) -> None:
        """One more window."""
        self.history.add(answer.spikes.counts, answer.place, answer.lost, truth)

    def show_answer(self, answer: Answer) -> None:
        """The newest window."""
        if answer.frame.any():
            self.now.show_indices(answer.frame, "counts", brightest(answer.frame))
        self.place.show_place(answer.place, answer.confidence, answer.lost, self._model.places if self._model else None)
        self.match_title.setText(
            "What it looks most like" if answer.lost else f"What the network remembers: place {answer.place}"
        )
        if self._model is not None:
            self.map.mark(self._model.reference_name, answer.place, "match")

    def show_figures(self, totals: LiveTotals, right: float | None) -> None:
        """One line of figures."""
        told = []
        if totals.latency_ms_p50 is not None:
            told.append(f"answers {totals.latency_ms_p50:.1f} ms behind the camera")
        if right is not None:
            told.append(f"{100 * right:.0f} % right")
        if totals.energy_uj_per_place is not None:
            label = "measured" if totals.energy_measured else "estimated"
            told.append(f"{energy_text(totals.energy_uj_per_place)} a place ({label})")
        self.figures.setText("   ·   ".join(told))

    # -- leaving

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc and F11 leave."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F11):
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click leaves."""
        self.left.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closed by the desktop: the same as leaving."""
        super().closeEvent(event)
        self.left.emit()

    # -- looks

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Everything grows with the screen."""
        super().resizeEvent(event)
        self._scale()

    def _assemble(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(14)
        top.addWidget(self.logo)
        top.addWidget(self.brand)
        top.addWidget(self.told, 1)
        self._pictures = QGridLayout()
        self._pictures.setVerticalSpacing(8)
        for column, (title, picture) in enumerate(((self.now_title, self.now), (self.match_title, self.match))):
            self._pictures.addWidget(title, 0, column)
            self._pictures.addWidget(picture, 1, column)
            self._pictures.setColumnStretch(column, 1)
        self._pictures.setRowStretch(1, 1)
        side = QVBoxLayout()
        side.addWidget(self.place, 3)
        side.addWidget(self.map, 2)
        self._side = QWidget()
        self._side.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        self._upper = QHBoxLayout()
        self._upper.addLayout(self._pictures, 1)
        self._upper.addWidget(self._side)
        self._lower = QHBoxLayout()
        self._lower.addWidget(self.events)
        self._lower.addWidget(self.history, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.figures, 1)
        foot.addWidget(self.hint)
        self._whole = QVBoxLayout(self)
        self._whole.addLayout(top)
        self._whole.addLayout(self._upper, 1)
        self._whole.addLayout(self._lower)
        self._whole.addLayout(foot)

    def _scale(self) -> None:
        unit = max(min(self.width() / 64, self.height() / 40), 10.0)  # 27 px on a full HD screen
        self._whole.setContentsMargins(round(1.6 * unit), round(0.9 * unit), round(1.6 * unit), round(0.7 * unit))
        self._whole.setSpacing(round(0.7 * unit))
        for layout in (self._pictures, self._upper, self._lower):
            layout.setSpacing(round(0.9 * unit))
        self._pictures.setVerticalSpacing(round(0.25 * unit))
        self._side.setFixedWidth(round(13 * unit))
        strip = round(6.6 * unit)
        self.history.setFixedHeight(strip)
        self.events.setFixedSize(round(1.25 * strip), strip)
        for label, size, weight in (
            (self.brand, 1.05, QFont.Weight.DemiBold),
            (self.told, 0.62, QFont.Weight.Normal),
            (self.now_title, 0.72, QFont.Weight.Medium),
            (self.match_title, 0.72, QFont.Weight.Medium),
            (self.figures, 0.6, QFont.Weight.Normal),
            (self.hint, 0.6, QFont.Weight.Normal),
        ):
            font = QFont(self.font())
            font.setPixelSize(round(size * unit))
            font.setWeight(weight)
            label.setFont(font)
        self.logo.setPixmap(pixmap("revisit", self.palette().highlight().color(), round(1.4 * unit)))

    def _on_theme(self) -> None:
        self._scale()


def _label(words: str, name: str, role: str = "") -> QLabel:
    label = QLabel(words)
    label.setObjectName(name)
    if role:
        label.setProperty("role", role)
    return label
