"""Settings of a recording: what, under which names, how long; checked by the engine while they are typed."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.forms import ParameterForm
from app.icons import set_icon
from app.widgets.region_panel import heading
from engine.capture import RecordingParameters

Check = Callable[[dict[str, Any]], Mapping[str, str]]


class RecordPanel(QWidget):
    """The form, the room on the disk, and what was recorded last."""

    edited = Signal()

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.setObjectName("recordPanel")
        self._check, self._recording = check, False
        self.form = ParameterForm(
            RecordingParameters,
            skip=("workspace",),
            groups={
                "Raw events": ("record_events", "events_name", "compression"),
                "Event frames": ("record_frames", "dataset", "camera", "traverse"),
                "How long": ("duration_s",),
            },
            part=True,
            also=self._names,
        )
        self.form.setObjectName("recordForm")
        self.form.edited.connect(self._on_edited)
        self.disk = QLabel()
        self.disk.setObjectName("diskSpace")
        self.disk.setProperty("role", "muted")
        self.disk.setWordWrap(True)
        self.last = QLabel()
        self.last.setObjectName("lastRecording")
        self.last.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(10)
        layout.addWidget(self.form)
        layout.addSpacing(4)
        layout.addWidget(heading("Disk"))
        layout.addWidget(self.disk)
        layout.addWidget(self.last)
        layout.addStretch(1)
        self._show_fields()

    @property
    def parameters(self) -> RecordingParameters | None:
        """What would be recorded; None where the engine has something against it."""
        return self.form.parameters()

    def set_parameters(self, parameters: RecordingParameters) -> None:
        """Show settings."""
        self.form.set_parameters(parameters)
        self._show_fields()

    def show_recording(self, recording: bool) -> None:
        """While something is recorded the settings rest."""
        if recording != self._recording:
            self._recording = recording
            self.form.setEnabled(not recording)
            self.form.check()

    def check(self) -> bool:
        """Ask the engine again: the workspace has changed."""
        return self.form.check()

    def show_disk(self, sentence: str, role: str = "muted") -> None:
        """How much room there is."""
        if self.disk.text() != sentence:
            self.disk.setProperty("role", role)
            self.disk.style().unpolish(self.disk)
            self.disk.style().polish(self.disk)
            self.disk.setText(sentence)

    def show_last(self, sentence: str) -> None:
        """What the last recording wrote."""
        self.last.setText(sentence)

    def take_next_names(self) -> None:
        """Count the names on that the recording just made has taken."""
        values = self.form.values()
        for _ in range(1000):
            found = self._check(values)
            taken = [name for name in ("events_name", "traverse") if name in found and values[name].strip()]
            if not taken:
                break
            for name in taken:
                values[name] = counted_on(values[name])
        self.form.set_values(values)
        self.edited.emit()

    def _names(self, values: dict[str, Any]) -> Mapping[str, str]:
        return {} if self._recording else self._check(values)

    def _on_edited(self) -> None:
        self._show_fields()
        self.edited.emit()

    def _show_fields(self) -> None:
        values = self.form.values()
        for name in ("events_name", "compression"):
            self.form.editor(name).setEnabled(bool(values["record_events"]))
        for name in ("dataset", "camera", "traverse"):
            self.form.editor(name).setEnabled(bool(values["record_frames"]))


class RecordButton(QWidget):
    """The button in the panel's header, with elapsed time, size and rate while something is recorded."""

    startRequested = Signal()
    stopRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("recordButton")
        self.figures = QLabel()
        self.figures.setObjectName("recordFigures")
        self.figures.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self.button = QPushButton("Record")
        self.button.setObjectName("record")
        self.button.clicked.connect(self._on_clicked)
        self._recording = False
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        line.addWidget(self.figures)
        line.addWidget(self.button)
        set_icon(self.button, "record")
        self.show_idle(False, "")

    def show_idle(self, possible: bool, why_not: str) -> None:
        """Nothing is recorded; why_not says why nothing can be."""
        if self._recording:
            self._set_recording(False)
        self.button.setEnabled(possible)
        self.button.setToolTip("Record what the Record tab says (Ctrl+Shift+R)" if possible else why_not)

    def show_recording(self, figures: str) -> None:
        """Something is recorded."""
        if not self._recording:
            self._set_recording(True)
        self.button.setEnabled(True)
        if figures != self.figures.text():
            self.figures.setText(figures)

    @property
    def recording(self) -> bool:
        """Whether it shows a recording."""
        return self._recording

    def _set_recording(self, recording: bool) -> None:
        self._recording = recording
        self.button.setProperty("role", "record" if recording else "")
        self.button.style().unpolish(self.button)
        self.button.style().polish(self.button)
        self.button.setText("Stop recording" if recording else " Record")
        if recording:  # an icon in the colour of text would be dark on red
            self.button.setProperty("iconName", None)
            self.button.setIcon(QIcon())
        else:
            set_icon(self.button, "record")
        self.button.setToolTip("Finish the recording (Ctrl+Shift+R)")
        if not recording:
            self.figures.clear()

    def _on_clicked(self) -> None:
        (self.stopRequested if self._recording else self.startRequested).emit()


def counted_on(name: str) -> str:
    """The next name: "walk" becomes "walk-2", "walk-2" becomes "walk-3"."""
    stem, dash, number = name.rpartition("-")
    if dash and number.isascii() and number.isdigit() and len(number) < 9:
        return f"{stem}-{int(number) + 1}"
    return f"{name}-2"


def size_text(length: float) -> str:
    """Bytes for people: 950 B, 12.3 kB, 4.56 MB."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if length >= limit:
            return f"{length / limit:.3g} {unit}" if length / limit < 1000 else f"{length / limit:.0f} {unit}"
    return f"{length:.0f} B"
