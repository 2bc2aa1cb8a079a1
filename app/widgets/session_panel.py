"""A live run in figures: while it runs, and as it ended, with the way to its session."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.widgets.region_panel import heading
from app.widgets.status import count
from engine.live import LiveTotals

_ROWS = (
    ("time", "Events' time"),
    ("places", "Places"),
    ("lost", "Lost"),
    ("right", "Right"),
    ("skipped", "Windows skipped"),
    ("events", "Events"),
    ("missed", "Events missed"),
    ("latency", "Latency p50, p95"),
    ("synops", "SynOps a place"),
    ("energy", "Energy a place"),
    ("behind", "Subscribers behind"),
)


class SessionPanel(QWidget):
    """Figures in rows."""

    evaluateRequested = Signal(object)  # Path
    folderRequested = Signal(object)  # Path
    saveRequested = Signal()  # the network with the places that were remembered

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sessionPanel")
        self.folder: Path | None = None
        self.title = heading("This run")
        self.state = QLabel("No run yet.")
        self.state.setObjectName("sessionState")
        self.state.setWordWrap(True)
        self.state.setProperty("role", "muted")
        self._values: dict[str, QLabel] = {}
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(5)
        for key, text in _ROWS:
            value = QLabel("–")
            value.setObjectName(f"session_{key}")
            name = QLabel(text)
            name.setProperty("role", "muted")
            rows.addRow(name, value)
            self._values[key] = value
        self.evaluate = QPushButton("Open in Evaluation")
        self.evaluate.setObjectName("sessionEvaluate")
        self.evaluate.setProperty("role", "primary")
        self.evaluate.setToolTip("Look through the session's matrix and places in the Evaluation panel")
        self.evaluate.clicked.connect(lambda: self.evaluateRequested.emit(self.folder))
        self.open = QPushButton("Show its folder")
        self.open.setObjectName("sessionFolder")
        self.open.setToolTip("Show the session's files in the file manager")
        self.open.clicked.connect(lambda: self.folderRequested.emit(self.folder))
        self.save = QPushButton()
        self.save.setObjectName("sessionSave")
        self.save.setToolTip("Write the network with the places that were remembered, under a new name")
        self.save.clicked.connect(self.saveRequested)
        self.save.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(10)
        layout.addWidget(self.title)
        layout.addWidget(self.state)
        layout.addLayout(rows)
        layout.addWidget(self.save)
        layout.addWidget(self.evaluate)
        layout.addWidget(self.open)
        layout.addStretch(1)
        self._show_folder(None)

    def show_running(self, session: Path | None) -> None:
        """A run has begun."""
        self._show_folder(None)
        self.show_remembered(0)
        self.state.setText(f"Running; written to {session.name}." if session is not None else "Running; nothing is written.")
        for value in self._values.values():
            value.setText("–")

    def show_totals(self, totals: LiveTotals, right: float | None) -> None:
        """The figures so far, or at the end; `right` is the share of places that are right, where the truth is known."""
        told = {
            "time": f"{totals.seconds:.1f} s",
            "places": str(totals.places),
            "lost": _share(totals.lost, totals.places),
            "right": "not known" if right is None else f"{100 * right:.0f} % (± 1 place)",
            "skipped": str(totals.skipped),
            "events": count(totals.events),
            "missed": count(totals.missed),
            "latency": "–"
            if totals.latency_ms_p50 is None
            else f"{totals.latency_ms_p50:.1f} ms, {totals.latency_ms_p95 or 0:.1f} ms",
            "synops": "–" if totals.synops_per_place is None else count(totals.synops_per_place),
            "energy": _energy(totals),
            "behind": str(totals.behind),
        }
        for key, text in told.items():
            if self._values[key].text() != text:
                self._values[key].setText(text)

    def show_ended(self, session: Path | None, problem: str, places: bool) -> None:
        """The run is over; without a place there is nothing to evaluate."""
        words = f"Ended. Written to output/{session.name}." if session is not None else "Ended; nothing was written."
        self.state.setText(f"{words} {problem}".strip())
        self._show_folder(session)
        self.evaluate.setVisible(session is not None and places)

    def show_remembered(self, places: int) -> None:
        """Offer to save a network that has learned places in the run."""
        self.save.setText(f"Save the network with {places} new place{'s' * (places != 1)}")
        self.save.setEnabled(True)
        self.save.setVisible(places > 0)

    def _show_folder(self, folder: Path | None) -> None:
        self.folder = folder
        self.evaluate.setVisible(folder is not None)
        self.open.setVisible(folder is not None)


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.0f} %)" if whole else "–"


def _energy(totals: LiveTotals) -> str:
    if totals.energy_uj_per_place is None:
        return "not known"
    return f"{energy_text(totals.energy_uj_per_place)}, {'measured' if totals.energy_measured else 'estimated'}"


def energy_text(micro_j: float) -> str:
    """An energy for people: 12.3 µJ, 1.23 mJ."""
    return f"{micro_j / 1000:.3g} mJ" if micro_j >= 999.5 else f"{micro_j:.3g} µJ"
